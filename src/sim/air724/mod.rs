//! Luat `Air724UG` with the AT firmware `AirM2M_720U_V301836`: one state machine per thing, one file each.
//! What it answers is taken from the vendor's manual and from captures; latencies and identity are in
//! `profiles/luat-air724.yaml`.

mod bearer;
mod card;
mod http;
mod mqtt;
mod network;
mod sms;
mod socket;
mod system;

use std::collections::VecDeque;

use super::answer::Answer;
use super::cloud::Arrival;
use super::command::{Argument, Command, Form, Quoting};
use super::modem::{Dce as ModemDce, Firmware};
use super::scenario::HttpBearer;
use bearer::Bearer;
use card::Card;
use http::Http;
use mqtt::{Mqtt, Publish};
use network::Network;
use sms::Sms;
use socket::Socket;
use system::CalendarClock;

/// `+CME ERROR`s it uses (vendor's manual, "CME ERROR").
mod cme {
    pub(super) const NOT_ALLOWED: u16 = 3;
    pub(super) const NO_SIM: u16 = 10;
    pub(super) const SIM_PIN: u16 = 11;
    pub(super) const SIM_PUK: u16 = 12;
    pub(super) const SIM_BUSY: u16 = 14;
    pub(super) const WRONG_PASSWORD: u16 = 16;
    /// Dead TCP, nothing to close, or a `QoS` 1 publish in flight.
    pub(super) const FAILED: u16 = 767;
    pub(super) const OTHER: u16 = 65535;
}

type Dce<'a, 'b> = ModemDce<'a, 'b, Timer>;

/// What it waits for.
pub(crate) enum Timer {
    CardReady,
    /// The SIM took its PIN.
    Unlocked,
    /// The search for a network is over.
    Registered,
    /// `AT+CIPSTART` got through.
    SocketOpen,
    /// The echo server's answer.
    Echo(Vec<u8>),
    HttpDone,
}

/// Whose data the module is taking in.
enum DataFor {
    Publish(Publish),
    Socket,
    Http,
    Sms,
}

/// The module's state, thing by thing. What is not saved starts anew with each power-on.
#[derive(Default)]
pub(crate) struct Air724 {
    card: Card,
    network: Network,
    bearer: Bearer,
    socket: Socket,
    mqtt: Mqtt,
    http: Http,
    sms: Sms,
    clock: CalendarClock,
    data_for: VecDeque<DataFor>,
}

impl Firmware for Air724 {
    type Timer = Timer;
    const QUOTING: Quoting = Quoting::Plain;

    fn start(&mut self, dce: &mut Dce<'_, '_>, warm: bool) {
        let card = std::mem::take(&mut self.card);
        let sms = std::mem::take(&mut self.sms);
        *self = Self { card, sms, ..Self::default() };
        self.sms.start(dce);
        self.mqtt.start(dce);
        self.bearer.http = warm && dce.core.settings.bearer == HttpBearer::Open;
        self.start_card(dce, warm);
    }

    fn execute(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match command.name.as_str() {
            "+CPIN" | "+CLCK" | "+ICCID" | "+CCID" | "+CIMI" => self.card_command(command, dce),
            "+CREG" | "+CGREG" | "+CEREG" | "+CGATT" | "+CSQ" | "+COPS" | "+CFUN" => {
                self.network_command(command, dce)
            }
            "+CSTT" | "+CIICR" | "+CIFSR" | "+CIPSHUT" | "+CIPSTATUS" | "+SAPBR" | "+CDNSGIP" => {
                self.bearer_command(command, dce)
            }
            "+CIPSTART" | "+CIPSEND" | "+CIPCLOSE" | "+CIPQSEND" | "+CIPACK" => {
                self.socket_command(command, dce)
            }
            "+MCONFIG" | "+MIPSTART" | "+SSLMIPSTART" | "+MCONNECT" | "+MPUB" | "+MPUBEX" | "+MSUB"
            | "+MUNSUB" | "+MDISCONNECT" | "+MIPCLOSE" | "+MQTTMSGSET" | "+MQTTMSGGET" | "+MQTTMODE"
            | "+MQTTSTATU" => self.mqtt_command(command, dce),
            "+HTTPINIT" | "+HTTPPARA" | "+HTTPDATA" | "+HTTPACTION" | "+HTTPREAD" | "+HTTPTERM" => {
                self.http_command(command, dce)
            }
            "+CMGF" | "+CMGS" | "+CMGL" | "+CMGR" | "+CMGD" => self.sms_command(command),
            "+CCLK" | "+CBC" | "+RESET" | "+CPOWD" => self.system_command(command, dce),
            _ => Answer::error(),
        }
    }

    fn data(&mut self, data: Option<Vec<u8>>, dce: &mut Dce<'_, '_>) -> Answer {
        match (self.data_for.pop_front(), data) {
            (Some(DataFor::Publish(publish)), Some(data)) => self.publish(publish, data, dce),
            (Some(DataFor::Socket), Some(data)) => self.socket_data(data, dce),
            (Some(DataFor::Http), Some(data)) => self.http_data(data),
            (Some(DataFor::Sms), Some(_)) => self.sms_sent(),
            (_, None) => Answer::ok(),
            (None, Some(_)) => Answer::error(),
        }
    }

    fn timer(&mut self, timer: Timer, dce: &mut Dce<'_, '_>) {
        match timer {
            Timer::CardReady => self.card_ready(dce),
            Timer::Unlocked => self.unlocked(dce),
            Timer::Registered => self.registered(dce),
            Timer::SocketOpen => self.socket_open(dce),
            Timer::Echo(bytes) => self.socket_echo(bytes, dce),
            Timer::HttpDone => self.http_done(dce),
        }
    }

    fn arrival(&mut self, arrival: Arrival, dce: &mut Dce<'_, '_>) {
        self.mqtt_arrival(arrival, dce);
    }

    fn network(&mut self, there: bool, dce: &mut Dce<'_, '_>) {
        if there {
            self.search(dce);
        } else {
            self.lost(dce);
        }
    }
}

/// The arguments of a set command; `None` if they cannot be split.
fn arguments(command: &Command) -> Option<Vec<Argument>> {
    (command.form == Form::Set).then(|| command.arguments(Quoting::Plain)).flatten()
}

/// The number of a set command, if it is one of 0 to `most`.
fn small(command: &Command, most: u8) -> Option<u8> {
    command.number().and_then(|number| u8::try_from(number).ok()).filter(|number| *number <= most)
}
