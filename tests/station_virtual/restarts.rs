//! A module that restarts is counted once, however many signs it gives of it.

use std::time::Duration;

use atflow::sim::{BootNoise, Entry};
use atflow::station::event::{Happening, LinkState};

use crate::ledger;
use crate::support_station::{Case, Lab, hm, s, what};

/// What was taken for the sign of each restart that was counted.
fn signs(lab: &Lab) -> Vec<String> {
    lab.told().all(|happening| match happening {
        Happening::Reboot { evidence, .. } => Some(evidence.clone()),
        _ => None,
    })
}

fn brownouts(lab: &Lab) -> usize {
    lab.told().count(|happening| matches!(happening, Happening::Brownout))
}

/// A loss, and a port that vanishes, make the station wait two minutes before it climbs after the reset: only
/// then does it hear that the module echoes again.
fn bad_morning(reset_at: &str) -> Vec<Entry> {
    vec![
        what("5m", "registration: lost, for: 30s"),
        what("10m", "port: unplug, for: 20s"),
        what(reset_at, "module: reset"),
    ]
}

#[test]
fn boot_lines_and_an_echo_long_after_them_are_one_restart() {
    // In the middle of the report, before it, and after it.
    for reset_at in ["15m", "14m59s", "15m30s"] {
        let mut lab = Lab::start(Case::bundled().then(bad_morning(reset_at)));
        lab.run_to(hm(0, 20));
        assert_eq!((signs(&lab), brownouts(&lab)), (vec!["RDY".to_string()], 0), "{reset_at}");
        let link = lab.told().status.as_ref().map(|status| status.link);
        assert_eq!(link, Some(LinkState::Online), "{reset_at}");
        ledger::settle(&mut lab);
    }
}

/// The echo is there for modules that say nothing.
#[test]
fn a_restart_without_a_word_is_told_by_the_echo_alone() {
    let silent = Case::bundled().settings(|settings| settings.boot = BootNoise::Silent);
    let mut lab = Lab::start(silent.then(bad_morning("15m")));
    lab.run_to(hm(0, 20) + Duration::from_secs(30));
    assert_eq!((signs(&lab), brownouts(&lab)), (vec!["it echoes again".to_string()], 0));
    ledger::settle(&mut lab);
}

/// Three of them in ten minutes still are three.
#[test]
fn three_restarts_are_a_brownout() {
    let resets = ["5m", "7m", "12m"].map(|time| what(time, "module: reset"));
    let mut lab = Lab::start(Case::bundled().then(resets));
    lab.run_to(hm(0, 12) + s(30));
    assert_eq!((signs(&lab).len(), brownouts(&lab)), (3, 1));
}
