//! A board with Espressif's ESP-AT 3.x: Wi-Fi and MQTT. Where Luat says `OK` first and the result later,
//! this one says the result first and `OK` last, refuses input while it is busy, and asks for data after
//! an `OK`.

use std::time::Duration;

use super::answer::{Answer, DataPhase, End};
use super::cloud::{Arrival, Login, Post};
use super::command::{Argument, Command, Form, Quoting};
use super::modem::{Dce as ModemDce, Firmware};

/// From `AT+CWJAP=` to the access point's answer, and on to an address.
const JOIN: Duration = Duration::from_millis(1_800);
const ADDRESS: Duration = Duration::from_millis(700);
/// The network that the simulated access point offers.
const SSID: &str = "demo";
const PASSWORD: &str = "demo-password";
/// `+CWJAP:` error codes (ESP-AT, Wi-Fi commands).
const WRONG_PASSWORD: u8 = 2;
const NO_ACCESS_POINT: u8 = 3;
/// Keepalive where `AT+MQTTCONNCFG` says nothing (ESP-AT, MQTT commands).
const KEEPALIVE: Duration = Duration::from_mins(2);
/// What the broker does not answer within this has failed. ESP-MQTT, which the firmware is built on, has it as its
/// network timeout; that ESP-AT waits as long for an acknowledgement is our assumption.
const GIVES_UP: Duration = Duration::from_secs(10);

type Dce<'a, 'b> = ModemDce<'a, 'b, Timer>;

/// What it waits for.
pub(crate) enum Timer {
    Joined {
        ssid: String,
        password: String,
    },
    Address,
    /// The broker has not answered the wait of this number.
    Unanswered(u64),
    /// Since the broker was given up, it may have said nothing: so much had come by then.
    Heartbeat(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    /// `AT+MQTTUSERCFG` is missing.
    #[default]
    Fresh,
    Configured,
    Opening,
    LoggingIn,
    Online,
    /// It was online and is not any more.
    Lost,
}

/// What the command that runs waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    #[default]
    Nothing,
    Join,
    Connect,
    /// `AT+MQTTPUB` with `QoS` 1 ends in `OK`.
    PubAck,
    /// `AT+MQTTPUBRAW` with `QoS` 1 ends in `+MQTTPUB:OK`.
    RawPubAck,
    SubAck,
}

/// The board's state.
#[derive(Debug, Default)]
pub(crate) struct EspAt {
    station: bool,
    joined: Option<String>,
    line: Line,
    login: Login,
    host: String,
    port: u16,
    reconnect: bool,
    waiting: Waiting,
    /// Of the latest wait for the broker.
    wait: u64,
    /// What came from the broker so far.
    arrivals: u64,
    publish: Option<Post>,
}

impl Firmware for EspAt {
    type Timer = Timer;
    const QUOTING: Quoting = Quoting::Backslash;

    fn start(&mut self, dce: &mut Dce<'_, '_>, warm: bool) {
        *self = Self::default();
        if warm {
            self.station = true;
            self.joined = Some(SSID.to_owned());
        } else {
            dce.urc("\r\nready");
        }
    }

    fn execute(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match (command.name.as_str(), command.form) {
            ("+RST", Form::Execute) => {
                dce.restart();
                Answer::ok()
            }
            ("+CWMODE", Form::Set) => {
                let mode = command.number().filter(|mode| *mode <= 3);
                self.station = matches!(mode, Some(1 | 3));
                Answer::ok_if(mode.is_some())
            }
            ("+CWMODE", Form::Read) => Answer::line(format!("+CWMODE:{}", u8::from(self.station))),
            ("+CWJAP", Form::Set) => self.join(command, dce),
            ("+CWJAP", Form::Read) => match &self.joined {
                Some(ssid) => {
                    Answer::line(format!("+CWJAP:\"{ssid}\",\"02:00:00:00:07:24\",6,-52,0,1,3,0,1"))
                }
                None => Answer::line("No AP"),
            },
            ("+CWQAP", Form::Execute) => {
                self.leave(dce);
                Answer::ok()
            }
            (name, _) if name.starts_with("+MQTT") => self.mqtt(command, dce),
            _ => Answer::error(),
        }
    }

    fn data(&mut self, data: Option<Vec<u8>>, dce: &mut Dce<'_, '_>) -> Answer {
        let (Some(post), Some(payload)) = (self.publish.take(), data) else { return Answer::error() };
        if self.line != Line::Online {
            return Answer::own("+MQTTPUB:FAIL");
        }
        self.send(&Post { payload, ..post }, Waiting::RawPubAck, Answer::own("+MQTTPUB:OK"), dce)
    }

    fn timer(&mut self, timer: Timer, dce: &mut Dce<'_, '_>) {
        match timer {
            Timer::Joined { ssid, password } => {
                let trouble = match (ssid.as_str(), password.as_str()) {
                    (SSID, PASSWORD) if dce.core.network_there => {
                        self.joined = Some(ssid);
                        dce.urc("WIFI CONNECTED");
                        dce.after(ADDRESS, Timer::Address);
                        return;
                    }
                    (SSID, _) if dce.core.network_there => WRONG_PASSWORD,
                    _ => NO_ACCESS_POINT,
                };
                self.waiting = Waiting::Nothing;
                dce.urc(format!("+CWJAP:{trouble}"));
                dce.finish(Answer::error());
            }
            Timer::Address => {
                dce.urc("WIFI GOT IP");
                if self.waiting == Waiting::Join {
                    self.waiting = Waiting::Nothing;
                    dce.finish(Answer::ok());
                }
            }
            Timer::Unanswered(wait) if wait == self.wait => self.give_up(dce),
            Timer::Heartbeat(arrivals) if arrivals == self.arrivals => {
                dce.io.cloud.close(dce.io.now);
                self.drop_session(dce);
            }
            // It was answered.
            Timer::Unanswered(_) | Timer::Heartbeat(_) => {}
        }
    }

    fn arrival(&mut self, arrival: Arrival, dce: &mut Dce<'_, '_>) {
        self.arrivals += 1;
        let done = match (arrival, self.waiting) {
            (Arrival::Opened, Waiting::Connect) => {
                self.line = Line::LoggingIn;
                dce.io.cloud.connect(dce.io.now, &self.login);
                return;
            }
            (Arrival::ConnAck, Waiting::Connect) => {
                self.line = Line::Online;
                Answer::line(self.connected())
            }
            (Arrival::OpenFailed | Arrival::Refused(_), Waiting::Connect) => self.not_connected(dce),
            (Arrival::PubAck, Waiting::PubAck) | (Arrival::UnsubAck, Waiting::SubAck) => Answer::ok(),
            (Arrival::PubAck, Waiting::RawPubAck) => Answer::own("+MQTTPUB:OK"),
            (Arrival::SubAck { granted }, Waiting::SubAck) => Answer::ok_if(granted),
            (Arrival::Message { topic, payload }, _) if self.line == Line::Online => {
                let mut line = format!("+MQTTSUBRECV:0,\"{topic}\",{},", payload.len()).into_bytes();
                line.extend_from_slice(&payload);
                dce.urc(line);
                return;
            }
            (Arrival::Closed, waiting) => {
                self.drop_session(dce);
                match waiting {
                    Waiting::Nothing | Waiting::Join => return,
                    Waiting::RawPubAck => Answer::own("+MQTTPUB:FAIL"),
                    _ => Answer::error(),
                }
            }
            _ => return,
        };
        self.waiting = Waiting::Nothing;
        dce.finish(done);
    }

    fn network(&mut self, there: bool, dce: &mut Dce<'_, '_>) {
        if !there {
            self.leave(dce);
        }
    }
}

impl EspAt {
    /// The command that runs waits for the broker, but not for ever.
    fn wait_for(&mut self, what: Waiting, dce: &mut Dce<'_, '_>) -> Answer {
        self.waiting = what;
        self.wait += 1;
        dce.after_exactly(GIVES_UP, Timer::Unanswered(self.wait));
        Answer::end(End::Later)
    }

    fn give_up(&mut self, dce: &mut Dce<'_, '_>) {
        let failed = match self.waiting {
            // An access point is no broker.
            Waiting::Nothing | Waiting::Join => return,
            Waiting::Connect => self.not_connected(dce),
            Waiting::RawPubAck => Answer::own("+MQTTPUB:FAIL"),
            Waiting::PubAck | Waiting::SubAck => Answer::error(),
        };
        if self.line == Line::Online {
            // The next ping finds out.
            dce.after_exactly(self.login.keepalive, Timer::Heartbeat(self.arrivals));
        }
        self.waiting = Waiting::Nothing;
        dce.finish(failed);
    }

    fn not_connected(&mut self, dce: &mut Dce<'_, '_>) -> Answer {
        self.line = Line::Configured;
        dce.io.cloud.close(dce.io.now);
        dce.urc("+MQTTDISCONNECTED:0");
        Answer::error()
    }

    fn leave(&mut self, dce: &mut Dce<'_, '_>) {
        if self.joined.take().is_some() {
            self.drop_session(dce);
            dce.io.cloud.close(dce.io.now);
            dce.urc("WIFI DISCONNECT");
        }
    }

    fn drop_session(&mut self, dce: &mut Dce<'_, '_>) {
        if matches!(self.line, Line::Online | Line::LoggingIn | Line::Opening) {
            self.line = Line::Lost;
            dce.urc("+MQTTDISCONNECTED:0");
        }
    }

    fn join(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = command.arguments(Quoting::Backslash).unwrap_or_default();
        let ([ssid, password] | [ssid, password, ..]) = arguments.as_slice() else { return Answer::error() };
        if !self.station {
            return Answer::error();
        }
        self.leave(dce);
        self.waiting = Waiting::Join;
        dce.after(JOIN, Timer::Joined { ssid: ssid.text(), password: password.text() });
        Answer::end(End::Later)
    }

    /// `+MQTTCONNECTED:0,<scheme>,"host","port","",<reconnect>`
    fn connected(&self) -> String {
        let reconnect = u8::from(self.reconnect);
        format!("+MQTTCONNECTED:0,1,\"{}\",\"{}\",\"\",{reconnect}", self.host, self.port)
    }

    fn mqtt(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let all = match command.form {
            Form::Set => command.arguments(Quoting::Backslash),
            _ => Some(Vec::new()),
        };
        let Some(all) = all else { return Answer::error() };
        // The only link there is has the number 0.
        let arguments = match (command.form, all.split_first()) {
            (Form::Set, Some((link, rest))) if link.bytes == b"0" => rest,
            (Form::Set, _) => return Answer::error(),
            _ => &[],
        };
        match (command.name.as_str(), command.form) {
            ("+MQTTUSERCFG", Form::Set) => Answer::ok_if(self.configure(arguments).is_some()),
            ("+MQTTCONNCFG", Form::Set) => Answer::ok_if(self.configure_connection(arguments).is_some()),
            ("+MQTTCONN", Form::Set) => self.connect(arguments, dce),
            ("+MQTTCONN", Form::Read) => Answer::line(self.state()),
            ("+MQTTPUB", Form::Set) => self.publish_line(arguments, dce),
            ("+MQTTPUBRAW", Form::Set) => self.publish_raw(arguments, dce),
            ("+MQTTSUB" | "+MQTTUNSUB", Form::Set) => self.subscribe(&command.name, arguments, dce),
            ("+MQTTCLEAN", Form::Set) if self.line != Line::Fresh => {
                dce.io.cloud.close(dce.io.now);
                self.line = Line::Fresh;
                Answer::ok()
            }
            _ => Answer::error(),
        }
    }

    /// 1 configured, 3 lost, 4 connected (ESP-AT, `AT+MQTTCONN?`).
    fn state(&self) -> String {
        let state = match self.line {
            Line::Fresh => 0,
            Line::Configured => 1,
            Line::Opening | Line::LoggingIn | Line::Lost => 3,
            Line::Online => 4,
        };
        format!("+MQTTCONN:0,{state},1,\"{}\",\"{}\",\"\",{}", self.host, self.port, u8::from(self.reconnect))
    }

    /// `<scheme>,"client","user","password",<cert>,<ca>,"path"`
    fn configure(&mut self, arguments: &[Argument]) -> Option<()> {
        let [_scheme, client, user, password, _certificate, _authority, _path] = arguments else {
            return None;
        };
        if !matches!(self.line, Line::Fresh | Line::Configured | Line::Lost) {
            return None;
        }
        let some = |text: &Argument| Some(text.text()).filter(|text| !text.is_empty());
        self.login = Login {
            client_id: client.text(),
            username: some(user),
            password: some(password),
            clean: true,
            keepalive: KEEPALIVE,
            will: None,
        };
        self.line = Line::Configured;
        Some(())
    }

    /// `<keepalive>,<not clean>,"will topic","will message",<will qos>,<will retain>`
    fn configure_connection(&mut self, arguments: &[Argument]) -> Option<()> {
        let [keepalive, keep, topic, message, qos, retain] = arguments else { return None };
        let seconds: u16 = keepalive.number().filter(|seconds| *seconds <= 7200)?;
        self.login.keepalive = if seconds == 0 { KEEPALIVE } else { Duration::from_secs(seconds.into()) };
        self.login.clean = keep.up_to(1)? == 0;
        let (qos, retain) = (qos.up_to(2)?, retain.up_to(1)? == 1);
        self.login.will = (!topic.bytes.is_empty()).then(|| Post {
            topic: topic.text(),
            payload: message.bytes.clone(),
            qos,
            retain,
        });
        Some(())
    }

    /// `"host",port,<reconnect>`
    fn connect(&mut self, arguments: &[Argument], dce: &mut Dce<'_, '_>) -> Answer {
        let [host, port, reconnect] = arguments else { return Answer::error() };
        let (Some(port), Some(reconnect)) = (port.number(), reconnect.up_to(1)) else {
            return Answer::error();
        };
        let ready = matches!(self.line, Line::Configured | Line::Lost);
        if !ready || self.joined.is_none() || port == 0 || host.bytes.is_empty() {
            return Answer::error();
        }
        (self.host, self.port, self.reconnect) = (host.text(), port, reconnect == 1);
        self.line = Line::Opening;
        dce.io.cloud.open(dce.io.now, &self.host, port);
        self.wait_for(Waiting::Connect, dce)
    }

    /// Topic, `QoS` and retain flag, checked.
    fn post(&self, topic: &Argument, qos: &Argument, retain: &Argument, dce: &Dce<'_, '_>) -> Option<Post> {
        let fits = !topic.bytes.is_empty() && topic.bytes.len() <= dce.core.profile.limits.topic;
        let (qos, retain) = (qos.up_to(1)?, retain.up_to(1)? == 1);
        (fits && self.line == Line::Online).then(|| Post {
            topic: topic.text(),
            payload: Vec::new(),
            qos,
            retain,
        })
    }

    /// `"topic","data",<qos>,<retain>`
    fn publish_line(&mut self, arguments: &[Argument], dce: &mut Dce<'_, '_>) -> Answer {
        let [topic, data, qos, retain] = arguments else { return Answer::error() };
        match self.post(topic, qos, retain, dce) {
            Some(post) => {
                let post = Post { payload: data.bytes.clone(), ..post };
                self.send(&post, Waiting::PubAck, Answer::ok(), dce)
            }
            None => Answer::error(),
        }
    }

    /// `"topic",<length>,<qos>,<retain>`: `OK`, a prompt, raw bytes, `+MQTTPUB:OK`.
    fn publish_raw(&mut self, arguments: &[Argument], dce: &mut Dce<'_, '_>) -> Answer {
        let [topic, length, qos, retain] = arguments else { return Answer::error() };
        let most = dce.core.profile.limits.data;
        let length = length.number().filter(|length: &usize| (1..=most).contains(length));
        let post = self.post(topic, qos, retain, dce);
        if length.is_none() || post.is_none() {
            return Answer::error();
        }
        self.publish = post;
        Answer::end(End::Prompt(DataPhase {
            prompt: b"\r\n>",
            ok_first: true,
            length,
            max: most,
            gap: None,
            escape: false,
            echo: false,
        }))
    }

    /// With `QoS` 1 the result waits for the broker.
    fn send(&mut self, post: &Post, wait: Waiting, at_once: Answer, dce: &mut Dce<'_, '_>) -> Answer {
        let acknowledged = post.qos > 0;
        dce.io.cloud.publish(dce.io.now, post);
        if acknowledged {
            return self.wait_for(wait, dce);
        }
        at_once
    }

    fn subscribe(&mut self, name: &str, arguments: &[Argument], dce: &mut Dce<'_, '_>) -> Answer {
        let (filter, qos) = match (name, arguments) {
            ("+MQTTSUB", [filter, qos]) => (filter, qos.up_to(2)),
            ("+MQTTUNSUB", [filter]) => (filter, Some(0)),
            _ => return Answer::error(),
        };
        let Some(qos) = qos.filter(|_| self.line == Line::Online && !filter.bytes.is_empty()) else {
            return Answer::error();
        };
        if name == "+MQTTSUB" {
            dce.io.cloud.subscribe(dce.io.now, &filter.text(), qos);
        } else {
            dce.io.cloud.unsubscribe(dce.io.now, &filter.text());
        }
        self.wait_for(Waiting::SubAck, dce)
    }
}
