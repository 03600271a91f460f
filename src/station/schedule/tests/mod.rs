//! Days in the life of a schedule: clocks that jump, machines that sleep, processes that die.

mod cron;
mod every;
mod zones;

use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// 2026-03-10T09:00:00Z.
const NINE_MS: i64 = 1_773_133_200_000;

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap()
}

/// A machine with a schedule on it.
struct Machine {
    spec: Spec,
    ticker: Ticker,
    now: Now,
    /// Seconds of the clock that only goes forward, at each run that began.
    runs: Vec<u64>,
    missed: u64,
    held: u64,
}

impl Machine {
    fn new(spec: Spec) -> Self {
        Self::at(spec, Some(NINE_MS), None)
    }

    fn at(spec: Spec, wall_ms: Option<i64>, last: Option<Last>) -> Self {
        let now = Now { mono: Mono::ZERO, wall_ms };
        let ticker = Ticker::new(spec.clone(), "store", last, &now).unwrap();
        Self { spec, ticker, now, runs: Vec::new(), missed: 0, held: 0 }
    }

    fn poll(&mut self) -> Poll {
        let poll = self.ticker.poll(&self.now);
        self.runs.extend(poll.run.map(|_| self.now.mono.as_micros() / 1_000_000));
        self.missed += poll.missed;
        self.held += u64::from(poll.held);
        poll
    }

    /// Time passes, and nobody looks.
    fn sleep(&mut self, time: Duration) -> &mut Self {
        self.now.mono = self.now.mono + time;
        self.now.wall_ms = self.now.wall_ms.map(|wall_ms| wall_ms + ms(time));
        self
    }

    /// Time passes as in the loop: it looks when something is due, and every half minute.
    fn live(&mut self, time: Duration) -> &mut Self {
        let until = self.now.mono + time;
        loop {
            self.poll();
            if self.now.mono >= until {
                return self;
            }
            let next = self.ticker.next(&self.now).unwrap_or(Mono::FAR).max(self.now.mono);
            let wake = next.min(self.now.mono + 30 * SECOND).min(until);
            // Just short of it nothing is due, so that a time that is given too late is noticed.
            let step = wake.since(self.now.mono).max(Duration::from_millis(1));
            self.sleep(step);
        }
    }

    /// Somebody sets the calendar.
    fn step(&mut self, by_ms: i64) -> &mut Self {
        self.now.wall_ms = self.now.wall_ms.map(|wall_ms| wall_ms + by_ms);
        self
    }

    fn seen(&mut self) -> (Vec<u64>, u64) {
        (std::mem::take(&mut self.runs), std::mem::take(&mut self.missed))
    }

    /// What the store would know after a restart of the process.
    fn last(&self) -> Last {
        let now_s = self.now.mono.as_micros() / 1_000_000;
        Last {
            started_ago: self.runs.last().map(|run| Duration::from_secs(now_s - run)),
            started_wall_ms: None,
            due_wall_ms: self.ticker.last_due_wall_ms(&self.now),
        }
    }
}

fn every(period: Duration) -> Spec {
    Spec {
        name: "report".to_owned(),
        when: When::Every(period),
        at_start: true,
        jitter: Duration::ZERO,
        missed: Missed::Skip,
    }
}

fn cron_in(pattern: &str, zone: &str) -> Spec {
    let rule = CronRule { pattern: pattern.to_owned(), zone: zone.to_owned() };
    Spec { when: When::Cron(rule), ..every(SECOND) }
}

fn cron(pattern: &str) -> Spec {
    cron_in(pattern, "UTC")
}

fn once(spec: Spec) -> Spec {
    Spec { missed: Missed::Once, ..spec }
}

#[test]
fn the_jitter_of_a_name_is_always_the_same_and_small() {
    let first = phase("store", "report", 10 * SECOND);
    assert_eq!(first, phase("store", "report", 10 * SECOND));
    assert_ne!(first, phase("other", "report", 10 * SECOND));
    assert_ne!(first, phase("store", "check", 10 * SECOND));
    let stations: Vec<_> = (0..1_000).map(|n| phase(&n.to_string(), "report", 10 * SECOND)).collect();
    assert!(stations.iter().all(|phase| *phase < 10 * SECOND));
    let early = stations.iter().filter(|phase| **phase < 5 * SECOND).count();
    assert!((400..600).contains(&early), "{early} of 1000 in the first half");
    assert_eq!(phase("store", "report", Duration::ZERO), Duration::ZERO);
}

#[test]
fn what_cannot_be_read_is_said() {
    let error = |spec| Ticker::new(spec, "s", None, &Now { mono: Mono::ZERO, wall_ms: None }).unwrap_err();
    assert_eq!(error(cron_in("0 3 * * *", "Europe/Bonn")).to_string(), "there is no time zone `Europe/Bonn`");
    for pattern in ["", "0 3 * *", "99 * * * *", "0 0 3 * * * 2026"] {
        assert!(matches!(error(cron(pattern)), ScheduleError::Pattern { .. }), "{pattern}");
    }
    assert!(tzdb_version().starts_with("20"));
}
