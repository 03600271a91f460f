//! What a step does.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::CommandRules;
use crate::at::pattern::{Lists, Pattern, Sequence};
use crate::flow::topic::TopicPattern;
use crate::hooks::Value;

use super::{Expr, FlowId, Input, Leaf, Slot, Step, Template};

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
    /// A line that came before the last final result is an earlier command's.
    pub after_result: bool,
}

/// `receive`.
#[derive(Debug)]
pub struct Receive {
    /// The topics it takes.
    pub topic: TopicPattern,
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
