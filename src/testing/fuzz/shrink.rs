//! Less of what makes a rule fail: single faults, mishaps and messages are taken out, half of them at first, then
//! ever fewer; then the end is cut off. All that goes by counts moves with whatever is taken out, so that a few things
//! may fail only later than all of them did: if much is left, the same is tried with the whole case.

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
/// Of these, so many for the whole case: its runs are long.
const MOST_WHOLE_RUNS: usize = 120;
/// A case of so many items is small enough.
const FEW: usize = 2;

/// Something that can be taken out of a case.
#[derive(Clone)]
enum Item {
    Fault(Fault),
    Mishap(Mishap),
    Downlink(Downlink),
}

/// How a case fails, and what it left; `None` if the rule holds.
type Attempt<'a> = dyn FnMut(&Case) -> Option<(Violation, Log)> + 'a;

struct Search<'s> {
    attempt: &'s mut Attempt<'s>,
    runs: usize,
    /// No more than this.
    most: usize,
    best: Option<(Violation, Log)>,
}

impl Search<'_> {
    /// Whether the same rule still fails.
    fn fails(&mut self, case: &Case) -> bool {
        if self.runs >= self.most {
            return false;
        }
        self.runs += 1;
        let failed = (self.attempt)(case);
        let fails = failed.is_some();
        self.best = failed.or(self.best.take());
        fails
    }
}

/// The smallest case that was found in which the same rule fails, how it fails there, and the runs it took;
/// `None` if the case itself does not fail.
pub fn shrink(source: &Source, case: &Case, violation: &Violation) -> Option<(Case, Violation, Log, usize)> {
    let mut attempt = |case: &Case| {
        let log = stage::run(source, case);
        Some((invariant::check_one(&log, violation.rule)?, log))
    };
    smallest(&mut attempt, case)
}

fn smallest<'a>(attempt: &'a mut Attempt<'a>, whole: &Case) -> Option<(Case, Violation, Log, usize)> {
    let mut search = Search { attempt, runs: 0, most: MOST_RUNS, best: None };
    if !search.fails(whole) {
        return None;
    }
    let mut case = from_its_beginning(&mut search, whole.clone());
    if case.size() > FEW {
        case = from_the_whole(&mut search, whole, case);
    }
    let runs = search.runs;
    let (violation, log) = search.best?;
    Some((case, violation, log, runs))
}

/// What is left of the time until the failure.
fn from_its_beginning(search: &mut Search<'_>, mut case: Case) -> Case {
    // What happened behind it did not bring it about, unless the rule is about the end.
    if let Some((found, _)) = &search.best {
        let before = cut(&case, found.at.as_micros());
        if search.fails(&before) {
            case = before;
        }
    }
    // A short run is a quick one, so its end is cut off first.
    case = shorter(search, case);
    case = fewer(search, &case);
    shorter(search, case)
}

/// What is left of the whole case, if that is less.
fn from_the_whole(search: &mut Search<'_>, whole: &Case, small: Case) -> Case {
    let best = search.best.take();
    search.most = MOST_RUNS.min(search.runs + MOST_WHOLE_RUNS);
    let other = fewer(search, whole);
    if other.size() < small.size() {
        return shorter(search, other);
    }
    search.best = best;
    small
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
    while !kept.is_empty() && search.runs < search.most {
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
    // What would come behind the end is left out: no test may say it.
    let mut short = Case { span, ..cut(&case, u64::try_from(at.as_micros()).unwrap_or(u64::MAX)) };
    short.faults.heal = short.faults.heal.filter(|heal| *heal < at);
    if search.fails(&short) { short } else { case }
}

#[cfg(test)]
mod tests {
    use crate::link::Mono;
    use crate::sim::{Detail, FaultKind, Faults};

    use super::super::rules::Rules;
    use super::*;

    const EARLY: u64 = 6;

    /// At a time, in seconds.
    fn fault(time: u64) -> Fault {
        let when = FaultWhen::Time(Duration::from_secs(time));
        Fault { kind: FaultKind::Reboot, when, lasts: None, detail: Detail::None }
    }

    /// All of the early ones make it fail early, or two of the late ones late.
    fn fails(case: &Case) -> Option<(Violation, Log)> {
        let has = |time: u64| case.faults.list.contains(&fault(time));
        let at = if (1..=EARLY).all(has) { 100 } else { 5000 };
        let lasts = case.span.whole >= Duration::from_secs(at);
        let violation =
            Violation { rule: "S1", at: Mono::ZERO + Duration::from_secs(at), what: String::new() };
        (lasts && (at == 100 || has(3000) && has(4000)))
            .then(|| (violation, Log::new(case.span, Rules::default())))
    }

    #[test]
    fn two_that_fail_later_are_less_than_many_that_fail_early() {
        let mut case = Case::quiet(1, Duration::from_hours(2));
        let times = (1..=EARLY).chain((200..=220).rev().map(|nth| nth * 20));
        case.faults = Faults { list: times.map(fault).collect(), ..Faults::default() };
        case.faults.list.push(fault(3000));
        let (small, violation, log, runs) = smallest(&mut fails, &case).expect("it fails");
        assert!(small.faults.list.contains(&fault(3000)) && small.faults.list.contains(&fault(4000)));
        assert_eq!((small.size(), violation.at.as_micros()), (2, 5_000_000_000));
        assert_eq!(log.span.whole, Duration::from_secs(5001));
        assert!(runs <= MOST_RUNS);
        // Where the whole has nothing better, what was found first is kept, and how it failed.
        case.faults.list.retain(|one| *one != fault(3000));
        let (small, violation, log, _) = smallest(&mut fails, &case).expect("it fails");
        assert_eq!((small.size(), violation.at.as_micros()), (6, 100_000_000));
        assert_eq!(log.span.whole, Duration::from_secs(101));
    }
}
