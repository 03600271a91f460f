//! What was promised, as the store itself saw it: for whoever checks a station from outside.

use std::cell::RefCell;
use std::rc::Rc;

use super::{CommandState, NewRow, Store};

/// A row that became durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its number.
    pub seq: u64,
    /// What it is.
    pub row: NewRow,
    /// When, on the store's clock.
    pub at_ms: i64,
    /// The disk did not work: it is lost with the process.
    pub volatile: bool,
}

/// A command that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its number.
    pub n: u64,
    /// How.
    pub state: CommandState,
    /// Number of its reply, if it has one.
    pub reply: Option<u64>,
    /// Messages, values of `state` and timers that it left.
    pub effects: usize,
    /// When, on the store's clock.
    pub at_ms: i64,
    /// The disk did not work: after the process's death it had not ended.
    pub volatile: bool,
}

/// Everything that was promised, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Rows of the outbox.
    pub rows: Vec<Enqueued>,
    /// Commands that were recorded.
    pub recorded: Vec<u64>,
    /// Commands whose handler was allowed to begin.
    pub started: Vec<u64>,
    /// Commands that ended.
    pub ended: Vec<Ended>,
}

/// A ledger that several stores write, one after the other.
pub type SharedLedger = Rc<RefCell<Ledger>>;

impl Store {
    /// From now on what is promised is written down there, too.
    pub fn keep_ledger(&mut self, ledger: SharedLedger) {
        self.ledger = Some(ledger);
    }

    pub(super) fn enter(&self, enter: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &self.ledger {
            enter(&mut ledger.borrow_mut());
        }
    }

    pub(super) fn enter_rows(&self, at_ms: i64, rows: &[&NewRow], seqs: &[u64]) {
        let volatile = self.is_volatile();
        self.enter(|ledger| {
            let entries = rows.iter().zip(seqs);
            ledger.rows.extend(entries.map(|(row, seq)| Enqueued {
                seq: *seq,
                row: (*row).clone(),
                at_ms,
                volatile,
            }));
        });
    }
}
