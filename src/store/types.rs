//! What goes into the store and comes out of it.

use std::path::PathBuf;

use serde_json::Value;

/// A point in time that survives restarts: which boot of the machine, and milliseconds since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Row of the table `boot`.
    pub boot: i64,
    /// Since the machine started, suspended time included.
    pub mono_ms: i64,
}

/// What a process must say about itself when it opens a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// The kernel's id of this boot; a simulated machine counts.
    pub boot_id: String,
    /// Since the machine started.
    pub now_ms: i64,
    /// 64 random bits: a new store is called by them. In a simulation they come from its seed.
    pub chance: u64,
}

/// The three queues of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Replies to commands.
    Reply,
    /// What events and handlers publish.
    Event,
    /// What schedules publish.
    Report,
}

impl Lane {
    /// All of them, most urgent first.
    pub const ALL: [Self; 3] = [Self::Reply, Self::Event, Self::Report];

    /// As the file has it, and as an index.
    pub fn index(self) -> usize {
        self as usize
    }

    pub(super) fn of(index: i64) -> Self {
        match index {
            0 => Self::Reply,
            1 => Self::Event,
            _ => Self::Report,
        }
    }

    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Event => "event",
            Self::Report => "report",
        }
    }
}

/// A message for the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRow {
    /// Which queue.
    pub lane: Lane,
    /// Where to.
    pub topic: String,
    /// Any bytes at all.
    pub payload: Vec<u8>,
    /// Quality of service.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
    /// What made it: the name of a schedule, event, handler or flow.
    pub source: String,
}

/// A flow that is to run once, later.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTimer {
    /// The flow.
    pub flow: String,
    /// Its params.
    pub args: Value,
    /// On the clock of this boot.
    pub due_ms: i64,
}

/// What is to become durable together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewEffects {
    /// Messages, in order.
    pub rows: Vec<NewRow>,
    /// New values of `state`, in order.
    pub state: Vec<(String, Value)>,
    /// Flows to run later.
    pub timers: Vec<NewTimer>,
}

/// How much the outbox may hold. Replies are never dropped; events only when no report is left to drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Most reports, and most events.
    pub max_rows: u64,
    /// Most bytes of all payloads together.
    pub max_bytes: u64,
    /// How long a report is kept, if its age is known.
    pub keep_ms: i64,
    /// Which report goes when there are too many.
    pub drop: DropPolicy,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_rows: 100_000,
            max_bytes: 64 * 1024 * 1024,
            keep_ms: 30 * super::DAY_MS,
            drop: DropPolicy::Oldest,
        }
    }
}

/// Which report goes when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropPolicy {
    /// The oldest.
    Oldest,
    /// The new one.
    Newest,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number; ascends, never repeats, may have gaps.
    pub seq: u64,
    /// Which queue.
    pub lane: Lane,
    /// Where to.
    pub topic: String,
    /// As it was made.
    pub payload: Vec<u8>,
    /// Quality of service.
    pub qos: u8,
    /// Whether the broker keeps it.
    pub retain: bool,
    /// What made it.
    pub source: String,
    /// Publishes that were begun for it, by this process and earlier ones.
    pub attempts: u32,
    /// Those that were refused for a reason that lies in the message.
    pub refusals: u32,
    /// What the last failed one said.
    pub error: Option<String>,
    /// When it was made.
    pub captured: Moment,
}

/// How full the outbox is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that wait, by lane: reply, event, report.
    pub rows: [u64; 3],
    /// Of their payloads.
    pub bytes: u64,
    /// When the oldest was made.
    pub oldest: Option<Moment>,
    /// Rows that were refused for good.
    pub dead: u64,
}

/// A command that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCommand {
    /// What tells it from others.
    pub key: String,
    /// Of its payload.
    pub digest: [u8; 32],
    /// What it calls.
    pub method: String,
    /// All that is needed to run it later.
    pub payload: Vec<u8>,
}

/// A command on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number in the store.
    pub n: u64,
    /// What tells it from others.
    pub key: String,
    /// What it calls.
    pub method: String,
    /// As recorded.
    pub payload: Vec<u8>,
    /// When it came.
    pub captured: Moment,
    /// How far it is.
    pub state: CommandState,
}

/// How far a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommandState {
    /// It waits.
    Recorded,
    /// Its handler began. It never begins again.
    Started,
    /// Its handler passed.
    Done,
    /// Its handler failed; nothing it had staged is left.
    Failed,
    /// The process died while the handler ran.
    Unknown,
    /// It was too old.
    Expired,
    /// It was refused without running.
    Rejected,
}

impl CommandState {
    const ALL: [Self; 7] = [
        Self::Recorded,
        Self::Started,
        Self::Done,
        Self::Failed,
        Self::Unknown,
        Self::Expired,
        Self::Rejected,
    ];

    pub(super) fn number(self) -> i64 {
        self as i64
    }

    pub(super) fn of(number: i64) -> Self {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        // Something else in the file can only be damage: that command must not run.
        Self::ALL.get(index).copied().unwrap_or(Self::Unknown)
    }
}

/// How a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// One of the final states.
    pub state: CommandState,
    /// `ok`, or what went wrong.
    pub code: String,
    /// What is sent back.
    pub reply: Option<NewRow>,
}

/// What the end of a command left in the outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// Number of the reply.
    pub reply: Option<u64>,
    /// Numbers of the handler's messages.
    pub rows: Vec<u64>,
}

/// A command that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownCommand {
    /// Its number in the store.
    pub n: u64,
    /// How far it is.
    pub state: CommandState,
    /// What was sent back, ready to be sent again.
    pub reply: Option<NewRow>,
}

/// A flow that waits for its time.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// Its number in the store.
    pub n: u64,
    /// The flow.
    pub flow: String,
    /// Its params.
    pub args: Value,
    /// When it is due, on the clock of the boot that set it.
    pub due: Moment,
    /// It waits until this row has left the outbox.
    pub after_seq: Option<u64>,
}

/// When a schedule last began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// The run's start.
    pub start: Moment,
    /// The due time that it stood for, if it goes by the calendar: milliseconds since 1970.
    pub due_wall_ms: Option<i64>,
}

/// What happened to the store itself, for whoever watches the station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNews {
    /// The disk takes nothing: what comes now is kept in memory.
    Volatile {
        /// What the system said.
        why: String,
    },
    /// The disk takes it again.
    Restored {
        /// Rows that were brought over.
        rows: u64,
    },
    /// The file was broken; it was put aside and what could be read was kept. The store has a new id.
    Corrupt {
        /// Where the broken file is now.
        kept_as: PathBuf,
        /// Rows of the outbox that were kept.
        salvaged: u64,
    },
    /// Messages were dropped.
    Dropped {
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
        /// How many.
        count: u64,
        /// Why.
        reason: DropReason,
    },
}

/// Why messages were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Too many, or too large together.
    Full,
    /// Too old.
    Age,
}

impl DropReason {
    /// As the log calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Age => "age",
        }
    }
}

/// Why a store cannot be opened, or a call made no sense. A disk that fails later is no error: the store goes
/// on from memory and says so in [`StoreNews`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be used.
    #[error("cannot use the state directory `{path}`: {why}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// Another process has it.
    #[error("the state directory `{path}` is in use by process {pid}, which runs a station on `{port}`")]
    Busy {
        /// The folder.
        path: PathBuf,
        /// The other process.
        pid: String,
        /// The other station's port.
        port: String,
    },
    /// A newer atflow made it.
    #[error("`{path}` was written by a newer atflow (version {found} of the file, this one knows {known})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// Another program made it.
    #[error("`{path}` is a database of another program, and is left alone")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// `state` would be too large.
    #[error(
        "all values of `state` together would take {bytes} bytes; at most {} are kept",
        super::MAX_STATE_BYTES
    )]
    StateTooLarge {
        /// As JSON text.
        bytes: usize,
    },
    /// A command can begin only when it is recorded, and end only once.
    #[error("command {n} is not there, or is over already")]
    CommandOver {
        /// Its number.
        n: u64,
    },
    /// A row of the outbox that does not exist, or may not be touched.
    #[error("{0}")]
    Row(String),
    /// The database refused for a reason that does not lie in the disk.
    #[error("the store failed: {0}")]
    Sql(#[from] rusqlite::Error),
}
