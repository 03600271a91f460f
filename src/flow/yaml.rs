//! YAML text → a tree in which everything knows its place.
//!
//! Built from the events of `granit-parser`, the parser under `serde-saphyr`: it keeps the style of every
//! scalar, comments and byte positions, has no unsafe code and does not panic; `serde_yaml` is archived, and
//! a typed reader would hide what matters here, because most of what goes wrong with AT text in YAML is
//! *valid* YAML (a null, a tag, a map) with another meaning. So the language is a subset: no nulls, tags,
//! anchors, aliases or merges, no key twice, one document, no unquoted value over two lines, and limits on
//! size and depth. What is left out of it is said by `traps`, each with its cure.

mod build;
mod place;

use super::diag::{Diagnostics, FileId, Sources, Span};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 20;
/// How deep lists and maps may stand in each other.
pub const MOST_DEPTH: usize = 64;
/// How many values (scalars, lists, maps) a file may hold.
pub const MOST_NODES: usize = 100_000;

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    Single,
    /// `"…"`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// A value of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// From its first byte to its last; a block list or map ends with its last entry.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// Written in `[…]` or `{…}`; false for scalars.
    pub flow_style: bool,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, not yet read as anything else.
    Scalar {
        /// What it says, without quotes and escapes.
        text: String,
        /// How it was written.
        style: Style,
    },
    /// `- …` or `[…]`
    List(Vec<Node>),
    /// `key: …` or `{…}`, in the order of the file, no key twice.
    Map(Vec<(Key, Node)>),
    /// A null, tag or alias. It has been reported; whoever finds it says nothing more about it.
    Nothing,
}

/// The key of a map entry; always a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What it says.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// How it was written.
    pub style: Style,
}

/// A scalar, borrowed from its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar<'t> {
    /// What it says.
    pub text: &'t str,
    /// How it was written.
    pub style: Style,
    /// Where it stands, with its quotes.
    pub span: Span,
}

impl Node {
    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match &self.kind {
            Kind::Scalar { text, style } => Some(Scalar { text, style: *style, span: self.span }),
            _ => None,
        }
    }

    /// The items, if it is a list.
    pub fn list(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn map(&self) -> Option<&[(Key, Self)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of `key`, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.map()?.iter().find(|(known, _)| known.text == key).map(|(_, value)| value)
    }

    /// Whether it was refused and reported: see [`Kind::Nothing`].
    pub fn is_nothing(&self) -> bool {
        self.kind == Kind::Nothing
    }
}

impl Scalar<'_> {
    /// Where the bytes `range` of [`Self::text`] stand in the file: the smallest span that is known to hold
    /// them, which is the whole scalar where quoting folds lines.
    pub fn place(&self, sources: &Sources, range: std::ops::Range<usize>) -> Span {
        let column = sources.position(self.span).column - 1;
        place::find(sources.slice(self.span), column, self.text, self.style, range)
            .map_or(self.span, |found| {
                Span::new(self.span.file, found.start + self.span.start..found.end + self.span.start)
            })
    }
}

/// Reads a file into a tree. `None` if there is none: the file is empty, too large or not YAML. Everything
/// refused is in `problems`; the tree then has [`Kind::Nothing`] in its place, or lacks the entry.
pub fn parse(sources: &Sources, file: FileId, problems: &mut Diagnostics) -> Option<Node> {
    build::build(sources, file, problems)
}
