//! The scripted module as a link. Its clock jumps: a read goes straight to the next thing that happens, or to
//! its deadline.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use atflow::link::{Clock, Link, LinkError, Mono, PortChange, Read};

use super::script::{Script, What, escape};

/// 2025-01-20 09:00:00 UTC, when every case begins.
const WALL_MS: i64 = 1_737_363_600_000;

/// A clock that is set by hand.
pub struct Hand(Cell<Mono>);

impl Clock for Hand {
    fn now(&self) -> Mono {
        self.0.get()
    }

    fn wall_ms(&self) -> i64 {
        WALL_MS + i64::try_from(self.0.get().as_micros() / 1000).expect("a case is shorter than that")
    }
}

/// What the case looks at when the run is over.
#[derive(Default)]
pub struct Seen {
    /// Where the run first left the script, in words.
    pub strayed: Option<String>,
    /// When each of the acts that are ours happened: the line in the file, and the time.
    pub times: Vec<(usize, Duration)>,
    /// What the operator has typed and nobody has read yet.
    pub typed: VecDeque<String>,
    /// Ctrl-C was pressed.
    pub stop: bool,
}

/// The link.
pub struct Scripted {
    clock: Rc<Hand>,
    script: Script,
    next: usize,
    /// When the act before the next one happened.
    before: Mono,
    /// What was said while nobody read.
    inbox: Vec<u8>,
    gone: bool,
    /// It takes no more of what is being written.
    full: bool,
    baud_bps: Option<u32>,
    seen: Rc<RefCell<Seen>>,
}

impl Scripted {
    pub fn new(script: Script, seen: Rc<RefCell<Seen>>) -> Self {
        let baud_bps = script.baud_bps;
        let clock = Rc::new(Hand(Cell::new(Mono::ZERO)));
        let (next, before, inbox, gone, full) = (0, Mono::ZERO, Vec::new(), false, false);
        Self { clock, script, next, before, inbox, gone, full, baud_bps, seen }
    }

    fn now(&self) -> Mono {
        self.clock.now()
    }

    fn move_to(&self, at: Mono) {
        if at > self.now() {
            self.clock.0.set(at);
        }
    }

    /// The next act, if it is the module's, and when it is due.
    fn due(&self) -> Option<(Mono, What)> {
        let act = self.script.acts.get(self.next)?;
        (!act.what.is_ours()).then(|| (self.before + act.after, act.what.clone()))
    }

    fn done(&mut self, at: Mono) {
        self.next += 1;
        self.before = at;
    }

    fn stray(&self, why: &str) {
        let at = self.now().since(Mono::ZERO);
        self.seen.borrow_mut().strayed.get_or_insert(format!("at {:.3}s {why}", at.as_secs_f64()));
    }

    /// Takes everything that the module has said until now.
    fn catch_up(&mut self) {
        while let Some((due, what)) = self.due() {
            if due > self.now() {
                return;
            }
            match what {
                What::Said(bytes) => self.inbox.extend(bytes),
                What::Typed(text) => self.seen.borrow_mut().typed.push_back(text),
                What::Gone => self.gone = true,
                _ => return,
            }
            self.done(due);
        }
    }

    /// The next act must be this one of ours; `false` if the run has left the script.
    fn ours(&mut self, matches: impl Fn(&What) -> bool, shown: &str) -> bool {
        self.catch_up();
        let (now, next) = (self.now(), self.script.acts.get(self.next));
        match next {
            Some(act) if matches(&act.what) => {
                self.seen.borrow_mut().times.push((act.line, now.since(Mono::ZERO)));
                self.done(now);
                true
            }
            Some(act) => {
                let line = act.line + 1;
                self.stray(&format!("{shown}, but line {line} of module.txt is {:?}", act.what));
                false
            }
            None => {
                self.stray(&format!("{shown}, but the script is over"));
                false
            }
        }
    }

    fn vanished() -> LinkError {
        LinkError::Gone { what: "unplugged".to_string() }
    }
}

impl Link for Scripted {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        self.full = false;
        loop {
            if !self.inbox.is_empty() {
                let count = self.inbox.len();
                buf.append(&mut self.inbox);
                return Ok(Read::Bytes(count));
            }
            if self.gone {
                return Err(Self::vanished());
            }
            let Some((due, what)) = self.due().filter(|(due, _)| *due <= until.max(self.now())) else {
                assert!(until != Mono::FAR, "a read that would wait for ever");
                self.move_to(until);
                return Ok(Read::Deadline);
            };
            self.move_to(due);
            self.done(due);
            match what {
                What::Said(bytes) => self.inbox = bytes,
                What::Typed(text) => self.seen.borrow_mut().typed.push_back(text),
                What::Gone => self.gone = true,
                What::Stop => {
                    self.seen.borrow_mut().stop = true;
                    return Ok(Read::Woken);
                }
                _ => {}
            }
        }
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        if self.gone {
            return Err(Self::vanished());
        }
        self.catch_up();
        if self.full {
            // A signal is noted, but ends no write.
            while let Some((due, What::Stop)) = self.due().filter(|(due, _)| *due <= until) {
                self.done(due);
                self.seen.borrow_mut().stop = true;
            }
            self.move_to(until);
            return Ok(0);
        }
        let full = match self.script.acts.get(self.next).map(|act| act.what.clone()) {
            Some(What::Full(taken)) => {
                self.ours(|what| matches!(what, What::Full(_)), "");
                Some(taken)
            }
            _ => None,
        };
        let taken = full.unwrap_or(bytes.len()).min(bytes.len());
        let left = &bytes[..taken];
        self.ours(
            |what| match what {
                What::Sent(wanted) => wanted == left,
                What::SentBytes(count) => *count == left.len(),
                _ => false,
            },
            &format!("`{}` was sent", escape(left)),
        );
        if full.is_some() {
            self.full = true;
            self.move_to(until);
        }
        Ok(taken)
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        let mut words = Vec::new();
        words.extend(change.baud_bps.map(|baud| format!("baud {baud}")));
        let on = |on: bool| if on { "on" } else { "off" };
        words.extend(change.dtr.map(|dtr| format!("dtr {}", on(dtr))));
        words.extend(change.rts.map(|rts| format!("rts {}", on(rts))));
        words.extend(change.break_for.map(|time| format!("break {}", atflow::flow::duration::display(time))));
        let words = words.join(", ");
        self.ours(
            |what| matches!(what, What::Changed(wanted) if *wanted == words),
            &format!("the port was changed: {words}"),
        );
        self.baud_bps = change.baud_bps.or(self.baud_bps);
        Ok(())
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        match self.due() {
            Some((due, What::Back)) if due <= until => {
                self.move_to(due);
                self.done(due);
                self.gone = false;
                Ok(())
            }
            _ => {
                self.move_to(until);
                Err(LinkError::Open {
                    port: "script".into(),
                    why: "no such device".into(),
                    help: None,
                    absent: true,
                })
            }
        }
    }

    fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.clock) as Rc<dyn Clock>
    }

    fn baud_bps(&self) -> Option<u32> {
        self.baud_bps
    }

    fn name(&self) -> &'static str {
        "script"
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.catch_up();
        if let Some(act) = self.script.acts.get(self.next) {
            let line = act.line + 1;
            self.stray(&format!(
                "the run ended, but line {line} of module.txt was still to come: {:?}",
                act.what
            ));
        }
    }
}
