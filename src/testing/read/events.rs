//! What happens during a test, and how its module starts.

use serde_json::{Map, Value as Json};

use crate::flow::codes::Code;
use crate::flow::diag::Diagnostic;
use crate::flow::fields::{Fields, PlainValue};
use crate::flow::keys::{Shape, TEST_EVENT, TEST_SIM, Takes};
use crate::flow::yaml::Node;
use crate::sim::{Entry, RawEntry, SimSettings};
use crate::testing::fate::{Mishap, MishapKind};

use super::{Reading, json_of};

/// One entry of `at:`.
pub(super) enum Timed {
    /// Something that the simulated world does.
    Entry(Entry),
    /// Something that happens to atflow itself.
    Mishap(Mishap),
}

impl Reading<'_> {
    pub(super) fn settings(&mut self, node: &Node) -> Option<SimSettings> {
        let before = self.problems.len();
        let fields = self.open(node, &TEST_SIM)?;
        let written = self.written(&fields, &TEST_SIM);
        fields.finish();
        if self.problems.len() > before {
            return None;
        }
        match serde_json::from_value(Json::Object(written)) {
            Ok(settings) => Some(settings),
            Err(error) => {
                let problem = Diagnostic::error(Code::WRONG_KIND, node.span, error.to_string());
                self.problems
                    .push(problem.help("docs/simulator.md lists what a simulated module can be told"));
                None
            }
        }
    }

    pub(super) fn event(&mut self, node: &Node) -> Option<Timed> {
        let before = self.problems.len();
        let fields = self.open(node, &TEST_EVENT)?;
        let head = fields.head();
        let time = fields.duration("time", self.problems);
        let crash = fields.one_of("crash", self.problems).and_then(|word| MishapKind::of_crash(word.value));
        let mishap = if fields.has("restart") { Some(MishapKind::Restart) } else { crash };
        let lasts = fields.duration("for", self.problems);
        let written = self.written(&fields, &TEST_EVENT);
        fields.finish();
        if self.problems.len() > before || node.map().is_none_or(<[_]>::is_empty) {
            return None;
        }
        if let Some(what) = mishap {
            let down = lasts.map(|lasts| lasts.value).unwrap_or_default();
            return Some(Timed::Mishap(Mishap { time: time?.value, what, down }));
        }
        let checked = serde_json::from_value::<RawEntry>(Json::Object(written))
            .map_err(|error| (error.to_string(), "write it as docs/simulator.md shows"))
            .and_then(RawEntry::check);
        match checked {
            Ok(entry) => Some(Timed::Entry(entry)),
            Err((message, help)) => {
                self.problems.push(Diagnostic::error(Code::TIMED_EVENT, head, message).help(help));
                None
            }
        }
    }

    /// The keys of a map as the simulator takes them, each read as its table says.
    pub(super) fn written(&mut self, fields: &Fields<'_>, shape: &'static Shape) -> Map<String, Json> {
        let mut written = Map::new();
        for key in shape.keys {
            let problems = &mut *self.problems;
            let value = match &key.takes {
                // The simulator knows no fractions.
                Takes::Duration => fields
                    .duration(key.name, problems)
                    .map(|time| Json::from(format!("{}ms", time.value.as_millis()))),
                Takes::Text => fields.text(key.name, problems).map(|text| Json::from(text.text)),
                Takes::OneOf(_) => fields.one_of(key.name, problems).map(|word| Json::from(word.value)),
                Takes::Bool => fields.bool(key.name, problems).map(|value| Json::from(value.value)),
                Takes::Int { .. } => fields.int(key.name, problems).map(|value| Json::from(value.value)),
                Takes::Number => fields.number(key.name, problems).map(|value| Json::from(value.value)),
                _ => fields.node(key.name).and_then(PlainValue::of).map(|value| json_of(&value)),
            };
            if let Some(value) = value {
                written.insert(key.name.to_owned(), value);
            }
        }
        written
    }
}
