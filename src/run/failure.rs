//! A failure of a step: what a person reads, what a retry decides by, and where it stands in the YAML.

use std::ops::{Deref, DerefMut};

use crate::flow::codes::Code;
use crate::flow::diag::Span;
use crate::hooks::{HookError, Value};
use crate::session::{Fault, Owed};
use crate::transcript::Record;

use super::mask_text::Masked;

/// Why a step failed for good. Boxed, because a `Result` on the good path should not carry its weight.
#[derive(Clone, Debug)]
pub struct Failure(Box<Details>);

impl Deref for Failure {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

/// What is known of a failure.
#[derive(Clone, Debug)]
pub struct Details {
    /// What `only` and `never` compare: `cme 767`, `timeout`, `unexpected`.
    pub name: String,
    /// The name without its number: `cme`.
    pub family: String,
    /// The number, if it has one.
    pub number: Option<i64>,
    /// What the number means, by the dialect or the standard.
    pub text: Option<String>,
    /// The line that said so.
    pub line: Option<String>,
    /// One sentence: what was seen.
    pub message: String,
    /// What to do about it.
    pub help: Vec<String>,
    /// The author's own advice.
    pub hint: Option<String>,
    /// Where the step stands.
    pub span: Option<Span>,
    /// Where in a hook file it went wrong.
    pub script: Option<String>,
    /// The step and what it stands in, outermost first.
    pub path: Vec<String>,
    /// Names and values of the failed attempt.
    pub captures: Vec<(String, Value)>,
    /// What crossed the line in the failed attempt, oldest first.
    pub exchange: Vec<Record>,
    /// Stable.
    pub code: Code,
}

impl Failure {
    /// A failure with a name and a sentence.
    pub fn new(code: Code, name: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            name: name.to_string(),
            family: name.to_string(),
            number: None,
            text: None,
            line: None,
            message: message.into(),
            help: Vec::new(),
            hint: None,
            span: None,
            script: None,
            path: Vec::new(),
            captures: Vec::new(),
            exchange: Vec::new(),
            code,
        }))
    }

    /// The same at the place of another.
    #[must_use]
    pub fn at_path_of(mut self, other: &Self) -> Self {
        self.path.clone_from(&other.path);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Takes every secret out of what is shown of it; values in its words may be secret whatever made them.
    pub fn mask(&mut self, masked: &Masked) {
        self.message = masked.text(&self.message);
        self.help = self.help.iter().map(|help| masked.text(help)).collect();
        self.path = self.path.iter().map(|step| masked.text(step)).collect();
        let details = &mut *self.0;
        let texts = [&mut details.hint, &mut details.line, &mut details.text, &mut details.script];
        for text in texts.into_iter().flatten() {
            *text = masked.text(text);
        }
    }

    /// Where it failed and why, in one line.
    pub fn in_one_line(&self) -> String {
        match self.path.last() {
            Some(step) => format!("{step}: {}", self.message),
            None => self.message.clone(),
        }
    }

    /// Only a `retry.only` that names it catches it.
    pub fn is_fatal(&self) -> bool {
        matches!(self.family.as_str(), "port" | "reboot" | "stuck" | "interrupted" | "replay")
    }

    /// Nothing catches it: somebody wants the program to stop.
    pub fn is_interrupt(&self) -> bool {
        self.family == "interrupted"
    }

    /// Not tried again unless `only` names it.
    pub fn is_final_by_default(&self) -> bool {
        matches!(self.family.as_str(), "refused" | "hook") || self.is_fatal()
    }

    /// A value was not fit for a command line, or a rule forbade the step. Nothing was sent.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Code::FAILED_REFUSED, "refused", message)
    }

    /// A condition did not hold.
    pub fn check(message: impl Into<String>) -> Self {
        Self::new(Code::FAILED_CHECK, "check", message)
    }

    /// A script went wrong.
    pub fn hook(error: &HookError) -> Self {
        let mut failure = Self::new(Code::FAILED_HOOK, "hook", error.to_string());
        failure.script =
            error.place.as_ref().map(|place| format!("{}:{}:{}", place.file, place.line, place.column));
        if let Some(help) = error.help() {
            failure = failure.help(help);
        }
        failure
    }

    /// What the session could not do. `meaning` explains a number.
    pub fn from_fault(fault: Fault, meaning: impl Fn(&str, i64) -> Option<String>, masked: &Masked) -> Self {
        match fault {
            Fault::Result(error) => Self::result(&error, meaning, masked),
            Fault::Timeout { owed } => Self::timeout(&owed, masked),
            Fault::Unexpected { missing, came, near_miss, late } => {
                Self::unexpected(&missing, &came, near_miss, late, masked)
            }
            Fault::Closed { line } => {
                let line = masked.text(&line);
                let mut failure =
                    Self::new(Code::FAILED_CLOSED, "closed", format!("the session was closed: `{line}`"))
                        .help("connect again; a group with `retry: { only: [closed] }` does so by itself");
                failure.line = Some(line);
                failure
            }
            Fault::Reboot { line } => {
                let line = masked.text(&line);
                let mut failure = Self::new(
                    Code::FAILED_REBOOT,
                    "reboot",
                    format!("the module restarted: it said `{line}`"),
                )
                .help("a restart nobody asked for is often a weak supply; a flow that begins with `run: wake` survives the module's start")
                .help("if the command restarts the module, say so: `restarts: 30s`");
                failure.line = Some(line);
                failure
            }
            Fault::Port { what } => {
                Self::new(Code::PORT_GONE, "port", what).help("is the module still plugged in and powered?")
            }
            Fault::Strayed { what, help } => Self::new(Code::FAILED_REPLAY, "replay", what).help(help),
            Fault::Unsupported { what } => {
                Self::new(Code::FAILED_UNSUPPORTED, "error", format!("this port has no {what}"))
                    .help("`on_error: ignore` lets the flow run on ports that cannot do it")
            }
            Fault::Stuck => Self::new(
                Code::FAILED_STUCK,
                "stuck",
                "the module may still be waiting for data: a command line sent now would become part of it",
            )
            .help("restart the module (power or its reset line), then run again")
            .help("if the command has a way out, name it: `cancel: esc`"),
            Fault::Busy { line } => {
                let line = masked.text(&line);
                let mut failure = Self::new(
                    Code::FAILED_BUSY,
                    "busy",
                    format!("the module kept answering `{line}` until the deadline"),
                );
                failure.line = Some(line);
                failure
            }
            Fault::Notice => Self::new(
                Code::FAILED_TIMEOUT,
                "timeout",
                "messages wait inside the module and cannot be fetched",
            ),
            Fault::Interrupted => Self::new(Code::INTERRUPTED, "interrupted", "told to stop"),
        }
    }

    fn result(
        error: &crate::at::sorter::ResultError,
        meaning: impl Fn(&str, i64) -> Option<String>,
        masked: &Masked,
    ) -> Self {
        let line = masked.text(&error.line);
        let text = error.number.and_then(|number| meaning(&error.family, number));
        let code = match (error.family.as_str(), error.number) {
            ("closed", _) => Code::FAILED_CLOSED,
            (_, Some(_)) => Code::FAILED_NUMBER,
            (_, None) => Code::FAILED_RESULT,
        };
        let message = match &text {
            Some(text) => format!("the module answered `{line}`: {text}"),
            None => format!("the module answered `{line}`"),
        };
        let mut failure = Self::new(code, &error.name, message);
        if error.line == "ERROR" {
            failure = failure.help(
                "plain ERROR: unknown command, wrong arguments, or not now; `AT+CMEE=1` makes it a number",
            );
        } else if ["+CME ERROR:", "+CMS ERROR:"].iter().any(|word| error.line.starts_with(word))
            && error.number.is_none()
        {
            failure = failure.help("the module says errors in words; `AT+CMEE=1` makes them numbers");
        } else if error.family == "error" {
            failure = failure.help("for this command, the dialect or the step lists that line under `fail`");
        }
        failure.family.clone_from(&error.family);
        failure.number = error.number;
        failure.text = text;
        failure.line = Some(line);
        failure
    }

    /// Something came, but nothing that this dialect takes for an end.
    fn no_final(first: Option<String>, unheard: bool) -> Self {
        let more = if unheard {
            "the module has answered nothing yet and may just be starting: begin with `run: wake`"
        } else {
            "give the command more time with `timeout`, or in the dialect's command table"
        };
        let what = "no final result code came before the deadline";
        match first {
            None => Self::new(Code::FAILED_TIMEOUT, "timeout", what).help(more),
            Some(line) => {
                let help = if unheard {
                    more.to_string()
                } else {
                    format!("if `{line}` ends this command, say so: `final: '{line}'`; or {more}")
                };
                let message = format!("{what}; the first line was `{line}`");
                Self::new(Code::FAILED_TIMEOUT, "timeout", message).help(help)
            }
        }
    }

    fn timeout(owed: &Owed, masked: &Masked) -> Self {
        let new = |message: String| Self::new(Code::FAILED_TIMEOUT, "timeout", message);
        match owed {
            Owed::Write { taken, of } => new(format!(
                "the module took {taken} of {of} bytes, and no more until the deadline"
            ))
            .help(
                "is hardware flow control on while CTS is not wired? `port` settings and `AT+IFC` must agree",
            ),
            Owed::Anything => new("not a single byte came back".to_string())
                .help("is the module powered, is this its AT port, and does it talk at this speed?"),
            Owed::Final { came, unheard } => {
                Self::no_final(came.first().map(|line| masked.text(line)), *unheard)
            }
            Owed::Prompt => new("the prompt for data did not come before the deadline".to_string())
                .help("if this module asks with a word, name it: `prompt: DOWNLOAD`"),
            Owed::Data => new("the module asked for data, and the step has none".to_string())
                .help("give the step its `data`"),
            Owed::DataResult => new("the data went out and no final result code came".to_string()),
            Owed::Await { pattern, after_final: true } => {
                new(format!("`{pattern}` did not come before the deadline; the final result was good"))
            }
            Owed::Await { pattern, after_final: false } => new(format!(
                "`{pattern}` did not come before the deadline, and nothing else ends this command"
            )),
            Owed::Line(pattern) => new(format!("`{pattern}` did not come before the deadline")).help(
                "a line counts from the begin of the step before this one, with `since: result` only from \
                     its final result",
            ),
            Owed::Message(topic) => new(format!("no message came on `{topic}` before the deadline")),
            Owed::Operator => new("nobody answered before the deadline".to_string()),
            Owed::Resync => new("after a timeout, three `AT` were not answered with `OK`".to_string())
                .help("the module hangs or is gone; restart it"),
        }
    }

    fn unexpected(
        missing: &str,
        came: &[String],
        near_miss: Option<String>,
        late: bool,
        masked: &Masked,
    ) -> Self {
        let seen = match came {
            [] => "nothing came before the final result".to_string(),
            lines => {
                let shown: Vec<String> =
                    lines.iter().take(4).map(|line| format!("`{}`", masked.text(line))).collect();
                let more = if lines.len() > 4 {
                    format!(" and {} more lines", lines.len() - 4)
                } else {
                    String::new()
                };
                format!("{}{more} came", shown.join(", "))
            }
        };
        let mut failure =
            Self::new(Code::FAILED_UNEXPECTED, "unexpected", format!("`{missing}` did not come; {seen}"));
        if let Some(near) = near_miss {
            failure = failure.help(masked.text(&near));
        }
        if late {
            failure = failure.help("the line came after the final result: did you mean `await`?");
        }
        failure
    }
}
