//! A broken file: what can be read of it goes into a new one, the broken one is put aside.
//!
//! Each step may be cut off by lost power. The new file is made under another name and renamed to `.ready` when
//! it is whole; from then on only renames are left, and whoever opens the store next finishes them. The log is
//! put aside before its database: a log beside a database that it does not belong to would be played into it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, params_from_iter, types};

use super::StoreNews;
use super::disk::{self, Unfit, beside};
use super::schema::{self, BOOT, COMMAND, DEAD, META, OUTBOX, SCHEDULE, SEQUENCE, STATE, TIMER, Table};

/// How many broken files are kept to be looked at.
const KEEP_BROKEN: u32 = 3;
const NEW: &str = ".new";
const READY: &str = ".ready";
const PARTS: [&str; 3] = ["-wal", "-shm", ""];

/// Opens the store's file. One that is broken, or `distrusted` because the disk did not sync it, is replaced.
pub(super) fn open(
    folder: &Path,
    fresh_id: &str,
    distrusted: bool,
) -> Result<(Connection, Option<StoreNews>), Unfit> {
    let path = beside(folder, "");
    let interrupted = beside(folder, READY).exists();
    if !interrupted && !distrusted {
        match disk::connect(&path, fresh_id) {
            Err(Unfit::Broken) => {}
            done => return done.map(|db| (db, None)),
        }
    }
    if !interrupted {
        make_new(folder, fresh_id)?;
    }
    let kept_as = swap(folder).map_err(|why| Unfit::Unable(why.to_string()))?;
    let db = disk::connect(&path, fresh_id)?;
    let salvaged = db.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0).map(super::counted))?;
    Ok((db, Some(StoreNews::Corrupt { kept_as, salvaged })))
}

/// Whether no store was ever here, not even a broken one.
pub(super) fn is_nothing_there(folder: &Path) -> bool {
    !["", READY].iter().any(|part| beside(folder, part).exists()) && numbers(folder).is_empty()
}

/// The same for a simulated disk, which nobody looks at afterwards.
pub(super) fn in_memory(from: &Connection, fresh_id: &str) -> Result<(Connection, Option<StoreNews>), Unfit> {
    let to = schema::in_memory(fresh_id)?;
    copy_all(from, &to)?;
    let salvaged = to.query_row("SELECT count(*) FROM outbox", [], |row| row.get(0).map(super::counted))?;
    Ok((to, Some(StoreNews::Corrupt { kept_as: PathBuf::from("memory"), salvaged })))
}

/// Writes the new file and calls it ready.
fn make_new(folder: &Path, fresh_id: &str) -> Result<(), Unfit> {
    let unable = |why: std::io::Error| Unfit::Unable(why.to_string());
    let new = beside(folder, NEW);
    for part in PARTS {
        let _ = fs::remove_file(beside(folder, &format!("{NEW}{part}")));
    }
    let to = disk::connect(&new, fresh_id)?;
    to.execute_batch("PRAGMA foreign_keys=OFF; BEGIN IMMEDIATE;")?;
    if let Ok(from) = Connection::open_with_flags(beside(folder, ""), OpenFlags::SQLITE_OPEN_READ_WRITE) {
        copy_all(&from, &to)?;
    }
    to.execute_batch("COMMIT;")?;
    to.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    to.close().map_err(|(_, why)| why)?;
    fs::rename(&new, beside(folder, READY)).map_err(unable)?;
    disk::sync_folder(folder);
    Ok(())
}

/// Puts the broken files aside and the ready one in their place. May have been begun before.
fn swap(folder: &Path) -> std::io::Result<PathBuf> {
    let number = numbers(folder).last().map_or(1, |last| last + 1);
    for part in PARTS {
        let from = beside(folder, part);
        if from.exists() {
            let aside = broken(folder, number, part);
            fs::rename(from, &aside)?;
            disk::owner_only(&aside);
        }
    }
    disk::sync_folder(folder);
    fs::rename(beside(folder, READY), beside(folder, ""))?;
    disk::sync_folder(folder);
    for old in numbers(folder).into_iter().filter(|old| old + KEEP_BROKEN <= number) {
        for part in PARTS {
            let _ = fs::remove_file(broken(folder, old, part));
        }
    }
    Ok(broken(folder, number, ""))
}

fn broken(folder: &Path, number: u32, part: &str) -> PathBuf {
    beside(folder, &format!(".corrupt-{number}{part}"))
}

/// Of the broken files that are kept, ascending.
fn numbers(folder: &Path) -> Vec<u32> {
    let prefix = format!("{}.corrupt-", disk::NAME);
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut found: Vec<u32> =
        names.filter_map(|name| name.to_str()?.strip_prefix(&prefix)?.parse().ok()).collect();
    found.sort_unstable();
    found
}

/// Copies what can be read. The id is a new one: nobody knows which numbers the old file gave out last.
fn copy_all(from: &Connection, to: &Connection) -> rusqlite::Result<()> {
    for table in [&BOOT, &OUTBOX, &DEAD, &COMMAND, &TIMER, &SCHEDULE, &STATE, &META] {
        // From both ends, as far as it goes: only what lies around the damage is lost.
        copy_until_damage(from, to, table, "")?;
        copy_until_damage(from, to, table, " DESC")?;
    }
    to.execute(
        "INSERT OR IGNORE INTO boot (boot, boot_id, floor_ms) SELECT DISTINCT boot, 'lost ' || boot, 0
         FROM outbox WHERE boot NOT IN (SELECT boot FROM boot) ORDER BY boot",
        [],
    )?;
    for (name, highest) in sequences(from) {
        raise_sequence(to, &name, highest)?;
    }
    Ok(())
}

fn copy_until_damage(from: &Connection, to: &Connection, table: &Table, order: &str) -> rusqlite::Result<()> {
    let mut insert = to.prepare(&table.insert("IGNORE"))?;
    let Ok(mut query) = from.prepare(&format!("{}{order}", table.select())) else { return Ok(()) };
    let Ok(mut rows) = query.query([]) else { return Ok(()) };
    while let Ok(Some(row)) = rows.next() {
        let Ok(values) = values(row, table) else { continue };
        match insert.execute(params_from_iter(values)) {
            // A row that does not fit the table is damage, too.
            Err(error) if error.sqlite_error_code() != Some(rusqlite::ErrorCode::ConstraintViolation) => {
                return Err(error);
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn values(row: &rusqlite::Row<'_>, table: &Table) -> rusqlite::Result<Vec<types::Value>> {
    (0..table.columns.len()).map(|column| row.get(column)).collect()
}

/// Copies a whole table; rows with the same key are replaced.
pub(super) fn copy(from: &Connection, to: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let mut insert = to.prepare(&table.insert("REPLACE"))?;
    let mut query = from.prepare(&table.select())?;
    let mut rows = query.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        insert.execute(params_from_iter(values(row, table)?))?;
        count += 1;
    }
    Ok(count)
}

/// The highest numbers given out, by table.
pub(super) fn sequences(db: &Connection) -> Vec<(String, i64)> {
    let read = || {
        let mut query = db.prepare(&SEQUENCE.select())?;
        let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        found.collect::<rusqlite::Result<Vec<(String, i64)>>>()
    };
    read().unwrap_or_default()
}

/// Makes a table give out only numbers above `least`.
pub(super) fn raise_sequence(db: &Connection, table: &str, least: i64) -> rusqlite::Result<()> {
    let raised = db.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1",
        rusqlite::params![table, least],
    )?;
    if raised == 0 {
        db.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
            rusqlite::params![table, least],
        )?;
    }
    Ok(())
}
