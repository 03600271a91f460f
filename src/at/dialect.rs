//! A dialect: all that atflow knows about a module family, as data. Loaded from `scripts/modules/*.yaml`
//! by `flow`, used by the sorter and the session. There is no `if air724` anywhere else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::pattern::{Lists, Pattern, Sequence};

/// A module family.
#[derive(Debug, Default)]
pub struct Dialect {
    /// The file's `name`.
    pub name: String,
    /// How lines look and how long they may take.
    pub line: LineRules,
    /// The final result codes.
    pub results: Results,
    /// Characters that `escape(…)` replaces, and that no value may bring into a command line unescaped.
    pub escapes: Vec<(char, String)>,
    /// What the module can take.
    pub limits: Limits,
    /// What it says unasked.
    pub urc: Urcs,
    /// What is special about single commands. Sorted; [`Dialect::entry`] finds the longest key.
    pub commands: Vec<CommandEntry>,
    /// Meaning of numbers by family: `errors["cme"][767]`.
    pub errors: BTreeMap<String, BTreeMap<i64, String>>,
}

/// How a line ends, and times that hold for every command.
#[derive(Clone, Debug)]
pub struct LineRules {
    /// What ends a command line, usually CR LF.
    pub ending: Vec<u8>,
    /// Silence kept between a result and the next command line.
    pub quiet: Duration,
    /// One attempt of a command that the table says nothing about.
    pub timeout: Duration,
    /// Longest command line in bytes, without its ending.
    pub max_bytes: usize,
}

impl Default for LineRules {
    fn default() -> Self {
        Self {
            ending: b"\r\n".to_vec(),
            quiet: Duration::from_millis(20),
            timeout: Duration::from_secs(10),
            max_bytes: 1024,
        }
    }
}

/// Patterns of final result codes, tried in order.
#[derive(Debug, Default)]
pub struct Results {
    /// Good ones: `OK`.
    pub ok: Vec<Pattern>,
    /// Bad ones: `ERROR`, `+CME ERROR: {cme:error}`, `NO CARRIER`.
    pub error: Vec<Pattern>,
    /// "Not now": the line was not taken and is sent again when the module is quiet (ESP `busy p...`).
    pub busy: Vec<Pattern>,
}

/// What the module can take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest MQTT topic in bytes.
    pub topic_bytes: usize,
    /// Longest MQTT payload in bytes; also the longest counted data that is believed in an answer; of
    /// a message at least 16,384 are.
    pub payload_bytes: usize,
    /// Qualities of service that `publish` may ask for.
    pub qos: Vec<i64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { topic_bytes: 256, payload_bytes: 4100, qos: vec![0] }
    }
}

/// Lines that come unasked, by what they mean. Looked up in this order.
#[derive(Debug, Default)]
pub struct Urcs {
    /// The session, or what carries it, is gone.
    pub closed: Vec<Pattern>,
    /// The module restarted.
    pub reboot: Vec<Pattern>,
    /// A message waits inside the module; the flow `fetch` brings it.
    pub notice: Vec<Pattern>,
    /// A message from the broker: holes `topic` and `payload`, optional `qos`, `total`.
    pub message: Vec<Sequence>,
    /// Known and of no consequence.
    pub other: Vec<Pattern>,
}

/// What is special about one command (or one form of it, or one first argument of it).
#[derive(Debug)]
pub struct CommandEntry {
    /// `AT+MIPSTART=`, `AT+CPIN?`, `AT+COPS=?`, `AT+CFUN=1,1`, `ATD`: see [`Dialect::entry`].
    pub key: String,
    /// What the entry says.
    pub rules: CommandRules,
}

/// The part of a `send` that a table entry may give and a step may override, key by key.
#[derive(Clone, Debug, Default)]
pub struct CommandRules {
    /// Lines that must have come, in order.
    pub expect: Option<Arc<Sequence>>,
    /// Lists: name and what one element looks like.
    pub collect: Option<Arc<Lists>>,
    /// The late result, in order.
    pub awaits: Option<Arc<Sequence>>,
    /// Any of these decides that the command failed.
    pub fail: Option<Arc<Vec<Pattern>>>,
    /// What counts as OK. `Finals::None`: nothing is owed.
    pub finals: Option<Finals>,
    /// What asks for data.
    pub prompt: Option<Prompt>,
    /// How data ends.
    pub ends: Option<DataEnd>,
    /// Which argument says how many bytes of data there are, from 1; the last one if nothing is said.
    pub length: Option<usize>,
    /// How to leave the data phase.
    pub cancel: Option<Cancel>,
    /// One attempt.
    pub timeout: Option<Duration>,
    /// A line that failed is never sent again.
    pub once: Option<bool>,
    /// The module restarts after this; a sign of it must show within.
    pub restarts: Option<Duration>,
}

/// What ends a command well.
#[derive(Clone, Debug)]
pub enum Finals {
    /// Nothing: the command is done when it has left, or when its awaited lines have come.
    None,
    /// Any of these lines, instead of the dialect's `results.ok`.
    Lines(Arc<Vec<Pattern>>),
}

/// What a module shows when it wants data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// `>` at the start of a line, without a line end, maybe with a blank behind it (3GPP TS 27.005, 3.5.1).
    Sign,
    /// A word on a line of its own, such as `DOWNLOAD`.
    Word(String),
}

/// How the module knows that the data is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataEnd {
    /// It was told the length.
    Length,
    /// The byte 0x1A.
    CtrlZ,
}

/// The byte that leaves the data phase without sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// There is none: the module is stuck until it restarts.
    None,
    /// The byte 0x1B.
    Esc,
    /// The byte 0x1A.
    CtrlZ,
}
