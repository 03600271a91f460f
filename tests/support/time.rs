//! Deadlines on the machine's clock.

use std::time::{Duration, Instant};

/// How long a test waits for something that comes at once on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A point in time after which a test gives up.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long from now.
    pub fn after(time: Duration) -> Self {
        Self(now() + time)
    }

    /// What is left until then; zero when it has passed.
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(now())
    }

    /// Whether it has passed.
    pub fn passed(self) -> bool {
        self.left().is_zero()
    }
}

/// How long something took.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(now())
    }

    /// From its start to now.
    pub fn elapsed(self) -> Duration {
        now().duration_since(self.0)
    }
}

#[expect(clippy::disallowed_methods, reason = "these tests watch real processes on the machine's clock")]
fn now() -> Instant {
    Instant::now()
}
