//! The steps of a station's runs, for those who want to see them: one short line each.

use crate::report::outcome::outcome;
use crate::report::paint::Paint;
use crate::report::text::{lasted, one_line};
use crate::run::event::{Event, StepEnd, StepKind, StepOutcome};

/// A step's line without its time: mark, its look, the words. `None` for what is not worth one.
pub(super) fn step_line(event: &Event<'_>) -> Option<(&'static str, Paint, String)> {
    match event {
        Event::StepFinished(step) => finished(step),
        Event::Retrying { depth, title, attempt, error, pause, .. } => {
            let indent = "  ".repeat(*depth);
            let (title, error) = (one_line(title), one_line(error));
            let again = if pause.is_zero() { "now".to_string() } else { format!("in {}", lasted(*pause)) };
            let text = format!("{indent}{title}, attempt {attempt}, again {again}: {error}");
            Some(("↻", Paint::Notice, text))
        }
        _ => None,
    }
}

fn finished(step: &StepEnd) -> Option<(&'static str, Paint, String)> {
    if matches!(step.kind, StepKind::Group | StepKind::Note) && step.outcome == StepOutcome::Passed {
        return None;
    }
    let (mark, paint, outcome) = outcome(&step.outcome);
    let mut notes: Vec<String> = outcome.into_iter().collect();
    notes.extend(step.answer.iter().map(|line| one_line(line)));
    notes.extend(step.values.iter().map(|(name, value)| format!("{name} = {}", one_line(value))));
    let took = if step.took.is_zero() { String::new() } else { lasted(step.took) };
    let text =
        format!("{}{}  {took:>6}  {}", "  ".repeat(step.depth), one_line(&step.title), notes.join(", "));
    Some((mark, paint, text.trim_end().to_string()))
}
