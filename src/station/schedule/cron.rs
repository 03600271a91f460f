//! Due times by wall time. All that is remembered is the last due time dealt with, on the calendar: whatever
//! the calendar does then, no due time comes twice, and those jumped over are known.

use std::time::Duration;

use super::{Due, Missed, Now, Occurrences, Poll};
use crate::link::Mono;

/// A due time that the calendar jumped over is late, not missed, if it is so recent.
const LATE_MS: i64 = 60_000;

/// A last due time so far in the future means that the calendar was wrong then. Clocks that were set to a
/// wrong zone are off by less.
const WRONG_MS: i64 = 25 * 3_600_000;

/// Most due times that are counted at once.
const COUNTED: u64 = 1_000;

/// How long to leave a pattern alone that has no next time.
const ASK_AGAIN_MS: i64 = 24 * 3_600_000;

#[derive(Clone, Debug)]
pub(super) struct Cron {
    occurrences: Occurrences,
    phase_ms: i64,
    missed: Missed,
    /// Moved by the phase like all times here, so that it is an occurrence of the pattern. `None` until the
    /// calendar can be trusted for the first time.
    last_due_ms: Option<i64>,
    upcoming: Upcoming,
    /// The last look at a calendar that was trusted, and what it said.
    looked_at: Option<(Mono, i64)>,
    held: bool,
}

/// The occurrence after the last due time.
#[derive(Clone, Copy, Debug)]
enum Upcoming {
    NotAsked,
    At(i64),
    /// There was none; from this time on there may be.
    AskFrom(i64),
}

impl Cron {
    pub(super) fn new(
        occurrences: Occurrences,
        phase: Duration,
        missed: Missed,
        last_due_ms: Option<i64>,
    ) -> Self {
        let phase_ms = millis(phase);
        let upcoming = Upcoming::NotAsked;
        Self { occurrences, phase_ms, missed, last_due_ms, upcoming, looked_at: None, held: false }
    }

    pub(super) fn poll(&mut self, now: &Now) -> Poll {
        let Some(wall_ms) = now.wall_ms else {
            self.looked_at = None;
            let held = !std::mem::replace(&mut self.held, true);
            return Poll { held, ..Poll::default() };
        };
        let was_unknown = std::mem::replace(&mut self.held, false);
        let now_ms = wall_ms.saturating_sub(self.phase_ms);
        let looked_at = self.looked_at.replace((now.mono, now_ms));
        self.look_ahead(now_ms);
        let Upcoming::At(first_ms) = self.upcoming else { return Poll::default() };
        if first_ms > now_ms {
            return Poll::default();
        }
        let (count, due_ms) = self.passed(first_ms, now_ms);
        self.deal_with(due_ms);
        self.look_ahead(now_ms);
        // What became due while the port was busy or the machine slept was not jumped over by anybody. Nor was
        // what passed before this process; but a calendar that was not known may have moved by anything.
        let lived_ms = looked_at.map_or(0, |(at, _)| millis(now.mono.since(at)));
        let late_ms = now_ms - due_ms;
        let runs = self.missed == Missed::Once || late_ms <= lived_ms.max(LATE_MS);
        let due = Due {
            scheduled_wall_ms: Some(due_ms.saturating_add(self.phase_ms)),
            late: Duration::from_millis(late_ms.unsigned_abs()),
            jumped: was_unknown
                || looked_at.is_some_and(|(_, then_ms)| now_ms - then_ms - lived_ms > LATE_MS),
        };
        Poll { run: runs.then_some(due), missed: count - u64::from(runs), held: false }
    }

    pub(super) fn next(&self, now: &Now) -> Option<Mono> {
        let now_ms = now.wall_ms?.saturating_sub(self.phase_ms);
        let at_ms = match self.upcoming {
            Upcoming::NotAsked => now_ms,
            Upcoming::At(at) | Upcoming::AskFrom(at) => at,
        };
        let left_ms = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
        Some(now.mono + Duration::from_millis(left_ms))
    }

    pub(super) fn last_due_wall_ms(&self) -> Option<i64> {
        self.last_due_ms
    }

    /// Whatever is not later than this never comes again.
    fn deal_with(&mut self, due_ms: i64) {
        self.last_due_ms = Some(due_ms);
        self.upcoming = Upcoming::NotAsked;
    }

    fn look_ahead(&mut self, now_ms: i64) {
        if self.last_due_ms.is_none_or(|last| last > now_ms.saturating_add(WRONG_MS)) {
            self.deal_with(now_ms);
        }
        let from_ms = match self.upcoming {
            Upcoming::NotAsked => self.last_due_ms.unwrap_or(now_ms),
            Upcoming::AskFrom(from) if from <= now_ms => from,
            Upcoming::At(_) | Upcoming::AskFrom(_) => return,
        };
        self.upcoming = match self.occurrences.after(from_ms) {
            Some(at) => Upcoming::At(at),
            None => Upcoming::AskFrom(now_ms.saturating_add(ASK_AGAIN_MS)),
        };
    }

    /// How many occurrences there are from `first_ms` to `now_ms`, and the latest.
    fn passed(&self, first_ms: i64, now_ms: i64) -> (u64, i64) {
        let (mut count, mut latest_ms) = (1, first_ms);
        while let Some(next_ms) = self.occurrences.after(latest_ms).filter(|next| *next <= now_ms) {
            if count == COUNTED {
                // A jump of years. What lies between is neither counted nor gone through.
                latest_ms = self.occurrences.latest(now_ms).unwrap_or(next_ms).max(next_ms);
                break;
            }
            count += 1;
            latest_ms = next_ms;
        }
        (count, latest_ms)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
