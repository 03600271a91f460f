//! Fuzzing: a station, or a flow that ends, in a simulated world where things go wrong, and rules that must hold
//! whatever goes wrong. A seed gives the settings of the faults and everything else that is left to chance; what
//! really happened is kept as a list, and the list alone makes it happen again, so that it can be made shorter.
//!
//! * [`case`]: what goes wrong in one run, and how it is written. `draw`: from a seed to that. [`stage`]: one run.
//! * [`log`]: what a run left. [`invariant`]: the rules. `shrink`: less of what makes a rule fail.

mod around;
pub mod case;
mod draw;
pub mod invariant;
pub(super) mod leak;
pub mod log;
pub mod program;
pub mod rules;
pub mod shrink;
pub mod stage;

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::side_by_side::side_by_side;
use case::Case;
use invariant::Violation;
use log::{Log, Span};
use program::{Source, Unusable};

/// What is fuzzed, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub source: Source,
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How long things go wrong; then as long as recovery may take, they do not.
    pub lasts: Duration,
    /// How many at once.
    pub jobs: usize,
    /// Whether what makes a rule fail is made smaller, which takes up to 400 runs.
    pub shrinks: bool,
}

/// What one seed came to.
#[derive(Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Faults that happened.
    pub faults: usize,
    /// The rule that failed, and the case made as small as it gets.
    pub failure: Option<Failure>,
}

/// A rule failed.
#[derive(Debug)]
pub struct Failure {
    /// Which, when and how.
    pub violation: Violation,
    /// What makes it fail.
    pub case: Case,
    /// What crossed the line around it, as a transcript.
    pub around: String,
    /// Runs it took to make the case this small.
    pub runs: usize,
}

/// Told of each outcome as it comes, in any order, with how many there are so far and how many there will be.
pub type Progress<'p> = &'p (dyn Fn(u64, u64, &Outcome) + Sync);

/// Runs all seeds.
///
/// # Errors
///
/// The file cannot be run.
pub fn fuzz(options: &Options, done: Progress<'_>) -> Result<Vec<Outcome>, Unusable> {
    // Problems of the file are said once, and before anything runs.
    options.source.load()?;
    let one = |index| one(options, options.first_seed.wrapping_add(index));
    Ok(worlds(options.jobs, options.seeds, &one, done))
}

/// Stands for a rule's number where a flow fails that passes while nothing goes wrong.
pub const VERDICT: &str = "verdict";

/// What a rule says.
pub fn says(rule: &str) -> &'static str {
    let known = invariant::RULES.iter().find(|known| known.id == rule).map(|known| known.says);
    known.unwrap_or("a flow that passes goes on doing so when a line comes that nobody asked for")
}

/// Runs a passing case once for each place between two lines, with `urc` there.
///
/// # Errors
///
/// The file cannot be run, or is not well without the line.
pub fn urc_everywhere(options: &Options, urc: &str, done: Progress<'_>) -> Result<Vec<Outcome>, Unusable> {
    let masked = options.source.load()?.masked()?;
    let quiet = Case::quiet(options.first_seed, options.lasts);
    let base = stage::run(&options.source, &quiet);
    if let Some(violation) = broken_or_failed(&base) {
        let why = format!("this is to pass while nothing goes wrong, and does not: {violation}");
        return Err(Unusable(masked.text(&why)));
    }
    let one = |index| {
        let nth = index + 1;
        let case = quiet.clone().with_urc(nth, urc);
        let log = stage::run(&options.source, &case);
        let failure =
            broken_or_failed(&log).map(|violation| Failure::of(&options.source, violation, case, &log, 1));
        Outcome { seed: nth, faults: 1, failure }
    };
    Ok(worlds(options.jobs, base.places, &one, done))
}

/// A rule that does not hold, or how a flow failed that ends.
fn broken_or_failed(log: &Log) -> Option<Violation> {
    let failed = || Some(Violation { rule: VERDICT, at: log.ended, what: log.failed.clone()? });
    invariant::check(log).or_else(failed)
}

/// Runs worlds at once; `done` is told how many have been done, of how many.
fn worlds(
    jobs: usize,
    count: u64,
    one: &(dyn Fn(u64) -> Outcome + Sync),
    done: Progress<'_>,
) -> Vec<Outcome> {
    let whole = usize::try_from(count).unwrap_or(usize::MAX);
    let told = |so_far, outcome: &Outcome| done(so_far as u64, count, outcome);
    side_by_side(jobs, whole, &|index| one(index as u64), &told)
}

impl Failure {
    fn of(source: &Source, mut violation: Violation, case: Case, log: &Log, runs: usize) -> Self {
        // What ran was loaded.
        let masked = source.load().and_then(|ready| ready.masked()).ok();
        let around = masked.as_ref().map(|masked| around::around(log, violation.at, masked));
        if let Some(masked) = masked {
            violation.what = masked.text(&violation.what);
        }
        Self { around: around.unwrap_or_default(), violation, case, runs }
    }
}

/// One seed: drawn, run, judged, and made smaller if a rule failed.
fn one(options: &Options, seed: u64) -> Outcome {
    let case = Case::draw(seed, Span::of(options.lasts));
    let log = stage::run(&options.source, &case);
    let faults = log.faults.len() + case.mishaps.len();
    let failure = invariant::check(&log).map(|violation| {
        let exact = case.exactly(&log);
        if !options.shrinks {
            return Failure::of(&options.source, violation, exact, &log, 1);
        }
        let smaller = shrink::shrink(&options.source, &exact, &violation);
        // A case that does not fail again when it is written out is shown as it was drawn.
        let (case, violation, log, runs) = smaller.unwrap_or((case, violation, log, 1));
        Failure::of(&options.source, violation, case, &log, runs)
    });
    Outcome { seed, faults, failure }
}
