use super::*;

fn source(store: &mut Store, seq: u64) -> String {
    store.row_after(false, seq - 1).expect("a row").source
}

#[test]
fn a_visitor_sees_and_changes_what_a_running_station_has() {
    let folder = Folder::new();
    assert!(Visit::to(folder.path()).is_err());
    let mut store = folder.open(&life(1, 0));
    store.set_clock(0, 1_750_000_000_000, 4);
    let seqs: Vec<u64> = (0..3).map(|n| report(&mut store, 1000, &format!("r{n}"))).collect();
    store.bury(seqs[0], "refused", Some("CME 50"));
    store.begin_publish(seqs[1]);
    let visit = Visit::to(folder.path()).expect("there is one");
    let list = visit.list().expect("read");
    let places: Vec<(u64, Where)> = list.iter().map(|row| (row.seq, row.place)).collect();
    assert_eq!(places, [(seqs[1], Where::InFlight), (seqs[2], Where::Outbox), (seqs[0], Where::Dead)]);
    assert_eq!(list[2].error.as_deref(), Some("refused: CME 50"));
    assert_eq!(list[2].wall_ms, Some(1_750_000_001_000));
    assert_eq!(visit.show(seqs[2]).expect("read").1, b"r2");
    assert!(visit.show(99).is_err());

    assert!(visit.drop_row(seqs[1]).expect_err("in flight").to_string().contains("being published"));
    assert!(visit.retry(seqs[2]).expect_err("alive").to_string().contains("still waits"));
    assert!(visit.retry(99).expect_err("nothing").to_string().contains("no row 99"));
    let again = visit.retry(seqs[0]).expect("again");
    assert!(again > seqs[2]);
    visit.drop_row(seqs[2]).expect("deleted");

    // The station sees both at once, in its counts, too.
    assert_eq!(queue(&mut store, false), ["r1", "r0"]);
    let counts = store.counts();
    assert_eq!((counts.rows, counts.bytes, counts.dead), ([0, 0, 2], 4, 0));
    let id = store.id().to_string();
    assert_eq!(source(&mut store, again), format!("test, retry of {id}-{}", seqs[0]));
    store.delivered(seqs[1]);
    assert_eq!(visit.list().expect("read").len(), 1);
}

#[test]
fn what_a_dead_station_was_sending_may_be_deleted() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    let seq = report(&mut store, 0, "x");
    store.begin_publish(seq);
    drop(store);
    let visit = Visit::to(folder.path()).expect("there is one");
    visit.drop_row(seq).expect("deleted");
    assert_eq!(visit.list().expect("read"), []);
}
