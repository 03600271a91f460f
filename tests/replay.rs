//! A recorded run, replayed: the same report from the recording as from the module. And transcripts as the
//! command line shows them.

#![cfg(unix)]

mod support;

use std::fs;

use support::bringup::{BRINGUP, KEY, SCENARIO, TOKEN, steps};
use support::process::{Done, atflow, run};
use support::simulator::serve;
use support::temp::TempDir;

fn json_run(dir: &TempDir, flow: &str, port: &str, more: &[&str]) -> Done {
    run(&mut atflow(dir, ["run", flow, "--format", "json", "--port", port].iter().chain(more)))
}

fn said(dir: &TempDir, args: &[&str], code: i32) -> (String, String) {
    let done = run(atflow(dir, args).current_dir(dir.path())).exited(code);
    (done.stdout, done.stderr)
}

/// A flow of three commands, and its recording on the simulated module.
fn recorded(dir: &TempDir) {
    dir.file("warm.yaml", SCENARIO);
    dir.file(
        "flow.yaml",
        "module: luat-air724\nsteps: [ATE0, AT+CGMM, { send: AT+CSQ, expect: '+CSQ: {rssi:int},{ber:int}' }]\n",
    );
    let args = ["run", "flow.yaml", "--port", "sim:luat-air724", "--speed", "max", "--scenario", "warm.yaml"];
    said(dir, &[args.as_slice(), &["-q", "--transcript", "run.jsonl"]].concat(), 0);
}

#[test]
fn a_run_on_a_pty_repeats_from_its_transcript() {
    let dir = TempDir::new();
    let scenario = dir.file("warm.yaml", SCENARIO);
    let (_sim, port) = serve(&dir, &["--pty", &dir.join("air724.tty"), "--scenario", &scenario]);
    let transcript = dir.join("run.jsonl");
    let args = ["run", BRINGUP, "--format", "json", "--port", &port, "--transcript", &transcript];
    let real = run(atflow(&dir, args).envs([TOKEN, KEY])).exited(0);

    // Without the secrets: in the transcript they are only names.
    let replayed = json_run(&dir, BRINGUP, &format!("replay:{transcript}"), &[]).exited(0);
    assert_eq!(steps(&replayed), steps(&real));
    assert_eq!(replayed.finished()["received"], 1);

    let matched = json_run(&dir, BRINGUP, &format!("replay:{transcript}?match"), &[]).exited(0);
    assert_eq!(matched.finished()["verdict"], "passed");
}

#[test]
fn a_replay_is_recorded_as_what_it_replays() {
    let dir = TempDir::new();
    let (first, second) = (dir.join("first.jsonl"), dir.join("second.jsonl"));
    let seed = ["--speed", "max", "--transcript", &first];
    let simulated = json_run(&dir, BRINGUP, "sim:luat-air724", &seed).exited(0);
    let replay = format!("replay:{first}");
    let replayed = json_run(&dir, BRINGUP, &replay, &["--transcript", &second]).exited(0);
    assert_eq!(steps(&replayed), steps(&simulated));
    let records = |file: &str| {
        let text = fs::read_to_string(file).expect("a transcript");
        text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(records(&second), records(&first), "byte for byte, at the same times");
}

#[test]
fn another_line_ends_the_run_whatever_the_step_says() {
    let dir = TempDir::new();
    recorded(&dir);
    dir.file(
        "changed.yaml",
        "module: luat-air724\nsteps:\n  - ATE0\n  - send: AT+CGSN\n    on_error: ignore\n    retry: { attempts: 5 }\n",
    );
    let (stdout, stderr) = said(&dir, &["run", "changed.yaml", "--port", "replay:run.jsonl", "-q"], 1);
    assert_eq!(stderr, "");
    let expected = "
error[AT1014]: the run leaves the recording at run.jsonl:7: recorded is `AT+CGMM\\r\\n`, sent was `AT+CGSN\\r\\n`
 --> changed.yaml:4:5
  |
4 |   - send: AT+CGSN
  |     ^^^^^^^^^^^^^
  |
  = help: a flow that was changed can still be tried: `--port 'replay:run.jsonl?match'` answers its lines in any order
✗ failed  at `AT+CGSN`: replay, after 1 step in 1ms of simulated time
";
    assert_eq!(stdout, expected);
}

#[test]
fn a_changed_flow_is_answered_line_by_line() {
    let dir = TempDir::new();
    recorded(&dir);
    dir.file(
        "more.yaml",
        "module: luat-air724\nsteps: [ATE0, AT+CSQ, { send: AT+CSQ, expect: '+CSQ: {r:int},{:int}' }, AT+CGMM]\n",
    );
    let port = "replay:run.jsonl?match";
    let (stdout, _) = said(&dir, &["run", "more.yaml", "--port", port, "-q"], 0);
    assert!(stdout.starts_with("✓ passed  4 steps in "), "{stdout}");
    let (stdout, stderr) = said(&dir, &["at", port, "AT+CSQ", "AT+CGMI"], 1);
    assert_eq!(stdout, "+CSQ: 29,99\nOK\n");
    assert_eq!(stderr, "error: nothing like `AT+CGMI\\r\\n` was sent in the recording run.jsonl\n");
}

#[test]
fn a_transcript_is_shown_and_explained() {
    let dir = TempDir::new();
    dir.file(
        "x.jsonl",
        r#"{"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","module":"luat-air724","wall_ms":1735689600000}
{"t":1000,"note":"step","text":"open TCP"}
{"t":1210,"tx":"AT+MIPSTART=example.org,1883\r\n"}
{"t":9876,"rx":"\r\nOK\r\n"}
{"t":90000,"rx":"\r\nCONNECT FAIL\r\n"}
{"t":95000,"note":"end","text":"error"}
{"t":4000000,"rx":"+MSUB: \"a/b\",5 byte,hel\r\n"}
{"t":4000100,"rx":"\r\n+PDP: DEACT\r\n"}
"#,
    );
    let (stdout, stderr) = said(&dir, &["transcript", "show", "x.jsonl"], 0);
    let expected = "\
x.jsonl  luat-air724 on /dev/ttyUSB0, 2025-01-01 00:00:00 UTC

▸ open TCP
    0.001 → AT+MIPSTART=example.org,1883␍␊
    0.009 ← ␍␊OK␍␊
    0.090 ← ␍␊CONNECT FAIL␍␊
    0.095 ✗ error
    4.000 ← +MSUB: \"a/b\",5 byte,hel␍␊
    4.000 ← ␍␊+PDP: DEACT␍␊
";
    assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""));
    let (stdout, stderr) = said(&dir, &["transcript", "explain", "x.jsonl"], 0);
    let expected = "\
x.jsonl  luat-air724 on /dev/ttyUSB0, 2025-01-01 00:00:00 UTC

    0.001 → AT+MIPSTART=example.org,1883
    0.009 ← OK                                        done, or begun
    0.090 ← CONNECT FAIL                              decides that the command failed
    4.000 ← +MSUB: \"a/b\",5 byte,hel␍␊                 a message on `a/b`, 5 bytes
    4.000 ← +PDP: DEACT                               the session, or what carries it, is gone
";
    assert_eq!((stdout.as_str(), stderr.as_str()), (expected, ""));
}

#[test]
fn a_difference_is_an_exit_code() {
    let dir = TempDir::new();
    recorded(&dir);
    let text = fs::read_to_string(dir.join("run.jsonl")).expect("a transcript");
    dir.file("new.jsonl", text.replace("Air724UG", "Air780E"));
    let (stdout, _) = said(&dir, &["transcript", "diff", "run.jsonl", "run.jsonl"], 0);
    assert!(stdout.ends_with("\n\nno difference in 3 commands\n"), "{stdout}");
    let (stdout, _) = said(&dir, &["transcript", "diff", "run.jsonl", "new.jsonl"], 1);
    let expected = "\
--- run.jsonl  luat-air724 on sim:luat-air724
+++ new.jsonl  luat-air724 on sim:luat-air724

AT+CGMM
- +CGMM: \"Air724UG\"
+ +CGMM: \"Air780E\"
  OK

1 of 3 commands answered differently
";
    assert_eq!(stdout, expected);
}

#[test]
fn what_is_no_transcript_is_said_with_its_place_and_a_cure() {
    let dir = TempDir::new();
    recorded(&dir);
    dir.file("prose.txt", "It was a dark and stormy night.\n");
    dir.file("bytes.jsonl", b"{}\n\xff\n");
    let text = fs::read_to_string(dir.join("run.jsonl")).expect("a transcript");
    dir.file("broken.jsonl", text.replacen("\"t\":", "\"time\":", 2));
    dir.file("foreign.jsonl", text.replacen(r#""module":"luat-air724""#, r#""module":"nobody-x1""#, 1));
    let prose = "\
error[AT2101]: not the first line of a transcript: expected value (column 1)
 --> prose.txt:1
  = help: a transcript begins with `{\"atflow\":\"transcript\",\"version\":1,…}`
";
    let broken = "\
error[AT2101]: not a record: missing field `t` (column 38)
 --> broken.jsonl:2
  = help: a record is one line such as `{\"t\":1200,\"rx\":\"OK\\r\\n\"}`
";
    let missing = "\
error[AT2101]: cannot read `missing`: No such file or directory (os error 2)
  = help: it is written by `atflow run … --transcript FILE`
";
    let bytes = "\
error[AT2101]: not UTF-8
 --> bytes.jsonl:2
  = help: a transcript is JSON lines, as `--transcript` writes them
";
    let foreign = "\
error[AT2102]: there is no dialect `nobody-x1`, which wrote this
 --> foreign.jsonl:1
  = help: `--module NAME` reads it with another one, such as `generic`
";
    let scenario = "\
error: `--scenario` is for simulated modules, and `replay:run.jsonl` is a recording
  = help: leave it out: a recording says what it says
";
    let itself = "\
error: `./run.jsonl` is what is replayed; it is not overwritten
  = help: choose another file for `--transcript`
";
    let replay = |file| ["run", "flow.yaml", "--port", file];
    for (args, expected) in [
        (&["transcript", "show", "prose.txt"][..], prose),
        (&["transcript", "diff", "run.jsonl", "broken.jsonl"], broken),
        (&["transcript", "explain", "bytes.jsonl"], bytes),
        (&["transcript", "explain", "foreign.jsonl"], foreign),
        (&replay("replay:prose.txt"), prose),
        (&replay("replay:broken.jsonl"), broken),
        (&replay("replay:broken.jsonl?match"), broken),
        (&replay("replay:missing"), missing),
        (&[&replay("replay:run.jsonl")[..], &["--scenario", "warm.yaml"]].concat(), scenario),
        (&[&replay("replay:./run.jsonl")[..], &["--transcript", "run.jsonl"]].concat(), itself),
    ] {
        let (stdout, stderr) = said(&dir, args, 2);
        assert_eq!((stdout.as_str(), stderr.as_str()), ("", expected), "{args:?}");
    }
    said(&dir, &["transcript", "explain", "foreign.jsonl", "--module", "generic"], 0);
}

/// Runs the bundled station for this long.
fn station(dir: &TempDir, port: &str, lasts: &str, more: &[&str]) -> Done {
    let args = ["run", "scripts/thingscloud/station.yaml", "--port", port, "--for", lasts];
    run(&mut atflow(dir, args.iter().chain(more)))
}

#[test]
fn a_station_lives_through_its_recording_again_and_ends_where_that_ends() {
    let dir = TempDir::new();
    let recording = dir.join("day.jsonl");
    let demo = "scripts/thingscloud/demo.yaml";
    let made = ["--scenario", demo, "--speed", "max", "--transcript", &recording];
    let port = format!("replay:{recording}");
    let then = station(&dir, "sim:luat-air724", "5m", &made).exited(0);
    let now = station(&dir, &port, "5m", &[]).exited(0);
    let below_its_port = |done: &Done| done.stdout.split_once('\n').map(|(_, rest)| rest.to_owned());
    assert_eq!(below_its_port(&then), below_its_port(&now));

    // It would say goodbye here in the recording, and goes on instead.
    let longer = station(&dir, &port, "10m", &["--format", "json"]).exited(1);
    assert_eq!(
        longer.stderr,
        format!(
            r"error[AT1014]: the run leaves the recording at {recording}:273: recorded is `AT+MDISCONNECT\r\n`, sent was `AT+CSQ\r\n`
  = help: a flow that was changed can still be tried: `--port 'replay:{recording}?match'` answers its lines in any order
"
        )
    );
    let stopped = longer.events().pop().expect("an event");
    assert_eq!((&stopped["event"], &stopped["reports_sent"]), (&"station_stopped".into(), &5.into()));

    let matching = format!("{port}?match");
    let on = station(&dir, &matching, "10m", &[]).exited(0);
    assert!(on.stdout.contains("✓ stopped  10 reports sent in 10m00s"), "{}", on.stdout);
}
