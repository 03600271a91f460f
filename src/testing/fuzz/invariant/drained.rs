//! L2: once the station is online again for good, everything that waited is sent as fast as the cloud allows, every
//! command is answered, and every schedule runs in its time.

use std::time::Duration;

use crate::link::Mono;
use crate::station::TICK;
use crate::station::event::{Happening, JobKind};

use super::super::log::Log;
use super::Violation;
use super::liveness::recovered;
use super::units::was_set;

/// Before the first message, and behind the last.
const SPARE: Duration = Duration::from_mins(1);
/// A publish itself, until it is acknowledged.
const ROUND_TRIP: Duration = Duration::from_secs(2);
/// A link that was lost soon after a report that had waited is treated with care: they go up to a minute apart, then
/// twice as fast after each ten minutes.
const CARE: Duration = Duration::from_mins(70);
/// So soon.
const TOO_FAST: Duration = Duration::from_mins(1);
/// The longest that one command takes.
const HANDLER: Duration = Duration::from_mins(1);
/// What was made just before the end may still wait.
const FRESH: Duration = Duration::from_mins(2);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let online = recovered(log)?;
    messages(log, online).or_else(|| commands(log, online)).or_else(|| schedules(log, online))
}

fn at_of(at_ms: i64) -> Mono {
    Mono::from_micros(u64::try_from(at_ms).unwrap_or(0).saturating_mul(1000))
}

/// When what waited at `online` must have been sent.
fn sent_by(log: &Log, online: Mono) -> Mono {
    let left = |told: &Happening| matches!(told, Happening::ReportSent { .. } | Happening::ReportDead { .. });
    let later = log.told.iter().filter(|(at, told)| *at >= online && left(told)).count();
    let waited = u32::try_from(later.min(log.ledger.rows.len()) + log.left.len()).unwrap_or(u32::MAX);
    let rows = log.ledger.rows.iter().filter(|row| at_of(row.at_ms) <= online).count();
    let waited = waited.min(u32::try_from(rows).unwrap_or(u32::MAX));
    let each = log.rules.drain_every + ROUND_TRIP;
    let care = if was_too_fast(log) { CARE } else { Duration::ZERO };
    online + SPARE + care + each.saturating_mul(waited)
}

/// The link was lost soon after a report.
fn was_too_fast(log: &Log) -> bool {
    let mut last: Option<Mono> = None;
    log.told.iter().any(|(at, told)| {
        match told {
            Happening::ReportSent { .. } => last = Some(*at),
            Happening::LinkState { from, to, .. } if from.is_up() && !to.is_up() => {
                return last.is_some_and(|last| at.since(last) < TOO_FAST);
            }
            _ => {}
        }
        false
    })
}

fn messages(log: &Log, online: Mono) -> Option<Violation> {
    let most = sent_by(log, online);
    let made = |seq: u64| log.ledger.rows.iter().find(|row| row.seq == seq).map(|row| at_of(row.at_ms));
    let late = log.told.iter().filter(|(at, _)| *at > most).find_map(|(at, told)| match told {
        Happening::ReportSent { seq, .. } if made(*seq).is_some_and(|made| made <= online) => {
            let what = format!("message {seq} had waited, and was sent {:?} after that", at.since(online));
            Some(Violation::new("L2", *at, what))
        }
        _ => None,
    });
    late.or_else(|| {
        let old = |seq: &&u64| made(**seq).is_none_or(|made| made < log.ended - FRESH);
        let waits = log.left.iter().find(old)?;
        let count = log.left.len();
        let what = format!("{count} messages still wait at the end, message {waits} among them");
        (log.ended > most).then(|| Violation::new("L2", log.ended, what))
    })
}

fn commands(log: &Log, online: Mono) -> Option<Violation> {
    let received = log.told.iter().filter_map(|(at, told)| match told {
        Happening::CommandReceived { n, .. } if *at <= online => Some(*n),
        _ => None,
    });
    let received: Vec<u64> = received.collect();
    let late = log.ledger.ended.iter().filter(|end| received.contains(&end.n) && at_of(end.at_ms) > online);
    let late: Vec<Mono> = late.map(|end| at_of(end.at_ms)).collect();
    let most = online + SPARE + HANDLER.saturating_mul(u32::try_from(late.len()).unwrap_or(u32::MAX));
    let at = late.into_iter().max().filter(|at| *at > most)?;
    Some(Violation::new("L2", at, "a command had waited, and was answered too late"))
}

/// Each schedule with a period runs once in it.
fn schedules(log: &Log, online: Mono) -> Option<Violation> {
    log.rules.periods.iter().find_map(|period| {
        if was_set(log, period) {
            return None;
        }
        let most = period.every + TICK;
        let starts = log.told.iter().filter_map(|(at, told)| match told {
            Happening::JobStarted { kind: JobKind::Schedule, name, .. } if *name == period.name => Some(*at),
            _ => None,
        });
        let mut last = online;
        for at in starts.filter(|at| *at > online).chain([log.ended]) {
            if at.since(last) > most {
                let what = format!("`{}` has not run for {:?}", period.name, at.since(last));
                return Some(Violation::new("L2", at, what));
            }
            last = at;
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::Period;
    use super::super::doctored::{log, s};
    use super::super::liveness::tests::state;
    use super::*;
    use crate::sim::TruthKind;
    use crate::station::event::{LaneName, LinkState};
    use crate::store::{CommandState, Ended};

    /// Online for good after an hour and 100 seconds.
    fn online() -> Log {
        log().truth(s(3600), TruthKind::Healed).tell(s(3700), state(LinkState::Online))
    }

    fn sent(seq: u64) -> Happening {
        Happening::ReportSent {
            seq,
            topic: "attributes".into(),
            bytes: 1,
            lane: LaneName::Report,
            qos: 1,
            attempts: 1,
            age_ms: 0,
            duplicate_possible: false,
        }
    }

    #[test]
    fn a_message_that_stays_is_seen() {
        let mut waits = online().row(s(100), 7);
        assert_eq!(check(&waits), None);
        waits.left.push(7);
        assert_eq!(check(&waits).unwrap().rule, "L2");
    }

    #[test]
    fn a_message_that_is_sent_too_late_is_seen() {
        let made = || online().row(s(100), 7);
        assert_eq!(check(&made().tell(s(3762), sent(7))), None);
        assert_eq!(check(&made().tell(s(3763), sent(7))).unwrap().at, s(3763));
        // What came later does not count.
        assert_eq!(check(&online().row(s(3800), 7).tell(s(3810), sent(7))), None);
    }

    #[test]
    fn a_command_that_is_answered_too_late_is_seen() {
        let answered = |at_ms| {
            let mut log =
                log().tell(s(50), Happening::CommandReceived { n: 1, id: "1".into(), method: "x".into() });
            log = log.truth(s(3600), TruthKind::Healed).tell(s(3700), state(LinkState::Online));
            let (state, volatile) = (CommandState::Done, false);
            log.ledger.ended.push(Ended { n: 1, state, reply: None, effects: 0, at_ms, volatile });
            log
        };
        assert_eq!(check(&answered(3_820_000)), None);
        assert_eq!(check(&answered(3_820_001)).unwrap().rule, "L2");
    }

    #[test]
    fn a_schedule_that_stands_still_is_seen() {
        let runs = |log: Log, at| {
            let (kind, name) = (JobKind::Schedule, "report".to_string());
            log.tell(s(at), Happening::JobStarted { kind, name, run: 1, late_ms: 0 })
        };
        let mut all = online();
        all.rules.periods.push(Period { name: "report".into(), every: Duration::from_mins(30), state: None });
        let all = (0..6).fold(all, |log, n| runs(log, 3800 + 1800 * n));
        assert_eq!(check(&all), None);
        let mut gap = all;
        gap.told.remove(3);
        assert_eq!(check(&gap).unwrap().rule, "L2");
    }
}
