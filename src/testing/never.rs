//! What was to happen in a test and never did: a test that passes without it shows nothing.

use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::Span;
use crate::flow::duration::DurationRange;
use crate::sim::{Never, What, When};

use super::file::Test;
use super::outcome::{Problem, shown};
use super::world::Ended;

/// One for each entry of `at` that made no difference, and for what lies behind a flow's end.
pub(super) fn problems(test: &Test, ended: &Ended) -> Vec<Problem> {
    let mut all = entries(test, ended);
    // When a station ends is known before it begins, so that its file is refused.
    if ended.flow.is_some() {
        all.extend(behind_the_end(test, ended.took));
    }
    all
}

/// Of a test that would pass without it.
fn new(place: Span, message: String) -> Problem {
    Problem::new(Code::NOT_AS_EXPECTED, place, message)
}

fn entries(test: &Test, ended: &Ended) -> Vec<Problem> {
    let entries = ended.never.iter().filter_map(|(number, never)| Some((test.at.get(*number)?, *never)));
    entries
        .map(|(entry, never)| {
            let message = message(&entry.value.when, &entry.value.what, never, ended.took);
            new(entry.span, message)
        })
        .collect()
}

/// Faults that were not reached, and times that nothing was in.
fn behind_the_end(test: &Test, took: Duration) -> Vec<Problem> {
    let faults = test.fault_times.iter().filter(|time| time.value > took);
    let faults = faults.map(|time| new(time.span, too_late(took)));
    let is_behind = |range: DurationRange| range.least > took;
    let empty = test.expect.iter().filter(|expectation| expectation.between.is_some_and(is_behind));
    let why = || format!("nothing could happen then: all was over at {}", shown(took));
    faults.chain(empty.map(|expectation| new(expectation.span, why()))).collect()
}

fn too_late(took: Duration) -> String {
    format!("this never happened: all was over at {}", shown(took))
}

fn message(when: &When, what: &What, never: Never, took: Duration) -> String {
    match (never, when, what) {
        (Never::NotSent, _, What::Refuse(refusal)) => {
            format!("nothing was refused: no command line came that `{}` fits", refusal.line.source())
        }
        (_, When::After(line), _) => {
            format!("this never happened: no line of the module was just `{line}`")
        }
        (_, When::Time(_), _) => too_late(took),
    }
}
