//! The outbox: messages from the moment they are promised until the cloud has them, or they are refused for
//! good.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::bounds::{self, Gone};
use super::life::{IN_FLIGHT, UNSURE};
use super::schema::Parsed as _;
use super::write::{Durability, Site};
use super::{Counts, Lane, Moment, NewEffects, NewRow, Row, Store, StoreError, counted, kept, stored};

/// Most rows that were refused for good; the oldest leaves.
const MAX_DEAD: i64 = 1000;

/// How full the outbox is, kept up to date beside the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: [u64; 3],
    pub(super) bytes: [u64; 3],
    pub(super) dead: u64,
    /// Changes when another process writes to the file.
    version: i64,
}

impl Tally {
    pub(super) fn count(db: &Connection) -> rusqlite::Result<Self> {
        let mut tally = Self { version: data_version(db)?, ..Self::default() };
        tally.dead = db.first("SELECT count(*) FROM dead", [], |row| row.get(0).map(counted))?;
        let mut query = db.prepare_cached(
            "SELECT lane, count(*), coalesce(sum(length(payload)), 0) FROM outbox GROUP BY lane ORDER BY lane",
        )?;
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let lane = Lane::of(row.get(0)?).index();
            tally.rows[lane] = counted(row.get(1)?);
            tally.bytes[lane] = counted(row.get(2)?);
        }
        Ok(tally)
    }

    pub(super) fn add(&mut self, row: &NewRow) {
        self.rows[row.lane.index()] += 1;
        self.bytes[row.lane.index()] += row.payload.len() as u64;
    }

    fn with(mut self, added: &Self) -> Self {
        for lane in 0..self.rows.len() {
            self.rows[lane] += added.rows[lane];
            self.bytes[lane] += added.bytes[lane];
        }
        self
    }

    fn without(mut self, gone: &[Gone]) -> Self {
        for gone in gone {
            self.take(gone);
        }
        self
    }

    pub(super) fn take(&mut self, gone: &Gone) {
        let lane = gone.lane.index();
        self.rows[lane] = self.rows[lane].saturating_sub(gone.count);
        self.bytes[lane] = self.bytes[lane].saturating_sub(gone.bytes);
    }

    pub(super) fn all_bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }
}

fn data_version(db: &Connection) -> rusqlite::Result<i64> {
    db.first("PRAGMA data_version", [], |row| row.get(0))
}

/// The columns of a [`Row`], in its order.
const COLUMNS: &str =
    "seq, lane, topic, payload, qos, retain, source, attempts, refusals, error, boot, mono_ms FROM outbox";

fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        seq: counted(row.get(0)?),
        lane: Lane::of(row.get(1)?),
        topic: row.get(2)?,
        payload: row.get(3)?,
        qos: row.get(4)?,
        retain: row.get(5)?,
        source: row.get(6)?,
        attempts: row.get(7)?,
        refusals: row.get(8)?,
        error: row.get(9)?,
        captured: Moment { boot: row.get(10)?, mono_ms: row.get(11)? },
    })
}

/// The first row of a queue behind `after`.
fn next_row(db: &Connection, urgent: bool, after: u64) -> rusqlite::Result<Option<Row>> {
    next_row_but(db, urgent, after, &BTreeSet::new())
}

/// The first row of a queue behind `after` that is none of `taken`.
pub(super) fn next_row_but(
    db: &Connection,
    urgent: bool,
    after: u64,
    taken: &BTreeSet<u64>,
) -> rusqlite::Result<Option<Row>> {
    let which = if urgent { "lane < 2" } else { "lane = 2" };
    let mut query =
        db.prepare_cached(&format!("SELECT {COLUMNS} WHERE {which} AND seq > ?1 ORDER BY seq"))?;
    let mut rows = query.query([stored(after)])?;
    while let Some(row) = rows.next()? {
        if !taken.contains(&row.get(0).map(counted)?) {
            return read_row(row).map(Some);
        }
    }
    Ok(None)
}

pub(super) fn insert(db: &Connection, row: &NewRow, made: Moment) -> rusqlite::Result<u64> {
    db.first(
        "INSERT INTO outbox (lane, topic, qos, retain, payload, boot, mono_ms, source)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING seq",
        params![
            row.lane as i64,
            row.topic,
            row.qos,
            row.retain,
            row.payload,
            made.boot,
            made.mono_ms,
            row.source
        ],
        |row| row.get(0).map(counted),
    )
}

/// Writes down which row is being published: another process must leave it alone.
fn set_in_flight(db: &Connection, seq: Option<u64>) -> rusqlite::Result<()> {
    match seq {
        Some(seq) => db.run(
            "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
            params![IN_FLIGHT, seq.to_string()],
        )?,
        None => db.run("DELETE FROM meta WHERE key = ?1", [IN_FLIGHT])?,
    };
    Ok(())
}

/// What a promise did to the outbox, inside its transaction.
#[derive(Default)]
pub(super) struct Promised {
    pub(super) seqs: Vec<u64>,
    added: Tally,
    gone: Vec<Gone>,
}

impl Promised {
    /// Inserts the rows, then drops what is too much. Memory is bounded otherwise.
    pub(super) fn keep(
        site: &Site<'_>,
        made: Moment,
        rows: &[&NewRow],
        age_due: bool,
    ) -> rusqlite::Result<Self> {
        let mut done = Self::default();
        for row in rows {
            done.seqs.push(insert(site, row, made)?);
            done.added.add(row);
        }
        if site.on_disk && !rows.is_empty() {
            let full = site.tally.with(&done.added);
            if age_due {
                done.gone.extend(bounds::too_old(site, made)?);
            }
            done.gone.extend(bounds::too_much(site, &full.without(&done.gone), done.seqs.len())?);
        }
        Ok(done)
    }
}

impl Store {
    /// Makes everything of `effects` durable, together. Returns the numbers of its rows. Rows that are too many,
    /// too large or too old are dropped in the same transaction, and told as news.
    ///
    /// # Errors
    ///
    /// `state` would be too large; nothing was done.
    pub fn commit(&mut self, now_ms: i64, effects: &NewEffects) -> Result<Vec<u64>, StoreError> {
        self.at(now_ms);
        let state = self.state_with(&effects.state)?;
        let rows: Vec<&NewRow> = effects.rows.iter().collect();
        let seqs = self.promise(now_ms, |tx, made, age_due| {
            kept::put_state(tx, &effects.state)?;
            kept::put_timers(tx, &effects.timers, made.boot, None)?;
            Promised::keep(tx, made, &rows, age_due).map(Some)
        })?;
        self.state = state;
        let seqs = seqs.unwrap_or_default();
        self.enter_rows(now_ms, &rows, &seqs);
        Ok(seqs)
    }

    /// One synced transaction that may put rows into the outbox; `None` if `work` found nothing to do.
    pub(super) fn promise(
        &mut self,
        now_ms: i64,
        work: impl Fn(&Site<'_>, Moment, bool) -> rusqlite::Result<Option<Promised>>,
    ) -> Result<Option<Vec<u64>>, StoreError> {
        self.recount();
        let age_due = self.age_is_due(now_ms);
        let done = self.write(Durability::Promised, |tx| {
            work(tx, Moment { boot: tx.boots.current(), mono_ms: now_ms }, age_due)
        })?;
        let Some(done) = done else { return Ok(None) };
        self.tally = self.tally.with(&done.added);
        self.tell_dropped(&done.gone);
        self.trim_memory();
        Ok(Some(done.seqs))
    }

    /// Another process (`atflow outbox`) may have written.
    fn recount(&mut self) {
        if !self.is_volatile() && data_version(&self.db).is_ok_and(|version| version != self.tally.version) {
            // On failure the old count is near enough until the next try.
            self.tally = Tally::count(&self.db).unwrap_or(self.tally);
        }
    }

    /// The next row of a queue: `urgent` for replies and events, in the order they were made, else reports.
    pub fn head(&mut self, urgent: bool) -> Option<Row> {
        self.row_after(urgent, 0)
    }

    /// The first row of a queue behind the row `seq`.
    pub fn row_after(&mut self, urgent: bool, seq: u64) -> Option<Row> {
        let here = self.read(|db| next_row(db, urgent, seq)).ok().flatten();
        let there = self.next_on_disk(urgent, seq);
        match (here, there) {
            (Some(here), Some(there)) => Some(if here.seq < there.seq { here } else { there }),
            (here, there) => here.or(there),
        }
    }

    /// How full the outbox is.
    pub fn counts(&mut self) -> Counts {
        self.recount();
        // Asked for often, and most of the time nothing waits.
        let waits = self.is_volatile() || self.tally.rows.iter().any(|rows| *rows > 0);
        let queues: &[bool] = if waits { &[true, false] } else { &[] };
        let oldest = queues.iter().filter_map(|urgent| self.head_mark(*urgent)).min();
        Counts {
            rows: self.tally.rows,
            bytes: self.tally.all_bytes(),
            oldest: oldest.map(|(_, made)| made),
            dead: self.tally.dead,
        }
    }

    fn head_mark(&mut self, urgent: bool) -> Option<(u64, Moment)> {
        self.head(urgent).map(|row| (row.seq, row.captured))
    }

    /// A publish of this row begins: it counts as an attempt, and nobody else may touch the row.
    pub fn begin_publish(&mut self, seq: u64) {
        self.begin_publish_noting(seq, &[]);
    }

    /// The same, and in the same transaction notes as of [`Store::set_note`].
    pub fn begin_publish_noting(&mut self, seq: u64, notes: &[(&str, Option<String>)]) {
        self.in_flight = Some(seq);
        self.bring(seq);
        self.repeatable(|tx| {
            for (key, value) in notes {
                kept::put_note(tx, key, value.as_deref())?;
            }
            tx.run("UPDATE outbox SET attempts = attempts + 1 WHERE seq = ?1", [stored(seq)])?;
            set_in_flight(tx, Some(seq))
        });
    }

    /// The cloud has it.
    pub fn delivered(&mut self, seq: u64) {
        self.landed(seq);
        let gone = self.repeatable(|tx| {
            set_in_flight(tx, None)?;
            tx.run("DELETE FROM meta WHERE key = ?1", [UNSURE])?;
            bounds::remove(tx, seq)
        });
        if let Some(gone) = gone.flatten() {
            self.tally.take(&gone);
        }
    }

    /// The publish failed; the row stays. `refused`: for a reason that lies in the message. Otherwise it may have
    /// arrived all the same.
    pub fn failed(&mut self, seq: u64, error: Option<&str>, refused: bool) {
        self.landed(seq);
        self.repeatable(|tx| {
            set_in_flight(tx, None)?;
            if !refused {
                tx.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, 'unknown')", [UNSURE])?;
            }
            tx.run(
                "UPDATE outbox SET error = coalesce(?2, error), refusals = refusals + ?3 WHERE seq = ?1",
                params![stored(seq), error, refused],
            )
        });
    }

    /// It will not be tried again: from the outbox to the dead rows.
    pub fn bury(&mut self, seq: u64, reason: &str, error: Option<&str>) {
        self.landed(seq);
        let buried = self.repeatable(|tx| {
            set_in_flight(tx, None)?;
            tx.run(
                "INSERT OR REPLACE INTO dead SELECT seq, lane, topic, qos, retain, payload, boot, mono_ms, source,
                 attempts, ?2, coalesce(?3, error) FROM outbox WHERE seq = ?1 ORDER BY seq",
                params![stored(seq), reason, error],
            )?;
            tx.run(
                "DELETE FROM dead WHERE seq NOT IN (SELECT seq FROM dead ORDER BY seq DESC LIMIT ?1)",
                [MAX_DEAD],
            )?;
            let here = tx.first("SELECT count(*) FROM dead", [], |row| row.get(0).map(counted))?;
            let dead = if tx.on_disk { here } else { tx.tally.dead + 1 };
            Ok((bounds::remove(tx, seq)?, dead))
        });
        if let Some((gone, dead)) = buried {
            if let Some(gone) = gone {
                self.tally.take(&gone);
            }
            self.tally.dead = dead;
        }
    }

    fn landed(&mut self, seq: u64) {
        self.bring(seq);
        self.in_flight = None;
    }

    /// A transaction that lost power may undo. What the disk does not take is in memory then; `None` only if
    /// there is no memory either, and then it is as if power was lost.
    pub(super) fn repeatable<T>(&mut self, work: impl FnMut(&Site<'_>) -> rusqlite::Result<T>) -> Option<T> {
        self.write(Durability::Repeatable, work).ok()
    }
}
