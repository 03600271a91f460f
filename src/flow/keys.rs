//! The one definition of the language's YAML objects: which keys a map may have, what each takes, what it is
//! when left out, and what it means. The reader of maps (`fields`), the JSON schema for editors (`schema`) and
//! the reference for people (`reference`) are all made from these tables, so they cannot disagree.

mod dialect;
mod expectation;
mod faults;
mod files;
mod scenario;
mod station;
mod step;
mod test;

pub use dialect::{BLOCK, COMMAND, DIALECT, DIALECT_LIMITS, LINE, MANY, RESULTS, URC};
pub use expectation::EXPECTATION;
pub use faults::{TEST_FAULT, TEST_RATES};
pub use files::{CLOUD, CLOUD_LIMITS, FLOW, LINK, LINK_CHECK, LINK_DOWN, LINK_RESET, NAMED_FLOW, VAR_SOURCE};
pub use scenario::{SCENARIO, TEST_EVENT, TEST_LOGIN, TEST_SIM};
pub use station::{DOWNLINK, EVENT, METHOD, OUTBOX, PARAM, REPLY, SCHEDULE, STATE_VALUE, STATION};
pub use step::{ACTIONS, ANY, MEASUREMENT, PORT, PROBE, RETRY, STEP};
pub use test::{TEST, TEST_CALL, TEST_FILE};

use super::diag::Code;
use super::yaml::Node;

/// One kind of map.
#[derive(Debug)]
pub struct Shape {
    /// What people call it: `step`, `command entry`.
    pub name: &'static str,
    /// What it is for, as full sentences.
    pub doc: &'static str,
    /// Its keys, in the order in which they are best written.
    pub keys: &'static [Key],
    /// What holds between keys.
    pub rules: &'static [Rule],
    /// Words that somebody may try here, each with what the language says instead.
    pub instead: &'static [(&'static str, &'static str)],
}

impl Shape {
    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// One key of a map.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value may be.
    pub takes: Takes,
    /// It may not be left out.
    pub required: bool,
    /// What holds when it is left out; empty if that is nothing.
    pub default: &'static str,
    /// What it means: lower-case start, no full stop.
    pub doc: &'static str,
    /// A value as it is written; empty where the type says it all.
    pub example: &'static str,
    /// The actions it rides on; empty for all, and in maps that are no steps.
    pub on: &'static [&'static str],
}

impl Key {
    const fn new(name: &'static str, takes: Takes, doc: &'static str) -> Self {
        Self { name, takes, required: false, default: "", doc, example: "", on: &[] }
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn on(mut self, actions: &'static [&'static str]) -> Self {
        self.on = actions;
        self
    }
}

/// What holds between the keys of a map.
#[derive(Debug)]
pub struct Rule {
    /// What holds.
    pub check: Check,
    /// The problem if it does not.
    pub code: Code,
    /// What to do then.
    pub help: &'static str,
}

/// A condition on which keys are there together.
#[derive(Debug)]
pub enum Check {
    /// They exclude each other.
    AtMostOne(&'static [&'static str]),
    /// One of them must be there.
    AtLeastOne(&'static [&'static str]),
    /// With `key` one of `needs` must be there, unless `unless` is.
    Needs {
        /// What brings the need.
        key: &'static str,
        /// One of these.
        needs: &'static [&'static str],
        /// This lifts it.
        unless: &'static [&'static str],
    },
}

impl Rule {
    const fn at_most_one(keys: &'static [&'static str], help: &'static str) -> Self {
        Self { check: Check::AtMostOne(keys), code: Code::CONTRADICTION, help }
    }

    const fn at_least_one(keys: &'static [&'static str], help: &'static str) -> Self {
        Self { check: Check::AtLeastOne(keys), code: Code::MISSING_KEY, help }
    }

    const fn needs(key: &'static str, needs: &'static [&'static str], help: &'static str) -> Self {
        Self { check: Check::Needs { key, needs, unless: &[] }, code: Code::MISSING_KEY, help }
    }

    /// What is missing is a problem of its own.
    const fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }
}

/// What the value of a key may be.
#[derive(Debug)]
pub enum Takes {
    /// Text as it stands.
    Text,
    /// Text with `${…}`.
    Template,
    /// A Rhai expression, without `${…}`.
    Expression,
    /// A pattern of one line.
    Pattern,
    /// An MQTT topic with holes.
    Topic,
    /// A pattern, a list of lines in order, or `any:`.
    Sequence,
    /// A pattern, or a list of which any does.
    Alternatives,
    /// `1m30s`
    Duration,
    /// A duration, or `A..B`.
    DurationRange,
    /// `10%`
    Percent,
    /// A whole number within limits.
    Int {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A number, whole or not.
    Number,
    /// A whole number, `A..B`, `A..` or `..B`.
    Range,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any YAML value, taken as it stands.
    Plain,
    /// What a test compares with: `null` is a value, too.
    Compared,
    /// A text is an expression; a number, boolean or list is itself.
    Value,
    /// YAML with `${…}` in its leaves; a leaf that is one `${…}` keeps its type.
    Tree,
    /// Names, each may have a default: `[topic, qos: 0]`.
    Params,
    /// `[…]` of something.
    List(&'static Self),
    /// `{name: …}` of something.
    Map(&'static Self),
    /// A map with these keys.
    Object(&'static Shape),
    /// A list of steps.
    Steps,
    /// Any of these.
    Either(&'static [Self]),
}

impl Takes {
    /// In words, for messages and the reference: `a duration`, `a list of texts`.
    pub fn words(&self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Template => "a text with `${…}`".to_owned(),
            Self::Expression => "an expression".to_owned(),
            Self::Pattern => "a pattern".to_owned(),
            Self::Topic => "a topic".to_owned(),
            Self::Sequence => "a pattern, a list of patterns or `any:`".to_owned(),
            Self::Alternatives => "a pattern or a list of patterns".to_owned(),
            Self::Duration => "a duration".to_owned(),
            Self::DurationRange => "a duration or a range".to_owned(),
            Self::Percent => "a percentage".to_owned(),
            Self::Int { min, max: i64::MAX } => format!("a whole number from {min}"),
            Self::Int { min: i64::MIN, .. } => "a whole number".to_owned(),
            Self::Int { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number => "a number".to_owned(),
            Self::Range => "a number or a range".to_owned(),
            Self::Bool => "`true` or `false`".to_owned(),
            Self::OneOf(words) => or_list(words.iter().map(|word| format!("`{word}`"))),
            Self::Plain => "any value".to_owned(),
            Self::Compared => "any value or `null`".to_owned(),
            Self::Value => "an expression, number, boolean or list".to_owned(),
            Self::Tree => "values with `${…}`".to_owned(),
            Self::Params => "a list of names".to_owned(),
            Self::List(item) => format!("a list, each {}", item.words()),
            Self::Map(value) => format!("a map, each {}", value.words()),
            Self::Object(shape) => format!("a {} map", shape.name),
            Self::Steps => "a list of steps".to_owned(),
            Self::Either(choices) => or_list(choices.iter().map(Self::words)),
        }
    }
}

/// `a, b or c`.
pub(super) fn or_list(words: impl IntoIterator<Item = String>) -> String {
    let mut words: Vec<_> = words.into_iter().collect();
    match words.pop() {
        None => String::new(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

/// Every kind of map, the files first; what the schema and the reference show.
pub const SHAPES: &[&Shape] = &[
    &FLOW,
    &STATION,
    &CLOUD,
    &DIALECT,
    &STEP,
    &RETRY,
    &PROBE,
    &PORT,
    &MEASUREMENT,
    &ANY,
    &NAMED_FLOW,
    &VAR_SOURCE,
    &STATE_VALUE,
    &SCHEDULE,
    &EVENT,
    &DOWNLINK,
    &REPLY,
    &METHOD,
    &PARAM,
    &OUTBOX,
    &LINK,
    &LINK_CHECK,
    &LINK_DOWN,
    &LINK_RESET,
    &CLOUD_LIMITS,
    &LINE,
    &RESULTS,
    &DIALECT_LIMITS,
    &URC,
    &BLOCK,
    &MANY,
    &COMMAND,
    &TEST_FILE,
    &TEST,
    &SCENARIO,
    &TEST_SIM,
    &TEST_LOGIN,
    &TEST_EVENT,
    &TEST_RATES,
    &TEST_FAULT,
    &EXPECTATION,
    &TEST_CALL,
];

/// Which of the three kinds of flow file a map is: a station runs for ever, a cloud file is brought in by one,
/// everything else is a flow that ends.
pub fn file_shape(root: &Node) -> &'static Shape {
    let has = |keys: &[&str]| keys.iter().any(|key| root.get(key).is_some());
    if has(&["schedule", "events", "state", "outbox"])
        || root.get("downlink").is_some_and(is_handled_downlink)
    {
        &STATION
    } else if !has(&["steps", "module"]) && has(&["link", "downlink", "limits"]) {
        &CLOUD
    } else if has(&["link", "downlink"]) && !has(&["steps"]) {
        &STATION
    } else {
        &FLOW
    }
}

/// A cloud file says how a command looks, a station what answers it.
pub fn is_handled_downlink(downlink: &Node) -> bool {
    downlink.get("handlers").is_some() || downlink.get("methods").is_some()
}
