//! The fixed beginning of a segment, compared without a regex.

use super::parse::Node;

/// A fixed part of a line.
#[derive(Clone, Debug)]
pub(super) enum Fixed {
    Text(Box<[u8]>),
    /// One or more.
    Blanks,
    /// With any blanks around it, or only in front of it where counted bytes follow.
    Mark {
        byte: u8,
        eats_after: bool,
    },
}

pub(super) fn fix(node: &Node, eats_after: bool) -> Fixed {
    match node {
        Node::Text(text) => Fixed::Text(text.as_bytes().into()),
        Node::Mark(mark) => Fixed::Mark { byte: *mark as u8, eats_after },
        Node::Blanks(_) | Node::Hole(_) | Node::Option(_) => Fixed::Blanks,
    }
}

/// The last byte first: lines of one family begin alike.
pub(super) fn is_equal(found: &[u8], wanted: &[u8]) -> bool {
    found.last() == wanted.last() && found == wanted
}

pub(super) fn skip_blanks(text: &[u8], from: usize) -> usize {
    from + text[from..].iter().take_while(|&&byte| matches!(byte, b' ' | b'\t')).count()
}
