//! Commands from the cloud: recorded before anything runs, begun at most once, answered exactly once.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::ledger::Ended;
use super::outbox::Promised;
use super::schema::Parsed as _;
use super::write::{Durability, Site};
use super::{
    CommandEnd, CommandState, DAY_MS, Finished, KnownCommand, Lane, Moment, NewCommand, NewEffects, NewRow,
    Recorded, Store, StoreError, counted, kept, stored,
};

/// Commands that are over are remembered, to know a repeat: at most so many …
const MAX_KNOWN: i64 = 10_000;
/// … and so long.
const KNOWN_MS: i64 = 30 * DAY_MS;
/// How many are looked at for their age each time.
const FORGET_CHUNK: i64 = 64;

const COLUMNS: &str = "n, key, method, payload, boot, mono_ms, state FROM command";

fn read_command(row: &rusqlite::Row<'_>) -> rusqlite::Result<Recorded> {
    Ok(Recorded {
        n: counted(row.get(0)?),
        key: row.get(1)?,
        method: row.get(2)?,
        payload: row.get(3)?,
        captured: Moment { boot: row.get(4)?, mono_ms: row.get(5)? },
        state: CommandState::of(row.get(6)?),
    })
}

fn read_known(row: &rusqlite::Row<'_>) -> rusqlite::Result<(KnownCommand, Moment)> {
    let topic: Option<String> = row.get(4)?;
    let reply = match topic {
        Some(topic) => Some(NewRow {
            lane: Lane::Reply,
            topic,
            qos: row.get(5)?,
            retain: row.get(6)?,
            payload: row.get(7)?,
            source: row.get(8)?,
        }),
        None => None,
    };
    let known = KnownCommand { n: counted(row.get(0)?), state: CommandState::of(row.get(1)?), reply };
    Ok((known, Moment { boot: row.get(2)?, mono_ms: row.get(3)? }))
}

/// Forgets commands that are over and too many or too old.
fn forget_old(site: &Site<'_>, now_ms: i64) -> rusqlite::Result<()> {
    // By count, not by number: there are wide gaps between the numbers of a disk and those of memory, and a
    // command that memory forgot would come back from the disk as if it had never ended.
    site.run(
        "DELETE FROM command WHERE state >= 2
         AND n <= (SELECT n FROM command ORDER BY n DESC LIMIT 1 OFFSET ?1)",
        [MAX_KNOWN],
    )?;
    let mut query =
        site.prepare_cached("SELECT n, boot, mono_ms FROM command WHERE state >= 2 ORDER BY n LIMIT ?1")?;
    let found = query.query_map([FORGET_CHUNK], |row| {
        Ok((row.get::<_, i64>(0)?, Moment { boot: row.get(1)?, mono_ms: row.get(2)? }))
    })?;
    let oldest: Vec<(i64, Moment)> = found.collect::<rusqlite::Result<_>>()?;
    for (n, made) in oldest {
        if site.boots.age_ms(made, now_ms).is_some_and(|age| age > KNOWN_MS) {
            site.run("DELETE FROM command WHERE n = ?1", [n])?;
        }
    }
    Ok(())
}

fn insert(db: &Connection, command: &NewCommand, made: Moment) -> rusqlite::Result<u64> {
    db.first(
        "INSERT INTO command (key, digest, method, payload, boot, mono_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         RETURNING n",
        params![command.key, command.digest, command.method, command.payload, made.boot, made.mono_ms],
        |row| row.get(0).map(counted),
    )
}

/// Writes the end down; `false` if it was written before. The payload is not needed any more.
fn end(db: &Connection, n: u64, end: &CommandEnd) -> rusqlite::Result<bool> {
    let reply = end.reply.as_ref();
    let changed = db.run(
        "UPDATE command SET state = ?2, code = ?3, payload = x'', reply_topic = ?4, reply_qos = ?5,
         reply_retain = ?6, reply = ?7 WHERE n = ?1 AND state < 2",
        params![
            stored(n),
            end.state.number(),
            end.code,
            reply.map(|row| &row.topic),
            reply.map(|row| row.qos),
            reply.map(|row| row.retain),
            reply.map(|row| &row.payload)
        ],
    )?;
    Ok(changed > 0)
}

impl Store {
    /// Makes commands durable, together, before anything runs. Returns their numbers.
    ///
    /// # Errors
    ///
    /// Not because of the disk.
    pub fn record(&mut self, now_ms: i64, commands: &[NewCommand]) -> Result<Vec<u64>, StoreError> {
        self.at(now_ms);
        let numbers: Vec<u64> = self.write(Durability::Promised, |tx| {
            forget_old(tx, now_ms)?;
            let made = Moment { boot: tx.boots.current(), mono_ms: now_ms };
            commands.iter().map(|command| insert(tx, command, made)).collect()
        })?;
        self.enter(|ledger| ledger.recorded.extend(&numbers));
        Ok(numbers)
    }

    /// Whether a command came before: the last one with this key and, if one is given, this digest. With a
    /// window only if it surely came within it; without one as long as it is remembered.
    pub fn same_command(
        &mut self,
        now_ms: i64,
        key: &str,
        digest: Option<&[u8; 32]>,
        window_ms: Option<i64>,
    ) -> Option<KnownCommand> {
        let found = self.read(|db| {
            db.first(
                "SELECT n, state, boot, mono_ms, reply_topic, reply_qos, reply_retain, reply, method FROM command
                 WHERE key = ?1 AND (?2 IS NULL OR digest = ?2) ORDER BY n DESC LIMIT 1",
                params![key, digest.map(<[u8; 32]>::as_slice)],
                read_known,
            )
            .optional()
        });
        let (known, made) = found.ok().flatten()?;
        let age = self.age_ms(made, now_ms);
        let same = match window_ms {
            Some(window) => age.is_some_and(|age| age <= window),
            None => age.is_none_or(|age| age <= KNOWN_MS),
        };
        same.then_some(known)
    }

    /// The oldest command that waits.
    pub fn next_command(&mut self) -> Option<Recorded> {
        let question = format!("SELECT {COLUMNS} WHERE state < 2 AND state = 0 ORDER BY n LIMIT 1");
        self.read(|db| db.first(&question, [], read_command).optional()).ok().flatten()
    }

    /// How many commands wait.
    pub fn waiting_commands(&mut self) -> usize {
        let question = "SELECT count(*) FROM command WHERE state < 2 AND state = 0";
        self.read(|db| db.first(question, [], |row| row.get(0).map(counted)))
            .map_or(0, |count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Commands whose handler was running when the last process died. They must be ended, and never begun.
    pub fn interrupted_commands(&mut self) -> Vec<Recorded> {
        let question = format!("SELECT {COLUMNS} WHERE state < 2 AND state = 1 ORDER BY n");
        let found = self.read(|db| {
            let mut query = db.prepare_cached(&question)?;
            let found = query.query_map([], read_command)?;
            found.collect::<rusqlite::Result<Vec<Recorded>>>()
        });
        let mut found = found.unwrap_or_default();
        found.retain(|command| self.interrupted.contains(&command.n));
        found
    }

    /// Writes down that a handler begins, before it does: whatever happens, it never begins again.
    ///
    /// # Errors
    ///
    /// The command does not wait.
    pub fn start_command(&mut self, n: u64) -> Result<(), StoreError> {
        let started = self.write(Durability::Promised, |tx| {
            tx.run("UPDATE command SET state = 1 WHERE n = ?1 AND state = 0", [stored(n)])
        })?;
        if started == 0 {
            return Err(StoreError::CommandOver { n });
        }
        self.enter(|ledger| ledger.started.push(n));
        Ok(())
    }

    /// Ends a command: its reply and everything that its handler left, together or not at all. The timers wait
    /// until the reply has left.
    ///
    /// # Errors
    ///
    /// It ended before, or `state` would be too large; nothing was done.
    pub fn finish_command(
        &mut self,
        now_ms: i64,
        n: u64,
        how: &CommandEnd,
        effects: &NewEffects,
    ) -> Result<Finished, StoreError> {
        self.at(now_ms);
        let state = self.state_with(&effects.state)?;
        let rows: Vec<&NewRow> = how.reply.iter().chain(&effects.rows).collect();
        let seqs = self.promise(now_ms, |tx, made, age_due| {
            if !end(tx, n, how)? {
                return Ok(None);
            }
            kept::put_state(tx, &effects.state)?;
            let done = Promised::keep(tx, made, &rows, age_due)?;
            let reply = done.seqs.first().copied().filter(|_| how.reply.is_some());
            kept::put_timers(tx, &effects.timers, made.boot, reply)?;
            Ok(Some(done))
        })?;
        let Some(mut seqs) = seqs else { return Err(StoreError::CommandOver { n }) };
        self.state = state;
        self.enter_rows(now_ms, &rows, &seqs);
        let volatile = self.is_volatile();
        self.enter(|ledger| {
            let effects = effects.rows.len() + effects.state.len() + effects.timers.len();
            let reply = seqs.first().copied().filter(|_| how.reply.is_some());
            ledger.ended.push(Ended { n, state: how.state, reply, effects, at_ms: now_ms, volatile });
        });
        let rows = seqs.split_off(usize::from(how.reply.is_some()).min(seqs.len()));
        Ok(Finished { reply: seqs.first().copied(), rows })
    }
}
