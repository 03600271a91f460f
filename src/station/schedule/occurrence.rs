//! The times that a cron pattern means in its zone. `croner` knows the patterns and what becomes of them when
//! clocks are changed; here its answers are made milliseconds that only rise.

use chrono::{DateTime, TimeZone as _};
use chrono_tz::Tz;
use croner::parser::{CronParser, Seconds, Year};

use super::CronRule;

/// Why there is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// The pattern cannot be read.
    #[error("`{pattern}` is not a cron pattern: {why}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// Nobody knows the zone.
    #[error("there is no time zone `{zone}`")]
    Zone {
        /// As it was written.
        zone: String,
    },
}

/// The times that a pattern means.
#[derive(Clone, Debug)]
pub struct Occurrences {
    pattern: croner::Cron,
    zone: Tz,
}

const HOUR_MS: i64 = 3_600_000;

impl Occurrences {
    /// Reads a pattern of five or six fields, and its zone.
    ///
    /// # Errors
    ///
    /// What is wrong with either.
    pub fn new(rule: &CronRule) -> Result<Self, ScheduleError> {
        let zone = rule.zone.parse().map_err(|_| ScheduleError::Zone { zone: rule.zone.clone() })?;
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let pattern = parser.parse(&rule.pattern).map_err(|error| ScheduleError::Pattern {
            pattern: rule.pattern.clone(),
            why: error.to_string(),
        })?;
        Ok(Self { pattern, zone })
    }

    /// The first one after a time; both in milliseconds since 1970. `None` if there is none in the next
    /// thousands of years, or it cannot be worked out.
    pub fn after(&self, time_ms: i64) -> Option<i64> {
        let found = self.from(time_ms, false).filter(|at| *at > time_ms);
        found.or_else(|| {
            // A zone that went over the date line never had a day, and in front of such a day nothing is found.
            // If there is something a day later, it is looked for from the next hours on.
            self.from(time_ms.checked_add(24 * HOUR_MS)?, true)?;
            (1..=24).find_map(|hours| self.from(time_ms + hours * HOUR_MS, true))
        })
    }

    fn from(&self, time_ms: i64, inclusive: bool) -> Option<i64> {
        let found = self.pattern.find_next_occurrence(&self.second(time_ms)?, inclusive);
        found.ok().map(|at| at.timestamp_millis())
    }

    /// The last one that is not after a time.
    pub(super) fn latest(&self, time_ms: i64) -> Option<i64> {
        let found = self.pattern.find_previous_occurrence(&self.second(time_ms)?, true);
        found.ok().map(|at| at.timestamp_millis()).filter(|at| *at <= time_ms)
    }

    fn second(&self, time_ms: i64) -> Option<DateTime<Tz>> {
        self.zone.timestamp_opt(time_ms.div_euclid(1_000), 0).single()
    }
}
