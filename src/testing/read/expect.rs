//! What must be true.

use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::{Fields, NumberRange, nearest};
use crate::flow::keys::EXPECTATION;
use crate::flow::topic::TopicPattern;
use crate::flow::yaml::{Node, Scalar};
use crate::station::command;
use crate::testing::file::{Expectation, Subject};
use crate::testing::value::Wanted;

use super::Reading;

impl Reading<'_> {
    pub(super) fn expectation(&mut self, node: &Node, end: Option<Duration>) -> Option<Expectation> {
        let fields = self.open(node, &EXPECTATION)?;
        let count = fields.range("count", self.problems);
        let spacing = fields.duration_range("spacing", self.problems);
        let between = fields.duration_range("between", self.problems);
        if let Some(between) = &between {
            self.is_before_the_end(between.value.least, between.span, end, "nothing can happen then");
        }
        let subject = self.subject(&fields);
        let span = fields.head();
        let at = subject.as_ref().and_then(|subject| fields.at(subject.key()));
        let value = subject.as_ref().and_then(|subject| fields.node(subject.key()));
        fields.finish();
        let span = match (at, value) {
            (Some(at), Some(value)) => at.to(value.span),
            _ => span,
        };
        Some(Expectation {
            span,
            subject: subject?,
            count: count.map(|count| count.value),
            spacing: spacing.map(|spacing| spacing.value),
            between: between.map(|between| between.value),
        })
    }

    /// All keys are read, so that everything that is wrong is said; the first one that is there counts.
    fn subject(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let found = [
            self.published(fields),
            self.replied(fields),
            fields.text("handled", self.problems).map(|name| Subject::Handled(name.text.to_owned())),
            self.sent(fields),
            self.runs(fields),
            self.link(fields),
            self.verdict(fields),
            fields.text("log", self.problems).and_then(|text| self.pattern(text)).map(Subject::Log),
            self.map(fields, "state").map(Subject::State),
            self.map(fields, "returns").map(Subject::Returns),
            self.outbox(fields),
            fields.duration_range("took", self.problems).map(|took| Subject::Took(took.value)),
            self.golden(fields),
            self.rules(fields),
        ];
        found.into_iter().flatten().next()
    }

    fn published(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let topic = fields.text("published", self.problems);
        let json = fields.node("json").and_then(Wanted::of);
        let text = fields.text("text", self.problems).map(|text| text.text.to_owned());
        let topic = topic?;
        if self.is_recording {
            let at = fields.at("published").unwrap_or(topic.span);
            let message = "what is published is seen by the simulated cloud, and a recording has none";
            let help = "look at the command line instead, such as `sent: 'AT+MPUB={:rest}'`";
            self.problems.push(Diagnostic::error(Code::NOT_IN_TEST, at, message).help(help));
            return None;
        }
        match TopicPattern::parse(topic.text) {
            Ok(topic) => Some(Subject::Published { topic, json, text }),
            Err(why) => {
                let (message, help) = why.split_once('\n').unwrap_or((&why, ""));
                self.problems.push(Diagnostic::error(Code::TOPIC, topic.span, message).help(help));
                None
            }
        }
    }

    fn rules(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        fields.one_of("rules", self.problems)?;
        match fields.at("rules").filter(|_| self.is_recording) {
            Some(at) => {
                let message =
                    "the rules are about what the simulated module and cloud know, and this is a recording";
                let help = "choose `port: sim:luat-air724` for it";
                self.problems.push(Diagnostic::error(Code::NOT_IN_TEST, at, message).help(help));
                None
            }
            None => Some(Subject::Rules),
        }
    }

    fn replied(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let method = fields.text("replied", self.problems).map(|method| method.text.to_owned());
        let code = match fields.text("code", self.problems) {
            Some(code) => Some(self.reply_code(code.text, code.span)?),
            None => None,
        };
        let method = method?;
        Some(Subject::Replied { method, code })
    }

    /// A code as the log has it; one that does not exist would be an expectation that is met by chance. The word of
    /// the reply itself is understood, too.
    fn reply_code(&mut self, text: &str, at: Span) -> Option<String> {
        let names = ["ok"].into_iter().chain(command::Code::ALL.iter().map(|code| code.name()));
        let known = command::Code::ALL.iter().find(|code| code.words() == text).map(|code| code.name());
        if let Some(known) = known.or_else(|| names.clone().find(|name| *name == text)) {
            return Some(known.to_owned());
        }
        let message = format!("no command is answered with `{text}`");
        let help = match nearest(text, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.problems.push(Diagnostic::error(Code::NOT_IN_TEST, at, message).help(help));
        None
    }

    fn sent(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let lines = self.texts(fields, "sent");
        let patterns: Vec<Pattern> = lines.into_iter().filter_map(|line| self.pattern(line)).collect();
        (!patterns.is_empty()).then_some(Subject::Sent(patterns))
    }

    fn runs(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let passed = fields.range("passed", self.problems).map(|passed| passed.value);
        let failed = fields.range("failed", self.problems).map(|failed| failed.value);
        let within = fields.duration("within", self.problems).map(|within| within.value);
        let name = fields.text("run", self.problems)?.text.to_owned();
        Some(Subject::Runs { name, passed, failed, within })
    }

    fn link(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let word = fields.one_of("link", self.problems)?;
        Some(if word.value == "up" { Subject::LinkUp } else { Subject::LinkLost })
    }

    fn verdict(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let error = fields.text("error", self.problems).map(|error| error.text.to_owned());
        let verdict = fields.one_of("verdict", self.problems);
        match (verdict, error) {
            (Some(verdict), Some(_)) if verdict.value == "passed" => {
                let problem =
                    Diagnostic::error(Code::CONTRADICTION, verdict.span, "a flow that passed has no error");
                self.problems.push(problem.help("write `verdict: failed`, or leave `error` out"));
                None
            }
            (Some(verdict), error) => Some(Subject::Verdict { passed: verdict.value == "passed", error }),
            (None, error) => error.map(Subject::Error),
        }
    }

    fn outbox(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let node = fields.node("outbox")?;
        if node.scalar().is_some_and(|scalar| scalar.text == "empty") {
            return Some(Subject::Outbox(NumberRange { least: Some(0.0), most: Some(0.0) }));
        }
        fields.range("outbox", self.problems).map(|range| Subject::Outbox(range.value))
    }

    fn golden(&mut self, fields: &Fields<'_>) -> Option<Subject> {
        let name = fields.text("golden", self.problems)?;
        let beside = self.path.parent().unwrap_or(std::path::Path::new(""));
        Some(Subject::Golden(beside.join(name.text)))
    }

    fn map(&mut self, fields: &Fields<'_>, name: &str) -> Option<Wanted> {
        fields.map(name, self.problems)?;
        fields.node(name).and_then(Wanted::of)
    }

    fn pattern(&mut self, text: Scalar<'_>) -> Option<Pattern> {
        match Pattern::parse(text.text) {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                let at = text.place(self.sources, error.at.clone());
                let mut problem = Diagnostic::error(Code::PATTERN, at, error.to_string());
                problem.help = error.help();
                self.problems.push(problem);
                None
            }
        }
    }
}
