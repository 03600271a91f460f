//! S17: a command that reached the module while nothing was wrong is recorded, known as a repeat, or refused.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::{FaultKind, TruthKind};
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;

/// Nothing may be wrong so long before, and so long behind.
const CALM_BEFORE: Duration = Duration::from_secs(40);
const CALM_BEHIND: Duration = Duration::from_secs(2);
/// The longest until a boundary: a run under way, a link that is being mended.
const BOUNDARY: Duration = Duration::from_mins(11);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let trouble: Vec<Mono> = log.faults.iter().map(|(at, _)| *at).chain(log.died.iter().copied()).collect();
    let floods = log.suffered(|fault| fault.kind == FaultKind::DownlinkFlood);
    let sleeps = log.sleeps();
    for truth in &log.truth {
        let TruthKind::Message { topic } = &truth.kind else { continue };
        let Some(wanted) = topic.strip_prefix("command/send/") else { continue };
        // Of a flood some are refused, and a refusal does not say of what.
        if floods && wanted.parse::<u64>().is_ok_and(|id| id < 10_000) {
            continue;
        }
        let until = sleeps.when_awake_for(truth.at, BOUNDARY);
        // What comes while the machine sleeps is read when it wakes up, unless the port goes before that.
        let read = sleeps.when_awake_for(truth.at, CALM_BEHIND);
        let calm = !trouble.iter().any(|at| *at + CALM_BEFORE >= truth.at && *at <= read);
        let died = log.died.iter().any(|at| (truth.at..=until).contains(at)) || is_down(log, truth.at);
        if !calm || is_mid_line(log, truth.at) || died || until > log.ended || is_gone(log, truth.at) {
            continue;
        }
        let from = log.told.partition_point(|(at, _)| *at < truth.at);
        let known = log.told[from..].iter().take_while(|(at, _)| *at <= until).any(|(_, told)| match told {
            Happening::CommandReceived { id, .. } | Happening::CommandDuplicate { id, .. } => id == wanted,
            Happening::CommandRejected { .. } => true,
            _ => false,
        });
        if !known {
            return Some(Violation::new("S17", truth.at, format!("the message on `{topic}` was swallowed")));
        }
    }
    None
}

/// A line that the module left unfinished before: whatever comes next looks like the rest of it.
fn is_mid_line(log: &Log, at: Mono) -> bool {
    let so_far = log.crossed.partition_point(|crossing| crossing.at < at);
    let last = log.crossed[..so_far].iter().rev().find(|crossing| !crossing.sent);
    last.is_some_and(|last| last.bytes.last() != Some(&b'\n'))
}

/// No process is there.
fn is_down(log: &Log, at: Mono) -> bool {
    let lives = log.died.iter().zip(log.began.iter().copied().chain(std::iter::repeat(log.ended)));
    lives.into_iter().any(|(died, began)| *died <= at && at <= began)
}

/// The port is not there: it vanished and was not found again.
fn is_gone(log: &Log, at: Mono) -> bool {
    let mut before = log.told.iter().rev().filter(|(when, _)| *when <= at);
    before
        .find_map(|(_, told)| match told {
            Happening::PortGone { .. } => Some(true),
            Happening::PortFound => Some(false),
            _ => None,
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;
    use crate::sim::Faults;

    #[test]
    fn a_message_that_nobody_took_is_seen() {
        let came = || log().truth(s(5), TruthKind::Message { topic: "command/send/10001".into() });
        assert_eq!(check(&came()).unwrap().at, s(5));
        let received = Happening::CommandReceived { n: 1, id: "10001".into(), method: "signal".into() };
        assert_eq!(check(&came().tell(s(6), received)), None);
        let woke = Happening::CommandReceived { n: 1, id: "10001".into(), method: "signal".into() };
        let slept =
            |until| came().truth(s(1), TruthKind::Asleep { until: s(until) }).tell(s(3000), woke.clone());
        assert_eq!(check(&slept(2900)), None);
        assert_eq!(check(&slept(60)).unwrap().at, s(5), "that was long before");
        let mut unread = slept(900);
        let gone = "[{ fault: port_gone, time: 10m, for: 1s }]";
        unread.faults = Faults::parse(gone).unwrap().list.into_iter().map(|fault| (s(600), fault)).collect();
        assert_eq!(check(&unread), None);
        let mut died = came();
        died.died.push(s(6));
        assert_eq!(check(&died), None);
    }
}
