//! What can go wrong with a command, as the log and as the cloud sees it.

use crate::hooks::{self, Value};

/// Why a command did not end well, or why a message is no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `methods` has no such method.
    UnknownMethod,
    /// The payload is no JSON object that is taken.
    BadJson,
    /// A hole of the topic, or the key, is no plain word.
    BadId,
    /// The params do not fit the method.
    BadParams,
    /// The payload is too long.
    TooLarge,
    /// It waited longer than `expire`.
    Expired,
    /// Too many commands at once.
    Busy,
    /// The station does not do this.
    Refused,
    /// It could not be kept on disk.
    Storage,
    /// Its handler raised an error.
    Failed,
    /// Its handler took too long.
    Deadline,
    /// The module restarted while its handler ran.
    Reboot,
    /// The station ended while its handler ran: it may have done everything, or nothing.
    UnknownOutcome,
}

impl Code {
    /// Each of them.
    pub const ALL: [Self; 13] = [
        Self::UnknownMethod,
        Self::BadJson,
        Self::BadId,
        Self::BadParams,
        Self::TooLarge,
        Self::Expired,
        Self::Busy,
        Self::Refused,
        Self::Storage,
        Self::Failed,
        Self::Deadline,
        Self::Reboot,
        Self::UnknownOutcome,
    ];

    /// In the log and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownMethod => "unknown_method",
            Self::BadJson => "bad_json",
            Self::BadId => "bad_id",
            Self::BadParams => "bad_params",
            Self::TooLarge => "too_large",
            Self::Expired => "expired",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Storage => "storage",
            Self::Failed => "failed",
            Self::Deadline => "deadline",
            Self::Reboot => "reboot",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }

    /// `error` in a reply's `result`.
    pub fn words(self) -> &'static str {
        match self {
            Self::UnknownMethod => "unknown method",
            Self::BadJson => "json",
            Self::BadId => "id",
            Self::BadParams => "params",
            Self::TooLarge => "too large",
            Self::UnknownOutcome => "unknown outcome",
            _ => self.name(),
        }
    }
}

/// What is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of reason.
    pub code: Code,
    /// The reason in one line. What it quotes is escaped and cut short.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// `result` of a reply that says what went wrong: `#{ error, message }`.
pub fn result_value(code: Code, message: &str) -> Value {
    hooks::map_of([("error", code.words().into()), ("message", message.to_owned().into())])
}

/// Most characters of something that came from outside in a message.
const QUOTED_CHARACTERS: usize = 80;

/// A text from outside as a message shows it.
pub(super) fn quoted(text: &str) -> String {
    let shown: String = text.chars().take(QUOTED_CHARACTERS).flat_map(char::escape_debug).collect();
    let more = if text.chars().nth(QUOTED_CHARACTERS).is_some() { "…" } else { "" };
    format!("`{shown}{more}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_says_what_went_wrong_in_words() {
        let shown = |code| hooks::display(&result_value(code, "why"));
        assert_eq!(shown(Code::UnknownMethod), r#"{"error":"unknown method","message":"why"}"#);
        assert_eq!(shown(Code::BadParams), r#"{"error":"params","message":"why"}"#);
        assert_eq!(shown(Code::Expired), r#"{"error":"expired","message":"why"}"#);
        assert_eq!(shown(Code::UnknownOutcome), r#"{"error":"unknown outcome","message":"why"}"#);
    }

    #[test]
    fn the_language_page_has_every_code() {
        let page = include_str!("../../../docs/language.md");
        for code in Code::ALL {
            let row = format!("| `{}` | `{}` | ", code.words(), code.name());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_comes_from_outside_is_quoted_short_and_on_one_line() {
        assert_eq!(quoted("a\r\nb"), r"`a\r\nb`");
        assert_eq!(quoted(&"x".repeat(1000)), format!("`{}…`", "x".repeat(QUOTED_CHARACTERS)));
    }
}
