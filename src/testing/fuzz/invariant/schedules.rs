//! S14: two runs of the same schedule begin at least nine tenths of its period apart, over restarts, too; and in
//! each process every time that it was due was run, skipped or missed, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::link::Mono;
use crate::station::event::{Happening, JobKind};

use super::super::log::Log;
use super::super::rules::Period;
use super::Violation;
use super::units::was_set;

/// The store and what is told know no shorter times.
const ROUNDED: Duration = Duration::from_millis(2);

pub(super) fn check(log: &Log) -> Option<Violation> {
    too_close(log).or_else(|| {
        // A period that was changed while it ran is nobody's rule.
        let fixed = log.rules.periods.iter().filter(|period| !was_set(log, period));
        fixed.into_iter().find_map(|period| uncounted(log, period))
    })
}

fn too_close(log: &Log) -> Option<Violation> {
    // A disk that does not take it cannot say after a restart when the last run was.
    if log.told.iter().any(|(_, told)| matches!(told, Happening::StoreVolatile { .. })) {
        return None;
    }
    let mut last: BTreeMap<&str, Mono> = BTreeMap::new();
    for (at, happening) in &log.told {
        let Happening::JobStarted { kind: JobKind::Schedule, name, late_ms, .. } = happening else {
            continue;
        };
        let Some(period) = log.rules.periods.iter().find(|period| period.name == *name) else { continue };
        // A period that was changed while it ran is nobody's rule.
        if was_set(log, period) {
            continue;
        }
        // What waited for the line was due on time.
        let due = *at - Duration::from_millis(*late_ms);
        if let Some(before) = last.insert(name, due)
            && due.since(before) + ROUNDED < period.every * 9 / 10
        {
            let what = format!("`{name}` was due {:?} after the time before", due.since(before));
            return Some(Violation::new("S14", *at, what));
        }
    }
    None
}

/// The last time that it was due up to a moment: so many periods behind the first run of this process. What was due
/// before that belongs to an earlier one.
fn last_due(first: Mono, at: Mono, period: &Period) -> Option<u64> {
    let at = at + ROUNDED;
    let periods = at.since(first).as_micros() / period.every.as_micros().max(1);
    u64::try_from(periods).ok().filter(|_| first <= at)
}

/// When the run was due that begins here, if it is one of this schedule.
fn due_of_run(period: &Period, (at, told): &(Mono, Happening)) -> Option<Mono> {
    match told {
        Happening::JobStarted { kind: JobKind::Schedule, name, late_ms, .. } if *name == period.name => {
            Some(*at - Duration::from_millis(*late_ms))
        }
        _ => None,
    }
}

/// Each process has times of its own.
fn uncounted(log: &Log, period: &Period) -> Option<Violation> {
    let mut lives = log.told.split(|(_, told)| matches!(told, Happening::StationStarted { .. }));
    lives.find_map(|life| uncounted_in_life(life, period))
}

fn uncounted_in_life(life: &[(Mono, Happening)], period: &Period) -> Option<Violation> {
    let first = life.iter().find_map(|told| due_of_run(period, told))?;
    // All before `whole` are accounted for, and those in `known`.
    let (mut whole, mut known) = (0, BTreeSet::new());
    for told in life {
        let run = due_of_run(period, told);
        let Some(last) = last_due(first, run.unwrap_or(told.0), period) else { continue };
        let times = match &told.1 {
            Happening::JobStarted { .. } if run.is_some() => last..last + 1,
            Happening::JobSkipped { kind: JobKind::Schedule, name, .. } if *name == period.name => {
                last..last + 1
            }
            // The latest is run or skipped, those before it are missed.
            Happening::ScheduleMissed { name, count, .. } if *name == period.name => {
                last.saturating_sub(*count)..last
            }
            _ => continue,
        };
        let twice = times.clone().find(|time| !known.insert(*time));
        let forgotten = (whole..last).find(|time| run.is_some() && !known.contains(time));
        if let Some(time) = twice.or(forgotten) {
            let (name, how) = (&period.name, if twice.is_some() { "more than once" } else { "never" });
            let what =
                format!("`{name}` was due {time} periods behind its first run: {how} run, skipped or missed");
            return Some(Violation::new("S14", told.0, what));
        }
        whole = if run.is_some() { last } else { whole };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn every_due_time_is_accounted_for_once() {
        let name = || "report".to_owned();
        let kind = JobKind::Schedule;
        let begins = |late_ms| Happening::JobStarted { kind, name: name(), run: 1, late_ms };
        let skipped = || Happening::JobSkipped { kind, name: name(), reason: "waits".into() };
        let missed = |count| Happening::ScheduleMissed { name: name(), count, policy: "once".into() };
        let first = || {
            let mut log = log().tell(s(2), begins(1000));
            let every = Duration::from_mins(1);
            log.rules.periods.push(Period { name: name(), every, state: None });
            log
        };
        assert_eq!(check(&first().tell(s(61), begins(0)).tell(s(125), begins(4000))), None);
        assert_eq!(check(&first().tell(s(121), begins(0))).unwrap().at, s(121));
        // The first one waits longer than a period.
        let long = || {
            let mut log = first();
            log.told = vec![(s(61), skipped()), (s(70), begins(69_000))];
            log
        };
        assert_eq!(check(&long().tell(s(121), begins(0))), None);
        assert!(check(&long().tell(s(181), begins(0))).is_some());
        // It waits from 61 on, and goes on doing so when it is due again.
        assert_eq!(
            check(&first().tell(s(121), skipped()).tell(s(130), begins(69_000)).tell(s(181), begins(0))),
            None
        );
        assert!(check(&first().tell(s(61), begins(0)).tell(s(62), skipped())).is_some());
        assert_eq!(check(&first().tell(s(190), missed(2)).tell(s(190), begins(9000))), None);
        assert_eq!(check(&first().tell(s(190), missed(1)).tell(s(190), begins(9000))).unwrap().at, s(190));
        assert!(check(&first().tell(s(61), begins(0)).tell(s(190), missed(2))).is_some());
    }

    #[test]
    fn runs_too_close_are_seen() {
        let begins =
            || Happening::JobStarted { kind: JobKind::Schedule, name: "report".into(), run: 1, late_ms: 0 };
        let mut log = log().tell(s(1), begins()).tell(s(56), begins());
        let every = Duration::from_mins(1);
        log.rules.periods.push(Period { name: "report".into(), every, state: None });
        assert_eq!(too_close(&log), None);
        log = log.tell(s(80), begins());
        assert_eq!(check(&log).unwrap().at, s(80));
    }
}
