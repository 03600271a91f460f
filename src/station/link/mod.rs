//! The link of a station: whether it is online, and what to do when it is not. A state machine without any
//! input or output: the station tells it facts, asks what it wants, does that, and tells how it ended.
//!
//! ```text
//! loop {
//!     link.fact(now, …);                        // whatever was heard
//!     match link.want(now) {
//!         Want::Do(_) => {
//!             let job = link.begin(now);        // counts it: store `uses` before it is done, if they changed
//!             link.done(now, outcome);
//!         }
//!         Want::FindPort => …                   // then Fact::PortFound
//!         Want::Nothing { until } => …          // runs, publishing, sleeping
//!     }
//! }
//! ```
//!
//! * `climb`: the levels of `link.up`, their attempts, and going down one when a level fails for good.
//! * `ladder`: the rungs of `link.reset`, how often each may be used, and all pauses.
//! * `facts`: what is heard. `restarts`: which restarts of the module count. `online`: while all is well.

mod climb;
mod facts;
mod ladder;
mod online;
mod restarts;
mod shape;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::link::Mono;
use crate::run::Chance;

use super::event::{Happening, LinkState};

use climb::Climb;
use ladder::Ladder;
use online::Online;
use restarts::Restarts;

pub use ladder::{Use, Uses};
pub use shape::{Fact, History, Job, LevelShape, Outcome, PublishFault, RungShape, Shape, Trouble, Want};

/// How often it is said that the module is in quarantine.
const QUARANTINE_REMINDER: Duration = Duration::from_hours(1);

/// The link of one station.
#[derive(Debug)]
pub struct Machine {
    shape: Shape,
    phase: Phase,
    /// How many levels hold, from the bottom.
    held: usize,
    trust: Trust,
    climb: Climb,
    ladder: Ladder,
    restarts: Restarts,
    /// Publishes that failed since one was accepted, for reasons that lie in the link.
    failed_publishes: u32,
    /// The next session is opened clean.
    clean: bool,
    /// From when on publishing is allowed, while online.
    settled: Mono,
    /// After too many restarts the module is not used before this.
    alone_until: Mono,
    doing: Option<Doing>,
    chance: Chance,
    told: LinkState,
    cause: Option<&'static str>,
    happenings: Vec<Happening>,
}

/// What the machine is about. What is under way is in `doing`.
#[derive(Clone, Debug)]
enum Phase {
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
enum Trust {
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
struct Doing {
    job: Job,
    /// Which attempt at it.
    attempt: u32,
    began: Mono,
    /// A fact has decided meanwhile: how it ends does not matter.
    overtaken: bool,
    /// The module restarted meanwhile, and nobody had asked it to.
    restarted: bool,
}

impl Machine {
    /// A link at the start of a process. `seed` makes the chance in its pauses.
    pub fn new(shape: Shape, history: &History, seed: u64, now: Mono) -> Self {
        let ladder = Ladder::new(&shape.rungs, history, now);
        Self {
            ladder,
            shape,
            phase: Phase::Climbing { not_before: now, ask: false },
            held: 0,
            trust: Trust::Torn,
            climb: Climb::from(0),
            restarts: Restarts::default(),
            failed_publishes: 0,
            clean: history.unclean,
            settled: now,
            alone_until: now,
            doing: None,
            chance: Chance::new(seed),
            told: LinkState::Down,
            cause: None,
            happenings: Vec::new(),
        }
    }

    /// What is to be done now. It lets time pass, so it is asked at every boundary. While something is under
    /// way it is nothing.
    pub fn want(&mut self, now: Mono) -> Want {
        if self.doing.is_some() {
            return Want::Nothing { until: None };
        }
        self.pass(now);
        self.tell();
        match &self.phase {
            Phase::Absent { .. } => Want::FindPort,
            Phase::Stopped => Want::Nothing { until: None },
            Phase::Waiting { until, .. } => Want::Nothing { until: Some(*until) },
            Phase::Climbing { not_before, .. } | Phase::Resting { not_before, .. } if now < *not_before => {
                Want::Nothing { until: Some(*not_before) }
            }
            Phase::Climbing { ask: true, .. } | Phase::Resting { .. } => Want::Do(Job::Check),
            Phase::Climbing { .. } => Want::Do(self.next_level()),
            Phase::Rung(index) => Want::Do(Job::Rung { index: *index }),
            Phase::Quarantined { not_before, tell_at } => self.quarantine_want(now, *not_before, *tell_at),
            Phase::Online(online) => online.want(now),
        }
    }

    /// Says that what is wanted begins now. A rung is counted: [`Machine::uses`] has to be stored before it
    /// is run, or a station that crashes in the middle could reset its module without end. `None` when
    /// nothing is to be done.
    pub fn begin(&mut self, now: Mono) -> Option<Job> {
        let Want::Do(job) = self.want(now) else { return None };
        let attempt = match job {
            Job::Check => 1,
            Job::Climb { level, .. } => self.begin_level(level, now),
            Job::Rung { index } => self.begin_rung(index, now),
        };
        self.doing = Some(Doing { job, attempt, began: now, overtaken: false, restarted: false });
        self.tell();
        Some(job)
    }

    /// Says how that ended. A restart, a lost port or a module that swallows everything, if heard during it,
    /// is told before; a `closed` line of a run that went up to the top is told after it, and only if it
    /// came after the session was open.
    pub fn done(&mut self, now: Mono, outcome: &Outcome) {
        let Some(doing) = self.doing.take() else { return };
        let place = self.happenings.len();
        if !doing.overtaken && !self.heard_as_trouble(now, doing.job, outcome) {
            match doing.job {
                Job::Check => self.check_done(now, outcome),
                Job::Climb { level, clean } => self.level_done(now, (level, clean), doing, outcome),
                Job::Rung { .. } => self.rung_done(now, outcome),
            }
        }
        let happening = self.finished(doing, now, outcome);
        self.happenings.insert(place, happening);
        self.tell();
    }

    /// Where the link is.
    pub fn state(&self) -> LinkState {
        match &self.phase {
            Phase::Absent { .. } => LinkState::Absent,
            Phase::Quarantined { .. } => LinkState::Quarantined,
            Phase::Waiting { .. } => LinkState::Waiting,
            Phase::Online(online) if online.is_doubted() => LinkState::Degraded,
            Phase::Online(_) => LinkState::Online,
            Phase::Stopped => LinkState::Stopped,
            _ if self.held == 0 => LinkState::Down,
            _ if self.ladder.is_recovering() => LinkState::Recovering,
            _ => LinkState::Climbing,
        }
    }

    /// How many levels of `link.up` hold, from the bottom.
    pub fn level(&self) -> usize {
        self.held
    }

    /// Whether the outbox may publish; see [`Machine::publish_from`].
    pub fn is_online(&self) -> bool {
        self.state() == LinkState::Online
    }

    /// From when on the outbox may publish; `None` while the link does not hold or is in doubt. A session
    /// that was opened clean after an unclean end is given a little time.
    pub fn publish_from(&self) -> Option<Mono> {
        self.is_online().then_some(self.settled)
    }

    /// Whether schedules, events and handlers may run: the module answers.
    pub fn takes_runs(&self) -> bool {
        match self.phase {
            Phase::Absent { .. }
            | Phase::Quarantined { .. }
            | Phase::Waiting { deaf: true, .. }
            | Phase::Stopped => false,
            _ => self.held > 0 || self.shape.levels.is_empty(),
        }
    }

    /// What happened since this was last asked, oldest first.
    pub fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// When the rungs were used, to be kept on disk.
    pub fn uses(&self, now: Mono) -> Uses {
        self.ladder.uses(now)
    }

    /// Whether a rung was counted since this was last asked.
    pub fn uses_changed(&mut self) -> bool {
        self.ladder.take_changed()
    }

    /// The process ends: nothing more is wanted.
    pub fn stop(&mut self, now: Mono) {
        self.enter(now, Phase::Stopped);
        self.tell();
    }

    /// What happens by itself as time goes by.
    fn pass(&mut self, now: Mono) {
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

    fn quarantine_want(&self, now: Mono, not_before: Mono, tell_at: Mono) -> Want {
        match self.ladder.without_module(now.max(not_before)) {
            Some(index) if now >= not_before => Want::Do(Job::Rung { index }),
            Some(_) => Want::Nothing { until: Some(tell_at.min(not_before)) },
            None => Want::Nothing { until: Some(tell_at) },
        }
    }

    /// The check cannot say more than the session it is about is worth.
    fn may_ask(&self) -> bool {
        self.shape.check_every.is_some() && self.trust != Trust::Condemned
    }

    fn check_done(&mut self, now: Mono, outcome: &Outcome) {
        match (&self.phase, self.trust) {
            (Phase::Online(_), _) => self.online_checked(now, outcome),
            (Phase::Climbing { .. } | Phase::Resting { .. }, Trust::Whole) if outcome.is_good() => {
                self.go_online(now, true);
            }
            (Phase::Climbing { .. }, _) => self.phase = Phase::Climbing { not_before: now, ask: false },
            (Phase::Resting { .. }, Trust::Torn) if outcome.is_good() => self.session_is_torn(now),
            (Phase::Resting { .. }, _) => self.phase = Phase::Resting { not_before: now, ask: false },
            _ => {}
        }
    }

    /// The session is there but could not be opened whole: one more climb of the top is milder than a rung.
    /// The second time its own word does not help it any more.
    fn session_is_torn(&mut self, now: Mono) {
        if self.ladder.spare() {
            self.climb_from(self.top(), now, now);
        } else {
            self.trust = Trust::Condemned;
            self.phase = Phase::Resting { not_before: now, ask: false };
        }
    }

    /// The index of the highest level.
    fn top(&self) -> usize {
        self.shape.levels.len().saturating_sub(1)
    }

    /// Names that say by themselves what happened, should no fact have told it. Whether one did.
    fn heard_as_trouble(&mut self, now: Mono, job: Job, outcome: &Outcome) -> bool {
        let Outcome::Failed(trouble) = outcome else { return false };
        match trouble.family.as_str() {
            "port" => self.port_gone(now, trouble.message.clone(), matches!(job, Job::Rung { .. })),
            "stuck" => self.stuck(now),
            _ => return false,
        }
        true
    }

    fn finished(&self, doing: Doing, now: Mono, outcome: &Outcome) -> Happening {
        let took_ms = millis(now.since(doing.began));
        let rung = match doing.job {
            Job::Check => return Happening::Check { ok: outcome.is_good(), took_ms },
            Job::Climb { level, .. } => self.shape.levels[level].name.to_string(),
            Job::Rung { index } => self.shape.rungs[index].name.to_string(),
        };
        let error = match outcome {
            Outcome::Passed { .. } => None,
            Outcome::Failed(trouble) => Some(trouble.message.clone()),
        };
        let pause_ms = self.next_at().map_or(0, |at| millis(at.since(now)));
        Happening::RungFinished {
            rung,
            attempt: doing.attempt,
            ok: error.is_none(),
            error,
            took_ms,
            pause_ms,
        }
    }

    fn next_at(&self) -> Option<Mono> {
        match self.phase {
            Phase::Climbing { not_before, .. }
            | Phase::Resting { not_before, .. }
            | Phase::Quarantined { not_before, .. } => Some(not_before),
            Phase::Waiting { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Another phase, and what is to be told about leaving the old one.
    fn enter(&mut self, now: Mono, phase: Phase) {
        match (&self.phase, &phase) {
            (Phase::Waiting { began, .. }, _) => {
                let (attempt, took_ms) = (self.ladder.waits(), millis(now.since(*began)));
                let rung = WAIT.to_string();
                self.happenings.push(Happening::RungFinished {
                    rung,
                    attempt,
                    ok: true,
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
    fn wait_until(&mut self, now: Mono, until: Mono, deaf: bool) {
        let (rung, attempt) = (WAIT.to_string(), self.ladder.waits());
        self.enter(now, Phase::Waiting { began: now, until, deaf });
        self.happenings.push(Happening::RungStarted { rung, attempt });
    }

    /// Tells another state, once per change.
    fn tell(&mut self) {
        let to = self.state();
        let from = std::mem::replace(&mut self.told, to);
        let cause = self.cause.take().map(str::to_string);
        if from != to {
            self.happenings.push(Happening::LinkState { from, to, level: self.held, cause });
        }
    }
}

/// The name of the last rung.
const WAIT: &str = "wait";

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
