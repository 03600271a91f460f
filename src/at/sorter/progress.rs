//! What an exchange or a wait asks of the sorter, and how far it has got.

use std::sync::Arc;

use crate::at::dialect::{Finals, Prompt};
use crate::at::pattern::{Captures, Lists, Pattern, Sequence};

/// What a step waits for. Made once for a step and shared by its attempts.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The late result, in order.
    pub awaits: Option<Arc<Sequence>>,
    /// Any of these decides that it failed.
    pub fail: Option<Arc<Vec<Pattern>>>,
    /// What counts as OK; `None`: the dialect's `results.ok`.
    pub finals: Option<Finals>,
    /// Lines that must have come, in order.
    pub expect: Option<Arc<Sequence>>,
    /// Lists: name and what one element looks like.
    pub collect: Option<Arc<Lists>>,
    /// What asks for data.
    pub prompt: Option<Prompt>,
    /// Whether a command was sent. A wait for lines nobody asked for is owed no final result.
    pub owes_final: bool,
}

/// One attempt of it.
#[derive(Clone, Debug, Default)]
pub struct Armed {
    /// What it waits for.
    pub wanted: Arc<Wanted>,
    /// The command line without its ending, to know its echo.
    pub echo: Option<Vec<u8>>,
    /// The data that follows the prompt, to know its echo.
    pub data: Option<Vec<u8>>,
    /// Variables of `{=name}` holes.
    pub same: Vec<(Arc<str>, String)>,
}

/// How far an exchange or a wait has got.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// The module asked for data.
    pub prompt_seen: bool,
    /// The final result.
    pub ended: Option<Ended>,
    /// The line that decided that it failed. A final result may still be owed.
    pub failed: Option<ResultError>,
    /// All awaited lines came, or none were wanted.
    pub awaits_done: bool,
    /// All expected lines came, or none were wanted.
    pub expects_done: bool,
    /// What `await`, `expect` and the final result captured.
    pub captures: Captures,
    /// Lists by name, of each the first 4,096 elements. An element holds every name of its sequence.
    pub collected: Vec<(Arc<str>, Vec<Captures>)>,
    /// Other lines that came as information, the first 64 KiB.
    pub information: Vec<String>,
    /// A line that says the session is gone.
    pub closed: Option<String>,
    /// A line that says the module restarted.
    pub reboot: Option<String>,
}

/// A final result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What it says.
    pub verdict: Verdict,
    /// As it came.
    pub line: String,
}

/// What a final result says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The command was carried out, or taken.
    Ok,
    /// It was not; [`Progress::failed`] says why.
    Error,
    /// The line was not taken: it may be sent again.
    Busy,
}

/// An error that the module reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultError {
    /// `cme 767`, `error`, `no carrier`, `closed`.
    pub name: String,
    /// `cme`; the whole name where there is no number.
    pub family: String,
    /// 767.
    pub number: Option<i64>,
    /// The line that says so.
    pub line: String,
}

impl ResultError {
    /// The error that `line` makes, which `pattern` matched with `captures`. `closed` says that the dialect
    /// lists the line among those that end the session.
    pub(super) fn new(pattern: &Pattern, captures: &Captures, line: &[u8], closed: bool) -> Self {
        let line = String::from_utf8_lossy(line).into_owned();
        if let Some(family) = pattern.error_family()
            && let Some(number) = captures.int(family)
        {
            return Self {
                name: format!("{family} {number}"),
                family: family.to_string(),
                number: Some(number),
                line,
            };
        }
        // The words of ITU-T V.250, table 1.
        let name = match line.as_str() {
            "NO CARRIER" => "no carrier",
            "NO ANSWER" => "no answer",
            "NO DIALTONE" | "NO DIAL TONE" => "no dialtone",
            "BUSY" => "busy",
            _ if closed => "closed",
            _ => "error",
        };
        Self { name: name.into(), family: name.into(), number: None, line }
    }
}

impl Progress {
    /// The first failure names the error, unless only a later one has a number.
    pub(super) fn fail(&mut self, error: ResultError) {
        match &self.failed {
            Some(earlier) if earlier.number.is_some() || error.number.is_none() => {}
            _ => self.failed = Some(error),
        }
    }
}
