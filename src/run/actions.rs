//! What each action does; `send` and messages have files of their own.

use std::sync::Arc;
use std::time::Duration;

use crate::at::pattern::{Capture, Captures, Pattern, Sequence};
use crate::flow::codes::Code;
use crate::flow::duration;
use crate::flow::model::{Action, Ask, Await, Call, Each, PortStep, Slot, Step};
use crate::hooks::{self, Bytes, Value};
use crate::link::{Mono, PortChange};
use crate::session::{Answer, AwaitLines, Fault, Owed};

use super::event::Event;
use super::failure::Failure;
use super::frame::Frame;
use super::{Halt, Run};

/// Most elements of a list that was not known when the flow was checked.
const LOOP_LIMIT: usize = 1000;
/// How often the operator's answer is looked for.
const ANSWER_POLL: Duration = Duration::from_millis(50);

impl Run {
    /// Does the step's action. `begun` is set as soon as it has any effect to clean up after.
    pub(super) fn action(
        &mut self,
        step: &Step,
        frame: &mut Frame,
        outer: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let own = step.timeout.map_or(outer, |timeout| outer.min(self.session.now() + timeout));
        match &step.action {
            Action::None => {
                *begun = true;
                Ok(())
            }
            Action::Send(send) => {
                let mark = self.session.mark();
                let answer = self.send(send, step.timeout, frame, outer, Some(begun));
                self.result_before = self.session.result_since(mark);
                let answer = answer?;
                if self.tells_steps && send.captures.is_empty() {
                    self.answer_lines =
                        answer.information.iter().map(|line| self.masked.text(line)).collect();
                }
                Self::keep(&send.captures, &answer, frame);
                Ok(())
            }
            Action::Await(wait) => self.await_lines(wait, frame, own, begun),
            Action::Receive(receive) => self.receive(receive, frame, own, begun),
            Action::Publish(publish) => self.publish(publish, frame, own, begun),
            Action::Run(call) => self.run_flow(call, frame, own, begun),
            Action::Group(steps) => {
                *begun = true;
                self.inside(|run| run.list(steps, 0, frame, own))
            }
            Action::Each(each) => self.each(each, frame, own, begun),
            Action::Sleep(time) => {
                *begun = true;
                self.next_mark();
                let whole = self.session.now() + *time;
                self.session.pause(outer.min(whole)).map_err(|fault| self.fault(fault))?;
                if outer < whole {
                    let message = "the deadline of what this step stands in cut the sleep short";
                    return Err(Failure::new(Code::FAILED_TIMEOUT, "timeout", message).into());
                }
                Ok(())
            }
            Action::Ask(ask) => self.ask(ask, frame, own, begun),
            Action::Port(port) => self.port(port, frame, begun),
            Action::Stop(reason) => {
                let reason = self.text(reason, frame, true)?;
                Err(Halt::Stop(self.masked.text(&reason)))
            }
        }
    }

    pub(super) fn inside<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let result = what(self);
        self.depth -= 1;
        result
    }

    /// A step that talks begins: an `await` behind it may look back to here.
    pub(super) fn next_mark(&mut self) {
        self.previous_mark = self.current_mark;
        self.current_mark = self.session.mark();
    }

    fn await_lines(
        &mut self,
        wait: &Await,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let same = self.same(&wait.same, frame);
        *begun = true;
        self.next_mark();
        let answer = self
            .session
            .await_lines(AwaitLines {
                lines: &wait.lines,
                fail: wait.fail.as_ref(),
                collect: wait.collect.as_ref(),
                same,
                since: self.step_before,
                lines_since: if wait.after_result {
                    self.step_before.max(self.result_before)
                } else {
                    self.step_before
                },
                deadline: until,
            })
            .map_err(|fault| self.fault(fault))?;
        Self::keep(&wait.captures, &answer, frame);
        Ok(())
    }

    fn run_flow(
        &mut self,
        call: &Call,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        for unsupported in &call.unsupported {
            let value = self.leaf(&unsupported.value, frame)?;
            if hooks::display(&value) != hooks::display(&unsupported.default) {
                let flow = &self.program.flow(call.flow).name;
                return Err(Failure::refused(format!(
                    "this module's `{flow}` has no `{}`",
                    unsupported.name
                ))
                .help(format!("only its default `{}` may be passed", hooks::display(&unsupported.default)))
                .into());
            }
        }
        let mut args = vec![None; self.program.flow(call.flow).params.len()];
        for (index, leaf) in &call.with {
            args[*index] = Some(self.leaf(leaf, frame)?);
        }
        *begun = true;
        let values = self.inside(|run| run.call(call.flow, args, until, None))?;
        for (index, slot) in &call.returns {
            frame.set(*slot, values[*index].clone());
        }
        Ok(())
    }

    fn each(&mut self, each: &Each, frame: &mut Frame, until: Mono, begun: &mut bool) -> Result<(), Halt> {
        let list = self.eval(&each.list, frame)?;
        let most = each.length.unwrap_or(LOOP_LIMIT);
        let items = hooks::elements(&list, most).map_err(|why| {
            Failure::refused(format!("`{}` cannot be gone through: {why}", each.list.program.source()))
        })?;
        *begun = true;
        let of = items.len();
        for (done, item) in items.into_iter().enumerate() {
            let depth = self.depth;
            self.tell(&Event::Progress { depth, done, of });
            for slot in &each.fresh {
                frame.set(*slot, Value::UNIT);
            }
            frame.put(each.slot, item);
            let outcome = self.inside(|run| run.list(&each.steps, 0, frame, until));
            frame.put(each.slot, Value::UNIT);
            outcome?;
        }
        let depth = self.depth;
        self.tell(&Event::Progress { depth, done: of, of });
        Ok(())
    }

    fn ask(&mut self, ask: &Ask, frame: &mut Frame, until: Mono, begun: &mut bool) -> Result<(), Halt> {
        let question = self.text(&ask.question, frame, true)?;
        let question = self.masked.text(&question);
        *begun = true;
        self.next_mark();
        self.tell(&Event::Question(&question));
        let typed = loop {
            let answer = self.observer.borrow_mut().answer();
            if let Some(typed) = answer {
                break typed;
            }
            let now = self.session.now();
            if now >= until {
                return Err(self.fault(Fault::Timeout { owed: Owed::Operator }).into());
            }
            self.session.pause(until.min(now + ANSWER_POLL)).map_err(|fault| self.fault(fault))?;
        };
        let Some(expect) = &ask.expect else { return Ok(()) };
        let same = self.same(&ask.same, frame);
        let matched = |pattern: &Pattern| pattern.match_line(typed.as_bytes(), &same);
        let Some(captures) = expect.patterns().find_map(matched) else {
            return Err(Failure::new(
                Code::FAILED_UNEXPECTED,
                "unexpected",
                format!("`{}` was typed, which is not `{}`", self.masked.text(&typed), sources(expect)),
            )
            .into());
        };
        Self::keep(&ask.captures, &Answer { captures, ..Answer::default() }, frame);
        Ok(())
    }

    fn port(&mut self, port: &PortStep, frame: &mut Frame, begun: &mut bool) -> Result<(), Halt> {
        let mut change = PortChange::default();
        if let Some(baud) = &port.baud {
            let value = self.leaf(baud, frame)?;
            let parsed = hooks::display(&value).parse().ok().filter(|baud| *baud > 0);
            change.baud_bps =
                Some(parsed.ok_or_else(|| {
                    Failure::refused(format!("`{}` is no baud rate", hooks::display(&value)))
                })?);
        }
        for (leaf, line) in [(&port.dtr, &mut change.dtr), (&port.rts, &mut change.rts)] {
            if let Some(leaf) = leaf {
                *line = Some(on_or_off(&self.leaf(leaf, frame)?)?);
            }
        }
        if let Some(leaf) = &port.break_for {
            let text = hooks::display(&self.leaf(leaf, frame)?);
            change.break_for = Some(
                duration::parse(&text).map_err(|_| Failure::refused(format!("`{text}` is no duration")))?,
            );
        }
        *begun = true;
        self.next_mark();
        self.session.change_port(change).map_err(|fault| self.fault(fault).into())
    }

    pub(super) fn keep(slots: &[(Arc<str>, Slot)], answer: &Answer, frame: &mut Frame) {
        for (name, slot) in slots {
            if let Some(capture) = answer.captures.get(name) {
                frame.set(*slot, capture_value(capture));
            } else if let Some((_, list)) = answer.collected.iter().find(|(list, _)| list == name) {
                let items: hooks::Array = list.iter().map(captures_map).collect();
                frame.set(*slot, items.into());
            }
        }
    }
}

/// The patterns of a sequence, as they are written.
fn sources(expect: &Sequence) -> String {
    expect.patterns().map(Pattern::source).collect::<Vec<_>>().join("` or `")
}

pub(super) fn capture_value(capture: &Capture) -> Value {
    match capture {
        Capture::Missing => Value::UNIT,
        Capture::Text(text) => text.clone().into(),
        Capture::Int(int) => (*int).into(),
        Capture::Float(float) => (*float).into(),
        Capture::Bytes(bytes) => Bytes::value(bytes.clone()),
    }
}

/// What a pattern captured, as a map.
pub fn captures_map(captures: &Captures) -> Value {
    let map: hooks::Map =
        captures.0.iter().map(|(name, capture)| ((&**name).into(), capture_value(capture))).collect();
    map.into()
}

fn on_or_off(value: &Value) -> Result<bool, Failure> {
    if let Ok(flag) = value.as_bool() {
        return Ok(flag);
    }
    match hooks::display(value).as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Failure::refused(format!("`{other}` is neither `on` nor `off`"))),
    }
}
