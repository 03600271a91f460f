use super::*;

#[test]
fn rows_leave_in_order_and_urgent_ones_overtake() {
    in_both(|mut store| {
        let effects =
            rows(&[(Lane::Report, "r1"), (Lane::Event, "e1"), (Lane::Report, "r2"), (Lane::Reply, "a1")]);
        let seqs = store.commit(10, &effects).expect("kept");
        assert!(seqs.is_sorted() && seqs.len() == 4, "{seqs:?}");
        assert_eq!(queue(&mut store, true), ["e1", "a1"]);
        assert_eq!(queue(&mut store, false), ["r1", "r2"]);
        let head = store.head(false).expect("a row");
        assert_eq!((head.seq, head.captured), (seqs[0], store.moment(10)));
        store.begin_publish(head.seq);
        store.delivered(head.seq);
        assert_eq!(queue(&mut store, false), ["r2"]);
    });
}

#[test]
fn a_number_never_comes_again() {
    in_both(|mut store| {
        let mut last = 0;
        for life_number in 0..4 {
            for _ in 0..3 {
                let seq = report(&mut store, 1, "x");
                assert!(seq > last, "{seq} after {last}");
                last = seq;
                store.delivered(seq);
            }
            store = store.crash("p", &life(1, life_number)).expect("the next life");
        }
    });
}

#[test]
fn attempts_refusals_and_errors_are_kept_over_a_crash() {
    in_both(|mut store| {
        let seq = report(&mut store, 1, "x");
        store.begin_publish(seq);
        store.failed(seq, Some("timeout"), false);
        store.begin_publish(seq);
        store.failed(seq, Some("CME 50"), true);
        store.begin_publish(seq);
        let mut store = store.crash("p", &life(1, 5)).expect("the next life");
        let row = store.head(false).expect("the row");
        assert_eq!((row.attempts, row.refusals, row.error.as_deref()), (3, 1, Some("CME 50")));
    });
}

#[test]
fn a_dead_row_leaves_the_queue_and_the_oldest_of_a_thousand_goes() {
    in_both(|mut store| {
        let many: Vec<(Lane, &str)> = vec![(Lane::Report, "x"); 1003];
        let seqs = store.commit(1, &rows(&many)).expect("kept");
        for seq in &seqs[..1002] {
            store.bury(*seq, "refused", Some("ERROR"));
        }
        let counts = store.counts();
        assert_eq!((counts.rows, counts.dead, counts.bytes), ([0, 0, 1], 1000, 1));
        let first: i64 =
            store.db.query_row("SELECT min(seq) FROM dead", [], |row| row.get(0)).expect("dead rows");
        assert_eq!(counted(first), seqs[2]);
    });
}

#[test]
fn the_counts_are_those_of_the_file() {
    in_both(|mut store| {
        let effects = rows(&[(Lane::Report, "four"), (Lane::Event, "e"), (Lane::Report, "22")]);
        let seqs = store.commit(7, &effects).expect("kept");
        store.delivered(seqs[0]);
        // Twice makes no difference.
        store.delivered(seqs[0]);
        let counts = store.counts();
        assert_eq!((counts.rows, counts.bytes, counts.dead), ([0, 1, 1], 3, 0));
        assert_eq!(counts.oldest, Some(store.moment(7)));
        let mut store = store.crash("p", &life(1, 8)).expect("the next life");
        assert_eq!(store.counts(), counts);
    });
}

fn bounded(store: &mut Store, max_rows: u64, max_bytes: u64, drop: DropPolicy) {
    store.set_bounds(Bounds { max_rows, max_bytes, keep_ms: DAY_MS, drop });
}

#[test]
fn too_many_reports_cost_the_oldest_but_not_the_one_that_is_being_sent() {
    in_both(|mut store| {
        bounded(&mut store, 3, 1000, DropPolicy::Oldest);
        let seqs: Vec<u64> = (0..3).map(|n| report(&mut store, n, &format!("r{n}"))).collect();
        store.begin_publish(seqs[0]);
        store.commit(4, &rows(&[(Lane::Report, "r3"), (Lane::Event, "e")])).expect("kept");
        assert_eq!(queue(&mut store, false), ["r0", "r2", "r3"]);
        let dropped =
            StoreNews::Dropped { first: seqs[1], last: seqs[1], count: 1, reason: DropReason::Full };
        assert_eq!(store.take_news(), [dropped]);
        assert_eq!(store.counts().rows, [0, 1, 3]);
    });
}

#[test]
fn the_newest_goes_where_the_old_ones_are_to_stay() {
    in_both(|mut store| {
        bounded(&mut store, 2, 1000, DropPolicy::Newest);
        let seqs: Vec<u64> = (0..4).map(|n| report(&mut store, n, &format!("r{n}"))).collect();
        assert_eq!(queue(&mut store, false), ["r0", "r1"]);
        let firsts: Vec<u64> = store
            .take_news()
            .into_iter()
            .map(|news| match news {
                StoreNews::Dropped { first, .. } => first,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(firsts, seqs[2..]);
    });
}

#[test]
fn bytes_cost_reports_then_events_and_never_replies() {
    in_both(|mut store| {
        bounded(&mut store, 100, 10, DropPolicy::Oldest);
        store
            .commit(1, &rows(&[(Lane::Report, "1234"), (Lane::Event, "567"), (Lane::Reply, "89")]))
            .expect("kept");
        assert_eq!(store.take_news(), []);
        store.commit(2, &rows(&[(Lane::Event, "abcd")])).expect("kept");
        assert_eq!((queue(&mut store, false), queue(&mut store, true).len()), (vec![], 3));
        store.commit(3, &rows(&[(Lane::Reply, "0123456789")])).expect("kept");
        assert_eq!(queue(&mut store, true), ["89", "0123456789"]);
        assert_eq!(store.counts().bytes, 12);
    });
}

#[test]
fn old_reports_go_when_their_age_is_known() {
    in_both(|mut store| {
        bounded(&mut store, 100, 1000, DropPolicy::Oldest);
        store.commit(0, &rows(&[(Lane::Report, "old"), (Lane::Event, "event")])).expect("kept");
        report(&mut store, DAY_MS / 2, "young");
        report(&mut store, DAY_MS + 1, "new");
        assert_eq!(queue(&mut store, false), ["young", "new"]);
        assert_eq!(queue(&mut store, true), ["event"]);
        assert!(matches!(
            store.take_news()[..],
            [StoreNews::Dropped { reason: DropReason::Age, count: 1, .. }]
        ));
    });
}

#[test]
fn a_report_of_another_boot_is_not_called_old_unless_both_clocks_were_known() {
    in_both(|mut store| {
        bounded(&mut store, 100, 1000, DropPolicy::Oldest);
        report(&mut store, 0, "when?");
        let mut store = store.crash("p", &life(2, 0)).expect("the next boot");
        bounded(&mut store, 100, 1000, DropPolicy::Oldest);
        store.set_clock(0, 1_700_000_000_000, 4);
        report(&mut store, 3600, "then");
        let mut store = store.crash("p", &life(3, 0)).expect("the next boot");
        bounded(&mut store, 100, 1000, DropPolicy::Oldest);
        report(&mut store, 0, "no clock yet");
        assert_eq!(store.take_news(), []);
        store.set_clock(0, 1_700_000_000_000 + 2 * DAY_MS, 4);
        report(&mut store, DAY_MS / 2, "now");
        assert_eq!(queue(&mut store, false), ["when?", "no clock yet", "now"]);
    });
}
