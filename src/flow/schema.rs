//! The tables as JSON Schema 2020-12, so that an editor completes and explains keys while a file is written.
//! A schema cannot say all that `check` says; where it must choose it is the more generous.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::keys::{
    ACTIONS, CLOUD, Check, DIALECT, FLOW, Key, Rule, SCENARIO, SHAPES, STATION, STEP, Shape, TEST_FILE, Takes,
};

/// One or more numbers with units.
const DURATION: &str = r"^(\d+(\.\d+)?(ms|s|m|h|d))+$";
/// A duration or two with `..` between.
const DURATION_RANGE: &str = r"^(\d+(\.\d+)?(ms|s|m|h|d))+(\.\.((\d+(\.\d+)?(ms|s|m|h|d))+)?)?$";
/// Two numbers with `..` between, of which one may be missing.
const RANGE: &str = r"^(-?\d+\.\.(-?\d+)?|\.\.-?\d+)$";
/// What a step that is only text begins with.
const COMMAND: &str = r"^(AT|A/|\+\+\+)";
/// A param with a default is a map of one entry.
const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// `schemas/flow.schema.json`: flows, stations and clouds.
pub fn flow_schema() -> String {
    let kinds = [&FLOW, &STATION, &CLOUD].map(|shape| json!({ "$ref": reference(shape) }));
    document("atflow flow, station or cloud", &json!({ "anyOf": kinds }))
}

/// `schemas/dialect.schema.json`
pub fn dialect_schema() -> String {
    document("atflow dialect", &json!({ "$ref": reference(&DIALECT) }))
}

/// `schemas/test.schema.json`
pub fn test_schema() -> String {
    document("atflow test", &json!({ "$ref": reference(&TEST_FILE) }))
}

/// `schemas/scenario.schema.json`
pub fn scenario_schema() -> String {
    document("atflow scenario", &json!({ "$ref": reference(&SCENARIO) }))
}

/// A whole schema file whose root is `root`, with the definitions that can be reached from there.
fn document(title: &str, root: &Value) -> String {
    let mut all: Map<String, Value> = SHAPES
        .iter()
        .filter(|shape| !std::ptr::eq(**shape, &raw const STEP))
        .map(|shape| (id(shape.name), object(shape, shape.keys.iter())))
        .collect();
    all.extend(step_definitions());
    let mut needed = Map::new();
    reach(root, &all, &mut needed);
    let whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": root.get("$ref").cloned(),
        "anyOf": root.get("anyOf").cloned(),
        "$defs": needed,
    });
    let whole: Map<String, Value> = whole
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}

/// Copies every definition that `from` names, and what those name.
fn reach(from: &Value, all: &Map<String, Value>, needed: &mut Map<String, Value>) {
    match from {
        Value::Object(entries) => {
            if let Some(name) =
                entries.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"))
                && !needed.contains_key(name)
                && let Some(definition) = all.get(name)
            {
                needed.insert(name.to_owned(), definition.clone());
                reach(definition, all, needed);
            }
            entries.values().for_each(|value| reach(value, all, needed));
        }
        Value::Array(items) => items.iter().for_each(|item| reach(item, all, needed)),
        _ => {}
    }
}

fn id(name: &str) -> String {
    name.replace(' ', "-")
}

fn reference(shape: &Shape) -> String {
    format!("#/$defs/{}", id(shape.name))
}

/// A step is a command line, or one of the actions with what rides on it: so an editor that has seen `send`
/// offers `data` and no `qos`.
fn step_definitions() -> Vec<(String, Value)> {
    let mut choices = vec![json!({
        "type": "string",
        "pattern": COMMAND,
        "description": "A command line: the same as `send`.",
    })];
    let mut definitions = Vec::new();
    let actions = ACTIONS.iter().copied().map(Some).chain([None]);
    for action in actions {
        let name = format!("step-{}", action.unwrap_or("without-action"));
        choices.push(json!({ "$ref": format!("#/$defs/{name}") }));
        definitions.push((name, step_with(action)));
    }
    definitions.extend(STEP.keys.iter().map(|key| (format!("step.{}", key.name), property(key))));
    definitions.push(("step".to_owned(), json!({ "description": STEP.doc, "anyOf": choices })));
    definitions
}

fn step_with(action: Option<&str>) -> Value {
    let rides = |key: &&Key| {
        let is_action = ACTIONS.contains(&key.name);
        let is_part = matches!((action, key.name), (Some("send"), "await") | (Some("each"), "steps"));
        Some(key.name) == action
            || is_part
            || (!is_action && (key.on.is_empty() || action.is_some_and(|action| key.on.contains(&action))))
    };
    let mut schema = object(&STEP, STEP.keys.iter().filter(rides));
    // Most keys ride on every action: each is explained once.
    for (name, property) in schema["properties"].as_object_mut().into_iter().flatten() {
        *property = json!({ "$ref": format!("#/$defs/step.{name}") });
    }
    match action {
        Some(action) => {
            schema["required"] = json!([action]);
            if let Some(key) = STEP.key(action) {
                schema["description"] = json!(sentence(key.doc));
            }
        }
        None => {
            schema["anyOf"] =
                json!([{ "required": ["set"] }, { "required": ["check"] }, { "required": ["log"] }]);
        }
    }
    schema
}

/// The first letter as a capital and a full stop: the tables hold neither.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if first.is_lowercase() => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        _ => format!("{text}."),
    }
}

fn object<'k>(shape: &Shape, keys: impl Iterator<Item = &'k Key>) -> Value {
    let keys: Vec<_> = keys.collect();
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let has = |name: &str| properties.contains_key(name);
    let conditions: Vec<_> = shape.rules.iter().filter_map(|rule| condition(rule, has)).collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "description": shape.doc, "properties": properties, "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if !conditions.is_empty() {
        schema["allOf"] = json!(conditions);
    }
    schema
}

fn condition(rule: &Rule, has: impl Fn(&str) -> bool) -> Option<Value> {
    let required =
        |keys: &[&str]| json!(keys.iter().map(|key| json!({ "required": [key] })).collect::<Vec<_>>());
    match rule.check {
        Check::AtLeastOne(keys) => Some(json!({ "anyOf": required(keys) })),
        Check::AtMostOne(keys) => {
            let keys: Vec<_> = keys.iter().copied().filter(|key| has(key)).collect();
            let pairs: Vec<_> = keys
                .iter()
                .enumerate()
                .flat_map(|(index, first)| {
                    keys[index + 1..].iter().map(move |second| json!({ "required": [first, second] }))
                })
                .collect();
            (!pairs.is_empty()).then(|| json!({ "not": { "anyOf": pairs } }))
        }
        Check::Needs { key, needs, unless } if has(key) => {
            let allowed: Vec<_> = needs.iter().chain(unless).copied().filter(|key| has(key)).collect();
            Some(json!({ "if": { "required": [key] }, "then": { "anyOf": required(&allowed) } }))
        }
        Check::Needs { .. } => None,
    }
}

fn property(key: &Key) -> Value {
    let mut schema = value(&key.takes);
    let mut description = sentence(key.doc);
    if !key.default.is_empty() {
        let _ = write!(description, " Default: {}.", key.default);
    }
    if !key.example.is_empty() {
        let _ = write!(description, " Example: `{}: {}`", key.name, key.example);
    }
    schema["description"] = json!(description);
    schema
}

/// Anything that YAML readers make of a plain scalar: `send: 5` is a text for us, a number for an editor.
fn any_scalar() -> Value {
    json!({ "type": ["string", "number", "boolean"] })
}

fn value(takes: &Takes) -> Value {
    let line = json!({ "type": ["string", "number"] });
    match takes {
        Takes::Text | Takes::Template | Takes::Expression | Takes::Pattern | Takes::Topic => any_scalar(),
        Takes::Sequence => {
            let item = json!({ "anyOf": [line, { "$ref": "#/$defs/many" }] });
            json!({ "anyOf": [line, { "type": "array", "items": item }, { "$ref": "#/$defs/alternatives" }] })
        }
        Takes::Alternatives => json!({ "anyOf": [line, { "type": "array", "items": line }] }),
        Takes::Duration => json!({ "type": "string", "pattern": DURATION }),
        Takes::DurationRange => json!({ "type": "string", "pattern": DURATION_RANGE }),
        Takes::Percent => json!({ "type": "string", "pattern": r"^\d+(\.\d+)?%$" }),
        Takes::Int { min, max: i64::MAX } => json!({ "type": "integer", "minimum": min }),
        Takes::Int { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Takes::Range => json!({ "anyOf": [{ "type": "integer" }, { "type": "string", "pattern": RANGE }] }),
        Takes::Number => json!({ "type": "number" }),
        Takes::Bool => json!({ "type": "boolean" }),
        // YAML 1.1 editors read `on` and `off` as booleans.
        Takes::OneOf(words @ ["on", "off"]) => {
            json!({ "enum": words.iter().map(|word| json!(word)).chain([json!(true), json!(false)]).collect::<Vec<_>>() })
        }
        Takes::OneOf(words) => json!({ "enum": words }),
        Takes::Compared => json!({}),
        Takes::Plain | Takes::Value | Takes::Tree => json!({ "not": { "type": "null" } }),
        Takes::Params => {
            let with_default = json!({ "type": "object", "minProperties": 1, "maxProperties": 1 });
            json!({ "type": "array", "items": { "anyOf": [{ "type": "string", "pattern": NAME }, with_default] } })
        }
        Takes::List(item) => json!({ "type": "array", "items": value(item) }),
        Takes::Map(entry) => json!({ "type": "object", "additionalProperties": value(entry) }),
        Takes::Object(shape) => json!({ "$ref": reference(shape) }),
        Takes::Steps => json!({ "type": "array", "items": { "$ref": "#/$defs/step" } }),
        Takes::Either(choices) => json!({ "anyOf": choices.iter().map(value).collect::<Vec<_>>() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::cases::generated;

    #[test]
    fn generated_flow_schema() {
        generated("schemas/flow.schema.json", &flow_schema());
    }

    #[test]
    fn generated_dialect_schema() {
        generated("schemas/dialect.schema.json", &dialect_schema());
    }

    #[test]
    fn generated_test_schema() {
        generated("schemas/test.schema.json", &test_schema());
    }

    #[test]
    fn generated_scenario_schema() {
        generated("schemas/scenario.schema.json", &scenario_schema());
    }

    #[test]
    fn every_reference_leads_somewhere() {
        for text in [flow_schema(), dialect_schema(), test_schema(), scenario_schema()] {
            let schema: Value = serde_json::from_str(&text).unwrap();
            for part in text.split("\"#/$defs/").skip(1) {
                let name = part.split('"').next().unwrap();
                assert!(schema["$defs"].get(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn an_action_offers_only_what_rides_on_it() {
        let schema: Value = serde_json::from_str(&flow_schema()).unwrap();
        let keys = |step: &str| schema["$defs"][step]["properties"].as_object().unwrap();
        assert!(keys("step-send").contains_key("data") && keys("step-send").contains_key("await"));
        assert!(!keys("step-send").contains_key("qos") && !keys("step-send").contains_key("run"));
        assert!(keys("step-each").contains_key("steps") && !keys("step-await").contains_key("send"));
        assert!(keys("step-without-action").contains_key("set"));
    }
}
