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

/// A rule: its number, what it says, whether it is about flows that end, too, and how it is checked.
pub struct Rule {
    /// Its number.
    pub id: &'static str,
    /// What holds.
    pub says: &'static str,
    /// It holds for flows that end, too.
    pub of_flows: bool,
    check: Check,
}

type Check = fn(&Log) -> Option<Violation>;

/// A rule about stations.
const fn station(id: &'static str, says: &'static str, check: Check) -> Rule {
    Rule { id, says, of_flows: false, check }
}

/// A rule about stations, and about flows that end.
const fn any(id: &'static str, says: &'static str, check: Check) -> Rule {
    Rule { id, says, of_flows: true, check }
}

/// All rules that are checked.
pub const RULES: [Rule; 22] = [
    any("S1", "the program never gives up", no_panic),
    any("S2", "one command line is under way at a time", flight::check),
    any("S3", "no command line is sent as data", data::check),
    any("S4", "nothing is sent between connection and login", pair::check),
    station("S5", "nothing is done before it is durable", durable::check),
    station("S6", "no message is lost", outbox::check),
    station("S7", "reports arrive in order", order::check),
    station("S8", "messages arrive whole", whole::check),
    station("S9", "a command begins at most once", commands::once),
    station("S10", "each command is answered exactly once", commands::answered),
    station("S11", "a command that failed leaves nothing", commands::effects),
    station("S12", "every run ends in its time", bounded::check),
    station("S13", "what is due begins before what is due later", fair::check),
    station("S14", "schedules keep their distance", schedules::check),
    station("S15", "the module is not reset too often", ladder::check),
    any("S16", "no secret is shown", secrets),
    station("S17", "no message from the cloud is swallowed", downlinks::check),
    any("S18", "what the cloud says never becomes a command line", injection::check),
    station("S19", "nothing that waits grows without end", queues::check),
    station("S20", "a report's time is right when the calendar is", calendar::check),
    station("L1", "when all is well again, the station comes online", liveness::check),
    station("L2", "then it sends and answers all that waits", drained::check),
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
