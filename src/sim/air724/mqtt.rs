//! The MQTT client inside the module. `OK` only means that it started; what came of it is a second line
//! (`CONNECT OK`, `CONNACK OK`, `PUBACK`, `PUBREC` and `PUBCOMP`, `SUBACK`, `UNSUBACK`).

use std::collections::VecDeque;
use std::time::Duration;

use super::super::answer::{Answer, DataPhase, End};
use super::super::cloud::{Arrival, Login, Post};
use super::super::command::{Argument, Command, Form, unescape_hex, unhex};
use super::{Air724, DataFor, Dce, arguments, cme, small};

/// Messages that wait for `AT+MQTTMSGGET`; the newest takes the place of the oldest.
const SLOTS: usize = 4;
/// Data without a length ends when nothing came for this long (firmware V301831 and later).
const DATA_GAP: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Closed,
    Opening,
    /// TCP stands, the login is missing.
    Tcp,
    LoggingIn,
    Online,
    /// After `AT+MDISCONNECT`: only `AT+MIPCLOSE` is left to do.
    LoggedOut,
}

/// Where a publish goes.
pub(super) struct Publish {
    topic: String,
    qos: u8,
    retain: bool,
}

/// The MQTT client.
#[derive(Debug, Default)]
pub(super) struct Mqtt {
    line: Line,
    login: Option<Login>,
    /// The `QoS`, 1 or 2, of the publish that waits for its acknowledgement.
    in_flight: Option<u8>,
    /// `AT+MQTTMODE=1`: messages of `AT+MPUB` are hexadecimal.
    hex: bool,
    /// `AT+MQTTMSGSET=1`: messages wait in their slots.
    cached: bool,
    slots: [Option<(String, Vec<u8>)>; SLOTS],
    /// The slots that are taken, oldest first.
    order: VecDeque<usize>,
    next_slot: usize,
}

impl Mqtt {
    pub(super) fn start(&mut self, dce: &Dce<'_, '_>) {
        self.cached = dce.core.settings.cached;
    }

    /// Ends the connection without a word; false if there was none.
    pub(super) fn drop_silently(&mut self, dce: &mut Dce<'_, '_>) -> bool {
        let had = self.line != Line::Closed;
        self.line = Line::Closed;
        self.in_flight = None;
        if had {
            dce.io.cloud.close(dce.io.now);
        }
        had
    }

    fn keep(&mut self, topic: String, payload: Vec<u8>) -> usize {
        let slot = self.next_slot;
        self.next_slot = (slot + 1) % SLOTS;
        self.order.retain(|taken| *taken != slot);
        self.order.push_back(slot);
        self.slots[slot] = Some((topic, payload));
        slot
    }

    fn take_kept(&mut self) -> Vec<Vec<u8>> {
        self.next_slot = 0;
        let order = std::mem::take(&mut self.order);
        order.into_iter().filter_map(|slot| self.slots[slot].take()).map(|(t, p)| downlink(&t, &p)).collect()
    }
}

/// `+MSUB: "topic",<n> byte,<n raw bytes>`
fn downlink(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut line = format!("+MSUB: \"{topic}\",{} byte,", payload.len()).into_bytes();
    line.extend_from_slice(payload);
    line
}

impl Air724 {
    pub(super) fn mqtt_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match (command.name.as_str(), command.form) {
            ("+MCONFIG", Form::Set) => Answer::ok_if(self.configure(command, dce).is_some()),
            ("+MIPSTART" | "+SSLMIPSTART", Form::Set) => self.open(command, dce),
            ("+MCONNECT", Form::Set) => self.log_in(command, dce),
            ("+MPUB", Form::Set) => self.publish_line(command, dce),
            ("+MPUBEX", Form::Set) => self.publish_data(command, dce),
            ("+MSUB" | "+MUNSUB", Form::Set) => self.subscribe(command, dce),
            ("+MDISCONNECT", Form::Execute) if self.mqtt.line == Line::Online => {
                self.mqtt.line = Line::LoggedOut;
                self.mqtt.in_flight = None;
                dce.io.cloud.disconnect(dce.io.now);
                Answer::ok()
            }
            ("+MIPCLOSE", Form::Execute) if self.mqtt.drop_silently(dce) => Answer::ok(),
            ("+MDISCONNECT" | "+MIPCLOSE", Form::Execute) => Answer::cme(cme::FAILED),
            ("+MQTTMSGSET", Form::Set) => switch(&mut self.mqtt.cached, command),
            ("+MQTTMSGSET", Form::Read) => {
                Answer::line(format!("+MQTTMSGSET:{}", u8::from(self.mqtt.cached)))
            }
            ("+MQTTMSGGET", Form::Execute) => Answer::lines(self.mqtt.take_kept()),
            ("+MQTTMSGGET", Form::Read) => {
                let state = |slot: &Option<_>| if slot.is_some() { "VALID" } else { "INVALID" };
                let line = |(number, slot)| format!("+MQTTMSGGET: {number},{}", state(slot)).into_bytes();
                Answer::lines(self.mqtt.slots.iter().enumerate().map(line).collect())
            }
            ("+MQTTMODE", Form::Set) => switch(&mut self.mqtt.hex, command),
            ("+MQTTMODE", Form::Read) => Answer::line(format!("+MQTTMODE: {}", u8::from(self.mqtt.hex))),
            ("+MQTTSTATU", Form::Execute) => {
                let state = match self.mqtt.line {
                    Line::Online => 1,
                    Line::Tcp | Line::LoggingIn => 2,
                    Line::Closed | Line::Opening | Line::LoggedOut => 0,
                };
                // The blank stands before the colon.
                Answer::line(format!("+MQTTSTATU :{state}"))
            }
            _ => Answer::error(),
        }
    }

    /// `AT+MCONFIG=<client>[,<user>,<password>[,<will qos>,<will retain>,<will topic>,<will message>]]`
    fn configure(&mut self, command: &Command, dce: &Dce<'_, '_>) -> Option<()> {
        let arguments = arguments(command)?;
        let most = dce.core.profile.limits.topic;
        let names = arguments.get(..arguments.len().min(3))?;
        if names.iter().any(|name| name.bytes.len() > most) {
            return None;
        }
        let some = |text: &Argument| Some(text.text()).filter(|text| !text.is_empty());
        let mut login = Login { client_id: arguments.first().and_then(some)?, ..Login::default() };
        match arguments.as_slice() {
            [_] => {}
            [_, user, password] => (login.username, login.password) = (some(user), some(password)),
            [_, user, password, qos, retain, topic, message] => {
                (login.username, login.password) = (some(user), some(password));
                let qos = qos.up_to(2)?;
                let retain = retain.up_to(1)? == 1;
                let payload = unescape_hex(&message.bytes)?;
                login.will = some(topic).map(|topic| Post { topic, payload, qos, retain });
            }
            _ => return None,
        }
        self.mqtt.login = Some(login);
        Some(())
    }

    fn open(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let [host, port] = arguments.as_slice() else { return Answer::error() };
        let Some(port) = port.number().filter(|port| *port > 0) else { return Answer::error() };
        if host.bytes.is_empty() {
            return Answer::error();
        }
        if self.mqtt.line != Line::Closed {
            return Answer::ok().then("ALREADY CONNECT");
        }
        if !self.network.attached() {
            return Answer::cme(cme::NOT_ALLOWED);
        }
        self.mqtt.line = Line::Opening;
        dce.io.cloud.open(dce.io.now, &host.text(), port);
        Answer::ok()
    }

    /// `AT+MCONNECT=<clean>,<keepalive>[,<mode>]`
    fn log_in(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let ([clean, keepalive] | [clean, keepalive, _]) = arguments.as_slice() else {
            return Answer::error();
        };
        let clean = clean.up_to(1);
        let keepalive = keepalive.number::<u16>().filter(|keepalive| *keepalive >= 1);
        let (Some(clean), Some(keepalive)) = (clean, keepalive) else { return Answer::error() };
        let Some(login) = self.mqtt.login.as_ref().filter(|_| self.mqtt.line == Line::Tcp) else {
            return Answer::cme(cme::FAILED);
        };
        let keepalive = Duration::from_secs(u64::from(keepalive));
        let login = Login { clean: clean == 1, keepalive, ..login.clone() };
        self.mqtt.line = Line::LoggingIn;
        dce.io.cloud.connect(dce.io.now, &login);
        Answer::ok()
    }

    /// The topic, `QoS` and retain flag that begin `AT+MPUB` and `AT+MPUBEX`.
    fn destination(arguments: &[Argument], dce: &Dce<'_, '_>) -> Option<Publish> {
        let [topic, qos, retain, ..] = arguments else { return None };
        let fits = !topic.bytes.is_empty() && topic.bytes.len() <= dce.core.profile.limits.topic;
        let qos = qos.up_to(2)?;
        let retain = retain.up_to(1)? == 1;
        fits.then(|| Publish { topic: topic.text(), qos, retain })
    }

    fn may_publish(&self, qos: u8) -> bool {
        self.mqtt.line == Line::Online && !(qos > 0 && self.mqtt.in_flight.is_some())
    }

    fn publish_line(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let Some(arguments) = arguments(command).filter(|arguments| arguments.len() == 4) else {
            return Answer::error();
        };
        let message = &arguments[3].bytes;
        let decoded = if self.mqtt.hex { unhex(message) } else { unescape_hex(message) };
        let most = dce.core.profile.limits.message;
        match (Self::destination(&arguments, dce), decoded) {
            (Some(publish), Some(payload)) if message.len() <= most => self.publish(publish, payload, dce),
            _ => Answer::error(),
        }
    }

    /// Hands a message to the broker.
    pub(super) fn publish(&mut self, publish: Publish, payload: Vec<u8>, dce: &mut Dce<'_, '_>) -> Answer {
        let Publish { topic, qos, retain } = publish;
        if !self.may_publish(qos) {
            return Answer::cme(cme::FAILED);
        }
        if qos > 0 {
            self.mqtt.in_flight = Some(qos);
        }
        dce.io.cloud.publish(dce.io.now, &Post { topic, payload, qos, retain });
        Answer::ok()
    }

    /// `AT+MPUBEX=<topic>,<qos>,<retain>[,<length>]`: a prompt, then raw bytes.
    fn publish_data(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let most = dce.core.profile.limits.data;
        let arguments = arguments(command).unwrap_or_default();
        let length = match arguments.get(3) {
            None => None,
            Some(length) => match length.number() {
                Some(length) if (1..=most).contains(&length) => Some(length),
                _ => return Answer::error(),
            },
        };
        let Some(publish) = Self::destination(&arguments, dce).filter(|_| arguments.len() <= 4) else {
            return Answer::error();
        };
        if !self.may_publish(publish.qos) {
            return Answer::cme(cme::FAILED);
        }
        self.data_for = [DataFor::Publish(publish)].into();
        Answer::end(End::Prompt(DataPhase {
            prompt: b"\r\n>",
            ok_first: false,
            length,
            max: most,
            gap: length.is_none().then_some(DATA_GAP),
            escape: false,
            echo: true,
        }))
    }

    fn subscribe(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let (filter, qos) = match (command.name.as_str(), arguments.as_slice()) {
            ("+MSUB", [filter, qos]) => (filter, qos.up_to(2)),
            ("+MUNSUB", [filter]) => (filter, Some(0)),
            _ => return Answer::error(),
        };
        let fits = !filter.bytes.is_empty() && filter.bytes.len() <= dce.core.profile.limits.topic;
        let Some(qos) = qos.filter(|_| fits) else { return Answer::error() };
        if self.mqtt.line != Line::Online {
            return Answer::cme(cme::FAILED);
        }
        if command.name == "+MSUB" {
            dce.io.cloud.subscribe(dce.io.now, &filter.text(), qos);
        } else {
            dce.io.cloud.unsubscribe(dce.io.now, &filter.text());
        }
        Answer::ok()
    }

    pub(super) fn mqtt_arrival(&mut self, arrival: Arrival, dce: &mut Dce<'_, '_>) {
        match (arrival, self.mqtt.line) {
            (Arrival::Opened, Line::Opening) => {
                self.mqtt.line = Line::Tcp;
                dce.urc("CONNECT OK");
            }
            (Arrival::OpenFailed, Line::Opening) => {
                self.mqtt.line = Line::Closed;
                dce.urc("STATE: IP STATUS");
                dce.urc("CONNECT FAIL");
            }
            (Arrival::ConnAck, Line::LoggingIn) => {
                self.mqtt.line = Line::Online;
                dce.urc("CONNACK OK");
            }
            (Arrival::Refused(_), Line::LoggingIn) => {
                self.mqtt.line = Line::Tcp;
                dce.urc("ERROR");
            }
            (Arrival::PubRec, Line::Online) => dce.urc("PUBREC"),
            (Arrival::PubAck, Line::Online) => {
                let qos = self.mqtt.in_flight.take();
                dce.urc(if qos == Some(2) { "PUBCOMP" } else { "PUBACK" });
            }
            // No document shows a refusal; the acknowledgement itself is what it reports.
            (Arrival::SubAck { .. }, Line::Online) => dce.urc("SUBACK"),
            (Arrival::UnsubAck, Line::Online) => dce.urc("UNSUBACK"),
            (Arrival::Message { topic, payload }, Line::Online) => self.message(topic, payload, dce),
            (Arrival::Closed, Line::Tcp | Line::LoggingIn | Line::Online) => {
                self.mqtt.line = Line::Closed;
                self.mqtt.in_flight = None;
                dce.urc("CLOSED");
            }
            _ => {}
        }
    }

    fn message(&mut self, topic: String, payload: Vec<u8>, dce: &mut Dce<'_, '_>) {
        // What is longer than the module's buffer never gets out of it.
        if payload.len() > dce.core.profile.limits.data {
            return;
        }
        if self.mqtt.cached {
            let slot = self.mqtt.keep(topic, payload);
            dce.urc(format!("+MSUB: {slot}"));
        } else {
            dce.urc(downlink(&topic, &payload));
        }
    }
}

fn switch(setting: &mut bool, command: &Command) -> Answer {
    small(command, 1).map_or_else(Answer::error, |value| {
        *setting = value == 1;
        Answer::ok()
    })
}
