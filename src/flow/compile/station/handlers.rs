//! `downlink.methods`, and what the handlers' file says literally.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::nearest;
use crate::flow::keys;
use crate::flow::model::station::{Method, ParamRule};
use crate::flow::model::{FlowId, UnitId};
use crate::flow::yaml::{Key, Node};
use crate::hooks::{Mention, Mentioned, Value, is_host_function};

use super::super::Compiler;

/// The longest name of a method.
const LONGEST_NAME: usize = 64;

impl Compiler<'_> {
    /// What can be called. Each must be a function of the handlers' file.
    pub(super) fn methods(
        &mut self,
        entries: &[(&Key, &Node)],
        handlers: Option<Span>,
    ) -> BTreeMap<String, Method> {
        let functions = self.handlers.as_ref().map(|handlers| {
            let mut functions: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
            for (name, count) in handlers.file.functions() {
                functions.entry(name.to_string()).or_default().insert(count);
            }
            (handlers.file.name().to_string(), functions)
        });
        let mut methods = BTreeMap::new();
        for (key, node) in entries {
            let function = match &functions {
                // A file that could not be used is one problem, not one for each method.
                Some((file, functions)) => self.takes_context(key, file, functions, handlers),
                None => None,
            };
            let Some(fields) = self.open(node, &keys::METHOD) else { continue };
            let params = fields.map("params", self.problems).unwrap_or_default();
            let dangerous = fields.one_of("allow", self.problems).is_some();
            fields.finish();
            let params = self.param_rules(&params);
            if let Some(takes_context) = function {
                methods.insert(key.text.clone(), Method { params, dangerous, takes_context });
            }
        }
        methods
    }

    /// Whether a method's function takes a second argument; `None`, and a problem, if it cannot be called.
    fn takes_context(
        &mut self,
        key: &Key,
        file: &str,
        functions: &BTreeMap<String, BTreeSet<usize>>,
        handlers: Option<Span>,
    ) -> Option<bool> {
        let (message, help) = match called(&key.text, file, functions) {
            Ok(takes_context) => return Some(takes_context),
            Err(problem) => problem,
        };
        let mut problem = Diagnostic::error(Code::HANDLER, key.span, message).help(help);
        if let Some(at) = handlers {
            problem = problem.also(at, "the functions that answer");
        }
        self.problems.push(problem);
        None
    }

    fn param_rules(&mut self, entries: &[(&Key, &Node)]) -> BTreeMap<Arc<str>, ParamRule> {
        let mut rules = BTreeMap::new();
        for (key, node) in entries {
            let Some(fields) = self.open(node, &keys::PARAM) else { continue };
            let rule = self.value_rule(&fields);
            let default = fields.node("default");
            let optional = fields.bool("required", self.problems).is_some_and(|required| !required.value);
            fields.finish();
            let Some(rule) = rule else { continue };
            let default = match default {
                Some(node) => match self.fitting(&rule, node, "the default") {
                    Some(value) => Some(value),
                    None => continue,
                },
                None => optional.then_some(Value::UNIT),
            };
            rules.insert(key.text.as_str().into(), ParamRule { rule, default });
        }
        rules
    }

    /// The flows that the handlers name literally; names that nothing has are reported in their file.
    pub(super) fn mentioned(&mut self) -> Vec<FlowId> {
        let Some(handlers) = &self.handlers else { return Vec::new() };
        let source = handlers.source;
        let mentions: Vec<Mention> = handlers.file.mentions().to_vec();
        let mut flows = Vec::new();
        for Mention { what, name, at } in mentions {
            let at = Span::new(source, at);
            match what {
                Mentioned::State => drop(self.known_state(&name, at)),
                Mentioned::Flow { with_params } => {
                    let Some(flow) = self.lookup(UnitId(0), &name) else {
                        self.unknown_flow(&name, at, UnitId(0));
                        continue;
                    };
                    if !with_params {
                        self.needs_no_params(flow, at);
                    }
                    if !flows.contains(&flow) {
                        flows.push(flow);
                    }
                }
            }
        }
        flows
    }

    /// Reports a flow that cannot be run without params.
    pub(super) fn needs_no_params(&mut self, flow: FlowId, at: Span) {
        let signature = &self.signatures[flow.0];
        let needed: Vec<&str> = signature
            .params
            .iter()
            .filter(|(_, default)| default.is_none())
            .map(|(name, _)| &**name)
            .collect();
        if needed.is_empty() {
            return;
        }
        let message = format!("`{}` needs `{}`", signature.name, needed.join("` and `"));
        self.problems.push(
            Diagnostic::error(Code::MISSING_PARAM, at, message)
                .help("nothing is passed here: run a flow of your own that passes it"),
        );
    }
}

/// Whether the function of a method takes a second argument; else why it cannot be called, and what to do.
fn called(
    name: &str,
    file: &str,
    functions: &BTreeMap<String, BTreeSet<usize>>,
) -> Result<bool, (String, String)> {
    if !is_method_name(name) {
        let help = format!(
            "a name begins with a small letter and goes on with small letters, digits and `_`, at most {LONGEST_NAME}"
        );
        return Err((format!("`{name}` cannot be a method"), help));
    }
    if is_host_function(name) {
        let help = "give the method another name, such as the thing that it does".to_string();
        return Err((format!("`{name}` is what handlers call themselves, and cannot be a method"), help));
    }
    let Some(counts) = functions.get(name) else {
        let help = match nearest(name, functions.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write `fn {name}(params) {{ #{{}} }}` into it; a `private fn` cannot be called"),
        };
        return Err((format!("`{file}` has no function `{name}`"), help));
    };
    match (counts.contains(&1), counts.contains(&2), counts.len()) {
        (true, false, 1) => Ok(false),
        (false, true, 1) => Ok(true),
        (true, true, _) => Err((
            format!("`{file}` has two functions `{name}`"),
            "keep the one with `params` or the one with `params, ctx`".to_string(),
        )),
        _ => Err((
            format!("`{name}` of `{file}` cannot be called with a command"),
            format!("a handler takes one or two arguments: `fn {name}(params)` or `fn {name}(params, ctx)`"),
        )),
    }
}

fn is_method_name(name: &str) -> bool {
    let rest = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= LONGEST_NAME
        && name.chars().all(rest)
}
