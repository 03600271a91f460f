//! Reads a map of the file by its [`Shape`]. Opening it reports every key that does not exist, every key that
//! is missing and every pair that contradicts; a getter reports a value of the wrong kind at the value. A key
//! that was refused before (a null, a tag) counts as being there, so that it is reported once.
//!
//! In debug builds a getter of a key that the shape lacks panics, and [`Fields::finish`] panics if a key of
//! the shape was never asked for: what the tables promise and what the compiler reads cannot drift apart.

use std::cell::Cell;
use std::time::Duration;

use super::diag::{Code, Diagnostic, Diagnostics, Span, Spanned};
use super::duration::{self, DurationError, DurationRange};
use super::keys::{Check, Key, Rule, Shape, Takes, or_list};
use super::traps;
use super::yaml::{self, Kind, Node, Scalar, Style};

mod plain;
mod range;
mod scalars;
mod step;
#[cfg(test)]
mod tests;

pub use plain::PlainValue;
pub use range::NumberRange;
pub use scalars::{expression_of, template_of};

/// A map that is being read.
#[derive(Debug)]
pub struct Fields<'t> {
    shape: &'static Shape,
    /// From its first key to its last value.
    span: Span,
    entries: &'t [(yaml::Key, Node)],
    /// One bit for each key of the shape that was asked for.
    asked: Cell<u128>,
}

impl<'t> Fields<'t> {
    /// Opens `node` as a map of that shape. `text` is the file's text, for cures that quote it. `None`, and a
    /// problem, if it is no map.
    pub fn open(
        node: &'t Node,
        shape: &'static Shape,
        text: &str,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let Some(entries) = node.map() else {
            wrong_kind(node, &format!("{} is a map", a(shape.name)), None, problems);
            return None;
        };
        let fields = Self { shape, span: node.span, entries, asked: Cell::new(0) };
        for (index, (key, _)) in entries.iter().enumerate() {
            if shape.key(&key.text).is_none() {
                let before = index.checked_sub(1).map(|before| &entries[before]);
                if node.flow_style && traps::goes_on(text, before) {
                    continue;
                }
                problems.push(unknown_key(shape, key, before.filter(|_| node.flow_style), text));
            }
        }
        for (key, node) in entries {
            if let Some(key) = shape.key(&key.text).filter(|key| NEVER_EMPTY.contains(&key.name)) {
                refuse_empty(node, key, problems);
            }
        }
        // A key that was misspelt is not missing as well.
        let all_known = entries.iter().all(|(key, _)| shape.key(&key.text).is_some());
        for key in shape.keys.iter().filter(|key| key.required && all_known && !fields.is_there(key.name)) {
            let message = format!("this {} has no `{}`", shape.name, key.name);
            problems.push(
                Diagnostic::error(Code::MISSING_KEY, fields.head(), message)
                    .help(format!("add `{}: …`: {}", key.name, key.doc)),
            );
        }
        for rule in shape.rules.iter().filter(|rule| all_known || matches!(rule.check, Check::AtMostOne(_))) {
            fields.judge(rule, problems);
        }
        Some(fields)
    }

    /// The shape it was opened by.
    pub fn shape(&self) -> &'static Shape {
        self.shape
    }

    /// The whole map.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Its first key: what stands for the map in a message about all of it.
    pub fn head(&self) -> Span {
        self.entries.first().map_or(self.span, |(key, _)| key.span)
    }

    fn is_there(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.text == name)
    }

    fn key_span(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(key, _)| key.text == name).map(|(key, _)| key.span)
    }

    fn judge(&self, rule: &Rule, problems: &mut Diagnostics) {
        let there = |keys: &[&'static str]| -> Vec<_> {
            keys.iter().filter_map(|name| Some((*name, self.key_span(name)?))).collect()
        };
        match rule.check {
            Check::AtMostOne(keys) => {
                let mut found = there(keys);
                found.sort_by_key(|(_, span)| span.start);
                if let [(first, first_span), (second, second_span), ..] = found[..] {
                    let message = format!("`{first}` and `{second}` exclude each other");
                    let problem = Diagnostic::error(rule.code, second_span, message);
                    problems.push(problem.also(first_span, format!("`{first}` is here")).help(rule.help));
                }
            }
            Check::AtLeastOne(keys) => {
                if there(keys).is_empty() {
                    let keys = or_list(keys.iter().map(|key| format!("`{key}`")));
                    let message = format!("this {} has no {keys}", self.shape.name);
                    problems.push(Diagnostic::error(rule.code, self.head(), message).help(rule.help));
                }
            }
            Check::Needs { key, needs, unless } => {
                let Some(at) = self.key_span(key) else { return };
                if there(needs).is_empty() && there(unless).is_empty() {
                    let needs = or_list(needs.iter().map(|key| format!("`{key}`")));
                    let message = format!("`{key}` without {needs}");
                    problems.push(Diagnostic::error(rule.code, at, message).help(rule.help));
                }
            }
        }
    }

    /// The key's definition; marks it as asked for.
    fn ask(&self, name: &str) -> Option<&'static Key> {
        let index = self.shape.keys.iter().position(|key| key.name == name);
        debug_assert!(index.is_some(), "the shape `{}` has no key `{name}`", self.shape.name);
        self.asked.set(self.asked.get() | index.map_or(0, |index| 1 << index));
        index.map(|index| &self.shape.keys[index])
    }

    /// Where the key itself stands, if it is there.
    pub fn at(&self, name: &str) -> Option<Span> {
        self.ask(name)?;
        self.key_span(name)
    }

    /// Whether the key is there.
    pub fn has(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    /// The value, whatever it is; `None` also for what was refused before.
    pub fn node(&self, name: &str) -> Option<&'t Node> {
        self.ask(name)?;
        let (_, node) = self.entries.iter().find(|(key, _)| key.text == name)?;
        (!node.is_nothing()).then_some(node)
    }

    /// A value with what its key takes, for messages.
    fn value(&self, name: &str) -> Option<(&'t Node, &'static Key)> {
        Some((self.node(name)?, self.shape.key(name)?))
    }

    /// A text of any style: pattern, template, expression, name. An empty one is refused, but for plain text.
    pub fn text(&self, name: &str, problems: &mut Diagnostics) -> Option<Scalar<'t>> {
        let (node, key) = self.value(name)?;
        let Some(scalar) = node.scalar() else {
            refuse(node, key, problems);
            return None;
        };
        if scalar.text.is_empty() && !matches!(key.takes, Takes::Text | Takes::Template) {
            let message = format!("`{name}` is empty");
            problems.push(
                Diagnostic::error(Code::EMPTY_TEXT, scalar.span, message)
                    .help(format!("write {}, or leave the key out", key.takes.words())),
            );
            return None;
        }
        Some(scalar)
    }

    /// A value that may also be a `${…}`, which only a run knows; what is written out is judged here.
    pub fn value_or_template(&self, name: &str, problems: &mut Diagnostics) -> Option<&'t Node> {
        let (node, key) = self.value(name)?;
        if node.scalar().is_some_and(|scalar| scalar.text.contains("${")) {
            return Some(node);
        }
        let Takes::Either([kind, Takes::Template]) = &key.takes else {
            debug_assert!(false, "`{name}` of `{}` is no value or `${{…}}`", self.shape.name);
            return None;
        };
        let is_good = match kind {
            Takes::Int { .. } => self.int(name, problems).is_some(),
            Takes::Bool => self.bool(name, problems).is_some(),
            Takes::OneOf(_) => self.one_of(name, problems).is_some(),
            Takes::Duration => self.duration(name, problems).is_some(),
            _ => true,
        };
        is_good.then_some(node)
    }

    /// `true` or `false`.
    pub fn bool(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<bool>> {
        let (node, key) = self.value(name)?;
        if let Some(PlainValue::Bool(value)) = PlainValue::of(node) {
            return Some(Spanned { value, span: node.span });
        }
        refuse(node, key, problems);
        None
    }

    /// A whole number within the limits of the table.
    pub fn int(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<i64>> {
        let (node, key) = self.value(name)?;
        let Some(PlainValue::Int(value)) = PlainValue::of(node) else {
            refuse(node, key, problems);
            return None;
        };
        let limits = limits(&key.takes).unwrap_or((i64::MIN, i64::MAX));
        if value < limits.0 || value > limits.1 {
            let message = format!("`{name}` cannot be {value}");
            let help = format!("write {}", key.takes.words());
            problems.push(Diagnostic::error(Code::OUT_OF_RANGE, node.span, message).help(help));
            return None;
        }
        Some(Spanned { value, span: node.span })
    }

    /// A number, whole or not.
    pub fn number(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<f64>> {
        let (node, key) = self.value(name)?;
        #[expect(clippy::cast_precision_loss, reason = "a limit above 2^53 is no measurement")]
        let value = match PlainValue::of(node) {
            Some(PlainValue::Int(value)) => value as f64,
            Some(PlainValue::Float(value)) => value,
            _ => {
                refuse(node, key, problems);
                return None;
            }
        };
        Some(Spanned { value, span: node.span })
    }

    /// `1m30s`
    pub fn duration(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<Duration>> {
        let read = self.read_text(name, duration::parse, problems)?;
        if name == "timeout" && read.value.is_zero() {
            problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, read.span, "nothing can be done within no time")
                    .help("write how long it may take, such as `timeout: 5s`"),
            );
        }
        Some(read)
    }

    /// `1s..10s`, or one duration.
    pub fn duration_range(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<DurationRange>> {
        self.read_text(name, duration::parse_range, problems)
    }

    /// `10%` as 0.1.
    pub fn percent(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<f64>> {
        self.read_text(name, duration::parse_percent, problems)
    }

    fn read_text<T>(
        &self,
        name: &str,
        read: impl Fn(&str) -> Result<T, DurationError>,
        problems: &mut Diagnostics,
    ) -> Option<Spanned<T>> {
        let (node, key) = self.value(name)?;
        let Some(scalar) = node.scalar() else {
            refuse(node, key, problems);
            return None;
        };
        match read(scalar.text) {
            Ok(value) => Some(Spanned { value, span: node.span }),
            Err(error) => {
                problems.push(Diagnostic::error(Code::DURATION, node.span, error.message).help(error.help));
                None
            }
        }
    }

    /// `5`, `59..60`, `1..`, `..3`
    pub fn range(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<NumberRange>> {
        let (node, key) = self.value(name)?;
        let Some(scalar) = node.scalar() else {
            refuse(node, key, problems);
            return None;
        };
        if let Some(value) = NumberRange::parse(scalar.text) {
            return Some(Spanned { value, span: node.span });
        }
        let message = format!("`{}` is neither a number nor a range", scalar.text);
        let help = "write a number such as `5`, or a range: `59..60`, `1..`, `..3`";
        problems.push(Diagnostic::error(Code::RANGE, node.span, message).help(help));
        None
    }

    /// One of the words of the table.
    pub fn one_of(&self, name: &str, problems: &mut Diagnostics) -> Option<Spanned<&'static str>> {
        let (node, key) = self.value(name)?;
        let words = words(&key.takes);
        debug_assert!(!words.is_empty(), "`{name}` of `{}` is no choice of words", self.shape.name);
        let Some(scalar) = node.scalar() else {
            refuse(node, key, problems);
            return None;
        };
        if let Some(word) = words.iter().find(|word| **word == scalar.text) {
            return Some(Spanned { value: word, span: node.span });
        }
        let message = format!("`{name}` cannot be `{}`", scalar.text);
        let help = match nearest(scalar.text, words.iter().copied()) {
            Some(word) => format!("did you mean `{word}`? It takes {}", key.takes.words()),
            None => format!("it takes {}", key.takes.words()),
        };
        problems.push(Diagnostic::error(Code::UNKNOWN_WORD, node.span, message).help(help));
        None
    }

    /// The items of a list; what was refused before is left out.
    pub fn list(&self, name: &str, problems: &mut Diagnostics) -> Option<Vec<&'t Node>> {
        let (node, key) = self.value(name)?;
        let Some(items) = node.list() else {
            refuse(node, key, problems);
            return None;
        };
        Some(items.iter().filter(|item| !item.is_nothing()).collect())
    }

    /// A list of texts.
    pub fn texts(&self, name: &str, problems: &mut Diagnostics) -> Option<Vec<Scalar<'t>>> {
        let key = self.ask(name)?;
        let items = self.list(name, problems)?;
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.scalar() {
                Some(text) => texts.push(text),
                None => refuse(item, key, problems),
            }
        }
        Some(texts)
    }

    /// The entries of a map with names of its own; what was refused before is left out.
    pub fn map(&self, name: &str, problems: &mut Diagnostics) -> Option<Vec<(&'t yaml::Key, &'t Node)>> {
        let (node, key) = self.value(name)?;
        let Some(entries) = node.map() else {
            refuse(node, key, problems);
            return None;
        };
        Some(
            entries
                .iter()
                .filter(|(_, value)| !value.is_nothing())
                .map(|(key, value)| (key, value))
                .collect(),
        )
    }

    /// The map of another shape that the table names for this key.
    pub fn object(&self, name: &str, text: &str, problems: &mut Diagnostics) -> Option<Fields<'t>> {
        let (node, key) = self.value(name)?;
        let Some(shape) = object_shape(&key.takes) else {
            debug_assert!(false, "`{name}` of `{}` is no map", self.shape.name);
            return None;
        };
        if node.map().is_none() {
            refuse(node, key, problems);
            return None;
        }
        Fields::open(node, shape, text, problems)
    }

    /// Says that this reader does not need these keys here: another one reads them.
    pub fn leave(&self, names: &[&str]) {
        for name in names {
            self.ask(name);
        }
    }

    /// Ends the reading. Panics in debug builds if a key of the shape was never asked for.
    pub fn finish(self) {
        let asked = self.asked.get();
        let forgotten: Vec<_> =
            self.shape.keys.iter().enumerate().filter(|(index, _)| asked >> index & 1 == 0).collect();
        debug_assert!(
            forgotten.is_empty(),
            "nobody reads {:?} of `{}`",
            forgotten.iter().map(|(_, key)| key.name).collect::<Vec<_>>(),
            self.shape.name
        );
    }
}

/// Reports a value of the wrong kind; `expected` is a sentence such as "`timeout` takes a duration". Says nothing
/// about what was refused before.
pub fn wrong_kind(node: &Node, expected: &str, help: Option<String>, problems: &mut Diagnostics) {
    let found = match &node.kind {
        Kind::Nothing => return,
        Kind::List(_) => "this is a list".to_owned(),
        Kind::Map(_) => "this is a map".to_owned(),
        Kind::Scalar { text, style: Style::Plain } => format!("this is `{text}`"),
        Kind::Scalar { .. } => "this is a text in quotes".to_owned(),
    };
    let mut problem = Diagnostic::error(Code::WRONG_KIND, node.span, format!("{expected}; {found}"));
    problem.help = help;
    problems.push(problem);
}

fn refuse(node: &Node, key: &Key, problems: &mut Diagnostics) {
    let expected = format!("`{}` takes {}", key.name, key.takes.words());
    wrong_kind(node, &expected, cure(node, key), problems);
}

/// Lists and maps that say nothing, or that nothing could ever meet, when they hold nothing.
const NEVER_EMPTY: [&str; 18] = [
    "steps", "else", "on_error", "always", "fail", "final", "set", "check", "use", "hooks", "schedule",
    "events", "up", "reset", "qos", "collect", "only", "never",
];

fn refuse_empty(node: &Node, key: &Key, problems: &mut Diagnostics) {
    let is_empty = match &node.kind {
        Kind::List(items) => items.is_empty(),
        // Elsewhere a map is wrong, with or without anything in it.
        Kind::Map(entries) => entries.is_empty() && ["set", "check", "collect"].contains(&key.name),
        Kind::Scalar { .. } | Kind::Nothing => false,
    };
    if is_empty {
        let help = format!("write {}, or leave the key out", key.takes.words());
        problems.push(
            Diagnostic::error(Code::EMPTY_TEXT, node.span, format!("`{}` is empty", key.name)).help(help),
        );
    }
}

/// What to write instead of a value of the wrong kind.
fn cure(node: &Node, key: &Key) -> Option<String> {
    if let Some(scalar) = node.scalar() {
        let is_bool = matches!(key.takes, Takes::Bool);
        let word = match scalar.text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "true" if is_bool => Some("true"),
            "no" | "off" | "false" if is_bool => Some("false"),
            _ => None,
        };
        if let Some(word) = word {
            return Some(format!("write `{}: {word}`", key.name));
        }
        if scalar.style != Style::Plain && limits(&key.takes).is_some() && scalar.text.parse::<i64>().is_ok()
        {
            return Some(format!("write it without quotes: `{}: {}`", key.name, scalar.text));
        }
    }
    match &key.takes {
        Takes::Steps | Takes::List(_) if node.list().is_none() => {
            Some(format!("begin each item with `- ` on a line of its own, or write `{}: [a, b]`", key.name))
        }
        Takes::Duration => Some(format!("write `{}: 5s`", key.name)),
        Takes::Bool => Some(format!("write `{0}: true` or `{0}: false`", key.name)),
        Takes::Int { min, .. } if key.example.is_empty() => {
            Some(format!("write digits alone, such as `{}: {min}`", key.name))
        }
        _ if !key.example.is_empty() => Some(format!("write it like `{}: {}`", key.name, key.example)),
        _ => None,
    }
}

/// With its article: `a step`, `an event`.
fn a(name: &str) -> String {
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// The word of `known` that was probably meant.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase().replace('-', "_");
    known
        .map(|candidate| (strsim::damerau_levenshtein(&lower, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(lower.len()) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

fn unknown_key(shape: &Shape, key: &yaml::Key, before: Option<&(yaml::Key, Node)>, text: &str) -> Diagnostic {
    if before.is_some() && key.style == Style::Plain && is_cut_off(key, text) {
        return traps::comma(text, key, before);
    }
    let problem =
        Diagnostic::error(Code::UNKNOWN_KEY, key.span, format!("{} has no `{}`", a(shape.name), key.text));
    if let Some((_, instead)) = shape.instead.iter().find(|(word, _)| *word == key.text) {
        return problem.help(*instead);
    }
    match nearest(&key.text, shape.keys.iter().map(|key| key.name)) {
        Some(name) => problem.help(format!("did you mean `{name}`?")),
        None if shape.keys.len() > 16 => {
            problem.help(format!("the keys of {} are listed in docs/reference.md", a(shape.name)))
        }
        None => problem
            .help(format!("it takes {}", or_list(shape.keys.iter().map(|key| format!("`{}`", key.name))))),
    }
}

/// Whether a key in braces is the rest of a value that a comma ended: a number, AT text, or right at the comma.
fn is_cut_off(key: &yaml::Key, text: &str) -> bool {
    key.text.starts_with(|first: char| first.is_ascii_digit())
        || traps::is_at_text(&key.text)
        || text[..key.span.start].ends_with(',')
}

/// The limits of a whole number, if one may stand here.
fn limits(takes: &Takes) -> Option<(i64, i64)> {
    match takes {
        Takes::Int { min, max } => Some((*min, *max)),
        Takes::Either(choices) => choices.iter().find_map(limits),
        _ => None,
    }
}

/// The words that may stand here.
fn words(takes: &Takes) -> &'static [&'static str] {
    match takes {
        Takes::OneOf(words) => words,
        Takes::Either(choices) => choices.iter().map(words).find(|words| !words.is_empty()).unwrap_or(&[]),
        _ => &[],
    }
}

/// The map that may stand here.
fn object_shape(takes: &Takes) -> Option<&'static Shape> {
    match takes {
        Takes::Object(shape) => Some(shape),
        Takes::Either(choices) => choices.iter().find_map(object_shape),
        _ => None,
    }
}
