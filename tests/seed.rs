//! The dialogue of `ThingsCloud`'s page for Luat modules, line by line on a pty, and what goes wrong in it:
//! the late login, the lost session, the length that does not count.

mod support;

use std::time::Duration;

use serde_json::{Value, json};

use support::module::{Module, Wire, framed};
use support::process::{Done, atflow, run};
use support::temp::TempDir;

/// What the module of the page answers; each entry of a list is a line between `\r\n` and `\r\n`.
const DIALOGUE: &[(&str, &[&str])] = &[
    ("AT+CPIN?", &["+CPIN: READY", "OK"]),
    ("AT+CGATT?", &["+CGATT: 1", "OK"]),
    ("AT+CSTT", &["OK"]),
    ("AT+CIICR", &["OK"]),
    ("AT+CSQ", &["+CSQ: 29,99", "OK"]),
    ("AT+MCONFIG=thingscloud,AccessToken,ProjectKey", &["OK"]),
    ("AT+MIPSTART=sh-1-mqtt.iot-api.com,1883", &["OK", "CONNECT OK"]),
    ("AT+MCONNECT=0,300", &["OK", "CONNACK OK"]),
    (r"AT+MPUB=attributes,0,0,{\22temperature\22:31.6}", &["OK"]),
    (r"AT+MPUB=attributes,0,0,{\22temperature\22:31.6\2C\22humidity\22:65}", &["OK"]),
    ("AT+MPUB=data/message,0,0,hello_thingscloud", &["OK"]),
    ("AT+MSUB=attributes/push,0", &["OK", "SUBACK"]),
    ("AT+MSUB=command/send/+,0", &["OK", "SUBACK"]),
    // The page leaves this SUBACK out; the module says it.
    ("AT+MSUB=data/message/set,0", &["OK", "SUBACK"]),
    ("AT+MQTTMSGGET", &["OK"]),
];

/// The command as the page prints it: 53 bytes declared, 54 there.
const COMMAND: &str =
    r#"+MSUB: "command/send/1000",53 byte,{"method":"restart","params":{"timeout":10},"id":1000}"#;

/// How a module of the test speaks.
#[derive(Clone, Copy)]
struct Manner {
    echo: bool,
    /// Most bytes at a time.
    pieces: usize,
}

impl Manner {
    fn say(self, wire: &mut Wire, bytes: &[u8]) {
        if self.pieces == usize::MAX { wire.say(bytes) } else { wire.say_in_pieces(bytes, self.pieces) }
    }

    fn answer(self, wire: &mut Wire, line: &str, reply: &[u8]) {
        wire.expect(line);
        if self.echo {
            self.say(wire, format!("{line}\r").as_bytes());
        }
        self.say(wire, reply);
    }
}

fn page(wire: &mut Wire, manner: Manner) {
    for (line, reply) in DIALOGUE {
        manner.answer(wire, line, &framed(reply));
    }
    manner.say(wire, &framed(&[COMMAND]));
    // As modules of this family do, with the blank before the colon.
    manner.answer(wire, "AT+MQTTSTATU", b"+MQTTSTATU :1\r\n\r\nOK\r\n");
    manner.answer(wire, "AT+MQTTSTATU", b"+MQTTSTATU :0\r\n\r\nOK\r\n");
    wire.until_over();
}

fn run_flow(dir: &TempDir, flow: &str, module: &Module, more: &[&str]) -> Done {
    let args = ["run", flow, "--port", module.port(), "--format", "json"];
    run(atflow(dir, args.iter().chain(more))
        .envs([("THINGSCLOUD_ACCESS_TOKEN", "AccessToken"), ("THINGSCLOUD_PROJECT_KEY", "ProjectKey")]))
}

fn the_page_in_this_manner(echo: bool, pieces: usize) {
    let dir = TempDir::new();
    let module = Module::start(move |wire| page(wire, Manner { echo, pieces }));
    let done = run_flow(&dir, "tests/cases/seed.yaml", &module, &[]).exited(0);
    let heard = module.finish();
    assert_eq!(done.finished()["received"], 1);
    let mut sent: Vec<&str> = DIALOGUE.iter().map(|(line, _)| *line).collect();
    sent.extend(["AT+MQTTSTATU", "AT+MQTTSTATU", ""]);
    assert_eq!(String::from_utf8_lossy(&heard), sent.join("\r\n"), "not a byte more");
}

#[test]
fn the_dialogue_as_it_stands_with_echo() {
    the_page_in_this_manner(true, usize::MAX);
}

#[test]
fn the_dialogue_without_echo() {
    the_page_in_this_manner(false, usize::MAX);
}

#[test]
fn the_dialogue_byte_by_byte() {
    the_page_in_this_manner(true, 1);
}

#[test]
fn the_dialogue_in_pieces_that_fit_no_line() {
    the_page_in_this_manner(true, 3);
    the_page_in_this_manner(false, 5);
    the_page_in_this_manner(false, 7);
}

/// Events about the counted frame that did not fit.
fn damage(done: &Done) -> Vec<Value> {
    done.events().into_iter().filter(|event| event["declared"] == 53).collect()
}

#[test]
fn a_length_that_is_one_short_loses_nothing_and_is_reported() {
    for pieces in [usize::MAX, 1, 4] {
        let dir = TempDir::new();
        let flow = dir.file(
            "short.yaml",
            r#"module: luat-air724
steps:
  - AT+MSUB=command/send/+,0
  - { name: first, receive: 'command/send/{id}', timeout: 10s, check: 'id == "1000" && size(payload) == 54' }
  - { name: second, receive: 'command/send/{id}', timeout: 10s, check: 'id == "1001" && body.a == 1' }
  - { send: AT+CSQ, expect: '+CSQ: {rssi:int},{}', check: rssi == 20 }
"#,
        );
        let module = Module::start(move |wire| {
            let manner = Manner { echo: false, pieces };
            manner.answer(wire, "AT+MSUB=command/send/+,0", &framed(&["OK", "SUBACK"]));
            let mut both = framed(&[COMMAND]);
            both.extend(framed(&[r#"+MSUB: "command/send/1001",7 byte,{"a":1}"#]));
            manner.say(wire, &both);
            manner.answer(wire, "AT+CSQ", &framed(&["+CSQ: 20,99", "OK"]));
            wire.until_over();
        });
        let transcript = dir.join("transcript.jsonl");
        let done = run_flow(&dir, &flow, &module, &["--verbose", "--transcript", &transcript]).exited(0);
        module.finish();
        assert_eq!(done.finished()["received"], 2);
        let events = damage(&done);
        assert_eq!(events.len(), 1, "{}", done.stdout);
        assert_eq!(events[0]["seen"], 54);
        let delivered: Vec<Value> =
            done.events().into_iter().filter(|event| event.get("message").is_some()).collect();
        assert_eq!(delivered[0]["damaged"], true);
        assert_eq!(delivered[1]["damaged"], false);
        let transcript = std::fs::read_to_string(&transcript).expect("a transcript");
        assert!(transcript.contains("a frame of 53 bytes seems to have 54"), "{transcript}");
    }
}

/// A module that answers `bringup.yaml`; `on_connect` says what becomes of the n-th `AT+MIPSTART`, and of
/// the `AT+MCONNECT` after it.
fn module_for_bringup(becomes: impl Fn(usize, &str) -> Vec<u8> + Send + 'static) -> Module {
    let mut opened = 0;
    Module::answering(move |line| {
        let name = line.split(['=', '?']).next().unwrap_or_default();
        match name {
            "ATI" => framed(&["AirM2M_720U_V301836_LTE_AT", "OK"]),
            "AT+CPIN" => framed(&["+CPIN: READY", "OK"]),
            "AT+CGATT" => framed(&["+CGATT: 1", "OK"]),
            "AT+CIPSHUT" => framed(&["SHUT OK"]),
            "AT+CSQ" => framed(&["+CSQ: 29,99", "OK"]),
            "AT+MIPSTART" => {
                opened += 1;
                becomes(opened, name)
            }
            "AT+MCONNECT" => becomes(opened, name),
            "AT+MSUB" => framed(&["OK", "SUBACK"]),
            "AT+MPUB" if line.contains("data/message") => framed(&["OK", COMMAND]),
            "AT+MQTTSTATU" => b"+MQTTSTATU :1\r\n\r\nOK\r\n".to_vec(),
            _ => framed(&["OK"]),
        }
    })
}

/// Whether the bundled recipe comes back and is connected, and how often it opened TCP.
fn comes_back(becomes: impl Fn(usize, &str) -> Vec<u8> + Send + 'static, error: &str) {
    let dir = TempDir::new();
    let module = module_for_bringup(becomes);
    let done = run_flow(&dir, "scripts/thingscloud/bringup.yaml", &module, &[]).exited(0);
    let heard = String::from_utf8(module.finish()).expect("only text was sent");
    assert_eq!(done.finished()["retries"], 1);
    let retry = done.events().into_iter().find(|event| event["event"] == "retrying").expect("a retry");
    assert!(retry["error"].as_str().is_some_and(|seen| seen.contains(error)), "{retry}");
    let session: Vec<&str> = heard
        .lines()
        .skip_while(|line| *line != "AT+MIPCLOSE")
        .filter(|line| !line.starts_with("AT+MPUB") && !line.starts_with("AT+MSUB"))
        .collect();
    let open = ["AT+MIPCLOSE", "AT+MCONFIG=thingscloud,AccessToken,ProjectKey"];
    let log_in = ["AT+MIPSTART=sh-1-mqtt.iot-api.com,1883", "AT+MCONNECT=0,300"];
    let once = [open, log_in].concat();
    assert_eq!(session, [once.as_slice(), once.as_slice(), &["AT+MQTTSTATU"]].concat());
}

#[test]
fn a_late_login_is_refused_with_767_and_the_recipe_comes_back_connected() {
    let becomes = |time: usize, name: &str| match (name, time) {
        // The broker has hung up before the login comes.
        ("AT+MIPSTART", 1) => framed(&["OK", "CONNECT OK", "CLOSED"]),
        ("AT+MIPSTART", _) => framed(&["OK", "CONNECT OK"]),
        (_, 1) => framed(&["+CME ERROR: 767"]),
        _ => framed(&["OK", "CONNACK OK"]),
    };
    comes_back(becomes, "+CME ERROR: 767");
}

#[test]
fn a_broker_that_hangs_up_during_the_login_is_called_again() {
    let becomes = |time: usize, name: &str| match (name, time) {
        ("AT+MIPSTART", _) => framed(&["OK", "CONNECT OK"]),
        (_, 1) => framed(&["OK", "CLOSED"]),
        _ => framed(&["OK", "CONNACK OK"]),
    };
    comes_back(becomes, "CLOSED");
}

#[test]
fn the_simulated_cloud_hangs_up_on_a_late_login_and_takes_the_next() {
    let dir = TempDir::new();
    let flow = dir.file(
        "late.yaml",
        r"module: luat-air724
steps:
  - run: wake
  - run: attach
  - name: session
    retry: { attempts: 3, only: [cme 767] }
    steps:
      - { send: AT+MIPCLOSE, on_error: ignore }
      - AT+MCONFIG=thingscloud,a,b
      - AT+MIPSTART=any,1883
      - when: attempt == 1
        await: CLOSED
        timeout: 10s
      - AT+MCONNECT=0,300
  - run: status
  - check: online
",
    );
    let args = ["run", &flow, "--port", "sim:luat-air724", "--speed", "max", "--format", "json", "--verbose"];
    let done = run(&mut atflow(&dir, args)).exited(0);
    let lines: Vec<String> = done
        .events()
        .iter()
        .filter_map(|event| event["line"].as_str().map(str::to_owned))
        .filter(|line| ["CONNECT OK", "CLOSED", "CONNACK OK", "+MQTTSTATU :1"].contains(&line.as_str()))
        .collect();
    assert_eq!(lines, ["CONNECT OK", "CLOSED", "CONNECT OK", "CONNACK OK", "+MQTTSTATU :1"]);
    let session: Vec<Value> = done.events().into_iter().filter(|event| event["step"] == "session").collect();
    assert_eq!(session.last().expect("the group")["attempts"], 2);
}

#[test]
fn a_session_that_is_gone_says_so() {
    let dir = TempDir::new();
    let flow = dir.file(
        "status.yaml",
        "module: luat-air724\nsteps:\n  - run: status\n  - { name: online, check: online }\n",
    );
    let module = Module::answering(|_| b"+MQTTSTATU :0\r\n\r\nOK\r\n".to_vec());
    let done = run_flow(&dir, &flow, &module, &[]).exited(1);
    assert_eq!(module.finish(), b"AT+MQTTSTATU\r\n");
    let failure = &done.finished()["failure"];
    assert_eq!(failure["message"], "`online` is false: `online` is false");
    assert_eq!(failure["path"], json!(["online"]));

    let flow = dir.file(
        "expect.yaml",
        "module: luat-air724\nsteps:\n  - send: AT+MQTTSTATU\n    expect: '+MQTTSTATU: 1'\n",
    );
    let module = Module::answering(|_| b"+MQTTSTATU :0\r\n\r\nOK\r\n".to_vec());
    let done = run_flow(&dir, &flow, &module, &[]).exited(1);
    module.finish();
    assert_eq!(done.finished()["failure"]["error"], "unexpected");
    assert_eq!(done.finished()["failure"]["message"], "`+MQTTSTATU: 1` did not come; `+MQTTSTATU :0` came");
}

#[test]
fn a_slow_module_may_take_its_time_between_ok_and_the_late_result() {
    let dir = TempDir::new();
    let flow = dir
        .file("slow.yaml", "module: luat-air724\nsteps:\n  - AT+MIPSTART=any,1883\n  - AT+MCONNECT=0,300\n");
    let module = Module::start(|wire| {
        wire.answer("AT+MIPSTART=any,1883", framed(&["OK"]));
        wire.pause(Duration::from_millis(300));
        assert_eq!(wire.waiting(), b"", "nothing is sent before the late result");
        wire.say(framed(&["CONNECT OK"]));
        wire.answer("AT+MCONNECT=0,300", framed(&["CONNACK OK", "OK"]));
        wire.until_over();
    });
    run_flow(&dir, &flow, &module, &[]).exited(0);
    module.finish();
}
