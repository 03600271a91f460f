//! Time without a clock. Rows say how long after which start of the machine they were made; what the calendar
//! said then follows from what is known about that start now, so a correction mends all of them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::write::Durability;
use super::{MINUTE_MS, Moment, Store};

/// A machine's clock that nobody vouches for is believed after this time: without a battery it begins with
/// the time of the last shutdown, plausible and wrong, until somebody sets it.
const SETTLED_MS: i64 = 10 * MINUTE_MS;
/// The least quality that is believed at once: the module's network time.
const VOUCHED: u8 = 3;
/// The machine's clock is kept right by the network.
const SYNCHRONISED: u8 = 4;
/// A clock as good as the one known must differ by more than this to replace it.
const STEP_MS: i64 = 2000;
/// How often "it was at least so late" is written down.
const FLOOR_EVERY_MS: i64 = 10 * MINUTE_MS;

/// What is known about one start of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Boot {
    /// Wall time minus time since the start.
    offset_ms: Option<i64>,
    quality: u8,
    /// The latest wall time that was ever trusted, up to and including this boot.
    floor_ms: i64,
}

impl Boot {
    /// A clock of quality 2 raises the floor only once it has settled: that shows whether it did.
    fn trusted_offset(&self) -> Option<i64> {
        let offset = self.offset_ms?;
        let settled = self.quality == 2 && self.floor_ms >= offset.saturating_add(SETTLED_MS);
        (self.quality >= VOUCHED || settled).then_some(offset)
    }
}

/// All starts of the machine that rows still refer to.
#[derive(Debug, Default)]
pub(super) struct Boots {
    known: BTreeMap<i64, Boot>,
    current: i64,
    /// Of the current one, as the kernel calls it.
    id: String,
    floor_written_ms: i64,
}

impl Boots {
    /// Finds this boot, or adds it, with a number above `above`; forgets those that nothing refers to.
    pub(super) fn begin(db: &Connection, boot_id: &str, above: i64) -> rusqlite::Result<Self> {
        let known = db.query_row("SELECT boot FROM boot WHERE boot_id = ?1", [boot_id], |row| row.get(0));
        let current: i64 = match known.optional()? {
            Some(boot) => boot,
            None => db.query_row(
                "INSERT INTO boot (boot, boot_id, floor_ms) SELECT max(?1, coalesce(max(boot), 0)) + 1, ?2,
                 coalesce(max(floor_ms), 0) FROM boot RETURNING boot",
                params![above, boot_id],
                |row| row.get(0),
            )?,
        };
        db.execute(
            "DELETE FROM boot WHERE boot <> ?1 AND boot NOT IN (SELECT boot FROM outbox UNION
             SELECT boot FROM dead UNION SELECT boot FROM command UNION SELECT boot FROM timer UNION
             SELECT boot FROM schedule)",
            [current],
        )?;
        Ok(Self { known: Self::load(db)?, current, id: boot_id.to_string(), floor_written_ms: i64::MIN })
    }

    /// What a file says, without adding to it.
    pub(super) fn look(db: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { known: Self::load(db)?, ..Self::default() })
    }

    fn load(db: &Connection) -> rusqlite::Result<BTreeMap<i64, Boot>> {
        let mut query = db.prepare("SELECT boot, offset_ms, quality, floor_ms FROM boot ORDER BY boot")?;
        let found = query.query_map([], |row| {
            let quality = row.get::<_, i64>(2)?;
            let quality = u8::try_from(quality).unwrap_or(0);
            Ok((row.get(0)?, Boot { offset_ms: row.get(1)?, quality, floor_ms: row.get(3)? }))
        })?;
        found.collect()
    }

    pub(super) fn current(&self) -> i64 {
        self.current
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Reads a file that is used from now on, in which this boot is called `current`.
    pub(super) fn read_again(&mut self, db: &Connection, current: i64) -> rusqlite::Result<()> {
        self.known = Self::load(db)?;
        self.current = current;
        Ok(())
    }

    /// Writes down what is known about this boot.
    pub(super) fn put(&self, db: &Connection) -> rusqlite::Result<()> {
        let Some(boot) = self.known.get(&self.current) else { return Ok(()) };
        db.execute(
            "INSERT OR REPLACE INTO boot (boot, boot_id, offset_ms, quality, floor_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![self.current, self.id, boot.offset_ms, boot.quality, boot.floor_ms],
        )?;
        Ok(())
    }

    fn now(&self) -> Boot {
        self.known.get(&self.current).copied().unwrap_or_default()
    }

    pub(super) fn wall_of(&self, moment: Moment) -> Option<i64> {
        let offset = self.known.get(&moment.boot)?.trusted_offset()?;
        Some(offset.saturating_add(moment.mono_ms))
    }

    /// How old something is, if that can be known.
    pub(super) fn age_ms(&self, made: Moment, now_ms: i64) -> Option<i64> {
        if made.boot == self.current {
            return Some(now_ms.saturating_sub(made.mono_ms));
        }
        let now = self.wall_of(Moment { boot: self.current, mono_ms: now_ms })?;
        Some(now.saturating_sub(self.wall_of(made)?))
    }

    /// What a reading makes of the current boot; `None` if nothing changes.
    fn judge(&self, now_ms: i64, wall_ms: i64, quality: u8) -> Option<Boot> {
        let old = self.now();
        // A clock that stands before what was known to be past is wrong, unless the network keeps it right.
        let believable = wall_ms >= old.floor_ms || quality == SYNCHRONISED;
        if quality < 2 || !believable {
            return None;
        }
        let offset = wall_ms.saturating_sub(now_ms);
        let moved = old.offset_ms.is_none_or(|known| known.abs_diff(offset) > STEP_MS.unsigned_abs());
        let mut new = old;
        if quality > old.quality || (quality == old.quality && moved) {
            new.offset_ms = Some(offset);
            new.quality = quality;
        }
        let trusted = new.quality >= VOUCHED || now_ms >= SETTLED_MS;
        if let Some(offset) = new.offset_ms.filter(|_| trusted) {
            let wall = offset.saturating_add(now_ms);
            let lower = new.quality == SYNCHRONISED && wall < old.floor_ms;
            new.floor_ms = if lower { wall } else { wall.max(old.floor_ms) };
        }
        (new != old).then_some(new)
    }
}

impl Store {
    /// Takes a reading of the calendar: `quality` 2 for the machine's clock, 3 for the module's network time, 4
    /// for the machine's clock that the network keeps right; less says nothing. Returns by how much the known
    /// time moved, if it did; 0 when it became known.
    pub fn set_clock(&mut self, now_ms: i64, wall_ms: i64, quality: u8) -> Option<i64> {
        self.at(now_ms);
        let old = self.boots.now();
        let new = self.boots.judge(now_ms, wall_ms, quality)?;
        let current = self.boots.current;
        self.boots.known.insert(current, new);
        let better = (new.offset_ms, new.quality) != (old.offset_ms, old.quality);
        if better || now_ms >= self.boots.floor_written_ms.saturating_add(FLOOR_EVERY_MS) {
            self.boots.floor_written_ms = now_ms;
            // A disk that fails has been dealt with; what is known holds for this process in any case.
            let _ = self.write(Durability::Repeatable, |tx| {
                tx.execute(
                    "UPDATE boot SET offset_ms = ?2, quality = ?3, floor_ms = ?4 WHERE boot = ?1",
                    params![current, new.offset_ms, new.quality, new.floor_ms],
                )
            });
        }
        let after = new.offset_ms?;
        better.then(|| old.offset_ms.map_or(0, |before| after.saturating_sub(before)))
    }

    /// What the calendar said at a moment, if a clock that can be trusted ever told.
    pub fn wall_of(&self, moment: Moment) -> Option<i64> {
        self.boots.wall_of(moment)
    }

    /// How old something is, if that can be known: over a restart of the machine only by the calendar.
    pub fn age_ms(&self, made: Moment, now_ms: i64) -> Option<i64> {
        self.boots.age_ms(made, now_ms)
    }

    /// Whether the machine has not restarted since.
    pub fn is_same_boot(&self, moment: Moment) -> bool {
        moment.boot == self.boots.current
    }

    /// Now, in words that survive a restart.
    pub fn moment(&self, now_ms: i64) -> Moment {
        Moment { boot: self.boots.current, mono_ms: now_ms }
    }

    /// How well the time is known: 0 for not at all, 1 for "later than …", else as in [`Store::set_clock`].
    pub fn clock_quality(&self) -> u8 {
        let boot = self.boots.now();
        if boot.quality > 0 { boot.quality } else { u8::from(boot.floor_ms > 0) }
    }
}
