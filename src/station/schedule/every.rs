//! Due times a fixed period apart: `due(k) = anchor + phase + k · period`. How late a run begins moves none of
//! them, so nothing adds up.

use std::time::Duration;

use super::{Due, Last, Missed, Now, Poll};
use crate::link::Mono;

/// Times are microseconds since [`Mono::ZERO`], with a sign: due times of an earlier process lie before it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "what ends alike is the unit")]
pub(super) struct Every {
    period_us: i64,
    /// The earliest due time that has not been dealt with.
    next_us: i64,
    /// The due time before it; `None` if there is none, because the first one is that of the start.
    from_us: Option<i64>,
    last_start_us: Option<i64>,
    /// The one before it.
    start_before_us: Option<i64>,
}

impl Every {
    pub(super) fn new(
        period: Duration,
        phase: Duration,
        at_start: bool,
        missed: Missed,
        last: &Last,
        now: &Now,
    ) -> Self {
        let period_us = period_us(period);
        let now_us = mono_us(now.mono);
        let start_us = now_us + us(phase);
        let last_start_us = ago_us(last.started_ago, last.started_wall_ms, now).map(|ago| now_us - ago);
        // Without a restart of the machine the start tells best: a calendar may have jumped meanwhile.
        let due_ago_us = ago_us(last.started_ago, last.due_wall_ms, now);
        let carried_us = due_ago_us.filter(|ago| missed == Missed::Once && *ago >= period_us);
        let (from_us, next_us) = match carried_us {
            Some(ago) => (Some(now_us - ago), now_us - ago + period_us),
            None if at_start => {
                let allowed_us = last_start_us.map_or(start_us, |started| started + apart_us(period_us));
                (None, start_us.max(allowed_us))
            }
            None => (Some(start_us), start_us + period_us),
        };
        Self { period_us, next_us, from_us, last_start_us, start_before_us: last_start_us }
    }

    pub(super) fn poll(&mut self, now: &Now) -> Poll {
        let now_us = mono_us(now.mono);
        if now_us < self.earliest_us() {
            return Poll::default();
        }
        let missed = (now_us - self.next_us) / self.period_us;
        let due_us = self.next_us + missed * self.period_us;
        self.from_us = Some(due_us);
        self.next_us = due_us + self.period_us;
        self.start_before_us = self.last_start_us.replace(now_us);
        let late_us = now_us - due_us;
        let due = Due {
            scheduled_wall_ms: now.wall_ms.map(|wall_ms| wall_ms.saturating_sub(late_us / 1_000)),
            late: Duration::from_micros(late_us.unsigned_abs()),
            jumped: false,
        };
        Poll { run: Some(due), missed: missed.unsigned_abs(), held: false }
    }

    pub(super) fn next(&self) -> Mono {
        Mono::from_micros(u64::try_from(self.earliest_us()).unwrap_or(0))
    }

    /// What the last poll gave is not run, so the next keeps its distance from the run before.
    pub(super) fn skipped(&mut self) {
        self.last_start_us = self.start_before_us;
    }

    pub(super) fn started(&mut self, now: &Now) {
        self.last_start_us = Some(mono_us(now.mono));
    }

    pub(super) fn set_period(&mut self, period: Duration, now: &Now) {
        self.period_us = period_us(period);
        let now_us = mono_us(now.mono);
        if let Some(from_us) = self.from_us
            && self.next_us > now_us
        {
            self.next_us = now_us.max(from_us + self.period_us);
        }
    }

    pub(super) fn last_due_wall_ms(&self, now: &Now) -> Option<i64> {
        let ago_us = mono_us(now.mono) - self.from_us?;
        Some(now.wall_ms?.saturating_sub(ago_us / 1_000))
    }

    /// When the next run may begin.
    fn earliest_us(&self) -> i64 {
        let allowed_us = self.last_start_us.map(|started| started + apart_us(self.period_us));
        allowed_us.map_or(self.next_us, |allowed| allowed.max(self.next_us))
    }
}

/// How long ago something was, by the best clock that knows it. What seems to lie in the future was just now.
fn ago_us(ago: Option<Duration>, wall_ms: Option<i64>, now: &Now) -> Option<i64> {
    let by_wall = || Some(now.wall_ms?.saturating_sub(wall_ms?).clamp(0, FAR_US / 1_000) * 1_000);
    ago.map(us).or_else(by_wall)
}

/// Some 24,000 years; a few of these can be added.
const FAR_US: i64 = i64::MAX / 12;

fn us(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(FAR_US).min(FAR_US)
}

fn mono_us(at: Mono) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(FAR_US).min(FAR_US)
}

/// A period of nothing would be due for ever in one moment.
fn period_us(period: Duration) -> i64 {
    us(period).max(1_000)
}

/// Two runs keep nine tenths of a period between their starts, so that a late one and the next, which is on
/// time, do not come to the cloud in one moment.
fn apart_us(period_us: i64) -> i64 {
    period_us - period_us / 10
}
