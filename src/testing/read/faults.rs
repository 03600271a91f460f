//! What goes wrong in a test: rates, or a list of single faults.

use serde_json::{Map, Value as Json};

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::keys::{TEST_FAULT, TEST_RATES};
use crate::flow::yaml::Node;
use crate::sim::Faults;

use super::Reading;

impl Reading<'_> {
    pub(super) fn faults(&mut self, node: &Node) -> Faults {
        let mut faults = Faults::default();
        match node.list() {
            Some(entries) => entries.iter().for_each(|entry| self.one_fault(entry, &mut faults)),
            None => self.rates(node, &mut faults),
        }
        faults
    }

    fn rates(&mut self, node: &Node, faults: &mut Faults) {
        let Some(fields) = self.open(node, &TEST_RATES) else { return };
        for key in TEST_RATES.keys {
            let (text, span) = if key.name == "heal" {
                let Some(heal) = fields.duration(key.name, self.problems) else { continue };
                (format!("{}ms", heal.value.as_millis()), heal.span)
            } else {
                let Some(rate) = fields.text(key.name, self.problems) else { continue };
                (rate.text.to_owned(), rate.span)
            };
            let written = Map::from_iter([(key.name.to_owned(), Json::from(text))]);
            self.add(&Json::Object(written), span, faults);
        }
        fields.finish();
    }

    fn one_fault(&mut self, node: &Node, faults: &mut Faults) {
        let before = self.problems.len();
        let Some(fields) = self.open(node, &TEST_FAULT) else { return };
        let written = self.written(&fields, &TEST_FAULT);
        let span = fields.head();
        fields.finish();
        if self.problems.len() == before {
            self.add(&Json::Array(vec![Json::Object(written)]), span, faults);
        }
    }

    fn add(&mut self, written: &Json, span: Span, faults: &mut Faults) {
        match Faults::read(written) {
            Ok(more) => faults.add(more),
            Err(error) => {
                let problem = Diagnostic::error(Code::TIMED_EVENT, span, error.what);
                self.problems.push(problem.help(error.help));
            }
        }
    }
}
