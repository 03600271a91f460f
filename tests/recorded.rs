//! What was typed by hand becomes a flow that does the same, on the simulation and on its own recording.

mod support;

use std::fs;

use support::module::{Module, framed};
use support::process::{Done, atflow, run, run_typed};
use support::temp::TempDir;

const SIM: &str = "sim:luat-air724";
const WARM: &str = "sim: { start: warm }\n";

/// A conversation that was recorded.
struct Recorded {
    dir: TempDir,
    /// What the console showed.
    said: String,
}

impl Recorded {
    /// What was typed to a simulated module that is as `scenario` says.
    #[track_caller]
    fn on_sim(scenario: &str, lines: &str) -> Self {
        let dir = TempDir::new();
        let scenario = dir.file("scenario.yaml", scenario);
        let record = ["record", SIM, "--speed", "max", "--scenario", &scenario, "-o", &dir.join("typed")];
        let said = run_typed(&mut atflow(&dir, record), lines).exited(0).stdout;
        Self { dir, said }
    }

    /// What was typed to a module that answers as `reply` says.
    #[track_caller]
    fn on_module(reply: impl FnMut(&str) -> Vec<u8> + Send + 'static, lines: &str) -> Self {
        let dir = TempDir::new();
        let module = Module::answering(reply);
        let record = ["record", module.port(), "-o", &dir.join("typed")];
        let said = run_typed(&mut atflow(&dir, record), lines).exited(0).stdout;
        module.finish();
        Self { dir, said }
    }

    /// The steps of the flow, which `check` has nothing to say about.
    #[track_caller]
    fn steps(&self) -> String {
        let checked = run(&mut atflow(&self.dir, ["check", &self.dir.join("typed.yaml")])).exited(0);
        assert!(checked.stderr.is_empty(), "{}", checked.stderr);
        let flow = fs::read_to_string(self.dir.join("typed.yaml")).expect("a flow");
        flow.split_once("\nsteps:\n").expect("every flow has steps").1.to_owned()
    }

    /// Runs the flow on the simulated module as it was.
    #[track_caller]
    fn passes_on_sim(&self) {
        let scenario = self.dir.join("scenario.yaml");
        self.run(&["--port", SIM, "--speed", "max", "--scenario", &scenario]).exited(0);
    }

    /// Runs the flow on its own recording.
    #[track_caller]
    fn passes_on_its_replay(&self) {
        self.run(&["--port", &format!("replay:{}", self.dir.join("typed.jsonl"))]).exited(0);
    }

    fn run(&self, on: &[&str]) -> Done {
        let flow = self.dir.join("typed.yaml");
        run(&mut atflow(&self.dir, ["run", &flow].iter().chain(on)))
    }
}

#[test]
fn what_passed_is_a_step_whatever_it_said_the_second_time() {
    let recorded = Recorded::on_sim(WARM, "AT\nAT+CSTT\nAT+CIICR\nAT+CIICR\nAT+CIFSR\n");
    assert!(recorded.said.contains("› AT+CIICR\n+CME ERROR: 3  operation"), "{}", recorded.said);
    let steps = recorded.steps();
    assert!(steps.contains("  - AT+CIICR\n\n  # AT+CIICR: +CME ERROR: 3 (operation"), "{steps}");
    recorded.passes_on_sim();
    recorded.passes_on_its_replay();
}

/// A note is what it is, whatever a template would make of it.
#[test]
fn a_note_may_hold_what_a_template_holds() {
    let recorded = Recorded::on_sim(WARM, ":note ${attempt} of ${\nAT+CSQ\n");
    let steps = recorded.steps();
    assert!(steps.contains("$${attempt} of $${"), "{steps}");
    recorded.passes_on_sim();
    recorded.passes_on_its_replay();
}

/// A message that was sent twice is two messages, and each has a reference of its own.
#[test]
fn data_that_was_sent_twice_is_two_steps() {
    let sms = "AT+CMGS=\"+49\"\none\x1a\n";
    let recorded = Recorded::on_sim(WARM, &format!("AT+CMGF=1\n{sms}{sms}"));
    let step = "  - send: AT+CMGS=\"+49\"\n    data: one\n    expect: '+CMGS: {reference:int}'\n";
    assert_eq!(recorded.steps(), format!("  - AT+CMGF=1\n\n{step}\n{step}"));
    recorded.passes_on_sim();
    recorded.passes_on_its_replay();
}

/// `AT+CMSS=1` sends a stored message, and says which one it was.
#[test]
fn what_acts_and_answers_is_a_step_for_each_time_that_it_passed() {
    let mut reference = 4..;
    let reply = move |_: &str| {
        let sent = reference.next().expect("a number");
        framed(&[&format!("+CMSS: {sent}"), "OK"])
    };
    let recorded = Recorded::on_module(reply, "AT+CMSS=1\nAT+CMSS=1\n");
    let step = "  - send: AT+CMSS=1\n    expect: '+CMSS: {:int}'\n";
    assert_eq!(recorded.steps(), format!("{step}\n{step}"));
    recorded.passes_on_its_replay();
}

/// What a module said one after the other is no promise that it says the last of it first.
#[test]
fn a_question_that_was_repeated_is_one_step_that_takes_every_answer() {
    for (answers, expect) in [
        (["+R: 1", "+R: 2", "+R: 3"], "'+R: {:int}'"),
        (["-55 dBm", "-57 dBm", "-55 dBm"], "'{}'"),
        (["+R: 1|a", "+R: 1", "+R: 1|b|c"], "'+R: 1'"),
        (["+Q: 4|+R: 1", "+R: 1|+R: 1", "+R: 1|+R: 1"], "'+R: 1'"),
    ] {
        let mut left = answers.into_iter();
        let reply = move |_: &str| {
            let lines: Vec<&str> = left.next().expect("an answer").split('|').chain(["OK"]).collect();
            framed(&lines)
        };
        let recorded = Recorded::on_module(reply, "AT+R\nAT+R\nAT+R\n");
        assert_eq!(recorded.steps(), format!("  - send: AT+R\n    expect: {expect}\n"));
        recorded.passes_on_its_replay();
    }
}

/// Whoever looks once more at what has changed waited for it none the less.
#[test]
fn a_state_was_waited_for_also_if_somebody_looks_at_it_once_more() {
    let until = |state: &str| format!("  - send: AT+CREG?\n    expect: '+CREG: 0,{state}'\n");
    let retried = format!("{}    retry: {{ every: 1s, for: 1s }}\n", until("1"));
    let up = "  - await: '+UP: 1'\n    timeout: 1s\n";
    for (typed, states, wanted) in [
        ("AT+CREG?\nATI\nAT+CREG?\nAT+CREG?\n", "211", format!("  - ATI\n\n{retried}")),
        ("AT+CREG?\nAT+CREG?\nAT+CREG?\n", "211", retried.clone()),
        // What had come is looked at in the place where it was.
        (
            "AT+CREG?\nAT+CREG?\nATI\nAT+CREG?\nATI\n",
            "211",
            format!("{retried}\n  - ATI\n\n{}\n  - ATI\n", until("1")),
        ),
        (
            "AT+CREG?\nAT+UP\n:wait +UP: 1\nAT+CREG?\n",
            "21",
            format!("{}\n  - AT+UP\n\n{up}\n{}", until("{:int}"), until("1")),
        ),
    ] {
        let mut left = states.chars();
        let reply = move |line: &str| match line {
            "AT+CREG?" => framed(&[&format!("+CREG: 0,{}", left.next().expect("a state")), "OK"]),
            "AT+UP" => framed(&["OK", "+UP: 1"]),
            _ => framed(&["OK"]),
        };
        let recorded = Recorded::on_module(reply, typed);
        assert_eq!(recorded.steps(), wanted, "{typed}");
        recorded.passes_on_its_replay();
    }
}

/// A recording keeps a line back until all that stood before it has been sent.
#[test]
fn a_state_that_was_looked_at_before_a_line_came_is_looked_at_as_often() {
    let mut left = ["0,2", "0,1", "0,1"].into_iter();
    let reply = move |line: &str| match line {
        "AT+CREG?" => match (left.next().expect("a state"), left.len()) {
            (state, 0) => framed(&[&format!("+CREG: {state}"), "OK", "+UP: 1"]),
            (state, _) => framed(&[&format!("+CREG: {state}"), "OK"]),
        },
        _ => framed(&["OK"]),
    };
    let recorded = Recorded::on_module(reply, "AT+CREG?\nAT+CREG?\nAT+CREG?\n:wait +UP: 1\n");
    assert_eq!(recorded.steps().matches("AT+CREG?").count(), 2, "{}", recorded.steps());
    recorded.passes_on_its_replay();
}

/// The recording has the line behind the command that stood before it, be it a question, a reading or a slip.
#[test]
fn what_stands_before_a_line_that_was_waited_for_is_sent_in_the_flow() {
    let up = ":wait RDY\n:wait SMS READY 10s\nAT\n";
    for before in ["AT+CREG?\n", "AT+CSTX\n", "AT+CSTX\nAT+CSTX\n", "AT+CSQ\nAT+CSQ\n"] {
        let served = ":wait +E_UTRAN Service 20s\nAT+CREG?\nAT+CSTT\nAT+CSQ\n";
        let recorded = Recorded::on_sim("{}", &format!("{up}{before}{served}"));
        let steps = recorded.steps();
        let sent = steps.lines().filter(|line| line.contains("AT")).count();
        assert_eq!(sent, 4 + before.lines().count(), "{steps}");
        recorded.passes_on_sim();
        recorded.passes_on_its_replay();
    }
}

/// Of many commands the last number is no length; the dialect knows which one is.
#[test]
fn data_is_as_long_as_the_argument_says_that_the_dialect_names() {
    let dir = TempDir::new();
    let said = run_typed(
        &mut atflow(&dir, ["console", SIM]),
        "AT+SAPBR=1,1\nAT+HTTPINIT\nAT+HTTPDATA=5,10000\nhello\nAT\n",
    );
    let said = said.exited(0).stdout;
    assert!(said.contains("DOWNLOAD\n> hello\nOK\n› AT\nOK\n"), "{said}");

    let module = Module::start(|wire| {
        wire.answer("AT+MQTTPUBRAW=0,\"attributes\",7,0,0", b"\r\nOK\r\n\r\n>");
        assert_eq!(wire.take(7), b"{\"a\":1}");
        wire.say(framed(&["+MQTTPUB:OK"]));
        wire.until_over();
    });
    let console = ["console", module.port(), "--module", "esp-at"];
    let typed = "AT+MQTTPUBRAW=0,\"attributes\",7,0,0\n{\"a\":1}\n";
    let said = run_typed(&mut atflow(&dir, console), typed).exited(0).stdout;
    module.finish();
    assert!(said.ends_with("> {\"a\":1}\n+MQTTPUB:OK\n"), "{said}");
}

/// A dialect that does not know a command takes the wrong number for the length, and whoever types knows better.
#[test]
fn data_of_any_length_ends_with_ctrl_d() {
    for (announced, then) in [(10_000, "wait for more"), (0, "take the rest for a command")] {
        let dir = TempDir::new();
        let module = Module::start(move |wire| {
            wire.answer(&format!("AT+UP=5,{announced}"), b"\r\n> ");
            assert_eq!(wire.take(5), b"hello");
            wire.say(framed(&["OK"]));
            wire.until_over();
        });
        let typed = format!("AT+UP=5,{announced}\nhello\x04\n");
        let said = run_typed(&mut atflow(&dir, ["console", module.port()]), &typed).exited(0).stdout;
        module.finish();
        let sent = format!(
            "> hello\n! 5 bytes are sent, the command line says {announced}; the module may {then}\nOK\n"
        );
        assert!(said.ends_with(&sent), "{said}");
    }
}

/// A number that is no length, such as that of a PDU: the module waits for the Ctrl-Z.
#[test]
fn a_ctrl_z_is_sent_where_the_length_is_another_one() {
    let dir = TempDir::new();
    let module = Module::start(|wire| {
        wire.answer("AT+CMGW=23", b"\r\n> ");
        assert_eq!(wire.take(11), b"0011000B91\x1a");
        wire.say(framed(&["+CMGW: 1", "OK"]));
        wire.until_over();
    });
    let typed = "AT+CMGW=23\n0011000B91\x1a\n";
    let said = run_typed(&mut atflow(&dir, ["console", module.port()]), typed).exited(0).stdout;
    module.finish();
    assert!(said.ends_with("the module may wait for more\n+CMGW: 1\nOK\n"), "{said}");
}
