//! Steps. Names become visible in the order in which a run would set them.

use std::sync::Arc;

use crate::at::pattern::is_name;
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, Span, Spanned};
use crate::flow::duration;
use crate::flow::fields::{Fields, nearest};
use crate::flow::keys;
use crate::flow::model::{
    Action, Assignment, Check, OnError, Piece, Probe, Retry, Slot, Step, Target, Template, UnitId, Within,
};
use crate::flow::traps;
use crate::flow::yaml::{Kind, Node};

use super::Compiler;
use super::scope::{Clash, STATE, Scope};
use super::text::Stand;

/// The names of the earlier steps of a list, for `within`.
type Siblings = Vec<Option<String>>;

impl Compiler<'_> {
    /// A list of steps.
    pub(super) fn steps(&mut self, node: &Node, scope: &mut Scope) -> Vec<Step> {
        let Some(items) = node.list() else {
            if !node.is_nothing() {
                self.problems.push(
                    Diagnostic::error(Code::WRONG_KIND, node.span, "steps are a list")
                        .help("begin each step with `- `"),
                );
            }
            return Vec::new();
        };
        let mut siblings = Siblings::new();
        let mut steps = Vec::with_capacity(items.len());
        for item in items {
            if let Some(step) = self.step(item, scope, &siblings) {
                siblings.push(step.title.literal().map(str::to_string));
                steps.push(step);
            }
        }
        steps
    }

    fn step(&mut self, node: &Node, scope: &mut Scope, siblings: &Siblings) -> Option<Step> {
        if node.is_nothing() {
            self.salvage_text(node);
            // It may have run a flow.
            let sources = self.sources;
            for word in sources.slice(node.span).split([' ', ',', '\n', '}', ']']) {
                self.salvaged.extend(self.returned_by(word, scope.unit));
            }
            self.define_salvaged(scope);
            return None;
        }
        if node.scalar().is_some() {
            return self.bare_step(node, scope);
        }
        let fields = self.open(node, &keys::STEP)?;
        let action = fields.action(self.problems);
        let parts = Parts::take(&fields, self.problems);
        fields.finish();
        self.full_step(node, action, &parts, scope, siblings)
    }

    /// A step that is only text: a command line.
    fn bare_step(&mut self, node: &Node, scope: &mut Scope) -> Option<Step> {
        let scalar = node.scalar()?;
        if !traps::is_command(scalar.text) {
            self.problems.push(traps::not_a_command(scalar));
            return None;
        }
        let gathered = scope.gather();
        let send = self.plain_send(node, scope);
        let defines = scope.gathered(gathered);
        let send = send?;
        let title = plain_title(node.span, &first_line(node));
        Some(Step { action: Action::Send(Box::new(send)), defines, ..empty_step(node.span, title) })
    }

    fn full_step(
        &mut self,
        node: &Node,
        action_key: Option<&'static str>,
        parts: &Parts<'_>,
        scope: &mut Scope,
        siblings: &Siblings,
    ) -> Option<Step> {
        let gathered = scope.gather();
        let title = self.title(node, parts, action_key, scope);
        let when = parts.when.and_then(|when| self.condition(when, scope));
        let otherwise = parts.otherwise.map(|steps| self.steps(steps, scope)).unwrap_or_default();
        let was_in_retry = scope.in_retry;
        let retry = self.retry(parts.retry);
        scope.in_retry |= retry.written;
        let unless = parts.unless.and_then(|probe| self.probe(probe, scope)).map(Box::new);
        let within = parts.within.and_then(|within| self.within(within, siblings));
        let action = self.action(action_key, parts, scope);
        self.define_missed(node, action_key.is_none() || action.is_none(), scope);
        if let Some(line) = node.get("send").filter(|line| line.is_nothing()) {
            let rules = self.rules(&parts.send_nodes, Stand::Free, Stand::NeedsText);
            self.define_lost(line, &rules, scope);
        }
        let set = parts.set.map(|set| self.assignments(set, scope)).unwrap_or_default();
        let check = parts.check.map(|check| self.checks(check, scope)).unwrap_or_default();
        let log = parts.log.and_then(|log| self.template(log, scope));
        let hint = parts.hint.and_then(|hint| self.template(hint, scope));
        scope.in_retry = was_in_retry;
        let recovery = self.recovery(parts.on_error, parts.always, scope);
        let defines = scope.gathered(gathered);
        Some(Step {
            span: head(node),
            title: title?,
            named: parts.name.is_some(),
            hint,
            when,
            otherwise,
            unless,
            timeout: parts.timeout,
            within,
            retry,
            action: action?,
            set,
            check,
            log,
            on_error: recovery.on_error,
            always: recovery.always,
            defines,
            recovers: recovery.recovers,
        })
    }

    /// `name`, or the action's own text.
    fn title(
        &mut self,
        node: &Node,
        parts: &Parts<'_>,
        action: Option<&str>,
        scope: &Scope,
    ) -> Option<Template> {
        if let Some(name) = parts.name {
            return self.template(name, scope);
        }
        let value = action.and_then(|action| node.get(action));
        Some(match (action.unwrap_or_default(), value) {
            ("", _) => plain_title(
                node.span,
                if parts.set.is_some() {
                    "set"
                } else if parts.check.is_some() {
                    "check"
                } else {
                    "log"
                },
            ),
            ("steps", _) => plain_title(node.span, "group"),
            ("port", _) => plain_title(node.span, "port settings"),
            (action, Some(value)) if value.scalar().is_some() => {
                let text = first_line(value);
                plain_title(node.span, &if action == "send" { text } else { format!("{action} {text}") })
            }
            (action, _) => plain_title(node.span, action),
        })
    }

    /// The names that misspelt keys would define, and the keys of an action that is no good: what reads them is not
    /// wrong because of it.
    fn define_missed(&mut self, node: &Node, has_failed: bool, scope: &mut Scope) {
        for (key, value) in node.map().unwrap_or_default() {
            let is_known = keys::STEP.key(&key.text).is_some();
            let defines =
                matches!(key.text.as_str(), "expect" | "await" | "collect" | "receive" | "run" | "each");
            if is_known && !(has_failed && defines) {
                continue;
            }
            self.salvage_text(value);
            let meant = nearest(&key.text, keys::STEP.keys.iter().map(|key| key.name));
            let names = self.names_of(meant.unwrap_or_default(), value, scope.unit);
            self.salvaged.extend(names);
        }
        self.define_salvaged(scope);
    }

    /// What a key of a step defines beside the holes of its text.
    fn names_of(&self, key: &str, value: &Node, unit: UnitId) -> Vec<Arc<str>> {
        let text = value.scalar().map(|scalar| scalar.text).unwrap_or_default();
        match key {
            "receive" => ["topic", "payload", "body"].map(Arc::from).to_vec(),
            "each" => text.split(' ').take(1).map(Arc::from).collect(),
            "run" => self.returned_by(text, unit),
            "set" | "collect" => {
                let entries = value.map().unwrap_or_default();
                entries.iter().map(|(name, _)| Arc::from(name.text.as_str())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// What a flow gives back to whoever runs it.
    fn returned_by(&self, flow: &str, unit: UnitId) -> Vec<Arc<str>> {
        self.lookup(unit, flow).map(|flow| self.signatures[flow.0].returns.clone()).unwrap_or_default()
    }

    fn within(&mut self, node: &Node, siblings: &Siblings) -> Option<Within> {
        let scalar = self.scalar(node, "`DURATION of NAME`")?;
        let parsed = scalar
            .text
            .split_once(" of ")
            .and_then(|(limit, name)| Some((duration::parse(limit.trim()).ok()?, name.trim().to_string())));
        let Some((limit, name)) = parsed else {
            self.problems.push(
                Diagnostic::error(
                    Code::WITHIN,
                    scalar.span,
                    format!("`{}` is not `DURATION of NAME`", scalar.text),
                )
                .help("write, for example, `5s of open TCP`"),
            );
            return None;
        };
        if let Some(sibling) = siblings.iter().rposition(|sibling| sibling.as_deref() == Some(name.as_str()))
        {
            return Some(Within { limit, sibling, name });
        }
        let named: Vec<&str> = siblings.iter().flatten().map(String::as_str).collect();
        let help = if named.is_empty() {
            "it must name an earlier step of the same list".to_string()
        } else {
            format!("earlier steps of this list: {}", named.join(", "))
        };
        self.problems.push(
            Diagnostic::error(
                Code::WITHIN,
                scalar.span,
                format!("no earlier step of this list is named `{name}`"),
            )
            .help(help),
        );
        None
    }

    fn probe(&mut self, node: &Node, scope: &mut Scope) -> Option<Probe> {
        let fields = self.open(node, &keys::PROBE)?;
        let send = fields.node("send");
        let timeout = fields.duration("timeout", self.problems).map(|timeout| timeout.value);
        let check = fields.node("check");
        let parts = super::send::SendNodes::of_probe(&fields, self.problems);
        fields.finish();
        // What the probe captures is seen by its own check and nowhere else.
        let aside = scope.step_aside();
        let send = send.and_then(|line| self.send(line, &parts, scope));
        let check = check.map(|check| self.checks(check, scope)).unwrap_or_default();
        scope.step_back(aside);
        Some(Probe { span: node.span, send: send?, timeout, check })
    }

    fn assignments(&mut self, node: &Node, scope: &mut Scope) -> Vec<Assignment> {
        let Some(entries) = node.map() else {
            self.problems.push(
                Diagnostic::error(Code::WRONG_KIND, node.span, "`set` is a map of names and expressions")
                    .help("write, for example, `set: { count: count + 1 }`"),
            );
            return Vec::new();
        };
        // A comma has taken a value apart: neither its pieces nor the keys made of them mean anything.
        let in_pieces = self.problems.has(Code::COMMA, node.span);
        let mut out = Vec::new();
        for (key, value) in entries {
            if in_pieces {
                if is_name(&key.text) {
                    self.define(&key.text.as_str().into(), key.span, scope);
                }
                continue;
            }
            let (at, value) = (value.span, self.set_value(value, scope));
            if let (Some(name), true) = (key.text.strip_prefix("state."), self.state.is_some()) {
                out.extend(self.set_state(name, key.span, value, at));
                continue;
            }
            if key.text == STATE && self.state.is_some() {
                self.problems.push(
                    Diagnostic::error(Code::NAME, key.span, "`state` holds all that the station keeps")
                        .help("set one of its values, such as `state.relay: true`"),
                );
                continue;
            }
            if key.text.starts_with("state.") {
                self.problems.push(
                    Diagnostic::error(
                        Code::NO_STATE,
                        key.span,
                        format!("`{}` exists only in a station", key.text),
                    )
                    .help("a flow that ends keeps nothing; set a name of the run instead"),
                );
                continue;
            }
            let slot = self.define(&key.text.as_str().into(), key.span, scope);
            if let (Some(slot), Some(value)) = (slot, value) {
                out.push(Assignment { target: Target::Slot(slot), value });
            }
        }
        out
    }

    /// Makes a name visible from here on; a name that cannot be is reported.
    pub(super) fn define(&mut self, name: &Arc<str>, at: Span, scope: &mut Scope) -> Option<Slot> {
        if !self.good_name(name, at) {
            return None;
        }
        match scope.define(name) {
            Ok(slot) => Some(slot),
            Err(clash) => {
                let (message, help) = match clash {
                    Clash::Var => (
                        format!("`{name}` is a var of this file, and a var never changes"),
                        "take another name",
                    ),
                    Clash::Engine => (format!("`{name}` is set by atflow itself"), "take another name"),
                };
                self.problems.push(Diagnostic::error(Code::NAME, at, message).help(help));
                None
            }
        }
    }

    /// `check: expression`, or a map of measurements.
    pub(super) fn checks(&mut self, node: &Node, scope: &Scope) -> Vec<Check> {
        if let Kind::Map(entries) = &node.kind {
            return entries
                .iter()
                .filter_map(|(key, value)| self.measurement(&key.text, value, scope))
                .collect();
        }
        self.condition(node, scope)
            .map(|value| Check { name: None, value, min: None, max: None, unit: None })
            .into_iter()
            .collect()
    }

    fn measurement(&mut self, name: &str, node: &Node, scope: &Scope) -> Option<Check> {
        let fields = self.open(node, &keys::MEASUREMENT)?;
        let value = fields.node("value");
        let min = fields.node("min");
        let max = fields.node("max");
        let unit = fields.text("unit", self.problems).map(|unit| unit.text.to_string());
        fields.finish();
        let value = value.and_then(|value| self.bare_expr(value, scope))?;
        let min = min.and_then(|min| self.set_value(min, scope));
        let max = max.and_then(|max| self.set_value(max, scope));
        Some(Check { name: Some(name.into()), value, min, max, unit })
    }

    /// What a step or a flow does when it has failed, and in any case; `error` is seen there.
    pub(super) fn recovery(
        &mut self,
        on_error: Option<&Node>,
        always: Option<&Node>,
        scope: &mut Scope,
    ) -> Recovery {
        let was_in_recovery = std::mem::replace(&mut scope.in_recovery, true);
        let (on_error, recovers) =
            on_error.map_or((OnError::Fail, Vec::new()), |node| self.on_error(node, scope));
        let always = always.map(|always| self.steps(always, scope)).unwrap_or_default();
        scope.in_recovery = was_in_recovery;
        Recovery { on_error, recovers, always }
    }

    /// `on_error`, with the names that its steps may set.
    fn on_error(&mut self, node: &Node, scope: &mut Scope) -> (OnError, Vec<Slot>) {
        match node.scalar().map(|scalar| scalar.text) {
            Some("ignore") => (OnError::Ignore, Vec::new()),
            Some("continue") => (OnError::Continue, Vec::new()),
            Some(other) => {
                self.problems.push(
                    Diagnostic::error(Code::UNKNOWN_WORD, node.span, format!("`{other}` is no way to go on"))
                        .help("write `ignore`, `continue`, or a list of steps"),
                );
                (OnError::Fail, Vec::new())
            }
            None => {
                let gathered = scope.gather();
                let steps = self.steps(node, scope);
                let recovers = scope.gathered(gathered);
                (OnError::Steps(steps), recovers)
            }
        }
    }
}

/// `on_error` and `always` of a step or a flow.
pub(super) struct Recovery {
    pub on_error: OnError,
    /// The names that the steps of `on_error` may set.
    pub recovers: Vec<Slot>,
    pub always: Vec<Step>,
}

/// The values of a step's keys.
pub(super) struct Parts<'n> {
    pub name: Option<&'n Node>,
    pub when: Option<&'n Node>,
    pub otherwise: Option<&'n Node>,
    pub unless: Option<&'n Node>,
    pub timeout: Option<std::time::Duration>,
    pub within: Option<&'n Node>,
    pub retry: Option<&'n Node>,
    pub set: Option<&'n Node>,
    pub check: Option<&'n Node>,
    pub log: Option<&'n Node>,
    pub hint: Option<&'n Node>,
    pub on_error: Option<&'n Node>,
    pub always: Option<&'n Node>,
    pub send: Option<&'n Node>,
    pub send_nodes: super::send::SendNodes<'n>,
    pub since: Option<&'static str>,
    pub receive: Option<&'n Node>,
    pub publish: Option<&'n Node>,
    pub json: Option<&'n Node>,
    pub text: Option<&'n Node>,
    pub bytes: Option<&'n Node>,
    pub qos: Option<&'n Node>,
    pub retain: Option<&'n Node>,
    pub run: Option<Spanned<String>>,
    pub with: Option<&'n Node>,
    pub steps: Option<&'n Node>,
    pub each: Option<&'n Node>,
    pub sleep: Option<std::time::Duration>,
    pub ask: Option<&'n Node>,
    pub port: Option<&'n Node>,
    pub stop: Option<&'n Node>,
}

impl<'n> Parts<'n> {
    fn take(fields: &Fields<'n>, problems: &mut Diagnostics) -> Self {
        Self {
            name: fields.node("name"),
            when: fields.node("when"),
            otherwise: fields.node("else"),
            unless: fields.node("unless"),
            timeout: fields.duration("timeout", problems).map(|timeout| timeout.value),
            within: fields.node("within"),
            retry: fields.node("retry"),
            set: fields.node("set"),
            check: fields.node("check"),
            log: fields.node("log"),
            hint: fields.node("hint"),
            on_error: fields.node("on_error"),
            always: fields.node("always"),
            send: fields.node("send"),
            send_nodes: super::send::SendNodes::of_step(fields, problems),
            since: fields.one_of("since", problems).map(|since| since.value),
            receive: fields.node("receive"),
            publish: fields.node("publish"),
            json: fields.node("json"),
            text: fields.node("text"),
            bytes: fields.node("bytes"),
            qos: fields.value_or_template("qos", problems),
            retain: fields.value_or_template("retain", problems),
            run: fields
                .text("run", problems)
                .map(|run| Spanned { value: run.text.to_string(), span: run.span }),
            with: fields.node("with"),
            steps: fields.node("steps"),
            each: fields.node("each"),
            sleep: fields.duration("sleep", problems).map(|sleep| sleep.value),
            ask: fields.node("ask"),
            port: fields.node("port"),
            stop: fields.node("stop"),
        }
    }
}

/// What stands for a step in a message about all of it: its first key, with the value if that is short.
fn head(node: &Node) -> Span {
    match node.map().and_then(<[_]>::first) {
        Some((key, value)) if value.scalar().is_some_and(|scalar| !scalar.text.contains('\n')) => {
            key.span.to(value.span)
        }
        Some((key, _)) => key.span,
        None => node.span,
    }
}

/// The text of a node for a title; expressions are shown as they are written.
fn first_line(node: &Node) -> String {
    node.scalar().map(|scalar| scalar.text.lines().next().unwrap_or_default().to_string()).unwrap_or_default()
}

fn plain_title(span: Span, text: &str) -> Template {
    Template { span, pieces: vec![Piece::Text(text.to_string())] }
}

/// A step with nothing in it.
fn empty_step(span: Span, title: Template) -> Step {
    Step {
        span,
        title,
        named: false,
        hint: None,
        when: None,
        otherwise: Vec::new(),
        unless: None,
        timeout: None,
        within: None,
        retry: Retry::default(),
        action: Action::None,
        set: Vec::new(),
        check: Vec::new(),
        log: None,
        on_error: OnError::Fail,
        always: Vec::new(),
        defines: Vec::new(),
        recovers: Vec::new(),
    }
}
