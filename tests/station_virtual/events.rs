//! Events, and that nobody starves while others have much to do.

use std::time::Duration;

use atflow::link::Mono;
use atflow::station::event::{Happening, JobKind, LinkState};

use crate::ledger;
use crate::support_station::{Case, Lab, cloud, hm, s, station, what};

fn skipped(lab: &Lab, wanted: &str) -> Vec<String> {
    lab.told().all(|happening| match happening {
        Happening::JobSkipped { name, reason, .. } if name == wanted => Some(reason.clone()),
        _ => None,
    })
}

#[test]
fn lines_messages_and_the_link_start_runs() {
    let lamp = |time, name: &str, json: &str| cloud(time, &format!("lamp/{name}"), json);
    let mut entries = vec![
        what("2m", "urc: '+CPIN: SIM REMOVED'"),
        what("2m5s", "urc: '+CPIN: SIM INSERTED'"),
        what("2m6s", "urc: '+CPIN: READY'"),
        lamp(hm(0, 3), "a", r#"{"on":1}"#),
        what("5m", "broker: close"),
        what("8m", "module: reset"),
    ];
    // Five at once: of the lamps each waits, of the bells one, behind the one that runs.
    entries.extend((0..5).map(|name| lamp(hm(0, 4), &name.to_string(), r#"{"on":true}"#)));
    entries.extend((0..5).map(|name| cloud(hm(0, 4), &format!("bell/{name}"), "{}")));
    let mut lab = Lab::start(Case::of(station("events.yaml")).then(entries));
    lab.run_to(hm(0, 12));
    let cards = lab.received_on("event/report/card");
    assert_eq!(cards, [r#"{"card":"REMOVED"}"#, r#"{"card":"INSERTED"}"#]);
    let lamps: Vec<String> = (0..5).map(|name| format!(r#"{{"name":"{name}","on":true}}"#)).collect();
    assert_eq!(lab.received_on("event/report/lamp"), lamps, "each, in order, and none without `on`");
    let bells = lab.received_on("event/report/bell");
    assert!((1..=2).contains(&bells.len()), "{bells:?}");
    assert_eq!(skipped(&lab, "bell").len(), 5 - bells.len());
    let times: Vec<String> = (1..=3).map(|times| format!(r#"{{"times":{times}}}"#)).collect();
    assert_eq!(lab.received_on("event/report/up"), times);
    assert_eq!(lab.received_on("event/report/lost"), times[..2]);
    ledger::settle(&mut lab);
}

#[test]
fn an_event_whose_turn_has_not_come_when_the_station_ends_is_told_as_skipped() {
    let lamps = (0..5).map(|name| cloud(hm(0, 4), &format!("lamp/{name}"), r#"{"on":true}"#));
    let mut lab = Lab::start(Case::of(station("events.yaml")).then(lamps));
    lab.run_to(hm(0, 4) + s(3));
    assert_eq!(skipped(&lab, "lamp"), [""; 0]);
    lab.stop();
    let skipped = skipped(&lab, "lamp");
    assert!(!skipped.is_empty() && skipped.iter().all(|reason| reason == "stopped"), "{skipped:?}");
}

/// Four commands a second for twenty minutes, and messages beside them: the schedule runs within its period
/// all the same, and so do the others.
#[test]
fn a_flood_of_commands_starves_nobody() {
    let mut entries = Vec::new();
    for number in 0..4_800_u32 {
        let time = hm(0, 2) + Duration::from_millis(250) * number;
        let json = format!(r#"{{"method":"signal","params":{{}},"serial":{number}}}"#);
        entries.push(cloud(time, "command/send/1000", json));
        if number % 40 == 0 {
            entries.push(cloud(time, "lamp/x", r#"{"on":true}"#));
        }
    }
    let mut lab = Lab::start(Case::of(station("events.yaml")).then(entries));
    lab.run_to(hm(0, 35));
    {
        let told = lab.told();
        // Between two runs of it another schedule takes 25 s, and whoever waits longer goes first.
        let runs = told.starts("quick");
        let late: Vec<u64> = runs.iter().skip(2).map(|(_, late_ms)| *late_ms).collect();
        assert!(late.len() >= 60 && late.iter().all(|late_ms| *late_ms < 40_000), "{late:?}");
        assert!(told.starts("slow").len() >= 24, "{}", told.starts("slow").len());
        assert!(told.starts("lamp").len() >= 100, "{}", told.starts("lamp").len());
        let codes = told.command_codes();
        let taken = codes.iter().filter(|code| *code == "ok").count();
        println!("{taken} commands of 4800 were run; runs: {}", told.ends(JobKind::Schedule).len());
        assert!(taken >= 400, "{taken}");
        let status = told.status.clone().expect("a status");
        assert_eq!((status.link, status.outbox_rows), (LinkState::Online, [0; 3]));
    }
    let reports = lab.received_on("attributes").len();
    assert!(reports >= 60, "{reports} reports got through");
    ledger::settle(&mut lab);
}

/// A run that takes longer than its period: the due times in between are skipped, or one of them waits.
#[test]
fn a_run_longer_than_its_period_skips() {
    let mut lab = Lab::start(Case::of(station("events.yaml")));
    lab.run_to(hm(0, 10));
    // While `slow` takes 25 s, `quick` is due two or three times, and runs once.
    let starts: Vec<Mono> = lab.told().starts("quick").into_iter().map(|(at, _)| at).collect();
    assert!(starts.windows(2).all(|pair| pair[1].since(pair[0]) >= s(9)), "{starts:?}");
    assert!(starts.len() >= 40, "{}", starts.len());
}

/// Each second due time comes in the middle of a run and is skipped. It is no start, so the one behind it is run
/// when it is due, and not nine tenths of a period after the one that was skipped.
#[test]
fn what_is_skipped_delays_nothing() {
    let mut lab = Lab::start(Case::of(station("overlong.yaml")));
    lab.run_to(hm(0, 30));
    let starts: Vec<Mono> = lab.told().starts("long").into_iter().map(|(at, _)| at).collect();
    assert!(starts.len() >= 14 && skipped(&lab, "long").len() >= 13, "{starts:?}");
    assert!(starts.windows(2).skip(1).all(|pair| pair[1].since(pair[0]) < s(121)), "{starts:?}");
}

/// With `overlap: queue` a due time in the middle of a run is run behind it, and none is skipped for it.
#[test]
fn a_run_longer_than_its_period_queues() {
    let mut lab = Lab::start(Case::of(station("queued.yaml")));
    lab.run_to(hm(0, 25));
    let starts: Vec<Mono> = lab.told().starts("queued").into_iter().map(|(at, _)| at).collect();
    assert!(starts.len() >= 19, "{starts:?}");
    assert!(starts.windows(2).all(|pair| pair[1].since(pair[0]) < s(76)), "one behind the other: {starts:?}");
    assert_eq!(skipped(&lab, "queued"), [""; 0]);
}

#[test]
fn the_timeout_of_a_schedule_cuts_its_run() {
    let mut lab = Lab::start(Case::of(station("queued.yaml")));
    lab.run_to(hm(1, 0));
    let ends = lab.told().all(|happening| match happening {
        Happening::JobFinished { name, outcome, took_ms, .. } if name == "cut" => {
            Some((outcome.clone(), *took_ms))
        }
        _ => None,
    });
    assert_eq!(ends, [("timeout".to_string(), 5_000)]);
}

/// A run that is cut says what cut it.
#[test]
fn a_run_that_its_period_cuts_says_so() {
    let mut lab = Lab::start(Case::of(station("cut.yaml")));
    lab.run_to(hm(0, 5));
    let errors = lab.told().all(|happening| match happening {
        Happening::JobFinished { error, .. } => error.clone(),
        _ => None,
    });
    let limit = "a run of it may take 1m: its period is the limit, and `timeout` sets another";
    assert!(!errors.is_empty() && errors.iter().all(|error| error.ends_with(limit)), "{errors:?}");
}
