//! The actions of steps other than `send`.

use std::sync::Arc;

use crate::at::dialect::CommandRules;
use crate::at::pattern::{Item, Sequence, is_name};
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::wrong_kind;
use crate::flow::keys;
use crate::flow::model::{
    Action, Ask, Await, Call, Each, Leaf, Payload, PortStep, Publish, Receive, Slot, Template, UnitId,
    Unsupported,
};
use crate::flow::topic::TopicPattern;
use crate::flow::yaml::{Kind, Node};
use crate::hooks::Value;

use super::Compiler;
use super::contract;
use super::scope::Scope;
use super::steps::Parts;
use super::text::Stand;

impl Compiler<'_> {
    pub(super) fn action(
        &mut self,
        key: Option<&str>,
        parts: &Parts<'_>,
        scope: &mut Scope,
    ) -> Option<Action> {
        match key.unwrap_or_default() {
            "send" => parts
                .send
                .and_then(|line| self.send(line, &parts.send_nodes, scope))
                .map(|send| Action::Send(Box::new(send))),
            "await" => self.await_step(parts, scope).map(|wait| Action::Await(Box::new(wait))),
            "receive" => parts.receive.and_then(|topic| self.receive(topic, scope)).map(Action::Receive),
            "publish" => self.publish(parts, scope).map(|publish| Action::Publish(Box::new(publish))),
            "run" => self.run_step(parts, scope).map(|call| Action::Run(Box::new(call))),
            "steps" => parts.steps.map(|steps| Action::Group(self.steps(steps, scope))),
            "each" => self.each(parts, scope).map(|each| Action::Each(Box::new(each))),
            "sleep" => parts.sleep.map(Action::Sleep),
            "ask" => self.ask(parts, scope).map(|ask| Action::Ask(Box::new(ask))),
            "port" => {
                parts.port.and_then(|port| self.port(port, scope)).map(|port| Action::Port(Box::new(port)))
            }
            "stop" => parts.stop.and_then(|reason| self.template(reason, scope)).map(Action::Stop),
            _ => Some(Action::None),
        }
    }

    fn await_step(&mut self, parts: &Parts<'_>, scope: &mut Scope) -> Option<Await> {
        let node = parts.send_nodes.awaits?;
        let nodes = &parts.send_nodes;
        let rules = self.rules(nodes, Stand::Free, Stand::NeedsText);
        self.define_salvaged(scope);
        let same = self.same_inputs(&rules, nodes, node.span, scope);
        // `expect` beside a standalone `await` is one more line that must come.
        let lines = match (rules.awaits, rules.expect) {
            (Some(first), Some(then)) => {
                let items: Vec<Item> = first.items().iter().chain(then.items()).cloned().collect();
                Arc::new(Sequence::new(items).ok()?)
            }
            (lines, _) => lines?,
        };
        let mut captures = self.define_all(lines.names(), node.span, scope);
        let collected = rules.collect.iter().flat_map(|lists| lists.iter().map(|(name, _)| Arc::clone(name)));
        captures.extend(self.define_all(collected.collect(), node.span, scope));
        let after_result = parts.since == Some("result");
        Some(Await { lines, fail: rules.fail, collect: rules.collect, captures, same, after_result })
    }

    fn define_all(&mut self, names: Vec<Arc<str>>, at: Span, scope: &mut Scope) -> Vec<(Arc<str>, Slot)> {
        let mut out: Vec<(Arc<str>, Slot)> = Vec::new();
        for name in names {
            if out.iter().any(|(known, _)| *known == name) {
                continue;
            }
            if let Some(slot) = self.define(&name, at, scope) {
                out.push((name, slot));
            }
        }
        out
    }

    fn receive(&mut self, node: &Node, scope: &mut Scope) -> Option<Receive> {
        let topic = self.topic(node)?;
        let mut names: Vec<Arc<str>> = ["topic", "payload", "body"].into_iter().map(Arc::from).collect();
        names.extend(topic.names().cloned());
        let captures = self.define_all(names, node.span, scope);
        Some(Receive { topic, captures })
    }

    /// A topic with holes.
    pub(super) fn topic(&mut self, node: &Node) -> Option<TopicPattern> {
        let scalar = self.scalar(node, "a topic")?;
        match TopicPattern::parse(scalar.text) {
            Ok(topic) => Some(topic),
            Err(error) => {
                let (message, help) = error.split_once('\n').unwrap_or((&error, ""));
                self.problems.push(Diagnostic::error(Code::TOPIC, scalar.span, message).help(help));
                None
            }
        }
    }

    fn publish(&mut self, parts: &Parts<'_>, scope: &mut Scope) -> Option<Publish> {
        let node = parts.publish?;
        let topic = self.template(node, scope);
        if let Some(topic) = topic.as_ref().and_then(Template::literal) {
            self.check_topic(topic, node.span);
        }
        let payload = if let Some(json) = parts.json {
            self.leaf(json, scope).map(Payload::Json)
        } else if let Some(text) = parts.text {
            self.template(text, scope).map(Payload::Text)
        } else {
            parts.bytes.and_then(|bytes| self.one_expr(bytes, scope)).map(Payload::Bytes)
        };
        let qos = parts.qos.map(|qos| self.leaf(qos, scope));
        if let (Some(Some(Leaf::Plain(qos))), Some(node)) = (&qos, parts.qos) {
            self.check_qos(qos, node.span);
        }
        let retain = parts.retain.map_or(Some(Leaf::Plain(false.into())), |retain| self.leaf(retain, scope));
        let Some(flow) = self.contract_flow("publish") else {
            if self.incomplete {
                return None;
            }
            self.problems.push(
                Diagnostic::error(
                    Code::NO_CONTRACT,
                    node.span,
                    "this module's dialect has no flow `publish`",
                )
                .help("name a `module` that can publish, or send the module's own command"),
            );
            return None;
        };
        self.calls.push((self.current, flow, node.span));
        Some(Publish {
            topic: topic?,
            payload: payload?,
            qos: qos.map_or(Some(None), |qos| qos.map(Some))?,
            retain: retain?,
            flow,
        })
    }

    /// What is written out is judged before anything runs, by the rules of a run.
    fn check_topic(&mut self, topic: &str, at: Span) {
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            self.problems.push(
                Diagnostic::error(Code::TOPIC, at, format!("`{topic}` is no topic to publish on"))
                    .help("a topic is not empty and holds no `+`, `#` or NUL; those are for subscriptions"),
            );
        }
    }

    fn check_qos(&mut self, qos: &Value, at: Span) {
        let known = &self.dialect.limits.qos;
        if qos.as_int().is_ok_and(|qos| !known.contains(&qos)) && !self.lacks("limits") {
            let message = format!("qos {qos} is not among what the module takes: {known:?}");
            self.problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, at, message).help("the dialect says so under `limits`"),
            );
        }
    }

    /// A template that must be exactly one `${…}`.
    fn one_expr(&mut self, node: &Node, scope: &Scope) -> Option<crate::flow::model::Expr> {
        if let Leaf::Expr(expr) = self.leaf(node, scope)? {
            Some(expr)
        } else {
            self.problems.push(
                Diagnostic::error(Code::WRONG_KIND, node.span, "bytes come from one `${…}`")
                    .help("write `bytes: ${content}`; for a text write `text:`"),
            );
            None
        }
    }

    fn run_step(&mut self, parts: &Parts<'_>, scope: &mut Scope) -> Option<Call> {
        let name = parts.run.as_ref()?;
        let Some(flow) = self.lookup(scope.unit, &name.value) else {
            self.unknown_flow(&name.value, name.span, scope.unit);
            return None;
        };
        self.calls.push((self.current, flow, name.span));
        let signature = self.signatures[flow.0].clone();
        let contract = contract::flow(&name.value).filter(|_| self.contract_flow(&name.value) == Some(flow));
        let mut with = Vec::new();
        let mut unsupported = Vec::new();
        let entries = match parts.with.map(|with| &with.kind) {
            Some(Kind::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        if let Some(with) = parts.with.filter(|with| with.map().is_none()) {
            let help = "write, for example, `with: { topic: a/b }`".to_string();
            wrong_kind(with, "`with` is a map of params and values", Some(help), self.problems);
            return None;
        }
        for (key, value) in entries {
            let leaf = self.leaf(value, scope);
            if let Some(index) = signature.params.iter().position(|(param, _)| **param == *key.text) {
                with.extend(leaf.map(|leaf| (index, leaf)));
            } else if let Some(default) = contract.and_then(|contract| contract.default_of(&key.text)) {
                unsupported.extend(leaf.map(|value| Unsupported { name: key.text.clone(), value, default }));
            } else {
                self.unknown_param(&key.text, key.span, &signature.name, &signature.params);
            }
        }
        let needed = signature.params.iter().filter(|(_, default)| default.is_none());
        let missing: Vec<&str> = needed
            .map(|(param, _)| &**param)
            .filter(|param| !entries.iter().any(|(key, _)| key.text == **param))
            .collect();
        if !missing.is_empty() {
            let message = format!("`{}` needs `{}`", signature.name, missing.join("` and `"));
            let with: Vec<String> = missing.iter().map(|param| format!("{param}: …")).collect();
            self.problems.push(
                Diagnostic::error(Code::MISSING_PARAM, name.span, message)
                    .help(format!("pass it: `with: {{ {} }}`", with.join(", "))),
            );
        }
        let mut returns = Vec::new();
        for (index, name) in signature.returns.iter().enumerate() {
            // Called for its effect alone, a flow may return a name that this file's vars have.
            if let Ok(slot) = scope.define(name) {
                returns.push((index, slot));
            }
        }
        Some(Call { flow, with, unsupported, returns })
    }

    pub(super) fn unknown_flow(&mut self, name: &str, at: Span, unit: UnitId) {
        if self.incomplete {
            return;
        }
        let known = self.flow_names(unit);
        let near = crate::flow::fields::nearest(name, known.iter().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "define it under `flows`, or name a `module` that has it".to_string(),
            None => format!("flows that can be run here: {}", known.join(", ")),
        };
        self.problems
            .push(Diagnostic::error(Code::UNKNOWN_FLOW, at, format!("there is no flow `{name}`")).help(help));
    }

    fn unknown_param(&mut self, name: &str, at: Span, flow: &str, params: &[(Arc<str>, Option<Value>)]) {
        let names: Vec<&str> = params.iter().map(|(name, _)| &**name).collect();
        let help = match crate::flow::fields::nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("`{flow}` takes no params"),
            None => format!("its params are {}", names.join(", ")),
        };
        self.problems.push(
            Diagnostic::error(Code::UNKNOWN_PARAM, at, format!("`{flow}` has no param `{name}`")).help(help),
        );
    }

    fn each(&mut self, parts: &Parts<'_>, scope: &mut Scope) -> Option<Each> {
        let node = parts.each?;
        let scalar = self.scalar(node, "`NAME in EXPRESSION`")?;
        let Some((name, source)) = scalar.text.split_once(" in ") else {
            self.problems.push(
                Diagnostic::error(
                    Code::EACH,
                    scalar.span,
                    format!("`{}` is not `NAME in EXPRESSION`", scalar.text),
                )
                .help("write, for example, `each: chunk in chunks(content, 4096)`"),
            );
            return None;
        };
        let offset = name.len() + " in ".len();
        let name = name.trim();
        let span = self.inside(&scalar, offset..scalar.text.len());
        let list = self.expr(&scalar, source, offset, span, scope);
        if !is_name(name) {
            let at = self.inside(&scalar, 0..name.len());
            self.good_name(name, at);
            return None;
        }
        if scope.visible_slot(name).is_some() {
            let at = self.inside(&scalar, 0..name.len());
            let message = format!("`{name}` is there already, and `each` would replace it");
            self.problems.push(Diagnostic::error(Code::NAME, at, message).help("take another name"));
            return None;
        }
        let before = scope.seen();
        let slot = self.define(&name.into(), self.inside(&scalar, 0..name.len()), scope)?;
        let steps = parts.steps.map(|steps| self.steps(steps, scope)).unwrap_or_default();
        scope.hide(slot);
        let fresh = scope.seen().into_iter().filter(|seen| !before.contains(seen)).collect();
        let list = list?;
        let length = self.known_length(&list);
        Some(Each { slot, list, steps, fresh, length })
    }

    fn ask(&mut self, parts: &Parts<'_>, scope: &mut Scope) -> Option<Ask> {
        let question = parts.ask.and_then(|ask| self.template(ask, scope));
        let at = parts.ask?.span;
        let nodes = &parts.send_nodes;
        let expect = nodes.expect.and_then(|node| self.sequence(node, Stand::Free)).map(Arc::new);
        self.define_salvaged(scope);
        let names = expect.as_ref().map(|expect| expect.names()).unwrap_or_default();
        let rules = CommandRules { expect, ..CommandRules::default() };
        let same = self.same_inputs(&rules, nodes, at, scope);
        let captures = self.define_all(names, at, scope);
        Some(Ask { question: question?, expect: rules.expect, captures, same })
    }

    fn port(&mut self, node: &Node, scope: &Scope) -> Option<PortStep> {
        let fields = self.open(node, &keys::PORT)?;
        let [baud, dtr, rts, hold] =
            ["baud", "dtr", "rts", "break"].map(|name| fields.value_or_template(name, self.problems));
        fields.finish();
        let mut leaf = |node: Option<&Node>| node.and_then(|node| self.leaf(node, scope));
        Some(PortStep { baud: leaf(baud), dtr: leaf(dtr), rts: leaf(rts), break_for: leaf(hold) })
    }
}
