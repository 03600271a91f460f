//! How many commands are taken. A flood is not recorded, and hardly answered: the cloud's side of the line
//! is slow, and everything on disk must be worked off.

use std::time::Duration;

use crate::link::Mono;

/// Most commands that wait.
pub const MAX_WAITING: usize = 100;
/// Commands a minute, over a long time.
const PER_MINUTE: u32 = 60;
/// Commands at once.
const BURST: u32 = 20;
/// Between two replies to commands that are not recorded.
const REFUSAL_EVERY: Duration = Duration::from_secs(1);

/// What becomes of a command that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is recorded and run.
    Taken,
    /// It is one too many: counted, and answered only if `reply` says so.
    Busy {
        /// Whether it gets a reply that says `busy`.
        reply: bool,
    },
}

/// Who may still come in. It is not kept over a restart.
#[derive(Clone, Debug)]
pub struct Admissions {
    /// How much of the burst is used up, as the time after which nothing of it is.
    recovered_at: Mono,
    refused_at: Option<Mono>,
}

impl Default for Admissions {
    fn default() -> Self {
        Self { recovered_at: Mono::ZERO, refused_at: None }
    }
}

impl Admissions {
    /// Decides over a command that came at `now` while `waiting` others wait.
    pub fn admit(&mut self, now: Mono, waiting: usize) -> Admission {
        let interval = Duration::from_mins(1) / PER_MINUTE;
        let base = self.recovered_at.max(now);
        if waiting < MAX_WAITING && base.since(now) <= interval * (BURST - 1) {
            self.recovered_at = base + interval;
            return Admission::Taken;
        }
        Admission::Busy { reply: self.may_refuse(now) }
    }

    /// Whether a command that is not recorded gets a reply that says why.
    pub fn may_refuse(&mut self, now: Mono) -> bool {
        let reply = self.refused_at.is_none_or(|last| now.since(last) >= REFUSAL_EVERY);
        if reply {
            self.refused_at = Some(now);
        }
        reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    #[test]
    fn a_burst_is_taken_and_then_one_a_second() {
        let mut admissions = Admissions::default();
        let taken = (0..50).filter(|_| admissions.admit(at(5_000), 0) == Admission::Taken).count();
        assert_eq!(taken, 20);
        assert!(matches!(admissions.admit(at(5_999), 0), Admission::Busy { .. }));
        assert_eq!(admissions.admit(at(6_000), 0), Admission::Taken);
        assert!(matches!(admissions.admit(at(6_000), 0), Admission::Busy { .. }));
        // After a quiet time there is one burst, not more.
        let taken = (0..50).filter(|_| admissions.admit(at(3_600_000), 0) == Admission::Taken).count();
        assert_eq!(taken, 20);
    }

    #[test]
    fn busy_is_said_once_a_second_at_most() {
        let mut admissions = Admissions::default();
        let mut busy = |ms| admissions.admit(at(ms), MAX_WAITING);
        assert_eq!(busy(0), Admission::Busy { reply: true });
        assert_eq!(busy(0), Admission::Busy { reply: false });
        assert_eq!(busy(999), Admission::Busy { reply: false });
        assert_eq!(busy(1_000), Admission::Busy { reply: true });
        assert_eq!(admissions.admit(at(1_000), MAX_WAITING - 1), Admission::Taken);
    }
}
