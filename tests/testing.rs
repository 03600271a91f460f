//! `atflow test` as people and CI meet it: what a test that fails says, exit codes, files that are written,
//! and that the same test gives the same bytes. All bundled recipes are tested here, too.

mod support;

use std::fs;

use serde_json::Value;

use support::process::{Done, atflow, run};
use support::temp::TempDir;

/// A flow that asks for the signal and returns it.
const FLOW: &str = "name: signal
module: luat-air724
returns: [rssi]
steps:
  - run: wake
  - name: signal
    send: AT+CSQ
    expect: '+CSQ: {rssi:int},{ber:int}'
  - name: rare
    when: rssi == 99
    send: AT+CREG?
";

fn test(dir: &TempDir, args: &[&str]) -> Done {
    run(atflow(dir, ["test"].iter().chain(args)).current_dir(dir.path()))
}

/// A folder with the flow and one test file, which expects `expect` of a module that has long been on.
fn folder(expect: &str) -> TempDir {
    let dir = TempDir::new();
    dir.file("signal.yaml", FLOW);
    let text = format!(
        "flow: signal.yaml\ntests:\n  - name: the signal\n    sim: {{ start: warm }}\n    expect:\n{expect}"
    );
    dir.file("signal.test.yaml", text);
    dir
}

/// What is printed about the expectations `expect`, without the coverage.
fn printed(expect: &str) -> String {
    let dir = folder(expect);
    let done = test(&dir, &["."]).exited(1);
    done.stdout.split("coverage:").next().unwrap_or_default().to_owned()
}

#[test]
fn every_bundled_recipe_passes_its_tests() {
    let dir = TempDir::new();
    let done = run(&mut atflow(&dir, ["test", "scripts", "--format", "json"])).exited(0);
    let mut lines = done.events();
    let sum = lines.pop().expect("a last line");
    assert_eq!((&sum["failed"], &sum["broken"]), (&Value::from(0), &Value::from(0)));
    assert!(sum["passed"].as_u64().expect("a number") > 50);
    for folder in ["examples", "modules", "thingscloud"] {
        let tested = |line: &&Value| line["file"].as_str().is_some_and(|file| file.contains(folder));
        assert!(lines.iter().any(|line| tested(&line)), "{folder}");
    }
    // Everything that nobody tries is known by name here, so that the list only gets shorter.
    let missed: Vec<String> = sum["coverage"]["missed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}: {}", one["file"].as_str().unwrap_or(""), one["what"].as_str().unwrap_or("")))
        .collect();
    let known: Vec<String> =
        NEVER_TRIED.iter().map(|(file, what)| format!("scripts/{file}: {what}")).collect();
    assert_eq!(missed, known);
}

/// What no test of the bundled recipes reaches.
const NEVER_TRIED: [(&str, &str); 0] = [];

#[test]
fn a_wrong_number_shows_what_was_seen_and_what_crossed_the_line() {
    assert_eq!(
        printed("      - { sent: AT+CSQ, count: 2 }\n"),
        "./signal.test.yaml
  ✗ the signal                    70ms
    error[AT1101]: `AT+CSQ` was sent once, expected 2
     --> ./signal.test.yaml:6:9
      |
    6 |       - { sent: AT+CSQ, count: 2 }
      |           ^^^^^^^^^^^^
"
    );
}

#[test]
fn a_failed_flow_explains_itself() {
    let text = printed("      - { verdict: failed }\n");
    assert_eq!(text, "");
}

#[test]
fn values_are_compared_and_the_difference_is_named() {
    let text = printed("      - { returns: { rssi: 1..5 } }\n      - { took: 5s..6s }\n");
    assert_eq!(text, "");
}

#[test]
fn a_station_shows_the_messages_that_nearly_were_it() {
    let dir = TempDir::new();
    let station = support::root().join("scripts/thingscloud");
    for name in ["station.yaml", "telemetry.rhai", "commands.rhai"] {
        dir.file(name, fs::read(station.join(name)).expect("bundled"));
    }
    dir.file(
        "a.test.yaml",
        "flow: station.yaml
tests:
  - name: one
    for: 1m30s
    expect:
      - { published: attributes, json: { signal_dbm: 0.. } }
      - { published: attributes, spacing: 60s }
      - { run: report, failed: 1 }
      - { state: { relay: true } }
      - { link: lost }
",
    );
    let text = test(&dir, &["."]).exited(1).stdout;
    assert_eq!(text.split("coverage:").next(), Some(""));
}

#[test]
fn names_that_the_flow_does_not_have_are_refused() {
    let dir = TempDir::new();
    let station = support::root().join("scripts/thingscloud");
    for name in ["station.yaml", "telemetry.rhai", "commands.rhai"] {
        dir.file(name, fs::read(station.join(name)).expect("bundled"));
    }
    dir.file(
        "a.test.yaml",
        "flow: station.yaml
tests:
  - name: one
    expect:
      - { handled: restrat, count: 0 }
      - { run: reprot, failed: 0 }
      - { state: { relais: true } }
      - { verdict: passed }
  - name: two
    run: wake
    expect: [{ link: up }]
",
    );
    let text = test(&dir, &["."]).exited(2).stderr;
    assert_eq!(text, "");
}

#[test]
fn the_same_tests_give_the_same_bytes() {
    let dir = folder("      - { sent: AT+CSQ, count: 2 }\n      - { returns: { rssi: 99 } }\n");
    let scripts = support::root().join("scripts/thingscloud").display().to_string();
    let paths = [".", scripts.as_str(), "--format", "json"];
    let once = test(&dir, &[&paths[..], &["--jobs", "1"]].concat()).exited(1);
    let mut again = atflow(&dir, ["test"].iter().chain(&paths).chain(&["--jobs", "4"]));
    again.current_dir(dir.path()).env("TZ", "Asia/Kathmandu").env("LANG", "de_DE").env("ATFLOW_PORT", "x");
    let again = run(&mut again).exited(1);
    assert!(once.stdout == again.stdout, "{}\n{}", once.stdout, again.stdout);
    let pretty = |jobs| test(&dir, &[".", "--jobs", jobs]).exited(1).stdout;
    assert_eq!(pretty("1"), pretty("3"));
}

#[test]
fn a_golden_report_is_written_and_then_compared() {
    let dir = folder("      - { golden: report.txt }\n");
    let missing = test(&dir, &["."]).exited(1).stdout;
    assert!(missing.contains("there is no file `./report.txt`"), "{missing}");
    test(&dir, &[".", "--update"]).exited(0);
    test(&dir, &["."]).exited(0);
    let report = fs::read_to_string(dir.join("report.txt")).expect("it was written");
    assert!(report.contains("✓ signal") && report.contains("of simulated time"), "{report}");
    dir.file("report.txt", report.replace("signal", "sgnal"));
    let changed = test(&dir, &["."]).exited(1).stdout;
    assert!(changed.contains("the report is another one from line 1 of `./report.txt` on"), "{changed}");
}

#[test]
fn some_tests_are_chosen_and_all_are_written_for_ci() {
    let dir = folder("      - { verdict: passed }\n  - { name: it fails, expect: [{ verdict: failed }] }\n");
    let junit = dir.join("out.xml");
    test(&dir, &[".", "--filter", "the sig"]).exited(0);
    test(&dir, &[".", "--filter", "nobody"]).exited(2);
    test(&dir, &[".", "--junit", &dir.join("no/such/folder")]).exited(3);
    test(&dir, &[".", "--junit", &junit]).exited(1);
    let xml = fs::read_to_string(junit).expect("it was written");
    assert!(xml.contains("tests=\"2\" failures=\"1\""), "{xml}");
    assert!(
        xml.contains("<failure message=\"the flow passed, expected that it fails\">error[AT1101]"),
        "{xml}"
    );
}

#[test]
fn a_file_that_cannot_be_used_is_told_and_the_others_are_tried() {
    let dir = folder("      - { verdict: passed }\n");
    dir.file("b.test.yaml", "flow: nowhere.yaml\ntests: [{ name: x, expect: [{ verdict: passed }] }]\n");
    dir.file("c.test.yaml", "flow: signal.yaml\ntest: []\n");
    let done = test(&dir, &["."]).exited(2);
    assert!(done.stdout.contains("1 passed, 2 files cannot be used"), "{}", done.stdout);
    assert!(done.stderr.contains("did you mean `tests`?"), "{}", done.stderr);
    test(&dir, &["nowhere.test.yaml"]).exited(2);
    test(&dir, &[]).exited(2);
}

#[test]
fn what_was_not_reached_is_listed() {
    let dir = folder("      - { verdict: passed }\n");
    let done = test(&dir, &["."]).exited(0);
    let coverage = done.stdout.split_once("coverage:").map_or("", |(_, rest)| rest);
    assert_eq!(coverage, "");
}

#[test]
fn calls_are_tried_alone() {
    let dir = TempDir::new();
    dir.file("signal.yaml", format!("hooks: [h.rhai]\n{FLOW}"));
    dir.file("h.rhai", "fn twice(x) { x * 2 }\nfn no() { throw \"never\" }\n");
    dir.file(
        "h.test.yaml",
        "flow: signal.yaml
calls:
  - { call: 'twice(2)', gives: 4 }
  - { call: 'twice(2)', gives: 5 }
  - { call: 'no()', fails: never }
  - { call: 'no()', gives: 1 }
  - { call: 'thrice(2)', gives: 6 }
",
    );
    let text = test(&dir, &["."]).exited(1).stdout;
    assert_eq!(text.split("coverage:").next(), Some(""));
}
