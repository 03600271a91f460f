//! `downlink`: the cloud's file says how a command looks, the station what answers it; a key of the station
//! counts over the cloud's.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::Fields;
use crate::flow::keys;
use crate::flow::model::UnitId;
use crate::flow::model::station::{Computation, Downlink, Ids};
use crate::flow::yaml::{Key, Node};
use crate::hooks::{self, Hooks, Value};

use super::super::Compiler;
use super::super::files::Head;
use super::Asked;
use super::events::message_names;

/// An older command is not run.
const EXPIRE: Duration = Duration::from_mins(10);

/// The names that the engine gives to a reply, over those of the message.
const REPLY: [&str; 4] = ["key", "method", "params", "result"];

/// A `downlink` map with the file it stands in.
struct Side<'n> {
    unit: UnitId,
    fields: Fields<'n>,
}

/// What the files say together.
struct Said<'n> {
    topic: Option<(UnitId, &'n Node)>,
    key: Option<(UnitId, &'n Node)>,
    method: Option<(UnitId, &'n Node)>,
    params: Option<(UnitId, &'n Node)>,
    sent_at: Option<(UnitId, &'n Node)>,
    reply: Option<(UnitId, &'n Node)>,
    ids: Option<&'static str>,
    expire: Option<Duration>,
    handlers: Option<Span>,
    methods: Option<Vec<(&'n Key, &'n Node)>>,
    at: Option<Vec<(String, Span)>>,
}

impl Compiler<'_> {
    /// The commands of a station; `None` also where no command is listened to.
    pub(super) fn downlink(&mut self, cloud: Option<usize>, heads: &[Head<'_>]) -> Option<Downlink> {
        let own = heads[0].station.downlink;
        let mut sides = Vec::new();
        for (unit, node) in [(Some(0), own), (cloud, cloud.and_then(|cloud| heads[cloud].station.downlink))] {
            let (Some(unit), Some(node)) = (unit, node) else { continue };
            // A cloud's file by itself is the first and the second.
            if sides.iter().any(|side: &Side<'_>| side.unit.0 == unit) {
                continue;
            }
            let fields = self.open(node, &keys::DOWNLINK)?;
            sides.push(Side { unit: UnitId(unit), fields });
        }
        let span = sides.first()?.fields.head();
        let said = self.said_by(&sides);
        let is_answered = self.state.is_some() && own.is_some();
        if is_answered {
            self.missing(&said, span);
        }
        for side in sides {
            side.fields.finish();
        }
        let at = said.at.as_ref().map(|keys| self.command_keys(keys));
        let methods = self.methods(said.methods.as_deref().unwrap_or_default(), said.handlers);
        let runs = if self.state.is_some() { self.mentioned() } else { Vec::new() };
        let (_, topic_node) = said.topic?;
        let taken: Vec<&str> = ["topic", "payload", "body"].into_iter().chain(REPLY).collect();
        let topic = self.station_topic(topic_node, &taken)?;
        let given = message_names(&topic);
        let read = self.read(&said, &given);
        let reply = match said.reply {
            Some((unit, node)) => Some(self.reply(unit, node, &given)?),
            None => None,
        };
        if !is_answered {
            return None;
        }
        let handlers = Hooks::merge(&[self.handlers.as_ref()?.file.clone()]).ok()?;
        Some(Downlink {
            span,
            topic,
            read: read?,
            ids: if said.ids == Some("unique") { Ids::Unique } else { Ids::Reused },
            reply,
            handlers,
            runs,
            methods,
            expire: said.expire.unwrap_or(EXPIRE),
            at,
        })
    }

    fn said_by<'n>(&mut self, sides: &[Side<'n>]) -> Said<'n> {
        // Every key of every side is asked for, so that what is wrong with one that does not count is said, too.
        let node = |key: &str| {
            let all: Vec<_> =
                sides.iter().map(|side| side.fields.node(key).map(|node| (side.unit, node))).collect();
            all.into_iter().flatten().next()
        };
        let problems = &mut *self.problems;
        let mut said = Said {
            topic: node("topic"),
            key: node("key"),
            method: node("method"),
            params: node("params"),
            sent_at: node("sent_at"),
            reply: node("reply"),
            ids: None,
            expire: None,
            handlers: None,
            methods: None,
            at: None,
        };
        for Side { fields, .. } in sides {
            let ids = fields.one_of("ids", problems).map(|ids| ids.value);
            let expire = fields.duration("expire", problems).map(|expire| expire.value);
            let handlers = fields.text("handlers", problems).map(|file| file.span);
            let methods = fields.map("methods", problems);
            let at = fields.texts("at", problems);
            let at = at.map(|keys| keys.iter().map(|key| (key.text.to_string(), key.span)).collect());
            said.ids = said.ids.or(ids);
            said.expire = said.expire.or(expire);
            said.handlers = said.handlers.or(handlers);
            said.methods = said.methods.or(methods);
            said.at = said.at.or(at);
        }
        said
    }

    /// What must be said by one of the files.
    fn missing(&mut self, said: &Said<'_>, at: Span) {
        let rows = [
            (said.topic.is_none(), "topic", "on which topic commands come", "command/send/{id}"),
            (said.key.is_none(), "key", "what tells one command from another", "${id}"),
            (said.method.is_none(), "method", "which method a command calls", "${body.method}"),
            (said.handlers.is_none(), "handlers", "which functions answer", "commands.rhai"),
            (said.methods.is_none(), "methods", "what can be called", "{ signal: {} }"),
        ];
        for (_, key, what, example) in rows.into_iter().filter(|(is_missing, ..)| *is_missing) {
            let message = format!("nothing says {what}: `downlink` has no `{key}`");
            let help = match key {
                "handlers" | "methods" => format!("add it, such as `{key}: {example}`"),
                _ => format!("name a `cloud` that says it, or add it here, such as `{key}: {example}`"),
            };
            self.problems.push(Diagnostic::error(Code::MISSING_KEY, at, message).help(help));
        }
    }

    /// Key, method, params, and when it was sent.
    fn read(&mut self, said: &Said<'_>, given: &[Arc<str>]) -> Option<Computation> {
        self.computation(
            given,
            &[
                asked(said.key, Value::UNIT),
                asked(said.method, Value::UNIT),
                asked(said.params, hooks::map_of([])),
                asked(said.sent_at, Value::UNIT),
            ],
        )
    }

    fn reply(&mut self, unit: UnitId, node: &Node, given: &[Arc<str>]) -> Option<Computation> {
        let fields = self.open(node, &keys::REPLY)?;
        let (topic, json) = (fields.node("topic"), fields.node("json"));
        fields.finish();
        let given: Vec<Arc<str>> = given.iter().cloned().chain(REPLY.into_iter().map(Arc::from)).collect();
        self.computation(&given, &[Asked::Text(unit, topic?), Asked::Tree(unit, json?)])
    }

    /// `at`: keys as the command table has them.
    fn command_keys(&mut self, keys: &[(String, Span)]) -> Vec<String> {
        let dialect = Arc::clone(&self.dialect);
        let mut found = Vec::new();
        for (key, at) in keys {
            if let Some(entry) = dialect.commands.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)) {
                found.push(entry.key.clone());
                continue;
            }
            let known = dialect.commands.iter().map(|entry| entry.key.as_str());
            let near =
                known.min_by_key(|known| strsim::damerau_levenshtein(known, &key.to_ascii_uppercase()));
            let help = match near {
                Some(near) if strsim::damerau_levenshtein(near, &key.to_ascii_uppercase()) <= 2 => {
                    format!("did you mean `{near}`?")
                }
                _ => "it names commands as `commands` of the dialect does: `AT+X=` set, `AT+X?` read, `AT+X` execute".to_string(),
            };
            self.problems.push(
                Diagnostic::error(Code::AT_LIST, *at, format!("the command table has no `{key}`")).help(help),
            );
        }
        found
    }
}

fn asked(part: Option<(UnitId, &Node)>, otherwise: Value) -> Asked<'_> {
    match part {
        Some((unit, node)) => Asked::Tree(unit, node),
        None => Asked::Plain(otherwise),
    }
}
