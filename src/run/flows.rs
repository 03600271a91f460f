//! Flows: called in a scope of their own, tried again as a whole, and the part of the main one that is run.

use std::rc::Rc;

use crate::flow::model::{ATTEMPT, Flow, FlowId, Step};
use crate::hooks::{self, Value};
use crate::link::Mono;

use super::failure::Failure;
use super::frame::Frame;
use super::recovery::not_recovered;
use super::retry::Times;
use super::{CALL_DEPTH, Halt, Part, Run};

impl Run {
    /// The main flow, or the part of it that was asked for.
    pub(super) fn main(&mut self, id: FlowId, part: &Part) -> Result<Vec<(String, serde_json::Value)>, Halt> {
        let program = Rc::clone(&self.program);
        let flow = program.flow(id);
        let (from, to) = part.of(&flow.steps)?;
        let args = flow.params.iter().map(|param| part.args.get(&*param.name).cloned()).collect();
        let values = self.call(id, args, Mono::FAR, Some((from, to)))?;
        Ok(flow
            .returns
            .iter()
            .zip(values)
            .map(|((name, _), value)| (name.to_string(), self.masked.json(json_of(&value))))
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
        let program = Rc::clone(&self.program);
        let flow = program.flow(id);
        if self.calls == CALL_DEPTH {
            return Err(Failure::refused(format!("more than {CALL_DEPTH} flows call each other")).into());
        }
        self.calls += 1;
        let mut frame = Frame::new(id, flow.unit, flow.names.len());
        for (param, arg) in flow.params.iter().zip(args) {
            let value = arg.or_else(|| param.default.clone()).unwrap_or(Value::UNIT);
            frame.put(param.slot, value);
        }
        let (from, to) = part.unwrap_or((0, flow.steps.len()));
        let outcome = self.flow_attempts(flow, (&flow.steps[from..to], from), &mut frame, outer);
        self.calls -= 1;
        outcome?;
        Ok(flow.returns.iter().map(|(_, slot)| frame.get(*slot).clone()).collect())
    }

    fn flow_attempts(
        &mut self,
        flow: &Flow,
        (steps, first): (&[Step], usize),
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
            match self.list(steps, first, frame, deadline) {
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
                    let who = (flow.name.as_str(), flow.span);
                    let again =
                        self.wait_for_next(&flow.retry, &failure, attempt, times, (frame, point), who);
                    match again {
                        Ok(true) => {}
                        Ok(false) => break (failure, point),
                        Err(interrupted) => break (interrupted, point),
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
}

/// A value for the report: JSON, and what JSON cannot hold as text.
fn json_of(value: &Value) -> serde_json::Value {
    hooks::to_json(value).unwrap_or_else(|_| hooks::display(value).into())
}
