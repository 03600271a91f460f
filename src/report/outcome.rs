//! How a step ended, as people see it.

use crate::run::event::StepOutcome;

use super::paint::Paint;
use super::text::one_line;

/// Its mark, and what is to be said of it; of a failure the error.
pub(super) fn outcome(outcome: &StepOutcome) -> (&'static str, Paint, Option<String>) {
    let (mark, paint, note) = match outcome {
        StepOutcome::Passed => return ("✓", Paint::Good, None),
        StepOutcome::AlreadySo => ("✓", Paint::Good, "already so".to_string()),
        StepOutcome::Changed => ("✓", Paint::Good, "changed".to_string()),
        StepOutcome::Skipped => ("–", Paint::Dim, "skipped".to_string()),
        StepOutcome::Ignored(why) => ("·", Paint::Dim, format!("ignored: {why}")),
        StepOutcome::Recovered(why) => ("↺", Paint::Notice, format!("recovered: {why}")),
        StepOutcome::Noted(why) | StepOutcome::Failed(why) => ("✗", Paint::Bad, why.clone()),
    };
    (mark, paint, Some(one_line(&note)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_with_words_of_the_module_moves_no_cursor() {
        let (_, _, said) = outcome(&StepOutcome::Noted("the module said \x1b[2J".to_string()));
        assert_eq!(said.as_deref(), Some("the module said \\x1b[2J"));
    }
}
