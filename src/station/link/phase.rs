//! What the machine is about, and what time alone changes.

use std::time::Duration;

use crate::link::Mono;

use super::super::event::Happening;
use super::online::Online;
use super::{Job, Machine, Outcome, Want, millis};

/// How often it is said that the module is in quarantine.
pub(super) const QUARANTINE_REMINDER: Duration = Duration::from_hours(1);
/// The name of the last rung.
const WAIT: &str = "wait";

/// What the machine is about. What is under way is in `doing`.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// The port is not there. `then`: no climb before this, if it comes back.
    Absent { then: Mono },
    /// Nothing may be sent.
    Quarantined { not_before: Mono, tell_at: Mono },
    /// Everything was tried. `deaf`: signs of life do not end it, they are the problem.
    Waiting { began: Mono, until: Mono, deaf: bool },
    /// On the way up. `ask`: the check is asked first.
    Climbing { not_before: Mono, ask: bool },
    /// Climbing did not help; the next rung follows. `ask`: the check is asked first.
    Resting { not_before: Mono, ask: bool },
    /// This rung is next.
    Rung(usize),
    /// All levels hold.
    Online(Online),
    /// The end.
    Stopped,
}

/// What a passing check proves about the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It was opened whole: if it is there, all is well.
    Whole,
    /// It was never opened whole, or somebody has been at it since, so that subscriptions may be missing. A
    /// passing check then only says that the levels below the top hold.
    Torn,
    /// It is there and does not do its work: the check is not asked.
    Condemned,
}

/// What the station is doing for the machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doing {
    pub(super) job: Job,
    /// Which attempt at it.
    pub(super) attempt: u32,
    pub(super) began: Mono,
    /// A fact has decided meanwhile: how it ends does not matter.
    pub(super) overtaken: bool,
    /// The module restarted meanwhile, and nobody had asked it to.
    pub(super) restarted: bool,
}

impl Machine {
    /// What happens by itself as time goes by.
    pub(super) fn pass(&mut self, now: Mono) {
        match self.phase {
            Phase::Waiting { until, .. } if now >= until => {
                self.ladder.start_over();
                self.climb_from(0, now, now);
            }
            Phase::Resting { not_before, ask: false } if now >= not_before => self.choose_rung(now),
            Phase::Quarantined { not_before, tell_at } if now >= tell_at => {
                let tell_at = now + QUARANTINE_REMINDER;
                self.phase = Phase::Quarantined { not_before, tell_at };
                self.happenings.push(Happening::QuarantineEntered);
            }
            _ => {}
        }
        // A station without levels is online as soon as nothing stands against it.
        if let Phase::Climbing { not_before, .. } = self.phase
            && now >= not_before
            && self.held == self.shape.levels.len()
        {
            self.go_online(now, false);
        }
    }

    pub(super) fn quarantine_want(&self, now: Mono, not_before: Mono, tell_at: Mono) -> Want {
        match self.ladder.without_module(now.max(not_before)) {
            Some(index) if now >= not_before => Want::Do(Job::Rung { index }),
            Some(_) => Want::Nothing { until: Some(tell_at.min(not_before)) },
            None => Want::Nothing { until: Some(tell_at) },
        }
    }

    /// The check cannot say more than the session it is about is worth.
    pub(super) fn may_ask(&self) -> bool {
        self.shape.check_every.is_some() && self.trust != Trust::Condemned
    }

    pub(super) fn check_done(&mut self, now: Mono, outcome: &Outcome) {
        match (&self.phase, self.trust) {
            (Phase::Online(_), _) => self.online_checked(now, outcome),
            (Phase::Climbing { .. }, Trust::Whole) if outcome.is_good() => {
                self.ladder.false_alarm();
                self.go_online(now, true);
            }
            (Phase::Resting { .. }, Trust::Whole) if outcome.is_good() => self.go_online(now, true),
            (Phase::Climbing { .. }, _) => self.phase = Phase::Climbing { not_before: now, ask: false },
            (Phase::Resting { .. }, Trust::Torn) if outcome.is_good() => self.session_is_torn(now),
            (Phase::Resting { .. }, _) => self.phase = Phase::Resting { not_before: now, ask: false },
            _ => {}
        }
    }

    /// The session is there but could not be opened whole: one more climb of the top is milder than a rung.
    /// The second time its own word does not help it any more, unless there is nothing left but to wait: the
    /// module answers, and that is no time to leave it alone.
    pub(super) fn session_is_torn(&mut self, now: Mono) {
        if self.ladder.spare() || self.ladder.choose(now).is_none() {
            self.climb_from(self.top(), now, now);
        } else {
            self.trust = Trust::Condemned;
            self.phase = Phase::Resting { not_before: now, ask: false };
        }
    }

    /// The index of the highest level.
    pub(super) fn top(&self) -> usize {
        self.shape.levels.len().saturating_sub(1)
    }

    pub(super) fn next_at(&self) -> Option<Mono> {
        match self.phase {
            Phase::Climbing { not_before, .. }
            | Phase::Resting { not_before, .. }
            | Phase::Quarantined { not_before, .. } => Some(not_before),
            Phase::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Another phase, and what is to be told about leaving the old one.
    pub(super) fn enter(&mut self, now: Mono, phase: Phase) {
        match (&self.phase, &phase) {
            (Phase::Waiting { began, .. }, _) => {
                let (attempt, took_ms) = (self.ladder.waits(), millis(now.since(*began)));
                let rung = WAIT.to_string();
                self.happenings.push(Happening::RungFinished {
                    rung,
                    attempt,
                    ok: true,
                    code: None,
                    error: None,
                    took_ms,
                    pause_ms: 0,
                });
            }
            (Phase::Quarantined { .. }, to) if !matches!(to, Phase::Quarantined { .. }) => {
                self.happenings.push(Happening::QuarantineLeft);
            }
            _ => {}
        }
        if let Phase::Quarantined { .. } = &phase {
            self.happenings.push(Happening::QuarantineEntered);
        }
        self.phase = phase;
    }

    /// Leaves the module alone for a while.
    pub(super) fn wait_until(&mut self, now: Mono, until: Mono, deaf: bool) {
        let (rung, attempt) = (WAIT.to_string(), self.ladder.waits());
        self.enter(now, Phase::Waiting { began: now, until, deaf });
        self.happenings.push(Happening::RungStarted { rung, attempt });
    }
}
