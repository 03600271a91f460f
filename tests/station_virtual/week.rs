//! A week of the bundled station: the broker goes away, the registration is lost, the module restarts, the port
//! is unplugged, commands come. Nothing is lost, and the same seed gives the same bytes.

use std::process::Command;
use std::time::Duration;

use atflow::sim::Entry;
use atflow::station::event::{Happening, LaneName, LinkState};

use crate::ledger;
use crate::support::temp::TempDir;
use crate::support::time::Stopwatch;
use crate::support_station::{Case, Lab, cloud, hm, root, what};

const DAY: u64 = 24 * 60;

/// What goes wrong on each day, and what the cloud asks.
fn week() -> Vec<Entry> {
    let troubles = [
        (60, "broker: away, for: 7m"),
        (150, "registration: lost, for: 4m"),
        (245, "module: reset"),
        (333, "port: unplug, for: 90s"),
        (400, "broker: close"),
        (520, "broker: away, for: 1h30m"),
        (700, "urc: '+CPIN: SIM REMOVED'"),
        (811, "port: unplug, for: 3s"),
        (905, "module: reset"),
        (1000, "registration: lost, for: 45m"),
        (1201, "urc: CLOSED"),
        (1300, "broker: away, for: 20s"),
    ];
    let commands = [
        (30, r#"{"method":"signal","params":{},"id":1000}"#),
        (480, r#"{"method":"relay","params":{"on":true},"id":1000}"#),
        (860, r#"{"method":"set_interval","params":{"seconds":120},"id":1000}"#),
        (960, r#"{"method":"restart","params":{"timeout":10},"id":1000}"#),
        (1260, r#"{"method":"set_interval","params":{"seconds":60},"id":1000}"#),
    ];
    let mut all = Vec::new();
    for day in 0..7 {
        // Each day at another second of the minute, so that another moment of the work is met.
        let moment = |minute: u64| Duration::from_secs((day * DAY + minute) * 60 + day * 7 + minute % 13);
        let text = |minute| format!("{}s", moment(minute).as_secs());
        all.extend(troubles.iter().map(|(minute, trouble)| what(&text(*minute), trouble)));
        all.extend(commands.iter().map(|(minute, json)| cloud(moment(*minute), "command/send/1000", json)));
    }
    all
}

fn lived(seed: u64, days: u64) -> Lab {
    let mut lab = Lab::start(Case::bundled().seed(seed).then(week()));
    lab.run_to(hm(24 * days, 0));
    lab
}

#[test]
fn a_week_loses_nothing() {
    let watch = Stopwatch::start();
    let mut lab = lived(724, 7);
    println!("a simulated week of the bundled station took {:.1?}", watch.elapsed());
    {
        let told = lab.told();
        let lost = told.count(|happening| {
            matches!(happening, Happening::LinkState { from, to, .. } if from.is_up() && !to.is_up())
        });
        assert!(lost >= 7 * 10, "the link was lost {lost} times");
        let codes = told.command_codes();
        assert_eq!(codes.len(), 7 * 5);
        assert!(codes.iter().all(|code| code == "ok"), "{codes:?}");
        let reports = told.queued(LaneName::Report).len();
        assert!((7 * 1000..=7 * 1440).contains(&reports), "{reports} reports");
        let status = told.status.clone().expect("a status");
        assert_eq!((status.link, status.outbox_rows), (LinkState::Online, [0, 0, 0]));
        assert_eq!(told.count(|happening| matches!(happening, Happening::ReportDropped { .. })), 0);
    }
    ledger::settle(&mut lab);
}

/// All that is seen of a run.
fn seen(lab: &mut Lab) -> [String; 4] {
    lab.stop();
    let receipts = format!("{:#?}", lab.received());
    [lab.transcript.text(), lab.told().json(), lab.log.text(), receipts]
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let [first, second, other] = [724, 724, 725].map(|seed| seen(&mut lived(seed, 2)));
    for (index, (first, (second, other))) in first.iter().zip(second.iter().zip(&other)).enumerate() {
        assert!(!first.is_empty(), "record {index}");
        assert!(first == second, "record {index} differs from one run to the next");
        assert!(first != other, "record {index} is the same for another seed");
    }
}

/// The program itself: neither where nor in which zone and language it runs makes a difference.
#[test]
fn surroundings_make_no_difference() {
    let run = |zone: &str, language: &str, folder: &TempDir| {
        let transcript = folder.join("transcript.jsonl");
        let output = Command::new(env!("CARGO_BIN_EXE_atflow"))
            .args(["run", "--port", "sim:luat-air724", "--speed", "max", "--for", "12h", "--log", "json"])
            .args(["--verbose", "--transcript", &transcript])
            .arg("--scenario")
            .arg(root().join("scripts/thingscloud/demo.yaml"))
            .arg(root().join("scripts/thingscloud/station.yaml"))
            .envs([
                ("TZ", zone),
                ("LANG", language),
                ("LC_ALL", language),
                ("HOME", folder.path().to_str().unwrap()),
            ])
            .current_dir(folder.path())
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (output.stdout, std::fs::read(transcript).expect("a transcript"))
    };
    let here = run("UTC", "C", &TempDir::new());
    let there = run("Asia/Kathmandu", "de_DE.UTF-8", &TempDir::new());
    assert!(here.0.len() > 100_000 && here.1.len() > 100_000);
    assert!(here.0 == there.0, "the log differs");
    assert!(here.1 == there.1, "the transcript differs");
}
