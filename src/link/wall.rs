//! The machine's own clock: what a real port's waits run on.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::{Clock, Mono};

/// The machine's clock. Its [`Mono::ZERO`] is the moment it was created, so one is made at the start of a
/// process and handed to every port.
#[derive(Clone, Copy, Debug)]
pub struct WallClock {
    began: Instant,
}

impl WallClock {
    /// A clock that begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for WallClock {
    fn now(&self) -> Mono {
        Mono::ZERO + self.began.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
    fn wall_ms(&self) -> i64 {
        let now = SystemTime::now();
        // A machine whose calendar stands before 1970 has lost its battery; it counts backwards then.
        let (since, sign) = match now.duration_since(UNIX_EPOCH) {
            Ok(since) => (since, 1),
            Err(before) => (before.duration(), -1),
        };
        i64::try_from(since.as_millis()).map_or(i64::MAX, |ms| ms * sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_goes_forward_and_knows_the_century() {
        let clock = WallClock::new();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(clock.wall_ms() > 1_577_836_800_000, "before 2020");
    }
}
