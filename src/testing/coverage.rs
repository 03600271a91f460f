//! Which steps and branches of the flows under test were reached by any test.

use crate::flow::diag::Span;
use crate::run::event::{StepEnd, StepOutcome};

/// A way that a step can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// It began.
    Ran,
    /// Its `when` was false.
    Skipped,
    /// Its `unless` probe said that nothing is to be done.
    AlreadySo,
    /// It failed and was tried again.
    Again,
    /// It failed, and `on_error` said that this does not matter, or that the rest still runs.
    Forgiven,
}

/// A place in the files under test, and the way it went.
pub type Touched = (Span, Branch);

impl Branch {
    /// The branch that a step's end shows.
    pub(super) fn of(step: &StepEnd) -> Option<Self> {
        match step.outcome {
            StepOutcome::Skipped => Some(Self::Skipped),
            StepOutcome::AlreadySo => Some(Self::AlreadySo),
            StepOutcome::Ignored(_) | StepOutcome::Noted(_) => Some(Self::Forgiven),
            _ => None,
        }
    }
}
