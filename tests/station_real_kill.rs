//! A station that is killed again and again, at moments that a seed chooses: no report is missing at the
//! broker, no command runs twice, each recorded one has one reply. Several stations at once, each with a
//! module of its own, on one real broker.

mod support;

use std::time::Duration;

use atflow::chance::Chance;
use serde_json::Value;

use support::broker::Broker;
use support::counting::{Counting, Tally};
use support::station::{module, wait_for};
use support::time::Stopwatch;

/// How many stations run at once.
const STATIONS: u64 = 20;
/// All kills together, unless the environment says more.
const KILLS: u64 = 40;
/// Where the environment says it.
const KILLS_VAR: &str = "ATFLOW_TEST_KILLS";
/// Where all moments come from.
const SEED: u64 = 724;
/// A module that takes a few milliseconds for a command, so that it can be left in the middle of one.
const FAST: &str = "sim: { start: warm, delays: 0.5 }\n";

/// A life of the station: one is killed at any moment since its start, one while reports and commands flow,
/// one around a publish.
fn live(counting: &mut Counting, port: &str, kind: u64, chance: &mut Chance) {
    let mut station = counting.start(port);
    let most_micros = match kind % 3 {
        0 => 7_000_000,
        1 => {
            wait_for(&mut station, "report_sent");
            counting.send_commands(3);
            1_200_000
        }
        _ => {
            let publish =
                |told: &Value| told["sent"].as_str().is_some_and(|line| line.starts_with("AT+MPUB"));
            for _ in 0..=chance.below(5) {
                station.wait_for_event(publish);
            }
            15_000
        }
    };
    station.let_run(Duration::from_micros(chance.below(most_micros)));
    counting.lives.push(station.kill());
}

fn kills() -> u64 {
    std::env::var(KILLS_VAR).map_or(KILLS, |text| text.parse().expect("a number of kills"))
}

#[test]
fn however_often_a_station_is_killed_nothing_is_lost_and_nothing_runs_twice() {
    let broker = Broker::open();
    let mut watch = broker.watch();
    let clock = Stopwatch::start();
    let each = kills().div_ceil(STATIONS);
    let stations: Vec<Counting> = std::thread::scope(|scope| {
        let lives = |number| {
            let (sender, url) = (broker.sender(), broker.url());
            scope.spawn(move || {
                let mut counting = Counting::new(&format!("s{number}"), sender);
                let (_sim, port) = module(&counting.dir, "air724.tty", &url, FAST);
                let mut chance = Chance::new(SEED ^ (number << 32));
                for life in 0..each {
                    live(&mut counting, &port, life + number, &mut chance);
                }
                counting.drain(&port);
                counting
            })
        };
        let threads: Vec<_> = (0..STATIONS).map(lives).collect();
        threads.into_iter().map(|thread| thread.join().expect("its assertions hold")).collect()
    });
    broker.publish("over", "yes");
    let seen = watch.until("over");
    let mut all = Tally::default();
    for station in &stations {
        let tally = station.judge(&seen);
        all.reports += tally.reports;
        all.duplicates += tally.duplicates;
        all.commands += tally.commands;
        all.recorded += tally.recorded;
        all.unknown += tally.unknown;
        all.reply_duplicates += tally.reply_duplicates;
    }
    let slowest = stations.iter().map(|station| station.drained_in).max().unwrap_or_default();
    let took = clock.elapsed();
    println!("{} kills in {took:.0?}, then {slowest:.0?} to send what waited: {all:?}", each * STATIONS);
    assert!(all.reports > 0 && all.recorded > 0, "{all:?}");
}
