use super::super::super::console::story::Data;
use super::*;
use crate::at::sorter::Class;
use crate::link::Mono;

/// A conversation that is written down: each entry takes a second.
struct Story(Vec<Happened>);

impl Story {
    fn now(&self) -> Mono {
        Mono::ZERO + Duration::from_secs(self.0.len() as u64)
    }

    fn sent(mut self, typed: &str, outcome: Outcome, answer: &[&str]) -> Self {
        let began = self.now();
        let ended = began + Duration::from_millis(100);
        let answer = answer.iter().map(|line| (*line).to_owned()).collect();
        let sent = Sent { typed: typed.to_owned(), began, ended, answer, data: None, outcome };
        self.0.push(Happened::Command(sent));
        self
    }

    fn good(self, typed: &str, answer: &[&str]) -> Self {
        self.sent(typed, Outcome::Good, answer)
    }

    fn refused(self, typed: &str, line: &str) -> Self {
        self.sent(typed, Outcome::Refused(line.to_owned()), &[])
    }

    fn came(mut self, class: Class, text: &str) -> Self {
        self.0.push(Happened::Unasked { at: self.now(), class, text: text.to_owned() });
        self
    }

    fn wait(mut self, pattern: &str, came: bool) -> Self {
        let came = came.then(|| self.now());
        self.0.push(Happened::Wait { pattern: pattern.to_owned(), came });
        self
    }

    fn note(mut self, text: &str) -> Self {
        self.0.push(Happened::Note(text.to_owned()));
        self
    }

    /// The steps of the flow.
    fn steps(self) -> String {
        self.steps_hiding(&Secrets::default())
    }

    /// The same where there were secrets.
    fn steps_hiding(self, secrets: &Secrets) -> String {
        let recording = Recording {
            name: "test",
            module: "generic",
            happened: &self.0,
            secrets,
            dialect: &Dialect::default(),
        };
        let (flow, _) = recording.flow();
        flow.split_once("steps:\n").expect("every flow has steps").1.to_owned()
    }
}

/// Secrets of a module that takes some characters by their numbers.
fn secrets(all: &[(&str, &str)]) -> Secrets {
    let escapes = [('"', "\\22".to_owned()), (',', "\\2C".to_owned()), ('\\', "\\5C".to_owned())];
    let mut secrets = Secrets::with(&escapes);
    for (name, value) in all {
        secrets.put(name, value).expect("it is short");
    }
    secrets
}

fn story() -> Story {
    Story(Vec::new())
}

#[test]
fn a_command_repeated_until_it_says_something_else_is_a_retry() {
    let asked = story().good("AT+CGATT?", &["+CGATT: 0"]).came(Class::Other, "+CREG: 1");
    let steps = asked.good("AT+CGATT?", &["+CGATT: 0"]).good("AT+CGATT?", &["+CGATT: 1"]).steps();
    assert_eq!(steps, "  - send: AT+CGATT?\n    expect: '+CGATT: 1'\n    retry: { every: 2s, for: 10s }\n");
}

#[test]
fn a_state_that_was_asked_for_now_and_then_is_waited_for_once() {
    let asked = story().good("AT+CGATT?", &["+CGATT: 0"]).good("AT+Y", &[]).good("AT+CGATT?", &["+CGATT: 0"]);
    let steps = asked.good("AT+CGATT?", &["+CGATT: 1"]).steps();
    let wanted =
        "  - AT+Y\n\n  - send: AT+CGATT?\n    expect: '+CGATT: 1'\n    retry: { every: 2s, for: 10s }\n";
    assert_eq!(steps, wanted);
}

#[test]
fn a_command_repeated_until_it_passes_is_a_retry() {
    let asked = story().sent("AT", Outcome::Silent, &[]).refused("AT", "ERROR").good("AT", &[]);
    assert_eq!(asked.steps(), "  - send: AT\n    retry: { every: 1s, for: 10s }\n");
}

#[test]
fn an_at_that_was_heard_at_last_is_a_retry() {
    let asked = story().good("AT+RESET", &[]).sent("AT", Outcome::Silent, &[]).good("AT+CSQ", &[]);
    let retried = "  - send: AT\n    retry: { every: 1s, for: 5s }\n";
    assert_eq!(asked.steps(), format!("  - AT+RESET\n\n{retried}\n  - AT+CSQ\n"));
    let never = story().sent("AT", Outcome::Silent, &[]).sent("AT+CSQ", Outcome::Silent, &[]);
    assert!(!never.steps().contains("retry"));
}

/// The module may have been on for long then, and be switched on with the flow the next time.
#[test]
fn an_at_that_begins_a_conversation_is_asked_until_it_is_heard() {
    let wakes = "send: AT\n    timeout: 1s\n    retry: { attempts: 90, only: [timeout, reboot, error] }\n";
    let talked = story().note("who").good("AT", &[]).good("AT", &[]).good("ATI", &[]).steps();
    assert_eq!(talked, format!("  - name: who\n    {wakes}\n  - AT\n  - ATI\n"));
    let later = story().good("ATI", &[]).good("AT", &[]).steps();
    assert_eq!(later, "  - ATI\n  - AT\n");
}

#[test]
fn a_reading_that_was_repeated_is_one_step_with_holes() {
    let asked = story().good("AT+X?", &["+X: 3,1"]).good("AT+X?", &["+X: 4,1"]).good("AT+X?", &["+X: 12,1"]);
    assert_eq!(asked.steps(), "  - send: AT+X?\n    expect: '+X: {:int},1'\n");
}

#[test]
fn the_same_command_later_counts_too() {
    let asked = story().good("AT+X", &["+X: 3,1"]).good("AT+Y", &[]).good("AT+X", &["+X: 4,1"]);
    let step = "  - send: AT+X\n    expect: '+X: {:int},1'\n";
    assert_eq!(asked.steps(), format!("{step}\n  - AT+Y\n\n{step}"));
}

#[test]
fn what_only_acts_is_done_as_often_as_it_was() {
    assert_eq!(story().good("AT+Y=1", &[]).good("AT+Y=1", &[]).steps(), "  - AT+Y=1\n  - AT+Y=1\n");
}

#[test]
fn mistakes_that_were_corrected_are_comments() {
    let tried = story().note("unlock").refused("AT+CPIN=\"0000\"", "+CME ERROR: 16 (incorrect password)");
    let steps = tried.good("AT+CPIN?", &["+CPIN: SIM PIN"]).good("AT+CPIN=\"1234\"", &[]).steps();
    let wanted = "  # AT+CPIN=\"0000\": +CME ERROR: 16 (incorrect password)\n  - name: unlock\n    send: AT+CPIN?\n    expect: '+CPIN: SIM PIN'\n\n  - AT+CPIN=\"1234\"\n";
    assert_eq!(steps, wanted);
    let typo = story().refused("AT+CSTX", "ERROR").good("AT+CSTT", &[]);
    assert_eq!(typo.steps(), "  # AT+CSTX: ERROR\n  - AT+CSTT\n");
}

#[test]
fn a_failure_that_did_not_matter_is_ignored() {
    let closed = story().refused("AT+MIPCLOSE", "+CME ERROR: 767").good("AT+CSQ", &[]);
    assert_eq!(closed.steps(), "  - send: AT+MIPCLOSE\n    on_error: ignore\n\n  - AT+CSQ\n");
}

#[test]
fn a_note_of_what_came_to_nothing_is_a_comment() {
    let noted = story().note("dial").sent("ATD1", Outcome::Abandoned, &[]).good("ATZ", &[]);
    assert_eq!(noted.steps(), "  # dial\n  # ATD1: given up\n  - ATZ\n");
    assert_eq!(story().note("a").note("b").good("ATZ", &[]).steps(), "  # a\n  - name: b\n    send: ATZ\n");
    let twice = story().note("a").good("ATZ", &[]).note("a").good("ATI", &[]).steps();
    assert!(twice.contains("name: a 2\n"), "{twice}");
}

#[test]
fn unknown_lines_after_a_command_are_awaited() {
    let late = story().good("AT+DIAL", &[]).came(Class::Other, "+CREG: 1").came(Class::Unknown, "DIALED 17");
    assert_eq!(late.steps(), "  - AT+DIAL\n\n  - await: DIALED 17\n    timeout: 10s\n");
    let known = story().good("AT+DIAL", &[]).came(Class::Other, "+CREG: 1").steps();
    assert_eq!(known, "  - AT+DIAL\n");
    assert_eq!(story().came(Class::Unknown, "HELLO").good("ATZ", &[]).steps(), "  - ATZ\n");
}

#[test]
fn a_wait_counts_from_the_command_to_the_line() {
    let waited = story().good("AT+X", &[]).came(Class::Unknown, "+DONE: 5").came(Class::Other, "RING");
    let steps = waited.wait("+DONE: {code:int}", true).steps();
    // It had come 0.9 s after the command, long before somebody waited for it.
    assert_eq!(steps, "  - AT+X\n\n  - await: '+DONE: {code:int}'\n    timeout: 3s\n");
    let none = story().good("ATZ", &[]).wait("RING", false).steps();
    assert_eq!(none, "  - ATZ\n  # `RING` was waited for and did not come\n");
}

#[test]
fn a_secret_that_the_module_says_in_its_own_escapes_is_not_expected() {
    let key = secrets(&[("KEY", "my\"pro,ject\\key")]);
    let said = "TOKEN my\\22pro\\2Cject\\5Ckey";
    let asked = story().good("AT+TOKEN?", &[said, "+ON: YES"]).came(Class::Unknown, said);
    assert_eq!(asked.steps_hiding(&key), "  - send: AT+TOKEN?\n    expect: '+ON: YES'\n");
}

#[test]
fn a_secret_that_was_typed_as_it_is_stands_by_its_name() {
    let key = secrets(&[("KEY", "my-key"), ("PAIR", "a1,b2")]);
    let asked = story().note("my-key is the note").refused("AT+X=my-key", "ERROR").good("AT+X=1,my-key", &[]);
    let awaited = asked.wait("+X: my-key", true).wait("my-key", true).wait("+Y: my-key", false);
    let lost = awaited.note("pair").good("AT+PAIR=a1,b2", &[]).note("my-key at last");
    let wanted = "  # AT+X=<KEY>: ERROR
  - name: '<KEY> is the note'
    send: AT+X=1,${KEY}

  - await: '+X: {}'
    timeout: 3s
  # <KEY>: left out, a secret would show in it
  # `+Y: <KEY>` was waited for and did not come
  # pair
  # AT+PAIR=<PAIR>: left out, a secret would show in it
  # <KEY> at last
";
    assert_eq!(lost.steps_hiding(&key), wanted);
}

#[test]
fn data_and_its_word_show_no_secret() {
    let key = secrets(&[("KEY", "my-key")]);
    let told = |text: &str, word: &str| {
        let Story(mut happened) = story().good("AT+UP", &[]).good("ATZ", &[]);
        if let Some(Happened::Command(sent)) = happened.first_mut() {
            let prompt = Prompt::Word(word.to_owned());
            sent.data = Some(Data { text: text.to_owned(), prompt, ctrl_z: false });
        }
        Story(happened).steps_hiding(&key)
    };
    assert_eq!(
        told("it is my-key", "GO"),
        "  - send: AT+UP\n    data: it is ${KEY}\n    prompt: GO\n\n  - ATZ\n"
    );
    let left_out = "  # AT+UP: left out, a secret would show in it\n  - ATZ\n";
    assert_eq!(told("bXkta2V5", "GO"), left_out);
    assert_eq!(told("it", "my-key"), left_out);
}

#[test]
fn durations_are_round() {
    for (ms, wanted) in [(0, "1s"), (1001, "2s"), (3500, "5s"), (61_000, "2m"), (3_700_000, "2h")] {
        assert_eq!(duration::display(rounded_up(Duration::from_millis(ms))), wanted);
    }
}
