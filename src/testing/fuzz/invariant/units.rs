//! What held the line, and since when it had been due: runs, publishes, and what the link did.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::link::Mono;
use crate::sim::{FaultKind, TruthKind};
use crate::station::TICK;
use crate::station::event::{Happening, JobKind, LinkState, Work};

use super::super::log::Log;
use super::super::rules::Period;

/// The last step of the recovery, in which nothing is done.
const WAIT: &str = "wait";
/// A timer that a handler has set waits this long for the handler's reply to leave.
const REPLY_FIRST: Duration = Duration::from_secs(10);

/// Who held the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// A run.
    Run(JobKind, String),
    /// A message of the outbox.
    Publish,
    /// The link: a level, a rung, the check.
    Link,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Run(kind, name) => write!(f, "the {} `{name}`", kind.word()),
            Self::Publish => f.write_str("a publish"),
            Self::Link => f.write_str("the link"),
        }
    }
}

/// Something that holds the line from its beginning to its end, as long as nothing else is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub holder: Holder,
    /// Since when it could have begun.
    pub ready: Mono,
    /// Since when it goes before what is due later: a timer that waits for a reply keeps its turn.
    pub turn: Mono,
    pub began: Mono,
    /// `None`: the process or the whole run ended first.
    pub ended: Option<Mono>,
}

/// From one moment to another.
pub(super) type Stretch = (Mono, Mono);

/// Everything that held the line, in order.
pub(super) fn units(log: &Log) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let (mut run, mut rung): (Option<usize>, Option<Mono>) = (None, None);
    let mut lives = vec![Mono::ZERO];
    let unit = |holder, ready, began, ended| Unit { holder, ready, turn: ready, began, ended };
    let before = |at: Mono, took_ms: u64| at - Duration::from_millis(took_ms);
    for (at, happening) in &log.told {
        match happening {
            Happening::StationStarted { .. } => {
                lives.push(*at);
                (run, rung) = (None, None);
            }
            Happening::JobStarted { kind, name, late_ms, .. } => {
                run = Some(units.len());
                let due = before(*at, *late_ms);
                let ready = readiness(log, *kind, name, due, *at);
                units.push(Unit { turn: due, ..unit(Holder::Run(*kind, name.clone()), ready, *at, None) });
            }
            Happening::JobFinished { .. } => {
                if let Some(index) = run.take() {
                    units[index].ended = Some(*at);
                }
            }
            Happening::RungStarted { rung: name, .. } if name != WAIT => rung = Some(*at),
            Happening::RungFinished { rung: name, took_ms, .. } if name != WAIT => {
                let began = rung.take().unwrap_or_else(|| before(*at, *took_ms));
                units.push(unit(Holder::Link, began, began, Some(*at)));
            }
            Happening::Check { took_ms, .. } => {
                let began = before(*at, *took_ms);
                units.push(unit(Holder::Link, began, began, Some(*at)));
            }
            _ => {}
        }
    }
    units.extend(log.worked.iter().filter_map(|work| match work {
        Work::Publish { began, late, took } => {
            Some(unit(Holder::Publish, *began - *late, *began, Some(*began + *took)))
        }
        _ => None,
    }));
    for unit in &mut units {
        // What an earlier process left could not begin before this one did.
        let life = lives.iter().rev().find(|began| **began <= unit.began);
        unit.ready = life.map_or(unit.ready, |began| unit.ready.max(*began));
    }
    units.sort_by_key(|unit| unit.began);
    keep_distance(log, &mut units);
    for unit in &mut units {
        if !matches!(unit.holder, Holder::Run(JobKind::Timer, _)) {
            unit.turn = unit.ready;
        }
    }
    units
}

/// However long a schedule has been due, it does not begin sooner after the time before than its period allows.
fn keep_distance(log: &Log, units: &mut [Unit]) {
    let mut last: BTreeMap<String, Mono> = BTreeMap::new();
    for unit in units {
        let Holder::Run(JobKind::Schedule, name) = &unit.holder else { continue };
        let Some(before) = last.insert(name.clone(), unit.began) else { continue };
        let period = log.rules.periods.iter().find(|period| period.name == *name);
        match period.filter(|period| !was_set(log, period)) {
            Some(period) => unit.ready = unit.ready.max(before + period.every * 9 / 10).min(unit.began),
            None if log.rules.calendar.contains(name) => {}
            // Nobody outside knows the period that holds.
            None => unit.ready = unit.began,
        }
    }
}

/// Whether the value was changed that a period is read from.
pub(super) fn was_set(log: &Log, period: &Period) -> bool {
    let is_it = |told: &Happening| matches!(told, Happening::StateSet { name, .. } if period.state.as_ref() == Some(name));
    log.told.iter().any(|(_, told)| is_it(told))
}

/// Since when a run could have begun that is told to have been due for so long.
fn readiness(log: &Log, kind: JobKind, name: &str, due: Mono, began: Mono) -> Mono {
    let ready = match kind {
        JobKind::Timer => due + REPLY_FIRST,
        // By the calendar it may have been due for years when that jumps, which is seen within a tick.
        JobKind::Schedule if log.rules.calendar.iter().any(|known| known == name) => {
            let jumps = log.truth.iter().filter(|truth| matches!(truth.kind, TruthKind::Calendar { .. }));
            let jump = jumps.map(|truth| truth.at + TICK).filter(|at| *at > due).max();
            jump.map_or(due, |jump| jump.max(due))
        }
        _ => due,
    };
    ready.min(began)
}

/// When no run could begin, and when no message could: the module did not answer, or the machine slept.
pub(super) struct Closed {
    pub to_runs: Vec<Stretch>,
    pub to_messages: Vec<Stretch>,
}

impl Closed {
    pub(super) fn of(log: &Log) -> Self {
        let mut closed = Self { to_runs: asleep(log), to_messages: asleep(log) };
        let (mut runs_since, mut messages_since) = (Some(Mono::ZERO), Some(Mono::ZERO));
        let mut alone = false;
        for (at, happening) in &log.told {
            let (takes_runs, takes_messages) = match happening {
                Happening::StationStarted { .. } => (false, false),
                Happening::Brownout => {
                    alone = true;
                    continue;
                }
                Happening::LinkState { to, level, .. } => {
                    alone &= *to == LinkState::Waiting;
                    (!alone && takes_runs(*to, *level), *to == LinkState::Online)
                }
                _ => continue,
            };
            note(&mut closed.to_runs, &mut runs_since, *at, takes_runs);
            note(&mut closed.to_messages, &mut messages_since, *at, takes_messages);
        }
        note(&mut closed.to_runs, &mut runs_since, log.ended, true);
        note(&mut closed.to_messages, &mut messages_since, log.ended, true);
        closed
    }
}

fn takes_runs(state: LinkState, level: usize) -> bool {
    match state {
        LinkState::Absent | LinkState::Down | LinkState::Quarantined | LinkState::Stopped => false,
        LinkState::Waiting => level > 0,
        LinkState::Climbing | LinkState::Online | LinkState::Degraded | LinkState::Recovering => true,
    }
}

/// It is open from now on, or closed.
fn note(stretches: &mut Vec<Stretch>, since: &mut Option<Mono>, at: Mono, open: bool) {
    if !open {
        since.get_or_insert(at);
    } else if let Some(since) = since.take() {
        stretches.push((since, at));
    }
}

fn asleep(log: &Log) -> Vec<Stretch> {
    // A port that is gone is not heard of before somebody reads from it.
    let gone = log.faults.iter().filter(|(_, fault)| fault.kind == FaultKind::PortGone);
    log.sleeps()
        .0
        .into_iter()
        .chain(gone.map(|(at, fault)| (*at, *at + fault.lasts.unwrap_or_default())))
        .collect()
}
