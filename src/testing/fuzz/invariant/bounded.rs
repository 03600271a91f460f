//! S12: every run ends in its time. A run may only overrun by what it may not cut: an exchange, and finding its
//! feet behind it.

use std::time::Duration;

use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;

/// The longest exchange that is not cut, with the search for firm ground behind it.
const UNCUT: Duration = Duration::from_secs(30);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let sleeps = log.sleeps();
    log.told.iter().find_map(|(at, happening)| {
        let Happening::JobFinished { kind, name, took_ms, .. } = happening else { return None };
        let most = log.rules.longest_run(*kind, name).saturating_add(UNCUT);
        let took = Duration::from_millis(*took_ms);
        let took = took.saturating_sub(sleeps.slept(*at - took, *at));
        (took > most).then(|| {
            Violation::new("S12", *at, format!("`{name}` took {took:?}, at most {most:?} are planned"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;
    use crate::sim::TruthKind;
    use crate::station::event::JobKind;

    #[test]
    fn a_run_without_end_is_seen() {
        let took = |took_ms| Happening::JobFinished {
            kind: JobKind::Command,
            name: "x".into(),
            run: 1,
            outcome: "ok".into(),
            code: None,
            error: None,
            took_ms,
        };
        assert_eq!(check(&log().tell(s(1), took(30_000))), None);
        assert_eq!(check(&log().tell(s(1), took(70_000))).unwrap().at, s(1));
        let asleep = |until| log().truth(s(110), TruthKind::Asleep { until: s(until) });
        assert_eq!(check(&asleep(160).tell(s(180), took(80_000))), None);
        assert_eq!(check(&asleep(120).tell(s(180), took(80_000))).unwrap().at, s(180));
    }

    #[test]
    fn a_timeout_of_its_own_is_its_time() {
        let took = |minutes: u64| {
            let mut log = log();
            log.rules.longest.insert((JobKind::Schedule, "x".into()), Duration::from_mins(20));
            log.tell(
                s(3000),
                Happening::JobFinished {
                    kind: JobKind::Schedule,
                    name: "x".into(),
                    run: 1,
                    outcome: "ok".into(),
                    code: None,
                    error: None,
                    took_ms: minutes * 60_000,
                },
            )
        };
        assert_eq!(check(&took(15)), None);
        assert_eq!(check(&took(21)).unwrap().rule, "S12");
    }
}
