//! `atflow at`: command lines from the shell, one after the other; the exit code is the last result.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::at::codes;
use crate::at::dialect::{Cancel, CommandRules, DataEnd, Dialect, Finals};
use crate::at::sorter::{Class, Wanted};
use crate::flow::compile;
use crate::flow::duration;
use crate::hooks::Host;
use crate::link::Mono;
use crate::link::wake::Hangup;
use crate::report::text::one_line;
use crate::session::{Fault, Heard, Listener, Request, Session};
use crate::transcript::{Masker, Transcript};

use super::args::{AtArgs, Format};
use super::conversation::interrupt;
use super::{Exit, complain, open, say};

pub(super) fn at(args: &AtArgs) -> Exit {
    sent(args).unwrap_or_else(|exit| not_begun(exit, args))
}

/// A program that reads JSON lines gets one in any case; people have read it on standard error.
fn not_begun(exit: Exit, args: &AtArgs) -> Exit {
    if args.format == Format::Json {
        let first = args.lines.first();
        // Whatever keeps it from being written, there is a worse problem already.
        let _ =
            say::line(&record(first.map_or("", String::as_str), &[], Some(&say::last_complaint().message)));
    }
    exit
}

/// What became of one command line, as JSON.
fn record(line: &str, lines: &[String], error: Option<&str>) -> String {
    json!({ "command": line, "lines": lines, "good": error.is_none(), "error": error }).to_string()
}

fn sent(args: &AtArgs) -> Result<Exit, Exit> {
    let timeout = args.timeout.as_deref().map(duration::parse).transpose().map_err(|error| {
        complain(&error.message, Some(&error.help));
        Exit::Usage
    })?;
    let dialect = dialect(&args.module)?;
    if let Some(line) = args.lines.iter().find(|line| line.chars().any(char::is_control)) {
        complain(
            &format!("`{}` holds a control character", line.escape_debug()),
            Some("one argument is one command line"),
        );
        return Err(Exit::Usage);
    }
    let wake = open::wake(Hangup::Stops)?;
    let link = open::open(&args.port, &args.settings, None, &wake)?;
    let masker = Masker::new(&[], &[]).map_err(|_| Exit::Usage)?;
    let lines = Lines::default();
    let mut session = Session::new(
        link,
        Arc::clone(&dialect),
        Transcript::none(masker),
        Box::new(lines.clone()),
        interrupt(&wake),
    );
    let mut exit = Exit::Done;
    for line in &args.lines {
        exit = one(&mut session, &lines, &dialect, line, timeout, args.format);
        if exit != Exit::Done {
            break;
        }
    }
    Ok(exit)
}

fn dialect(name: &str) -> Result<Arc<Dialect>, Exit> {
    let host = Host::new();
    compile::dialect(name, &std::env::current_dir().unwrap_or_default(), &host).map_err(|problems| {
        say::problems(&problems.0, &problems.1);
        Exit::Usage
    })
}

fn one(
    session: &mut Session,
    lines: &Lines,
    dialect: &Dialect,
    line: &str,
    timeout: Option<Duration>,
    format: Format,
) -> Exit {
    let none = CommandRules::default();
    let rules = dialect.entry(line).map_or(&none, |entry| &entry.rules);
    let request = Request {
        line,
        wanted: Arc::new(Wanted {
            awaits: rules.awaits.clone(),
            fail: rules.fail.clone(),
            owes_final: !matches!(rules.finals, Some(Finals::None)),
            finals: rules.finals.clone(),
            expect: rules.expect.clone(),
            ..Wanted::default()
        }),
        same: Vec::new(),
        data: None,
        ends: DataEnd::Length,
        cancel: Cancel::None,
        restarts: None,
        timeout: timeout.or(rules.timeout).unwrap_or(dialect.line.timeout),
        outer: Mono::FAR,
    };
    lines.0.borrow_mut().clear();
    let outcome = session.send(&request);
    let lines = lines.0.take();
    let said = match format {
        Format::Pretty => lines.iter().try_for_each(|line| say::line(&one_line(line))),
        Format::Json => {
            let error = outcome.as_ref().err().map(|fault| words(fault, dialect));
            say::line(&record(line, &lines, error.as_deref()))
        }
    };
    if let Err(exit) = said {
        return exit;
    }
    match outcome {
        Ok(_) => Exit::Done,
        Err(fault) => {
            // A plain ERROR has been printed with the answer and says all it has to say.
            let plain = matches!(&fault, Fault::Result(error) if error.number.is_none());
            if format == Format::Pretty && !plain {
                complain(&words(&fault, dialect), None);
            }
            match fault {
                Fault::Port { .. } => Exit::Environment,
                Fault::Interrupted => Exit::Interrupted,
                _ => Exit::Failed,
            }
        }
    }
}

/// The lines of the answer at hand, without the echo.
#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Listener for Lines {
    fn heard(&mut self, _at: Mono, heard: &Heard<'_>) {
        if let Heard::Line { class, text } = heard
            && *class != Class::Echo
        {
            self.0.borrow_mut().push(String::from_utf8_lossy(text).into_owned());
        }
    }
}

/// A fault in one line, numbers explained.
pub(super) fn words(fault: &Fault, dialect: &Dialect) -> String {
    match fault {
        Fault::Result(error) => {
            match error.number.and_then(|number| codes::meaning(dialect, &error.family, number)) {
                Some(meaning) => format!("{}: {meaning}", error.name),
                None => error.name.clone(),
            }
        }
        Fault::Timeout { .. } => "no answer before the deadline".to_string(),
        Fault::Unexpected { missing, .. } => format!("`{missing}` did not come"),
        Fault::Closed { line } => format!("closed: {line}"),
        Fault::Reboot { line } => format!("the module restarted: {line}"),
        Fault::Port { what } | Fault::Strayed { what, .. } => what.clone(),
        Fault::Unsupported { what } => format!("this port has no {what}"),
        Fault::Stuck => "the module may be waiting for data".to_string(),
        Fault::Busy { line } => format!("busy: {line}"),
        Fault::Notice => "a message waits inside the module".to_string(),
        Fault::Interrupted => "told to stop".to_string(),
    }
}
