//! The disk under the store: it may be full or fail for a while, and a process may die at a transaction.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use crate::link::{Clock, Mono};
use crate::store::{DiskFault, Durability};

use super::case::{Mishap, MishapKind};
use super::tap::{Death, Line, die};

/// What is planned for a disk.
pub(super) struct Disk {
    clock: Rc<dyn Clock>,
    line: Rc<Line>,
    plan: RefCell<Plan>,
}

#[derive(Default)]
struct Plan {
    failing: Vec<(Mono, Mono, DiskFault)>,
    die_before: Vec<Mono>,
    die_after: Vec<Mono>,
    /// The transaction that is being committed now is the last one.
    last: bool,
    downtimes: Vec<(Mono, Duration)>,
}

impl Disk {
    pub(super) fn new(clock: Rc<dyn Clock>, line: Rc<Line>) -> Self {
        Self { clock, line, plan: RefCell::default() }
    }

    pub(super) fn plan(&self, mishap: &Mishap) {
        let at = Mono::ZERO + mishap.time;
        let mut plan = self.plan.borrow_mut();
        match mishap.what {
            MishapKind::DiskFull(lasts) => plan.failing.push((at, at + lasts, DiskFault::Full)),
            MishapKind::DiskError(lasts) => plan.failing.push((at, at + lasts, DiskFault::Write)),
            MishapKind::CrashBeforeCommit(down) => {
                plan.die_before.push(at);
                plan.downtimes.push((at, down));
            }
            MishapKind::CrashAfterCommit(down) => {
                plan.die_after.push(at);
                plan.downtimes.push((at, down));
            }
            MishapKind::Crash(_) | MishapKind::CrashInWrite(_) => {}
        }
    }

    pub(super) fn remember_downtime(&self, at: Mono, down: Duration) {
        self.plan.borrow_mut().downtimes.push((at, down));
    }

    /// How long a process that died now is down: as the last mishap so far says.
    pub(super) fn downtime(&self, now: Mono) -> Duration {
        let plan = self.plan.borrow();
        let last = plan.downtimes.iter().filter(|(at, _)| *at <= now).max_by_key(|(at, _)| *at);
        last.map_or(Duration::from_secs(1), |(_, down)| (*down).min(super::stage::LONGEST_DOWN))
    }

    /// What becomes of a transaction. Called while it is open; a death takes it back.
    pub(super) fn answer(&self, _durability: Durability) -> Option<DiskFault> {
        let now = self.clock.now();
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
            return None;
        }
        let failing = plan.failing.iter().find(|(from, until, _)| (*from..*until).contains(&now));
        failing.map(|(_, _, fault)| *fault)
    }

    /// The process is dead: what was planned for it is done.
    pub(super) fn process_died(&self) {
        self.plan.borrow_mut().last = false;
    }
}
