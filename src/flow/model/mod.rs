//! The checked program: what `compile` makes of the YAML, and what `run` executes. After loading there is
//! nothing left to interpret: patterns and expressions are compiled, names are slots, durations are
//! durations, and everything keeps its place in the source for the day it fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::{CommandRules, Dialect};
use crate::at::pattern::{Lists, Pattern, Sequence};
use crate::hooks::{Expression, Hooks, Value};

use super::diag::{FileId, Span};

pub mod station;

pub use station::{Computation, Station};

/// Index of a flow in [`Program::flows`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowId(pub usize);

/// Index of a file in [`Program::units`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitId(pub usize);

/// Index of a name in the frame of a running flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub usize);

/// The slot of `attempt`, the number of the innermost retried step's attempt, from 1.
pub const ATTEMPT: Slot = Slot(0);
/// The slot of `error`, set inside `on_error` and `always`.
pub const ERROR: Slot = Slot(1);

/// A flow file with all that it imports.
pub struct Program {
    /// The file's `name`, or its file name.
    pub name: String,
    /// The file that was asked for.
    pub main_file: FileId,
    /// The module's dialect.
    pub dialect: Arc<Dialect>,
    /// The files, the main one first.
    pub units: Vec<Unit>,
    /// Every flow of every file.
    pub flows: Vec<Flow>,
    /// The main file's own steps.
    pub main: Option<FlowId>,
    /// What can be named on the command line and by `run:` in the main file.
    pub named: BTreeMap<String, FlowId>,
    /// The contract's flows of the dialect: `wake`, `connect`, `publish`, …
    pub contract: BTreeMap<String, FlowId>,
    /// What makes it a station; `None` for a file whose flows end.
    pub station: Option<Station>,
}

impl Program {
    /// The flow with this id.
    pub fn flow(&self, id: FlowId) -> &Flow {
        &self.flows[id.0]
    }

    /// The file that a flow stands in.
    pub fn unit_of(&self, id: FlowId) -> &Unit {
        &self.units[self.flows[id.0].unit.0]
    }
}

/// One file: its own vars and hooks.
pub struct Unit {
    /// As shown to the user.
    pub path: String,
    /// The file that imported this one; its vars of the same name win.
    pub parent: Option<UnitId>,
    /// In file order.
    pub vars: Vec<Var>,
    /// What its expressions can call.
    pub hooks: Hooks,
}

/// One entry of `vars`.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// Where its value comes from.
    pub source: VarSource,
    /// Used when the source has nothing.
    pub default: Option<Value>,
    /// Used instead of the source on a simulated or replayed port.
    pub simulated: Option<Value>,
    /// Masked wherever it is shown or written.
    pub secret: bool,
}

/// Where a var's value comes from.
#[derive(Clone, Debug)]
pub enum VarSource {
    /// Written in the file.
    Value(Value),
    /// An environment variable.
    Env(String),
    /// A file's bytes, relative to the YAML file.
    File(String),
    /// A CSV file with a header line: a list of maps of texts.
    Csv(String),
    /// A JSON file.
    Json(String),
    /// None: it must be given by `default`, an importing file or `--var`.
    Missing,
}

/// A list of steps with a name.
#[derive(Debug)]
pub struct Flow {
    /// Its name; the main flow has the file's.
    pub name: String,
    /// Where it is defined.
    pub span: Span,
    /// The file whose vars and hooks it sees.
    pub unit: UnitId,
    /// What a caller passes.
    pub params: Vec<Param>,
    /// What a caller gets: name and slot.
    pub returns: Vec<(Arc<str>, Slot)>,
    /// One attempt of the whole flow.
    pub timeout: Option<Duration>,
    /// The whole flow, again.
    pub retry: Retry,
    /// What it does.
    pub steps: Vec<Step>,
    /// When it failed for good.
    pub on_error: OnError,
    /// After it, passed or not.
    pub always: Vec<Step>,
    /// The names of its frame, by slot.
    pub names: Vec<Arc<str>>,
}

/// A parameter of a flow.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Arc<str>,
    /// Its place in the frame.
    pub slot: Slot,
    /// Taken when the caller passes nothing.
    pub default: Option<Value>,
}

/// One item of a flow.
#[derive(Debug)]
pub struct Step {
    /// Where it stands.
    pub span: Span,
    /// `name`, or the action's own text.
    pub title: Template,
    /// Whether its author gave it a name.
    pub named: bool,
    /// What a person should do when it fails.
    pub hint: Option<Template>,
    /// Evaluated once, before everything.
    pub when: Option<Expr>,
    /// Run instead, when `when` was false.
    pub otherwise: Vec<Step>,
    /// The probe that says "already so".
    pub unless: Option<Box<Probe>>,
    /// One attempt.
    pub timeout: Option<Duration>,
    /// Must begin this soon after an earlier sibling.
    pub within: Option<Within>,
    /// How often it is tried.
    pub retry: Retry,
    /// What it does.
    pub action: Action,
    /// In order; each sees the earlier ones.
    pub set: Vec<Assignment>,
    /// What must hold.
    pub check: Vec<Check>,
    /// Shown when it passed.
    pub log: Option<Template>,
    /// What its failure means.
    pub on_error: OnError,
    /// After it, if its action was begun.
    pub always: Vec<Step>,
    /// The names that it, or anything inside it, may set.
    pub defines: Vec<Slot>,
    /// The names that its `on_error` steps may set.
    pub recovers: Vec<Slot>,
}

/// `unless`: a question whose good answer makes the step unnecessary.
#[derive(Debug)]
pub struct Probe {
    /// Where it stands.
    pub span: Span,
    /// The question.
    pub send: Send,
    /// One attempt.
    pub timeout: Option<Duration>,
    /// What else must hold.
    pub check: Vec<Check>,
}

/// `within: 5s of open TCP`.
#[derive(Clone, Debug)]
pub struct Within {
    /// At most this long after it passed.
    pub limit: Duration,
    /// Index of the earlier sibling in the same list.
    pub sibling: usize,
    /// Its name, for messages.
    pub name: String,
}

/// A step's action.
#[derive(Debug)]
pub enum Action {
    /// Only riders (`set`, `check`, `log`).
    None,
    /// One command line.
    Send(Box<Send>),
    /// Lines nobody asked for.
    Await(Box<Await>),
    /// The oldest unclaimed message on a topic.
    Receive(Receive),
    /// The contract's `publish`.
    Publish(Box<Publish>),
    /// Another flow.
    Run(Box<Call>),
    /// Steps in a row.
    Group(Vec<Step>),
    /// The steps once an element.
    Each(Box<Each>),
    /// Nothing for a while, while lines are still sorted.
    Sleep(Duration),
    /// A question to the operator.
    Ask(Box<Ask>),
    /// Another baud rate, DTR, RTS, break.
    Port(Box<PortStep>),
    /// The flow ends here, as passed, with this reason.
    Stop(Template),
}

/// `send`.
#[derive(Debug)]
pub struct Send {
    /// Counts the sends of a program, so that a run can keep what it worked out for each.
    pub id: usize,
    /// The command line.
    pub line: Template,
    /// Sent when the prompt comes.
    pub data: Option<Template>,
    /// What the step itself says; it wins over the command table, key by key.
    pub rules: CommandRules,
    /// Slots for what the patterns capture, of the step and of every table entry it could meet.
    pub captures: Vec<(Arc<str>, Slot)>,
    /// The text of variables in `{=x}` holes.
    pub same: Vec<Input>,
}

/// `await` as a step.
#[derive(Debug)]
pub struct Await {
    /// The lines, in order.
    pub lines: Arc<Sequence>,
    /// Any of these ends it.
    pub fail: Option<Arc<Vec<Pattern>>>,
    /// Lists gathered on the way.
    pub collect: Option<Arc<Lists>>,
    /// Where captures go.
    pub captures: Vec<(Arc<str>, Slot)>,
    /// The text of variables in `{=x}` holes.
    pub same: Vec<Input>,
}

/// `receive`.
#[derive(Debug)]
pub struct Receive {
    /// The topics it takes.
    pub topic: super::topic::TopicPattern,
    /// Slots of `topic`, `payload`, `body` and of the topic's holes.
    pub captures: Vec<(Arc<str>, Slot)>,
}

/// `publish` in a flow that ends.
#[derive(Debug)]
pub struct Publish {
    /// The topic.
    pub topic: Template,
    /// What is published.
    pub payload: Payload,
    /// Quality of service; `None`: 0 in a flow that ends, the outbox's own in a station.
    pub qos: Option<Leaf>,
    /// Whether the broker keeps it.
    pub retain: Leaf,
    /// The contract's flow.
    pub flow: FlowId,
}

/// What a `publish` carries.
#[derive(Debug)]
pub enum Payload {
    /// A value, written as JSON; entries that are `()` are left out.
    Json(Leaf),
    /// A text.
    Text(Template),
    /// Bytes.
    Bytes(Expr),
}

/// `run`.
#[derive(Debug)]
pub struct Call {
    /// The flow.
    pub flow: FlowId,
    /// What is passed, by the parameter's index.
    pub with: Vec<(usize, Leaf)>,
    /// Contract parameters that the dialect does not list: only their default may be passed.
    pub unsupported: Vec<Unsupported>,
    /// What comes back: index in the flow's `returns`, slot here.
    pub returns: Vec<(usize, Slot)>,
}

/// A contract parameter that this dialect does not know.
#[derive(Debug)]
pub struct Unsupported {
    /// Its name.
    pub name: String,
    /// What was passed.
    pub value: Leaf,
    /// The only value that may be passed.
    pub default: Value,
}

/// `each`.
#[derive(Debug)]
pub struct Each {
    /// The loop name.
    pub slot: Slot,
    /// The list.
    pub list: Expr,
    /// Once an element.
    pub steps: Vec<Step>,
    /// Names that are first set in the body: `()` at the start of each round.
    pub fresh: Vec<Slot>,
    /// The list's length, where it is known at load time.
    pub length: Option<usize>,
}

/// `ask`.
#[derive(Debug)]
pub struct Ask {
    /// Shown to the operator.
    pub question: Template,
    /// What the typed line must look like.
    pub expect: Option<Arc<Sequence>>,
    /// Where captures go.
    pub captures: Vec<(Arc<str>, Slot)>,
    /// The variables of `{=x}` holes.
    pub same: Vec<Input>,
}

/// `port`.
#[derive(Debug)]
pub struct PortStep {
    /// Bits per second.
    pub baud: Option<Leaf>,
    /// `on` or `off`.
    pub dtr: Option<Leaf>,
    /// `on` or `off`.
    pub rts: Option<Leaf>,
    /// A duration.
    pub break_for: Option<Leaf>,
}

/// `NAME: expression` under `set`.
#[derive(Debug)]
pub struct Assignment {
    /// Where it goes.
    pub target: Target,
    /// What goes there.
    pub value: Leaf,
}

/// Where `set` puts a value.
#[derive(Clone, Debug)]
pub enum Target {
    /// A name of the running flow.
    Slot(Slot),
    /// A value of the station's `state`, by its index.
    State(usize),
}

/// A condition, or a measurement with limits.
#[derive(Debug)]
pub struct Check {
    /// The measurement's name; `None` for a plain condition.
    pub name: Option<Arc<str>>,
    /// The condition, or the measured value.
    pub value: Expr,
    /// Smallest good value.
    pub min: Option<Leaf>,
    /// Largest good value.
    pub max: Option<Leaf>,
    /// For people.
    pub unit: Option<String>,
}

/// How often a thing is tried. "Never tried" cannot be written.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// At most so many attempts; `None` with `limit` or `forever` only.
    pub attempts: Option<u32>,
    /// No attempt starts later than this after the first start.
    pub limit: Option<Duration>,
    /// The pause between attempts.
    pub pause: Pause,
    /// Added to each pause.
    pub jitter: Jitter,
    /// Only these errors are tried again.
    pub only: Vec<ErrorMatch>,
    /// These never are.
    pub never: Vec<ErrorMatch>,
    /// No end; must be said.
    pub forever: bool,
    /// Whether the author wrote a retry at all.
    pub written: bool,
}

impl Retry {
    /// Whether an error of this name, family and number is tried again. `by_default`: it is if neither
    /// `only` nor `never` says anything.
    pub fn takes(&self, name: &str, family: &str, number: Option<i64>, by_default: bool) -> bool {
        let among = |list: &[ErrorMatch]| list.iter().any(|item| item.takes(name, family, number));
        let named = among(&self.only);
        (by_default || named) && !among(&self.never) && (self.only.is_empty() || named)
    }
}

/// The pause between attempts.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    /// Start to start; at once if the attempt took longer.
    Every(Duration),
    /// End to start, doubling from the first to the second.
    Backoff(Duration, Duration),
}

impl Default for Pause {
    fn default() -> Self {
        Self::Every(Duration::from_secs(1))
    }
}

/// Chance added to a pause.
#[derive(Clone, Copy, Debug, Default)]
pub enum Jitter {
    /// None.
    #[default]
    None,
    /// Up to this part of the pause (0.1 is 10 %).
    Part(f64),
    /// Up to this long.
    Time(Duration),
}

/// One item of `only` or `never`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorMatch {
    /// A name (`timeout`, `no carrier`) or a family with any number (`cme`).
    Name(String),
    /// `cme 10`, `cme 30..32`.
    Numbers(String, i64, i64),
}

impl ErrorMatch {
    /// Whether an error of this name, family and number is meant.
    pub fn takes(&self, name: &str, family: &str, number: Option<i64>) -> bool {
        match self {
            Self::Name(wanted) => wanted == name || wanted == family,
            Self::Numbers(wanted, from, to) => {
                wanted == family && number.is_some_and(|number| (*from..=*to).contains(&number))
            }
        }
    }
}

/// What a failure for good means for the list it stands in.
#[derive(Debug, Default)]
pub enum OnError {
    /// The list fails at once.
    #[default]
    Fail,
    /// It counts as passed.
    Ignore,
    /// The rest of the list runs, then the list fails with this error.
    Continue,
    /// Recovered, if these pass.
    Steps(Vec<Step>),
}

/// Where an expression's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The running flow's frame.
    Slot(Slot),
    /// The file's vars.
    Var(usize),
    /// The filters of a station's subscriptions; empty in a flow that ends.
    Subscriptions,
    /// All values of a station's `state`, a map.
    State,
    /// Whether the next session with the broker must begin without what the broker remembers.
    CleanSession,
    /// The vars of another file than the frame's: a [`Computation`] may hold expressions of two files.
    VarOf(UnitId, usize),
}

/// A name an expression reads.
#[derive(Clone, Debug)]
pub struct Input {
    /// As the expression says it.
    pub name: Arc<str>,
    /// Where the value is.
    pub from: Origin,
}

/// A compiled expression with its inputs.
#[derive(Debug)]
pub struct Expr {
    /// Where it stands.
    pub span: Span,
    /// For the script host.
    pub program: Expression,
    /// What it reads.
    pub inputs: Box<[Input]>,
}

/// Text with expressions in it.
#[derive(Debug)]
pub struct Template {
    /// Where it stands.
    pub span: Span,
    /// In order.
    pub pieces: Vec<Piece>,
}

/// A piece of a template.
#[derive(Debug)]
pub enum Piece {
    /// As it is.
    Text(String),
    /// A value; `quoted` when it stands between literal quotes of a command line.
    Expr {
        /// The expression.
        expr: Expr,
        /// Between literal `"`.
        quoted: bool,
    },
}

impl Template {
    /// The text, if there is no expression in it.
    pub fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The text before the first expression.
    pub fn literal_prefix(&self) -> &str {
        match self.pieces.first() {
            Some(Piece::Text(text)) => text,
            _ => "",
        }
    }
}

/// A value written in YAML with `${…}` in its leaves.
#[derive(Debug)]
pub enum Leaf {
    /// As written.
    Plain(Value),
    /// Exactly one `${…}`: keeps its type.
    Expr(Expr),
    /// Text around it.
    Template(Template),
    /// A list.
    List(Vec<Leaf>),
    /// A map, in file order.
    Map(Vec<(Arc<str>, Leaf)>),
}
