//! `send`: the command line, its data, what the answer is made of, and the names that it brings.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::{Cancel, CommandRules, DataEnd, Finals, Prompt};
use crate::at::pattern::{Pattern, Sequence};
use crate::at::table::split_joined;
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, Span};
use crate::flow::fields::Fields;
use crate::flow::model::{Input, Piece, Send, Slot, Template};
use crate::flow::template;
use crate::flow::yaml::Node;

use super::Compiler;
use super::scope::Scope;
use super::text::Stand;

/// The keys that ride on a `send`, in a step, a probe or a command entry.
#[derive(Default)]
pub(super) struct SendNodes<'n> {
    pub expect: Option<&'n Node>,
    pub collect: Option<&'n Node>,
    pub awaits: Option<&'n Node>,
    pub fail: Option<&'n Node>,
    pub finals: Option<&'n Node>,
    pub data: Option<&'n Node>,
    pub prompt: Option<&'n Node>,
    pub ends: Option<&'static str>,
    pub cancel: Option<&'static str>,
    pub once: Option<bool>,
    pub restarts: Option<Duration>,
}

impl<'n> SendNodes<'n> {
    pub fn of_step(fields: &Fields<'n>, problems: &mut Diagnostics) -> Self {
        Self { data: fields.node("data"), ..Self::of_entry(fields, problems) }
    }

    pub fn of_entry(fields: &Fields<'n>, problems: &mut Diagnostics) -> Self {
        Self {
            prompt: fields.node("prompt"),
            ends: fields.one_of("ends", problems).map(|ends| ends.value),
            cancel: fields.one_of("cancel", problems).map(|cancel| cancel.value),
            once: fields.bool("once", problems).map(|once| once.value),
            restarts: fields.duration("restarts", problems).map(|restarts| restarts.value),
            ..Self::of_probe(fields, problems)
        }
    }

    pub fn of_probe(fields: &Fields<'n>, _problems: &mut Diagnostics) -> Self {
        Self {
            expect: fields.node("expect"),
            collect: fields.node("collect"),
            awaits: fields.node("await"),
            fail: fields.node("fail"),
            finals: fields.node("final"),
            ..Self::default()
        }
    }
}

impl SendNodes<'_> {
    /// The value in which a pattern stands that `wanted` knows by its holes.
    fn place_of(&self, rules: &CommandRules, wanted: impl Fn(&Pattern) -> bool) -> Option<Span> {
        let in_lines =
            |lines: &Option<Arc<Sequence>>| lines.as_ref().is_some_and(|lines| lines.patterns().any(&wanted));
        let lists = rules.collect.iter().flat_map(|lists| lists.iter());
        let found = if in_lines(&rules.expect) {
            self.expect
        } else if in_lines(&rules.awaits) {
            self.awaits
        } else if lists.flat_map(|(_, lines)| lines.patterns()).any(&wanted) {
            self.collect
        } else if rules.fail.iter().flat_map(|fail| fail.iter()).any(&wanted) {
            self.fail
        } else {
            self.finals
        };
        found.map(|node| node.span)
    }
}

impl Compiler<'_> {
    /// A command line without anything else.
    pub(super) fn plain_send(&mut self, line: &Node, scope: &mut Scope) -> Option<Send> {
        self.send(line, &SendNodes::default(), scope)
    }

    /// A `send` with what rides on it.
    pub(super) fn send(&mut self, line: &Node, nodes: &SendNodes<'_>, scope: &mut Scope) -> Option<Send> {
        let template = self.template(line, scope);
        if let Some(template) = &template {
            self.refuse_empty_line(template);
            self.check_line(template);
            self.check_joined(line);
            self.refuse_missing_data(line, nodes);
        }
        let data = nodes.data.and_then(|data| self.template(data, scope));
        if let (Some(template), Some(_)) = (&template, &data) {
            self.refuse_len(template);
        }
        let rules = self.rules(nodes, Stand::Free, Stand::NeedsText);
        self.define_salvaged(scope);
        let same = self.same_inputs(&rules, nodes, line.span, scope);
        let Some(template) = template else {
            self.define_lost(line, &rules, scope);
            return None;
        };
        self.note_line(&template);
        if let (Some(Finals::None), None, Some(finals)) = (&rules.finals, &rules.awaits, nodes.finals) {
            self.unanswered(&template, finals, nodes.expect);
        }
        self.refuse_final(&template, &rules, nodes);
        let captures = self.captures(&rules, nodes, &template, scope);
        let id = self.sends;
        self.sends += 1;
        Some(Send { id, line: template, data, rules, captures, same })
    }

    /// The names of a step whose line is no good: what reads them is not wrong because of it.
    pub(super) fn define_lost(&mut self, line: &Node, rules: &CommandRules, scope: &mut Scope) {
        for name in own_names(rules) {
            let _ = scope.define(&name);
        }
        self.salvage_text(line);
        self.define_salvaged(scope);
    }

    /// The names that a text which is no YAML would bring: of its holes, and of the table's for its command.
    pub(super) fn salvage_text(&mut self, node: &Node) {
        let sources = self.sources;
        let text = sources.slice(node.span);
        self.salvage(text);
        let Some(line) = text.find("AT").map(|start| &text[start..]) else { return };
        let line = line.split(['"', '\'', ' ', '\n', '\\']).next().unwrap_or_default();
        let line = Template { span: node.span, pieces: vec![Piece::Text(line.to_string())] };
        let names = self.table_names(&CommandRules::default(), &line);
        self.salvaged.extend(names);
    }

    /// A line without a character asks nothing, so nothing answers it.
    fn refuse_empty_line(&mut self, line: &Template) {
        if line.literal().is_some_and(|text| text.trim().is_empty()) {
            self.problems.push(
                Diagnostic::error(Code::EMPTY_TEXT, line.span, "`send` is empty")
                    .help("write a command line; `AT` asks whether the module listens"),
            );
        }
    }

    /// The final result is no line of the answer, so nothing can expect it.
    fn refuse_final(&mut self, line: &Template, rules: &CommandRules, nodes: &SendNodes<'_>) {
        let entries = self.dialect.entries_for_prefix(line.literal_prefix());
        let own = rules.finals.is_some()
            || entries.iter().any(|entry| entry.rules.finals.is_some())
            || self.lacks("commands");
        let (Some(expect), Some(node), false) = (&rules.expect, nodes.expect, own) else { return };
        let results = &self.dialect.results;
        let is =
            |known: &[Pattern], text: &str| known.iter().any(|result| result.is_match(text.as_bytes(), &[]));
        let Some(found) = expect
            .patterns()
            .find(|pattern| is(&results.ok, pattern.source()) || is(&results.error, pattern.source()))
        else {
            return;
        };
        let help = if is(&results.ok, found.source()) {
            "leave it out: every step waits for its final result"
        } else {
            "leave it out: the step fails when it comes, and `on_error: ignore` lets it"
        };
        let message = format!("`{}` is a final result, and no line of the answer", found.source());
        self.problems.push(Diagnostic::error(Code::CONTRADICTION, node.span, message).help(help));
    }

    /// A step that owes nothing ends when its line has left, and hears no answer.
    fn unanswered(&mut self, line: &Template, finals: &Node, expect: Option<&Node>) {
        let entries = self.dialect.entries_for_prefix(line.literal_prefix());
        let awaits = entries.iter().any(|entry| entry.rules.awaits.is_some());
        match expect {
            Some(_) if self.lacks("commands") => {}
            Some(expect) if !awaits => self.problems.push(
                Diagnostic::error(Code::CONTRADICTION, expect.span, "this line has no time to come")
                    .also(finals.span, "the step ends when its own line has left")
                    .help("write `await` for what answers it"),
            ),
            _ => self.problems.push(
                Diagnostic::warning(
                    Code::UNANSWERED,
                    finals.span,
                    "nothing tells whether the module took it",
                )
                .help("the step passes as soon as the line has left; an `await` would wait for a sign"),
            ),
        }
    }

    /// Makes the names of broken patterns known, so that one mistake is one message.
    pub(super) fn define_salvaged(&mut self, scope: &mut Scope) {
        for name in std::mem::take(&mut self.salvaged) {
            let _ = scope.define(&name);
        }
    }

    /// The patterns and words of a step's `send` or of a command entry.
    pub(super) fn rules(&mut self, nodes: &SendNodes<'_>, free: Stand, text: Stand) -> CommandRules {
        let rules = CommandRules {
            expect: nodes.expect.and_then(|node| self.sequence(node, free)).map(Arc::new),
            collect: nodes.collect.map(|node| Arc::new(self.collect(node, free))),
            awaits: nodes.awaits.and_then(|node| self.sequence(node, text)).map(Arc::new),
            fail: nodes.fail.and_then(|node| self.alternatives(node, text)).map(|fail| {
                self.note_families(&fail);
                Arc::new(fail)
            }),
            finals: nodes.finals.and_then(|node| self.finals(node, free)),
            prompt: nodes.prompt.and_then(|node| self.prompt(node)),
            ends: nodes.ends.map(|ends| if ends == "ctrl-z" { DataEnd::CtrlZ } else { DataEnd::Length }),
            cancel: nodes.cancel.map(|cancel| match cancel {
                "esc" => Cancel::Esc,
                "ctrl-z" => Cancel::CtrlZ,
                _ => Cancel::None,
            }),
            length: None,
            timeout: None,
            once: nodes.once,
            restarts: nodes.restarts,
        };
        self.refuse_twice(&rules, nodes);
        rules
    }

    /// A name of `collect` is a list; it cannot be one line's value as well.
    fn refuse_twice(&mut self, rules: &CommandRules, nodes: &SendNodes<'_>) {
        let Some((lists, node)) = rules.collect.as_ref().zip(nodes.collect) else { return };
        let lines = [("expect", &rules.expect), ("await", &rules.awaits)];
        for (key, names) in lines.map(|(key, lines)| (key, lines.iter().flat_map(|lines| lines.names()))) {
            for name in names.filter(|name| lists.iter().any(|(list, _)| list == name)) {
                let message = format!("`{name}` stands in `{key}` and in `collect`");
                self.problems
                    .push(Diagnostic::error(Code::NAME, node.span, message).help("give them two names"));
            }
        }
    }

    fn finals(&mut self, node: &Node, stand: Stand) -> Option<Finals> {
        if node.scalar().is_some_and(|scalar| scalar.text == "none") {
            return Some(Finals::None);
        }
        self.alternatives(node, stand).map(|lines| Finals::Lines(Arc::new(lines)))
    }

    fn prompt(&mut self, node: &Node) -> Option<Prompt> {
        let scalar = self.scalar(node, "a prompt")?;
        match scalar.text.trim() {
            ">" => Some(Prompt::Sign),
            "" => {
                self.problems.push(
                    Diagnostic::error(Code::EMPTY_TEXT, scalar.span, "`prompt` is empty")
                        .help("a prompt is `'>'` or a word on a line of its own, such as `DOWNLOAD`"),
                );
                None
            }
            word if word.contains(char::is_whitespace) || !word.is_ascii() => {
                self.problems.push(
                    Diagnostic::error(Code::WRONG_KIND, scalar.span, format!("`{word}` is no prompt"))
                        .help("a prompt is `'>'` or a word on a line of its own, such as `DOWNLOAD`"),
                );
                None
            }
            word => Some(Prompt::Word(word.to_string())),
        }
    }

    /// `collect`: names, each with what one element looks like.
    pub(super) fn collect(&mut self, node: &Node, stand: Stand) -> Vec<(Arc<str>, Sequence)> {
        let Some(entries) = node.map() else {
            if !node.is_nothing() {
                self.problems.push(
                    Diagnostic::error(
                        Code::WRONG_KIND,
                        node.span,
                        "`collect` is a map of names and patterns",
                    )
                    .help("write, for example, `collect: { contexts: '+CGDCONT: {cid:int},{:rest}' }`"),
                );
            }
            return Vec::new();
        };
        let mut out = Vec::new();
        for (key, value) in entries {
            let sequence = self.sequence(value, stand);
            if self.good_name(&key.text, key.span)
                && let Some(sequence) = sequence
            {
                out.push((key.text.as_str().into(), sequence));
            }
        }
        out
    }

    /// Slots for the holes of the step's own patterns, and of the table's where the step has none.
    fn captures(
        &mut self,
        rules: &CommandRules,
        nodes: &SendNodes<'_>,
        line: &Template,
        scope: &mut Scope,
    ) -> Vec<(Arc<str>, Slot)> {
        let mut out = Vec::new();
        for name in own_names(rules) {
            let at = nodes.place_of(rules, |pattern| pattern.names().contains(&name)).unwrap_or(line.span);
            if let Some(slot) = self.define(&name, at, scope) {
                out.push((name, slot));
            }
        }
        // What the table names is there too, unless a var of the file has that name already.
        for name in self.table_names(rules, line) {
            if !out.iter().any(|(known, _)| *known == name)
                && let Ok(slot) = scope.define(&name)
            {
                out.push((name, slot));
            }
        }
        out
    }

    fn table_names(&self, rules: &CommandRules, line: &Template) -> Vec<Arc<str>> {
        let dialect = &self.dialect;
        // Of its parts' entries, a joined line takes the times alone.
        if split_joined(line.literal_prefix()).len() > 1 {
            return Vec::new();
        }
        let entries = match line.literal() {
            Some(text) => dialect.entry(text).into_iter().collect(),
            None => dialect.entries_for_prefix(line.literal_prefix()),
        };
        let mut names = Vec::new();
        for entry in entries {
            if rules.expect.is_none() {
                names.extend(entry.rules.expect.iter().flat_map(|sequence| sequence.names()));
            }
            if rules.awaits.is_none() {
                names.extend(entry.rules.awaits.iter().flat_map(|sequence| sequence.names()));
            }
            if let (None, Some(Finals::Lines(lines))) = (&rules.finals, &entry.rules.finals) {
                names.extend(lines.iter().flat_map(|pattern| pattern.names().iter().cloned()));
            }
            if rules.collect.is_none() {
                names.extend(
                    entry
                        .rules
                        .collect
                        .iter()
                        .flat_map(|lists| lists.iter().map(|(name, _)| Arc::clone(name))),
                );
            }
        }
        names
    }

    /// The variables that `{=x}` holes compare with.
    pub(super) fn same_inputs(
        &mut self,
        rules: &CommandRules,
        nodes: &SendNodes<'_>,
        at: Span,
        scope: &Scope,
    ) -> Vec<Input> {
        let mut names: Vec<Arc<str>> = Vec::new();
        for pattern in all_patterns(rules) {
            for name in pattern.same_names() {
                if !names.contains(name) {
                    names.push(Arc::clone(name));
                }
            }
        }
        let mut out = Vec::new();
        for name in names {
            let at = nodes.place_of(rules, |pattern| pattern.same_names().contains(&name)).unwrap_or(at);
            match scope.origin(&name) {
                Some(from) => out.push(Input { name, from }),
                None => self.problems.push(
                    Diagnostic::error(
                        Code::UNKNOWN_NAME,
                        at,
                        format!("there is no `{name}` here for `{{={name}}}`"),
                    )
                    .help(self.where_names_come_from(&name, scope)),
                ),
            }
        }
        out
    }

    /// A command line is one line: its literal part holds no control characters.
    fn check_line(&mut self, template: &Template) {
        let control = template.pieces.iter().any(|piece| match piece {
            Piece::Text(text) => text.chars().any(char::is_control),
            Piece::Expr { .. } => false,
        });
        if control {
            self.problems.push(
                Diagnostic::error(
                    Code::CONTROL_CHARACTER,
                    template.span,
                    "a command line holds a control character",
                )
                .help("the line's ending comes by itself; other bytes go into `data`"),
            );
        }
    }

    /// Some commands cannot be part of a joined line; what only a run knows, it refuses itself.
    fn check_joined(&mut self, line: &Node) {
        let Some(scalar) = line.scalar() else { return };
        let shape = template::shape(scalar.text);
        let Some(part) = self.dialect.must_stand_alone(&shape) else { return };
        let Some(start) = shape.find(part) else { return };
        let place = start..start + part.len();
        let message = format!("`{}` must stand alone, not in a joined line", &scalar.text[place.clone()]);
        self.problems.push(
            Diagnostic::error(Code::JOINED, scalar.place(self.sources, place), message)
                .help("it owes more than a final result code; give it a step of its own"),
        );
    }

    /// `.len()` counts characters, the module counts bytes.
    fn refuse_len(&mut self, template: &Template) {
        for piece in &template.pieces {
            if let Piece::Expr { expr, .. } = piece
                && expr.program.source().contains(".len()")
            {
                self.problems.push(
                    Diagnostic::error(
                        Code::LENGTH,
                        expr.span,
                        "`.len()` counts characters, and the module waits for bytes",
                    )
                    .help("write `size(…)`: the bytes as they will be sent"),
                );
            }
        }
    }

    /// Remembers a command line, to find table keys that nothing ever meets.
    fn note_line(&mut self, template: &Template) {
        self.lines.push(template.literal_prefix().to_string());
    }

    /// Remembers the error families that patterns can raise.
    pub(super) fn note_families(&mut self, patterns: &[Pattern]) {
        self.families.extend(patterns.iter().filter_map(Pattern::error_family).map(ToString::to_string));
    }
}

/// The names that a step's own patterns capture.
fn own_names(rules: &CommandRules) -> Vec<Arc<str>> {
    let mut names: Vec<Arc<str>> = Vec::new();
    names.extend(rules.expect.iter().flat_map(|sequence| sequence.names()));
    names.extend(rules.awaits.iter().flat_map(|sequence| sequence.names()));
    names.extend(rules.collect.iter().flat_map(|lists| lists.iter().map(|(name, _)| Arc::clone(name))));
    if let Some(Finals::Lines(lines)) = &rules.finals {
        names.extend(lines.iter().flat_map(|pattern| pattern.names().iter().cloned()));
    }
    names.dedup();
    names
}

fn all_patterns(rules: &CommandRules) -> Vec<&Pattern> {
    let mut out: Vec<&Pattern> = Vec::new();
    for sequence in [&rules.expect, &rules.awaits].into_iter().flatten() {
        out.extend(sequence.patterns());
    }
    if let Some(lists) = &rules.collect {
        out.extend(lists.iter().flat_map(|(_, sequence)| sequence.patterns()));
    }
    if let Some(fail) = &rules.fail {
        out.extend(fail.iter());
    }
    if let Some(Finals::Lines(lines)) = &rules.finals {
        out.extend(lines.iter());
    }
    out
}
