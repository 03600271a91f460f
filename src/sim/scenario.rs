//! A scenario: what happens to a simulated module from outside, and when. A file has `seed:`, `sim:`
//! (how the module starts) and `at:`, a list of timed events:
//!
//! ```yaml
//! seed: 724
//! sim: { sim_card: pin, pin: '1234', delays: 0.5 }
//! at:
//!   - { time: 30s, cloud: command/send/1, json: { method: signal, params: {}, id: 1 } }
//!   - { after: CONNECT OK, broker: close, count: 1 }
//! ```
//!
//! `time` counts from power-on. `after` waits for a line that the module says, the whole line. With
//! `after`, `count` bounds how often the event happens; with `time` it happens that many times at once.

use std::time::Duration;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::command::unhex;
use super::duration::{Span, duration};

/// Most times that one entry can happen.
const MOST_TIMES: u32 = 10_000;

/// What happens, and how the module starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// Where all chance comes from, if the file says.
    pub seed: Option<u64>,
    /// How the module starts.
    pub settings: SimSettings,
    /// What happens.
    pub at: Vec<Entry>,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub when: When,
    /// What.
    pub what: What,
    /// How often: `None` is once at a time, and each time after a line.
    pub count: Option<u32>,
}

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// This long after power-on.
    Time(Duration),
    /// When the module has said this line.
    After(String),
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The cloud publishes a message.
    Message {
        /// Where.
        topic: String,
        /// Any bytes at all.
        payload: Vec<u8>,
    },
    /// The module says a line unasked.
    Urc(String),
    /// Something about the broker.
    Broker(Broker),
    /// The port vanishes, for ever unless it says how long.
    Unplug {
        /// How long.
        lasts: Option<Duration>,
    },
    /// The module loses power for a moment.
    Reset,
    /// The network is gone, for ever unless it says how long.
    RegistrationLost {
        /// How long.
        lasts: Option<Duration>,
    },
    /// Something about the host's calendar.
    Clock(ClockChange),
    /// The host sleeps, and hears afterwards what the module said meanwhile.
    Suspend {
        /// How long.
        lasts: Duration,
    },
}

/// What happens to the host's calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockChange {
    /// It jumps forward.
    Forward(Duration),
    /// It jumps back.
    Back(Duration),
    /// Nobody vouches for it any more.
    Unknown,
    /// It is set right, and is known to be.
    Synchronised,
}

/// Something about the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broker {
    /// It closes the connection and cannot be reached, for ever unless it says how long.
    Away {
        /// How long.
        lasts: Option<Duration>,
    },
    /// It closes the connection once.
    Close,
    /// It can be reached again.
    Back,
}

/// How a simulated module starts.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct SimSettings {
    /// The state of the SIM.
    pub sim_card: SimCard,
    /// The PIN that unlocks it.
    pub pin: String,
    /// The PUK that unlocks it after three wrong PINs.
    pub puk: String,
    /// All of the module's own and the network's delays times this; 0 is no delay.
    pub delays: f64,
    /// Whether it echoes until it hears `ATE0`.
    pub echo: bool,
    /// Whether data after a `>` prompt is echoed even with `ATE0`, as on Luat 8910 firmware before
    /// V301847.
    pub payload_echo: bool,
    /// How many `AT`s it takes to find the baud rate; 0: the rate is fixed.
    pub autobaud: u32,
    /// From the SIM being ready until it is registered; the module's own delay if nothing is said.
    #[serde(deserialize_with = "span")]
    pub registration: Option<Duration>,
    /// Whether messages are kept for `AT+MQTTMSGGET` (`AT+MQTTMSGSET=1`) at first.
    pub cached: bool,
    /// What it says while it starts.
    pub boot: BootNoise,
    /// Whether it has just been switched on.
    pub start: Start,
    /// The calendar of the machine that it is connected to.
    pub clock: Calendar,
}

impl Default for SimSettings {
    fn default() -> Self {
        Self {
            sim_card: SimCard::Ready,
            pin: "1234".to_owned(),
            puk: "12345678".to_owned(),
            delays: 1.0,
            echo: true,
            payload_echo: false,
            autobaud: 0,
            registration: None,
            cached: false,
            boot: BootNoise::Usual,
            start: Start::Cold,
            clock: Calendar::Synchronised,
        }
    }
}

impl SimSettings {
    pub(crate) fn warm(&self) -> bool {
        self.start == Start::Warm
    }
}

fn span<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Span::deserialize(deserializer).map(|span| Some(span.0))
}

/// The state of the SIM at power-on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SimCard {
    /// It wants no PIN.
    #[default]
    Ready,
    /// It wants its PIN.
    Pin,
    /// It wants its PUK.
    Puk,
    /// There is none: `+CME ERROR: 10`.
    Absent,
    /// It never becomes ready: `+CME ERROR: 14`.
    Busy,
}

/// What a module says while it starts.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum BootNoise {
    /// A stray byte, the boot ROM's banner, `RDY`.
    #[default]
    Usual,
    /// A stray byte that sticks to `RDY`.
    Garbage,
    /// The banner and `RDY` in one line.
    Glued,
    /// Nothing.
    Silent,
}

impl BootNoise {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Garbage => "garbage",
            Self::Glued => "glued",
            Self::Silent => "silent",
        }
    }
}

/// Whether the module has just been switched on.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// It has; it says so.
    #[default]
    Cold,
    /// It has been on for long and is registered.
    Warm,
}

/// The host's calendar at the beginning.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub enum Calendar {
    /// It is right, and is known to be.
    #[default]
    #[serde(rename = "synchronised")]
    Synchronised,
    /// It starts in 1970, as on a machine without a battery.
    #[serde(rename = "1970")]
    Unset,
}

/// Why a scenario cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ScenarioError {
    /// As the user named it.
    pub file: String,
    /// Counted from 1; 0 if unknown.
    pub line: u64,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub help: String,
}

/// One entry of `at:` as it is written. A file that holds such lists in other places reads them with
/// this and then calls [`RawEntry::check`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEntry {
    time: Option<String>,
    after: Option<String>,
    cloud: Option<String>,
    json: Option<serde_json::Value>,
    text: Option<String>,
    bytes: Option<String>,
    urc: Option<String>,
    broker: Option<String>,
    port: Option<String>,
    module: Option<String>,
    registration: Option<String>,
    clock: Option<String>,
    suspend: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    count: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    seed: Option<u64>,
    #[serde(default)]
    sim: SimSettings,
    #[serde(default)]
    at: Vec<Spanned<RawEntry>>,
}

impl Scenario {
    /// Reads a scenario; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let at_line = |line, (what, help): (String, &str)| ScenarioError {
            file: file.to_owned(),
            line,
            what,
            help: help.to_owned(),
        };
        let raw: RawScenario = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(0, |location| location.line());
            // The rendered message goes on with a snippet of the file.
            let what = error.without_snippet().to_string();
            let what = what.lines().next().unwrap_or_default().to_owned();
            at_line(line, (what, "a scenario has `seed`, `sim` and `at`; each entry of `at` has `time` or `after`, and one event"))
        })?;
        let check = |entry: Spanned<RawEntry>| {
            let line = entry.referenced.line();
            entry.value.check().map_err(|error| at_line(line, error))
        };
        let at = raw.at.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok(Self { seed: raw.seed, settings: raw.sim, at })
    }
}

/// What is wrong with an entry, and how to mend it.
type Complaint = (String, &'static str);

impl RawEntry {
    /// Makes an event of it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to mend it.
    pub fn check(self) -> Result<Entry, (String, &'static str)> {
        let when = match (&self.time, &self.after) {
            (Some(time), None) => When::Time(span_of("time", time)?),
            (None, Some(line)) if !line.trim().is_empty() => When::After(line.trim().to_owned()),
            (None, Some(_)) => return Err(("`after` is empty".to_owned(), "write the line the module says")),
            (None, None) => {
                return Err(("nothing says when".to_owned(), "add `time: 30s` or `after: CONNECT OK`"));
            }
            (Some(_), Some(_)) => return Err(("`time` and `after` together".to_owned(), "keep one of them")),
        };
        let lasts = self.lasts.as_deref().map(|lasts| span_of("for", lasts)).transpose()?;
        let count = self.count;
        if count.is_some_and(|count| !(1..=MOST_TIMES).contains(&count)) {
            return Err(("`count` is out of range".to_owned(), "write 1 to 10000, or leave it out"));
        }
        Ok(Entry { when, what: self.what(lasts)?, count })
    }

    fn what(self, lasts: Option<Duration>) -> Result<What, Complaint> {
        let has_payload = self.json.is_some() || self.text.is_some() || self.bytes.is_some();
        if self.cloud.is_none() && has_payload {
            return Err(("a payload without `cloud`".to_owned(), "add `cloud: <topic>`, or take it out"));
        }
        let may_last =
            self.port.is_some() || self.registration.is_some() || self.broker.as_deref() == Some("away");
        if lasts.is_some() && !may_last {
            return Err((
                "`for` has no meaning here".to_owned(),
                "it belongs to `broker: away`, `port: unplug` and `registration: lost`",
            ));
        }
        let (key, value) = self.kind()?;
        match (key, value.as_str()) {
            ("cloud", _) => {
                Ok(What::Message { payload: payload(self.json, self.text, self.bytes)?, topic: value })
            }
            ("urc", _) => Ok(What::Urc(value)),
            ("broker", "away") => Ok(What::Broker(Broker::Away { lasts })),
            ("broker", "close") => Ok(What::Broker(Broker::Close)),
            ("broker", "back") => Ok(What::Broker(Broker::Back)),
            ("broker", word) => Err(unknown(key, word, "write `away`, `close` or `back`")),
            ("port", "unplug") => Ok(What::Unplug { lasts }),
            ("port", word) => Err(unknown(key, word, "write `unplug`")),
            ("module", "reset") => Ok(What::Reset),
            ("module", word) => Err(unknown(key, word, "write `reset`")),
            ("registration", "lost") => Ok(What::RegistrationLost { lasts }),
            ("registration", word) => Err(unknown(key, word, "write `lost`")),
            ("clock", word) => clock_change(word).map(What::Clock),
            (_, time) => Ok(What::Suspend { lasts: span_of(key, time)? }),
        }
    }

    /// What the entry is about, and what it says of it.
    fn kind(&self) -> Result<(&'static str, String), Complaint> {
        let kinds = [
            ("cloud", &self.cloud),
            ("urc", &self.urc),
            ("broker", &self.broker),
            ("port", &self.port),
            ("module", &self.module),
            ("registration", &self.registration),
            ("clock", &self.clock),
            ("suspend", &self.suspend),
        ];
        let mut given = kinds.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        match (given.next(), given.next()) {
            (Some(kind), None) => Ok(kind),
            _ => Err((
                "an event is exactly one thing".to_owned(),
                "write one of `cloud`, `urc`, `broker`, `port`, `module`, `registration`, `clock`, `suspend`",
            )),
        }
    }
}

fn clock_change(word: &str) -> Result<ClockChange, Complaint> {
    let change = match word {
        "unknown" => Some(ClockChange::Unknown),
        "synchronised" => Some(ClockChange::Synchronised),
        _ => match word.split_at_checked(1) {
            Some(("+", by)) => duration(by).map(ClockChange::Forward),
            Some(("-", by)) => duration(by).map(ClockChange::Back),
            _ => None,
        },
    };
    change.ok_or_else(|| {
        unknown(
            "clock",
            word,
            "write a step with its sign, such as `+30s` or `-1h`, or `unknown` or `synchronised`",
        )
    })
}

fn unknown(key: &str, word: &str, help: &'static str) -> Complaint {
    (format!("`{key}` cannot be `{word}`"), help)
}

fn span_of(key: &str, text: &str) -> Result<Duration, Complaint> {
    duration(text).ok_or_else(|| {
        (format!("`{key}: {text}` is not a duration"), "write numbers with units, such as `500ms` or `1m30s`")
    })
}

fn payload(
    json: Option<serde_json::Value>,
    text: Option<String>,
    bytes: Option<String>,
) -> Result<Vec<u8>, Complaint> {
    match (json, text, bytes) {
        (Some(json), None, None) => Ok(json.to_string().into_bytes()),
        (None, Some(text), None) => Ok(text.into_bytes()),
        (None, None, Some(hex)) => {
            let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            unhex(&digits).ok_or_else(|| {
                (format!("`bytes: {hex}` is not hexadecimal"), "write pairs of digits: `'00 ff 0d 0a'`")
            })
        }
        (None, None, None) => Ok(Vec::new()),
        _ => Err(("more than one payload".to_owned(), "keep one of `json`, `text` and `bytes`")),
    }
}
