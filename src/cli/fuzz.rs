//! `atflow fuzz`: a file in worlds where things go wrong.

use std::io::IsTerminal as _;
use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use crate::flow::compile::Options;
use crate::link::address::Address;
use crate::sim::{self, SimOptions};
use crate::testing::fuzz::program::Source;
use crate::testing::fuzz::{self, Failure, Options as FuzzOptions, Outcome, stage};

use super::args::{Format, FuzzArgs};
use super::ready::{Unready, ready_with};
use super::{Exit, complain, open, say};

pub(super) fn fuzz(args: &FuzzArgs) -> Exit {
    fuzzed(args).unwrap_or_else(|exit| exit)
}

fn fuzzed(args: &FuzzArgs) -> Result<Exit, Exit> {
    let Ok(Address::Sim(module)) = Address::parse(&args.port) else {
        complain(&format!("`{}` is no simulated module", args.port), Some("write `--port sim:luat-air724`"));
        return Err(Exit::Usage);
    };
    // A failing world is printed as a test file, whose whole numbers have 63 bits and a sign.
    if args.seed.checked_add(args.seeds - 1).is_none_or(|last| last > i64::MAX.cast_unsigned()) {
        let message = format!("a seed is at most {}, and the last of these would be more", i64::MAX);
        complain(&message, Some("begin with a smaller `--seed`"));
        return Err(Exit::Usage);
    }
    let source = Source {
        file: args.file.clone(),
        folder: std::env::current_dir().unwrap_or_default(),
        module,
        vars: args.vars.iter().cloned().collect(),
    };
    begins(&source)?;
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get));
    let options = FuzzOptions {
        source,
        first_seed: args.seed,
        seeds: args.seeds,
        lasts: args.duration,
        jobs,
        shrinks: !args.as_drawn,
    };
    let shows_progress = std::io::stderr().is_terminal();
    let failed = AtomicU64::new(0);
    let progress = |count: u64, of: u64, outcome: &Outcome| {
        failed.fetch_add(u64::from(outcome.failure.is_some()), Ordering::Relaxed);
        if shows_progress {
            say::progress(&format!("{count} of {of} worlds, {} failed", failed.load(Ordering::Relaxed)));
        }
    };
    // A panic is a finding like any other, and is shown with its case.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcomes = match &args.urc_everywhere {
        Some(urc) => fuzz::urc_everywhere(&options, urc, &progress),
        None => fuzz::fuzz(&options, &progress),
    };
    panic::set_hook(usual);
    if shows_progress {
        say::progress("");
    }
    let outcomes = outcomes.map_err(|error| {
        complain(error.0.trim_end(), None);
        Exit::Usage
    })?;
    show(args, &options.source, &outcomes)
}

/// What keeps every world from beginning is said once, as `run` says it: problems of the file, or of the module.
fn begins(source: &Source) -> Result<(), Exit> {
    // A run is a function of its seed: the environment has no part in it.
    let env = |_: &str| None;
    ready_with(&source.file, &Options { module: None }, &env, true, |_| Ok(source.vars.clone()))
        .map_err(Unready::say)?;
    sim::build(&source.module, SimOptions::default()).map_err(|error| open::sim_refused(&error))?;
    Ok(())
}

fn show(args: &FuzzArgs, source: &Source, outcomes: &[Outcome]) -> Result<Exit, Exit> {
    let failures: Vec<(&Outcome, &Failure)> =
        outcomes.iter().filter_map(|outcome| Some((outcome, outcome.failure.as_ref()?))).collect();
    for (outcome, failure) in &failures {
        let Failure { violation, case, around, runs } = failure;
        let text = stage::written_out(source, case).test_file(source, violation);
        match args.format {
            Format::Json => say::line(
                &json!({
                    "event": "failure", "seed": outcome.seed, "rule": violation.rule,
                    "at_us": violation.at.as_micros(), "what": violation.what, "test": text, "around": around,
                    "faults": case.size(), "runs": runs,
                })
                .to_string(),
            )?,
            Format::Pretty => {
                say::line(&format!("✗ seed {}: {violation}", outcome.seed))?;
                say::line(&format!("  the rule: {}", fuzz::says(violation.rule)))?;
                say::line(&format!("  what is left after {runs} runs, as a test:\n\n{text}"))?;
                say::line(&format!("  what crossed the line around it:\n{around}"))?;
            }
        }
    }
    let faults: usize = outcomes.iter().map(|outcome| outcome.faults).sum();
    let (ran, failed) = (outcomes.len(), failures.len());
    match args.format {
        Format::Json => say::line(
            &json!({ "event": "fuzzed", "runs": ran, "failed": failed, "faults": faults }).to_string(),
        )?,
        Format::Pretty => {
            let sign = if failed == 0 { "✓" } else { "✗" };
            say::line(&format!("{sign} {ran} worlds, {faults} faults, {failed} failed"))?;
        }
    }
    Ok(if failures.is_empty() { Exit::Done } else { Exit::Failed })
}
