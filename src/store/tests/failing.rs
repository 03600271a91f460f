use std::cell::Cell;
use std::rc::Rc;

use serde_json::json;

use super::*;

/// A disk that fails as it is told.
fn faulty(store: &mut Store) -> Rc<Cell<Option<DiskFault>>> {
    let fault = Rc::new(Cell::new(None));
    let told = Rc::clone(&fault);
    store.set_disk_faults(Box::new(move |_| told.get()));
    fault
}

/// Nothing is dropped: the disk is full of something else.
fn keep_all(store: &mut Store) {
    store.set_bounds(Bounds { drop: DropPolicy::Newest, ..Bounds::default() });
}

fn words(news: Vec<StoreNews>) -> Vec<&'static str> {
    let word = |news| match news {
        StoreNews::Volatile { .. } => "volatile",
        StoreNews::Restored { .. } => "restored",
        StoreNews::Corrupt { .. } => "corrupt",
        StoreNews::Dropped { .. } => "dropped",
    };
    news.into_iter().map(word).collect()
}

#[test]
fn a_full_disk_is_outlived_in_memory() {
    in_both(|mut store| {
        keep_all(&mut store);
        let fault = faulty(&mut store);
        let id = store.id().to_string();
        let (first, second) = (report(&mut store, 0, "r1"), report(&mut store, 0, "r2"));
        fault.set(Some(DiskFault::Full));
        let third = report(&mut store, 1000, "r3");
        assert!(store.is_volatile() && third > second + 1_000_000);
        assert_eq!(words(store.take_news()), ["volatile"]);
        assert_eq!(queue(&mut store, false), ["r1", "r2", "r3"]);
        store.begin_publish(first);
        store.delivered(first);
        store.begin_publish(second);
        store.failed(second, Some("timeout"), false);
        assert_eq!(queue(&mut store, false), ["r2", "r3"]);
        assert_eq!(store.counts().rows, [0, 0, 2]);
        store.checkpoint_if_due(60_999);
        assert!(store.is_volatile());
        store.checkpoint_if_due(61_000);
        assert!(store.is_volatile(), "the disk is still full");
        fault.set(None);
        store.checkpoint_if_due(120_999);
        assert!(store.is_volatile(), "it is not asked all the time");
        store.checkpoint_if_due(121_000);
        assert!(!store.is_volatile());
        assert_eq!(store.take_news(), [StoreNews::Restored { rows: 2 }]);
        let mut store = store.crash("p", &life(1, 200_000)).expect("the next life");
        assert_eq!(queue(&mut store, false), ["r2", "r3"]);
        assert_eq!(store.head(false).map(|row| (row.seq, row.attempts)), Some((second, 1)));
        assert_eq!((store.counts().rows, store.id()), ([0, 0, 2], id.as_str()));
        assert!(report(&mut store, 200_001, "r4") > third);
    });
}

#[test]
fn a_process_that_dies_without_its_disk_leaves_no_number_to_be_given_twice() {
    in_both(|mut store| {
        keep_all(&mut store);
        let fault = faulty(&mut store);
        report(&mut store, 0, "r1");
        fault.set(Some(DiskFault::Write));
        let lost = report(&mut store, 0, "lost");
        let mut store = store.crash("p", &life(1, 5)).expect("the next life");
        keep_all(&mut store);
        let fault = faulty(&mut store);
        let kept = report(&mut store, 6, "r2");
        fault.set(Some(DiskFault::Write));
        let lost_too = report(&mut store, 6, "lost, too");
        assert!(kept < lost && lost != lost_too, "{kept} {lost} {lost_too}");
        assert_eq!(queue(&mut store, false), ["r1", "r2", "lost, too"]);
    });
}

#[test]
fn commands_timers_and_state_come_back_from_memory() {
    in_both(|mut store| {
        let fault = faulty(&mut store);
        let old = store.record(0, &[command("a", "1"), command("b", "2")]).expect("recorded");
        let timer = NewTimer { flow: "f".to_string(), args: json!({}), due_ms: 9 };
        let effects = NewEffects {
            timers: vec![timer],
            state: vec![("x".to_string(), json!(1)), ("y".to_string(), json!(1))],
            ..NewEffects::default()
        };
        store.commit(0, &effects).expect("kept");
        store.set_note("n", Some("old"));
        fault.set(Some(DiskFault::Write));
        store.start_command(old[0]).expect("started");
        let change = NewEffects { state: vec![("x".to_string(), json!(2))], ..NewEffects::default() };
        store.finish_command(1, old[0], &end(CommandState::Done, Some("a")), &change).expect("ended");
        let new = store.record(2, &[command("c", "3")]).expect("recorded");
        assert!(store.is_volatile());
        let timers = store.timers();
        store.drop_timer(timers[0].n);
        store.set_note("n", None);
        store.set_clock(3, 1_750_000_000_000, 4);
        fault.set(None);
        store.checkpoint_if_due(70_000);
        assert!(!store.is_volatile());
        let mut store = store.crash("p", &life(1, 80_000)).expect("the next life");
        assert_eq!(store.next_command().map(|command| command.n), Some(old[1]));
        store.start_command(old[1]).expect("started");
        assert_eq!(store.next_command().map(|command| command.n), Some(new[0]));
        assert_eq!(queue(&mut store, true), ["a"]);
        assert_eq!((store.timers(), store.note("n")), (vec![], None));
        assert_eq!(store.state().values().collect::<Vec<_>>(), [&json!(2), &json!(1)]);
        assert_eq!(store.clock_quality(), 4);
    });
}

/// The numbers of memory are far above those of the disk: that does not make what ended there old.
#[test]
fn a_command_that_ended_in_memory_does_not_come_back() {
    in_both(|mut store| {
        let fault = faulty(&mut store);
        let old = store.record(0, &[command("a", "1")]).expect("recorded");
        fault.set(Some(DiskFault::Write));
        store.start_command(old[0]).expect("started");
        store
            .finish_command(1, old[0], &end(CommandState::Done, Some("a")), &NewEffects::default())
            .expect("ended");
        for (at, key) in [(2, "b"), (3, "c")] {
            let new = store.record(at, &[command(key, "2")]).expect("recorded");
            store.start_command(new[0]).expect("started");
            store
                .finish_command(at, new[0], &end(CommandState::Done, None), &NewEffects::default())
                .expect("ended");
        }
        assert!(store.is_volatile());
        fault.set(None);
        store.checkpoint_if_due(70_000);
        assert!(!store.is_volatile());
        assert_eq!(store.next_command(), None);
    });
}

#[test]
fn memory_is_bounded_and_the_oldest_goes() {
    in_both(|mut store| {
        keep_all(&mut store);
        let fault = faulty(&mut store);
        report(&mut store, 0, "on disk");
        fault.set(Some(DiskFault::Full));
        for n in 0..1003 {
            report(&mut store, 1, &format!("{n}"));
        }
        let queue = queue(&mut store, false);
        assert_eq!((queue.len(), queue[0].as_str(), queue[1].as_str()), (1001, "on disk", "3"));
        assert_eq!(store.counts().rows, [0, 0, 1001]);
        let news = words(store.take_news());
        assert_eq!(news, ["volatile", "dropped", "dropped", "dropped"]);
    });
}

#[test]
fn a_full_disk_costs_old_reports_first() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    let payload = "x".repeat(4000);
    for n in 0..200 {
        report(&mut store, n, &payload);
    }
    let pages: i64 = store.db.query_row("PRAGMA page_count", [], |row| row.get(0)).expect("pages");
    store.db.query_row(&format!("PRAGMA max_page_count={pages}"), [], |_| Ok(())).expect("set");
    let first = store.head(false).expect("a row").seq;
    store.begin_publish(first);
    for n in 0..20 {
        report(&mut store, n, &payload);
    }
    assert!(!store.is_volatile());
    let news = store.take_news();
    let [StoreNews::Dropped { first: gone, last, count: 64, .. }] = news[..] else { panic!("{news:?}") };
    assert_eq!((gone, last), (first + 1, first + 64));
    assert_eq!(store.counts().rows, [0, 0, 200 + 20 - 64]);
    assert_eq!(store.head(false).map(|row| row.seq), Some(first));
}

#[test]
fn a_disk_that_is_full_of_other_things_costs_no_report() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    report(&mut store, 0, "old");
    let fault = faulty(&mut store);
    fault.set(Some(DiskFault::Full));
    report(&mut store, 0, "new");
    assert!(store.is_volatile());
    assert_eq!(queue(&mut store, false), ["old", "new"]);
    assert_eq!(words(store.take_news()), ["volatile"]);
}

#[test]
fn a_sync_that_failed_is_not_trusted_again() {
    in_both(|mut store| {
        let fault = faulty(&mut store);
        let id = store.id().to_string();
        let kept = report(&mut store, 0, "r1");
        store
            .commit(0, &NewEffects { state: vec![("x".to_string(), json!(1))], ..NewEffects::default() })
            .expect("kept");
        let failing = Rc::clone(&fault);
        store.set_disk_faults(Box::new(move |_| failing.take()));
        fault.set(Some(DiskFault::Sync));
        let new = report(&mut store, 1, "r2");
        assert!(new > kept && !store.is_volatile());
        assert_ne!(store.id(), id);
        let news = store.take_news();
        let [StoreNews::Corrupt { salvaged: 1, kept_as }] = &news[..] else { panic!("{news:?}") };
        assert!(store.home.is_none() || kept_as.exists());
        let (id, now) = (store.id().to_string(), life(1, 2));
        let mut store = store.crash("p", &now).expect("the next life");
        assert_eq!(queue(&mut store, false), ["r1", "r2"]);
        assert_eq!((store.head(false).map(|row| row.seq), store.id()), (Some(kept), id.as_str()));
        assert_eq!(store.state()["x"], json!(1));
    });
}

#[test]
fn a_disk_that_never_syncs_is_left_alone_until_it_does() {
    in_both(|mut store| {
        let fault = faulty(&mut store);
        let kept = report(&mut store, 0, "r1");
        fault.set(Some(DiskFault::Sync));
        report(&mut store, 1, "r2");
        assert!(store.is_volatile());
        assert_eq!(words(store.take_news()), ["corrupt", "volatile"]);
        report(&mut store, 2, "r3");
        fault.set(None);
        store.checkpoint_if_due(60_001);
        assert!(!store.is_volatile());
        let mut store = store.crash("p", &life(1, 70_000)).expect("the next life");
        assert_eq!(queue(&mut store, false), ["r1", "r2", "r3"]);
        assert_eq!(store.head(false).map(|row| row.seq), Some(kept));
    });
}

#[test]
fn a_store_whose_disk_does_not_work_at_the_start_finds_it_later() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    store.set_clock(0, 1_750_000_000_000, 4);
    report(&mut store, 0, "old");
    let n = store.record(0, &[command("a", "1")]).expect("recorded")[0];
    store.start_command(n).expect("started");
    let id = store.id().to_string();
    store.close();
    let away = folder.path().join("away");
    let file = folder.path().join("station.db");
    fs::rename(&file, &away).expect("moved");
    fs::create_dir(&file).expect("in its place");
    let mut store = folder.open(&life(1, 10));
    assert!(store.is_volatile());
    let made = store.moment(11);
    let new = report(&mut store, 11, "new");
    store
        .commit(11, &NewEffects { state: vec![("x".to_string(), json!(1))], ..NewEffects::default() })
        .expect("kept");
    store.checkpoint_if_due(60_011);
    assert!(store.is_volatile());
    fs::remove_dir(&file).expect("gone");
    fs::rename(&away, &file).expect("back");
    store.checkpoint_if_due(200_000);
    assert_eq!(words(store.take_news()), ["volatile", "restored"]);
    assert_eq!(
        (queue(&mut store, false), store.id()),
        (vec!["old".to_string(), "new".to_string()], id.as_str())
    );
    let row = store.row_after(false, new - 1).expect("the new row");
    assert_eq!((row.captured.mono_ms, store.wall_of(row.captured)), (made.mono_ms, Some(1_750_000_000_011)));
    assert_eq!(store.interrupted_commands().len(), 1);
    assert_eq!(store.state()["x"], json!(1));
}

/// Rows that the disk never saw go with the process; those that it has do not.
#[test]
fn what_is_only_in_memory_is_known_at_the_end() {
    in_both(|mut store| {
        keep_all(&mut store);
        let fault = faulty(&mut store);
        let first = report(&mut store, 0, "r1");
        report(&mut store, 0, "r2");
        assert_eq!(store.unsaved(), 0);
        fault.set(Some(DiskFault::Write));
        report(&mut store, 1000, "r3");
        report(&mut store, 1000, "r4");
        store.begin_publish(first);
        store.failed(first, None, false);
        assert_eq!((store.unsaved(), store.counts().rows), (2, [0, 0, 4]));
        // The last try may succeed.
        fault.set(None);
        assert_eq!((store.unsaved(), store.is_volatile()), (0, false));
        assert_eq!(words(store.take_news()), ["volatile", "restored"]);
    });
}
