//! Steps, lists of steps, calls: the order of things within one step is that of the language's reference,
//! "One step, exactly".

use crate::flow::codes::Code;
use crate::flow::model::{
    ATTEMPT, Action, Assignment, Check, ERROR, Expr, FlowId, Jitter, Leaf, OnError, Origin, Pause, Piece,
    Retry, Slot, Step, Template, Within,
};
use crate::hooks::{self, Value};
use crate::link::Mono;
use crate::session::Fault;
use crate::transcript::NoteKind;

use super::event::{Event, Measurement, StepEnd, StepKind, StepOutcome, StepStart};
use super::failure::Failure;
use super::frame::{Frame, Point};
use super::render;
use super::{CALL_DEPTH, HOOK_WALL_LIMIT, Halt, Part, Run};

/// What a finished attempt tells its step.
#[derive(Default)]
pub(super) struct Attempted {
    already_so: bool,
    changed: bool,
}

/// How a step's attempts ended. The point is where its last attempt began.
enum Attempts {
    Passed(Attempted, Point),
    Failed(Failure, Point),
}

/// What one step goes through, for its report.
struct Course {
    started: Mono,
    attempts: u32,
    measured: Vec<Measurement>,
    begun: bool,
}

impl<'p> Run<'p> {
    /// The main flow, or the part of it that was asked for.
    pub(super) fn main(&mut self, id: FlowId, part: &Part) -> Result<Vec<(String, serde_json::Value)>, Halt> {
        let flow = self.program.flow(id);
        let (from, to) = select(&flow.steps, part)?;
        let args = vec![None; flow.params.len()];
        let values = self.call(id, args, Mono::FAR, Some((from, to)))?;
        Ok(flow
            .returns
            .iter()
            .zip(values)
            .map(|((name, _), value)| (name.to_string(), hooks::to_json(&value).unwrap_or_default()))
            .collect())
    }

    /// Runs a flow in a scope of its own and gives back what it returns.
    pub(super) fn call(
        &mut self,
        id: FlowId,
        args: Vec<Option<Value>>,
        outer: Mono,
        part: Option<(usize, usize)>,
    ) -> Result<Vec<Value>, Halt> {
        let flow = self.program.flow(id);
        if self.calls == CALL_DEPTH {
            return Err(Failure::refused(format!("more than {CALL_DEPTH} flows call each other")).into());
        }
        self.calls += 1;
        let mut frame = Frame::new(id, flow.unit, flow.names.len());
        for (param, arg) in flow.params.iter().zip(args) {
            let value = arg.or_else(|| param.default.clone()).unwrap_or(Value::UNIT);
            frame.put(param.slot, value);
        }
        let steps = part.map_or(flow.steps.as_slice(), |(from, to)| &flow.steps[from..to]);
        let outcome = self.flow_attempts(flow, steps, &mut frame, outer);
        self.calls -= 1;
        outcome?;
        Ok(flow.returns.iter().map(|(_, slot)| frame.get(*slot).clone()).collect())
    }

    fn flow_attempts(
        &mut self,
        flow: &'p crate::flow::model::Flow,
        steps: &'p [Step],
        frame: &mut Frame,
        outer: Mono,
    ) -> Result<(), Halt> {
        let started = self.session.now();
        let mut attempt = 0;
        let (failure, point) = loop {
            attempt += 1;
            if flow.retry.written {
                frame.put(ATTEMPT, i64::from(attempt).into());
            }
            let began = self.session.now();
            let deadline = flow.timeout.map_or(outer, |timeout| outer.min(began + timeout));
            let point = frame.begin();
            match self.list(steps, frame, deadline) {
                Ok(()) => {
                    frame.keep();
                    return self.clean_up(&flow.always, None, frame);
                }
                Err(Halt::Stop(reason)) => {
                    frame.keep();
                    self.clean_up(&flow.always, None, frame)?;
                    if self.calls == 1 {
                        self.stopped = Some(reason);
                    }
                    return Ok(());
                }
                Err(Halt::Failed(failure)) => {
                    frame.end();
                    let times = Times { first: started, began, outer };
                    if !self.wait_for_next(
                        &flow.retry,
                        &failure,
                        attempt,
                        times,
                        (frame, point),
                        &flow.name,
                    )? {
                        break (failure, point);
                    }
                }
            }
        };
        let to = frame.now();
        let recovered = self.on_error(&flow.on_error, &failure, frame);
        let cleaned = self.clean_up(&flow.always, Some(&failure), frame);
        frame.undo_between(point, to);
        match recovered {
            Ok(true) => cleaned,
            Ok(false) => Err(Halt::Failed(failure)),
            Err(halt) => Err(not_recovered(failure, halt)),
        }
    }

    /// Steps in a row, until one fails.
    pub(super) fn list(&mut self, steps: &'p [Step], frame: &mut Frame, deadline: Mono) -> Result<(), Halt> {
        // Only a `within` asks when an earlier step passed.
        let timed = steps.iter().any(|step| step.within.is_some());
        let mut passed_at: Vec<Option<Mono>> = vec![None; if timed { steps.len() } else { 0 }];
        let mut noted: Option<Failure> = None;
        for (index, step) in steps.iter().enumerate() {
            match self.step(step, frame, deadline, &passed_at) {
                Ok(()) => {
                    if timed {
                        passed_at[index] = Some(self.session.now());
                    }
                }
                Err(Halt::Failed(failure))
                    if matches!(step.on_error, OnError::Continue) && !failure.is_fatal() =>
                {
                    noted.get_or_insert(failure);
                }
                Err(halt) => return Err(halt),
            }
        }
        noted.map_or(Ok(()), |failure| Err(Halt::Failed(failure)))
    }

    fn step(
        &mut self,
        step: &'p Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
    ) -> Result<(), Halt> {
        let title = match step.title.literal() {
            Some(title) => title.to_string(),
            None => self.title(step, frame),
        };
        let started = self.session.now();
        if let Err(fault) = self.session.stop_if_requested() {
            let failure = self.fault(fault);
            return Err(self.placed(failure, step, &title, started).into());
        }
        let mut course = Course { started, attempts: 0, measured: Vec::new(), begun: false };
        if let Some(when) = &step.when {
            match self.condition(when, frame) {
                Ok(true) => {}
                Ok(false) => return self.skipped(step, &title, frame, outer, &course),
                Err(failure) => return Err(self.placed(failure, step, &title, Mono::ZERO).into()),
            }
        }
        self.step_started(step, &title);
        self.path.push(title);
        let mark = self.session.mark();
        let outcome = self.step_attempts(step, frame, outer, passed, &mut course);
        let title = self.path.pop().unwrap_or_default();
        let settled = self.settle(step, &title, frame, outcome, &course);
        if !matches!(step.action, Action::None) {
            self.step_before = mark;
        }
        settled
    }

    /// Attempts until one passes or no more may be made.
    fn step_attempts(
        &mut self,
        step: &'p Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
        course: &mut Course,
    ) -> Result<Attempts, Halt> {
        let saved = frame.get(ATTEMPT).clone();
        loop {
            course.attempts += 1;
            course.measured.clear();
            if step.retry.written {
                frame.put(ATTEMPT, i64::from(course.attempts).into());
            }
            let began = self.session.now();
            let point = frame.begin();
            if let (Some(title), false) = (step.title.literal(), kind_of(step) == StepKind::Group) {
                self.session.transcript().note(began, NoteKind::Step, title);
            }
            let result = self.attempt(step, frame, outer, passed, course);
            let failure = match result {
                Ok(attempted) => {
                    let journal = point;
                    if step.retry.written {
                        frame.put(ATTEMPT, saved);
                    }
                    return Ok(Attempts::Passed(attempted, journal));
                }
                Err(Halt::Stop(reason)) => {
                    frame.keep();
                    self.clean_up(&step.always, None, frame)?;
                    if matches!(step.action, Action::Stop(_)) {
                        self.totals.passed += 1;
                    }
                    return Err(Halt::Stop(reason));
                }
                Err(Halt::Failed(mut failure)) => {
                    if failure.captures.is_empty() {
                        failure.captures = self.captured(frame, point);
                    }
                    failure
                }
            };
            frame.end();
            let now = self.session.now();
            self.session.transcript().note(now, NoteKind::End, &failure.name);
            let title = self.path.last().cloned().unwrap_or_default();
            let mut failure = self.placed(failure, step, &title, began);
            if failure.hint.is_none() {
                failure.hint = step.hint.as_ref().and_then(|hint| self.text(hint, frame, true).ok());
                failure.hint = failure.hint.take().map(|hint| self.masked.text(&hint));
            }
            let times = Times { first: course.started, began, outer };
            if !self.wait_for_next(&step.retry, &failure, course.attempts, times, (frame, point), &title)? {
                if step.retry.written {
                    frame.put(ATTEMPT, saved);
                }
                return Ok(Attempts::Failed(failure, point));
            }
        }
    }

    /// One attempt: probe, action, captures, `set`, `check`, probe.
    fn attempt(
        &mut self,
        step: &'p Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
        course: &mut Course,
    ) -> Result<Attempted, Halt> {
        if self.session.now() >= outer {
            return Err(Failure::new(
                Code::FAILED_TIMEOUT,
                "timeout",
                "the deadline of what this step stands in has passed",
            )
            .into());
        }
        if let Some(probe) = &step.unless
            && self.probe(probe, frame)?
        {
            return Ok(Attempted { already_so: true, changed: false });
        }
        if let Some(within) = &step.within {
            self.still_within(within, passed)?;
        }
        self.action(step, frame, outer, &mut course.begun)?;
        for assignment in &step.set {
            self.assign(assignment, frame)?;
        }
        self.checks(&step.check, frame, &mut course.measured)?;
        let changed = match &step.unless {
            Some(probe) => {
                if !self.probe(probe, frame)? {
                    return Err(Failure::check("the step was done, and its `unless` probe still says no")
                        .help("the module may need a restart or a moment to take the setting")
                        .into());
                }
                true
            }
            None => false,
        };
        Ok(Attempted { already_so: false, changed })
    }

    /// After the last attempt: `on_error`, `always`, what stays visible, the report.
    fn settle(
        &mut self,
        step: &'p Step,
        title: &str,
        frame: &mut Frame,
        outcome: Result<Attempts, Halt>,
        course: &Course,
    ) -> Result<(), Halt> {
        match outcome {
            Err(halt) => {
                if let Halt::Stop(reason) = &halt {
                    let point = frame.now();
                    let title = if matches!(step.action, Action::Stop(_)) { reason } else { title };
                    self.step_finished(step, title, frame, point, course, StepOutcome::Passed);
                }
                Err(halt)
            }
            Ok(Attempts::Passed(attempted, point)) => {
                let cleaned = if course.begun { self.clean_up(&step.always, None, frame) } else { Ok(()) };
                let ending = match (&cleaned, &attempted) {
                    (Err(Halt::Failed(failure)), _) => StepOutcome::Failed(failure.message.clone()),
                    (_, Attempted { already_so: true, .. }) => StepOutcome::AlreadySo,
                    (_, Attempted { changed: true, .. }) => StepOutcome::Changed,
                    _ => StepOutcome::Passed,
                };
                self.step_finished(step, title, frame, point, course, ending);
                frame.keep();
                cleaned?;
                self.totals.passed += 1;
                self.say_log(step, frame)
            }
            Ok(Attempts::Failed(failure, point)) => self.failed(step, title, frame, (failure, point), course),
        }
    }

    fn failed(
        &mut self,
        step: &'p Step,
        title: &str,
        frame: &mut Frame,
        (failure, point): (Failure, Point),
        course: &Course,
    ) -> Result<(), Halt> {
        let to = frame.now();
        let recovered = self.on_error(&step.on_error, &failure, frame);
        let cleaned = if course.begun { self.clean_up(&step.always, Some(&failure), frame) } else { Ok(()) };
        frame.undo_between(point, to);
        let forgiven = matches!(recovered, Ok(true));
        if forgiven || matches!(step.on_error, OnError::Continue) {
            forget_readings(step, frame);
        }
        let line = failure.message.clone();
        let ending = match (forgiven, &step.on_error) {
            (true, OnError::Ignore) => StepOutcome::Ignored(line),
            (true, _) => StepOutcome::Recovered(line),
            (false, OnError::Continue) if !failure.is_fatal() => StepOutcome::Noted(line),
            (false, _) => StepOutcome::Failed(line),
        };
        self.step_finished(step, title, frame, frame.now(), course, ending);
        match recovered {
            Ok(true) => {
                self.totals.passed += 1;
                cleaned
            }
            Ok(false) => Err(Halt::Failed(failure)),
            Err(halt) => Err(not_recovered(failure, halt)),
        }
    }

    fn skipped(
        &mut self,
        step: &'p Step,
        title: &str,
        frame: &mut Frame,
        outer: Mono,
        course: &Course,
    ) -> Result<(), Halt> {
        if step.otherwise.is_empty() {
            self.totals.skipped += 1;
            let point = frame.now();
            self.step_finished(step, title, frame, point, course, StepOutcome::Skipped);
            return Ok(());
        }
        self.list(&step.otherwise, frame, outer)
    }

    /// Runs `on_error`. `true`: the failure is forgiven.
    fn on_error(&mut self, rule: &'p OnError, failure: &Failure, frame: &mut Frame) -> Result<bool, Halt> {
        match rule {
            OnError::Steps(steps) if !failure.is_interrupt() && !failure.is_fatal() => {
                let saved = frame.swap(ERROR, error_value(failure));
                self.depth += 1;
                let outcome = self.list(steps, frame, Mono::FAR);
                self.depth -= 1;
                frame.put(ERROR, saved);
                outcome.map(|()| true)
            }
            OnError::Ignore => Ok(!failure.is_fatal()),
            _ => Ok(false),
        }
    }

    /// Runs `always`, passed or not. Its own failure counts only when nothing failed before.
    fn clean_up(
        &mut self,
        always: &'p [Step],
        failure: Option<&Failure>,
        frame: &mut Frame,
    ) -> Result<(), Halt> {
        if always.is_empty() {
            return Ok(());
        }
        let error = failure.map_or(Value::UNIT, error_value);
        let saved = frame.swap(ERROR, error);
        self.depth += 1;
        let outcome = self.list(always, frame, Mono::FAR);
        self.depth -= 1;
        frame.put(ERROR, saved);
        if failure.is_some() { Ok(()) } else { outcome }
    }

    /// Whether there is another attempt, after its pause. Takes back what the failed one set.
    fn wait_for_next(
        &mut self,
        retry: &Retry,
        failure: &Failure,
        attempt: u32,
        times: Times,
        (frame, point): (&mut Frame, Point),
        title: &str,
    ) -> Result<bool, Halt> {
        if !may_retry(retry, failure) || retry.attempts.is_some_and(|most| attempt >= most) {
            return Ok(false);
        }
        let start = self.next_start(retry, attempt, times);
        let too_late = retry.limit.is_some_and(|limit| start > times.first + limit);
        if too_late || start >= times.outer {
            return Ok(false);
        }
        frame.undo(point);
        self.totals.retries += 1;
        let pause = start.since(self.session.now());
        let depth = self.depth;
        if self.tells_steps {
            self.tell(&Event::Retrying { depth, title, attempt, error: &failure.message, pause });
        }
        let waited = match failure.family.as_str() {
            "port" => self.session.reopen(start),
            _ => self.session.pause(start),
        };
        match waited {
            Ok(()) => Ok(true),
            Err(fault) => {
                let mut failure = self.fault(fault);
                failure.path.clone_from(&self.path);
                Err(failure.into())
            }
        }
    }

    fn next_start(&mut self, retry: &Retry, attempt: u32, times: Times) -> Mono {
        let now = self.session.now();
        let (mut start, pause) = match retry.pause {
            Pause::Every(every) => ((times.began + every).max(now), every),
            Pause::Backoff(first, most) => {
                let doubled = first.saturating_mul(1_u32 << (attempt - 1).min(30));
                let pause = doubled.min(most);
                (now + pause, pause)
            }
        };
        start = match retry.jitter {
            Jitter::None => start,
            Jitter::Part(part) => start + self.chance.up_to(pause.mul_f64(part)),
            Jitter::Time(most) => start + self.chance.up_to(most),
        };
        start
    }

    fn still_within(&mut self, within: &Within, passed: &[Option<Mono>]) -> Result<(), Halt> {
        let Some(Some(anchor)) = passed.get(within.sibling) else { return Ok(()) };
        let late = self.session.now().since(*anchor);
        if late <= within.limit {
            return Ok(());
        }
        let limit = crate::flow::duration::display(within.limit);
        let late = crate::flow::duration::display(late);
        let message = format!(
            "{late} have passed since `{}`, more than the {limit} allowed; nothing was sent",
            within.name
        );
        Err(Failure::new(Code::FAILED_TIMEOUT, "timeout", message).into())
    }

    fn assign(&mut self, assignment: &'p Assignment, frame: &mut Frame) -> Result<(), Halt> {
        let value = self.leaf(&assignment.value, frame)?;
        frame.set(assignment.slot, value);
        Ok(())
    }

    /// Every check, measurements recorded; the first that does not hold is the error.
    pub(super) fn checks(
        &mut self,
        checks: &'p [Check],
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

    fn limit(&mut self, limit: Option<&'p Leaf>, frame: &Frame) -> Result<Option<f64>, Failure> {
        limit.map(|limit| self.leaf(limit, frame)).transpose().map(|value| value.as_ref().and_then(as_number))
    }

    fn false_check(&mut self, expr: &Expr, frame: &Frame) -> Failure {
        let mut values = Vec::new();
        for input in &expr.inputs {
            let value = hooks::display(&self.lookup(input.from, frame));
            values.push(format!("`{}` is {}", input.name, self.masked.text(&value)));
        }
        let source = expr.program.source();
        let seen = if values.is_empty() { String::new() } else { format!(": {}", values.join(", ")) };
        Failure::check(format!("`{source}` is false{seen}"))
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
        self.hook_deadline.set(self.session.now() + HOOK_WALL_LIMIT);
        let value = self.host.eval(&expr.program, &inputs).map_err(|error| {
            let mut failure = Failure::hook(&error);
            failure.span = Some(expr.span);
            failure.message = self.masked.text(&failure.message);
            failure
        });
        self.tell_hook_log();
        value
    }

    /// The value of a name.
    pub(super) fn value_of(&self, input: &crate::flow::model::Input, frame: &Frame) -> Value {
        self.lookup(input.from, frame)
    }

    fn lookup(&self, from: Origin, frame: &Frame) -> Value {
        match from {
            Origin::Slot(slot) => frame.get(slot).clone(),
            Origin::Var(index) => self.vars[frame.unit.0][index].clone(),
            Origin::Subscriptions => Value::from(hooks::Array::new()),
        }
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

    fn title(&mut self, step: &Step, frame: &Frame) -> String {
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

    fn say_log(&mut self, step: &'p Step, frame: &mut Frame) -> Result<(), Halt> {
        let Some(log) = &step.log else { return Ok(()) };
        let text = self.text(log, frame, true)?;
        let text = self.masked.text(&text);
        let depth = self.depth;
        self.tell(&Event::Log { depth, text: &text });
        Ok(())
    }

    fn step_started(&mut self, step: &Step, title: &str) {
        if self.tells_steps {
            let start = StepStart { depth: self.depth, title: title.to_string(), kind: kind_of(step) };
            self.tell(&Event::StepStarted(&start));
        }
    }

    fn step_finished(
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
            title: line.unwrap_or_else(|| title.to_string()),
            kind: kind_of(step),
            outcome,
            attempts: course.attempts,
            took: self.session.now().since(course.started),
            values,
            measured: course.measured.clone(),
        };
        self.tell(&Event::StepFinished(&end));
    }

    /// Gives a failure its place, once: the innermost step that saw it.
    fn placed(&mut self, mut failure: Failure, step: &Step, title: &str, since: Mono) -> Failure {
        if failure.path.is_empty() {
            failure.path.clone_from(&self.path);
            if failure.path.last().map(String::as_str) != Some(title) {
                failure.path.push(title.to_string());
            }
            failure.exchange = self.session.excerpt(since);
        }
        if failure.span.is_none() {
            failure.span = Some(step.span);
        }
        failure
    }

    /// Names and values that the attempt since `point` has set, for `error.captures`.
    fn captured(&self, frame: &Frame, point: Point) -> Vec<(String, Value)> {
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

/// A number, whole or not.
fn as_number(value: &Value) -> Option<f64> {
    value.as_float().ok().or_else(|| {
        #[expect(clippy::cast_precision_loss, reason = "a measured value is far below 2^53")]
        value.as_int().ok().map(|int| int as f64)
    })
}

/// An old reading is never passed off as a new one: the names of a step that failed and was forgiven
/// are `()`, but for those that its `on_error` steps set.
fn forget_readings(step: &Step, frame: &mut Frame) {
    let set_by_recovery: &[Slot] = match &step.on_error {
        OnError::Steps(_) => &step.recovers,
        _ => &[],
    };
    for slot in &step.defines {
        if !set_by_recovery.contains(slot) {
            frame.set(*slot, Value::UNIT);
        }
    }
}

/// What leaves a step whose `on_error` steps failed too: its own error, which those around it know how to
/// take, unless the second one ends everything.
fn not_recovered(failure: Failure, second: Halt) -> Halt {
    match second {
        Halt::Failed(second) if !second.is_fatal() => {
            let step = second.path.last().map_or("", String::as_str);
            let note = format!("its `on_error` failed too, at `{step}`: {}", second.message);
            Halt::Failed(failure.help(note))
        }
        halt => halt,
    }
}

/// `error` as expressions see it.
fn error_value(failure: &Failure) -> Value {
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

/// When an attempt happened.
#[derive(Clone, Copy)]
struct Times {
    first: Mono,
    began: Mono,
    outer: Mono,
}

/// Rule 9 of "One step, exactly".
fn may_retry(retry: &Retry, failure: &Failure) -> bool {
    if !retry.written || failure.is_interrupt() {
        return false;
    }
    let among = |list: &[crate::flow::model::ErrorMatch]| {
        list.iter().any(|item| item.takes(&failure.name, &failure.family, failure.number))
    };
    let named = among(&retry.only);
    if failure.is_final_by_default() && !named {
        return false;
    }
    if among(&retry.never) {
        return false;
    }
    retry.only.is_empty() || named
}

fn out_of_limits(measurement: &Measurement) -> String {
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

fn kind_of(step: &Step) -> StepKind {
    match &step.action {
        Action::Send(_) => StepKind::Send,
        Action::Group(_) | Action::Each(_) | Action::Run(_) => StepKind::Group,
        Action::None if step.set.is_empty() && step.check.is_empty() => StepKind::Note,
        _ => StepKind::Other,
    }
}

/// The part of the main list that `--from` and `--until` name.
fn select(steps: &[Step], part: &Part) -> Result<(usize, usize), Halt> {
    let find = |name: &str, option: &str| {
        steps.iter().position(|step| step.title.literal() == Some(name)).ok_or_else(|| {
            let names: Vec<&str> = steps.iter().filter_map(|step| step.title.literal()).collect();
            Halt::from(
                Failure::new(
                    Code::NO_SUCH_STEP,
                    "refused",
                    format!("{option}: the flow has no step `{name}` of its own"),
                )
                .help(format!("its steps are: {}", names.join(", "))),
            )
        })
    };
    let from = part.from.as_deref().map_or(Ok(0), |name| find(name, "--from"))?;
    let to = part.until.as_deref().map_or(Ok(steps.len()), |name| find(name, "--until").map(|at| at + 1))?;
    Ok((from, to.max(from)))
}
