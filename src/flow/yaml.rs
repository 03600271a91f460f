//! YAML text → a tree in which everything knows its place.
//!
//! Built from the events of `granit-parser`, the parser under `serde-saphyr`: it keeps the style of every
//! scalar, comments and byte positions, has no unsafe code and does not panic; `serde_yaml` is archived, and
//! a typed reader would hide what matters here, because most of what goes wrong with AT text in YAML is
//! *valid* YAML (a null, a tag, a map) with another meaning. So the language is a subset: no nulls, tags,
//! anchors, aliases or merges, no key twice, one document, no unquoted value over two lines, and limits on
//! size and depth. What is left out of it is said by `traps`, each with its cure.

mod build;
mod lost;
mod mend;
mod place;
mod tab;

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

    /// Whether it is a list, and all of it texts.
    pub fn is_list_of_texts(&self) -> bool {
        self.list().is_some_and(|items| items.iter().all(|item| item.scalar().is_some()))
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

    /// Leads its places, and those of all in it, elsewhere.
    fn move_to(&mut self, place: &impl Fn(Span) -> Span) {
        self.span = place(self.span);
        match &mut self.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    key.span = place(key.span);
                    value.move_to(place);
                }
            }
            Kind::Scalar { .. } | Kind::Nothing => {}
        }
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
    let whole = |tree: &Tree| tree.complete && tree.lost.is_empty();
    parse_or_cut(sources, file, problems).filter(whole).map(|tree| tree.root)
}

/// As much of a file as could be read.
pub struct Tree {
    /// The file.
    pub root: Node,
    /// Its end was read; else reading ended within one of its own steps, and the list ends with the one before.
    pub complete: bool,
    /// What is no YAML and was passed over: there stands [`Kind::Nothing`], or nothing at all.
    pub lost: Vec<Span>,
}

/// As [`parse`]; also of a file of which some is no YAML, as long as it can be told how far that goes, or that is
/// YAML only up to one of its own steps.
pub fn parse_or_cut(sources: &Sources, file: FileId, problems: &mut Diagnostics) -> Option<Tree> {
    build::build(sources, file, problems)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::diag::Look;

    fn read(text: &str) -> (Option<Node>, String) {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let mut problems = Diagnostics::new();
        let root = parse(&sources, file, &mut problems);
        (root, problems.render(&sources, Look::Plain))
    }

    #[test]
    fn everything_knows_its_place_and_style() {
        let text = "# head\na: plain\nb: ['x', \"y\"]   # tail\nc:\n  - d: |\n      one\n";
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", text);
        let mut problems = Diagnostics::new();
        let root = parse(&sources, file, &mut problems).unwrap();
        assert!(problems.is_empty());
        assert_eq!(sources.slice(root.get("b").unwrap().span), "['x', \"y\"]");
        assert!(root.get("b").unwrap().flow_style && !root.flow_style);
        let styles: Vec<_> =
            root.get("b").unwrap().list().unwrap().iter().map(|item| item.scalar().unwrap().style).collect();
        assert_eq!(styles, [Style::Single, Style::Double]);
        let inner = &root.get("c").unwrap().list().unwrap()[0];
        assert_eq!(sources.slice(inner.map().unwrap()[0].0.span), "d");
        assert_eq!(inner.get("d").unwrap().scalar().unwrap().text, "one\n");
        assert_eq!(sources.slice(root.get("a").unwrap().span), "plain");
    }

    #[test]
    fn refused_values_leave_nothing_in_their_place() {
        let (root, _) = read("a: !x\nb: *y\nc: ~\nd: 1\nd: 2\n<<: { e: 1 }\n");
        let root = root.unwrap();
        let names: Vec<_> =
            root.map().unwrap().iter().map(|(key, value)| (key.text.as_str(), value.is_nothing())).collect();
        assert_eq!(names, [("a", true), ("b", true), ("c", true), ("d", false)]);
        assert_eq!(root.get("d").unwrap().scalar().unwrap().text, "1");
    }

    #[test]
    fn windows_line_ends_and_a_byte_order_mark_are_read() {
        let (root, printed) = read("\u{feff}a: 1\r\nb:\r\n  - 'x'\r\n");
        assert_eq!(printed, "");
        assert_eq!(root.unwrap().get("b").unwrap().list().unwrap()[0].scalar().unwrap().text, "x");
    }

    #[test]
    fn size_depth_and_number_are_limited() {
        let (root, printed) = read(&" ".repeat(MOST_BYTES + 1));
        let begins = |printed: &str, text: &str| assert_eq!(&printed[..text.len().min(printed.len())], text);
        assert!(root.is_none());
        begins(
            &printed,
            "error[AT0103]: the file is 1048577 bytes long; the most is 1048576\n --> a.yaml:1:1\n",
        );
        let (root, printed) = read(&format!("{}x{}", "[".repeat(65), "]".repeat(65)));
        assert!(root.is_none());
        begins(&printed, "error[AT0104]: lists and maps are nested more than 64 deep\n --> a.yaml:1:65\n");
        assert!(read(&format!("{}x{}", "[".repeat(64), "]".repeat(64))).0.is_some());
        let (root, printed) = read(&format!("[{}]", "x,".repeat(MOST_NODES)));
        assert!(root.is_none());
        begins(&printed, "error[AT0105]: the file holds more than 100000 values\n --> a.yaml:1:1\n");
        let (root, _) = read(&format!("{}a: 1", "# comment\n".repeat(20_000)));
        assert!(root.is_some());
    }

    #[test]
    fn a_flood_of_problems_is_read_in_reasonable_time() {
        let (root, printed) = read(&"- !x\n".repeat(50_000));
        assert!(root.is_some() && printed.ends_with("and 49800 more"));
        let keys = (0..30_000).map(|number| format!("k{number}: 1\n")).collect::<Vec<_>>().concat();
        assert!(read(&keys).0.is_some());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in r#"([ -~\n\tü]|: |- |\$\{|\{|\}|\[|'|"| #|AT\+|&x|\*x|!|\|\n|>\n|\n  ){0,40}"#) {
            let _ = read(&text);
        }
    }
}
