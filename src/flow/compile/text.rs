//! The texts inside YAML values: expressions, templates, patterns. Each problem is reported at its own bytes.

use std::ops::Range;
use std::sync::Arc;

use crate::at::pattern::{Item, Pattern, PatternError, Sequence};
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::{expression_of, template_of};
use crate::flow::model::{Expr, Input, Leaf, Origin, Piece, Template};
use crate::flow::template;
use crate::flow::yaml::{Kind, Node, Scalar};
use crate::hooks::{self, Expression, HookProblem, Value};

use super::Compiler;
use super::scope::{STATE, Scope};

/// Where a pattern stands, which decides what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Any pattern will do: `expect`, `collect`, `final`, a line of a block.
    Free,
    /// It must have text of its own, or it would take every line: `await`, `fail`.
    NeedsText,
    /// In a dialect's table: `{=x}` has no variable to compare with.
    Table,
    /// In a dialect's table, and it needs text of its own.
    TableNeedsText,
    /// What starts an event: it needs text of its own, and nothing has a value yet.
    Event,
}

impl Stand {
    fn in_table(self) -> bool {
        matches!(self, Self::Table | Self::TableNeedsText | Self::Event)
    }

    fn needs_text(self) -> bool {
        matches!(self, Self::NeedsText | Self::TableNeedsText | Self::Event)
    }
}

/// What was compiled, and which names it could see.
pub(super) struct KnownExpression {
    names: Vec<Arc<str>>,
    program: Expression,
}

impl Compiler<'_> {
    /// An expression that stands by itself (`when`, `check`, `set`, `each … in`).
    pub(super) fn bare_expr(&mut self, node: &Node, scope: &Scope) -> Option<Expr> {
        let scalar = self.scalar(node, "an expression")?;
        let text = expression_of(scalar, self.sources, self.problems)?;
        let offset = scalar.text.len() - scalar.text.trim_start().len();
        self.expr(&scalar, text, offset, scalar.span, scope)
    }

    /// `source`, which begins at byte `offset` of `scalar`'s text.
    pub(super) fn expr(
        &mut self,
        scalar: &Scalar<'_>,
        source: &str,
        offset: usize,
        span: Span,
        scope: &Scope,
    ) -> Option<Expr> {
        match self.compiled(source, scope) {
            Ok(program) => {
                if scope.origin(STATE) == Some(Origin::State) {
                    for mention in program.mentions() {
                        let at = offset + mention.at.start..offset + mention.at.end;
                        self.known_state(&mention.name, scalar.place(self.sources, at));
                    }
                }
                let inputs = program
                    .names()
                    .iter()
                    .filter_map(|name| Some(Input { name: Arc::clone(name), from: scope.origin(name)? }))
                    .collect();
                Some(Expr { span, program, inputs })
            }
            Err(problem) => {
                for problem in problem.all() {
                    let at = offset + problem.at.start..offset + problem.at.end;
                    self.hook_problem(problem, scalar.place(self.sources, at), scope);
                }
                None
            }
        }
    }

    /// Equal expressions that see the same names are one: long files say the same thing many times.
    fn compiled(&mut self, source: &str, scope: &Scope) -> Result<Expression, HookProblem> {
        let names = scope.names();
        let key = (scope.unit, source.to_string());
        if let Some(known) = self.expressions.get(&key).filter(|known| known.names == names) {
            return Ok(known.program.clone());
        }
        let visible: Vec<&str> = names.iter().map(|name| &**name).collect();
        let program = self.host.compile(source, &visible, &self.hooks[scope.unit.0])?;
        self.expressions.insert(key, KnownExpression { names, program: program.clone() });
        Ok(program)
    }

    /// Reports what the script host found, at `at` if it is about an expression.
    fn hook_problem(&mut self, problem: &HookProblem, at: Span, scope: &Scope) {
        let code = match &problem.kind {
            hooks::ProblemKind::UnknownName { .. } => Code::UNKNOWN_NAME,
            hooks::ProblemKind::UnknownFunction { .. } => Code::UNKNOWN_FUNCTION,
            hooks::ProblemKind::ArgumentCount { .. } => Code::ARGUMENTS,
            _ => Code::EXPRESSION,
        };
        let broken = &self.broken_hooks[scope.unit.0];
        let stands_in_a_broken_file = match &problem.kind {
            hooks::ProblemKind::UnknownFunction { name, .. } => broken.may_have_function(name),
            hooks::ProblemKind::UnknownName { name, .. } => broken.may_have_constant(name),
            _ => false,
        };
        if stands_in_a_broken_file {
            return;
        }
        let help = problem.help().or_else(|| match &problem.kind {
            hooks::ProblemKind::UnknownName { name, .. } => Some(self.where_names_come_from(name, scope)),
            hooks::ProblemKind::UnknownFunction { .. } => {
                Some("functions of your own stand in a file that `hooks` names".to_string())
            }
            _ => None,
        });
        let mut diagnostic = Diagnostic::error(code, at, problem.to_string());
        if let Some(help) = help {
            diagnostic = diagnostic.help(help);
        }
        self.problems.push(diagnostic);
    }

    /// What to do about a name that is not known at its place.
    pub(super) fn where_names_come_from(&self, name: &str, scope: &Scope) -> String {
        match name {
            "attempt" => return "it is there where the step, or one around it, has a `retry`".to_string(),
            "error" => return "it is there in the steps of `on_error` and `always`".to_string(),
            "state" => return "`state` is kept by a station; a flow that ends has none".to_string(),
            _ => {}
        }
        let elsewhere = self
            .var_names
            .iter()
            .enumerate()
            .find(|(unit, vars)| *unit != scope.unit.0 && vars.iter().any(|var| **var == *name));
        if elsewhere.is_some() {
            return "it is a var of another file, and each file sees its own: pass it as a param, or add it to \
                    this file's `vars`"
                .to_string();
        }
        "it must be a var, a param, or set by an earlier step of this flow".to_string()
    }

    /// A text with `${…}` in it. `line`: a command line, where literal quotes matter to its holes.
    pub(super) fn template(&mut self, node: &Node, scope: &Scope) -> Option<Template> {
        let scalar = self.scalar(node, "a text")?;
        let pieces = template_of(scalar, self.sources, self.problems)?;
        let mut out = Vec::with_capacity(pieces.len());
        let mut quoted = false;
        let mut good = true;
        for piece in &pieces {
            match piece {
                template::Piece::Text { text, .. } => {
                    if text.matches('"').count() % 2 == 1 {
                        quoted = !quoted;
                    }
                    out.push(Piece::Text(text.clone()));
                }
                template::Piece::Expression { text: source, range } => {
                    let span = scalar.place(self.sources, range.clone());
                    match self.expr(&scalar, source, range.start, span, scope) {
                        Some(expr) => out.push(Piece::Expr { expr, quoted }),
                        None => good = false,
                    }
                }
            }
        }
        good.then_some(Template { span: scalar.span, pieces: out })
    }

    /// A value written in YAML with `${…}` in its leaves.
    pub(super) fn leaf(&mut self, node: &Node, scope: &Scope) -> Option<Leaf> {
        match &node.kind {
            Kind::List(items) => {
                let leaves: Vec<Option<Leaf>> = items.iter().map(|item| self.leaf(item, scope)).collect();
                Some(Leaf::List(leaves.into_iter().collect::<Option<_>>()?))
            }
            Kind::Map(entries) => {
                let leaves: Vec<Option<(Arc<str>, Leaf)>> = entries
                    .iter()
                    .map(|(key, value)| Some((key.text.as_str().into(), self.leaf(value, scope)?)))
                    .collect();
                Some(Leaf::Map(leaves.into_iter().collect::<Option<_>>()?))
            }
            _ => {
                let scalar = node.scalar()?;
                if !scalar.text.contains("${") {
                    return Some(Leaf::Plain(plain(&scalar)));
                }
                let mut template = self.template(node, scope)?;
                if template.pieces.len() == 1 {
                    if let Some(Piece::Expr { expr, .. }) = template.pieces.pop() {
                        return Some(Leaf::Expr(expr));
                    }
                    return Some(Leaf::Plain(Value::from(scalar.text.replace("$${", "${"))));
                }
                Some(Leaf::Template(template))
            }
        }
    }

    /// The value of `set`: a text is an expression; a number, boolean, list is itself.
    pub(super) fn set_value(&mut self, node: &Node, scope: &Scope) -> Option<Leaf> {
        match node.scalar() {
            Some(scalar) if plain(&scalar).is_string() => self.bare_expr(node, scope).map(Leaf::Expr),
            _ => self.leaf(node, scope),
        }
    }

    /// One pattern.
    pub(super) fn pattern(&mut self, node: &Node, stand: Stand) -> Option<Pattern> {
        let Some(scalar) = self.scalar(node, "a pattern") else {
            // What YAML has taken apart may well have been a pattern.
            let sources = self.sources;
            self.salvage(sources.slice(node.span));
            return None;
        };
        let Ok(pattern) = self.parsed(scalar.text) else {
            self.bad_pattern(&scalar);
            return None;
        };
        if stand.needs_text() && !pattern.has_own_text() {
            self.problems.push(
                Diagnostic::error(
                    Code::PATTERN_TAKES_ALL,
                    scalar.span,
                    "a pattern without any text of its own would take every line",
                )
                .help("add the text that tells the line apart, such as `+CSQ:`"),
            );
            return None;
        }
        if stand.in_table() && !pattern.same_names().is_empty() {
            self.problems.push(
                Diagnostic::error(
                    Code::SAME_IN_TABLE,
                    scalar.span,
                    if stand == Stand::Event {
                        "before an event there is no variable to compare with"
                    } else {
                        "a dialect's table has no variable to compare with"
                    },
                )
                .help("`{=x}` stands in steps; here write `{}`"),
            );
            return None;
        }
        if pattern.is_regex() {
            self.regex_anchors(&scalar);
        }
        Some(pattern)
    }

    /// Everything that is wrong with it; the names that it would have captured are known all the same.
    fn bad_pattern(&mut self, scalar: &Scalar<'_>) {
        for error in Pattern::errors(scalar.text) {
            let at = scalar.place(self.sources, error.at.clone());
            let mut problem = Diagnostic::error(Code::PATTERN, at, error.to_string());
            if let Some(help) = error.help() {
                problem = problem.help(help);
            }
            self.problems.push(problem);
        }
        self.salvage(scalar.text);
    }

    /// Equal patterns are one: it is compiled once, and its regex is warm when the next step uses it.
    fn parsed(&mut self, text: &str) -> Result<Pattern, PatternError> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(known.clone());
        }
        let pattern = Pattern::parse(text)?;
        self.patterns.insert(text.to_string(), pattern.clone());
        Ok(pattern)
    }

    /// The names a broken pattern would have captured: what reads them is not wrong because of it.
    pub(super) fn salvage(&mut self, pattern: &str) {
        for hole in pattern.split('{').skip(1) {
            let end = hole.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(hole.len());
            if crate::at::pattern::is_name(&hole[..end]) {
                self.salvaged.push(hole[..end].into());
            }
        }
    }

    fn regex_anchors(&mut self, scalar: &Scalar<'_>) {
        let inner = scalar.text.trim_matches('/');
        if inner.starts_with('^') || inner.ends_with('$') {
            self.problems.push(
                Diagnostic::warning(
                    Code::ANCHOR_IN_REGEX,
                    scalar.span,
                    "a regular expression always stands for the whole line",
                )
                .help("leave out `^` and `$`"),
            );
        }
    }

    /// One pattern or a list of alternatives.
    pub(super) fn alternatives(&mut self, node: &Node, stand: Stand) -> Option<Vec<Pattern>> {
        match node.list() {
            Some(items) => {
                let patterns: Vec<Option<Pattern>> =
                    items.iter().map(|item| self.pattern(item, stand)).collect();
                patterns.into_iter().collect()
            }
            None => self.pattern(node, stand).map(|pattern| vec![pattern]),
        }
    }

    /// A pattern, a list of lines in order, or `any:`.
    pub(super) fn sequence(&mut self, node: &Node, stand: Stand) -> Option<Sequence> {
        let mut places = Vec::new();
        let items = if let Kind::List(nodes) = &node.kind {
            // A block may hold items that show nothing by themselves, behind ones that do.
            let later = if stand == Stand::TableNeedsText { Stand::Table } else { stand };
            let items: Vec<Option<Item>> = nodes
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    places.push(item.span);
                    self.item(item, if index == 0 { stand } else { later })
                })
                .collect();
            items.into_iter().collect::<Option<Vec<_>>>()?
        } else {
            places.push(node.span);
            vec![self.item(node, stand)?]
        };
        match Sequence::new(items) {
            Ok(sequence) => Some(sequence),
            Err(error) => {
                let at = places.get(error.item).copied().unwrap_or(node.span);
                let mut problem = Diagnostic::error(Code::SEQUENCE, at, error.to_string());
                if let Some(help) = error.help() {
                    problem = problem.help(help);
                }
                self.problems.push(problem);
                None
            }
        }
    }

    fn item(&mut self, node: &Node, stand: Stand) -> Option<Item> {
        if let Some([(key, value)]) = node.map() {
            match key.text.as_str() {
                "any" => return self.alternatives(value, stand).map(Item::Any),
                "many" => return self.alternatives(value, stand).map(Item::Many),
                _ => {}
            }
        }
        self.pattern(node, stand).map(Item::One)
    }

    /// The scalar in `node`; anything else is reported as not being `what`.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<Scalar<'n>> {
        if node.is_nothing() {
            return None;
        }
        let scalar = node.scalar();
        if scalar.is_none() {
            let found = if node.list().is_some() { "a list" } else { "a map" };
            self.problems.push(
                Diagnostic::error(Code::WRONG_KIND, node.span, format!("{found} where {what} is meant"))
                    .help("a text that YAML takes apart goes into single quotes"),
            );
        }
        scalar
    }

    /// A place inside a scalar.
    pub(super) fn inside(&self, scalar: &Scalar<'_>, range: Range<usize>) -> Span {
        scalar.place(self.sources, range)
    }
}

/// A plain scalar by its look: a canonical number or a boolean is itself, all else is text; so is what
/// stands in quotes.
pub(super) fn plain(scalar: &Scalar<'_>) -> Value {
    match scalar.style {
        crate::flow::yaml::Style::Plain => hooks::from_plain(scalar.text),
        _ => Value::from(scalar.text.to_string()),
    }
}
