//! How far a sequence has got: which of its lines may come next, and what those that came captured.

use std::sync::Arc;

use crate::at::pattern::{Capture, Captures, Item, Pattern, Same, Sequence};

/// A place in a sequence that has not ended yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    item: usize,
    /// Within a `many` item.
    inner: usize,
    /// How often that `many` item was complete.
    rounds: usize,
    lines: Lines,
}

/// Whether a `lines` hole is taking lines.
#[derive(Clone, Debug, Default)]
enum Lines {
    #[default]
    Closed,
    /// Their text is not kept.
    Skipped,
    /// Their text is captured under this name.
    Kept(Arc<str>),
}

impl Lines {
    fn after(pattern: &Pattern) -> Self {
        match pattern.lines_name() {
            Some(name) => Self::Kept(name.clone()),
            None if pattern.ends_with_lines() => Self::Skipped,
            None => Self::Closed,
        }
    }
}

/// Which pattern of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) item: usize,
    pub(super) pattern: usize,
}

/// What kind of line is offered, and so which patterns may take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// To patterns with text of their own.
    Line,
    /// To patterns that would take almost any line.
    Bare,
    /// To either.
    Any,
    /// A frame that is over: to patterns with counted bytes.
    Framed,
}

impl Shape {
    pub(super) fn fits(self, pattern: &Pattern) -> bool {
        match self {
            Self::Line => !pattern.is_counted() && pattern.has_own_text(),
            Self::Bare => !pattern.is_counted() && !pattern.has_own_text(),
            Self::Any => !pattern.is_counted(),
            Self::Framed => pattern.is_counted() && !pattern.begins_with_bytes(),
        }
    }
}

impl Place {
    pub(super) fn pattern(self, sequence: &Sequence) -> Option<&Pattern> {
        sequence.items().get(self.item)?.patterns().get(self.pattern)
    }
}

impl Cursor {
    /// The first pattern that has not had its line yet, as it is written.
    pub(super) fn missing(&self, sequence: &Sequence) -> Option<String> {
        let item = sequence.items().get(self.item)?;
        item.patterns()
            .get(self.inner)
            .or(item.patterns().first())
            .map(|pattern| pattern.source().to_string())
    }

    /// Every item came. A `many` item at the end may still go on.
    pub(super) fn is_complete(&self, sequence: &Sequence) -> bool {
        let last = self.item + 1 == sequence.items().len();
        self.is_exhausted(sequence) || (last && self.inner == 0 && self.rounds > 0)
    }

    /// Nothing more can come, but for the rest of a `lines` hole.
    pub(super) fn is_exhausted(&self, sequence: &Sequence) -> bool {
        self.item >= sequence.items().len()
    }

    /// Whether anything came yet.
    pub(super) fn has_begun(&self) -> bool {
        self.item > 0 || self.inner > 0 || self.rounds > 0
    }

    /// Whether a `lines` hole is still taking lines.
    pub(super) fn in_lines(&self) -> bool {
        !matches!(self.lines, Lines::Closed)
    }

    /// The first pattern that may come next and for which `look` has an answer.
    pub(super) fn find<'s, R>(
        &self,
        sequence: &'s Sequence,
        mut look: impl FnMut(Place, &'s Pattern) -> Option<R>,
    ) -> Option<R> {
        let mut item = self.item;
        loop {
            let mut at = |pattern, found| look(Place { item, pattern }, found);
            match sequence.items().get(item)? {
                Item::One(pattern) => return at(0, pattern),
                Item::Any(patterns) => {
                    return patterns.iter().enumerate().find_map(|(index, pattern)| at(index, pattern));
                }
                Item::Many(patterns) => {
                    let inner = if item == self.item { self.inner } else { 0 };
                    let found = patterns.get(inner).and_then(|pattern| at(inner, pattern));
                    let may_end = item == self.item && inner == 0 && self.rounds > 0;
                    if found.is_some() || !may_end {
                        return found;
                    }
                }
            }
            item += 1;
        }
    }

    /// Takes `line` if it may come next. What it captures goes into `captures`.
    pub(super) fn take(
        &mut self,
        sequence: &Sequence,
        line: &[u8],
        shape: Shape,
        same: Same<'_>,
        captures: &mut Captures,
    ) -> bool {
        let found = self.find(sequence, |place, pattern| {
            let found = shape.fits(pattern).then(|| pattern.match_after(line, same, captures))??;
            Some((place, found))
        });
        let Some((place, found)) = found else { return false };
        self.accept(sequence, place, found, captures);
        true
    }

    /// Moves on behind `place`, which captured `found`.
    pub(super) fn accept(
        &mut self,
        sequence: &Sequence,
        place: Place,
        found: Captures,
        captures: &mut Captures,
    ) {
        if place.item != self.item {
            self.rounds = 0;
        }
        self.lines = Lines::Closed;
        let Some(item) = sequence.items().get(place.item) else { return };
        if let Item::Any(patterns) = item {
            for name in patterns.iter().flat_map(Pattern::names) {
                captures.put(name.clone(), Capture::Missing);
            }
        }
        if captures.0.is_empty() {
            // Within one pattern no name stands twice.
            captures.0 = found.0;
        } else {
            Self::join(item, found, captures);
        }
        match item {
            Item::Many(patterns) if place.pattern + 1 < patterns.len() => {
                (self.item, self.inner) = (place.item, place.pattern + 1);
            }
            Item::Many(_) => {
                (self.item, self.inner) = (place.item, 0);
                self.rounds += 1;
            }
            Item::One(_) | Item::Any(_) => (self.item, self.inner) = (place.item + 1, 0),
        }
        self.lines = place.pattern(sequence).map(Lines::after).unwrap_or_default();
        self.open_lines(sequence, captures);
    }

    /// Adds what was captured to what was before; the bytes of a `many` item are joined.
    fn join(item: &Item, found: Captures, captures: &mut Captures) {
        for (name, value) in found.0 {
            let before = captures.0.iter_mut().find(|(known, _)| *known == name).map(|(_, value)| value);
            match (item, before, value) {
                (Item::Many(_), Some(Capture::Bytes(before)), Capture::Bytes(piece)) => before.extend(piece),
                (_, _, value) => captures.put(name, value),
            }
        }
    }

    /// A `lines` hole that is an item of its own is open at once, so that it may also stay empty.
    fn open_lines(&mut self, sequence: &Sequence, captures: &mut Captures) {
        if let Some(Item::One(pattern)) = sequence.items().get(self.item)
            && self.has_begun()
            && pattern.begins_with_lines()
        {
            self.lines = Lines::after(pattern);
            if let Lines::Kept(name) = &self.lines {
                captures.put(name.clone(), Capture::Text(String::new()));
            }
            self.item += 1;
        }
    }

    /// Adds `line` to an open `lines` hole, with a line feed between lines. At most `limit` bytes are kept.
    pub(super) fn append(&mut self, line: &[u8], limit: usize, captures: &mut Captures) -> bool {
        if let Lines::Kept(name) = &self.lines {
            let mut text = match captures.get(name) {
                Some(Capture::Text(text)) => text.clone(),
                _ => String::new(),
            };
            if text.len() + line.len() >= limit {
                self.lines = Lines::Closed;
                return false;
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&String::from_utf8_lossy(line));
            captures.put(name.clone(), Capture::Text(text));
        }
        self.in_lines()
    }

    /// A final result ends every `lines` hole.
    pub(super) fn close_lines(&mut self) {
        self.lines = Lines::Closed;
    }
}
