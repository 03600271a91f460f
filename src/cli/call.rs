//! `atflow call`: tries one command handler of a station without a module, a cloud or a store. What the
//! handler asks for is checked as the station checks it, and only noted.

mod reply;

use std::rc::Rc;

use serde_json::{Value as Json, json};

use crate::flow::compile::{self, Loaded, Options};
use crate::flow::model::Program;
use crate::flow::model::station::{Downlink, Method};
use crate::hooks::{self, HookError, Host, Value};
use crate::link::{Clock, WallClock};
use crate::run::mask_text::Masked;
use crate::station::command::params::check_params;
use crate::station::command::read::{self, Call};
use crate::station::command::result_value;

use super::args::{CallArgs, Format};
use super::{Exit, complain, say};
use crate::testing::stand_in::{Deed, StandIn};
use crate::transcript::visible::escaped;

pub(super) fn call(args: &CallArgs) -> Exit {
    called(args).unwrap_or_else(|exit| exit)
}

fn called(args: &CallArgs) -> Result<Exit, Exit> {
    let host = Rc::new(Host::new());
    let here = std::env::current_dir().unwrap_or_default();
    let options = Options { module: args.module.clone() };
    let mut loaded = compile::load(&args.file, &here, &options, &host);
    if loaded.problems.has_errors() {
        say::problems(&loaded.problems, &loaded.sources);
        return Err(Exit::Usage);
    }
    let Some(program) = loaded.program.take().map(Rc::new) else { return Err(Exit::Usage) };
    let Some(downlink) = program.station.as_ref().and_then(|station| station.downlink.as_ref()) else {
        let help = "a station with `downlink: { handlers: FILE.rhai, methods: { … } }` has handlers";
        complain(&format!("`{}` answers no commands", args.file.display()), Some(help));
        return Err(Exit::Usage);
    };
    let method = method(downlink, &args.method)?;
    let given = hooks::parse_json(&args.params).map_err(|error| {
        complain(&format!("the params: {error}"), Some("write a JSON object, such as '{\"timeout\":10}'"));
        Exit::Usage
    })?;
    let params = check_params(method, &given).map_err(|why| {
        complain(&why, Some("the cloud would get the reply `params`, with this message"));
        Exit::Usage
    })?;
    let call =
        Call { key: "1".to_owned(), method: args.method.clone(), params: given.clone(), sent_at_ms: None };
    let body =
        hooks::map_of([("method", args.method.clone().into()), ("params", given), ("id", 1_i64.into())]);
    let stand_in = Rc::new(stand_in(&program, method, args));
    let clock: Rc<dyn Clock> = Rc::new(WallClock::new());
    host.set_clock(Rc::clone(&clock));
    host.set_escapes(program.dialect.escapes.clone());
    let command = Command { program: &program, downlink, call, body };
    let tried = command.try_it(&host, &stand_in, &params, method);
    let outcome = command.outcome(&host, &loaded, &clock, &stand_in, tried);
    outcome.print(args.format)?;
    Ok(if outcome.good { Exit::Done } else { Exit::Failed })
}

/// The station's place.
fn stand_in(program: &Rc<Program>, method: &Method, args: &CallArgs) -> StandIn {
    let how_to_answer = |line: &str| format!("`--answer '{line}=…'`");
    StandIn::new(Rc::clone(program), method.dangerous, answers(&args.answers), how_to_answer)
}

/// Each way to take LINE=ANSWER apart.
fn answers(given: &[String]) -> Vec<(String, String)> {
    let ways = |answer: &String| -> Vec<_> {
        answer
            .match_indices('=')
            .map(|(at, _)| (answer[..at].to_owned(), answer[at + 1..].to_owned()))
            .collect()
    };
    given.iter().flat_map(ways).collect()
}

fn method<'d>(downlink: &'d Downlink, name: &str) -> Result<&'d Method, Exit> {
    downlink.methods.get(name).ok_or_else(|| {
        let known: Vec<&str> = downlink.methods.keys().map(String::as_str).collect();
        let help = if known.is_empty() { "it has none".to_owned() } else { known.join(", ") };
        complain(&format!("the station has no method `{name}`"), Some(&format!("its methods: {help}")));
        Exit::Usage
    })
}

/// What is being tried.
struct Command<'a> {
    program: &'a Rc<Program>,
    downlink: &'a Downlink,
    call: Call,
    body: Value,
}

impl Command<'_> {
    fn try_it(
        &self,
        host: &Host,
        stand_in: &Rc<StandIn>,
        params: &Value,
        method: &Method,
    ) -> Result<Value, HookError> {
        let mut given = vec![params.clone()];
        if method.takes_context {
            given.push(read::context(&self.call, &reply::topic(self.downlink), &self.body));
        }
        host.set_station(Some(Rc::clone(stand_in) as _));
        let result = host.call(&self.downlink.handlers, &self.call.method, &given);
        host.set_station(None);
        result
    }

    fn outcome(
        &self,
        host: &Rc<Host>,
        loaded: &Loaded,
        clock: &Rc<dyn Clock>,
        stand_in: &Rc<StandIn>,
        tried: Result<Value, HookError>,
    ) -> Outcome {
        let log = host.take_log();
        let tried = tried.map_err(|error| Problem::of(&error));
        let tried = tried.and_then(|value| stand_in.fits_state().map(|()| value).map_err(Problem::new));
        // What has no JSON form cannot go up, whatever the file makes of it.
        let tried = tried.and_then(|value| match hooks::to_json(&value) {
            Ok(_) => Ok(value),
            Err(error) => Err(Problem::new(format!("the result: {error}"))),
        });
        let (result, error) = match tried {
            Ok(value) => (value, None),
            Err(problem) => (result_value(stand_in.code_of_failure(), &problem.message), Some(problem)),
        };
        let (reply, masked) = match reply::run(self.program, host, loaded, clock, stand_in) {
            Ok((mut run, masked)) => {
                let qos = self.program.station.as_ref().map_or(0, |station| i64::from(station.outbox.qos));
                let reply =
                    reply::reply((&mut run, &masked), self.downlink, &self.call, &self.body, &result, qos);
                (reply, Some(masked))
            }
            Err(why) => (Err(why), None),
        };
        // A failed handler's effects are dropped, but what it sent has been sent.
        let deeds = stand_in.deeds().into_iter();
        let done = deeds.filter(|deed| error.is_none() || matches!(deed, Deed::At { .. } | Deed::Run { .. }));
        let good = error.is_none() && (self.downlink.reply.is_none() || reply.is_ok());
        let (method, deeds) = (self.call.method.clone(), done.collect());
        Outcome { method, deeds, log, result, reply, error, good, masked }
    }
}

/// Why a handler failed.
struct Problem {
    message: String,
    place: Option<String>,
    help: Option<String>,
}

impl Problem {
    /// One that has no place in the file.
    fn new(message: String) -> Self {
        Self { message, place: None, help: None }
    }

    fn of(error: &HookError) -> Self {
        let place = error.place.as_ref().map(ToString::to_string);
        Self { message: error.message.clone(), place, help: error.help().map(str::to_owned) }
    }
}

/// What came of it.
struct Outcome {
    method: String,
    deeds: Vec<Deed>,
    log: Vec<String>,
    result: Value,
    /// Topic and content, or why there is no reply.
    reply: Result<(String, String), String>,
    error: Option<Problem>,
    /// The handler passed, and a station that replies can say so.
    good: bool,
    /// `None`: nothing secret is known.
    masked: Option<Masked>,
}

impl Outcome {
    fn print(&self, format: Format) -> Result<(), Exit> {
        match format {
            Format::Json => say::line(&self.json().to_string()),
            Format::Pretty => self.pretty(),
        }
    }

    fn text(&self, text: &str) -> String {
        self.masked.as_ref().map_or_else(|| text.to_owned(), |masked| masked.text(text))
    }

    fn pretty(&self) -> Result<(), Exit> {
        let mut rows: Vec<(&str, String)> = self.deeds.iter().map(Deed::shown).collect();
        rows.extend(self.log.iter().map(|line| ("log", escaped(line))));
        match &self.reply {
            Ok((topic, content)) => rows.push(("reply", format!("{topic} {content}"))),
            Err(_) => rows.push(("result", hooks::display(&self.result))),
        }
        let width = rows.iter().map(|(what, _)| what.len()).max().unwrap_or(0);
        for (what, rest) in &rows {
            say::line(&format!("{what:width$}  {}", self.text(rest)))?;
        }
        if let Err(why) = &self.reply {
            say::error_line(&format!("no reply is shown: {}", self.text(why)));
        }
        if let Some(problem) = &self.error {
            let place = problem.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
            complain(&self.text(&format!("{place}{}", problem.message)), problem.help.as_deref());
        }
        Ok(())
    }

    fn json(&self) -> Json {
        let (reply, no_reply) = match &self.reply {
            // It was written by the one writer of JSON, so it is read back.
            Ok((topic, content)) => {
                let content = serde_json::from_str::<Json>(content).unwrap_or(Json::Null);
                (json!({ "topic": topic, "json": content }), Json::Null)
            }
            Err(why) => (Json::Null, why.clone().into()),
        };
        let error = self.error.as_ref().map(
            |problem| json!({ "message": problem.message, "place": problem.place, "help": problem.help }),
        );
        let whole = json!({
            "method": self.method,
            "good": self.good,
            "did": self.deeds.iter().map(Deed::json).collect::<Vec<_>>(),
            "log": self.log,
            "result": hooks::to_json(&self.result).unwrap_or(Json::Null),
            "reply": reply,
            "no_reply": no_reply,
            "error": error,
        });
        self.masked.as_ref().map_or(whole.clone(), |masked| masked.json(whole))
    }
}

#[cfg(test)]
mod tests;
