//! The simulated port as a station's process has it: the process may be paused or killed at any point in time,
//! and the next one finds the same port, module and cloud.

use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;

use atflow::link::{Clock, Link, LinkError, Mono, PortChange, Read};
use atflow::sim::SimLink;
use atflow::station::Signals;

/// How a killed process unwinds; no message is printed for it.
pub struct Killed;

/// What is in store for the station's process.
#[derive(Default)]
pub struct Fate {
    /// It is left at its next boundary from then on.
    pub pause_at: Cell<Mono>,
    /// It dies at this point in time, whatever it is doing.
    pub kill_at: Cell<Option<Mono>>,
    /// It dies before it writes something that contains these bytes.
    pub kill_on: RefCell<Option<Vec<u8>>>,
    /// The machine was switched on so often before.
    pub boots: Cell<u32>,
}

impl Fate {
    /// Ends the process, as `kill -9` does.
    pub fn kill() -> ! {
        panic::resume_unwind(Box::new(Killed))
    }
}

/// The operator: the test, which lets the station run up to a point in time.
pub struct Operator {
    pub fate: Rc<Fate>,
    pub clock: Rc<dyn Clock>,
}

impl Signals for Operator {
    fn stop(&self) -> bool {
        false
    }

    fn take_reload(&self) -> bool {
        self.clock.now() >= self.fate.pause_at.get()
    }

    fn progress(&self, _now: Mono) {}
}

/// The port, shared by the processes that come one after the other.
pub struct Port {
    pub link: Rc<RefCell<SimLink>>,
    pub fate: Rc<Fate>,
    name: String,
}

impl Port {
    pub fn new(link: &Rc<RefCell<SimLink>>, fate: &Rc<Fate>) -> Self {
        let name = link.borrow().name().to_string();
        Self { link: Rc::clone(link), fate: Rc::clone(fate), name }
    }

    fn now(&self) -> Mono {
        self.link.borrow().clock().now()
    }

    fn live_on(&self) {
        if self.fate.kill_at.get().is_some_and(|at| self.now() >= at) {
            self.fate.kill_at.set(None);
            Fate::kill();
        }
    }

    /// The next thing that fate has in store, but not beyond `until`.
    fn next(&self, until: Mono) -> Mono {
        let pause = Some(self.fate.pause_at.get()).filter(|at| *at > self.now());
        [pause, self.fate.kill_at.get()].into_iter().flatten().fold(until, Mono::min)
    }
}

impl Link for Port {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        self.live_on();
        let next = self.next(until);
        let read = self.link.borrow_mut().read(buf, next)?;
        self.live_on();
        let early = read == Read::Deadline && self.now() < until;
        Ok(if early { Read::Woken } else { read })
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        self.live_on();
        let deadly = |word: &Vec<u8>| bytes.windows(word.len()).any(|part| part == word.as_slice());
        if self.fate.kill_on.borrow().as_ref().is_some_and(deadly) {
            *self.fate.kill_on.borrow_mut() = None;
            Fate::kill();
        }
        self.link.borrow_mut().write(bytes, until)
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        self.link.borrow_mut().change(change)
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        let next = self.next(until);
        let reopened = self.link.borrow_mut().reopen(next);
        self.live_on();
        reopened
    }

    fn clock(&self) -> Rc<dyn Clock> {
        Rc::new(MachineClock { inner: self.link.borrow().clock(), fate: Rc::clone(&self.fate) })
    }

    fn baud_bps(&self) -> Option<u32> {
        self.link.borrow().baud_bps()
    }

    fn simulated(&self) -> bool {
        true
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The machine's clock; a machine that was switched off and on has another boot.
struct MachineClock {
    inner: Rc<dyn Clock>,
    fate: Rc<Fate>,
}

impl Clock for MachineClock {
    fn now(&self) -> Mono {
        self.inner.now()
    }

    fn wall_ms(&self) -> i64 {
        self.inner.wall_ms()
    }

    fn wall_quality(&self) -> u8 {
        self.inner.wall_quality()
    }

    fn boot_id(&self) -> String {
        format!("boot-{}", self.fate.boots.get())
    }
}
