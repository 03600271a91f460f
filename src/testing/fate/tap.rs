//! The station's end of the line: writes down what crosses, and is where a process dies.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::link::{Clock, Link, LinkError, Mono, PortChange, Read};
use crate::sim::SimLink;

/// What a process leaves on its way out, as the payload of an unwinding that is no panic.
pub(in crate::testing) struct Died;

/// Bytes that crossed the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// When.
    pub at: Mono,
    /// To the module.
    pub sent: bool,
    /// As they crossed.
    pub bytes: Vec<u8>,
}

/// How the next death comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::testing) enum Death {
    /// Wherever it is.
    At(Mono),
    /// In the middle of the first write from then on.
    InWriteFrom(Mono),
}

/// What several processes share, one after the other.
#[derive(Default)]
pub(in crate::testing) struct Line {
    pub crossed: RefCell<Vec<Crossing>>,
    pub deaths: RefCell<Vec<Death>>,
    /// When a process died in the middle of a write.
    pub torn: RefCell<Vec<Mono>>,
    /// Somebody wants to know what crosses.
    pub keeps: Cell<bool>,
    /// Nobody dies meanwhile.
    pub spared: Cell<bool>,
}

impl Line {
    fn note(&self, at: Mono, sent: bool, bytes: &[u8]) {
        if self.keeps.get() {
            self.crossed.borrow_mut().push(Crossing { at, sent, bytes: bytes.to_vec() });
        }
    }

    /// Dies, if it is time to.
    fn live_or_die(&self, now: Mono) {
        let mut deaths = self.deaths.borrow_mut();
        let due = deaths.iter().position(|death| matches!(death, Death::At(at) if *at <= now));
        let due = due.filter(|_| !self.spared.get());
        if let Some(due) = due {
            deaths.remove(due);
            drop(deaths);
            die();
        }
    }

    /// Nothing may be waited for beyond this.
    fn next_death(&self) -> Option<Mono> {
        let at = |death: &Death| if let Death::At(at) = death { Some(*at) } else { None };
        self.deaths.borrow().iter().filter_map(at).min().filter(|_| !self.spared.get())
    }

    fn dies_in_write(&self, now: Mono) -> bool {
        let mut deaths = self.deaths.borrow_mut();
        let due = deaths.iter().position(|death| matches!(death, Death::InWriteFrom(at) if *at <= now));
        due.filter(|_| !self.spared.get()).map(|due| deaths.remove(due)).is_some()
    }
}

/// The process ends here. Nobody is told, and no message is printed.
pub(in crate::testing) fn die() -> ! {
    std::panic::resume_unwind(Box::new(Died))
}

/// A link with a record.
pub(in crate::testing) struct Tap {
    inner: SimLink,
    line: Rc<Line>,
    clock: Rc<dyn Clock>,
}

impl Tap {
    pub(in crate::testing) fn new(inner: SimLink, line: Rc<Line>) -> Self {
        let clock = inner.clock();
        Self { inner, line, clock }
    }
}

impl Link for Tap {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        self.line.live_or_die(self.clock.now());
        let until = self.line.next_death().map_or(until, |death| death.min(until));
        let before = buf.len();
        let read = self.inner.read(buf, until);
        if buf.len() > before {
            self.line.note(self.clock.now(), false, &buf[before..]);
        }
        self.line.live_or_die(self.clock.now());
        read
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        let now = self.clock.now();
        self.line.live_or_die(now);
        if self.line.dies_in_write(now) {
            let half = &bytes[..bytes.len() / 2];
            let _ = self.inner.write(half, until);
            self.line.note(now, true, half);
            self.line.torn.borrow_mut().push(now);
            die();
        }
        let wrote = self.inner.write(bytes, until)?;
        self.line.note(now, true, &bytes[..wrote]);
        Ok(wrote)
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        self.inner.change(change)
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        self.line.live_or_die(self.clock.now());
        let until = self.line.next_death().map_or(until, |death| death.min(until));
        self.inner.reopen(until)
    }

    fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.clock)
    }

    fn baud_bps(&self) -> Option<u32> {
        self.inner.baud_bps()
    }

    fn simulated(&self) -> bool {
        true
    }

    fn name(&self) -> &str {
        self.inner.name()
    }
}
