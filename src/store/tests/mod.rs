//! The store's rules. What does not need a file is tried in memory and on a file alike.

mod clock;
mod commands;
mod failing;
mod files;
mod kept;
mod meter;
mod migration;
mod outbox;
mod visit;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("atflow-store-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn open(&self, life: &Life) -> Store {
        Store::open(&self.0, "sim:test", life).expect("it opens")
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The `number`th start of the machine, `now_ms` ago.
fn life(number: u64, now_ms: i64) -> Life {
    Life { boot_id: format!("boot-{number}"), now_ms, chance: 1000 + number * 7 + now_ms.unsigned_abs() }
}

/// Tries something in memory and on a file.
fn in_both(test: impl Fn(Store)) {
    test(Store::in_memory(&life(1, 0)).expect("memory"));
    let folder = Folder::new();
    test(folder.open(&life(1, 0)));
}

fn row(lane: Lane, text: &str) -> NewRow {
    NewRow {
        lane,
        topic: "t".to_string(),
        payload: text.as_bytes().to_vec(),
        qos: 1,
        retain: false,
        source: "test".to_string(),
    }
}

fn rows(rows: &[(Lane, &str)]) -> NewEffects {
    let rows = rows.iter().map(|(lane, text)| row(*lane, text)).collect();
    NewEffects { rows, ..NewEffects::default() }
}

fn report(store: &mut Store, now_ms: i64, text: &str) -> u64 {
    let seqs = store.commit(now_ms, &rows(&[(Lane::Report, text)])).expect("it is kept");
    *seqs.first().expect("a number")
}

/// The payloads of a queue, in its order.
fn queue(store: &mut Store, urgent: bool) -> Vec<String> {
    let mut all = Vec::new();
    let mut after = 0;
    while let Some(row) = store.row_after(urgent, after) {
        after = row.seq;
        all.push(String::from_utf8(row.payload).expect("text"));
    }
    all
}

fn command(key: &str, payload: &str) -> NewCommand {
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().zip(payload.bytes()) {
        *place = byte;
    }
    NewCommand { key: key.to_string(), digest, method: "m".to_string(), payload: payload.as_bytes().to_vec() }
}

fn end(state: CommandState, reply: Option<&str>) -> CommandEnd {
    CommandEnd { state, code: "ok".to_string(), reply: reply.map(|text| row(Lane::Reply, text)) }
}
