//! A run as JSON lines: one event a line, for programs. Times are seconds on the run's clock.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::flow::codes::Code;
use crate::flow::diag::Sources;
use crate::link::Mono;
use crate::run::event::{Event, Observer, Report, StepEnd, StepKind, StepOutcome};
use crate::run::failure::Failure;
use crate::session::Heard;

use super::text::visible;

/// Writes events as JSON lines.
pub struct JsonLines {
    out: Box<dyn Write>,
    sources: Sources,
    lines: bool,
    verdict_only: bool,
    answers: Option<super::console::Answers>,
}

impl JsonLines {
    /// Writes to `out`; `lines`: every line both ways, too.
    pub fn new(out: Box<dyn Write>, sources: Sources, lines: bool) -> Self {
        Self { out, sources, lines, verdict_only: false, answers: None }
    }

    /// Takes the operator's answers from `answers`.
    #[must_use]
    pub fn with_answers(mut self, answers: super::console::Answers) -> Self {
        self.answers = Some(answers);
        self
    }

    /// Writes how the run ended, and what the operator is asked, and nothing else.
    #[must_use]
    pub fn verdict_only(mut self, verdict_only: bool) -> Self {
        self.verdict_only = verdict_only;
        self
    }

    fn write(&mut self, at: Mono, name: &str, mut fields: Value) {
        #[expect(clippy::cast_precision_loss, reason = "microseconds below 2^53 are 285 years")]
        let seconds = at.as_micros() as f64 / 1e6;
        if let Some(map) = fields.as_object_mut() {
            map.insert("t".to_string(), json!(seconds));
            map.insert("event".to_string(), json!(name));
        }
        let _ = writeln!(self.out, "{}", visible(&fields.to_string()));
        let _ = self.out.flush();
    }
}

impl Observer for JsonLines {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        if self.verdict_only && !matches!(event, Event::Finished(_) | Event::Question(_)) {
            return;
        }
        match event {
            Event::Started { flow, module, port } => {
                self.write(at, "started", json!({ "flow": flow, "module": module, "port": port }));
            }
            Event::StepStarted(step) => {
                let kind = kind_word(step.kind);
                self.write(
                    at,
                    "step_started",
                    json!({ "depth": step.depth, "step": step.title, "kind": kind }),
                );
            }
            Event::Retrying { depth, title, attempt, error, pause, .. } => {
                self.write(at, "retrying", retrying(*depth, title, *attempt, error, *pause));
            }
            Event::StepFinished(step) => self.write(at, "step_finished", step_end(step)),
            // Each shows in what becomes of its step.
            Event::AttemptFailed(_) => {}
            Event::Progress { depth, done, of } => {
                self.write(at, "progress", json!({ "depth": depth, "done": done, "of": of }));
            }
            Event::Log { depth, text } => self.write(at, "log", json!({ "depth": depth, "text": text })),
            Event::Question(text) => self.write(at, "question", json!({ "text": text })),
            Event::Heard(heard) => self.write(at, "line", heard_fields(heard)),
            Event::Finished(report) => {
                let fields = finished(report, &self.sources);
                self.write(at, "finished", fields);
            }
        }
    }

    fn wants_steps(&self) -> bool {
        !self.verdict_only
    }

    fn wants_lines(&self) -> bool {
        self.lines
    }

    fn answer(&mut self) -> Option<String> {
        self.answers.as_mut().and_then(|answers| answers())
    }
}

/// Why a run did not start.
#[derive(Clone, Debug, Default)]
pub struct Complaint {
    /// What was said.
    pub message: String,
    /// Its stable name, of what has one; of problems of files that of the first error.
    pub code: Option<Code>,
    /// What to do about that.
    pub help: Vec<String>,
    /// Problems of files, each as `atflow check --format json` has it.
    pub problems: Vec<Value>,
}

/// The only line of a run that did not start. `error`: who must act, `usage` or `environment`.
pub fn not_started(error: &str, complaint: &Complaint) -> String {
    let Complaint { message, code, help, problems } = complaint;
    json!({
        "event": "finished",
        "verdict": "not started",
        "error": error,
        "code": code.map(|code| code.to_string()),
        "message": message,
        "help": help,
        "problems": problems,
    })
    .to_string()
}

fn kind_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Send => "send",
        StepKind::Group => "group",
        StepKind::Note => "note",
        StepKind::Other => "other",
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn retrying(depth: usize, title: &str, attempt: u32, error: &str, pause: Duration) -> Value {
    json!({ "depth": depth, "step": title, "attempt": attempt, "error": error, "pause_ms": millis(pause) })
}

pub(super) fn step_end(step: &StepEnd) -> Value {
    let (outcome, error) = match &step.outcome {
        StepOutcome::Passed => ("passed", None),
        StepOutcome::AlreadySo => ("already_so", None),
        StepOutcome::Changed => ("changed", None),
        StepOutcome::Skipped => ("skipped", None),
        StepOutcome::Ignored(error) => ("ignored", Some(error)),
        StepOutcome::Recovered(error) => ("recovered", Some(error)),
        StepOutcome::Failed(error) | StepOutcome::Noted(error) => ("failed", Some(error)),
    };
    let values: serde_json::Map<String, Value> =
        step.values.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let measured: Vec<Value> = step
        .measured
        .iter()
        .map(|one| {
            json!({ "name": one.name, "value": one.value, "min": one.min, "max": one.max, "unit": one.unit, "good": one.good })
        })
        .collect();
    json!({
        "depth": step.depth,
        "step": step.title,
        "kind": kind_word(step.kind),
        "outcome": outcome,
        "error": error,
        "attempts": step.attempts,
        "took_ms": millis(step.took),
        "values": values,
        "answer": step.answer,
        "measured": measured,
    })
}

pub(super) fn heard_fields(heard: &Heard<'_>) -> Value {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match heard {
        Heard::Sent(line) => json!({ "sent": text(line) }),
        Heard::SentData(bytes) => json!({ "sent_data_bytes": bytes }),
        Heard::Line { class, text: line } => {
            json!({ "line": text(line), "class": format!("{class:?}").to_lowercase() })
        }
        Heard::Message(message) => {
            json!({ "message": text(&message.payload), "topic": message.topic, "damaged": message.damaged })
        }
        Heard::Damaged(damaged) => json!({ "declared": damaged.declared, "seen": damaged.seen }),
        Heard::Resync => json!({ "resync": true }),
    }
}

fn finished(report: &Report, sources: &Sources) -> Value {
    let returns: serde_json::Map<String, Value> = report.returns.iter().cloned().collect();
    json!({
        "flow": report.flow,
        "verdict": match &report.failure {
            None => "passed",
            Some(failure) if failure.is_interrupt() => "interrupted",
            Some(_) => "failed",
        },
        "stopped": report.stopped,
        "failure": report.failure.as_ref().map(|failure| failure_fields(failure, sources)),
        "passed": report.passed,
        "skipped": report.skipped,
        "retries": report.retries,
        "published": report.published,
        "received": report.received,
        "took_ms": millis(report.took),
        "returns": returns,
    })
}

fn failure_fields(failure: &Failure, sources: &Sources) -> Value {
    let place = failure.span.map(|span| {
        let position = sources.position(span);
        json!({ "file": sources.name(span.file), "line": position.line, "column": position.column })
    });
    json!({
        "code": failure.code.to_string(),
        "error": failure.name,
        "number": failure.number,
        "meaning": failure.text,
        "line": failure.line,
        "message": failure.message,
        "help": failure.help,
        "hint": failure.hint,
        "place": place,
        "script": failure.script,
        "path": failure.path,
    })
}
