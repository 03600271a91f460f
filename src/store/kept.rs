//! What is small: values of `state`, timers, the last runs of schedules, single texts.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::schema::Parsed as _;
use super::write::Durability;
use super::{LastRun, Moment, NewTimer, Store, StoreError, Timer, counted, stored};

/// Most bytes of all values of `state` together, as JSON text with their names.
pub const MAX_STATE_BYTES: usize = 64 * 1024;

pub(super) fn load_state(db: &Connection) -> rusqlite::Result<BTreeMap<String, Value>> {
    let mut query = db.prepare_cached("SELECT key, value FROM state ORDER BY key")?;
    let found = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut state = BTreeMap::new();
    for entry in found {
        let (key, text): (String, String) = entry?;
        // A value that cannot be read is as if it had never been set.
        if let Ok(value) = serde_json::from_str(&text) {
            state.insert(key, value);
        }
    }
    Ok(state)
}

pub(super) fn put_state(db: &Connection, values: &[(String, Value)]) -> rusqlite::Result<()> {
    for (key, value) in values {
        db.run("INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)", params![key, value.to_string()])?;
    }
    Ok(())
}

pub(super) fn put_timers(
    db: &Connection,
    timers: &[NewTimer],
    boot: i64,
    after_seq: Option<u64>,
) -> rusqlite::Result<()> {
    for timer in timers {
        db.run(
            "INSERT INTO timer (flow, args, boot, due_ms, after_seq) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![timer.flow, timer.args.to_string(), boot, timer.due_ms, after_seq.map(stored)],
        )?;
    }
    Ok(())
}

pub(super) fn load_schedules(db: &Connection) -> rusqlite::Result<BTreeMap<String, LastRun>> {
    let mut query =
        db.prepare_cached("SELECT name, boot, start_ms, due_wall_ms FROM schedule ORDER BY name")?;
    let found = query.query_map([], |row| {
        let start = Moment { boot: row.get(1)?, mono_ms: row.get(2)? };
        Ok((row.get(0)?, LastRun { start, due_wall_ms: row.get(3)? }))
    })?;
    found.collect()
}

pub(super) fn put_schedule(db: &Connection, name: &str, run: &LastRun) -> rusqlite::Result<()> {
    db.run(
        "INSERT OR REPLACE INTO schedule (name, boot, start_ms, due_wall_ms) VALUES (?1, ?2, ?3, ?4)",
        params![name, run.start.boot, run.start.mono_ms, run.due_wall_ms],
    )?;
    Ok(())
}

fn read_timer(row: &rusqlite::Row<'_>) -> rusqlite::Result<Timer> {
    let args: String = row.get(2)?;
    let after: Option<i64> = row.get(5)?;
    Ok(Timer {
        n: counted(row.get(0)?),
        flow: row.get(1)?,
        args: serde_json::from_str(&args).unwrap_or(Value::Null),
        due: Moment { boot: row.get(3)?, mono_ms: row.get(4)? },
        after_seq: after.map(counted),
    })
}

impl Store {
    /// All values of `state` that were ever set.
    pub fn state(&self) -> &BTreeMap<String, Value> {
        &self.state
    }

    /// Whether these values may join `state`.
    ///
    /// # Errors
    ///
    /// It would be too large.
    pub fn fits_state(&self, new: &[(String, Value)]) -> Result<(), StoreError> {
        self.state_with(new).map(drop)
    }

    /// `state` as it will be.
    pub(super) fn state_with(&self, new: &[(String, Value)]) -> Result<BTreeMap<String, Value>, StoreError> {
        let mut state = self.state.clone();
        state.extend(new.iter().cloned());
        let bytes = state.iter().map(|(key, value)| key.len() + value.to_string().len()).sum();
        if bytes > MAX_STATE_BYTES && !new.is_empty() {
            return Err(StoreError::StateTooLarge { bytes });
        }
        Ok(state)
    }

    /// Flows that wait for their time, in the order they were asked for.
    pub fn timers(&mut self) -> Vec<Timer> {
        let found = self.read(|db| {
            let mut query =
                db.prepare_cached("SELECT n, flow, args, boot, due_ms, after_seq FROM timer ORDER BY n")?;
            let found = query.query_map([], read_timer)?;
            found.collect()
        });
        found.unwrap_or_default()
    }

    /// Forgets a timer before its flow runs: whatever happens, it does not run twice. `false` if it is not
    /// there, and must not run.
    ///
    /// # Errors
    ///
    /// Not because of the disk.
    pub fn start_timer(&mut self, n: u64) -> Result<bool, StoreError> {
        self.write(Durability::Promised, |tx| tx.run("DELETE FROM timer WHERE n = ?1", [stored(n)]))
            .map(|gone| gone > 0)
    }

    /// Forgets a timer that is too late.
    pub fn drop_timer(&mut self, n: u64) {
        self.repeatable(|tx| tx.run("DELETE FROM timer WHERE n = ?1", [stored(n)]));
    }

    /// When a schedule last began.
    pub fn schedule(&self, name: &str) -> Option<LastRun> {
        self.schedules.get(name).copied()
    }

    /// A schedule begins; `due_wall_ms` is the calendar's due time that the run stands for.
    pub fn schedule_started(&mut self, name: &str, now_ms: i64, due_wall_ms: Option<i64>) {
        self.at(now_ms);
        let run = LastRun { start: self.moment(now_ms), due_wall_ms };
        self.schedules.insert(name.to_string(), run);
        self.repeatable(|tx| put_schedule(tx, name, &run));
    }

    /// A text that was kept under a name.
    pub fn note(&mut self, key: &str) -> Option<String> {
        let key = noted(key);
        self.read(|db| db.first("SELECT value FROM meta WHERE key = ?1", [&key], |row| row.get(0)).optional())
            .ok()
            .flatten()
    }

    /// Keeps a text under a name, or forgets it. It survives the process, but perhaps not lost power.
    pub fn set_note(&mut self, key: &str, value: Option<&str>) {
        self.repeatable(|tx| put_note(tx, key, value));
    }
}

pub(super) fn put_note(db: &Connection, key: &str, value: Option<&str>) -> rusqlite::Result<()> {
    let key = noted(key);
    match value {
        Some(value) => {
            db.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)", params![key, value])?
        }
        None => db.run("DELETE FROM meta WHERE key = ?1", [&key])?,
    };
    Ok(())
}

/// Notes are kept apart from what the store notes for itself.
fn noted(key: &str) -> String {
    format!("note.{key}")
}
