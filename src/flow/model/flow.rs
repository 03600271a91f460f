//! Flows and their steps: when a step runs, how often, what must hold and what its failure means.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::diag::Span;
use crate::hooks::Value;

use super::{Action, Expr, Leaf, Retry, Send, Slot, Template, UnitId};

/// A list of steps with a name.
#[derive(Debug)]
pub struct Flow {
    /// Its name; the main flow has the file's.
    pub name: String,
    /// Where it is defined.
    pub span: Span,
    /// The file whose vars and hooks it sees.
    pub unit: UnitId,
    /// What a caller passes.
    pub params: Vec<Param>,
    /// What a caller gets: name and slot.
    pub returns: Vec<(Arc<str>, Slot)>,
    /// One attempt of the whole flow.
    pub timeout: Option<Duration>,
    /// The whole flow, again.
    pub retry: Retry,
    /// What it does.
    pub steps: Vec<Step>,
    /// When it failed for good.
    pub on_error: OnError,
    /// After it, passed or not.
    pub always: Vec<Step>,
    /// The names of its frame, by slot.
    pub names: Vec<Arc<str>>,
}

/// A parameter of a flow.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its place in the frame.
    pub slot: Slot,
    /// Taken when the caller passes nothing.
    pub default: Option<Value>,
}

/// One item of a flow.
#[derive(Debug)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// `name`, or the action's own text.
    pub title: Template,
    /// Whether its author gave it a name.
    pub named: bool,
    /// What a person should do when it fails.
    pub hint: Option<Template>,
    /// Evaluated once, before everything.
    pub when: Option<Expr>,
    /// Run instead, when `when` was false.
    pub otherwise: Vec<Step>,
    /// The probe that says "already so".
    pub unless: Option<Box<Probe>>,
    /// One attempt.
    pub timeout: Option<Duration>,
    /// Must begin this soon after an earlier sibling.
    pub within: Option<Within>,
    /// How often it is tried.
    pub retry: Retry,
    /// What it does.
    pub action: Action,
    /// In order; each sees the earlier ones.
    pub set: Vec<Assignment>,
    /// What must hold.
    pub check: Vec<Check>,
    /// Shown when it passed.
    pub log: Option<Template>,
    /// What its failure means.
    pub on_error: OnError,
    /// After it, if its action was begun.
    pub always: Vec<Step>,
    /// The names that it, or anything inside it, may set.
    pub defines: Vec<Slot>,
    /// The names that its `on_error` steps may set.
    pub recovers: Vec<Slot>,
}

/// `unless`: a question whose good answer makes the step unnecessary.
#[derive(Debug)]
pub struct Probe {
    /// Where it stands.
    pub span: Span,
    /// The question.
    pub send: Send,
    /// One attempt.
    pub timeout: Option<Duration>,
    /// What else must hold.
    pub check: Vec<Check>,
}

/// `within: 5s of open TCP`.
#[derive(Clone, Debug)]
pub struct Within {
    /// At most this long after it passed.
    pub limit: Duration,
    /// Index of the earlier sibling in the same list.
    pub sibling: usize,
    /// Its name, for messages.
    pub name: String,
}

/// `NAME: expression` under `set`.
#[derive(Debug)]
pub struct Assignment {
    /// Where it goes.
    pub target: Target,
    /// What goes there.
    pub value: Leaf,
}

/// Where `set` puts a value.
#[derive(Clone, Debug)]
pub enum Target {
    /// A name of the running flow.
    Slot(Slot),
    /// A value of the station's `state`, by its index.
    State(usize),
}

/// A condition, or a measurement with limits.
#[derive(Debug)]
pub struct Check {
    /// The measurement's name; `None` for a plain condition.
    pub name: Option<Arc<str>>,
    /// The condition, or the measured value.
    pub value: Expr,
    /// Smallest good value.
    pub min: Option<Leaf>,
    /// Largest good value.
    pub max: Option<Leaf>,
    /// For people.
    pub unit: Option<String>,
}

/// What a failure for good means for the list it stands in.
#[derive(Debug, Default)]
pub enum OnError {
    /// The list fails at once.
    #[default]
    Fail,
    /// It counts as passed.
    Ignore,
    /// The rest of the list runs, then the list fails with this error.
    Continue,
    /// Recovered, if these pass.
    Steps(Vec<Step>),
}
