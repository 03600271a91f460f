//! Whether and when there is another attempt: rule 9 of "One step, exactly", and the clocks of `retry`.

use crate::chance::Chance;
use crate::flow::diag::Span;
use crate::flow::model::{Jitter, Pause, Retry};
use crate::link::Mono;

use super::Run;
use super::event::Event;
use super::failure::Failure;
use super::frame::{Frame, Point};

impl Run {
    /// Whether there is another attempt, after its pause. Takes back what the failed one set.
    pub(super) fn wait_for_next(
        &mut self,
        retry: &Retry,
        failure: &Failure,
        attempt: u32,
        times: Times,
        (frame, point): (&mut Frame, Point),
        (title, span): (&str, Span),
    ) -> Result<bool, Failure> {
        if !may_retry(retry, failure) || retry.attempts.is_some_and(|most| attempt >= most) {
            return Ok(false);
        }
        let start = self.next_start(retry, attempt, times);
        let too_late = retry.limit.is_some_and(|limit| start > times.first + limit);
        if too_late || start >= times.outer {
            return Ok(false);
        }
        frame.undo(point);
        self.totals.retries += 1;
        let pause = start.since(self.session.now());
        let depth = self.depth;
        if self.tells_steps {
            self.tell(&Event::Retrying { depth, span, title, attempt, error: &failure.message, pause });
        }
        let waited = match failure.family.as_str() {
            "port" => self.session.reopen(start),
            _ => self.session.pause(start),
        };
        let Err(fault) = waited else { return Ok(true) };
        let mut ended = self.fault(fault);
        if ended.family == "port" && may_retry(retry, &ended) && self.session.reopen(start).is_ok() {
            // It went away during the pause, and `only` says that this is no reason to give up.
            return Ok(true);
        }
        ended.path.clone_from(&self.path);
        ended.span = Some(span);
        Err(ended)
    }

    pub(super) fn next_start(&mut self, retry: &Retry, attempt: u32, times: Times) -> Mono {
        let now = self.session.now();
        next_start(retry, attempt, (times.began, now), &mut self.chance)
    }
}

/// When the attempt after `attempt`, which began and ended then, starts.
pub fn next_start(retry: &Retry, attempt: u32, (began, ended): (Mono, Mono), chance: &mut Chance) -> Mono {
    let (start, pause) = match retry.pause {
        Pause::Every(every) => ((began + every).max(ended), every),
        Pause::Backoff(first, most) => {
            let doubled = first.saturating_mul(1_u32 << attempt.saturating_sub(1).min(30));
            let pause = doubled.min(most);
            (ended + pause, pause)
        }
    };
    match retry.jitter {
        Jitter::None => start,
        Jitter::Part(part) => start + chance.up_to(pause.mul_f64(part)),
        Jitter::Time(most) => start + chance.up_to(most),
    }
}

/// When an attempt happened.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub first: Mono,
    pub began: Mono,
    pub outer: Mono,
}

/// Rule 9 of "One step, exactly".
pub(super) fn may_retry(retry: &Retry, failure: &Failure) -> bool {
    if !retry.written || failure.is_interrupt() {
        return false;
    }
    let by_default = !failure.is_final_by_default();
    retry.takes(&failure.name, &failure.family, failure.number, by_default)
}
