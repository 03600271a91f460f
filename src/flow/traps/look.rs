//! What is valid YAML, arrives without an error and is surely not meant.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{is_at_text, is_command, lead, quoted};
use crate::flow::diag::{Code, Diagnostic, Diagnostics, Span};
use crate::flow::template;
use crate::flow::yaml::{Key, Kind, Node, Scalar, Style};

/// Reports what is surely not meant, and puts [`Kind::Nothing`] in its place.
pub(in crate::flow) fn look(
    text: &str,
    root: &mut Node,
    comments: &[Range<usize>],
    problems: &mut Diagnostics,
) {
    let mut cuts = BTreeMap::new();
    for comment in comments {
        let end = text[..comment.start].trim_end_matches([' ', '\t']).len();
        cuts.insert(end, comment.clone());
    }
    Walk { text, cuts, problems }.node(root, None, false);
}

/// A map that was meant as a text: its first key is `+CPIN`.
pub(super) fn is_at_map(node: &Node) -> bool {
    matches!(node.map(), Some([(key, _), ..]) if key.style == Style::Plain && is_at_text(&key.text))
}

struct Walk<'s, 'p> {
    text: &'s str,
    /// Comments by where the value in front of them ends.
    cuts: BTreeMap<usize, Range<usize>>,
    problems: &'p mut Diagnostics,
}

impl Walk<'_, '_> {
    fn node(&mut self, node: &mut Node, key: Option<&str>, in_flow: bool) {
        if let Some(scalar) = node.scalar() {
            if scalar.style == Style::Plain && self.scalar(scalar, key, in_flow) {
                node.kind = Kind::Nothing;
            }
            return;
        }
        let flow_style = node.flow_style;
        let span = node.span;
        match &mut node.kind {
            Kind::List(items) => {
                self.list(items, flow_style, span);
                for item in items {
                    self.node(item, key, flow_style);
                }
            }
            Kind::Map(entries) => {
                for (key, value) in entries.iter_mut() {
                    self.value(key, value);
                    self.node(value, Some(&key.text), flow_style);
                }
                // `{ip:ipv4}`, said already: what else the map would be is not worth a word.
                if entries.iter().all(|(_, value)| value.is_nothing())
                    && self.problems.has(Code::PATTERN_MAP, span)
                {
                    node.kind = Kind::Nothing;
                }
            }
            Kind::Scalar { .. } | Kind::Nothing => {}
        }
    }

    /// `expect: {+CPIN: READY}`.
    fn value(&mut self, key: &Key, value: &mut Node) {
        // The keys of a command table are command lines.
        if key.text != "commands" && value.flow_style && is_at_map(value) {
            let written = &self.text[value.span.range()];
            let inner = written.trim_start_matches(['{', ' ']).trim_end_matches(['}', ' ']);
            self.problems.push(made_a_map(value.span, &format!("{}: {}", key.text, quoted(inner))));
            value.kind = Kind::Nothing;
        }
    }

    /// Items that are one text, taken apart at a `: ` or a comma.
    fn list(&mut self, items: &mut Vec<Node>, flow_style: bool, list: Span) {
        for index in 0..items.len() {
            let item = &items[index];
            if is_at_map(item) {
                let apart = flow_style && items[index + 1..].iter().any(holds_nothing);
                let end = if apart { list.end - 1 } else { item.span.end };
                let span = Span::new(item.span.file, item.span.start..end);
                let whole = quoted(self.text[span.range()].trim_end());
                let cure = if flow_style {
                    format!("{}[{whole}]", lead(self.text, list.start))
                } else {
                    format!("- {whole}")
                };
                self.problems.push(made_a_map(span, &cure));
                items[index].kind = Kind::Nothing;
                if apart {
                    items.truncate(index + 1);
                    return;
                }
            }
            let next = items.get(index + 1).and_then(Node::scalar).filter(|next| next.style == Style::Plain);
            let (Some(first), Some(next)) = (items[index].scalar(), next) else { continue };
            let splits = flow_style
                && first.style == Style::Plain
                && is_command(first.text)
                && first.text.contains('=');
            if splits && !is_at_text(next.text) {
                self.problems.push(split(self.text, first, next, list));
                items[index].kind = Kind::Nothing;
                items.truncate(index + 1);
                return;
            }
        }
    }

    /// Whether the scalar is of no use.
    fn scalar(&mut self, scalar: Scalar<'_>, key: Option<&str>, in_flow: bool) -> bool {
        if let Some(comment) = self.cuts.get(&scalar.span.end) {
            let begins_text =
                self.text[comment.start + 1..].starts_with(|first: char| !first.is_whitespace());
            let at = Span::new(scalar.span.file, comment.clone());
            if begins_text && scalar.text.contains("${") && template::parse(scalar.text).is_err() {
                self.problems.push(cut_template(scalar, at));
                return true;
            }
            let guarded = is_at_text(scalar.text)
                || scalar.text.contains("${")
                || matches!(key, Some("when" | "check"));
            if begins_text && guarded {
                self.problems.push(cut(self.text, scalar, at));
            }
        }
        if in_flow && is_at_text(scalar.text) && scalar.text.contains([',', '?', ':', '$', '"', '[', '{']) {
            self.problems.push(in_braces(self.text, scalar));
        }
        false
    }
}

/// Something inside has been refused.
fn holds_nothing(node: &Node) -> bool {
    match &node.kind {
        Kind::Nothing => true,
        Kind::Map(entries) => entries.iter().any(|(_, value)| value.is_nothing()),
        _ => false,
    }
}

fn made_a_map(at: Span, cure: &str) -> Diagnostic {
    Diagnostic::error(Code::COLON, at, "the `: ` in this text makes a map of it")
        .help(format!("put the whole text in single quotes: `{cure}`"))
}

fn split(text: &str, first: Scalar<'_>, next: Scalar<'_>, list: Span) -> Diagnostic {
    let whole = text[first.span.start..list.end - 1].trim_end();
    Diagnostic::error(
        Code::COMMA,
        next.span,
        format!("inside `[…]` a comma begins a new item: `{}` is not part of `{}`", next.text, first.text),
    )
    .help(format!(
        "put the whole text in single quotes: `{}[{}]`",
        lead(text, list.start),
        quoted(whole)
    ))
}

fn cut_template(scalar: Scalar<'_>, comment: Span) -> Diagnostic {
    Diagnostic::error(
        Code::CUT,
        comment,
        format!("` #` begins a comment; all that is left of the value is `{}`", scalar.text),
    )
    .help(
        "write a map as YAML with `${…}` in its values, such as `json: { a: '${x}' }`; \
             other text goes in single quotes",
    )
}

fn cut(text: &str, scalar: Scalar<'_>, comment: Span) -> Diagnostic {
    let whole = text[scalar.span.start..comment.end].trim_end();
    Diagnostic::warning(Code::CUT, comment, format!("` #` begins a comment: the value is `{}`", scalar.text))
        .help(format!("if it belongs to the value: `{}`; a comment reads better as `# …`", quoted(whole)))
}

fn in_braces(text: &str, scalar: Scalar<'_>) -> Diagnostic {
    let written = &text[scalar.span.range()];
    Diagnostic::warning(
        Code::QUOTE_IN_BRACES,
        scalar.span,
        format!("`{written}` stands in braces without quotes"),
    )
    .help(format!("other YAML readers take it apart: write `{}`, or one key a line", quoted(scalar.text)))
}
