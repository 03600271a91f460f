//! The built program, the simulated module and a real mosquitto: what is reported arrives, what is sent
//! down comes back through the flow, and bytes stay the bytes they are.

mod support;

use std::net::TcpListener;

use support::bringup::BRINGUP;
use support::broker::Broker;
use support::process::{Running, atflow, run};
use support::simulator::serve;
use support::station::SECRETS;
use support::temp::TempDir;

/// A module that has been on for long, twenty times as fast as a real one.
const WARM: &str = "sim: { start: warm, delays: 0.05 }\n";

/// Every byte there is, with what would end a line, a response or the data phase if it were not counted.
fn nasty() -> Vec<u8> {
    let mut bytes = b"\r\nOK\r\n\0\x1a\x1b+MSUB: \"x\",3 byte,abc\r\nERROR\r\n> \r\nCLOSED\r\n\0".to_vec();
    bytes.extend(0..=u8::MAX);
    bytes.extend(b"\r\nOK\r\n");
    bytes
}

/// Where the module is: inside the program, or on a pty behind a program of its own.
enum Place {
    Inside,
    Pty,
}

/// Runs `flow` behind a module whose broker is `url`. The second process, if any, must be kept.
fn start(dir: &TempDir, place: &Place, flow: &str, url: &str, more: &[&str]) -> (Running, Option<Running>) {
    let scenario = dir.file("warm.yaml", WARM);
    let world = ["--cloud", url, "--scenario", &scenario];
    let mut args = vec!["run", flow, "--format", "json"];
    args.extend(more);
    match place {
        Place::Inside => {
            args.extend(["--port", "sim:luat-air724"]);
            args.extend(world);
            (Running::start(atflow(dir, args).envs(SECRETS)), None)
        }
        Place::Pty => {
            let (sim, pty) = serve(dir, &[&["--pty", &dir.join("air724.tty")], &world[..]].concat());
            args.extend(["--port", &pty]);
            (Running::start(atflow(dir, args).envs(SECRETS)), Some(sim))
        }
    }
}

/// The main job: report, command, reply.
fn main_job(place: &Place) {
    let dir = TempDir::new();
    let broker = Broker::open();
    let mut watch = broker.watch();
    let (mut flow, _sim) = start(&dir, place, BRINGUP, &broker.url(), &[]);

    flow.wait_for_step("a command from the cloud");
    assert_eq!(watch.wait_for("attributes").payload, br#"{"temperature":31.6,"humidity":65}"#);
    assert_eq!(watch.wait_for("data/message").payload, b"hello_thingscloud");

    broker.publish("command/send/1000", r#"{"method":"restart","params":{"timeout":10},"id":1000}"#);
    let reply = watch.wait_for("command/reply/1000");
    assert_eq!(reply.payload, br#"{"method":"restart","params":{"accepted":true}}"#);

    let done = flow.finish().exited(0);
    assert_eq!(done.finished()["verdict"], "passed");
    assert_eq!(done.finished()["received"], 1);
}

/// A payload of any bytes goes up, another comes down, and goes up again as it came.
fn binary(place: &Place) {
    let dir = TempDir::new();
    let broker = Broker::open();
    let mut watch = broker.watch();
    dir.file("up.bin", nasty());
    let flow = dir.file(
        "binary.yaml",
        r"module: luat-air724
vars: { up: { file: up.bin } }
steps:
  - run: wake
  - run: attach
  - run: connect
    with: { host: broker.example, port: 1883, client_id: binary }
  - run: subscribe
    with: { topic: down/+ }
  - publish: up
    bytes: ${up}
  - name: down
    receive: down/{n}
    timeout: 20s
  - publish: again/${n}
    bytes: ${payload}
  - run: status
  - check: online
  - run: disconnect
",
    );
    let (mut flow, _sim) = start(&dir, place, &flow, &broker.url(), &[]);
    flow.wait_for_step("down");
    assert_eq!(watch.wait_for("up").payload, nasty());

    let mut down = nasty();
    down.reverse();
    down.extend(nasty());
    broker.publish_file("down/3", &dir.file("down.bin", &down));
    assert_eq!(watch.wait_for("again/3").payload, down);
    flow.finish().exited(0);
}

#[test]
fn a_report_goes_up_and_a_command_comes_back_through_the_simulated_module() {
    main_job(&Place::Inside);
}

#[test]
fn a_report_goes_up_and_a_command_comes_back_over_a_pty() {
    main_job(&Place::Pty);
}

#[test]
fn any_bytes_survive_both_ways_through_the_simulated_module() {
    binary(&Place::Inside);
}

#[test]
fn any_bytes_survive_both_ways_over_a_pty() {
    binary(&Place::Pty);
}

#[test]
fn a_qos_2_publish_is_delivered_to_its_end() {
    let dir = TempDir::new();
    let broker = Broker::open();
    let mut watch = broker.watch();
    let flow = dir.file(
        "exactly-once.yaml",
        r"module: luat-air724
steps:
  - run: wake
  - run: attach
  - run: connect
    with: { host: broker.example, port: 1883, client_id: exactly-once }
  - send: AT+MPUB=up,2,0,first
    await: [PUBREC, PUBCOMP]
  - send: AT+MPUB=up,2,0,second
    await: [PUBREC, PUBCOMP]
  - run: disconnect
",
    );
    let (flow, _sim) = start(&dir, &Place::Inside, &flow, &broker.url(), &[]);
    assert_eq!(watch.wait_for("up").payload, b"first");
    assert_eq!(watch.wait_for("up").payload, b"second");
    flow.finish().exited(0);
}

#[test]
fn the_flow_logs_in_with_its_own_secrets() {
    let dir = TempDir::new();
    let broker = Broker::with_login("device-7", "open-sesame");
    let mut watch = broker.watch();
    let url = broker.url_without_login();
    let (flow, _sim) = start(&dir, &Place::Pty, BRINGUP, &url, &["--until", "session", "--var", "host=any"]);
    watch.wait_for("attributes");
    drop(flow);

    let dir = TempDir::new();
    let wrong = ["--var", "project_key=wrong", "--format", "json"];
    let (flow, _sim) = start(&dir, &Place::Pty, BRINGUP, &url, &wrong[..2]);
    let done = flow.finish().exited(1);
    let failure = &done.finished()["failure"];
    assert_eq!(failure["error"], "error", "{failure}");
    assert_eq!(failure["path"], serde_json::json!(["session", "log in"]));
}

#[test]
fn a_broker_that_is_not_there_ends_before_anything_is_sent() {
    let dir = TempDir::new();
    // Nobody listens on port 1.
    let cloud = ["--cloud", "mqtt://user:secret@127.0.0.1:1"];
    let serve = dir.join("air724.tty");
    let run_args = ["run", BRINGUP, "--port", "sim:luat-air724"];
    let sim_args = ["sim", "luat-air724", "--pty", &serve];
    for args in [run_args, sim_args] {
        let done = run(&mut atflow(&dir, args.iter().chain(&cloud))).exited(3);
        assert_eq!(done.stdout, "");
        assert_eq!(
            done.stderr,
            "error[AT3002]: cannot reach the broker `mqtt://127.0.0.1:1`: Connection refused (os error 111)\n  \
             = help: nothing was sent: the simulated module has no cloud without it; start the broker, or leave \
             out `--cloud` for the one in memory\n"
        );
    }
}

#[test]
fn a_broker_that_goes_away_fails_the_step_that_needs_it() {
    let dir = TempDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("mqtt://{}", listener.local_addr().expect("an address"));
    let (flow, _sim) = start(&dir, &Place::Inside, BRINGUP, &url, &[]);
    // It is there for the one connection before the run, and then no more.
    listener.accept().expect("a connection");
    drop(listener);
    let done = flow.finish().exited(1);
    assert_eq!(done.finished()["failure"]["path"], serde_json::json!(["session", "open TCP"]));
}

#[test]
fn a_real_broker_needs_real_time() {
    let dir = TempDir::new();
    let args =
        ["run", BRINGUP, "--port", "sim:luat-air724", "--speed", "max", "--cloud", "mqtt://127.0.0.1:1"];
    let done = run(&mut atflow(&dir, args)).exited(2);
    assert_eq!(
        done.stderr,
        "error: a real broker cannot keep up with a simulation that does not wait\n  \
         = help: leave out `--speed max`\n"
    );
}
