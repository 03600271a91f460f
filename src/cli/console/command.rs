//! One command line that was typed, its data, and all that it owes.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::{Cancel, CommandRules, DataEnd, Finals, Prompt};
use crate::at::sorter::{Class, Verdict, Wanted};
use crate::link::Mono;
use crate::session::{Fault, Request};

use super::input::{Ask, Typed};
use super::screen::{meaning, seconds};
use super::story::{Data, Happened, Outcome, Sent};
use super::talk::Talk;
use super::{DATA_PROMPT, Line};

const CTRL_Z: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// How the module will know that the data is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// At so many bytes, if the command line says how many.
    Length(Option<usize>),
    CtrlZ,
}

/// A command under way.
struct Flight {
    sent: Sent,
    /// Where it belongs in what happened: what came while it was under way stands behind it.
    place: usize,
    /// As it went over the line.
    line: String,
    rules: CommandRules,
    prompt: Prompt,
    timeout: Duration,
    deadline: Mono,
    /// The lines of the data, which the module may echo.
    data_lines: Vec<String>,
    /// The final result has been heard.
    final_heard: bool,
    restarted: bool,
}

impl Flight {
    fn is_echo_of_data(&self, line: &str) -> bool {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        // Of Esc and Ctrl-Z nothing is left.
        line.is_empty() || self.data_lines.iter().any(|sent| sent == line)
    }
}

/// What became of typing data.
enum TypedData {
    /// The text, and whether Ctrl-Z ended it.
    Whole(String, bool),
    /// Thrown away.
    Cancelled,
    /// The module went on without it.
    Over,
}

impl Talk {
    /// Sends a command line and shows what it brings.
    pub(super) fn command(&mut self, typed: &str) -> Result<(), Fault> {
        let line = match self.secrets.command(typed) {
            Ok(line) if line.chars().any(char::is_control) => {
                self.screen.problem("a command line holds no control characters; nothing was sent");
                return Ok(());
            }
            Ok(line) => line,
            Err(why) => {
                self.screen.problem(&format!("{why}; nothing was sent"));
                return Ok(());
            }
        };
        let mut flight = self.flight(typed, line);
        let outcome = self.fly(&mut flight);
        flight.sent.ended = self.session.now();
        self.happened.insert(flight.place, Happened::Command(flight.sent));
        if outcome.is_err() {
            self.session.give_up(true);
        }
        self.show_unasked();
        outcome
    }

    fn flight(&mut self, typed: &str, line: String) -> Flight {
        let rules = self.dialect.entry(&line).map(|entry| entry.rules.clone()).unwrap_or_default();
        let word = self.data_word.take().filter(|word| word != ">").map(Prompt::Word);
        let now = self.session.now();
        let timeout = rules.timeout.unwrap_or(self.dialect.line.timeout);
        Flight {
            sent: Sent {
                typed: typed.to_owned(),
                began: now,
                ended: now,
                answer: Vec::new(),
                data: None,
                outcome: Outcome::Silent,
            },
            place: self.happened.len(),
            prompt: word.or_else(|| rules.prompt.clone()).unwrap_or(Prompt::Sign),
            line,
            rules,
            timeout,
            deadline: now + timeout,
            data_lines: Vec::new(),
            final_heard: false,
            restarted: false,
        }
    }

    fn fly(&mut self, flight: &mut Flight) -> Result<(), Fault> {
        let rules = &flight.rules;
        let wanted = Arc::new(Wanted {
            awaits: rules.awaits.clone(),
            fail: rules.fail.clone(),
            owes_final: !matches!(rules.finals, Some(Finals::None)),
            finals: rules.finals.clone(),
            expect: rules.expect.clone(),
            collect: None,
            prompt: Some(flight.prompt.clone()),
        });
        let request = Request {
            line: &flight.line,
            wanted: Arc::clone(&wanted),
            same: Vec::new(),
            data: None,
            ends: DataEnd::Length,
            cancel: Cancel::None,
            restarts: None,
            timeout: flight.timeout,
            outer: Mono::FAR,
        };
        self.since = self.session.mark();
        self.cancelled();
        self.session.begin(&request)?;
        flight.deadline = self.session.now() + flight.timeout;
        self.show_unasked();
        flight.place = self.happened.len();
        let owes_final = wanted.owes_final;
        loop {
            while let Some(line) = self.heard() {
                self.heard_in(flight, line);
            }
            if let Some(outcome) = self.decided(flight, owes_final) {
                flight.sent.outcome = outcome;
                self.session.finish();
                return Ok(());
            }
            // A program that is to end has no data to type.
            if self.session.progress().prompt_seen && flight.sent.data.is_none() && !self.stopped() {
                if !self.data(flight)? {
                    flight.sent.outcome = Outcome::Abandoned;
                }
                continue;
            }
            if self.stopped() || self.cancelled() {
                self.screen.say("no longer waited for");
                flight.sent.outcome = Outcome::Abandoned;
                self.session.give_up(owes_final);
                return Ok(());
            }
            if self.session.now() >= flight.deadline {
                self.explain_silence(flight, owes_final);
                self.session.give_up(owes_final);
                return Ok(());
            }
            self.session.hear(flight.deadline)?;
        }
    }

    /// How the command ended, if it has.
    fn decided(&self, flight: &mut Flight, owes_final: bool) -> Option<Outcome> {
        let progress = self.session.progress();
        if owes_final && progress.ended.is_none() {
            return None;
        }
        if flight.sent.outcome == Outcome::Abandoned {
            return Some(Outcome::Abandoned);
        }
        if let Some(failed) = &progress.failed {
            let said = match meaning(&self.dialect, failed) {
                Some(meaning) => format!("{} ({meaning})", failed.line),
                None => failed.line.clone(),
            };
            return Some(Outcome::Refused(said));
        }
        if let Some(ended) = progress.ended.as_ref().filter(|ended| ended.verdict == Verdict::Busy) {
            return Some(Outcome::Refused(format!("{} (it did not take the line)", ended.line)));
        }
        if !progress.awaits_done {
            return None;
        }
        match flight.rules.restarts {
            // A sign of the restart is still to come.
            Some(window) if !flight.restarted => {
                flight.deadline = flight.deadline.max(flight.sent.began + flight.timeout + window);
                None
            }
            _ => Some(Outcome::Good),
        }
    }

    /// Shows a line that came while the command is under way.
    fn heard_in(&mut self, flight: &mut Flight, line: Line) {
        let took = line.at.since(flight.sent.began);
        let progress = self.session.progress();
        let failed = progress.failed.as_ref().filter(|failed| failed.line == line.text);
        let of_command = is_answer_of(&flight.line, &line.text);
        match line.class {
            Class::Final => {
                flight.final_heard = true;
                match failed {
                    Some(error) => self.screen.bad(&line.text, meaning(&self.dialect, error)),
                    None => self.screen.good(&line.text, took),
                }
            }
            Class::Fail => {
                let meaning = failed.and_then(|error| meaning(&self.dialect, error));
                self.screen.bad(&line.text, meaning);
            }
            Class::Await => self.screen.good(&line.text, took),
            Class::Prompt if progress.prompt_seen => self.screen.answer(&line.text),
            Class::Expect | Class::Collect => self.answered(flight, line.text),
            // The module may echo data, too.
            Class::Information | Class::Unknown if flight.is_echo_of_data(&line.text) => {}
            Class::Information if !flight.final_heard => self.answered(flight, line.text),
            Class::Other if of_command && !flight.final_heard => self.answered(flight, line.text),
            Class::Reboot => {
                flight.restarted = true;
                self.unasked(line);
            }
            _ => self.unasked(line),
        }
    }

    fn answered(&self, flight: &mut Flight, text: String) {
        self.screen.answer(&text);
        flight.sent.answer.push(text);
    }

    /// Takes the data that the module asks for and sends it. False if it was thrown away.
    fn data(&mut self, flight: &mut Flight) -> Result<bool, Fault> {
        let ends = ends_of(flight, &self.dialect.escapes);
        if self.input.is_terminal() {
            self.screen.say(&match ends {
                Ends::Length(Some(bytes)) => format!("{bytes} bytes of data"),
                _ => "data; Ctrl-D ends it, Ctrl-C throws it away".to_owned(),
            });
        }
        let (text, by_ctrl_z) = match self.typed_data(flight, ends)? {
            TypedData::Whole(text, by_ctrl_z) => (text, by_ctrl_z),
            TypedData::Cancelled => {
                flight.sent.data =
                    Some(Data { text: String::new(), prompt: flight.prompt.clone(), ctrl_z: true });
                let until = self.session.now() + flight.timeout;
                self.session.write_typed(&[ESC], until)?;
                flight.deadline = until;
                return Ok(false);
            }
            TypedData::Over => return Ok(true),
        };
        let ctrl_z = by_ctrl_z || ends == Ends::CtrlZ;
        let filled = self.secrets.data(&text).unwrap_or_else(|_| text.clone());
        flight.data_lines = filled.lines().map(|line| line.trim().to_owned()).collect();
        let mut bytes = filled.into_bytes();
        if ctrl_z {
            bytes.push(CTRL_Z);
        }
        flight.sent.data = Some(Data { text, prompt: flight.prompt.clone(), ctrl_z });
        flight.deadline = self.session.now() + flight.timeout;
        self.session.write_typed(&bytes, flight.deadline)?;
        Ok(true)
    }

    /// Lines until they are all the module wants, or whoever types says so.
    fn typed_data(&mut self, flight: &mut Flight, ends: Ends) -> Result<TypedData, Fault> {
        let mut lines: Vec<String> = Vec::new();
        loop {
            let Some(typed) = self.typed_while_flying(flight)? else { return Ok(TypedData::Over) };
            let (line, last) = match typed {
                Typed::Line(line) => (line, None),
                Typed::Last(line, by_ctrl_z) => (line, Some(by_ctrl_z)),
                // Standard input is over, or Ctrl-D in an empty line.
                Typed::End => (String::new(), Some(false)),
                Typed::Cancel if ends == Ends::CtrlZ => return Ok(TypedData::Cancelled),
                Typed::Cancel => {
                    self.screen
                        .problem("the module waits for its bytes and knows no way back; type them again");
                    lines.clear();
                    continue;
                }
            };
            if last.is_none() || !line.is_empty() {
                self.screen.typed(DATA_PROMPT, &line);
                lines.push(line);
            }
            let text = lines.join("\n");
            let bytes = match self.secrets.data(&text) {
                Ok(filled) => filled.len(),
                Err(why) => {
                    self.screen.problem(&format!("{why}; type it again"));
                    lines.clear();
                    continue;
                }
            };
            match (ends, last) {
                (Ends::Length(Some(wanted)), None) if bytes < wanted => {}
                (Ends::Length(Some(wanted)), Some(by_ctrl_z)) if bytes != wanted => {
                    self.explain_length(bytes, wanted);
                    return Ok(TypedData::Whole(text, by_ctrl_z));
                }
                (Ends::Length(Some(wanted)), None) if bytes > wanted => {
                    self.screen.problem(&format!(
                        "these are {bytes} bytes, the command line says {wanted}; type them again, or end \
                         them with Ctrl-D"
                    ));
                    lines.clear();
                }
                (Ends::Length(Some(_)), _) => return Ok(TypedData::Whole(text, false)),
                (_, Some(by_ctrl_z)) => return Ok(TypedData::Whole(text, by_ctrl_z)),
                (_, None) => {}
            }
        }
    }

    /// A typed line of data; `None` if the module has gone on, or the program is to end.
    fn typed_while_flying(&mut self, flight: &mut Flight) -> Result<Option<Typed>, Fault> {
        self.input.ask(Ask::Data);
        loop {
            if let Some(typed) = self.input.next() {
                return Ok(Some(typed));
            }
            if self.stopped() {
                return Ok(None);
            }
            if self.stands_still {
                self.signals.idle();
                continue;
            }
            self.session.hear(Mono::FAR)?;
            while let Some(line) = self.heard() {
                self.heard_in(flight, line);
            }
        }
    }

    /// Whoever typed knows better how much data there is, or has nothing more.
    fn explain_length(&self, bytes: usize, wanted: usize) {
        let then = if bytes < wanted { "wait for more" } else { "take the rest for a command" };
        self.screen.problem(&format!(
            "{bytes} bytes are sent, the command line says {wanted}; the module may {then}"
        ));
    }

    fn explain_silence(&self, flight: &Flight, owes_final: bool) {
        let within = format!("within {}", seconds(flight.timeout));
        let progress = self.session.progress();
        let text = if !owes_final || progress.ended.is_some() {
            match self.session.missing_await() {
                Some(missing) => format!("`{missing}`, which this command brings, did not come {within}"),
                None => format!("no sign of a restart {within}"),
            }
        } else if flight.sent.data.is_some() {
            format!("no result after the data {within}")
        } else if flight.sent.answer.is_empty() {
            let speed = self.session.baud_bps().map(|baud| format!(", and does it listen at {baud} baud"));
            format!("no answer {within}: is the module on{}?", speed.unwrap_or_default())
        } else {
            format!(
                "an answer without a final result {within}; a dialect (--module) knows what ends its commands"
            )
        };
        self.screen.problem(&text);
    }
}

/// How the data of this command ends: as the dialect says, else as the command line looks.
fn ends_of(flight: &Flight, escapes: &[(char, String)]) -> Ends {
    let argument = match flight.rules.length {
        Some(number) => argument(&flight.line, number, escapes),
        None => flight.line.rsplit([',', '=']).next(),
    };
    let length = argument.and_then(|argument| argument.trim().parse().ok());
    match flight.rules.ends {
        Some(DataEnd::CtrlZ) => Ends::CtrlZ,
        None if flight.rules.prompt.is_none() && length.is_none() => Ends::CtrlZ,
        Some(DataEnd::Length) | None => Ends::Length(length),
    }
}

/// An argument of a command line, the first of which is 1. A comma in quotes parts none, and a quote that is
/// escaped ends no text.
fn argument<'l>(line: &'l str, number: usize, escapes: &[(char, String)]) -> Option<&'l str> {
    let (_, arguments) = line.split_once('=')?;
    let (mut from, mut at, mut parted, mut quoted) = (0, 0, 0, false);
    while let Some(c) = arguments[at..].chars().next() {
        let rest = &arguments[at..];
        let escape = escapes.iter().find(|(_, escape)| !escape.is_empty() && rest.starts_with(escape));
        if let Some((_, escape)) = escape {
            at += escape.len();
            continue;
        }
        quoted ^= c == '"';
        if c == ',' && !quoted {
            parted += 1;
            if parted == number {
                break;
            }
            from = at + 1;
        }
        at += c.len_utf8();
    }
    (parted + 1 >= number).then(|| &arguments[from..at])
}

/// Whether a line that could also come unasked is the answer to this command: `+CPIN: READY` to `AT+CPIN?`.
fn is_answer_of(command: &str, line: &str) -> bool {
    let name = command.get(2..).unwrap_or_default().split(['=', '?']).next().unwrap_or_default();
    name.len() > 1 && line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::argument;

    #[test]
    fn an_argument_is_what_stands_between_commas_outside_quotes() {
        let escapes = [('"', "\\\"".to_owned()), (',', "\\,".to_owned())];
        for (line, number, wanted) in [
            ("AT+HTTPDATA=5,10000", 1, Some("5")),
            ("AT+HTTPDATA=5,10000", 2, Some("10000")),
            ("AT+HTTPDATA=5,10000", 3, None),
            ("AT+HTTPDATA=5", 1, Some("5")),
            ("AT+PUB=0,\"a,b\",7,0", 3, Some("7")),
            ("AT+PUB=0,\"a\\\",b\",7,0", 3, Some("7")),
            ("AT+PUB=0,a\\,b,7,0", 3, Some("7")),
            ("AT+PUB=0,ü,7", 3, Some("7")),
            ("AT+PUB", 1, None),
        ] {
            assert_eq!(argument(line, number, &escapes), wanted, "{line}");
        }
    }
}
