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

/// The times at which a schedule was due in one process: so many periods behind the first run.
#[derive(Default)]
struct Due {
    first: Option<Mono>,
    /// All before this one are accounted for.
    whole: u64,
    /// Those that are accounted for.
    known: BTreeSet<u64>,
}

impl Due {
    /// The last one up to a moment. What was due before the first run belongs to an earlier process.
    fn up_to(&self, at: Mono, period: &Period) -> Option<u64> {
        let since =
            self.first.filter(|first| *first <= at + ROUNDED).map(|first| (at + ROUNDED).since(first))?;
        u64::try_from(since.as_micros() / period.every.as_micros().max(1)).ok()
    }
}

fn uncounted(log: &Log, period: &Period) -> Option<Violation> {
    let mut due = Due::default();
    for (at, happening) in &log.told {
        let (ran, times) = match happening {
            Happening::StationStarted { .. } => {
                due = Due::default();
                continue;
            }
            Happening::JobStarted { kind: JobKind::Schedule, name, late_ms, .. } if *name == period.name => {
                let since = *at - Duration::from_millis(*late_ms);
                due.first.get_or_insert(since);
                let Some(this) = due.up_to(since, period) else { continue };
                (true, this..this + 1)
            }
            Happening::JobSkipped { kind: JobKind::Schedule, name, .. } if *name == period.name => {
                let Some(this) = due.up_to(*at, period) else { continue };
                (false, this..this + 1)
            }
            // The latest is run or skipped, those before it are missed.
            Happening::ScheduleMissed { name, count, .. } if *name == period.name => {
                let Some(this) = due.up_to(*at, period) else { continue };
                (false, this.saturating_sub(*count)..this)
            }
            _ => continue,
        };
        let twice = times.clone().find(|time| !due.known.insert(*time));
        let lost = (due.whole..times.start).find(|time| ran && !due.known.contains(time));
        if ran {
            due.whole = times.start;
        }
        if let Some(time) = twice.or(lost) {
            let how = if twice.is_some() { "more than once" } else { "never" };
            let name = &period.name;
            let what =
                format!("`{name}` was due {time} periods behind its first run: {how} run, skipped or missed");
            return Some(Violation::new("S14", *at, what));
        }
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
