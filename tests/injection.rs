//! A value from outside is one argument or plain data, whatever it holds: it never ends a command line,
//! adds an argument or begins another command. Each way in is tried with each dangerous value, and what
//! the module heard is compared byte for byte.

mod support;

use serde_json::{Value, json};

use support::module::{Module, framed};
use support::process::{Done, atflow, run};
use support::temp::TempDir;

/// What values from outside may try, and what `escape(…)` makes of it on this module; `None`: it is
/// refused even so.
const VALUES: &[(&str, Option<&str>)] = &[
    ("a\rAT+EVIL", Some(r"a\0DAT+EVIL")),
    ("a\nAT+EVIL", Some(r"a\0AAT+EVIL")),
    ("a\r\nAT+EVIL\r\n", Some(r"a\0D\0AAT+EVIL\0D\0A")),
    ("a\u{1a}AT+EVIL", None),
    ("a,1,evil", Some(r"a\2C1\2Cevil")),
    ("a;+EVIL", None),
    ("a\",\"evil", Some(r"a\22\2C\22evil")),
    ("${evil}", Some("${evil}")),
    (r"a\22,evil", Some(r"a\5C22\2Cevil")),
    (r"a\22evil", Some(r"a\5C22evil")),
];

/// The values that are no danger: they go out as they are.
fn is_harmless(value: &str) -> bool {
    value == "${evil}"
}

/// What the module hears of the step that uses the value.
enum Outcome {
    /// The step is refused before it sends anything.
    Refused,
    /// This line arrives.
    Line(String),
}

/// A way for a value to get into a flow.
struct WayIn {
    /// The flow; `VALUE` stands for the expression of the dangerous step's argument.
    flow: &'static str,
    /// The expression that gives the value.
    value: &'static str,
    /// What the module answers, other than OK, when the value comes from it.
    reply: fn(&str, &str) -> Option<Vec<u8>>,
    /// Whether the value comes from the command line.
    from_outside: bool,
    /// The lines that come before.
    before: &'static [&'static str],
    /// Which values cannot come this way at all.
    cannot: fn(&str) -> bool,
}

impl WayIn {
    /// Tries one value in one kind of argument.
    fn try_value(&self, value: &str, argument: &str, outcome: &Outcome) {
        let dir = TempDir::new();
        dir.file("evil.rhai", format!("fn evil() {{ {} }}\n", json!(value)));
        dir.file("evil.json", json!({ "x": value }).to_string());
        dir.file("evil.csv", format!("x\n\"{}\"\n", value.replace('"', "\"\"")));
        let flow = self.flow.replace("VALUE", argument);
        let path = dir.file("flow.yaml", &flow);
        let (reply, sent) = (self.reply, value.to_owned());
        let module = Module::answering(move |line| reply(line, &sent).unwrap_or_else(|| framed(&["OK"])));
        let given = format!("x={value}");
        let mut args = vec!["run", &path, "--port", module.port(), "--format", "json"];
        if self.from_outside {
            args.extend(["--var", &given]);
        }
        let done = run(atflow(&dir, args).env("EVIL", value));
        let heard = String::from_utf8(module.finish()).expect("text");
        let mut lines = self.before.to_vec();
        if let Outcome::Line(line) = outcome {
            lines.push(line);
        }
        lines.push("");
        let wanted = lines.join("\r\n");
        assert_eq!(heard, wanted, "{value:?} as {argument}\n{}\n{}", done.stdout, done.stderr);
        ended(done, value, outcome);
    }

    /// Tries every value bare, in quotes and escaped.
    fn try_all(&self) {
        for (value, escaped) in VALUES {
            if (self.cannot)(value) {
                continue;
            }
            let x = self.value;
            let bare =
                if is_harmless(value) { Outcome::Line(format!("AT+X={value},1")) } else { Outcome::Refused };
            self.try_value(value, &format!("${{{x}}}"), &bare);
            let escaped = match escaped {
                Some(text) => Outcome::Line(format!("AT+X={text},1")),
                None => Outcome::Refused,
            };
            self.try_value(value, &format!("${{escape({x})}}"), &escaped);
        }
    }
}

/// Whether the run ended as it should.
fn ended(done: Done, value: &str, outcome: &Outcome) {
    match outcome {
        Outcome::Line(_) => drop(done.exited(0)),
        Outcome::Refused => {
            let failure: Value = done.exited(1).finished()["failure"].clone();
            assert_eq!(failure["error"], "refused", "{value:?}: {failure}");
        }
    }
}

fn nothing_special(_: &str, _: &str) -> Option<Vec<u8>> {
    None
}

fn every_value_can_come(_: &str) -> bool {
    false
}

#[test]
fn from_the_command_line() {
    WayIn {
        flow: "module: luat-air724\nvars: { x: '' }\nsteps: ['AT+X=VALUE,1']\n",
        value: "x",
        reply: nothing_special,
        from_outside: true,
        before: &[],
        cannot: every_value_can_come,
    }
    .try_all();
}

/// The flow says where the value comes from.
fn try_var(flow: &'static str, value: &'static str, cannot: fn(&str) -> bool) {
    WayIn { flow, value, reply: nothing_special, from_outside: false, before: &[], cannot }.try_all();
}

#[test]
fn from_the_environment() {
    try_var(
        "module: luat-air724\nvars: { x: { env: EVIL } }\nsteps: ['AT+X=VALUE,1']\n",
        "x",
        every_value_can_come,
    );
}

#[test]
fn from_a_json_file() {
    try_var(
        "module: luat-air724\nvars: { all: { json: evil.json } }\nsteps: ['AT+X=VALUE,1']\n",
        "all.x",
        every_value_can_come,
    );
}

#[test]
fn from_a_row_of_a_table() {
    // The blanks around a field are not kept.
    let cannot = |value: &str| value.trim() != value;
    try_var(
        "module: luat-air724\nvars: { rows: { csv: evil.csv } }\nsteps: ['AT+X=VALUE,1']\n",
        "rows[0].x",
        cannot,
    );
}

#[test]
fn from_a_hook() {
    WayIn {
        flow: "module: luat-air724\nhooks: [evil.rhai]\nsteps: ['AT+X=VALUE,1']\n",
        value: "evil()",
        reply: nothing_special,
        from_outside: false,
        before: &[],
        cannot: every_value_can_come,
    }
    .try_all();
}

#[test]
fn from_a_param() {
    WayIn {
        flow: r"module: luat-air724
vars: { x: '' }
steps:
  - { run: inner, with: { p: '${x}' } }
flows:
  inner:
    params: [p]
    steps: ['AT+X=VALUE,1']
",
        value: "p",
        reply: nothing_special,
        from_outside: true,
        before: &[],
        cannot: every_value_can_come,
    }
    .try_all();
}

/// The information response of a module that means no good.
fn information(line: &str, value: &str) -> Option<Vec<u8>> {
    (line == "AT+ASK").then(|| {
        let mut reply = format!("\r\n+ASK: {}\r\n", value.len()).into_bytes();
        reply.extend(value.as_bytes());
        reply.extend(framed(&["OK"]));
        reply
    })
}

#[test]
fn from_a_capture() {
    WayIn {
        flow: r"module: luat-air724
steps:
  - send: AT+ASK
    expect: ['+ASK: {n:int}', '{x:bytes(n)}']
  - 'AT+X=VALUE,1'
",
        value: "text(x)",
        reply: information,
        from_outside: false,
        before: &["AT+ASK"],
        cannot: every_value_can_come,
    }
    .try_all();
}

#[test]
fn from_the_rest_of_a_line() {
    WayIn {
        flow: r"module: luat-air724
steps:
  - send: AT+ASK
    expect: '+ASK: {x:rest}'
  - 'AT+X=VALUE,1'
",
        value: "x",
        reply: |line, value| (line == "AT+ASK").then(|| framed(&[&format!("+ASK: {value}"), "OK"])),
        from_outside: false,
        before: &["AT+ASK"],
        // A line ends where it ends.
        cannot: |value| value.contains(['\r', '\n']),
    }
    .try_all();
}

/// A message from the cloud behind the answer to a subscription.
fn message(topic: &str, payload: &str) -> Vec<u8> {
    let mut reply = framed(&["OK", "SUBACK"]);
    reply.extend(format!("\r\n+MSUB: \"{topic}\",{} byte,{payload}\r\n", payload.len()).into_bytes());
    reply
}

/// `value` comes with a message that answers the subscription.
fn try_message(value: &'static str, reply: fn(&str, &str) -> Option<Vec<u8>>, cannot: fn(&str) -> bool) {
    WayIn {
        flow: r"module: luat-air724
steps:
  - AT+MSUB=command/send/+,0
  - { receive: 'command/send/{id}', timeout: 10s }
  - 'AT+X=VALUE,1'
",
        value,
        reply,
        from_outside: false,
        before: &["AT+MSUB=command/send/+,0"],
        cannot,
    }
    .try_all();
}

#[test]
fn from_the_body_of_a_message() {
    let reply = |line: &str, value: &str| {
        line.starts_with("AT+MSUB")
            .then(|| message("command/send/1", &json!({ "method": value }).to_string()))
    };
    try_message("body.method", reply, every_value_can_come);
}

#[test]
fn from_the_topic_of_a_message() {
    let reply = |line: &str, value: &str| {
        line.starts_with("AT+MSUB").then(|| message(&format!("command/send/{value}"), "{}"))
    };
    // A line ends where it ends.
    try_message("id", reply, |value| value.contains(['\r', '\n']));
}

/// The header of a message ends where its length is said, whatever the topic holds: else the lines of its payload
/// would be the module's.
#[test]
fn from_a_payload_behind_a_quote_in_the_topic() {
    let forged = "x\r\nRDY\r\nCLOSED\r\n+MSUB: \"command/send/9\",1 byte,F\r\n";
    for (module, header) in [
        ("luat-air724", format!("+MSUB: \"command/send/a\"b\",{} byte,", forged.len())),
        ("esp-at", format!("+MQTTSUBRECV:0,\"command/send/a\"b\",{},", forged.len())),
    ] {
        let dir = TempDir::new();
        let text = format!(
            "module: {module}\nsteps:\n  - AT\n  - {{ receive: 'command/send/{{id}}', timeout: 10s }}\n  - AT+NEXT\n"
        );
        let flow = dir.file("topic.yaml", text);
        let said = format!("\r\nOK\r\n\r\n{header}{forged}\r\n");
        let wire = Module::start(move |wire| {
            wire.answer("AT", said.into_bytes());
            wire.answer("AT+NEXT", framed(&["OK"]));
            wire.until_over();
        });
        let args = ["run", &flow, "--port", wire.port(), "-v"];
        let mut program = atflow(&dir, args);
        let done = run(program.env("WIFI_SSID", "net").env("WIFI_PASSWORD", "demo-password")).exited(0);
        let came = format!("message on command/send/a\"b: {} bytes", forged.len());
        assert!(done.stdout.contains(&came), "{}", done.stdout);
        wire.finish();
    }
}

/// A payload goes in one line, escaped, where that can be said, else in a data phase. That is counted: it may hold
/// anything, and arrives as it is.
#[test]
fn a_payload_holds_anything_and_stays_data() {
    for (value, escaped) in VALUES {
        let dir = TempDir::new();
        let flow = dir.file(
            "data.yaml",
            "module: luat-air724\nvars: { x: '' }\nsteps:\n  - { run: publish, with: { topic: t, payload: '${x}' } }\n  - AT+NEXT\n",
        );
        let wanted = value.to_owned();
        let module = Module::start(move |wire| {
            if let Some(escaped) = escaped {
                wire.expect(&format!("AT+MPUB=t,0,0,{escaped}"));
            } else {
                wire.expect(&format!("AT+MPUBEX=t,0,0,{}", wanted.len()));
                wire.say("\r\n> ");
                assert_eq!(wire.take(wanted.len()), wanted.as_bytes());
            }
            wire.say(framed(&["OK"]));
            wire.answer("AT+NEXT", framed(&["OK"]));
            wire.until_over();
        });
        let given = format!("x={value}");
        let args = ["run", &flow, "--port", module.port(), "--var", &given];
        run(&mut atflow(&dir, args)).exited(0);
        module.finish();
    }
}

/// Data that a Ctrl-Z ends must not hold one: what stands behind it would be a command.
#[test]
fn data_that_ends_with_ctrl_z_holds_none() {
    let dir = TempDir::new();
    let flow = dir.file(
        "sms.yaml",
        "module: luat-air724\nvars: { x: '' }\nsteps:\n  - { send: 'AT+CMGS=\"10086\"', data: '${x}' }\n",
    );
    for value in ["a\u{1a}AT+EVIL\r", "a\u{1b}AT+EVIL\r"] {
        let module = Module::answering(|_| framed(&["OK"]));
        let given = format!("x={value}");
        let args = ["run", &flow, "--port", module.port(), "--var", &given, "--format", "json"];
        let done = run(&mut atflow(&dir, args)).exited(1);
        assert_eq!(done.finished()["failure"]["error"], "refused");
        assert_eq!(module.finish(), b"");
    }
}

/// Where a topic goes, wildcards would make it many.
#[test]
fn a_topic_from_outside_is_one_topic() {
    let wildcards = ["a/#", "+/a", ""];
    let values = VALUES.iter().map(|(value, _)| *value).filter(|value| !is_harmless(value));
    for value in values.chain(wildcards) {
        let dir = TempDir::new();
        let flow = dir.file(
            "topic.yaml",
            "module: luat-air724\nvars: { x: '' }\nsteps:\n  - { publish: '${x}', text: hello }\n",
        );
        let module = Module::answering(|_| framed(&["OK"]));
        let given = format!("x={value}");
        let args = ["run", &flow, "--port", module.port(), "--var", &given, "--format", "json"];
        let done = run(&mut atflow(&dir, args)).exited(1);
        assert_eq!(done.finished()["failure"]["error"], "refused", "{value:?}");
        assert_eq!(module.finish(), b"", "{value:?}");
    }
}

/// Between the author's own quotes the same holds.
#[test]
fn quotes_do_not_open_a_way() {
    for (value, escaped) in VALUES {
        let dir = TempDir::new();
        let flow = dir.file(
            "quoted.yaml",
            "module: luat-air724\nvars: { x: '' }\nsteps: ['AT+X=\"${escape(x)}\",1']\n",
        );
        let module = Module::answering(|_| framed(&["OK"]));
        let given = format!("x={value}");
        let args = ["run", &flow, "--port", module.port(), "--var", &given];
        let done = run(&mut atflow(&dir, args));
        let heard = String::from_utf8(module.finish()).expect("text");
        match escaped {
            Some(text) => {
                done.exited(0);
                assert_eq!(heard, format!("AT+X=\"{text}\",1\r\n"));
            }
            // A `;` between quotes is text to the module.
            None if value.contains(';') => {
                done.exited(0);
                assert_eq!(heard, format!("AT+X=\"{value}\",1\r\n"));
            }
            None => {
                done.exited(1);
                assert_eq!(heard, "");
            }
        }
    }
}
