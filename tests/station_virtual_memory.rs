//! A simulated month of the bundled station: what it needs of memory on the last day is what it needed on the
//! second.

mod support_station;

use std::time::Duration;

use atflow::sim::Entry;
use peak_alloc::PeakAlloc;
use support_station::{Case, Lab, cloud, hm, what};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const DAYS: u64 = 30;

/// The same on each day: an outage, a restart, commands.
fn day(number: u64) -> Vec<Entry> {
    let text = |minute: u64| format!("{}m", number * 24 * 60 + minute);
    let moment = |minute: u64| Duration::from_mins(number * 24 * 60 + minute);
    let signal = r#"{"method":"signal","params":{},"id":1000}"#;
    let mut entries = vec![
        what(&text(120), "broker: away, for: 2h"),
        what(&text(400), "module: reset"),
        what(&text(700), "port: unplug, for: 1m"),
        what(&text(900), "registration: lost, for: 20m"),
    ];
    entries.extend((0..24).map(|hour| cloud(moment(hour * 60 + 7), "command/send/1000", signal)));
    entries
}

/// Of the whole process, in KiB; what `SQLite` allocates is in it, too.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().split(' ').next()?.parse().ok()
}

#[test]
fn a_month_needs_no_more_memory_than_a_day() {
    // A report a minute would show the same, and take a minute.
    let calm = r#"{"method":"set_interval","params":{"seconds":300},"id":1000}"#;
    let entries = (0..DAYS).flat_map(day).chain([cloud(hm(0, 1), "command/send/1000", calm)]);
    let mut lab = Lab::start(Case::bundled().then(entries).forgetful());
    let mut peaks = Vec::new();
    for day in 1..=DAYS {
        HEAP.reset_peak_usage();
        lab.run_to(hm(24 * day, 0));
        peaks.push(HEAP.peak_usage());
        // The cloud is no part of the station.
        lab.take_received();
        if [2, DAYS].contains(&day) {
            println!(
                "day {day}: {} KiB of heap at most, {} KiB resident",
                peaks.last().expect("a day") / 1024,
                resident_kib().unwrap_or(0)
            );
        }
    }
    let (second, last) = (peaks[1], peaks[peaks.len() - 1]);
    assert!(last * 100 <= second * 105, "{second} bytes on day 2, {last} on day {DAYS}: {peaks:?}");
}
