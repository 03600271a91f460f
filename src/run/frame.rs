//! The names of one running flow, with a journal: what failed leaves nothing behind.

use crate::flow::model::{FlowId, Slot, UnitId};
use crate::hooks::Value;

/// The values of one execution of one flow.
pub(super) struct Frame {
    /// The flow.
    pub flow: FlowId,
    /// The file whose vars it sees.
    pub unit: UnitId,
    values: Vec<Value>,
    journal: Vec<(Slot, Value)>,
    open_attempts: usize,
}

/// A point in a frame's journal that can be gone back to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point(usize);

impl Frame {
    pub fn new(flow: FlowId, unit: UnitId, names: usize) -> Self {
        Self { flow, unit, values: vec![Value::UNIT; names], journal: Vec::new(), open_attempts: 0 }
    }

    pub fn get(&self, slot: Slot) -> &Value {
        &self.values[slot.0]
    }

    /// Sets a name so that a failed attempt can take it back.
    pub fn set(&mut self, slot: Slot, value: Value) {
        let old = std::mem::replace(&mut self.values[slot.0], value);
        self.journal.push((slot, old));
    }

    /// Sets what the engine itself owns (`attempt`, `error`, a loop name): no attempt takes it back.
    pub fn put(&mut self, slot: Slot, value: Value) {
        self.values[slot.0] = value;
    }

    /// The same, giving back what was there.
    pub fn swap(&mut self, slot: Slot, value: Value) -> Value {
        std::mem::replace(&mut self.values[slot.0], value)
    }

    /// An attempt begins: from here on it can be taken back.
    pub fn begin(&mut self) -> Point {
        self.open_attempts += 1;
        Point(self.journal.len())
    }

    /// The attempt passed; when nothing around it can fail any more, the journal is forgotten.
    pub fn keep(&mut self) {
        self.open_attempts -= 1;
        if self.open_attempts == 0 {
            self.journal.clear();
        }
    }

    /// The attempt failed, but what it set is still to be seen by `on_error` and `always`.
    pub fn end(&mut self) {
        self.open_attempts -= 1;
    }

    /// Takes back everything that was set since `point`.
    pub fn undo(&mut self, point: Point) {
        while self.journal.len() > point.0 {
            if let Some((slot, old)) = self.journal.pop() {
                self.values[slot.0] = old;
            }
        }
    }

    /// Takes back what was set between two points, but for names that were set again after `to`.
    pub fn undo_between(&mut self, from: Point, to: Point) {
        let failed: Vec<(Slot, Value)> = self.journal.drain(from.0..to.0.min(self.journal.len())).collect();
        for (slot, old) in failed.into_iter().rev() {
            // Set again since: the value stays, and going back further leads to what was before both.
            match self.journal[from.0..].iter_mut().find(|(later, _)| *later == slot) {
                Some((_, before)) => *before = old,
                None => self.values[slot.0] = old,
            }
        }
    }

    /// The journal's end, as a point.
    pub fn now(&self) -> Point {
        Point(self.journal.len())
    }

    /// The names that were set since `point`, each once, in order.
    pub fn set_since(&self, point: Point) -> Vec<Slot> {
        let mut slots: Vec<Slot> = Vec::new();
        for (slot, _) in &self.journal[point.0.min(self.journal.len())..] {
            if !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Frame::new(FlowId(0), UnitId(0), 3)
    }

    fn int(frame: &Frame, slot: usize) -> Option<i64> {
        frame.get(Slot(slot)).as_int().ok()
    }

    #[test]
    fn what_failed_leaves_nothing_behind() {
        let mut frame = frame();
        frame.set(Slot(0), 1_i64.into());
        let point = frame.begin();
        frame.set(Slot(0), 2_i64.into());
        frame.set(Slot(1), 3_i64.into());
        assert_eq!(frame.set_since(point), [Slot(0), Slot(1)]);
        frame.end();
        frame.undo(point);
        assert_eq!((int(&frame, 0), int(&frame, 1)), (Some(1), None));
    }

    #[test]
    fn going_back_past_a_recovery_leads_to_what_was_before_the_failure() {
        let mut frame = frame();
        frame.set(Slot(0), 1_i64.into());
        let group = frame.begin();
        let from = frame.begin();
        frame.set(Slot(0), 2_i64.into());
        frame.end();
        let to = frame.now();
        frame.set(Slot(0), 3_i64.into());
        frame.undo_between(from, to);
        assert_eq!(int(&frame, 0), Some(3));
        frame.end();
        frame.undo(group);
        assert_eq!(int(&frame, 0), Some(1));
    }

    #[test]
    fn what_on_error_set_stays_when_the_attempt_is_taken_back() {
        let mut frame = frame();
        let from = frame.begin();
        frame.set(Slot(0), 1_i64.into());
        frame.set(Slot(1), 1_i64.into());
        frame.end();
        let to = frame.now();
        frame.set(Slot(1), 2_i64.into());
        frame.undo_between(from, to);
        assert_eq!((int(&frame, 0), int(&frame, 1)), (None, Some(2)));
    }
}
