//! The flow that a test is about, ready to run.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use crate::flow::codes::Code;
use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::{Diagnostic, Diagnostics, Sources, Span, Spanned};
use crate::flow::fields::nearest;
use crate::flow::load::{Place, Reader};
use crate::flow::model::{FlowId, Program, UnitId};
use crate::hooks::{self, Host, Value};
use crate::run::mask_text::Masked;
use crate::run::vars::{self, Outside};
use crate::sim::{Pace, Replay, ReplayMode};
use crate::transcript::{Masker, Secret, reader};

use super::errors;
use super::file::{Port, Recording, Test, TestFile};

/// A program with its script host; every test loads its own.
pub(super) struct Ready {
    pub program: Rc<Program>,
    pub host: Rc<Host>,
    pub sources: Sources,
    places: Vec<Place>,
    reader: Reader,
}

/// Problems of files, with the files.
pub(super) type Broken = Box<(Diagnostics, Sources)>;

/// Values of vars, and what must not be seen of them.
pub(super) struct Values {
    pub vars: Vec<Vec<Value>>,
    pub secrets: Vec<Secret>,
}

/// Loads the file that is tested.
pub(super) fn load(flow: &Path, here: &Path) -> Result<Ready, Broken> {
    let host = Rc::new(Host::new());
    let loaded = compile::load(flow, here, &Options::default(), &host);
    let Loaded { program, sources, problems, places, reader } = loaded;
    match program {
        Some(program) => Ok(Ready { program: Rc::new(program), host, sources, places, reader }),
        None => Err(Box::new((problems, sources))),
    }
}

impl Ready {
    /// The values of the vars: `simulated` ones, and those of the test; never the environment's.
    pub fn values(&self, given: &BTreeMap<String, String>) -> Result<Values, Diagnostics> {
        let file = |unit: UnitId, path: &str| {
            let place = self.reader.beside(&self.places[unit.0], path);
            self.reader.bytes(&place).map_err(|problem| problem.to_string())
        };
        let outside = Outside { given, env: &|_| None, file: &file, simulated: true };
        let resolved = vars::resolve(&self.program, &outside)?;
        Ok(Values { vars: resolved.values, secrets: resolved.secrets })
    }

    /// The mask over the secrets among `values`.
    pub fn masker(&self, values: &Values) -> Result<Masker, String> {
        Masker::new(&values.secrets, &self.program.dialect.escapes).map_err(|error| error.to_string())
    }

    /// The same, to be shared.
    pub fn masked(&self, values: &Values) -> Result<Masked, String> {
        Ok(Masked::new(Rc::new(self.masker(values)?)))
    }

    /// The values that a test gives. Those of the file are for all its tests, so one for a param of another flow
    /// is no mistake.
    pub fn given(&self, file: &TestFile, test: &Test, flows: &[FlowId]) -> BTreeMap<String, String> {
        let takes = |flow: &FlowId, name: &str| {
            self.program.flow(*flow).params.iter().any(|param| &*param.name == name)
        };
        let is_of_others = |name: &str| {
            self.program.named.values().any(|flow| takes(flow, name))
                && !flows.iter().any(|flow| takes(flow, name))
        };
        let of_file = file.vars.iter().filter(|(name, _)| !is_of_others(name));
        of_file.chain(&test.vars).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The flows that a test runs, in order; none: the station.
    pub fn chosen(&self, test: &Test) -> Vec<FlowId> {
        let named = test.run.iter().filter_map(|name| self.program.named.get(&name.value).copied());
        let main = self.program.main.filter(|_| test.run.is_empty());
        named.chain(main).collect()
    }
}

/// What a test file says that only its flow can tell to be wrong.
pub(super) fn check(file: &TestFile, ready: &Ready) -> Diagnostics {
    let mut problems = Diagnostics::new();
    if let Port::Recording(recording) = &file.port
        && let Err(why) = replay(recording, ready)
    {
        let help = "it is written by `atflow run … --transcript FILE`; its path counts from this file";
        problems.push(Diagnostic::error(Code::NO_TRANSCRIPT, recording.span, why).help(help));
    }
    for test in &file.tests {
        for name in &test.run {
            check_name(name, ready, &mut problems);
        }
        if test.run.is_empty() && ready.program.station.is_none() && ready.program.main.is_none() {
            let first = ready.program.named.keys().next().map_or("NAME", String::as_str);
            let message = "the flow file has no steps of its own";
            let help = format!("name one of its flows: `run: {first}`");
            problems.push(Diagnostic::error(Code::NOT_IN_TEST, test.span, message).help(help));
        }
        check_test(test, ready, &mut problems);
        for expectation in &test.expect {
            let name = expectation.subject.error();
            let wrong = name.and_then(|name| errors::check(name, expectation.span, &ready.program));
            if let Some(problem) = wrong {
                problems.push(problem);
            }
        }
    }
    problems
}

/// A recording as a port, from its beginning. The error is in words.
pub(super) fn replay(recording: &Recording, ready: &Ready) -> Result<Replay, String> {
    let file = recording.path.display().to_string();
    let bytes = std::fs::read(&recording.path).map_err(|error| format!("cannot read `{file}`: {error}"))?;
    let port = format!("replay:{file}");
    let replay = reader::text(&bytes).and_then(|text| {
        let dialect = || Ok(Arc::clone(&ready.program.dialect));
        Replay::new(text, (&file, &port), ReplayMode::of(recording.order, text, dialect)?, Pace::Max)
    });
    replay.map_err(|error| format!("line {} of `{file}`: {}", error.line, error.problem))
}

fn check_name(name: &Spanned<String>, ready: &Ready, problems: &mut Diagnostics) {
    let known: Vec<&str> = ready.program.named.keys().map(String::as_str).collect();
    if known.contains(&name.value.as_str()) {
        return;
    }
    let help = match nearest(&name.value, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has no `flows` of its own".to_owned(),
        None => format!("its flows: {}", known.join(", ")),
    };
    let message = format!("the flow file has no flow `{}`", name.value);
    problems.push(Diagnostic::error(Code::NOT_IN_TEST, name.span, message).help(help));
}

fn check_test(test: &Test, ready: &Ready, problems: &mut Diagnostics) {
    let station = ready.program.station.as_ref().filter(|_| test.run.is_empty());
    for problem in test.behind_the_end.iter().filter(|_| station.is_some()) {
        problems.push(problem.clone());
    }
    let mut refuse = |span: Span, message: String, help: &str| {
        problems.push(Diagnostic::error(Code::NOT_IN_TEST, span, message).help(help));
    };
    if station.is_some() && test.lasts.is_none() {
        refuse(test.span, "a station runs for ever".to_owned(), "say how long this test lasts: `for: 15m`");
    }
    if station.is_none() && !test.mishaps.is_empty() {
        refuse(test.span, "only a station is restarted".to_owned(), "leave `restart` and `crash` out");
    }
    for expectation in &test.expect {
        let subject = &expectation.subject;
        if subject.is_of_stations() && station.is_none() {
            let message = format!("`{}` is for stations, and this is a flow that ends", subject.key());
            refuse(
                expectation.span,
                message,
                "a flow is judged by `verdict`, `returns`, `took`, `published`, `sent`, `error`",
            );
        }
        if subject.is_of_flows() && station.is_some() {
            let message = format!("`{}` is for flows that end, and this is a station", subject.key());
            refuse(
                expectation.span,
                message,
                "a station is judged by `published`, `link`, `run`, `state`, `outbox`",
            );
        }
        if let Some((kind, name, known)) = station.and_then(|station| subject.unknown_name(station)) {
            let help = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None if known.is_empty() => "it has none".to_owned(),
                None => format!("there is {}", known.join(", ")),
            };
            refuse(expectation.span, format!("the station has no {kind} `{name}`"), &help);
        }
    }
}

/// Values of vars, and of the params of the flows that are run.
pub(super) fn split(
    given: &BTreeMap<String, String>,
    program: &Program,
    flows: &[FlowId],
) -> (BTreeMap<String, String>, BTreeMap<String, Value>) {
    let params: Vec<_> = flows.iter().flat_map(|flow| &program.flow(*flow).params).collect();
    let (args, vars): (BTreeMap<_, _>, BTreeMap<_, _>) =
        given.clone().into_iter().partition(|(name, _)| params.iter().any(|param| *param.name == **name));
    (vars, args.into_iter().map(|(name, text)| (name, hooks::from_plain(&text))).collect())
}
