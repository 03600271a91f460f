//! A scenario: what happens to a simulated module from outside, and when. A file has `seed:`, `sim:`
//! (how the module starts), `faults:` (what goes wrong, see [`super::Faults`]) and `at:`, a list of timed events:
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

use super::duration::Span;
use super::entry::RawEntry;
use super::fault::Faults;

/// What happens, and how the module starts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// Where all chance comes from, if the file says.
    pub seed: Option<u64>,
    /// How the module starts.
    pub settings: SimSettings,
    /// What happens.
    pub at: Vec<Entry>,
    /// What goes wrong between the module and the host.
    pub faults: Faults,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawScenario {
    seed: Option<u64>,
    #[serde(default)]
    sim: SimSettings,
    #[serde(default)]
    at: Vec<Spanned<RawEntry>>,
    faults: Option<Spanned<serde_json::Value>>,
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
            at_line(line, (what, "a scenario has `seed`, `sim`, `faults` and `at`; each entry of `at` has `time` or `after`, and one event"))
        })?;
        let faults = raw.faults.map_or(Ok(Faults::default()), |faults| {
            Faults::read(&faults.value).map_err(|error| ScenarioError {
                file: file.to_owned(),
                line: faults.referenced.line(),
                what: error.what,
                help: error.help,
            })
        })?;
        let check = |entry: Spanned<RawEntry>| {
            let line = entry.referenced.line();
            entry.value.check().map_err(|error| at_line(line, error))
        };
        let at = raw.at.into_iter().map(check).collect::<Result<_, _>>()?;
        Ok(Self { seed: raw.seed, settings: raw.sim, at, faults })
    }
}
