//! Less of what makes a rule fail: single faults, mishaps and messages are taken out, half of them at first, then
//! ever fewer; then the end is cut off.

use std::time::Duration;

use crate::sim::{Fault, FaultWhen};

use super::super::fate::Mishap;
use super::case::{Case, Downlink};
use super::invariant::{self, Violation};
use super::log::{Log, Span};
use super::program::Source;
use super::stage;

/// Runs that are spent on it at most.
const MOST_RUNS: usize = 400;

/// Something that can be taken out of a case.
#[derive(Clone)]
enum Item {
    Fault(Fault),
    Mishap(Mishap),
    Downlink(Downlink),
}

struct Search<'s> {
    source: &'s Source,
    rule: &'static str,
    runs: usize,
    best: Option<(Violation, Log)>,
}

impl Search<'_> {
    /// Whether the same rule still fails.
    fn fails(&mut self, case: &Case) -> bool {
        if self.runs >= MOST_RUNS {
            return false;
        }
        self.runs += 1;
        let log = stage::run(self.source, case);
        match invariant::check_one(&log, self.rule) {
            Some(violation) => {
                self.best = Some((violation, log));
                true
            }
            None => false,
        }
    }
}

/// The smallest case that was found in which the same rule fails, how it fails there, and the runs it took;
/// `None` if the case itself does not fail.
pub fn shrink(source: &Source, case: Case, violation: &Violation) -> Option<(Case, Violation, Log, usize)> {
    let mut search = Search { source, rule: violation.rule, runs: 0, best: None };
    let mut case = case;
    if !search.fails(&case) {
        return None;
    }
    // What happened behind it did not bring it about, unless the rule is about the end.
    let before = cut(&case, search.best.as_ref().map_or(violation.at, |(found, _)| found.at).as_micros());
    if search.fails(&before) {
        case = before;
    }
    // A short run is a quick one, so its end is cut off first.
    case = shorter(&mut search, case);
    case = fewer(&mut search, &case);
    case = shorter(&mut search, case);
    let runs = search.runs;
    let (violation, log) = search.best?;
    Some((case, violation, log, runs))
}

/// Without what comes later than a moment: what goes by counts stays.
fn cut(case: &Case, micros: u64) -> Case {
    let at = Duration::from_micros(micros);
    let mut case = case.clone();
    case.faults.list.retain(|fault| !matches!(fault.when, FaultWhen::Time(time) if time > at));
    case.mishaps.retain(|mishap| mishap.time <= at);
    case.downlinks.retain(|downlink| downlink.time <= at);
    case
}

fn items(case: &Case) -> Vec<Item> {
    let faults = case.faults.list.iter().cloned().map(Item::Fault);
    let mishaps = case.mishaps.iter().copied().map(Item::Mishap);
    let downlinks = case.downlinks.iter().cloned().map(Item::Downlink);
    faults.chain(mishaps).chain(downlinks).collect()
}

fn with(case: &Case, items: &[Item]) -> Case {
    let mut case = case.clone();
    (case.faults.list, case.mishaps, case.downlinks) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item.clone() {
            Item::Fault(fault) => case.faults.list.push(fault),
            Item::Mishap(mishap) => case.mishaps.push(mishap),
            Item::Downlink(downlink) => case.downlinks.push(downlink),
        }
    }
    case
}

/// Delta debugging: everything but one part of `parts`, for ever smaller parts.
fn fewer(search: &mut Search<'_>, case: &Case) -> Case {
    let mut kept = items(case);
    let mut parts = 2;
    while !kept.is_empty() && search.runs < MOST_RUNS {
        let size = kept.len().div_ceil(parts);
        let without = (0..kept.len().div_ceil(size)).find_map(|part| {
            let rest: Vec<Item> = kept
                .iter()
                .enumerate()
                .filter(|(index, _)| index / size != part)
                .map(|(_, item)| item.clone())
                .collect();
            search.fails(&with(case, &rest)).then_some(rest)
        });
        match without {
            Some(rest) => {
                kept = rest;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    with(case, &kept)
}

/// Ends soon after the failure, and heals soon after the last thing that went wrong.
fn shorter(search: &mut Search<'_>, case: Case) -> Case {
    let Some((found, _)) = &search.best else { return case };
    let at = Duration::from_micros(found.at.as_micros()) + Duration::from_secs(1);
    let span = Span { trouble: case.span.trouble.min(at), whole: case.span.whole.min(at) };
    let mut short = Case { span, ..case.clone() };
    short.faults.heal = short.faults.heal.filter(|heal| *heal < at);
    if search.fails(&short) { short } else { case }
}
