//! What goes wrong in one run: faults between module and host, and mishaps of the machine that the station runs
//! on. `draw` makes one of a seed; here one is written out, fault by fault.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value as Json;

use crate::flow::duration;
use crate::sim::{Detail, Fault, FaultKind, FaultWhen, Faults};
use crate::transcript::visible::escaped;

use super::super::fate::Mishap;
use super::Violation;
use super::log::{Log, Span};
use super::program::Source;

/// How long everything is well again at the end of a station's run: a link that waits comes back within 90
/// minutes, then what has piled up is sent.
const CALM: Duration = Duration::from_hours(3);

impl Span {
    /// Trouble for so long, and time to recover behind it.
    pub fn of(trouble: Duration) -> Self {
        Self { trouble, whole: trouble + CALM }
    }
}

/// A message from the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// After power-on.
    pub time: Duration,
    /// Its number, which is in its topic.
    pub id: u64,
    /// What it calls.
    pub method: &'static str,
    /// With what, as JSON.
    pub params: &'static str,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Where the module's and the station's own chance comes from.
    pub seed: u64,
    /// How long it lasts.
    pub span: Span,
    /// What goes wrong between module and host.
    pub faults: Faults,
    /// What goes wrong on the machine.
    pub mishaps: Vec<Mishap>,
    /// What the cloud sends.
    pub downlinks: Vec<Downlink>,
}

impl Case {
    /// A run in which nothing goes wrong.
    pub fn quiet(seed: u64, lasts: Duration) -> Self {
        let span = Span { trouble: lasts, whole: lasts };
        Self { seed, span, faults: Faults::default(), mishaps: Vec::new(), downlinks: Vec::new() }
    }

    /// The same, with a line between two others.
    #[must_use]
    pub fn with_urc(mut self, nth: u64, urc: &str) -> Self {
        let (when, detail) = (FaultWhen::Nth(nth), Detail::Urc(urc.to_owned()));
        self.faults.list.push(Fault { kind: FaultKind::UrcAnywhere, when, lasts: None, detail });
        self
    }

    /// The same with what really happened in place of what was drawn.
    #[must_use]
    pub fn exactly(&self, log: &Log) -> Self {
        let list = log.faults.iter().map(|(_, fault)| fault.clone()).collect();
        let faults = Faults { list, heal: self.faults.heal, ..Faults::default() };
        Self { faults, ..self.clone() }
    }

    /// How much goes wrong.
    pub fn size(&self) -> usize {
        self.faults.list.len() + self.mishaps.len() + self.downlinks.len()
    }

    /// As a test file has it.
    pub fn test_file(&self, source: &Source, violation: &Violation) -> String {
        let flow = source.file.file_name().unwrap_or_default().to_string_lossy();
        let is_plain = flow.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        // A text of JSON is one of YAML, whatever it holds; without its ending a name may be `null` or a number.
        let flow = if is_plain && flow.ends_with(".yaml") {
            flow.into_owned()
        } else {
            Json::from(&*flow).to_string()
        };
        let mut text = format!("flow: {flow}\nport: sim:{}\nseed: {}\n", source.module, self.seed);
        write_vars(source, &mut text);
        text.push_str("\ntests:\n");
        // Whatever the words hold, they are one line.
        let _ = writeln!(text, "  # {}", escaped(&violation.to_string()));
        let of_flow = violation.rule == super::VERDICT;
        let name = if of_flow { "the flow passes" } else { "the rules hold" };
        let _ = writeln!(text, "  - name: {name}");
        let _ = writeln!(text, "    for: {}", duration::display(self.span.whole));
        let mut at: Vec<(Duration, String)> = self.downlinks.iter().map(Downlink::line).collect();
        at.extend(self.mishaps.iter().map(line_of));
        at.sort();
        if !at.is_empty() {
            text.push_str("    at:\n");
            for (_, line) in &at {
                let _ = writeln!(text, "      - {line}");
            }
        }
        self.write_faults(&mut text);
        let expected = if of_flow { "verdict: passed" } else { "rules: hold" };
        let _ = writeln!(text, "    expect:\n      - {{ {expected} }}");
        text
    }

    /// Those that were listed, or those that were drawn if they do not happen again from a list.
    fn write_faults(&self, text: &mut String) {
        if self.faults.is_empty() {
            return;
        }
        if self.faults.settings.is_empty() {
            text.push_str("    faults:\n");
            for fault in &self.faults.list {
                let _ = writeln!(text, "      - {fault}");
            }
            if let Some(heal) = self.faults.heal {
                let _ = writeln!(text, "      - {{ fault: heal, time: {} }}", duration::display(heal));
            }
            return;
        }
        text.push_str("    faults:\n");
        for (kind, rate) in self.faults.settings.iter() {
            let _ = writeln!(text, "      {}: {rate}", kind.name());
        }
        if let Some(heal) = self.faults.heal {
            let _ = writeln!(text, "      heal: {}", duration::display(heal));
        }
    }
}

/// The values that were given. A secret stays with whoever gave it.
fn write_vars(source: &Source, text: &mut String) {
    let (secret, open): (Vec<_>, Vec<_>) = source.vars.iter().partition(|(name, _)| source.is_secret(name));
    for (name, _) in secret {
        let _ = writeln!(text, "# `{name}` is secret: give it its value under `vars`.");
    }
    if !open.is_empty() {
        text.push_str("vars:\n");
    }
    for (name, value) in open {
        // A text of JSON is one of YAML, whatever it holds.
        let _ = writeln!(text, "  {name}: {}", Json::from(value.as_str()));
    }
}

fn line_of(mishap: &Mishap) -> (Duration, String) {
    let (key, word) = mishap.what.words();
    let (time, down) = (duration::display(mishap.time), duration::display(mishap.down));
    (mishap.time, format!("{{ time: {time}, {key}: {word}, for: {down} }}"))
}

impl Downlink {
    /// Topic and payload.
    pub fn message(&self) -> (String, String) {
        let Self { id, method, params, .. } = self;
        let payload = format!(r#"{{"method":"{method}","params":{params},"id":{id}}}"#);
        (format!("command/send/{id}"), payload)
    }

    fn line(&self) -> (Duration, String) {
        let (topic, payload) = self.message();
        (
            self.time,
            format!("{{ time: {}, cloud: {topic}, text: '{payload}' }}", duration::display(self.time)),
        )
    }
}
