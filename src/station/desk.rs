//! What a handler can reach while it runs: single commands, flows, and effects that are kept back until it
//! has ended well and then become durable together with its reply.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::bounds;
use crate::flow::duration;
use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Value};
use crate::link::Mono;
use crate::run::Run;
use crate::run::home::Post;
use crate::store::{NewEffects, NewTimer};

use super::command::judge::{AtRules, judge};
use super::shared::{Author, Shared, fitting, plan_of, row_of, state_map, state_value, stored_form};

/// Most timers that can wait.
const MOST_TIMERS: usize = 64;
/// The longest that `after` can look ahead.
const LONGEST_DELAY: Duration = Duration::from_secs(366 * 24 * 3600);

/// One handler's desk.
pub(super) struct Desk {
    shared: Rc<Shared>,
    program: Rc<Program>,
    run: Rc<RefCell<Run>>,
    author: Author,
    dangerous: bool,
    deadline: Mono,
    staged: RefCell<NewEffects>,
    /// The name of the last error that an `at` or a `run` of the handler met.
    met: RefCell<Option<String>>,
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
        Self { shared, program, run, author, dangerous, deadline, staged, met: RefCell::new(None) }
    }

    /// What the handler left.
    pub fn take_effects(&self) -> NewEffects {
        self.staged.take()
    }

    /// Why the module failed it, if that is what happened.
    pub fn met(&self) -> Option<String> {
        self.met.borrow().clone()
    }

    fn flow(&self, name: &str) -> Result<FlowId, String> {
        let found = self.program.named.get(name).or_else(|| self.program.contract.get(name)).copied();
        found.ok_or_else(|| {
            let known: Vec<&str> =
                self.program.named.keys().chain(self.program.contract.keys()).map(String::as_str).collect();
            format!("there is no flow `{name}`; there are: {}", known.join(", "))
        })
    }
}

impl hooks::Station for Desk {
    fn at(&self, line: &str, pattern: &str) -> Result<Value, String> {
        let plan = plan_of(&self.program);
        let allowed = plan.downlink.as_ref().and_then(|downlink| downlink.at.as_deref());
        let rules = AtRules { allowed, dangerous: self.dangerous };
        judge(line, &rules, &self.program.dialect).map_err(|refusal| refusal.to_string())?;
        let pattern = Pattern::parse(pattern).map_err(|error| format!("the pattern `{pattern}`: {error}"))?;
        self.run.borrow_mut().exchange(line, pattern, self.deadline).map_err(|failure| {
            *self.met.borrow_mut() = Some(failure.name.clone());
            format!("`{line}` failed: {}", failure.message)
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
        if bounds::of_flow(&self.program, id).time.is_none_or(|most| most > left) {
            return Err(format!(
                "`{flow}` can take longer than the {} that this handler has left; \
                 `after(\"0s\", \"{flow}\")` runs it by itself",
                duration::display(left)
            ));
        }
        let args = given.iter().filter_map(|name| Some((name.as_str(), hooks::entry(with, name)?))).collect();
        let ended = self.run.borrow_mut().perform(id, args, self.deadline);
        match ended.failure {
            Some(failure) => {
                *self.met.borrow_mut() = Some(failure.name.clone());
                Err(format!("`{flow}` failed: {}", failure.message))
            }
            None => {
                let returns = ended.returns.iter().map(|(name, value)| (&**name, value.clone()));
                Ok(hooks::map_of(returns))
            }
        }
    }

    fn publish(&self, topic: &str, value: &Value) -> Result<(), String> {
        let payload = payload_of(value)?;
        let qos = plan_of(&self.program).outbox.qos;
        self.run
            .borrow()
            .fits(topic, payload.len(), i64::from(qos))
            .map_err(|failure| failure.message.clone())?;
        let post = Post { topic: topic.to_string(), payload, qos, retain: false };
        self.staged.borrow_mut().rows.push(row_of(post, &self.author));
        Ok(())
    }

    fn after(&self, delay: &str, flow: &str) -> Result<(), String> {
        let id = self.flow(flow)?;
        if let Some(param) = self.program.flow(id).params.iter().find(|param| param.default.is_none()) {
            return Err(format!("`{flow}` needs `{}`, and nobody would pass it later", param.name));
        }
        let delay = duration::parse(delay)
            .map_err(|_| format!("`{delay}` is no duration; write, for example, `10s`"))?;
        if delay > LONGEST_DELAY {
            return Err(format!("`{}` is more than a year", duration::display(delay)));
        }
        let mut staged = self.staged.borrow_mut();
        if self.shared.store.borrow().timers().len() + staged.timers.len() >= MOST_TIMERS {
            return Err(format!("{MOST_TIMERS} flows wait to be run already"));
        }
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        staged.timers.push(NewTimer { flow: flow.to_string(), delay_ms });
        Ok(())
    }

    fn state(&self, name: &str) -> Result<Value, String> {
        let plan = plan_of(&self.program);
        let staged = self.staged.borrow();
        let set = staged.state.iter().rev().find(|(known, _)| known == name);
        if let Some(value) = set.and_then(|(_, json)| hooks::from_json(json).ok()) {
            return Ok(value);
        }
        let var = plan.state.iter().find(|var| &*var.name == name);
        let store = self.shared.store.borrow();
        var.map(|var| state_value(&store, var)).ok_or_else(|| {
            let known = hooks::keys(&state_map(&store, plan)).unwrap_or_default();
            format!("`state` has no `{name}`; it has: {}", known.join(", "))
        })
    }

    fn set_state(&self, name: &str, value: &Value) -> Result<(), String> {
        fitting(plan_of(&self.program), name, value)?;
        let form = stored_form(name, value)?;
        self.staged.borrow_mut().state.push((name.to_string(), form));
        Ok(())
    }
}

/// What a handler publishes: a text and bytes as they are, anything else as JSON.
fn payload_of(value: &Value) -> Result<Vec<u8>, String> {
    if let Some(bytes) = hooks::as_bytes(value) {
        return Ok(bytes.to_vec());
    }
    match value.clone().into_string() {
        Ok(text) => Ok(text.into_bytes()),
        Err(_) => hooks::to_json(value)
            .map(|json| json.to_string().into_bytes())
            .map_err(|why| format!("this cannot be published: {why}")),
    }
}
