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

/// Where the time comes from.
pub trait Clock {
    /// Now, on the clock that only goes forward.
    fn now(&self) -> Mono;
    /// Now, as a calendar knows it: milliseconds since 1970-01-01T00:00:00Z. It may jump.
    fn wall_ms(&self) -> i64;
}
