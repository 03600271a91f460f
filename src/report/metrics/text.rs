//! The numbers as text.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::station::event::{LaneName, LinkState, Status};

use super::Metrics;
use super::family::{Counters, Histogram, Histograms};

const PREFIX: &str = "atflow_";

impl Metrics {
    /// All of it as a scraper reads it. `resident_bytes`: memory of the process.
    pub fn render(&self, resident_bytes: Option<u64>) -> String {
        let mut page = Page { out: String::with_capacity(16 * 1024), device: &self.about.device };
        self.about_the_program(&mut page, resident_bytes);
        self.link(&mut page);
        self.reports(&mut page);
        self.commands_and_runs(&mut page);
        self.store(&mut page);
        if let Some(status) = &self.status {
            self.standing(&mut page, status);
        }
        page.out
    }

    fn about_the_program(&self, page: &mut Page<'_>, resident_bytes: Option<u64>) {
        let about = &self.about;
        page.head("build_info", "gauge", "The program and what it brings with it.");
        let labels = [("version", &*about.version), ("sqlite", &*about.sqlite), ("tzdb", &*about.tzdb)];
        page.sample("build_info", &labels, 1);
        if let Some(bytes) = resident_bytes {
            page.gauge("process_resident_memory_bytes", "Memory of the process.", bytes);
        }
    }

    fn link(&self, page: &mut Page<'_>) {
        page.head("link_state", "gauge", "1 for the state that the link is in.");
        for state in LinkState::ALL {
            page.sample("link_state", &[("state", state.word())], u8::from(state == self.link));
        }
        page.counters("link_losses_total", "How often the link was lost.", &self.link_losses);
        page.counters("link_recoveries_total", "Steps of the recovery that ended.", &self.link_recoveries);
        let online = seconds(millis(self.online));
        page.counter("link_online_seconds_total", "Time with all levels of the link up.", online);
        page.counters("module_reboots_total", "Restarts of the module.", &self.module_reboots);
        self.conversation(page);
        page.counter("clock_steps_total", "How often the calendar was moved.", self.clock_steps);
    }

    fn conversation(&self, page: &mut Page<'_>) {
        let help = "Command lines, by their key in the dialect's table and how they ended.";
        page.counters("exchanges_total", help, &self.exchanges);
        let help = "From a command line's first byte to all that it owed.";
        page.histograms("exchange_duration_seconds", help, &self.exchange_duration);
        page.counters("urcs_total", "Lines and messages that nobody had asked for.", &self.urcs);
        let help = "Lines and messages thrown away before anybody had looked.";
        page.counter("urcs_dropped_total", help, self.urcs_dropped);
        let help = "How often the module was asked AT until it answered OK.";
        page.counter("resyncs_total", help, self.resyncs);
        let help = "Messages whose length did not fit what came.";
        page.counter("frame_mismatches_total", help, self.frame_mismatches);
    }

    fn reports(&self, page: &mut Page<'_>) {
        page.counters("reports_queued_total", "Messages put into the outbox.", &self.reports_queued);
        page.counters("reports_sent_total", "Messages that are with the cloud.", &self.reports_sent);
        let help = "Publishes of a message beyond its first.";
        page.counter("reports_resent_total", help, self.reports_resent);
        page.counters("reports_dropped_total", "Messages dropped unsent.", &self.reports_dropped);
        page.counter("reports_dead_total", "Messages refused for good.", self.reports_dead);
        page.histogram("report_delay_seconds", "From making a message to its arrival.", &self.report_delay);
        if let Some(ms) = self.last_report_wall_ms {
            let at = seconds(u64::try_from(ms).unwrap_or(0));
            page.gauge("last_report_timestamp_seconds", "When the last report was with the cloud.", at);
        }
    }

    fn commands_and_runs(&self, page: &mut Page<'_>) {
        page.counters("commands_total", "Commands answered or refused.", &self.commands);
        page.histogram("command_duration_seconds", "Time of a command's handler.", &self.command_duration);
        let help = "Commands that came again.";
        page.counter("commands_duplicate_total", help, self.commands_duplicate);
        page.counters("runs_total", "Runs that ended or were skipped.", &self.runs);
        page.histograms("run_lateness_seconds", "From being due to the beginning.", &self.run_lateness);
        page.counters("runs_missed_total", "Due times that passed without a run.", &self.runs_missed);
        page.seconds("port_busy_seconds_total", "Time that the module was in use.", &self.port_busy);
        page.histograms("loop_wait_seconds", "From being due to the beginning.", &self.loop_wait);
    }

    fn store(&self, page: &mut Page<'_>) {
        let help = "Transactions of the store, by how far they were synced.";
        page.histograms("store_transaction_seconds", help, &self.store_transactions);
        page.counters("store_errors_total", "What the disk refused or broke.", &self.store_errors);
    }

    fn standing(&self, page: &mut Page<'_>, status: &Status) {
        page.gauge("link_level", "The highest level of the link that holds.", status.level.0);
        if let Some(dbm) = status.signal_dbm {
            page.gauge("signal_dbm", "Signal strength as last told.", dbm);
        }
        let (received, sent) = status.serial_bytes;
        page.counter("serial_receive_bytes_total", "Bytes read from the port.", received);
        page.counter("serial_transmit_bytes_total", "Bytes written to the port.", sent);
        page.head("outbox_rows", "gauge", "Messages that wait.");
        let lanes = [LaneName::Reply, LaneName::Event, LaneName::Report];
        for (lane, rows) in lanes.into_iter().zip(status.outbox_rows) {
            page.sample("outbox_rows", &[("lane", lane.word())], rows);
        }
        page.gauge("outbox_bytes", "Payloads that wait.", status.outbox_bytes);
        let age = status.oldest_row.map_or(Duration::ZERO, |made| made.age(self.at));
        page.gauge("outbox_oldest_age_seconds", "Age of the oldest that waits.", seconds(millis(age)));
        let help = "1 while the store works from memory.";
        page.gauge("store_volatile", help, u8::from(status.store_volatile));
        page.gauge("wal_bytes", "Size of the store's write-ahead log.", status.wal_bytes);
        page.gauge("clock_quality", "0 (nothing known) to 4 (synchronised).", status.clock_quality);
        page.gauge("network_bytes_today", "Bytes over the network today.", status.network_bytes_today);
        if let Some(bytes) = self.about.network_budget_bytes {
            page.gauge("network_budget_bytes", "Bytes planned for a day.", bytes);
        }
    }
}

/// A page that grows.
struct Page<'a> {
    out: String,
    device: &'a str,
}

impl Page<'_> {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.out, "# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.out, "{PREFIX}{name}{{device=\"{}\"", escaped(self.device));
        for (label, text) in labels {
            let _ = write!(self.out, ",{label}=\"{}\"", escaped(text));
        }
        let _ = writeln!(self.out, "}} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    fn counters<const LABELS: usize>(&mut self, name: &str, help: &str, counters: &Counters<LABELS>) {
        self.labelled(name, help, counters, |count| count.to_string());
    }

    /// Counters of milliseconds.
    fn seconds<const LABELS: usize>(&mut self, name: &str, help: &str, counters: &Counters<LABELS>) {
        self.labelled(name, help, counters, seconds);
    }

    fn labelled<const LABELS: usize>(
        &mut self,
        name: &str,
        help: &str,
        counters: &Counters<LABELS>,
        show: impl Fn(u64) -> String,
    ) {
        if counters.series.is_empty() {
            return;
        }
        self.head(name, "counter", help);
        for (values, count) in &counters.series {
            let labels: Vec<(&str, &str)> =
                counters.names.iter().copied().zip(values.iter().map(String::as_str)).collect();
            self.sample(name, &labels, show(*count));
        }
    }

    fn histogram<const BUCKETS: usize>(&mut self, name: &str, help: &str, histogram: &Histogram<BUCKETS>) {
        self.head(name, "histogram", help);
        self.buckets(name, &[], histogram);
    }

    fn histograms<const BUCKETS: usize>(&mut self, name: &str, help: &str, family: &Histograms<BUCKETS>) {
        if family.series.is_empty() {
            return;
        }
        self.head(name, "histogram", help);
        for (value, histogram) in &family.series {
            self.buckets(name, &[(family.name, value)], histogram);
        }
    }

    fn buckets<const BUCKETS: usize>(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        histogram: &Histogram<BUCKETS>,
    ) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (bound, count) in histogram.bounds_us.iter().zip(histogram.counts) {
            below += count;
            let bound = seconds_of_micros(*bound);
            self.sample(&bucket, &[labels, &[("le", &bound)]].concat(), below);
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), histogram.count);
        self.sample(&format!("{name}_sum"), labels, seconds_of_micros(histogram.sum_us));
        self.sample(&format!("{name}_count"), labels, histogram.count);
    }
}

/// Milliseconds in seconds, exactly.
fn seconds(ms: u64) -> String {
    seconds_of_micros(ms.saturating_mul(1_000))
}

/// Microseconds in seconds, exactly.
fn seconds_of_micros(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A label's value between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
