//! Fuzzing: a station, or a flow that ends, in a simulated world where things go wrong, and rules that must hold
//! whatever goes wrong. A seed gives the settings of the faults and everything else that is left to chance; what
//! really happened is kept as a list, and the list alone makes it happen again, so that it can be made shorter.
//!
//! * [`case`]: what goes wrong in one run, and how it is drawn and written. [`stage`]: one run.
//! * [`log`]: what a run left. [`invariant`]: the rules. `shrink`: less of what makes a rule fail.

pub mod case;
pub mod invariant;
pub(super) mod leak;
pub mod log;
pub mod program;
pub mod rules;
pub mod shrink;
pub mod stage;

#[cfg(test)]
mod tests;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use case::Case;
use invariant::Violation;
use log::Span;
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

/// Runs all seeds; `done` is called as each ends, in any order, with how many have.
///
/// # Errors
///
/// The file cannot be run.
pub fn fuzz(options: &Options, done: &(dyn Fn(u64, &Outcome) + Sync)) -> Result<Vec<Outcome>, Unusable> {
    // Problems of the file are said once, and before anything runs.
    options.source.load()?;
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= options.seeds {
                        return;
                    }
                    let outcome = one(options, options.first_seed.wrapping_add(index));
                    let mut all = lock(&outcomes);
                    all.push(outcome);
                    let count = all.len() as u64;
                    if let Some(last) = all.last() {
                        done(count, last);
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| outcome.seed);
    Ok(outcomes)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// One seed: drawn, run, judged, and made smaller if a rule failed.
fn one(options: &Options, seed: u64) -> Outcome {
    let case = Case::draw(seed, Span::of(options.lasts));
    let log = stage::run(&options.source, &case);
    let faults = log.faults.len() + case.mishaps.len();
    let Some(violation) = invariant::check(&log) else { return Outcome { seed, faults, failure: None } };
    let exact = case.exactly(&log);
    if !options.shrinks {
        let around = log.around(violation.at);
        return Outcome { seed, faults, failure: Some(Failure { violation, case: exact, around, runs: 1 }) };
    }
    let smaller = shrink::shrink(&options.source, exact, &violation);
    // A case that does not fail again when it is written out is shown as it was drawn.
    let (case, violation, log, runs) = smaller.unwrap_or((case, violation, log, 1));
    let around = log.around(violation.at);
    Outcome { seed, faults, failure: Some(Failure { violation, case, around, runs }) }
}

/// Runs a passing case once for each place between two lines, with `urc` there.
///
/// # Errors
///
/// The file cannot be run.
pub fn urc_everywhere(
    options: &Options,
    urc: &str,
    done: &(dyn Fn(u64, &Outcome) + Sync),
) -> Result<Vec<Outcome>, Unusable> {
    options.source.load()?;
    let quiet = Case::quiet(options.first_seed, options.lasts);
    let places = stage::run(&options.source, &quiet).places;
    let next = AtomicU64::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let nth = next.fetch_add(1, Ordering::Relaxed) + 1;
                    if nth > places {
                        return;
                    }
                    let case = quiet.clone().with_urc(nth, urc);
                    let log = stage::run(&options.source, &case);
                    let failure = invariant::check(&log).map(|violation| Failure {
                        around: log.around(violation.at),
                        violation,
                        case,
                        runs: 1,
                    });
                    let mut all = lock(&outcomes);
                    all.push(Outcome { seed: nth, faults: 1, failure });
                    let count = all.len() as u64;
                    if let Some(last) = all.last() {
                        done(count, last);
                    }
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| outcome.seed);
    Ok(outcomes)
}
