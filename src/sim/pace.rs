//! The wall behind the simulated clock. Only who watches a simulation, or joins it to a real broker or
//! a pty, needs it; without a pacer simulated time costs nothing.

use crate::link::Mono;

/// How a wait on the wall ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The time has come.
    Due,
    /// Somebody wants attention first; it is this late on the simulated clock.
    Woken(Mono),
}

/// Ties simulated time to the wall: before the clock may move on to a point, the wall has to get there.
pub trait Pacer {
    /// Waits until the wall has reached `until`, or somebody wants attention.
    fn wait(&mut self, until: Mono) -> Waited;
}

/// How fast simulated time passes.
#[derive(Default)]
pub enum Pace {
    /// As fast as the machine can; a day takes a moment.
    #[default]
    Max,
    /// As the pacer says.
    Paced(Box<dyn Pacer>),
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Max => "Max",
            Self::Paced(_) => "Paced",
        })
    }
}

#[cfg(unix)]
pub use wall::WallPacer;

#[cfg(unix)]
mod wall {
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::{Pacer, Waited};
    use crate::link::Mono;

    /// Simulated time that passes at a fixed multiple of the wall's.
    #[derive(Debug)]
    pub struct WallPacer {
        began: Instant,
        speed: f64,
        wake: Option<OwnedFd>,
    }

    impl WallPacer {
        /// Begins now. `speed` is simulated seconds to a second of the wall; what is not a positive
        /// number counts as 1. A wait ends early while `wake` is readable; whoever is woken drains it.
        pub fn new(speed: f64, wake: Option<OwnedFd>) -> Self {
            let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
            Self { began: now(), speed, wake }
        }

        /// Where the simulated clock should be by now.
        pub fn elapsed(&self) -> Mono {
            Mono::ZERO + super::super::profile::scaled(now().duration_since(self.began), self.speed)
        }

        /// How long the wall takes from now to `until`.
        pub(crate) fn left(&self, until: Mono) -> Duration {
            super::super::profile::scaled(until.since(self.elapsed()), self.speed.recip())
        }
    }

    impl Pacer for WallPacer {
        fn wait(&mut self, until: Mono) -> Waited {
            loop {
                let left = self.left(until);
                // Looked at even if nothing is left to wait for, so that a signal is not starved.
                if woken(self.wake.as_ref().map(AsFd::as_fd), left) {
                    return Waited::Woken(self.elapsed().min(until));
                }
                if self.left(until).is_zero() {
                    return Waited::Due;
                }
            }
        }
    }

    /// Waits up to `left`; true if `wake` became readable.
    fn woken(wake: Option<BorrowedFd<'_>>, left: Duration) -> bool {
        let timeout = Timespec::try_from(left).ok();
        let mut fds: Vec<_> = wake.iter().map(|wake| PollFd::new(wake, PollFlags::IN)).collect();
        // An interrupted wait is taken up again by the caller's loop.
        poll(&mut fds, timeout.as_ref()).is_ok_and(|ready| ready > 0)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place of the simulator that asks the wall")]
    fn now() -> Instant {
        Instant::now()
    }
}
