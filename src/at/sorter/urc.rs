//! The dialect's unsolicited result codes, found by the first byte of a line.

use super::Class;
use crate::at::dialect::{Dialect, Urcs};
use crate::at::pattern::{Captures, Item, Pattern, Sequence, Start, number};

/// What a known line means: its class and its place in the dialect's list of that class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) class: Class,
    pub(super) index: usize,
    /// Which of the alternatives a message begins with.
    pub(super) pattern: usize,
}

/// For each first byte the patterns that a line beginning with it could match, in the dialect's order.
#[derive(Debug)]
pub(super) struct UrcIndex {
    buckets: Vec<Vec<(Start, Known)>>,
    /// What lines with counted bytes begin with.
    headers: Vec<Box<[u8]>>,
}

impl UrcIndex {
    pub(super) fn new(dialect: &Dialect) -> Self {
        let mut buckets = vec![Vec::new(); 256];
        for (known, pattern) in all(&dialect.urc) {
            // Counted lines come as frames. A pattern without text would take every line.
            if pattern.is_counted() || !pattern.has_own_text() {
                continue;
            }
            let entry = (Start::of(pattern.prefix()), known);
            match pattern.prefix().first() {
                Some(&first) => buckets[usize::from(first)].push(entry),
                None => buckets.iter_mut().for_each(|bucket| bucket.push(entry)),
            }
        }
        let first = dialect.urc.message.iter().flat_map(first_patterns);
        let headers = first.filter(|pattern| pattern.is_counted()).map(|pattern| pattern.prefix().into());
        Self { buckets, headers: headers.collect() }
    }

    /// The first pattern that takes `line`.
    pub(super) fn find(&self, dialect: &Dialect, line: &[u8]) -> Option<Known> {
        let bucket = &self.buckets[usize::from(*line.first()?)];
        let start = number(line);
        let mut likely = bucket.iter().filter(|(wanted, _)| wanted.fits(start));
        let takes = |known: Known| known.of(dialect).is_some_and(|pattern| pattern.is_match(line, &[]));
        likely.find(|&&(_, known)| takes(known)).map(|&(_, known)| known)
    }

    /// Whether `line` says that the session is gone.
    pub(super) fn means_closed(&self, dialect: &Dialect, line: &[u8]) -> bool {
        self.find(dialect, line).is_some_and(|known| known.class == Class::Closed)
    }

    /// Whether a message with counted bytes could begin as `line` does.
    pub(super) fn may_be_header(&self, line: &[u8]) -> bool {
        self.headers.iter().any(|header| line.starts_with(header))
    }
}

impl Known {
    /// The pattern.
    pub(super) fn of(self, dialect: &Dialect) -> Option<&Pattern> {
        let urc = &dialect.urc;
        match self.class {
            Class::Closed => urc.closed.get(self.index),
            Class::Reboot => urc.reboot.get(self.index),
            Class::Notice => urc.notice.get(self.index),
            Class::Message => first_patterns(urc.message.get(self.index)?).get(self.pattern),
            _ => urc.other.get(self.index),
        }
    }

    pub(super) fn captures(self, dialect: &Dialect, line: &[u8]) -> Captures {
        self.of(dialect).and_then(|pattern| pattern.match_line(line, &[])).unwrap_or_default()
    }
}

/// What a sequence may begin with.
pub(super) fn first_patterns(sequence: &Sequence) -> &[Pattern] {
    match &sequence.items()[0] {
        Item::Many(patterns) => &patterns[..1],
        item => item.patterns(),
    }
}

fn all(urc: &Urcs) -> impl Iterator<Item = (Known, &Pattern)> {
    fn plain(class: Class, list: &[Pattern]) -> impl Iterator<Item = (Known, &Pattern)> {
        list.iter().enumerate().map(move |(index, found)| (Known { class, index, pattern: 0 }, found))
    }
    let message = urc.message.iter().enumerate().flat_map(|(index, sequence)| {
        let of = move |(pattern, found)| (Known { class: Class::Message, index, pattern }, found);
        first_patterns(sequence).iter().enumerate().map(of)
    });
    plain(Class::Closed, &urc.closed)
        .chain(plain(Class::Reboot, &urc.reboot))
        .chain(plain(Class::Notice, &urc.notice))
        .chain(message)
        .chain(plain(Class::Other, &urc.other))
}
