//! Standard output and standard error. Either may be closed or on a full disk; nothing panics then, as
//! `println!` does.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IsTerminal, Write, stderr, stdout};
use std::rc::Rc;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostics, Look, Sources};
use crate::report::json::Complaint;
use crate::report::paint::Paint;
use crate::run::failure::Failure;

use super::Exit;

/// Prints a line.
///
/// Whoever read may have seen enough and gone (`| head -1`): that is no error, and the work goes on without
/// a reader. Anything else, such as a full disk, is said on standard error.
pub(super) fn line(text: &str) -> Result<(), Exit> {
    print(&format!("{text}\n"))
}

/// Prints a text as it is; see [`line`].
pub(super) fn print(text: &str) -> Result<(), Exit> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// The width of the terminal on standard output.
pub(super) fn columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
}

/// Says that standard output could not be written.
pub(super) fn unwritten(error: &io::Error) -> Exit {
    complain(&format!("cannot write standard output: {error}"), None);
    Exit::Environment
}

/// Writes a line to standard error. When even that fails there is nobody left to tell.
pub(super) fn error_line(text: &str) {
    let _ = stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Shows how far something is, on a line of standard error's terminal that the next call writes over.
pub(super) fn progress(text: &str) {
    let _ = stderr().lock().write_all(format!("\r\x1b[K{text}").as_bytes());
}

thread_local! {
    /// What was wrong last, for those who do not read standard error.
    static COMPLAINT: RefCell<Complaint> = RefCell::default();
}

/// What [`complain`] or [`problems`] said last, without colours.
pub(super) fn last_complaint() -> Complaint {
    COMPLAINT.with_borrow(Complaint::clone)
}

/// Shows on standard error what is wrong with files.
pub(super) fn problems(problems: &Diagnostics, sources: &Sources) {
    let plain = problems.render(sources, Look::Plain);
    let records = problems.records(sources);
    let records = records.iter().filter_map(|record| serde_json::to_value(record).ok());
    // A warning may stand first, but it is an error that kept the file from running.
    let gravest = problems.sorted().into_iter().min_by_key(|problem| problem.severity);
    COMPLAINT.set(Complaint {
        message: plain.clone(),
        code: gravest.map(|problem| problem.code),
        help: Vec::new(),
        problems: records.collect(),
    });
    let shown = if has_colours(&stderr()) { problems.render(sources, Look::Coloured) } else { plain };
    error_line(&shown);
}

/// Whether a stream shows colours: a terminal that knows them, unless nobody wants any (no-color.org: `NO_COLOR` is
/// set, and not to nothing).
pub(super) fn has_colours(stream: &impl IsTerminal) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !unwanted && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Says on standard error what is wrong and what to do.
pub(super) fn complain(message: &str, help: Option<&str>) {
    say_error(None, message, help.as_slice());
}

/// As [`complain`], for what has a code.
pub(super) fn coded(code: Code, message: &str, help: Option<&str>) {
    say_error(Some(code), message, help.as_slice());
}

/// Says why a run cannot begin.
pub(super) fn failure(failure: &Failure) {
    let help: Vec<&str> = failure.help.iter().map(String::as_str).collect();
    say_error(Some(failure.code), &failure.message, &help);
}

fn say_error(code: Option<Code>, message: &str, help: &[&str]) {
    COMPLAINT.set(Complaint {
        message: message.to_string(),
        code,
        help: help.iter().map(ToString::to_string).collect(),
        problems: Vec::new(),
    });
    let head = code.map_or_else(|| "error".to_string(), |code| format!("error[{code}]"));
    error_line(&format!("{}: {message}", Paint::Bad.on(&head, has_colours(&stderr()))));
    for help in help {
        error_line(&format!("  = help: {help}"));
    }
}

/// Standard output for a run, which must go on without it: a write never fails, the first problem is kept.
#[derive(Clone, Default)]
pub(super) struct Watched(Rc<RefCell<Option<io::Error>>>);

impl Watched {
    /// Why not everything was written; a reader that has gone is no problem.
    pub(super) fn problem(&self) -> Option<io::Error> {
        self.0.take()
    }

    fn keep(&self, written: io::Result<()>) {
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.0.borrow_mut().get_or_insert(error);
        }
    }
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.keep(stdout().write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.keep(stdout().flush());
        Ok(())
    }
}
