//! What a command leads to: information responses, a final result code, or a request for data.

use std::time::Duration;

/// How a command ended, or why it has not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// `OK`
    #[default]
    Ok,
    /// `ERROR`
    Error,
    /// `+CME ERROR: n`, or what `AT+CMEE` makes of it.
    Cme(u16),
    /// `+CMS ERROR: n`
    Cms(u16),
    /// A final result of its own: `SHUT OK`, a bare address.
    Line(String),
    /// The module wants data.
    Prompt(DataPhase),
    /// The result comes later, through [`super::modem::Dce::finish`].
    Later,
}

/// What a command leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Information responses, without line ends around them.
    pub(crate) lines: Vec<Vec<u8>>,
    /// The final result code.
    pub(crate) end: End,
    /// Lines that follow the final result at once (`STATE: …` after the `OK` of `AT+CIPSTATUS`).
    pub(crate) after: Vec<String>,
    /// Whether `OK` follows the last information response without a blank line (`AT+HTTPREAD`).
    pub(crate) tight: bool,
}

impl Answer {
    /// A bare `OK`.
    pub(crate) fn ok() -> Self {
        Self::default()
    }

    /// One information response, then `OK`.
    pub(crate) fn line(text: impl Into<Vec<u8>>) -> Self {
        Self { lines: vec![text.into()], ..Self::default() }
    }

    /// Several information responses, then `OK`.
    pub(crate) fn lines(lines: Vec<Vec<u8>>) -> Self {
        Self { lines, ..Self::default() }
    }

    /// This result and nothing else.
    pub(crate) fn end(end: End) -> Self {
        Self { end, ..Self::default() }
    }

    /// `ERROR`
    pub(crate) fn error() -> Self {
        Self::end(End::Error)
    }

    /// `+CME ERROR: code`
    pub(crate) fn cme(code: u16) -> Self {
        Self::end(End::Cme(code))
    }

    /// A final result that is not `OK`.
    pub(crate) fn own(text: impl Into<String>) -> Self {
        Self::end(End::Line(text.into()))
    }

    /// `OK` if `fine`, else `ERROR`.
    pub(crate) fn ok_if(fine: bool) -> Self {
        if fine { Self::ok() } else { Self::error() }
    }

    /// A line right after the final result.
    pub(crate) fn then(mut self, line: impl Into<String>) -> Self {
        self.after.push(line.into());
        self
    }
}

/// How data is asked for and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DataPhase {
    /// The very bytes of the prompt.
    pub(crate) prompt: &'static [u8],
    /// Whether an `OK` stands before the prompt (ESP-AT).
    pub(crate) ok_first: bool,
    /// Ends after this many bytes; without it at the byte 0x1A.
    pub(crate) length: Option<usize>,
    /// Bytes beyond this many are dropped.
    pub(crate) max: usize,
    /// Ends when nothing came for this long.
    pub(crate) gap: Option<Duration>,
    /// Whether the byte 0x1B leaves without sending.
    pub(crate) escape: bool,
    /// Whether the data is echoed while `ATE1` holds.
    pub(crate) echo: bool,
}
