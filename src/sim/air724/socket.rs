//! One TCP or UDP connection to a server that echoes what it gets (`CIPSTART`, `CIPSEND`, `CIPCLOSE`).

use std::time::Duration;

use super::super::answer::{Answer, DataPhase, End};
use super::super::command::{Command, Form};
use super::{Air724, DataFor, Dce, Timer, arguments, cme, small};

/// From `OK` to `CONNECT OK`: 1.4 to 2.3 s on an `Air780EP`.
const OPEN: Duration = Duration::from_millis(1_600);
/// There and back.
const ROUND_TRIP: Duration = Duration::from_millis(300);
/// Most bytes of one `AT+CIPSEND`.
const MOST: usize = 1_460;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    None,
    Connecting,
    Open,
    Closed,
}

/// The connection.
#[derive(Debug, Default)]
pub(super) struct Socket {
    state: State,
    /// `AT+CIPQSEND=1`: data is accepted before the far side has it.
    quick: bool,
    sent: usize,
}

impl Socket {
    /// It is gone with what carried it.
    pub(super) fn drop_silently(&mut self) {
        self.state = State::None;
    }

    /// What `AT+CIPSTATUS` says of it; `None` if the bearer decides.
    pub(super) fn state_name(&self) -> Option<&'static str> {
        match self.state {
            State::None => None,
            State::Connecting => Some("TCP CONNECTING"),
            State::Open => Some("CONNECT OK"),
            State::Closed => Some("TCP CLOSED"),
        }
    }
}

impl Air724 {
    pub(super) fn socket_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match (command.name.as_str(), command.form) {
            ("+CIPSTART", Form::Set) => self.start_socket(command, dce),
            ("+CIPSEND", Form::Execute | Form::Set) => self.send_socket(command),
            ("+CIPCLOSE", Form::Execute | Form::Set) if self.socket.state == State::Open => {
                self.socket.state = State::Closed;
                Answer::own("CLOSE OK")
            }
            ("+CIPCLOSE", Form::Execute | Form::Set) => Answer::cme(cme::NOT_ALLOWED),
            ("+CIPQSEND", Form::Set) => small(command, 1).map_or_else(Answer::error, |quick| {
                self.socket.quick = quick == 1;
                Answer::ok()
            }),
            ("+CIPQSEND", Form::Read) => Answer::line(format!("+CIPQSEND: {}", u8::from(self.socket.quick))),
            ("+CIPACK", Form::Execute) if self.socket.state == State::Open => {
                Answer::line(format!("+CIPACK: {0},{0},0", self.socket.sent))
            }
            _ => Answer::error(),
        }
    }

    /// `AT+CIPSTART="TCP","host",port`
    fn start_socket(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let [kind, host, port] = arguments.as_slice() else { return Answer::error() };
        let known = ["TCP", "UDP"].contains(&kind.text().to_ascii_uppercase().as_str());
        if !known || host.bytes.is_empty() || port.number::<u16>().is_none() {
            return Answer::error();
        }
        if !self.network.attached() {
            return Answer::cme(cme::NOT_ALLOWED);
        }
        match self.socket.state {
            State::Connecting | State::Open => Answer::ok().then("ALREADY CONNECT"),
            State::None | State::Closed => {
                self.bearer.start_by_itself();
                self.socket = Socket { state: State::Connecting, quick: self.socket.quick, sent: 0 };
                dce.after(OPEN, Timer::SocketOpen);
                Answer::ok()
            }
        }
    }

    pub(super) fn socket_open(&mut self, dce: &mut Dce<'_, '_>) {
        if self.socket.state == State::Connecting {
            self.socket.state = State::Open;
            dce.urc("CONNECT OK");
        }
    }

    /// `AT+CIPSEND` up to 0x1A, `AT+CIPSEND=n` up to n bytes.
    fn send_socket(&mut self, command: &Command) -> Answer {
        if self.socket.state != State::Open {
            return Answer::cme(cme::NOT_ALLOWED);
        }
        let length = command.number().and_then(|length| usize::try_from(length).ok());
        let given = command.form == Form::Set;
        if given && !length.is_some_and(|length| (1..=MOST).contains(&length)) {
            return Answer::error();
        }
        self.data_for = [DataFor::Socket].into();
        Answer::end(End::Prompt(DataPhase {
            prompt: b"\r\n> ",
            ok_first: false,
            length,
            max: MOST,
            gap: None,
            escape: true,
            echo: true,
        }))
    }

    pub(super) fn socket_data(&mut self, data: Vec<u8>, dce: &mut Dce<'_, '_>) -> Answer {
        if self.socket.state != State::Open {
            return Answer::error();
        }
        self.socket.sent += data.len();
        let result =
            if self.socket.quick { format!("DATA ACCEPT:{}", data.len()) } else { "SEND OK".to_owned() };
        dce.after(ROUND_TRIP, Timer::Echo(data));
        Answer::own(result)
    }

    /// Without `AT+CIPHEAD=1` what arrives is said as it is.
    pub(super) fn socket_echo(&mut self, bytes: Vec<u8>, dce: &mut Dce<'_, '_>) {
        if self.socket.state == State::Open {
            dce.raw(bytes);
        }
    }
}
