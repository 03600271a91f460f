//! Words, lengths and times as reports show them.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::link::Mono;
pub(crate) use crate::transcript::visible::escaped as one_line;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// `1 step`, `2 steps`.
pub(super) fn plural(count: impl Display, what: &str) -> String {
    let count = count.to_string();
    if count == "1" { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// How long something took.
pub(super) fn span(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        format!("{}µs", time.as_micros())
    } else if time < Duration::from_secs(1) {
        format!("{}ms", time.as_millis())
    } else if time < Duration::from_mins(1) {
        format!("{:.1}s", time.as_secs_f64())
    } else {
        format!("{}m{:02}s", time.as_secs() / 60, time.as_secs() % 60)
    }
}

/// How long something took, in the two units that matter; hours and days, too.
pub(super) fn lasted(time: Duration) -> String {
    let (hours, minutes) = (time.as_secs() / 3600, time.as_secs() / 60 % 60);
    if time < Duration::from_millis(1) {
        "0ms".to_string()
    } else if hours == 0 {
        span(time)
    } else if hours < 24 {
        format!("{hours}h{minutes:02}m")
    } else {
        format!("{}d{:02}h", hours / 24, hours % 24)
    }
}

/// As [`lasted`], to the second.
pub(super) fn about(time: Duration) -> String {
    if time < Duration::from_mins(1) { format!("{}s", time.as_secs()) } else { lasted(time) }
}

/// How many bytes, for the eye.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// Escapes what JSON may hold as it is, but a terminal or an editor would obey: DEL and the C1 controls, line
/// separators, marks that turn the direction of writing. Such characters stand inside of JSON texts only.
pub(super) fn visible(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// The columns that a text takes on a terminal: a Chinese sign takes two.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// Signs that stand on top of others take no column; more than this to a column are no text.
const SIGNS_A_COLUMN: usize = 4;

/// Where the most of a text ends that so many columns hold, in bytes.
pub(super) fn end_within(text: &str, most: usize) -> usize {
    let mut taken = 0;
    let past = text.char_indices().enumerate().find(|(number, (_, sign))| {
        taken += sign.width().unwrap_or(0);
        taken > most || *number >= most.saturating_mul(SIGNS_A_COLUMN)
    });
    past.map_or(text.len(), |(_, (at, _))| at)
}

/// At most so many columns; the last one shows that something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if end_within(text, most) == text.len() {
        return text.to_string();
    }
    format!("{}…", &text[..end_within(text, most.saturating_sub(1))])
}

/// Exactly so many columns.
pub(super) fn pad(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let missing = width.saturating_sub(columns(&text));
    text + " ".repeat(missing).as_str()
}

/// At least so many columns.
pub(crate) fn pad_out(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// A point in time since the run began: seconds, aligned.
pub(super) fn clock(at: Mono) -> String {
    let micros = at.as_micros();
    format!("{:>5}.{:02}s", micros / 1_000_000, micros / 10_000 % 100)
}

/// Columns of a line that are shown in an excerpt.
const EXCERPT_WIDTH: usize = 100;

/// Bytes on one line, control characters visible, cut to a limit.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    cut(&one_line(&String::from_utf8_lossy(bytes)), EXCERPT_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_sign_takes_two_columns() {
        assert_eq!(pad("温度", 6), "温度  ");
        assert_eq!(pad("e\u{301}", 3), "e\u{301}  ");
        assert_eq!(
            (cut("温度计", 6), cut("温度计", 5), cut("温度计", 4)),
            ("温度计".into(), "温度…".into(), "温…".into())
        );
        assert_eq!(pad("温度计", 4), "温… ");
        assert_eq!(cut("abc", 0), "…");
        assert_eq!(cut(&"\u{301}".repeat(1_000), 3).chars().count(), 9);
        assert_eq!(pad_out("温度", 3), "温度");
    }
}
