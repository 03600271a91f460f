//! A look into a store from outside, also while a station works with it.
//!
//! A reader that stays would keep the log from being emptied, so everything is read at once and the file closed.
//! What is changed is changed in one short transaction, and never the row that is being published.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};

use super::clock::Boots;
use super::disk;
use super::life::IN_FLIGHT;
use super::schema::{APPLICATION_ID, VERSION};
use super::{Lane, Moment, StoreError, counted, lock, stored};

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// It waits.
    Outbox,
    /// It is being published.
    InFlight,
    /// It was refused for good.
    Dead,
}

impl Where {
    /// As people read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Outbox => "waits",
            Self::InFlight => "in flight",
            Self::Dead => "dead",
        }
    }
}

/// A row as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub seq: u64,
    /// Where it is.
    pub place: Where,
    /// Which queue.
    pub lane: Lane,
    /// Where it goes.
    pub topic: String,
    /// Of its payload.
    pub bytes: u64,
    /// Quality of service.
    pub qos: u8,
    /// What made it.
    pub source: String,
    /// Publishes that were begun for it.
    pub attempts: u32,
    /// What the last failed one said, or why it is dead.
    pub error: Option<String>,
    /// When it was made: milliseconds since 1970, if that is known.
    pub wall_ms: Option<i64>,
}

/// A look into the store of a folder.
#[derive(Clone, Debug)]
pub struct Visit {
    folder: PathBuf,
}

const SEEN: &str =
    "SELECT seq, lane, topic, length(payload), qos, source, attempts, error, boot, mono_ms, 0 AS dead
    FROM outbox UNION ALL SELECT seq, lane, topic, length(payload), qos, source, attempts,
    CASE WHEN error IS NULL THEN reason ELSE reason || ': ' || error END, boot, mono_ms, 1 FROM dead";

impl Visit {
    /// The store in this folder.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn to(folder: &Path) -> Result<Self, StoreError> {
        if disk::beside(folder, "").exists() {
            return Ok(Self { folder: folder.to_path_buf() });
        }
        Err(StoreError::Folder { path: folder.to_path_buf(), why: format!("there is no `{}`", disk::NAME) })
    }

    /// All rows, those that wait first.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<Seen>, StoreError> {
        let mut db = self.connect()?;
        // One transaction, so that no row is seen twice or never.
        let db = db.transaction()?;
        let (boots, in_flight) = (Boots::look(&db)?, self.in_flight(&db)?);
        let mut query = db.prepare(&format!("{SEEN} ORDER BY dead, seq"))?;
        let found = query.query_map([], |row| read_seen(row, &boots, in_flight))?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// One row, with its payload.
    ///
    /// # Errors
    ///
    /// It is not there, or the file cannot be read.
    pub fn show(&self, seq: u64) -> Result<(Seen, Vec<u8>), StoreError> {
        let mut db = self.connect()?;
        let db = db.transaction()?;
        let (boots, in_flight) = (Boots::look(&db)?, self.in_flight(&db)?);
        let seen = db
            .query_row(
                &format!("SELECT * FROM ({SEEN}) WHERE seq = ?1 ORDER BY dead"),
                [stored(seq)],
                |row| read_seen(row, &boots, in_flight),
            )
            .optional()?
            .ok_or_else(|| no_row(seq))?;
        let table = if seen.place == Where::Dead { "dead" } else { "outbox" };
        let question = format!("SELECT payload FROM {table} WHERE seq = ?1");
        let payload = db.query_row(&question, [stored(seq)], |row| row.get(0))?;
        Ok((seen, payload))
    }

    /// Puts a dead row into the outbox again, under a new number; its source says the old one.
    ///
    /// # Errors
    ///
    /// It is not dead, or the file cannot be written.
    pub fn retry(&self, seq: u64) -> Result<u64, StoreError> {
        let mut db = self.connect()?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let new = tx
            .query_row(
                "INSERT INTO outbox (lane, topic, qos, retain, payload, boot, mono_ms, source)
                 SELECT lane, topic, qos, retain, payload, boot, mono_ms, source || ', retry of ' ||
                 (SELECT value FROM meta WHERE key = 'store_id') || '-' || seq
                 FROM dead WHERE seq = ?1 ORDER BY seq RETURNING seq",
                [stored(seq)],
                |row| row.get(0).map(counted),
            )
            .optional()?;
        let Some(new) = new else {
            let waits = exists(&tx, seq)?;
            return Err(if waits {
                StoreError::Row(format!("row {seq} still waits; it is sent without being asked for"))
            } else {
                no_row(seq)
            });
        };
        tx.execute("DELETE FROM dead WHERE seq = ?1", [stored(seq)])?;
        tx.commit()?;
        Ok(new)
    }

    /// Deletes a row, waiting or dead.
    ///
    /// # Errors
    ///
    /// It is not there, or is being published, or the file cannot be written.
    pub fn drop_row(&self, seq: u64) -> Result<(), StoreError> {
        let mut db = self.connect()?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.in_flight(&tx)? == Some(seq) {
            return Err(StoreError::Row(format!("row {seq} is being published; try again in a moment")));
        }
        let gone = tx.execute("DELETE FROM outbox WHERE seq = ?1", params![stored(seq)])?
            + tx.execute("DELETE FROM dead WHERE seq = ?1", params![stored(seq)])?;
        if gone == 0 {
            return Err(no_row(seq));
        }
        tx.commit()?;
        Ok(())
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let path = disk::beside(&self.folder, "");
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // A station's commit takes a moment on slow flash.
        db.execute_batch("PRAGMA busy_timeout=5000; PRAGMA trusted_schema=OFF; PRAGMA synchronous=FULL;")?;
        let number = |pragma: &str| db.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        if number("application_id")? != APPLICATION_ID {
            let why = format!("`{}` is no store of a station", disk::NAME);
            return Err(StoreError::Folder { path: self.folder.clone(), why });
        }
        let found = number("user_version")?;
        if found > VERSION {
            return Err(StoreError::Newer { path, found, known: VERSION });
        }
        Ok(db)
    }

    /// The row that is being published, if a station runs: one that died may have left its mark.
    fn in_flight(&self, db: &Connection) -> rusqlite::Result<Option<u64>> {
        if !lock::is_taken(&self.folder) {
            return Ok(None);
        }
        let question = "SELECT value FROM meta WHERE key = ?1";
        let text = db.query_row(question, [IN_FLIGHT], |row| row.get::<_, String>(0)).optional()?;
        Ok(text.and_then(|text| text.parse().ok()))
    }
}

fn no_row(seq: u64) -> StoreError {
    StoreError::Row(format!("there is no row {seq}; `atflow outbox list` shows all"))
}

fn exists(db: &Connection, seq: u64) -> rusqlite::Result<bool> {
    db.query_row("SELECT EXISTS (SELECT 1 FROM outbox WHERE seq = ?1)", [stored(seq)], |row| row.get(0))
}

fn read_seen(row: &rusqlite::Row<'_>, boots: &Boots, in_flight: Option<u64>) -> rusqlite::Result<Seen> {
    let seq = counted(row.get(0)?);
    let dead: bool = row.get(10)?;
    let place = match (dead, in_flight == Some(seq)) {
        (true, _) => Where::Dead,
        (false, true) => Where::InFlight,
        (false, false) => Where::Outbox,
    };
    Ok(Seen {
        seq,
        place,
        lane: Lane::of(row.get(1)?),
        topic: row.get(2)?,
        bytes: counted(row.get(3)?),
        qos: row.get(4)?,
        source: row.get(5)?,
        attempts: row.get(6)?,
        error: row.get(7)?,
        wall_ms: boots.wall_of(Moment { boot: row.get(8)?, mono_ms: row.get(9)? }),
    })
}
