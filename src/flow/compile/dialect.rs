//! A dialect out of its file and those it extends: maps merge by key, lists append (the child's first), a
//! command entry or flow is replaced whole.

use std::collections::BTreeMap;

use crate::at::dialect::{CommandEntry, Dialect, Limits, LineRules};
use crate::at::pattern::{Pattern, Sequence};
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::{Fields, wrong_kind};
use crate::flow::keys;
use crate::flow::yaml::{Kind, Node};

use super::Compiler;
use super::send::SendNodes;
use super::text::Stand;

/// What one dialect file says. What it leaves out is `None` or empty.
#[derive(Default)]
struct Said {
    name: Option<String>,
    line: SaidLine,
    ok: Vec<Pattern>,
    error: Vec<Pattern>,
    busy: Vec<Pattern>,
    escapes: Vec<(char, String)>,
    topic: Option<usize>,
    payload: Option<usize>,
    qos: Option<Vec<i64>>,
    closed: Vec<Pattern>,
    reboot: Vec<Pattern>,
    notice: Vec<Pattern>,
    message: Vec<Sequence>,
    other: Vec<Pattern>,
    commands: Vec<CommandEntry>,
    errors: BTreeMap<String, BTreeMap<i64, String>>,
}

#[derive(Default)]
struct SaidLine {
    ending: Option<Vec<u8>>,
    quiet: Option<std::time::Duration>,
    timeout: Option<std::time::Duration>,
    max: Option<usize>,
}

impl Compiler<'_> {
    /// The dialect of `files`: the child first, then what it extends.
    pub(super) fn dialect(&mut self, files: &[&Node]) -> Dialect {
        let mut dialect = Dialect::default();
        let said: Vec<Said> = files.iter().map(|node| self.said(node)).collect();
        if let Some(name) = said.first().and_then(|child| child.name.clone()) {
            dialect.name = name;
        }
        dialect.line = merged_line(&said);
        dialect.limits = merged_limits(&said);
        for one in said {
            merge(&mut dialect, one);
        }
        dialect
    }

    fn said(&mut self, node: &Node) -> Said {
        let Some(fields) = self.open(node, &keys::DIALECT) else { return Said::default() };
        let mut said = Said {
            name: fields.text("name", self.problems).map(|name| name.text.to_string()),
            ..Said::default()
        };
        // Whoever gathered the files has read these; what is of the wrong kind was passed over.
        for key in ["about", "extends"] {
            fields.text(key, self.problems);
        }
        fields.texts("hooks", self.problems);
        fields.map("flows", self.problems);
        fields.leave(&["vars"]);
        let parts = (fields.node("line"), fields.node("results"), fields.node("limits"), fields.node("urc"));
        let escapes = fields.map("escapes", self.problems);
        let commands = fields.map("commands", self.problems);
        let errors = fields.map("errors", self.problems);
        fields.finish();
        if let Some(line) = parts.0 {
            self.line_rules(line, &mut said.line);
        }
        if let Some(results) = parts.1 {
            self.results(results, &mut said);
        }
        if let Some(limits) = parts.2 {
            self.limits(limits, &mut said);
        }
        if let Some(urc) = parts.3 {
            self.urcs(urc, &mut said);
        }
        for (key, value) in escapes.unwrap_or_default() {
            let Some(scalar) = self.scalar(value, "what is sent instead") else { continue };
            let mut chars = key.text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => said.escapes.push((c, scalar.text.to_string())),
                _ => self.problems.push(
                    Diagnostic::error(Code::ESCAPE, key.span, format!("`{}` is not one character", key.text))
                        .help("each key is the character that is replaced, such as `'\"': '\\22'`"),
                ),
            }
        }
        for (key, value) in commands.unwrap_or_default() {
            self.command(&key.text, key.span, value, &mut said.commands);
        }
        for (family, numbers) in errors.unwrap_or_default() {
            self.error_names_of(&family.text, numbers, &mut said.errors);
        }
        said
    }

    fn line_rules(&mut self, node: &Node, line: &mut SaidLine) {
        let Some(fields) = self.open(node, &keys::LINE) else { return };
        let ending = fields.text("ending", self.problems);
        if let Some(ending) = ending.filter(|ending| ending.text.is_empty()) {
            self.problems.push(
                Diagnostic::error(Code::EMPTY_TEXT, ending.span, "without an ending no command line ends")
                    .help("write what ends a line, in double quotes: `\"\\r\"` or `\"\\r\\n\"`"),
            );
        }
        line.ending = ending.map(|ending| ending.text.as_bytes().to_vec());
        line.quiet = fields.duration("quiet", self.problems).map(|quiet| quiet.value);
        line.timeout = fields.duration("timeout", self.problems).map(|timeout| timeout.value);
        line.max = fields.int("max", self.problems).and_then(|max| usize::try_from(max.value).ok());
        fields.finish();
    }

    fn results(&mut self, node: &Node, said: &mut Said) {
        let Some(fields) = self.open(node, &keys::RESULTS) else { return };
        let (ok, error, busy) = (fields.node("ok"), fields.node("error"), fields.node("busy"));
        fields.finish();
        let mut take = |node: Option<&Node>| {
            node.and_then(|node| self.alternatives(node, Stand::TableNeedsText)).unwrap_or_default()
        };
        (said.ok, said.error, said.busy) = (take(ok), take(error), take(busy));
        self.note_families(&said.error);
    }

    fn limits(&mut self, node: &Node, said: &mut Said) {
        let Some(fields) = self.open(node, &keys::DIALECT_LIMITS) else { return };
        let size = |value: Option<crate::flow::diag::Spanned<i64>>| {
            value.and_then(|value| usize::try_from(value.value).ok())
        };
        said.topic = size(fields.int("topic", self.problems));
        said.payload = size(fields.int("payload", self.problems));
        let qos = fields.list("qos", self.problems);
        fields.finish();
        said.qos = qos.map(|items| items.iter().filter_map(|item| self.qos(item)).collect());
    }

    fn qos(&mut self, node: &Node) -> Option<i64> {
        let scalar = self.scalar(node, "0, 1 or 2")?;
        let qos = scalar.text.parse().ok().filter(|qos| (0..=2).contains(qos));
        if qos.is_none() {
            self.problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, scalar.span, format!("`{}` is no QoS", scalar.text))
                    .help("MQTT knows 0, 1 and 2"),
            );
        }
        qos
    }

    fn urcs(&mut self, node: &Node, said: &mut Said) {
        let Some(fields) = self.open(node, &keys::URC) else { return };
        let (closed, reboot, notice) = (fields.node("closed"), fields.node("reboot"), fields.node("notice"));
        let (message, other) = (fields.list("message", self.problems), fields.node("other"));
        fields.finish();
        let mut take = |node: Option<&Node>| {
            node.and_then(|node| self.alternatives(node, Stand::TableNeedsText)).unwrap_or_default()
        };
        said.closed = take(closed);
        said.reboot = take(reboot);
        said.notice = take(notice);
        said.other = take(other);
        for item in message.unwrap_or_default() {
            said.message.extend(self.message(item));
        }
    }

    /// A message: one pattern, or a block of lines; `topic` and `payload` are its holes.
    fn message(&mut self, node: &Node) -> Option<Sequence> {
        let sequence = match &node.kind {
            Kind::Map(_) => {
                let fields: Fields<'_> = self.open(node, &keys::BLOCK)?;
                let block = fields.node("block");
                fields.finish();
                self.sequence(block?, Stand::TableNeedsText)?
            }
            _ => self.sequence(node, Stand::TableNeedsText)?,
        };
        let names = sequence.names();
        for wanted in ["topic", "payload"] {
            if !names.iter().any(|name| &**name == wanted) {
                self.problems.push(
                    Diagnostic::error(Code::MESSAGE_HOLES, node.span, format!("a message has no hole `{wanted}`"))
                        .help("name the holes `topic` and `payload`, such as `'+MSUB: {topic},{n:int} byte,{payload:bytes(n)}'`"),
                );
                return None;
            }
        }
        Some(sequence)
    }

    fn command(&mut self, key: &str, at: Span, node: &Node, out: &mut Vec<CommandEntry>) {
        let Some(fields) = self.open(node, &keys::COMMAND) else { return };
        let nodes = SendNodes::of_entry(&fields, self.problems);
        let timeout = fields.duration("timeout", self.problems).map(|timeout| timeout.value);
        let length = fields.int("length", self.problems);
        fields.finish();
        if !key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("AT")) {
            self.problems
                .push(Diagnostic::error(Code::TABLE_KEY, at, format!("`{key}` is no command")).help(
                "a key names command and form: `AT+CPIN?`, `AT+MIPSTART=`, `AT+COPS=?`, `AT+CFUN=1,1`, `ATD`",
            ));
            return;
        }
        let mut rules = self.rules(&nodes, Stand::Table, Stand::TableNeedsText);
        rules.timeout = timeout;
        rules.length = length.and_then(|length| usize::try_from(length.value).ok());
        self.table_keys.push((key.to_string(), at));
        out.push(CommandEntry { key: key.to_string(), rules });
    }

    fn error_names_of(
        &mut self,
        family: &str,
        node: &Node,
        out: &mut BTreeMap<String, BTreeMap<i64, String>>,
    ) {
        self.families.insert(family.to_string());
        let Some(entries) = node.map() else {
            let help = "write, for example, `cme: { 10: no SIM }`".to_string();
            wrong_kind(node, "an error family is a map of numbers and meanings", Some(help), self.problems);
            return;
        };
        let numbers = out.entry(family.to_string()).or_default();
        for (key, value) in entries {
            let Some(scalar) = self.scalar(value, "a meaning") else { continue };
            match key.text.parse() {
                Ok(number) => {
                    numbers.insert(number, scalar.text.to_string());
                }
                Err(_) => self.problems.push(
                    Diagnostic::error(
                        Code::WRONG_KIND,
                        key.span,
                        format!("`{}` is no error number", key.text),
                    )
                    .help("each key is a number, each value says what it means"),
                ),
            }
        }
    }

    /// A table key without a form that only ever meets the set form is a mistake that nothing else shows.
    pub(super) fn check_table_keys(&mut self) {
        for (key, at) in std::mem::take(&mut self.table_keys) {
            if key.ends_with(['=', '?']) || key.contains('=') || !key.contains('+') {
                continue;
            }
            let set_form = format!("{key}=");
            let upper = |text: &str| text.to_ascii_uppercase();
            let meets_set = self.lines.iter().any(|line| upper(line).starts_with(&upper(&set_form)));
            let meets_execute = self.lines.iter().any(|line| line.eq_ignore_ascii_case(&key));
            let has_set = self.dialect.commands.iter().any(|entry| entry.key.eq_ignore_ascii_case(&set_form));
            if meets_set && !meets_execute && !has_set {
                self.problems.push(
                    Diagnostic::warning(
                        Code::TABLE_FORM,
                        at,
                        format!("`{key}` is the execute form, and only its set form is ever sent"),
                    )
                    .help(format!("did you mean `{set_form}`?")),
                );
            }
        }
    }
}

fn merged_line(said: &[Said]) -> LineRules {
    let mut line = LineRules::default();
    for one in said.iter().rev() {
        if let Some(ending) = &one.line.ending {
            line.ending.clone_from(ending);
        }
        line.quiet = one.line.quiet.unwrap_or(line.quiet);
        line.timeout = one.line.timeout.unwrap_or(line.timeout);
        line.max_bytes = one.line.max.unwrap_or(line.max_bytes);
    }
    line
}

fn merged_limits(said: &[Said]) -> Limits {
    let mut limits = Limits::default();
    for one in said.iter().rev() {
        limits.topic_bytes = one.topic.unwrap_or(limits.topic_bytes);
        limits.payload_bytes = one.payload.unwrap_or(limits.payload_bytes);
        if let Some(qos) = &one.qos {
            limits.qos.clone_from(qos);
        }
    }
    limits
}

/// Adds what a file says behind what its children said.
fn merge(dialect: &mut Dialect, said: Said) {
    dialect.results.ok.extend(said.ok);
    dialect.results.error.extend(said.error);
    dialect.results.busy.extend(said.busy);
    for (c, text) in said.escapes {
        if !dialect.escapes.iter().any(|(known, _)| *known == c) {
            dialect.escapes.push((c, text));
        }
    }
    dialect.urc.closed.extend(said.closed);
    dialect.urc.reboot.extend(said.reboot);
    dialect.urc.notice.extend(said.notice);
    dialect.urc.message.extend(said.message);
    dialect.urc.other.extend(said.other);
    for entry in said.commands {
        if !dialect.commands.iter().any(|known| known.key.eq_ignore_ascii_case(&entry.key)) {
            dialect.commands.push(entry);
        }
    }
    for (family, numbers) in said.errors {
        let known = dialect.errors.entry(family).or_default();
        for (number, text) in numbers {
            known.entry(number).or_insert(text);
        }
    }
}
