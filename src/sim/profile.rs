//! What a simulated module says by rote and how long it takes, read from `profiles/*.yaml`. State is
//! code; this is the rest: identity, static answers, delays, boot noise, error texts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::command::Command;
use super::duration::Span;

/// One module's data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// How lines look.
    pub(crate) line: LineProfile,
    /// What it can take.
    pub(crate) limits: Limits,
    /// Numbers that tell one module from another.
    pub(crate) identity: Identity,
    /// Supply voltage in millivolts, lowest and highest.
    #[serde(default)]
    pub(crate) supply_mv: (u32, u32),
    /// What it says while it starts, by kind of noise.
    pub(crate) boot: BTreeMap<String, Vec<BootLine>>,
    /// From power-on until it listens.
    pub(crate) ready: Span,
    /// From `AT+RESET`'s result until it powers on again.
    pub(crate) restart: Span,
    /// From the SIM being ready until it is registered.
    #[serde(default)]
    pub(crate) registration: Span,
    /// From listening until the SIM is ready.
    #[serde(default)]
    pub(crate) sim_ready: Span,
    /// From a command line until its result: by `AT+NAME` and form (`=`, `?`, `=?`), else `default`.
    pub(crate) delays: BTreeMap<String, Span>,
    /// What the network adds: lowest and highest.
    pub(crate) latency: RawLatencies,
    /// Information responses that never change. An empty list is a bare `OK`.
    pub(crate) answers: BTreeMap<String, Vec<String>>,
    /// Texts for `AT+CMEE=2`.
    #[serde(default)]
    pub(crate) cme: BTreeMap<u16, String>,
    /// Messages in the SIM when the module is delivered.
    #[serde(default)]
    pub(crate) sms: Vec<StoredSms>,
}

/// How lines look.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineProfile {
    /// Longest command line in bytes; a longer one is `ERROR`.
    pub(crate) max: usize,
    /// What ends a command line.
    pub(crate) ends: LineEnd,
    /// What happens to a line that comes while another command runs.
    pub(crate) busy: Busy,
    /// Whether information responses and URCs begin with CR LF too.
    pub(crate) leading_crlf: bool,
    /// The `+CMEE` it is delivered with.
    pub(crate) cmee: u8,
}

/// What ends a command line.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineEnd {
    /// CR; one LF behind it belongs to it.
    Cr,
    /// CR LF, both.
    Crlf,
}

/// What happens to input while a command runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Busy {
    /// It waits its turn.
    Queue,
    /// It is refused with `busy p...`.
    Refuse,
}

/// What the module can take, in bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// Longest MQTT topic, client identifier, user name or password.
    pub(crate) topic: usize,
    /// Longest MQTT message in a command line.
    pub(crate) message: usize,
    /// Longest MQTT message after a prompt, and from the broker.
    pub(crate) data: usize,
}

/// Numbers that tell one module from another.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Identity {
    pub(crate) imei: String,
    pub(crate) iccid: String,
    pub(crate) imsi: String,
    pub(crate) ip: String,
    /// Registered operator, numeric.
    pub(crate) operator: String,
    /// Tracking area and cell, as `+CREG` prints them.
    pub(crate) area: String,
    pub(crate) cell: String,
}

/// Bytes said at a time after power-on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BootLine {
    /// After power-on.
    pub(crate) at: Span,
    /// The very bytes, line ends included.
    #[serde(default)]
    pub(crate) text: String,
    /// Or as hex digits, for bytes that are no text.
    #[serde(default)]
    pub(crate) hex: String,
}

/// A text message in the store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredSms {
    pub(crate) from: String,
    pub(crate) time: String,
    pub(crate) text: String,
}

/// Network latencies as written.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLatencies {
    open: (Span, Span),
    connack: (Span, Span),
    puback: (Span, Span),
    suback: (Span, Span),
    message: (Span, Span),
}

/// What the network adds to each exchange with the cloud: lowest and highest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latencies {
    /// Name lookup and TCP handshake.
    pub(crate) open: (Duration, Duration),
    /// CONNECT to CONNACK.
    pub(crate) connack: (Duration, Duration),
    /// PUBLISH to PUBACK.
    pub(crate) puback: (Duration, Duration),
    /// SUBSCRIBE to SUBACK, UNSUBSCRIBE to UNSUBACK.
    pub(crate) suback: (Duration, Duration),
    /// One way down.
    pub(crate) message: (Duration, Duration),
}

impl Profile {
    /// Reads a data file.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    /// How long `command` takes, before scaling.
    pub(crate) fn delay(&self, command: &Command) -> Duration {
        let exact = self.delays.get(&command.text());
        let found = exact.or_else(|| self.delays.get(&command.key())).or_else(|| self.delays.get("default"));
        found.copied().unwrap_or_default().0
    }

    /// The information responses that are always the same for `command`.
    pub(crate) fn answer(&self, command: &Command) -> Option<&[String]> {
        let exact = self.answers.get(&command.text());
        exact.or_else(|| self.answers.get(&command.key())).map(Vec::as_slice)
    }

    /// The network's latencies, times `scale`.
    pub(crate) fn latencies(&self, scale: f64) -> Latencies {
        let by = |(low, high): (Span, Span)| (scaled(low.0, scale), scaled(high.0, scale));
        let raw = self.latency;
        Latencies {
            open: by(raw.open),
            connack: by(raw.connack),
            puback: by(raw.puback),
            suback: by(raw.suback),
            message: by(raw.message),
        }
    }
}

/// `duration` times `scale`; a scale that makes no sense leaves it alone.
pub(crate) fn scaled(duration: Duration, scale: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * scale).unwrap_or(duration)
}
