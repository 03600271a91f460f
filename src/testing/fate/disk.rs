//! The disk under the store: it may be full or fail for a while, and a process may die at a transaction.

use std::cell::RefCell;
use std::rc::Rc;

use crate::link::{Clock, Mono};
use crate::sim::{DiskTrouble, Watch};
use crate::store::DiskFault;

use super::tap::{Death, Line, die};

impl From<DiskTrouble> for DiskFault {
    fn from(trouble: DiskTrouble) -> Self {
        match trouble {
            DiskTrouble::Full => Self::Full,
            DiskTrouble::Fails => Self::Write,
        }
    }
}

/// A disk, and who dies at it.
pub(super) struct Disk {
    clock: Rc<dyn Clock>,
    line: Rc<Line>,
    watch: Watch,
    plan: RefCell<Plan>,
}

#[derive(Default)]
struct Plan {
    die_before: Vec<Mono>,
    die_after: Vec<Mono>,
    /// The transaction that is being committed now is the last one.
    last: bool,
}

impl Disk {
    pub(super) fn new(clock: Rc<dyn Clock>, line: Rc<Line>, watch: Watch) -> Self {
        Self { clock, line, watch, plan: RefCell::default() }
    }

    /// The first transaction from then on is not lived to see.
    pub(super) fn die_before_commit(&self, from: Mono) {
        self.plan.borrow_mut().die_before.push(from);
    }

    /// The first transaction from then on is the last.
    pub(super) fn die_after_commit(&self, from: Mono) {
        self.plan.borrow_mut().die_after.push(from);
    }

    /// What becomes of a transaction. Called while it is open; a death takes it back.
    pub(super) fn answer(&self) -> Option<DiskFault> {
        let now = self.clock.now();
        if !self.line.spared.get() {
            self.live_or_die(now);
        }
        self.watch.disk().map(DiskFault::from)
    }

    fn live_or_die(&self, now: Mono) {
        let mut plan = self.plan.borrow_mut();
        let before = plan.die_before.iter().position(|at| *at <= now);
        if std::mem::take(&mut plan.last) || before.map(|index| plan.die_before.remove(index)).is_some() {
            self.line.deaths.borrow_mut().retain(|death| *death != Death::At(now));
            drop(plan);
            die();
        }
        if let Some(index) = plan.die_after.iter().position(|at| *at <= now) {
            plan.die_after.remove(index);
            plan.last = true;
            // Whatever comes first, the line or the next transaction: it is not lived to see.
            self.line.deaths.borrow_mut().push(Death::At(now));
        }
    }

    /// The process is dead: what was planned for it is done.
    pub(super) fn process_died(&self) {
        self.plan.borrow_mut().last = false;
    }
}
