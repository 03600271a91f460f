//! The built program against the simulated module on a real pty and on TCP: the same flow, through the
//! serial port, ends as it does on the simulation inside the process.

mod support;

use serde_json::Value;

use support::process::{Done, Running, atflow, run};
use support::temp::TempDir;

const BRINGUP: &str = "scripts/thingscloud/bringup.yaml";
const TOKEN: (&str, &str) = ("THINGSCLOUD_ACCESS_TOKEN", "token-of-the-test");
const KEY: (&str, &str) = ("THINGSCLOUD_PROJECT_KEY", "key-of-the-test");

/// A module that has been on for long, ten times as fast as a real one, in a cloud that sends a command
/// as soon as somebody listens.
const WARM: &str = r#"
sim: { start: warm, delays: 0.1 }
at:
  - { after: SUBACK, cloud: command/send/7, json: { method: restart, params: { timeout: 10 }, id: 7 } }
"#;

/// What a step did, without what the clock says of it.
fn steps(done: &Done) -> Vec<Value> {
    let timeless = |mut event: Value| {
        let fields = event.as_object_mut().expect("an event is a map");
        for time in ["t", "took_ms", "pause_ms", "port"] {
            fields.remove(time);
        }
        event
    };
    done.events().into_iter().map(timeless).collect()
}

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

/// Starts `atflow sim` and gives where it can be reached.
fn serve(dir: &TempDir, args: &[&str]) -> (Running, String) {
    let mut sim = Running::start(&mut atflow(dir, ["sim", "luat-air724"].iter().chain(args)));
    let ready = sim.wait_for(|line| line.contains("Ctrl-C ends it"));
    let place = ready
        .strip_prefix("luat-air724 is on ")
        .and_then(|rest| rest.strip_suffix("; Ctrl-C ends it"))
        .unwrap_or_else(|| panic!("{ready}"));
    (sim, place.to_owned())
}

fn bring_up(dir: &TempDir, port: &str, more: &[&str]) -> Done {
    let args = ["run", BRINGUP, "--format", "json", "--port", port];
    run(atflow(dir, args.iter().chain(more)).envs([TOKEN, KEY]))
}

#[test]
fn a_pty_and_the_simulation_inside_the_process_agree_on_every_event() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", WARM);
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
    let scenario = dir.file("warm.yaml", WARM);
    let simulated = bring_up(&dir, "sim:luat-air724", &["--speed", "max", "--scenario", &scenario]).exited(0);

    let (_sim, address) = serve(&dir, &["--tcp", "127.0.0.1:0", "--scenario", &scenario]);
    let served = bring_up(&dir, &format!("tcp://{address}"), &[]).exited(0);

    assert_eq!(steps(&served), steps(&simulated));
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
    let scenario = dir.file("warm.yaml", WARM);
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
