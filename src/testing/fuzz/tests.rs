//! Whole runs: the same seed twice, a case written out, and stations that were broken on purpose.

use std::path::PathBuf;
use std::time::Duration;

use crate::session::sabotage::{Sabotage, break_on_purpose};

use super::case::Case;
use super::log::Span;
use super::program::Source;
use super::{invariant, stage};

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
    Span { trouble: Duration::from_mins(40), whole: Duration::from_mins(60) }
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

#[test]
fn a_quiet_run_breaks_no_rule() {
    let log = stage::run(&station(), &Case::quiet(1, Duration::from_mins(20)));
    assert_eq!(invariant::check(&log), None);
    assert!(log.received.len() > 15 && log.places > 100);
}

/// The first seed, of those from `first`, in which a broken engine is caught.
fn caught(what: Sabotage, rules: &[&str], first: u64) -> u64 {
    break_on_purpose(Some(what));
    let span = Span { trouble: Duration::from_hours(4), whole: Duration::from_hours(4) };
    let ready = station();
    let found = (first..first + 200).find(|seed| {
        let log = stage::run(&ready, &Case::draw(*seed, span));
        rules.iter().any(|rule| invariant::check_one(&log, rule).is_some())
    });
    break_on_purpose(None);
    let found = found.unwrap_or_else(|| panic!("{what:?} was not caught in 200 seeds"));
    let whole = stage::run(&ready, &Case::draw(found, span));
    let blamed = rules.iter().find_map(|rule| invariant::check_one(&whole, rule));
    assert_eq!(blamed, None, "seed {found}: it is no fault of {what:?}");
    found - first + 1
}

/// Each engine that was broken on purpose is caught; how soon is printed as the median of five searches.
#[test]
fn broken_engines_are_caught() {
    for (what, rules) in [
        (Sabotage::DropsMessages, ["S17"]),
        (Sabotage::ForgetsToPersist, ["S5"]),
        (Sabotage::SendsInDataMode, ["S3"]),
    ] {
        let searches = if cfg!(debug_assertions) { 1 } else { 5 };
        let mut seeds: Vec<u64> =
            (0..searches).map(|search| caught(what, &rules, 1 + 1000 * search)).collect();
        seeds.sort_unstable();
        println!("{what:?}: {seeds:?}, median {}", seeds[seeds.len() / 2]);
    }
}
