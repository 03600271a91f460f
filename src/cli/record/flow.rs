//! A flow of what happened.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::at::dialect::{DataEnd, Dialect, Prompt};
use crate::at::pattern::Pattern;
use crate::flow::duration;

use super::super::console::secrets::Secrets;
use super::super::console::story::{Happened, Outcome, Sent};
use super::pieces::{Piece, is_question, pieces, takes};
use super::shape::Seen;
use super::yaml::{Step, Value, push_steps, scalar};

/// As many lines of an answer are expected; more would say nothing new.
const LINES: usize = 3;
/// What took so long may take this many times as long.
const PATIENCE: u32 = 3;

/// Why something is no step.
const UNNAMED: &str = "left out, a secret would show in it";

/// What the flow is made of.
pub(super) struct Recording<'r> {
    pub name: &'r str,
    pub module: &'r str,
    pub happened: &'r [Happened],
    pub secrets: &'r Secrets,
    pub dialect: &'r Dialect,
}

impl Recording<'_> {
    /// The flow as YAML, and how many steps it has.
    pub(super) fn flow(&self) -> (String, usize) {
        let pieces = pieces(self.happened, |line| self.late(line), |typed| self.wants_data(typed));
        let answers = answers(&pieces);
        let (mut steps, mut waits) = (Vec::new(), 0);
        let (mut comments, mut name) = (Vec::new(), None);
        for piece in &pieces {
            let made = match piece {
                Piece::Mistake { what, corrected } => {
                    // What the note was about has not become a step.
                    comments.extend(name.take_if(|_| !corrected));
                    comments.push(self.secrets.masked(what));
                    continue;
                }
                Piece::Note(text) => {
                    comments.extend(name.replace(self.secrets.masked(text)));
                    continue;
                }
                Piece::Lines { patterns, since, came } => {
                    waits += 1;
                    self.awaits(patterns, came.since(*since)).ok_or_else(|| patterns.join(", "))
                }
                Piece::Command { refused, alike, sent } => {
                    let others = others(&answers, &sent.typed, waits);
                    self.command(refused, alike, sent, &others).ok_or_else(|| sent.typed.clone())
                }
            };
            let mut step = match made {
                Ok(step) => step,
                Err(shows) => {
                    comments.extend(name.take());
                    comments.push(format!("{}: {UNNAMED}", self.secrets.masked(&shows)));
                    continue;
                }
            };
            if let (true, Piece::Command { refused, sent, .. }) = (steps.is_empty(), piece)
                && refused.is_empty()
                && is_first_word(sent)
            {
                step.keys.extend(until_heard(sent));
            }
            step.comments = std::mem::take(&mut comments);
            if let Some(name) = name.take() {
                let name = unique(&name, &steps);
                // A name may hold `${…}`, and a note is what it is.
                step.keys.insert(0, ("name", Value::Text(name.replace("${", "$${"))));
            }
            steps.push(step);
        }
        comments.extend(name);
        let count = steps.len();
        (self.yaml(&steps, &comments), count)
    }

    fn yaml(&self, steps: &[Step], left: &[String]) -> String {
        let mut body = String::new();
        push_steps(&mut body, steps);
        let mut out =
            format!("name: {}\nmodule: {}\n", scalar(&self.secrets.masked(self.name)), scalar(self.module));
        let used = |name: &&str| {
            body.contains(&format!("${{{name}}}")) || body.contains(&format!("${{escape({name})}}"))
        };
        let used: Vec<&str> = self.secrets.names().filter(used).collect();
        if !used.is_empty() {
            out.push_str("\nvars:\n");
        }
        for name in used {
            let _ = writeln!(out, "  {name}: {{ env: {name}, secret: true }}");
        }
        let _ = write!(out, "\nsteps:\n{body}");
        for comment in left {
            let _ = writeln!(out, "  # {comment}");
        }
        out
    }

    /// The step of a command; `None` if it would show a secret.
    fn command(&self, refused: &[Sent], alike: &[Sent], sent: &Sent, others: &[&[String]]) -> Option<Step> {
        let mut step = Step::default();
        step.keys.push(("send", Value::Text(self.secrets.named_command(&sent.typed)?)));
        if let Some(data) = &sent.data {
            step.keys.push(("data", Value::Text(self.secrets.named_data(&data.text)?)));
            let ends = self.dialect.entry(&sent.typed).and_then(|entry| entry.rules.ends);
            if let Prompt::Word(word) = &data.prompt
                && !self.wants_data(&sent.typed)
            {
                // A word is what it is: no name can stand for it.
                if self.secrets.shows_in(word) {
                    return None;
                }
                step.keys.push(("prompt", Value::Text(word.clone())));
            }
            if data.ctrl_z && ends != Some(DataEnd::CtrlZ) {
                step.keys.push(("ends", Value::Plain("ctrl-z".to_owned())));
                step.keys.push(("cancel", Value::Plain("esc".to_owned())));
            }
        }
        if sent.outcome == Outcome::Good {
            match <[String; 1]>::try_from(self.expected(refused, alike, sent, others)) {
                Ok([only]) => step.keys.push(("expect", Value::Text(only))),
                Err(several) if !several.is_empty() => step.keys.push(("expect", Value::List(several))),
                Err(_) => {}
            }
        } else {
            step.keys.push(("on_error", Value::Plain("ignore".to_owned())));
        }
        if let Some(first) = refused.first() {
            let all = alike.first().unwrap_or(sent).ended.since(first.began);
            let pause = all / u32::try_from(refused.len() + 1).unwrap_or(u32::MAX);
            let (every, all) =
                (rounded_up(pause), rounded_up(all * PATIENCE).max(rounded_up(pause * PATIENCE)));
            let (every, all) = (duration::display(every), duration::display(all));
            step.keys.push(("retry", Value::Plain(format!("{{ every: {every}, for: {all} }}"))));
        }
        Some(step)
    }

    /// A wait for lines; `None` if no pattern can do without the secret in it.
    fn awaits(&self, patterns: &[String], took: Duration) -> Option<Step> {
        let patterns = patterns.iter().map(|pattern| self.secrets.named_pattern(pattern));
        let mut patterns = patterns.collect::<Option<Vec<String>>>()?;
        let lines = match &mut patterns[..] {
            [only] => Value::Text(std::mem::take(only)),
            _ => Value::List(patterns),
        };
        let timeout = duration::display(rounded_up(took * PATIENCE));
        let keys = vec![("await", lines), ("timeout", Value::Plain(timeout))];
        Some(Step { comments: Vec::new(), keys })
    }

    /// The lines that the answer must have, as those had that it stands for.
    fn expected(&self, refused: &[Sent], alike: &[Sent], sent: &Sent, others: &[&[String]]) -> Vec<String> {
        if self.dialect.entry(&sent.typed).is_some_and(|entry| entry.rules.expect.is_some()) {
            return Vec::new();
        }
        let refused =
            refused.iter().filter(|sent| sent.outcome == Outcome::Good).map(|sent| &sent.answer[..]);
        let refused: Vec<&[String]> = refused.collect();
        let pattern = |(index, line): (usize, &String)| {
            let same_line = |answers: &[&[String]]| {
                answers.iter().filter_map(|answer| answer.get(index)).cloned().collect::<Vec<String>>()
            };
            let (others, refused) = (same_line(others), same_line(&refused));
            let seen = |others: &[String], refused: &[String]| {
                let (others, refused) = (borrowed(others), borrowed(refused));
                Seen { command: &sent.typed, line, others, refused }.pattern()
            };
            let has =
                |sent: &Sent, pattern: &str| sent.answer.get(index).is_some_and(|line| takes(pattern, line));
            // Of several lines one may be as ever, and another one be what was waited for.
            let pattern = seen(&others, &refused).or_else(|| seen(&[], &refused)).or_else(|| seen(&[], &[]));
            pattern.filter(|pattern| alike.iter().all(|sent| has(sent, pattern)))
        };
        let lines = sent.answer.iter().enumerate().take(LINES);
        lines.filter(|(_, line)| !self.secrets.shows_in(line)).filter_map(pattern).collect()
    }

    /// Whether the dialect says that a command asks for data.
    fn wants_data(&self, typed: &str) -> bool {
        self.dialect.entry(typed).is_some_and(|entry| entry.rules.prompt.is_some())
    }

    /// A pattern for a line that came late.
    fn late(&self, line: &str) -> Option<String> {
        let seen = Seen { command: "", line, others: Vec::new(), refused: Vec::new() };
        let own = |pattern: &String| Pattern::parse(pattern).is_ok_and(|pattern| pattern.has_own_text());
        seen.pattern().filter(own).filter(|_| !self.secrets.shows_in(line))
    }
}

/// The good answers to each command, and how many waits for lines stood before each.
type Answers<'p> = BTreeMap<&'p str, Vec<(usize, &'p [String])>>;

fn answers(pieces: &[Piece]) -> Answers<'_> {
    let (mut answers, mut waits) = (Answers::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Lines { .. } => waits += 1,
            Piece::Command { alike, sent, .. } if sent.outcome == Outcome::Good => {
                let all = alike.iter().chain([sent]).map(|sent| (waits, &sent.answer[..]));
                answers.entry(&sent.typed).or_default().extend(all);
            }
            _ => {}
        }
    }
    answers
}

/// The answers that a step has to take, behind so many waits: whoever asks for a state once more when a line has come
/// wants to see that it is another one, and what it was before is no good any more.
fn others<'p>(answers: &Answers<'p>, typed: &str, waits: usize) -> Vec<&'p [String]> {
    let all = answers.get(typed).map(Vec::as_slice).unwrap_or_default();
    let counts = |before: usize| before >= waits || !is_question(typed);
    all.iter().filter(|(before, _)| counts(*before)).map(|(_, answer)| *answer).collect()
}

fn borrowed(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// An `AT` with nothing else, which the module answered.
fn is_first_word(sent: &Sent) -> bool {
    sent.typed.eq_ignore_ascii_case("AT") && sent.outcome == Outcome::Good
}

/// The first `AT` was answered by a module that had been on for long. The flow may meet one that has just been
/// switched on, so it asks as the dialects' `wake` does.
fn until_heard(sent: &Sent) -> [(&'static str, Value); 2] {
    let timeout = duration::display(rounded_up(sent.ended.since(sent.began) * PATIENCE));
    let retry = "{ attempts: 90, only: [timeout, reboot, error] }".to_owned();
    [("timeout", Value::Plain(timeout)), ("retry", Value::Plain(retry))]
}

/// A name that no other step has.
fn unique(name: &str, steps: &[Step]) -> String {
    let taken = |name: &str| {
        let wanted = ("name", Value::Text(name.to_owned()));
        steps.iter().any(|step| step.keys.first() == Some(&wanted))
    };
    if !taken(name) {
        return name.to_owned();
    }
    let numbered = (2_u32..).map(|number| format!("{name} {number}"));
    { numbered }.find(|name| !taken(name)).unwrap_or_default()
}

/// The next duration that a person would have written.
fn rounded_up(time: Duration) -> Duration {
    const STEPS_S: &[u64] = &[1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180, 300, 600, 900, 1800, 3600];
    let step = STEPS_S.iter().map(|seconds| Duration::from_secs(*seconds)).find(|step| *step >= time);
    step.unwrap_or_else(|| Duration::from_hours(time.as_secs() / 3600 + 1))
}

#[cfg(test)]
mod tests;
