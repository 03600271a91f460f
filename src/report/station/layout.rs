//! How a row becomes lines of a certain width.

use crate::link::Mono;
use crate::report::paint::Paint;
use crate::report::text::{columns, cut, end_within, pad};

use super::Level;
use super::row::Row;

/// What a happening is about.
const WORD_WIDTH: usize = 8;
/// Text before the notes; a longer one pushes them to the right.
const TEXT_WIDTH: usize = 36;
/// What it keeps on a narrow terminal, for the notes' sake.
const TEXT_WIDTH_LEAST: usize = 16;
/// What the notes of a report want.
const NOTES_WIDTH: usize = 40;
/// Fewer columns tell nothing.
const NOTES_LEAST: usize = 8;
/// Lines of what went wrong.
const WRAPPED_MOST: usize = 6;

/// What there is to write on.
pub(super) struct Layout {
    pub width: usize,
    pub colour: bool,
}

impl Layout {
    fn paint(&self, paint: Paint, text: &str) -> String {
        paint.on(text, self.colour)
    }

    /// A row as lines. What went wrong is shown whole, on several lines if it must be; the rest is cut.
    pub(super) fn row(&self, at: Mono, row: &Row, level: Level) -> Vec<String> {
        let clock = clock(at);
        let beside = clock.chars().count() + 1 + 1 + 1 + WORD_WIDTH + 1;
        let room = self.width.saturating_sub(beside);
        let notes = row.notes.join(", ");
        let lines = if level >= Level::Warn {
            let text = if notes.is_empty() { row.text.clone() } else { format!("{} ({notes})", row.text) };
            wrapped(&text, room)
        } else {
            let text_width = room.saturating_sub(NOTES_WIDTH).clamp(TEXT_WIDTH_LEAST, TEXT_WIDTH);
            let text =
                if notes.is_empty() { cut(&row.text, room) } else { pad_out(&row.text, text_width, room) };
            let left = room.saturating_sub(columns(&text) + 2);
            let notes = if left < NOTES_LEAST { String::new() } else { cut(&notes, left) };
            let text = if level == Level::Debug { self.paint(Paint::Dim, &text) } else { text };
            vec![format!("{text}  {}", self.paint(Paint::Dim, &notes))]
        };
        let head = format!(
            "{} {} {} ",
            self.paint(Paint::Dim, &clock),
            self.paint(row.paint, row.mark),
            self.paint(Paint::Dim, &pad(row.word, WORD_WIDTH))
        );
        let margin = " ".repeat(beside);
        let mut heads = std::iter::once(head).chain(std::iter::repeat(margin));
        lines.into_iter().map(|line| format!("{}{line}", heads.next().unwrap_or_default())).collect()
    }
}

/// A point of the station's time: hours, minutes, seconds, aligned.
fn clock(at: Mono) -> String {
    let tenths = at.as_micros() / 100_000;
    let seconds = tenths / 10;
    let clock = format!("{}:{:02}:{:02}.{}", seconds / 3600, seconds / 60 % 60, seconds % 60, tenths % 10);
    format!("{clock:>11}")
}

/// As wide as the column, or as long as it is, but never wider than the line.
fn pad_out(text: &str, column: usize, room: usize) -> String {
    if columns(text) > column { cut(text, room) } else { pad(text, column) }
}

/// A text in lines of at most so many columns, broken at blanks where there are some.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut lines = Vec::new();
    let mut rest = text;
    while lines.len() + 1 < WRAPPED_MOST && columns(rest) > room {
        // One sign a line at least, however wide it is.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = end_within(rest, room).max(first);
        // A blank right behind the line is as good as one inside of it.
        let blank = if rest[end..].starts_with(' ') { Some(end) } else { rest[..end].rfind(' ') };
        let blank = blank.filter(|blank| *blank > 0);
        let (line, behind) = rest.split_at(blank.unwrap_or(end));
        lines.push(line.to_string());
        rest = behind.trim_start();
    }
    lines.push(cut(rest, room));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_at_blanks_and_never_too_wide() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 6), ["one", "two", "three"]);
        assert_eq!(wrapped("éééééé", 4), ["éééé", "éé"]);
        assert_eq!(wrapped("", 4), [""]);
        let long = wrapped(&"日本 ".repeat(1_000), 10);
        assert_eq!(long.len(), WRAPPED_MOST);
        assert!(long.iter().all(|line| columns(line) <= 10), "{long:?}");
    }
}
