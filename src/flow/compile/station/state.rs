//! `state`: the values that a station keeps, and what reads and sets them.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::duration;
use crate::flow::fields::{Fields, nearest};
use crate::flow::keys;
use crate::flow::model::station::StateVar;
use crate::flow::model::{Assignment, Leaf, Target};
use crate::flow::rule::{ValueKind, ValueRule};
use crate::flow::yaml::{Key, Node};
use crate::hooks::{self, Value};

use super::super::Compiler;
use super::super::vars::plain_value;

/// One name under `state`.
pub(in crate::flow::compile) struct Kept {
    pub name: Arc<str>,
    /// `None` if it is not good; what uses its name is not wrong because of that.
    pub var: Option<StateVar>,
}

impl Compiler<'_> {
    /// Every value of `state`.
    pub(in crate::flow::compile) fn kept(&mut self, entries: &[(&Key, &Node)]) -> Vec<Kept> {
        let mut all = Vec::new();
        for (key, node) in entries {
            let name: Arc<str> = key.text.as_str().into();
            let good = self.good_name(&name, key.span);
            let var = self.kept_value(&name, key.span, node).filter(|_| good);
            all.push(Kept { name, var });
        }
        all
    }

    fn kept_value(&mut self, name: &Arc<str>, span: Span, node: &Node) -> Option<StateVar> {
        let fields = self.open(node, &keys::STATE_VALUE)?;
        let rule = self.value_rule(&fields);
        let default = fields.node("default");
        fields.finish();
        let rule = rule?;
        let default = self.fitting(&rule, default?, "the default")?;
        Some(StateVar { name: Arc::clone(name), span, rule, default })
    }

    /// `type`, `min` and `max`.
    pub(super) fn value_rule(&mut self, fields: &Fields<'_>) -> Option<ValueRule> {
        let word = fields.one_of("type", self.problems);
        let (min, max) = (fields.node("min"), fields.node("max"));
        let kind = ValueKind::of(word?.value)?;
        let bound = |this: &mut Self, node: Option<&Node>| match node {
            Some(node) => this.bound(kind, node).map(Some),
            None => Some(None),
        };
        let (least, most) = (bound(self, min), bound(self, max));
        let rule = ValueRule { kind, min: least?, max: most? };
        if let (Some(least), Some(most), Some(at)) = (rule.min, rule.max, max)
            && least > most
        {
            self.problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, at.span, "`max` is less than `min`, so nothing fits")
                    .help("swap them"),
            );
            return None;
        }
        Some(rule)
    }

    /// A limit: of a duration in seconds, else a number.
    fn bound(&mut self, kind: ValueKind, node: &Node) -> Option<f64> {
        let scalar = self.scalar(node, "a limit")?;
        if kind == ValueKind::Bool {
            self.problems.push(
                Diagnostic::error(Code::CONTRADICTION, scalar.span, "`true` and `false` have no limits")
                    .help("leave out `min` and `max`"),
            );
            return None;
        }
        if kind == ValueKind::Duration {
            return match duration::parse(scalar.text) {
                Ok(time) => Some(time.as_secs_f64()),
                Err(error) => {
                    self.problems
                        .push(Diagnostic::error(Code::DURATION, scalar.span, error.message).help(error.help));
                    None
                }
            };
        }
        let number = scalar.text.parse::<f64>().ok().filter(|number| number.is_finite());
        if number.is_none() {
            let message = format!("the limit of {} is a number; this is `{}`", kind.words(), scalar.text);
            let help = match kind {
                ValueKind::Text => "it counts characters",
                ValueKind::List | ValueKind::Map => "it counts entries",
                _ => "write a number, such as `60`",
            };
            self.problems.push(Diagnostic::error(Code::WRONG_KIND, scalar.span, message).help(help));
        }
        number
    }

    /// A value written in the file that must fit a rule.
    pub(super) fn fitting(&mut self, rule: &ValueRule, node: &Node, what: &str) -> Option<Value> {
        let value = match node.scalar() {
            // A text is declared: what looks like a number is one all the same.
            Some(scalar) if rule.kind == ValueKind::Text => Value::from(scalar.text.to_string()),
            _ => plain_value(node)?,
        };
        self.must_fit(rule, &value, node.span, what)?;
        Some(value)
    }

    fn must_fit(&mut self, rule: &ValueRule, value: &Value, at: Span, what: &str) -> Option<()> {
        let Err(why) = rule.check(value) else { return Some(()) };
        self.problems.push(
            Diagnostic::error(Code::DOES_NOT_FIT, at, format!("{what} {why}"))
                .help(format!("write {}", described(rule))),
        );
        None
    }

    /// Reports a value that `state` does not have.
    pub(in crate::flow::compile) fn known_state(&mut self, name: &str, at: Span) -> Option<usize> {
        let all = self.state.as_deref().unwrap_or_default();
        if let Some(index) = all.iter().position(|kept| *kept.name == *name) {
            return Some(index);
        }
        let help = match nearest(name, all.iter().map(|kept| &*kept.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declare it: `state: {{ {name}: {{ type: int, default: 0 }} }}`"),
        };
        self.problems.push(
            Diagnostic::error(Code::UNKNOWN_STATE, at, format!("`state` has no value `{name}`")).help(help),
        );
        None
    }

    /// `set: { state.NAME: … }`
    pub(in crate::flow::compile) fn set_state(
        &mut self,
        name: &str,
        at: Span,
        value: Option<Leaf>,
        value_at: Span,
    ) -> Option<Assignment> {
        let index = self.known_state(name, at)?;
        let value = value?;
        let rule = self.state.as_ref().and_then(|all| Some(all.get(index)?.var.as_ref()?.rule.clone()));
        if let (Some(rule), Some(constant)) = (rule, self.constant(&value)) {
            self.must_fit(&rule, &constant, value_at, &format!("`state.{name}`"))?;
        }
        Some(Assignment { target: Target::State(index), value })
    }

    /// A value that depends on nothing, as far as that is easily seen.
    fn constant(&self, leaf: &Leaf) -> Option<Value> {
        match leaf {
            Leaf::Plain(value) => Some(value.clone()),
            Leaf::Expr(expr) if expr.inputs.is_empty() && !expr.program.source().contains('(') => {
                self.host.eval(&expr.program, &[]).ok()
            }
            Leaf::List(items) => {
                let items: Option<Vec<Value>> = items.iter().map(|item| self.constant(item)).collect();
                Some(hooks::list_of(items?))
            }
            _ => None,
        }
    }
}

/// What a rule asks for, in words.
fn described(rule: &ValueRule) -> String {
    let number = |number: f64| match rule.kind {
        ValueKind::Duration => duration::display(Duration::try_from_secs_f64(number).unwrap_or_default()),
        _ => number.to_string(),
    };
    let words = rule.kind.words();
    match (rule.min, rule.max) {
        (Some(min), Some(max)) => format!("{words} from {} to {}", number(min), number(max)),
        (Some(min), None) => format!("{words} from {}", number(min)),
        (None, Some(max)) => format!("{words} up to {}", number(max)),
        (None, None) => words.to_string(),
    }
}
