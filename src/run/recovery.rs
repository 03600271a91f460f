//! After a failure: `on_error` and `always`, and what stays visible of a step that failed.

use crate::flow::model::{ERROR, OnError, Slot, Step};
use crate::hooks::Value;
use crate::link::Mono;

use super::failure::Failure;
use super::frame::Frame;
use super::telling::error_value;
use super::{Halt, Run};

impl Run {
    /// Runs `on_error`. `true`: the failure is forgiven.
    pub(super) fn on_error(
        &mut self,
        rule: &OnError,
        failure: &Failure,
        frame: &mut Frame,
    ) -> Result<bool, Halt> {
        match rule {
            OnError::Steps(steps) if !failure.is_interrupt() && !failure.is_fatal() => {
                let saved = frame.swap(ERROR, error_value(failure));
                self.depth += 1;
                let outcome = self.list(steps, 0, frame, Mono::FAR);
                self.depth -= 1;
                frame.put(ERROR, saved);
                outcome.map(|()| true)
            }
            OnError::Ignore => Ok(!failure.is_fatal()),
            _ => Ok(false),
        }
    }

    /// Runs `always`, passed or not. Its own failure counts only when nothing failed before.
    pub(super) fn clean_up(
        &mut self,
        always: &[Step],
        failure: Option<&Failure>,
        frame: &mut Frame,
    ) -> Result<(), Halt> {
        if always.is_empty() {
            return Ok(());
        }
        let error = failure.map_or(Value::UNIT, error_value);
        let saved = frame.swap(ERROR, error);
        let result_before = self.result_before;
        self.depth += 1;
        self.session.cleaning(true);
        let outcome = self.list(always, 0, frame, Mono::FAR);
        self.session.cleaning(false);
        self.depth -= 1;
        self.result_before = result_before;
        frame.put(ERROR, saved);
        if failure.is_some() { Ok(()) } else { outcome }
    }
}

/// An old reading is never passed off as a new one: the names of a step that failed and was forgiven
/// are `()`, but for those that its `on_error` steps set.
pub(super) fn forget_readings(step: &Step, frame: &mut Frame) {
    let set_by_recovery: &[Slot] = match &step.on_error {
        OnError::Steps(_) => &step.recovers,
        _ => &[],
    };
    for slot in &step.defines {
        if !set_by_recovery.contains(slot) {
            frame.set(*slot, Value::UNIT);
        }
    }
}

/// What leaves a step whose `on_error` steps failed too: its own error, which those around it know how to
/// take, unless the second one ends everything.
pub(super) fn not_recovered(failure: Failure, second: Halt) -> Halt {
    match second {
        Halt::Failed(second) if !second.is_fatal() => {
            let step = second.path.last().map_or("", String::as_str);
            let note = format!("its `on_error` failed too, at `{step}`: {}", second.message);
            Halt::Failed(failure.help(note))
        }
        halt => halt,
    }
}
