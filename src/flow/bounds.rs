//! How long a flow can take at worst, and how many command lines it can send: every wait has an end, and
//! `check` adds them up.

use std::time::Duration;

use super::model::{Action, Flow, FlowId, OnError, Pause, Program, Retry, Send, Step};

/// A resync after a timeout: `AT` three times, a second each.
const RESYNC: Duration = Duration::from_secs(3);
/// A list that is not known at load may have so many elements.
const UNKNOWN_LIST: u32 = 1000;

/// The worst case of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// From its first byte to its end. `None`: it says `forever`.
    pub time: Option<Duration>,
    /// Command lines, not counting resyncs.
    pub commands: u64,
}

impl Bound {
    const NONE: Self = Self { time: Some(Duration::ZERO), commands: 0 };

    fn then(self, other: Self) -> Self {
        Self {
            time: self.time.zip(other.time).map(|(a, b)| a.saturating_add(b)),
            commands: self.commands.saturating_add(other.commands),
        }
    }

    fn at_most(self, limit: Option<Duration>) -> Self {
        let time = match (self.time, limit) {
            (Some(time), Some(limit)) => Some(time.min(limit)),
            (time, limit) => time.or(limit),
        };
        Self { time, ..self }
    }

    fn times(self, count: u32) -> Self {
        Self {
            time: self.time.map(|time| time.saturating_mul(count)),
            commands: self.commands.saturating_mul(u64::from(count)),
        }
    }

    fn larger(self, other: Self) -> Self {
        Self {
            time: self.time.zip(other.time).map(|(a, b)| a.max(b)),
            commands: self.commands.max(other.commands),
        }
    }
}

/// The worst case of `flow`. Flows never run themselves, which was checked before.
pub fn of_flow(program: &Program, flow: FlowId) -> Bound {
    whole_flow(program, program.flow(flow))
}

fn whole_flow(program: &Program, flow: &Flow) -> Bound {
    let attempt = list(program, &flow.steps).at_most(flow.timeout);
    retried(&flow.retry, attempt).then(on_error(program, &flow.on_error)).then(list(program, &flow.always))
}

fn list(program: &Program, steps: &[Step]) -> Bound {
    steps.iter().fold(Bound::NONE, |sum, one| sum.then(step(program, one)))
}

fn step(program: &Program, step: &Step) -> Bound {
    let mut attempt = action(program, step);
    if let Some(probe) = &step.unless {
        attempt = attempt.then(send(program, &probe.send, probe.timeout).times(2));
    }
    let done = retried(&step.retry, attempt)
        .then(on_error(program, &step.on_error))
        .then(list(program, &step.always));
    if step.otherwise.is_empty() { done } else { done.larger(list(program, &step.otherwise)) }
}

fn action(program: &Program, step: &Step) -> Bound {
    let wait = || Bound { time: Some(step.timeout.unwrap_or_default()), commands: 0 };
    match &step.action {
        Action::None | Action::Port(_) | Action::Stop(_) => Bound::NONE,
        Action::Send(one) => send(program, one, step.timeout),
        Action::Await(_) | Action::Receive(_) | Action::Ask(_) => wait(),
        Action::Sleep(time) => Bound { time: Some(*time), commands: 0 },
        Action::Publish(publish) => of_flow(program, publish.flow).at_most(step.timeout),
        Action::Run(call) => of_flow(program, call.flow).at_most(step.timeout),
        Action::Group(steps) => list(program, steps).at_most(step.timeout),
        Action::Each(each) => {
            let rounds = each.length.map_or(UNKNOWN_LIST, |length| u32::try_from(length).unwrap_or(u32::MAX));
            list(program, &each.steps).times(rounds).at_most(step.timeout)
        }
    }
}

/// One command line: its time, the restart it may cause, and a resync if it runs out of time.
fn send(program: &Program, send: &Send, own: Option<Duration>) -> Bound {
    let dialect = &program.dialect;
    let entries = match send.line.literal() {
        Some(line) => dialect.entry(line).into_iter().collect(),
        None => dialect.entries_for_prefix(send.line.literal_prefix()),
    };
    let table = entries.iter().filter_map(|entry| entry.rules.timeout).max();
    let restarts =
        send.rules.restarts.or_else(|| entries.iter().filter_map(|entry| entry.rules.restarts).max());
    let time = own.or(send.rules.timeout).or(table).unwrap_or(dialect.line.timeout);
    Bound { time: Some(time + restarts.unwrap_or_default() + RESYNC), commands: 1 }
}

fn on_error(program: &Program, rule: &OnError) -> Bound {
    match rule {
        OnError::Steps(steps) => list(program, steps),
        _ => Bound::NONE,
    }
}

/// W = attempts × W(attempt) + pauses, or the limit + one attempt, whichever ends first.
fn retried(retry: &Retry, attempt: Bound) -> Bound {
    if !retry.written {
        return attempt;
    }
    if retry.forever {
        return Bound { time: None, commands: u64::MAX };
    }
    let by_count = retry.attempts.map(|attempts| {
        let pauses = pauses(retry, attempts, attempt.time);
        let all = attempt.times(attempts);
        Bound { time: all.time.zip(Some(pauses)).map(|(time, pauses)| time.saturating_add(pauses)), ..all }
    });
    let by_time = retry.limit.map(|limit| {
        let shortest = match retry.pause {
            Pause::Every(every) => every,
            Pause::Backoff(first, _) => first,
        };
        let starts = limit.as_nanos().checked_div(shortest.as_nanos());
        let starts = starts.and_then(|starts| u64::try_from(starts + 1).ok()).unwrap_or(u64::MAX);
        Bound {
            time: attempt.time.map(|time| limit.saturating_add(time)),
            commands: attempt.commands.saturating_mul(starts),
        }
    });
    match (by_count, by_time) {
        (Some(count), Some(time)) => Bound {
            time: count.time.zip(time.time).map(|(a, b)| a.min(b)),
            commands: count.commands.min(time.commands),
        },
        (Some(bound), None) | (None, Some(bound)) => bound,
        (None, None) => attempt,
    }
}

/// The pauses between so many attempts; with `every`, only what an attempt leaves of it.
fn pauses(retry: &Retry, attempts: u32, attempt: Option<Duration>) -> Duration {
    let mut sum = Duration::ZERO;
    for index in 1..attempts.min(10_000) {
        let pause = match retry.pause {
            Pause::Every(every) => every.saturating_sub(attempt.unwrap_or_default()),
            Pause::Backoff(first, most) => first.saturating_mul(1_u32 << (index - 1).min(30)).min(most),
        };
        sum = sum.saturating_add(pause);
    }
    sum
}
