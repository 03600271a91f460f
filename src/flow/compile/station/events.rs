//! `events`: what is run when something happens.

use std::sync::Arc;

use crate::flow::codes::Code;
use crate::flow::diag::Diagnostic;
use crate::flow::fields::Fields;
use crate::flow::keys;
use crate::flow::model::UnitId;
use crate::flow::model::station::{Cause, EventRule, Overlap};
use crate::flow::topic::TopicPattern;
use crate::flow::yaml::Node;

use super::super::Compiler;
use super::super::flow::Body;
use super::super::text::Stand;
use super::Asked;

/// The names that a message sets.
const MESSAGE: [&str; 3] = ["topic", "payload", "body"];

impl Compiler<'_> {
    /// Every entry of `events`.
    pub(super) fn events<'n>(&mut self, nodes: &[&'n Node], bodies: &mut Vec<Body<'n>>) -> Vec<EventRule> {
        let mut events = Vec::new();
        for node in nodes {
            let Some(fields) = self.open(node, &keys::EVENT) else { continue };
            events.extend(self.event(&fields, bodies));
            fields.finish();
        }
        events
    }

    fn event<'n>(&mut self, fields: &Fields<'n>, bodies: &mut Vec<Body<'n>>) -> Option<EventRule> {
        let name = fields.text("name", self.problems).map(|name| name.text.to_string());
        let cause = self.cause(fields);
        let when = fields.node("when");
        let overlap = fields.one_of("overlap", self.problems);
        let timeout = fields.duration("timeout", self.problems).map(|timeout| timeout.value);
        let steps = fields.node("steps");
        // Without a cause its steps are not read, so nothing asks for the names of a broken pattern.
        self.salvaged.clear();
        let (cause, waits_for) = cause?;
        let given = names(&cause);
        let name = name.unwrap_or(waits_for);
        let span = fields.head();
        let flow = self.add_flow(bodies, (&name, span), UnitId(0), &given, Body::of_steps(steps, timeout));
        let when = match when {
            Some(node) => Some(self.computation(&given, &[Asked::Bare(UnitId(0), node)])?),
            None => None,
        };
        let overlap =
            if overlap.is_some_and(|word| word.value == "skip") { Overlap::Skip } else { Overlap::Queue };
        Some(EventRule { name: name.into(), span, cause, when, overlap, flow })
    }

    /// What starts it, and that in words.
    fn cause(&mut self, fields: &Fields<'_>) -> Option<(Cause, String)> {
        let (urc, message) = (fields.node("urc"), fields.node("message"));
        let link = fields.one_of("link", self.problems);
        if let Some(node) = urc {
            let pattern = self.pattern(node, Stand::Event)?;
            let words = pattern.source().to_string();
            return Some((Cause::Urc(pattern), words));
        }
        if let Some(node) = message {
            let topic = self.station_topic(node, &MESSAGE)?;
            let words = topic.source().to_string();
            return Some((Cause::Message(topic), words));
        }
        match link?.value {
            "up" => Some((Cause::LinkUp, "link up".to_string())),
            _ => Some((Cause::LinkLost, "link lost".to_string())),
        }
    }

    /// A topic whose holes stand beside the names in `taken`.
    pub(super) fn station_topic(&mut self, node: &Node, taken: &[&str]) -> Option<TopicPattern> {
        let topic = self.topic(node)?;
        let clash = topic.names().find(|name| taken.contains(&&***name)).cloned();
        if let Some(name) = clash {
            self.problems.push(
                Diagnostic::error(Code::NAME, node.span, format!("`{name}` is set by atflow itself"))
                    .help("give the hole another name"),
            );
            return None;
        }
        Some(topic)
    }
}

/// What a message on `topic` sets.
pub(super) fn message_names(topic: &TopicPattern) -> Vec<Arc<str>> {
    MESSAGE.into_iter().map(Arc::from).chain(topic.names().cloned()).collect()
}

/// What a cause gives to its run.
fn names(cause: &Cause) -> Vec<Arc<str>> {
    match cause {
        Cause::Urc(pattern) => pattern.names().to_vec(),
        Cause::Message(topic) => message_names(topic),
        Cause::LinkUp | Cause::LinkLost => Vec::new(),
    }
}
