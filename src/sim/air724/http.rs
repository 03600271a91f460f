//! HTTP against a tiny server in memory: `/download/hello.txt` (the vendor's example), `/echo`, and
//! `ThingsCloud`'s provisioning call. Data is asked for with a word, `DOWNLOAD`.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::answer::{Answer, DataPhase, End};
use super::super::command::{Command, Form};
use super::{Air724, DataFor, Dce, Timer, arguments, cme, small};

/// From the `OK` of `AT+HTTPACTION` to its URC: 1.6 s on an `Air780EP`.
const ROUND_TRIP: Duration = Duration::from_millis(1_600);
/// Most bytes of a request's body, and the longest wait for them.
const MOST_BYTES: usize = 102_400;
const MOST_WAIT_MS: u64 = 120_000;
/// What the module reports when it cannot reach the server (`SIMCom`'s numbers, which Luat took over).
const NETWORK_ERROR: u16 = 601;
const POST: u8 = 1;
const HEAD: u8 = 2;

/// The HTTP client.
#[derive(Debug, Default)]
pub(super) struct Http {
    started: bool,
    url: String,
    body: Vec<u8>,
    /// The method under way.
    method: Option<u8>,
    response: Vec<u8>,
}

impl Air724 {
    pub(super) fn http_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let form = (command.name.as_str(), command.form);
        if form == ("+HTTPINIT", Form::Execute) {
            let fresh = !self.http.started && self.bearer.http;
            if fresh {
                self.http = Http { started: true, ..Http::default() };
            }
            return Answer::ok_if(fresh);
        }
        if !self.http.started {
            return Answer::cme(cme::NOT_ALLOWED);
        }
        match form {
            ("+HTTPTERM", Form::Execute) => {
                self.http = Http::default();
                Answer::ok()
            }
            ("+HTTPPARA", Form::Set) => Answer::ok_if(self.http_parameter(command).is_some()),
            ("+HTTPDATA", Form::Set) => self.http_body(command),
            ("+HTTPACTION", Form::Set) => match small(command, HEAD) {
                Some(method) if self.http.method.is_none() => {
                    self.http.method = Some(method);
                    dce.after(ROUND_TRIP, Timer::HttpDone);
                    Answer::ok()
                }
                _ => Answer::error(),
            },
            ("+HTTPREAD", Form::Execute) => {
                let header = format!("+HTTPREAD: {}", self.http.response.len()).into_bytes();
                Answer { lines: vec![header, self.http.response.clone()], tight: true, ..Answer::default() }
            }
            _ => Answer::error(),
        }
    }

    fn http_parameter(&mut self, command: &Command) -> Option<()> {
        let arguments = arguments(command)?;
        let (name, value) = (arguments.first()?.text(), arguments.get(1)?);
        match name.as_str() {
            "URL" => self.http.url = value.text(),
            "CID" | "USER_DEFINED" | "CONTENT" | "REDIR" | "TIMEOUT" | "UA" => {}
            _ => return None,
        }
        Some(())
    }

    /// `AT+HTTPDATA=<bytes>,<milliseconds>`
    fn http_body(&mut self, command: &Command) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let [length, wait] = arguments.as_slice() else { return Answer::error() };
        match (length.number(), wait.number()) {
            (Some(length @ 1..=MOST_BYTES), Some(wait @ 1000..=MOST_WAIT_MS)) => {
                self.data_for = [DataFor::Http].into();
                Answer::end(End::Prompt(DataPhase {
                    prompt: b"\r\nDOWNLOAD\r\n",
                    ok_first: false,
                    length: Some(length),
                    max: MOST_BYTES,
                    gap: Some(Duration::from_millis(wait)),
                    escape: false,
                    echo: false,
                }))
            }
            _ => Answer::error(),
        }
    }

    pub(super) fn http_data(&mut self, data: Vec<u8>) -> Answer {
        self.http.body = data;
        Answer::ok()
    }

    pub(super) fn http_done(&mut self, dce: &mut Dce<'_, '_>) {
        let Some(method) = self.http.method.take() else { return };
        let (status, response) = if self.network.attached() {
            serve(method, &self.http.url, &self.http.body, &dce.core.profile.identity.imei)
        } else {
            (NETWORK_ERROR, Vec::new())
        };
        dce.urc(format!("+HTTPACTION: {method},{status},{}", response.len()));
        self.http.response = response;
    }
}

/// The server: status and body.
fn serve(method: u8, url: &str, body: &[u8], imei: &str) -> (u16, Vec<u8>) {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = path.find('/').map_or("/", |slash| &path[slash..]);
    match path {
        "/download/hello.txt" => (200, b"Hello LuatOS!!!".to_vec()),
        "/echo" if method == POST => (200, body.to_vec()),
        "/device/v1/certificate" if method == POST => provision(body, imei),
        _ => (404, b"not found".to_vec()),
    }
}

/// `ThingsCloud`'s provisioning: the device's key for its access token.
fn provision(body: &[u8], imei: &str) -> (u16, Vec<u8>) {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let key = request.get("device_key").and_then(Value::as_str).unwrap_or(imei);
    let response = json!({
        "result": 1,
        "device": { "access_token": "demo-access-token", "conn_type": "1", "device_key": key },
    });
    (200, response.to_string().into_bytes())
}
