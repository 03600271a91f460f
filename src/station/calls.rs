//! Commands: a message on the command topic is recorded, then answered by a handler. At most one run per
//! receipt, one reply per command, and the reply becomes durable together with everything that the handler
//! leaves.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::at::sorter::Message;
use crate::flow::model::Leaf;
use crate::flow::model::station::{Computation, Downlink, Ids, Method};
use crate::hooks::{self, HookError, Value};
use crate::link::Mono;
use crate::run::home::Post;
use crate::store::{CommandEnd, CommandState, KnownCommand, Lane, NewCommand, NewEffects, NewRow, Recorded};

#[cfg(test)]
use crate::session::sabotage;

use super::command::age::{REPLY_AGAIN_EVERY, digest, is_expired, window};
use super::command::params::check_params;
use super::command::rate::{Admission, Admissions};
use super::command::read::{self, Call, Found};
use super::command::{Code, Refusal, result_value};
use super::desk::Desk;
use super::event::{Happening, JobKind};
use super::jobs::{Job, What};
use super::shared::{Author, plan_of, row_of};
use super::{Station, millis};

/// How long a handler may take, flows and commands of its own included.
const HANDLER: Duration = Duration::from_secs(30);
/// The place of the params among the values of `downlink.read`.
const PARAMS: usize = 2;
/// Between topic and payload of a recorded message; no topic holds it (MQTT 3.1.1, 1.5.3).
const NUL: u8 = 0;

/// Who may come in, and who was answered a moment ago.
#[derive(Default)]
pub(super) struct Gate {
    admissions: Admissions,
    /// Repeated commands whose reply went out again, and when.
    replied: VecDeque<(u64, Mono)>,
    /// Commands that wait, whichever process recorded them.
    waiting: usize,
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
struct Read {
    /// What every expression about it is given.
    given: Vec<(String, Value)>,
    topic: String,
    body: Value,
    call: Call,
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

    fn reject(&self, refusal: &Refusal, method: &str) {
        let (why, method) = (self.shared.masked.text(&refusal.message), self.shared.masked.text(method));
        let code = refusal.code.name().to_string();
        self.shared.tell(&Happening::CommandRejected { code, method, why, count: 1 });
    }

    /// A message that is no command is not recorded; its sender is told, but not as often as it sends.
    fn refuse(&mut self, downlink: &Downlink, unread: &Unread) {
        let known = unread.known.as_deref();
        self.reject(&unread.refusal, known.map_or("", |read| read.call.method.as_str()));
        let now = self.now();
        if let Some(read) = known
            && self.gate.admissions.may_refuse(now)
        {
            self.reply_unpromised(downlink, read, &unread.refusal);
        }
    }

    /// Nobody is promised this one.
    fn reply_unpromised(&mut self, downlink: &Downlink, read: &Read, refusal: &Refusal) {
        let result = result_value(refusal.code, &refusal.message);
        let rows = self.reply_row(downlink, read, result).into_iter().collect();
        let _ = self.shared.commit(&NewEffects { rows, ..NewEffects::default() });
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
        let Admission::Busy { reply } = self.gate.admissions.admit(now, self.gate.waiting + more) else {
            return true;
        };
        self.reject(&Refusal::new(Code::Busy, "more commands come than can be answered"), &read.call.method);
        if reply {
            self.reply_unpromised(downlink, read, &Refusal::new(Code::Busy, "try again later"));
        }
        false
    }

    /// The reply that the file makes of a result; `None` if it makes none. A result that is too long for the
    /// module is replaced by word of that: whoever asked waits for an answer.
    fn reply_row(&mut self, downlink: &Downlink, read: &Read, result: Value) -> Option<NewRow> {
        let reply = downlink.reply.as_ref()?;
        let made = self.reply_with(reply, read, result).or_else(|why| {
            let result = result_value(Code::TooLarge, "the result is too long for a message");
            self.reply_with(reply, read, result).map_err(|_| why)
        });
        made.map_err(|why| {
            let text = format!("the reply to `{}` cannot be made: {why}", read.call.method);
            self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
        })
        .ok()
    }

    fn reply_with(&mut self, reply: &Computation, read: &Read, result: Value) -> Result<NewRow, String> {
        let mut given = read.given.clone();
        given.push(("key".to_string(), read.call.key.clone().into()));
        given.push(("method".to_string(), read.call.method.clone().into()));
        given.push(("params".to_string(), read.call.params.clone()));
        given.push(("result".to_string(), result));
        let values = self.compute(reply, &given)?;
        let topic = values.first().map(hooks::display).unwrap_or_default();
        let json = hooks::to_json(values.get(1).unwrap_or(&Value::UNIT)).map_err(|why| why.to_string())?;
        let qos = plan_of(&self.program).outbox.qos;
        let payload = hooks::plain_json(&self.shared.masked.text(&json.to_string())).into_bytes();
        let author = Author { lane: Lane::Reply, name: read.call.method.clone() };
        let row = row_of(Post { topic, payload, qos, retain: false }, &author, &self.shared.masked);
        let fits = self.run.borrow().fits(&row.topic, row.payload.len(), i64::from(qos));
        fits.map(|()| row).map_err(|failure| failure.message.clone())
    }

    /// Commands that an earlier process began are never run again: what they did is not known.
    pub(super) fn answer_interrupted(&mut self) {
        let interrupted = self.shared.store.borrow_mut().interrupted_commands();
        let program = Rc::clone(&self.program);
        let downlink = plan_of(&program).downlink.as_ref();
        for command in interrupted {
            let message = "the station was stopped while it ran, and it is not run again";
            let result = result_value(Code::UnknownOutcome, message);
            let reply = downlink.and_then(|downlink| {
                let read = self.read_again(downlink, &command)?;
                self.reply_row(downlink, &read, result)
            });
            let end = CommandEnd {
                state: CommandState::Unknown,
                code: Code::UnknownOutcome.name().to_string(),
                reply,
            };
            self.finish(&command, &end, &NewEffects::default(), Duration::ZERO);
        }
    }

    fn read_again(&mut self, downlink: &Downlink, command: &Recorded) -> Option<Read> {
        let (topic, payload) = parts(&command.payload)?;
        let holes = downlink.topic.holes(topic)?;
        self.read_command(downlink, topic, payload, &holes).ok()
    }

    /// Answers the oldest recorded command.
    pub(super) fn answer(&mut self, due: Mono) {
        let program = Rc::clone(&self.program);
        let found = self.shared.store.borrow_mut().next_command();
        let Some(command) = found else { return };
        let downlink = plan_of(&program).downlink.as_ref();
        let read = downlink.and_then(|downlink| Some((downlink, self.read_again(downlink, &command)?)));
        let Some((downlink, read)) = read else {
            // The file is another one than when it was recorded. What nobody answers must not wait for ever.
            let end =
                CommandEnd { state: CommandState::Rejected, code: "unreadable".to_string(), reply: None };
            self.finish(&command, &end, &NewEffects::default(), Duration::ZERO);
            return;
        };
        match self.admit(downlink, &command, &read) {
            Ok((method, params)) => self.call(downlink, &command, &read, (method, params), due),
            Err((code, message)) => {
                let reply = self.reply_row(downlink, &read, result_value(code, &message));
                let state =
                    if code == Code::Expired { CommandState::Expired } else { CommandState::Rejected };
                let end = CommandEnd { state, code: code.name().to_string(), reply };
                self.finish(&command, &end, &NewEffects::default(), Duration::ZERO);
            }
        }
    }

    /// Whether a command may run: known, young, with the right params, and safe to remember.
    fn admit<'d>(
        &self,
        downlink: &'d Downlink,
        command: &Recorded,
        read: &Read,
    ) -> Result<(&'d Method, Value), (Code, String)> {
        let waited = self.age(command);
        if is_expired(downlink.expire, waited, read.call.sent_at_ms, self.trusted_wall_ms()) {
            let why = match waited {
                Some(_) => "it came too long ago",
                None => "it came before the machine was last switched on, and nobody knows how long ago",
            };
            return Err((Code::Expired, why.to_string()));
        }
        let method = downlink
            .methods
            .get(&read.call.method)
            .ok_or_else(|| (Code::UnknownMethod, "this station has no such method".to_string()))?;
        let params = check_params(method, &read.call.params).map_err(|why| (Code::BadParams, why))?;
        if method.dangerous && self.shared.store.borrow().is_volatile() {
            return Err((Code::Storage, "the disk takes nothing, so it could run twice".to_string()));
        }
        Ok((method, params))
    }

    /// How long ago a command came; `None` if nobody knows.
    fn age(&self, command: &Recorded) -> Option<Duration> {
        if let Some(ago) = self.ago(command.captured) {
            return Some(ago);
        }
        let then = self.shared.store.borrow().wall_of(command.captured)?;
        let ago = self.trusted_wall_ms()? - then;
        Some(Duration::from_millis(u64::try_from(ago).unwrap_or(0)))
    }

    /// Runs the handler.
    fn call(
        &mut self,
        downlink: &Downlink,
        command: &Recorded,
        read: &Read,
        (method, params): (&Method, Value),
        due: Mono,
    ) {
        #[cfg(test)]
        let started = if sabotage::is_broken(sabotage::Sabotage::ForgetsToPersist) {
            Ok(())
        } else {
            self.shared.store.borrow_mut().start_command(command.n)
        };
        #[cfg(not(test))]
        let started = self.shared.store.borrow_mut().start_command(command.n);
        self.shared.tell_store_news();
        if started.is_err() {
            return;
        }
        let began = self.now();
        let name = read.call.method.clone();
        let late_ms = millis(began.since(due));
        self.runs += 1;
        let (kind, run) = (JobKind::Command, self.runs);
        self.shared.tell(&Happening::CommandStarted { n: command.n, method: name.clone() });
        self.shared.tell(&Happening::JobStarted { kind, name: name.clone(), run, late_ms });
        let author = Author { lane: Lane::Event, name: name.clone() };
        *self.shared.author.borrow_mut() = author.clone();
        let deadline = began + HANDLER;
        let desk = Rc::new(Desk::new(
            Rc::clone(&self.shared),
            Rc::clone(&self.program),
            Rc::clone(&self.run),
            author,
            method.dangerous,
            deadline,
        ));
        let mut args = vec![params];
        if method.takes_context {
            args.push(read::context(&read.call, &read.topic, &read.body));
        }
        self.host.set_station(Some(Rc::clone(&desk) as Rc<dyn hooks::Station>));
        self.run.borrow().bound_hooks(deadline);
        let result = self.host.call(&downlink.handlers, &name, &args);
        self.host.set_station(None);
        for text in self.host.take_log() {
            self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
        }
        let took = self.now().since(began);
        let (state, code, result, effects) = match result {
            Ok(result) if took <= HANDLER => (CommandState::Done, None, result, desk.take_effects()),
            Ok(_) => {
                let message = "it took longer than it may";
                let result = result_value(Code::Deadline, message);
                (CommandState::Failed, Some(Code::Deadline), result, NewEffects::default())
            }
            Err(error) => {
                let code = failed_with(&desk);
                let result = result_value(code, &self.shared.masked.text(&error.message));
                self.tell_hook_error(&name, &error);
                (CommandState::Failed, Some(code), result, NewEffects::default())
            }
        };
        let fits = self.shared.store.borrow().fits_state(&effects.state);
        let (state, code, result, effects) = match fits {
            Ok(()) => (state, code, result, effects),
            Err(error) => {
                let result = result_value(Code::Failed, &error.to_string());
                (CommandState::Failed, Some(Code::Failed), result, NewEffects::default())
            }
        };
        // What the module cannot send is still answered: whoever asked waits.
        let reply = self.reply_row(downlink, read, result).or_else(|| {
            let result = result_value(Code::Failed, "the result makes no reply that can be sent");
            self.reply_row(downlink, read, result)
        });
        let word = code.map_or("ok", Code::name);
        let end = CommandEnd { state, code: word.to_string(), reply };
        self.finish(command, &end, &effects, took);
        let outcome = word.to_string();
        let took_ms = millis(took);
        self.shared.tell(&Happening::JobFinished {
            kind,
            name,
            run,
            outcome,
            code: None,
            error: None,
            took_ms,
        });
        if let Some(trouble) = desk.trouble() {
            self.run_failed(&trouble);
        }
    }

    fn tell_hook_error(&self, name: &str, error: &HookError) {
        let text = format!("the handler `{name}` failed: {error}");
        self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
    }

    /// The end of a command with its reply and all that its handler leaves, in one transaction.
    fn finish(&mut self, command: &Recorded, end: &CommandEnd, effects: &NewEffects, took: Duration) {
        self.gate.waiting = self.gate.waiting.saturating_sub(1);
        let now_ms = self.shared.now_ms();
        let (code, reply) = (end.code.clone(), end.reply.clone());
        let finished = self.shared.store.borrow_mut().finish_command(now_ms, command.n, end, effects);
        self.shared.tell_store_news();
        if let Ok(finished) = finished {
            let mut told = effects.clone();
            let mut seqs = finished.rows;
            told.rows.extend(reply);
            seqs.extend(finished.reply);
            self.shared.tell_effects(&told, &seqs);
        }
        let left = effects.rows.len() + effects.state.len() + effects.timers.len();
        self.shared.tell(&Happening::CommandFinished {
            n: command.n,
            method: self.shared.masked.text(&command.method),
            code,
            took_ms: millis(took),
            effects: left as u64,
        });
    }
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

/// What the reply says of a handler that raised an error.
fn failed_with(desk: &Desk) -> Code {
    match desk.met().as_deref() {
        Some("reboot") => Code::Reboot,
        Some("refused") => Code::Refused,
        Some("timeout") => Code::Deadline,
        _ => Code::Failed,
    }
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
