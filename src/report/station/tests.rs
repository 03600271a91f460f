use std::fs;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use crate::flow::diag::{Sources, Span};
use crate::report::console::Detail;
use crate::run::event::{Event, Observer as _, StepEnd, StepKind, StepOutcome};
use crate::station::event::{Happening, LinkState, Summary, Watcher};

use super::samples::{Paper, at, life, rest, started, status, summary};
use super::status_line::status_line;
use super::{Level, StationConsole, StationLog, Tee, standing};

fn console(detail: Detail) -> (Paper, StationConsole) {
    let paper = Paper::default();
    (paper.clone(), StationConsole::new(Box::new(paper), detail, false))
}

fn told(watcher: &mut dyn Watcher, happenings: &[(u64, Happening)]) {
    for (ms, happening) in happenings {
        watcher.happened(at(*ms), happening);
    }
}

fn shown(detail: Detail, happenings: &[(u64, Happening)]) -> String {
    let (paper, mut console) = console(detail);
    told(&mut console, happenings);
    paper.text()
}

fn others() -> Vec<(u64, Happening)> {
    rest().into_iter().map(|happening| (500_000, happening)).collect()
}

/// Compares with a file of `expected/`, or writes it.
fn same_or_write(name: &str, text: &str) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/station/expected").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&place, text).expect("it can be written");
    }
    assert_eq!(text, fs::read_to_string(&place).unwrap_or_default(), "{name}");
}

#[test]
fn generated_a_life() {
    same_or_write("life.txt", &shown(Detail::Steps, &life()));
    same_or_write("life-in-detail.txt", &shown(Detail::Lines, &life()));
}

#[test]
fn generated_what_else_can_happen() {
    same_or_write("rest.txt", &shown(Detail::Lines, &others()));
}

#[test]
fn no_row_holds_a_control_character() {
    let all = shown(Detail::Lines, &others());
    let lines_of_the_reload = 2;
    assert_eq!(all.lines().count(), rest().len() + lines_of_the_reload);
    assert!(all.chars().all(|c| c == '\n' || !c.is_control()), "{all}");
}

#[test]
fn generated_the_end() {
    let end = vec![(0, Happening::StationStopped(summary()))];
    same_or_write("end.txt", &shown(Detail::Steps, &end));
    let (paper, console) = console(Detail::Quiet);
    let mut console = console.simulated(true);
    told(&mut console, &life());
    told(&mut console, &end);
    assert_eq!(paper.text(), "✓ stopped  288 reports sent in 1d00h of simulated time, nothing lost\n");
}

#[test]
fn generated_an_end_with_losses() {
    let bad = Summary {
        took_ms: 95_000,
        reports_sent: 1,
        replies_sent: 1,
        commands_answered: 1,
        reports_lost: 3,
        outbox_rows: 1,
        link_lost: 3,
        link_recovered: 2,
        transcript_problem: Some("No space left".to_string()),
        ..Summary::default()
    };
    same_or_write("end-with-losses.txt", &shown(Detail::Steps, &[(0, Happening::StationStopped(bad))]));
}

/// Runs that were due and did not begin have a line of their own, if there were any.
#[test]
fn runs_that_were_skipped_or_missed_are_summed_up() {
    for (runs_skipped, runs_missed, line) in [
        (0, 0, None),
        (2, 0, Some("  not run     2 skipped")),
        (0, 12, Some("  not run     12 missed")),
        (2, 12, Some("  not run     2 skipped, 12 missed")),
    ] {
        let end = Happening::StationStopped(Summary { runs_skipped, runs_missed, ..summary() });
        let text = shown(Detail::Steps, &[(0, end)]);
        let after_runs = text.lines().skip_while(|line| !line.starts_with("  runs ")).nth(1);
        assert_eq!(after_runs.filter(|line| !line.starts_with("  link ")), line, "{text}");
    }
}

/// What nobody can send any more is not said to wait.
#[test]
fn generated_ends_without_a_disk() {
    let with = |change: fn(&mut Summary)| {
        let mut summary = summary();
        change(&mut summary);
        shown(Detail::Steps, &[(0, Happening::StationStopped(summary))])
    };
    let ends = [
        with(|end| (end.outbox_rows, end.kept_nowhere) = (3, true)),
        with(|end| (end.outbox_rows, end.rows_in_memory) = (1, 2)),
        with(|end| (end.reports_lost, end.rows_in_memory, end.store_was_broken) = (1, 1, true)),
        with(|end| end.store_was_broken = true),
    ];
    same_or_write("ends-without-a-disk.txt", &ends.join("\n"));
}

#[test]
fn whoever_wants_to_hear_little_hears_of_the_disk() {
    let disk = Happening::StoreVolatile { why: "No space left".to_string() };
    let broken = Happening::StoreCorrupt { kept_as: "station.db.corrupt-1".to_string(), salvaged: 1 };
    let text = shown(Detail::Quiet, &[(0, Happening::PortFound), (0, disk), (0, broken)]);
    assert_eq!(text.lines().count(), 2, "{text}");
}

/// 1,662 equal lines tell nothing that two do not.
#[test]
fn a_flood_is_summed_up() {
    let refused = |code: &str| Happening::CommandRejected {
        code: code.to_string(),
        method: "count".to_string(),
        why: "more come than can be answered".to_string(),
        count: 1,
        reply: false,
    };
    let flood = |from: u64, to: u64| (from..to).map(|ms| (ms, refused("busy")));
    let mut all: Vec<(u64, Happening)> = flood(0, 1_000).collect();
    all.push((1_000, refused("bad_json")));
    all.extend(flood(1_001, 1_663));
    all.extend([(59_999, Happening::PortFound), (60_000, Happening::PortFound)]);
    all.extend(flood(61_000, 61_010));
    all.push((70_000, Happening::StationStopped(summary())));
    let text = shown(Detail::Steps, &all);
    let lines: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("←")).map(|(_, rest)| rest).collect();
    let busy = "refused, busy: more come than can be answered";
    let expected = [
        format!(" {busy}"),
        " refused, bad_json: more come than can be answered".to_string(),
        format!(" 1661 more {busy}"),
        format!(" 10 more {busy}"),
    ];
    assert_eq!(lines, expected);
    let paper = Paper::default();
    let mut log = StationLog::new(Box::new(paper.clone()), "p", Rc::new(|_| None)).least(Level::Warn);
    told(&mut log, &all);
    let counts: Vec<String> = paper
        .text()
        .lines()
        .filter_map(|line| Some(line.split_once("\"count\":")?.1[..2].to_string()))
        .collect();
    assert_eq!(counts, ["1,", "1,", "16", "10"]);
}

#[test]
fn long_lines_end_at_the_edge() {
    let (paper, console) = console(Detail::Lines);
    let mut console = console.with_status_line(Box::new(|| Some(60)), None);
    told(&mut console, &life());
    told(&mut console, &others());
    let longest = paper.text().lines().map(|line| line.chars().count()).max();
    assert_eq!(longest, Some(60));
}

#[test]
fn the_status_line_is_taken_away_before_a_line_and_drawn_anew_below_it() {
    let (paper, console) = console(Detail::Steps);
    let mut console = console.with_status_line(Box::new(|| Some(40)), Some(Duration::from_secs(1)));
    assert_eq!(console.status_every(), Some(Duration::from_secs(1)));
    console.status(at(63_000), &status());
    console.happened(at(64_000), &Happening::PortFound);
    console.happened(at(65_000), &Happening::StationStopped(summary()));
    drop(console);
    let line = "\x1b[?7l● online   3 wait for 2s, 1.8 kB\x1b[?7h";
    let later = line.replace("2s", "3s");
    let first = format!("{line}\r\x1b[K  0:01:04.0 ✓ port     back\n{later}\r\x1b[K\n  reports ");
    let text = paper.text();
    assert!(text.starts_with(&first), "{text:?}");
    assert!(text.ends_with("in 1d00h, nothing lost\n"), "{text:?}");
}

#[test]
fn a_pipe_has_no_status_line_and_a_dropped_console_leaves_none() {
    let (paper, mut console) = console(Detail::Steps);
    console.status(at(63_000), &status());
    assert_eq!(paper.text(), "");
    assert_eq!(console.status_every(), None);
    let (paper, console) = super::tests::console(Detail::Steps);
    let mut console = console.with_status_line(Box::new(|| None), None);
    console.status(at(63_000), &status());
    drop(console);
    assert!(paper.text().ends_with("\x1b[?7h\r\x1b[K"), "{:?}", paper.text());
}

#[test]
fn a_status_line_gives_up_what_matters_least() {
    let mut status = status();
    let lines: Vec<String> =
        [120, 80, 60, 40, 20].map(|columns| status_line(at(63_000), &status, columns, false)).into();
    assert_eq!(
        lines,
        [
            "● online   -71 dBm   last report 1s ago   3 wait for 2s, 1.8 kB   next report in 59s",
            "● online   last report 1s ago   3 wait for 2s, 1.8 kB   next report in 59s",
            "● online   3 wait for 2s, 1.8 kB   next report in 59s",
            "● online   3 wait for 2s, 1.8 kB",
            "● online",
        ]
    );
    assert_eq!(standing(&status), "online, 3 messages wait");
    status.link = LinkState::Recovering;
    status.level = (1, 3);
    status.last_report = None;
    status.outbox_rows = [0, 0, 0];
    status.next_run = Some(("report".to_string(), at(10)));
    status.dead_rows = 2;
    status.store_volatile = true;
    status.clock_quality = 1;
    assert_eq!(
        status_line(at(63_000), &status, 160, false),
        "○ recovering 1/3   -71 dBm   no report yet   not on disk   nothing waits   2 given up   next report due   date unknown"
    );
    assert!(
        status_line(at(63_000), &status, 160, true).starts_with("\x1b[33m○ recovering 1/3\x1b[0m   \x1b[2m")
    );
    status.next_try = Some(at(159_000));
    assert_eq!(status_line(at(63_000), &status, 40, false), "○ recovering 1/3, next try in 1m36s");
    assert_eq!(status_line(at(159_000), &status, 20, false), "○ recovering 1/3");
}

#[test]
fn steps_are_for_those_who_want_detail() {
    let span = Span::new(Sources::new().add("station.yaml", ""), 0..0);
    let step = StepEnd {
        depth: 1,
        span,
        title: "AT+CSQ".to_string(),
        kind: StepKind::Send,
        outcome: StepOutcome::Passed,
        attempts: 1,
        took: Duration::from_millis(12),
        values: vec![("rssi".to_string(), "17".to_string()), ("ber".to_string(), "99".to_string())],
        answer: Vec::new(),
        measured: Vec::new(),
    };
    for (detail, wanted) in [
        (Detail::Steps, "  0:00:01.0 · log      relay on\n"),
        (
            Detail::Lines,
            "  0:00:01.0 ✓            AT+CSQ    12ms  rssi = 17, ber = 99\n  0:00:01.0 · log      relay on\n",
        ),
    ] {
        let (paper, mut console) = console(detail);
        assert_eq!(console.wants_steps(), detail == Detail::Lines);
        console.event(at(1_000), &Event::StepFinished(&step));
        console.event(at(1_000), &Event::Log { depth: 0, text: "relay on" });
        assert_eq!(paper.text(), wanted);
    }
}

#[test]
fn generated_log_is_json_with_time_level_and_device() {
    let paper = Paper::default();
    let wall = Rc::new(|at: crate::link::Mono| {
        let seconds = i64::try_from(at.as_micros() / 1_000_000).ok()?;
        (seconds >= 60).then_some(1_790_000_000_000 + seconds * 1000)
    });
    let mut log = StationLog::new(Box::new(paper.clone()), "/dev/ttyUSB0", wall);
    told(&mut log, &life()[..10]);
    told(&mut log, &[(86_400_000, Happening::StationStopped(summary()))]);
    same_or_write("log.jsonl", &paper.text());
}

#[test]
fn every_happening_is_one_line_of_json() {
    let paper = Paper::default();
    let mut log = StationLog::new(Box::new(paper.clone()), "p\u{1b}\u{9b}\"", Rc::new(|_| None));
    told(&mut log, &life());
    told(&mut log, &others());
    let text = paper.text();
    assert_eq!(text.lines().count(), life().len() + rest().len());
    for line in text.lines() {
        let fields: serde_json::Value = serde_json::from_str(line).expect(line);
        assert_eq!(fields["device"], "p\u{1b}\u{9b}\"");
        assert!(fields["ts"].is_null() && fields["t"].is_number() && fields["event"].is_string(), "{line}");
        assert!(["debug", "info", "warn", "error"].contains(&fields["level"].as_str().expect("a text")));
        let twice = line.matches("\"level\":").count() + line.matches("\"event\":").count();
        assert_eq!(twice, 2, "{line}");
    }
}

#[test]
fn text_from_outside_is_short_and_escaped() {
    let paper = Paper::default();
    let mut log = StationLog::new(Box::new(paper.clone()), "p", Rc::new(|_| None)).least(Level::Warn);
    let why = format!("\u{1b}[2J\r\n\u{9b}31m\u{202e}\u{7f}{}", "é".repeat(2_000));
    log.happened(
        at(1),
        &Happening::CommandRejected {
            code: "bad_json".to_string(),
            method: String::new(),
            why: why.clone(),
            count: 1,
            reply: false,
        },
    );
    log.happened(at(2), &Happening::PortFound);
    let text = paper.text();
    assert_eq!(text.lines().count(), 1, "less than a warning is left out");
    assert!(text.trim_end().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text}");
    let fields: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let kept = fields["why"].as_str().expect("a text");
    assert_eq!(kept.chars().count(), 512);
    assert!(kept.ends_with('…') && why.starts_with(kept.trim_end_matches('…')));
}

#[test]
fn several_watch_at_once() {
    let (first, one) = console(Detail::Steps);
    let (second, two) = console(Detail::Lines);
    let two = two.with_status_line(Box::new(|| Some(80)), Some(Duration::from_secs(5)));
    let mut tee = Tee::new(vec![Box::new(one), Box::new(two)]);
    assert!(tee.wants_steps() && !tee.wants_lines());
    assert_eq!(tee.status_every(), Some(Duration::from_secs(5)));
    tee.happened(at(0), &started());
    tee.status(at(0), &status());
    tee.event(at(0), &Event::Log { depth: 0, text: "x" });
    assert!(second.text().starts_with("thingscloud-station") && second.text().contains("● online"));
    assert!(first.text().ends_with("log      x\n") && !first.text().contains("online"));
}
