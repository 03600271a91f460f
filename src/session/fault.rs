//! How an exchange or a wait can fail.

use crate::at::sorter::ResultError;
use crate::link::LinkError;

/// Why an exchange or a wait did not pass. Everything a module can do to us ends here, not in an `Err` of
/// its own kind, so that a retry can decide by name.
#[derive(Debug)]
pub enum Fault {
    /// A final result code or a `fail` line said no.
    Result(ResultError),
    /// The deadline passed.
    Timeout {
        /// What was still owed.
        owed: Owed,
    },
    /// The final result was good, but a line that must have come did not.
    Unexpected {
        /// The pattern that found nothing.
        missing: String,
        /// The information lines that came.
        came: Vec<String>,
        /// A close look at the line that nearly fits.
        near_miss: Option<String>,
        /// The line came, but after the final result.
        late: bool,
    },
    /// The session, or what carries it, is gone.
    Closed {
        /// The line that said so.
        line: String,
    },
    /// The module restarted and nobody had asked it to.
    Reboot {
        /// The line that said so.
        line: String,
    },
    /// The port is gone.
    Port {
        /// What the system said.
        what: String,
    },
    /// The port is a recording, and this was not recorded.
    Strayed {
        /// What was recorded, and what came instead.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// The port has no such line or setting.
    Unsupported {
        /// Which.
        what: &'static str,
    },
    /// The module may take everything for data; nothing may be sent until it restarts.
    Stuck,
    /// The module kept refusing the line.
    Busy {
        /// What it said.
        line: String,
    },
    /// Messages wait inside the module and must be fetched before the wait goes on.
    Notice,
    /// Somebody wants the program to stop.
    Interrupted,
}

/// What had not come when the deadline passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owed {
    /// The module took no more bytes: so many of so many.
    Write {
        /// Bytes that left.
        taken: usize,
        /// Bytes there were.
        of: usize,
    },
    /// Not a single byte came back.
    Anything,
    /// The final result code.
    Final {
        /// The information lines that came instead.
        came: Vec<String>,
        /// The module has answered nothing since the conversation began.
        unheard: bool,
    },
    /// The prompt for data.
    Prompt,
    /// Data that the module asked for and nobody has.
    Data,
    /// The final result after the data.
    DataResult,
    /// The late result.
    Await {
        /// The pattern that found nothing.
        pattern: String,
        /// A final result had come, and was good; else none was owed.
        after_final: bool,
    },
    /// A line that nobody asked for: this pattern.
    Line(String),
    /// A message on this topic.
    Message(String),
    /// A line from the operator.
    Operator,
    /// `AT` was not answered with `OK`.
    Resync,
}

impl Fault {
    /// The family of the error's name, as `retry` knows it.
    pub fn family(&self) -> &str {
        match self {
            Self::Result(error) => &error.family,
            Self::Timeout { .. } | Self::Notice => "timeout",
            Self::Unexpected { .. } => "unexpected",
            Self::Closed { .. } => "closed",
            Self::Reboot { .. } => "reboot",
            Self::Port { .. } => "port",
            Self::Strayed { .. } => "replay",
            Self::Unsupported { .. } => "error",
            Self::Stuck => "stuck",
            Self::Busy { .. } => "busy",
            Self::Interrupted => "interrupted",
        }
    }

    pub(super) fn from_link(error: LinkError) -> Self {
        match error {
            LinkError::Unsupported { what } => Self::Unsupported { what },
            LinkError::Strayed { what, help } => Self::Strayed { what, help },
            other => Self::Port { what: other.to_string() },
        }
    }
}
