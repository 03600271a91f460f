//! What happened in a conversation by hand, in order: what a recorded flow is made from.

use crate::at::dialect::Prompt;
use crate::at::sorter::Class;
use crate::link::Mono;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum Happened {
    /// A command line was sent.
    Command(Sent),
    /// A line came that nobody had asked for.
    Unasked {
        /// When.
        at: Mono,
        /// What the dialect says it is.
        class: Class,
        /// The line.
        text: String,
    },
    /// `:wait`
    Wait {
        /// The pattern.
        pattern: String,
        /// When the line was there; `None` if it did not come.
        came: Option<Mono>,
    },
    /// `:note`
    Note(String),
}

/// A command line and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct Sent {
    /// As it was typed: secrets are `${NAME}`.
    pub typed: String,
    /// When it left.
    pub began: Mono,
    /// When it was over.
    pub ended: Mono,
    /// The lines of its answer, without echo and results.
    pub answer: Vec<String>,
    /// The data that followed its prompt.
    pub data: Option<Data>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a command line ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Outcome {
    /// Well, and everything owed came.
    Good,
    /// The module said no: the line, numbers explained.
    Refused(String),
    /// Not all of what was owed came in time.
    Silent,
    /// Whoever typed lost patience, or threw the data away.
    Abandoned,
}

/// Data that followed a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Data {
    /// As it was typed.
    pub text: String,
    /// What had asked for it.
    pub prompt: Prompt,
    /// Ended by Ctrl-Z, not by its length.
    pub ctrl_z: bool,
}
