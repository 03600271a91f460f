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
//! * `phase`: what the machine is about, and what time alone changes.

mod climb;
mod facts;
mod ladder;
mod online;
mod phase;
mod restarts;
mod shape;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::chance::Chance;
use crate::link::Mono;

use super::event::{Happening, LinkState};

use climb::Climb;
use ladder::Ladder;
use phase::{Doing, Phase, Trust};
use restarts::Restarts;

pub use ladder::{Use, Uses};
pub use shape::{Fact, History, Job, LevelShape, Outcome, PublishFault, RungShape, Shape, Trouble, Want};

/// A module gives up waiting for data after 5 s of silence (manual of the Luat 8910, `AT+MPUBEX`).
const HALF_A_PUBLISH: Duration = Duration::from_secs(6);

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

impl Machine {
    /// A link at the start of a process. `seed` makes the chance in its pauses.
    pub fn new(shape: Shape, history: &History, seed: u64, now: Mono) -> Self {
        let ladder = Ladder::new(&shape.rungs, history, now);
        let not_before = if history.publishing { now + HALF_A_PUBLISH } else { now };
        Self {
            ladder,
            shape,
            phase: Phase::Climbing { not_before, ask: false },
            held: 0,
            trust: Trust::Torn,
            climb: Climb::new(),
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
        self.tell(now);
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
        self.tell(now);
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
        self.pass(now);
        let happening = self.finished(doing, now, outcome);
        self.happenings.insert(place, happening);
        self.tell(now);
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

    /// Whether something can restart a module that may not be spoken to.
    pub fn can_restart_silent_module(&self, now: Mono) -> bool {
        self.ladder.without_module(now).is_some()
    }

    /// From when on the outbox may publish; `None` while the link does not hold or is in doubt. A session
    /// that was opened clean after an unclean end is given a little time.
    pub fn publish_from(&self) -> Option<Mono> {
        match &self.phase {
            Phase::Online(online) if self.is_online() => Some(self.settled.max(online.since())),
            _ => None,
        }
    }

    /// Whether schedules, events and handlers may run: the module answers.
    pub fn takes_runs(&self) -> bool {
        match self.phase {
            Phase::Absent { .. }
            | Phase::Quarantined { .. }
            | Phase::Waiting { deaf: true, .. }
            | Phase::Stopped => false,
            // Without levels only silence that was asked for keeps it from being online.
            Phase::Climbing { .. } => self.held > 0,
            _ => self.held > 0 || self.shape.levels.is_empty(),
        }
    }

    /// When the next step of the recovery is due, if that is later than now.
    pub fn next_try(&self, now: Mono) -> Option<Mono> {
        self.next_at().filter(|at| self.doing.is_none() && *at > now)
    }

    /// What happened since this was last asked, oldest first.
    pub fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// Whether the next session has to be opened clean.
    pub fn wants_clean(&self) -> bool {
        self.clean
    }

    /// What became of a publish is not known, and the module may repeat it by itself: the next session is opened
    /// clean.
    pub fn owe_clean_session(&mut self) {
        self.clean = true;
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
        self.tell(now);
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
        let trouble = match outcome {
            Outcome::Passed { .. } => None,
            Outcome::Failed(trouble) => Some(trouble),
        };
        let pause_ms = self.next_try(now).map_or(0, |at| millis(at.since(now)));
        Happening::RungFinished {
            rung,
            attempt: doing.attempt,
            ok: trouble.is_none(),
            code: trouble.map(|trouble| trouble.code.to_string()),
            error: trouble.map(|trouble| trouble.message.clone()),
            took_ms,
            pause_ms,
        }
    }

    /// Tells another state, once per change.
    fn tell(&mut self, now: Mono) {
        let to = self.state();
        let from = std::mem::replace(&mut self.told, to);
        let cause = self.cause.take().map(str::to_string);
        if from != to {
            let pause_ms = self.next_try(now).map_or(0, |at| millis(at.since(now)));
            self.happenings.push(Happening::LinkState { from, to, level: self.held, cause, pause_ms });
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
