//! Source text of a pattern to its items. The grammar stands in the module's documentation.

use std::ops::Range;
use std::sync::Arc;

use super::error::{PatternError, PatternErrorKind as Kind, TYPES};

/// One item of a pattern. Blanks beside a [`Node::Mark`] are already gone: they are elastic.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// These bytes, exactly.
    Text(String),
    /// One blank or more. The number is how many the author wrote.
    Blanks(usize),
    /// `:` or `,` with any blanks around it.
    Mark(char),
    /// A part of the line that varies.
    Hole(Hole),
    /// May be missing.
    Option(Vec<Node>),
}

/// A part of the line that varies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hole {
    /// What it is captured as; for [`HoleType::Same`] the variable it must equal.
    pub(super) name: Option<Arc<str>>,
    pub(super) kind: HoleType,
    /// Where it stands in the source.
    pub(super) at: Range<usize>,
}

/// What a hole takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoleType {
    /// One field: a quoted text without its quotes, or characters without `,` and `"`.
    Field,
    /// Digits with an optional sign, within 64 bits.
    Int,
    /// Digits with an optional sign and fraction.
    Number,
    /// Digits, kept as text.
    Digits,
    /// Hexadecimal digits, kept as text.
    Hex,
    /// Four numbers from 0 to 255 with dots between them.
    Ipv4,
    /// Anything.
    Rest,
    /// Anything, over line ends too.
    Lines,
    /// As many bytes as the named integer hole says.
    Bytes(Arc<str>),
    /// An integer that names an error.
    Error,
    /// What the regular expression says, inside one field.
    Regex(String),
    /// One field equal to a variable.
    Same,
}

/// Words that Rhai keeps for itself (its tokenizer's keyword and reserved tables, rhai 1.27), so that no
/// expression could read a capture of that name.
const RESERVED: [&str; 64] = [
    "Fn",
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "exit",
    "export",
    "false",
    "fn",
    "for",
    "global",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "_",
];

/// The items of `source`, which is not a whole-line regex.
pub(super) fn parse(source: &str) -> Result<Vec<Node>, PatternError> {
    let mut parser = Parser { source, at: 0, depth: 0 };
    let nodes = parser.items(None)?;
    check_order(&nodes, source)?;
    Ok(nodes)
}

/// Whether `name` can be captured.
pub(super) fn check_name(name: &str, at: Range<usize>) -> Result<(), PatternError> {
    let mut letters = name.chars();
    let good = letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !good {
        return Err(PatternError::new(at, Kind::Name(name.into())));
    }
    if RESERVED.contains(&name) {
        return Err(PatternError::new(at, Kind::Reserved(name.into())));
    }
    Ok(())
}

/// Options inside options. No manual nests more than three; hostile input must not use up the stack.
const OPTION_DEPTH: usize = 16;

struct Parser<'a> {
    source: &'a str,
    at: usize,
    /// Options that are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn fail<T>(&self, from: usize, length: usize, kind: Kind) -> Result<T, PatternError> {
        Err(PatternError::new(from..(from + length).min(self.source.len()), kind))
    }

    /// Items up to the end, or up to the `]` of the option that began at `option`.
    fn items(&mut self, option: Option<usize>) -> Result<Vec<Node>, PatternError> {
        let mut nodes = Vec::new();
        while let Some(letter) = self.rest().chars().next() {
            let from = self.at;
            let doubled = self.rest()[letter.len_utf8()..].starts_with(letter);
            match letter {
                '$' if self.rest().starts_with("${") => return self.fail(from, 2, Kind::Expression),
                '\r' | '\n' => return self.fail(from, 1, Kind::LineBreak),
                ']' if option.is_some() => {
                    self.at += 1;
                    return Ok(nodes);
                }
                '{' | '}' | '[' | ']' if doubled => {
                    self.at += 2;
                    push_text(&mut nodes, letter);
                }
                '}' | ']' => return self.fail(from, 1, Kind::Stray(letter)),
                '{' => {
                    let hole = self.hole()?;
                    push_hole(&mut nodes, hole);
                }
                '[' => {
                    if self.depth == OPTION_DEPTH {
                        return self.fail(from, 1, Kind::TooDeep);
                    }
                    self.at += 1;
                    self.depth += 1;
                    let inner = self.items(Some(from))?;
                    self.depth -= 1;
                    drop_elastic(&mut nodes);
                    if let (Some(Node::Blanks(_)), Some(Node::Mark(_))) = (nodes.last(), inner.first()) {
                        nodes.pop();
                    }
                    nodes.push(Node::Option(inner));
                }
                _ => {
                    self.at += letter.len_utf8();
                    push_letter(&mut nodes, letter);
                }
            }
        }
        if let Some(from) = option {
            return self.fail(from, 1, Kind::OpenOption);
        }
        // A line is compared without the blanks at its end, so blanks there can never match.
        if let Some(Node::Blanks(_)) = nodes.last() {
            nodes.pop();
        }
        Ok(nodes)
    }

    fn hole(&mut self) -> Result<Hole, PatternError> {
        let from = self.at;
        let inside = self.inside()?;
        let at = from..from + inside.len() + 2;
        if let Some(name) = inside.strip_prefix('=') {
            check_name(name, at.clone())?;
            self.at = at.end;
            return Ok(Hole { name: Some(name.into()), kind: HoleType::Same, at });
        }
        let (name, kind) = inside.split_once(':').unwrap_or((inside, ""));
        if !name.is_empty() {
            check_name(name, at.clone())?;
        }
        let kind = if inside.contains(':') { hole_type(kind, &at)? } else { HoleType::Field };
        let name = (!name.is_empty()).then(|| Arc::from(name));
        self.at = at.end;
        Ok(Hole { name, kind, at })
    }

    /// What stands between `{` and its `}`; a regex may hold braces of its own and ends at `/}`.
    fn inside(&self) -> Result<&'a str, PatternError> {
        let body = &self.rest()[1..];
        let length = match body.find(":/") {
            Some(colon) if !body[..colon].contains(['{', '}']) => {
                body[colon + 2..].find("/}").map(|end| colon + 2 + end + 1)
            }
            _ => body.find('}').filter(|&end| !body[..end].contains('{')),
        };
        match length {
            Some(length) => Ok(&body[..length]),
            None => self.fail(self.at, 1, Kind::OpenHole),
        }
    }
}

fn hole_type(word: &str, at: &Range<usize>) -> Result<HoleType, PatternError> {
    let fail = |kind| Err(PatternError::new(at.clone(), kind));
    if let Some(regex) = word.strip_prefix('/') {
        return Ok(HoleType::Regex(regex.strip_suffix('/').unwrap_or(regex).into()));
    }
    if let Some(length) = word.strip_prefix("bytes(").and_then(|rest| rest.strip_suffix(')')) {
        check_name(length, at.clone())?;
        return Ok(HoleType::Bytes(length.into()));
    }
    Ok(match word {
        "int" => HoleType::Int,
        "number" => HoleType::Number,
        "digits" => HoleType::Digits,
        "hex" => HoleType::Hex,
        "ipv4" => HoleType::Ipv4,
        "rest" => HoleType::Rest,
        "lines" => HoleType::Lines,
        "error" => HoleType::Error,
        _ => return fail(Kind::Type { found: word.into(), nearest: nearest(word) }),
    })
}

fn nearest(word: &str) -> Option<&'static str> {
    let known = match word {
        "integer" | "i64" => Some("int"),
        "float" => Some("number"),
        "text" | "string" | "any" | "all" => Some("rest"),
        "ip" => Some("ipv4"),
        _ => None,
    };
    known.or_else(|| {
        let scored = TYPES.iter().map(|&kind| (strsim::damerau_levenshtein(word, kind), kind));
        scored.min().filter(|&(distance, _)| distance <= 2).map(|(_, kind)| kind)
    })
}

fn push_letter(nodes: &mut Vec<Node>, letter: char) {
    match (letter, nodes.last_mut()) {
        (' ' | '\t', Some(Node::Blanks(count))) => *count += 1,
        (' ' | '\t', _) => nodes.push(Node::Blanks(1)),
        (':' | ',', last) => {
            if let Some(Node::Blanks(_)) = last {
                nodes.pop();
            }
            nodes.push(Node::Mark(letter));
        }
        _ => push_text(nodes, letter),
    }
}

fn push_text(nodes: &mut Vec<Node>, letter: char) {
    drop_elastic(nodes);
    match nodes.last_mut() {
        Some(Node::Text(text)) => text.push(letter),
        _ => nodes.push(Node::Text(letter.into())),
    }
}

fn push_hole(nodes: &mut Vec<Node>, hole: Hole) {
    if matches!(hole.kind, HoleType::Bytes(_)) {
        // The payload may begin with a blank, so the blanks in front of it are counted, never elastic.
        if let Some(&Node::Blanks(count)) = nodes.last() {
            nodes.pop();
            nodes.push(Node::Text(" ".repeat(count)));
        }
    } else {
        drop_elastic(nodes);
    }
    nodes.push(Node::Hole(hole));
}

/// Blanks behind a mark are part of the mark.
fn drop_elastic(nodes: &mut Vec<Node>) {
    if let [.., Node::Mark(_), Node::Blanks(_)] = nodes.as_slice() {
        nodes.pop();
    }
}

/// Names once, lengths before what they count, `bytes` and `lines` where they can be recognised.
fn check_order(nodes: &[Node], source: &str) -> Result<(), PatternError> {
    let mut holes = Vec::new();
    collect_holes(nodes, false, &mut holes);
    for (index, &(hole, optional)) in holes.iter().enumerate() {
        let fail = |kind| Err(PatternError::new(hole.at.clone(), kind));
        match &hole.kind {
            HoleType::Bytes(_) if optional => return fail(Kind::InOption("bytes")),
            HoleType::Lines if optional => return fail(Kind::InOption("lines")),
            HoleType::Lines if hole.at.end != source.trim_end().len() => return fail(Kind::LinesNotLast),
            HoleType::Bytes(length) => {
                let named = holes.iter().position(|(other, _)| other.name.as_ref() == Some(length));
                let wrong = named.is_some_and(|at| at > index || holes[at].0.kind != HoleType::Int);
                if wrong {
                    return fail(Kind::Length(length.to_string()));
                }
            }
            HoleType::Same => continue,
            _ => {}
        }
        let again = |other: &(&Hole, bool)| other.0.name == hole.name && other.0.kind != HoleType::Same;
        if let (Some(name), true) = (&hole.name, holes[..index].iter().any(again)) {
            return fail(Kind::Twice(name.to_string()));
        }
    }
    for pair in nodes.windows(2) {
        if let [Node::Hole(_) | Node::Option(_), Node::Hole(hole)] = pair
            && matches!(hole.kind, HoleType::Bytes(_))
        {
            return Err(PatternError::new(hole.at.clone(), Kind::BytesBehindHole));
        }
    }
    Ok(())
}

/// Every hole in order, with whether it may be missing.
pub(super) fn collect_holes<'n>(nodes: &'n [Node], optional: bool, into: &mut Vec<(&'n Hole, bool)>) {
    for node in nodes {
        match node {
            Node::Hole(hole) => into.push((hole, optional)),
            Node::Option(inner) => collect_holes(inner, true, into),
            _ => {}
        }
    }
}
