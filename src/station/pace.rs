//! How fast the outbox is emptied: what the cloud allows between two publishes, and what the link bears. A
//! restart of the program does not make it faster.

use std::time::Duration;

use crate::flow::model::station::CloudLimits;
use crate::link::Mono;
use crate::store::{Lane, Moment};

use super::{Station, millis};

/// Under which the store keeps when the next publish may begin.
const NEXT: &str = "next_publish";
/// No restart is over sooner, so shorter pauses need not be kept.
const RESTART: Duration = Duration::from_secs(1);
/// A loss this soon after a report that had waited slows the draining down.
const TOO_FAST: Duration = Duration::from_mins(1);
/// Draining becomes faster again after so long without one.
const CALM: Duration = Duration::from_mins(10);
/// The slowest draining.
const SLOWEST: Duration = Duration::from_mins(1);

/// When the next publish may begin.
pub(super) struct Pace {
    pub not_before: Mono,
    /// When the link came up: what was made before had to wait for it.
    up_since: Mono,
    /// Between two of those.
    pause: Duration,
    slowed_at: Mono,
    last_backlog: Option<Mono>,
}

impl Pace {
    pub fn new(limits: &CloudLimits) -> Self {
        Self {
            not_before: Mono::ZERO,
            up_since: Mono::ZERO,
            pause: limits.drain_every,
            slowed_at: Mono::ZERO,
            last_backlog: None,
        }
    }

    /// The file is another one.
    pub fn renew(&mut self, limits: &CloudLimits) {
        self.pause = limits.drain_every;
    }

    /// The link came up.
    pub fn came_online(&mut self, now: Mono) {
        self.up_since = now;
    }

    /// The link was lost. If that came soon after a report that had waited, they come too fast for it.
    pub fn lost(&mut self, now: Mono) {
        if self.last_backlog.is_some_and(|last| now.since(last) < TOO_FAST) {
            self.pause = (self.pause * 2).clamp(Duration::from_millis(100), SLOWEST);
            self.slowed_at = now;
        }
    }

    fn has_waited(&self, made: Option<Mono>, lane: Lane) -> bool {
        lane == Lane::Report && made.is_none_or(|made| made < self.up_since)
    }

    /// From a publish of this row to the next one.
    fn rest_after(&self, made: Option<Mono>, lane: Lane, limits: &CloudLimits) -> Duration {
        if self.has_waited(made, lane) { limits.gap.max(self.pause) } else { limits.gap }
    }

    /// A row left; when may the next one?
    pub fn pass_on(&mut self, now: Mono, made: Option<Mono>, lane: Lane, limits: &CloudLimits) {
        if self.has_waited(made, lane) {
            self.last_backlog = Some(now);
            if self.pause > limits.drain_every && now.since(self.slowed_at) > CALM {
                self.pause = (self.pause / 2).max(limits.drain_every);
                self.slowed_at = now;
            }
        }
        self.not_before = now + self.rest_after(made, lane, limits);
    }
}

impl Station {
    /// A publish of this row begins. Whatever becomes of it, and of this process, the next one keeps its distance.
    pub(super) fn remember_pace(&self, made: Option<Mono>, lane: Lane, limits: &CloudLimits) {
        let rest = self.drain.pace.rest_after(made, lane, limits);
        let rest_ms = millis(rest);
        let mut store = self.shared.store.borrow_mut();
        if rest <= RESTART {
            if store.note(NEXT).is_some() {
                store.set_note(NEXT, None);
            }
            return;
        }
        let Moment { boot, mono_ms } = store.moment(self.shared.now_ms());
        store.set_note(NEXT, Some(&format!("{boot} {mono_ms} {rest_ms}")));
    }

    /// What an earlier process published last, or tried to, still counts.
    pub(super) fn recall_pace(&mut self) {
        let Some(note) = self.shared.store.borrow_mut().note(NEXT) else { return };
        let numbers: Vec<i64> = note.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [boot, mono_ms, rest_ms] = numbers[..] else { return };
        let rest = Duration::from_millis(u64::try_from(rest_ms).unwrap_or(0));
        // How long the machine was off may not be known: then as if it had been a moment.
        let passed = self.ago(Moment { boot, mono_ms }).unwrap_or_default();
        self.drain.pace.not_before = self.now() + rest.saturating_sub(passed);
    }
}
