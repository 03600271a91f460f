//! Commands, as they come: a message on the command topic is read, judged, and recorded before anything runs. And
//! the replies, as the file words them.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::at::sorter::Message;
use crate::flow::model::Leaf;
use crate::flow::model::station::{Computation, Downlink, Ids};
use crate::hooks::{self, Value};
use crate::link::Mono;
use crate::run::home::Post;
use crate::store::{KnownCommand, Lane, NewCommand, NewEffects, NewRow, Recorded};

use super::Station;
use super::command::age::{REPLY_AGAIN_EVERY, digest, window};
use super::command::rate::{Admission, Admissions};
use super::command::read::{self, Call, Found};
use super::command::{Code, Refusal, result_value};
use super::event::{Happening, JobKind};
use super::jobs::{Job, What};
use super::shared::{Author, plan_of, row_of};

/// The place of the params among the values of `downlink.read`.
const PARAMS: usize = 2;
/// Replies that wait: with so many no command is taken, and with so many …
const MOST_REPLIES: u64 = 1000;
/// … nobody is answered who is promised no answer.
const MOST_UNPROMISED: u64 = 20;
/// Between topic and payload of a recorded message; no topic holds it (MQTT 3.1.1, 1.5.3).
const NUL: u8 = 0;

/// Who may come in, and who was answered a moment ago.
#[derive(Default)]
pub(super) struct Gate {
    admissions: Admissions,
    /// Repeated commands whose reply went out again, and when.
    replied: VecDeque<(u64, Mono)>,
    /// Commands that wait, whichever process recorded them.
    pub(super) waiting: usize,
}

impl Gate {
    /// Whether the reply of a repeated command may go out again now.
    fn may_reply_again(&mut self, n: u64, now: Mono) -> bool {
        self.replied.retain(|(_, at)| now.since(*at) < REPLY_AGAIN_EVERY);
        let recent = self.replied.iter().any(|(known, _)| *known == n);
        if !recent {
            self.replied.push_back((n, now));
        }
        !recent
    }
}

/// A message on the command topic that is no command.
struct Unread {
    refusal: Refusal,
    /// What is known of it, if that is enough for a reply.
    known: Option<Box<Read>>,
}

/// A command as its message says it.
pub(super) struct Read {
    /// What every expression about it is given.
    given: Vec<(String, Value)>,
    pub(super) topic: String,
    pub(super) body: Value,
    pub(super) call: Call,
}

impl Station {
    /// Records the commands among these messages, all of them in one transaction.
    pub(super) fn record_commands(&mut self, messages: &[Message]) {
        let program = Rc::clone(&self.program);
        let Some(downlink) = &plan_of(&program).downlink else { return };
        let mut fresh: Vec<NewCommand> = Vec::new();
        for message in messages {
            let Some(holes) = downlink.topic.holes(&message.topic) else { continue };
            let read = match self.read_command(downlink, &message.topic, &message.payload, &holes) {
                Ok(read) => read,
                Err(unread) => {
                    self.refuse(downlink, &unread);
                    continue;
                }
            };
            let digest = digest(&message.payload);
            let known = self.same_command(downlink, &read.call.key, &digest);
            let in_batch = |new: &NewCommand| {
                new.key == read.call.key && (downlink.ids == Ids::Unique || new.digest == digest)
            };
            if let Some(known) = known {
                self.repeated(&known, &read.call.key);
            } else if fresh.iter().any(in_batch) {
                let id = self.shared.masked.text(&read.call.key);
                self.shared.tell(&Happening::CommandDuplicate { n: 0, id, reply_again: false });
            } else if self.is_admitted(downlink, &read, fresh.len()) {
                if let Some(text) = read::differing(&holes, &read.body) {
                    self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
                }
                fresh.push(NewCommand {
                    key: read.call.key,
                    digest,
                    method: read.call.method,
                    payload: whole_message(message),
                });
            }
        }
        if fresh.is_empty() {
            return;
        }
        let now_ms = self.shared.now_ms();
        let recorded = self.shared.store.borrow_mut().record(now_ms, &fresh);
        self.shared.tell_store_news();
        let Ok(numbers) = recorded else { return };
        self.gate.waiting += numbers.len();
        for (n, command) in numbers.into_iter().zip(fresh) {
            let id = self.shared.masked.text(&command.key);
            let method = self.shared.masked.text(&command.method);
            self.shared.tell(&Happening::CommandReceived { n, id, method });
        }
    }

    /// What an earlier process recorded and did not begin waits still.
    pub(super) fn recall_commands(&mut self) {
        self.gate.waiting = self.shared.store.borrow_mut().waiting_commands();
    }

    /// The oldest recorded command joins those that wait; the others are behind it.
    pub(super) fn poll_commands(&mut self) {
        if self.waiting.iter().any(|job| job.kind == JobKind::Command) {
            return;
        }
        let next = self.shared.store.borrow_mut().next_command();
        if let Some(command) = next {
            let due = self.mono_of(command.captured).unwrap_or(Mono::ZERO);
            let (kind, name) = (JobKind::Command, command.method.as_str().into());
            self.waiting.push_back(Job { kind, name, due, what: What::Command });
        }
    }

    /// What the file makes of a message.
    fn read_command(
        &mut self,
        downlink: &Downlink,
        topic: &str,
        payload: &[u8],
        holes: &[(Arc<str>, String)],
    ) -> Result<Read, Unread> {
        read::holes(holes).map_err(|refusal| Unread { refusal, known: None })?;
        // What is no JSON object at all was not made by anybody who waits for an answer.
        let body = read::body(payload).map_err(|refusal| Unread { refusal, known: None })?;
        let mut given = vec![
            ("topic".to_string(), topic.to_string().into()),
            ("payload".to_string(), hooks::Bytes::value(payload.to_vec())),
            ("body".to_string(), body.clone()),
        ];
        given.extend(holes.iter().map(|(name, text)| (name.to_string(), Value::from(text.clone()))));
        let values = self.read_values(&downlink.read, &given, &body);
        let topic = topic.to_string();
        match read::call(&values) {
            Ok(call) => Ok(Read { given, topic, body, call }),
            Err(refusal) => {
                let known = read::remains(&values).map(|call| Box::new(Read { given, topic, body, call }));
                Err(Unread { refusal, known })
            }
        }
    }

    /// Key, method, params and time. Params that are just not there are none.
    fn read_values(&mut self, what: &Computation, given: &[(String, Value)], body: &Value) -> Vec<Found> {
        let given: Vec<(&str, Value)> =
            given.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let values = self.run.borrow_mut().compute_each(what, &given);
        let found =
            values.into_iter().zip(&what.values).enumerate().map(|(index, (value, leaf))| match value {
                Err(_) if index == PARAMS && is_absent(leaf, body) => Ok(Value::UNIT),
                value => value.map_err(|failure| failure.message.clone()),
            });
        found.collect()
    }

    fn compute(&mut self, what: &Computation, given: &[(String, Value)]) -> Result<Vec<Value>, String> {
        let given: Vec<(&str, Value)> =
            given.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.run.borrow_mut().compute(what, &given).map_err(|failure| failure.message.clone())
    }

    fn reject(&self, refusal: &Refusal, method: &str, reply: Option<NewRow>) {
        let (why, method) = (self.shared.masked.text(&refusal.message), self.shared.masked.text(method));
        let code = refusal.code.name().to_string();
        let told = Happening::CommandRejected { code, method, why, count: 1, reply: reply.is_some() };
        self.shared.tell(&told);
        if let Some(row) = reply {
            let _ = self.shared.commit(&NewEffects { rows: vec![row], ..NewEffects::default() });
        }
    }

    /// A message that is no command is not recorded; its sender is told, but not as often as it sends.
    fn refuse(&mut self, downlink: &Downlink, unread: &Unread) {
        let known = unread.known.as_deref();
        let now = self.now();
        let reply = match known {
            Some(read) if self.gate.admissions.may_refuse(now) => {
                self.unpromised(downlink, read, &unread.refusal)
            }
            _ => None,
        };
        self.reject(&unread.refusal, known.map_or("", |read| read.call.method.as_str()), reply);
    }

    fn replies_waiting(&self) -> u64 {
        self.shared.store.borrow_mut().counts().rows[Lane::Reply.index()]
    }

    /// A reply that nobody is promised, and that must not keep those back that are.
    fn unpromised(&mut self, downlink: &Downlink, read: &Read, refusal: &Refusal) -> Option<NewRow> {
        if self.replies_waiting() >= MOST_UNPROMISED {
            return None;
        }
        self.reply_row(downlink, read, result_value(refusal.code, &refusal.message))
    }

    fn same_command(&self, downlink: &Downlink, key: &str, digest: &[u8; 32]) -> Option<KnownCommand> {
        let digest = (downlink.ids == Ids::Reused).then_some(digest);
        let within_ms = i64::try_from(window(downlink.ids).as_millis()).unwrap_or(i64::MAX);
        self.shared.store.borrow_mut().same_command(self.shared.now_ms(), key, digest, Some(within_ms))
    }

    /// A command came again: whoever sent it may have missed the reply.
    fn repeated(&mut self, known: &KnownCommand, key: &str) {
        let now = self.now();
        let reply = known.reply.clone().filter(|_| self.gate.may_reply_again(known.n, now));
        let reply_again = reply.is_some();
        let id = self.shared.masked.text(key);
        self.shared.tell(&Happening::CommandDuplicate { n: known.n, id, reply_again });
        if let Some(row) = reply {
            let effects = NewEffects { rows: vec![row], ..NewEffects::default() };
            // It is a courtesy: the reply itself is on its way since it was made.
            let _ = self.shared.commit(&effects);
        }
    }

    /// One command too many is not recorded; its sender is told, but not as often as it sends.
    fn is_admitted(&mut self, downlink: &Downlink, read: &Read, more: usize) -> bool {
        let now = self.now();
        let reply = match self.gate.admissions.admit(now, self.gate.waiting + more) {
            Admission::Taken if self.replies_waiting() < MOST_REPLIES => return true,
            Admission::Taken => false,
            Admission::Busy { reply } => reply,
        };
        let again = Refusal::new(Code::Busy, "try again later");
        let reply = if reply { self.unpromised(downlink, read, &again) } else { None };
        let refusal = Refusal::new(Code::Busy, "more commands come than can be answered");
        self.reject(&refusal, &read.call.method, reply);
        false
    }

    /// The reply that the file makes of a result; `None` if it makes none.
    pub(super) fn reply_row(&mut self, downlink: &Downlink, read: &Read, result: Value) -> Option<NewRow> {
        self.reply_or_word(downlink, read, result).0
    }

    /// The same. A result that makes no reply is replaced by word of that, for whoever asked waits for an answer;
    /// that is the code then, and why is told.
    pub(super) fn reply_or_word(
        &mut self,
        downlink: &Downlink,
        read: &Read,
        result: Value,
    ) -> (Option<NewRow>, Option<Code>) {
        let Some(reply) = downlink.reply.as_ref() else { return (None, None) };
        let (code, words, why) = match self.reply_with(reply, read, result) {
            Ok(row) => return (Some(row), None),
            Err(NoReply::TooLong(why)) => (Code::TooLarge, "the result is too long for a message", why),
            Err(NoReply::Broken(why)) => (Code::Failed, "the result makes no reply that can be sent", why),
        };
        let text = format!("the reply to `{}` cannot be made: {why}", read.call.method);
        self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
        (self.reply_with(reply, read, result_value(code, words)).ok(), Some(code))
    }

    fn reply_with(&mut self, reply: &Computation, read: &Read, result: Value) -> Result<NewRow, NoReply> {
        let mut given = read.given.clone();
        given.push(("key".to_string(), read.call.key.clone().into()));
        given.push(("method".to_string(), read.call.method.clone().into()));
        given.push(("params".to_string(), read.call.params.clone()));
        given.push(("result".to_string(), result));
        let values = self.compute(reply, &given).map_err(NoReply::Broken)?;
        let topic = values.first().map(hooks::display).unwrap_or_default();
        let json = hooks::to_json(values.get(1).unwrap_or(&Value::UNIT))
            .map_err(|why| NoReply::Broken(why.to_string()))?;
        let qos = plan_of(&self.program).outbox.qos;
        let payload = hooks::plain_json(&self.shared.masked.text(&json.to_string())).into_bytes();
        let author = Author { lane: Lane::Reply, name: read.call.method.clone() };
        let row = row_of(Post { topic, payload, qos, retain: false }, &author, &self.shared.masked);
        let fits = self.run.borrow().fits(&row.topic, row.payload.len(), i64::from(qos));
        let is_long = row.payload.len() > self.program.dialect.limits.payload_bytes;
        let kind = if is_long { NoReply::TooLong } else { NoReply::Broken };
        fits.map(|()| row).map_err(|failure| kind(failure.message.clone()))
    }

    pub(super) fn read_again(&mut self, downlink: &Downlink, command: &Recorded) -> Option<Read> {
        let (topic, payload) = parts(&command.payload)?;
        let holes = downlink.topic.holes(topic)?;
        self.read_command(downlink, topic, payload, &holes).ok()
    }
}

/// Why a result makes no reply, in words.
enum NoReply {
    /// The module publishes no message of that length.
    TooLong(String),
    /// Something else, for a shorter result perhaps just as well.
    Broken(String),
}

/// Whether a value is `body.name`, and the message has no such name.
fn is_absent(leaf: &Leaf, body: &Value) -> bool {
    let Leaf::Expr(expr) = leaf else { return false };
    let name = expr.program.source().trim().strip_prefix("body.");
    name.is_some_and(|name| {
        hooks::keys(body).is_some_and(|keys| !keys.iter().any(|key| key == name)) && is_name(name)
    })
}

fn is_name(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// A message with its topic, as it is recorded.
fn whole_message(message: &Message) -> Vec<u8> {
    let mut whole = message.topic.clone().into_bytes();
    whole.push(NUL);
    whole.extend_from_slice(&message.payload);
    whole
}

/// Topic and payload of a recorded message.
fn parts(whole: &[u8]) -> Option<(&str, &[u8])> {
    let end = whole.iter().position(|byte| *byte == NUL)?;
    Some((std::str::from_utf8(&whole[..end]).ok()?, &whole[end + 1..]))
}
