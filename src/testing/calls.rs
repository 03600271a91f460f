//! Functions of hooks and handlers, tried alone: no module, no cloud, no store.

use std::rc::Rc;

use crate::flow::codes::Code;
use crate::flow::model::station::Method;
use crate::hooks::{self, Hooks};
use crate::link::{Clock, Mono};

use super::file::{CallTest, TestFile};
use super::loading::Ready;
use super::outcome::{Outcome, Problem};
use super::play::{How, load};
use super::stand_in::StandIn;

/// Tries a call; the error is why it cannot be tried.
pub(super) fn play(file: &TestFile, call: &CallTest, how: &How) -> Result<Outcome, String> {
    let ready = load(file, how)?;
    let (hooks, method) = functions(&ready, call);
    let host = &ready.host;
    host.set_clock(Rc::new(AtOnce));
    let expression = match host.compile(&call.source, &[], hooks) {
        Ok(expression) => expression,
        Err(problem) => {
            let mut found = Problem::new(Code::EXPRESSION, call.span, problem.to_string());
            found.notes.extend(problem.help().map(|help| format!("help: {help}")));
            return Ok(Outcome { problems: vec![found], ..Outcome::default() });
        }
    };
    let dangerous = method.is_some_and(|method| method.dangerous);
    let how_to_answer = |line: &str| format!("`answers: {{ '{line}': '…' }}`");
    let program = Rc::clone(&ready.program);
    let stand_in = Rc::new(StandIn::new(program, dangerous, call.answers.clone(), how_to_answer));
    host.set_station(Some(Rc::clone(&stand_in) as _));
    let result = host.eval(&expression, &[]);
    host.set_station(None);
    let mut problems = Vec::new();
    problems.extend(match result {
        Ok(value) => match stand_in.fits_state() {
            Ok(()) => given(call, &value),
            Err(why) => with_other_words(call, &why),
        },
        Err(error) => failed(call, &error),
    });
    let did: Vec<String> = stand_in
        .deeds()
        .iter()
        .map(|deed| {
            let (what, rest) = deed.shown();
            format!("{what} {rest}")
        })
        .collect();
    problems.extend(deeds(call, &did));
    Ok(Outcome { problems, ..Outcome::default() })
}

/// What the call can reach: a handler's file, or the hooks of the main file.
fn functions<'r>(ready: &'r Ready, call: &CallTest) -> (&'r Hooks, Option<&'r Method>) {
    let name = call.source.split('(').next().unwrap_or("").trim();
    let downlink = ready.program.station.as_ref().and_then(|station| station.downlink.as_ref());
    match downlink.and_then(|downlink| Some((downlink, downlink.methods.get(name)?))) {
        Some((downlink, method)) => (&downlink.handlers, Some(method)),
        None => (&ready.program.units[0].hooks, None),
    }
}

fn given(call: &CallTest, value: &hooks::Value) -> Option<Problem> {
    let new = |message: String| Problem::new(Code::CALL_GAVE, call.span, message);
    let found = match hooks::to_json(value) {
        Ok(found) => found,
        Err(error) => return Some(new(format!("what it gives has no form to compare: {error}"))),
    };
    if let Some(words) = &call.fails {
        return Some(new(format!("it gives {found}, expected that it fails with `{words}`")));
    }
    let why = call.gives.as_ref()?.difference(&found)?;
    let mut problem = new(format!("what it gives {why}"));
    if found.is_object() || found.is_array() {
        problem.notes.push(format!("it gives: {found}"));
    }
    Some(problem)
}

/// Of a call that fails with this message, unless that was expected.
fn with_other_words(call: &CallTest, why: &str) -> Option<Problem> {
    let message = match &call.fails {
        Some(words) if why.contains(words.as_str()) => return None,
        Some(words) => format!("it fails with other words than `{words}`: {why}"),
        None => format!("it fails: {why}"),
    };
    Some(Problem::new(Code::CALL_GAVE, call.span, message))
}

fn failed(call: &CallTest, error: &hooks::HookError) -> Option<Problem> {
    let mut problem = with_other_words(call, &error.message)?;
    problem.notes.extend(error.place.as_ref().map(|place| format!("script: {place}")));
    problem.notes.extend(error.help().map(|help| format!("help: {help}")));
    Some(problem)
}

fn deeds(call: &CallTest, did: &[String]) -> Option<Problem> {
    let wanted = call.does.as_ref().filter(|wanted| **wanted != did)?;
    let same = wanted.iter().zip(did).take_while(|(wanted, did)| wanted == did).count();
    let text = |list: &[String]| list.get(same).cloned().unwrap_or_else(|| "(nothing more)".to_owned());
    let mut problem = Problem::new(Code::CALL_GAVE, call.span, "it asks for something else of the station");
    problem.notes.push(format!("expected: {}", text(wanted)));
    problem.notes.push(format!("it asks:  {}", text(did)));
    Some(problem)
}

/// The beginning of the simulated calendar; nothing takes time here.
struct AtOnce;

impl Clock for AtOnce {
    fn now(&self) -> Mono {
        Mono::ZERO
    }

    fn wall_ms(&self) -> i64 {
        crate::sim::WALL_AT_ZERO_MS
    }

    fn wall_quality(&self) -> u8 {
        crate::link::time::quality::SYNCHRONISED
    }

    fn boot_id(&self) -> String {
        "sim-1".to_owned()
    }
}
