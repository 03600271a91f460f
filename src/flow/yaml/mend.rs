//! The text as it is read: behind each thing that is no YAML reading begins anew, with that thing mended or taken
//! out, so that all problems of a file are told together. A leading tab becomes the blanks that make its line fit,
//! which moves what follows; so places lead back to the text as written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use super::{lost, tab};
use crate::flow::diag::{Code, Diagnostic};

/// So often a file is read anew at most.
const MOST_ROUNDS: usize = 200;
/// So many bytes are read altogether of a file that is read again and again.
const MOST_BYTES_READ: usize = 32 << 20;

/// What the parser stopped at.
pub(super) struct Stop {
    /// The message.
    pub problem: Diagnostic,
    /// Where it stopped, or where the outermost bracket around that begins.
    pub from: usize,
    /// Whether there is such a bracket.
    pub in_brackets: bool,
    /// Where the line begins in which it stopped.
    pub line: usize,
    /// Where the line begins from which on something is wrong.
    pub start: usize,
}

/// The text of a file, some of it mended.
pub(super) struct Mended<'s> {
    text: Cow<'s, str>,
    /// What was taken out, as it is read.
    lost: Vec<Range<usize>>,
    /// Indentations with a tab, in the order of the file.
    margins: Vec<Margin>,
    /// What such an indentation has become.
    columns: BTreeMap<String, usize>,
    rounds: usize,
}

/// An indentation that was written in other blanks than it is read in.
struct Margin {
    /// Where its line begins as it is read.
    read: usize,
    /// Where its line begins as written.
    written: usize,
    read_len: usize,
    written_len: usize,
}

/// How to go on.
pub(super) enum Cure {
    /// The indentation of the line that begins there is this many columns.
    Margin(usize, usize),
    /// The tab there separates as a blank does.
    Blank(usize),
    /// The region is left out, and this is the text then.
    Without(String, Range<usize>),
}

impl<'s> Mended<'s> {
    pub(super) fn new(written: &'s str) -> Self {
        Self {
            text: Cow::Borrowed(written),
            lost: Vec::new(),
            margins: Vec::new(),
            columns: BTreeMap::new(),
            rounds: 0,
        }
    }

    /// The text as it is read.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What was taken out of it.
    pub(super) fn lost(&self) -> &[Range<usize>] {
        &self.lost
    }

    /// Whether so much is wrong that the rest is not read for that alone.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.lost.len() == lost::MOST || self.rounds >= self.most_rounds()
    }

    fn most_rounds(&self) -> usize {
        (MOST_BYTES_READ / self.text.len().max(1)).min(MOST_ROUNDS)
    }

    /// How reading can go on, or `None` where what follows would be guesswork.
    pub(super) fn cure(&self, stop: &Stop) -> Option<Cure> {
        if self.rounds >= self.most_rounds() || stop.problem.code == Code::TOO_DEEP {
            return None;
        }
        let at = stop.problem.at.start;
        if stop.problem.code == Code::TAB && self.text[at..].starts_with('\t') {
            let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
            if !self.text[start..at].chars().all(|sign| matches!(sign, ' ' | '\t')) {
                return Some(Cure::Blank(at));
            }
            let bracket = stop.in_brackets.then_some(stop.from);
            if let Some(column) = tab::column(&self.text, start, bracket, &self.columns) {
                return Some(Cure::Margin(start, column));
            }
        }
        if self.lost.len() == lost::MOST {
            return None;
        }
        let (text, region) = lost::take_out(&self.text, &stop.problem, stop.from, &self.lost)?;
        Some(Cure::Without(text, region))
    }

    /// Goes on so.
    pub(super) fn apply(&mut self, cure: Cure) {
        self.rounds += 1;
        match cure {
            Cure::Margin(start, column) => self.indent(start, column),
            Cure::Blank(at) => self.text.to_mut().replace_range(at..=at, " "),
            Cure::Without(text, region) => {
                self.text = Cow::Owned(text);
                self.lost.push(region);
            }
        }
    }

    fn indent(&mut self, start: usize, column: usize) {
        let margin = tab::margin(&self.text[start..]).to_string();
        let (read_len, written_len) = (column, margin.len());
        let written = self.written(start);
        let moved = |at: usize| if at > start { at + read_len - written_len } else { at };
        for known in self.margins.iter_mut().filter(|known| known.read > start) {
            known.read = moved(known.read);
        }
        for lost in &mut self.lost {
            *lost = moved(lost.start)..moved(lost.end);
        }
        let place = self.margins.partition_point(|known| known.read < start);
        self.margins.insert(place, Margin { read: start, written, read_len, written_len });
        self.text.to_mut().replace_range(start..start + written_len, &" ".repeat(column));
        self.columns.insert(margin, column);
    }

    /// Where a byte of the text as it is read stands in the text as written.
    pub(super) fn written(&self, at: usize) -> usize {
        let before = self.margins.partition_point(|margin| margin.read < at);
        let Some(margin) = before.checked_sub(1).map(|last| &self.margins[last]) else { return at };
        let within = at - margin.read;
        if within < margin.read_len {
            margin.written + within.min(margin.written_len)
        } else {
            margin.written + margin.written_len + (within - margin.read_len)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_lead_back_to_the_text_as_written() {
        let written = "a:\n\tb: 1\n\t\tc: 2\nd: 3\n";
        let mut mended = Mended::new(written);
        let second = written.find("\t\tc").expect("there");
        mended.apply(Cure::Margin(second, 6));
        mended.apply(Cure::Margin(3, 4));
        assert_eq!(mended.text(), "a:\n    b: 1\n      c: 2\nd: 3\n");
        for part in ["a:", "b: 1", "c: 2", "d: 3"] {
            let read = mended.text().find(part).expect("there");
            assert_eq!(Some(mended.written(read)), written.find(part), "{part}");
        }
        let end = mended.text().len();
        assert_eq!(mended.written(end), written.len());
        let all: Vec<_> = (0..=end).map(|at| mended.written(at)).collect();
        assert!(all.is_sorted(), "{all:?}");
    }
}
