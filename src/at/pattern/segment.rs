//! Items of a pattern, compiled. A pattern without `bytes` holes is one segment; every `bytes` hole ends a
//! segment and begins the next, because counted bytes are cut by number and never looked at.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use regex::bytes::{Regex, RegexBuilder};

use super::error::{PatternError, PatternErrorKind as Kind};
use super::fields::{self, Field};
use super::parse::{Hole, HoleType, Node};
use super::{Capture, Captures, Same};

/// A regex in a pattern may not compile to more than this. From experience: the longest dialect pattern
/// needs a hundredth of it.
const REGEX_BYTES: usize = 1 << 20;

/// A regex of ours with a shorter source cannot exceed [`REGEX_BYTES`]: a byte of it makes some ten states.
const SURE_SOURCE_BYTES: usize = 2048;

/// Integers with fewer digits than this always fit 64 bits.
const SAFE_DIGITS: usize = 19;

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

/// A regex that is compiled when it is first asked for: most patterns of a dialect never meet a line that
/// begins as they do, and compiling is what a short run would spend most of its time on.
#[derive(Clone)]
struct Lazy {
    source: String,
    /// `None` inside: it does not compile, which is said while the pattern is loaded.
    compiled: OnceLock<Option<Regex>>,
}

/// The same before and after it is compiled.
impl std::fmt::Debug for Lazy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lazy").field(&self.source).finish()
    }
}

impl Lazy {
    /// Of our own making, but for holes with a `user`'s regex in them, which were looked at.
    fn new(source: String, user: bool) -> Result<Self, String> {
        let compiled = OnceLock::new();
        if user || source.len() > SURE_SOURCE_BYTES {
            let _ = compiled.set(Some(compile(&source)?));
        }
        Ok(Self { source, compiled })
    }

    fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }

    fn is_match(&self, text: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// The regex says it all.
    Never,
    /// Only when a number could leave 64 bits.
    Long,
    Always,
}

/// A fixed part of a line.
#[derive(Clone, Debug)]
enum Fixed {
    Text(Box<[u8]>),
    /// One or more.
    Blanks,
    /// With any blanks around it, or only in front of it where counted bytes follow.
    Mark {
        byte: u8,
        eats_after: bool,
    },
}

/// Where the text of a hole is found.
#[derive(Clone, Debug)]
struct Slot {
    name: Option<Arc<str>>,
    kind: HoleType,
    bare: usize,
    quoted: Option<usize>,
    /// Blanks at its end belong to the comma behind it.
    trimmed: bool,
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

impl Slot {
    /// The value of this hole, or `None` if its text does not do after all.
    fn value(&self, piece: Option<&[u8]>, in_quotes: bool, same: Same<'_>) -> Option<Capture> {
        let Some(piece) = piece else { return Some(Capture::Missing) };
        let text = || String::from_utf8_lossy(piece);
        Some(match self.kind {
            HoleType::Int | HoleType::Error => Capture::Int(text().parse().ok()?),
            HoleType::Number => Capture::Float(text().parse().ok().filter(|value: &f64| value.is_finite())?),
            // A regex cannot be told to stay inside a field, so its match is looked at afterwards.
            HoleType::Regex(_) if piece.contains(&b'"') || (!in_quotes && piece.contains(&b',')) => {
                return None;
            }
            HoleType::Same => {
                let name = self.name.as_deref()?;
                let (_, wanted) = same.iter().find(|(variable, _)| **variable == *name)?;
                return (text() == wanted.as_str()).then_some(Capture::Missing);
            }
            _ => Capture::Text(text().into_owned()),
        })
    }
}

/// The last byte first: lines of one family begin alike.
fn is_equal(found: &[u8], wanted: &[u8]) -> bool {
    found.last() == wanted.last() && found == wanted
}

/// Whether `text` holds as many digits in a row as no longer fit 64 bits for certain.
fn has_long_number(text: &[u8]) -> bool {
    text.len() >= SAFE_DIGITS
        && text.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= SAFE_DIGITS)
}

pub(super) fn skip_blanks(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count()
}

fn fix(node: &Node, eats_after: bool) -> Fixed {
    match node {
        Node::Text(text) => Fixed::Text(text.as_bytes().into()),
        Node::Mark(mark) => Fixed::Mark { byte: *mark as u8, eats_after },
        Node::Blanks(_) | Node::Hole(_) | Node::Option(_) => Fixed::Blanks,
    }
}

/// Nodes to regex source.
#[derive(Default)]
struct Builder {
    regex: String,
    slots: Vec<Slot>,
    /// Groups so far.
    groups: usize,
}

impl Builder {
    fn nodes(&mut self, nodes: &[Node], counted: bool) -> Result<(), PatternError> {
        for (index, node) in nodes.iter().enumerate() {
            let last = index + 1 == nodes.len();
            match node {
                Node::Text(text) => self.regex.push_str(&regex::escape(text)),
                Node::Blanks(_) => self.regex.push_str("[ \\t]+"),
                Node::Mark(mark) => {
                    let before = if index > 0 && ends_at_comma(nodes, index - 1) { "" } else { "[ \\t]*" };
                    let after = if counted && last { "" } else { "[ \\t]*" };
                    self.regex.extend([before, mark.encode_utf8(&mut [0; 4]), after]);
                }
                Node::Option(inner) => {
                    self.regex.push_str("(?:");
                    self.nodes(inner, false)?;
                    self.regex.push_str(")?");
                }
                Node::Hole(hole) if ends_at_comma(nodes, index) => {
                    let behind_mark = index > 0 && matches!(nodes[index - 1], Node::Mark(_));
                    self.field_before_comma(hole, behind_mark);
                }
                Node::Hole(hole) => self.hole(hole)?,
            }
        }
        Ok(())
    }

    fn hole(&mut self, hole: &Hole) -> Result<(), PatternError> {
        let mut groups = 0;
        let (body, quotable) = match &hole.kind {
            HoleType::Field | HoleType::Same => ("[^,\"]*?".into(), true),
            HoleType::Int | HoleType::Error => ("[+-]?[0-9]+?".into(), true),
            HoleType::Number => ("[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)".into(), true),
            HoleType::Digits => ("[0-9]+?".into(), true),
            HoleType::Hex => ("[0-9A-Fa-f]+?".into(), true),
            HoleType::Ipv4 => (ipv4(), true),
            HoleType::Rest | HoleType::Lines => (".*?".into(), false),
            HoleType::Bytes(_) => return Ok(()),
            HoleType::Regex(source) => {
                groups = check_regex(source, hole)?;
                (format!("(?u-s:{source})"), true)
            }
        };
        let inside = if matches!(hole.kind, HoleType::Field | HoleType::Same) { "[^\"]*" } else { &body };
        let keep = hole.name.is_some()
            || matches!(hole.kind, HoleType::Int | HoleType::Number | HoleType::Error | HoleType::Regex(_));
        let piece = match (keep, quotable) {
            (true, true) => format!("(?:\"({inside})\"|({body}))"),
            (true, false) => format!("({body})"),
            (false, true) => format!("(?:\"{inside}\"|{body})"),
            (false, false) => body,
        };
        self.regex.push_str(&piece);
        if keep {
            self.keep(hole, quotable, false, groups);
        }
        Ok(())
    }

    /// A field up to a comma: the same as any field, but written so that at every byte there is only one way
    /// to go on, which lets the regex engine capture in one pass. Blanks at its end are trimmed afterwards.
    fn field_before_comma(&mut self, hole: &Hole, behind_mark: bool) {
        let bare = if behind_mark { "(?:[^,\" \\t][^,\"]*)?" } else { "[^,\"]*" };
        let piece = if hole.name.is_some() {
            format!("(?:\"([^\"]*)\"[ \\t]*|({bare}))")
        } else {
            format!("(?:\"[^\"]*\"[ \\t]*|{bare})")
        };
        self.regex.push_str(&piece);
        if hole.name.is_some() {
            self.keep(hole, true, true, 0);
        }
    }

    /// Notes where the text of a hole will be found: its group in quotes, if it may be quoted, then its bare
    /// one, each with `inner` groups of a user's regex in it.
    fn keep(&mut self, hole: &Hole, quotable: bool, trimmed: bool, inner: usize) {
        let mut next = || {
            let group = self.groups + 1;
            self.groups += 1 + inner;
            group
        };
        let quoted = quotable.then(&mut next);
        let bare = next();
        self.slots.push(Slot { name: hole.name.clone(), kind: hole.kind.clone(), bare, quoted, trimmed });
    }
}

/// Whether the node at `index` is a field with a comma behind it.
fn ends_at_comma(nodes: &[Node], index: usize) -> bool {
    let field = |hole: &Hole| matches!(hole.kind, HoleType::Field | HoleType::Same);
    matches!(&nodes[index..], [Node::Hole(hole), Node::Mark(','), ..] if field(hole))
}

fn group(regex: &Regex, name: &str) -> Option<usize> {
    regex.capture_names().position(|known| known == Some(name))
}

/// Four numbers from 0 to 255.
fn ipv4() -> String {
    let number = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    format!("{number}\\.{number}\\.{number}\\.{number}")
}

/// On its own first, so that it cannot close a bracket of ours. Named groups would be lost in a hole.
/// Returns how many groups it has.
fn check_regex(source: &str, hole: &Hole) -> Result<usize, PatternError> {
    let fail = |why: &str| Err(PatternError::new(hole.at.clone(), Kind::Regex(why.into())));
    match compile(source) {
        Err(why) => fail(&why),
        Ok(regex) if regex.capture_names().flatten().next().is_some() => fail("a hole has no named groups"),
        Ok(regex) => Ok(regex.captures_len() - 1),
    }
}

/// The first hole, where what is wrong with the whole is shown.
fn place(nodes: &[Node]) -> std::ops::Range<usize> {
    let mut holes = Vec::new();
    super::parse::collect_holes(nodes, false, &mut holes);
    holes.first().map_or(0..0, |(hole, _)| hole.at.clone())
}

/// Compiles with our limits; the error is one line.
pub(super) fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(REGEX_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".into(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or("it does not parse");
            last.trim_start_matches("error:").trim().into()
        }
    })
}
