//! From a seed to a case: which faults there are and how often, when processes die, what the cloud sends. Each
//! thing that is drawn has a stream of its own, and times are in whole milliseconds, as a test file writes them.

use std::time::Duration;

use crate::sim::{Entropy, FaultKind, Faults, Rate, Unit};

use super::super::fate::{Mishap, MishapKind};
use super::case::{Case, Downlink};
use super::log::Span;

const HOUR: Duration = Duration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);
/// No process is down for longer than this.
const LONGEST_DOWN: Duration = Duration::from_mins(1);
/// Commands that the cloud sends, whatever else happens, this far apart on average.
const BETWEEN_COMMANDS: Duration = Duration::from_mins(50);
/// What they call, and with what: some of it is nothing that there is.
const CALLS: [(&str, &str); 5] = [
    ("signal", "{}"),
    ("signal", r#"{"not":"asked for"}"#),
    ("relay", r#"{"on":true}"#),
    ("nonsense", "{}"),
    ("restart", "{}"),
];

/// How a process dies, and the shortest and the longest time between two such deaths on average.
const DEATHS: [(MishapKind, Duration, Duration); 4] = [
    (MishapKind::Crash, HOUR, Duration::from_hours(6)),
    (MishapKind::CrashInWrite, Duration::from_hours(2), Duration::from_hours(12)),
    (MishapKind::CrashBeforeCommit, HOUR, Duration::from_hours(6)),
    (MishapKind::CrashAfterCommit, HOUR, Duration::from_hours(6)),
];

impl Case {
    /// What this seed stands for: each family of faults with an even chance, so that some seeds are gentle and
    /// get far, each at a rate of its own.
    pub fn draw(seed: u64, span: Span) -> Self {
        let mut faults = Faults { heal: Some(span.trouble), ..Faults::default() };
        for kind in FaultKind::ALL {
            let mut chance = Entropy::stream(seed, &format!("rate of {}", kind.name()));
            let (low, high) = kind.usual();
            let rate = by_scale(&mut chance, low, high);
            if coin(&mut chance) {
                let rate = if kind.unit() == Unit::Day { Rate::PerDay(rate) } else { Rate::Each(rate) };
                faults.settings.set(*kind, rate);
            }
        }
        Self { seed, span, faults, mishaps: mishaps(seed, span), downlinks: downlinks(seed, span) }
    }
}

fn coin(chance: &mut Entropy) -> bool {
    chance.below(2) == 1
}

/// Small ones as likely as large ones, by doublings: exact, so the same on every machine.
fn by_scale(chance: &mut Entropy, low: f64, high: f64) -> f64 {
    let mut values = vec![low];
    while let Some(last) = values.last().copied().filter(|last| *last < high) {
        values.push((last * 2.0).min(high));
    }
    let drawn = usize::try_from(chance.below(values.len() as u64)).unwrap_or(0);
    values[drawn]
}

/// Between the two, to the millisecond.
fn pause(chance: &mut Entropy, low: Duration, high: Duration) -> Duration {
    let drawn = chance.between(low, high).as_millis();
    Duration::from_millis(u64::try_from(drawn).unwrap_or(u64::MAX))
}

fn mishaps(seed: u64, span: Span) -> Vec<Mishap> {
    let mut all = Vec::new();
    for (what, shortest, longest) in DEATHS {
        let mut chance = Entropy::stream(seed, &format!("crash {}", what.words().1));
        let between = pause(&mut chance, shortest, longest);
        if !coin(&mut chance) {
            continue;
        }
        let mut time = Duration::ZERO;
        loop {
            time += pause(&mut chance, SECOND, between * 2);
            if time >= span.trouble {
                break;
            }
            all.push(Mishap { time, what, down: pause(&mut chance, SECOND, LONGEST_DOWN) });
        }
    }
    all.sort_by_key(|mishap| mishap.time);
    all
}

fn downlinks(seed: u64, span: Span) -> Vec<Downlink> {
    let mut chance = Entropy::stream(seed, "downlinks");
    let (mut time, mut id, mut all) = (Duration::ZERO, 10_000, Vec::new());
    loop {
        time += pause(&mut chance, SECOND, BETWEEN_COMMANDS * 2);
        if time >= span.trouble {
            return all;
        }
        id += 1;
        let (method, params) = CALLS[usize::try_from(chance.below(CALLS.len() as u64)).unwrap_or(0)];
        all.push(Downlink { time, id, method, params });
    }
}
