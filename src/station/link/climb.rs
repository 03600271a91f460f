//! The way up: the levels of `link.up`, one attempt at a time.

use std::time::Duration;

use crate::flow::model::{Jitter, Pause, Retry};
use crate::link::Mono;
use crate::run::next_start;

use super::super::event::Happening;
use super::online::Loss;
use super::{Doing, Job, Machine, Outcome, Phase, Trouble, Trust};

/// Climbs that may fail before a rung is used.
pub(super) const CLIMBS: u32 = 3;
/// A session that was opened clean after an unclean end settles this long before anything is published.
const SETTLING: Duration = Duration::from_secs(5);

/// Attempts, where nothing is written.
const ATTEMPTS: u32 = 3;
const PAUSES: Pause = Pause::Backoff(Duration::from_secs(10), Duration::from_mins(1));

/// Where a climb stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Climb {
    /// The level it began with, if that is because higher ones failed.
    down_to: Option<usize>,
    /// Attempts of the level at hand that were begun.
    attempt: u32,
    /// When the first of them began.
    first: Mono,
}

impl Climb {
    pub(super) fn new() -> Self {
        Self { down_to: None, attempt: 0, first: Mono::ZERO }
    }
}

impl Machine {
    /// Begins a climb: the levels below `start` hold.
    pub(super) fn climb_from(&mut self, start: usize, now: Mono, not_before: Mono) {
        self.held = start;
        self.climb = Climb::new();
        self.enter(now, Phase::Climbing { not_before, ask: false });
    }

    pub(super) fn next_level(&self) -> Job {
        Job::Climb { level: self.held, clean: self.clean && self.held == self.top() }
    }

    /// Which attempt this is.
    pub(super) fn begin_level(&mut self, level: usize, now: Mono) -> u32 {
        if self.climb.attempt == 0 {
            self.climb.first = now;
        }
        self.climb.attempt += 1;
        if level == self.top() {
            self.trust = Trust::Torn;
        }
        let rung = self.shape.levels[level].name.to_string();
        self.happenings.push(Happening::RungStarted { rung, attempt: self.climb.attempt });
        self.climb.attempt
    }

    pub(super) fn level_done(
        &mut self,
        now: Mono,
        (level, clean): (usize, bool),
        doing: Doing,
        outcome: &Outcome,
    ) {
        match outcome {
            // The lowest level may pass over a restart; but what it has set up may be gone again.
            Outcome::Passed { .. } if !doing.restarted => self.level_passed(now, level, clean),
            Outcome::Passed { .. } => self.level_failed(now, level, doing.began, None),
            Outcome::Failed(trouble) => self.level_failed(now, level, doing.began, Some(trouble)),
        }
    }

    fn level_passed(&mut self, now: Mono, level: usize, clean: bool) {
        self.held = level + 1;
        self.climb.attempt = 0;
        self.ladder.silent = false;
        self.phase = Phase::Climbing { not_before: now, ask: false };
        if level == self.top() {
            self.trust = Trust::Whole;
            self.settled = if clean { now + SETTLING } else { now };
            self.clean = false;
            self.failed_publishes = 0;
            self.go_online(now, false);
        }
    }

    fn level_failed(&mut self, now: Mono, level: usize, began: Mono, trouble: Option<&Trouble>) {
        match self.next_attempt(now, level, began, trouble) {
            Some(at) => {
                let not_before = at.max(self.restarts.quiet_until());
                self.phase = Phase::Climbing { not_before, ask: false };
            }
            None => self.climb_failed(now, level, trouble),
        }
    }

    /// When the level is tried again; `None` when it has failed for good.
    fn next_attempt(
        &mut self,
        now: Mono,
        level: usize,
        began: Mono,
        trouble: Option<&Trouble>,
    ) -> Option<Mono> {
        let written = &self.shape.levels[level].retry;
        let default =
            Retry { attempts: Some(ATTEMPTS), pause: PAUSES, jitter: Jitter::Part(0.1), ..Retry::default() };
        let retry = if written.written { written } else { &default };
        let again = trouble.is_none_or(|trouble| {
            // A restart is nothing to give up for: the next attempt finds the module fresh.
            let by_default = !trouble.is_ours();
            trouble.is("reboot") || retry.takes(&trouble.name, &trouble.family, trouble.number, by_default)
        });
        if !again || retry.attempts.is_some_and(|most| self.climb.attempt >= most) {
            return None;
        }
        let at = next_start(retry, self.climb.attempt, (began, now), &mut self.chance);
        let in_time = retry.limit.is_none_or(|limit| at <= self.climb.first + limit);
        in_time.then_some(at)
    }

    /// A level failed for good: the one below and up again, or, when there is nothing below or that was done
    /// often enough, a rest and a rung.
    pub(super) fn climb_failed(&mut self, now: Mono, level: usize, trouble: Option<&Trouble>) {
        let timed_out = trouble.is_some_and(|trouble| trouble.is("timeout"));
        self.ladder.silent = level == 0 && timed_out;
        if level == 0 || self.ladder.count_climb() >= CLIMBS {
            if level == 0 {
                self.held = 0;
            }
            return self.rest(now, trouble.is_some_and(Trouble::is_ours));
        }
        // Each climb begins at least one lower than the one before.
        let start = self.climb.down_to.map_or(level, |down_to| down_to.min(level)).saturating_sub(1);
        self.climb_from(start, now, now.max(self.restarts.quiet_until()));
        self.climb.down_to = Some(start);
    }

    /// A pause; then a rung, unless the fault lies in our own files. When no rung is left and climbing was
    /// tried after that, too, a long wait.
    fn rest(&mut self, now: Mono, ours: bool) {
        if !ours && self.ladder.is_spent(now) {
            let until = now + self.ladder.wait_pause(&mut self.chance);
            return self.wait_until(now, until, false);
        }
        let not_before = now + self.ladder.round_pause(&mut self.chance);
        if ours {
            // The levels below hold, and what runs on them goes on.
            return self.climb_from(self.held, now, not_before);
        }
        let ask = self.may_ask();
        self.enter(now, Phase::Resting { not_before, ask });
    }

    /// The module restarted in the middle of a climb: that one failed, and the next begins at the bottom.
    pub(super) fn climb_cut(&mut self, now: Mono, quiet: Mono) {
        if self.ladder.count_climb() >= CLIMBS {
            self.held = 0;
            return self.rest(now, false);
        }
        self.climb_from(0, now, quiet);
    }

    /// Up again after a loss; with a rung first if climbing alone never held.
    pub(super) fn climb_after_loss(&mut self, now: Mono, loss: Loss, (pause, enough): (Duration, bool)) {
        let not_before = (now + pause).max(self.restarts.quiet_until());
        self.climb_from(loss.kept, now, not_before);
        self.phase = if enough {
            Phase::Resting { not_before, ask: self.may_ask() }
        } else {
            let fresh = loss.asked && pause.is_zero();
            Phase::Climbing { not_before, ask: self.trust == Trust::Whole && self.may_ask() && !fresh }
        };
    }
}
