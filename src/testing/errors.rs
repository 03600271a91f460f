//! The names of the errors that a file's runs can end with: one that is misspelt would be an expectation that is met
//! by chance.

use std::collections::BTreeSet;

use crate::at::pattern::Pattern;
use crate::flow::codes::Code;
use crate::flow::compile::ENGINE_ERRORS;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::nearest;
use crate::flow::model::{Action, OnError, Program, Step};

/// What ends a run from outside, besides.
const FROM_OUTSIDE: [&str; 3] = ["interrupted", "replay", "storage"];

/// What is wrong with an error's name, such as `cme 10` or `timeout`; `None` if something here can end with it.
pub(super) fn check(name: &str, at: Span, program: &Program) -> Option<Diagnostic> {
    let numbered = name.rsplit_once(' ').filter(|(_, number)| number.parse::<i64>().is_ok());
    let family = numbered.map_or(name, |(family, _)| family);
    let known = known(program);
    if known.contains(family) {
        return None;
    }
    let help = match nearest(family, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("errors that can happen: {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let message = format!("nothing here ends with the error `{name}`");
    Some(Diagnostic::error(Code::ERROR_NAME, at, message).help(help))
}

fn known(program: &Program) -> BTreeSet<&str> {
    let dialect = &program.dialect;
    let mut known: BTreeSet<&str> = ENGINE_ERRORS.into_iter().chain(FROM_OUTSIDE).collect();
    known.extend(dialect.errors.keys().map(String::as_str));
    of_patterns(&dialect.results.error, &mut known);
    for entry in &dialect.commands {
        of_patterns(entry.rules.fail.as_deref().map_or(&[], Vec::as_slice), &mut known);
    }
    for flow in &program.flows {
        of_steps(&flow.steps, &mut known);
        of_rule(&flow.on_error, &mut known);
        of_steps(&flow.always, &mut known);
    }
    known
}

fn of_steps<'p>(steps: &'p [Step], known: &mut BTreeSet<&'p str>) {
    for step in steps {
        let of_action = match &step.action {
            Action::Send(send) => send.rules.fail.as_deref(),
            Action::Await(lines) => lines.fail.as_deref(),
            _ => None,
        };
        let of_question = step.unless.as_ref().and_then(|probe| probe.send.rules.fail.as_deref());
        of_patterns(of_action.map_or(&[], Vec::as_slice), known);
        of_patterns(of_question.map_or(&[], Vec::as_slice), known);
        match &step.action {
            Action::Group(steps) => of_steps(steps, known),
            Action::Each(each) => of_steps(&each.steps, known),
            _ => {}
        }
        of_steps(&step.otherwise, known);
        of_rule(&step.on_error, known);
        of_steps(&step.always, known);
    }
}

fn of_rule<'p>(rule: &'p OnError, known: &mut BTreeSet<&'p str>) {
    if let OnError::Steps(steps) = rule {
        of_steps(steps, known);
    }
}

fn of_patterns<'p>(patterns: &'p [Pattern], known: &mut BTreeSet<&'p str>) {
    known.extend(patterns.iter().filter_map(Pattern::error_family).map(|family| &**family));
}
