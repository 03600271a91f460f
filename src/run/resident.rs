//! A run that stays: a station performs one flow after the other on the same conversation, publishes what
//! its outbox holds, and sends single lines for its handlers.

use std::sync::Arc;

use crate::at::dialect::CommandRules;
use crate::at::pattern::{Pattern, Sequence};
use crate::at::table::split_joined;
use crate::flow::model::{FlowId, Program};
use crate::hooks::Value;
use crate::link::Mono;
use crate::session::Session;

use super::actions::captures_map;
use super::failure::Failure;
use super::home::Post;
use super::resolve::{joined_rules, merge};
use super::send::Owing;
use super::{Halt, Run};

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
    pub fn perform(&mut self, flow: FlowId, args: Vec<(&str, Value)>, deadline: Mono) -> Performance {
        let program = std::rc::Rc::clone(&self.program);
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

    /// Sends one command line for a handler and gives what `pattern` captured, a map. The caller has judged
    /// the line; the command table still says what it owes.
    ///
    /// # Errors
    ///
    /// As a `send` step with this `expect`.
    pub fn exchange(&mut self, line: &str, pattern: Pattern, deadline: Mono) -> Result<Value, Failure> {
        let expect = Sequence::single(pattern).map_err(|error| Failure::refused(error.to_string()))?;
        let own = CommandRules { expect: Some(Arc::new(expect)), ..CommandRules::default() };
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
        Ok(captures_map(&answer.captures))
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
