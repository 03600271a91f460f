//! The rules that hold whatever goes wrong. Each looks at the log of a run and knows nothing of how the station
//! works inside.

mod bounded;
mod calendar;
mod commands;
mod data;
mod downlinks;
mod drained;
mod durable;
mod fair;
mod flight;
mod injection;
mod ladder;
mod liveness;
mod order;
mod outbox;
mod pair;
mod queues;
mod rate;
mod schedules;
mod units;
mod whole;

#[cfg(test)]
pub(super) mod doctored;
#[cfg(test)]
pub(super) use calendar::dated;

use crate::link::Mono;

use super::log::Log;

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's number.
    pub rule: &'static str,
    /// When it was broken.
    pub at: Mono,
    /// How.
    pub what: String,
}

impl Violation {
    fn new(rule: &'static str, at: Mono, what: impl Into<String>) -> Self {
        Self { rule, at, what: what.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {:.6}s: {}", self.rule, super::log::seconds(self.at), self.what)
    }
}

/// A rule: its number, what it says, what it looks at, whether it is about flows that end, too, and its check.
pub struct Rule {
    /// Its number.
    pub id: &'static str,
    /// What holds.
    pub says: &'static str,
    /// What is compared to see it.
    pub looks_at: &'static str,
    /// It holds for flows that end, too.
    pub of_flows: bool,
    check: Check,
}

type Check = fn(&Log) -> Option<Violation>;

/// A rule about stations.
const fn station(id: &'static str, says: &'static str, looks_at: &'static str, check: Check) -> Rule {
    Rule { id, says, looks_at, of_flows: false, check }
}

/// A rule about stations, and about flows that end.
const fn any(id: &'static str, says: &'static str, looks_at: &'static str, check: Check) -> Rule {
    Rule { id, says, looks_at, of_flows: true, check }
}

/// All rules that are checked.
pub const RULES: [Rule; 22] = [
    any("S1", "the program never gives up", "a panic, or a run that cannot begin", no_panic),
    any(
        "S2",
        "one command line is under way at a time",
        "the line: what stands between two command lines",
        flight::check,
    ),
    any("S3", "no command line is sent as data", "the line, and whether the module wanted data", data::check),
    any(
        "S4",
        "nothing is sent between connection and login",
        "the line: the connection, the login, the time between them",
        pair::check,
    ),
    station(
        "S5",
        "nothing is done before it is durable",
        "what was queued, published and started against what the disk had by then",
        durable::check,
    ),
    station(
        "S6",
        "no message is lost",
        "each message on the disk: with the cloud, still waiting, or said to be given up",
        outbox::check,
    ),
    station(
        "S7",
        "reports arrive in order",
        "the order in which the cloud first sees the reports of a topic",
        order::check,
    ),
    station(
        "S8",
        "messages arrive whole",
        "each message at the cloud against those on the disk",
        whole::check,
    ),
    station(
        "S9",
        "a command begins at most once",
        "how often each command was started, over all processes",
        commands::once,
    ),
    station(
        "S10",
        "each command is answered exactly once",
        "how often each recorded command ended on the disk",
        commands::answered,
    ),
    station(
        "S11",
        "a command that failed leaves nothing",
        "how commands ended on the disk, and what each left there",
        commands::effects,
    ),
    station(
        "S12",
        "every run ends in its time",
        "how long each run took while the machine was awake",
        bounded::check,
    ),
    station(
        "S13",
        "what is due begins before what is due later",
        "what held the line while something waited, and for how long",
        fair::check,
    ),
    station(
        "S14",
        "schedules and reports keep their distance",
        "the times between two runs of a schedule, and between two reports that went at once, over all processes; and that each due time is run, skipped or missed",
        |log| schedules::check(log).or_else(|| rate::check(log)),
    ),
    station(
        "S15",
        "the module is not reset too often",
        "how often each rung of the recovery was used in its time, and what the check had said before it",
        ladder::check,
    ),
    any(
        "S16",
        "no secret is shown",
        "secrets, plain and in all shapes that a line, JSON, an address or base64 gives them, in the transcript and all that is told",
        secrets,
    ),
    station(
        "S17",
        "no message from the cloud is swallowed",
        "messages that reached the module against what the station said of each",
        downlinks::check,
    ),
    any(
        "S18",
        "what the cloud says never becomes a command line",
        "the line: words that were only planted in messages, and what no step said that it sends",
        injection::check,
    ),
    station(
        "S19",
        "nothing that waits grows without end",
        "the lengths of all queues, and the bytes of the outbox",
        queues::check,
    ),
    station(
        "S20",
        "a report's time is right when the calendar is",
        "`time` of reports against the world's calendar",
        calendar::check,
    ),
    station(
        "L1",
        "when all is well again, the station comes online",
        "how the link stands after `heal`",
        liveness::check,
    ),
    station(
        "L2",
        "then it sends and answers all that waits",
        "outbox, commands and schedules after that",
        drained::check,
    ),
];

/// The first rule that does not hold.
pub fn check(log: &Log) -> Option<Violation> {
    let station = log.rules.station;
    RULES.iter().filter(|rule| station || rule.of_flows).find_map(|rule| (rule.check)(log))
}

/// Whether this rule holds.
pub fn check_one(log: &Log, id: &str) -> Option<Violation> {
    RULES.iter().find(|rule| rule.id == id).and_then(|rule| (rule.check)(log))
}

fn no_panic(log: &Log) -> Option<Violation> {
    log.panic.as_ref().map(|why| Violation::new("S1", log.ended, why.clone()))
}

fn secrets(log: &Log) -> Option<Violation> {
    log.leaks.first().map(|(at, text)| Violation::new("S16", *at, format!("a secret is in {text}")))
}
