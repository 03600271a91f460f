//! What is wrong with a hook file or an expression before anything runs, in words that help its author.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use rhai::{ParseError, Position};

use super::grammar::kind_of_parse_error;

/// More problems of one source help nobody.
const MOST: usize = 200;

/// Something that keeps an expression or a hook file from being compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookProblem {
    /// The hook file; `None` for an expression, whose place in the YAML the caller knows.
    pub file: Option<Arc<str>>,
    /// Which bytes of the source it is about.
    pub at: Range<usize>,
    /// Line of the source, from 1.
    pub line: u32,
    /// Character of that line, from 1.
    pub column: u32,
    /// What it is.
    pub kind: ProblemKind,
    /// What was found behind this one in the same source.
    pub next: Option<Box<Self>>,
}

impl std::error::Error for HookProblem {}

impl fmt::Display for HookProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl HookProblem {
    /// What to do about it, if there is something to say that the message does not.
    pub fn help(&self) -> Option<String> {
        self.kind.help()
    }

    /// `kind` at a place that Rhai gave, on the word that stands there.
    pub(super) fn at(source: &str, position: Position, kind: ProblemKind) -> Self {
        let start = offset(source, position);
        let end = start + word(&source[start..]).len();
        let before = &source[..start];
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            file: None,
            at: start..end,
            line: count(before.matches('\n').count() + 1),
            column: count(before[line_start..].chars().count() + 1),
            kind,
            next: None,
        }
    }

    /// All that was found in a source, in its order, as one; `None` if that is nothing.
    pub(super) fn together(found: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut found: Vec<Self> = found.into_iter().collect();
        found.sort_by_key(|problem| problem.at.start);
        found.truncate(MOST);
        found.into_iter().rev().fold(None, |next, problem| Some(Self { next: next.map(Box::new), ..problem }))
    }

    /// This one and those behind it.
    pub fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |problem| problem.next.as_deref())
    }

    pub(super) fn in_file(self, file: &Arc<str>) -> Self {
        let next = self.next.map(|next| Box::new(next.in_file(file)));
        Self { file: Some(Arc::clone(file)), next, ..self }
    }

    /// What Rhai's parser found.
    pub(super) fn parse(source: &str, error: &ParseError, expression: bool) -> Self {
        let position = error.position();
        let start = offset(source, position);
        let kind = kind_of_parse_error(error.err_type(), word(&source[start..]), expression);
        Self::at(source, position, kind)
    }
}

/// The kinds of [`HookProblem`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// No variable has this name.
    #[error("there is no `{name}` here")]
    UnknownName {
        /// As it was written.
        name: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// It is the name of a function.
        function: bool,
    },
    /// No function has this name.
    #[error("there is no function `{name}`")]
    UnknownFunction {
        /// As it was written.
        name: String,
        /// The function that was probably meant.
        nearest: Option<String>,
    },
    /// A known function, with another number of arguments.
    #[error("`{name}` takes {}, not {given}", counts(takes))]
    ArgumentCount {
        /// The function.
        name: String,
        /// How many stand there; the value before a dot counts.
        given: usize,
        /// How many it can take, sorted.
        takes: Vec<usize>,
    },
    /// `x.helper()` for a function of a hook file.
    #[error("`{name}` is a function of a hook file and cannot stand behind a dot")]
    NotAMethod {
        /// The function.
        name: String,
    },
    /// Rhai's grammar, in its own words made readable.
    #[error("{words}")]
    Syntax {
        /// The whole message.
        words: String,
        /// What helps, if anything is known to.
        help: Option<String>,
    },
    /// A statement where only an expression can stand.
    #[error("`{word}` begins a statement, only an expression can stand here")]
    Statement {
        /// `let`, `for`, `return`, …
        word: String,
    },
    /// `a; b`.
    #[error("`;` ends a statement, only one expression can stand here")]
    TwoStatements,
    /// An assignment in an expression, or to a constant of a hook file.
    #[error("`{operator}` would change a value, and nothing can be changed here")]
    Assignment {
        /// `=`, `+=`, …
        operator: String,
    },
    /// A word that Rhai keeps for itself.
    #[error("`{word}` is a {} that Rhai keeps for itself", word_or_sign(word))]
    Reserved {
        /// The word.
        word: String,
    },
    /// Something of Rhai that is not open to hooks.
    #[error("`{word}` is closed here: {why}")]
    Closed {
        /// The word.
        word: String,
        /// In a few words.
        why: &'static str,
    },
    /// `${x}` where the whole text is an expression already.
    #[error("`${{` stands inside an expression")]
    Template,
    /// `"${x}"`: between `"` it stays as it is.
    #[error("`${{` between `\"` is no hole, it stays as it is")]
    TemplateInText,
    /// Nothing but blanks or comments.
    #[error("there is no expression here")]
    Empty,
    /// A statement at the top of a hook file.
    #[error("only `fn` and `const` can stand at the top of a hook file")]
    TopLevel,
    /// A constant whose value cannot be computed.
    #[error("the constant cannot be computed: {why}")]
    Constant {
        /// The error's message.
        why: String,
    },
    /// `fn int.f(x)`, which could be called on ints alone.
    #[error("`{name}` belongs to a type, and a function of a hook file belongs to none")]
    Typed {
        /// The function.
        name: String,
    },
    /// A function of a hook file with name and arguments of one that every expression has.
    #[error("there is a function `{name}` with {} already", arguments(*count))]
    Taken {
        /// The function.
        name: String,
        /// Its arguments.
        count: usize,
    },
    /// `x.name(…)`, which finds a function of a hook file before the one that every expression has.
    #[error("`x.{name}({})` calls the `{name}` of a hook file, and not the one that is there already", dots(*count))]
    TakenOf {
        /// The function.
        name: String,
        /// The arguments behind the dot.
        count: usize,
    },
    /// `x.name(…)` in a hook file, which finds a function of another one before the one that every expression has.
    #[error(
        "`x.{name}({})` at {at} would call the `{name}` of `{home}`, and not the one that is there already",
        dots(*count)
    )]
    TakenIn {
        /// The function.
        name: String,
        /// The arguments behind the dot.
        count: usize,
        /// Where it is called: file, line and character.
        at: Box<str>,
        /// The file of the function.
        home: Arc<str>,
    },
    /// The same function or constant in two hook files.
    #[error("{} stands in `{first}` and in `{second}`", subject(name, *count))]
    Twice {
        /// The function or constant.
        name: String,
        /// Its arguments; `None` for a constant.
        count: Option<usize>,
        /// One file.
        first: Arc<str>,
        /// The other.
        second: Arc<str>,
    },
}

impl ProblemKind {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let meant = |nearest: &Option<String>| nearest.as_ref().map(|name| format!("did you mean `{name}`?"));
        Some(match self {
            Self::UnknownName { name, function: true, .. } => {
                format!("`{name}` is a function: call it, `{name}(…)`, or hand it on as `|x| {name}(x)`")
            }
            Self::UnknownName { nearest, .. } | Self::UnknownFunction { nearest, .. } => {
                return meant(nearest);
            }
            Self::ArgumentCount { name, takes, .. } => {
                let places = takes.first().map_or(0, |count| *count);
                let arguments = vec!["…"; places].join(", ");
                format!("write `{name}({arguments})`")
            }
            Self::NotAMethod { name } => format!("write `{name}(x)` instead of `x.{name}()`"),
            Self::Syntax { help, .. } => return help.clone(),
            Self::Statement { .. } | Self::TwoStatements => {
                "put it into a function of a hook file and call that".to_owned()
            }
            Self::Assignment { operator } if operator == "=" => {
                "to compare, write `==`; to keep a value, write `set:` in the flow".to_owned()
            }
            Self::Assignment { .. } => "to keep a value, write `set:` in the flow".to_owned(),
            Self::Reserved { word } if word_or_sign(word) == "sign" => {
                "a text stands between `\"`, and a comment begins with `//`".to_owned()
            }
            Self::Empty => "write one, such as `rssi != 99`, or leave the key out".to_owned(),
            Self::Reserved { .. } | Self::Taken { .. } => "choose another name".to_owned(),
            Self::TakenOf { name, count } | Self::TakenIn { name, count, .. } => {
                let rest = if *count == 0 { "" } else { ", …" };
                format!("write `{name}(x{rest})` with a variable `x`, or choose another name")
            }
            Self::Typed { name } => format!("write `fn {name}(x, …)`"),
            Self::Template => "the whole text is an expression already: write the name alone".to_owned(),
            Self::TemplateInText => "put the text between back-ticks".to_owned(),
            Self::TopLevel => "put it into a function".to_owned(),
            Self::Twice { count: None, .. } => "rename one of them".to_owned(),
            Self::Twice { .. } => {
                "rename one of them, or mark it `private` if only its own file needs it".to_owned()
            }
            Self::Closed { .. } | Self::Constant { .. } => return None,
        })
    }
}

fn word_or_sign(word: &str) -> &'static str {
    if word.starts_with(char::is_alphabetic) { "word" } else { "sign" }
}

/// The arguments behind the thing itself.
fn dots(count: usize) -> &'static str {
    if count == 0 { "" } else { "…" }
}

pub(super) fn arguments(count: usize) -> String {
    match count {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        _ => format!("{count} arguments"),
    }
}

fn subject(name: &str, count: Option<usize>) -> String {
    match count {
        Some(count) => format!("the function `{name}` with {}", arguments(count)),
        None => format!("the constant `{name}`"),
    }
}

fn counts(takes: &[usize]) -> String {
    match takes {
        [] => arguments(0),
        [one] => arguments(*one),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(usize::to_string).collect();
            format!("{} or {}", first.join(", "), arguments(*last))
        }
    }
}

/// The candidate that differs least from `name`, if it differs little.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Where a position of Rhai's, counted in lines and characters, is in bytes; the end if it is nowhere.
pub(super) fn offset(source: &str, position: Position) -> usize {
    let (Some(line), Some(column)) = (position.line(), position.position()) else {
        return source.trim_end().len();
    };
    let mut start = 0;
    for _ in 1..line {
        match source[start..].find('\n') {
            Some(newline) => start += newline + 1,
            None => return source.len(),
        }
    }
    let rest = &source[start..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at)
}

/// The word, number or sign at the start of a text.
pub(super) fn word(text: &str) -> &str {
    let part_of_word = |character: char| character.is_alphanumeric() || character == '_';
    let len = match text.chars().next() {
        None => 0,
        Some(first) if part_of_word(first) => {
            text.find(|character| !part_of_word(character)).unwrap_or(text.len())
        }
        Some('$') if text.starts_with("${") => 2,
        Some('"') => text[1..].find('"').map_or(text.len(), |closing| closing + 2),
        Some(first) if "=+-*/%&|^<>!".contains(first) => {
            text.find(|character: char| !"=+-*/%&|^<>!".contains(character)).unwrap_or(text.len()).min(3)
        }
        Some(first) => first.len_utf8(),
    };
    &text[..len]
}

/// Why a word of Rhai is closed, if it is.
pub(super) fn closed(word: &str) -> Option<&'static str> {
    Some(match word {
        "eval" => "text is never run as code",
        "import" | "export" => "a hook file stands alone",
        "Fn" | "is_def_fn" | "get_fn_metadata_list" => "functions are called by their names, never by a text",
        "is_def_var" => "names are found before anything runs",
        "sleep" => "a hook never waits; a step does, with `sleep:`",
        "timestamp" => "ask `now()` for the time",
        "blob" | "to_blob" => "write `bytes(…)`",
        "exit" => "write `return` in a function",
        "tag" | "set_tag" | "take" | "is_shared" => "a value has nothing hidden",
        _ => return None,
    })
}
