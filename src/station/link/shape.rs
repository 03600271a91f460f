//! What the machine is told and what it answers.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::model::station::LinkPlan;
use crate::flow::model::{FlowId, Retry};
use crate::link::Mono;
use crate::run::failure::Failure;

use super::ladder::Uses;

/// A link as far as the machine has to know it.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// `link.up`, bottom to top. None: it is online whenever nothing stands against it.
    pub levels: Vec<LevelShape>,
    /// `link.reset`, mildest first.
    pub rungs: Vec<RungShape>,
    /// How often `link.check` is asked; `None`: there is none.
    pub check_every: Option<Duration>,
}

/// A level of `link.up`.
#[derive(Clone, Debug)]
pub struct LevelShape {
    /// As events name it.
    pub name: Arc<str>,
    /// Its attempts. Nothing written is three, 10 s to a minute apart.
    pub retry: Retry,
}

/// An entry of `link.reset`.
#[derive(Clone, Debug)]
pub struct RungShape {
    /// As events name it; its uses are kept under it.
    pub name: Arc<str>,
    /// At most so often …
    pub at_most: u32,
    /// … in this time.
    pub per: Duration,
    /// Whether it sends anything to the module. One that only moves the port's lines can be used when the
    /// module is silent or may not be spoken to.
    pub needs_module: bool,
}

impl Shape {
    /// Of a plan; `needs_module` says whether a flow sends anything.
    pub fn of(plan: &LinkPlan, needs_module: impl Fn(FlowId) -> bool) -> Self {
        let levels = plan.up.iter();
        let levels = levels.map(|level| LevelShape { name: level.name.clone(), retry: level.retry.clone() });
        let rungs = plan.reset.iter().map(|rung| RungShape {
            name: rung.name.clone(),
            at_most: rung.at_most,
            per: rung.per,
            needs_module: needs_module(rung.flow),
        });
        Self {
            levels: levels.collect(),
            rungs: rungs.collect(),
            check_every: plan.check.as_ref().map(|check| check.every),
        }
    }
}

/// What is known of earlier processes.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// As it was stored.
    pub uses: Uses,
    /// How long ago that was, by a clock that can be trusted; zero where none can. Then rungs wait longer
    /// than they had to, never less.
    pub away: Duration,
    /// The last process did not end as it should: the first session is opened clean.
    pub unclean: bool,
    /// It ended in the middle of a publish, or of other data: the module may take what it hears next for the payload, and is
    /// left in silence until it has given that up.
    pub publishing: bool,
}

/// What the machine wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Nothing before this time, or until a fact is told.
    Nothing {
        /// Later than now.
        until: Option<Mono>,
    },
    /// The port is to be looked for, for as long as nothing else is due.
    FindPort,
    /// A run of its own.
    Do(Job),
}

/// A run for the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// A level of `link.up`, one attempt.
    Climb {
        /// Which, from the bottom.
        level: usize,
        /// Nothing that the broker kept of the old session may be taken over. Only of the top.
        clean: bool,
    },
    /// An entry of `link.reset`.
    Rung {
        /// Which, from the mildest.
        index: usize,
    },
    /// `link.check`.
    Check,
}

/// How a run for the link ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It passed.
    Passed {
        /// What the check returned, if it returned anything.
        online: Option<bool>,
    },
    /// It failed.
    Failed(Trouble),
}

impl Outcome {
    /// Passed, and not with "offline".
    pub(super) fn is_good(&self) -> bool {
        matches!(self, Self::Passed { online: Some(true) | None })
    }
}

/// What is told of a failure.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Of the failure.
    pub code: Code,
    /// What `only` and `never` compare.
    pub name: String,
    /// The name without its number.
    pub family: String,
    /// The number, if it has one.
    pub number: Option<i64>,
    /// One line for people, masked.
    pub message: String,
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code,
            name: failure.name.clone(),
            family: failure.family.clone(),
            number: failure.number,
            message: failure.message.clone(),
        }
    }
}

impl Trouble {
    pub(super) fn is(&self, family: &str) -> bool {
        self.family == family
    }

    /// It lies in the station's own files: nothing that is done to the module heals it.
    pub(super) fn is_ours(&self) -> bool {
        self.is("hook") || self.is("refused")
    }
}

/// Something that was heard.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A line that says that the session or its bearer is gone. Counts while online.
    Closed,
    /// The module restarted. Each of its boot lines may be told.
    Reboot {
        /// The line, or what else told it.
        evidence: String,
        /// A command of ours made it within the last minute.
        expected: bool,
    },
    /// The port vanished.
    PortGone {
        /// What the system said.
        what: String,
        /// As with a restart: many modules take their port with them.
        expected: bool,
    },
    /// The port is open again.
    PortFound,
    /// The module may be swallowing everything as data.
    Stuck,
    /// It listens again.
    Unstuck,
    /// The module did not answer, and not `AT` either.
    Silent,
    /// A publish was accepted.
    PublishOk {
        /// By the broker, not by the module alone.
        acknowledged: bool,
    },
    /// A publish failed.
    PublishFailed(PublishFault),
    /// A message came: the session lives.
    Downlink,
    /// Something came that cannot be understood: whether the session stands is to be looked at.
    Doubt,
    /// Any line came that nobody had asked for.
    SignOfLife,
}

/// Why a publish failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishFault {
    /// For a reason that lies in the link: `timeout`, `closed`, `cme 3`, `cme 767`.
    Transport,
    /// It was sent, and the broker's acknowledgement did not come.
    PubackMissing,
    /// For a reason that lies in the message, as far as the module says.
    Refused,
}
