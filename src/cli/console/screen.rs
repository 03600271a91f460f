//! What the conversation looks like: the answer below its command, marked and with its time what came
//! unasked.

use std::fmt::Write as _;
use std::time::Duration;

use crate::at::sorter::ResultError;
use crate::at::{codes, dialect::Dialect};
use crate::flow::duration;
use crate::link::Mono;
use crate::report::paint::Paint;
use crate::transcript::Masker;
use crate::transcript::visible::escaped;

use super::super::say;
use super::editor::Printer;

/// Whoever waited this long may want to know how long it was.
const LONG: Duration = Duration::from_secs(1);

/// Shows a conversation.
pub(super) struct Screen {
    /// Prints above the line that is being typed; `None`: standard output.
    printer: Option<Printer>,
    colour: bool,
    masker: Masker,
}

impl Screen {
    /// On a terminal with a printer, else on standard output, without colours.
    pub(super) fn new(printer: Option<Printer>, colour: bool) -> Self {
        Self { printer, colour, masker: Masker::default() }
    }

    /// Shows secrets by their names from now on.
    pub(super) fn mask_with(&mut self, masker: Masker) {
        self.masker = masker;
    }

    /// A typed line; the terminal has shown it already.
    pub(super) fn typed(&self, prompt: &str, line: &str) {
        if self.printer.is_none() {
            self.line(&format!("{prompt}{}", self.clean(line)));
        }
    }

    /// A line of an answer.
    pub(super) fn answer(&self, text: &str) {
        self.line(&self.clean(text));
    }

    /// The good end of a command.
    pub(super) fn good(&self, text: &str, took: Duration) {
        let took = if took < LONG { String::new() } else { format!("  after {}", seconds(took)) };
        self.line(&format!(
            "{}{}",
            self.paint(Paint::Good, &self.clean(text)),
            self.paint(Paint::Dim, &took)
        ));
    }

    /// A line that says no, with its meaning.
    pub(super) fn bad(&self, text: &str, meaning: Option<&str>) {
        let mut shown = self.paint(Paint::Bad, &self.clean(text));
        if let Some(meaning) = meaning {
            let _ = write!(shown, "  {}", self.paint(Paint::Notice, meaning));
        }
        self.line(&shown);
    }

    /// A line that came unasked.
    pub(super) fn unasked(&self, at: Mono, text: &str, what: &str) {
        let clock = self.paint(Paint::Dim, &format!("{:>9}", clock(at)));
        let what = if what.is_empty() { String::new() } else { format!("  ({what})") };
        let text = self.paint(Paint::Notice, &format!("◂ {}", self.clean(text)));
        self.line(&format!("{clock} {text}{}", self.paint(Paint::Dim, &what)));
    }

    /// A word of the console itself.
    pub(super) fn say(&self, text: &str) {
        for line in text.lines() {
            self.line(&self.paint(Paint::Dim, &format!("· {}", self.masker.mask(line))));
        }
    }

    /// Something that went wrong, in the console's words.
    pub(super) fn problem(&self, text: &str) {
        self.line(&self.paint(Paint::Notice, &format!("! {}", self.masker.mask(text))));
    }

    /// `text` masked, its control characters visible.
    fn clean(&self, text: &str) -> String {
        escaped(&self.masker.mask(text))
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        paint.on(text, self.colour)
    }

    fn line(&self, text: &str) {
        match &self.printer {
            Some(printer) => printer.print(format!("{text}\n")),
            // Who reads has said that it is not whole, or has gone; the conversation goes on.
            None => drop(say::line(text)),
        }
    }
}

/// A point in time as reports show it.
fn clock(at: Mono) -> String {
    format!("{:.2}s", at.since(Mono::ZERO).as_secs_f64())
}

/// A time to a tenth of a second.
pub(super) fn seconds(time: Duration) -> String {
    let tenths = u64::try_from(time.as_millis() / 100).unwrap_or(u64::MAX);
    duration::display(Duration::from_millis(tenths.saturating_mul(100)))
}

/// What the number of an error means.
pub(super) fn meaning<'d>(dialect: &'d Dialect, error: &ResultError) -> Option<&'d str> {
    error.number.and_then(|number| codes::meaning(dialect, &error.family, number))
}
