//! The bearer as the 2G commands see it: `CSTT`, `CIICR`, `CIFSR`, `CIPSHUT`, and `SAPBR` for HTTP. None
//! of them is needed for MQTT, but all of them insist on their order.

use super::super::answer::{Answer, End};
use super::super::command::{Argument, Command, Form};
use super::{Air724, Dce, arguments, cme};

/// Where the 2G state machine stands; printed by `AT+CIPSTATUS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    #[default]
    Initial,
    Start,
    Active,
    Status,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Initial => "IP INITIAL",
            Self::Start => "IP START",
            Self::Active => "IP GPRSACT",
            Self::Status => "IP STATUS",
        }
    }
}

/// The bearer.
#[derive(Debug, Default)]
pub(super) struct Bearer {
    state: State,
    /// Whether `AT+SAPBR=1,1` opened one for HTTP.
    pub(super) http: bool,
}

impl Bearer {
    /// What `AT+CIPSTART` makes of a bearer that nobody started.
    pub(super) fn start_by_itself(&mut self) {
        self.state = State::Status;
    }
}

impl Air724 {
    /// The network took the bearer away.
    pub(super) fn drop_bearer(&mut self, dce: &mut Dce<'_, '_>) {
        self.bearer = Bearer::default();
        self.socket.drop_silently();
        if self.mqtt.drop_silently(dce) {
            dce.urc("+PDP: DEACT");
        }
    }

    pub(super) fn bearer_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let started = matches!(self.bearer.state, State::Active | State::Status);
        match (command.name.as_str(), command.form) {
            ("+CSTT", Form::Execute | Form::Set) if self.bearer.state == State::Initial => {
                self.bearer.state = State::Start;
                Answer::ok()
            }
            ("+CSTT", Form::Read) => Answer::line("+CSTT: \"CMNET\",\"\",\"\""),
            ("+CIICR", Form::Execute) if self.bearer.state == State::Start => {
                if self.network.attached() {
                    self.bearer.state = State::Active;
                    Answer::ok()
                } else {
                    dce.urc("+PDP: DEACT");
                    Answer::cme(cme::OTHER)
                }
            }
            ("+CIFSR", Form::Execute) if started => {
                self.bearer.state = State::Status;
                Answer::own(dce.core.profile.identity.ip.clone())
            }
            ("+CSTT" | "+CIICR" | "+CIFSR", Form::Execute | Form::Set) => Answer::cme(cme::NOT_ALLOWED),
            ("+CIPSHUT", Form::Execute) => {
                self.bearer.state = State::Initial;
                self.socket.drop_silently();
                self.mqtt.drop_silently(dce);
                Answer::own("SHUT OK")
            }
            ("+CIPSTATUS", Form::Execute) => {
                let state = self.socket.state_name().unwrap_or_else(|| self.bearer.state.name());
                Answer::ok().then(format!("STATE: {state}"))
            }
            ("+CDNSGIP", Form::Set) if self.bearer.state == State::Status => {
                let host = arguments(command).unwrap_or_default();
                let host = host.first().map(Argument::text).unwrap_or_default();
                Answer::ok().then(format!("+CDNSGIP: 1,\"{host}\",\"203.0.113.7\""))
            }
            ("+SAPBR", Form::Set) => self.http_bearer(command, dce),
            _ => Answer::end(End::Error),
        }
    }

    /// `AT+SAPBR=<3 set|1 open|2 ask|0 close>,1[,…]`
    fn http_bearer(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let words: Vec<String> = arguments(command).unwrap_or_default().iter().map(Argument::text).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["3", "1", "CONTYPE" | "APN" | "USER" | "PWD", _] => Answer::ok(),
            ["1", "1"] if !self.network.attached() => Answer::cme(cme::NOT_ALLOWED),
            ["1", "1"] => {
                self.bearer.http = true;
                Answer::ok()
            }
            ["2", "1"] if self.bearer.http => {
                Answer::line(format!("+SAPBR: 1,1,\"{}\"", dce.core.profile.identity.ip))
            }
            ["2", "1"] => Answer::line("+SAPBR: 1,3,\"0.0.0.0\""),
            ["0", "1"] if self.bearer.http => {
                self.bearer.http = false;
                Answer::ok()
            }
            _ => Answer::error(),
        }
    }
}
