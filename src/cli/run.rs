//! `atflow run`: a flow against a port.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stdout};
use std::rc::Rc;

use crate::flow::codes::Code;
use crate::flow::diag::Sources;
use crate::flow::model::{Flow, FlowId, Program};
use crate::hooks::{self, Value};
use crate::link::wake::Hangup;
use crate::report::console::{Console, Detail};
use crate::report::json::{self, JsonLines};
use crate::run::event::Report;
use crate::run::mask_text::Masked;
use crate::run::{Part, Run, Setup, SharedObserver, TellLines};

use super::args::{Format, RunArgs};
use super::ask::Typed;
use super::conversation::{OTHER_TRANSCRIPT, interrupt, may_be_written, once, session, transcript};
use super::ready::{Ready, Unready, mask, ready};
use super::say::{Watched, columns};
use super::{Exit, complain, open, say, station};

pub(super) fn run(args: &RunArgs) -> Exit {
    let out = Watched::default();
    let exit = match prepared(args, &out) {
        Ok(exit) => exit,
        Err(exit) => return not_started(exit, args.format()),
    };
    match out.problem() {
        // A verdict that nobody could read must not look like success to a script.
        Some(error) if exit == Exit::Done => say::unwritten(&error),
        _ => exit,
    }
}

/// A program that reads JSON lines gets a verdict in any case; people have read it on standard error.
fn not_started(exit: Exit, format: Format) -> Exit {
    if format == Format::Json {
        let error = if exit == Exit::Environment { "environment" } else { "usage" };
        let line = json::not_started(error, &say::last_complaint());
        // Whatever keeps it from being written, there is a worse problem already.
        let _ = say::line(&line);
    }
    exit
}

fn exit_of(report: &Report) -> Exit {
    if let Some(why) = &report.transcript_problem {
        complain(&format!("the transcript is not whole: {why}"), Some("the run itself is not affected"));
    }
    match &report.failure {
        None if report.transcript_problem.is_some() => Exit::Environment,
        None => Exit::Done,
        Some(failure) if failure.is_interrupt() => Exit::Interrupted,
        Some(failure) => match failure.code.number() / 1000 {
            2 => Exit::Usage,
            3 => Exit::Environment,
            _ => Exit::Failed,
        },
    }
}

fn prepared(args: &RunArgs, out: &Watched) -> Result<Exit, Exit> {
    let Some(port) = &args.port.port else {
        let help = "`--port /dev/ttyUSB0` (`atflow ports` lists what is there), or `--port sim:luat-air724` without a module";
        complain("no port is given", Some(help));
        return Err(Exit::Usage);
    };
    let mut params = Params::new();
    let split = |program: &Program| {
        if is_station(args, program) {
            return Ok(args.vars.iter().cloned().collect());
        }
        let flow = chosen(program, args.flow.as_deref())?;
        let (own, given) = split_given(program.flow(flow), &args.vars)?;
        params = own;
        Ok(given)
    };
    let ready = ready(args, port, split).map_err(Unready::say)?;
    if is_station(args, &ready.program) {
        return station::run(args, port, ready, out);
    }
    ends_by_itself(args)?;
    flow(args, port, ready, params, out).map(|report| exit_of(&report))
}

/// Whether the file itself is run, and is a station.
fn is_station(args: &RunArgs, program: &Program) -> bool {
    args.flow.is_none() && program.station.is_some()
}

/// Runs a flow that ends.
fn flow(args: &RunArgs, port: &str, ready: Ready, params: Params, out: &Watched) -> Result<Report, Exit> {
    let flow = chosen(&ready.program, args.flow.as_deref())?;
    let selected = Part { from: args.from.clone(), until: args.until.clone(), args: params };
    selected.of(&ready.program.flow(flow).steps).map_err(|failure| {
        say::failure(&failure);
        Exit::Usage
    })?;
    let for_transcript = mask(&ready)?;
    let masked = Masked::new(Rc::new(mask(&ready)?));
    args.transcript.as_deref().map_or(Ok(()), |path| may_be_written(path, port, OTHER_TRANSCRIPT))?;
    let wake = open::wake(Hangup::Stops)?;
    let link = open::open(port, &args.port.settings, Some(&args.sim), &wake)?;
    let Ready { program, host, sources, values, simulated, .. } = ready;
    let transcript = transcript(args, port, &program, link.as_ref(), for_transcript)?;
    let observer: SharedObserver = observer(args, sources, simulated, out);
    let lines = TellLines::new(Rc::clone(&observer), masked.clone());
    let session = session(link, &program, transcript, lines, interrupt(&wake), &host);
    let setup = Setup {
        program,
        host,
        vars: values,
        session,
        observer,
        masked,
        once: once(simulated),
        seed: args.sim.seed(),
        port: port.to_string(),
        home: None,
    };
    Ok(Run::new(setup).run(flow, &selected))
}

/// Options of stations mean nothing for a flow.
fn ends_by_itself(args: &RunArgs) -> Result<(), Exit> {
    let Some(option) = args.station.given() else { return Ok(()) };
    let message =
        format!("`{option}` is for stations, and `{}` is a flow that ends by itself", args.file.display());
    let help = "leave it out, or run a file with `schedule`, `downlink` or `events`";
    say::coded(Code::STATION_OPTION, &message, Some(help));
    Err(Exit::Usage)
}

/// Values of a flow's params, by name.
type Params = BTreeMap<String, Value>;

/// `--var` gives vars their values, and the params of the flow that is run; a param without a default needs one.
fn split_given(flow: &Flow, given: &[(String, String)]) -> Result<(Params, BTreeMap<String, String>), Exit> {
    let is_param = |name: &str| flow.params.iter().any(|param| &*param.name == name);
    let (params, vars): (Vec<_>, Vec<_>) = given.iter().cloned().partition(|(name, _)| is_param(name));
    let params: Params = params.into_iter().map(|(name, text)| (name, hooks::from_plain(&text))).collect();
    let missing =
        flow.params.iter().find(|param| param.default.is_none() && !params.contains_key(&*param.name));
    if let Some(param) = missing {
        let help = format!("give it one: `--var {}=…`", param.name);
        complain(&format!("the param `{}` of `{}` has no value", param.name, flow.name), Some(&help));
        return Err(Exit::Usage);
    }
    Ok((params, vars.into_iter().collect()))
}

/// The flow that was asked for, or the file's own steps.
fn chosen(program: &Program, name: Option<&str>) -> Result<FlowId, Exit> {
    let names: Vec<&str> = program.named.keys().map(String::as_str).collect();
    match name {
        Some(name) => program.named.get(name).copied().ok_or_else(|| {
            let known = if names.is_empty() { "it has none".to_string() } else { names.join(", ") };
            let message = format!("the file has no flow `{name}`");
            say::coded(Code::NO_SUCH_FLOW, &message, Some(&format!("its flows: {known}")));
            Exit::Usage
        }),
        None => program.main.ok_or_else(|| {
            let help = format!("name one of its flows: {}", names.join(", "));
            say::coded(Code::NO_SUCH_FLOW, "the file has no steps of its own", Some(&help));
            Exit::Usage
        }),
    }
}

fn observer(args: &RunArgs, sources: Sources, simulated: bool, out: &Watched) -> SharedObserver {
    let out = Box::new(out.clone());
    let answers: crate::report::console::Answers = {
        let mut typed = Typed::default();
        Box::new(move || typed.line())
    };
    match args.format() {
        Format::Json => {
            let lines = JsonLines::new(out, sources, args.verbose).verdict_only(args.quiet);
            Rc::new(RefCell::new(lines.with_answers(answers)))
        }
        Format::Pretty => {
            let detail = match (args.quiet, args.verbose) {
                (true, _) => Detail::Quiet,
                (_, true) => Detail::Lines,
                _ => Detail::Steps,
            };
            let mut console = Console::new(out, sources, detail, say::has_colours(&stdout()))
                .with_answers(answers)
                .simulated(simulated);
            if let (true, Some(columns)) = (stdout().is_terminal(), columns()) {
                console = console.width(columns);
            }
            Rc::new(RefCell::new(console))
        }
    }
}
