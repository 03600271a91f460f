use serde_json::json;

use super::*;

fn set(name: &str, value: Value) -> NewEffects {
    NewEffects { state: vec![(name.to_string(), value)], ..NewEffects::default() }
}

#[test]
fn state_survives_and_is_bounded() {
    in_both(|mut store| {
        store.commit(0, &set("a", json!({"n": [1, 2.5, null]}))).expect("kept");
        store.commit(0, &set("a", json!("é\u{0}"))).expect("kept");
        let refused = store.commit(0, &set("b", json!("x".repeat(MAX_STATE_BYTES))));
        assert!(matches!(refused, Err(StoreError::StateTooLarge { .. })), "{refused:?}");
        let store = store.crash("p", &life(1, 1)).expect("the next life");
        assert_eq!(store.state().len(), 1);
        assert_eq!(store.state()["a"], json!("é\u{0}"));
    });
}

#[test]
fn a_timer_starts_at_most_once() {
    in_both(|mut store| {
        let timer = |flow: &str| NewTimer { flow: flow.to_string(), args: json!({"x": 1}), due_ms: 50 };
        let effects =
            NewEffects { timers: vec![timer("a"), timer("b"), timer("c")], ..NewEffects::default() };
        store.commit(7, &effects).expect("kept");
        let timers = store.timers();
        assert_eq!(
            (timers[0].flow.as_str(), &timers[0].args, timers[0].after_seq),
            ("a", &json!({"x": 1}), None)
        );
        assert_eq!(timers[0].due, store.moment(50));
        assert!(store.start_timer(timers[0].n).expect("written"));
        assert!(!store.start_timer(timers[0].n).expect("written"));
        store.drop_timer(timers[1].n);
        let mut store = store.crash("p", &life(1, 9)).expect("the next life");
        assert_eq!(store.timers(), timers[2..]);
    });
}

#[test]
fn the_last_run_of_a_schedule_is_known_to_the_next_process() {
    in_both(|mut store| {
        store.schedule_started("tick", 10, None);
        store.schedule_started("tick", 20, Some(99));
        let run = LastRun { start: store.moment(20), due_wall_ms: Some(99) };
        assert_eq!(store.schedule("tick"), Some(run));
        let store = store.crash("p", &life(2, 0)).expect("the next boot");
        assert_eq!((store.schedule("tick"), store.schedule("tock")), (Some(run), None));
    });
}

#[test]
fn a_clean_end_is_told_from_a_crash() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    assert!(store.was_clean(), "nobody had a new one before");
    store.set_note("data_mode", Some("7 120"));
    store.close();
    let mut store = folder.open(&life(1, 1));
    assert!(store.was_clean());
    assert_eq!(store.note("data_mode").as_deref(), Some("7 120"));
    store.set_note("data_mode", None);
    let mut store = store.crash("p", &life(1, 2)).expect("the next life");
    assert!(!store.was_clean());
    assert_eq!(store.note("data_mode"), None);
}

#[test]
fn a_store_that_was_broken_or_never_closed_is_not_a_new_one() {
    let folder = Folder::new();
    drop(folder.open(&life(1, 0)));
    assert!(!folder.open(&life(1, 1)).was_clean(), "the first process died");
    folder.open(&life(1, 2)).close();
    fs::write(folder.path().join(disk::NAME), b"not a database, and long enough to be looked at")
        .expect("ours");
    assert!(!folder.open(&life(1, 3)).was_clean(), "it was broken");
    let memory = Store::in_memory(&life(1, 0)).expect("memory");
    assert!(memory.was_clean());
    assert!(!memory.crash("p", &life(1, 1)).expect("memory").was_clean());
}

#[test]
fn a_publish_that_was_cut_is_known_until_one_arrives() {
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    assert!(!store.was_publishing());
    let rows = vec![row(Lane::Report, "a"), row(Lane::Report, "b")];
    let seqs = store.commit(1, &NewEffects { rows, ..NewEffects::default() }).expect("kept");
    store.begin_publish(seqs[0]);
    // Neither another crash nor a clean end before anything was published makes it known.
    let store = store.crash("p", &life(1, 2)).expect("the next life");
    assert!(store.was_publishing() && !store.was_clean());
    store.close();
    let mut store = folder.open(&life(1, 3));
    assert!(store.was_publishing() && !store.was_clean());
    store.begin_publish(seqs[0]);
    store.delivered(seqs[0]);
    store.close();
    let store = folder.open(&life(1, 4));
    assert!(!store.was_publishing() && store.was_clean());
}

#[test]
fn after_an_unknown_outcome_no_end_is_clean() {
    let folder = Folder::new();
    for (refused, clean) in [(false, false), (true, true)] {
        let mut store = folder.open(&life(1, 0));
        let rows = vec![row(Lane::Report, "a")];
        let seqs = store.commit(1, &NewEffects { rows, ..NewEffects::default() }).expect("kept");
        store.begin_publish(seqs[0]);
        store.failed(seqs[0], Some("PUBACK did not come"), refused);
        store.close();
        let mut store = folder.open(&life(1, 1));
        assert_eq!((store.was_publishing(), store.was_clean()), (false, clean));
        store.delivered(seqs[0]);
        store.close();
    }
}
