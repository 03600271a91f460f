//! What a person reads when a file or an argument is wrong: whole texts, and the same as JSON.

mod support;

use serde_json::json;
use support::process::{Done, Running, atflow, run};
use support::temp::TempDir;

/// A port that is there on every machine.
const SIM: &str = "sim:luat-air724";

/// What is said with `dir` as the working directory, after the program has ended with `code`.
#[track_caller]
fn said(dir: &TempDir, args: &[&str], code: i32) -> Done {
    run(atflow(dir, args).current_dir(dir.path())).exited(code)
}

#[test]
fn a_file_that_has_no_line_to_show_is_named() {
    let dir = TempDir::new();
    dir.file("empty.yaml", "");
    dir.file("other.yaml", "steps: [AT]\n");
    assert_eq!(
        said(&dir, &["check", "empty.yaml", "other.yaml", "missing.yaml"], 2).stderr,
        "error[AT0102]: the file holds nothing
 --> empty.yaml
  = help: a flow has at least `steps`, such as `steps: [AT]`

error[AT0602]: cannot read `missing.yaml`: no such file or directory
 --> missing.yaml
  = help: a path on the command line is relative to the folder that you are in

"
    );
}

#[test]
fn what_several_files_bring_in_is_told_once() {
    let dir = TempDir::new();
    dir.file("lib.yaml", "flows:\n  a:\n    steps:\n      - sendd: AT\n");
    dir.file("one.yaml", "use: [lib.yaml]\nsteps:\n  - run: a\n");
    dir.file("two.yaml", "use: [lib.yaml]\nsteps:\n  - run: a\n  - run: b\n");
    assert_eq!(
        said(&dir, &["check", "one.yaml", "two.yaml"], 2).stderr,
        "error[AT0201]: a step has no `sendd`
 --> lib.yaml:4:9
  |
4 |       - sendd: AT
  |         ^^^^^
  |
  = help: did you mean `send`?

error[AT0409]: there is no flow `b`
 --> two.yaml:4:10
  |
4 |   - run: b
  |          ^
  |
  = help: define it under `flows`, or name a `module` that has it
two.yaml: a problem that a file above has, too

"
    );
    dir.file("thrice.yaml", "use: [lib.yaml, lib.yaml]\nsteps:\n  - run: a\n");
    let told = said(&dir, &["check", "thrice.yaml"], 2).stderr;
    assert_eq!(told.matches("a step has no `sendd`").count(), 1, "{told}");
}

#[test]
fn a_module_that_does_not_exist_is_said_alike_by_every_command() {
    let dir = TempDir::new();
    dir.file("good.yaml", "steps: [AT]\n");
    let expected = "error[AT0601]: `--module nope`: there is no module `nope`
  = help: bundled: esp-at, generic, luat-air724; your own goes to `modules/nope.yaml` beside the file
";
    let module = ["--module", "nope"];
    for args in [&["at", SIM, "AT"][..], &["run", "good.yaml", "--port", SIM], &["console", SIM]] {
        assert_eq!(said(&dir, &[args, &module].concat(), 2).stderr, expected, "{args:?}");
    }
    assert_eq!(
        said(&dir, &["at", SIM, "AT", "--module", "./nope.yaml"], 2).stderr,
        "error[AT0602]: cannot read `./nope.yaml`: no such file or directory
  = help: a path on the command line is relative to the folder that you are in
"
    );
}

#[test]
fn a_file_with_problems_gives_a_program_each_of_them() {
    let dir = TempDir::new();
    dir.file("bad.yaml", "steps:\n  - send: AT\n    tiemout: 3s\n");
    let done = said(&dir, &["run", "bad.yaml", "--port", SIM, "--format", "json"], 2);
    let text = "error[AT0201]: a step has no `tiemout`
 --> bad.yaml:3:5
  |
3 |     tiemout: 3s
  |     ^^^^^^^
  |
  = help: did you mean `timeout`?";
    assert_eq!(done.stderr, format!("{text}\n"));
    let problem = json!({
        "code": "AT0201",
        "severity": "error",
        "file": "bad.yaml",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 12,
        "message": "a step has no `tiemout`",
        "help": "did you mean `timeout`?",
    });
    let finished = json!({
        "event": "finished",
        "verdict": "not started",
        "error": "usage",
        "code": "AT0201",
        "message": text,
        "help": [],
        "problems": [problem],
    });
    assert_eq!(done.events(), [finished]);
}

#[test]
fn the_code_of_a_file_with_problems_is_that_of_its_first_error() {
    let dir = TempDir::new();
    let key = "  - { send: AT, tiemout: 3s }\n";
    let comment = "  - AT+CREG? #1\n";
    let value = "  - { send: AT, timeout: soon }\n";
    for (steps, codes, code) in [
        (format!("{key}{value}"), ["AT0201", "AT0207"], "AT0201"),
        (format!("{comment}{key}"), ["AT0124", "AT0201"], "AT0201"),
    ] {
        dir.file("bad.yaml", format!("steps:\n{steps}"));
        let finished = said(&dir, &["run", "bad.yaml", "--port", SIM, "--format", "json"], 2).finished();
        let problems = finished["problems"].as_array().expect("a list");
        let listed: Vec<_> = problems.iter().filter_map(|problem| problem["code"].as_str()).collect();
        assert_eq!((listed, &finished["code"]), (codes.to_vec(), &json!(code)), "{steps}");
    }
}

/// What is said of arguments that are wrong, and that JSON says the same.
#[track_caller]
fn refused(dir: &TempDir, args: &[&str], code: i32, expected: &str) {
    let done = said(dir, &[args, &["--format", "json"]].concat(), code);
    assert_eq!(done.stderr, expected, "{args:?}");
    let finished = done.finished();
    let (head, message) = (finished["code"].as_str(), finished["message"].as_str());
    let first = format!("error[{}]: {}\n", head.unwrap_or_default(), message.unwrap_or_default());
    assert!(expected.starts_with(&first), "{finished}");
    for help in finished["help"].as_array().expect("a list") {
        assert!(expected.contains(&format!("  = help: {}\n", help.as_str().expect("a text"))), "{finished}");
    }
}

#[test]
fn a_part_or_a_flow_that_does_not_exist_is_one_clean_error() {
    let dir = TempDir::new();
    let steps = "  - send: AT\n  - { name: signal quality, send: AT+CSQ }\n  - check: true\n  - check: 1 == 1\n  \
                 - steps: [AT+CGMR]\n  - log: ${1 + 1}\n";
    dir.file("part.yaml", format!("steps:\n{steps}"));
    dir.file("flows.yaml", "flows:\n  one: { steps: [AT] }\n");
    let part = |args: &[&'static str]| [&["run", "part.yaml", "--port", SIM], args].concat();
    refused(
        &dir,
        &part(&["--until", "AT+CGMR"]),
        2,
        "error[AT2001]: --until: the flow has no step `AT+CGMR` of its own
  = help: its steps: `AT`, `signal quality`, `check`, `group`, `log`
  = help: a step inside a group or of another flow cannot be named here
",
    );
    refused(
        &dir,
        &part(&["--from", "signal qualtiy"]),
        2,
        "error[AT2001]: --from: the flow has no step `signal qualtiy` of its own
  = help: did you mean `signal quality`?
  = help: a step inside a group or of another flow cannot be named here
",
    );
    refused(
        &dir,
        &part(&["--from", "check", "--until", "AT"]),
        2,
        "error[AT2001]: --until: the step `AT` comes before `check`, so that nothing would run
  = help: `--from AT --until check`?
",
    );
    refused(
        &dir,
        &["run", "flows.yaml", "two", "--port", SIM],
        2,
        "error[AT2002]: the file has no flow `two`\n  = help: its flows: one\n",
    );
    refused(
        &dir,
        &["run", "flows.yaml", "--port", SIM],
        2,
        "error[AT2002]: the file has no steps of its own\n  = help: name one of its flows: one\n",
    );
    refused(
        &dir,
        &["run", "part.yaml", "--port", "./none"],
        3,
        "error[AT3001]: cannot open `./none`: there is no such port
  = help: `atflow ports` shows what is there; is it plugged in, and has the module power?
",
    );
}

#[test]
fn quiet_json_is_the_verdict_alone() {
    let dir = TempDir::new();
    dir.file("log.yaml", "steps:\n  - log: hello\n  - check: 1 == 1\n");
    let done = said(&dir, &["run", "log.yaml", "--port", SIM, "-q", "--format", "json"], 0);
    assert_eq!(done.events().len(), 1);
    assert_eq!(done.finished()["verdict"], "passed");
}

#[test]
fn a_setting_that_the_port_has_not_fails_its_step() {
    let dir = TempDir::new();
    dir.file("dtr.yaml", "steps:\n  - port: { dtr: on }\n");
    let done = said(&dir, &["run", "dtr.yaml", "--port", SIM, "--speed", "max"], 1);
    let expected = "error[AT1012]: this port has no DTR line
 --> dtr.yaml:2:5
  |
2 |   - port: { dtr: on }
  |     ^^^^
  |
  = help: `on_error: ignore` lets the flow run on ports that cannot do it
";
    assert!(done.stdout.contains(expected), "{}", done.stdout);
}

#[test]
fn a_signal_is_the_failure_of_the_run() {
    let dir = TempDir::new();
    dir.file("wait.yaml", "steps:\n  - { name: wait, sleep: 1h }\n");
    let args = ["run", "wait.yaml", "--port", SIM, "--speed", "1x", "--format", "json"];
    let mut running = Running::start(atflow(&dir, args).current_dir(dir.path()));
    running.wait_for_step("wait");
    running.interrupt();
    let failure = running.finish().exited(130).finished()["failure"].clone();
    assert_eq!((&failure["code"], &failure["error"]), (&"AT1099".into(), &"interrupted".into()));
    assert_eq!(failure["message"], "told to stop");
}

#[test]
fn what_a_station_cannot_have_is_said_before_it_begins() {
    let dir = TempDir::new();
    let file = "module: luat-air724
hooks: [big.rhai]
state: { one: { type: text, default: '' }, two: { type: text, default: '' } }
schedule:
  - { name: grow, every: 1m, steps: [{ set: { state.one: big(), state.two: big() } }] }
";
    dir.file("station.yaml", file);
    dir.file("big.rhai", "fn big() { let text = \"x\"; for i in 0..15 { text += text; } text }\n");
    let with = |more: &[&str], code| {
        let station = ["run", "station.yaml", "--port", SIM, "--speed", "max", "--for", "30s"];
        said(&dir, &[&station, more].concat(), code)
    };
    assert_eq!(
        with(&["--metrics", "192.0.2.1:9"], 3).stderr,
        "error[AT3003]: cannot listen on 192.0.2.1:9: Cannot assign requested address (os error 99)
  = help: this machine has no such address; `127.0.0.1:9724` is always there
"
    );
    assert_eq!(
        with(&["--state", "/dev/null/x"], 3).stderr,
        "error[AT3004]: cannot use the state directory `/dev/null/x`: Not a directory (os error 20)
  = help: choose a folder that can be written with `--state`
"
    );
    let told = with(&["--log", "json"], 0).events();
    let job = told.iter().find(|told| told["event"] == "job_finished").expect("it was due at once");
    assert_eq!((&job["outcome"], &job["code"]), (&"storage".into(), &"AT1013".into()));
    assert_eq!(
        job["error"],
        "set: all values of `state` together would take 65546 bytes; at most 65536 are kept"
    );
}
