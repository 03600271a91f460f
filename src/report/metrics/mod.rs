//! A station in numbers, in Prometheus' text format. Fed by what the station tells; knows no clock and no
//! network, so another thread may hold it. Names of schedules, handlers and errors become labels, never ids,
//! texts or topics.

mod count;
mod family;
mod text;
mod watcher;

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::link::Mono;
use crate::session::Counted;
use crate::station::event::{LinkState, Status};

use family::{Counters, Histogram, Histograms};

pub use watcher::MetricsWatcher;

/// What does not change while a station runs.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Of the program.
    pub version: String,
    /// Of the `SQLite` library.
    pub sqlite: String,
    /// Of the time zones.
    pub tzdb: String,
    /// The port, as the user wrote it: the label `device`.
    pub device: String,
    /// Methods that may be called. Others are made up by whoever sends commands: they count as `other`.
    pub handlers: Vec<String>,
    /// `outbox.bytes_per_day`.
    pub network_budget_bytes: Option<u64>,
}

/// Upper ends of buckets, in microseconds: of what a module needs for an answer.
const EXCHANGE: [u64; 13] =
    millis([5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 75_000]);
/// Of waiting for one's turn.
const WAIT: [u64; 10] = millis([10, 100, 500, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000]);
/// Of the way of a report to the cloud: seconds while online, days after an outage.
const DELAY: [u64; 12] = millis([
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    300_000,
    1_800_000,
    3_600_000,
    21_600_000,
    86_400_000,
    604_800_000,
]);
/// Of a transaction: microseconds in the system's cache, milliseconds on flash, seconds when it tidies up.
const TRANSACTION: [u64; 12] =
    [50, 250, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 5_000_000];

/// Milliseconds in microseconds.
const fn millis<const BUCKETS: usize>(mut bounds: [u64; BUCKETS]) -> [u64; BUCKETS] {
    let mut bucket = 0;
    while bucket < BUCKETS {
        bounds[bucket] *= 1_000;
        bucket += 1;
    }
    bounds
}

/// The numbers of one station.
#[derive(Clone, Debug)]
pub struct Metrics {
    about: About,
    /// When something was told last.
    at: Mono,
    link: LinkState,
    online: Duration,
    status: Option<Status>,
    last_report_wall_ms: Option<i64>,
    link_losses: Counters<1>,
    link_recoveries: Counters<2>,
    module_reboots: Counters<1>,
    exchanges: Counters<2>,
    exchange_duration: Histograms<13>,
    urcs: Counters<1>,
    urcs_dropped: u64,
    resyncs: u64,
    frame_mismatches: u64,
    reports_queued: Counters<1>,
    reports_sent: Counters<2>,
    reports_resent: u64,
    reports_dropped: Counters<1>,
    reports_dead: u64,
    report_delay: Histogram<12>,
    commands: Counters<2>,
    command_duration: Histogram<13>,
    commands_duplicate: u64,
    runs: Counters<2>,
    run_lateness: Histograms<10>,
    runs_missed: Counters<1>,
    /// Milliseconds.
    port_busy: Counters<1>,
    loop_wait: Histograms<10>,
    store_transactions: Histograms<12>,
    store_errors: Counters<1>,
    clock_steps: u64,
}

impl Metrics {
    /// Goes on with another version of the file.
    pub fn renew(&mut self, handlers: Vec<String>, network_budget_bytes: Option<u64>) {
        (self.about.handlers, self.about.network_budget_bytes) = (handlers, network_budget_bytes);
    }

    /// All at zero.
    pub fn new(about: About) -> Self {
        Self {
            about,
            at: Mono::ZERO,
            link: LinkState::Down,
            online: Duration::ZERO,
            status: None,
            last_report_wall_ms: None,
            link_losses: Counters::new(["cause"]),
            link_recoveries: Counters::new(["rung", "outcome"]),
            module_reboots: Counters::new(["expected"]).with([["true"], ["false"]]),
            exchanges: Counters::new(["command", "outcome"]),
            exchange_duration: Histograms::new("command", &EXCHANGE),
            urcs: Counters::new(["means"]).with(Counted::MEANINGS.map(|means| [means])),
            urcs_dropped: 0,
            resyncs: 0,
            frame_mismatches: 0,
            reports_queued: Counters::new(["schedule"]),
            reports_sent: Counters::new(["lane", "qos"]),
            reports_resent: 0,
            reports_dropped: Counters::new(["reason"]).with([["full"], ["age"]]),
            reports_dead: 0,
            report_delay: Histogram::new(&DELAY),
            commands: Counters::new(["handler", "code"]),
            command_duration: Histogram::new(&EXCHANGE),
            commands_duplicate: 0,
            runs: Counters::new(["name", "outcome"]),
            run_lateness: Histograms::new("name", &WAIT),
            runs_missed: Counters::new(["name"]),
            port_busy: Counters::new(["class"]),
            loop_wait: Histograms::new("class", &WAIT),
            store_transactions: Histograms::new("sync", &TRANSACTION),
            store_errors: Counters::new(["kind"]).with([["full"], ["busy"], ["io"], ["corrupt"], ["other"]]),
            clock_steps: 0,
        }
    }

    /// Time has passed until `at`, in the state the link was in.
    fn pass(&mut self, at: Mono) {
        if self.link == LinkState::Online {
            self.online += at.since(self.at);
        }
        self.at = self.at.max(at);
    }

    /// How things stand now. `last_report_wall_ms`: what the calendar said when the last report was with the
    /// cloud, if it can be trusted.
    pub fn status(&mut self, at: Mono, status: &Status, last_report_wall_ms: Option<i64>) {
        self.pass(at);
        self.link = status.link;
        self.status = Some(status.clone());
        self.last_report_wall_ms = last_report_wall_ms;
    }

    /// A method, as a label.
    fn handler<'m>(&self, method: &'m str) -> &'m str {
        if self.about.handlers.iter().any(|known| known == method) { method } else { family::OTHER }
    }
}
