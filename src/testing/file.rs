//! What a test file says, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::diag::{Diagnostic, Sources, Span, Spanned};
use crate::flow::duration::DurationRange;
use crate::flow::fields::NumberRange;
use crate::flow::model::Station;
use crate::flow::topic::TopicPattern;
use crate::link::address::ReplayOrder;
use crate::sim::{Entry, Faults, SimSettings};

use super::fate::Mishap;
use super::value::Wanted;

/// Where chance comes from when a file does not say.
pub const SEED: u64 = 724;

/// A test file.
#[derive(Debug)]
pub struct TestFile {
    /// As the user named it.
    pub path: PathBuf,
    /// Its text, so that places in it can be shown.
    pub sources: Sources,
    /// The file that is tested.
    pub flow: PathBuf,
    /// Where that is said.
    pub flow_span: Span,
    /// What the tests run on.
    pub port: Port,
    /// Values for the flow's vars.
    pub vars: BTreeMap<String, String>,
    /// In file order.
    pub tests: Vec<Test>,
    /// In file order.
    pub calls: Vec<CallTest>,
}

/// What a file's tests run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Port {
    /// A simulated module, by its name.
    Sim(String),
    /// What a module once said.
    Recording(Recording),
}

/// A recording as a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The transcript.
    pub path: PathBuf,
    /// As the test wants it; `None`: as it was recorded.
    pub order: Option<ReplayOrder>,
    /// Where the test file names it.
    pub span: Span,
}

impl Port {
    /// As the command line has it.
    pub fn shown(&self) -> String {
        match self {
            Self::Sim(name) => format!("sim:{name}"),
            Self::Recording(Recording { path, order, .. }) => {
                format!("replay:{}{}", path.display(), order.map_or("", ReplayOrder::suffix))
            }
        }
    }
}

/// One test.
#[derive(Debug)]
pub struct Test {
    /// What holds, in words.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// Flows of the file, one after the other; none: the file itself.
    pub run: Vec<Spanned<String>>,
    /// How long it lasts at most.
    pub lasts: Option<Duration>,
    /// Where all its chance comes from.
    pub seed: u64,
    /// Values for the flow's vars and params, over the file's.
    pub vars: BTreeMap<String, String>,
    /// How the module starts.
    pub sim: SimSettings,
    /// What happens to the module and to the machine.
    pub at: Vec<Spanned<Entry>>,
    /// What goes wrong between module and host, and on the disk.
    pub faults: Faults,
    /// When those of a list happen that have a time.
    pub fault_times: Vec<Spanned<Duration>>,
    /// When atflow itself ends and begins again.
    pub mishaps: Vec<Mishap>,
    /// What must be true.
    pub expect: Vec<Expectation>,
    /// What is wrong if it is a station that is tested: what would happen after that was stopped.
    pub behind_the_end: Vec<Diagnostic>,
}

impl Test {
    /// Whether the rules of fuzzing are to hold.
    pub fn wants_rules(&self) -> bool {
        self.expect.iter().any(|expectation| matches!(expectation.subject, Subject::Rules))
    }
}

/// One thing that must be true.
#[derive(Debug)]
pub struct Expectation {
    /// Where it stands: its subject.
    pub span: Span,
    /// What it is about.
    pub subject: Subject,
    /// How often.
    pub count: Option<NumberRange>,
    /// From one to the next.
    pub spacing: Option<DurationRange>,
    /// Only those of this time.
    pub between: Option<DurationRange>,
}

/// What an expectation is about.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Messages that reached the cloud.
    Published {
        /// Their topics.
        topic: TopicPattern,
        /// What their payload holds.
        json: Option<Wanted>,
        /// What their payload is.
        text: Option<String>,
    },
    /// Commands that were answered.
    Replied {
        /// The method.
        method: String,
        /// How; `None`: any way.
        code: Option<String>,
    },
    /// Handlers that began.
    Handled(String),
    /// Command lines, in this order.
    Sent(Vec<Pattern>),
    /// Runs of a schedule, an event or a timer.
    Runs {
        /// Its name.
        name: String,
        /// How many passed.
        passed: Option<NumberRange>,
        /// How many failed.
        failed: Option<NumberRange>,
        /// None of them took longer.
        within: Option<Duration>,
    },
    /// The link came up.
    LinkUp,
    /// The link was lost.
    LinkLost,
    /// Attempts that failed with this error.
    Error(String),
    /// What `log` said.
    Log(Pattern),
    /// Values of `state` at the end.
    State(Wanted),
    /// Messages that wait at the end.
    Outbox(NumberRange),
    /// How a flow ended.
    Verdict {
        /// It passed.
        passed: bool,
        /// What it failed with; `None`: anything.
        error: Option<String>,
    },
    /// What a flow returned.
    Returns(Wanted),
    /// How long a flow took.
    Took(DurationRange),
    /// The report is what this file holds.
    Golden(PathBuf),
    /// The rules of fuzzing hold.
    Rules,
}

impl Subject {
    /// Whether command lines have to be looked at.
    pub fn wants_lines(&self) -> bool {
        matches!(self, Self::Sent(_))
    }

    /// Whether only a station has such a thing.
    pub fn is_of_stations(&self) -> bool {
        matches!(
            self,
            Self::Replied { .. }
                | Self::Handled(_)
                | Self::Runs { .. }
                | Self::LinkUp
                | Self::LinkLost
                | Self::State(_)
                | Self::Outbox(_)
        )
    }

    /// Whether only a flow that ends has such a thing.
    pub fn is_of_flows(&self) -> bool {
        matches!(self, Self::Verdict { .. } | Self::Returns(_) | Self::Took(_))
    }

    /// The name of an error that it is about.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Error(name) | Self::Verdict { error: Some(name), .. } => Some(name),
            _ => None,
        }
    }

    /// A name that the station does not have: of what kind, the name, and those that there are.
    pub fn unknown_name(&self, station: &Station) -> Option<(&'static str, &str, Vec<String>)> {
        let texts = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect::<Vec<_>>();
        let (kind, name, known) = match self {
            Self::Handled(name) => {
                let methods = station.downlink.iter().flat_map(|downlink| downlink.methods.keys());
                ("method", name, texts(&mut methods.map(String::as_str)))
            }
            Self::Runs { name, .. } => {
                let schedules = station.schedules.iter().map(|schedule| &*schedule.name);
                let events = station.events.iter().map(|event| &*event.name);
                let flows = station.callable.keys().map(String::as_str);
                ("schedule, event or flow", name, texts(&mut schedules.chain(events).chain(flows)))
            }
            Self::State(Wanted::Map(entries)) => {
                let known = texts(&mut station.state.iter().map(|var| &*var.name));
                let (name, _) = entries.iter().find(|(name, _)| !known.contains(name))?;
                return Some(("`state`", name, known));
            }
            _ => return None,
        };
        (!known.contains(name)).then_some((kind, name.as_str(), known))
    }

    /// The key that stands for it in the file.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Replied { .. } => "replied",
            Self::Handled(_) => "handled",
            Self::Sent(_) => "sent",
            Self::Runs { .. } => "run",
            Self::LinkUp | Self::LinkLost => "link",
            Self::Error(_) => "error",
            Self::Log(_) => "log",
            Self::State(_) => "state",
            Self::Outbox(_) => "outbox",
            Self::Verdict { .. } => "verdict",
            Self::Returns(_) => "returns",
            Self::Took(_) => "took",
            Self::Golden(_) => "golden",
            Self::Rules => "rules",
        }
    }
}

/// One call of a function.
#[derive(Debug)]
pub struct CallTest {
    /// Where it stands.
    pub span: Span,
    /// The expression.
    pub source: String,
    /// What it gives.
    pub gives: Option<Wanted>,
    /// Words of the error that it fails with.
    pub fails: Option<String>,
    /// What the module answers to a handler.
    pub answers: Vec<(String, String)>,
    /// What the handler asks of the station.
    pub does: Option<Vec<String>>,
}
