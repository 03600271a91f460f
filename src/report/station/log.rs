//! The log of a station for programs: one JSON object a line. Text that came from the module or the cloud
//! stands in fields only, escaped and of limited length.

use std::fmt::Write as _;
use std::io::Write;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use crate::link::Mono;
use crate::report::json;
use crate::report::text::visible;
use crate::run::event::{Event, Observer};
use crate::station::event::{Happening, Status, Watcher};

use super::refusals::Refusals;
use super::{Level, Wall, level};

/// Characters of a text that are written.
const TEXT_MOST: usize = 512;

/// Writes the log.
pub struct StationLog {
    out: Box<dyn Write>,
    device: String,
    wall: Wall,
    /// The least that is written.
    least: Level,
    /// Steps and lines, too.
    steps: bool,
    refusals: Refusals,
}

impl StationLog {
    /// Writes to `out`. `device`: the port, as the user wrote it.
    pub fn new(out: Box<dyn Write>, device: impl Into<String>, wall: Wall) -> Self {
        Self {
            out,
            device: device.into(),
            wall,
            least: Level::Debug,
            steps: false,
            refusals: Refusals::default(),
        }
    }

    /// Leaves out what matters less than `least`; how the station ended is always written.
    #[must_use]
    pub fn least(mut self, least: Level) -> Self {
        self.least = least;
        self
    }

    /// Writes the steps of runs and every line both ways, too.
    #[must_use]
    pub fn with_steps(mut self, steps: bool) -> Self {
        self.steps = steps;
        self
    }

    fn write(&mut self, at: Mono, level: Level, event: &str, fields: Value) {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        let mut line = format!(
            r#"{{"ts":{},"t":{},"level":"{}","device":{},"event":{}"#,
            json!((self.wall)(at).and_then(rfc3339)),
            seconds(at),
            level.word(),
            json!(limited(&self.device)),
            json!(event)
        );
        for (name, value) in fields.into_iter().filter(|(name, _)| name != "event") {
            // `level` is taken: it says how much the line matters.
            let name = if name == "level" { "link_level".to_string() } else { name };
            let _ = write!(line, ",{}:{}", json!(name), with_limits(value));
        }
        line.push('}');
        let _ = writeln!(self.out, "{}", visible(&line));
        let _ = self.out.flush();
    }
}

impl Watcher for StationLog {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        let (sums, shown) = self.refusals.pass(at, happening);
        for happening in sums.iter().chain(shown.then_some(happening)) {
            self.happening(at, happening);
        }
    }

    /// What changes is told as happenings; how things stand is for the metrics.
    fn status(&mut self, _at: Mono, _status: &Status) {}
}

impl StationLog {
    fn happening(&mut self, at: Mono, happening: &Happening) {
        let level = level(happening);
        if level < self.least && !matches!(happening, Happening::StationStopped(_)) {
            return;
        }
        let fields = serde_json::to_value(happening).unwrap_or_default();
        let event = fields.get("event").and_then(Value::as_str).unwrap_or_default().to_string();
        self.write(at, level, &event, fields);
    }
}

impl Observer for StationLog {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        match event {
            Event::Log { text, .. } if self.least <= Level::Info => {
                self.write(at, Level::Info, "log", json!({ "text": text }));
            }
            _ if !self.steps => {}
            Event::StepFinished(step) => {
                self.write(at, Level::Debug, "step_finished", json::step_end(step));
            }
            Event::Retrying { depth, title, attempt, error, pause, .. } => {
                let fields = json::retrying(*depth, title, *attempt, error, *pause);
                self.write(at, Level::Debug, "retrying", fields);
            }
            Event::Heard(heard) => self.write(at, Level::Debug, "line", json::heard_fields(heard)),
            _ => {}
        }
    }

    fn wants_steps(&self) -> bool {
        self.steps
    }

    fn wants_lines(&self) -> bool {
        self.steps
    }
}

fn rfc3339(wall_ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(wall_ms)?;
    Some(time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

/// Seconds with six digits, whatever a float would make of them.
fn seconds(at: Mono) -> String {
    format!("{}.{:06}", at.as_micros() / 1_000_000, at.as_micros() % 1_000_000)
}

/// Every text in a value within the limit.
fn with_limits(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(limited(&text)),
        Value::Array(items) => items.into_iter().map(with_limits).collect(),
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, with_limits(value))).collect(),
        other => other,
    }
}

fn limited(text: &str) -> String {
    if text.char_indices().nth(TEXT_MOST).is_none() {
        return text.to_string();
    }
    text.chars().take(TEXT_MOST - 1).chain(['…']).collect()
}
