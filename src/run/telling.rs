//! What a run tells of its steps, and the place that it gives to a failure.

use crate::flow::model::{Action, OnError, Piece, Step};
use crate::hooks::{self, Value};
use crate::link::Mono;
use crate::session::Fault;

use super::event::{Event, StepEnd, StepKind, StepOutcome, StepStart};
use super::failure::Failure;
use super::frame::{Frame, Point};
use super::steps::Course;
use super::{Halt, Run};

impl Run {
    pub(super) fn title(&mut self, step: &Step, frame: &Frame) -> String {
        let mut out = String::new();
        for piece in &step.title.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Expr { expr, .. } => match self.eval(expr, frame) {
                    Ok(value) if !value.is_unit() => out.push_str(&hooks::display(&value)),
                    _ => {
                        out.push_str("${");
                        out.push_str(expr.program.source());
                        out.push('}');
                    }
                },
            }
        }
        self.masked.text(&out)
    }

    pub(super) fn say_log(&mut self, step: &Step, frame: &mut Frame) -> Result<(), Halt> {
        let Some(log) = &step.log else { return Ok(()) };
        let text = self.text(log, frame, true)?;
        let text = self.masked.text(&text);
        let depth = self.depth;
        self.tell(&Event::Log { depth, text: &text });
        Ok(())
    }

    pub(super) fn step_started(&mut self, step: &Step, title: &str) {
        if self.tells_steps {
            let start = StepStart {
                depth: self.depth,
                span: step.span,
                title: title.to_string(),
                kind: kind_of(step),
            };
            self.tell(&Event::StepStarted(&start));
        }
    }

    pub(super) fn step_finished(
        &mut self,
        step: &Step,
        title: &str,
        frame: &Frame,
        since: Point,
        course: &Course,
        outcome: StepOutcome,
    ) {
        let worth_it = self.tells_steps
            || matches!(outcome, StepOutcome::Failed(_) | StepOutcome::Noted(_))
            || !course.measured.is_empty();
        if !worth_it {
            return;
        }
        let names = &self.program.flow(frame.flow).names;
        let values = frame
            .set_since(since)
            .into_iter()
            .map(|slot| (names[slot.0].to_string(), self.masked.text(&hooks::display(frame.get(slot)))))
            .collect();
        // A line that was made from values tells more than its template.
        let line = self.sent_line.take().filter(|_| !step.named && kind_of(step) == StepKind::Send);
        let end = StepEnd {
            depth: self.depth,
            span: step.span,
            title: line.unwrap_or_else(|| title.to_string()),
            kind: kind_of(step),
            outcome,
            attempts: course.attempts,
            took: self.session.now().since(course.started),
            values,
            answer: std::mem::take(&mut self.answer_lines),
            measured: course.measured.clone(),
        };
        self.tell(&Event::StepFinished(&end));
    }

    /// Gives a failure its place, once: the innermost step that saw it.
    pub(super) fn placed(&mut self, mut failure: Failure, step: &Step, title: &str, since: Mono) -> Failure {
        let is_new = failure.path.is_empty();
        if is_new {
            failure.path.clone_from(&self.path);
            if failure.path.last().map(String::as_str) != Some(title) {
                failure.path.push(title.to_string());
            }
            failure.exchange = self.session.excerpt(since);
        }
        if failure.span.is_none() {
            failure.span = Some(step.span);
        }
        failure.mask(&self.masked);
        if is_new && self.tells_steps && !matches!(step.on_error, OnError::Ignore) {
            self.tell(&Event::AttemptFailed(&failure));
        }
        failure
    }

    /// Names and values that the attempt since `point` has set, for `error.captures`.
    pub(super) fn captured(&self, frame: &Frame, point: Point) -> Vec<(String, Value)> {
        let names = &self.program.flow(frame.flow).names;
        let set = frame.set_since(point).into_iter();
        set.map(|slot| (names[slot.0].to_string(), frame.get(slot).clone())).collect()
    }

    /// What the session reports, in the run's words.
    pub(super) fn fault(&self, fault: Fault) -> Failure {
        let dialect = &self.program.dialect;
        let meaning = |family: &str, number: i64| {
            crate::at::codes::meaning(dialect, family, number).map(str::to_string)
        };
        Failure::from_fault(fault, meaning, &self.masked)
    }
}

/// `error` as expressions see it.
pub(super) fn error_value(failure: &Failure) -> Value {
    let text = |text: &Option<String>| text.clone().map_or(Value::UNIT, Value::from);
    let mut map = hooks::Map::new();
    map.insert("name".into(), failure.name.clone().into());
    map.insert("family".into(), failure.family.clone().into());
    map.insert("number".into(), failure.number.map_or(Value::UNIT, Value::from));
    map.insert("text".into(), text(&failure.text));
    map.insert("line".into(), text(&failure.line));
    map.insert("step".into(), failure.path.last().cloned().map_or(Value::UNIT, Value::from));
    let captures: hooks::Map =
        failure.captures.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect();
    map.insert("captures".into(), captures.into());
    Value::from(map)
}

pub(super) fn kind_of(step: &Step) -> StepKind {
    match &step.action {
        Action::Send(_) => StepKind::Send,
        Action::Group(_) | Action::Each(_) | Action::Run(_) => StepKind::Group,
        Action::None if step.set.is_empty() && step.check.is_empty() => StepKind::Note,
        _ => StepKind::Other,
    }
}
