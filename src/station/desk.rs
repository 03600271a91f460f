//! What a handler can reach while it runs: single commands, flows, and effects that are kept back until it
//! has ended well and then become durable together with its reply.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Value};
use crate::link::Mono;
use crate::run::Run;
use crate::run::failure::Failure;
use crate::run::home::Post;
use crate::store::{NewEffects, NewTimer};

use super::command::ask;
use super::command::judge::{AtRules, judge};
use super::shared::{Author, Shared, plan_of, row_of, state_value, stored_form};

/// One handler's desk.
pub(super) struct Desk {
    shared: Rc<Shared>,
    program: Rc<Program>,
    run: Rc<RefCell<Run>>,
    author: Author,
    dangerous: bool,
    deadline: Mono,
    staged: RefCell<NewEffects>,
    /// Flows to be run later: how long after the handler's end.
    later: RefCell<Vec<(String, Duration)>>,
    /// The last error that an `at` or a `run` of the handler met.
    met: RefCell<Option<Failure>>,
    /// The first of those that say something about the link: a handler may go on after it.
    trouble: RefCell<Option<Failure>>,
}

impl Desk {
    pub fn new(
        shared: Rc<Shared>,
        program: Rc<Program>,
        run: Rc<RefCell<Run>>,
        author: Author,
        dangerous: bool,
        deadline: Mono,
    ) -> Self {
        let staged = RefCell::new(NewEffects::default());
        let (later, met, trouble) = (RefCell::default(), RefCell::default(), RefCell::default());
        Self { shared, program, run, author, dangerous, deadline, staged, later, met, trouble }
    }

    /// What the handler left.
    pub fn take_effects(&self) -> NewEffects {
        let mut effects = self.staged.take();
        let now_ms = self.shared.now_ms();
        effects.timers = self
            .later
            .take()
            .into_iter()
            .map(|(flow, delay)| {
                let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
                NewTimer { flow, args: serde_json::Value::Null, due_ms: now_ms.saturating_add(delay_ms) }
            })
            .collect();
        effects
    }

    /// Why the module failed it, if that is what happened.
    pub fn met(&self) -> Option<String> {
        self.met.borrow().as_ref().map(|failure| failure.name.clone())
    }

    /// What it met that says something about the link.
    pub fn trouble(&self) -> Option<Failure> {
        self.trouble.borrow().clone()
    }

    fn note(&self, failure: Failure) {
        if failure.is_fatal() || failure.family == "closed" {
            self.trouble.borrow_mut().get_or_insert_with(|| failure.clone());
        }
        *self.met.borrow_mut() = Some(failure);
    }

    /// The station does not do this.
    fn refused(&self, why: String) -> String {
        *self.met.borrow_mut() = Some(Failure::refused(why.clone()));
        why
    }

    fn flow(&self, name: &str) -> Result<FlowId, String> {
        let callable = &plan_of(&self.program).callable;
        callable.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = callable.keys().map(String::as_str).collect();
            format!("there is no flow `{name}`; there are: {}", known.join(", "))
        })
    }
}

impl hooks::Station for Desk {
    fn at(&self, line: &str, pattern: Option<&str>) -> Result<Value, String> {
        let plan = plan_of(&self.program);
        let allowed = plan.downlink.as_ref().and_then(|downlink| downlink.at.as_deref());
        let rules = AtRules { allowed, dangerous: self.dangerous };
        judge(line, &rules, &self.program.dialect).map_err(|refusal| self.refused(refusal.to_string()))?;
        let pattern = pattern.map(ask::pattern).transpose()?;
        if self.shared.clock.now() >= self.deadline {
            return Err(format!("`{line}` is not sent: the time of this handler is over"));
        }
        let done = self.run.borrow_mut().exchange(line, pattern, self.deadline);
        done.map_err(|failure| {
            let text = format!("`{line}` failed: {}", failure.message);
            self.note(failure);
            text
        })
    }

    fn run(&self, flow: &str, with: &Value) -> Result<Value, String> {
        let id = self.flow(flow)?;
        let params = &self.program.flow(id).params;
        let given = hooks::keys(with).unwrap_or_default();
        if let Some(unknown) = given.iter().find(|name| !params.iter().any(|param| *param.name == ***name)) {
            return Err(format!("`{flow}` has no param `{unknown}`"));
        }
        let lacks =
            params.iter().find(|param| param.default.is_none() && hooks::entry(with, &param.name).is_none());
        if let Some(param) = lacks {
            return Err(format!("`{flow}` needs `{}`", param.name));
        }
        let left = self.deadline.since(self.shared.clock.now());
        ask::enough_time(&self.program, id, flow, left).map_err(|why| self.refused(why))?;
        let args: Vec<(&str, Value)> =
            given.iter().filter_map(|name| Some((name.as_str(), hooks::entry(with, name)?))).collect();
        let ended = self.run.borrow_mut().perform(id, &args, self.deadline);
        if let Some(failure) = ended.failure {
            let text = format!("`{flow}` failed: {}", failure.message);
            self.note(failure);
            Err(text)
        } else {
            let returns = ended.returns.iter().map(|(name, value)| (&**name, value.clone()));
            Ok(hooks::map_of(returns))
        }
    }

    fn publish(&self, topic: &str, value: &Value) -> Result<(), String> {
        let limits = &self.program.dialect.limits;
        ask::topic(topic, limits)?;
        let payload = ask::content(value, limits)?;
        let qos = plan_of(&self.program).outbox.qos;
        let post = Post { topic: topic.to_string(), payload, qos, retain: false };
        self.staged.borrow_mut().rows.push(row_of(post, &self.author, &self.shared.masked));
        Ok(())
    }

    fn after(&self, delay: &str, flow: &str) -> Result<(), String> {
        let id = self.flow(flow)?;
        let mut later = self.later.borrow_mut();
        let waiting = self.shared.store.borrow_mut().timers().len() + later.len();
        let delay = ask::after(self.program.flow(id), delay, waiting)?;
        later.push((flow.to_string(), delay));
        Ok(())
    }

    fn state(&self, name: &str) -> Result<Value, String> {
        let plan = plan_of(&self.program);
        let staged = self.staged.borrow();
        let set = staged.state.iter().rev().find(|(known, _)| known == name);
        if let Some(value) = set.and_then(|(_, json)| hooks::from_json(json).ok()) {
            return Ok(value);
        }
        let var = ask::state_var(&plan.state, name)?;
        Ok(state_value(&self.shared.store.borrow(), var))
    }

    fn set_state(&self, name: &str, value: &Value) -> Result<(), String> {
        ask::new_state(&plan_of(&self.program).state, name, value)?;
        let form = stored_form(name, value)?;
        self.staged.borrow_mut().state.push((name.to_string(), form));
        Ok(())
    }
}
