//! The pattern language: what a line looks like, with holes for what varies. `+CSQ: {rssi:int},{ber:int}`.
//!
//! ```text
//! pattern  = "/" regex "/" | { item }          matches one whole line, the blanks at its end left out
//! item     = text | hole | option              {{ }} [[ ]] are the characters themselves
//! option   = "[" { item } "]"                  may be missing
//! hole     = "{" [ name ] [ ":" type ] "}" | "{=" name "}"
//! type     = int | number | digits | hex | ipv4 | rest | lines | bytes(name) | error | "/" regex "/"
//! ```
//!
//! Blanks around `:` and `,` are elastic, except in front of counted bytes. A pattern is compiled once, to
//! fixed text and linear-time regexes; nothing a module sends can make it slow.

mod error;
mod fields;
mod head;
mod lazy_regex;
mod near;
mod parse;
mod regex_source;
mod segment;
mod sequence;
mod slot;
mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use error::{PatternError, PatternErrorKind};
pub use parse::HoleType;
pub use sequence::{Item, Lists, Sequence, SequenceError, SequenceErrorKind};
pub(in crate::at) use start::{Start, number};

use parse::Node;
use segment::Segment;

/// Variables that a `{=name}` hole compares with, as text.
pub type Same<'s> = &'s [(Arc<str>, String)];

/// What a line looks like. Compiled, immutable, cheap to share.
#[derive(Clone, Debug)]
pub struct Pattern(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    source: Arc<str>,
    nodes: Vec<Node>,
    /// One more than there are counted holes.
    segments: Vec<Segment>,
    counted: Vec<Counted>,
    names: Vec<Arc<str>>,
    types: Vec<HoleType>,
    same: Vec<Arc<str>>,
    own_text: bool,
    /// What every line that matches begins with.
    start: Start,
}

/// A `bytes` hole.
#[derive(Clone, Debug)]
struct Counted {
    name: Option<Arc<str>>,
    length: Arc<str>,
    /// The last byte of the fixed text in front of it. Only where this byte stands can its bytes begin, so
    /// that the pieces in which a line arrives make no difference.
    behind: Option<u8>,
}

/// The value of a hole.
#[derive(Clone, Debug, PartialEq)]
pub enum Capture {
    /// It stands in an option, or in an alternative, that was not there.
    Missing,
    /// Text; what was not UTF-8 is U+FFFD.
    Text(String),
    /// From `int` and `error` holes.
    Int(i64),
    /// From `number` holes; always finite.
    Float(f64),
    /// From `bytes` holes, untouched.
    Bytes(Vec<u8>),
}

/// What the holes of a line captured, in the order in which they stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captures(pub Vec<(Arc<str>, Capture)>);

impl Captures {
    /// The value captured under `name`; the last one if there are several.
    pub fn get(&self, name: &str) -> Option<&Capture> {
        self.0.iter().rev().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    /// The integer captured under `name`.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Capture::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// Captures `value` as `name`, in place of an earlier value.
    pub(super) fn put(&mut self, name: Arc<str>, value: Capture) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }
}

/// Whether a hole, var, param or flow may have this name, so that expressions can use it.
pub fn is_name(name: &str) -> bool {
    parse::check_name(name, 0..0).is_ok()
}

/// More mistakes of one pattern are not told.
const MOST_ERRORS: usize = 8;

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it, and where.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let trimmed = source.trim();
        if trimmed.is_empty() {
            return Err(PatternError::new(0..source.len(), PatternErrorKind::Empty));
        }
        if let Some(regex) = trimmed.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            return Self::whole_line(source, regex);
        }
        Self::from_nodes(source, parse::parse(source)?)
    }

    /// All that is wrong with `source`, if it cannot be compiled. What was found is looked past.
    pub fn errors(source: &str) -> Vec<PatternError> {
        let mut text = source.to_owned();
        let mut found: Vec<PatternError> = Vec::new();
        while found.len() < MOST_ERRORS
            && let Err(error) = Self::parse(&text)
        {
            let Some(part) = error.part(&text) else {
                found.push(error);
                break;
            };
            text.replace_range(part.clone(), &"x".repeat(part.len()));
            // The hole that it needs may be one that was wrong.
            if found.is_empty() || !matches!(error.kind, PatternErrorKind::Length(_)) {
                found.push(error);
            }
        }
        found
    }

    fn whole_line(source: &str, regex: &str) -> Result<Self, PatternError> {
        let at = source.find('/').map_or(0, |slash| slash + 1);
        let at = at..at + regex.len();
        let fail = |why| PatternError::new(at.clone(), PatternErrorKind::Regex(why));
        let alone = lazy_regex::compile(regex).map_err(fail)?;
        let compiled = lazy_regex::compile(&format!("^(?:{regex})$")).map_err(fail)?;
        let names: Vec<Arc<str>> = alone.capture_names().flatten().map(Arc::from).collect();
        for name in &names {
            parse::check_name(name, at.clone())?;
        }
        let types = names.iter().map(|_| HoleType::Rest).collect();
        let segments = vec![Segment::regex(compiled, &names)];
        let counted = Vec::new();
        Ok(Self(Arc::new(Compiled {
            source: source.into(),
            nodes: Vec::new(),
            segments,
            counted,
            names,
            types,
            same: Vec::new(),
            own_text: true,
            start: Start::default(),
        })))
    }

    fn from_nodes(source: &str, nodes: Vec<Node>) -> Result<Self, PatternError> {
        let mut segments = Vec::new();
        let mut counted = Vec::new();
        let mut from = 0;
        for (index, node) in nodes.iter().enumerate() {
            let Node::Hole(hole) = node else { continue };
            let HoleType::Bytes(length) = &hole.kind else { continue };
            let before = &nodes[from..index];
            segments.push(Segment::new(before, true)?);
            let behind = match before.last() {
                Some(Node::Text(text)) => text.bytes().last(),
                Some(Node::Mark(mark)) => Some(*mark as u8),
                _ => None,
            };
            counted.push(Counted { name: hole.name.clone(), length: length.clone(), behind });
            from = index + 1;
        }
        segments.push(Segment::new(&nodes[from..], false)?);
        let mut holes = Vec::new();
        parse::collect_holes(&nodes, false, &mut holes);
        let (same, kept): (Vec<_>, Vec<_>) =
            holes.into_iter().map(|(hole, _)| hole).partition(|hole| hole.kind == HoleType::Same);
        let same = same.into_iter().filter_map(|hole| hole.name.clone()).collect();
        let captured = kept.into_iter().filter_map(|hole| Some((hole.name.clone()?, hole.kind.clone())));
        let (names, types) = captured.unzip();
        let own_text = nodes.iter().any(is_own);
        let start = Start::of(segments[0].prefix());
        let source = source.into();
        Ok(Self(Arc::new(Compiled { source, nodes, segments, counted, names, types, same, own_text, start })))
    }

    /// As the author wrote it.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it captures, in order.
    pub fn names(&self) -> &[Arc<str>] {
        &self.0.names
    }

    /// The type of the hole that captures `name`.
    pub fn hole_type(&self, name: &str) -> Option<&HoleType> {
        self.0.names.iter().position(|known| **known == *name).map(|index| &self.0.types[index])
    }

    /// The variables that its `{=name}` holes compare with.
    pub fn same_names(&self) -> &[Arc<str>] {
        &self.0.same
    }

    /// The name of its `error` hole: the family of the error it makes, as in `cme 10`.
    pub fn error_family(&self) -> Option<&Arc<str>> {
        self.0.types.iter().position(|kind| *kind == HoleType::Error).map(|index| &self.0.names[index])
    }

    /// Whether it has text of its own, so that it cannot take just any line.
    pub fn has_own_text(&self) -> bool {
        self.0.own_text
    }

    /// Whether it is a whole-line regex.
    pub fn is_regex(&self) -> bool {
        self.0.nodes.is_empty()
    }

    /// Whether it holds counted bytes.
    pub fn is_counted(&self) -> bool {
        !self.0.counted.is_empty()
    }

    /// Whether counted bytes are the first thing in it: they follow the previous line's end directly.
    pub fn begins_with_bytes(&self) -> bool {
        self.is_counted() && self.0.segments[0].is_empty()
    }

    /// Whether it ends with a `rest` hole, so that it takes whatever follows its text.
    pub(in crate::at) fn ends_with_rest(&self) -> bool {
        matches!(self.0.nodes.last(), Some(Node::Hole(hole)) if hole.kind == HoleType::Rest)
    }

    /// Whether a `lines` hole ends it.
    pub(super) fn ends_with_lines(&self) -> bool {
        matches!(self.0.nodes.last(), Some(Node::Hole(hole)) if hole.kind == HoleType::Lines)
    }

    /// The name of the `lines` hole that ends it.
    pub(super) fn lines_name(&self) -> Option<&Arc<str>> {
        self.0.types.iter().position(|kind| *kind == HoleType::Lines).map(|index| &self.0.names[index])
    }

    /// Whether a `lines` hole is all there is of it.
    pub(super) fn begins_with_lines(&self) -> bool {
        self.0.nodes.len() == 1 && self.ends_with_lines()
    }

    /// The text every line that matches begins with; may be empty.
    pub fn prefix(&self) -> &[u8] {
        self.0.segments[0].prefix()
    }

    /// Lengths that no hole of this pattern captures: an earlier item of its sequence must.
    pub(super) fn open_lengths(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.counted.iter().map(|hole| &hole.length).filter(|length| !self.0.names.contains(length))
    }

    /// Whether `line` matches, without building captures.
    pub fn is_match(&self, line: &[u8], same: Same<'_>) -> bool {
        self.may_match(line) && self.matches(line, same)
    }

    /// Whether `line` begins with the right bytes.
    fn may_match(&self, line: &[u8]) -> bool {
        self.0.start.fits(number(line))
    }

    fn matches(&self, line: &[u8], same: Same<'_>) -> bool {
        match self.0.segments.as_slice() {
            [only] => only.is_match(trim_end(line), same),
            _ => self.match_line(line, same).is_some(),
        }
    }

    /// What the holes captured, if `line` matches. `same` holds the variables of `{=name}` holes.
    pub fn match_line(&self, line: &[u8], same: Same<'_>) -> Option<Captures> {
        self.match_after(line, same, &Captures::default())
    }

    /// Like [`Pattern::match_line`], with lengths that `earlier` items captured.
    pub(super) fn match_after(&self, line: &[u8], same: Same<'_>, earlier: &Captures) -> Option<Captures> {
        if !self.may_match(line) {
            return None;
        }
        let mut captures = Captures::default();
        let mut rest = line;
        for (index, hole) in self.0.counted.iter().enumerate() {
            let end = self.header_end(index, rest, same, &mut captures)?;
            let length = captures.int(&hole.length).or_else(|| earlier.int(&hole.length))?;
            let length = usize::try_from(length).ok()?;
            let bytes = rest.get(end..end.checked_add(length)?)?;
            captures.0.extend(hole.name.clone().map(|name| (name, Capture::Bytes(bytes.to_vec()))));
            rest = &rest[end + length..];
        }
        self.0.segments.last()?.captures(trim_end(rest), same, &mut captures).then_some(captures)
    }

    /// The first place in `text` where the segment in front of counted hole `index` ends.
    fn header_end(&self, index: usize, text: &[u8], same: Same<'_>, into: &mut Captures) -> Option<usize> {
        let Some(behind) = self.0.counted[index].behind else { return Some(0) };
        memchr::memchr_iter(behind, text)
            .map(|at| at + 1)
            .find(|&end| self.segment_captures(index, &text[..end], same, into))
    }

    /// Whether segment `index` matches the whole of `text`; appends its captures.
    pub(super) fn segment_captures(
        &self,
        index: usize,
        text: &[u8],
        same: Same<'_>,
        into: &mut Captures,
    ) -> bool {
        self.0.segments[index].captures(text, same, into)
    }

    /// How many `bytes` holes there are; the segment behind the last of them has this index.
    pub(super) fn counted_holes(&self) -> usize {
        self.0.counted.len()
    }

    /// Name and length of counted hole `index`, and the byte that stands in front of it.
    pub(super) fn counted_hole(&self, index: usize) -> (Option<&Arc<str>>, &Arc<str>, Option<u8>) {
        let hole = &self.0.counted[index];
        (hole.name.as_ref(), &hole.length, hole.behind)
    }

    /// Whether segment `index` is fixed text.
    pub(super) fn segment_is_fixed(&self, index: usize) -> bool {
        self.0.segments[index].is_fixed()
    }

    /// Whether nothing at all follows the last counted hole.
    pub(super) fn ends_with_bytes(&self) -> bool {
        self.is_counted() && self.0.segments.last().is_some_and(Segment::is_empty)
    }
}

/// Whether a line must hold something that this item says.
fn is_own(node: &Node) -> bool {
    match node {
        Node::Text(text) => !text.trim().is_empty(),
        Node::Hole(hole) => hole.kind == HoleType::Same,
        Node::Blanks(_) | Node::Mark(_) | Node::Option(_) => false,
    }
}

/// `line` without the blanks at its end.
pub(super) fn trim_end(line: &[u8]) -> &[u8] {
    let blanks = line.iter().rev().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count();
    &line[..line.len() - blanks]
}
