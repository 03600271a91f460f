//! Whom a conversation has to do with besides the module: who is told of it, and who may want it to stop.

use std::time::Duration;

use crate::at::sorter::{Class, Damaged, Message};
use crate::link::Mono;

use super::Counted;

/// What the session hears and does, for whoever shows it.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A command line left, without its ending.
    Sent(&'a [u8]),
    /// Data left after a prompt: so many bytes.
    SentData(usize),
    /// A line came.
    Line {
        /// What it is.
        class: Class,
        /// Without its ending.
        text: &'a [u8],
    },
    /// A message from the broker came.
    Message(&'a Message),
    /// A counted frame did not fit its declared length.
    Damaged(Damaged),
    /// The module is asked with `AT` until it answers `OK`.
    Resync,
}

/// Somebody who is told what the session hears, as it happens.
pub trait Listener {
    /// `at` is the session's clock.
    fn heard(&mut self, at: Mono, heard: &Heard<'_>);
    /// Whether anybody listens; when not, nothing is prepared for it.
    fn listens(&self) -> bool {
        true
    }
    /// Something that is only counted, told also when nobody listens.
    fn counted(&mut self, _counted: &Counted<'_>) {}
}

/// Somebody who may want the program to stop.
pub trait Interrupt {
    /// Whether a stop was asked for.
    fn stop_requested(&self) -> bool;
    /// A wait was woken: the wake-up is used up, so that the next wait waits again.
    fn woken(&self) {}
    /// How often [`Interrupt::waits`] is wanted, also in the middle of a long wait; `None`: never.
    fn word_every(&self) -> Option<Duration> {
        None
    }
    /// The conversation goes on waiting.
    fn waits(&self, _now: Mono) {}
}

impl<F: Fn() -> bool> Interrupt for F {
    fn stop_requested(&self) -> bool {
        self()
    }
}

#[cfg(unix)]
impl Interrupt for crate::link::wake::Wake {
    fn stop_requested(&self) -> bool {
        self.stop_requested()
    }

    fn woken(&self) {
        self.drain();
    }
}
