//! `downlink`: the cloud's file says how a command looks, the station what answers it; a key of the station
//! counts over the cloud's.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::fields::Fields;
use crate::flow::keys::{self, or_list};
use crate::flow::model::UnitId;
use crate::flow::model::station::{Computation, Downlink, Ids};
use crate::flow::yaml::{Key, Node};
use crate::hooks::{self, Hooks, Value};

use super::super::Compiler;
use super::super::head::Head;
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
        let sides = self.sides(cloud, heads)?;
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

    /// The station's map, then the cloud's; a cloud's file by itself has but one.
    fn sides<'n>(&mut self, cloud: Option<usize>, heads: &[Head<'n>]) -> Option<Vec<Side<'n>>> {
        let units = std::iter::once(0).chain(cloud.filter(|cloud| *cloud != 0));
        let maps = units.filter_map(|unit| Some((UnitId(unit), heads[unit].station.downlink?)));
        maps.map(|(unit, node)| Some(Side { unit, fields: self.open(node, &keys::DOWNLINK)? })).collect()
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
        let look =
            [("topic", said.topic.is_none()), ("key", said.key.is_none()), ("method", said.method.is_none())];
        let answer = [("handlers", said.handlers.is_none()), ("methods", said.methods.is_none())];
        let names = |rows: &[(&'static str, bool)]| {
            let missing = rows.iter().filter(|(_, is_missing)| *is_missing);
            missing.map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>()
        };
        let (look, answer) = (names(&look), names(&answer));
        let missing: Vec<String> = look.iter().chain(&answer).cloned().collect();
        if missing.is_empty() || self.lacks("downlink") || self.cloud_is_unread {
            return;
        }
        let help = if look.is_empty() {
            "write, for example, `handlers: commands.rhai` and `methods: { signal: {} }`"
        } else {
            "a `cloud` says how a command looks; without one, write it here: `topic: command/send/{id}`, `key: ${id}`, \
             `method: ${body.method}`"
        };
        let message = format!("this downlink has no {}", or_list(missing));
        self.problems.push(Diagnostic::error(Code::MISSING_KEY, at, message).help(help));
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

    /// `at`: keys in the notation of the command table, which need not hold them.
    fn command_keys(&mut self, keys: &[(String, Span)]) -> Vec<String> {
        let mut found = Vec::new();
        for (key, at) in keys {
            let bad = if is_command_key(key) {
                let has = |wanted: &str| {
                    self.dialect.commands.iter().any(|entry| entry.key.eq_ignore_ascii_case(wanted))
                };
                let forms = [format!("{key}="), format!("{key}?")];
                let other_form = forms.into_iter().find(|form| key.contains('+') && !has(key) && has(form));
                other_form.map(|form| {
                    (
                        format!("`{key}` is the execute form, and the command table has another"),
                        format!("did you mean `{form}`?"),
                    )
                })
            } else {
                let help = "write it as `commands` of a dialect does: `AT+X=` set, `AT+X?` read, `AT+X=?` test, `AT+X` execute";
                Some((format!("`{key}` is no command"), help.to_string()))
            };
            match bad {
                Some((message, help)) => {
                    self.problems.push(Diagnostic::error(Code::AT_LIST, *at, message).help(help));
                }
                None => found.push(key.clone()),
            }
        }
        found
    }
}

fn is_command_key(key: &str) -> bool {
    let is_at = key.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("AT"));
    is_at && !key.contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == ';')
}

fn asked(part: Option<(UnitId, &Node)>, otherwise: Value) -> Asked<'_> {
    match part {
        Some((unit, node)) => Asked::Tree(unit, node),
        None => Asked::Plain(otherwise),
    }
}
