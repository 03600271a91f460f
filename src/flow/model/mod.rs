//! The checked program: what `compile` makes of the YAML, and what `run` executes. After loading there is
//! nothing left to interpret: patterns and expressions are compiled, names are slots, durations are
//! durations, and everything keeps its place in the source for the day it fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::at::dialect::Dialect;
use crate::hooks::Hooks;

use super::diag::FileId;

mod action;
mod flow;
mod retry;
pub mod station;
mod value;
mod vars;

pub use action::{Action, Ask, Await, Call, Each, Payload, PortStep, Publish, Receive, Send, Unsupported};
pub use flow::{Assignment, Check, Flow, OnError, Param, Probe, Step, Target, Within};
pub use retry::{ErrorMatch, Jitter, Pause, Retry};
pub use station::{Computation, Station};
pub use value::{Expr, Input, Leaf, Origin, Piece, Template};
pub use vars::{Var, VarSource};

/// Index of a flow in [`Program::flows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId(pub usize);

/// Index of a file in [`Program::units`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitId(pub usize);

/// Index of a name in the frame of a running flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// The slot of `attempt`, the number of the innermost retried step's attempt, from 1.
pub const ATTEMPT: Slot = Slot(0);
/// The slot of `error`, set inside `on_error` and `always`.
pub const ERROR: Slot = Slot(1);

/// A flow file with all that it imports.
pub struct Program {
    /// The file's `name`, or its file name.
    pub name: String,
    /// The file that was asked for.
    pub main_file: FileId,
    /// The module's dialect.
    pub dialect: Arc<Dialect>,
    /// The files, the main one first.
    pub units: Vec<Unit>,
    /// Every flow of every file.
    pub flows: Vec<Flow>,
    /// The main file's own steps.
    pub main: Option<FlowId>,
    /// What can be named on the command line and by `run:` in the main file.
    pub named: BTreeMap<String, FlowId>,
    /// The contract's flows of the dialect: `wake`, `connect`, `publish`, …
    pub contract: BTreeMap<String, FlowId>,
    /// What makes it a station; `None` for a file whose flows end.
    pub station: Option<Station>,
}

impl Program {
    /// The flow with this id.
    pub fn flow(&self, id: FlowId) -> &Flow {
        &self.flows[id.0]
    }

    /// The file that a flow stands in.
    pub fn unit_of(&self, id: FlowId) -> &Unit {
        &self.units[self.flows[id.0].unit.0]
    }
}

/// One file: its own vars and hooks.
pub struct Unit {
    /// As shown to the user.
    pub path: String,
    /// The file that imported this one; its vars of the same name win.
    pub parent: Option<UnitId>,
    /// In file order.
    pub vars: Vec<Var>,
    /// What its expressions can call.
    pub hooks: Hooks,
}
