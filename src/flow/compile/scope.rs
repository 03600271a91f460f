//! The names that an expression of a flow can see at its place, found without running anything: a name that
//! no earlier step, capture, param or var defines is an error where it is read.

use std::sync::Arc;

use crate::flow::model::{ATTEMPT, ERROR, Origin, Slot, UnitId};

/// The name of a station's kept values.
pub(super) const STATE: &str = "state";

/// What a station's link subscribes to.
const SUBSCRIPTIONS: &str = "subscriptions";
/// Whether the next session with the broker must begin without what the broker remembers.
const CLEAN_SESSION: &str = "clean_session";
/// Names that every expression sees and nobody sets.
const BUILT_IN: [&str; 2] = [SUBSCRIPTIONS, CLEAN_SESSION];

/// The names of one flow while it is compiled.
pub(super) struct Scope {
    /// The file whose vars are seen.
    pub unit: UnitId,
    names: Vec<Arc<str>>,
    visible: Vec<Slot>,
    vars: Vec<Arc<str>>,
    /// Whether the program is a station's: then `state` is seen.
    has_state: bool,
    /// The file that the running frame belongs to.
    frame: UnitId,
    /// Whether a retried step or flow is around: then `attempt` is seen.
    pub in_retry: bool,
    /// Whether this is inside `on_error` or `always`: then `error` is seen.
    pub in_recovery: bool,
    defined: Vec<Slot>,
}

/// What was seen before a part of its own began.
pub(super) struct Aside {
    visible: Vec<Slot>,
    defined: Vec<Slot>,
}

/// Why a name cannot be defined.
pub(super) enum Clash {
    /// A var of the file has it.
    Var,
    /// The engine sets it itself.
    Engine,
}

impl Scope {
    pub fn new(unit: UnitId, vars: Vec<Arc<str>>, has_state: bool) -> Self {
        Self {
            has_state,
            frame: unit,
            unit,
            names: vec!["attempt".into(), "error".into()],
            visible: Vec::new(),
            vars,
            in_retry: false,
            in_recovery: false,
            defined: Vec::new(),
        }
    }

    /// The same in a frame that belongs to this file.
    pub fn in_frame_of(self, frame: UnitId) -> Self {
        Self { frame, ..self }
    }

    /// Every name an expression may use here.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> =
            self.visible.iter().map(|slot| Arc::clone(&self.names[slot.0])).collect();
        names.extend(self.vars.iter().cloned());
        if self.in_retry {
            names.push("attempt".into());
        }
        if self.in_recovery {
            names.push("error".into());
        }
        names.extend(BUILT_IN.map(Arc::from));
        if self.has_state {
            names.push(STATE.into());
        }
        names
    }

    /// Where the value of a visible name is. What a step set hides a param, which hides a var.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        if name == "attempt" && self.in_retry {
            return Some(Origin::Slot(ATTEMPT));
        }
        if name == "error" && self.in_recovery {
            return Some(Origin::Slot(ERROR));
        }
        if let Some(slot) = self.visible.iter().find(|slot| &*self.names[slot.0] == name) {
            return Some(Origin::Slot(*slot));
        }
        if let Some(index) = self.vars.iter().position(|var| &**var == name) {
            return Some(if self.unit == self.frame {
                Origin::Var(index)
            } else {
                Origin::VarOf(self.unit, index)
            });
        }
        match name {
            SUBSCRIPTIONS => Some(Origin::Subscriptions),
            CLEAN_SESSION => Some(Origin::CleanSession),
            STATE if self.has_state => Some(Origin::State),
            _ => None,
        }
    }

    /// Makes a param; it may hide a var.
    pub fn param(&mut self, name: &Arc<str>) -> Slot {
        let slot = self.slot(name);
        self.show(slot);
        slot
    }

    /// Makes a name that a step captures or sets.
    pub fn define(&mut self, name: &Arc<str>) -> Result<Slot, Clash> {
        if matches!(&**name, "attempt" | "error") || BUILT_IN.contains(&&**name) {
            return Err(Clash::Engine);
        }
        let known = self.visible.iter().any(|slot| self.names[slot.0] == *name);
        if !known && self.vars.contains(name) {
            return Err(Clash::Var);
        }
        let slot = self.slot(name);
        self.show(slot);
        if !self.defined.contains(&slot) {
            self.defined.push(slot);
        }
        Ok(slot)
    }

    /// The slot of a visible name, if it has one.
    pub fn visible_slot(&self, name: &str) -> Option<Slot> {
        self.visible.iter().copied().find(|slot| &*self.names[slot.0] == name)
    }

    fn slot(&mut self, name: &Arc<str>) -> Slot {
        if let Some(index) = self.names.iter().skip(2).position(|known| known == name) {
            Slot(index + 2)
        } else {
            self.names.push(Arc::clone(name));
            Slot(self.names.len() - 1)
        }
    }

    fn show(&mut self, slot: Slot) {
        if !self.visible.contains(&slot) {
            self.visible.push(slot);
        }
    }

    /// Makes a name invisible again: a loop name behind its loop.
    pub fn hide(&mut self, slot: Slot) {
        self.visible.retain(|seen| *seen != slot);
    }

    /// The names that can be seen now, to compare with later.
    pub fn seen(&self) -> Vec<Slot> {
        self.visible.clone()
    }

    /// Begins to gather what a step defines; gives back what was gathered so far.
    pub fn gather(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.defined)
    }

    /// Ends the gathering: what was defined since, while the step around it goes on gathering.
    pub fn gathered(&mut self, before: Vec<Slot>) -> Vec<Slot> {
        let inner = std::mem::replace(&mut self.defined, before);
        for slot in &inner {
            if !self.defined.contains(slot) {
                self.defined.push(*slot);
            }
        }
        inner
    }

    /// Begins a part whose names are seen by nobody else.
    pub fn step_aside(&self) -> Aside {
        Aside { visible: self.visible.clone(), defined: self.defined.clone() }
    }

    /// Ends that part.
    pub fn step_back(&mut self, aside: Aside) {
        self.visible = aside.visible;
        self.defined = aside.defined;
    }

    /// The names by slot, for the running frame.
    pub fn into_names(self) -> Vec<Arc<str>> {
        self.names
    }
}
