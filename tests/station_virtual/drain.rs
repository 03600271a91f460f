//! Ten thousand reports that waited for the link.

use std::time::Duration;

use atflow::link::Mono;
use atflow::station::event::{Happening, LaneName, LinkState};

use crate::ledger;
use crate::support_station::{Case, Lab, hm, s, station, what};

/// As many as a station that was offline for eight minutes and a bit has queued.
const MANY: usize = 10_000;

#[test]
fn ten_thousand_queued_reports_drain_in_order() {
    let offline = what("0s", "broker: away, for: 20m");
    let mut lab = Lab::start(Case::of(station("filling.yaml")).then([offline]));
    while lab.told().queued(LaneName::Report).len() < MANY {
        let next = lab.now() + s(5);
        lab.run_to(next);
    }
    lab.kill();
    assert_eq!(ledger::waiting(&mut lab).len(), MANY);
    assert_eq!(lab.received().len(), 0);

    lab.case.file = station("draining.yaml");
    lab.boot();
    // A publish takes some 300 ms until it is acknowledged.
    lab.run_to(hm(2, 0));
    {
        let told = lab.told();
        let status = told.status.as_ref().expect("a status");
        assert_eq!((status.link, status.outbox_rows), (LinkState::Online, [0, 0, 0]));
        let sent = told.sent(LaneName::Report);
        assert!(sent.len() >= MANY && sent.is_sorted());
    }
    let arrived = ledger::arrived(&lab);
    assert_eq!(arrived, lab.told().queued(LaneName::Report), "all of them, in the order they were made");
    ledger::settle(&mut lab);
}

/// After an unclean end it waits until nothing of an earlier session can be taken for its acknowledgement. A
/// new store is none.
#[test]
fn the_first_report_of_a_new_store_goes_at_once() {
    // From the link being up.
    let after_s = |lab: &Lab| {
        let told = lab.told();
        let first = |is: fn(&Happening) -> bool| {
            told.happenings.iter().find(|(_, happening)| is(happening)).expect("it happened").0
        };
        let up = first(|happening| matches!(happening, Happening::LinkState { to: LinkState::Online, .. }));
        first(|happening| matches!(happening, Happening::ReportSent { .. })).since(up).as_secs()
    };
    let mut lab = Lab::start(Case::bundled());
    lab.run_to(hm(0, 1));
    assert!(after_s(&lab) < 2, "{}", after_s(&lab));
    lab.kill();
    lab.forget();
    lab.boot();
    lab.run_to(hm(0, 3));
    assert!((5..8).contains(&after_s(&lab)), "{}", after_s(&lab));
}

/// When the cloud received something, in order.
fn arrivals(lab: &Lab) -> Vec<Duration> {
    lab.received().iter().map(|receipt| receipt.at.since(Mono::ZERO)).collect()
}

/// Every life makes a message at once, and ends before the cloud takes another one.
#[test]
fn a_crash_loop_keeps_the_distance_between_any_two_publishes() {
    let mut lab = Lab::start(Case::of(station("strict.yaml")));
    for death in 1..=20 {
        lab.kill_at(s(17 * death));
        lab.boot();
    }
    lab.run_to(hm(0, 8));
    // A restart of the machine between two publishes; how long it took is not known.
    lab.lose_power();
    lab.boot();
    lab.run_to(hm(0, 20));
    let arrivals = arrivals(&lab);
    assert!(arrivals.len() >= 20, "{arrivals:?}");
    let distances: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    // What the network makes of it.
    let apart = s(30).saturating_sub(Duration::from_millis(500));
    assert!(distances.iter().all(|distance| *distance >= apart), "{distances:?}");
}
