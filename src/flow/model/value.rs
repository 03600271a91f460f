//! Expressions with their inputs, and texts and values with expressions in them.

use std::sync::Arc;

use crate::flow::diag::Span;
use crate::hooks::{Expression, Value};

use super::{Slot, UnitId};

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
    /// The vars of another file than the frame's: a [`Computation`](super::Computation) may hold expressions of two files.
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
