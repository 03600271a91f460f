//! What can be wrong with a pattern, and how to write it instead.

use std::fmt;
use std::ops::Range;

/// A pattern that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// The bytes of the pattern's source that are wrong; the smallest span that still shows it.
    pub at: Range<usize>,
    /// What is wrong with them.
    pub kind: PatternErrorKind,
}

/// What is wrong with a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatternErrorKind {
    /// Nothing but blanks.
    Empty,
    /// A line end inside: a pattern is one line.
    LineBreak,
    /// `${` belongs to templates.
    Expression,
    /// `{` without its `}`.
    OpenHole,
    /// `[` without its `]`.
    OpenOption,
    /// Options inside options, too many of them.
    TooDeep,
    /// A `}` or `]` that closes nothing.
    Stray(char),
    /// A hole's name that is no name.
    Name(String),
    /// A hole's name that an expression could not use.
    Reserved(String),
    /// The same name twice.
    Twice(String),
    /// A type that does not exist.
    Type {
        /// As written.
        found: String,
        /// The nearest type there is.
        nearest: Option<&'static str>,
    },
    /// A regular expression that does not compile.
    Regex(String),
    /// `bytes(n)` where `n` is not an integer hole in front of it.
    Length(String),
    /// A `lines` hole with something behind it.
    LinesNotLast,
    /// A `bytes` hole directly behind another hole: nothing shows where the counted bytes begin.
    BytesBehindHole,
    /// A `bytes` or `lines` hole that may be missing.
    InOption(&'static str),
}

/// The words a hole may have for its type.
pub(super) const TYPES: [&str; 9] =
    ["int", "number", "digits", "hex", "ipv4", "rest", "lines", "error", "bytes(n)"];

impl fmt::Display for PatternErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "empty pattern"),
            Self::LineBreak => write!(f, "a pattern is one line, this one holds a line end"),
            Self::Expression => write!(f, "`${{` in a pattern"),
            Self::OpenHole => write!(f, "`{{` is not closed"),
            Self::OpenOption => write!(f, "`[` is not closed"),
            Self::TooDeep => write!(f, "options are nested too deep"),
            Self::Stray(bracket) => write!(f, "`{bracket}` closes nothing"),
            Self::Name(name) => write!(f, "`{name}` is not a name"),
            Self::Reserved(name) => write!(f, "`{name}` is a reserved word of expressions"),
            Self::Twice(name) => write!(f, "`{name}` is captured twice"),
            Self::Type { found, .. } => write!(f, "`{found}` is not a type of hole"),
            Self::Regex(why) => write!(f, "bad regular expression: {why}"),
            Self::Length(name) => write!(f, "`{name}` is not an `int` hole in front of `bytes({name})`"),
            Self::LinesNotLast => write!(f, "something follows a `lines` hole"),
            Self::BytesBehindHole => write!(f, "a `bytes` hole directly behind another hole"),
            Self::InOption(kind) => write!(f, "a `{kind}` hole inside `[…]`"),
        }
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for PatternError {}

impl PatternError {
    pub(super) fn new(at: Range<usize>, kind: PatternErrorKind) -> Self {
        Self { at, kind }
    }

    /// The part of the source that is wrong: a whole hole, or a single sign. `None` where the rest cannot be judged
    /// without it.
    pub(super) fn part(&self, source: &str) -> Option<Range<usize>> {
        match self.kind {
            PatternErrorKind::Empty
            | PatternErrorKind::LineBreak
            | PatternErrorKind::TooDeep
            | PatternErrorKind::OpenOption => None,
            PatternErrorKind::OpenHole | PatternErrorKind::Stray(_) => Some(self.at.clone()),
            _ => {
                let start = source.get(..=self.at.start)?.rfind('{')?;
                let end = source[start..].find('}')? + start + 1;
                (end >= self.at.end).then_some(start..end)
            }
        }
    }

    /// What to write instead.
    pub fn help(&self) -> Option<String> {
        Some(match &self.kind {
            PatternErrorKind::Empty => {
                "write the line that must come, such as `'+CPIN: READY'`; for a prompt write `prompt: '>'`"
                    .into()
            }
            PatternErrorKind::LineBreak => {
                "write a list of patterns, one a line; `{x:lines}` takes several lines".into()
            }
            PatternErrorKind::Expression => "write `{=name}`: one field equal to the variable `name`".into(),
            PatternErrorKind::OpenHole => "close it with `}`, or write `{{` for a brace in the line".into(),
            PatternErrorKind::OpenOption => {
                "close it with `]`, or write `[[` for a bracket in the line".into()
            }
            PatternErrorKind::TooDeep => "nest at most 16 options, or take the rest with `{:rest}`".into(),
            PatternErrorKind::Stray(bracket) => {
                format!("write `{bracket}{bracket}` for a `{bracket}` in the line")
            }
            PatternErrorKind::Name(name) if TYPES.contains(&name.as_str()) => {
                format!("write `{{x:{name}}}` to keep it or `{{:{name}}}` to skip it")
            }
            PatternErrorKind::Name(_) => {
                "a name is a letter or `_`, then letters, digits or `_`; a brace in the line is `{{`".into()
            }
            PatternErrorKind::Reserved(name) => format!("choose another name, such as `{name}_`"),
            PatternErrorKind::Twice(_) => {
                "rename one of them, or write `{}` for one that is not needed".into()
            }
            PatternErrorKind::Type { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
            PatternErrorKind::Type { .. } => format!("the types are {} and `/regex/`", quoted(&TYPES)),
            PatternErrorKind::Regex(_) => {
                "it is Rust regex syntax, without look-around or back-references, and always meets the whole \
                 line or field"
                    .into()
            }
            PatternErrorKind::Length(name) => format!("write `{{{name}:int}}` where the length stands"),
            PatternErrorKind::LinesNotLast => {
                "end the pattern after it; what follows is the next item of a list".into()
            }
            PatternErrorKind::BytesBehindHole => {
                "write the text that stands between them, such as the `,`".into()
            }
            PatternErrorKind::InOption(_) => "write two patterns, one with it and one without".into(),
        })
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
