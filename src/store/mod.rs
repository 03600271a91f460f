//! What a station keeps over restarts: the outbox, commands, timers, the last runs of schedules, `state` and
//! what it knows about time. One `SQLite` file in a folder of the station's own.
//!
//! The store has no clock and no chance of its own: every call is given the time, and a new store's name comes
//! from [`Life::chance`]. What is promised to somebody is synced before the call returns; what may be repeated
//! after lost power is not ([`Durability`]).
//!
//! **The disk may fail.** A full disk first costs old reports, where the bounds allow that. When that does not
//! help, the store goes on in memory, with the same tables, and tries the disk again once a minute. A file that
//! is broken is put aside and what can be read of it is kept. None of it is an error to the station; it is told
//! as [`StoreNews`].
//!
//! Open first: [`types`](self) for what goes in and out, `write.rs` for transactions, `outbox.rs` and
//! `commands.rs` for what they do, `volatile.rs` and `salvage.rs` for bad days.

mod bounds;
mod clock;
mod commands;
mod disk;
mod kept;
mod ledger;
mod life;
mod lock;
mod meter;
mod outbox;
mod salvage;
mod schema;
mod types;
mod visit;
mod volatile;
mod write;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use crate::chance::Chance;

pub use kept::MAX_STATE_BYTES;
pub use ledger::{Ended, Enqueued, Ledger, SharedLedger};
pub use meter::{Meter, Work};
pub use types::{
    Bounds, CommandEnd, CommandState, Counts, DropPolicy, DropReason, Finished, KnownCommand, Lane, LastRun,
    Life, Moment, NewCommand, NewEffects, NewRow, NewTimer, Recorded, Row, StoreError, StoreNews, Timer,
};
pub use visit::{Seen, Visit, Where};
pub use write::{DiskFault, DiskFaults, Durability};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A station's store.
pub struct Store {
    /// Where everything is written: the disk, or memory while the disk does not work.
    db: Connection,
    place: Place,
    /// `None`: a simulated run, whose disk is memory.
    home: Option<Home>,
    id: String,
    chance: u64,
    /// The latest time that any call gave.
    now_ms: i64,
    news: Vec<StoreNews>,
    boots: clock::Boots,
    bounds: Bounds,
    tally: outbox::Tally,
    in_flight: Option<u64>,
    state: BTreeMap<String, Value>,
    schedules: BTreeMap<String, LastRun>,
    /// Commands that were running when the last process ended.
    interrupted: BTreeSet<u64>,
    was_clean: bool,
    was_publishing: bool,
    synced_as: Option<Durability>,
    age_applied_ms: Option<i64>,
    checkpointed_ms: i64,
    faults: Option<DiskFaults>,
    meter: Option<Box<dyn Meter>>,
    ledger: Option<SharedLedger>,
}

/// The folder, and the lock on it.
struct Home {
    folder: PathBuf,
    _lock: File,
}

/// Whether `db` is what it should be.
enum Place {
    /// It is.
    Kept,
    /// It is memory, because the disk does not work.
    Volatile(volatile::Volatile),
}

impl Store {
    /// What the store is called; with a row's number it makes an id that no other report ever has.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What happened to the store since the last call.
    pub fn take_news(&mut self) -> Vec<StoreNews> {
        std::mem::take(&mut self.news)
    }

    /// Whether what comes now is lost with the process: nothing dangerous should begin.
    pub fn is_volatile(&self) -> bool {
        matches!(self.place, Place::Volatile(_))
    }

    /// Whether there is no disk at all: it was opened for a simulated run, in memory.
    pub fn is_nowhere(&self) -> bool {
        self.home.is_none()
    }

    /// Whether the last process that had the store closed it, and knew what became of all that it published. No
    /// process had a new one.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Whether a process ended in the middle of a publish, and none has succeeded since: the module may still
    /// wait for the rest of it.
    pub fn was_publishing(&self) -> bool {
        self.was_publishing
    }

    /// How much the outbox may hold from now on.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
        self.limit_file();
    }

    fn limit_file(&mut self) {
        if !self.is_volatile() {
            // At worst the old limit stays in force; the rows are counted anyway.
            let _ = disk::limit_pages(&self.db, &self.bounds);
        }
    }

    /// Takes the time; if the disk did not work, it is tried again when it is time to.
    fn at(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.probe();
    }

    /// The next number of this process's chance. The first is the one it was given.
    fn draw(&mut self) -> u64 {
        let next = Chance::new(self.chance).draw();
        std::mem::replace(&mut self.chance, next)
    }

    fn fresh_id(&mut self) -> String {
        format!("{:016x}", self.draw())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("id", &self.id)
            .field("volatile", &self.is_volatile())
            .finish_non_exhaustive()
    }
}

/// Numbers are `i64` in the file and never negative.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way round.
fn counted(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The version of `SQLite` that is compiled in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
