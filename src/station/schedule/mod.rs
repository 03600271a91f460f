//! When a station's schedules are due. Pure: a [`Ticker`] is told what time it is and says what is to be run,
//! so that a day with a suspended machine and a clock that jumps is a table in a test.
//!
//! * `every`: from due time to due time on the clock that only goes forward.
//! * `cron`: by wall time, as soon as that can be trusted; `occurrence`: what a pattern means in its zone.
//!
//! However long nobody looked, at most one run is asked for. What else was due is counted as missed.

mod cron;
mod every;
mod occurrence;
#[cfg(test)]
mod tests;

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::flow::model::station::{CronRule, Missed};
use crate::link::Mono;

use cron::Cron;
use every::Every;
pub use occurrence::{Occurrences, ScheduleError};

/// What time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// On the clock that only goes forward, also while the machine sleeps.
    pub mono: Mono,
    /// Milliseconds since 1970; `None` while the calendar is not to be trusted.
    pub wall_ms: Option<i64>,
}

/// When a schedule is due.
#[derive(Clone, Debug)]
pub enum When {
    /// From due time to due time.
    Every(Duration),
    /// By wall time.
    Cron(CronRule),
}

/// One schedule.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its name.
    pub name: String,
    /// When it is due.
    pub when: When,
    /// Whether it is also due at the start. Of no consequence with [`When::Cron`]: what is to be done at
    /// three in the morning is not to be done whenever the power comes back.
    pub at_start: bool,
    /// Each due time is moved by some of this, always the same for one name in one store.
    pub jitter: Duration,
    /// What becomes of the due times that passed.
    pub missed: Missed,
}

/// What the store knows of the time before this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// How long ago the last run began, if the machine was not restarted since.
    pub started_ago: Option<Duration>,
    /// When it began, by a calendar that was trusted.
    pub started_wall_ms: Option<i64>,
    /// The due time that was last dealt with: [`Ticker::last_due_wall_ms`].
    pub due_wall_ms: Option<i64>,
}

/// A run that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it was to begin, if the calendar is trusted.
    pub scheduled_wall_ms: Option<i64>,
    /// How long ago that was.
    pub late: Duration,
    /// The calendar was moved over it, so by the clock that only goes forward it is due only now.
    pub jumped: bool,
}

/// What a look at the clock gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// A run is to begin, for the latest due time that passed.
    pub run: Option<Due>,
    /// How many other due times passed since the last look; of a [`When::Cron`] a thousand are counted.
    pub missed: u64,
    /// It waits until the calendar can be trusted. Told once each time it begins to wait.
    pub held: bool,
}

/// One schedule as it runs.
#[derive(Clone, Debug)]
pub struct Ticker(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Every(Every),
    Cron(Box<Cron>),
}

impl Ticker {
    /// A schedule that begins now. `last` is `None` if it never ran.
    ///
    /// # Errors
    ///
    /// A pattern or a zone that nobody can read; the file's check refuses them.
    pub fn new(spec: Spec, store_id: &str, last: Option<Last>, now: &Now) -> Result<Self, ScheduleError> {
        let phase = phase(store_id, &spec.name, spec.jitter);
        let last = last.unwrap_or_default();
        Ok(Self(match spec.when {
            When::Every(period) => {
                Kind::Every(Every::new(period, phase, spec.at_start, spec.missed, &last, now))
            }
            When::Cron(rule) => {
                let occurrences = Occurrences::new(&rule)?;
                Kind::Cron(Box::new(Cron::new(occurrences, phase, spec.missed, last.due_wall_ms)))
            }
        }))
    }

    /// What is due now. What this gives is dealt with: it is not given again.
    pub fn poll(&mut self, now: &Now) -> Poll {
        match &mut self.0 {
            Kind::Every(every) => every.poll(now),
            Kind::Cron(cron) => cron.poll(now),
        }
    }

    /// When [`Ticker::poll`] is worth calling again, if nothing happens to the calendar. `None`: not before
    /// the calendar is trusted, or the pattern has no further time.
    pub fn next(&self, now: &Now) -> Option<Mono> {
        match &self.0 {
            Kind::Every(every) => Some(every.next()),
            Kind::Cron(cron) => cron.next(now),
        }
    }

    /// The run that was due begins only now: the next one keeps its distance from here.
    pub fn started(&mut self, now: &Now) {
        if let Kind::Every(every) = &mut self.0 {
            every.started(now);
        }
    }

    /// The run that was due does not begin: the next one keeps its distance from the one before.
    pub fn skipped(&mut self) {
        if let Kind::Every(every) = &mut self.0 {
            every.skipped();
        }
    }

    /// From the last due time on, another period counts. If the next due time would have passed already, it
    /// is now. Of no consequence with [`When::Cron`].
    pub fn set_period(&mut self, period: Duration, now: &Now) {
        if let Kind::Every(every) = &mut self.0 {
            every.set_period(period, now);
        }
    }

    /// The latest due time that was dealt with, for [`Last::due_wall_ms`]. Worth storing after each poll that
    /// gave a run or missed due times, and as soon as it is known at all.
    pub fn last_due_wall_ms(&self, now: &Now) -> Option<i64> {
        match &self.0 {
            Kind::Every(every) => every.last_due_wall_ms(now),
            Kind::Cron(cron) => cron.last_due_wall_ms(),
        }
    }
}

/// The version of the time zones that are compiled in, such as `2025b`.
pub fn tzdb_version() -> &'static str {
    chrono_tz::IANA_TZDB_VERSION
}

/// Where in its jitter a schedule stands: some number below it, always the same for one name in one store, so
/// that a fleet of equal stations does not report in one second.
fn phase(store_id: &str, name: &str, jitter: Duration) -> Duration {
    let jitter_us = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
    if jitter_us == 0 {
        return Duration::ZERO;
    }
    let digest = Sha256::new().chain_update(store_id).chain_update([0]).chain_update(name).finalize();
    let number = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Duration::from_micros(number % jitter_us)
}
