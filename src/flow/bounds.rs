//! How long a flow can take at worst, and how many command lines it can send: every wait has an end, and
//! `check` adds them up.

use std::time::Duration;

use super::duration;
use super::model::{
    Action, Each, Flow, FlowId, Jitter, Leaf, OnError, Origin, Pause, Piece, PortStep, Program,
};
use super::model::{Retry, Send, Step, Template};
use crate::at::table::{HOLE, split_joined};
use crate::hooks;

/// A resync after a timeout: `AT` three times, a second each.
const RESYNC: Duration = Duration::from_secs(3);
/// A list that is not known at load may have so many elements.
const UNKNOWN_LIST: u32 = 1000;
/// Two attempts never start closer together than this: one line takes as long on the wire.
const SHORTEST_ATTEMPT: Duration = Duration::from_millis(1);
/// The speed at which data is pushed: what modules leave the factory with, 10 bits a byte.
const BYTES_PER_SECOND: u64 = 115_200 / 10;

/// The worst case of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// From its first byte to its end. `None`: it says `forever`.
    pub time: Option<Duration>,
    /// Command lines, not counting resyncs.
    pub commands: u64,
}

/// The worst case of `flow`.
pub fn of_flow(program: &Program, flow: FlowId) -> Bound {
    Bounds::new(program).of(flow)
}

/// The worst cases of a program's flows, each added up once.
pub struct Bounds<'p> {
    sum: Sum<'p>,
}

impl<'p> Bounds<'p> {
    /// Nothing is added up yet.
    pub fn new(program: &'p Program) -> Self {
        Self { sum: Sum { program, known: vec![None; program.flows.len()] } }
    }

    /// The worst case of `flow`. Flows never run themselves, which was checked before.
    pub fn of(&mut self, flow: FlowId) -> Bound {
        let sum = &mut self.sum;
        // What a flow runs is worked out before it, once each and without recursion: chains may be long.
        let mut open = vec![flow];
        while let Some(next) = open.last().copied() {
            let body = sum.program.flow(next);
            let before = open.len();
            if sum.known[next.0].is_none() {
                open.extend(runs(body).into_iter().filter(|callee| sum.known[callee.0].is_none()));
            }
            if open.len() == before {
                open.pop();
                if sum.known[next.0].is_none() {
                    sum.known[next.0] = Some(sum.flow(body));
                }
            }
        }
        let cost = sum.cost(flow);
        Bound { time: cost.time(), commands: cost.commands }
    }
}

/// The flows that `flow` runs itself.
fn runs(flow: &Flow) -> Vec<FlowId> {
    let mut found = Vec::new();
    let mut lists: Vec<&[Step]> = vec![&flow.steps, recovery(&flow.on_error), &flow.always];
    while let Some(list) = lists.pop() {
        for step in list {
            lists.extend([step.otherwise.as_slice(), recovery(&step.on_error), &step.always]);
            match &step.action {
                Action::Publish(publish) => found.push(publish.flow),
                Action::Run(call) => found.push(call.flow),
                Action::Group(steps) => lists.push(steps),
                Action::Each(each) => lists.push(&each.steps),
                _ => {}
            }
        }
    }
    found
}

fn recovery(rule: &OnError) -> &[Step] {
    match rule {
        OnError::Steps(steps) => steps,
        _ => &[],
    }
}

/// The worst case of a part of a flow. Times are `None` when they have no end.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// What a `timeout` around it cuts.
    covered: Option<Duration>,
    /// What no `timeout` around it cuts: probes, `on_error`, `always`.
    uncovered: Option<Duration>,
    commands: u64,
    /// A `timeout` around it may cut a command whose final result code is owed.
    cuts_command: bool,
}

impl Cost {
    const NONE: Self = Self {
        covered: Some(Duration::ZERO),
        uncovered: Some(Duration::ZERO),
        commands: 0,
        cuts_command: false,
    };

    fn wait(time: Duration) -> Self {
        Self { covered: Some(time), ..Self::NONE }
    }

    fn time(self) -> Option<Duration> {
        add(self.covered, self.uncovered)
    }

    fn then(self, other: Self) -> Self {
        Self {
            covered: add(self.covered, other.covered),
            uncovered: add(self.uncovered, other.uncovered),
            commands: self.commands.saturating_add(other.commands),
            cuts_command: self.cuts_command || other.cuts_command,
        }
    }

    fn times(self, count: u32) -> Self {
        Self {
            covered: self.covered.map(|time| time.saturating_mul(count)),
            uncovered: self.uncovered.map(|time| time.saturating_mul(count)),
            commands: self.commands.saturating_mul(u64::from(count)),
            cuts_command: self.cuts_command,
        }
    }

    fn larger(self, other: Self) -> Self {
        let larger = |a: Option<Duration>, b: Option<Duration>| a.zip(b).map(|(a, b)| a.max(b));
        Self {
            covered: larger(self.covered, other.covered),
            uncovered: larger(self.uncovered, other.uncovered),
            commands: self.commands.max(other.commands),
            cuts_command: self.cuts_command || other.cuts_command,
        }
    }

    /// Under a `timeout`. One that cuts a command costs a resync.
    fn at_most(self, limit: Option<Duration>) -> Self {
        let Some(limit) = limit.filter(|limit| self.covered.is_none_or(|time| time > *limit)) else {
            return self;
        };
        let resync = if self.cuts_command { RESYNC } else { Duration::ZERO };
        let cut = limit.saturating_add(resync);
        Self { covered: Some(self.covered.map_or(cut, |time| time.min(cut))), ..self }
    }

    /// Out of reach of every `timeout` around it.
    fn apart(self) -> Self {
        Self { covered: Some(Duration::ZERO), uncovered: self.time(), cuts_command: false, ..self }
    }
}

fn add(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    a.zip(b).map(|(a, b)| a.saturating_add(b))
}

/// Adds up a program's flows.
struct Sum<'p> {
    program: &'p Program,
    /// By flow, those that were added up.
    known: Vec<Option<Cost>>,
}

impl Sum<'_> {
    fn cost(&self, flow: FlowId) -> Cost {
        self.known[flow.0].unwrap_or(Cost::NONE)
    }

    fn flow(&self, flow: &Flow) -> Cost {
        let attempt = self.list(&flow.steps).at_most(flow.timeout);
        self.cleaned(retried(&flow.retry, attempt), &flow.on_error, &flow.always)
    }

    fn list(&self, steps: &[Step]) -> Cost {
        steps.iter().fold(Cost::NONE, |sum, one| sum.then(self.step(one)))
    }

    fn step(&self, step: &Step) -> Cost {
        let mut attempt = self.action(step);
        if let Some(probe) = &step.unless {
            attempt = attempt.then(self.send(&probe.send, probe.timeout).times(2).apart());
        }
        let done = self.cleaned(retried(&step.retry, attempt), &step.on_error, &step.always);
        if step.otherwise.is_empty() { done } else { done.larger(self.list(&step.otherwise)) }
    }

    /// With what comes after it.
    fn cleaned(&self, done: Cost, on_error: &OnError, always: &[Step]) -> Cost {
        done.then(self.list(recovery(on_error)).apart()).then(self.list(always).apart())
    }

    fn action(&self, step: &Step) -> Cost {
        match &step.action {
            Action::None | Action::Stop(_) => Cost::NONE,
            Action::Port(port) => line_break(port),
            Action::Send(one) => self.send(one, step.timeout),
            Action::Await(_) | Action::Receive(_) | Action::Ask(_) => {
                Cost::wait(step.timeout.unwrap_or_default())
            }
            Action::Sleep(time) => Cost::wait(*time),
            // A station's reports wait on disk, and leave between its runs.
            Action::Publish(_) if self.program.station.is_some() => Cost::NONE,
            Action::Publish(publish) => self.cost(publish.flow).at_most(step.timeout),
            Action::Run(call) => self.cost(call.flow).at_most(step.timeout),
            Action::Group(steps) => self.list(steps).at_most(step.timeout),
            Action::Each(each) => {
                let length = each.length.or_else(|| self.subscriptions(each));
                let rounds = length.map_or(UNKNOWN_LIST, |length| u32::try_from(length).unwrap_or(u32::MAX));
                self.list(&each.steps).times(rounds).at_most(step.timeout)
            }
        }
    }

    /// How many filters a station subscribes to, where a loop goes over them.
    fn subscriptions(&self, each: &Each) -> Option<usize> {
        let station = self.program.station.as_ref()?;
        let [input] = &*each.list.inputs else { return None };
        let is_all = each.list.program.source().trim() == &*input.name;
        (is_all && input.from == Origin::Subscriptions).then_some(station.subscriptions.len())
    }

    /// One command line: its time, its data, the restart it may cause, and a resync if it runs out of time.
    fn send(&self, send: &Send, own: Option<Duration>) -> Cost {
        let table = self.table(&send.line);
        let time = own.or(send.rules.timeout).unwrap_or(table.timeout);
        let restarts = send.rules.restarts.unwrap_or(table.restarts);
        let data = send.data.as_ref().map_or(Duration::ZERO, |data| self.push(data));
        let sum = [restarts, data, RESYNC].into_iter().fold(time, Duration::saturating_add);
        Cost { commands: 1, cuts_command: true, ..Cost::wait(sum) }
    }

    /// What the command table says of a line; the times of a joined line add up.
    fn table(&self, line: &Template) -> TableTimes {
        // Holes hold neither `;` nor quotes of their own.
        let shape: String = line
            .pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Expr { .. } => HOLE.to_string(),
            })
            .collect();
        let parts = split_joined(&shape);
        let parts = if parts.len() > 1 { parts } else { vec![shape.as_str()] };
        let times = parts.into_iter().map(|part| self.part(part));
        times.fold(TableTimes::default(), |sum, part| TableTimes {
            timeout: sum.timeout.saturating_add(part.timeout),
            restarts: sum.restarts.max(part.restarts),
        })
    }

    /// The longest times of all entries that one command can meet.
    fn part(&self, part: &str) -> TableTimes {
        let dialect = &self.program.dialect;
        let entries = dialect.entries_for_shape(part);
        let timeouts = entries.iter().map(|entry| entry.rules.timeout.unwrap_or(dialect.line.timeout));
        let restarts = entries.iter().filter_map(|entry| entry.rules.restarts);
        TableTimes {
            timeout: timeouts.max().unwrap_or(dialect.line.timeout),
            restarts: restarts.max().unwrap_or_default(),
        }
    }

    /// Time to push data through. What is not known at load may be as long as a payload.
    fn push(&self, data: &Template) -> Duration {
        let bytes = data.literal().map_or(self.program.dialect.limits.payload_bytes, str::len);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Duration::from_micros(bytes.saturating_mul(1_000_000).div_ceil(BYTES_PER_SECOND))
    }
}

/// What the command table says of a line.
#[derive(Default)]
struct TableTimes {
    timeout: Duration,
    restarts: Duration,
}

/// A break that is written out. No `timeout` cuts it short.
fn line_break(port: &PortStep) -> Cost {
    let text = match &port.break_for {
        Some(Leaf::Plain(value)) => hooks::display(value),
        Some(Leaf::Template(template)) => template.literal().unwrap_or_default().to_string(),
        _ => return Cost::NONE,
    };
    Cost::wait(duration::parse(&text).unwrap_or_default()).apart()
}

/// W = attempts × W(attempt) + pauses, or the limit + one attempt, whichever ends first.
fn retried(retry: &Retry, attempt: Cost) -> Cost {
    if !retry.written {
        return attempt;
    }
    if retry.forever {
        // A `timeout` around it ends it, during one attempt.
        return Cost { covered: None, commands: u64::MAX, ..attempt };
    }
    let by_count = retry.attempts.map(|attempts| {
        let pauses = pauses(retry, attempts, attempt.time());
        attempt.times(attempts).then(Cost::wait(pauses))
    });
    let by_time = retry.limit.map(|limit| Cost {
        covered: add(attempt.covered, Some(limit)),
        commands: attempt.commands.saturating_mul(starts(retry.pause, limit)),
        ..attempt
    });
    match (by_count, by_time) {
        (Some(count), Some(time)) => {
            let commands = count.commands.min(time.commands);
            let longest = |cost: &Cost| cost.time().unwrap_or(Duration::MAX);
            let first = if longest(&count) <= longest(&time) { count } else { time };
            Cost { commands, ..first }
        }
        (Some(bound), None) | (None, Some(bound)) => bound,
        (None, None) => attempt,
    }
}

/// How many attempts can start within `limit`.
fn starts(pause: Pause, limit: Duration) -> u64 {
    let (Pause::Every(shortest) | Pause::Backoff(shortest, _)) = pause;
    let starts = limit.as_nanos() / shortest.max(SHORTEST_ATTEMPT).as_nanos();
    u64::try_from(starts).unwrap_or(u64::MAX).saturating_add(1)
}

/// The pauses between so many attempts; with `every`, only what an attempt leaves of it. Chance is added to
/// the whole pause each time.
fn pauses(retry: &Retry, attempts: u32, attempt: Option<Duration>) -> Duration {
    let count = attempts.saturating_sub(1);
    let (waited, whole) = match retry.pause {
        Pause::Every(every) => {
            let rest = every.saturating_sub(attempt.unwrap_or_default());
            (rest.saturating_mul(count), every.saturating_mul(count))
        }
        Pause::Backoff(first, most) => {
            let sum = backoffs(first, most, count);
            (sum, sum)
        }
    };
    let chance = match retry.jitter {
        Jitter::None => Duration::ZERO,
        Jitter::Part(part) => {
            Duration::try_from_secs_f64(whole.as_secs_f64() * part).unwrap_or(Duration::MAX)
        }
        Jitter::Time(most) => most.saturating_mul(count),
    };
    waited.saturating_add(chance)
}

/// So many pauses that double from `first` until they reach `most`.
fn backoffs(first: Duration, most: Duration, count: u32) -> Duration {
    let mut sum = Duration::ZERO;
    let mut pause = first.min(most);
    let mut left = count;
    // A pause doubles 30 times at most, as when it runs.
    for _ in 0..count.min(30) {
        if pause == most {
            break;
        }
        sum = sum.saturating_add(pause);
        pause = pause.saturating_mul(2).min(most);
        left -= 1;
    }
    sum.saturating_add(pause.saturating_mul(left))
}

#[cfg(test)]
#[path = "bounds_tests.rs"]
mod tests;
