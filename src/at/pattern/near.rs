//! Why a line that looks like the expected one did not match: the difference, and what to write.

use super::parse::{HoleType, Node};
use super::segment::Segment;
use super::{Pattern, trim_end};

impl Pattern {
    /// Explains why `line` does not match although it begins as the pattern does. `None` if it matches, or
    /// if it is another line altogether.
    pub fn near_miss(&self, line: &[u8]) -> Option<String> {
        let line = trim_end(line);
        let prefix = self.prefix();
        if prefix.is_empty() || self.is_counted() || self.is_match(line, &[]) {
            return None;
        }
        let found = line.get(..prefix.len()).filter(|found| found.eq_ignore_ascii_case(prefix))?;
        let shown = String::from_utf8_lossy(line);
        if found != prefix {
            let (found, wanted) = (String::from_utf8_lossy(found), String::from_utf8_lossy(prefix));
            return Some(format!("`{shown}` begins with `{found}`; write it so, in place of `{wanted}`"));
        }
        let wanted = Fields::of(&self.0.nodes);
        let seen = split_fields(line);
        for (field, nodes) in seen.iter().zip(&wanted.needed) {
            let segment = Segment::new(nodes, false).ok()?;
            if !segment.is_match(field, &[]) {
                return wrong_field(&shown, field, nodes, &segment);
            }
        }
        if wanted.open {
            return None;
        }
        let (least, most) = (wanted.needed.len(), wanted.needed.len() + wanted.optional);
        if seen.len() > most {
            return Some(format!(
                "`{shown}` has {}; write `[,{{:rest}}]`",
                fields(seen.len() - most, "more")
            ));
        }
        (seen.len() < least).then(|| {
            let missing = fields(least - seen.len(), "fewer");
            format!("`{shown}` has {missing}; put what may be missing in brackets: `[,{{x}}]`")
        })
    }
}

/// The top level of a pattern, cut at its commas.
struct Fields<'n> {
    needed: Vec<&'n [Node]>,
    /// How many more may come.
    optional: usize,
    /// Whether a hole takes commas too, so that fields cannot be counted.
    open: bool,
}

impl<'n> Fields<'n> {
    fn of(nodes: &'n [Node]) -> Self {
        let comma_first = |node: &Node| matches!(node, Node::Option(inner) if commas(inner) > 0);
        let needed_end = nodes.iter().position(comma_first).unwrap_or(nodes.len());
        let needed = nodes[..needed_end].split(|node| *node == Node::Mark(',')).collect();
        let mut holes = Vec::new();
        super::parse::collect_holes(nodes, false, &mut holes);
        let open = holes.iter().any(|(hole, _)| matches!(hole.kind, HoleType::Rest | HoleType::Lines));
        Self { needed, optional: commas(&nodes[needed_end..]), open }
    }
}

fn commas(nodes: &[Node]) -> usize {
    let count = |node: &Node| match node {
        Node::Mark(',') => 1,
        Node::Option(inner) => commas(inner),
        _ => 0,
    };
    nodes.iter().map(count).sum()
}

/// The hole is of another type, or the text is another one: then it is no near miss.
fn wrong_field(shown: &str, field: &[u8], nodes: &[Node], segment: &Segment) -> Option<String> {
    let start = segment.head_end(field)?;
    let Node::Hole(hole) = nodes.last()? else { return None };
    let found = String::from_utf8_lossy(&field[start..]);
    let wanted = match &hole.kind {
        HoleType::Int | HoleType::Error => "an integer of 64 bits",
        HoleType::Number => "a number",
        HoleType::Digits => "digits",
        HoleType::Hex => "hexadecimal digits",
        HoleType::Ipv4 => "an IPv4 address",
        HoleType::Regex(_) => "what the regex takes",
        _ => return None,
    };
    Some(format!("`{shown}`: `{found}` is not {wanted}; a hole without a type takes any field"))
}

fn fields(count: usize, how: &str) -> String {
    match count {
        1 => format!("one {how} field"),
        2 => format!("two {how} fields"),
        3 => format!("three {how} fields"),
        many => format!("{many} {how} fields"),
    }
}

/// `line` cut at commas outside quotes, without blanks around the pieces.
fn split_fields(line: &[u8]) -> Vec<&[u8]> {
    let mut quoted = false;
    line.split(|&byte| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    })
    .map(<[u8]>::trim_ascii)
    .collect()
}
