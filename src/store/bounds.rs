//! What is dropped when the outbox is full or its rows are too old. Replies never are, nor the row that is
//! being published; events only when no report is left that could go instead.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::outbox::Tally;
use super::schema::Parsed as _;
use super::write::{Durability, Site};
use super::{
    Bounds, DropPolicy, DropReason, Lane, MINUTE_MS, Moment, Place, Store, StoreNews, counted, stored,
};

/// How often ages are looked at: a day more or less does not matter to a row of thirty.
const AGE_EVERY_MS: i64 = 10 * MINUTE_MS;
/// What may wait while the disk does not work.
const MEMORY_ROWS: u64 = 1000;
const MEMORY_BYTES: u64 = 1024 * 1024;

/// Rows of one lane that left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) lane: Lane,
    pub(super) count: u64,
    pub(super) bytes: u64,
    first: u64,
    last: u64,
    reason: DropReason,
}

/// Deletes one row.
pub(super) fn remove(db: &Connection, seq: u64) -> rusqlite::Result<Option<Gone>> {
    db.first("DELETE FROM outbox WHERE seq = ?1 RETURNING lane, length(payload)", [stored(seq)], |row| {
        let (lane, bytes) = (Lane::of(row.get(0)?), counted(row.get(1)?));
        Ok(Gone { lane, count: 1, bytes, first: seq, last: seq, reason: DropReason::Full })
    })
    .optional()
}

/// How many rows and bytes of one lane must go, and from which end.
struct Cut {
    lane: Lane,
    rows: u64,
    bytes: u64,
    newest: bool,
}

/// Deletes rows of one lane until enough are gone, or none is left that may go.
fn cut(db: &Connection, cut: &Cut, in_flight: Option<u64>, limit: i64) -> rusqlite::Result<Option<Gone>> {
    if cut.rows == 0 && cut.bytes == 0 {
        return Ok(None);
    }
    let order = if cut.newest { "DESC" } else { "ASC" };
    let mut query = db.prepare_cached(&format!(
        "SELECT seq, length(payload) FROM outbox WHERE lane = ?1 AND seq IS NOT ?2 ORDER BY seq {order} LIMIT ?3"
    ))?;
    let mut found = query.query(params![cut.lane as i64, in_flight.map(stored), limit])?;
    let mut chosen = Vec::new();
    let mut bytes = 0;
    while (chosen.len() as u64) < cut.rows || bytes < cut.bytes {
        let Some(row) = found.next()? else { break };
        chosen.push(counted(row.get(0)?));
        bytes += counted(row.get(1)?);
    }
    drop(found);
    delete(db, cut.lane, &chosen, bytes, DropReason::Full)
}

fn delete(
    db: &Connection,
    lane: Lane,
    chosen: &[u64],
    bytes: u64,
    reason: DropReason,
) -> rusqlite::Result<Option<Gone>> {
    let (Some(first), Some(last)) = (chosen.iter().min(), chosen.iter().max()) else { return Ok(None) };
    let mut statement = db.prepare_cached("DELETE FROM outbox WHERE seq = ?1")?;
    for seq in chosen {
        statement.execute([stored(*seq)])?;
    }
    Ok(Some(Gone { lane, count: chosen.len() as u64, bytes, first: *first, last: *last, reason }))
}

/// Drops reports whose age is known and over the limit. They stand in the order they were made, so the first
/// young one ends the search.
pub(super) fn too_old(site: &Site<'_>, now: Moment) -> rusqlite::Result<Option<Gone>> {
    let mut query = site.prepare_cached(
        "SELECT seq, boot, mono_ms, length(payload) FROM outbox WHERE lane = 2 AND seq IS NOT ?1 ORDER BY seq",
    )?;
    let mut found = query.query([site.in_flight.map(stored)])?;
    let mut chosen = Vec::new();
    let mut bytes = 0;
    while let Some(row) = found.next()? {
        let made = Moment { boot: row.get(1)?, mono_ms: row.get(2)? };
        match site.boots.age_ms(made, now.mono_ms) {
            Some(age) if age > site.bounds.keep_ms => {
                chosen.push(counted(row.get(0)?));
                bytes += counted(row.get(3)?);
            }
            Some(_) => break,
            None => {}
        }
    }
    drop(found);
    delete(site, Lane::Report, &chosen, bytes, DropReason::Age)
}

/// Drops what is over the bounds, `full` being how much there is. `DropPolicy::Newest` takes only from the
/// `new` rows that were just inserted, which are the youngest of all.
pub(super) fn too_much(site: &Site<'_>, full: &Tally, new: usize) -> rusqlite::Result<Vec<Gone>> {
    let newest = site.bounds.drop == DropPolicy::Newest;
    let limit = if newest { i64::try_from(new).unwrap_or(i64::MAX) } else { i64::MAX };
    shrink(site, site.bounds, full, (newest, limit), site.in_flight)
}

fn shrink(
    db: &Connection,
    bounds: &Bounds,
    full: &Tally,
    (newest, limit): (bool, i64),
    in_flight: Option<u64>,
) -> rusqlite::Result<Vec<Gone>> {
    let mut tally = *full;
    let mut all = Vec::new();
    for lane in [Lane::Report, Lane::Event] {
        let rows = tally.rows[lane.index()].saturating_sub(bounds.max_rows);
        let bytes = tally.all_bytes().saturating_sub(bounds.max_bytes).min(tally.bytes[lane.index()]);
        let (newest, limit) = if lane == Lane::Report { (newest, limit) } else { (false, i64::MAX) };
        if let Some(gone) = cut(db, &Cut { lane, rows, bytes, newest }, in_flight, limit)? {
            tally.take(&gone);
            all.push(gone);
        }
    }
    Ok(all)
}

impl Store {
    /// Whether it is time to look for rows that are too old.
    pub(super) fn age_is_due(&mut self, now_ms: i64) -> bool {
        let due = self.age_applied_ms.is_none_or(|last| now_ms.saturating_sub(last) >= AGE_EVERY_MS);
        if due {
            self.age_applied_ms = Some(now_ms);
        }
        due
    }

    /// Counts dropped rows out and tells of them.
    pub(super) fn tell_dropped(&mut self, dropped: &[Gone]) {
        for gone in dropped {
            self.tally.take(gone);
            let Gone { first, last, count, reason, .. } = *gone;
            self.news.push(StoreNews::Dropped { first, last, count, reason });
        }
    }

    /// Makes room on a full disk. `false`: nothing could be dropped, or even that took more room.
    pub(super) fn drop_some(&mut self, rows: u64) -> bool {
        if self.is_volatile() || self.bounds.drop == DropPolicy::Newest {
            return false;
        }
        let in_flight = self.in_flight;
        let oldest = Cut { lane: Lane::Report, rows, bytes: 0, newest: false };
        let mut work = |site: &Site<'_>| cut(site, &oldest, in_flight, i64::MAX);
        let Ok(Some(gone)) = self.transact(Durability::Promised, &mut work) else { return false };
        self.tell_dropped(&[gone]);
        true
    }

    /// Keeps what waits in memory for the disk within its bounds: the oldest goes.
    pub(super) fn trim_memory(&mut self) {
        if !matches!(self.place, Place::Volatile(_)) {
            return;
        }
        let bounds = Bounds { max_rows: MEMORY_ROWS, max_bytes: MEMORY_BYTES, ..self.bounds };
        let in_flight = self.in_flight;
        let dropped = Tally::count(&self.db)
            .and_then(|full| shrink(&self.db, &bounds, &full, (false, i64::MAX), in_flight));
        if let Ok(dropped) = dropped {
            self.tell_dropped(&dropped);
        }
    }
}
