//! S14: two runs of the same schedule begin at least nine tenths of its period apart, over restarts, too.

use std::collections::BTreeMap;

use crate::link::Mono;
use crate::station::event::{Happening, JobKind};

use super::super::log::Log;
use super::Violation;
use super::units::was_set;

/// The store and what is told know no shorter times.
const ROUNDED: std::time::Duration = std::time::Duration::from_millis(2);

pub(super) fn check(log: &Log) -> Option<Violation> {
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
        let due = *at - std::time::Duration::from_millis(*late_ms);
        if let Some(before) = last.insert(name, due)
            && due.since(before) + ROUNDED < period.every * 9 / 10
        {
            let what = format!("`{name}` was due {:?} after the time before", due.since(before));
            return Some(Violation::new("S14", *at, what));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::Period;
    use super::super::doctored::{log, s};
    use super::*;
    use std::time::Duration;

    #[test]
    fn runs_too_close_are_seen() {
        let begins =
            || Happening::JobStarted { kind: JobKind::Schedule, name: "report".into(), run: 1, late_ms: 0 };
        let mut log = log().tell(s(1), begins()).tell(s(56), begins());
        let every = Duration::from_mins(1);
        log.rules.periods.push(Period { name: "report".into(), every, state: None });
        assert_eq!(check(&log), None);
        log = log.tell(s(80), begins());
        assert_eq!(check(&log).unwrap().at, s(80));
    }
}
