//! A run on a terminal: one line a step as it ends, aligned, with its time, its command and what it
//! captured; a line that is rewritten while a step is under way; a verdict at the end.

use std::fmt::Write as _;
use std::io::Write;

use crate::at::sorter::Class;
use crate::at::sorter::Damaged;
use crate::flow::diag::{Diagnostic, Look, Sources};
use crate::link::Mono;
use crate::run::event::{Event, Measurement, Observer, Report, StepEnd, StepKind, StepOutcome, StepStart};
use crate::run::failure::Failure;
use crate::session::Heard;
use crate::transcript::{Entry, Record};

use super::paint::Paint;
use super::text::{columns, cut, one_line, pad, plural, span};

/// The column in which the time a step took stands.
const TITLE_WIDTH: usize = 44;
/// Lines are cut here where no terminal says how wide it is.
const WIDTH: usize = 164;
/// What stands beside the title in front of a step's notes: clock and time, with their blanks.
const BESIDE_TITLE: usize = 9 + 1 + 1 + 8 + 1;
/// What stands beside the title of a step under way: clock and sign, with their blanks, and the cursor.
const BESIDE_LIVE: usize = 9 + 1 + 1 + 1 + 1;
/// What the notes are left on a narrow terminal, at the cost of the title.
const NOTES_WIDTH: usize = 36;
/// Bytes of a line that are shown in an excerpt.
const EXCERPT_WIDTH: usize = 100;
/// Lines of the failed attempt that are shown.
const EXCERPT: usize = 12;

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

    /// The column that titles get: less on a narrow terminal.
    fn title_width(&self) -> usize {
        self.width.saturating_sub(BESIDE_TITLE + NOTES_WIDTH).clamp(20, TITLE_WIDTH)
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

    fn started(&mut self, flow: &str, module: &str, port: &str) {
        let head = format!(
            "{}  {}",
            self.paint(Paint::Strong, flow),
            self.paint(Paint::Dim, &format!("{module} on {port}"))
        );
        self.line(&head);
        self.line("");
    }

    fn step_started(&mut self, at: Mono, step: &StepStart) {
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

    fn step_finished(&mut self, at: Mono, step: &StepEnd) {
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

    fn heard(&mut self, at: Mono, heard: &Heard<'_>) {
        let text = match heard {
            Heard::Sent(line) => format!("→ {}", shown(line)),
            Heard::SentData(bytes) => format!("→ {bytes} bytes of data"),
            Heard::Line { class, text } => {
                format!("← {}{}", shown(text), class_note(*class))
            }
            Heard::Message(message) => {
                format!("← message on {}: {} bytes", message.topic, message.payload.len())
            }
            Heard::Damaged(Damaged { declared, seen, delivered }) => {
                let end =
                    if *delivered { "whole JSON all the same, so it is taken" } else { "it is dropped" };
                let text = format!("! a message of {declared} bytes, by its header, has {seen}; {end}");
                let text =
                    format!("{} {}", self.paint(Paint::Dim, &clock(at)), self.paint(Paint::Notice, &text));
                return self.line(&text);
            }
            Heard::Resync => "→ asking AT until the module answers OK".to_string(),
        };
        let text = format!("{}     {}", clock(at), text);
        let text = self.paint(Paint::Dim, &text);
        self.line(&text);
    }

    fn finished(&mut self, report: &Report) {
        self.wipe();
        if let Some(failure) = report.failure.as_ref().filter(|failure| !failure.is_interrupt()) {
            self.failure(failure);
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

    fn failure(&mut self, failure: &Failure) {
        let look = if self.terminal { Look::Coloured } else { Look::Plain };
        let text = explain(failure, &self.sources, look);
        self.line("");
        self.line(&text);
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
                let again = if pause.is_zero() {
                    "again now".to_string()
                } else {
                    format!("again in {}", span(*pause))
                };
                // When it goes on is worth more than the end of a long error.
                let begin = format!("↻ {}, attempt {attempt}: ", one_line(title));
                let room = self.width.saturating_sub(10 + 2 * depth + columns(&begin) + columns(&again) + 2);
                let text = format!("{begin}{}; {again}", cut(&one_line(error), room.max(20)));
                let text = self.paint(Paint::Notice, &text);
                let text = format!("{} {}{text}", self.paint(Paint::Dim, &clock(at)), "  ".repeat(*depth));
                self.line(&text);
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

/// Why a run failed, with its place in the YAML, what crossed the line and what to do.
pub fn explain(failure: &Failure, sources: &Sources, look: Look) -> String {
    let mut notes = Vec::new();
    notes.extend(failure.hint.iter().chain(&failure.help).map(|help| format!("help: {}", one_line(help))));
    notes.extend(failure.script.iter().map(|place| format!("script: {place}")));
    if failure.path.len() > 1 {
        notes.push(format!("step: {}", one_line(&failure.path.join(" › "))));
    }
    let crossed = crossed(&failure.exchange);
    if !crossed.is_empty() {
        let skip = crossed.len().saturating_sub(EXCERPT);
        notes.push(format!("what crossed the line:\n      {}", crossed[skip..].join("\n      ")));
    }
    if let Some(span) = failure.span {
        let problem = Diagnostic::error(failure.code, span, failure.message.clone());
        return with_notes(&problem, &notes, sources, look);
    }
    let mut out = format!("error[{}]: {}", failure.code, one_line(&failure.message));
    for note in notes {
        let _ = write!(out, "\n  = {note}");
    }
    out
}

/// A problem with its source lines, and notes below them.
pub fn with_notes(problem: &Diagnostic, notes: &[String], sources: &Sources, look: Look) -> String {
    let mut out = problem.render(sources, look);
    if notes.is_empty() {
        return out;
    }
    // As wide as the margin of the source lines, which ends where the arrow does.
    let plain = problem.render(sources, Look::Plain);
    let margin = plain.lines().find_map(|line| line.find("-->")).map_or(2, |arrow| arrow + 1);
    let margin = " ".repeat(margin);
    let _ = write!(out, "\n{margin}|");
    for note in notes {
        let _ = write!(out, "\n{margin}= {note}");
    }
    out
}

/// What crossed the line, a row for each line of text.
fn crossed(records: &[Record]) -> Vec<String> {
    crossings(records).into_iter().map(|(at, line)| format!("{} {line}", clock(at))).collect()
}

/// Each line of text that crossed the line, with its time and an arrow, without its ending. How the bytes were
/// cut into reads makes no difference.
pub fn crossings(records: &[Record]) -> Vec<(Mono, String)> {
    let mut rows = Vec::new();
    let mut records = records.iter().peekable();
    while let Some(record) = records.next() {
        let (arrow, mut bytes) = match &record.entry {
            Entry::Tx(bytes) => ("→", bytes.clone()),
            Entry::Rx(bytes) => ("←", bytes.clone()),
            Entry::Note { .. } => continue,
        };
        if arrow == "←" {
            let goes_on = |next: &&Record| next.at == record.at && matches!(next.entry, Entry::Rx(_));
            while let Some(Record { entry: Entry::Rx(more), .. }) = records.next_if(goes_on) {
                bytes.extend_from_slice(more);
            }
        }
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let shown = lines.filter(|line| !line.is_empty()).map(shown);
        rows.extend(shown.map(|line| (record.at, format!("{arrow} {line}"))));
    }
    rows
}

/// The run in one line.
fn verdict(report: &Report, simulated: bool) -> String {
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

/// A point in time since the run began: seconds, aligned.
fn clock(at: Mono) -> String {
    let micros = at.as_micros();
    format!("{:>5}.{:02}s", micros / 1_000_000, micros / 10_000 % 100)
}

/// What a line is, in the field's words; nothing for plain information.
fn class_note(class: Class) -> &'static str {
    match class {
        Class::Information => "",
        Class::Echo => "  (echo)",
        Class::Prompt => "  (prompt)",
        Class::Await => "  (awaited)",
        Class::Fail => "  (failure)",
        Class::Final => "  (final result)",
        Class::Expect => "  (expected)",
        Class::Collect => "  (collected)",
        Class::Closed => "  (URC: closed)",
        Class::Reboot => "  (URC: restart)",
        Class::Notice => "  (URC: a message waits)",
        Class::Message => "  (URC: message)",
        Class::Other => "  (URC)",
        Class::Unknown => "  (unknown)",
        Class::Late => "  (late)",
        Class::Noise => "  (noise)",
    }
}

/// Bytes on one line, control characters visible, cut to a limit.
fn shown(bytes: &[u8]) -> String {
    cut(&one_line(&String::from_utf8_lossy(bytes)), EXCERPT_WIDTH)
}

fn bar(done: usize, of: usize) -> String {
    let width = 24;
    let full = (done * width).checked_div(of).unwrap_or(width);
    format!("[{}{}] {done}/{of}", "█".repeat(full), "░".repeat(width - full))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::flow::diag::Span;
    use crate::report::text::columns;

    #[derive(Clone, Default)]
    struct Paper(Rc<RefCell<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What a terminal of 80 columns is sent when a step of this title is under way, without its colours.
    fn under_way(title: &str) -> String {
        let paper = Paper::default();
        let mut console =
            Console::new(Box::new(paper.clone()), Sources::new(), Detail::Steps, true).width(80);
        let mut sources = Sources::new();
        let span = Span::new(sources.add("a.yaml", "AT"), 0..2);
        let step = StepStart { depth: 2, span, title: title.to_string(), kind: StepKind::Send };
        console.event(Mono::ZERO, &Event::StepStarted(&step));
        let sent = String::from_utf8(paper.0.take()).expect("UTF-8");
        sent.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect()
    }

    #[test]
    fn a_line_that_is_rewritten_never_goes_on_in_the_next_one() {
        assert!(under_way("AT+CSQ").ends_with("… AT+CSQ"));
        for title in ["x".repeat(300), "温度".repeat(100)] {
            let shown = under_way(&title);
            assert!(columns(&shown) < 80, "{shown}");
        }
    }

    #[test]
    fn a_reason_to_stop_that_the_module_gave_moves_no_cursor() {
        let report = Report {
            flow: String::new(),
            failure: None,
            stopped: Some("\x1b[2J\u{202e}gone".to_string()),
            passed: 0,
            skipped: 0,
            retries: 0,
            published: 0,
            received: 0,
            took: std::time::Duration::ZERO,
            returns: Vec::new(),
            transcript_problem: None,
        };
        assert_eq!(verdict(&report, false), "\\x1b[2J\\u{202e}gone (0 steps in 0µs)");
    }
}
