//! What went wrong while a script ran, with its place.

use std::fmt;
use std::ops::Range;

use rhai::{EvalAltResult, Position};

use super::file::Entrance;
use super::problem::{offset, word};
use super::value::{Value, display, kind_named};

/// An evaluation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What was seen, in one line.
    pub message: String,
    /// What to do about it, if that is known.
    help: Option<String>,
    /// Where in a hook file; `None` if it happened in the expression itself.
    pub place: Option<Place>,
    /// Which bytes of the expression: the failing part itself, or the call that led into the hook file.
    pub at: Option<Range<usize>>,
}

/// The kinds of [`HookError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The script raised it, or a function refused what it was given.
    Raised,
    /// A function or operator does not take such values.
    Type,
    /// A property or element that is not there.
    Missing,
    /// Overflow, division by zero.
    Arithmetic,
    /// An attempt to change a value that cannot be changed.
    Constant,
    /// One of the limits.
    Limit(Limit),
    /// Anything else.
    Other,
}

/// What a script had too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Operations: probably an endless loop.
    Operations,
    /// Functions inside functions: probably an endless recursion.
    CallDepth,
    /// Bytes of a text.
    Text,
    /// Elements of a list.
    List,
    /// Entries of a map.
    Map,
    /// Variables.
    Variables,
    /// Time on the wall.
    Time,
}

/// Why an evaluation was ended from outside, as it travels through Rhai.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Operations,
    Time,
}

impl Stop {
    pub(super) fn value(self) -> Value {
        Value::from(self)
    }

    fn of(value: &Value) -> Option<Self> {
        value.read_lock::<Self>().map(|stop| *stop)
    }
}

/// A place in a hook file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// As it was named when it was loaded.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl std::error::Error for HookError {}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl HookError {
    /// What to do about it, if that is known.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// An error without a place in a script, such as a call of a function that is not there.
    pub(super) fn outside(kind: ErrorKind, message: String) -> Self {
        Self { kind, message, help: None, place: None, at: None }
    }

    /// Rhai's error, from evaluating `source`, which has these `entrances`.
    pub(super) fn from_rhai(source: &str, error: &EvalAltResult, entrances: &[Entrance]) -> Self {
        let mut error = error;
        let mut file: Option<String> = None;
        let mut outermost = Position::NONE;
        while let EvalAltResult::ErrorInFunctionCall(name, in_file, inner, position) = error {
            if file.is_none() {
                outermost = *position;
            }
            // A closure's own file is the one it was written in; its generated name says nothing.
            let closure = name.starts_with("anon$");
            if !in_file.is_empty() && (file.is_none() || !closure) {
                file = Some(in_file.clone());
            }
            error = inner;
        }
        let (kind, message, help) = explain(error);
        let position = error.position();
        if file.is_none() && !position.is_none() {
            outermost = position;
        }
        let place = file.and_then(|file| {
            Some(Place { file, line: position.line()?, column: position.position().unwrap_or(1) })
        });
        let place = place.or_else(|| entered(kind, outermost, entrances));
        let at = (!outermost.is_none()).then(|| {
            let start = offset(source, outermost);
            start..start + word(&source[start..]).len()
        });
        Self { kind, message, help, place, at }
    }
}

/// Where the function begins that the expression called and that had too much of something: on its way out of a
/// function a limit loses its place to that of the call.
fn entered(kind: ErrorKind, call: Position, entrances: &[Entrance]) -> Option<Place> {
    let ErrorKind::Limit(limit) = kind else { return None };
    // On the way out of a closure even that is lost. Then it was the one function that is called in there, for
    // what an expression does itself seldom takes that long; a text or list may be its own.
    let endless = matches!(limit, Limit::Operations | Limit::CallDepth | Limit::Time);
    let only = || entrances.first().filter(|only| endless && entrances.len() == 1 && only.in_closure);
    let entrance = entrances.iter().find(|entrance| entrance.call == call).or_else(only)?;
    Some(entrance.function.clone())
}

type Explained = (ErrorKind, String, Option<String>);

fn explain(error: &EvalAltResult) -> Explained {
    use EvalAltResult as Rhai;
    let plain = |kind, message: String| (kind, message, None);
    match error {
        Rhai::ErrorRuntime(value, _) => match value.read_lock::<super::missing::MissingProperty>() {
            Some(missing) => (ErrorKind::Missing, missing.to_string(), Some(missing.help())),
            None if value.is_unit() => plain(ErrorKind::Raised, "the script raised an error".to_owned()),
            None => plain(ErrorKind::Raised, display(value)),
        },
        Rhai::ErrorFunctionNotFound(signature, _) => not_applicable(signature),
        Rhai::ErrorMismatchDataType(wanted, found, _) | Rhai::ErrorMismatchOutputType(wanted, found, _) => {
            plain(
                ErrorKind::Type,
                format!("{} stands where {} is needed", kind_named(found), kind_named(wanted)),
            )
        }
        Rhai::ErrorDotExpr(words, _) => no_property(words),
        Rhai::ErrorIndexingType(what, _) => plain(ErrorKind::Type, not_indexable(what)),
        Rhai::ErrorFor(_) => plain(ErrorKind::Type, "`for` goes over a list, a range or a text".to_owned()),
        Rhai::ErrorArrayBounds(len, index, _) => plain(ErrorKind::Missing, bounds("element", *index, *len)),
        Rhai::ErrorStringBounds(len, index, _) => {
            plain(ErrorKind::Missing, bounds("character", *index, *len))
        }
        Rhai::ErrorPropertyNotFound(name, _) => plain(ErrorKind::Missing, format!("there is no `{name}`")),
        Rhai::ErrorNonPureMethodCallOnConstant(name, _) | Rhai::ErrorAssignmentToConstant(name, _) => (
            ErrorKind::Constant,
            format!("`{}` would change a value that cannot be changed here", property_name(name)),
            Some("in a function, copy it first: `let copy = value;`".to_owned()),
        ),
        Rhai::ErrorArithmetic(words, _) => plain(ErrorKind::Arithmetic, lower(words)),
        other => limit(other).unwrap_or_else(|| plain(ErrorKind::Other, first_line(other))),
    }
}

fn limit(error: &EvalAltResult) -> Option<Explained> {
    use EvalAltResult as Rhai;
    let (limit, message, help) = match error {
        Rhai::ErrorTerminated(token, _) if Stop::of(token) == Some(Stop::Operations) => (
            Limit::Operations,
            format!("more than {} operations", super::limits::MAX_OPERATIONS),
            Some("does a loop never end?"),
        ),
        Rhai::ErrorStackOverflow(_) => (
            Limit::CallDepth,
            format!("more than {} functions inside each other", super::limits::MAX_CALL_DEPTH),
            Some("does a function call itself for ever?"),
        ),
        Rhai::ErrorTooManyVariables(_) => {
            (Limit::Variables, format!("more than {} variables", super::limits::MAX_VARIABLES), None)
        }
        Rhai::ErrorDataTooLarge(what, _) => {
            let (limit, message) = too_large(what);
            (limit, message, None)
        }
        Rhai::ErrorTerminated(..) => {
            (Limit::Time, "the time for this hook is up".to_owned(), Some("do less in one call"))
        }
        _ => return None,
    };
    Some((ErrorKind::Limit(limit), message, help.map(str::to_owned)))
}

fn too_large(what: &str) -> (Limit, String) {
    use super::limits::{MAX_LIST, MAX_MAP, MAX_TEXT_BYTES};
    let (limit, thing, bound) = match what {
        "Length of string" => (Limit::Text, "a text", format!("{MAX_TEXT_BYTES} bytes")),
        "Size of object map" => (Limit::Map, "a map", format!("{MAX_MAP} entries")),
        "Size of array/BLOB" => (Limit::List, "a list", format!("{MAX_LIST} elements")),
        own if own.contains("list") => (Limit::List, own, format!("{MAX_LIST} elements")),
        own => (Limit::Text, own, format!("{MAX_TEXT_BYTES} bytes")),
    };
    (limit, format!("{thing} would have more than {bound}"))
}

/// `len (i64)`, `- (map, i64)`, `get (&str | …)`: a function or operator that exists, for other values.
fn not_applicable(signature: &str) -> Explained {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let kinds: Vec<&str> =
        types.trim_end_matches(')').split(", ").filter(|kind| !kind.is_empty()).map(argument_kind).collect();
    let operator = !name.starts_with(|character: char| character.is_alphabetic() || character == '_');
    let message = match (operator, kinds.as_slice()) {
        (true, [left, right]) => format!("`{name}` does not go between {left} and {right}"),
        (true, [only]) => format!("`{name}` does not go before {only}"),
        (_, []) => format!("there is no function `{name}`"),
        (_, kinds) => format!("`{}` does not take {}", property_name(name), kinds.join(", ")),
    };
    let help = matches!(kinds.as_slice(), ["()", ..] | [_, "()"]).then(|| UNIT_MEANS.to_owned());
    (ErrorKind::Type, message, help)
}

const UNIT_MEANS: &str = "`()` means that no step has set it, or that it is not there";

/// Rhai's words: `Unknown property 'x' - a getter is not registered for type 'i64'`.
fn no_property(words: &str) -> Explained {
    let quoted: Vec<&str> = words.split('\'').skip(1).step_by(2).collect();
    match quoted.as_slice() {
        [name, kind] => {
            let kind = kind_named(kind);
            (
                ErrorKind::Missing,
                format!("{kind} has no `{name}`"),
                (kind == "()").then(|| UNIT_MEANS.to_owned()),
            )
        }
        _ => (ErrorKind::Missing, lower(words).replace('\'', "`"), None),
    }
}

fn argument_kind(name: &str) -> &'static str {
    match name.split(" | ").next().unwrap_or(name) {
        "" | ")" | "(" => "()",
        first => kind_named(first),
    }
}

fn not_indexable(what: &str) -> String {
    // Rhai's words: `i64 [&str | ImmutableString | String]`.
    match what.split_once(" [") {
        Some((value, index)) => {
            format!("{} has no element by {}", kind_named(value), argument_kind(index.trim_end_matches(']')))
        }
        None => lower(what).replace('\'', "`"),
    }
}

fn bounds(what: &str, index: i64, len: usize) -> String {
    match len {
        0 => format!("there is no {what} {index}, it is empty"),
        1 => format!("there is no {what} {index}, there is 1"),
        _ => format!("there is no {what} {index}, there are {len}"),
    }
}

/// `get$relay` is Rhai's inner name of the property `relay`.
fn property_name(name: &str) -> &str {
    name.strip_prefix("get$").or_else(|| name.strip_prefix("set$")).unwrap_or(name)
}

fn first_line(error: &EvalAltResult) -> String {
    let words = error.to_string();
    let words = words.lines().next().unwrap_or_default();
    let words = words.split(" (line ").next().unwrap_or_default();
    lower(words).replace('\'', "`")
}

fn lower(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
