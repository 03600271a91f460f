//! Commands: a message on the command topic is recorded, then answered by a handler. At most one run per
//! receipt, one reply per command, and the reply becomes durable together with everything that the handler
//! leaves.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::at::sorter::Message;
use crate::flow::model::station::{Computation, Downlink, Ids, Method};
use crate::hooks::{self, HookError, Value};
use crate::link::Mono;
use crate::run::home::Post;
use crate::store::{CommandEnd, CommandState, KnownCommand, Lane, NewCommand, NewEffects, NewRow, Recorded};

use super::command::{Code, Rejection, check_params, receive, result_value};
use super::desk::Desk;
use super::event::{Happening, JobKind};
use super::jobs::{Job, What};
use super::rate::Bucket;
use super::shared::{Author, bounds, plan_of, row_of};
use super::{Station, millis};

/// How long a handler may take, flows and commands of its own included.
const HANDLER: Duration = Duration::from_secs(30);
/// Most commands that wait.
const MOST_COMMANDS: usize = 100;
/// Commands a minute, and how many may come at once.
const PER_MINUTE: u32 = 60;
const BURST: u32 = 20;
/// `ids: reused`: the same key and payload within this is a repeat.
const REPEAT_MS: i64 = 60 * 1000;
/// `ids: unique`: a key is remembered so long.
const REMEMBERED_MS: i64 = 30 * 24 * 3600 * 1000;
/// A repeat gets the recorded reply again, but not more often than this.
const REPLY_AGAIN: Duration = Duration::from_secs(10);
/// A sender that floods hears so at most this often.
const BUSY_EVERY: Duration = Duration::from_secs(1);

/// How fast commands may come.
pub(super) struct Gate {
    bucket: Bucket,
    busy_from: Mono,
    replied: Vec<(u64, Mono)>,
}

impl Gate {
    pub fn new(now: Mono) -> Self {
        let each = Duration::from_secs(60) / PER_MINUTE;
        Self { bucket: Bucket::new(BURST, each, now), busy_from: Mono::ZERO, replied: Vec::new() }
    }

    /// Whether the reply of a repeated command may go out again now.
    fn may_reply_again(&mut self, n: u64, now: Mono) -> bool {
        self.replied.retain(|(_, at)| now.since(*at) < REPLY_AGAIN);
        if self.replied.iter().any(|(known, _)| *known == n) {
            return false;
        }
        self.replied.push((n, now));
        true
    }
}

/// A command as its message says it.
struct Read {
    given: Vec<(String, Value)>,
    key: String,
    method: String,
    params: Value,
}

impl Station {
    /// Records the commands among these messages, all of them in one transaction.
    pub(super) fn record_commands(&mut self, messages: &[Message]) {
        let program = Rc::clone(&self.program);
        let Some(downlink) = &plan_of(&program).downlink else { return };
        let mut fresh: Vec<NewCommand> = Vec::new();
        for message in messages {
            let Some(holes) = downlink.topic.holes(&message.topic) else { continue };
            let read = match self.read_command(downlink, &message.topic, &message.payload, holes) {
                Ok(read) => read,
                Err(rejection) => {
                    self.reject(&rejection);
                    continue;
                }
            };
            let digest: [u8; 32] = Sha256::digest(&message.payload).into();
            let known = self.same_command(downlink, &read.key, &digest);
            let in_batch = |new: &&NewCommand| {
                new.key == read.key && (downlink.ids == Ids::Unique || new.digest == digest)
            };
            if let Some(known) = known {
                self.repeated(&known, &read.key);
            } else if fresh.iter().find(in_batch).is_some() {
                self.shared.tell(&Happening::CommandDuplicate { n: 0, id: read.key, reply_again: false });
            } else if self.is_flooded(fresh.len()) {
                self.busy(downlink, &read);
            } else {
                fresh.push(NewCommand {
                    key: read.key,
                    digest,
                    method: read.method,
                    topic: message.topic.clone(),
                    payload: message.payload.clone(),
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
        for (n, command) in numbers.into_iter().zip(fresh) {
            let id = self.shared.masked.text(&command.key);
            let method = self.shared.masked.text(&command.method);
            self.shared.tell(&Happening::CommandReceived { n, id, method });
            self.queue_command(n, &command.method, self.now());
        }
    }

    fn queue_command(&mut self, n: u64, method: &str, due: Mono) {
        self.waiting.push_back(Job { kind: JobKind::Command, name: method.into(), due, what: What::Command(n) });
    }

    /// What the file makes of a message.
    fn read_command(
        &mut self,
        downlink: &Downlink,
        topic: &str,
        payload: &[u8],
        holes: Vec<(Arc<str>, String)>,
    ) -> Result<Read, Rejection> {
        let body = receive(payload, &holes)?;
        let mut given = vec![
            ("topic".to_string(), topic.to_string().into()),
            ("payload".to_string(), hooks::Bytes::value(payload.to_vec())),
            ("body".to_string(), body),
        ];
        given.extend(holes.into_iter().map(|(name, text)| (name.to_string(), Value::from(text))));
        let values = self.compute(&downlink.read, &given).map_err(Rejection::unreadable)?;
        let text = |index: usize| values.get(index).map(hooks::display).unwrap_or_default();
        let params = values.get(2).cloned().unwrap_or(Value::UNIT);
        Ok(Read { given, key: text(0), method: text(1), params })
    }

    fn compute(&mut self, what: &Computation, given: &[(String, Value)]) -> Result<Vec<Value>, String> {
        let given: Vec<(&str, Value)> =
            given.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.run.borrow_mut().compute(what, &given).map_err(|failure| failure.message.clone())
    }

    fn reject(&self, rejection: &Rejection) {
        let why = self.shared.masked.text(&rejection.why);
        self.shared.tell(&Happening::CommandRejected { code: rejection.code.word().to_string(), why });
    }

    fn same_command(&self, downlink: &Downlink, key: &str, digest: &[u8; 32]) -> Option<KnownCommand> {
        let store = self.shared.store.borrow();
        let now_ms = self.shared.now_ms();
        match downlink.ids {
            Ids::Unique => store.same_command(key, None, now_ms, REMEMBERED_MS),
            Ids::Reused => store.same_command(key, Some(digest), now_ms, REPEAT_MS),
        }
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
            let program = Rc::clone(&self.program);
            // It is a courtesy: the reply itself is on its way since it was made.
            let _ = self.shared.commit(plan_of(&program), &effects);
        }
    }

    fn is_flooded(&mut self, more: usize) -> bool {
        let now = self.now();
        let waiting = self.waiting.iter().filter(|job| job.kind == JobKind::Command).count();
        waiting + more >= MOST_COMMANDS || !self.gate.bucket.take(now)
    }

    /// One command too many is not recorded; its sender is told, but not as often as it sends.
    fn busy(&mut self, downlink: &Downlink, read: &Read) {
        let why = "more commands come than can be answered".to_string();
        self.shared.tell(&Happening::CommandRejected { code: Code::Busy.word().to_string(), why });
        let now = self.now();
        if now < self.gate.busy_from {
            return;
        }
        self.gate.busy_from = now + BUSY_EVERY;
        let result = result_value(Code::Busy, "try again later");
        if let Some(row) = self.reply_row(downlink, read, result) {
            let effects = NewEffects { rows: vec![row], ..NewEffects::default() };
            let program = Rc::clone(&self.program);
            let _ = self.shared.commit(plan_of(&program), &effects);
        }
    }

    /// The reply that the file makes of a result; `None` if it makes none.
    fn reply_row(&mut self, downlink: &Downlink, read: &Read, result: Value) -> Option<NewRow> {
        let reply = downlink.reply.as_ref()?;
        let mut given = read.given.clone();
        given.push(("key".to_string(), read.key.clone().into()));
        given.push(("method".to_string(), read.method.clone().into()));
        given.push(("params".to_string(), read.params.clone()));
        given.push(("result".to_string(), result));
        let made = self.compute(reply, &given).and_then(|values| {
            let topic = values.first().map(hooks::display).unwrap_or_default();
            let json = hooks::to_json(values.get(1).unwrap_or(&Value::UNIT)).map_err(|why| why.to_string())?;
            let payload = self.shared.masked.text(&json.to_string()).into_bytes();
            let qos = plan_of(&self.program).outbox.qos;
            self.run
                .borrow()
                .fits(&topic, payload.len(), i64::from(qos))
                .map_err(|failure| failure.message.clone())?;
            Ok(Post { topic, payload, qos, retain: false })
        });
        match made {
            Ok(post) => {
                let author = Author { lane: Lane::Reply, name: read.method.clone() };
                Some(row_of(post, &author))
            }
            Err(why) => {
                let text = format!("the reply to `{}` cannot be made: {why}", read.method);
                self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
                None
            }
        }
    }

    /// Commands that an earlier process recorded and did not begin wait again.
    pub(super) fn recall_commands(&mut self) {
        let recorded = self.shared.store.borrow().recorded_commands();
        for command in recorded {
            let due = self.mono_of(command.captured).unwrap_or(Mono::ZERO);
            self.queue_command(command.n, &command.method, due);
        }
    }

    /// Commands that an earlier process began are never run again: what they did is not known.
    pub(super) fn answer_interrupted(&mut self) {
        let interrupted = self.shared.store.borrow().interrupted_commands();
        let program = Rc::clone(&self.program);
        let Some(downlink) = &plan_of(&program).downlink else { return };
        for command in interrupted {
            let message = "the station was stopped while it ran; it is not run again";
            let result = result_value(Code::UnknownOutcome, message);
            let reply = match self.read_again(downlink, &command) {
                Some(read) => self.reply_row(downlink, &read, result),
                None => None,
            };
            let end = CommandEnd {
                state: CommandState::Unknown,
                code: Code::UnknownOutcome.word().to_string(),
                reply,
            };
            self.finish(&command, end, &NewEffects::default(), Duration::ZERO);
        }
    }

    fn read_again(&mut self, downlink: &Downlink, command: &Recorded) -> Option<Read> {
        let holes = downlink.topic.holes(&command.topic)?;
        self.read_command(downlink, &command.topic, &command.payload, holes).ok()
    }

    /// Answers a recorded command.
    pub(super) fn answer(&mut self, n: u64, due: Mono) {
        let program = Rc::clone(&self.program);
        let found = self.shared.store.borrow().recorded(n);
        let (Some(command), Some(downlink)) = (found, &plan_of(&program).downlink) else { return };
        let Some(read) = self.read_again(downlink, &command) else {
            // The file is another one than when it was recorded.
            let end = CommandEnd { state: CommandState::Rejected, code: "unreadable".to_string(), reply: None };
            self.finish(&command, end, &NewEffects::default(), Duration::ZERO);
            return;
        };
        match self.admit(downlink, &command, &read) {
            Ok((method, params)) => self.call(downlink, &command, &read, (method, params), due),
            Err((code, message)) => {
                let reply = self.reply_row(downlink, &read, result_value(code, &message));
                let state =
                    if code == Code::Expired { CommandState::Expired } else { CommandState::Rejected };
                let end = CommandEnd { state, code: code.word().to_string(), reply };
                self.finish(&command, end, &NewEffects::default(), Duration::ZERO);
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
        let age = self.age(command).ok_or_else(|| {
            (Code::Expired, "it came before the machine was last switched on; its age is unknown".to_string())
        })?;
        if age > downlink.expire {
            return Err((Code::Expired, "it came too long ago".to_string()));
        }
        let method = downlink
            .methods
            .get(&read.method)
            .ok_or_else(|| (Code::UnknownMethod, "this station has no such method".to_string()))?;
        let params = check_params(method, &read.params).map_err(|why| (Code::Params, why))?;
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
        if self.shared.store.borrow_mut().start_command(command.n).is_err() {
            self.shared.tell_store_news();
            return;
        }
        let began = self.now();
        let name = read.method.clone();
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
            args.push(hooks::map_of(read.given.iter().map(|(name, value)| (name.as_str(), value.clone()))));
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
        let reply = self.reply_row(downlink, read, result);
        let word = code.map_or("ok", Code::word);
        let end = CommandEnd { state, code: word.to_string(), reply };
        self.finish(command, end, &effects, took);
        let outcome = word.to_string();
        let took_ms = millis(took);
        self.shared.tell(&Happening::JobFinished { kind, name, run, outcome, error: None, took_ms });
    }

    fn tell_hook_error(&self, name: &str, error: &HookError) {
        let text = format!("the handler `{name}` failed: {error}");
        self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
    }

    /// The end of a command with its reply and all that its handler leaves, in one transaction.
    fn finish(&mut self, command: &Recorded, end: CommandEnd, effects: &NewEffects, took: Duration) {
        let program = Rc::clone(&self.program);
        let bounds = bounds(&plan_of(&program).outbox, self.shared.in_flight.get());
        let now_ms = self.shared.now_ms();
        let (code, reply) = (end.code.clone(), end.reply.clone());
        let seqs = self.shared.store.borrow_mut().finish_command(now_ms, command.n, end, effects, &bounds);
        self.shared.tell_store_news();
        if let Ok(seqs) = seqs {
            let mut told = effects.clone();
            told.rows.extend(reply);
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

/// What the reply says of a handler that raised an error.
fn failed_with(desk: &Desk) -> Code {
    match desk.met().as_deref() {
        Some("reboot") => Code::Reboot,
        Some("refused") => Code::Refused,
        Some("timeout") => Code::Deadline,
        _ => Code::Failed,
    }
}
