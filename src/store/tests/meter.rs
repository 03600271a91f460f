//! What the store counts of its work.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::*;

/// A clock that goes on by a millisecond whenever somebody looks, and all that was counted.
#[derive(Clone, Default)]
struct Counter {
    looked: Rc<Cell<u64>>,
    done: Rc<RefCell<Vec<Work>>>,
}

impl Meter for Counter {
    fn now(&self) -> Duration {
        self.looked.set(self.looked.get() + 1);
        Duration::from_millis(self.looked.get())
    }

    fn worked(&mut self, work: Work) {
        self.done.borrow_mut().push(work);
    }
}

fn committed(sync: &'static str) -> Work {
    Work::Committed { sync, took: Duration::from_millis(1) }
}

#[test]
fn each_transaction_is_measured_and_each_failure_counted() {
    in_both(|mut store| {
        let counter = Counter::default();
        store.set_meter(Box::new(counter.clone()));
        let seq = report(&mut store, 1, "r1");
        store.begin_publish(seq);
        assert_eq!(counter.done.take(), [committed("full"), committed("normal")]);

        store.set_disk_faults(Box::new(|_| Some(DiskFault::Write)));
        report(&mut store, 2, "r2");
        assert_eq!(counter.done.take(), [Work::Failed { kind: "io" }, committed("none")]);
    });
}

#[test]
fn a_question_without_an_answer_is_no_failure() {
    in_both(|mut store| {
        let counter = Counter::default();
        store.set_meter(Box::new(counter.clone()));
        assert!(store.head(false).is_none() && store.start_command(99).is_err());
        let failed = |work: &Work| matches!(work, Work::Failed { .. });
        assert!(!counter.done.take().iter().any(failed));
    });
}

#[test]
fn only_a_store_on_disk_has_a_log() {
    assert_eq!(Store::in_memory(&life(1, 0)).expect("memory").wal_bytes(), 0);
    let folder = Folder::new();
    let mut store = folder.open(&life(1, 0));
    report(&mut store, 1, "r1");
    let log = fs::metadata(folder.path().join("station.db-wal")).expect("the log");
    assert_eq!(store.wal_bytes(), log.len());
    assert!(log.len() > 0);
}
