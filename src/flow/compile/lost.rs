//! What a file lacks because it is no YAML there, and what would only be said because of that.

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};

/// The parts of a file that were passed over.
#[derive(Default)]
pub(super) struct Lost {
    parts: Vec<(Span, String)>,
}

impl Lost {
    pub fn new(spans: Vec<Span>, text: &str) -> Self {
        let part = |span: Span| (span, text.get(span.range()).unwrap_or_default().to_string());
        Self { parts: spans.into_iter().map(part).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether all of it stands in these lists.
    pub fn is_in(&self, lists: &[Span]) -> bool {
        self.parts.iter().all(|(span, _)| lists.iter().any(|list| list.holds(*span)))
    }

    /// Whether a problem follows from what is lost.
    pub fn explains(&self, problem: &Diagnostic) -> bool {
        let touches = |span: &Span| {
            span.file == problem.at.file && problem.at.start <= span.end && span.start <= problem.at.end
        };
        let names = |text: &str| match problem.code {
            Code::UNKNOWN_NAME | Code::UNKNOWN_FLOW => {
                named(problem).is_some_and(|name| has_word(text, name))
            }
            // A step that cannot be made is none that a later one could name; its lines and patterns are not known.
            Code::WITHIN | Code::ERROR_NAME | Code::TABLE_FORM => true,
            _ => false,
        };
        self.parts.iter().any(|(span, text)| touches(span) || names(text))
    }
}

/// What a message is about stands in it first.
fn named(problem: &Diagnostic) -> Option<&str> {
    problem.message.split('`').nth(1)
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).any(|part| part == word)
}
