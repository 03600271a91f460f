//! Reads a tree by the tables alone, with the getter that fits each key. It shows what the tables say about a
//! file before any compiler is there, and that every kind of value has a getter.

use crate::flow::diag::{Diagnostics, Sources};
use crate::flow::fields::{Fields, PlainValue, expression_of, template_of, wrong_kind};
use crate::flow::keys::{BLOCK, DIALECT, MANY, RETRY, STEP, Shape, Takes, file_shape, is_var_source};
use crate::flow::traps;
use crate::flow::yaml::{Node, Scalar};

/// Reads a whole file: a dialect if it looks like one.
pub(super) fn file(root: &Node, sources: &Sources, problems: &mut Diagnostics) {
    let is_dialect =
        ["extends", "urc", "commands", "results", "line"].iter().any(|key| root.get(key).is_some());
    object(root, if is_dialect { &DIALECT } else { file_shape(root) }, sources, problems);
}

fn object(node: &Node, shape: &'static Shape, sources: &Sources, problems: &mut Diagnostics) {
    let Some(fields) = Fields::open(node, shape, sources.text(node.span.file), problems) else { return };
    if std::ptr::eq(shape, &raw const STEP) {
        fields.action(problems);
    }
    for key in shape.keys {
        field(&fields, key.name, &key.takes, sources, problems);
    }
    fields.finish();
}

fn field(fields: &Fields<'_>, name: &str, takes: &Takes, sources: &Sources, problems: &mut Diagnostics) {
    match takes {
        Takes::Text | Takes::Pattern | Takes::Topic => drop(fields.text(name, problems)),
        Takes::Template | Takes::Expression => {
            if let Some(scalar) = fields.text(name, problems) {
                read_inside(scalar, takes, sources, problems);
            }
        }
        Takes::Duration => drop(fields.duration(name, problems)),
        Takes::DurationRange => drop(fields.duration_range(name, problems)),
        Takes::Percent => drop(fields.percent(name, problems)),
        Takes::Int { .. } => drop(fields.int(name, problems)),
        Takes::Range => drop(fields.range(name, problems)),
        Takes::Number => drop(fields.number(name, problems)),
        Takes::Bool => drop(fields.bool(name, problems)),
        Takes::OneOf(_) => drop(fields.one_of(name, problems)),
        Takes::Object(_) => {
            if let Some(inner) = fields.node(name) {
                fields.object(name, sources.text(inner.span.file), problems);
                node(inner, takes, sources, problems);
            }
        }
        Takes::List(item) => {
            for entry in fields.list(name, problems).unwrap_or_default() {
                node(entry, item, sources, problems);
            }
        }
        Takes::Map(value) => {
            for (_, entry) in fields.map(name, problems).unwrap_or_default() {
                node(entry, value, sources, problems);
            }
        }
        Takes::Steps => {
            for step in fields.list(name, problems).unwrap_or_default() {
                node_step(step, sources, problems);
            }
        }
        Takes::Sequence
        | Takes::Alternatives
        | Takes::Plain
        | Takes::Value
        | Takes::Tree
        | Takes::Params
        | Takes::Either(_) => {
            if let Some(inner) = fields.node(name) {
                node(inner, takes, sources, problems);
            }
        }
    }
}

fn node_step(step: &Node, sources: &Sources, problems: &mut Diagnostics) {
    match step.scalar() {
        Some(scalar) if traps::is_command(scalar.text) => {}
        Some(scalar) => problems.push(traps::not_a_command(scalar)),
        None => object(step, &STEP, sources, problems),
    }
}

fn read_inside(scalar: Scalar<'_>, takes: &Takes, sources: &Sources, problems: &mut Diagnostics) {
    match takes {
        Takes::Expression => drop(expression_of(scalar, sources, problems)),
        _ => drop(template_of(scalar, sources, problems)),
    }
}

fn node(value: &Node, takes: &Takes, sources: &Sources, problems: &mut Diagnostics) {
    match takes {
        Takes::Object(shape) => object(value, shape, sources, problems),
        Takes::Steps => {
            for step in value.list().unwrap_or_default() {
                node_step(step, sources, problems);
            }
        }
        Takes::List(item) => {
            for entry in value.list().unwrap_or_default() {
                node(entry, item, sources, problems);
            }
        }
        Takes::Sequence | Takes::Alternatives => {
            for line in value.list().unwrap_or_default() {
                if line.get("many").is_some() {
                    object(line, &MANY, sources, problems);
                }
            }
        }
        Takes::Map(entry) => {
            for (_, inner) in value.map().unwrap_or_default() {
                node(inner, entry, sources, problems);
            }
        }
        Takes::Either(choices) => {
            let fits = |choice: &&Takes| match choice {
                Takes::Object(shape) if shape.name == BLOCK.name || shape.name == RETRY.name => {
                    value.map().is_some()
                }
                Takes::Object(shape) if shape.name == "var source" => is_var_source(value),
                Takes::Object(_) | Takes::Map(_) => value.map().is_some(),
                Takes::Steps | Takes::List(_) | Takes::Params => value.list().is_some(),
                Takes::Sequence | Takes::Alternatives | Takes::Plain => true,
                _ => value.scalar().is_some(),
            };
            let choice = choices.iter().rev().find(fits);
            match choice {
                Some(choice) => node(value, choice, sources, problems),
                None => wrong_kind(value, &format!("this takes {}", takes.words()), None, problems),
            }
        }
        Takes::Plain | Takes::Value | Takes::Tree | Takes::Params => drop(PlainValue::of(value)),
        Takes::Template | Takes::Expression if let Some(scalar) = value.scalar() => {
            read_inside(scalar, takes, sources, problems);
        }
        _ if value.scalar().is_none() => {
            wrong_kind(value, &format!("this takes {}", takes.words()), None, problems);
        }
        _ => {}
    }
}
