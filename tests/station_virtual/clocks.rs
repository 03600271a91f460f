//! Schedules while the machine's calendar jumps, the machine sleeps, the zone changes its offset, and the
//! station dies again and again.

use std::time::Duration;

use atflow::link::Mono;
use atflow::sim::{Calendar, Entry};
use atflow::station::event::{Happening, LaneName};

use crate::ledger;
use crate::support_station::{Case, Lab, cloud, hm, s, station, what};

const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn many(entries: impl IntoIterator<Item = Entry>) -> Case {
    Case::of(station("clocks.yaml")).then(entries)
}

/// From start to start.
fn distances(lab: &Lab, name: &str) -> Vec<Duration> {
    let starts: Vec<Mono> = lab.told().starts(name).into_iter().map(|(at, _)| at).collect();
    starts.windows(2).map(|pair| pair[1].since(pair[0])).collect()
}

/// When runs began, in minutes since the start.
fn minutes(lab: &Lab, name: &str) -> Vec<u64> {
    lab.told().starts(name).into_iter().map(|(at, _)| at.since(Mono::ZERO).as_secs() / 60).collect()
}

fn missed(lab: &Lab, wanted: &str) -> Vec<u64> {
    lab.told().all(|happening| match happening {
        Happening::ScheduleMissed { name, count, .. } if name == wanted => Some(*count),
        _ => None,
    })
}

#[test]
fn a_calendar_that_jumps_does_not_move_a_period() {
    let jumps = [
        what("10m20s", "clock: '+8760h'"),
        what("20m40s", "clock: '-1h'"),
        what("30m10s", "clock: unknown"),
        what("35m10s", "clock: '-400000h'"),
        what("40m30s", "clock: synchronised"),
    ];
    let mut lab = Lab::start(many(jumps));
    lab.run_to(hm(1, 0));
    let distances = distances(&lab, "minute");
    assert_eq!(distances.len(), 59);
    // The first run waits for the link, and the next one keeps nine tenths of a period from it.
    assert!(distances[0] >= s(54) && distances[1] >= s(54), "{distances:?}");
    assert!(distances[2..].iter().all(|distance| *distance == s(60)), "{distances:?}");
    assert_eq!(missed(&lab, "minute"), [0; 0]);
}

#[test]
fn a_calendar_that_jumps_makes_no_burst_of_a_cron() {
    let jumps = [what("45m", "clock: '+8760h'"), what("2h45m", "clock: '-1h'")];
    let mut lab = Lab::start(many(jumps));
    lab.run_to(hm(6, 0));
    // Ahead by a year all half hours of it are missed, and at most one run stands for the latest of them. Back
    // by an hour nothing runs again, and then it goes on.
    assert_eq!(minutes(&lab, "half past"), [30, 60, 90, 120, 150, 240, 270, 300, 330]);
    assert_eq!(missed(&lab, "half past"), [1000]);
    assert_eq!(minutes(&lab, "at night"), [45, 90], "one run for a year of nights, then the next night");
}

#[test]
fn a_cron_waits_for_a_machine_without_a_clock() {
    let case = many([what("47m", "clock: synchronised")]);
    let mut lab = Lab::start(case.settings(|settings| settings.clock = Calendar::Unset));
    lab.run_to(hm(3, 0));
    assert_eq!(minutes(&lab, "half past"), [60, 90, 120, 150]);
    assert_eq!(minutes(&lab, "at night"), [90]);
    let held = lab.told().count(|happening| matches!(happening, Happening::ScheduleHeld { .. }));
    assert_eq!(held, 2, "each says once that it waits");
    assert_eq!(distances(&lab, "minute").len(), 179);
}

#[test]
fn a_machine_that_slept_makes_up_for_nothing() {
    let mut lab = Lab::start(many([what("10m30s", "suspend: 8h")]));
    lab.run_to(hm(9, 0));
    let starts = minutes(&lab, "minute");
    let expected: Vec<u64> = (0..=10).chain(490..540).collect();
    assert_eq!(starts, expected, "one run for all of them, then each minute again");
    assert_eq!(missed(&lab, "minute").iter().sum::<u64>(), 479);
    assert_eq!(minutes(&lab, "half past"), [490, 510], "one for all half hours that were slept through");
    assert_eq!(missed(&lab, "half past"), [15]);
    assert_eq!(minutes(&lab, "at night"), [490], "01:30Z was slept through");
}

/// The zone jumps from 02:00 to 03:00, and the night's time is in between: it runs when the jump is over.
#[test]
fn a_spring_night_has_no_gap() {
    // 2025-03-29T23:00Z from 2025-01-20T00:01Z.
    let mut lab = Lab::start(many([what("1m", "clock: '+1654h59m'")]));
    lab.run_to(hm(6, 0));
    let half_past = minutes(&lab, "half past");
    // The first minute ends at 23:00Z; the half hours go on through the jump at 01:00Z.
    assert_eq!(half_past, [1, 31, 61, 91, 121, 151, 181, 211, 241, 271, 301, 331]);
    assert_eq!(minutes(&lab, "at night"), [1, 121], "one for the nights that were jumped over, one at 03:00");
}

/// The hour from 02:00 to 03:00 comes twice: what runs each half hour runs in both, the night's run once.
#[test]
fn an_autumn_night_has_no_burst() {
    // 2025-10-25T23:00Z from 2025-01-20T00:01Z.
    let mut lab = Lab::start(many([what("1m", "clock: '+6694h59m'")]));
    lab.run_to(hm(6, 0));
    assert_eq!(minutes(&lab, "half past"), [1, 31, 61, 91, 121, 151, 181, 211, 241, 271, 301, 331]);
    assert_eq!(minutes(&lab, "at night"), [1, 91], "00:30Z is 02:30 for the first time");
}

#[test]
fn a_period_follows_its_state_at_once() {
    let interval =
        |seconds: u32| format!(r#"{{"method":"set_interval","params":{{"seconds":{seconds}}},"id":1000}}"#);
    let case = Case::bundled().then([
        cloud(hm(0, 10) + s(30), "command/send/1000", interval(300)),
        cloud(hm(0, 41), "command/send/1000", interval(60)),
        cloud(hm(1, 0), "command/send/1000", interval(59)),
    ]);
    let mut lab = Lab::start(case);
    lab.run_to(hm(1, 10));
    assert_eq!(lab.told().command_codes(), ["ok", "ok", "bad_params"]);
    let distances: Vec<u64> =
        distances(&lab, "report").iter().map(|distance| (*distance + HALF_A_SECOND).as_secs()).collect();
    let slow = distances.iter().filter(|distance| **distance == 300).count();
    assert_eq!(slow, 6, "{distances:?}");
    assert!(distances[2..10].iter().all(|distance| *distance == 60), "{distances:?}");
    assert!(distances[distances.len() - 25..].iter().all(|distance| *distance == 60), "{distances:?}");
}

#[test]
fn a_crash_loop_keeps_the_clouds_rate() {
    let mut lab = Lab::start(Case::bundled());
    for death in 1..=100 {
        lab.kill_at(s(6 * death));
        lab.boot();
    }
    lab.run_to(hm(0, 20));
    let distances = distances(&lab, "report");
    assert!(distances.len() >= 18, "it reports all the same: {distances:?}");
    // The store counts whole milliseconds.
    let apart = s(54).saturating_sub(Duration::from_millis(1));
    assert!(distances.iter().all(|distance| *distance >= apart), "{distances:?}");
    let status = lab.told().status.clone().expect("a status");
    assert_eq!(status.outbox_rows, [0, 0, 0]);
    let sent: std::collections::BTreeSet<String> = lab.received_on("attributes").into_iter().collect();
    assert_eq!(sent.len(), lab.told().queued(LaneName::Report).len());
    ledger::settle(&mut lab);
}

/// When the cloud received reports, without those that waited for the link.
fn arrivals(lab: &Lab) -> Vec<Duration> {
    let all = lab.received().into_iter().filter(|receipt| receipt.post.topic == "attributes");
    all.map(|receipt| receipt.at.since(Mono::ZERO)).collect()
}

/// Each keeps its distance from itself, but not from the other.
#[test]
fn several_reports_at_once_keep_the_clouds_rate() {
    let mut lab = Lab::start(Case::of(station("twice.yaml")));
    lab.run_to(hm(1, 0));
    // The first ones were made before the link was up.
    let arrivals = arrivals(&lab).split_off(1);
    let apart: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(apart.iter().all(|apart| *apart >= s(53)), "{apart:?}");
    assert!((58..=62).contains(&arrivals.len()), "one a minute: {}", arrivals.len());
    assert_eq!(lab.told().count(|happening| matches!(happening, Happening::ReportDropped { .. })), 0);
    ledger::settle(&mut lab);
}

#[test]
fn several_reports_keep_the_clouds_rate_in_a_crash_loop() {
    let mut lab = Lab::start(Case::of(station("twice.yaml")));
    for death in 1..=60 {
        lab.kill_at(s(20 * death));
        lab.boot();
    }
    lab.run_to(hm(0, 40));
    // The first ones were made before the link was up.
    let arrivals = arrivals(&lab).split_off(3);
    let apart: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    assert!(apart.iter().all(|apart| *apart >= s(53)), "{apart:?}");
    assert!(arrivals.len() >= 30, "it reports all the same: {}", arrivals.len());
    // No process alone sends so much.
    let warned = lab.told().count(|happening| matches!(happening, Happening::BudgetWarning { .. }));
    let bytes = lab.told().status.as_ref().expect("a status").network_bytes_today;
    assert!(warned > 0 && bytes > 2000, "{warned} warnings, {bytes} bytes");
    ledger::settle(&mut lab);
}

/// What waited for the link goes faster: nobody could have sent it earlier.
#[test]
fn what_waited_for_the_link_goes_faster() {
    let mut lab =
        Lab::start(Case::of(station("twice.yaml")).then([what("10m30s", "broker: away, for: 10m")]));
    lab.run_to(hm(0, 10));
    let waiting = |lab: &Lab| lab.told().status.clone().expect("a status").outbox_rows[2];
    assert!(waiting(&lab) >= 3, "held for the cloud: {}", waiting(&lab));
    lab.run_to(hm(0, 35));
    assert!(arrivals(&lab).len() > 45, "{}", arrivals(&lab).len());
    assert!(waiting(&lab) < 8, "{}", waiting(&lab));
}

/// Which runs were skipped, and which were missed and to be made up for.
fn gone(lab: &Lab, wanted: &str) -> Vec<String> {
    lab.told().all(|happening| match happening {
        Happening::JobSkipped { name, reason, .. } if name == wanted => Some(format!("skipped, {reason}")),
        Happening::ScheduleMissed { name, count, policy } if name == wanted => {
            Some(format!("{count} missed, {policy}"))
        }
        _ => None,
    })
}

/// What the calendar jumps over was not due while an earlier run went on.
#[test]
fn a_jump_after_a_run_is_made_up_for_once() {
    // To 10:00Z of the next day, and to 17:05Z of the day after that while the slow one holds the port.
    let jumps = [what("4h", "clock: '+30h'"), what("5h5m", "clock: '+30h'")];
    let mut lab = Lab::start(Case::of(station("jumps.yaml")).then(jumps));
    lab.run_to(hm(6, 0));
    assert_eq!(minutes(&lab, "slow"), [300]);
    assert_eq!(minutes(&lab, "nightly"), [180, 240, 320], "03:00Z of each day");
    assert_eq!(gone(&lab, "nightly"), [""; 0]);
    let often = minutes(&lab, "often");
    assert_eq!(often[23..], [240, 250, 260, 270, 280, 290, 300, 320, 330, 340, 350]);
    assert_eq!(gone(&lab, "often"), ["180 missed, once", "181 missed, once"]);
    let each = minutes(&lab, "each");
    assert!(each.ends_with(&[280, 290, 300, 320, 330, 340, 350]), "{each:?}");
    assert_eq!(gone(&lab, "each"), ["1 missed, once"], "11:10Z, while the port was busy");
}

/// Nobody saw where it went: what it passed was not due while an earlier run went on.
#[test]
fn a_jump_out_of_the_unknown_is_made_up_for() {
    // 00:24Z is the last that is known; three minutes later it is 01:19Z.
    let jumps =
        [what("1s", "clock: '-55m'"), what("76m", "clock: unknown"), what("79m", "clock: synchronised")];
    let mut lab = Lab::start(Case::of(station("jumps.yaml")).then(jumps));
    lab.run_to(hm(1, 35));
    assert_eq!(minutes(&lab, "often"), [65, 75, 79, 80, 90], "01:10Z is the one before the last");
    assert_eq!(gone(&lab, "often"), ["4 missed, once"]);
}
