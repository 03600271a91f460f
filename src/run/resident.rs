//! A run that stays: a station performs one flow after the other on the same conversation, publishes what
//! its outbox holds, and sends single lines for its handlers.

use std::rc::Rc;
use std::sync::Arc;

use crate::at::dialect::CommandRules;
use crate::at::pattern::{Captures, Pattern, Sequence};
use crate::at::table::split_joined;
use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Host, Value};
use crate::link::Mono;
use crate::session::Session;

use super::actions::{capture_value, captures_map};
use super::failure::Failure;
use super::home::{Home, Post};
use super::once::OnceStore;
use super::resolve::{joined_rules, merge};
use super::send::Owing;
use super::{Halt, Run};

/// What a pattern captured, as values.
pub fn captured_values(captures: &Captures) -> Vec<(String, Value)> {
    captures.0.iter().map(|(name, capture)| (name.to_string(), capture_value(capture))).collect()
}

/// How one performance ended.
#[derive(Debug)]
pub struct Performance {
    /// Why it failed, masked; `None` when it passed.
    pub failure: Option<Failure>,
    /// What the flow returns, by name.
    pub returns: Vec<(Arc<str>, Value)>,
}

impl Performance {
    /// What it returned under `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.returns.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }
}

impl Run {
    /// Performs a flow from its beginning to its end, at most until `deadline`. What an earlier one left
    /// unfinished in this run's own books is forgotten; the conversation goes on.
    pub fn perform(&mut self, flow: FlowId, args: &[(&str, Value)], deadline: Mono) -> Performance {
        let program = Rc::clone(&self.program);
        let params = &program.flow(flow).params;
        let args: Vec<Option<Value>> = params
            .iter()
            .map(|param| args.iter().find(|(name, _)| *name == &*param.name).map(|(_, value)| value.clone()))
            .collect();
        let (depth, calls, path) = (self.depth, self.calls, std::mem::take(&mut self.path));
        let outcome = self.call(flow, args, deadline, None);
        (self.depth, self.calls, self.path) = (depth, calls, path);
        let names = program.flow(flow).returns.iter().map(|(name, _)| Arc::clone(name));
        match outcome {
            Ok(values) => Performance { failure: None, returns: names.zip(values).collect() },
            Err(halt) => Performance { failure: self.masked_failure(halt), returns: Vec::new() },
        }
    }

    /// Publishes one message through the contract, now. `sent`: bytes of it may have left.
    pub fn publish_now(&mut self, flow: FlowId, post: Post, deadline: Mono) -> Option<Failure> {
        match self.send_post(flow, post, deadline) {
            Ok(()) => None,
            Err(halt) => self.masked_failure(halt),
        }
    }

    /// Sends one command line for a handler and gives what `pattern` captured, a map; without one the information
    /// lines, a list. The caller has judged the line; the command table still says what it owes.
    ///
    /// # Errors
    ///
    /// As a `send` step with this `expect`.
    pub fn exchange(
        &mut self,
        line: &str,
        pattern: Option<Pattern>,
        deadline: Mono,
    ) -> Result<Value, Failure> {
        let wants_lines = pattern.is_none();
        let expect = pattern.map(Sequence::single).transpose();
        let expect = expect.map_err(|error| Failure::refused(error.to_string()))?;
        let own = CommandRules { expect: expect.map(Arc::new), ..CommandRules::default() };
        let table = if split_joined(line).len() > 1 {
            joined_rules(&self.program.dialect, line)?
        } else {
            self.program.dialect.entry(line).map(|entry| entry.rules.clone()).unwrap_or_default()
        };
        let rules = merge(&own, &table, false);
        if rules.once {
            self.spend_once(line)?;
        }
        let owing = Owing { rules: &rules, same: Vec::new(), data: None, own_timeout: None, outer: deadline };
        let answer = self.say_line(line, owing).map_err(|mut failure| {
            failure.mask(&self.masked);
            failure
        })?;
        if wants_lines {
            return Ok(hooks::list_of(answer.information.into_iter().map(Value::from)));
        }
        Ok(captures_map(&answer.captures))
    }

    /// Brings the messages that wait inside the module.
    pub fn fetch_messages(&mut self) -> Option<Failure> {
        self.fetch(Mono::FAR).err().and_then(|halt| self.masked_failure(halt))
    }

    /// Scripts that somebody else evaluates end at `deadline` in real runs.
    pub fn bound_hooks(&self, deadline: Mono) {
        self.hook_deadline.set(deadline);
    }

    /// Another version of the same program, for the same module. The conversation goes on.
    pub fn renew(
        &mut self,
        (program, host): (Rc<Program>, Rc<Host>),
        vars: Vec<Vec<Value>>,
        once: Box<dyn OnceStore>,
        home: Rc<dyn Home>,
    ) {
        self.bound(&host);
        (self.program, self.host, self.vars) = (program, host, vars);
        (self.once, self.home) = (once, Some(home));
        // What a line owes was worked out by the old table.
        self.resolved.clear();
    }

    /// What is run.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// The conversation.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Gives the conversation back, for another program.
    pub fn into_session(self) -> Session {
        self.session
    }

    fn masked_failure(&self, halt: Halt) -> Option<Failure> {
        match halt {
            Halt::Stop(_) => None,
            Halt::Failed(mut failure) => {
                failure.mask(&self.masked);
                Some(failure)
            }
        }
    }
}
