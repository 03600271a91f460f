//! Whole runs: the same seed twice, a case written out, and stations that were broken on purpose.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::flow::diag::{Diagnostics, Look};
use crate::session::sabotage::{Sabotage, break_on_purpose};
use crate::sim::{FaultKind, Faults, Rate};

use crate::station::event::Happening;
use crate::testing::play::{self, How};
use crate::testing::{Outcome, read};

use super::case::{Case, Downlink};
use super::invariant::{Rule, Violation};
use super::log::Span;
use super::program::Source;
use super::{Options, invariant, stage};

fn bundled(file: &str) -> Source {
    Source {
        file: PathBuf::from(file),
        folder: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        module: "luat-air724".into(),
        vars: std::collections::BTreeMap::new(),
    }
}

fn station() -> Source {
    bundled("scripts/thingscloud/station.yaml")
}

/// So much trouble that a short run meets some.
fn span() -> Span {
    Span { trouble: Duration::from_mins(40), whole: Duration::from_hours(1) }
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    let case = Case::draw(3, span());
    let (first, second) = (stage::run(&station(), &case), stage::run(&station(), &case));
    assert_eq!(first.crossed, second.crossed);
    assert_eq!(first.told, second.told);
    assert_eq!(first.ledger, second.ledger);
    assert!(!first.faults.is_empty() && !first.received.is_empty());
}

#[test]
fn what_happened_makes_the_same_happen_again() {
    for seed in 1..4 {
        let case = Case::draw(seed, span());
        let log = stage::run(&station(), &case);
        let again = stage::run(&station(), &case.exactly(&log));
        assert_eq!(log.crossed, again.crossed, "seed {seed}");
        assert_eq!(log.told, again.told, "seed {seed}");
        assert_eq!(invariant::check(&log), invariant::check(&again));
    }
}

/// The page lists the rules, in the same order and words.
#[test]
fn the_page_lists_all_rules() {
    let row = |rule: &Rule| format!("| {} | {} | {} |\n", rule.id, rule.says, rule.looks_at);
    let table: String = invariant::RULES.iter().map(row).collect();
    assert!(
        include_str!("../../../docs/testing.md").contains(&table),
        "docs/testing.md should hold\n{table}"
    );
}

#[test]
fn a_quiet_run_breaks_no_rule() {
    let log = stage::run(&station(), &Case::quiet(1, Duration::from_mins(20)));
    assert_eq!(invariant::check(&log), None);
    assert!(log.received.len() > 15 && log.places > 100);
}

/// One of 200 seeds catches a broken engine, and it is the breakage that is caught.
fn caught(source: &Source, what: Sabotage, rule: &str) {
    let span = Span { trouble: Duration::from_hours(4), whole: Duration::from_hours(4) };
    break_on_purpose(Some(what));
    let found = (1..=200).find(|seed| {
        let log = stage::run(source, &Case::draw(*seed, span));
        invariant::check_one(&log, rule).is_some()
    });
    break_on_purpose(None);
    let found = found.unwrap_or_else(|| panic!("{what:?} was not caught in 200 seeds"));
    let whole = stage::run(source, &Case::draw(found, span));
    assert_eq!(invariant::check_one(&whole, rule), None, "seed {found}: it is no fault of {what:?}");
}

/// Each engine that was broken on purpose is caught.
#[test]
fn broken_engines_are_caught() {
    let (station, prompting) = (station(), bundled("src/testing/fuzz/prompting.yaml"));
    for (source, what, rule) in [
        (&station, Sabotage::DropsMessages, "S17"),
        (&station, Sabotage::ForgetsToPersist, "S5"),
        (&prompting, Sabotage::SendsInDataMode, "S3"),
    ] {
        caught(source, what, rule);
    }
}

/// Reports do say when they were made, in worlds whose calendars jump, and a wrong time would be seen.
#[test]
fn the_times_of_reports_are_judged() {
    let span = Span { trouble: Duration::from_hours(3), whole: Duration::from_hours(4) };
    let (mut judged, mut jumps) = (0, 0);
    for seed in 1..=6 {
        let mut case = Case::draw(seed, span);
        case.faults.settings.set(FaultKind::ClockJump, Rate::PerDay(48.0));
        let mut log = stage::run(&bundled("src/testing/fuzz/dated.yaml"), &case);
        assert_eq!(invariant::check_one(&log, "S20"), None, "seed {seed}");
        let dated = invariant::dated(&log);
        judged += dated.len();
        jumps += log.faults.iter().filter(|(_, fault)| fault.kind == FaultKind::ClockJump).count();
        let Some((at, says_ms, _)) = dated.last() else { continue };
        let wrong = (says_ms + 2500).to_string();
        for receipt in log.received.iter_mut().filter(|receipt| receipt.at == *at) {
            let text = String::from_utf8_lossy(&receipt.post.payload).replace(&says_ms.to_string(), &wrong);
            receipt.post.payload = text.into_bytes();
        }
        let broken = invariant::check_one(&log, "S20").map(|violation| violation.at);
        assert_eq!(broken, Some(*at), "seed {seed}");
    }
    println!("{judged} times of reports were judged, over {jumps} jumps of calendars");
    assert!(judged > 500 && jumps > 10, "{judged} reports, {jumps} jumps");
}

/// The machine sleeps for minutes and hours; nothing is lost by that, and nothing is said to be late because of it.
#[test]
fn the_rules_hold_where_machines_sleep() {
    let mut naps = 0;
    for seed in 1..=12 {
        let mut case = Case::draw(seed, Span::of(Duration::from_hours(3)));
        case.faults.settings.set(FaultKind::Suspend, Rate::PerDay(40.0));
        let log = stage::run(&station(), &case);
        assert_eq!(invariant::check(&log), None, "seed {seed}");
        naps += log.sleeps().0.len();
    }
    assert!(naps > 20, "{naps} times asleep");
}

/// A month with a line that is bad now and then, a network and a broker that go away, and a module that restarts.
/// All rules hold at its end: nothing is lost, nothing waits for ever, nothing grows.
#[test]
fn a_month_on_a_bad_line() {
    const DAYS: u64 = 30;
    let rates = "{ lost_bytes: 2e-5, doubled_bytes: 1e-5, garbled_bytes: 1e-5, split_chunks: 2%, late_chunks: 1%,
        urc_anywhere: 1%, urc_glued: 0.1%, late_answer: 0.1%, lost_answer: 0.05%, puback_lost: 0.1%, reboot: 0.5/d,
        silent_reboot: 0.3/d, port_gone: 0.3/d, broker_away: 0.5/d, registration_lost: 0.5/d, heal: 30d }";
    let mut month = Case::quiet(7, Duration::from_hours(24 * DAYS));
    month.span = Span::of(month.span.trouble);
    month.faults = Faults::parse(rates).expect("rates");
    let call =
        |hours, id, (method, params)| Downlink { time: Duration::from_hours(hours), id, method, params };
    // A report a minute would show the same, and take a minute.
    month.downlinks = vec![call(0, 1, ("set_interval", r#"{"seconds":900}"#))];
    month.downlinks[0].time = Duration::from_mins(1);
    month.downlinks.extend((1..4 * DAYS).map(|quarter| call(6 * quarter, 1 + quarter, ("signal", "{}"))));
    let log = stage::run(&station(), &month);
    assert_eq!(invariant::check(&log), None);
    let lost = log.told.iter().filter(
        |(_, told)| matches!(told, Happening::LinkState { from, to, .. } if from.is_up() && !to.is_up()),
    );
    println!(
        "{DAYS} days: {} faults, the link was lost {} times; {} messages were queued, {} arrived, {} wait",
        log.faults.len(),
        lost.count(),
        log.ledger.rows.len(),
        log.received.len(),
        log.left.len()
    );
    assert!(log.ledger.rows.len() as u64 > DAYS * 95 && log.left.is_empty());
}

/// What `atflow test` says of the text that `atflow fuzz` prints.
fn tested(text: &str) -> Outcome {
    let mut problems = Diagnostics::new();
    let file = read::read(Path::new("scripts/thingscloud/found.test.yaml"), text, &mut problems);
    let file = file.unwrap_or_else(|sources| panic!("{text}\n{}", problems.render(&sources, Look::Plain)));
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    play::play(&file, file.items()[0], &How { here, update: false, look: Look::Plain })
}

#[test]
fn what_is_printed_fails_when_it_is_run() {
    let station = station();
    for (what, rule) in [(Sabotage::DropsMessages, "S17"), (Sabotage::ForgetsToPersist, "S5")] {
        break_on_purpose(Some(what));
        let options = Options {
            source: station.clone(),
            first_seed: 1,
            seeds: 1,
            lasts: Duration::from_hours(2),
            jobs: 1,
            shrinks: true,
        };
        let failure = (1..=20).find_map(|seed| super::one(&options, seed).failure).expect("it is caught");
        assert_eq!(failure.violation.rule, rule);
        assert!(failure.case.size() <= 2, "{:?}", failure.case);
        let text = failure.case.test_file(&station, &failure.violation);
        let broken = tested(&text);
        break_on_purpose(None);
        let said: Vec<&str> = broken.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert!(matches!(said[..], [one] if one.starts_with(rule)), "{said:?}\n{text}");
        assert!(tested(&text).passed(), "{text}");
    }
}

#[test]
fn a_printed_case_names_its_file_whatever_that_is_called() {
    for name in ["pump #2.yaml", "it's: #2 {x}.yaml", "pump.yaml", "null", "724", "true"] {
        let source = Source { file: Path::new("flows").join(name), ..station() };
        let violation = Violation { rule: "S1", at: crate::link::Mono::ZERO, what: String::new() };
        let text = Case::quiet(1, Duration::from_mins(1)).test_file(&source, &violation);
        let mut problems = Diagnostics::new();
        let file = read::read(Path::new("flows/found.test.yaml"), &text, &mut problems);
        assert_eq!(file.expect("it can be read").flow, Path::new("flows").join(name), "{text}");
    }
}

/// Everything that can be written down in such a file happens again there as it happened before.
#[test]
fn a_printed_case_is_the_same_case() {
    for seed in [2, 3] {
        let case = Case::draw(seed, span());
        let log = stage::run(&station(), &case);
        let exact = case.exactly(&log);
        let violation = Violation { rule: "S1", at: log.ended, what: "nothing\r\nof: note\n".into() };
        let text = exact.test_file(&station(), &violation);
        let mut problems = Diagnostics::new();
        let file = read::read(Path::new("scripts/thingscloud/found.test.yaml"), &text, &mut problems);
        let file =
            file.unwrap_or_else(|sources| panic!("{text}\n{}", problems.render(&sources, Look::Plain)));
        let read = &file.tests[0];
        assert_eq!((read.seed, read.lasts), (seed, Some(case.span.whole)));
        assert_eq!(read.faults, exact.faults);
        assert_eq!(read.mishaps, exact.mishaps);
        assert_eq!(read.at.len(), exact.downlinks.len());
    }
}

#[test]
fn a_line_may_come_between_any_two_others() {
    let options = Options {
        source: bundled("scripts/examples/mqtt-any-module.yaml"),
        first_seed: 1,
        seeds: 1,
        lasts: Duration::from_mins(10),
        jobs: 1,
        shrinks: false,
    };
    let outcomes = super::urc_everywhere(&options, "RING", &|_, _, _| {}).expect("it is a flow");
    let broken: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).collect();
    assert!(broken.is_empty(), "{broken:?}");
    assert!(outcomes.len() > 20, "{} places", outcomes.len());
}

/// What comes behind the wait for a command is tried, too, and in the printed test as well.
#[test]
fn a_flow_that_waits_for_a_command_gets_one() {
    let source = bundled("scripts/thingscloud/bringup.yaml");
    let quiet = Case::quiet(1, Duration::from_mins(10));
    let log = stage::run(&source, &quiet);
    assert_eq!(log.failed, None);
    let violation = Violation { rule: super::VERDICT, at: log.ended, what: "as it was".into() };
    let text = stage::written_out(&source, &quiet).test_file(&source, &violation);
    assert!(tested(&text).passed(), "{text}");
    // What was drawn is not sent, so it is not printed either.
    let printed = stage::written_out(&source, &Case::draw(1, span()));
    assert!(matches!(&printed.downlinks[..], [Downlink { id: 1000, .. }]), "{:?}", printed.downlinks);
}

/// `./test` runs a modest number of seeds; `atflow fuzz` runs as many as there is time for.
#[test]
fn the_rules_hold_in_many_worlds() {
    let prompting = bundled("src/testing/fuzz/prompting.yaml");
    // Short ones, and some in which there is time for everything to be well again.
    for (source, seeds, span) in [
        (&station(), 1..=150, span()),
        (&prompting, 1..=40, span()),
        (&bundled("src/testing/fuzz/dated.yaml"), 1..=40, span()),
        (&station(), 201..=210, Span::of(Duration::from_mins(20))),
    ] {
        for seed in seeds {
            let log = stage::run(source, &Case::draw(seed, span));
            let broken = invariant::check(&log);
            assert_eq!(broken, None, "seed {seed} of {}", source.file.display());
        }
    }
}
