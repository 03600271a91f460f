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

use super::fault::Faults;
use super::standin::Credentials;
use crate::at::pattern::Pattern;

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
    /// A command line is not carried out.
    Refuse(Refusal),
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

/// What becomes of the next command line of a kind.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Which line.
    pub line: Pattern,
    /// What is answered; `None`: nothing.
    pub with: Option<String>,
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        (self.line.source(), &self.with) == (other.line.source(), &other.with)
    }
}

impl Eq for Refusal {}

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
#[derive(Clone, Debug, PartialEq)]
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
    pub registration: Option<Duration>,
    /// Whether messages are kept for `AT+MQTTMSGGET` (`AT+MQTTMSGSET=1`) at first.
    pub cached: bool,
    /// What a module that has been on for long has for HTTP.
    pub bearer: HttpBearer,
    /// After each final result what comes is lost for this long.
    pub deaf: Duration,
    /// What it says while it starts.
    pub boot: BootNoise,
    /// Whether it has just been switched on.
    pub start: Start,
    /// The calendar of the machine that it is connected to.
    pub clock: Calendar,
    /// The one login that the stand-in for the cloud accepts; any that is not empty if nothing is said.
    pub login: Option<Credentials>,
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
            bearer: HttpBearer::Closed,
            deaf: Duration::ZERO,
            boot: BootNoise::Usual,
            start: Start::Cold,
            clock: Calendar::Synchronised,
            login: None,
        }
    }
}

impl SimSettings {
    pub(crate) fn warm(&self) -> bool {
        self.start == Start::Warm
    }
}

/// The state of the SIM at power-on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// The bearer that HTTP goes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpBearer {
    /// Somebody has to open it.
    #[default]
    Closed,
    /// Somebody did.
    Open,
}

/// What a module says while it starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// It has; it says so.
    #[default]
    Cold,
    /// It has been on for long and is registered.
    Warm,
}

/// The host's calendar at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calendar {
    /// It is right, and is known to be.
    #[default]
    Synchronised,
    /// It starts in 1970, as on a machine without a battery.
    Unset,
}
