//! How a recorded command is answered: it is judged, its handler runs at most once, and the reply becomes durable
//! together with everything that the handler leaves.

use std::rc::Rc;
use std::time::Duration;

use crate::flow::model::station::{Downlink, Method};
use crate::hooks::{self, HookError, Value};
use crate::link::Mono;
#[cfg(test)]
use crate::session::sabotage;
use crate::store::{CommandEnd, CommandState, Lane, NewEffects, Recorded};

use super::calls::Read;
use super::command::age::is_expired;
use super::command::params::check_params;
use super::command::{Code, read, result_value};
use super::desk::Desk;
use super::event::{Happening, JobKind};
use super::shared::{Author, plan_of};
use super::{Station, millis};

/// How long a handler may take, flows and commands of its own included.
pub const HANDLER: Duration = Duration::from_secs(30);

/// What became of a handler.
struct Handled {
    state: CommandState,
    code: Option<Code>,
    /// What the reply says.
    result: Value,
    /// What it leaves: nothing, if it failed.
    effects: NewEffects,
}

impl Handled {
    fn failed(code: Code, why: &str) -> Self {
        Self {
            state: CommandState::Failed,
            code: Some(code),
            result: result_value(code, why),
            effects: NewEffects::default(),
        }
    }
}

impl Station {
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

    /// Runs the handler, and answers.
    fn call(
        &mut self,
        downlink: &Downlink,
        command: &Recorded,
        read: &Read,
        (method, params): (&Method, Value),
        due: Mono,
    ) {
        if !self.is_started(command) {
            return;
        }
        let began = self.now();
        let name = read.call.method.clone();
        let late_ms = millis(began.since(due));
        self.runs += 1;
        let (kind, run) = (JobKind::Command, self.runs);
        self.shared.tell(&Happening::CommandStarted { n: command.n, method: name.clone() });
        self.shared.tell(&Happening::JobStarted { kind, name: name.clone(), run, late_ms });
        let desk = self.desk(&name, method.dangerous, began + HANDLER);
        let handled = self.handled(downlink, read, (method, params), &desk);
        // What the module cannot send is still answered: whoever asked waits.
        let (reply, word) = self.reply_or_word(downlink, read, handled.result);
        // What the handler did stands, and its result is not told.
        let outcome = handled.code.or(word).map_or("ok", Code::name).to_string();
        let end = CommandEnd { state: handled.state, code: outcome.clone(), reply };
        let took = self.now().since(began);
        self.finish(command, &end, &handled.effects, took);
        let took_ms = millis(took);
        let ended = Happening::JobFinished { kind, name, run, outcome, code: None, error: None, took_ms };
        self.shared.tell(&ended);
        if let Some(trouble) = desk.trouble() {
            self.run_failed(&trouble);
        }
    }

    /// Writes down that the handler begins.
    fn is_started(&mut self, command: &Recorded) -> bool {
        #[cfg(test)]
        if sabotage::is_broken(sabotage::Sabotage::ForgetsToPersist) {
            return true;
        }
        let started = self.shared.store.borrow_mut().start_command(command.n);
        self.shared.tell_store_news();
        started.is_ok()
    }

    /// What a handler of this name may do.
    fn desk(&self, name: &str, dangerous: bool, deadline: Mono) -> Rc<Desk> {
        let author = Author { lane: Lane::Event, name: name.to_string() };
        *self.shared.author.borrow_mut() = author.clone();
        self.run.borrow().bound_hooks(deadline);
        Rc::new(Desk::new(
            Rc::clone(&self.shared),
            Rc::clone(&self.program),
            Rc::clone(&self.run),
            author,
            dangerous,
            deadline,
        ))
    }

    /// What became of the handler, and of what it leaves.
    fn handled(
        &mut self,
        downlink: &Downlink,
        read: &Read,
        (method, params): (&Method, Value),
        desk: &Rc<Desk>,
    ) -> Handled {
        let began = self.now();
        let name = &read.call.method;
        let mut args = vec![params];
        if method.takes_context {
            args.push(read::context(&read.call, &read.topic, &read.body));
        }
        self.host.set_station(Some(Rc::clone(desk) as Rc<dyn hooks::Station>));
        let result = self.host.call(&downlink.handlers, name, &args);
        self.host.set_station(None);
        for text in self.host.take_log() {
            self.shared.tell(&Happening::Log { text: self.shared.masked.text(&text) });
        }
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                self.tell_hook_error(name, &error);
                return Handled::failed(failed_with(desk), &self.shared.masked.text(&error.message));
            }
        };
        if self.now().since(began) > HANDLER {
            return Handled::failed(Code::Deadline, "it took longer than it may");
        }
        let effects = desk.take_effects();
        match self.shared.store.borrow().fits_state(&effects.state) {
            Ok(()) => Handled { state: CommandState::Done, code: None, result, effects },
            Err(error) => Handled::failed(Code::Failed, &error.to_string()),
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
        let replied = finished.as_ref().is_ok_and(|finished| finished.reply.is_some());
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
            reply: replied,
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
