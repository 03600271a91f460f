//! A station in numbers: what a scraper reads of it, and the day's data.

use std::cell::Cell;
use std::fs;

use atflow::report::metrics::{About, Metrics};
use atflow::sim::Entry;
use atflow::station::event::Happening;
use atflow::store::DiskFault;

use crate::support::temp::TempDir;
use crate::support_station::{Case, Lab, cloud, hm, s, station, what};

/// A bit of everything that is counted.
fn troubles() -> Vec<Entry> {
    let call = r#"{"method":"signal","params":{},"id":1000}"#;
    vec![
        what("2m20s", "urc: '+NITZ: 26/09/21'"),
        what("2m30s", "urc: RING"),
        cloud(hm(0, 3) + s(10), "command/send/1000", call),
        cloud(hm(0, 3) + s(12), "command/send/1000", call),
        cloud(hm(0, 3) + s(20), "command/send/1000", "{"),
        // A message that says it is longer than it is.
        what("4m30s", r#"urc: '+MSUB: "bell/x",54 byte,{"short":1}'"#),
        what("6m10s", "broker: away, for: 3m"),
        what("12m20s", "module: reset"),
        // While nobody looks, more comes than is kept.
        what("15m10s", "urc: '+CSQ: 20,99', count: 1100"),
        what("15m15s", "cloud: bell/x, text: '{}', count: 300"),
    ]
}

/// A lab whose station says its handlers to whoever counts.
fn lab(case: Case) -> Lab {
    let lab = Lab::new(case);
    *lab.metrics.lock().expect("nobody panicked") = Metrics::new(About {
        version: "0.0.0".to_string(),
        device: "sim:luat-air724".to_string(),
        handlers: vec!["signal".to_string()],
        network_budget_bytes: Some(3_000),
        ..About::default()
    });
    lab
}

fn scrape(lab: &Lab) -> String {
    lab.metrics.lock().expect("nobody panicked").render(None)
}

/// What a series of the scrape shows, written without the device's label; 0 if it is not there.
fn value(text: &str, series: &str) -> f64 {
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = if labels == "}" { "}".to_string() } else { format!(",{labels}") };
    let start = format!("atflow_{name}{{device=\"sim:luat-air724\"{labels} ");
    let shown = text.lines().find_map(|line| line.strip_prefix(start.as_str()));
    shown.and_then(|value| value.parse().ok()).unwrap_or_default()
}

fn lived() -> String {
    let mut lab = lab(Case::of(station("metrics.yaml")).then(troubles()));
    // The disk is full for a moment.
    let commits = Cell::new(0);
    lab.boot_with(Some(Box::new(move |_| {
        commits.set(commits.get() + 1);
        (commits.get() == 40).then_some(DiskFault::Full)
    })));
    lab.run_to(hm(0, 20));
    scrape(&lab)
}

#[test]
fn generated_scrape() {
    let text = lived();
    let place = station("metrics.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&place, &text).expect("it can be written");
    }
    assert_eq!(text, fs::read_to_string(&place).unwrap_or_default());
}

/// What a change of the text must not make zero.
#[test]
fn everything_that_happened_is_counted() {
    let text = lived();
    for series in [
        r#"exchanges_total{command="AT+MCONNECT=",outcome="ok"}"#,
        r#"exchanges_total{command="AT+MIPSTART=",outcome="error"}"#,
        r#"exchanges_total{command="other",outcome="cme"}"#,
        r#"exchanges_total{command="other",outcome="timeout"}"#,
        r#"exchange_duration_seconds_sum{command="AT+MCONNECT="}"#,
        r#"exchange_duration_seconds_count{command="other"}"#,
        r#"urcs_total{means="closed"}"#,
        r#"urcs_total{means="message"}"#,
        r#"urcs_total{means="other"}"#,
        r#"urcs_total{means="reboot"}"#,
        r#"urcs_total{means="unknown"}"#,
        "urcs_dropped_total",
        "resyncs_total",
        "frame_mismatches_total",
        r#"port_busy_seconds_total{class="publish"}"#,
        r#"loop_wait_seconds_count{class="publish"}"#,
        r#"store_transaction_seconds_count{sync="full"}"#,
        r#"store_transaction_seconds_count{sync="normal"}"#,
        r#"store_transaction_seconds_count{sync="none"}"#,
        r#"store_errors_total{kind="full"}"#,
    ] {
        assert!(value(&text, series) > 0.0, "{series} in {text}");
    }
    // 1,024 lines and 256 messages are kept.
    let dropped =
        format!("\natflow_urcs_dropped_total{{device=\"sim:luat-air724\"}} {}\n", 1100 - 1024 + 300 - 256);
    assert!(text.contains(&dropped), "{text}");
    assert_eq!(lived(), text, "the same seed gives the same numbers");
}

#[test]
fn the_log_of_a_store_on_disk_has_a_size() {
    let folder = TempDir::new();
    let mut case = Case::of(station("metrics.yaml"));
    case.folder = Some(folder.path().to_path_buf());
    let mut lab = lab(case);
    lab.boot();
    lab.run_to(hm(0, 5));
    let log = fs::metadata(folder.path().join("station.db-wal")).expect("the log");
    assert!(log.len() > 0);
    assert_eq!(lab.told().status.as_ref().map(|status| status.wal_bytes), Some(log.len()));
    assert!(value(&scrape(&lab), "wal_bytes") > 0.0);
}

/// More than planned goes over the network: said once a day, when it is so.
#[test]
fn a_days_data_that_is_used_up_is_told_once_a_day() {
    let mut lab = lab(Case::of(station("metrics.yaml")));
    lab.boot();
    // The simulated calendar begins at midnight: this is a day and an hour of the next.
    lab.run_to(hm(25, 0));
    let told = lab.told();
    let warnings = told.all(|happening| match happening {
        Happening::BudgetWarning { bytes, budget: 3_000 } => Some(*bytes),
        _ => None,
    });
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    // At the report that went over it, some hundred bytes long, and not at a later one.
    assert!(warnings.iter().all(|bytes| (3_001..3_300).contains(bytes)), "{warnings:?}");
}
