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

/// A folder with the bundled station and what it needs.
fn bundled_station() -> TempDir {
    let dir = TempDir::new();
    let station = support::root().join("scripts/thingscloud");
    for name in ["station.yaml", "telemetry.rhai", "commands.rhai", "demo.yaml"] {
        dir.file(name, fs::read(station.join(name)).expect("bundled"));
    }
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
    // Who adds a step adds a test that reaches it.
    let missed: Vec<String> = sum["coverage"]["missed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| format!("{}: {}", one["file"].as_str().unwrap_or(""), one["what"].as_str().unwrap_or("")))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
    assert_eq!(sum["coverage"]["reached"], sum["coverage"]["all"]);
}

/// What the cloud made of a message is said with it; what no broker takes was not published.
#[test]
fn a_message_that_the_cloud_did_not_understand_is_said_to_be_one() {
    let dir = TempDir::new();
    let flow = "name: x\nmodule: luat-air724\nsteps:
  - AT+MCONFIG=c,token,key
  - AT+MIPSTART=sh-1-mqtt.iot-api.com,1883
  - AT+MCONNECT=1,60
  - AT+MPUB=attributes,0,0,t=1
  - AT+MPUB=elsewhere,0,0,t=1
  - AT+MPUB=command/reply/+,0,0,t=1
";
    dir.file("x.yaml", flow);
    let text = "flow: x.yaml\ntests:\n  - name: x\n    sim: { start: warm }\n    expect:
      - { published: attributes }
      - { published: elsewhere }
      - { published: 'command/reply/{id}' }
";
    dir.file("x.test.yaml", text);
    let printed = test(&dir, &["."]).exited(1).stdout;
    for said in [
        "attributes t=1 (the cloud refused it: the body is no JSON object): that does not count",
        "elsewhere t=1 (nobody reads it: this is no topic of the cloud): that does not count",
        "(the broker closed the connection: no message can have this topic): nothing can be published there",
    ] {
        assert!(printed.contains(said), "{said}\n{printed}");
    }
    // What topics another broker has nobody knows.
    dir.file("x.yaml", flow.replace("sh-1-mqtt.iot-api.com", "broker.example"));
    let printed = test(&dir, &["."]).exited(1).stdout;
    assert!(!printed.contains("`elsewhere`") && printed.contains("`attributes`"), "{printed}");
}

/// Entries that made no difference, and none of the fourth, which did.
const NEVER: &str = "\
./signal.test.yaml
  ✗ the signal                   80ms
    error[AT1101]: this never happened: no line of the module was just `CSQ`
     --> ./signal.test.yaml:6:9
      |
    6 |       - { after: CSQ, broker: close }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

    error[AT1101]: this never happened: all was over at 0.08s
     --> ./signal.test.yaml:7:9
      |
    7 |       - { time: 10m, urc: RING }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^

    error[AT1101]: nothing was refused: no command line came that `AT+COPS?` fits
     --> ./signal.test.yaml:8:9
      |
    8 |       - { time: 0s, refuse: 'AT+COPS?', with: ERROR }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
0 passed, 1 failed; 80ms of simulated time
";

#[test]
fn a_run_of_a_station_that_takes_too_long_is_found() {
    let dir = TempDir::new();
    let flow = "module: luat-air724\ncloud: thingscloud\nschedule: [{ name: x, every: 1m, steps: [{ sleep: 3s }] }]\n";
    dir.file("x.yaml", flow);
    let with = |within: &str| {
        let text = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    for: 5m\n    expect: [{{ run: x, within: {within} }}]\n"
        );
        dir.file("x.test.yaml", text);
        test(&dir, &["."])
    };
    with("3s").exited(0);
    let printed = with("2s").exited(1).stdout;
    assert!(printed.contains("error[AT1101]: `x` ran and took 3.00s, expected at most 2s"), "{printed}");
}

/// A run that hung until its process died is one that took too long, and no run at all is none that was quick.
#[test]
fn a_run_in_which_a_process_died_took_so_long() {
    let dir = TempDir::new();
    let flow = "module: luat-air724\ncloud: thingscloud\nschedule: [{ name: x, every: 1h, steps: [{ sleep: 30m }] }]\n";
    dir.file("x.yaml", flow);
    let with = |expect: &str| {
        let text = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    for: 2h\n    at: [{{ time: 6m, crash: atflow, for: 10m }}]\n    expect: [{{ run: x, {expect} }}]\n"
        );
        dir.file("x.test.yaml", text);
        test(&dir, &["."])
    };
    let printed = with("within: 2m, between: 0s..10m").exited(1).stdout;
    assert!(printed.contains("`x` ran and took 5m"), "{printed}");
    assert!(printed.contains("6m00.00s  the process ended in it"), "{printed}");
    with("failed: 1, within: 6m, between: 0s..10m").exited(0);
    with("failed: 0, between: 0s..1s").exited(0);
    let printed = with("failed: 0, within: 20s, between: 0s..1s").exited(1).stdout;
    assert!(printed.contains("`x` ran 0 times, expected at least once"), "{printed}");
}

/// Whatever a test shows of what it found.
#[test]
fn no_secret_is_in_what_a_test_shows() {
    let dir = TempDir::new();
    let flow = "module: luat-air724\ncloud: thingscloud\nvars: { tok: { env: TOK, secret: true, simulated: SUPERSECRET1 } }
state: { last: { type: text, default: '' } }
schedule: [{ name: x, every: 1m, steps: [{ set: { state.last: '`k=${tok}`' } }, { publish: attributes, json: { a: '${tok}' } }] }]
";
    dir.file("x.yaml", flow);
    let text = "flow: x.yaml\ntests:\n  - name: x\n    for: 3m\n    expect:
      - { state: { last: x } }
      - { published: attributes, json: { a: x } }
";
    dir.file("x.test.yaml", text);
    let done = test(&dir, &[".", "--junit", "x.xml"]).exited(1);
    let report = fs::read_to_string(dir.join("x.xml")).expect("a report");
    assert!(done.stdout.contains("k=<tok>") && done.stdout.contains("`a` is \"<tok>\""), "{}", done.stdout);
    assert!(!done.stdout.contains("SUPERSECRET") && !report.contains("SUPERSECRET"), "{}", done.stdout);
}

/// A test in which nothing goes wrong because nothing happened shows nothing.
#[test]
fn what_never_happens_fails_a_test_that_passes_without_it() {
    let dir = folder("      - { verdict: passed }\n");
    let entries = "    at:
      - { after: CSQ, broker: close }
      - { time: 10m, urc: RING }
      - { time: 0s, refuse: 'AT+COPS?', with: ERROR }
      - { after: OK, urc: RING }
";
    let with = |expect: &str| {
        let text = "flow: signal.yaml\ntests:\n  - name: the signal\n    sim: { start: warm }\n";
        dir.file(
            "signal.test.yaml",
            format!("{text}{entries}    expect:\n      - {{ verdict: {expect} }}\n"),
        );
        let done = test(&dir, &["."]).exited(1);
        done.stdout.split("coverage:").next().unwrap_or_default().to_owned()
    };
    let printed = with("passed");
    assert_eq!(printed, NEVER, "{printed}");
    // Of a run that went wrong the rest says nothing.
    let printed = with("failed");
    assert!(!printed.contains("never happened"), "{printed}");
}

/// Neither does one whose faults and times lie behind the end.
#[test]
fn what_lies_behind_the_end_of_a_flow_fails_a_test_that_passes_without_it() {
    let dir = folder("      - { verdict: passed }\n");
    let with = |faults: &str, expect: &str| {
        let text = "flow: signal.yaml\ntests:\n  - name: the signal\n    sim: { start: warm }\n";
        let (faults, expect) = (format!("    faults: [{faults}]\n"), format!("    expect: [{expect}]\n"));
        dir.file("signal.test.yaml", format!("{text}{faults}{expect}"));
        test(&dir, &["."])
    };
    let fault = "{ fault: reboot, time: 5m }";
    let expect = "{ sent: AT+CSQ, between: 5m..6m, count: 0 }";
    let printed = with(fault, expect).exited(1).stdout;
    assert!(printed.contains("error[AT1101]: this never happened: all was over at 0.08s"), "{printed}");
    assert!(printed.contains("5 |     faults: [{ fault: reboot, time: 5m }]"), "{printed}");
    assert!(printed.contains("error[AT1101]: nothing could happen then: all was over at 0.08s"), "{printed}");
    assert!(printed.contains("6 |     expect: [{ sent: AT+CSQ, between: 5m..6m, count: 0 }]"), "{printed}");
    // Of a run that went wrong the rest says nothing.
    let printed = with(fault, "{ verdict: failed }").exited(1).stdout;
    assert!(!printed.contains("never happened"), "{printed}");
    // It is well again in any case.
    with("{ fault: heal, time: 5m }", "{ sent: AT+CSQ, between: 0s..6m }").exited(0);
}

/// Of a line that is the last thing said nothing can come any more, but it was said.
#[test]
fn an_event_after_the_last_line_was_not_in_vain() {
    let dir = TempDir::new();
    dir.file("x.yaml", "module: luat-air724\nsteps: [AT+CPOWD=1]\n");
    let with = |line: &str| {
        let text = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    sim: {{ start: warm }}\n    at:
      - {{ after: '{line}', urc: BYE }}
      - {{ after: '{line}', refuse: AT, with: ERROR }}
    expect: [{{ verdict: passed }}]\n"
        );
        dir.file("x.test.yaml", text);
        test(&dir, &["."])
    };
    with("NORMAL POWER DOWN").exited(0);
    let printed = with("POWER DOWN").exited(1).stdout;
    assert_eq!(printed.matches("no line of the module was just `POWER DOWN`").count(), 2, "{printed}");
}

/// A station is over when its time is; of a flow what cleans up runs behind that.
#[test]
fn only_a_station_has_nothing_behind_its_end() {
    let dir = TempDir::new();
    let head = "name: x\nmodule: luat-air724\n";
    let steps = "steps:\n  - steps: [{ sleep: 1m }]\n    always: [{ sleep: 5s }, AT+CSQ]\n";
    let test_file = "flow: x.yaml
tests:
  - name: x
    for: 10s
    sim: { start: warm }
    at:
      - { time: 30s, urc: RING }
    faults:
      - { fault: registration_lost, time: 50s, for: 1s }
    expect:
      - { sent: AT+CSQ, between: 20s..2m }
";
    dir.file("x.test.yaml", test_file);
    dir.file("x.yaml", format!("{head}{steps}"));
    test(&dir, &["."]).exited(0);
    let schedule = "cloud: thingscloud\nschedule:\n  - { name: a, every: 60s, steps: [AT+CSQ] }\n";
    dir.file("x.yaml", format!("{head}{schedule}"));
    let said = test(&dir, &["."]).exited(2).stderr;
    let behind = "the test is over after 10s\n";
    assert_eq!(said.matches(&format!("error[AT0205]: this never happens: {behind}")).count(), 2, "{said}");
    assert!(said.contains(&format!("error[AT0205]: nothing can happen then: {behind}")), "{said}");
    assert!(said.contains("11 |       - { sent: AT+CSQ, between: 20s..2m }"), "{said}");
}

/// What counts as answered is what gets a reply, whoever makes it.
#[test]
fn answers_are_counted_that_are_made() {
    let dir = TempDir::new();
    dir.file("c.rhai", "fn ping(params) { #{ pong: 1 } }\nfn pong(params) { #{ ping: 1 } }\n");
    dir.file("h.rhai", "fn said(method, result) { if method == `pong` { throw `no words` } result }\n");
    let flow = "module: luat-air724\ncloud: thingscloud\nhooks: [h.rhai]\ndownlink:
  handlers: c.rhai
  methods: { ping: {}, pong: {} }
  reply:
    topic: command/reply/${id}
    json: { params: '${said(method, result)}' }
";
    dir.file("c.yaml", flow);
    let command = |n: u32, method: &str| {
        format!("      - {{ time: 60s, cloud: command/send/{n}, json: {{ method: {method}, id: {n} }} }}\n")
    };
    let commands: String = (1..=30).map(|n| command(n, "ping")).collect();
    let text = format!(
        "flow: c.yaml\ntests:\n  - name: busy\n    for: 3m\n    at:\n{commands}    expect:
      - {{ replied: ping, code: ok, count: 20 }}
      - {{ replied: ping, code: busy, count: 1 }}
      - {{ published: 'command/reply/{{id}}', json: {{ params: {{ error: busy }} }}, count: 1 }}
      - {{ published: 'command/reply/{{id}}', count: 21 }}
  - name: none
    for: 3m\n    at:\n{}    expect:
      - {{ handled: pong, count: 1 }}
      - {{ replied: pong, count: 0 }}
      - {{ published: 'command/reply/{{id}}', count: 0 }}
",
        command(1, "pong")
    );
    dir.file("c.test.yaml", text);
    test(&dir, &["."]).exited(0);
}

/// A report on a topic that is misspelt, and one that is no object, are none.
#[test]
fn a_station_whose_reports_nobody_takes_is_found() {
    let dir = TempDir::new();
    let flow = "name: b\nmodule: luat-air724\ncloud: thingscloud\nschedule:
  - name: report
    every: 60s
    steps:
      - { publish: atributes, json: { x: 1 } }
      - { publish: attributes, json: [1] }
";
    dir.file("b.yaml", flow);
    let text = "flow: b.yaml\ntests:\n  - name: b\n    for: 3m\n    expect:
      - { published: atributes }
      - { published: attributes }
";
    dir.file("b.test.yaml", text);
    let printed = test(&dir, &["."]).exited(1).stdout;
    for topic in ["atributes", "attributes"] {
        let said = format!("on `{topic}` a message was published 0 times, expected at least once");
        assert!(printed.contains(&said), "{printed}");
    }
}

#[test]
fn a_wrong_number_shows_what_was_seen_and_what_crossed_the_line() {
    assert_eq!(
        printed("      - { sent: AT+CSQ, count: 2 }\n"),
        r"./signal.test.yaml
  ✗ the signal                   80ms
    error[AT1101]: `AT+CSQ` was sent once, expected 2
     --> ./signal.test.yaml:6:11
      |
    6 |       - { sent: AT+CSQ, count: 2 }
      |           ^^^^^^^^^^^^
      |
      = what was seen:
          0.06s  AT+CSQ
      = what crossed the line:
          0.02s  ← OK
          0.02s  → AT+CMEE=1
          0.03s  ← OK
          0.03s  → AT+MQTTMODE=0
          0.05s  ← OK
          0.05s  → AT+MQTTMSGSET=0
          0.06s  ← OK
          0.06s  → AT+CSQ
          0.08s  ← +CSQ: 29,99
          0.08s  ← OK
0 passed, 1 failed; 80ms of simulated time
"
    );
}

#[test]
fn a_verdict_is_compared() {
    let text = printed("      - { verdict: failed }\n");
    assert_eq!(
        text,
        r"./signal.test.yaml
  ✗ the signal                   80ms
    error[AT1101]: the flow passed, expected that it fails
     --> ./signal.test.yaml:6:11
      |
    6 |       - { verdict: failed }
      |           ^^^^^^^^^^^^^^^
      |
      = what crossed the line:
          0.02s  ← OK
          0.02s  → AT+CMEE=1
          0.03s  ← OK
          0.03s  → AT+MQTTMODE=0
          0.05s  ← OK
          0.05s  → AT+MQTTMSGSET=0
          0.06s  ← OK
          0.06s  → AT+CSQ
          0.08s  ← +CSQ: 29,99
          0.08s  ← OK
0 passed, 1 failed; 80ms of simulated time
"
    );
}

#[test]
fn values_are_compared_and_the_difference_is_named() {
    let text = printed("      - { returns: { rssi: 1..5 } }\n      - { took: 5s..6s }\n");
    assert_eq!(
        text,
        r"./signal.test.yaml
  ✗ the signal                   80ms
    error[AT1101]: of what the flow returns, `rssi` is 29
     --> ./signal.test.yaml:6:11
      |
    6 |       - { returns: { rssi: 1..5 } }
      |           ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = what crossed the line:
          0.02s  ← OK
          0.02s  → AT+CMEE=1
          0.03s  ← OK
          0.03s  → AT+MQTTMODE=0
          0.05s  ← OK
          0.05s  → AT+MQTTMSGSET=0
          0.06s  ← OK
          0.06s  → AT+CSQ
          0.08s  ← +CSQ: 29,99
          0.08s  ← OK

    error[AT1101]: the flow took 0.08s, expected 5s..6s
     --> ./signal.test.yaml:7:11
      |
    7 |       - { took: 5s..6s }
      |           ^^^^^^^^^^^^
      |
      = what crossed the line:
          0.02s  ← OK
          0.02s  → AT+CMEE=1
          0.03s  ← OK
          0.03s  → AT+MQTTMODE=0
          0.05s  ← OK
          0.05s  → AT+MQTTMSGSET=0
          0.06s  ← OK
          0.06s  → AT+CSQ
          0.08s  ← +CSQ: 29,99
          0.08s  ← OK
0 passed, 1 failed; 80ms of simulated time
"
    );
}

#[test]
fn a_station_shows_the_messages_that_nearly_were_it() {
    let dir = bundled_station();
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
",
    );
    let text = test(&dir, &["."]).exited(1).stdout;
    assert_eq!(
        text.split("coverage:").next(),
        Some(
            r#"./a.test.yaml
  ✗ one                         1m30s
    error[AT1101]: on `attributes` such a message was published 0 times, expected at least once
     --> ./a.test.yaml:6:11
      |
    6 |       - { published: attributes, json: { signal_dbm: 0.. } }
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = what was seen:
            10.48s  attributes {"report_id":"00000000000002d4-1","signal_dbm":-53,"supply_v":3.82}: `signal_dbm` is -53
          1m04.48s  attributes {"report_id":"00000000000002d4-2","signal_dbm":-51,"supply_v":3.811}: `signal_dbm` is -51
      = what crossed the line:
          1m04.43s  → AT+CSQ
          1m04.44s  ← +CSQ: 31,99
          1m04.44s  ← OK
          1m04.44s  → AT+CBC
          1m04.45s  ← +CBC: 3811
          1m04.45s  ← OK
          1m04.45s  → AT+MPUB=attributes,1,0,{\22report_id\22:\2200000000000002d4-2\22\2C\22signal_dbm\22:-51\2C\22supply…
          1m04.48s  ← OK
          1m04.78s  ← PUBACK

    error[AT1101]: 53.99s from one to the next, expected 1m
     --> ./a.test.yaml:7:11
      |
    7 |       - { published: attributes, spacing: 60s }
      |           ^^^^^^^^^^^^^^^^^^^^^
      |
      = what was seen:
            10.48s  attributes {"report_id":"00000000000002d4-1","signal_dbm":-53,"supply_v":3.82}
          1m04.48s  attributes {"report_id":"00000000000002d4-2","signal_dbm":-51,"supply_v":3.811}
      = what crossed the line:
          1m04.43s  → AT+CSQ
          1m04.44s  ← +CSQ: 31,99
          1m04.44s  ← OK
          1m04.44s  → AT+CBC
          1m04.45s  ← +CBC: 3811
          1m04.45s  ← OK
          1m04.45s  → AT+MPUB=attributes,1,0,{\22report_id\22:\2200000000000002d4-2\22\2C\22signal_dbm\22:-51\2C\22supply…
          1m04.48s  ← OK
          1m04.78s  ← PUBACK

    error[AT1101]: `report` ran and failed 0 times, expected 1
     --> ./a.test.yaml:8:11
      |
    8 |       - { run: report, failed: 1 }
      |           ^^^^^^^^^^^
      |
      = what crossed the line:
            10.80s  ← PUBACK
          1m04.43s  → AT+CSQ
          1m04.44s  ← +CSQ: 31,99
          1m04.44s  ← OK
          1m04.44s  → AT+CBC
          1m04.45s  ← +CBC: 3811
          1m04.45s  ← OK
          1m04.45s  → AT+MPUB=attributes,1,0,{\22report_id\22:\2200000000000002d4-2\22\2C\22signal_dbm\22:-51\2C\22supply…
          1m04.48s  ← OK
          1m04.78s  ← PUBACK

    error[AT1101]: at the end `state`: `relay` is false
     --> ./a.test.yaml:9:11
      |
    9 |       - { state: { relay: true } }
      |           ^^^^^^^^^^^^^^^^^^^^^^
      |
      = what crossed the line:
            10.80s  ← PUBACK
          1m04.43s  → AT+CSQ
          1m04.44s  ← +CSQ: 31,99
          1m04.44s  ← OK
          1m04.44s  → AT+CBC
          1m04.45s  ← +CBC: 3811
          1m04.45s  ← OK
          1m04.45s  → AT+MPUB=attributes,1,0,{\22report_id\22:\2200000000000002d4-2\22\2C\22signal_dbm\22:-51\2C\22supply…
          1m04.48s  ← OK
          1m04.78s  ← PUBACK
0 passed, 1 failed; 1m30s of simulated time
"#
        )
    );
}

#[test]
fn names_that_the_flow_does_not_have_are_refused() {
    let dir = bundled_station();
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
    assert_eq!(
        text,
        r"error[AT0213]: a station runs for ever
 --> ./a.test.yaml:3:11
  |
3 |   - name: one
  |           ^^^
  |
  = help: say how long this test lasts: `for: 15m`

error[AT0213]: the station has no method `restrat`
 --> ./a.test.yaml:5:11
  |
5 |       - { handled: restrat, count: 0 }
  |           ^^^^^^^^^^^^^^^^
  |
  = help: did you mean `restart`?

error[AT0213]: the station has no schedule, event or flow `reprot`
 --> ./a.test.yaml:6:11
  |
6 |       - { run: reprot, failed: 0 }
  |           ^^^^^^^^^^^
  |
  = help: did you mean `report`?

error[AT0213]: the station has no `state` `relais`
 --> ./a.test.yaml:7:11
  |
7 |       - { state: { relais: true } }
  |           ^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `relay`?

error[AT0213]: `verdict` is for flows that end, and this is a station
 --> ./a.test.yaml:8:11
  |
8 |       - { verdict: passed }
  |           ^^^^^^^^^^^^^^^
  |
  = help: a station is judged by `published`, `link`, `run`, `state`, `outbox`

error[AT0213]: the flow file has no flow `wake`
  --> ./a.test.yaml:10:10
   |
10 |     run: wake
   |          ^^^^
   |
   = help: it has no `flows` of its own

error[AT0213]: `link` is for stations, and this is a flow that ends
  --> ./a.test.yaml:11:16
   |
11 |     expect: [{ link: up }]
   |                ^^^^^^^^
   |
   = help: a flow is judged by `verdict`, `returns`, `took`, `published`, `sent`, `error`

"
    );
}

#[test]
fn a_station_without_state_is_said_to_have_none() {
    let dir = TempDir::new();
    let schedule = "schedule: [{ name: work, every: 60s, steps: [AT+CSQ] }]";
    dir.file("x.yaml", format!("module: luat-air724\ncloud: thingscloud\n{schedule}\n"));
    dir.file(
        "x.test.yaml",
        "flow: x.yaml\ntests: [{ name: x, for: 1m, expect: [{ state: { x: 1 } }, { handled: y }] }]\n",
    );
    let said = test(&dir, &["."]).exited(2).stderr;
    for what in ["`state` `x`", "method `y`"] {
        let of = said.split("error[").find(|problem| problem.contains(what));
        assert!(of.is_some_and(|of| of.contains(" = help: it has none\n")), "{what}\n{said}");
    }
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
    let junit = dir.join("out.xml");
    let done = test(&dir, &[".", "--format", "json", "--junit", &junit]).exited(2);
    let xml = fs::read_to_string(junit).expect("it was written");
    let suite = "<testsuite name=\"./c.test.yaml\" tests=\"1\" failures=\"0\" errors=\"1\"";
    assert!(xml.contains(suite) && xml.matches("<error message=").count() == 2, "{xml}");
    let events = done.events();
    let of = |file: &str| events.iter().find(|event| event["file"] == file).expect("it is told");
    assert_eq!(of("./b.test.yaml")["broken"], true);
    assert_eq!(of("./c.test.yaml")["problems"][0]["line"], 2);
    test(&dir, &["nowhere.test.yaml"]).exited(2);
    test(&dir, &[]).exited(2);
}

#[test]
fn what_was_not_reached_is_listed() {
    let dir = folder("      - { verdict: passed }\n");
    let done = test(&dir, &["."]).exited(0);
    let coverage = done.stdout.split_once("coverage:").map_or("", |(_, rest)| rest);
    assert_eq!(
        coverage,
        r" 3 of 4 steps and branches, 75 %; not reached:
  ./signal.yaml:9  `rare` never ran
"
    );
}

/// Of a step that was so already only the probe was tried: its command was never sent.
#[test]
fn what_was_so_already_did_not_run() {
    let dir = TempDir::new();
    let flow = "module: luat-air724
steps:
  - send: AT+CMEE=2
    name: codes
    unless: { send: 'AT+CMEE?', expect: '+CMEE: 2' }
  - name: the end
    sleep: 1h
";
    dir.file("x.yaml", flow.replace("+CMEE: 2", "+CMEE: {n:int}"));
    dir.file(
        "x.test.yaml",
        "flow: x.yaml\ntests:\n  - { name: x, for: 1m, sim: { start: warm }, expect: [{ sent: 'AT+CMEE=2', count: 0 }] }\n",
    );
    let coverage = || test(&dir, &["."]).stdout.split_once("coverage:").map(|(_, rest)| rest.to_owned());
    let missed = " 2 of 3 steps and branches, 66 %; not reached:\n  ./x.yaml:3  `codes` never ran\n";
    assert_eq!(coverage().as_deref(), Some(missed));
    dir.file("x.yaml", flow);
    let missed =
        " 2 of 3 steps and branches, 66 %; not reached:\n  ./x.yaml:3  `codes` was never so already\n";
    assert_eq!(coverage().as_deref(), Some(missed));
}

/// A process dies in a group; the next one skips it, for what it was to do is done.
#[test]
fn a_step_in_which_a_process_died_ran() {
    let dir = TempDir::new();
    let flow = "name: x
module: luat-air724
cloud: thingscloud
state:
  done: { type: bool, default: false }
schedule:
  - name: work
    every: 60s
    steps:
      - name: group
        when: state.done == false
        steps:
          - set: { state.done: true }
          - { publish: attributes, json: { x: 1 } }
          - sleep: 30s
";
    dir.file("x.yaml", flow);
    let text = "flow: x.yaml\ntests:\n  - name: x\n    for: 5m\n    at: [{ time: 30s, crash: atflow }]\n    expect: [{ run: work }]\n";
    dir.file("x.test.yaml", text);
    let printed = test(&dir, &["."]).exited(0).stdout;
    assert!(printed.contains("coverage: 5 of 5 steps and branches, 100 %"), "{printed}");
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
    assert_eq!(
        text.split("coverage:").next(),
        Some(
            r"./h.test.yaml
  ✓ twice(2)
  ✗ twice(2)
    error[AT1102]: what it gives is 4
     --> ./h.test.yaml:4:13
      |
    4 |   - { call: 'twice(2)', gives: 5 }
      |             ^^^^^^^^^^
  ✓ no()
  ✗ no()
    error[AT1102]: it fails: never
     --> ./h.test.yaml:6:13
      |
    6 |   - { call: 'no()', gives: 1 }
      |             ^^^^^^
      |
      = script: h.rhai:2:11
  ✗ thrice(2)
    error[AT0403]: there is no function `thrice`
     --> ./h.test.yaml:7:13
      |
    7 |   - { call: 'thrice(2)', gives: 6 }
      |             ^^^^^^^^^^^
      |
      = help: did you mean `twice`?
2 passed, 3 failed; 0s of simulated time
"
        )
    );
}

/// A station whose step sets a value and fails, and looks at the value then.
const STAGED: &str = "name: staged
module: luat-air724
cloud: thingscloud
state:
  x: { type: int, default: 0 }
schedule:
  - name: work
    every: 60s
    steps:
      - name: sets and fails
        set: { state.x: 5 }
        check: 1 == 2
        on_error: ignore
      - name: looks
        when: state.x == 5
        send: AT+CSQ
";

#[test]
fn what_a_failed_step_set_in_state_is_nowhere_to_be_seen() {
    let dir = TempDir::new();
    dir.file("staged.yaml", STAGED);
    let test_file = "flow: staged.yaml
port: sim:luat-air724
tests:
  - name: nothing is left behind
    for: 3m
    expect:
      - { run: work, passed: 2..3 }
      - { sent: AT+CSQ, count: 0 }
      - { state: { x: 0 } }
";
    dir.file("staged.test.yaml", test_file);
    test(&dir, &["."]).exited(0);
}

#[test]
fn lists_as_deep_as_they_are_allowed_are_no_danger() {
    let dir = TempDir::new();
    dir.file(
        "deep.rhai",
        "fn same() { let a = []; let b = []; for i in 0..4000 { a = [a]; b = [b]; } a == b }",
    );
    dir.file("deep.yaml", "module: luat-air724\nhooks: [deep.rhai]\nsteps: [{ check: same() }]\n");
    let test_file = "flow: deep.yaml\ntests:\n  - name: deep\n    expect: [{ verdict: passed }]\n";
    dir.file("deep.test.yaml", test_file);
    test(&dir, &["."]).exited(0);
}

/// A folder with the flow, its recording on the simulated module, and a test file on that.
fn recorded(port: &str, expect: &str) -> TempDir {
    let dir = TempDir::new();
    dir.file("signal.yaml", FLOW);
    let record = ["run", "signal.yaml", "--port", "sim:luat-air724", "--speed", "max", "-q"];
    let record = record.iter().chain(&["--transcript", "signal.jsonl"]);
    run(atflow(&dir, record).current_dir(dir.path())).exited(0);
    let text =
        format!("flow: signal.yaml\nport: {port}\ntests:\n  - name: the signal\n    expect:\n{expect}");
    dir.file("signal.test.yaml", text);
    dir
}

#[test]
fn a_test_runs_on_a_recording() {
    let expect = "      - { verdict: passed }\n      - { sent: AT+CSQ, count: 1 }\n      - { returns: { rssi: 0..99 } }\n";
    let dir = recorded("replay:signal.jsonl", expect);
    let whole = test(&dir, &["."]).exited(0);
    assert!(whole.stdout.contains("1 passed"), "{}", whole.stdout);
    // From elsewhere, too: the path counts from the test file.
    run(&mut atflow(&dir, ["test", &dir.join("signal.test.yaml")])).exited(0);
    // A flow that says something else leaves it.
    dir.file("signal.yaml", FLOW.replace("send: AT+CSQ", "send: AT+CGMM"));
    let strayed = test(&dir, &["."]).exited(1).stdout;
    assert!(
        strayed.contains(
            "the flow failed with `replay`, expected that it passes\n     --> ./signal.test.yaml:6:11\n"
        ) && strayed.contains("recorded is `AT+CSQ\\r\\n`, sent was `AT+CGMM\\r\\n`"),
        "{strayed}"
    );
    // In any order, with lines that were asked before.
    let matching = recorded("'replay:signal.jsonl?match'", "      - { verdict: passed }\n");
    matching.file("signal.yaml", FLOW.replace("  - name: rare", "  - AT+CSQ\n  - name: rare"));
    test(&matching, &["."]).exited(0);
}

#[test]
fn a_recording_that_cannot_be_used_is_told_with_its_place() {
    let missing = recorded("replay:nowhere.jsonl", "      - { verdict: passed }\n");
    let text = test(&missing, &["signal.test.yaml"]).exited(2).stderr;
    assert_eq!(
        text,
        "error[AT2101]: cannot read `nowhere.jsonl`: No such file or directory (os error 2)
 --> signal.test.yaml:2:7
  |
2 | port: replay:nowhere.jsonl
  |       ^^^^^^^^^^^^^^^^^^^^
  |
  = help: it is written by `atflow run … --transcript FILE`; its path counts from this file

"
    );
    let broken = recorded("replay:signal.jsonl", "      - { verdict: passed }\n");
    let whole = fs::read_to_string(broken.join("signal.jsonl")).expect("a recording");
    broken.file("signal.jsonl", whole.replacen("\"tx\"", "\"tz\"", 1));
    let text = test(&broken, &["signal.test.yaml"]).exited(2).stderr;
    assert!(text.starts_with("error[AT2101]: line 3 of `signal.jsonl`: "), "{text}");
}

#[test]
fn a_station_is_tested_on_what_it_lived_through() {
    let dir = bundled_station();
    let record = ["run", "station.yaml", "--port", "sim:luat-air724", "--scenario", "demo.yaml"];
    let record = record.iter().chain(&["--speed", "max", "--for", "5m", "--transcript", "day.jsonl"]);
    run(atflow(&dir, record).current_dir(dir.path())).exited(0);
    let tests = |lasts: &str| {
        format!(
            "flow: station.yaml
port: replay:day.jsonl
tests:
  - name: five minutes
    for: {lasts}
    expect:
      - {{ handled: restart, count: 1 }}
      - {{ sent: 'AT+MPUB=attributes,{{:rest}}', count: 6 }}
      - {{ link: lost, count: 1 }}
      - {{ outbox: empty }}
"
        )
    };
    dir.file("day.test.yaml", tests("5m"));
    test(&dir, &["."]).exited(0);
    dir.file("day.test.yaml", tests("10m"));
    let over = test(&dir, &["."]).exited(1).stdout;
    assert!(over.contains("error[AT1014]: the run leaves the recording at ./day.jsonl:"), "{over}");
}

#[test]
fn a_run_with_a_timeout_of_its_own_may_take_that_long() {
    let dir = TempDir::new();
    let flow = "module: luat-air724
schedule:
  - name: long
    every: 1h
    at_start: false
    timeout: 20m
    steps: [AT, { sleep: 15m }]
";
    dir.file("long.yaml", flow);
    let tests = "flow: long.yaml
port: sim:luat-air724
tests:
  - name: a long run
    for: 80m
    expect:
      - { run: long, passed: 1 }
      - { rules: hold }
";
    dir.file("long.test.yaml", tests);
    test(&dir, &["."]).exited(0);
}

/// A flow in a folder of its own, and what fuzz says of it.
fn fuzzed(flow: &str, more: &[&str]) -> (TempDir, Done) {
    let dir = TempDir::new();
    dir.file("flow.yaml", flow);
    let done = run(atflow(&dir, ["fuzz", "flow.yaml"].iter().chain(more)).current_dir(dir.path()));
    (dir, done)
}

/// What fuzz prints as a test fails when it is run; its text.
#[track_caller]
fn fails_as_a_test(dir: &TempDir, event: &Value) -> String {
    let text = event["test"].as_str().expect("a test file").to_owned();
    dir.file("found.test.yaml", &text);
    let said = test(dir, &["found.test.yaml"]).exited(1).stdout;
    assert!(said.contains("0 passed, 1 failed"), "{said}\n{text}");
    text
}

#[test]
fn a_line_between_two_others_that_makes_a_flow_fail_is_a_failure() {
    let flow = "name: x\nmodule: luat-air724\nsteps:\n  - { await: SMS READY, timeout: 30s }\n  - AT+CSQ\n";
    let (dir, done) = fuzzed(flow, &["--urc-everywhere", "ERROR", "--format", "json"]);
    let events = done.exited(1).events();
    assert_eq!(events[0]["rule"], "verdict", "{events:?}");
    assert!(fails_as_a_test(&dir, &events[0]).contains("verdict: passed"));
    fuzzed(flow, &["--urc-everywhere"]).1.exited(0);
    let broken = flow.replace("CSQ", "NONE");
    let said = fuzzed(&broken, &["--urc-everywhere"]).1.exited(2).stderr;
    assert!(said.contains("is to pass while nothing goes wrong"), "{said}");
}

/// What keeps every world from beginning is no finding of fuzz: it is said once, as `run` says it.
/// What fails is printed as a test, which has to take its seed.
#[test]
fn a_seed_is_one_that_a_test_file_takes() {
    let dir = folder("      - { verdict: passed }\n");
    let fuzz = |seed: &str, seeds: &str| {
        let args = ["fuzz", "signal.yaml", "--for", "1m", "--seed", seed, "--seeds", seeds];
        run(atflow(&dir, args).current_dir(dir.path()))
    };
    fuzz("9223372036854775807", "1").exited(0);
    let refused = fuzz("9223372036854775807", "2").exited(2);
    assert!(refused.stderr.contains("a seed is at most 9223372036854775807"), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_fuzzed_is_said_once() {
    let flow = "name: x\nmodule: luat-air724\nsteps: [AT]\n";
    let said = fuzzed(flow, &["-p", "sim:esp-ax", "--seeds", "5"]).1.exited(2);
    assert_eq!(said.stdout, "");
    let why = "error: there is no simulated module `esp-ax`\n  = help: there is `luat-air724`, `esp-at`\n";
    assert_eq!(said.stderr, why);
    let said = fuzzed(flow, &["--seeds", "0"]).1.exited(2);
    assert!(said.stderr.contains("invalid value '0' for '--seeds <SEEDS>'"), "{}", said.stderr);
    for broken in
        [format!("{flow}use: [nowhere.yaml]\n"), format!("{flow}vars:\n  key: {{ env: NOBODY_SETS_THIS }}\n")]
    {
        let said = fuzzed(&broken, &[]).1.exited(2).stderr;
        assert!(said.starts_with("error[AT"), "{said}");
    }
}

/// A test file that fuzz prints gives the vars the values that they had; secrets it only names.
#[test]
fn what_fuzz_prints_has_the_vars_that_were_given() {
    let flow = "name: x\nmodule: luat-air724
vars:
  what: CSQ
  key: { default: none, secret: true }
steps:
  - { await: SMS READY, timeout: 30s }
  - { send: 'AT+${what}', timeout: 1s }
";
    let vars = ["--var", "what=CREG?", "--var", "key=4711'x"];
    let how = ["--urc-everywhere", "ERROR", "--format", "json"];
    let (dir, done) = fuzzed(flow, &[&how[..], &vars].concat());
    let events = done.exited(1).events();
    let text = fails_as_a_test(&dir, &events[0]);
    assert!(text.contains("\nvars:\n  what: \"CREG?\"\n"), "{text}");
    assert!(text.contains("# `key` is secret") && !text.contains("4711"), "{text}");
}

/// Rows are cut around what is wrong: the first that is too many, or the end of the time in which nothing came.
#[test]
fn what_is_shown_is_what_is_wrong() {
    let dir = bundled_station();
    let command = "{ time: 20s, cloud: command/send/1, json: { method: nonsense, id: 1 } }";
    let text = format!(
        "flow: station.yaml
tests:
  - name: one
    for: 12m30s
    at:
      - {command}
      - {{ time: 9m30s, broker: away, for: 1h }}
    expect:
      - {{ published: attributes, count: 7 }}
      - {{ published: attributes, count: 90.. }}
      - {{ run: report, passed: 90.. }}
      - {{ state: {{ relay: true }} }}
      - {{ replied: nonsense, code: ok }}
      - {{ link: lost, between: 1m..2m10s }}
      - {{ outbox: empty }}
"
    );
    dir.file("a.test.yaml", text);
    let said = test(&dir, &["."]).exited(1).stdout;
    let of = |words: &str| {
        let problem = said.split("error[AT1101]").find(|problem| problem.contains(words));
        problem.unwrap_or_else(|| panic!("{words}\n{said}")).to_owned()
    };
    // The eighth, which has the ninth number, and what the line said then.
    let many = of("expected 7");
    let crossed = many.split("what crossed").last().expect("some of it");
    assert!(many.contains("-9\"") && crossed.contains("-9\\22"), "{many}");
    // The last of too few, and not the first.
    for few in ["expected 90", "and passed"] {
        let few = of(few);
        let (seen, crossed) = few.split_once("what crossed").expect("both");
        assert!(!seen.contains("  10.") && seen.lines().count() < 16, "{few}");
        let last = seen.trim_end().trim_end_matches('=').trim_end().lines().last().expect("one");
        let minute = last.trim().split('m').next().expect("a time");
        assert!(crossed.contains(&format!(" {minute}m")) && !crossed.contains("  10."), "{few}");
    }
    let answered = of("was answered");
    assert!(answered.contains("nonsense: unknown_method"), "{answered}");
    let lost = of("the link was lost");
    assert!(lost.contains("  2m00.") && !lost.contains("  12m"), "{lost}");
    let waits = of("wait in the outbox");
    assert!(waits.contains("= what waits: `attributes` (3)"), "{waits}");
    // What is true at the end is shown with the end.
    for at_the_end in [waits, of("`state`")] {
        let crossed = at_the_end.split("what crossed").last().expect("some of it");
        assert!(crossed.contains("  12m") && !crossed.contains("  9m"), "{at_the_end}");
    }
}

/// What is left out is counted, before what is shown and behind it.
#[test]
fn what_is_left_out_of_what_was_seen_is_counted() {
    let dir = TempDir::new();
    let steps = "  - AT+MCONFIG=c,token,key\n  - AT+MIPSTART=broker.example,1883\n  - AT+MCONNECT=1,60\n"
        .to_owned()
        + &"  - AT+MPUB=attributes,0,0,{\\22t\\22:1}\n".repeat(20);
    dir.file("x.yaml", format!("module: luat-air724\nsteps:\n{steps}"));
    let seen = |expect: &str| {
        let test_file = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    sim: {{ start: warm }}\n    expect: [{{ published: attributes, {expect} }}]\n"
        );
        dir.file("x.test.yaml", test_file);
        let said = test(&dir, &["."]).exited(1).stdout;
        let seen = said.split_once("what was seen:\n").unwrap_or_else(|| panic!("{said}")).1;
        let seen = seen.split("      = what crossed").next().expect("the rows");
        let rows = seen.lines().map(|row| if row.contains("attributes") { "row" } else { row.trim() });
        rows.collect::<Vec<_>>().join(",")
    };
    let six = "row,row,row,row,row,row";
    assert_eq!(seen("json: { t: 2 }"), format!("14 earlier ones,{six}"));
    assert_eq!(seen("count: 21"), format!("14 earlier ones,{six}"));
    assert_eq!(seen("count: 6"), format!("1 earlier one,{six},and 13 more"));
    assert_eq!(seen("count: 3"), format!("{six},and 14 more"));
    assert_eq!(seen("count: 12"), format!("7 earlier ones,{six},and 7 more"));
}

/// A flow that took too long is shown when its time was over, and else its end.
#[test]
fn a_flow_of_the_wrong_length_is_shown_where_it_is_wrong() {
    let rows = |expect: &str| {
        let dir = TempDir::new();
        dir.file("x.yaml", "module: luat-air724\nsteps:\n  - AT+CSQ\n  - sleep: 20s\n  - AT+CREG?\n  - sleep: 20s\n  - AT+CBC\n");
        let test = format!(
            "flow: x.yaml\ntests:\n  - name: x\n    sim: {{ start: warm }}\n    expect: [{{ {expect} }}]\n"
        );
        dir.file("x.test.yaml", test);
        let said = self::test(&dir, &["."]).exited(1).stdout;
        said.split_once("what crossed the line").unwrap_or_else(|| panic!("{said}")).1.to_owned()
    };
    let late = rows("took: 0s..20s");
    assert!(late.contains("AT+CREG?") && !late.contains("AT+CBC"), "{late}");
    for end in ["took: 0s..10s", "took: 2m..", "returns: { x: 1 }", "verdict: failed"] {
        assert!(rows(end).contains("AT+CBC"), "{end}");
    }
}

/// What else is expected, and where atflow is started, are not in the report.
#[test]
fn a_golden_report_is_the_same_from_anywhere_and_beside_other_expectations() {
    let dir = TempDir::new();
    dir.file("flow.yaml", "name: x\nmodule: luat-air724\nsteps:\n  - AT\n  - AT+NONE\n");
    let with = |more: &str| {
        let text = "flow: flow.yaml\ntests:\n  - name: x\n    sim: { start: warm }\n    expect:\n";
        dir.file("x.test.yaml", format!("{text}      - {{ golden: report.txt }}\n{more}"));
    };
    with("");
    test(&dir, &[".", "--update"]).exited(0);
    let report = fs::read_to_string(dir.join("report.txt")).expect("it was written");
    assert!(report.contains("--> flow.yaml:5:5"), "{report}");
    run(&mut atflow(&dir, ["test", &dir.join("x.test.yaml")])).exited(0);
    with("      - { sent: AT+NONE }\n");
    test(&dir, &["x.test.yaml"]).exited(0);
}

/// A misspelt error never happens, so an expectation that it does not would be met for nothing.
#[test]
fn an_error_that_nothing_here_ends_with_is_refused() {
    let dir = folder("      - { error: tiemout, count: 0 }\n      - { verdict: failed, error: cmd 10 }\n");
    let text = test(&dir, &["."]).exited(2).stderr;
    for said in [
        "error[AT0420]: nothing here ends with the error `tiemout`",
        "6 |       - { error: tiemout, count: 0 }",
        "help: did you mean `timeout`?",
        "error[AT0420]: nothing here ends with the error `cmd 10`",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let known = "      - { error: timeout, count: 0 }\n      - { error: cme 10, count: 0 }\n";
    test(&folder(known), &["."]).exited(0);
}
