//! The built program against the simulated module on a real pty and on TCP: the same flow, through the
//! serial port, ends as it does on the simulation inside the process.

mod support;

use std::time::Duration;

use serde_json::Value;

use support::bringup::{BRINGUP, KEY, SCENARIO, TOKEN, steps};
use support::module::Module;
use support::process::{Done, atflow, run};
use support::simulator::serve;
use support::temp::TempDir;
use support::time::Stopwatch;

/// Each step that came to its end, with its last outcome: how often a module that just starts has to be
/// asked depends on when its program does.
fn last_outcomes(done: &Done) -> Vec<(u64, String, String)> {
    let mut steps: Vec<(u64, String, String)> = Vec::new();
    for event in done.events().iter().filter(|event| event["event"] == "step_finished") {
        let text = |key: &str| event[key].as_str().expect("a text").to_owned();
        let depth = event["depth"].as_u64().expect("a number");
        match steps.iter_mut().find(|step| step.0 == depth && step.1 == text("step")) {
            Some(step) => step.2 = text("outcome"),
            None => steps.push((depth, text("step"), text("outcome"))),
        }
    }
    steps
}

fn bring_up(dir: &TempDir, port: &str, more: &[&str]) -> Done {
    let args = ["run", BRINGUP, "--format", "json", "--port", port];
    run(atflow(dir, args.iter().chain(more)).envs([TOKEN, KEY]))
}

#[test]
fn a_pty_and_the_simulation_inside_the_process_agree_on_every_event() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", SCENARIO);
    let simulated = bring_up(&dir, "sim:luat-air724", &["--speed", "max", "--scenario", &scenario]).exited(0);

    let (_sim, port) = serve(&dir, &["--pty", &dir.join("air724.tty"), "--scenario", &scenario]);
    let served = bring_up(&dir, &port, &[]).exited(0);

    assert_eq!(served.finished()["verdict"], "passed");
    assert_eq!(served.finished()["received"], 1);
    assert_eq!(steps(&served), steps(&simulated));
}

#[test]
fn the_main_job_on_a_pty_with_plain_defaults() {
    let dir = TempDir::new();
    let simulated = bring_up(&dir, "sim:luat-air724", &["--speed", "max"]).exited(0);

    let (sim, port) = serve(&dir, &["--pty", &dir.join("air724.tty")]);
    let served = bring_up(&dir, &port, &[]).exited(0);

    assert_eq!(served.finished()["verdict"], "passed");
    assert_eq!(last_outcomes(&served), last_outcomes(&simulated));

    sim.interrupt();
    sim.finish().exited(0);
    assert!(!std::path::Path::new(&port).exists(), "the link goes with the simulator");
}

#[test]
fn the_same_over_tcp() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", SCENARIO);
    let simulated = bring_up(&dir, "sim:luat-air724", &["--speed", "max", "--scenario", &scenario]).exited(0);

    let (_sim, address) = serve(&dir, &["--tcp", "127.0.0.1:0", "--scenario", &scenario]);
    let served = bring_up(&dir, &format!("tcp://{address}"), &[]).exited(0);

    assert_eq!(steps(&served), steps(&simulated));
}

/// Lines that the module says unasked, and pieces with a pause in their middle: they are on the line, and the flow
/// ends as it does without them.
#[test]
fn faults_of_the_command_line_are_on_the_pty() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", SCENARIO);
    let heard = |faults: &[&str]| {
        let (tty, transcript) = (dir.join("air724.tty"), dir.join("transcript.jsonl"));
        let args = [&["--pty", &tty, "--scenario", &scenario], faults].concat();
        let (sim, port) = serve(&dir, &args);
        let done = bring_up(&dir, &port, &["--transcript", &transcript]).exited(0);
        sim.interrupt();
        sim.finish().exited(0);
        let unasked = ["RING", "+CIEV: 2,4", "+CMTI: ", "+NITZ: "];
        let transcript = std::fs::read_to_string(transcript).expect("a transcript");
        let said = transcript.lines().filter(|line| line.contains("\"rx\"")).map(str::to_owned);
        (said.filter(|line| unasked.iter().any(|urc| line.contains(urc))).count(), last_outcomes(&done))
    };
    let (none, healthy) = heard(&[]);
    let (some, disturbed) = heard(&["--fault", "urc_anywhere=30%", "--fault", "split_chunks=30%"]);
    assert!(none == 0 && some > 0, "{none} unasked lines without faults, {some} with");
    assert_eq!(disturbed, healthy);
}

#[test]
fn a_fault_that_does_not_exist_is_no_fault() {
    let dir = TempDir::new();
    let refused = |fault: &str| {
        let args = ["sim", "luat-air724", "--pty", &dir.join("air724.tty"), "--fault", fault];
        run(&mut atflow(&dir, args)).exited(2).stderr
    };
    let misspelt = "error: there is no fault `lost_byte`\n  = help: did you mean `lost_bytes`?\n";
    assert_eq!(refused("lost_byte=1e-4"), misspelt);
    assert!(refused("reboot=1%").contains("it happens by time"));
    assert!(refused("reboot").contains("write NAME=RATE"));
}

/// The disk that may be full is the one under a station's outbox.
#[test]
fn a_disk_fault_is_for_a_station() {
    let dir = TempDir::new();
    let fault = ["--port", "sim:luat-air724", "--fault", "disk_full=24/d", "--speed", "max"];
    let refused = run(atflow(&dir, ["run", BRINGUP]).args(fault)).exited(2).stderr;
    let expected = "\
error: `disk_full` is about the outbox of a station, and this is none
  = help: leave it out, or run a file with `schedule`, `downlink` or `events`
";
    assert_eq!(refused, expected);
    let scenario = dir.file("full.yaml", "faults: { disk_full: 24/d }\n");
    let args = ["--port", "sim:luat-air724", "--scenario", &scenario, "--speed", "max"];
    let flow = run(atflow(&dir, ["run", BRINGUP]).args(args)).stderr;
    assert!(flow.starts_with("note: `disk_full` is about the disk under a station's outbox"), "{flow}");
    let station = run(atflow(&dir, ["run", "scripts/thingscloud/station.yaml", "--for", "8h"]).args(fault))
        .exited(0)
        .stdout;
    assert!(station.contains("the disk takes nothing, working from memory: Error code 13"), "{station}");
    assert!(station.contains("on disk again") && station.contains("nothing lost"), "{station}");
    let place = dir.join("air724.tty");
    let (sim, _) = serve(&dir, &["--pty", &place, "--fault", "disk_fails=2/d"]);
    sim.interrupt();
    let told = sim.finish().stderr;
    assert!(told.starts_with("note: `disk_fails` is about the disk under a station's outbox"), "{told}");
}

#[test]
fn a_real_port_wants_the_real_secrets() {
    let dir = TempDir::new();
    let (_sim, port) = serve(&dir, &["--pty", &dir.join("air724.tty")]);
    let done = run(atflow(&dir, ["run", BRINGUP, "--port", &port]).envs([KEY])).exited(2);
    let expected = "\
error[AT0413]: the environment variable `THINGSCLOUD_ACCESS_TOKEN` is not set
 --> scripts/thingscloud/bringup.yaml:9:3
  |
9 |   access_token: { env: THINGSCLOUD_ACCESS_TOKEN, secret: true, simulated: demo-access-token }
  |   ^^^^^^^^^^^^
  |
  = help: set it (`export THINGSCLOUD_ACCESS_TOKEN=…`), or give `--var access_token=…`
";
    assert_eq!(done.stderr, expected);
    assert_eq!(done.stdout, "");
}

#[test]
fn no_secret_reaches_the_output_or_the_transcript() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", SCENARIO);
    let (_sim, port) = serve(&dir, &["--pty", &dir.join("air724.tty"), "--scenario", &scenario]);
    let transcript = dir.join("transcript.jsonl");
    let done = bring_up(&dir, &port, &["--transcript", &transcript, "--verbose"]).exited(0);
    let transcript = std::fs::read_to_string(transcript).expect("a transcript");
    assert!(transcript.contains("AT+MCONFIG=thingscloud,"), "{transcript}");
    for secret in [TOKEN.1, KEY.1] {
        assert!(!done.stdout.contains(secret), "{}", done.stdout);
        assert!(!transcript.contains(secret), "{transcript}");
    }
}

/// A flow whose data is `size` bytes and whose next step must not be reached.
fn pushing(dir: &TempDir, size: usize) -> String {
    dir.file("big.bin", vec![b'x'; size]);
    dir.file(
        "push.yaml",
        format!(
            "module: generic\nvars: {{ big: {{ file: big.bin }} }}\nsteps:\n  \
             - {{ name: push, send: AT+PUSH={size}, data: '${{big}}', timeout: 500ms }}\n  - AT+NOT\n"
        ),
    )
}

/// The pty has no speed; the time that data may take on the line must not hide the step's own.
const FAST: [&str; 2] = ["--baud", "4000000"];

/// Runs `flow` against a module that stops, and gives its failure. It must end within its `timeout`, the
/// time of 200,000 bytes at the line's speed, and a resync, with room for a busy machine.
fn fails_in_time(flow: &str, dir: &TempDir, module: &Module) -> Value {
    let clock = Stopwatch::start();
    let args = ["run", flow, "--port", module.port(), "--format", "json"];
    let done = run(&mut atflow(dir, args.iter().chain(&FAST))).exited(1);
    assert!(clock.elapsed() < Duration::from_secs(8), "{:?}", clock.elapsed());
    done.finished()["failure"].clone()
}

/// How many bytes left, as the failure says: `the module took 20479 of 200000 bytes, …`.
fn bytes_left(failure: &Value, of: usize) -> usize {
    assert_eq!(failure["error"], "timeout", "{failure}");
    let message = failure["message"].as_str().expect("a message");
    message
        .strip_prefix("the module took ")
        .and_then(|rest| rest.strip_suffix(&format!(" of {of} bytes, and no more until the deadline")))
        .and_then(|count| count.parse().ok())
        .unwrap_or_else(|| panic!("{message}"))
}

#[test]
fn a_module_that_stops_reading_cannot_hold_a_step_up() {
    let dir = TempDir::new();
    let flow = pushing(&dir, 200_000);
    let module = Module::start(|wire| {
        wire.answer("AT+PUSH=200000", "\r\n> ");
        wire.stop_reading();
    });
    let left = bytes_left(&fails_in_time(&flow, &dir, &module), 200_000);
    assert!((4096..100_000).contains(&left), "a pty takes some kilobytes before it is full, not {left}");
    module.finish();
}

#[test]
fn a_module_that_talks_and_does_not_listen_cannot_hold_a_step_up() {
    let dir = TempDir::new();
    let flow = pushing(&dir, 200_000);
    let module = Module::start(|wire| {
        wire.answer("AT+PUSH=200000", "\r\n> ");
        wire.babble(b"\r\n+NOISE: 1\r\n");
    });
    let left = bytes_left(&fails_in_time(&flow, &dir, &module), 200_000);
    assert!(left >= 4096, "{left}");
    module.finish();
}

#[test]
fn a_module_that_only_talks_cannot_hold_a_wait_up() {
    let dir = TempDir::new();
    let flow = dir.file("wait.yaml", "module: generic\nsteps:\n  - { send: AT, timeout: 500ms }\n");
    let module = Module::start(|wire| {
        wire.expect("AT");
        wire.babble(b"\r\n+NOISE: 1\r\n");
    });
    assert_eq!(fails_in_time(&flow, &dir, &module)["error"], "timeout");
    module.finish();
}

#[test]
fn command_lines_to_a_module_that_stops_reading_end_in_time_too() {
    let dir = TempDir::new();
    let line = "x".repeat(1000);
    let flow = dir.file(
        "fill.yaml",
        format!(
            "module: generic\nsteps:\n  - each: n in range\n    steps:\n      \
             - {{ send: 'AT+{line}', final: none, timeout: 300ms }}\nvars:\n  range: {:?}\n",
            (0..200).collect::<Vec<_>>()
        ),
    );
    let module = Module::start(support::module::Wire::stop_reading);
    let left = bytes_left(&fails_in_time(&flow, &dir, &module), 1005);
    assert!(left < 1005, "{left}");
    module.finish();
}

#[test]
fn after_half_a_command_line_the_module_is_looked_for_and_that_ends_too() {
    let dir = TempDir::new();
    let line = "x".repeat(1000);
    let flow = dir.file(
        "fill.yaml",
        format!(
            "module: generic\nvars:\n  range: {:?}\nsteps:\n  - on_error: ignore\n    each: n in range\n    \
             steps:\n      - {{ send: 'AT+{line}', final: none, timeout: 300ms }}\n  - AT+NEXT\n",
            (0..200).collect::<Vec<_>>()
        ),
    );
    let module = Module::start(support::module::Wire::stop_reading);
    let failure = fails_in_time(&flow, &dir, &module);
    assert_eq!(failure["error"], "timeout");
    assert_eq!(failure["path"], serde_json::json!(["AT+NEXT"]));
    module.finish();
}

#[test]
fn after_half_of_the_data_nothing_more_is_sent() {
    let dir = TempDir::new();
    let flow = pushing(&dir, 200_000);
    let text =
        std::fs::read_to_string(&flow).expect("the flow").replace("timeout:", "on_error: ignore, timeout:");
    let flow = dir.file("ignore.yaml", text);
    let module = Module::start(|wire| {
        wire.answer("AT+PUSH=200000", "\r\n> ");
        wire.stop_reading();
    });
    let failure = fails_in_time(&flow, &dir, &module);
    assert_eq!(failure["error"], "stuck", "what is sent now would become data");
    assert_eq!(failure["path"], serde_json::json!(["AT+NOT"]));
    module.finish();
}
