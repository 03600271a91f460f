//! The fixed beginning of a segment, compared without a regex.

use super::parse::Node;

/// Fixed parts of a line, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Head(Box<[Fixed]>);

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

impl Head {
    /// What `nodes` begin with, and the nodes behind that; `counted` says that counted bytes follow them all.
    pub(super) fn split_off(nodes: &[Node], counted: bool) -> (Self, &[Node]) {
        let count = nodes.iter().take_while(|node| !matches!(node, Node::Hole(_) | Node::Option(_))).count();
        let (fixed, rest) = nodes.split_at(count);
        let fix = |(index, node): (usize, &Node)| match node {
            Node::Text(text) => Fixed::Text(text.as_bytes().into()),
            Node::Mark(mark) => {
                Fixed::Mark { byte: *mark as u8, eats_after: !counted || index + 1 < nodes.len() }
            }
            Node::Blanks(_) | Node::Hole(_) | Node::Option(_) => Fixed::Blanks,
        };
        (Self(fixed.iter().enumerate().map(fix).collect()), rest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text every match begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        match self.0.first() {
            Some(Fixed::Text(text)) => text,
            Some(Fixed::Mark { .. } | Fixed::Blanks) | None => &[],
        }
    }

    /// How far it reaches into `text`, which begins with it.
    pub(super) fn end(&self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        for fixed in &self.0 {
            at = fixed.end(text, at)?;
        }
        Some(at)
    }
}

impl Fixed {
    /// Where it ends in `text`, if it stands there from `at` on.
    fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Self::Text(wanted) => {
                let end = at + wanted.len();
                text.get(at..end).is_some_and(|found| is_equal(found, wanted)).then_some(end)
            }
            Self::Blanks => {
                let end = skip_blanks(text, at);
                (end > at).then_some(end)
            }
            Self::Mark { byte, eats_after } => {
                let at = skip_blanks(text, at);
                let end = (text.get(at) == Some(byte)).then_some(at + 1)?;
                Some(if *eats_after { skip_blanks(text, end) } else { end })
            }
        }
    }
}

/// The last byte first: lines of one family begin alike.
fn is_equal(found: &[u8], wanted: &[u8]) -> bool {
    found.last() == wanted.last() && found == wanted
}

pub(super) fn skip_blanks(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(b' ' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}
