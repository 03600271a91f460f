//! A run on a terminal: one line a step as it ends, aligned, with its time, its command and what it
//! captured; a line that is rewritten while a step is under way; a verdict at the end.

use std::io::Write;

use crate::flow::diag::Sources;
use crate::link::Mono;
use crate::run::event::{Event, Observer};

use super::paint::Paint;
use super::text::{clock, one_line};

mod end;
mod lines;
mod steps;
#[cfg(test)]
mod tests;

/// Lines are cut here where no terminal says how wide it is.
const WIDTH: usize = 164;

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The verdict only.
    Quiet,
    /// Steps.
    Steps,
    /// Steps and every line both ways.
    Lines,
}

/// Where the operator's answers come from: gives a typed line if there is one, never waits.
pub type Answers = Box<dyn FnMut() -> Option<String>>;

/// Writes a run to a terminal, or to a file that looks like one.
pub struct Console {
    out: Box<dyn Write>,
    sources: Sources,
    detail: Detail,
    /// A terminal: colours, and a line that is rewritten while a step is under way.
    terminal: bool,
    live_shown: bool,
    /// Columns of the terminal.
    width: usize,
    answers: Option<Answers>,
    /// How a simulated run is named in its verdict.
    simulated: bool,
}

impl Console {
    /// Writes to `out`. `terminal`: colours, and a line that is rewritten.
    pub fn new(out: Box<dyn Write>, sources: Sources, detail: Detail, terminal: bool) -> Self {
        Self {
            out,
            sources,
            detail,
            terminal,
            live_shown: false,
            width: WIDTH,
            answers: None,
            simulated: false,
        }
    }

    /// Takes the operator's answers from `answers`.
    #[must_use]
    pub fn with_answers(mut self, answers: Answers) -> Self {
        self.answers = Some(answers);
        self
    }

    /// Cuts lines to a terminal of so many columns.
    #[must_use]
    pub fn width(mut self, columns: usize) -> Self {
        // Below this nothing reads well, cut or not.
        self.width = columns.max(60);
        self
    }

    /// Says in the verdict that the module was simulated.
    #[must_use]
    pub fn simulated(mut self, simulated: bool) -> Self {
        self.simulated = simulated;
        self
    }

    /// A broken terminal is no reason to fail a run.
    fn line(&mut self, text: &str) {
        self.wipe();
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
    }

    fn wipe(&mut self) {
        if std::mem::take(&mut self.live_shown) {
            let _ = write!(self.out, "\r\x1b[K");
        }
    }

    /// A line that the next one replaces.
    fn live(&mut self, text: &str) {
        if self.terminal {
            self.wipe();
            let _ = write!(self.out, "{text}");
            let _ = self.out.flush();
            self.live_shown = true;
        }
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        paint.on(text, self.terminal)
    }

    /// A point in time, as all lines begin.
    fn time(&self, at: Mono) -> String {
        self.paint(Paint::Dim, &clock(at))
    }

    fn started(&mut self, flow: &str, module: &str, port: &str) {
        let head = format!(
            "{}  {}",
            self.paint(Paint::Strong, flow),
            self.paint(Paint::Dim, &format!("{module} on {port}"))
        );
        self.line(&head);
        self.line("");
    }
}

impl Observer for Console {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        if self.detail == Detail::Quiet && !matches!(event, Event::Finished(_) | Event::Question(_)) {
            return;
        }
        match event {
            Event::Started { flow, module, port } => self.started(flow, module, port),
            Event::StepStarted(step) => self.step_started(at, step),
            Event::StepFinished(step) => self.step_finished(at, step),
            // Each shows in what becomes of its step.
            Event::AttemptFailed(_) => {}
            Event::Retrying { depth, title, attempt, error, pause, .. } => {
                let begin = format!("↻ {}, attempt {attempt}: ", one_line(title));
                self.retrying(at, *depth, &begin, error, *pause);
            }
            Event::Progress { depth, done, of } => {
                let text = format!("{} {}{}", clock(at), "  ".repeat(*depth), bar(*done, *of));
                self.live(&text);
            }
            Event::Log { depth, text } => {
                let margin = " ".repeat(clock(at).chars().count() + 3 + 2 * depth);
                for line in text.lines() {
                    self.line(&format!("{margin}{}", one_line(line)));
                }
            }
            Event::Question(question) => {
                let text = format!("{} {}", self.paint(Paint::Notice, "?"), one_line(question));
                self.line(&text);
            }
            Event::Heard(heard) => self.heard(at, heard),
            Event::Finished(report) => self.finished(report),
        }
    }

    fn wants_steps(&self) -> bool {
        self.detail >= Detail::Steps
    }

    fn wants_lines(&self) -> bool {
        self.detail >= Detail::Lines
    }

    fn answer(&mut self) -> Option<String> {
        self.answers.as_mut().and_then(|answers| answers())
    }
}

fn bar(done: usize, of: usize) -> String {
    let width = 24;
    let full = (done * width).checked_div(of).unwrap_or(width);
    format!("[{}{}] {done}/{of}", "█".repeat(full), "░".repeat(width - full))
}
