use serde_json::json;

use super::*;

#[test]
fn commands_run_in_the_order_they_came() {
    in_both(|mut store| {
        let ns = store.record(5, &[command("a", "1"), command("b", "2")]).expect("recorded");
        let first = store.next_command().expect("a command");
        assert_eq!((first.n, first.key.as_str(), first.payload.as_slice()), (ns[0], "a", &b"1"[..]));
        assert_eq!((first.captured, first.state), (store.moment(5), CommandState::Recorded));
        store.start_command(ns[0]).expect("started");
        assert_eq!(store.next_command().map(|command| command.n), Some(ns[1]));
    });
}

#[test]
fn a_command_that_began_never_begins_again() {
    in_both(|mut store| {
        let ns = store.record(5, &[command("a", "1"), command("b", "2")]).expect("recorded");
        store.start_command(ns[0]).expect("started");
        assert!(store.start_command(ns[0]).is_err());
        assert_eq!(store.interrupted_commands(), []);
        let mut store = store.crash("p", &life(1, 9)).expect("the next life");
        let interrupted = store.interrupted_commands();
        assert_eq!(interrupted.iter().map(|command| command.n).collect::<Vec<_>>(), ns[..1]);
        assert!(store.start_command(ns[0]).is_err());
        let next = store.next_command().expect("the other one");
        store.start_command(next.n).expect("started");
        assert_eq!(store.interrupted_commands(), interrupted, "the one that runs now is none");
        let unknown = end(CommandState::Unknown, Some("unknown_outcome"));
        store.finish_command(10, ns[0], &unknown, &NewEffects::default()).expect("ended");
        assert_eq!(store.interrupted_commands(), []);
    });
}

#[test]
fn an_end_comes_with_all_its_effects_and_only_once() {
    in_both(|mut store| {
        let n = store.record(5, &[command("a", "1")]).expect("recorded")[0];
        store.start_command(n).expect("started");
        let effects = NewEffects {
            rows: vec![row(Lane::Event, "effect")],
            state: vec![("x".to_string(), json!(3))],
            timers: vec![NewTimer { flow: "restart".to_string(), args: json!({}), due_ms: 100 }],
        };
        let done = end(CommandState::Done, Some("answer"));
        let finished = store.finish_command(6, n, &done, &effects).expect("ended");
        assert_eq!(queue(&mut store, true), ["answer", "effect"]);
        assert_eq!(finished.rows.len(), 1);
        assert_eq!(store.timers()[0].after_seq, finished.reply);
        let again = store.finish_command(7, n, &done, &effects);
        assert!(matches!(again, Err(StoreError::CommandOver { .. })), "{again:?}");
        let mut store = store.crash("p", &life(1, 9)).expect("the next life");
        assert_eq!(queue(&mut store, true), ["answer", "effect"]);
        assert_eq!((store.timers().len(), &store.state()["x"]), (1, &json!(3)));
        assert_eq!(store.counts().rows, [1, 1, 0]);
    });
}

#[test]
fn an_end_that_cannot_be_kept_leaves_nothing() {
    in_both(|mut store| {
        let n = store.record(5, &[command("a", "1")]).expect("recorded")[0];
        store.start_command(n).expect("started");
        let large = vec![("x".to_string(), json!("y".repeat(MAX_STATE_BYTES)))];
        let effects = NewEffects { rows: vec![row(Lane::Event, "e")], state: large, timers: vec![] };
        let refused = store.finish_command(6, n, &end(CommandState::Done, Some("a")), &effects);
        assert!(matches!(refused, Err(StoreError::StateTooLarge { .. })), "{refused:?}");
        assert_eq!((queue(&mut store, true).len(), store.state().len()), (0, 0));
        store
            .finish_command(7, n, &end(CommandState::Failed, Some("failed")), &NewEffects::default())
            .expect("it can still end");
    });
}

#[test]
fn a_unique_key_is_known_for_thirty_days() {
    in_both(|mut store| {
        let n = store.record(5, &[command("a", "1")]).expect("recorded")[0];
        let known = store.same_command(6, "a", None, None).expect("known");
        assert_eq!((known.n, known.state, known.reply), (n, CommandState::Recorded, None));
        let rejected = end(CommandState::Rejected, Some("no"));
        store.finish_command(6, n, &rejected, &NewEffects::default()).expect("ended");
        let known = store.same_command(29 * DAY_MS, "a", None, None).expect("known");
        assert_eq!(known.reply.map(|row| row.payload), Some(b"no".to_vec()));
        assert_eq!(store.same_command(6, "b", None, None), None);
        assert_eq!(store.same_command(31 * DAY_MS, "a", None, None), None);
        store.record(31 * DAY_MS, &[command("c", "1")]).expect("recorded");
        let left: i64 =
            store.db.query_row("SELECT count(*) FROM command", [], |row| row.get(0)).expect("count");
        assert_eq!(left, 1);
    });
}

#[test]
fn a_reused_key_is_a_repeat_only_with_the_same_payload_and_within_the_window() {
    in_both(|mut store| {
        let old = command("1000", "on");
        store.record(0, std::slice::from_ref(&old)).expect("recorded");
        let window = Some(60_000);
        assert!(store.same_command(60_000, "1000", Some(&old.digest), window).is_some());
        assert_eq!(store.same_command(60_001, "1000", Some(&old.digest), window), None);
        assert_eq!(store.same_command(1, "1000", Some(&command("", "off").digest), window), None);
        // After a restart of the machine nobody knows how long ago it was.
        let mut store = store.crash("p", &life(2, 0)).expect("the next boot");
        assert_eq!(store.same_command(1, "1000", Some(&old.digest), window), None);
        assert!(store.same_command(1, "1000", None, None).is_some());
    });
}

#[test]
fn ten_thousand_commands_are_remembered_and_those_that_wait_always() {
    in_both(|mut store| {
        let waiting = store.record(0, &[command("w", "1")]).expect("recorded")[0];
        store
            .db
            .execute_batch(
                "WITH RECURSIVE i(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM i WHERE n < 10050)
             INSERT INTO command (n, key, digest, method, payload, boot, mono_ms, state)
             SELECT n, 'k' || n, x'', 'm', x'', 1, 0, 2 FROM i",
            )
            .expect("many");
        store.record(1, &[command("x", "1")]).expect("recorded");
        let left: i64 =
            store.db.query_row("SELECT count(*) FROM command", [], |row| row.get(0)).expect("count");
        assert_eq!(left, 10_002);
        assert_eq!(store.next_command().map(|command| command.n), Some(waiting));
        assert_eq!(store.same_command(2, "k50", None, None), None);
        assert!(store.same_command(2, "k51", None, None).is_some());
    });
}
