//! Lines in order: what a list in `expect`, `await` or `collect` and what a `block` says.

use std::fmt;
use std::sync::Arc;

use super::{HoleType, Pattern};

/// Lines that come in this order. Never empty; every length is captured before it is needed.
#[derive(Clone, Debug)]
pub struct Sequence {
    items: Vec<Item>,
}

/// What `collect` says: lists by name, and what one element of each looks like.
pub type Lists = Vec<(Arc<str>, Sequence)>;

/// One place in a sequence.
#[derive(Clone, Debug)]
pub enum Item {
    /// This line.
    One(Pattern),
    /// One of these lines; the holes of the others are then missing.
    Any(Vec<Pattern>),
    /// These lines in order, once or more; what their `bytes` holes take is joined.
    Many(Vec<Pattern>),
}

impl Item {
    /// The patterns in it.
    pub fn patterns(&self) -> &[Pattern] {
        match self {
            Self::One(pattern) => std::slice::from_ref(pattern),
            Self::Any(patterns) | Self::Many(patterns) => patterns,
        }
    }
}

/// A list of patterns that cannot be used together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceError {
    /// Which item, from 0.
    pub item: usize,
    /// Which pattern of that item, from 0.
    pub pattern: usize,
    /// What is wrong with it.
    pub kind: SequenceErrorKind,
}

/// What is wrong with a list of patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceErrorKind {
    /// No patterns.
    Empty,
    /// An earlier item captures this name too.
    Twice(String),
    /// A `many` that does not begin with a line of its own, so that nothing shows where it begins again.
    Many,
    /// `bytes(n)` where no earlier `int` hole captures `n`.
    Length(String),
}

impl fmt::Display for SequenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            SequenceErrorKind::Empty => write!(f, "empty list of patterns"),
            SequenceErrorKind::Twice(name) => write!(f, "`{name}` is captured by two items of this list"),
            SequenceErrorKind::Many => write!(f, "a `many` begins with a `bytes` or `lines` hole"),
            SequenceErrorKind::Length(name) => {
                write!(f, "`{name}` is not an `int` hole in front of `bytes({name})`")
            }
        }
    }
}

impl std::error::Error for SequenceError {}

impl SequenceError {
    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        Some(match &self.kind {
            SequenceErrorKind::Empty => "write the lines that must come, in order".into(),
            SequenceErrorKind::Twice(_) => "rename one, or write `{}` for one that is not needed".into(),
            SequenceErrorKind::Many => "put the line in front that each round begins with".into(),
            SequenceErrorKind::Length(name) => {
                format!("write `{{{name}:int}}` in this item or an earlier one, where the length stands")
            }
        })
    }
}

impl Sequence {
    /// A sequence of `items`.
    ///
    /// # Errors
    ///
    /// The first item that does not fit those before it.
    pub fn new(items: Vec<Item>) -> Result<Self, SequenceError> {
        let fail = |item, pattern, kind| Err(SequenceError { item, pattern, kind });
        if items.is_empty() {
            return fail(0, 0, SequenceErrorKind::Empty);
        }
        let mut known: Vec<(&Arc<str>, &HoleType)> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if item.patterns().is_empty() {
                return fail(index, 0, SequenceErrorKind::Empty);
            }
            if matches!(item, Item::Many(_)) && begins_open(&item.patterns()[0]) {
                return fail(index, 0, SequenceErrorKind::Many);
            }
            let before = known.len();
            for (at, pattern) in item.patterns().iter().enumerate() {
                // Alternatives may share names: only one of them is there.
                let rivals = if matches!(item, Item::Any(_)) { &known[..before] } else { &known[..] };
                let lengths = pattern.open_lengths().find(|length| {
                    !rivals.iter().any(|(name, kind)| name == length && **kind == HoleType::Int)
                });
                if let Some(length) = lengths {
                    return fail(index, at, SequenceErrorKind::Length(length.to_string()));
                }
                let twice = pattern.names().iter().find(|name| rivals.iter().any(|(known, _)| known == name));
                if let Some(name) = twice {
                    return fail(index, at, SequenceErrorKind::Twice(name.to_string()));
                }
                known.extend(pattern.names().iter().zip(&pattern.0.types));
            }
        }
        Ok(Self { items })
    }

    /// A sequence of one line.
    ///
    /// # Errors
    ///
    /// If it counts bytes by a length that it does not capture itself.
    pub fn single(pattern: Pattern) -> Result<Self, SequenceError> {
        Self::new(vec![Item::One(pattern)])
    }

    /// Its items, at least one.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Every pattern in it, in order.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.items.iter().flat_map(Item::patterns)
    }

    /// What it captures, in order, each name once.
    pub fn names(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for name in self.patterns().flat_map(Pattern::names) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Whether any of it holds counted bytes.
    pub fn is_counted(&self) -> bool {
        self.patterns().any(Pattern::is_counted)
    }
}

/// Whether it takes whatever follows the line before it.
fn begins_open(pattern: &Pattern) -> bool {
    pattern.begins_with_bytes() || pattern.begins_with_lines()
}
