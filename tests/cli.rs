//! The command line as a script or a person meets it: exit codes, signals, the small commands, what is
//! remembered between runs, and every bundled recipe on the simulated module.

mod support;

use std::fs;
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use support::module::{Module, framed};
use support::process::{Done, Running, atflow, run};
use support::temp::TempDir;

const BRINGUP: &str = "scripts/thingscloud/bringup.yaml";

fn run_flow(dir: &TempDir, flow: &str, port: &str, more: &[&str]) -> Done {
    run(&mut atflow(dir, ["run", flow, "--port", port].iter().chain(more)))
}

/// The YAML files of a folder of bundled scripts.
fn recipes(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(support::root().join("scripts").join(folder)).expect("bundled scripts");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let name = |path: std::path::PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_recipe = |name: &String| !name.ends_with(".test.yaml");
    let mut names: Vec<String> = yaml.filter_map(name).filter(is_recipe).collect();
    names.sort();
    names
}

/// The titles of the steps that began.
fn begun(done: &Done) -> Vec<String> {
    let title = |event: Value| event["step"].as_str().expect("a title").to_owned();
    done.events().into_iter().filter(|event| event["event"] == "step_started").map(title).collect()
}

#[test]
fn the_exit_code_says_who_must_act() {
    let dir = TempDir::new();
    let good = dir.file("good.yaml", "module: generic\nsteps: [AT]\n");
    let bad = dir.file("bad.yaml", "module: generic\nsteps: [{ sned: AT }]\n");
    let failing = dir.file("failing.yaml", "module: generic\nsteps: [AT+NOPE]\n");
    let sim = "sim:luat-air724";
    let max = ["--speed", "max", "-q"];
    run_flow(&dir, &good, sim, &["--speed", "max"]).exited(1);
    let warm = dir.file("warm.yaml", "sim: { start: warm }\n");
    let warm = [max.as_slice(), &["--scenario", &warm]].concat();
    run_flow(&dir, &good, sim, &warm).exited(0);
    run_flow(&dir, &failing, sim, &warm).exited(1);
    run_flow(&dir, &bad, sim, &warm).exited(2);
    run_flow(&dir, &dir.join("missing.yaml"), sim, &warm).exited(2);
    run_flow(&dir, &good, "sim:nobody", &warm).exited(2);
    run_flow(&dir, &good, "foo:", &[]).exited(2);
    run_flow(&dir, &good, sim, &["--from", "nowhere"]).exited(2);
    run_flow(&dir, &good, sim, &["--scenario", &dir.join("missing.yaml")]).exited(2);
    run_flow(&dir, &good, &dir.join("no-such-port"), &[]).exited(3);
    run_flow(&dir, &good, sim, &["--transcript", &dir.join("no/such/folder")]).exited(3);
    run(&mut atflow(&dir, ["sim", "--pty", &dir.join("no/such/folder")])).exited(3);
    run(&mut atflow(&dir, ["run"])).exited(2);
    run(&mut atflow(&dir, ["--help"])).exited(0);
}

#[test]
fn a_signal_ends_a_wait_at_once() {
    let dir = TempDir::new();
    let flow = dir.file(
        "wait.yaml",
        "module: generic\nsteps:\n  - AT\n  - { name: wait, await: 'NEVER', timeout: 1h }\n  - AT+NOT\n",
    );
    let module = Module::answering(|_| framed(&["OK"]));
    let args = ["run", &flow, "--port", module.port(), "--format", "json"];
    let mut running = Running::start(&mut atflow(&dir, args));
    running.wait_for_step("wait");
    running.interrupt();
    let done = running.finish().exited(130);
    assert_eq!(done.finished()["failure"]["error"], "interrupted");
    assert_eq!(done.finished()["verdict"], "interrupted");
    assert_eq!(module.finish(), b"AT\r\n");
}

/// The program as a shell starts it that lets SIGHUP end it, or not (`nohup`).
fn under(dir: &TempDir, hangup: &str, args: &[&str]) -> std::process::Command {
    let inner = atflow(dir, args);
    let mut command = std::process::Command::new("env");
    command.arg(hangup).arg(inner.get_program()).args(inner.get_args()).current_dir(support::root());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

#[test]
fn a_terminal_that_is_closed_ends_a_flow_as_ctrl_c_does() {
    let dir = TempDir::new();
    let flow = dir.file(
        "wait.yaml",
        r"module: generic
steps:
  - name: work
    steps: [{ name: wait, await: NEVER, timeout: 1h }]
    always: [AT+CLEAN]
  - AT+NOT
",
    );
    let module = Module::answering(|_| framed(&["OK"]));
    let args = ["run", &flow, "--port", module.port(), "--format", "json"];
    let mut running = Running::start(&mut under(&dir, "--default-signal=HUP", &args));
    running.wait_for_step("wait");
    // Kernel and shell may both send it: the second one cuts nothing off.
    running.signal(Signal::HUP);
    running.signal(Signal::HUP);
    let done = running.finish().exited(130);
    assert_eq!(done.finished()["verdict"], "interrupted");
    assert_eq!(module.finish(), b"AT+CLEAN\r\n");
}

#[test]
fn a_flow_that_was_started_to_outlive_its_terminal_does() {
    let dir = TempDir::new();
    let flow = dir
        .file("wait.yaml", "module: generic\nsteps:\n  - { name: wait, await: GO, timeout: 1m }\n  - AT\n");
    let (go, may_go) = channel();
    let module = Module::start(move |wire| {
        may_go.recv().expect("the test says so");
        wire.say(framed(&["GO"]));
        wire.expect("AT");
        wire.say(framed(&["OK"]));
        wire.until_over();
    });
    let args = ["run", &flow, "--port", module.port(), "--format", "json"];
    let mut running = Running::start(&mut under(&dir, "--ignore-signal=HUP", &args));
    running.wait_for_step("wait");
    running.signal(Signal::HUP);
    go.send(()).expect("the module waits");
    running.finish().exited(0);
    assert_eq!(module.finish(), b"AT\r\n");
}

#[test]
fn a_signal_in_the_middle_of_a_command_waits_for_the_result_that_is_owed() {
    let dir = TempDir::new();
    let flow = dir.file(
        "slow.yaml",
        "module: generic\nsteps:\n  - { name: slow, send: AT+SLOW, timeout: 1m }\n  - AT+NOT\n",
    );
    let (taken, is_taken) = channel();
    let (go, may_go) = channel();
    let module = Module::start(move |wire| {
        wire.expect("AT+SLOW");
        taken.send(()).expect("the test waits");
        may_go.recv().expect("the test says so");
        wire.pause(Duration::from_millis(200));
        assert_eq!(wire.waiting(), b"", "nothing is sent while a result is owed");
        wire.say(framed(&["+SLOW: done", "OK"]));
        wire.until_over();
    });
    let transcript = dir.join("transcript.jsonl");
    let args = ["run", &flow, "--port", module.port(), "--format", "json", "--transcript", &transcript];
    let running = Running::start(&mut atflow(&dir, args));
    is_taken.recv().expect("the module hears the line");
    running.interrupt();
    go.send(()).expect("the module waits");
    let done = running.finish().exited(130);
    assert_eq!(module.finish(), b"AT+SLOW\r\n", "no half line, no further line");
    assert_eq!(begun(&done), ["slow"]);
    assert_eq!(done.finished()["failure"]["error"], "interrupted");
    let transcript = fs::read_to_string(transcript).expect("a transcript");
    assert!(transcript.contains(r"+SLOW: done\r\n\r\nOK\r\n"), "{transcript}");
}

#[test]
fn cleaning_up_happens_after_a_signal_too() {
    let dir = TempDir::new();
    let flow = dir.file(
        "clean.yaml",
        r"module: generic
steps:
  - name: work
    steps:
      - AT+BEGIN
      - { name: wait, await: NEVER, timeout: 1h }
    always:
      - AT+CLEAN
      - AT+UP
  - AT+NOT
",
    );
    let module = Module::answering(|_| framed(&["OK"]));
    let args = ["run", &flow, "--port", module.port(), "--format", "json"];
    let mut running = Running::start(&mut atflow(&dir, args));
    running.wait_for_step("wait");
    running.interrupt();
    running.finish().exited(130);
    assert_eq!(module.finish(), b"AT+BEGIN\r\nAT+CLEAN\r\nAT+UP\r\n");
}

#[test]
fn at_prints_the_response_and_its_exit_code_is_the_final_result() {
    let dir = TempDir::new();
    let module = Module::answering(|line| match line {
        "AT+CSQ" => framed(&["+CSQ: 20,99", "OK"]),
        "AT+CPIN?" => framed(&["+CME ERROR: 10"]),
        "AT+NOPE" => framed(&["ERROR"]),
        // With echo, as modules are delivered.
        line => [format!("{line}\r").into_bytes(), framed(&["OK"])].concat(),
    });
    let at = |lines: &[&str]| run(&mut atflow(&dir, ["at", module.port()].iter().chain(lines)));

    let done = at(&["AT+CSQ"]).exited(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("+CSQ: 20,99\nOK\n", ""));
    assert_eq!(at(&["AT", "AT+CSQ"]).exited(0).stdout, "OK\n+CSQ: 20,99\nOK\n");

    let done = at(&["AT+CPIN?", "AT+NOT"]).exited(1);
    assert_eq!(done.stdout, "+CME ERROR: 10\n");
    assert_eq!(done.stderr, "error: cme 10: SIM not inserted\n");
    assert_eq!(at(&["AT+NOPE"]).exited(1).stdout, "ERROR\n");
    at(&["AT\rAT+NOT"]).exited(2);

    let done = at(&["AT+CSQ", "--format", "json"]).exited(0);
    assert_eq!(
        done.events(),
        [json!({ "command": "AT+CSQ", "lines": ["+CSQ: 20,99", "OK"], "good": true, "error": null })]
    );
    let no_port = dir.join("no-such-port");
    let done = run(&mut atflow(&dir, ["at", &no_port, "AT+CSQ", "AT", "--format", "json"])).exited(3);
    let [record] = &done.events()[..] else { panic!("one line: {}", done.stdout) };
    assert_eq!((&record["command"], &record["good"]), (&json!("AT+CSQ"), &json!(false)));
    let error = record["error"].as_str().expect("a text");
    assert!(error.starts_with(&format!("cannot open `{no_port}`")), "{error}");

    let heard = String::from_utf8(module.finish()).expect("text");
    assert_eq!(heard.lines().filter(|line| *line == "AT+NOT").count(), 0, "{heard}");
}

#[test]
fn the_schemas_are_the_committed_files() {
    let dir = TempDir::new();
    for (name, file) in [("flow", "schemas/flow.schema.json"), ("dialect", "schemas/dialect.schema.json")] {
        let committed = fs::read_to_string(support::root().join(file)).expect("a committed schema");
        let printed = run(&mut atflow(&dir, ["schema", name])).exited(0).stdout;
        assert_eq!(printed.trim_end(), committed.trim_end(), "write it anew: `just update`");
    }
}

#[test]
fn ports_and_completions() {
    let dir = TempDir::new();
    let table = run(&mut atflow(&dir, ["ports"])).exited(0).stdout;
    assert!(!table.is_empty());
    for port in run(&mut atflow(&dir, ["ports", "--format", "json"])).exited(0).events() {
        assert!(table.contains(port["path"].as_str().expect("a path")), "{table}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&mut atflow(&dir, ["completions", shell])).exited(0).stdout;
        assert!(script.contains("atflow") && script.contains("transcript"), "{shell}");
    }
}

/// Runs with a standard output that nobody reads, or that is `/dev/full`; gives code and standard error.
fn with_stdout(dir: &TempDir, args: &[&str], stdout: std::process::Stdio) -> (Option<i32>, String) {
    let mut command = atflow(dir, args);
    let output =
        command.stdin(std::process::Stdio::null()).stdout(stdout).stderr(std::process::Stdio::piped());
    let output = output.spawn().and_then(std::process::Child::wait_with_output).expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_closed_or_full_standard_output_is_no_panic() {
    let dir = TempDir::new();
    let good = dir.file("good.yaml", "module: generic\nsteps: [AT]\n");
    let commands: [&[&str]; 11] = [
        &["--help"],
        &["--version"],
        &["run", "-h"],
        &["help", "check"],
        &["schema", "flow"],
        &["schema", "dialect"],
        &["completions", "bash"],
        &["check", &good],
        &["ports"],
        &["forget"],
        &["at", "sim:luat-air724", "AT", "ATI"],
    ];
    for command in commands {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let gone = with_stdout(&dir, command, writer.into());
        assert_eq!(gone, (Some(0), String::new()), "{command:?}");
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let (code, stderr) = with_stdout(&dir, command, full.into());
        assert_eq!(code, Some(3), "{command:?}: {stderr}");
        assert!(stderr.starts_with("error: cannot write standard output: No space left"), "{stderr}");
    }
}

#[test]
fn a_transcript_replaces_a_transcript_and_nothing_else() {
    let dir = TempDir::new();
    let text = "module: generic\nsteps: [AT]\n";
    let flow = dir.file("flow.yaml", text);
    let transcript = |to: &str| {
        let module = Module::answering(|_| framed(&["OK"]));
        let done = run_flow(&dir, &flow, module.port(), &["--transcript", to]);
        (done, module.finish())
    };
    let (done, heard) = transcript(&flow);
    let done = done.exited(2);
    assert!(done.stderr.contains("is no transcript; it is not overwritten\n  = help:"), "{}", done.stderr);
    assert_eq!((fs::read_to_string(&flow).expect("it is there").as_str(), heard), (text, Vec::new()));
    let empty = dir.file("empty.jsonl", "");
    for _ in 0..2 {
        transcript(&empty).0.exited(0);
    }
    assert!(fs::read_to_string(&empty).expect("it is there").starts_with(r#"{"atflow":"transcript","#));
    transcript("/dev/null").0.exited(0);
}

#[test]
fn a_run_whose_record_could_not_be_written_is_no_success() {
    let dir = TempDir::new();
    let flow = dir.file("flow.yaml", "module: generic\nsteps: [AT]\n");
    let module = Module::answering(|_| framed(&["OK"]));
    let done = run_flow(&dir, &flow, module.port(), &["--transcript", "/dev/full"]).exited(3);
    assert!(done.stdout.contains("✓ passed"), "{}", done.stdout);
    assert!(done.stderr.starts_with("error: the transcript is not whole: No space left"), "{}", done.stderr);
    for format in ["json", "pretty"] {
        let args = ["run", &flow, "--port", module.port(), "--format", format];
        let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let (code, stderr) = with_stdout(&dir, &args, full.into());
        assert_eq!(code, Some(3), "{stderr}");
        assert!(stderr.starts_with("error: cannot write standard output: No space left"), "{stderr}");
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        assert_eq!(with_stdout(&dir, &args, writer.into()), (Some(0), String::new()));
    }
    assert_eq!(module.finish(), b"AT\r\n".repeat(5));
}

#[test]
fn every_typed_line_is_an_answer_and_half_a_line_holds_nothing_up() {
    let dir = TempDir::new();
    let asks = |second: &str| {
        format!(
            "module: generic\nsteps:\n  - {{ ask: first, expect: one, timeout: 1m }}\n  \
             - {{ ask: second, expect: two, timeout: {second} }}\n"
        )
    };
    let module = Module::answering(|_| framed(&["OK"]));
    for (typed, timeout, code) in [("one\ntwo\n", "1m", 0), ("one\ntw", "300ms", 1)] {
        let flow = dir.file("ask.yaml", asks(timeout));
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        std::io::Write::write_all(&mut writer, typed.as_bytes()).expect("a pipe takes a line");
        let mut command = atflow(&dir, ["run", &flow, "--port", module.port()]);
        let status = command.stdin(reader).stdout(std::process::Stdio::null()).status().expect("it runs");
        // Until here the input has no end.
        drop(writer);
        assert_eq!(status.code(), Some(code), "{typed:?}");
    }
    module.finish();
}

#[test]
fn options_of_the_simulation_are_refused_with_a_real_port() {
    let dir = TempDir::new();
    let flow = dir.file("flow.yaml", "module: generic\nsteps: [AT]\n");
    let module = Module::answering(|_| framed(&["OK"]));
    for [option, value] in
        [["--speed", "1x"], ["--scenario", "x.yaml"], ["--cloud", "mqtt://a:b@c:1"], ["--seed", "724"]]
    {
        let done = run_flow(&dir, &flow, module.port(), &[option, value]).exited(2);
        let expected = format!("error: `{option}` is for simulated modules");
        assert!(done.stderr.starts_with(&expected), "{}", done.stderr);
    }
    assert_eq!(module.finish(), b"");
}

/// What is behind a recording has happened.
#[test]
fn options_of_what_is_behind_the_port_are_refused_with_a_recording() {
    let dir = TempDir::new();
    let flow = dir.file("flow.yaml", "module: luat-air724\nsteps: [{ run: wake }]\n");
    let sim =
        ["run", &flow, "--port", "sim:luat-air724", "--speed", "max", "--transcript", &dir.join("w.jsonl")];
    run(&mut atflow(&dir, sim)).exited(0);
    let port = format!("replay:{}", dir.join("w.jsonl"));
    for given in [["--scenario", "x.yaml"], ["--cloud", "mqtt://a:b@c:1"], ["--fault", "disk_full=100/d"]] {
        for first in
            [&["run", &flow, "--port", &port][..], &["console", &port], &["record", &port, "-o", "x"]]
        {
            let done = run(&mut atflow(&dir, first.iter().chain(&given))).exited(2);
            let expected =
                format!("error: `{}` is for simulated modules, and `{port}` is a recording", given[0]);
            assert!(done.stderr.starts_with(&expected), "{}", done.stderr);
        }
    }
    run_flow(&dir, &flow, &port, &["--seed", "5"]).exited(0);
}

#[test]
fn a_secret_in_the_ports_address_is_not_shown() {
    let dir = TempDir::new();
    let vars = "module: generic\nvars: { place: { default: x, secret: true } }\n";
    let flow = dir.file("flow.yaml", format!("{vars}steps: [{{ log: hello }}]\n"));
    let every = "schedule: [{ name: tick, every: 1m, steps: [{ log: hello }] }]\n";
    let station = dir.file("station.yaml", format!("{vars}{every}"));
    let port = "sim:luat-air724";
    let given = format!("place={port}");
    let more = ["--var", &given, "--speed", "max", "--format", "json"];
    let done = run_flow(&dir, &flow, port, &more).exited(0);
    assert_eq!(done.events()[0]["port"], "<place>", "{}", done.stdout);
    let done = run_flow(&dir, &station, port, &[&more[..], &["--for", "1s"]].concat()).exited(0);
    assert_eq!(done.events()[0]["port"], "<place>", "{}", done.stdout);
    assert!(!done.stdout.contains(port), "{}", done.stdout);
}

#[test]
fn options_of_stations_are_refused_for_a_flow_that_ends() {
    let dir = TempDir::new();
    let flow = dir.file("flow.yaml", "module: generic\nsteps: [AT]\n");
    let module = Module::answering(|_| framed(&["OK"]));
    for [option, value] in [["--for", "1h"], ["--state", "x"], ["--metrics", "9724"]] {
        let done = run_flow(&dir, &flow, module.port(), &[option, value]).exited(2);
        let expected = format!("error[AT2003]: `{option}` is for stations");
        assert!(done.stderr.starts_with(&expected), "{}", done.stderr);
    }
    assert_eq!(module.finish(), b"");
}

#[test]
fn a_served_pty_is_not_taken_over_but_a_dead_link_is() {
    let dir = TempDir::new();
    let path = dir.join("modem");
    std::os::unix::fs::symlink("/dev/pts/no-such-pty", &path).expect("a link");
    let mut first = Running::start(&mut atflow(&dir, ["sim", "--pty", &path]));
    first.wait_for(|line| line.contains("Ctrl-C ends it"));
    let target = fs::read_link(&path).expect("a link");
    let second = run(&mut atflow(&dir, ["sim", "--pty", &path])).exited(3);
    assert!(second.stderr.contains("it is in use, as a link to /dev/pts/"), "{}", second.stderr);
    assert_eq!(fs::read_link(&path).expect("the link of the first"), target);
    first.interrupt();
    first.finish().exited(0);
    assert!(fs::read_link(&path).is_err(), "the link goes with its server");
}

#[test]
fn what_cannot_be_served_is_said_with_what_to_write_instead() {
    let dir = TempDir::new();
    let file = dir.file("hostname", "x");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("an address").to_string();
    for (args, code, message, help) in [
        (["--pty", &file], 3, "hostname: there is a file of that name", "choose one where nothing is yet"),
        (["--pty", &dir.join(".")], 3, "it is a folder", "choose one where nothing is yet"),
        (["--pty", &dir.join("no/such/folder")], 3, "No such file", "make the folder first"),
        (["--tcp", &taken], 3, "Address already in use", "with port 0 the system picks a free one"),
        (["--tcp", "192.0.2.1:0"], 3, "192.0.2.1:0", "one of this machine"),
        (["--tcp", "localhost"], 2, "the port is missing", "such as `localhost:7000`"),
        (["--delays", "-1"], 2, "'-1' for '--delays <FACTOR>'", "a number from 0 to 1000"),
        (["--delays", "half"], 2, "'half'", "`0.1` a tenth"),
    ] {
        let place = if args[0] == "--delays" { &["--tcp", "0"][..] } else { &[] };
        let done = run(&mut atflow(&dir, ["sim"].iter().chain(&args).chain(place))).exited(code);
        assert!(done.stderr.contains(message) && done.stderr.contains(help), "{args:?}: {}", done.stderr);
    }
    let args = ["sim", "--tcp", "0", "--cloud", "mqtts://user:secret@host"];
    let done = run(&mut atflow(&dir, args)).exited(2);
    assert!(done.stderr.contains("`mqtts://…@host` is not the URL of a broker"), "{}", done.stderr);
    assert!(done.stderr.contains("write `mqtt://HOST:PORT`"), "{}", done.stderr);
}

#[test]
fn a_module_is_served_on_a_name_and_in_a_hurry() {
    let dir = TempDir::new();
    let slow = dir.file("slow.yaml", "sim: { delays: 1000 }\n");
    let args = ["sim", "--tcp", "localhost:0", "--delays", "0", "--scenario", &slow];
    let mut sim = Running::start(&mut atflow(&dir, args));
    let said = sim.wait_for(|line| line.contains("Ctrl-C ends it"));
    let address = said.split([' ', ';']).find(|word| word.starts_with("127.0.0.1:")).expect("an address");
    run(&mut atflow(&dir, ["at", &format!("tcp://{address}"), "AT"])).exited(0);
    sim.interrupt();
    sim.finish().exited(0);
}

#[test]
fn a_run_that_does_not_start_has_a_verdict_too() {
    let dir = TempDir::new();
    let good = dir.file("good.yaml", "module: generic\nsteps: [AT]\n");
    let bad = dir.file("bad.yaml", "module: generic\nsteps: [{ sned: AT }]\n");
    let verdict = |args: &[&str], code| {
        let done = run(&mut atflow(&dir, ["run", "--format", "json"].iter().chain(args))).exited(code);
        assert!(!done.stderr.is_empty());
        let finished = done.finished();
        assert_eq!(finished["verdict"], "not started");
        let text = |key: &str| finished[key].as_str().expect("a text").to_owned();
        (text("error"), text("message"))
    };
    let (error, message) = verdict(&[&good], 2);
    assert_eq!((error.as_str(), message.as_str()), ("usage", "no port is given"));
    let (error, message) = verdict(&[&bad, "--port", "sim:luat-air724"], 2);
    assert!(error == "usage" && message.contains("sned"), "{error} {message}");
    let (error, message) = verdict(&[&good, "--port", &dir.join("none")], 3);
    assert!(error == "environment" && message.contains("cannot open"), "{error} {message}");
}

#[test]
fn from_and_until_choose_a_part() {
    let dir = TempDir::new();
    let flow = dir.file(
        "part.yaml",
        "module: generic\nsteps:\n  - { name: a, send: AT+A }\n  - { name: b, send: AT+B }\n  - AT+C\n  - AT+D\n",
    );
    let part = |options: &[&str]| {
        let module = Module::answering(|_| framed(&["OK"]));
        run_flow(&dir, &flow, module.port(), options).exited(0);
        String::from_utf8(module.finish()).expect("text").replace("\r\n", " ")
    };
    assert_eq!(part(&[]), "AT+A AT+B AT+C AT+D ");
    assert_eq!(part(&["--from", "b"]), "AT+B AT+C AT+D ");
    assert_eq!(part(&["--until", "b"]), "AT+A AT+B ");
    assert_eq!(part(&["--from", "b", "--until", "AT+C"]), "AT+B AT+C ");
    assert_eq!(part(&["--from", "b", "--until", "b"]), "AT+B ");
}

#[test]
fn lists_inside_lists_as_deep_as_the_limits_allow_do_not_end_the_program() {
    let dir = TempDir::new();
    dir.file("deep.rhai", "fn nested(n) { let list = []; for i in 0..n { list = [list]; } list }\n");
    let flow = dir.file(
        "deep.yaml",
        "module: generic\nhooks: [deep.rhai]\nsteps:\n  - set: { deep: 'nested(3000)' }\n  \
         - set: { same: 'deep == deep', characters: 'deep.to_string().len()' }\n",
    );
    let done = run_flow(&dir, &flow, "sim:luat-air724", &["--speed", "max"]).exited(0);
    assert!(done.stdout.contains("same = true, characters = 6002"), "{}", done.stdout);
}

#[test]
fn a_var_from_the_command_line_goes_over_the_file() {
    let dir = TempDir::new();
    let flow = dir.file("var.yaml", "module: generic\nvars: { n: 1, s: x }\nsteps: ['AT+V=${n + 1},${s}']\n");
    let module = Module::answering(|_| framed(&["OK"]));
    run_flow(&dir, &flow, module.port(), &[]).exited(0);
    run_flow(&dir, &flow, module.port(), &["--var", "n=41", "--var", "s=y=z"]).exited(0);
    let done = run_flow(&dir, &flow, module.port(), &["--var", "nn=41"]).exited(2);
    assert!(done.stderr.contains("`--var nn=…` names no var of the flow"), "{}", done.stderr);
    assert!(done.stderr.contains("did you mean `n`?"), "{}", done.stderr);
    assert_eq!(module.finish(), b"AT+V=2,x\r\nAT+V=42,y=z\r\n");
}

#[test]
fn quiet_shows_the_verdict_and_verbose_every_line() {
    let dir = TempDir::new();
    let flow = dir.file("one.yaml", "module: generic\nsteps: [AT+ONE]\n");
    let shown = |options: &[&str], reply: &'static str, code| {
        let module = Module::answering(move |_| framed(&[reply]));
        run_flow(&dir, &flow, module.port(), options).exited(code).stdout
    };
    let quiet = shown(&["-q"], "OK", 0);
    assert!(quiet.starts_with("✓ passed") && quiet.lines().count() == 1, "{quiet}");
    let plain = shown(&[], "OK", 0);
    assert!(plain.contains("✓ AT+ONE") && !plain.contains("← OK"), "{plain}");
    let verbose = shown(&["-v"], "OK", 0);
    assert!(verbose.contains("→ AT+ONE") && verbose.contains("← OK"), "{verbose}");
    let failed = shown(&["-q"], "+CME ERROR: 3", 1);
    assert!(failed.contains("✗ failed") && failed.contains("`AT+ONE`"), "{failed}");
    run_flow(&dir, &flow, "sim:luat-air724", &["-q", "-v"]).exited(2);
}

#[test]
fn a_busy_port_is_named_with_its_holder() {
    let dir = TempDir::new();
    let flow = dir.file("hold.yaml", "module: generic\nsteps: [{ name: hold, await: X, timeout: 1m }]\n");
    let module = Module::start(support::module::Wire::until_over);
    let args = ["run", &flow, "--port", module.port(), "--format", "json"];
    let mut holder = Running::start(&mut atflow(&dir, args));
    holder.wait_for_step("hold");
    let done = run(&mut atflow(&dir, ["at", module.port(), "AT"])).exited(3);
    let id = holder.id();
    assert_eq!(
        done.stderr,
        format!(
            "error[AT3001]: cannot open `{}`: process {id} (`atflow`) has it open\n  \
             = help: end it there, or with `kill {id}`\n",
            module.port()
        )
    );
    holder.interrupt();
    holder.finish().exited(130);
    assert_eq!(module.finish(), b"");
}

/// A module whose SIM refuses the PIN.
fn locked() -> Module {
    Module::answering(|line| match line {
        "ATI" => framed(&["AirM2M_720U_V301836_LTE_AT", "OK"]),
        "AT+CPIN?" => framed(&["+CPIN: SIM PIN", "OK"]),
        _ if line.starts_with("AT+CPIN=") => framed(&["+CME ERROR: 16"]),
        _ => framed(&["OK"]),
    })
}

#[test]
fn a_wrong_pin_is_never_sent_twice_and_forget_lifts_that() {
    let dir = TempDir::new();
    let module = locked();
    let args = ["run", "scripts/examples/pin.yaml", "--port", module.port(), "--format", "json"];
    // Eight digits: four may stand in a time by chance.
    let unlock = |pin: &str| run(atflow(&dir, args).env("SIM_PIN", pin));

    let first = unlock("24681357").exited(1);
    assert_eq!(first.finished()["failure"]["error"], "cme 16");
    assert!(!first.stdout.contains("24681357"), "{}", first.stdout);

    let second = unlock("24681357").exited(1);
    let failure = &second.finished()["failure"];
    assert_eq!(failure["error"], "refused");
    assert_eq!(failure["path"], json!(["unlock"]));
    assert!(!second.stdout.contains("24681357"), "{}", second.stdout);
    let store = fs::read_to_string(dir.join("atflow/once.json")).expect("what was sent is remembered");
    assert!(!store.contains("24681357"), "{store}");

    unlock("13572468").exited(1);
    let forget = run(&mut atflow(&dir, ["forget", module.port()])).exited(0);
    assert_eq!(forget.stdout, "forgot 2 lines; they may be sent again\n");
    assert_eq!(unlock("24681357").exited(1).finished()["failure"]["error"], "cme 16");

    let heard = String::from_utf8(module.finish()).expect("text");
    let pins: Vec<&str> = heard.lines().filter(|line| line.starts_with("AT+CPIN=")).collect();
    assert_eq!(pins, [r#"AT+CPIN="24681357""#, r#"AT+CPIN="13572468""#, r#"AT+CPIN="24681357""#]);
}

#[test]
fn a_pin_that_was_under_way_when_the_program_was_stopped_counts_as_sent() {
    let dir = TempDir::new();
    let (taken, is_taken) = channel();
    let module = Module::answering(move |line| match line {
        "ATI" => framed(&["AirM2M_720U_V301836_LTE_AT", "OK"]),
        "AT+CPIN?" => framed(&["+CPIN: SIM PIN", "OK"]),
        _ if line.starts_with("AT+CPIN=") => {
            let _ = taken.send(());
            Vec::new()
        }
        _ => framed(&["OK"]),
    });
    let args = ["run", "scripts/examples/pin.yaml", "--port", module.port(), "--format", "json"];
    let killed = Running::start(atflow(&dir, args).env("SIM_PIN", "24681357"));
    is_taken.recv().expect("the PIN is sent");
    drop(killed);
    let second = run(atflow(&dir, args).env("SIM_PIN", "24681357")).exited(1);
    assert_eq!(second.finished()["failure"]["error"], "refused");
}

#[test]
fn every_bundled_recipe_runs_on_the_simulated_module() {
    let dir = TempDir::new();
    let locked = dir.file("locked.yaml", "sim: { sim_card: pin }\n");
    let recipes = recipes("examples");
    assert!(recipes.len() >= 7, "{recipes:?}");
    for recipe in &recipes {
        let path = format!("scripts/examples/{recipe}");
        let mut options = vec!["--speed", "max", "--format", "json"];
        if recipe == "pin.yaml" {
            options.extend(["--scenario", &locked]);
        }
        let done = run_flow(&dir, &path, "sim:luat-air724", &options).exited(0);
        let finished = done.finished();
        assert_eq!(finished["verdict"], "passed", "{recipe}");
        let returns = finished["returns"].as_object().expect("a map");
        assert!(returns.values().all(|value| !value.is_null()), "{recipe} returns {returns:?}");
        if recipe == "pin.yaml" {
            assert!(begun(&done).iter().any(|step| step == "unlock"), "{}", done.stdout);
        }
    }
    run_flow(&dir, BRINGUP, "sim:luat-air724", &["--speed", "max"]).exited(0);
}

#[test]
fn what_comes_with_the_program_runs_anywhere() {
    let dir = TempDir::new();
    let run_bundled = |file: &str| {
        let args = ["run", file, "--port", "sim:luat-air724", "--speed", "max"];
        run(atflow(&dir, args).current_dir(dir.path()))
    };
    let done = run_bundled("bundled:thingscloud/bringup.yaml").exited(0);
    assert!(done.stdout.starts_with("Air724 to ThingsCloud"), "{}", done.stdout);
    let missing = run_bundled("bundled:thingscloud/nothing.yaml").exited(2);
    assert!(missing.stderr.contains("there is no such bundled file"), "{}", missing.stderr);
    run_bundled("bundled:../Cargo.toml").exited(2);
}

#[test]
fn one_file_drives_two_kinds_of_module() {
    let dir = TempDir::new();
    let esp = ["--module", "esp-at", "--speed", "max", "--format", "json"];
    let flow = "scripts/examples/mqtt-any-module.yaml";
    let esp = run_flow(&dir, flow, "sim:esp-at", &esp).exited(0);
    let luat = run_flow(&dir, flow, "sim:luat-air724", &["--speed", "max", "--format", "json"]).exited(0);
    let outline = |done: &Done| {
        let events = done.events();
        let own = events.iter().filter(|event| event["event"] == "step_finished" && event["depth"] == 0);
        own.map(|event| (event["step"].clone(), event["outcome"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(outline(&esp), outline(&luat));
    assert_eq!(outline(&esp).len(), 8);
}

/// Where OK comes before the prompt, the word on the data may come when its command has been given up.
#[test]
fn a_late_word_on_data_says_that_the_module_listens_again() {
    let dir = TempDir::new();
    let text = "module: esp-at
steps:
  - run: wake
  - AT+CWMODE=1
  - AT+CWJAP=\"demo\",\"demo-password\"
  - run: connect
    with: { host: example.org, port: 1883, client_id: a, username: t, password: k }
  - send: AT+MQTTPUBRAW=0,\"data/b\",5,1,0
    data: hello
    timeout: 5s
    on_error: ignore
  - sleep: 1m
  - AT+GMR
";
    let flow = dir.file("late.yaml", text);
    let late = |fault: &str| ["--speed", "max", "--fault", fault].map(str::to_owned);
    let run = |fault: &str, code| {
        let more = late(fault);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        run_flow(&dir, &flow, "sim:esp-at", &more).exited(code)
    };
    run("puback_late=100%", 0);
    let never = run("puback_lost=100%", 1);
    assert!(never.stdout.contains("error[AT1011]"), "{}", never.stdout);
}

/// A machine that sleeps over the end finds bytes when it wakes.
#[test]
fn the_end_of_a_station_is_not_missed_while_bytes_are_read() {
    let dir = TempDir::new();
    let text = "module: luat-air724
schedule:
  - { name: waits, every: 10m, steps: [{ await: '+NEVER: {x}', timeout: 9m }] }
";
    let station = dir.file("station.yaml", text);
    for urc in ["", "  - { time: 55s, urc: '+XYZ: 1' }\n"] {
        let scenario = format!("sim: {{ start: warm }}\nat:\n  - {{ time: 50s, suspend: 30s }}\n{urc}");
        let scenario = dir.file("sleep.yaml", scenario);
        let more = ["--speed", "max", "--for", "1m", "--scenario", &scenario];
        let done = run_flow(&dir, &station, "sim:luat-air724", &more).exited(0);
        assert!(done.stdout.contains("in 1m20s of simulated time"), "{}", done.stdout);
    }
}

#[test]
fn check_says_what_each_flow_is_to_a_station() {
    let dir = TempDir::new();
    let args = ["check", "--format", "json", "scripts/thingscloud/station.yaml"];
    let done = run(&mut atflow(&dir, args)).exited(0);
    let record: Value = serde_json::from_str(&done.stdout).expect("one object");
    let flows = record["flows"].as_array().expect("a list");
    let parts: Vec<(&str, &str)> =
        flows.iter().filter_map(|row| Some((row["part"].as_str()?, row["flow"].as_str()?))).collect();
    for wanted in [("link", "go_online"), ("check", "status"), ("reset", "radio"), ("schedule", "report")] {
        assert!(parts.contains(&wanted), "{parts:?}");
    }
    // `publish` only puts the report aside.
    let relay = flows.iter().find(|row| row["flow"] == "relay").expect("the event");
    assert_eq!((&relay["commands"], &relay["worst_case_ms"]), (&json!(0), &json!(0)));
}

#[test]
fn every_bundled_file_checks() {
    let dir = TempDir::new();
    let mut files = Vec::new();
    for folder in ["modules", "clouds", "examples", "thingscloud"] {
        files.extend(recipes(folder).iter().map(|name| format!("scripts/{folder}/{name}")));
    }
    files.push("scripts/thingscloud/station.test.yaml".to_owned());
    let done =
        run(&mut atflow(&dir, ["check"].into_iter().chain(files.iter().map(String::as_str)))).exited(0);
    assert_eq!(done.stderr, "");
    for file in files {
        assert!(done.stdout.contains(&format!("{file}: good")), "{}", done.stdout);
    }
}

#[test]
fn a_command_handler_can_be_tried_without_a_module() {
    let dir = TempDir::new();
    dir.file(
        "commands.rhai",
        "fn restart(params, ctx) {\n    log(ctx.key);\n    after(`${params.timeout}s`, \"reset\");\n    #{ accepted: true }\n}\n\
         fn signal(params) {\n    let csq = at(\"AT+CSQ\", \"+CSQ: {rssi:int},{ber:int}\");\n    #{ signal_dbm: dbm(csq.rssi) }\n}\n\
         fn off(params) {\n    after(\"1s\", \"reset\");\n    at(params.line, \"OK\")\n}\n",
    );
    let station = dir.file(
        "station.yaml",
        "name: demo\nmodule: luat-air724\ncloud: thingscloud\ndownlink:\n  handlers: commands.rhai\n  methods:\n    \
         restart: { params: { timeout: { type: int, max: 60, default: 10 } } }\n    signal: {}\n    \
         off: { params: { line: { type: text } } }\n",
    );
    let call = |more: &[&str]| run(&mut atflow(&dir, ["call", &station].iter().chain(more)));
    let restart = call(&["restart"]).exited(0);
    assert_eq!(
        restart.stdout,
        "after  10s reset\nlog    1\n\
         reply  command/reply/1 {\"method\":\"restart\",\"params\":{\"accepted\":true}}\n"
    );
    let signal = call(&["signal", "--answer", "AT+CSQ=+CSQ: 17,0", "--format", "json"]).exited(0);
    let told = &signal.events()[0];
    assert_eq!(told["did"], json!([{ "at": "AT+CSQ", "answer": "+CSQ: 17,0" }]));
    assert_eq!(
        told["reply"],
        json!({
            "topic": "command/reply/1",
            "json": { "method": "signal", "params": { "signal_dbm": -79 } },
        })
    );
    let unanswered = call(&["signal"]).exited(1);
    assert!(unanswered.stderr.contains("commands.rhai:7:15: nothing says"), "{}", unanswered.stderr);
    let off = call(&["off", r#"{"line":"AT+CSQ;+CFUN=1,1"}"#, "--format", "json"]).exited(1);
    let told = &off.events()[0];
    assert_eq!(told["did"], json!([]), "what a failed handler asked for is dropped");
    assert_eq!(told["reply"]["json"]["params"]["error"], "refused");
    for (args, message) in [
        (&["restart", r#"{"timeout":61}"#][..], "`timeout` is 61, and must be at most 60"),
        (&["restart", r#"{"tiemout":1}"#], "there is no param `tiemout`"),
        (&["reset"], "the station has no method `reset`"),
        (&["restart", "{"], "the params: not JSON"),
    ] {
        let refused = call(args).exited(2);
        assert!(refused.stderr.contains(message), "{}", refused.stderr);
    }
}

/// A reply is judged as the station's own would be: by the module's limits and the outbox's quality of service.
#[test]
fn a_handler_that_is_tried_fails_if_its_reply_cannot_go_up() {
    let dir = TempDir::new();
    fs::create_dir(dir.join("modules")).expect("a folder");
    dir.file("modules/plain.yaml", "extends: luat-air724\nlimits: { qos: [0], payload: 300 }\n");
    dir.file(
        "h.rhai",
        "fn short(params) { \"x\" } fn much(params) { let x = \"x\"; x.pad(400, 'x'); x }
                        fn wide(params) { let x = \"ä\"; x.pad(100, 'ä'); x }
                        fn far(params) { at(\"AT+CFUN=1,1\") }",
    );
    let text = "module: plain\ncloud: thingscloud\noutbox: { qos: 0 }\n\
                downlink: { handlers: h.rhai, methods: { short: {}, much: {}, wide: {}, far: {} } }\n";
    let station = dir.file("station.yaml", text);
    let call = |method: &str| run(&mut atflow(&dir, ["call", &station, method]));
    let done = call("short").exited(0).stdout;
    assert!(done.contains("command/reply/"), "{done}");
    let done = call("much").exited(1);
    let why = "no reply is shown: the payload has 429 bytes, the module takes 300\n";
    assert_eq!(done.stderr, why);
    // What the station refuses has that code here, too.
    let done = call("far").exited(1).stdout;
    assert!(done.contains(r#""error":"refused""#), "{done}");
    // What is no ASCII goes up escaped.
    let done = call("wide").exited(1);
    assert_eq!(done.stderr, "no reply is shown: the payload has 629 bytes, the module takes 300\n");
    let done = run(&mut atflow(&dir, ["call", &station, "wide", "--format", "json"])).exited(1);
    let said: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!((&said["good"], &said["reply"]), (&Value::Bool(false), &Value::Null), "{said}");
}

/// What is kept is as little as with the station: the values of `state` together, as they are at the end.
#[test]
fn a_handler_that_is_tried_fails_if_its_state_is_too_large() {
    let dir = TempDir::new();
    dir.file(
        "h.rhai",
        "fn set(params) { let x = \"x\"; x.pad(params.size, 'x'); state.set(\"a\", x); state.set(\"b\", x); if params.back { state.set(\"b\", \"\") } }",
    );
    let text = "module: luat-air724\ncloud: thingscloud\n\
                state: { a: { type: text, default: '' }, b: { type: text, default: '' } }\n\
                downlink:\n  handlers: h.rhai\n  methods:\n    set: { params: { size: { type: int }, back: { type: bool, default: false } } }\n";
    let station = dir.file("station.yaml", text);
    let call = |params: &str| run(&mut atflow(&dir, ["call", &station, "set", params]));
    let done = call(r#"{"size":40960}"#).exited(1);
    let why = "all values of `state` together would take 81926 bytes; at most 65536 are kept";
    assert!(done.stderr.contains(why), "{}", done.stderr);
    assert!(
        done.stdout.contains(r#""error":"failed""#) && !done.stdout.contains("state  "),
        "{}",
        done.stdout
    );
    call(r#"{"size":40960,"back":true}"#).exited(0);
    call(r#"{"size":32700}"#).exited(0);
    let calls = "flow: station.yaml\ncalls:
  - { call: 'set(#{ size: 40960, back: false })', fails: at most 65536 are kept }
  - { call: 'set(#{ size: 40960, back: true })', gives: null }\n";
    dir.file("station.test.yaml", calls);
    run(atflow(&dir, ["test", "."]).current_dir(dir.path())).exited(0);
}
