use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::link::Mono;
use crate::report::station::samples::{at, life, rest, status};
use crate::run::event::Observer as _;
use crate::session::Counted;
use crate::station::event::{Happening, LaneName, LinkState, Status, Watcher as _, Work};

use super::family::Counters;
use super::{About, Metrics, MetricsWatcher};

fn about() -> About {
    About {
        version: "0.1.0".to_string(),
        sqlite: "3.50.4".to_string(),
        tzdb: "2026a".to_string(),
        device: "/dev/tty\"USB\\0\n".to_string(),
        handlers: vec!["restart".to_string()],
        network_budget_bytes: Some(1_000_000),
    }
}

fn lived() -> Metrics {
    let mut metrics = Metrics::new(about());
    for (ms, happening) in life() {
        metrics.happened(at(ms), &happening);
    }
    for happening in rest() {
        metrics.happened(at(403_000), &happening);
    }
    for counted in &counted() {
        metrics.counted(counted);
    }
    for work in &work() {
        metrics.worked(work);
    }
    metrics.status(at(403_000), &status(), Some(1_790_000_000_000));
    metrics
}

fn counted() -> [Counted<'static>; 6] {
    let exchange = |command, outcome, took| Counted::Exchange { command, outcome, took };
    [
        exchange(Some("AT+MCONNECT="), "ok", Duration::from_millis(640)),
        exchange(None, "cme", Duration::from_micros(12_345)),
        exchange(Some("AT+MCONNECT="), "timeout", Duration::from_secs(80)),
        Counted::Urc { means: "message" },
        Counted::UrcDropped,
        Counted::Resync,
    ]
}

fn work() -> [Work; 5] {
    [
        Work::Publish {
            began: Mono::ZERO,
            late: Duration::from_millis(100),
            took: Duration::from_millis(310),
        },
        Work::Transaction { sync: "full", took: Duration::from_micros(7_900) },
        Work::Transaction { sync: "normal", took: Duration::from_micros(40) },
        Work::Transaction { sync: "normal", took: Duration::from_micros(51) },
        Work::StoreError { kind: "full" },
    ]
}

fn value(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(&format!("atflow_{name}{{")))?;
    line.rsplit_once(' ').map(|(_, value)| value.to_string())
}

#[test]
fn generated_metrics() {
    let text = lived().render(Some(12_345_678));
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/metrics/expected.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&place, &text).expect("it can be written");
    }
    assert_eq!(text, fs::read_to_string(&place).unwrap_or_default());
}

/// Between these lines of the page on stations is the list of all that is served.
const LIST_BEGINS: &str = "<!-- metrics -->\n";
const LIST_ENDS: &str = "<!-- end of metrics -->\n";

/// A row of the page's table for each family: name, type, labels, meaning.
fn list(text: &str) -> String {
    let mut rows = String::from("| name | type | labels | is |\n|---|---|---|---|\n");
    for family in text.split("# HELP ").skip(1) {
        let (head, rest) = family.split_once('\n').expect("a type behind the help");
        let (name, help) = head.split_once(' ').expect("a help behind the name");
        let kind = rest.lines().next().and_then(|line| line.rsplit(' ').next()).expect("a type");
        let sample = rest.lines().nth(1).expect("a sample");
        let names = sample.split(['{', ',']).filter_map(|label| label.split_once("=\"")).map(|label| label.0);
        let labels: Vec<_> = names.filter(|name| !["device", "le"].contains(name)).collect();
        let labels = labels.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ");
        let help = help.trim_end_matches('.');
        let row = format!("| `{name}` | {kind} | {labels} | {help} |\n");
        rows.push_str(&row.replace("|  |", "| |"));
    }
    rows
}

#[test]
fn generated_list_on_the_page() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/station.md");
    let page = fs::read_to_string(&place).expect("the page");
    let (before, rest) = page.split_once(LIST_BEGINS).expect("the list begins");
    let (shown, after) = rest.split_once(LIST_ENDS).expect("the list ends");
    let served = list(&lived().render(Some(1)));
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&place, [before, LIST_BEGINS, &served, LIST_ENDS, after].concat())
            .expect("it can be written");
        return;
    }
    assert_eq!(shown, served);
}

/// What every scraper relies on: a family has one head above its samples, labels are closed, buckets grow.
#[test]
fn the_text_is_well_formed() {
    let text = lived().render(None);
    let mut families = Vec::new();
    let mut buckets: Option<(String, u64)> = None;
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let name = head.split(' ').next().expect("a name").to_string();
            assert!(!families.contains(&name), "{name} twice");
            families.push(name);
        }
        if line.starts_with('#') {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().expect("a name");
        let family = families.last().expect("a head");
        let rest = name.strip_prefix(family.as_str()).unwrap_or("none of it");
        assert!(["", "_bucket", "_sum", "_count"].contains(&rest), "{line} below {family}");
        assert!(series.ends_with("\"}") && series.contains("{device=\"/dev/tty\\\"USB\\\\0\\n\""), "{line}");
        buckets = match (series.split_once("le=\""), buckets.take()) {
            (Some((of, _)), Some((before, below))) if before == of => {
                let count = value.parse().expect("a count");
                assert!(count >= below, "{line}");
                Some((of.to_string(), count))
            }
            (Some((of, _)), _) => Some((of.to_string(), value.parse().expect("a count"))),
            (None, _) => None,
        };
    }
    assert!(families.len() > 40, "{families:?}");
}

#[test]
fn ids_topics_and_texts_are_no_labels() {
    let text = lived().render(None);
    for secret in ["1000", "command/reply", "attributes", "SIM not inserted", "#17"] {
        let labels = text.lines().filter(|line| line.contains(&format!("=\"{secret}")));
        assert_eq!(labels.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

#[test]
fn time_online_is_counted_to_the_last_thing_told() {
    let mut metrics = Metrics::new(about());
    let to = |to| Happening::LinkState { from: LinkState::Down, to, level: 3, cause: None, pause_ms: 0 };
    metrics.happened(at(1_000), &to(LinkState::Online));
    metrics.happened(at(61_000), &Happening::ReloadOk);
    assert_eq!(value(&metrics.render(None), "link_online_seconds_total").as_deref(), Some("60"));
    metrics.happened(at(61_500), &to(LinkState::Recovering));
    metrics.happened(at(99_000), &to(LinkState::Online));
    metrics.happened(at(99_250), &Happening::ReloadOk);
    assert_eq!(value(&metrics.render(None), "link_online_seconds_total").as_deref(), Some("60.75"));
}

#[test]
fn what_is_not_known_is_not_shown() {
    let mut metrics = Metrics::new(About { network_budget_bytes: None, ..about() });
    for name in ["signal_dbm", "outbox_bytes", "last_report_timestamp_seconds", "network_budget_bytes"] {
        assert_eq!(value(&metrics.render(None), name), None, "{name}");
    }
    metrics.status(at(1), &Status { signal_dbm: None, oldest_row: None, ..status() }, None);
    let text = metrics.render(None);
    assert_eq!(value(&text, "signal_dbm"), None);
    assert_eq!(value(&text, "outbox_oldest_age_seconds").as_deref(), Some("0"));
}

#[test]
fn made_up_methods_and_endless_labels_are_one() {
    let mut metrics = Metrics::new(about());
    for n in 0..1_000 {
        metrics.happened(
            at(n),
            &Happening::CommandFinished {
                n,
                method: format!("made_up_{n}"),
                code: "unknown method".to_string(),
                took_ms: 1,
                effects: 0,
                reply: true,
            },
        );
    }
    let text = metrics.render(None);
    assert_eq!(text.matches("atflow_commands_total{").count(), 1);
    assert!(text.contains("handler=\"other\",code=\"unknown method\"} 1000\n"), "{text}");
    let mut counters = Counters::new(["cause"]);
    for n in 0..1_000 {
        counters.add([&format!("{n}{}", "x".repeat(1_000))], 1);
    }
    assert_eq!(counters.series.len(), 201);
    assert_eq!(counters.series.values().sum::<u64>(), 1_000);
    assert!(counters.series.keys().all(|[label]| label.chars().count() <= 64));
}

#[test]
fn a_watcher_feeds_what_another_thread_reads() {
    let shared = Arc::new(Mutex::new(Metrics::new(about())));
    let mut watcher = MetricsWatcher::new(Arc::clone(&shared), Rc::new(|_| Some(1_500)));
    watcher.happened(at(0), &Happening::CommandDuplicate { n: 1, id: "1".to_string(), reply_again: true });
    watcher.status(at(0), &status());
    watcher.counted(&Counted::Resync);
    watcher.worked(&Work::StoreError { kind: "io" });
    let read = std::thread::spawn(move || shared.lock().expect("nobody panicked").render(None));
    let text = read.join().expect("it ends");
    assert_eq!(value(&text, "commands_duplicate_total").as_deref(), Some("1"));
    assert_eq!(value(&text, "last_report_timestamp_seconds").as_deref(), Some("1.5"));
    assert_eq!(value(&text, "resyncs_total").as_deref(), Some("1"));
    assert!(text.contains("kind=\"io\"} 1\n"), "{text}");
}

/// Whoever sends commands chooses their names: no series for each of them.
#[test]
fn a_reply_to_a_made_up_method_counts_as_other() {
    let mut metrics = Metrics::new(about());
    for (lane, source) in
        [(LaneName::Reply, "sig\r\nnal"), (LaneName::Reply, "restart"), (LaneName::Report, "report")]
    {
        let (topic, source) = ("t".to_string(), source.to_string());
        metrics.happened(at(1), &Happening::ReportQueued { seq: 1, topic, bytes: 1, lane, source });
    }
    let page = metrics.render(None);
    let found: Vec<&str> =
        page.lines().filter(|line| line.starts_with("atflow_reports_queued_total{")).collect();
    let named = |name: &str| found.iter().any(|line| line.contains(&format!("schedule=\"{name}\"")));
    assert!(named("other") && named("restart") && named("report") && found.len() == 3, "{found:?}");
}
