//! What is well written and cannot work: a condition that is a number, a loop over one, a command that asks for
//! data where the step has none. A run would find out at that step; here it costs nothing.

use crate::at::table::split_joined;
use crate::flow::codes::Code;
use crate::flow::diag::Diagnostic;
use crate::flow::model::Expr;
use crate::flow::template;
use crate::flow::yaml::Node;
use crate::hooks;

use super::Compiler;
use super::scope::Scope;
use super::send::SendNodes;

/// Most elements of a list that is known when the flow is checked.
const KNOWN_LIST: usize = 100_000;

impl Compiler<'_> {
    /// An expression that must be true or false.
    pub(super) fn condition(&mut self, node: &Node, scope: &Scope) -> Option<Expr> {
        let expr = self.bare_expr(node, scope)?;
        let wrong = expr.program.literal().filter(|value| value.as_bool().is_err());
        if let Some(value) = wrong {
            let (source, kind) = (expr.program.source(), hooks::kind_of(&value));
            let message = format!("`{source}` gives {kind}, not true or false");
            self.problems.push(
                Diagnostic::error(Code::WRONG_KIND, expr.span, message)
                    .help("write a comparison, such as `rssi != 99`"),
            );
            return None;
        }
        Some(expr)
    }

    /// The length of a list that depends on nothing. What is none cannot be gone through.
    pub(super) fn known_length(&mut self, list: &Expr) -> Option<usize> {
        if !list.inputs.is_empty() {
            return None;
        }
        let value = self.host.eval(&list.program, &[]).ok()?;
        match hooks::elements(&value, KNOWN_LIST) {
            Ok(elements) => Some(elements.len()),
            Err(why) => {
                let message = format!("`{}` cannot be gone through: {why}", list.program.source().trim());
                self.problems.push(
                    Diagnostic::error(Code::EACH, list.span, message)
                        .help("write a list, or a range such as `0..3`"),
                );
                None
            }
        }
    }

    /// A command that asks for data, as the dialect's table says, waits for it until its time is up.
    pub(super) fn refuse_missing_data(&mut self, line: &Node, nodes: &SendNodes<'_>) {
        let Some(scalar) = line.scalar().filter(|_| nodes.data.is_none()) else { return };
        let shape = template::shape(scalar.text);
        let entries = self.dialect.entries_for_shape(&shape);
        let asks = self.dialect.entry(&shape).is_some()
            && split_joined(&shape).len() == 1
            && entries.iter().all(|entry| entry.rules.prompt.is_some());
        if asks {
            self.problems.push(
                Diagnostic::error(
                    Code::MISSING_KEY,
                    scalar.span,
                    "this command asks for data, and the step has none",
                )
                .help("give the step its `data`"),
            );
        }
    }
}
