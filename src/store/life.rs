//! The store's own life: opening, a process's beginning in it, idle time, closing.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use super::clock::Boots;
use super::disk::{self, Unfit};
use super::outbox::Tally;
use super::volatile::Volatile;
use super::write::{DiskFault, Durability};
use super::{
    Bounds, CommandState, Home, Life, MINUTE_MS, Place, Store, StoreError, kept, lock, salvage, schema,
};

/// Meta key that is there only while no process has the store.
const CLEAN: &str = "clean";
/// Meta key of the row that is being published.
pub(super) const IN_FLIGHT: &str = "in_flight";
/// Meta key that is there from a publish whose outcome is not known until one is known to have arrived.
pub(super) const UNSURE: &str = "unsure";
/// Its value when a process ended in the middle of it.
const CUT: &str = "cut";
/// Frames of the log after which idle time is used to bring them into the database file …
const CHECKPOINT_FRAMES: i64 = 256;
/// … or else after this time.
const CHECKPOINT_MS: i64 = 10 * MINUTE_MS;

impl Store {
    /// Opens the store in `folder`, for a station on `port`. What is in the folder never keeps it from opening:
    /// a broken file is put aside, and a disk that does not work is tried again later.
    ///
    /// # Errors
    ///
    /// The folder cannot be used, another process uses it, or a newer atflow or another program made the file.
    pub fn open(folder: &Path, port: &str, life: &Life) -> Result<Self, StoreError> {
        disk::make_folder(folder)?;
        let lock = lock::take(folder, port)?;
        let home = Home { folder: folder.to_path_buf(), _lock: lock };
        let mut store = Self::empty(Some(home), life)?;
        let id = store.fresh_id();
        let nothing_there = salvage::is_nothing_there(folder);
        let mut is_new = false;
        match salvage::open(folder, &id, false) {
            Ok((db, news)) => {
                is_new = nothing_there;
                store.db = db;
                store.news.extend(news);
            }
            Err(Unfit::Newer(found)) => {
                let path = disk::beside(folder, "");
                return Err(StoreError::Newer { path, found, known: schema::VERSION });
            }
            Err(Unfit::Foreign) => return Err(StoreError::Foreign { path: disk::beside(folder, "") }),
            Err(Unfit::Broken) => store.begin_blind("the file is broken and cannot be replaced")?,
            Err(Unfit::Unable(why)) => store.begin_blind(&why)?,
        }
        store.begin(life, is_new)?;
        Ok(store)
    }

    /// A store without a disk, for simulated runs.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub fn in_memory(life: &Life) -> Result<Self, StoreError> {
        let mut store = Self::empty(None, life)?;
        store.begin(life, true)?;
        Ok(store)
    }

    /// What the next process finds if this one dies now.
    ///
    /// # Errors
    ///
    /// As for [`Store::open`].
    pub fn crash(self, port: &str, life: &Life) -> Result<Self, StoreError> {
        if let Some(home) = &self.home {
            let folder = home.folder.clone();
            drop(self);
            return Self::open(&folder, port, life);
        }
        let mut next = Self::empty(None, life)?;
        next.db = match self.place {
            Place::Volatile(Volatile { disk: Some(disk), .. }) => disk,
            Place::Volatile(_) | Place::Kept => self.db,
        };
        next.begin(life, false)?;
        Ok(next)
    }

    /// What the next process finds if this one ends in order now.
    ///
    /// # Errors
    ///
    /// As for [`Store::open`].
    pub fn restart(mut self, port: &str, life: &Life) -> Result<Self, StoreError> {
        self.mark_clean();
        self.crash(port, life)
    }

    fn empty(home: Option<Home>, life: &Life) -> Result<Self, StoreError> {
        let mut store = Self {
            db: Connection::open_in_memory()?,
            place: Place::Kept,
            home,
            id: String::new(),
            chance: life.chance,
            now_ms: life.now_ms,
            news: Vec::new(),
            boots: Boots::default(),
            bounds: Bounds::default(),
            tally: Tally::default(),
            in_flight: None,
            state: std::collections::BTreeMap::new(),
            schedules: std::collections::BTreeMap::new(),
            interrupted: BTreeSet::new(),
            was_clean: false,
            was_publishing: false,
            synced_as: None,
            age_applied_ms: None,
            checkpointed_ms: life.now_ms,
            faults: None,
            meter: None,
            ledger: None,
        };
        if store.home.is_none() {
            let id = store.fresh_id();
            store.db = schema::in_memory(&id)?;
        }
        Ok(store)
    }

    /// A process begins to work with the store. Where it `is_new`, no process has left anything open.
    fn begin(&mut self, life: &Life, is_new: bool) -> Result<(), StoreError> {
        let first_boot = if self.is_volatile() { self.number_gap() } else { 0 };
        let boots = self.write(Durability::Promised, |tx| {
            let boots = Boots::begin(tx, &life.boot_id, first_boot)?;
            if tx.execute("DELETE FROM meta WHERE key = ?1", [IN_FLIGHT])? > 0 {
                tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", [UNSURE, CUT])?;
            }
            Ok(boots)
        })?;
        self.boots = boots;
        let (closed, unsure) = self.write(Durability::Promised, |tx| {
            let closed = tx.execute("DELETE FROM meta WHERE key = ?1", [CLEAN])? > 0;
            let question = "SELECT value FROM meta WHERE key = ?1";
            let unsure = tx.query_row(question, [UNSURE], |row| row.get::<_, String>(0)).optional()?;
            Ok((closed, unsure))
        })?;
        self.was_clean = (closed || is_new) && unsure.is_none();
        self.was_publishing = unsure.as_deref() == Some(CUT);
        self.reload()?;
        self.interrupted = self.read(|db| {
            let mut query = db.prepare("SELECT n FROM command WHERE state = ?1 ORDER BY n")?;
            let found = query.query_map([CommandState::Started.number()], |row| row.get::<_, i64>(0))?;
            found.map(|n| n.map(super::counted)).collect()
        })?;
        self.limit_file();
        Ok(())
    }

    /// Reads what is held in memory, too.
    pub(super) fn reload(&mut self) -> Result<(), StoreError> {
        self.id = self.read(|db| {
            let id = db.query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| row.get(0));
            Ok(id.optional()?.unwrap_or_default())
        })?;
        self.state = self.read(kept::load_state)?;
        self.schedules = self.read(kept::load_schedules)?;
        self.tally = self.read(Tally::count)?;
        Ok(())
    }

    /// For idle time: brings the log into the database file when it has grown or got old, and tries a disk
    /// that did not work.
    pub fn checkpoint_if_due(&mut self, now_ms: i64) {
        self.at(now_ms);
        if self.home.is_none() || self.is_volatile() {
            return;
        }
        let due = self.now_ms - self.checkpointed_ms >= CHECKPOINT_MS;
        let waiting = if due { Ok(i64::MAX) } else { frames(&self.db, "NOOP") };
        let done = waiting.and_then(|waiting| {
            if waiting > CHECKPOINT_FRAMES { frames(&self.db, "PASSIVE").map(|_| true) } else { Ok(false) }
        });
        match done {
            Ok(false) => {}
            Ok(true) => self.checkpointed_ms = self.now_ms,
            Err(error) => {
                self.count_error(&error);
                self.checkpointed_ms = self.now_ms;
                // A checkpoint that failed lost nothing: all of it is still in the log.
                if error.sqlite_error().is_some_and(|e| e.extended_code == DiskFault::Sync.code()) {
                    let _ = self.overcome(error, 0);
                }
            }
        }
    }

    /// Leaves the store in order: the next process knows that nothing was under way.
    pub fn close(mut self) {
        self.now_ms = i64::MAX;
        self.probe();
        self.mark_clean();
        if self.home.is_some() && !self.is_volatile() {
            let _ = frames(&self.db, "TRUNCATE");
        }
    }

    /// The next process knows that nothing was under way.
    fn mark_clean(&mut self) {
        let _ = self.write(Durability::Promised, |tx| {
            tx.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, '1')", [CLEAN])
        });
    }
}

/// Runs a checkpoint of this kind; says how many frames of the log are not in the database file.
fn frames(db: &Connection, kind: &str) -> rusqlite::Result<i64> {
    db.query_row(&format!("PRAGMA wal_checkpoint({kind})"), [], |row| {
        Ok(row.get::<_, i64>(1)?.saturating_sub(row.get::<_, i64>(2)?))
    })
}
