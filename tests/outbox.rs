//! `atflow outbox`, while a station has the store and afterwards.

mod support;

use std::path::PathBuf;

use atflow::store::{Lane, Life, NewEffects, NewRow, Store};
use serde_json::json;

use support::process::{atflow, run};
use support::temp::TempDir;

fn station(dir: &TempDir, name: &str) -> Store {
    let folder = PathBuf::from(dir.join(&format!("atflow/{name}")));
    let life = Life { boot_id: "boot-1".to_string(), now_ms: 0, chance: 1 };
    Store::open(&folder, "sim:test", &life).expect("it opens")
}

/// Two reports and an event; the first is dead, the second is being published.
fn busy(store: &mut Store) {
    store.set_clock(0, 1_750_000_000_000, 4);
    let row = |lane, payload: &[u8]| NewRow {
        lane,
        topic: "attributes".to_string(),
        payload: payload.to_vec(),
        qos: 1,
        retain: false,
        source: "tick".to_string(),
    };
    let rows = vec![
        row(Lane::Report, b"{\"t\":21.5}"),
        row(Lane::Report, b"\x00\xff"),
        row(Lane::Event, b"line\nend"),
    ];
    store.commit(1000, &NewEffects { rows, ..NewEffects::default() }).expect("kept");
    store.begin_publish(1);
    store.failed(1, Some("CME\u{1b}[31m 50"), true);
    store.bury(1, "refused", None);
    store.begin_publish(2);
}

#[test]
fn rows_are_listed_and_shown_while_a_station_runs() {
    let dir = TempDir::new();
    let mut store = station(&dir, "pump");
    busy(&mut store);
    let list = run(&mut atflow(&dir, ["outbox", "list"])).exited(0);
    assert_eq!(
        list.stdout,
        "\
SEQ  STATE      LANE    TIME                  BYTES  TRIES  SOURCE  TOPIC       ERROR
2    in flight  report  2025-06-15T15:06:41Z  2      1      tick    attributes
3    waits      event   2025-06-15T15:06:41Z  8      0      tick    attributes
1    dead       report  2025-06-15T15:06:41Z  10     1      tick    attributes  refused: CME\\x1b[31m 50
"
    );
    let show = run(&mut atflow(&dir, ["outbox", "show", "3", "pump"])).exited(0);
    assert!(show.stdout.ends_with("  bytes   8\n\nline\\nend\n"), "{}", show.stdout);
    let state = dir.join("atflow/pump");
    let show =
        run(&mut atflow(&dir, ["outbox", "show", "2", "--state", &state, "--format", "json"])).exited(0);
    assert_eq!(show.events()[0]["payload_base64"], json!("AP8="));
}

#[test]
fn a_dead_row_is_tried_again_and_a_waiting_one_deleted() {
    let dir = TempDir::new();
    let mut store = station(&dir, "pump");
    busy(&mut store);
    let again = run(&mut atflow(&dir, ["outbox", "retry", "1"])).exited(0);
    assert_eq!(again.stdout, "row 1 waits again, as row 4\n");
    let again = run(&mut atflow(&dir, ["outbox", "retry", "1"])).exited(1);
    assert!(again.stderr.contains("there is no row 1"), "{}", again.stderr);
    let flying = run(&mut atflow(&dir, ["outbox", "drop", "2"])).exited(1);
    assert!(flying.stderr.contains("is being published"), "{}", flying.stderr);
    run(&mut atflow(&dir, ["outbox", "drop", "3"])).exited(0);
    store.delivered(2);
    let row = store.head(false).expect("the row that is tried again");
    assert_eq!((row.seq, row.payload.as_slice()), (4, &b"{\"t\":21.5}"[..]));
    assert_eq!(store.counts().rows, [0, 0, 1]);
    store.close();
    run(&mut atflow(&dir, ["outbox", "drop", "4"])).exited(0);
    let list = run(&mut atflow(&dir, ["outbox", "list"])).exited(0);
    assert_eq!(list.stdout, "nothing waits, and nothing was refused\n");
}

#[test]
fn it_says_which_stations_there_are() {
    let dir = TempDir::new();
    let none = run(&mut atflow(&dir, ["outbox", "list"])).exited(2);
    assert!(none.stderr.contains("no station keeps anything"), "{}", none.stderr);
    drop((station(&dir, "pump"), station(&dir, "well")));
    let two = run(&mut atflow(&dir, ["outbox", "list"])).exited(2);
    assert!(two.stderr.contains("say which station: pump, well"), "{}", two.stderr);
    run(&mut atflow(&dir, ["outbox", "list", "well"])).exited(0);
    let other = run(&mut atflow(&dir, ["outbox", "list", "lake"])).exited(3);
    assert!(other.stderr.contains("there is no `station.db`"), "{}", other.stderr);
}

#[test]
fn a_stations_name_is_not_taken_for_a_message() {
    let dir = TempDir::new();
    let mut store = station(&dir, "7");
    busy(&mut store);
    let said = run(&mut atflow(&dir, ["outbox", "drop", "3", "7"])).exited(2);
    assert_eq!(
        said.stderr,
        "error: `7` may be a message, and a station is called so
  = help: name the station's folder with `--state`
"
    );
    let state = dir.join("atflow/7");
    run(&mut atflow(&dir, ["outbox", "drop", "1", "3", "--state", &state])).exited(0);
}
