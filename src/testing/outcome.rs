//! What came of a test, and how it is said.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::flow::diag::{Code, Diagnostic, Look, Sources, Span};
use crate::report::explain::with_notes;

use super::coverage::Touched;

/// What came of one test or call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Nothing: it passed.
    pub problems: Vec<Problem>,
    /// How long it lasted on the simulated clock.
    pub simulated: Duration,
    /// The steps and branches that it reached.
    pub touched: BTreeSet<Touched>,
}

impl Outcome {
    /// Whether everything was as expected.
    pub fn passed(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Something that was not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Stable.
    pub code: Code,
    /// Where the test says what was expected.
    pub span: Span,
    /// What is wrong, in one line.
    pub message: String,
    /// What was seen instead: time and words.
    pub seen: Vec<(Duration, String)>,
    /// So many of the same were seen before those.
    pub earlier: usize,
    /// So many more of the same were seen.
    pub more: usize,
    /// What crossed the line around what is wrong, or before it was clear that nothing comes.
    pub crossed: Vec<(Duration, String)>,
    /// Further words.
    pub notes: Vec<String>,
    /// How the run itself explains its failure.
    pub explained: Option<String>,
}

impl Problem {
    /// One without anything seen.
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            span,
            message: message.into(),
            seen: Vec::new(),
            earlier: 0,
            more: 0,
            crossed: Vec::new(),
            notes: Vec::new(),
            explained: None,
        }
    }

    /// As a person reads it.
    pub fn render(&self, sources: &Sources, look: Look) -> String {
        let mut notes = self.notes.clone();
        if !self.seen.is_empty() {
            let mut rows = rows(&self.seen);
            if self.earlier > 0 {
                let ones = if self.earlier == 1 { "one" } else { "ones" };
                rows.insert(0, format!("      {} earlier {ones}", self.earlier));
            }
            if self.more > 0 {
                rows.push(format!("      and {} more", self.more));
            }
            notes.push(format!("what was seen:\n{}", rows.join("\n")));
        }
        if !self.crossed.is_empty() {
            notes.push(format!("what crossed the line:\n{}", rows(&self.crossed).join("\n")));
        }
        let problem = Diagnostic::error(self.code, self.span, self.message.clone());
        let text = with_notes(&problem, &notes, sources, look);
        match &self.explained {
            Some(explained) => format!("{text}\n\n{explained}"),
            None => text,
        }
    }
}

fn rows(items: &[(Duration, String)]) -> Vec<String> {
    let times: Vec<String> = items.iter().map(|(at, _)| shown(*at)).collect();
    let width = times.iter().map(String::len).max().unwrap_or(0);
    times.iter().zip(items).map(|(time, (_, text))| format!("      {time:>width$}  {text}")).collect()
}

/// A time as a test file writes it, to the hundredth of a second.
pub(super) fn shown(time: Duration) -> String {
    let (minutes, seconds) = (time.as_secs() / 60, time.as_millis() / 10 % 6_000);
    let seconds = |width: usize| format!("{:0width$}.{:02}s", seconds / 100, seconds % 100);
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds(1),
        (0, minutes) => format!("{minutes}m{}", seconds(2)),
        (hours, minutes) => format!("{hours}h{minutes:02}m{}", seconds(2)),
    }
}
