//! How fast reports go: nothing makes them late for good, faster than the cloud takes them, or keeps them back.

use std::time::Duration;

use atflow::link::Mono;
use atflow::station::event::{Happening, LaneName};

use crate::support_station::{Case, Lab, cloud, hm, s, station, what};

/// How late each report went, in seconds.
fn ages(lab: &Lab) -> Vec<u64> {
    lab.told().all(|happening| match happening {
        Happening::ReportSent { lane: LaneName::Report, age_ms, .. } => Some(age_ms / 1000),
        _ => None,
    })
}

#[test]
fn publishes_that_the_module_refuses_make_no_later_report_late() {
    let refused =
        |minute: u64| what(&format!("{minute}m30s"), "refuse: 'AT+MPUB={:rest}', with: '+CME ERROR: 767'");
    let mut lab = Lab::start(Case::bundled().then((10..400).step_by(20).map(refused)));
    lab.run_to(hm(7, 0));
    let ages = ages(&lab);
    assert_eq!(ages.len(), 420);
    assert!(ages.iter().all(|age| *age < 20), "{ages:?}");
}

#[test]
fn a_lost_link_lets_nothing_go_faster_that_waited_for_the_cloud() {
    let mut lab = Lab::start(Case::of(station("surplus.yaml")).then([what("2h", "broker: close")]));
    lab.run_to(hm(3, 0));
    let times: Vec<Mono> = lab.received().iter().map(|receipt| receipt.at).collect();
    assert!(times.len() > 170, "{}", times.len());
    let closest = times.windows(2).map(|pair| pair[1].since(pair[0])).min().expect("many");
    assert!(closest >= s(53), "{closest:?}");
}

/// What waited for it in an outage goes on going faster, though it is lost once more.
#[test]
fn a_second_loss_does_not_hold_back_what_waited_in_the_first() {
    let sent = |again: &[_]| {
        let away = what("10m", "broker: away, for: 1h");
        let mut lab = Lab::start(Case::of(station("surplus.yaml")).then([away]).then(again.iter().cloned()));
        lab.run_to(hm(3, 0));
        lab.received().len()
    };
    let (once, twice) = (sent(&[]), sent(&[what("1h10m20s", "broker: close")]));
    assert!(once > 200 && twice + 5 > once, "{once} with one loss, {twice} with two");
}

/// Which reports waited for the link is known to the process after the one that lost it: none of them takes the turn
/// of those that are made when it is up again.
#[test]
fn what_waited_for_the_link_delays_no_other_report_after_a_crash() {
    let refused = what("9m30s", "refuse: 'AT+MPUB={:rest}', with: '+CME ERROR: 767'");
    let away = what("10m20s", "broker: away, for: 160s");
    let mut lab = Lab::start(Case::bundled().then([refused, away]));
    lab.kill_at(hm(0, 11) + s(20));
    lab.boot();
    lab.run_to(hm(1, 0));
    let ages = ages(&lab);
    // Those of minutes 11 and 12 waited, and that of 13 was made while the link came up.
    assert!(ages[11] > 120 && ages[12] > 60 && ages[13] > 20, "{ages:?}");
    assert!(ages.len() > 60 && ages[14..].iter().all(|age| *age < 3), "{ages:?}");
}

/// A reply to each, on a slow line, is all that it could send.
#[test]
fn messages_that_are_no_commands_keep_no_report_back() {
    for payload in [r#"{"hello":1}"#, r#"{"method":"signal","params":{}}"#] {
        let flood = (0..1_300_u32)
            .map(|n| cloud(s(60) + Duration::from_millis(900) * n, &format!("command/send/{n}"), payload));
        let slow = Case::bundled().settings(|settings| settings.delays = 10.0).then(flood);
        let mut lab = Lab::start(slow);
        lab.run_to(hm(0, 21));
        let sent = lab.told().sent(LaneName::Report).len();
        assert!((18..=22).contains(&sent), "{payload}: {sent}");
        let waiting = lab.told().status.as_ref().expect("a status").outbox_rows;
        assert!(waiting.iter().all(|rows| *rows <= 1_000), "{payload}: {waiting:?}");
    }
}
