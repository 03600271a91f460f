//! While the link holds: when the check is due, what doubts it, and how it is lost.

use std::time::Duration;

use crate::link::Mono;

use super::climb::CLIMBS;
use super::{Job, Machine, Outcome, Phase, PublishFault, Trust, Want};

/// All is well after being online this long, with a proof.
const STEADY: Duration = Duration::from_mins(5);
/// Between a check that failed and the next one.
const AGAIN: Duration = Duration::from_secs(5);
/// From a proof that the session lives to a check for no more than a doubt.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Publishes in a row that may fail for the link's sake.
const PUBLISHES: u32 = 3;
/// Checks in a row that may fail.
const CHECKS: u32 = 2;

/// An online link.
#[derive(Clone, Debug)]
pub(super) struct Online {
    since: Mono,
    check_at: Option<Mono>,
    /// When the broker or a check last showed that the session lives, or it was opened.
    lived_at: Mono,
    /// A publish was accepted or a check passed.
    proven: bool,
    /// A publish or a check failed; nothing is published until a check passes.
    doubted: bool,
    failed_checks: u32,
    /// All of these ended in silence.
    silent: bool,
}

impl Online {
    pub(super) fn want(&self, now: Mono) -> Want {
        match self.check_at {
            Some(at) if now >= at => Want::Do(Job::Check),
            until => Want::Nothing { until },
        }
    }

    /// Since when the link is up.
    pub(super) fn since(&self) -> Mono {
        self.since
    }

    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// A check is due now.
    fn doubt(&mut self, now: Mono) {
        self.check_at = self.check_at.map(|at| at.min(now));
    }
}

/// Why a link is lost, and what is known by that.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loss {
    pub(super) cause: &'static str,
    /// Levels that still hold.
    pub(super) kept: usize,
    /// What the session is worth.
    pub(super) trust: Trust,
    /// We made it ourselves.
    pub(super) expected: bool,
    /// By a check: it need not be asked again at once.
    pub(super) asked: bool,
}

impl Machine {
    pub(super) fn go_online(&mut self, now: Mono, checked: bool) {
        self.held = self.shape.levels.len();
        self.trust = Trust::Whole;
        self.ladder.resume_at_last();
        self.ladder.silent = false;
        let check_at = self.shape.check_every.map(|every| now + every);
        let online = Online {
            since: now,
            check_at,
            lived_at: now,
            proven: checked,
            doubted: false,
            failed_checks: 0,
            silent: true,
        };
        self.enter(now, Phase::Online(online));
    }

    pub(super) fn online_checked(&mut self, now: Mono, outcome: &Outcome) {
        let (every, kept) = (self.shape.check_every.unwrap_or_default(), self.top());
        let Phase::Online(online) = &mut self.phase else { return };
        let (cause, kept) = match outcome {
            Outcome::Passed { online: Some(false) } => ("check", kept),
            Outcome::Passed { .. } => {
                (online.proven, online.doubted) = (true, false);
                (online.failed_checks, online.silent) = (0, true);
                (online.check_at, online.lived_at) = (Some(now + every), now);
                return;
            }
            Outcome::Failed(trouble) => {
                online.failed_checks += 1;
                online.silent &= trouble.is("timeout");
                if online.failed_checks < CHECKS {
                    online.doubted = true;
                    online.check_at = Some(now + AGAIN);
                    return;
                }
                if online.silent { ("silent", 0) } else { ("check", kept) }
            }
        };
        self.lose(now, Loss { cause, kept, trust: Trust::Whole, expected: false, asked: true });
    }

    pub(super) fn publish_ok(&mut self, now: Mono, acknowledged: bool) {
        self.failed_publishes = 0;
        if let Phase::Online(online) = &mut self.phase {
            online.proven = true;
        }
        if acknowledged {
            self.session_lives(now);
        }
    }

    /// The broker was heard: the check can wait.
    pub(super) fn session_lives(&mut self, now: Mono) {
        if let (Phase::Online(online), Some(every)) = (&mut self.phase, self.shape.check_every)
            && !online.doubted
        {
            (online.check_at, online.lived_at) = (Some(now + every), now);
        }
    }

    /// Whether the session stands is to be looked at, but not all the time: what cannot be understood may come all
    /// the time.
    pub(super) fn look_soon(&mut self, now: Mono) {
        if let Phase::Online(online) = &mut self.phase {
            online.check_at = online.check_at.map(|at| at.min(now.max(online.lived_at + LOOK_AGAIN)));
        }
    }

    pub(super) fn publish_failed(&mut self, now: Mono, fault: PublishFault) {
        let kept = self.top();
        let has_check = self.shape.check_every.is_some();
        if fault == PublishFault::PubackMissing {
            self.clean = true;
            // Also when something else was noticed first: that session is done with. A module that was silent may
            // not have heard of the publish, and is asked before a rung all the same.
            let held = self.held;
            if let Phase::Climbing { ask, .. } | Phase::Resting { ask, .. } = &mut self.phase
                && self.trust == Trust::Whole
            {
                (*ask, self.trust) = if held > 0 { (false, Trust::Condemned) } else { (*ask, Trust::Torn) };
            }
        }
        let Phase::Online(online) = &mut self.phase else { return };
        let condemned = |cause| Loss { cause, kept, trust: Trust::Condemned, expected: false, asked: false };
        match fault {
            PublishFault::PubackMissing => self.lose(now, condemned("puback")),
            PublishFault::Refused => online.doubt(now),
            PublishFault::Transport => {
                self.failed_publishes += 1;
                if self.failed_publishes >= PUBLISHES {
                    return self.lose(now, condemned("publish"));
                }
                online.doubted = has_check;
                online.doubt(now);
            }
        }
    }

    /// The link is lost.
    pub(super) fn lose(&mut self, now: Mono, loss: Loss) {
        let booked = self.note_loss(now, loss);
        self.climb_after_loss(now, loss, booked);
    }

    /// Books the loss. The pause before it is climbed again, and whether a rung has to come first.
    pub(super) fn note_loss(&mut self, now: Mono, loss: Loss) -> (Duration, bool) {
        let Phase::Online(online) = &self.phase else { return (Duration::ZERO, false) };
        if online.proven && now.since(online.since) >= STEADY {
            self.ladder.all_is_well();
        }
        self.cause = Some(loss.cause);
        self.failed_publishes = 0;
        self.trust = loss.trust;
        if loss.expected {
            return (Duration::ZERO, false);
        }
        self.ladder.lose(CLIMBS, &mut self.chance)
    }
}
