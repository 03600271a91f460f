//! Words, lengths and times as reports show them.

use std::fmt::Display;
use std::time::Duration;

pub(super) use crate::transcript::visible::escaped as one_line;

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

/// At most so many characters; the last one shows that something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let mut out: String = text.chars().take(most - 1).collect();
    out.push('…');
    out
}

/// Exactly so many characters.
pub(super) fn pad(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length > width { cut(text, width) } else { format!("{text}{}", " ".repeat(width - length)) }
}
