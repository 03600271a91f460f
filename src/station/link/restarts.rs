//! Which restarts of the module count. One restart is told by several lines, and by a port that vanishes.

use std::time::Duration;

use crate::link::Mono;

/// The module has said everything it says when it starts this long after its last line.
const QUIET: Duration = Duration::from_secs(2);
/// What comes this long after a restart was noticed is told of the same one.
const SAME: Duration = Duration::from_secs(10);
/// … and this long after the port came back.
const SAME_AFTER_PORT: Duration = Duration::from_secs(30);
/// A restart so soon after a rung is the rung's.
const RUNG_LASTS: Duration = Duration::from_mins(1);
/// So many unexpected restarts …
const MANY: usize = 3;
/// … in this time mean that the supply fails whenever the module transmits.
const WITHIN: Duration = Duration::from_mins(10);

/// The restarts so far.
#[derive(Debug, Default)]
pub(super) struct Restarts {
    /// Unexpected ones, oldest first.
    unexpected: Vec<Mono>,
    same_until: Mono,
    quiet_until: Mono,
    ours_until: Mono,
}

/// What a sign of a restart means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    /// One more line about one that is known.
    Known,
    /// One that we made.
    Expected,
    /// One that nobody asked for.
    Unexpected,
    /// Too many of those.
    Brownout,
}

impl Restarts {
    pub(super) fn count(&mut self, now: Mono, expected: bool) -> Restart {
        self.quiet_until = now + QUIET;
        if now < self.same_until {
            return Restart::Known;
        }
        self.same_until = now + SAME;
        if expected || now < self.ours_until {
            return Restart::Expected;
        }
        self.unexpected.retain(|at| now.since(*at) < WITHIN);
        self.unexpected.push(now);
        if self.unexpected.len() < MANY {
            return Restart::Unexpected;
        }
        self.unexpected.clear();
        Restart::Brownout
    }

    pub(super) fn port_found(&mut self, now: Mono) {
        self.same_until = self.same_until.max(now + SAME_AFTER_PORT);
    }

    pub(super) fn rung_ended(&mut self, now: Mono) {
        self.ours_until = now + RUNG_LASTS;
    }

    /// The module is not spoken to before.
    pub(super) fn quiet_until(&self) -> Mono {
        self.quiet_until
    }
}
