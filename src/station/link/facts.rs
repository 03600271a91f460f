//! What is heard, and what it changes at once.

use crate::link::Mono;

use super::super::event::Happening;
use super::online::Loss;
use super::phase::QUARANTINE_REMINDER;
use super::restarts::Restart;
use super::{Fact, Job, Machine, Phase, Trust};

impl Machine {
    /// Tells the machine what was heard. See [`Machine::done`] for what is told before and after a run.
    pub fn fact(&mut self, now: Mono, fact: Fact) {
        if matches!(self.phase, Phase::Stopped) {
            return;
        }
        match fact {
            Fact::Closed => self.lost_online(now, "closed", self.top()),
            Fact::Silent => self.lost_online(now, "silent", 0),
            Fact::Reboot { evidence, expected } => self.restarted(now, evidence, expected),
            Fact::PortGone { what, expected } => self.port_gone(now, what, expected),
            Fact::PortFound => self.port_found(now),
            Fact::Stuck => self.stuck(now),
            Fact::Unstuck => self.unstuck(now),
            Fact::PublishOk { acknowledged } => self.publish_ok(now, acknowledged),
            Fact::PublishFailed(fault) => self.publish_failed(now, fault),
            Fact::Downlink => self.session_lives(now),
            Fact::Doubt => self.look_soon(now),
            Fact::SignOfLife => self.sign_of_life(now),
        }
        self.tell(now);
    }

    /// A fact decides: whatever is under way for the link does not any more.
    fn overtake(&mut self) {
        if let Some(doing) = &mut self.doing {
            doing.overtaken = true;
        }
    }

    fn lost_online(&mut self, now: Mono, cause: &'static str, kept: usize) {
        if matches!(self.phase, Phase::Online(_)) {
            self.overtake();
            self.lose(now, Loss { cause, kept, trust: Trust::Whole, expected: false, asked: false });
        }
    }

    fn restarted(&mut self, now: Mono, evidence: String, expected: bool) {
        let job = self.doing.map(|doing| doing.job);
        let restart = self.restarts.count(now, expected || matches!(job, Some(Job::Rung { .. })));
        if restart != Restart::Known {
            let expected = restart == Restart::Expected;
            self.happenings.push(Happening::Reboot { expected, evidence });
        }
        let quiet = now.max(self.restarts.quiet_until());
        match (job, &self.phase) {
            _ if restart == Restart::Brownout => self.brownout(now),
            (
                _,
                Phase::Absent { .. } | Phase::Stopped | Phase::Waiting { deaf: true, .. } | Phase::Rung(_),
            ) => {}
            (Some(Job::Climb { level: 0, .. }), _) => {
                if let Some(doing) = &mut self.doing {
                    doing.restarted |= !expected;
                }
            }
            (Some(Job::Climb { .. }), _) => {
                self.overtake();
                self.trust = Trust::Torn;
                self.climb_cut(now, quiet);
            }
            (_, Phase::Online(_)) => {
                self.overtake();
                let expected = matches!(restart, Restart::Expected | Restart::Known);
                self.lose(now, Loss { cause: "reboot", kept: 0, trust: Trust::Torn, expected, asked: true });
            }
            (_, phase) => {
                if let Phase::Waiting { .. } = phase {
                    self.ladder.start_over();
                }
                self.overtake();
                self.begin_again(now, quiet);
            }
        }
    }

    /// It restarts whenever it is used: it is left alone.
    fn brownout(&mut self, now: Mono) {
        self.happenings.push(Happening::Brownout);
        self.overtake();
        let loss = Loss { cause: "reboot", kept: 0, trust: Trust::Torn, expected: false, asked: true };
        self.note_loss(now, loss);
        (self.held, self.trust) = (0, Trust::Torn);
        self.alone_until = now + self.ladder.wait_pause(&mut self.chance);
        if !matches!(self.phase, Phase::Absent { .. }) {
            self.wait_until(now, self.alone_until, true);
        }
    }

    /// From the bottom, unless the module is to be left alone.
    fn begin_again(&mut self, now: Mono, not_before: Mono) {
        self.trust = Trust::Torn;
        if self.alone_until > now {
            self.held = 0;
            self.wait_until(now, self.alone_until, true);
        } else {
            self.climb_from(0, now, not_before);
        }
    }

    pub(super) fn port_gone(&mut self, now: Mono, what: String, expected: bool) {
        if matches!(self.phase, Phase::Absent { .. } | Phase::Stopped) {
            return;
        }
        let ours = matches!(self.doing, Some(doing) if matches!(doing.job, Job::Rung { .. }));
        let restart = self.restarts.count(now, expected || ours);
        self.happenings.push(Happening::PortGone { what });
        self.overtake();
        if let Phase::Waiting { .. } = self.phase {
            self.ladder.start_over();
        }
        let expected = matches!(restart, Restart::Expected | Restart::Known);
        let loss = Loss { cause: "port", kept: 0, trust: Trust::Torn, expected, asked: true };
        let (pause, _) = self.note_loss(now, loss);
        (self.held, self.trust) = (0, Trust::Torn);
        self.enter(now, Phase::Absent { then: now + pause });
        if restart == Restart::Brownout {
            self.brownout(now);
        }
    }

    fn port_found(&mut self, now: Mono) {
        let Phase::Absent { then } = self.phase else { return };
        self.happenings.push(Happening::PortFound);
        self.restarts.port_found(now);
        self.begin_again(now, now.max(then));
    }

    pub(super) fn stuck(&mut self, now: Mono) {
        if matches!(self.phase, Phase::Absent { .. } | Phase::Quarantined { .. } | Phase::Stopped) {
            return;
        }
        self.overtake();
        let loss = Loss { cause: "stuck", kept: 0, trust: Trust::Torn, expected: false, asked: true };
        self.note_loss(now, loss);
        (self.held, self.trust) = (0, Trust::Torn);
        self.enter(now, Phase::Quarantined { not_before: now, tell_at: now + QUARANTINE_REMINDER });
    }

    fn unstuck(&mut self, now: Mono) {
        if let Phase::Quarantined { .. } = self.phase {
            self.overtake();
            self.begin_again(now, now);
        }
    }

    /// A module that was silent says something. One that answers talks all the time.
    fn sign_of_life(&mut self, now: Mono) {
        if let Phase::Waiting { deaf: false, .. } = self.phase
            && self.held == 0
        {
            self.ladder.start_over();
            self.begin_again(now, now);
        }
    }
}
