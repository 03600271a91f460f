//! What goes wrong by chance or exactly then: rates, or a list of single faults.

use serde_json::{Map, Value as Json};

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, Span};
use crate::flow::fields::Fields;
use crate::flow::keys::{TEST_FAULT, TEST_RATES, Takes};
use crate::flow::yaml::Node;

use crate::sim::Faults;

/// Reads `faults:`; what there is of it may lack what is wrong.
pub fn faults(node: &Node, text: &str, problems: &mut Diagnostics) -> Faults {
    let mut faults = Faults::default();
    match node.list() {
        Some(entries) => entries.iter().for_each(|entry| one_fault(entry, text, &mut faults, problems)),
        None => rates(node, text, &mut faults, problems),
    }
    faults
}

fn rates(node: &Node, text: &str, faults: &mut Faults, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, &TEST_RATES, text, problems) else { return };
    for key in TEST_RATES.keys {
        let (text, span) = if key.name == "heal" {
            let Some(heal) = fields.duration(key.name, problems) else { continue };
            (format!("{}ms", heal.value.as_millis()), heal.span)
        } else {
            let Some(rate) = fields.text(key.name, problems) else { continue };
            (rate.text.to_owned(), rate.span)
        };
        let written = Map::from_iter([(key.name.to_owned(), Json::from(text))]);
        add(&Json::Object(written), span, faults, problems);
    }
    fields.finish();
}

fn one_fault(node: &Node, text: &str, faults: &mut Faults, problems: &mut Diagnostics) {
    let before = problems.len();
    let Some(fields) = Fields::open(node, &TEST_FAULT, text, problems) else { return };
    let mut written = Map::new();
    for key in TEST_FAULT.keys {
        let value = match &key.takes {
            Takes::Duration => fields
                .duration(key.name, problems)
                .map(|time| Json::from(format!("{}ms", time.value.as_millis()))),
            Takes::OneOf(_) => fields.one_of(key.name, problems).map(|word| Json::from(word.value)),
            Takes::Int { .. } => fields.int(key.name, problems).map(|value| Json::from(value.value)),
            _ => fields.text(key.name, problems).map(|text| Json::from(text.text)),
        };
        written.extend(value.map(|value| (key.name.to_owned(), value)));
    }
    let span = fields.head();
    fields.finish();
    if problems.len() == before {
        add(&Json::Array(vec![Json::Object(written)]), span, faults, problems);
    }
}

fn add(written: &Json, span: Span, faults: &mut Faults, problems: &mut Diagnostics) {
    match Faults::read(written) {
        Ok(more) => faults.add(more),
        Err(error) => {
            problems.push(Diagnostic::error(Code::TIMED_EVENT, span, error.what).help(error.help));
        }
    }
}
