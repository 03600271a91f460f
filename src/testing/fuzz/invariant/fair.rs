//! S13: what is due begins as soon as the line is free, unless something else has been due for longer, and nothing
//! holds the line longer than the file's bounds say. So whatever is due begins within the rest of one unit that is
//! under way, the worst cases of what was due before it, and what the link takes for itself.

use std::time::Duration;

use crate::link::Mono;

use super::super::log::{Log, Sleeps};
use super::Violation;
use super::units::{Closed, Holder, Stretch, Unit, units};

/// What nobody is told of: milliseconds that are cut off, lines that are sorted.
const SLACK: Duration = Duration::from_secs(1);
/// What came together may be told to have come so far apart.
const ROUNDED: Duration = Duration::from_millis(3);
/// The longest exchange that is not cut, with the search for firm ground behind it.
const UNCUT: Duration = Duration::from_secs(30);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let (units, closed, sleeps) = (units(log), Closed::of(log), log.sleeps());
    units.iter().filter(|unit| unit.holder != Holder::Link).find_map(|unit| {
        too_long(log, unit, &sleeps).or_else(|| {
            let excused = if unit.holder == Holder::Publish { &closed.to_messages } else { &closed.to_runs };
            too_late(log, &units, unit, excused)
        })
    })
}

/// One unit holds the line no longer than its worst case.
fn too_long(log: &Log, unit: &Unit, sleeps: &Sleeps) -> Option<Violation> {
    let most = match &unit.holder {
        Holder::Run(kind, name) => *log.rules.longest.get(&(*kind, name.clone()))?,
        Holder::Publish => log.rules.longest_publish?,
        Holder::Link => return None,
    };
    let took = sleeps.awake(unit.began, unit.ended?);
    (took > most.saturating_add(UNCUT)).then(|| {
        let what = format!("{} held the line for {took:?}, its worst case is {most:?}", unit.holder);
        Violation::new("S13", unit.began, what)
    })
}

/// All the time for which it waited, something else held the line that had a right to.
fn too_late(log: &Log, units: &[Unit], unit: &Unit, closed: &[Stretch]) -> Option<Violation> {
    let slack = SLACK + log.rules.longest_fetch;
    let waited = unit.began.since(unit.ready);
    if waited <= slack {
        return None;
    }
    let before = |other: &&Unit| {
        let under_way = other.began <= unit.ready;
        under_way || other.holder == Holder::Link || other.turn <= unit.ready + ROUNDED
    };
    let others = units.iter().take_while(|other| other.began < unit.began).filter(before);
    let mut excused: Vec<Stretch> =
        others.map(|other| (other.began, other.ended.unwrap_or(other.began))).collect();
    excused.extend(closed);
    let idle = waited.saturating_sub(covered(excused, (unit.ready, unit.began)));
    (idle > slack).then(|| {
        let what = format!("{} waited {waited:?}, {idle:?} of it for nothing that came first", unit.holder);
        Violation::new("S13", unit.began, what)
    })
}

/// How much of a stretch lies within others.
fn covered(mut others: Vec<Stretch>, (from, until): Stretch) -> Duration {
    others.sort();
    let (mut sum, mut reached) = (Duration::ZERO, from);
    for (began, ended) in others {
        let (began, ended): (Mono, Mono) = (began.max(reached), ended.min(until));
        if began < ended {
            sum += ended.since(began);
            reached = ended;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::Period;
    use super::super::doctored::{log, ms, s};
    use super::*;
    use crate::station::event::{Happening, JobKind, LinkState, Work};

    fn state(to: LinkState) -> Happening {
        Happening::LinkState { from: LinkState::Down, to, level: 3, cause: None, pause_ms: 0 }
    }

    /// An online station.
    fn online() -> Log {
        let mut log = log().tell(s(1), state(LinkState::Online));
        let every = Duration::from_secs(10);
        log.rules.periods.push(Period { name: "x".into(), every, state: None });
        log
    }

    impl Log {
        /// A run that was due, began and ended.
        fn runs(self, kind: JobKind, (due, began, ended): (u64, u64, u64)) -> Self {
            let (name, run) = ("x".to_string(), 1);
            let late_ms = (began - due) * 1000;
            let begins = Happening::JobStarted { kind, name: name.clone(), run, late_ms };
            let took_ms = (ended - began) * 1000;
            let outcome = "ok".to_string();
            let ends = Happening::JobFinished { kind, name, run, outcome, code: None, error: None, took_ms };
            self.tell(s(began), begins).tell(s(ended), ends)
        }

        fn publishes(mut self, (due, began, ended): (u64, u64, u64)) -> Self {
            let (late, took) = (Duration::from_secs(began - due), Duration::from_secs(ended - began));
            self.worked.push(Work::Publish { began: s(began), late, took });
            self
        }
    }

    #[test]
    fn whatever_waits_for_nothing_is_seen() {
        for kind in [JobKind::Schedule, JobKind::Command, JobKind::Event, JobKind::Timer] {
            // The timer may wait for a reply.
            let begins = if kind == JobKind::Timer { 130 } else { 120 };
            let busy = online().runs(JobKind::Schedule, (90, 90, begins));
            assert_eq!(check(&busy.runs(kind, (100, begins, begins + 1))), None, "{kind:?}");
            let idle = online().runs(JobKind::Schedule, (90, 90, 105)).runs(kind, (100, begins, 140));
            assert_eq!(check(&idle).unwrap().at, s(begins), "{kind:?}");
        }
        assert_eq!(check(&online().publishes((100, 100, 101))), None);
        assert_eq!(check(&online().publishes((100, 110, 111))).unwrap().at, s(110));
    }

    #[test]
    fn an_overtaking_is_seen() {
        let first = || online().runs(JobKind::Schedule, (90, 90, 105));
        let fair = first().runs(JobKind::Event, (99, 105, 110)).runs(JobKind::Command, (100, 110, 111));
        assert_eq!(check(&fair), None);
        let overtaken = first().runs(JobKind::Event, (101, 105, 110)).runs(JobKind::Command, (100, 110, 111));
        assert_eq!(check(&overtaken).unwrap().at, s(110));
        let by_publishes = first().publishes((102, 105, 110)).runs(JobKind::Command, (100, 110, 111));
        assert_eq!(check(&by_publishes).unwrap().at, s(110));
    }

    #[test]
    fn a_timer_that_waits_for_a_reply_keeps_its_turn() {
        let busy = || online().runs(JobKind::Schedule, (80, 80, 112));
        let turns =
            |due| busy().runs(JobKind::Timer, (due, 112, 140)).runs(JobKind::Command, (105, 140, 141));
        assert_eq!(check(&turns(100)), None);
        assert_eq!(check(&turns(106)).unwrap().at, s(140));
    }

    #[test]
    fn only_a_link_that_is_down_or_at_work_excuses_a_wait() {
        let lost = |to| online().tell(s(100), state(to)).tell(s(150), state(LinkState::Online));
        let waits = |log: Log| check(&log.runs(JobKind::Command, (100, 150, 151)));
        assert_eq!(waits(lost(LinkState::Absent)), None);
        assert_eq!(waits(lost(LinkState::Recovering)).unwrap().at, s(150));
        let rung = Happening::RungFinished {
            rung: "reset".into(),
            attempt: 1,
            ok: true,
            code: None,
            error: None,
            took_ms: 50_000,
            pause_ms: 0,
        };
        assert_eq!(waits(lost(LinkState::Recovering).tell(s(150), rung)), None);
        let check_of_link = Happening::Check { ok: true, took_ms: 50_000 };
        assert_eq!(waits(lost(LinkState::Degraded).tell(s(150), check_of_link)), None);
        assert_eq!(check(&lost(LinkState::Recovering).publishes((100, 150, 151))), None);
    }

    #[test]
    fn a_run_longer_than_its_worst_case_is_seen() {
        let mut log = online().runs(JobKind::Schedule, (90, 90, 130));
        log.rules.longest.insert((JobKind::Schedule, "x".into()), Duration::from_secs(10));
        assert_eq!(check(&log), None);
        log.rules.longest.insert((JobKind::Schedule, "x".into()), Duration::from_secs(9));
        assert_eq!(check(&log).unwrap().at, s(90));
        let mut log = online().publishes((100, 100, 200));
        log.rules.longest_publish = Some(Duration::from_mins(1));
        assert_eq!(check(&log).unwrap().at, s(100));
    }

    #[test]
    fn stretches_are_counted_once() {
        let stretches = vec![(s(3), s(5)), (s(0), s(2)), (s(4), s(9)), (ms(1500), s(2))];
        assert_eq!(covered(stretches, (s(1), s(6))), Duration::from_secs(4));
    }
}
