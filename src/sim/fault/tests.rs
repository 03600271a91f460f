use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::link::{Link, Mono, Read};
use crate::sim::{Scenario, SimLink, SimOptions, Watch, build};

/// What a warm module says to a minute of `AT`, with these faults; and what went wrong.
fn minute_of_at(faults: Faults, seed: u64) -> (Vec<u8>, Vec<Fault>) {
    let (mut link, watch) = module(faults, seed);
    let mut heard = Vec::new();
    for second in 1..=60 {
        let _ = link.write(b"AT\r\n", Mono::FAR);
        listen(&mut link, &mut heard, second);
    }
    (heard, watch.faults().into_iter().map(|(_, fault)| fault).collect())
}

fn module(faults: Faults, seed: u64) -> (SimLink, Watch) {
    let scenario = Scenario::parse("s", "sim: { start: warm, delays: 0, echo: false }").unwrap();
    let options = SimOptions { seed, scenario: Some(scenario), faults, ..SimOptions::default() };
    build("luat-air724", options).unwrap()
}

fn listen(link: &mut SimLink, heard: &mut Vec<u8>, second: u64) {
    while let Ok(Read::Bytes(_)) = link.read(heard, Mono::from_micros(second * 1_000_000)) {}
}

fn alone(kind: FaultKind) -> Faults {
    let rate = if kind.unit() == Unit::Day { Rate::PerDay(8640.0) } else { Rate::Each(0.2) };
    let mut faults = Faults::default();
    faults.settings.set(kind, rate);
    faults
}

#[test]
fn rates_are_read() {
    let faults =
        Faults::parse("{ lost_bytes: 1e-5, urc_anywhere: 1%, reboot: 2/d, port_gone: 1/h, heal: 20h }");
    let faults = faults.unwrap();
    let rate = |kind| faults.settings.rate(kind);
    assert_eq!(rate(FaultKind::LostBytes), Some(Rate::Each(1e-5)));
    assert_eq!(rate(FaultKind::UrcAnywhere), Some(Rate::Each(0.01)));
    assert_eq!(rate(FaultKind::Reboot), Some(Rate::PerDay(2.0)));
    assert_eq!(rate(FaultKind::PortGone), Some(Rate::PerDay(24.0)));
    assert_eq!(faults.heal, Some(Duration::from_hours(20)));
    assert_eq!(rate(FaultKind::LostAnswer), None);
}

#[test]
fn what_is_wrong_with_a_setting_is_said() {
    let mut said = String::new();
    for text in [
        "{ lost_byte: 1% }",
        "{ gremlins: 1% }",
        "{ lost_bytes: 2/d }",
        "{ reboot: 1% }",
        "{ lost_bytes: 150% }",
        "{ lost_bytes: [1] }",
        "{ reboot: 2/w }",
        "{ heal: soon }",
        "7",
        "[{ fault: reboot }]",
        "[{ fault: lost_bytes, time: 3s }]",
        "[{ fault: late_answer, nth: 3 }]",
        "[{ fault: garbled_bytes, nth: 3 }]",
        "[{ fault: heal }]",
    ] {
        let error = Faults::parse(text).unwrap_err();
        let _ = writeln!(said, "{text}\n  {error}\n  {}", error.help);
    }
    assert_eq!(said, include_str!("cases.txt"));
}

#[test]
fn without_faults_nothing_changes() {
    let (clean, none) = minute_of_at(Faults::default(), 3);
    assert_eq!(clean, b"\r\nOK\r\n".repeat(60));
    assert!(none.is_empty());
}

#[test]
fn one_fault_moves_no_other() {
    let lost = |faults: Faults| -> Vec<Fault> {
        let (_, happened) = minute_of_at(faults, 5);
        happened.into_iter().filter(|fault| fault.kind == FaultKind::LostAnswer).collect()
    };
    let mut both = alone(FaultKind::LostAnswer);
    both.settings.set(FaultKind::GarbledBytes, Rate::Each(0.3));
    assert!(lost(alone(FaultKind::LostAnswer)).len() > 5);
    assert_eq!(lost(both), lost(alone(FaultKind::LostAnswer)));
}

/// Every fault that a minute of `AT` can meet happens at this rate, and the list of what happened makes the
/// same happen again, also after it was written and read.
#[test]
fn what_was_drawn_can_be_written_and_replayed() {
    let unmet = [
        FaultKind::PubackLost,
        FaultKind::PubackLate,
        FaultKind::PubackStray,
        FaultKind::ClosedUnreported,
        FaultKind::DoubledDownlinks,
        FaultKind::LatePrompt,
        FaultKind::LostPrompt,
    ];
    for kind in FaultKind::ALL {
        let (heard, happened) = minute_of_at(alone(*kind), 11);
        assert_eq!(happened.is_empty(), unmet.contains(kind), "{}", kind.name());
        let mut text = String::new();
        for fault in &happened {
            let _ = writeln!(text, "- {fault}");
        }
        let again = if text.is_empty() { Faults::default() } else { Faults::parse(&text).unwrap() };
        assert_eq!(again.list, happened, "{text}");
        // Another seed of the faults, the same of the module: only the list counts.
        assert_eq!(minute_of_at(again, 11), (heard, happened), "{}", kind.name());
    }
}

#[test]
fn after_healing_all_is_well() {
    let mut faults = alone(FaultKind::LostAnswer);
    faults.settings.set(FaultKind::BrokerAway, Rate::PerDay(5000.0));
    faults.settings.set(FaultKind::PortGone, Rate::PerDay(0.0));
    faults.heal = Some(Duration::from_secs(30));
    let (mut link, watch) = module(faults, 2);
    watch.keep_truth();
    let mut heard = Vec::new();
    listen(&mut link, &mut heard, 60);
    assert!(watch.truth().iter().any(|truth| truth.kind == crate::sim::TruthKind::Healed));
    heard.clear();
    let _ = link.write(b"ATE0\r\n", Mono::FAR);
    listen(&mut link, &mut heard, 61);
    for second in 62..=120 {
        heard.clear();
        let _ = link.write(b"AT\r\n", Mono::FAR);
        listen(&mut link, &mut heard, second);
        assert_eq!(heard, b"\r\nOK\r\n");
    }
}

/// The page lists what there is, in the same order and words.
#[test]
fn the_page_lists_all_faults() {
    let mut table = "| setting | for each | what happens |\n|---|---|---|\n".to_owned();
    for kind in FaultKind::ALL {
        let _ = writeln!(table, "| `{}` | {} | {} |", kind.name(), kind.unit().words(), kind.does());
    }
    let page = include_str!("../../../docs/simulator.md");
    assert!(page.contains(&table), "docs/simulator.md should hold\n{table}");
}
