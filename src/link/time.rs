//! Time as a value. A run asks a [`Clock`] it was handed, never the machine: on the wall the clock is the
//! machine's, in a simulation it belongs to the simulated world, and the rest of the code cannot tell.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A point in time in microseconds since the run began, on a clock that only goes forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// The beginning of the run.
    pub const ZERO: Self = Self(0);
    /// Later than any deadline that can be written in a flow.
    pub const FAR: Self = Self(u64::MAX);

    /// `micros` microseconds after the run began.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the run began.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Mono {
    type Output = Self;
    fn sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(by.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Where the time comes from. A clock that says no more than it must is one of a machine that runs through
/// and whose calendar is right.
pub trait Clock {
    /// Now, on the clock that only goes forward. It goes on while the machine sleeps.
    fn now(&self) -> Mono;

    /// Now, as a calendar knows it: milliseconds since 1970-01-01T00:00:00Z. It may jump.
    fn wall_ms(&self) -> i64;

    /// How far [`Clock::wall_ms`] may be believed: one of [`quality`].
    fn wall_quality(&self) -> u8 {
        quality::SYNCHRONISED
    }

    /// Names the time from one start of the machine to the next; [`Clock::since_boot_ms`] of two processes
    /// can be compared if they saw the same name.
    fn boot_id(&self) -> String {
        "boot".to_owned()
    }

    /// Milliseconds since the machine started, those in which it slept included.
    fn since_boot_ms(&self) -> i64 {
        i64::try_from(self.now().as_micros() / 1_000).unwrap_or(i64::MAX)
    }
}

/// How well the calendar is known. More is better.
pub mod quality {
    /// Not at all: a machine without a battery, just started.
    pub const NONE: u8 = 0;
    /// It is at least as late as something that was once known.
    pub const FLOOR: u8 = 1;
    /// The system's clock, which is not obviously wrong.
    pub const PLAUSIBLE: u8 = 2;
    /// A network told it to the module.
    pub const NETWORK: u8 = 3;
    /// The system keeps its clock right by a time service.
    pub const SYNCHRONISED: u8 = 4;

    /// A system without a battery starts with the time at which it was switched off: plausible, and wrong.
    /// By then a time service has spoken, if there is one.
    const DOUBT_MS: i64 = 10 * 60 * 1_000;

    /// Whether a calendar of this quality may be acted on, this long after the machine's start.
    pub fn is_trusted(quality: u8, since_boot_ms: i64) -> bool {
        quality >= NETWORK || (quality == PLAUSIBLE && since_boot_ms >= DOUBT_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plausible_calendar_is_trusted_after_ten_minutes() {
        let trusted = |quality, minutes: i64| quality::is_trusted(quality, minutes * 60_000);
        assert!(trusted(quality::SYNCHRONISED, 0) && trusted(quality::NETWORK, 0));
        assert!(!trusted(quality::PLAUSIBLE, 9) && trusted(quality::PLAUSIBLE, 10));
        assert!(!trusted(quality::FLOOR, 1_000) && !trusted(quality::NONE, 1_000));
    }
}
