//! Items of a pattern, compiled. A pattern without `bytes` holes is one segment; every `bytes` hole ends a
//! segment and begins the next, because counted bytes are cut by number and never looked at.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::Regex;

use super::error::{PatternError, PatternErrorKind as Kind};
use super::fields::{self, Field};
use super::head::{Fixed, fix, is_equal, skip_blanks};
use super::lazy_regex::Lazy;
use super::parse::{Hole, HoleType, Node};
use super::regex_source::Builder;
use super::slot::{Slot, has_long_number};
use super::{Capture, Captures, Same};

/// What stands between two `bytes` holes.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    /// The fixed beginning, compared without a regex.
    head: Vec<Fixed>,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// The regex says it all.
    Never,
    /// Only when a number could leave 64 bits.
    Long,
    Always,
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
        let fixed = nodes.iter().take_while(|node| !matches!(node, Node::Hole(_) | Node::Option(_))).count();
        let eats_after = |index: usize| !(counted && index + 1 == nodes.len());
        let head = nodes[..fixed].iter().enumerate().map(|(index, node)| fix(node, eats_after(index)));
        let head = head.collect();
        let rest = &nodes[fixed..];
        let (tail, slots) = if let Some(tail) = simple(rest) {
            (tail, Vec::new())
        } else {
            let mut builder = Builder::default();
            builder.nodes(rest, counted)?;
            let slots = builder.slots;
            let user = slots.iter().any(|slot| matches!(slot.kind, HoleType::Regex(_)));
            let regex = Lazy::new(format!("^(?s-u:{})$", builder.regex), user);
            (Tail::Regex(regex.map_err(|why| PatternError::new(place(rest), Kind::Regex(why)))?), slots)
        };
        let verified = slots.iter().map(|slot| match slot.kind {
            HoleType::Regex(_) | HoleType::Same => Verified::Always,
            HoleType::Int | HoleType::Error | HoleType::Number => Verified::Long,
            _ => Verified::Never,
        });
        let verified = verified.max_by_key(|&verified| verified as u8).unwrap_or(Verified::Never);
        let characters = slots.iter().any(|slot| matches!(slot.kind, HoleType::Regex(_)));
        Ok(Self { head, tail, slots, verified, characters })
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
            head: Vec::new(),
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
        match self.head.first() {
            Some(Fixed::Text(text)) => text,
            Some(Fixed::Mark { .. } | Fixed::Blanks) | None => &[],
        }
    }

    /// How far the fixed beginning of this segment reaches into `text`, with letters compared by `same`.
    pub(super) fn head_end(&self, text: &[u8], same: impl Fn(&[u8], &[u8]) -> bool) -> Option<usize> {
        let mut at = 0;
        for fixed in &self.head {
            match fixed {
                Fixed::Text(wanted) => {
                    let end = at + wanted.len();
                    if !text.get(at..end).is_some_and(|found| same(found, wanted)) {
                        return None;
                    }
                    at = end;
                }
                Fixed::Blanks => {
                    let start = at;
                    at = skip_blanks(text, at);
                    if at == start {
                        return None;
                    }
                }
                Fixed::Mark { byte, eats_after } => {
                    at = skip_blanks(text, at);
                    if text.get(at) != Some(byte) {
                        return None;
                    }
                    at += 1;
                    if *eats_after {
                        at = skip_blanks(text, at);
                    }
                }
            }
        }
        Some(at)
    }

    /// Whether the whole of `text` matches.
    pub(super) fn is_match(&self, text: &[u8], same: Same<'_>) -> bool {
        let Some(at) = self.head_end(text, is_equal) else { return false };
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
        let Some(at) = self.head_end(text, is_equal) else { return false };
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
            let piece = |group: usize| found.get(group).map(|(from, to)| &text[from..to]);
            let (piece, in_quotes) = match slot.quoted.and_then(piece) {
                Some(piece) => (Some(piece), true),
                None => (piece(slot.bare), false),
            };
            let piece = if slot.trimmed && !in_quotes { piece.map(super::trim_end) } else { piece };
            let Some(value) = slot.value(piece, in_quotes, same) else {
                into.0.truncate(before);
                return false;
            };
            if let (Some(name), false) = (&slot.name, slot.kind == HoleType::Same) {
                into.0.push((name.clone(), value));
            }
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

fn group(regex: &Regex, name: &str) -> Option<usize> {
    regex.capture_names().position(|known| known == Some(name))
}

/// The first hole, where what is wrong with the whole is shown.
fn place(nodes: &[Node]) -> std::ops::Range<usize> {
    let mut holes = Vec::new();
    super::parse::collect_holes(nodes, false, &mut holes);
    holes.first().map_or(0..0, |(hole, _)| hole.at.clone())
}
