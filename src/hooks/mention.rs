//! What a script names literally and does not define itself: values of a station's `state`, and flows. Whoever
//! knows the station can say before anything runs that there is no such thing.

use std::ops::Range;

use rhai::{ASTNode, BinaryExpr, Expr, FnCallExpr, Position, Stmt};

use super::check::Findings;
use super::problem::{offset, word};
use super::station::STATE;

/// A name that stands literally in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What it must be the name of.
    pub what: Mentioned,
    /// The name.
    pub name: String,
    /// Which bytes of the source.
    pub at: Range<usize>,
}

/// What a mentioned name must be the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mentioned {
    /// A value of `state`: `state.x`, `state["x"]`, in a handler also `state.get("x")` and `state.set("x", …)`.
    State,
    /// A flow that gets params, or none: `run("x")`, `run("x", #{…})`, `after("1s", "x")`.
    Flow {
        /// Whether params stand beside it.
        with_params: bool,
    },
}

impl Mention {
    /// Takes what was found, in the order of the source.
    pub(super) fn all(source: &str, findings: &mut Findings) -> Vec<Self> {
        let mut all: Vec<Self> = std::mem::take(&mut findings.mentions)
            .into_iter()
            .map(|(what, name, position)| {
                let start = offset(source, position);
                Self { what, name, at: start..start + word(&source[start..]).len() }
            })
            .collect();
        all.sort_by_key(|mention| mention.at.start);
        all.dedup();
        all
    }
}

/// What a node of a script names.
pub(super) fn mention(node: &ASTNode<'_>) -> Option<(Mentioned, String, Position)> {
    match node {
        ASTNode::Expr(Expr::Dot(pair, ..) | Expr::Index(pair, ..)) => {
            let (name, position) = of_state(pair)?;
            Some((Mentioned::State, name, position))
        }
        ASTNode::Expr(Expr::FnCall(call, _)) | ASTNode::Stmt(Stmt::FnCall(call, _)) => of_flow(call),
        _ => None,
    }
}

/// The name behind the variable `state`.
fn of_state(pair: &BinaryExpr) -> Option<(String, Position)> {
    match &pair.lhs {
        Expr::Variable(variable, ..) if variable.0.is_none() && variable.1 == STATE => {}
        _ => return None,
    }
    // A longer chain hangs below the first link.
    let first = match &pair.rhs {
        Expr::Dot(rest, ..) | Expr::Index(rest, ..) => &rest.lhs,
        first => first,
    };
    match first {
        Expr::Property(property, position) => Some((property.2.to_string(), *position)),
        Expr::StringConstant(name, position) => Some((name.to_string(), *position)),
        Expr::MethodCall(call, _) if matches!(call.name.as_str(), "get" | "set") => text(call.args.first()?),
        _ => None,
    }
}

fn of_flow(call: &FnCallExpr) -> Option<(Mentioned, String, Position)> {
    let (index, with_params) = match (call.name.as_str(), call.args.len()) {
        ("run", 1) => (0, false),
        ("run", 2) => (0, true),
        ("after", 2) => (1, false),
        _ => return None,
    };
    let (name, position) = text(call.args.get(index)?)?;
    Some((Mentioned::Flow { with_params }, name, position))
}

fn text(argument: &Expr) -> Option<(String, Position)> {
    match argument {
        Expr::StringConstant(text, position) => Some((text.to_string(), *position)),
        _ => None,
    }
}
