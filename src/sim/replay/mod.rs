//! A recorded conversation as a port: what a transcript says is what the module says, on a clock of its own.
//!
//! * `strict`: the host must send what was sent then, byte for byte and in that order.
//! * `matching`: each line the host sends is answered as it was answered then, in whatever order. So is what a person
//!   typed, if nothing else is wanted.

mod matching;
mod strict;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::pace::{Pace, Pacer, Waited};
use super::world::WALL_AT_ZERO_MS;
use crate::at::dialect::Dialect;
use crate::link::address::ReplayOrder;
use crate::link::{Clock, Link, LinkError, Mono, PortChange, Read};
use crate::transcript::{Conversation, ReadError, Reader};

use matching::Matching;
use strict::Strict;

/// The rate of a port of which nobody knows better.
const BAUD_BPS: u32 = 115_200;

/// How much of what was recorded must happen again.
pub enum ReplayMode {
    /// The same bytes in the same order.
    Strict,
    /// The same lines in any order; the dialect knows which lines come unasked.
    Matching(Arc<Dialect>),
}

impl ReplayMode {
    /// As the user wants it; else to the letter, but for what a person typed: a flow that is made of that leaves out
    /// mistakes, and questions that were asked again.
    ///
    /// # Errors
    ///
    /// Those of `dialect`, which is asked only where it is needed.
    pub fn of<E>(
        order: Option<ReplayOrder>,
        text: &str,
        dialect: impl FnOnce() -> Result<Arc<Dialect>, E>,
    ) -> Result<Self, E> {
        let by_hand = || Reader::new(text).is_ok_and(|reader| reader.header().by_hand);
        match order {
            Some(ReplayOrder::Strict) => Ok(Self::Strict),
            None if !by_hand() => Ok(Self::Strict),
            None | Some(ReplayOrder::Matching) => dialect().map(Self::Matching),
        }
    }
}

/// What was said when the host wrote something.
struct Taken {
    /// Bytes that the module took; less than there were if it then stopped reading for good.
    bytes: usize,
    /// When it had them.
    at: Mono,
}

/// Whoever answers from a transcript.
trait Player {
    /// The host sends.
    fn sent(&mut self, bytes: &[u8], now: Mono) -> Result<Taken, LinkError>;
    /// When something comes if the host sends nothing more.
    fn due(&self) -> Option<Mono>;
    /// Hands over what has come by now.
    fn take(&mut self, now: Mono, into: &mut Vec<u8>) -> Result<(), LinkError>;
    /// When a port that is gone can be opened again; `None`: never.
    fn back(&self, now: Mono) -> Option<Mono>;
    /// It was opened again.
    fn reopened(&mut self);
}

/// A port that answers from a transcript.
pub struct Replay {
    player: Box<dyn Player>,
    clock: Rc<ReplayClock>,
    pacer: Option<Box<dyn Pacer>>,
    name: String,
}

impl Replay {
    /// One that answers from the text of `file`, a transcript. `name` is what the user calls the port.
    ///
    /// # Errors
    ///
    /// The first line that is no record.
    pub fn new(
        text: &str,
        (file, name): (&str, &str),
        mode: ReplayMode,
        pace: Pace,
    ) -> Result<Self, ReadError> {
        let began_wall_ms = Reader::new(text)?.header().wall_ms.unwrap_or(WALL_AT_ZERO_MS);
        let player: Box<dyn Player> = match mode {
            ReplayMode::Strict => Box::new(Strict::new(text, file)?),
            ReplayMode::Matching(dialect) => {
                Box::new(Matching::new(Conversation::read(text, &dialect)?, file))
            }
        };
        let pacer = match pace {
            Pace::Max => None,
            Pace::Paced(pacer) => Some(pacer),
        };
        let clock = Rc::new(ReplayClock { now: Cell::new(Mono::ZERO), began_wall_ms });
        Ok(Self { player, clock, pacer, name: name.to_owned() })
    }

    /// Lets time pass until then; false if somebody wants attention first.
    fn wait(&mut self, until: Mono) -> bool {
        let target = until.max(self.clock.now());
        if let Some(pacer) = &mut self.pacer
            && let Waited::Woken(at) = pacer.wait(target)
        {
            self.clock.advance(at.min(target));
            return false;
        }
        self.clock.advance(target);
        true
    }
}

impl Link for Replay {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        let before = buf.len();
        loop {
            self.player.take(self.clock.now(), buf)?;
            if buf.len() > before {
                return Ok(Read::Bytes(buf.len() - before));
            }
            let due = self.player.due().filter(|due| *due <= until);
            if !self.wait(due.unwrap_or(until)) {
                return Ok(Read::Woken);
            }
            if due.is_none() {
                return Ok(Read::Deadline);
            }
        }
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        let taken = self.player.sent(bytes, self.clock.now())?;
        let end = if taken.bytes < bytes.len() { until } else { taken.at };
        self.wait(end);
        Ok(taken.bytes)
    }

    /// Speed and lines change nothing in what was recorded.
    fn change(&mut self, _change: PortChange) -> Result<(), LinkError> {
        Ok(())
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        let back = self.player.back(self.clock.now()).filter(|back| *back <= until);
        if self.wait(back.unwrap_or(until)) && back.is_some() {
            self.player.reopened();
            return Ok(());
        }
        Err(LinkError::Open {
            port: self.name.clone(),
            why: "in the recording it is gone".to_owned(),
            help: None,
            absent: true,
        })
    }

    fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.clock) as Rc<dyn Clock>
    }

    fn baud_bps(&self) -> Option<u32> {
        Some(BAUD_BPS)
    }

    fn simulated(&self) -> bool {
        true
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The clock of a recording: it moves while somebody reads, and its calendar is that of the recording.
struct ReplayClock {
    now: Cell<Mono>,
    began_wall_ms: i64,
}

impl ReplayClock {
    fn advance(&self, to: Mono) {
        self.now.set(self.now.get().max(to));
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> Mono {
        self.now.get()
    }

    fn wall_ms(&self) -> i64 {
        let passed = i64::try_from(self.now().as_micros() / 1000).unwrap_or(i64::MAX);
        self.began_wall_ms.saturating_add(passed)
    }

    fn boot_id(&self) -> String {
        "replay-1".to_owned()
    }
}

/// What the host hears of a port that was gone in the recording.
fn gone() -> LinkError {
    LinkError::Gone { what: "it was gone in the recording, too".to_owned() }
}

/// Bytes for a message; long data is only counted.
fn shown(bytes: &[u8]) -> String {
    const LONG_BYTES: usize = 512;
    if bytes.len() > LONG_BYTES {
        return format!("{} bytes", bytes.len());
    }
    // Escaped as elsewhere, because in this form a secret is still found and masked.
    format!("`{}`", bytes.escape_ascii())
}

#[cfg(test)]
mod tests;
