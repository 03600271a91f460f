//! A step, while it is under way and as it ends.

use std::time::Duration;

use crate::link::Mono;
use crate::report::outcome::outcome;
use crate::report::paint::Paint;
use crate::report::text::{columns, cut, one_line, pad, span};
use crate::run::event::{Measurement, StepEnd, StepKind, StepOutcome, StepStart};

use super::Console;

/// The column in which the time a step took stands.
const TITLE_WIDTH: usize = 44;
/// What stands beside the title in front of a step's notes: clock and time, with their blanks.
const BESIDE_TITLE: usize = 9 + 1 + 1 + 8 + 1;
/// What stands beside the title of a step under way: clock and sign, with their blanks, and the cursor.
const BESIDE_LIVE: usize = 9 + 1 + 1 + 1 + 1;
/// What the notes are left on a narrow terminal, at the cost of the title.
const NOTES_WIDTH: usize = 36;

impl Console {
    /// The column that titles get: less on a narrow terminal.
    fn title_width(&self) -> usize {
        self.width.saturating_sub(BESIDE_TITLE + NOTES_WIDTH).clamp(20, TITLE_WIDTH)
    }

    pub(super) fn step_started(&mut self, at: Mono, step: &StepStart) {
        let time = self.time(at);
        let indent = "  ".repeat(step.depth);
        let title = one_line(&step.title);
        if step.kind == StepKind::Group {
            let mark = self.paint(Paint::Dim, "▸");
            self.line(&format!("{time} {indent}{mark} {title}"));
        } else {
            let mark = self.paint(Paint::Notice, "…");
            // A line that is wiped must not go on in the next one.
            let title = cut(&title, self.width.saturating_sub(BESIDE_LIVE + indent.len()));
            self.live(&format!("{time} {indent}{mark} {title}"));
        }
    }

    pub(super) fn step_finished(&mut self, at: Mono, step: &StepEnd) {
        // A group has shown its steps, and what is only said is said.
        let nothing_new = matches!(step.kind, StepKind::Group | StepKind::Note)
            && matches!(step.outcome, StepOutcome::Passed)
            && step.measured.is_empty();
        if nothing_new {
            return;
        }
        let (mark, paint, outcome) = outcome(&step.outcome);
        let outcome = match &step.outcome {
            // What ends the run, or is tried again, is said right below.
            StepOutcome::Failed(_) => None,
            StepOutcome::Noted(_) => outcome.map(|why| format!("goes on: {why}")),
            _ => outcome,
        };
        let notes = notes(step, outcome).join(", ");
        let indent = "  ".repeat(step.depth);
        let title = pad(&format!("{indent}{mark} {}", one_line(&step.title)), self.title_width());
        let title = title.replacen(mark, &self.paint(paint, mark), 1);
        let took = if step.took.is_zero() { String::new() } else { span(step.took) };
        let took = self.paint(Paint::Dim, &format!("{took:>8}"));
        let room = self.width.saturating_sub(BESIDE_TITLE + self.title_width());
        let notes = self.paint(Paint::Dim, &cut(&notes, room));
        let text = format!("{} {title} {took} {notes}", self.time(at));
        self.line(text.trim_end());
    }

    /// `begin`: what failed, and which time.
    pub(super) fn retrying(&mut self, at: Mono, depth: usize, begin: &str, error: &str, pause: Duration) {
        let again =
            if pause.is_zero() { "again now".to_string() } else { format!("again in {}", span(pause)) };
        // When it goes on is worth more than the end of a long error.
        let room = self.width.saturating_sub(10 + 2 * depth + columns(begin) + columns(&again) + 2);
        let text = format!("{begin}{}; {again}", cut(&one_line(error), room.max(20)));
        let text = format!("{} {}{}", self.time(at), "  ".repeat(depth), self.paint(Paint::Notice, &text));
        self.line(&text);
    }
}

fn notes(step: &StepEnd, outcome: Option<String>) -> Vec<String> {
    let attempts = (step.attempts > 1).then(|| format!("{} attempts", step.attempts));
    let mut notes: Vec<String> = attempts.into_iter().chain(outcome).collect();
    notes.extend(step.answer.iter().map(|line| one_line(line)));
    // A message's body is its payload once more.
    let is_message = step.values.iter().any(|(name, _)| name == "payload");
    let shown = step.values.iter().filter(|(name, _)| !(is_message && name == "body"));
    notes.extend(shown.map(|(name, value)| format!("{name} = {}", one_line(value))));
    notes.extend(step.measured.iter().map(measured));
    notes
}

fn measured(measurement: &Measurement) -> String {
    let limit = |limit: Option<f64>| limit.map_or(String::new(), |limit| limit.to_string());
    let mark = if measurement.good { "" } else { " ✗" };
    let unit = if measurement.unit.is_empty() { String::new() } else { format!(" {}", measurement.unit) };
    format!(
        "{} {}{unit} ({}..{}){mark}",
        measurement.name,
        measurement.value,
        limit(measurement.min),
        limit(measurement.max)
    )
}
