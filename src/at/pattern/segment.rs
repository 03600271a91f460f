//! Items of a pattern, compiled. A pattern without `bytes` holes is one segment; every `bytes` hole ends a
//! segment and begins the next, because counted bytes are cut by number and never looked at.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::Regex;

use super::error::{PatternError, PatternErrorKind as Kind};
use super::fields::{self, Field};
use super::head::Head;
use super::lazy_regex::Lazy;
use super::parse::{Hole, HoleType, Node};
use super::regex_source::Builder;
use super::slot::{Slot, has_long_number};
use super::{Capture, Captures, Same};

/// What stands between two `bytes` holes.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The fixed beginning, compared without a regex.
    head: Head,
    /// What follows it.
    tail: Tail,
    slots: Vec<Slot>,
    /// Whether matching the regex is not all there is to it.
    verified: Verified,
    /// Holes that take what is not UTF-8 as U+FFFD first, since a user's regex sees characters.
    characters: bool,
}

/// What follows the fixed beginning.
#[derive(Clone, Debug)]
enum Tail {
    Nothing,
    /// A single `rest` hole, the commonest of all: no regex is needed to take everything.
    Everything(Option<Arc<str>>),
    /// Holes with commas between them, as most answers have: at every byte there is only one way to go on.
    Fields(Box<[Field]>),
    /// For the whole of it.
    Regex(Lazy),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verified {
    /// The regex says it all.
    Never,
    /// Only when a number could leave 64 bits.
    Long,
    Always,
}

impl Verified {
    /// What the strictest of `slots` wants.
    fn of(slots: &[Slot]) -> Self {
        let wanted = slots.iter().map(|slot| match slot.kind {
            HoleType::Regex(_) | HoleType::Same => Self::Always,
            HoleType::Int | HoleType::Error | HoleType::Number => Self::Long,
            _ => Self::Never,
        });
        wanted.max().unwrap_or(Self::Never)
    }
}

impl Segment {
    /// Compiles `nodes`; `counted` says that counted bytes follow them.
    pub(super) fn new(nodes: &[Node], counted: bool) -> Result<Self, PatternError> {
        Self::with_tail(nodes, counted, |rest| match rest {
            [] => Some(Tail::Nothing),
            [Node::Hole(Hole { name, kind: HoleType::Rest | HoleType::Lines, .. })] => {
                Some(Tail::Everything(name.clone()))
            }
            _ if counted => None,
            rest => fields::of(rest).map(Tail::Fields),
        })
    }

    /// As [`Segment::new`], with a regex also where none is needed.
    #[cfg(test)]
    pub(super) fn with_regex(nodes: &[Node]) -> Result<Self, PatternError> {
        Self::with_tail(nodes, false, |_| None)
    }

    /// `simple` says what follows the fixed beginning where that needs no regex.
    fn with_tail(
        nodes: &[Node],
        counted: bool,
        simple: impl FnOnce(&[Node]) -> Option<Tail>,
    ) -> Result<Self, PatternError> {
        let (head, rest) = Head::split_off(nodes, counted);
        let (tail, slots) = match simple(rest) {
            Some(tail) => (tail, Vec::new()),
            None => regex_tail(rest, counted)?,
        };
        let characters = slots.iter().any(Slot::is_users);
        Ok(Self { head, tail, verified: Verified::of(&slots), slots, characters })
    }

    /// A whole-line regex with named groups.
    pub(super) fn regex(regex: Regex, names: &[Arc<str>]) -> Self {
        let slot = |name: &Arc<str>| Slot {
            name: Some(name.clone()),
            kind: HoleType::Rest,
            bare: group(&regex, name).unwrap_or(0),
            quoted: None,
            trimmed: false,
        };
        let slots = names.iter().map(slot).collect();
        let source = regex.as_str().into();
        Self {
            head: Head::default(),
            tail: Tail::Regex(Lazy { source, compiled: Some(regex).into() }),
            slots,
            verified: Verified::Never,
            characters: true,
        }
    }

    /// Whether it says nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty() && self.is_fixed()
    }

    /// Whether it is of one length: only fixed text.
    pub(super) fn is_fixed(&self) -> bool {
        matches!(self.tail, Tail::Nothing)
    }

    /// The text every match begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        self.head.prefix()
    }

    /// How far the fixed beginning of this segment reaches into `text`.
    pub(super) fn head_end(&self, text: &[u8]) -> Option<usize> {
        self.head.end(text)
    }

    /// Whether the whole of `text` matches.
    pub(super) fn is_match(&self, text: &[u8], same: Same<'_>) -> bool {
        let Some(at) = self.head_end(text) else { return false };
        let rest = &text[at..];
        let tail = match &self.tail {
            Tail::Nothing => return rest.is_empty(),
            Tail::Everything(_) => return true,
            Tail::Fields(fields) => return fields::take(fields, rest, None),
            Tail::Regex(tail) => tail,
        };
        match self.verified {
            Verified::Never => tail.is_match(&self.readable(rest)),
            Verified::Long if !has_long_number(rest) => tail.is_match(rest),
            Verified::Long | Verified::Always => self.captures_at(tail, rest, same, &mut Captures::default()),
        }
    }

    /// Appends what the holes captured, if the whole of `text` matches.
    pub(super) fn captures(&self, text: &[u8], same: Same<'_>, into: &mut Captures) -> bool {
        let Some(at) = self.head_end(text) else { return false };
        match &self.tail {
            Tail::Nothing => at == text.len(),
            Tail::Everything(name) => {
                let value = || Capture::Text(String::from_utf8_lossy(&text[at..]).into_owned());
                into.0.extend(name.clone().map(|name| (name, value())));
                true
            }
            Tail::Fields(fields) => {
                let before = into.0.len();
                let taken = fields::take(fields, &text[at..], Some(into));
                if !taken {
                    into.0.truncate(before);
                }
                taken
            }
            Tail::Regex(tail) => self.captures_at(tail, &text[at..], same, into),
        }
    }

    fn captures_at(&self, tail: &Lazy, text: &[u8], same: Same<'_>, into: &mut Captures) -> bool {
        if self.slots.is_empty() {
            return tail.is_match(text);
        }
        let Some(tail) = tail.regex() else { return false };
        let text = &*self.readable(text);
        let mut found = tail.capture_locations();
        if tail.captures_read(&mut found, text).is_none() {
            return false;
        }
        let before = into.0.len();
        for slot in &self.slots {
            let Some(value) = slot.value(text, &found, same) else {
                into.0.truncate(before);
                return false;
            };
            into.0.extend(slot.captures_as().map(|name| (name.clone(), value)));
        }
        true
    }

    fn readable<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        if !self.characters {
            return Cow::Borrowed(text);
        }
        match String::from_utf8_lossy(text) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(readable) => Cow::Owned(readable.into_bytes()),
        }
    }
}

/// What follows the fixed beginning, as a regex, and where it finds the holes.
fn regex_tail(nodes: &[Node], counted: bool) -> Result<(Tail, Vec<Slot>), PatternError> {
    let mut builder = Builder::default();
    builder.nodes(nodes, counted)?;
    let user = builder.slots.iter().any(Slot::is_users);
    let regex = Lazy::new(format!("^(?s-u:{})$", builder.regex), user)
        .map_err(|why| PatternError::new(place(nodes), Kind::Regex(why)))?;
    Ok((Tail::Regex(regex), builder.slots))
}

fn group(regex: &Regex, name: &str) -> Option<usize> {
    regex.capture_names().position(|known| known == Some(name))
}

/// The first hole, where what is wrong with the whole is shown.
fn place(nodes: &[Node]) -> std::ops::Range<usize> {
    let mut holes = Vec::new();
    super::parse::collect_holes(nodes, false, &mut holes);
    holes.first().map_or(0..0, |(hole, _)| hole.at.clone())
}
