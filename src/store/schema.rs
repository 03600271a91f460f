//! The tables, and what a file must say about itself to be ours.

use rusqlite::{Connection, Params, Row};

/// Statements that a connection keeps parsed: all that a working store repeats.
const STATEMENTS: usize = 64;

/// Statements that are parsed once. What a station asks at each boundary would cost it more to parse than to
/// answer.
pub(super) trait Parsed {
    /// [`Connection::execute`].
    fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize>;
    /// [`Connection::query_row`].
    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T>;
}

impl Parsed for Connection {
    fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.prepare_cached(sql)?.execute(params)
    }

    fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.prepare_cached(sql)?.query_row(params, read)
    }
}

/// A new connection keeps that many.
pub(super) fn keep_statements(db: &Connection) {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
}

/// `ATFL`: marks the file as a station's store.
pub(super) const APPLICATION_ID: i64 = 0x4154_464C;
/// What makes the tables: the step at place n brings a file of version n to version n + 1. A step that a file may
/// have gone through is never changed; what is to be different is another step behind it.
pub(super) const STEPS: &[&str] = &[TABLES];
/// Of a file that went through all of them.
pub(super) const VERSION: i64 = version_of(STEPS);

/// The version of a file that went through these steps.
#[expect(clippy::cast_possible_wrap, reason = "there are a few")]
pub(super) const fn version_of(steps: &[&str]) -> i64 {
    steps.len() as i64
}

/// Without `AUTOINCREMENT` a number is given again once its row is gone: a cloud that drops repeats by number
/// would drop fresh reports.
///
/// The index over the urgent rows is a partial one, so that reports cost no page of it; queries must say
/// `lane < 2` to use it.
const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE boot (boot INTEGER PRIMARY KEY, boot_id TEXT NOT NULL UNIQUE, offset_ms INTEGER,
  quality INTEGER NOT NULL DEFAULT 0, floor_ms INTEGER NOT NULL) STRICT;
CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL, topic TEXT NOT NULL,
  qos INTEGER NOT NULL, retain INTEGER NOT NULL, payload BLOB NOT NULL,
  boot INTEGER NOT NULL REFERENCES boot, mono_ms INTEGER NOT NULL, source TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0, error TEXT) STRICT;
CREATE INDEX outbox_urgent ON outbox(seq) WHERE lane < 2;
CREATE TABLE dead (seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, topic TEXT NOT NULL, qos INTEGER NOT NULL,
  retain INTEGER NOT NULL, payload BLOB NOT NULL, boot INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
  source TEXT NOT NULL, attempts INTEGER NOT NULL, reason TEXT NOT NULL, error TEXT) STRICT;
CREATE TABLE command (n INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, digest BLOB NOT NULL,
  method TEXT NOT NULL, payload BLOB NOT NULL, boot INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, code TEXT, reply_topic TEXT, reply_qos INTEGER, reply_retain INTEGER,
  reply BLOB) STRICT;
CREATE INDEX command_key ON command(key, digest);
CREATE INDEX command_open ON command(n) WHERE state < 2;
CREATE TABLE timer (n INTEGER PRIMARY KEY AUTOINCREMENT, flow TEXT NOT NULL, args TEXT NOT NULL,
  boot INTEGER NOT NULL, due_ms INTEGER NOT NULL, after_seq INTEGER) STRICT;
CREATE TABLE schedule (name TEXT PRIMARY KEY, boot INTEGER NOT NULL, start_ms INTEGER NOT NULL,
  due_wall_ms INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
";

/// A table as it is copied from one file to another. The first column is its key.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

impl Table {
    pub(super) fn key(&self) -> &'static str {
        self.columns.first().copied().unwrap_or("rowid")
    }

    pub(super) fn select(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.columns.join(","), self.name, self.key())
    }

    /// `INSERT`, with what happens to a row whose key is there already: `IGNORE` or `REPLACE`.
    pub(super) fn insert(&self, or: &str) -> String {
        let holes: Vec<String> = (1..=self.columns.len()).map(|number| format!("?{number}")).collect();
        let (name, columns) = (self.name, self.columns.join(","));
        format!("INSERT OR {or} INTO {name} ({columns}) VALUES ({})", holes.join(","))
    }
}

/// Whether this is a station's file, whatever has become of its mark: tables of these names have these columns.
pub(super) fn has_our_tables(db: &Connection) -> bool {
    [META, OUTBOX].iter().all(|table| db.prepare(&table.select()).is_ok())
}

pub(super) const META: Table = Table { name: "meta", columns: &["key", "value"] };
pub(super) const BOOT: Table =
    Table { name: "boot", columns: &["boot", "boot_id", "offset_ms", "quality", "floor_ms"] };
pub(super) const OUTBOX: Table = Table {
    name: "outbox",
    columns: &[
        "seq", "lane", "topic", "qos", "retain", "payload", "boot", "mono_ms", "source", "attempts",
        "refusals", "error",
    ],
};
pub(super) const DEAD: Table = Table {
    name: "dead",
    columns: &[
        "seq", "lane", "topic", "qos", "retain", "payload", "boot", "mono_ms", "source", "attempts",
        "reason", "error",
    ],
};
pub(super) const COMMAND: Table = Table {
    name: "command",
    columns: &[
        "n",
        "key",
        "digest",
        "method",
        "payload",
        "boot",
        "mono_ms",
        "state",
        "code",
        "reply_topic",
        "reply_qos",
        "reply_retain",
        "reply",
    ],
};
pub(super) const TIMER: Table =
    Table { name: "timer", columns: &["n", "flow", "args", "boot", "due_ms", "after_seq"] };
pub(super) const SCHEDULE: Table =
    Table { name: "schedule", columns: &["name", "boot", "start_ms", "due_wall_ms"] };
pub(super) const STATE: Table = Table { name: "state", columns: &["key", "value"] };
/// The database's own: the highest number that each `AUTOINCREMENT` gave out.
pub(super) const SEQUENCE: Table = Table { name: "sqlite_sequence", columns: &["name", "seq"] };

/// Makes the tables in an empty database, in one transaction.
pub(super) fn create(db: &Connection, store_id: &str, steps: &[&str]) -> rusqlite::Result<()> {
    let named = format!(
        "INSERT INTO meta VALUES ('store_id', '{store_id}'); PRAGMA application_id={APPLICATION_ID};"
    );
    take_steps(db, 0, steps, &named)
}

/// Brings a file of an older version to the newest, in one transaction: if it fails, nothing has changed.
pub(super) fn raise(db: &Connection, found: i64, steps: &[&str]) -> rusqlite::Result<()> {
    take_steps(db, usize::try_from(found).unwrap_or(0), steps, "")
}

fn take_steps(db: &Connection, from: usize, steps: &[&str], after: &str) -> rusqlite::Result<()> {
    let missing = steps.get(from..).unwrap_or_default().concat();
    let version = version_of(steps);
    let done =
        db.execute_batch(&format!("BEGIN IMMEDIATE;{missing}{after}PRAGMA user_version={version}; COMMIT;"));
    if done.is_err() && !db.is_autocommit() {
        db.execute_batch("ROLLBACK;")?;
    }
    done
}

/// A database in memory with all tables.
pub(super) fn in_memory(store_id: &str) -> rusqlite::Result<Connection> {
    let db = Connection::open_in_memory()?;
    keep_statements(&db);
    db.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA trusted_schema=OFF;")?;
    create(&db, store_id, STEPS)?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copied_columns_are_all_columns() {
        let db = in_memory("0").expect("a database");
        for table in [&META, &BOOT, &OUTBOX, &DEAD, &COMMAND, &TIMER, &SCHEDULE, &STATE, &SEQUENCE] {
            let mut query =
                db.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid").expect("a query");
            let found: Vec<String> =
                query.query_map([table.name], |row| row.get(0)).expect("rows").flatten().collect();
            assert_eq!(found, table.columns, "{}", table.name);
        }
    }
}
