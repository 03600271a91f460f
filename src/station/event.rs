//! What a station tells whoever watches it: console, JSON log, metrics and tests. Every text in a happening
//! has passed the secret mask. Names and fields are the log's, so they are as stable as the language.

use std::time::Duration;

use serde::Serialize;

use crate::link::Mono;
use crate::run::event::Observer;

/// Something that happened to a station. As JSON it is a map whose `event` is its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Happening {
    /// It begins.
    StationStarted {
        /// The station's name.
        name: String,
        /// The dialect's name.
        module: String,
        /// As the user wrote it.
        port: String,
        /// Of the program.
        version: String,
        /// Of its store.
        store_id: String,
        /// Rows that wait from earlier runs.
        outbox_rows: u64,
    },
    /// It was told to stop, or its time is over.
    StationStopping {
        /// `signal`, `time`.
        why: String,
    },
    /// It ended.
    StationStopped(Summary),
    /// The file was read again and is in force.
    ReloadOk,
    /// The file was read again and has errors; the old one stays.
    ReloadFailed {
        /// The problems, as `check` prints them.
        error: String,
    },

    /// The link is in another state.
    LinkState {
        /// Before.
        from: LinkState,
        /// Now.
        to: LinkState,
        /// The highest level of `link.up` that holds, 0 for none.
        level: usize,
        /// Why, if it was lost.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// Until the next step of the recovery; 0 when it follows at once, or none does.
        pause_ms: u64,
    },
    /// A step of the recovery begins.
    RungStarted {
        /// A level of `link.up`, an entry of `link.reset`, or `wait`.
        rung: String,
        /// Which try of it, from 1.
        attempt: u32,
    },
    /// A step of the recovery is over.
    RungFinished {
        /// Its name.
        rung: String,
        /// Which try of it, from 1.
        attempt: u32,
        /// Whether it passed.
        ok: bool,
        /// Of the failure: `AT1002`.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Why it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// On the station's clock.
        took_ms: u64,
        /// Until the next step of the recovery; 0 when none follows.
        pause_ms: u64,
    },
    /// The link was asked whether it still holds.
    Check {
        /// It does.
        ok: bool,
        /// On the station's clock.
        took_ms: u64,
    },
    /// The module restarted.
    Reboot {
        /// A command of ours made it.
        expected: bool,
        /// What told it.
        evidence: String,
    },
    /// Three restarts that nobody asked for in ten minutes: it is left alone for a while.
    Brownout,
    /// The port vanished.
    PortGone {
        /// What the system said.
        what: String,
    },
    /// The port is back.
    PortFound,
    /// The module may be swallowing everything as data; nothing is sent until it restarts.
    QuarantineEntered,
    /// It listens again.
    QuarantineLeft,
    /// A message's length did not fit what came.
    FrameMismatch {
        /// What its header said.
        declared: usize,
        /// What seems to have come.
        seen: usize,
    },

    /// A run begins.
    JobStarted {
        /// What it is for.
        kind: JobKind,
        /// Of the schedule, event, handler or flow.
        name: String,
        /// Counts the runs of this process.
        run: u64,
        /// How long it was due before it began.
        late_ms: u64,
    },
    /// A run is over.
    JobFinished {
        /// What it was for.
        kind: JobKind,
        /// Of the schedule, event, handler or flow.
        name: String,
        /// As when it began.
        run: u64,
        /// `ok`, or the error's name.
        outcome: String,
        /// Of the failure: `AT1001`.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// Why it failed, in one line.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// On the station's clock.
        took_ms: u64,
    },
    /// A run that was due did not begin.
    JobSkipped {
        /// What it would have been for.
        kind: JobKind,
        /// Of the schedule or event.
        name: String,
        /// `waits` and `overlap`: the last one has not begun, or had not ended. `full`: too many wait.
        reason: String,
    },
    /// Due times passed while the station was away or busy, or the clock jumped over them.
    ScheduleMissed {
        /// Of the schedule.
        name: String,
        /// How many; a jump of years is counted up to a thousand.
        count: u64,
        /// What becomes of them: `once`, one run makes up for all; `skip`, none does.
        policy: String,
    },
    /// A `cron` schedule waits until the clock can be trusted.
    ScheduleHeld {
        /// Of the schedule.
        name: String,
    },

    /// A message is on disk.
    ReportQueued {
        /// Its number in the outbox.
        seq: u64,
        /// Where it goes.
        topic: String,
        /// Of its payload.
        bytes: u64,
        /// Which queue.
        lane: LaneName,
        /// Of the schedule, event, handler or flow that made it.
        source: String,
    },
    /// A message is with the cloud.
    ReportSent {
        /// Its number in the outbox.
        seq: u64,
        /// Where it went.
        topic: String,
        /// Of its payload.
        bytes: u64,
        /// Which queue.
        lane: LaneName,
        /// Quality of service.
        qos: u8,
        /// Publishes that were begun for it, this one included.
        attempts: u32,
        /// From when it was made; on the store's clock.
        age_ms: u64,
        /// An earlier publish of it may have arrived.
        duplicate_possible: bool,
    },
    /// A message was not taken, for a reason that lies in itself.
    ReportRefused {
        /// Its number in the outbox.
        seq: u64,
        /// What the module said.
        error: String,
    },
    /// A message was refused for good; `atflow outbox` shows it.
    ReportDead {
        /// Its number in the outbox.
        seq: u64,
        /// What the module said.
        error: String,
    },
    /// Messages were dropped because the outbox was full or they were too old.
    ReportDropped {
        /// Number of the first.
        first: u64,
        /// Number of the last.
        last: u64,
        /// How many.
        count: u64,
        /// `full`, `age`.
        reason: String,
    },

    /// A command came and is on disk.
    CommandReceived {
        /// Its number in the store.
        n: u64,
        /// Its key.
        id: String,
        /// The method it calls.
        method: String,
    },
    /// A command came again.
    CommandDuplicate {
        /// Of the first one.
        n: u64,
        /// Its key.
        id: String,
        /// Its reply is sent again.
        reply_again: bool,
    },
    /// A message on the command topic that is no command, or one too many.
    CommandRejected {
        /// `bad_json`, `too_large`, `bad_id`, `busy`, …
        code: String,
        /// The method, if it is known.
        method: String,
        /// Why.
        why: String,
        /// For how many such messages it stands: 1, but where a log sums them up.
        count: u64,
        /// Whoever sent it, or one of them, gets a reply.
        reply: bool,
    },
    /// A handler begins.
    CommandStarted {
        /// Its number in the store.
        n: u64,
        /// The method.
        method: String,
    },
    /// A command is dealt with.
    CommandFinished {
        /// Its number in the store.
        n: u64,
        /// The method.
        method: String,
        /// `ok`, or what the reply says went wrong.
        code: String,
        /// On the station's clock.
        took_ms: u64,
        /// Messages, values of `state` and timers that it left.
        effects: u64,
        /// Whoever sent it gets a reply.
        reply: bool,
    },
    /// A flow will run later.
    TimerSet {
        /// The flow.
        flow: String,
        /// From now.
        in_ms: u64,
    },
    /// It runs now.
    TimerFired {
        /// The flow.
        flow: String,
    },
    /// It is too late for it.
    TimerDropped {
        /// The flow.
        flow: String,
        /// Why.
        why: String,
    },
    /// A value of `state` is another one.
    StateSet {
        /// Its name.
        name: String,
        /// As JSON text.
        value: String,
    },

    /// The disk takes nothing: what comes now is kept in memory.
    StoreVolatile {
        /// What the system said.
        why: String,
    },
    /// The disk takes it again.
    StoreRestored {
        /// Rows that were brought over.
        rows: u64,
    },
    /// The file was broken; it was put aside and what could be read was kept.
    StoreCorrupt {
        /// Where the broken file is now.
        kept_as: String,
        /// Rows that were kept.
        salvaged: u64,
    },
    /// The clock became better known, or was corrected.
    ClockSet {
        /// 0 (nothing known) to 4 (synchronised).
        quality: u8,
        /// By how much it moved.
        step_ms: i64,
    },
    /// More bytes went over the network today than `outbox.bytes_per_day`.
    BudgetWarning {
        /// So far today.
        bytes: u64,
        /// What was planned.
        budget: u64,
    },
    /// A `log` of a flow or a handler.
    Log {
        /// The text.
        text: String,
    },
}

/// Where the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// The port is not there.
    Absent,
    /// The bottom of `link.up` has not passed since the start, a restart or the loss of the port.
    Down,
    /// Some levels hold.
    Climbing,
    /// All levels hold.
    Online,
    /// All levels hold, and a publish failed: it is being checked.
    Degraded,
    /// It was lost; the recovery is under way.
    Recovering,
    /// Everything was tried; it is left alone for a while.
    Waiting,
    /// Nothing may be sent: the module may be in data mode.
    Quarantined,
    /// The end.
    Stopped,
}

impl LinkState {
    /// As the log and the metrics call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Down => "down",
            Self::Climbing => "climbing",
            Self::Online => "online",
            Self::Degraded => "degraded",
            Self::Recovering => "recovering",
            Self::Waiting => "waiting",
            Self::Quarantined => "quarantined",
            Self::Stopped => "stopped",
        }
    }

    /// Whether all levels hold.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Online | Self::Degraded)
    }

    /// All of them, in the order of the metrics.
    pub const ALL: [Self; 9] = [
        Self::Absent,
        Self::Down,
        Self::Climbing,
        Self::Online,
        Self::Degraded,
        Self::Recovering,
        Self::Waiting,
        Self::Quarantined,
        Self::Stopped,
    ];
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// An entry of `schedule`.
    Schedule,
    /// An entry of `events`.
    Event,
    /// A command's handler.
    Command,
    /// What `after(…)` asked for.
    Timer,
}

impl JobKind {
    /// As the log and the metrics call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Event => "event",
            Self::Command => "command",
            Self::Timer => "timer",
        }
    }
}

/// Which queue of the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LaneName {
    /// Replies to commands.
    Reply,
    /// What events and handlers publish.
    Event,
    /// What schedules publish.
    Report,
}

impl LaneName {
    /// As the log and the metrics call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Event => "event",
            Self::Report => "report",
        }
    }
}

/// What came of it all, told at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How long it ran, on its own clock.
    pub took_ms: u64,
    /// Reports that are with the cloud.
    pub reports_sent: u64,
    /// Events and handlers' messages that are with the cloud.
    pub events_sent: u64,
    /// Replies that are with the cloud.
    pub replies_sent: u64,
    /// Publishes that may have been repeats.
    pub duplicates_possible: u64,
    /// Reports that were dropped or are dead.
    pub reports_lost: u64,
    /// Rows that still wait and are on disk.
    pub outbox_rows: u64,
    /// Rows that were only in memory, because the disk took nothing, and are gone.
    pub rows_in_memory: u64,
    /// There was no disk: a simulated run that keeps nothing.
    pub kept_nowhere: bool,
    /// The store was broken and began anew: nobody knows how much it had lost.
    pub store_was_broken: bool,
    /// Handlers that ran, or were refused with a reply.
    pub commands_answered: u64,
    /// Runs of schedules, events and timers that passed.
    pub runs_passed: u64,
    /// Those that failed.
    pub runs_failed: u64,
    /// Those that were due and did not begin, because the last one had not ended or too many waited.
    pub runs_skipped: u64,
    /// Due times that passed without a run, while the station was away or busy, or the clock jumped over them.
    pub runs_missed: u64,
    /// How often the link was lost.
    pub link_lost: u64,
    /// How often it came back.
    pub link_recovered: u64,
    /// What is wrong with the transcript, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transcript_problem: Option<String>,
}

/// When something was made, perhaps before the station began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// On the station's clock.
    pub at: Mono,
    /// How long before the beginning of that clock; zero if after it.
    pub before: Duration,
}

impl Made {
    /// How old it is.
    pub fn age(self, now: Mono) -> Duration {
        now.since(self.at) + self.before
    }
}

/// How things stand, for a status line and for gauges. Told whenever something of it changed, at most at
/// every boundary between two runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Where the link is.
    pub link: LinkState,
    /// The highest level that holds, and how many there are.
    pub level: (usize, usize),
    /// When the link is tried next, if it is left alone until then.
    pub next_try: Option<Mono>,
    /// The last signal strength that a line `+CSQ` told, in dBm.
    pub signal_dbm: Option<i64>,
    /// When the last report was with the cloud.
    pub last_report: Option<Mono>,
    /// Rows that wait, by lane: reply, event, report.
    pub outbox_rows: [u64; 3],
    /// Of all payloads that wait.
    pub outbox_bytes: u64,
    /// When the oldest row that waits was made.
    pub oldest_row: Option<Made>,
    /// Rows that were refused for good.
    pub dead_rows: u64,
    /// What is due next, and when.
    pub next_run: Option<(String, Mono)>,
    /// The store works from memory.
    pub store_volatile: bool,
    /// 0 to 4.
    pub clock_quality: u8,
    /// Bytes over the network since midnight (UTC), or since the start while the date is not known.
    pub network_bytes_today: u64,
    /// Of the store's write-ahead log.
    pub wal_bytes: u64,
    /// Bytes over the port since the start: in, out.
    pub serial_bytes: (u64, u64),
}

/// Work that is only counted: far too much of it for a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A message was published, or that was tried.
    Publish {
        /// On the station's clock.
        began: Mono,
        /// After it was due.
        late: Duration,
        /// On the station's clock.
        took: Duration,
    },
    /// The store has written something.
    Transaction {
        /// How far it was synced: `full`, `normal`; `none` in memory, while the disk does not work.
        sync: &'static str,
        /// On the station's clock.
        took: Duration,
    },
    /// The disk refused something, or gave back what it should not.
    StoreError {
        /// `full`, `busy`, `io`, `corrupt`, `other`.
        kind: &'static str,
    },
}

/// Somebody who watches a station. The steps of its runs are told to it as an [`Observer`].
pub trait Watcher: Observer {
    /// Something happened; `at` is the station's clock.
    fn happened(&mut self, at: Mono, happening: &Happening);
    /// How things stand now.
    fn status(&mut self, at: Mono, status: &Status);
    /// Work was done that is only counted.
    fn worked(&mut self, _work: &Work) {}
    /// How long a status may be old, because somebody looks at it; the loop tells it again when it is idle.
    fn status_every(&self) -> Option<Duration> {
        None
    }
}
