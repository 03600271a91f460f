//! The rungs of `link.reset`: which is next, how often each was used, over restarts of the station too, and
//! the pauses between climbs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::link::Mono;

use super::super::event::Happening;
use super::{History, Machine, Outcome, Phase, RungShape, Trust};

/// Between two climbs, doubling.
const ROUND_PAUSE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_mins(15));
/// When everything was tried, doubling.
const WAIT_PAUSE: (Duration, Duration) = (Duration::from_mins(15), Duration::from_hours(1));
/// Each pause is this part longer or shorter, so that a hundred stations do not come back at once.
const SPREAD: f64 = 0.1;

/// When rungs were used, as it is kept on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uses(pub Vec<Use>);

/// One use of a rung.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Its name.
    pub rung: String,
    /// How long ago it was when this was stored.
    pub ago_ms: u64,
}

/// Where the recovery stands.
#[derive(Debug)]
pub(super) struct Ladder {
    rungs: Vec<Rung>,
    /// The mildest rung that was not tried yet.
    next: usize,
    /// The last one that was tried since all was well.
    last: Option<usize>,
    /// Climbs since all was well: how long the next pause is.
    strain: u32,
    /// Of these, the ones since the last rung or rest that failed, or did not hold.
    climbs: u32,
    /// Both as they were before the last loss.
    before_loss: (u32, u32),
    /// Waits since all was well.
    waits: u32,
    instead: Instead,
    /// The lowest level ended in silence: what needs the module's ear comes last.
    pub(super) silent: bool,
    changed: bool,
}

/// Climbs that were made where a rung would have been next, since the last rung.
#[derive(Debug, Default)]
struct Instead {
    /// The check passed, so the rung was spared.
    spared: bool,
    /// No rung was left after a pause: if this climb fails, too, it waits.
    spent: bool,
}

#[derive(Debug)]
struct Rung {
    shape: RungShape,
    /// When each use ceases to count.
    counts_until: Vec<Mono>,
    tries: u32,
}

impl Rung {
    fn is_usable(&self, now: Mono) -> bool {
        let counting = self.counts_until.iter().filter(|until| **until > now).count();
        u32::try_from(counting).is_ok_and(|counting| counting < self.shape.at_most)
    }
}

impl Ladder {
    pub(super) fn new(shapes: &[RungShape], history: &History, now: Mono) -> Self {
        let restore = |shape: &RungShape| {
            let uses = history.uses.0.iter().filter(|one| *one.rung == *shape.name);
            // A use never counts longer than one that is made now.
            let age = |one: &Use| Duration::from_millis(one.ago_ms).saturating_add(history.away);
            let counts_until = uses.map(|one| now + shape.per.saturating_sub(age(one))).collect();
            Rung { shape: shape.clone(), counts_until, tries: 0 }
        };
        Self {
            rungs: shapes.iter().map(restore).collect(),
            next: 0,
            last: None,
            strain: 0,
            climbs: 0,
            before_loss: (0, 0),
            waits: 0,
            instead: Instead::default(),
            silent: false,
            changed: false,
        }
    }

    pub(super) fn uses(&self, now: Mono) -> Uses {
        let mut uses = Vec::new();
        for rung in &self.rungs {
            for until in rung.counts_until.iter().filter(|until| **until > now) {
                let ago = rung.shape.per.saturating_sub(until.since(now));
                let ago_ms = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                uses.push(Use { rung: rung.shape.name.to_string(), ago_ms });
            }
        }
        Uses(uses)
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The rung to use now. In silence the ones that do without the module come first.
    pub(super) fn choose(&self, now: Mono) -> Option<usize> {
        let usable = || (self.next..self.rungs.len()).filter(|index| self.rungs[*index].is_usable(now));
        let deaf = || usable().find(|index| !self.rungs[*index].shape.needs_module);
        self.silent.then(deaf).flatten().or_else(|| usable().next())
    }

    /// A rung that can be used while nothing may be sent.
    pub(super) fn without_module(&self, now: Mono) -> Option<usize> {
        self.rungs.iter().position(|rung| !rung.shape.needs_module && rung.is_usable(now))
    }

    /// Whether there was no rung left before the last climb, and there still is none.
    pub(super) fn is_spent(&self, now: Mono) -> bool {
        self.instead.spent && self.choose(now).is_none()
    }

    fn count_use(&mut self, index: usize, now: Mono) -> u32 {
        let rung = &mut self.rungs[index];
        rung.counts_until.retain(|until| *until > now);
        rung.counts_until.push(now + rung.shape.per);
        rung.tries += 1;
        self.next = index + 1;
        self.last = Some(index);
        self.climbs = 0;
        self.instead = Instead::default();
        self.changed = true;
        rung.tries
    }

    /// Counts a climb that failed or did not hold.
    pub(super) fn count_climb(&mut self) -> u32 {
        self.climbs += 1;
        self.climbs
    }

    /// Whether a passing check may spare the rung that is next. Once.
    pub(super) fn spare(&mut self) -> bool {
        !std::mem::replace(&mut self.instead.spared, true)
    }

    /// Whether something is being recovered from, or was not long ago.
    pub(super) fn is_recovering(&self) -> bool {
        self.strain > 0
    }

    pub(super) fn waits(&self) -> u32 {
        self.waits
    }

    /// Online again: if that does not last, it goes on with the rung that had helped.
    pub(super) fn resume_at_last(&mut self) {
        self.instead = Instead::default();
        if let Some(last) = self.last {
            self.next = last;
        }
    }

    /// All is well, for long enough to be believed.
    pub(super) fn all_is_well(&mut self) {
        *self = Self {
            rungs: std::mem::take(&mut self.rungs),
            next: 0,
            last: None,
            strain: 0,
            climbs: 0,
            before_loss: (0, 0),
            waits: 0,
            instead: Instead::default(),
            silent: false,
            changed: self.changed,
        };
        for rung in &mut self.rungs {
            rung.tries = 0;
        }
    }

    /// After a wait everything is tried again.
    pub(super) fn start_over(&mut self) {
        (self.next, self.last, self.strain, self.climbs) = (0, None, 1, 0);
        self.instead = Instead::default();
    }

    /// The link is lost. The pause before it is climbed again: none the first time since all was well. A
    /// climb that did not hold counts as one that failed; whether now a rung has to follow.
    pub(super) fn lose(&mut self, most_climbs: u32, chance: &mut Chance) -> (Duration, bool) {
        self.before_loss = (self.strain, self.climbs);
        let pause = match self.strain {
            0 => Duration::ZERO,
            strain => spread(doubled(ROUND_PAUSE, strain - 1), chance),
        };
        if self.strain > 0 {
            self.climbs += 1;
        }
        self.strain = self.strain.saturating_add(1);
        let enough = self.climbs >= most_climbs;
        if enough {
            self.climbs = 0;
        }
        (pause, enough)
    }

    /// It was not lost after all.
    pub(super) fn false_alarm(&mut self) {
        (self.strain, self.climbs) = self.before_loss;
    }

    /// The pause after climbing in vain.
    pub(super) fn round_pause(&mut self, chance: &mut Chance) -> Duration {
        self.climbs = 0;
        self.strain = self.strain.max(1);
        let pause = doubled(ROUND_PAUSE, self.strain - 1);
        self.strain = self.strain.saturating_add(1);
        spread(pause, chance)
    }

    /// The pause when everything was tried.
    pub(super) fn wait_pause(&mut self, chance: &mut Chance) -> Duration {
        let pause = doubled(WAIT_PAUSE, self.waits);
        self.waits = self.waits.saturating_add(1);
        spread(pause, chance)
    }
}

/// A pause after it has doubled so often.
fn doubled((first, most): (Duration, Duration), times: u32) -> Duration {
    first.saturating_mul(1 << times.min(16)).min(most)
}

fn spread(pause: Duration, chance: &mut Chance) -> Duration {
    pause.mul_f64(1.0 - SPREAD) + chance.up_to(pause.mul_f64(2.0 * SPREAD))
}

impl Machine {
    /// The pause is over and the check has been asked: the next rung, or what comes when there is none.
    pub(super) fn choose_rung(&mut self, now: Mono) {
        if let Some(index) = self.ladder.choose(now) {
            self.phase = Phase::Rung(index);
            return;
        }
        // What was wrong may have passed during the pause: one more climb before a wait, which is long. Without
        // any rungs nothing else is ever done.
        self.ladder.instead.spent = !self.shape.rungs.is_empty();
        self.climb_from(0, now, now);
    }

    /// Which try of it this is, since all was well.
    pub(super) fn begin_rung(&mut self, index: usize, now: Mono) -> u32 {
        let attempt = self.ladder.count_use(index, now);
        self.trust = Trust::Torn;
        self.held = 0;
        let rung = self.shape.rungs[index].name.to_string();
        self.happenings.push(Happening::RungStarted { rung, attempt });
        attempt
    }

    pub(super) fn rung_done(&mut self, now: Mono, outcome: &Outcome) {
        let passed = matches!(outcome, Outcome::Passed { .. });
        if let Phase::Quarantined { tell_at, .. } = self.phase
            && !passed
        {
            let not_before = now + self.ladder.round_pause(&mut self.chance);
            self.phase = Phase::Quarantined { not_before, tell_at };
            return;
        }
        self.restarts.rung_ended(now);
        // Even a rung that failed may have done something: only climbing tells.
        self.climb_from(0, now, now.max(self.restarts.quiet_until()));
    }
}
