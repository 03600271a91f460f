//! S9 to S11: a command begins at most once over all lives, is answered exactly once, and leaves nothing if it
//! failed.

use std::collections::BTreeMap;

use crate::link::Mono;
use crate::station::event::Happening;
use crate::store::{CommandState, Ended};

use super::super::log::Log;
use super::Violation;

pub(super) fn once(log: &Log) -> Option<Violation> {
    let mut began: BTreeMap<u64, (Mono, bool)> = BTreeMap::new();
    let mut volatile = false;
    log.told.iter().find_map(|(at, happening)| {
        match happening {
            Happening::StoreVolatile { .. } => volatile = true,
            Happening::StoreRestored { .. } | Happening::StationStarted { .. } => volatile = false,
            _ => {}
        }
        let Happening::CommandStarted { n, .. } = happening else { return None };
        let (before, was_volatile) = began.insert(*n, (*at, volatile))?;
        if was_volatile && died_between(log, before, *at) {
            return None;
        }
        let before = super::super::log::seconds(before);
        Some(Violation::new("S9", *at, format!("command {n} began a second time, after {before:.3}s")))
    })
}

pub(super) fn answered(log: &Log) -> Option<Violation> {
    let mut ends: BTreeMap<u64, Ended> = BTreeMap::new();
    for end in &log.ledger.ended {
        let Some(before) = ends.insert(end.n, *end) else { continue };
        if !(before.volatile && died_between(log, at_of(&before), at_of(end))) {
            return Some(Violation::new("S10", at_of(end), format!("command {} ended twice", end.n)));
        }
    }
    // What memory knew while the disk did not work is lost with a process; only a run to its end can tell.
    let forgetful = log.told.iter().any(|(_, told)| matches!(told, Happening::StoreVolatile { .. }));
    if forgetful || log.panic.is_some() || log.span.trouble == log.span.whole {
        return None;
    }
    let open = log.ledger.recorded.iter().find(|n| !ends.contains_key(n))?;
    Some(Violation::new("S10", log.ended, format!("command {open} was recorded and never answered")))
}

pub(super) fn effects(log: &Log) -> Option<Violation> {
    let wrong = log.ledger.ended.iter().find(|end| end.state != CommandState::Done && end.effects > 0)?;
    let what = format!("command {} is {:?} and left {} things", wrong.n, wrong.state, wrong.effects);
    Some(Violation::new("S11", at_of(wrong), what))
}

/// What memory knew while the disk did not work died with a process.
fn died_between(log: &Log, from: Mono, to: Mono) -> bool {
    log.died.iter().any(|died| (from..=to).contains(died))
}

fn at_of(end: &Ended) -> Mono {
    Mono::from_micros(u64::try_from(end.at_ms).unwrap_or(0).saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    fn begins(n: u64) -> Happening {
        Happening::CommandStarted { n, method: "x".into() }
    }

    #[test]
    fn a_second_begin_is_seen() {
        assert_eq!(once(&log().tell(s(1), begins(1)).tell(s(2), begins(2))), None);
        assert_eq!(once(&log().tell(s(1), begins(1)).tell(s(2), begins(1))).unwrap().at, s(2));
    }

    #[test]
    fn a_missing_or_second_answer_is_seen() {
        let end =
            Ended { n: 1, state: CommandState::Done, reply: Some(4), effects: 2, at_ms: 0, volatile: false };
        let mut log = log();
        log.ledger.recorded.push(1);
        assert_eq!(answered(&log).unwrap().rule, "S10");
        log.ledger.ended.push(end);
        assert_eq!(answered(&log), None);
        log.ledger.ended.push(end);
        assert_eq!(answered(&log).unwrap().rule, "S10");
    }

    #[test]
    fn what_a_failed_command_left_is_seen() {
        let mut log = log();
        log.ledger.ended.push(Ended {
            n: 1,
            state: CommandState::Failed,
            reply: None,
            effects: 0,
            at_ms: 0,
            volatile: false,
        });
        assert_eq!(effects(&log), None);
        log.ledger.ended[0].effects = 1;
        assert_eq!(effects(&log).unwrap().rule, "S11");
    }
}
