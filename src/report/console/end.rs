//! How a run ended.

use crate::flow::diag::Look;
use crate::report::explain::explain;
use crate::report::paint::Paint;
use crate::report::text::{one_line, plural, span};
use crate::run::event::Report;

use super::{Console, Detail};

impl Console {
    pub(super) fn finished(&mut self, report: &Report) {
        self.wipe();
        if let Some(failure) = report.failure.as_ref().filter(|failure| !failure.is_interrupt()) {
            let look = if self.terminal { Look::Coloured } else { Look::Plain };
            let text = explain(failure, &self.sources, look);
            self.line("");
            self.line(&text);
        }
        for (name, value) in &report.returns {
            let text = format!("  {name}: {value}");
            self.line(&text);
        }
        let verdict = verdict(report, self.simulated);
        let (paint, mark) = match (&report.failure, &report.stopped) {
            (Some(failure), _) if failure.is_interrupt() => (Paint::Notice, "■ interrupted"),
            (Some(_), _) => (Paint::Bad, "✗ failed"),
            (None, Some(_)) => (Paint::Good, "✓ stopped"),
            (None, None) => (Paint::Good, "✓ passed"),
        };
        if self.detail > Detail::Quiet {
            self.line("");
        }
        let text = format!("{}  {verdict}", self.paint(paint, mark));
        self.line(&text);
    }
}

/// The run in one line.
pub(super) fn verdict(report: &Report, simulated: bool) -> String {
    let mut parts = vec![plural(report.passed, "step")];
    if report.skipped > 0 {
        parts.push(format!("{} skipped", report.skipped));
    }
    if report.retries > 0 {
        parts.push(plural(report.retries, "retry").replace("retrys", "retries"));
    }
    if report.published > 0 {
        parts.push(format!("{} published", report.published));
    }
    if report.received > 0 {
        parts.push(format!("{} received", report.received));
    }
    let time = if simulated { "of simulated time" } else { "" };
    let mut text = format!("{} in {} {time}", parts.join(", "), span(report.took).trim());
    if let Some(reason) = &report.stopped {
        text = format!("{} ({})", one_line(reason), text.trim_end());
    }
    if let Some(failure) = &report.failure {
        // An argument can be wrong before any step begins.
        let step = failure.path.last().map(|step| format!("at `{}`", one_line(step)));
        let why = (!failure.is_interrupt()).then(|| failure.name.clone());
        let parts: Vec<String> = step.into_iter().chain(why).collect();
        text = format!("{}, after {}", parts.join(": "), text.trim_end());
    }
    text.trim_end().to_string()
}
