//! A step, while it is under way and as it ends.

use crate::link::Mono;
use crate::report::paint::Paint;
use crate::report::text::{clock, cut, one_line, pad, span};
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
        let clock = clock(at);
        let indent = "  ".repeat(step.depth);
        if step.kind == StepKind::Group {
            let text = format!(
                "{} {indent}{} {}",
                self.paint(Paint::Dim, &clock),
                self.paint(Paint::Dim, "▸"),
                one_line(&step.title)
            );
            self.line(&text);
        } else {
            let text = format!(
                "{} {indent}{} {}",
                self.paint(Paint::Dim, &clock),
                self.paint(Paint::Notice, "…"),
                // A line that is wiped must not go on in the next one.
                cut(&one_line(&step.title), self.width.saturating_sub(BESIDE_LIVE + indent.len()))
            );
            self.live(&text);
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
        let (mark, paint, note) = match &step.outcome {
            StepOutcome::Passed => ("✓", Paint::Good, String::new()),
            StepOutcome::AlreadySo => ("✓", Paint::Good, "already so".to_string()),
            StepOutcome::Changed => ("✓", Paint::Good, "changed".to_string()),
            StepOutcome::Skipped => ("–", Paint::Dim, "skipped".to_string()),
            StepOutcome::Ignored(why) => ("·", Paint::Dim, format!("ignored: {why}")),
            StepOutcome::Recovered(why) => ("↺", Paint::Notice, format!("recovered: {why}")),
            StepOutcome::Noted(why) => ("✗", Paint::Bad, format!("goes on: {why}")),
            // What ends the run, or is tried again, is said right below.
            StepOutcome::Failed(_) => ("✗", Paint::Bad, String::new()),
        };
        let mut notes: Vec<String> = Vec::new();
        if step.attempts > 1 {
            notes.push(format!("{} attempts", step.attempts));
        }
        if !note.is_empty() {
            notes.push(note);
        }
        notes.extend(step.answer.iter().map(|line| one_line(line)));
        // A message's body is its payload once more.
        let is_message = step.values.iter().any(|(name, _)| name == "payload");
        let shown = step.values.iter().filter(|(name, _)| !(is_message && name == "body"));
        notes.extend(shown.map(|(name, value)| format!("{name} = {}", one_line(value))));
        notes.extend(step.measured.iter().map(measured));
        let indent = "  ".repeat(step.depth);
        let title = pad(&format!("{indent}{mark} {}", one_line(&step.title)), self.title_width());
        let title = title.replacen(mark, &self.paint(paint, mark), 1);
        let took = if step.took.is_zero() { String::new() } else { span(step.took) };
        let text = format!(
            "{} {title} {} {}",
            self.paint(Paint::Dim, &clock(at)),
            self.paint(Paint::Dim, &format!("{took:>8}")),
            self.paint(
                Paint::Dim,
                &cut(&notes.join(", "), self.width.saturating_sub(BESIDE_TITLE + self.title_width()))
            )
        );
        self.line(text.trim_end());
    }
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
