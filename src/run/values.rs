//! What expressions, templates and checks give in a running flow.

use crate::flow::codes::Code;
use crate::flow::model::{Check, Computation, Expr, FlowId, Input, Leaf, Origin, Piece, Template};
use crate::hooks::{self, Value};

use super::event::Measurement;
use super::failure::Failure;
use super::frame::Frame;
use super::render;
use super::{HOOK_WALL_LIMIT, Run};

impl Run {
    /// Every check, measurements recorded; the first that does not hold is the error.
    pub(super) fn checks(
        &mut self,
        checks: &[Check],
        frame: &Frame,
        measured: &mut Vec<Measurement>,
    ) -> Result<(), Failure> {
        let mut first_bad = None;
        for check in checks {
            let Some(name) = &check.name else {
                if !self.condition(&check.value, frame)? {
                    return Err(self.false_check(&check.value, frame));
                }
                continue;
            };
            let value = self.eval(&check.value, frame)?;
            let number = as_number(&value);
            let min = self.limit(check.min.as_ref(), frame)?;
            let max = self.limit(check.max.as_ref(), frame)?;
            let good = number.is_some_and(|number| {
                min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max)
            });
            let measurement = Measurement {
                name: name.to_string(),
                value: self.masked.text(&hooks::display(&value)),
                min,
                max,
                unit: check.unit.clone().unwrap_or_default(),
                good,
            };
            if !good && first_bad.is_none() {
                first_bad = Some(Failure::check(out_of_limits(&measurement)));
            }
            measured.push(measurement);
        }
        first_bad.map_or(Ok(()), Err)
    }

    pub(super) fn limit(&mut self, limit: Option<&Leaf>, frame: &Frame) -> Result<Option<f64>, Failure> {
        limit.map(|limit| self.leaf(limit, frame)).transpose().map(|value| value.as_ref().and_then(as_number))
    }

    pub(super) fn false_check(&mut self, expr: &Expr, frame: &Frame) -> Failure {
        let source = expr.program.source();
        let values: Vec<Value> = expr.inputs.iter().map(|input| self.lookup(input.from, frame)).collect();
        let about_numbers =
            has_number(source) || values.iter().any(|value| value.is_int() || value.is_float());
        let mut seen = Vec::new();
        let mut texts = Vec::new();
        for (input, value) in expr.inputs.iter().zip(&values) {
            let shown = self.masked.text(&hooks::display(value));
            if about_numbers && is_text_of_a_number(value) {
                seen.push(format!("`{}` is the text \"{shown}\"", input.name));
                texts.push(input);
            } else {
                seen.push(format!("`{}` is {shown}", input.name));
            }
        }
        let seen = if seen.is_empty() { String::new() } else { format!(": {}", seen.join(", ")) };
        let mut failure = Failure::check(format!("`{source}` is false{seen}"));
        if let Some(Input { name, from: Origin::Slot(_) }) = texts.first() {
            failure = failure
                .help(format!("a text never compares with a number; write `{{{name}:int}}` to get a number"));
        }
        failure
    }

    /// An expression that must be true or false.
    pub(super) fn condition(&mut self, expr: &Expr, frame: &Frame) -> Result<bool, Failure> {
        let value = self.eval(expr, frame)?;
        value.as_bool().map_err(|_| {
            Failure::new(
                Code::FAILED_HOOK,
                "hook",
                format!("`{}` gives {}, not true or false", expr.program.source(), hooks::kind_of(&value)),
            )
        })
    }

    /// The value of an expression.
    pub(super) fn eval(&mut self, expr: &Expr, frame: &Frame) -> Result<Value, Failure> {
        let inputs: Vec<(&str, Value)> =
            expr.inputs.iter().map(|input| (&*input.name, self.lookup(input.from, frame))).collect();
        // A handler may be waiting for this one to end.
        let around = self.hook_deadline.replace(self.session.now() + HOOK_WALL_LIMIT);
        let value = self.host.eval(&expr.program, &inputs).map_err(|error| {
            let mut failure = Failure::hook(&error);
            failure.span = Some(expr.span);
            failure.message = self.masked.text(&failure.message);
            failure
        });
        self.hook_deadline.set(around);
        self.tell_hook_log();
        value
    }

    /// The value of a name.
    pub(super) fn value_of(&self, input: &Input, frame: &Frame) -> Value {
        self.lookup(input.from, frame)
    }

    pub(super) fn lookup(&self, from: Origin, frame: &Frame) -> Value {
        match from {
            Origin::Slot(slot) => frame.get(slot).clone(),
            Origin::Var(index) => self.vars[frame.unit.0][index].clone(),
            Origin::VarOf(unit, index) => self.vars[unit.0][index].clone(),
            Origin::Subscriptions => match &self.home {
                Some(home) => home.subscriptions(),
                None => hooks::list_of([]),
            },
            Origin::State => self.state(),
            Origin::CleanSession => self.home.as_ref().is_some_and(|home| home.clean_session()).into(),
        }
    }

    /// The station's `state`, with what this step has set so far.
    fn state(&self) -> Value {
        let Some(home) = &self.home else { return hooks::map_of([]) };
        let staged = self.staged.state.iter().map(|(name, value)| (&**name, value.clone()));
        hooks::with_entries(home.state(), staged)
    }

    /// Values that are worked out without any step, in a frame of their own.
    ///
    /// # Errors
    ///
    /// What the first expression that fails raised.
    pub fn compute(
        &mut self,
        computation: &Computation,
        given: &[(&str, Value)],
    ) -> Result<Vec<Value>, Failure> {
        self.compute_each(computation, given).into_iter().collect()
    }

    /// The same, each value by itself.
    pub fn compute_each(
        &mut self,
        computation: &Computation,
        given: &[(&str, Value)],
    ) -> Vec<Result<Value, Failure>> {
        let mut frame = Frame::new(FlowId(0), computation.unit, computation.names);
        for (name, slot) in &computation.given {
            if let Some((_, value)) = given.iter().find(|(given, _)| *given == &**name) {
                frame.put(*slot, value.clone());
            }
        }
        computation.values.iter().map(|value| self.leaf(value, &frame)).collect()
    }

    /// A value with expressions in its leaves.
    pub(super) fn leaf(&mut self, leaf: &Leaf, frame: &Frame) -> Result<Value, Failure> {
        match leaf {
            Leaf::Plain(value) => Ok(value.clone()),
            Leaf::Expr(expr) => self.eval(expr, frame),
            Leaf::Template(template) => Ok(self.text(template, frame, false)?.into()),
            Leaf::List(items) => {
                let mut list = hooks::Array::new();
                for item in items {
                    list.push(self.leaf(item, frame)?);
                }
                Ok(list.into())
            }
            Leaf::Map(entries) => {
                let mut map = hooks::Map::new();
                for (key, value) in entries {
                    map.insert((&**key).into(), self.leaf(value, frame)?);
                }
                Ok(map.into())
            }
        }
    }

    /// A template as text for people, topics, names.
    pub(super) fn text(&mut self, template: &Template, frame: &Frame, unit: bool) -> Result<String, Failure> {
        let mut out = String::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Expr { expr, .. } => {
                    let value = self.eval(expr, frame)?;
                    out.push_str(&render::text(expr.program.source(), &value, unit)?);
                }
            }
        }
        Ok(out)
    }
}

/// Whether an expression without texts of its own holds a number.
fn has_number(source: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !source.contains(['"', '\'', '`'])
        && source.split(|c| !is_word(c)).any(|word| word.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a person would take it for a number.
fn is_text_of_a_number(value: &Value) -> bool {
    value.is_string() && hooks::display(value).trim().parse::<f64>().is_ok()
}

/// A number, whole or not.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    value.as_float().ok().or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "a measured value is far below 2^53")]
        value.as_int().ok().map(|int| int as f64)
    })
}

pub(super) fn out_of_limits(measurement: &Measurement) -> String {
    let number = |limit: Option<f64>| limit.map_or(String::new(), |limit| limit.to_string());
    let unit = if measurement.unit.is_empty() { String::new() } else { format!(" {}", measurement.unit) };
    format!(
        "`{}` is {}{unit}, outside {}..{}{unit}",
        measurement.name,
        measurement.value,
        number(measurement.min),
        number(measurement.max)
    )
}
