//! Flows: their signatures, collected before any body, and their bodies.

use std::sync::Arc;

use crate::at::pattern::is_name;
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::keys;
use crate::flow::model::{Flow, FlowId, Param, Retry, Slot, UnitId};
use crate::flow::yaml::{Kind, Node};
use crate::hooks::Value;

use super::Compiler;
use super::scope::Scope;
use super::text::plain;

/// What a caller must know of a flow.
#[derive(Clone)]
pub(super) struct Signature {
    pub name: String,
    pub span: Span,
    pub unit: UnitId,
    pub params: Vec<(Arc<str>, Option<Value>)>,
    pub returns: Vec<Arc<str>>,
    /// Whether this is a file's own steps.
    pub is_main: bool,
}

/// The nodes of a flow that is not compiled yet.
pub(super) struct Body<'n> {
    pub params: Option<&'n Node>,
    pub returns: Option<&'n Node>,
    pub timeout: Option<std::time::Duration>,
    pub retry: Option<&'n Node>,
    pub steps: Option<&'n Node>,
    pub on_error: Option<&'n Node>,
    pub always: Option<&'n Node>,
}

impl<'n> Body<'n> {
    /// Steps that the engine runs by itself.
    pub fn of_steps(steps: Option<&'n Node>, timeout: Option<std::time::Duration>) -> Self {
        Self { params: None, returns: None, timeout, retry: None, steps, on_error: None, always: None }
    }
}

impl Compiler<'_> {
    /// One entry of `flows:`.
    pub(super) fn flow_body<'n>(&mut self, node: &'n Node) -> Option<Body<'n>> {
        let fields = self.open(node, &keys::NAMED_FLOW)?;
        fields.text("about", self.problems);
        let body = Body {
            params: fields.list("params", self.problems).and(fields.node("params")),
            returns: fields.node("returns"),
            timeout: fields.duration("timeout", self.problems).map(|timeout| timeout.value),
            retry: fields.node("retry"),
            steps: fields.node("steps"),
            on_error: fields.node("on_error"),
            always: fields.node("always"),
        };
        fields.finish();
        Some(body)
    }

    /// What callers see of a flow.
    pub(super) fn signature(
        &mut self,
        name: &str,
        span: Span,
        unit: UnitId,
        body: &Body<'_>,
        is_main: bool,
    ) -> Signature {
        let params = body.params.map(|node| self.params(node)).unwrap_or_default();
        let returns = body.returns.map(|node| self.names(node)).unwrap_or_default();
        Signature { name: name.to_string(), span, unit, params, returns, is_main }
    }

    /// `params: [topic, payload, qos: 0]`: names, or name and default.
    fn params(&mut self, node: &Node) -> Vec<(Arc<str>, Option<Value>)> {
        let mut out: Vec<(Arc<str>, Option<Value>)> = Vec::new();
        for item in node.list().unwrap_or_default() {
            let (name, span, default) = match &item.kind {
                Kind::Map(entries) if entries.len() == 1 => {
                    let (key, value) = &entries[0];
                    let Some(scalar) = self.scalar(value, "a default") else { continue };
                    (key.text.clone(), key.span, Some(plain(&scalar)))
                }
                _ => {
                    let Some(scalar) = self.scalar(item, "a name, or `name: default`,") else { continue };
                    (scalar.text.to_string(), scalar.span, None)
                }
            };
            if self.good_name(&name, span) {
                if out.iter().any(|(known, _)| **known == *name) {
                    self.problems.push(Diagnostic::error(
                        Code::NAME,
                        span,
                        format!("the param `{name}` stands twice"),
                    ));
                    continue;
                }
                out.push((name.as_str().into(), default));
            }
        }
        out
    }

    /// A list of names, or one.
    fn names(&mut self, node: &Node) -> Vec<Arc<str>> {
        let items: Vec<&Node> = node.list().map_or_else(|| vec![node], |items| items.iter().collect());
        let mut names = Vec::new();
        for item in items {
            if let Some(scalar) = self.scalar(item, "a name")
                && self.good_name(scalar.text, scalar.span)
            {
                names.push(scalar.text.into());
            }
        }
        names
    }

    /// Whether an expression can use `name`; if not, it is reported.
    pub(super) fn good_name(&mut self, name: &str, at: Span) -> bool {
        if is_name(name) {
            return true;
        }
        self.problems.push(Diagnostic::error(Code::NAME, at, format!("`{name}` cannot be a name")).help(
            "a name has letters, digits and `_`, and is not a word of Rhai such as `case` or `default`",
        ));
        false
    }

    /// The names that every expression of a file sees.
    pub(super) fn scope(&self, unit: UnitId) -> Scope {
        Scope::new(unit, self.var_names[unit.0].clone(), self.state.is_some())
    }

    /// The body of flow `id`.
    pub(super) fn flow(&mut self, id: FlowId, body: &Body<'_>) -> Flow {
        let signature = self.signatures[id.0].clone();
        let mut scope = self.scope(signature.unit);
        let params: Vec<Param> = signature
            .params
            .iter()
            .map(|(name, default)| Param {
                name: Arc::clone(name),
                slot: scope.param(name),
                default: default.clone(),
            })
            .collect();
        let retry = self.retry(body.retry);
        scope.in_retry = retry.written;
        let steps = body.steps.map(|node| self.steps(node, &mut scope)).unwrap_or_default();
        let returns = self.returned(&signature, body, &scope);
        let recovery = self.recovery(body.on_error, body.always, &mut scope);
        Flow {
            name: signature.name,
            span: signature.span,
            unit: signature.unit,
            params,
            returns,
            timeout: body.timeout,
            retry,
            steps,
            on_error: recovery.on_error,
            always: recovery.always,
            names: scope.into_names(),
        }
    }

    fn returned(&mut self, signature: &Signature, body: &Body<'_>, scope: &Scope) -> Vec<(Arc<str>, Slot)> {
        let mut out = Vec::new();
        for name in &signature.returns {
            if let Some(slot) = scope.visible_slot(name) {
                out.push((Arc::clone(name), slot));
            } else {
                let at = body.returns.map_or(signature.span, |node| node.span);
                let problem = Diagnostic::error(
                    Code::UNKNOWN_NAME,
                    at,
                    format!("`{name}` is returned, and no step sets it"),
                );
                self.problems.push(problem.help("a step sets a name by a hole of that name, or with `set`"));
                // The slots of a caller count on every name being there.
                out.push((Arc::clone(name), crate::flow::model::ERROR));
            }
        }
        out
    }

    /// `retry: 3`, or the map, or none.
    pub(super) fn retry(&mut self, node: Option<&Node>) -> Retry {
        node.map(|node| super::retry::compile(self, node)).unwrap_or_default()
    }
}
