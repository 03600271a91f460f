//! Items of a pattern as the source of a regex, and where in it the text of each hole will be found.

use super::error::{PatternError, PatternErrorKind as Kind};
use super::lazy_regex::compile;
use super::parse::{Hole, HoleType, Node};
use super::slot::Slot;

/// Nodes to regex source.
#[derive(Default)]
pub(super) struct Builder {
    pub(super) regex: String,
    pub(super) slots: Vec<Slot>,
    /// Groups so far.
    groups: usize,
}

impl Builder {
    pub(super) fn nodes(&mut self, nodes: &[Node], counted: bool) -> Result<(), PatternError> {
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
        let Some(body) = body(&hole.kind) else { return Ok(()) };
        let groups = match &hole.kind {
            HoleType::Regex(source) => check_regex(source, hole)?,
            _ => 0,
        };
        let inside = if is_field(hole) { "[^\"]*" } else { &body };
        let quotable = !matches!(hole.kind, HoleType::Rest | HoleType::Lines);
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

/// What a hole of this type takes where it does not stand in quotes; `None` for counted bytes, which no regex
/// looks at.
fn body(kind: &HoleType) -> Option<String> {
    Some(match kind {
        HoleType::Field | HoleType::Same => "[^,\"]*?".into(),
        HoleType::Int | HoleType::Error => "[+-]?[0-9]+?".into(),
        HoleType::Number => "[+-]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)".into(),
        HoleType::Digits => "[0-9]+?".into(),
        HoleType::Hex => "[0-9A-Fa-f]+?".into(),
        HoleType::Ipv4 => ipv4(),
        HoleType::Rest | HoleType::Lines => ".*?".into(),
        HoleType::Regex(source) => format!("(?u-s:{source})"),
        HoleType::Bytes(_) => return None,
    })
}

fn is_field(hole: &Hole) -> bool {
    matches!(hole.kind, HoleType::Field | HoleType::Same)
}

/// Whether the node at `index` is a field with a comma behind it.
fn ends_at_comma(nodes: &[Node], index: usize) -> bool {
    matches!(&nodes[index..], [Node::Hole(hole), Node::Mark(','), ..] if is_field(hole))
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
