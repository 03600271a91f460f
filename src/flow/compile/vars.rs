//! `vars`: plain values, or where a value comes from.

use crate::flow::codes::Code;
use crate::flow::diag::Diagnostic;
use crate::flow::fields::PlainValue;
use crate::flow::keys;
use crate::flow::model::{Var, VarSource};
use crate::flow::yaml::Node;
use crate::hooks::{self, Value};

use super::Compiler;

/// The keys that make a map a source and not a value.
const SOURCE_KEYS: [&str; 4] = ["env", "file", "csv", "json"];

impl Compiler<'_> {
    /// Every var of a file.
    pub(super) fn vars(&mut self, node: Option<&Node>) -> Vec<Var> {
        let Some(entries) = node.and_then(Node::map) else {
            if let Some(node) = node {
                self.problems.push(
                    Diagnostic::error(Code::WRONG_KIND, node.span, "`vars` is a map of names and values")
                        .help("write, for example, `vars: { host: example.org }`"),
                );
            }
            return Vec::new();
        };
        let mut vars = Vec::new();
        for (key, value) in entries {
            if self.good_name(&key.text, key.span) && !value.is_nothing() {
                let var = Var {
                    name: key.text.as_str().into(),
                    span: key.span,
                    source: VarSource::Missing,
                    default: None,
                    simulated: None,
                    secret: false,
                };
                vars.extend(self.var(var, value));
            }
        }
        vars
    }

    fn var(&mut self, var: Var, node: &Node) -> Option<Var> {
        let is_source = node
            .map()
            .is_some_and(|entries| entries.iter().any(|(key, _)| keys::VAR_SOURCE.key(&key.text).is_some()));
        if !is_source {
            return Some(Var { source: VarSource::Value(plain_value(node)?), ..var });
        }
        let fields = self.open(node, &keys::VAR_SOURCE)?;
        let mut text = |key: &str| fields.text(key, self.problems).map(|scalar| scalar.text.to_string());
        let [env, file, csv, json] = SOURCE_KEYS.map(&mut text);
        let default = fields.node("default").and_then(plain_value);
        let simulated = fields.node("simulated").and_then(plain_value);
        let secret = fields.bool("secret", self.problems).is_some_and(|secret| secret.value);
        fields.finish();
        let source = match (env, file, csv, json) {
            (Some(name), ..) => VarSource::Env(name),
            (_, Some(path), ..) => VarSource::File(path),
            (_, _, Some(path), _) => VarSource::Csv(path),
            (.., Some(path)) => VarSource::Json(path),
            _ => VarSource::Missing,
        };
        Some(Var { source, default, simulated, secret, ..var })
    }
}

/// YAML as a value: canonical numbers and booleans are themselves, all else is text.
pub(super) fn plain_value(node: &Node) -> Option<Value> {
    Some(from_plain(PlainValue::of(node)?))
}

fn from_plain(plain: PlainValue) -> Value {
    match plain {
        PlainValue::Text(text) => text.into(),
        PlainValue::Int(int) => int.into(),
        PlainValue::Float(float) => float.into(),
        PlainValue::Bool(flag) => flag.into(),
        PlainValue::List(items) => items.into_iter().map(from_plain).collect::<hooks::Array>().into(),
        PlainValue::Map(entries) => {
            let map: hooks::Map =
                entries.into_iter().map(|(key, value)| (key.as_str().into(), from_plain(value))).collect();
            map.into()
        }
    }
}
