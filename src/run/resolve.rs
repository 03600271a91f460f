//! What a rendered command line owes: the step's own words over the command table's entry, key by key.
//! Worked out once for each send and table entry, then shared.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::{Cancel, CommandRules, DataEnd, Dialect, Finals, Prompt};
use crate::at::sorter::Wanted;
use crate::at::table::split_joined;
use crate::flow::model::Send;

use super::Run;
use super::failure::Failure;

/// What a command line owes, and the times that hold for it.
pub(super) struct Resolved {
    pub wanted: Arc<Wanted>,
    pub timeout: Option<Duration>,
    pub ends: DataEnd,
    pub cancel: Cancel,
    pub once: bool,
    pub restarts: Option<Duration>,
}

impl Run {
    /// The rules for `line`, which `send` rendered.
    pub(super) fn resolve(&mut self, send: &Send, line: &str) -> Result<Rc<Resolved>, Failure> {
        // A line without holes meets the same entry every time.
        if let (Some(_), Some([(_, found)])) =
            (send.line.literal(), self.resolved.get(send.id).map(Vec::as_slice))
        {
            return Ok(Rc::clone(found));
        }
        let dialect = &self.program.dialect;
        if line.contains(';') && split_joined(line).len() > 1 {
            return Ok(Rc::new(merge(&send.rules, &joined_rules(dialect, line)?, send.data.is_some())));
        }
        let entry = dialect.entry(line);
        let key = entry.map_or("", |entry| entry.key.as_str());
        if self.resolved.len() <= send.id {
            self.resolved.resize_with(send.id + 1, Vec::new);
        }
        if let Some((_, found)) = self.resolved[send.id].iter().find(|(known, _)| known == key) {
            return Ok(Rc::clone(found));
        }
        let none = CommandRules::default();
        let table = entry.map_or(&none, |entry| &entry.rules);
        let resolved = Rc::new(merge(&send.rules, table, send.data.is_some()));
        self.resolved[send.id].push((key.to_string(), Rc::clone(&resolved)));
        Ok(resolved)
    }
}

/// The rules of a joined line: times add up; a part that needs more than a final result must stand alone.
pub(super) fn joined_rules(dialect: &Dialect, line: &str) -> Result<CommandRules, Failure> {
    if let Some(part) = dialect.must_stand_alone(line) {
        return Err(Failure::refused(format!("`{part}` must stand alone, not in the joined line `{line}`"))
            .help("it owes more than a final result code; give it a step of its own"));
    }
    let mut total = Duration::ZERO;
    let mut any = false;
    for part in split_joined(line) {
        let rules = dialect.entry(part).map(|entry| &entry.rules);
        any |= rules.is_some_and(|rules| rules.timeout.is_some());
        total += rules.and_then(|rules| rules.timeout).unwrap_or(dialect.line.timeout);
    }
    Ok(CommandRules { timeout: any.then_some(total), ..CommandRules::default() })
}

pub(super) fn merge(step: &CommandRules, table: &CommandRules, has_data: bool) -> Resolved {
    let prompt = step.prompt.clone().or_else(|| table.prompt.clone());
    let finals = step.finals.clone().or_else(|| table.finals.clone());
    let wanted = Wanted {
        awaits: step.awaits.clone().or_else(|| table.awaits.clone()),
        fail: step.fail.clone().or_else(|| table.fail.clone()),
        owes_final: !matches!(finals, Some(Finals::None)),
        finals,
        expect: step.expect.clone().or_else(|| table.expect.clone()),
        collect: step.collect.clone().or_else(|| table.collect.clone()),
        // A command that asks for data asks whether or not the step has any.
        prompt: prompt.or(has_data.then_some(Prompt::Sign)),
    };
    Resolved {
        wanted: Arc::new(wanted),
        timeout: step.timeout.or(table.timeout),
        ends: step.ends.or(table.ends).unwrap_or(DataEnd::Length),
        cancel: step.cancel.or(table.cancel).unwrap_or(Cancel::None),
        once: step.once.or(table.once).unwrap_or(false),
        restarts: step.restarts.or(table.restarts),
    }
}
