//! What a run tells whoever watches it. The run decides and never prints; console, JSON lines and tests
//! are observers. Every text in an event has passed the secret mask.

use std::time::Duration;

use crate::flow::diag::Span;
use crate::link::Mono;
use crate::session::{Counted, Heard};

use super::failure::Failure;

/// Something that happened.
pub enum Event<'a> {
    /// The run begins.
    Started {
        /// The flow's name.
        flow: &'a str,
        /// The dialect's name.
        module: &'a str,
        /// The port, as the user wrote it.
        port: &'a str,
    },
    /// A step begins. Groups, loops and calls are steps with steps inside.
    StepStarted(&'a StepStart),
    /// An attempt of a step failed, and the step does not say that this does not matter; told once, by the
    /// innermost step.
    AttemptFailed(&'a Failure),
    /// A step, or a flow with a `retry`, failed and is tried again.
    Retrying {
        /// How deep it stands.
        depth: usize,
        /// Where it stands in the file.
        span: Span,
        /// The step, or the flow.
        title: &'a str,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Why, in one line.
        error: &'a str,
        /// How long until the next one.
        pause: Duration,
    },
    /// A step is over.
    StepFinished(&'a StepEnd),
    /// How far a loop is.
    Progress {
        /// How deep it stands.
        depth: usize,
        /// Rounds done.
        done: usize,
        /// Rounds in all.
        of: usize,
    },
    /// A `log` rider or a hook's `log(…)` says something.
    Log {
        /// How deep the step stands.
        depth: usize,
        /// The text.
        text: &'a str,
    },
    /// The operator is asked; the answer is read from the terminal.
    Question(&'a str),
    /// The session heard or did something.
    Heard(&'a Heard<'a>),
    /// The run is over.
    Finished(&'a Report),
}

/// A step begins.
#[derive(Clone, Debug)]
pub struct StepStart {
    /// How deep it stands: 0 for the flow's own steps.
    pub depth: usize,
    /// Where it stands in the file.
    pub span: Span,
    /// Its name or its action's text.
    pub title: String,
    /// What kind of action.
    pub kind: StepKind,
}

/// What a step does, for the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// One command line.
    Send,
    /// It has steps inside.
    Group,
    /// It only says something.
    Note,
    /// Everything else.
    Other,
}

/// A step is over.
#[derive(Clone, Debug)]
pub struct StepEnd {
    /// How deep it stands.
    pub depth: usize,
    /// Where it stands in the file.
    pub span: Span,
    /// Its name or its action's text.
    pub title: String,
    /// What kind of action.
    pub kind: StepKind,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Attempts made.
    pub attempts: u32,
    /// From its begin to its end, pauses included.
    pub took: Duration,
    /// What it captured or set, in order.
    pub values: Vec<(String, String)>,
    /// The information lines of a command that captured nothing of them.
    pub answer: Vec<String>,
    /// Measurements of `check`.
    pub measured: Vec<Measurement>,
}

/// A measured value with its limits.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// Its name.
    pub name: String,
    /// What was measured, as text.
    pub value: String,
    /// Smallest good value.
    pub min: Option<f64>,
    /// Largest good value.
    pub max: Option<f64>,
    /// For people.
    pub unit: String,
    /// Within its limits.
    pub good: bool,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// It passed.
    Passed,
    /// Its `unless` probe said so before anything was done.
    AlreadySo,
    /// Its `unless` probe said no, and yes after it.
    Changed,
    /// `when` was false.
    Skipped,
    /// It failed with this error, and that does not matter.
    Ignored(String),
    /// It failed with this error, and its `on_error` steps passed.
    Recovered(String),
    /// It failed; the rest of its list runs, then that fails with this error.
    Noted(String),
    /// It failed; this says why.
    Failed(String),
}

/// How a whole run ended.
#[derive(Debug)]
pub struct Report {
    /// The flow's name.
    pub flow: String,
    /// Why it failed; `None` when it passed.
    pub failure: Option<Failure>,
    /// Why it ended early, as passed (`stop`).
    pub stopped: Option<String>,
    /// Steps that passed, were already so, or were ignored.
    pub passed: usize,
    /// Steps that were skipped.
    pub skipped: usize,
    /// Attempts beyond the first.
    pub retries: usize,
    /// Messages published through the contract.
    pub published: usize,
    /// Messages received by steps.
    pub received: usize,
    /// From begin to end, on the run's clock.
    pub took: Duration,
    /// What the flow returns: name and value as JSON.
    pub returns: Vec<(String, serde_json::Value)>,
    /// Why the transcript is not whole. Known once the session is closed: after [`Event::Finished`].
    pub transcript_problem: Option<String>,
}

/// Somebody who watches.
pub trait Observer {
    /// `at` is the run's clock.
    fn event(&mut self, at: Mono, event: &Event<'_>);
    /// The session did something that is only counted; told to everybody.
    fn counted(&mut self, _counted: &Counted<'_>) {}
    /// Whether single steps are worth telling. When not, only failures and the end are told.
    fn wants_steps(&self) -> bool {
        true
    }
    /// Whether single lines are worth telling.
    fn wants_lines(&self) -> bool {
        false
    }
    /// The operator's answer to the last question, if one has been typed; never waits.
    fn answer(&mut self) -> Option<String> {
        None
    }
}
