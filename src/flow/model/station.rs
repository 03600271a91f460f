//! What makes a file a station: schedules, commands from the cloud, events, the link and the outbox, all
//! checked. Whatever is run is a flow of the program like any other; whatever is only worked out is a
//! [`Computation`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::diag::Span;
use crate::flow::rule::ValueRule;
use crate::flow::topic::TopicPattern;
use crate::hooks::{Hooks, Value};

use super::{FlowId, Leaf, Retry, Slot, UnitId};

/// A station.
#[derive(Debug)]
pub struct Station {
    /// Values kept on disk, in file order.
    pub state: Vec<StateVar>,
    /// What is run again and again, in file order.
    pub schedules: Vec<Schedule>,
    /// What answers the cloud's commands.
    pub downlink: Option<Downlink>,
    /// What is run when something happens, in file order.
    pub events: Vec<EventRule>,
    /// How it gets online; none on a module without a cloud.
    pub link: Option<LinkPlan>,
    /// How reports wait.
    pub outbox: OutboxPlan,
    /// What the cloud allows.
    pub limits: CloudLimits,
    /// The flows that a handler's `run` and `after` may name: the file's own, those it uses, the cloud's, the
    /// dialect's.
    pub callable: BTreeMap<String, FlowId>,
    /// The MQTT filters of `downlink.topic` and of every `events` message, each once, in file order.
    pub subscriptions: Vec<String>,
}

/// One value of `state`.
#[derive(Clone, Debug)]
pub struct StateVar {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// What it may be.
    pub rule: ValueRule,
    /// What it is before it is set. A duration is its text, such as `60s`.
    pub default: Value,
}

/// Expressions that are worked out together, in a frame of their own, without any step.
#[derive(Debug)]
pub struct Computation {
    /// The file whose vars and hooks they see.
    pub unit: UnitId,
    /// How many names the frame has.
    pub names: usize,
    /// What is given, by name.
    pub given: Vec<(Arc<str>, Slot)>,
    /// What comes out, in order; each sees what is given, not the earlier ones.
    pub values: Vec<Leaf>,
}

/// A run that has no `timeout` of its own ends after this, at the latest; of an `every`, after its period.
pub const LONGEST_RUN: Duration = Duration::from_mins(10);

/// One entry of `schedule`.
#[derive(Debug)]
pub struct Schedule {
    /// Its name; its due times are kept under it.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// When it is due.
    pub when: When,
    /// Whether it is also due when the station starts.
    pub at_start: bool,
    /// It is moved by at most this, always the same for one station.
    pub jitter: Duration,
    /// What becomes of due times that passed while the station was away or busy.
    pub missed: Missed,
    /// Due again while it waits or runs.
    pub overlap: Overlap,
    /// What is run; it has the entry's `timeout`.
    pub flow: FlowId,
}

/// When a schedule is due.
#[derive(Debug)]
pub enum When {
    /// From due time to due time.
    Every(Duration),
    /// The same, read anew whenever a value of `state` changes: one value, the text of a duration.
    EveryOf(Computation),
    /// By wall time.
    Cron(CronRule),
}

/// `cron` with its zone; the pattern has been checked.
#[derive(Clone, Debug)]
pub struct CronRule {
    /// Five or six fields.
    pub pattern: String,
    /// An IANA name.
    pub zone: String,
}

/// What becomes of due times that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// They are gone.
    Skip,
    /// One run stands for all of them.
    Once,
}

impl Missed {
    /// As the file writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
        }
    }
}

/// What happens when something is due while it still waits or runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is dropped and counted.
    Skip,
    /// A schedule: one more run waits. An event: each waits.
    Queue,
}

/// `downlink`.
#[derive(Debug)]
pub struct Downlink {
    /// Where it stands.
    pub span: Span,
    /// Where commands come.
    pub topic: TopicPattern,
    /// Given `topic`, `payload`, `body` and the topic's holes; gives key, method, params and, if the cloud
    /// says it, when the command was sent (milliseconds since 1970, else `()`).
    pub read: Computation,
    /// Whether a key may come again for another command.
    pub ids: Ids,
    /// Given the same names and `key`, `method`, `params`, `result`; gives topic and content.
    pub reply: Option<Computation>,
    /// The handlers' functions.
    pub handlers: Hooks,
    /// The flows that they name literally.
    pub runs: Vec<FlowId>,
    /// What can be called, by name.
    pub methods: BTreeMap<String, Method>,
    /// An older command is answered and not run.
    pub expire: Duration,
    /// The only commands that `at(…)` may send, as keys of the command table; `None`: any harmless one.
    pub at: Option<Vec<String>>,
}

/// Whether a command's key tells it from all others for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// It does.
    Unique,
    /// The same key and payload within a minute is a repeat; later it is a new command.
    Reused,
}

/// Something the cloud can call.
#[derive(Debug)]
pub struct Method {
    /// What it takes; anything else is refused.
    pub params: BTreeMap<Arc<str>, ParamRule>,
    /// Whether its handler may send commands that restart the module or are sent only once.
    pub dangerous: bool,
    /// Whether its function takes a second argument, the command's own data.
    pub takes_context: bool,
}

/// One param of a method.
#[derive(Clone, Debug)]
pub struct ParamRule {
    /// What it may be.
    pub rule: ValueRule,
    /// If it is not there; `None`: it must be. `()` is for one that may be left out.
    pub default: Option<Value>,
}

/// One entry of `events`.
#[derive(Debug)]
pub struct EventRule {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// What starts it.
    pub cause: Cause,
    /// Given the same names as the flow; one value, true or false.
    pub when: Option<Computation>,
    /// It happens again while a run waits.
    pub overlap: Overlap,
    /// What is run. Its params are what the cause captures.
    pub flow: FlowId,
}

impl EventRule {
    /// The topic of the messages that start it.
    pub fn topic(&self) -> Option<&TopicPattern> {
        match &self.cause {
            Cause::Message(topic) => Some(topic),
            _ => None,
        }
    }
}

/// What starts an event's run.
#[derive(Debug)]
pub enum Cause {
    /// A line from the module; its holes are the flow's params.
    Urc(Pattern),
    /// A message: `topic`, `payload`, `body` and the topic's holes are the flow's params.
    Message(TopicPattern),
    /// The link came up.
    LinkUp,
    /// The link is lost.
    LinkLost,
}

/// `link`.
#[derive(Debug)]
pub struct LinkPlan {
    /// Where it stands.
    pub span: Span,
    /// Bottom to top; at least one.
    pub up: Vec<Level>,
    /// Whether the link still holds: a flow that returns `online`, and how often it is asked.
    pub check: Option<LinkCheck>,
    /// Run when the process ends.
    pub down: Option<FlowId>,
    /// What is tried when climbing does not help, mildest first.
    pub reset: Vec<Rung>,
}

/// One step of `link.up`.
#[derive(Debug)]
pub struct Level {
    /// Its name, or the flow's.
    pub name: Arc<str>,
    /// What is run; without params of its own.
    pub flow: FlowId,
    /// How often it is tried before the level below is. Its attempts are runs of their own, so that other
    /// work is done in the pauses.
    pub retry: Retry,
}

/// `link.check`.
#[derive(Debug)]
pub struct LinkCheck {
    /// A flow that returns `online`.
    pub flow: FlowId,
    /// From start to start.
    pub every: Duration,
}

/// One entry of `link.reset`.
#[derive(Debug)]
pub struct Rung {
    /// The flow's name.
    pub name: Arc<str>,
    /// What is run.
    pub flow: FlowId,
    /// At most so often …
    pub at_most: u32,
    /// … in this time.
    pub per: Duration,
}

/// `outbox`.
#[derive(Clone, Debug)]
pub struct OutboxPlan {
    /// How long a report is kept.
    pub keep: Duration,
    /// Most reports.
    pub max_rows: u64,
    /// Most bytes of all payloads together.
    pub max_bytes: u64,
    /// Which goes when it is full.
    pub drop: Drop,
    /// Quality of service of what says none: replies, and `publish` without `qos`.
    pub qos: u8,
    /// Whether a report that is a JSON object gets a `report_id`, so that a repeat can be told.
    pub report_id: bool,
    /// The name under which a report that is a JSON object says when it was made; `None`: it does not.
    pub time_field: Option<String>,
    /// Bytes a day over the network after which a warning is given.
    pub bytes_per_day: Option<u64>,
}

/// Which report goes when the outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// The oldest.
    Oldest,
    /// The new one.
    Newest,
}

/// `limits` of a cloud file.
#[derive(Clone, Debug)]
pub struct CloudLimits {
    /// No schedule may publish more often.
    pub report_every: Option<Duration>,
    /// Between any two publishes.
    pub gap: Duration,
    /// Between two reports that waited for the link.
    pub drain_every: Duration,
    /// All schedules together may publish more often than `report_every`; `check` warns about it.
    pub exceeded: bool,
}
