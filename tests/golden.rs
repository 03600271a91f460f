//! Golden cases: `tests/cases/NAME` holds a flow, what a module does, and the whole report that a person
//! reads. The module's clock is virtual; nothing sleeps and nothing else is simulated: loader, session, run
//! and report are the real ones. `transcript.jsonl` and `events.jsonl` are compared where they are there.
//!
//! `UPDATE=1 cargo test generated` writes the reports anew, and in `module.txt` the times at which lines were
//! sent; reading the difference is the review. `CASE=name` runs the cases whose name holds it.

mod support_golden;

use std::fs;

use proptest::prelude::*;

use support_golden::case::{Case, Outcome};

/// Compares, or writes, one file of a case. `Some` says that it differs.
fn differs(case: &Case, name: &str, found: &str) -> Option<String> {
    let path = case.path.join(name);
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if committed == found {
        return None;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, found).expect("the case can be written");
        return None;
    }
    Some(format!("{} is out of date; found:\n{found}", path.display()))
}

/// The script with the times at which its lines were sent.
fn timed(script: &str, outcome: &Outcome) -> String {
    let mut lines: Vec<String> = script.lines().map(str::to_string).collect();
    for (number, at) in &outcome.times {
        let line = &lines[*number];
        let rest = line.trim_start().split_once(' ').map_or("", |(_, rest)| rest.trim_start());
        lines[*number] = format!("{:>9} {rest}", format!("{:.3}s", at.as_secs_f64()));
    }
    lines.join("\n") + "\n"
}

fn chosen() -> Vec<Case> {
    let wanted = std::env::var("CASE").unwrap_or_default();
    Case::all().into_iter().filter(|case| case.name().contains(&wanted)).collect()
}

#[test]
fn generated_reports() {
    let mut wrong = Vec::new();
    for case in chosen() {
        let outcome = case.run(case.script());
        if let Some(strayed) = &outcome.strayed {
            wrong.push(format!("{}: {strayed}\n{}", case.name(), outcome.report));
        }
        wrong.extend(differs(&case, "report.txt", &outcome.report));
        let script = case.read("module.txt").unwrap_or_default();
        if outcome.strayed.is_none() {
            wrong.extend(differs(&case, "module.txt", &timed(&script, &outcome)));
        }
        for (name, found) in [("transcript.jsonl", &outcome.transcript), ("events.jsonl", &outcome.events)] {
            if case.read(name).is_some() {
                wrong.extend(differs(&case, name, found));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n\n`UPDATE=1 cargo test generated` writes them", wrong.join("\n"));
}

#[test]
fn a_report_does_not_depend_on_who_watches() {
    for case in chosen() {
        let outcome = case.run(case.script());
        let verdict = outcome.events.lines().last().unwrap_or_default();
        let verdict: serde_json::Value = serde_json::from_str(verdict).expect("the last event is JSON");
        let failed = outcome.report.lines().last().unwrap_or_default().starts_with(['✗', '■']);
        assert_eq!(failed, !verdict["failure"].is_null(), "{}: {verdict}", case.name());
    }
}

/// Bytes as they come are the only thing that a serial port promises: where they are cut must not matter.
fn cut_anywhere(case: &Case, pieces: &[usize]) -> Result<(), TestCaseError> {
    let mut sizes = pieces.iter().copied().cycle();
    let cut = case.report(case.script().cut(|_| sizes.next().unwrap_or(1)));
    prop_assert_eq!(cut.report, case.read("report.txt").unwrap_or_default(), "{}", case.name());
    prop_assert_eq!(cut.strayed, None, "{}", case.name());
    Ok(())
}

#[test]
fn single_bytes_give_the_same_report() {
    for case in chosen() {
        cut_anywhere(&case, &[1]).expect("cut after every byte");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bytes_may_arrive_in_any_pieces(
        case in any::<proptest::sample::Index>(),
        pieces in proptest::collection::vec(1_usize..24, 1..12),
    ) {
        cut_anywhere(case.get(&chosen()), &pieces)?;
    }
}
