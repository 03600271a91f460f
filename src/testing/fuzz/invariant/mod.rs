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
    check: fn(&Log) -> Option<Violation>,
}

/// All rules that are checked.
pub const RULES: [Rule; 22] = [
    Rule { id: "S1", says: "the program never gives up", of_flows: true, check: no_panic },
    Rule { id: "S2", says: "one command line is under way at a time", of_flows: true, check: flight::check },
    Rule { id: "S3", says: "no command line is sent as data", of_flows: true, check: data::check },
    Rule {
        id: "S4",
        says: "nothing is sent between connection and login",
        of_flows: true,
        check: pair::check,
    },
    Rule { id: "S5", says: "nothing is done before it is durable", of_flows: false, check: durable::check },
    Rule { id: "S6", says: "no message is lost", of_flows: false, check: outbox::check },
    Rule { id: "S7", says: "reports arrive in order", of_flows: false, check: order::check },
    Rule { id: "S8", says: "messages arrive whole", of_flows: false, check: whole::check },
    Rule { id: "S9", says: "a command begins at most once", of_flows: false, check: commands::once },
    Rule {
        id: "S10",
        says: "each command is answered exactly once",
        of_flows: false,
        check: commands::answered,
    },
    Rule {
        id: "S11",
        says: "a command that failed leaves nothing",
        of_flows: false,
        check: commands::effects,
    },
    Rule { id: "S12", says: "every run ends in its time", of_flows: false, check: bounded::check },
    Rule {
        id: "S13",
        says: "what is due begins before what is due later",
        of_flows: false,
        check: fair::check,
    },
    Rule { id: "S14", says: "schedules keep their distance", of_flows: false, check: schedules::check },
    Rule { id: "S15", says: "the module is not reset too often", of_flows: false, check: ladder::check },
    Rule { id: "S16", says: "no secret is shown", of_flows: true, check: secrets },
    Rule {
        id: "S17",
        says: "no message from the cloud is swallowed",
        of_flows: false,
        check: downlinks::check,
    },
    Rule {
        id: "S18",
        says: "what the cloud says never becomes a command line",
        of_flows: true,
        check: injection::check,
    },
    Rule { id: "S19", says: "nothing that waits grows without end", of_flows: false, check: queues::check },
    Rule {
        id: "S20",
        says: "a report's time is right when the calendar is",
        of_flows: false,
        check: calendar::check,
    },
    Rule {
        id: "L1",
        says: "when all is well again, the station comes online",
        of_flows: false,
        check: liveness::check,
    },
    Rule {
        id: "L2",
        says: "then it sends and answers all that waits",
        of_flows: false,
        check: drained::check,
    },
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
