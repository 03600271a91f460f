//! What a station does with its store, and what it was told was done.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use atflow::store::{
    CommandEnd, CommandState, Lane, Life, NewCommand, NewEffects, NewRow, Store, StoreNews, Visit,
};
use serde_json::json;

use super::recording;
use atflow::chance::Chance;

/// What the store had said when so many operations had reached the system.
#[derive(Clone, Debug)]
pub enum Said {
    /// `commit` gave this number to this payload.
    Kept(u64, String),
    /// The cloud has this row: it may be deleted.
    Delivered(u64),
    Recorded(u64, String),
    Started(u64),
    Finished(u64),
}

/// Everything the store had said, in order.
#[derive(Default)]
pub struct Story {
    pub said: Vec<(usize, Said)>,
    /// Spans of operations that belong to checkpoints.
    pub checkpoints: Vec<(usize, usize)>,
}

impl Story {
    fn say(&mut self, said: Said) {
        self.said.push((recording::length(), said));
    }
}

pub fn life(now_ms: i64) -> Life {
    Life { boot_id: "boot-1".to_string(), now_ms, chance: 17 }
}

fn row(lane: Lane, payload: &str) -> NewRow {
    NewRow {
        lane,
        topic: "t/x".to_string(),
        payload: payload.as_bytes().to_vec(),
        qos: 1,
        retain: false,
        source: "work".to_string(),
    }
}

/// Works for so many rounds. The last thing each does is told before the next begins.
pub fn work(folder: &Path, rounds: u64, chance: &mut Chance) -> Story {
    recording::record(true);
    let mut told = Story::default();
    let mut store = Store::open(folder, "p", &life(0)).expect("it opens");
    let mut now_ms = 0;
    for round in 0..rounds {
        now_ms += 1000;
        match chance.below(8) {
            0..=2 => keep(&mut store, &mut told, now_ms, round, chance),
            3 | 4 => deliver(&mut store, &mut told, chance),
            5 => record(&mut store, &mut told, now_ms, round),
            6 => answer(&mut store, &mut told, now_ms),
            _ => {
                now_ms += 11 * 60_000;
                let from = recording::length();
                store.checkpoint_if_due(now_ms);
                told.checkpoints.push((from, recording::length()));
            }
        }
    }
    recording::record(false);
    assert_eq!(store.take_news(), []);
    told
}

fn keep(store: &mut Store, told: &mut Story, now_ms: i64, round: u64, chance: &mut Chance) {
    let filling = usize::try_from(chance.below(3000)).expect("small");
    let texts: Vec<String> =
        (0..=chance.below(2)).map(|n| format!("row {round}.{n} {}", "x".repeat(filling))).collect();
    let lane = if chance.hits(0.3) { Lane::Event } else { Lane::Report };
    let rows = texts.iter().map(|text| row(lane, text)).collect();
    let seqs = store.commit(now_ms, &NewEffects { rows, ..NewEffects::default() }).expect("kept");
    for (seq, text) in seqs.into_iter().zip(texts) {
        told.say(Said::Kept(seq, text));
    }
}

fn deliver(store: &mut Store, told: &mut Story, chance: &mut Chance) {
    let Some(row) = store.head(chance.hits(0.5)) else { return };
    store.begin_publish(row.seq);
    match chance.below(6) {
        0 => store.failed(row.seq, Some("timeout"), false),
        1 => store.bury(row.seq, "refused", Some("ERROR")),
        _ => {
            told.say(Said::Delivered(row.seq));
            store.delivered(row.seq);
        }
    }
}

fn record(store: &mut Store, told: &mut Story, now_ms: i64, round: u64) {
    let key = format!("key-{round}");
    let command =
        NewCommand { key: key.clone(), digest: [7; 32], method: "m".to_string(), payload: b"{}".to_vec() };
    let ns = store.record(now_ms, &[command]).expect("recorded");
    told.say(Said::Recorded(ns[0], key));
}

fn answer(store: &mut Store, told: &mut Story, now_ms: i64) {
    let Some(command) = store.next_command() else { return };
    let n = command.n;
    store.start_command(n).expect("started");
    told.say(Said::Started(n));
    let effects = NewEffects {
        rows: vec![row(Lane::Event, &format!("effect of {n}"))],
        state: vec![(format!("done-{n}"), json!(n))],
        timers: vec![],
    };
    let end = CommandEnd {
        state: CommandState::Done,
        code: "ok".to_string(),
        reply: Some(row(Lane::Reply, &format!("reply to {n}"))),
    };
    let finished = store.finish_command(now_ms, n, &end, &effects).expect("ended");
    let reply = finished.reply.expect("a reply");
    told.say(Said::Finished(n));
    told.say(Said::Kept(reply, format!("reply to {n}")));
    told.say(Said::Kept(finished.rows[0], format!("effect of {n}")));
}

/// Opens what the disk holds and compares it with what had been said. Each difference is a broken promise.
pub fn broken_promises(folder: &Path, said: &[(usize, Said)]) -> Vec<String> {
    let mut broken = Vec::new();
    let mut store = Store::open(folder, "p", &life(1_000_000_000)).expect("it opens");
    let news = store.take_news();
    if news.iter().any(|news| !matches!(news, StoreNews::Dropped { .. })) {
        broken.push(format!("{news:?}"));
    }
    let rows = waiting(&mut store);
    let dead: BTreeSet<u64> = if store.counts().dead == 0 { BTreeSet::new() } else { dead_rows(folder) };
    let delivered: BTreeSet<u64> = said
        .iter()
        .filter_map(|(_, said)| if let Said::Delivered(seq) = said { Some(*seq) } else { None })
        .collect();
    let last = last_words(said);
    for (_, said) in said {
        match said {
            Said::Kept(seq, text) => match rows.get(seq) {
                Some(found) if found == text => {}
                Some(found) => broken.push(format!("row {seq} is {found:.20}, not {text:.20}")),
                None if delivered.contains(seq) || dead.contains(seq) => {}
                None => broken.push(format!("row {seq} is lost")),
            },
            Said::Recorded(n, key) => match store.same_command(1_000_000_000, key, None, None) {
                None => broken.push(format!("command {n} is lost")),
                Some(found) => broken.extend(judge(*n, found.state, last.get(n), &store, &rows)),
            },
            Said::Delivered(_) | Said::Started(_) | Said::Finished(_) => {}
        }
    }
    let effects = NewEffects { rows: vec![row(Lane::Report, "after")], ..NewEffects::default() };
    let next = store.commit(1_000_000_001, &effects).expect("kept")[0];
    if said.iter().any(|(_, said)| matches!(said, Said::Kept(seq, _) if *seq >= next)) {
        broken.push(format!("number {next} is given again"));
    }
    broken
}

/// The furthest that was said of each command.
fn last_words(said: &[(usize, Said)]) -> BTreeMap<u64, Said> {
    let mut last = BTreeMap::new();
    for (_, said) in said {
        if let Said::Started(n) | Said::Finished(n) = said {
            last.insert(*n, said.clone());
        }
    }
    last
}

/// A command that began stays begun; its end and all its effects are there together or not at all.
fn judge(
    n: u64,
    state: CommandState,
    last: Option<&Said>,
    store: &Store,
    rows: &BTreeMap<u64, String>,
) -> Vec<String> {
    let mut broken = Vec::new();
    let effect = store.state().contains_key(&format!("done-{n}"));
    if effect != (state == CommandState::Done) {
        broken.push(format!("command {n} is {state:?}, and its effects are not so"));
    }
    let replies = rows.values().filter(|text| **text == format!("reply to {n}")).count();
    if replies > 1 || (replies == 1) && state != CommandState::Done {
        broken.push(format!("command {n} is {state:?} and has {replies} replies"));
    }
    match last {
        Some(Said::Started(_)) if state == CommandState::Recorded => {
            broken.push(format!("command {n} began, and would begin again"));
        }
        // That its reply is not lost is said of the reply's row.
        Some(Said::Finished(_)) if state != CommandState::Done => {
            broken.push(format!("command {n} was over, and is {state:?}"));
        }
        _ => {}
    }
    broken
}

fn waiting(store: &mut Store) -> BTreeMap<u64, String> {
    let mut rows = BTreeMap::new();
    for urgent in [true, false] {
        let mut after = 0;
        while let Some(row) = store.row_after(urgent, after) {
            after = row.seq;
            rows.insert(row.seq, String::from_utf8(row.payload).unwrap_or_default());
        }
    }
    rows
}

fn dead_rows(folder: &Path) -> BTreeSet<u64> {
    let visit = Visit::to(folder).expect("a store");
    visit.list().expect("read").into_iter().map(|row| row.seq).collect()
}
