//! Text messages, in text mode (3GPP TS 27.005).

use super::super::answer::{Answer, DataPhase, End};
use super::super::command::{Argument, Command, Form};
use super::super::profile::StoredSms;
use super::{Air724, DataFor, Dce, arguments, small};

/// `+CMS ERROR`s: operation not allowed, invalid memory index.
const NOT_ALLOWED: u16 = 302;
const NO_SUCH_INDEX: u16 = 321;
/// Most characters of one message in the default alphabet.
const MOST: usize = 160;

/// The message store. It is on the SIM and stays through a restart; the mode does not.
#[derive(Debug, Default)]
pub(super) struct Sms {
    /// By index, counted from 1; `None` was deleted. `None` as a whole before the first power-on.
    store: Option<Vec<Option<Stored>>>,
    text_mode: bool,
    sent: u8,
}

#[derive(Debug)]
struct Stored {
    message: StoredSms,
    read: bool,
}

impl Stored {
    fn state(&self) -> &'static str {
        if self.read { "REC READ" } else { "REC UNREAD" }
    }
}

impl Sms {
    pub(super) fn start(&mut self, dce: &Dce<'_, '_>) {
        self.text_mode = false;
        self.store.get_or_insert_with(|| {
            let delivered = dce.core.profile.sms.iter().cloned();
            delivered.map(|message| Some(Stored { message, read: false })).collect()
        });
    }

    /// The message at `index`, counted from 1.
    fn at(&mut self, index: usize) -> Option<&mut Option<Stored>> {
        let slot = self.store.as_mut()?.get_mut(index.checked_sub(1)?)?;
        slot.is_some().then_some(slot)
    }
}

impl Air724 {
    pub(super) fn sms_command(&mut self, command: &Command) -> Answer {
        match (command.name.as_str(), command.form) {
            ("+CMGF", Form::Read) => Answer::line(format!("+CMGF: {}", u8::from(self.sms.text_mode))),
            ("+CMGF", Form::Set) => small(command, 1).map_or_else(Answer::error, |mode| {
                self.sms.text_mode = mode == 1;
                Answer::ok()
            }),
            _ if !self.card.ready() || !self.sms.text_mode => Answer::end(End::Cms(NOT_ALLOWED)),
            ("+CMGS", Form::Set) => self.send_sms(command),
            ("+CMGL", Form::Set | Form::Execute) => self.list_sms(command),
            ("+CMGR", Form::Set) => self.read_sms(command),
            ("+CMGD", Form::Set) => {
                let index = arguments(command).and_then(|list| list.first()?.number());
                match index.and_then(|index| self.sms.at(index)) {
                    Some(slot) => {
                        *slot = None;
                        Answer::ok()
                    }
                    None => Answer::end(End::Cms(NO_SUCH_INDEX)),
                }
            }
            _ => Answer::error(),
        }
    }

    fn send_sms(&mut self, command: &Command) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let to = arguments.first().map(Argument::text).unwrap_or_default();
        if !self.network.registered() {
            return Answer::end(End::Cms(NOT_ALLOWED));
        }
        if to.is_empty() {
            return Answer::error();
        }
        self.data_for = [DataFor::Sms].into();
        Answer::end(End::Prompt(DataPhase {
            prompt: b"\r\n> ",
            ok_first: false,
            length: None,
            max: MOST,
            gap: None,
            escape: true,
            echo: true,
        }))
    }

    pub(super) fn sms_sent(&mut self) -> Answer {
        self.sms.sent = self.sms.sent.wrapping_add(1);
        Answer::line(format!("+CMGS: {}", self.sms.sent))
    }

    /// `AT+CMGL="ALL"|"REC UNREAD"|"REC READ"`; what is listed is read.
    fn list_sms(&mut self, command: &Command) -> Answer {
        let wanted = arguments(command).and_then(|list| list.first().map(Argument::text));
        let wanted = wanted.unwrap_or_else(|| "REC UNREAD".to_owned());
        let mut lines = Vec::new();
        for (index, slot) in self.sms.store.iter_mut().flatten().enumerate() {
            let Some(stored) = slot else { continue };
            if wanted == "ALL" || wanted == stored.state() {
                let StoredSms { from, time, text } = &stored.message;
                let head = format!("+CMGL: {},\"{}\",\"{from}\",\"\",\"{time}\"", index + 1, stored.state());
                lines.extend([head.into_bytes(), text.clone().into_bytes()]);
                stored.read = true;
            }
        }
        Answer::lines(lines)
    }

    fn read_sms(&mut self, command: &Command) -> Answer {
        let index = arguments(command).and_then(|list| list.first()?.number());
        let Some(Some(stored)) = index.and_then(|index| self.sms.at(index)) else {
            return Answer::end(End::Cms(NO_SUCH_INDEX));
        };
        let StoredSms { from, time, text } = &stored.message;
        let head = format!("+CMGR: \"{}\",\"{from}\",\"\",\"{time}\"", stored.state());
        let lines = vec![head.into_bytes(), text.clone().into_bytes()];
        stored.read = true;
        Answer::lines(lines)
    }
}
