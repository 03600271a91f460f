//! While the disk does not work: the same tables in memory, until it does again.
//!
//! Rows of the outbox stay where they are. One that is touched is brought over first and counts as `taken`: when
//! the disk is back, memory says what becomes of it. New rows get numbers far above those on the disk. If the
//! process dies they are gone, and the disk would give their numbers out again to others: to a cloud that drops
//! repeats, fresh reports would look like repeats.

use std::collections::BTreeSet;

use rusqlite::config::DbConfig;
use rusqlite::{
    Connection, OptionalExtension as _, Transaction, TransactionBehavior, params, params_from_iter,
};

use super::clock::Boots;
use super::disk::Unfit;
use super::salvage::{self, copy, raise_sequence, sequences};
use super::schema::{self, BOOT, COMMAND, DEAD, META, OUTBOX, SCHEDULE, STATE, TIMER};
use super::write::{Durability, Trouble, trouble};
use super::{MINUTE_MS, Place, Row, Store, StoreError, StoreNews, counted, kept, outbox, stored};

/// Added to all numbers when the file's own are not known.
const BLIND: i64 = 1 << 40;
/// How often the disk is tried.
const PROBE_MS: i64 = MINUTE_MS;

/// The disk that does not work.
pub(super) struct Volatile {
    /// The file, if it can still be read.
    pub(super) disk: Option<Connection>,
    /// Rows of the file that memory decides about.
    taken: BTreeSet<u64>,
    /// Whether memory began with the small tables of the file.
    knows_file: bool,
    /// The file itself was not synced: it is to be replaced.
    distrusted: bool,
    next_probe_ms: i64,
}

impl Store {
    /// Goes on in memory, with what the file says of everything but the outbox.
    pub(super) fn go_volatile(&mut self, why: &str) -> Result<(), StoreError> {
        let memory = schema::in_memory(&self.id)?;
        if fill(&memory, &self.db).is_err() {
            return self.blind(why, false);
        }
        let disk = std::mem::replace(&mut self.db, memory);
        self.settle_in_memory(Some(disk), true, false, why)
    }

    fn settle_in_memory(
        &mut self,
        disk: Option<Connection>,
        knows_file: bool,
        distrusted: bool,
        why: &str,
    ) -> Result<(), StoreError> {
        let gap = self.number_gap() + if knows_file { 0 } else { BLIND };
        let given = disk.as_ref().map(sequences).unwrap_or_default();
        for table in ["outbox", "command", "timer"] {
            let highest = given.iter().find(|(name, _)| name == table).map_or(0, |(_, highest)| *highest);
            raise_sequence(&self.db, table, highest.saturating_add(gap))?;
        }
        let next_probe_ms = self.now_ms.saturating_add(PROBE_MS);
        let taken = BTreeSet::new();
        self.place = Place::Volatile(Volatile { disk, taken, knows_file, distrusted, next_probe_ms });
        self.synced_as = None;
        self.news.push(StoreNews::Volatile { why: why.to_string() });
        Ok(())
    }

    /// Begins without having seen the file.
    pub(super) fn begin_blind(&mut self, why: &str) -> Result<(), StoreError> {
        self.id = self.fresh_id();
        self.blind(why, false)
    }

    /// Goes on in memory, knowing of the file only what this process remembers.
    pub(super) fn blind(&mut self, why: &str, distrusted: bool) -> Result<(), StoreError> {
        self.db = self.blind_memory()?;
        self.settle_in_memory(None, false, distrusted, why)
    }

    fn blind_memory(&self) -> rusqlite::Result<Connection> {
        let memory = schema::in_memory(&self.id)?;
        self.put_remembered(&memory)?;
        Ok(memory)
    }

    /// Writes down what this process knows without the file.
    fn put_remembered(&self, db: &Connection) -> rusqlite::Result<()> {
        self.boots.put(db)?;
        let state: Vec<_> = self.state.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        kept::put_state(db, &state)?;
        self.schedules.iter().try_for_each(|(name, run)| kept::put_schedule(db, name, run))
    }

    /// How far the numbers in memory stand from those on the disk.
    pub(super) fn number_gap(&mut self) -> i64 {
        let chance = i64::try_from(self.draw() & 0x3FFF_FFFF).unwrap_or(0);
        (1 << 20) + chance
    }

    /// Replaces the file, which is broken or was not synced. The id changes with it.
    pub(super) fn replace_file(&mut self, why: &str) -> Result<(), StoreError> {
        let id = self.fresh_id();
        let old = std::mem::replace(&mut self.db, Connection::open_in_memory()?);
        self.synced_as = None;
        let opened = match &self.home {
            Some(home) => {
                // The log stays as it is: what the disk has of it may be better than what memory has.
                let _ = old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
                drop(old);
                salvage::open(&home.folder, &id, true)
            }
            None => salvage::in_memory(&old, &id),
        };
        match opened {
            Ok((db, news)) => {
                self.db = db;
                self.news.extend(news);
                self.put_remembered(&self.db)?;
                self.limit_file();
                self.reload()
            }
            Err(_) => self.blind(why, true),
        }
    }

    /// Tries the disk a last time. How many rows are only in memory, and gone with the process.
    pub fn unsaved(&mut self) -> u64 {
        if let Place::Volatile(volatile) = &mut self.place {
            volatile.next_probe_ms = self.now_ms;
        }
        self.probe();
        let Place::Volatile(volatile) = &self.place else { return 0 };
        let here = self.db.prepare("SELECT seq FROM outbox ORDER BY seq").and_then(|mut query| {
            let found = query.query_map([], |row| row.get(0).map(counted))?;
            found.collect::<rusqlite::Result<Vec<u64>>>()
        });
        // What was brought over from the disk is still there, too.
        here.unwrap_or_default().iter().filter(|seq| !volatile.taken.contains(seq)).count() as u64
    }

    /// The first row behind `after` that is on the disk, and that memory does not decide about.
    pub(super) fn next_on_disk(&mut self, urgent: bool, after: u64) -> Option<Row> {
        let Place::Volatile(volatile) = &mut self.place else { return None };
        let disk = volatile.disk.as_ref()?;
        let found = outbox::next_row_but(disk, urgent, after, &volatile.taken);
        if found.is_err() {
            volatile.disk = None;
        }
        found.ok().flatten()
    }

    /// Brings a row over from the disk before it is touched.
    pub(super) fn bring(&mut self, seq: u64) {
        let Place::Volatile(volatile) = &mut self.place else { return };
        let Some(disk) = volatile.disk.as_ref().filter(|_| !volatile.taken.contains(&seq)) else { return };
        let select = format!("SELECT {} FROM outbox WHERE seq = ?1", OUTBOX.columns.join(","));
        let found = disk.query_row(&select, [stored(seq)], |row| salvage::values(row, &OUTBOX)).optional();
        if let Ok(Some(values)) = found
            && self.db.execute(&OUTBOX.insert("REPLACE"), params_from_iter(values)).is_ok()
        {
            volatile.taken.insert(seq);
        }
    }

    /// Tries the disk, if it is time to.
    pub(super) fn probe(&mut self) {
        let now_ms = self.now_ms;
        let Place::Volatile(volatile) = &mut self.place else { return };
        if now_ms < volatile.next_probe_ms {
            return;
        }
        volatile.next_probe_ms = now_ms.saturating_add(PROBE_MS);
        let fault = self.faults.as_mut().and_then(|faults| faults(Durability::Promised));
        if fault.is_none() {
            self.restore();
        }
    }

    /// Brings everything from memory to the disk, in one transaction. If that fails, all stays as it was.
    fn restore(&mut self) {
        let id = self.fresh_id();
        let Place::Volatile(volatile) = &mut self.place else { return };
        let kept = volatile.disk.take().filter(|_| !volatile.distrusted);
        let opened = match (kept, &self.home) {
            (Some(disk), _) => Ok((disk, None)),
            (None, Some(home)) => salvage::open(&home.folder, &id, volatile.distrusted),
            (None, None) => schema::in_memory(&id).map(|db| (db, None)).map_err(Unfit::from),
        };
        let Ok((mut disk, news)) = opened else { return };
        if news.is_some() {
            volatile.distrusted = false;
        }
        self.news.extend(news);
        match merge(&self.db, &mut disk, volatile, &self.boots) {
            Ok(merged) => self.back_on_disk(disk, merged),
            Err(error) => match trouble(&error) {
                Trouble::Full | Trouble::Busy => volatile.disk = Some(disk),
                Trouble::Broken => volatile.distrusted = true,
                Trouble::Unable | Trouble::Other => {}
            },
        }
    }

    fn back_on_disk(&mut self, disk: Connection, merged: Merged) {
        let memory = std::mem::replace(&mut self.db, disk);
        let place = std::mem::replace(&mut self.place, Place::Kept);
        let read = self
            .boots
            .read_again(&self.db, merged.boot)
            .map_err(StoreError::from)
            .and_then(|()| self.reload());
        self.synced_as = None;
        if read.is_err() && !self.is_volatile() {
            // It failed again between two statements; memory still has everything.
            self.db = memory;
            self.place = place;
            return;
        }
        self.interrupted.extend(merged.interrupted);
        self.limit_file();
        self.news.push(StoreNews::Restored { rows: merged.rows });
    }
}

/// Copies the tables that are small.
fn fill(memory: &Connection, disk: &Connection) -> rusqlite::Result<()> {
    for table in [&BOOT, &META, &COMMAND, &TIMER, &SCHEDULE, &STATE] {
        copy(disk, memory, table)?;
    }
    Ok(())
}

/// What came of bringing memory to the disk.
struct Merged {
    rows: u64,
    /// The number of this boot on the disk.
    boot: i64,
    /// Commands that an earlier process had begun, seen only now.
    interrupted: Vec<u64>,
}

fn merge(
    memory: &Connection,
    disk: &mut Connection,
    from: &Volatile,
    boots: &Boots,
) -> rusqlite::Result<Merged> {
    disk.execute_batch("PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;")?;
    let tx = disk.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let boot = one_boot(memory, &tx, boots)?;
    let interrupted = if from.knows_file { Vec::new() } else { begun(&tx)? };
    copy(memory, &tx, &BOOT)?;
    for seq in &from.taken {
        tx.execute("DELETE FROM outbox WHERE seq = ?1", [stored(*seq)])?;
    }
    let rows = copy(memory, &tx, &OUTBOX)?;
    let forgotten =
        if from.knows_file { "key <> 'store_id'" } else { "key IN ('clean', 'in_flight', 'unsure')" };
    tx.execute(&format!("DELETE FROM meta WHERE {forgotten}"), [])?;
    memory.execute("DELETE FROM meta WHERE key = 'store_id'", [])?;
    if from.knows_file {
        tx.execute("DELETE FROM timer", [])?;
    }
    for table in [&DEAD, &COMMAND, &TIMER, &SCHEDULE, &STATE, &META] {
        copy(memory, &tx, table)?;
    }
    for (table, highest) in sequences(memory) {
        raise_sequence(&tx, &table, highest)?;
    }
    tx.commit()?;
    disk.execute_batch("PRAGMA foreign_keys=ON;")?;
    Ok(Merged { rows, boot, interrupted })
}

/// Memory that began without the file gave this boot a number of its own; the file may know it already, and
/// know its time better.
fn one_boot(memory: &Connection, disk: &Transaction<'_>, boots: &Boots) -> rusqlite::Result<i64> {
    let current = boots.current();
    let known = disk.query_row("SELECT boot, quality FROM boot WHERE boot_id = ?1", [boots.id()], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, u8>(1)?))
    });
    let Some((known, quality)) = known.optional()? else { return Ok(current) };
    if known != current {
        for table in ["boot", "outbox", "dead", "command", "timer", "schedule"] {
            memory
                .execute(&format!("UPDATE {table} SET boot = ?1 WHERE boot = ?2"), params![known, current])?;
        }
    }
    memory.execute("DELETE FROM boot WHERE boot = ?1 AND quality < ?2", params![known, quality])?;
    Ok(known)
}

fn begun(disk: &Connection) -> rusqlite::Result<Vec<u64>> {
    let mut query = disk.prepare("SELECT n FROM command WHERE state < 2 AND state = 1 ORDER BY n")?;
    let found = query.query_map([], |row| row.get(0).map(counted))?;
    found.collect()
}
