//! Conversations by hand: scripted through standard input, and typed on a terminal; and the flows that are
//! made of them.

#[path = "console/screen.rs"]
mod screen;
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use screen::{PROMPT, Terminal};
use support::module::{Module, framed};
use support::process::{Done, Running, atflow, run, run_typed};
use support::simulator::serve;
use support::temp::TempDir;
use support::time::{Deadline, PATIENCE};

const SIM: &str = "sim:luat-air724";
const CTRL_C: &str = "\x03";
const UP: &str = "\x1b[A";

#[track_caller]
fn console(dir: &TempDir, port: &str, lines: &str) -> String {
    run_typed(&mut atflow(dir, ["console", port]), lines).exited(0).stdout
}

#[test]
fn answers_stand_below_their_commands_and_numbers_are_explained() {
    let dir = TempDir::new();
    let said = console(&dir, SIM, "AT\nAT+CPIN?\nAT+CIFSR\n\nATX+\n:nonsense\n");
    let wanted = "› AT\nOK\n› AT+CPIN?\n+CPIN: READY\nOK\n› AT+CIFSR\n+CME ERROR: 3  operation not allowed; \
        after AT+CSTT or AT+CIICR, already done (AT+CIPSHUT starts over)\n› \n› ATX+\nERROR\n› :nonsense\n\
        ! `:nonsense` is no command of the console; see :help\n";
    assert_eq!(said, wanted);
}

#[test]
fn what_comes_unasked_stands_apart() {
    let dir = TempDir::new();
    let said = console(&dir, SIM, "AT+RESET\n:wait +CPIN: READY 5s\n:wait NEVER 1s\n");
    let wanted = "› AT+RESET\nOK\n    3.04s ◂ \u{fffd}^boot.rom'v0401'!\n    4.31s ◂ RDY  (restart)\n\
        › :wait +CPIN: READY 5s\n+CPIN: READY\n› :wait NEVER 1s\n    5.46s ◂ SMS READY\n\
        ! `NEVER` did not come within 1s\n";
    assert_eq!(said, wanted);
}

#[test]
fn data_ends_by_length_or_by_its_end() {
    let dir = TempDir::new();
    let session = "AT+CMGF=1\nAT+CMGS=\"+49123\"\ntwo\nlines\x1a\nAT+CMGS=\"+49123\"\nno\n\x04\n\
        AT+MCONFIG=id,user,key\nAT+MIPSTART=sh-1-mqtt.iot-api.com,1883\nAT+MCONNECT=0,60\nAT+MPUBEX=t,0,0,5\ntoo long\nhello\nAT\n";
    let said = console(&dir, SIM, session);
    for part in [
        "> two\n> lines\n+CMGS: 1\nOK\n",
        "> no\n+CMGS: 2\nOK\n",
        "> too long\n! these are 8 bytes, the command line says 5; type them again, or end them with Ctrl-D\n\
            > hello\nOK\n› AT\nOK\n",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_word_may_ask_for_data_too() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+UP=3", framed(&["DOWNLOAD"]));
        assert_eq!(wire.take(3), b"abc");
        wire.say(framed(&["OK"]));
        wire.until_over();
    });
    let done = run_typed(
        &mut atflow(&dir, ["record", module.port(), "-o", &dir.join("up")]),
        ":data DOWNLOAD\nAT+UP=3\nabc\n",
    );
    assert!(done.exited(0).stdout.contains("› AT+UP=3\nDOWNLOAD\n> abc\nOK\n"));
    module.finish();
    let flow = fs::read_to_string(dir.join("up.yaml")).expect("a flow");
    assert!(flow.ends_with("  - send: AT+UP=3\n    data: abc\n    prompt: DOWNLOAD\n"), "{flow}");
}

/// What comes while a command is under way was brought about by it, not by the one before.
#[test]
fn a_line_that_came_during_a_command_is_awaited_behind_it() {
    let dir = TempDir::new();
    let module = Module::answering(|line| match line {
        "AT+RESET" => framed(&["OK", "loader 2.1", "RDY"]),
        _ => framed(&["OK"]),
    });
    let record = ["record", module.port(), "--module", "luat-air724", "-o", &dir.join("restarted")];
    run_typed(&mut atflow(&dir, record), "AT\nAT+RESET\nAT+CSQ\n").exited(0);
    module.finish();
    let flow = read(&dir, "restarted.yaml");
    let steps = "\n  - AT+RESET\n\n  - await: loader 2.1\n    timeout: 1s\n\n  - AT+CSQ\n";
    assert!(flow.ends_with(steps), "{flow}");
}

/// Nobody knows what data would have followed, and without any the step cannot be.
#[test]
fn a_refused_command_that_asks_for_data_is_a_comment() {
    let dir = TempDir::new();
    let module = Module::answering(|line| match line {
        "AT+CSQ" => framed(&["+CSQ: 17,99", "OK"]),
        _ => framed(&["+CMS ERROR: 302"]),
    });
    let record = ["record", module.port(), "--module", "luat-air724", "-o", &dir.join("no")];
    run_typed(&mut atflow(&dir, record), "AT+CMGS=\"+49123\"\nAT+CSQ\n").exited(0);
    module.finish();
    let flow = read(&dir, "no.yaml");
    assert!(flow.contains("  # AT+CMGS=\"+49123\": +CMS ERROR: 302"), "{flow}");
    run(&mut atflow(&dir, ["check", &dir.join("no.yaml")])).exited(0);
}

#[test]
fn a_secret_is_sent_and_never_shown() {
    let dir = TempDir::new();
    let module = Module::answering(|line| framed(&[&format!("you said {line}"), "OK"]));
    let name = dir.join("told");
    let session = ":secret KEY\ntop-secret\nAT+KEY=\"${KEY}\"\nAT+KEY=${NOTHING}\n";
    let done = run_typed(&mut atflow(&dir, ["record", module.port(), "-o", &name]), session).exited(0);
    assert!(module.finish().starts_with(b"AT+KEY=\"top-secret\"\r\n"));
    assert!(done.stdout.contains("you said AT+KEY=\"<KEY>\"\n"), "{}", done.stdout);
    assert!(done.stdout.contains("! there is no secret `NOTHING`"), "{}", done.stdout);
    for text in [done.stdout, done.stderr, read(&dir, "told.yaml"), read(&dir, "told.jsonl")] {
        assert!(!text.contains("top-secret"), "{text}");
    }
    assert!(read(&dir, "told.yaml").contains("vars:\n  KEY: { env: KEY, secret: true }\n"));
}

/// Whoever types a secret a second time, and not its name, is not to find it in a file that others read.
#[test]
fn a_secret_that_is_typed_itself_is_not_recorded() {
    let dir = TempDir::new();
    let session = ":wait +NITZ: {time:rest} 10s\n:secret KEY\ntop-secret\nAT\n:note top-secret is the note\nAT+CMGF=1\n\
        AT+MCONFIG=id,user,top-secret\nAT+CMGS=\"+8613800000000\"\nit is top-secret\x1a\nAT+top-secret\nAT+CSQ\n\
        :wait top-secret 1s\n";
    run_typed(&mut atflow(&dir, ["record", SIM, "-o", &dir.join("told")]), session).exited(0);
    let flow = read(&dir, "told.yaml");
    for text in [&flow, &read(&dir, "told.jsonl")] {
        assert!(!text.contains("top-secret"), "{text}");
    }
    let parts = [
        "name: '<KEY> is the note'",
        "- AT+MCONFIG=id,user,${KEY}\n",
        "data: it is ${KEY}\n",
        "# `<KEY>` was",
    ];
    for part in parts {
        assert!(flow.contains(part), "no {part}: {flow}");
    }
    let flow = dir.join("told.yaml");
    run(&mut atflow(&dir, ["check", &flow])).exited(0);
    let args = ["run", &flow, "--port", SIM, "--speed", "max", "-q"];
    run(atflow(&dir, args).env("KEY", "top-secret")).exited(0);
}

#[test]
fn silence_explains_itself() {
    let dir = TempDir::new();
    let cold = dir.file("cold.yaml", "sim: { start: cold }\n");
    let said = run_typed(&mut atflow(&dir, ["console", SIM, "--scenario", &cold]), ":wait RDY\nAT\n")
        .exited(0)
        .stdout;
    assert!(
        said.ends_with("! no answer within 9s: is the module on, and does it listen at 115200 baud?\n"),
        "{said}"
    );
    let open = "AT+MIPSTART=a.b,1883\n";
    let away = dir.file("away.yaml", "sim: { start: warm }\nat:\n  - { time: 0s, broker: away, for: 1h }\n");
    let said = run_typed(&mut atflow(&dir, ["console", SIM, "--scenario", &away]), open).exited(0).stdout;
    assert!(said.ends_with("\nCONNECT FAIL\n"), "{said}");
}

/// Its clock stands still, and nothing will ever be typed, be it a command or the rest of its data.
#[test]
fn a_script_that_waits_for_its_next_line_ends_when_it_is_told_to() {
    for (signal, typed, shown) in [
        (Signal::TERM, "AT\n", "OK"),
        (Signal::INT, "AT\n", "OK"),
        (Signal::TERM, "AT+CMGF=1\nAT+CMGS=\"+49\"\nhello\n", "> hello"),
        (Signal::HUP, "AT+CMGF=1\nAT+CMGS=\"+49\"\nhello\n", "> hello"),
    ] {
        let dir = TempDir::new();
        let (reader, writer) = std::io::pipe().expect("the system has pipes");
        let mut command = atflow(&dir, ["console", SIM]);
        let mut child = command.stdin(reader).stdout(Stdio::piped()).spawn().expect("it starts");
        (&writer).write_all(typed.as_bytes()).expect("a pipe takes lines");
        let (sender, said) = channel();
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        thread::spawn(move || { lines }.try_for_each(|line| sender.send(line)));
        let deadline = Deadline::after(PATIENCE);
        let shows = std::iter::from_fn(|| said.recv_timeout(deadline.left()).ok()).any(|line| line == shown);
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(id, signal).expect("the process is there until it is waited for");
        // Its standard output ends with the program, or else it is ended here.
        while said.recv_timeout(deadline.left()).is_ok() {}
        if deadline.passed() {
            let _ = child.kill();
        }
        assert_eq!(child.wait().expect("a child can be waited for").code(), Some(0), "{typed}");
        assert!(shows, "{typed}");
        drop(writer);
    }
}

#[test]
fn a_port_that_is_not_there_ends_it() {
    let dir = TempDir::new();
    run_typed(&mut atflow(&dir, ["console", &dir.join("nothing")]), "").exited(3);
    run_typed(&mut atflow(&dir, ["console", SIM, "--module", "nobody"]), "").exited(2);
}

fn read(dir: &TempDir, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// What a person would do to get a module online and publish.
const BRINGUP: &str = r#":wait RDY 10s
AT
AT
ATE0
:note SIM is ready
AT+CPIN?
AT+CGATT?
AT+CSQ
AT+CSQ
AT+CSTX
AT+CSTT
AT+CIICR
AT+CIFSR
AT+MIPCLOSE
:secret KEY
abc,d
AT+MCONFIG=id,user,${escape(KEY)}
:note open TCP
AT+MIPSTART=sh-1-mqtt.iot-api.com,1883
AT+MCONNECT=0,60
AT+MSUB=attributes/push,0
AT+MPUBEX=attributes,1,0,11
{"on":true}
:wait PUBACK 5s
"#;

const BRINGUP_FLOW: &str = r#"name: bringup
module: luat-air724

vars:
  KEY: { env: KEY, secret: true }

steps:
  - await: RDY
    timeout: 5s

  - send: AT
    retry: { every: 5s, for: 30s }

  - ATE0

  - name: SIM is ready
    send: AT+CPIN?
    expect: '+CPIN: READY'

  - send: AT+CGATT?
    expect: '+CGATT: 1'

  - send: AT+CSQ
    expect: '+CSQ: {rssi:int},{ber:int}'

  # AT+CSTX: ERROR
  - AT+CSTT

  - AT+CIICR
  - AT+CIFSR

  - send: AT+MIPCLOSE
    on_error: ignore

  - AT+MCONFIG=id,user,${escape(KEY)}

  - name: open TCP
    send: AT+MIPSTART=sh-1-mqtt.iot-api.com,1883

  - AT+MCONNECT=0,60
  - AT+MSUB=attributes/push,0

  - send: AT+MPUBEX=attributes,1,0,11
    data: '{"on":true}'

  - await: PUBACK
    timeout: 2s
"#;

const SMS: &str = ":wait +NITZ: {time:rest} 10s\nAT\nAT+CMGF=1\n:note report\nAT+CMGS=\"+8613800000000\"\npump runs\nagain\x1a\nAT+CIPSTATUS\nAT+CGSN\n";

const SMS_FLOW: &str = r#"name: sms
module: luat-air724

steps:
  - await: '+NITZ: {time:rest}'
    timeout: 30s

  - AT
  - AT+CMGF=1

  - name: report
    send: AT+CMGS="+8613800000000"
    data: "pump runs\nagain"
    expect: '+CMGS: {reference:int}'

  - AT+CIPSTATUS

  - send: AT+CGSN
    expect: '{imei:digits}'
"#;

#[test]
fn a_recorded_session_is_a_flow_that_runs() {
    for (name, session, flow) in [("bringup", BRINGUP, BRINGUP_FLOW), ("sms", SMS, SMS_FLOW)] {
        let dir = TempDir::new();
        run_typed(&mut atflow(&dir, ["record", SIM, "-o", &dir.join(name)]), session).exited(0);
        let path = dir.join(&format!("{name}.yaml"));
        let recorded = read(&dir, &format!("{name}.yaml"));
        assert_eq!(recorded.split_once('\n').expect("a comment first").1, flow);
        let checked = run(&mut atflow(&dir, ["check", &path])).exited(0);
        assert!(checked.stderr.is_empty(), "{}", checked.stderr);
        let args = ["run", &path, "--port", SIM, "--speed", "max", "-q"];
        run(atflow(&dir, args).env("KEY", "abc,d")).exited(0);
    }
}

/// A module that has been on for long, on a pty, ten times as fast as a real one.
fn served(dir: &TempDir) -> (Running, String) {
    let warm = dir.file("warm.yaml", "sim: { start: warm, delays: 0.1 }\n");
    serve(dir, &["--pty", &dir.join("air724.tty"), "--scenario", &warm])
}

/// Somebody who knows what to type.
const STRAIGHT: &str = r#"AT
ATE0
AT+CPIN?
AT+CSQ
AT+CMGF=1
AT+CMGS="+8613800000000"
pump runs
again<ctrl-z>
AT+CSTT
AT+CIICR
AT+CIFSR
:secret KEY
abc,d
AT+MCONFIG=id,user,${escape(KEY)}
AT+MIPSTART=sh-1-mqtt.iot-api.com,1883
AT+MCONNECT=0,60
AT+MSUB=attributes/push,0
AT+MPUBEX=attributes,1,0,11
{"on":true}
:wait PUBACK 5s
AT+MIPCLOSE
AT+RESET
:wait SMS READY 20s
AT
AT+CSQ
"#;

/// Somebody who does not wait until the module hears again.
const HASTY: &str = "AT\nATE0\nAT+RESET\nAT\nAT+CSQ\n";

/// Somebody who tries things out.
const CROOKED: &str = r#"AT
AT+CSQ
AT+CSQ
AT+CSTX
AT+CSTT
AT+CIICR
AT+CIFSR
AT+MIPCLOSE
:secret KEY
abc,d
AT+MCONFIG=id,user,${escape(KEY)}
AT+MIPSTART=sh-1-mqtt.iot-api.com,1883
AT+MCONNECT=0,60
AT+MPUBEX=attributes,1,0,11
{"on":true}
:wait PUBACK 5s
"#;

#[test]
fn what_was_recorded_over_a_pty_runs_on_the_simulation_and_on_its_own_replay() {
    // Typed without a slip, the flow sends what was typed; else its lines are found wherever they stand.
    for (session, how) in [(STRAIGHT, ""), (STRAIGHT, "?strict"), (CROOKED, ""), (HASTY, "")] {
        let dir = TempDir::new();
        let (sim, port) = served(&dir);
        let session = session.replace("<ctrl-z>", "\x1a");
        let record = ["record", &port, "-o", &dir.join("typed"), "--module", "luat-air724"];
        run_typed(&mut atflow(&dir, record), &session).exited(0);
        sim.interrupt();
        sim.finish();

        let (flow, recording) = (dir.join("typed.yaml"), dir.join("typed.jsonl"));
        let checked = run(&mut atflow(&dir, ["check", &flow])).exited(0);
        assert!(checked.stderr.is_empty(), "{}", checked.stderr);
        let warm = dir.join("warm.yaml");
        let replay = format!("replay:{recording}{how}");
        let power_on = vec!["--port", SIM, "--speed", "max"];
        let warm = [&power_on[..], &["--scenario", &warm]].concat();
        // The others were told of a SIM and a network that were there already.
        let power_on = (session == HASTY).then_some(power_on);
        for more in [warm, vec!["--port", &replay]].into_iter().chain(power_on) {
            let args = ["run", &flow, "--format", "json"];
            let done = run(atflow(&dir, args.iter().chain(&more)).env("KEY", "abc,d")).exited(0);
            assert_eq!(done.finished()["verdict"], "passed", "{}", done.stdout);
        }
    }
}

/// A recording of two commands, and the console on it.
fn console_on_recording(how: &str, lines: &str) -> Done {
    let dir = TempDir::new();
    let record = ["record", SIM, "-o", &dir.join("x")];
    run_typed(&mut atflow(&dir, record), ":wait SMS READY 20s\nAT\nAT+CSQ\n").exited(0);
    let port = format!("replay:{}{how}", dir.join("x.jsonl"));
    run_typed(&mut atflow(&dir, ["console", &port, "--module", "luat-air724"]), lines)
}

#[test]
fn a_recording_is_talked_to_like_a_module() {
    let said = console_on_recording("", ":wait SMS READY 20s\nAT\nAT+CSQ\n").exited(0).stdout;
    assert!(said.ends_with("SMS READY\n› AT\nOK\n› AT+CSQ\n+CSQ: 99,99\nOK\n"), "{said}");
}

/// Where lines are answered in any order the next one may have been recorded; to the letter nothing comes any more.
#[test]
fn what_was_not_recorded_is_said_in_words() {
    let lines = ":wait SMS READY 20s\nAT+CGMI\nAT+CSQ\n";
    let said = console_on_recording("?match", lines).exited(0).stdout;
    let why = "› AT+CGMI\n! nothing like `AT+CGMI\\r\\n` was sent in the recording ";
    assert!(said.contains(why) && said.contains("\n· a recording can answer only what"), "{said}");
    assert!(said.ends_with("\n+CSQ: 99,99\nOK\n"), "{said}");
    let said = console_on_recording("?strict", lines).exited(1).stdout;
    let (_, said) = said.split_once("› AT+CGMI\n! the run leaves the recording at ").expect(&said);
    assert!(said.contains("recorded is `AT\\r\\n`, sent was `AT+CGMI\\r\\n`\n· a flow"), "{said}");
    assert!(!said.contains("› AT+CSQ"), "{said}");
}

#[test]
fn only_its_own_untouched_files_are_overwritten() {
    let dir = TempDir::new();
    let record =
        || run_typed(&mut atflow(&dir, ["record", SIM, "-o", &dir.join("x")]), ":wait SMS READY\nAT\n");
    record().exited(0);
    record().exited(0);
    let flow = read(&dir, "x.yaml");
    dir.file("x.yaml", format!("{flow}  - ATI\n"));
    assert!(record().exited(2).stderr.contains("is not overwritten"));
    assert!(read(&dir, "x.yaml").ends_with("  - ATI\n"));
    dir.file("x.yaml", &flow);
    dir.file("x.jsonl", "mine");
    assert!(record().exited(2).stderr.contains("choose another name for `-o`"));
    assert_eq!(read(&dir, "x.jsonl"), "mine");
}

#[test]
fn a_recording_is_not_overwritten_with_its_own_replay() {
    let dir = TempDir::new();
    run_typed(&mut atflow(&dir, ["record", SIM, "-o", &dir.join("x")]), ":wait SMS READY\nAT\n").exited(0);
    let files = || (read(&dir, "x.jsonl"), read(&dir, "x.yaml"));
    let before = files();
    let port = format!("replay:{}", dir.join("x.jsonl"));
    let again = |name: &str| run_typed(&mut atflow(&dir, ["record", &port, "-o", &dir.join(name)]), "AT\n");
    let refused = again("x").exited(2).stderr;
    assert!(
        refused
            .contains("is what is replayed; it is not overwritten\n  = help: choose another name for `-o`"),
        "{refused}"
    );
    let station = "module: luat-air724\nschedule: [{ name: look, every: 1h, steps: [AT] }]\n";
    let (station, transcript) = (dir.file("station.yaml", station), dir.join("x.jsonl"));
    let args = ["run", &station, "--port", &port, "--transcript", &transcript];
    let refused = run(&mut atflow(&dir, args)).exited(2).stderr;
    assert!(refused.contains("is what is replayed"), "{refused}");
    assert_eq!(files(), before);
    again("y").exited(0);
}

/// The console on a terminal, ready to be typed into.
#[track_caller]
fn console_on(dir: &TempDir, module: &Module) -> Terminal {
    let mut terminal = Terminal::start(dir, &["console", module.port()]);
    terminal.wait_for("Ctrl-D ends");
    terminal.wait_for(PROMPT);
    terminal
}

#[test]
fn a_terminal_has_history_and_shows_what_comes_above_the_line() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+ONE", framed(&["OK"]));
        wire.answer("AT+ONE", framed(&["+CME ERROR: 10"]));
        wire.answer("AT+GO", framed(&["OK"]));
        wire.until_over();
    });
    let mut terminal = console_on(&dir, &module);
    terminal.enter("AT+ONE", "OK\r\n");
    terminal.type_in(UP);
    terminal.wait_for("AT+ONE");
    terminal.enter("", "+CME ERROR: 10  SIM not inserted\r\n");
    terminal.type_in(":he\t");
    terminal.wait_for(":help");
    terminal.type_in(CTRL_C);
    terminal.wait_for(PROMPT);
    terminal.enter("AT+GO", "OK\r\n");
    terminal.leave();
    module.finish();
}

/// All of simulated time would be over before a key is pressed.
#[test]
fn time_without_a_measure_stands_still_while_nobody_types() {
    let dir = TempDir::new();
    run_typed(&mut atflow(&dir, ["record", SIM, "-o", &dir.join("x")]), ":wait SMS READY 20s\nAT\n")
        .exited(0);
    let recording = format!("replay:{}?match", dir.join("x.jsonl"));
    for port in [SIM, &recording] {
        let args = ["console", port, "--module", "luat-air724", "--speed", "max"];
        let mut terminal = Terminal::start(&dir, &args);
        terminal.wait_for(PROMPT);
        terminal.enter("AT", "OK\r\n");
        terminal.leave();
    }
}

#[test]
fn a_line_that_comes_while_one_is_typed_leaves_it_whole() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+SOON", framed(&["OK"]));
        wire.pause(std::time::Duration::from_millis(700));
        wire.say(framed(&["+RANG: 1"]));
        wire.answer("AT+HALF", framed(&["OK"]));
        wire.until_over();
    });
    let mut terminal = console_on(&dir, &module);
    terminal.enter("AT+SOON", "OK\r\n");
    terminal.type_in("AT+HA");
    terminal.wait_for("◂ +RANG: 1");
    terminal.wait_for("› AT+HA");
    terminal.type_in("LF\r");
    terminal.wait_for("OK\r\n");
    terminal.type_in(":quit\r");
    assert_eq!(terminal.exit_code(), 0);
    module.finish();
}

#[test]
fn ctrl_c_gives_up_a_command_and_a_text() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+COPS=?", framed(&["+LOOKING: 1"]));
        wire.answer("AT", framed(&["OK"]));
        wire.answer("AT+CMGS=\"1\"", "\r\n> ");
        assert_eq!(wire.take(1), b"\x1b");
        wire.say(framed(&["OK"]));
        wire.until_over();
    });
    let mut terminal = console_on(&dir, &module);
    terminal.type_in("AT+COPS=?\r");
    terminal.wait_for("+LOOKING: 1");
    terminal.type_in(CTRL_C);
    terminal.wait_for("no longer waited for");
    terminal.wait_for(PROMPT);
    terminal.enter("AT", "OK\r\n");
    terminal.type_in("AT+CMGS=\"1\"\r");
    terminal.wait_for("> ");
    terminal.type_in("never mind");
    terminal.type_in(CTRL_C);
    terminal.wait_for("OK\r\n");
    terminal.wait_for(PROMPT);
    terminal.leave();
    module.finish();
}

#[test]
fn what_is_pasted_at_once_is_typed_line_by_line() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+ONE", framed(&["OK"]));
        wire.answer("AT+CMGS=\"1\"", "\r\n> ");
        assert_eq!(wire.take(12), b"hello\nworld\x1a");
        wire.say(framed(&["OK"]));
        wire.answer("AT+TWO", framed(&["DONE", "OK"]));
        wire.until_over();
    });
    let mut terminal = console_on(&dir, &module);
    terminal.type_in("AT+ONE\rAT+CMGS=\"1\"\rhello\rworld\x04AT+TWO\r");
    terminal.wait_for("DONE\r\n");
    terminal.leave();
    module.finish();
}

/// no-color.org, and a terminal that knows no colours.
#[test]
fn colours_are_for_those_who_want_them() {
    let dir = TempDir::new();
    let flow = dir.file("wrong.yaml", "module: luat-air724\nsteps: [{ sned: AT }]\n");
    let coloured = |environment: &[(&str, &str)]| {
        let mut terminal = Terminal::start_in(&dir, &["check", &flow], environment);
        terminal.wait_for("did you mean");
        assert_eq!(terminal.exit_code(), 2);
        terminal.seen().contains("\x1b[")
    };
    assert!(coloured(&[("NO_COLOR", "")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
    assert!(!coloured(&[("NO_COLOR", ""), ("TERM", "dumb")]));
}

/// Such as that of an editor: it cannot move its cursor.
#[test]
fn on_a_dumb_terminal_lines_are_read_as_they_come() {
    let dir = TempDir::new();
    let mut terminal = Terminal::start_in(&dir, &["console", SIM], &[("TERM", "dumb")]);
    terminal.type_in("AT\n");
    terminal.wait_for("› AT\r\nOK\r\n");
    terminal.type_in(":quit\n");
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_secret_does_not_show_on_the_terminal() {
    let dir = TempDir::new();
    let module = Module::answering(|line| framed(&[line, "OK"]));
    let mut terminal = console_on(&dir, &module);
    terminal.type_in(":secret PIN\r");
    terminal.wait_for("not shown:");
    terminal.type_in("9876\r");
    terminal.wait_for("${PIN} stands for it");
    terminal.type_in("AT+CPIN=${PIN}\r");
    terminal.wait_for("OK\r\n");
    terminal.leave();
    assert!(!terminal.seen().contains("9876"), "{}", terminal.seen());
    assert_eq!(module.finish(), b"AT+CPIN=9876\r\n");
}

#[test]
fn a_control_character_looks_the_same_in_every_report() {
    let dir = TempDir::new();
    let text =
        "sim: { start: warm, echo: false, payload_echo: true }\nat: [{ time: 1s, urc: \"odd\\x1b[31m\" }]\n";
    let echo = dir.file("echo.yaml", text);
    let typed = run_typed(&mut atflow(&dir, ["console", SIM, "--scenario", &echo]), ":wait NEVER 2s\n");
    assert!(typed.stdout.contains("◂ odd\\x1b[31m\n"), "{}", typed.stdout);
    let flow = "module: luat-air724\nsteps:\n  - AT+CMGF=1\n  - { send: 'AT+CMGS=\"1\"', data: hi, expect: '{echo:rest}' }\n";
    dir.file("sms.yaml", flow);
    let sms = dir.join("sms.yaml");
    let args = ["run", &sms, "--port", SIM, "--scenario", &echo, "--speed", "max", "-v"];
    let ran = run(&mut atflow(&dir, args)).exited(0);
    assert!(ran.stdout.contains("← hi\\x1a  (expected)\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("echo = hi\\x1a\n"), "{}", ran.stdout);
    let told = "flow: sms.yaml\ntests:\n  - name: x\n    sim: { start: warm, payload_echo: true }\n    expect: [{ sent: AT, count: 1 }, { returns: { echo: x } }]\n";
    dir.file("sms.test.yaml", told);
    let tested = run(atflow(&dir, ["test", "."]).current_dir(dir.path())).exited(1);
    assert!(!tested.stdout.contains('\x1a') && !tested.stdout.contains("\\u{1a}"), "{}", tested.stdout);
}
