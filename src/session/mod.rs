//! One conversation with one module. The session is the only reader of the link: while it waits for
//! anything it sorts every line that comes, keeps messages and URCs for later, and writes the transcript.
//! It knows exchanges, waits and how to find its feet again after a timeout; it knows nothing of flows.
//!
//! Here is what it holds, and what may be asked of it at any time. What it does stands in a file each:
//! `reading` and `filing` take what comes, `exchange`, `wait` and `hand` are ways to talk, `footing` and `resync`
//! keep command lines out of data, `stop` ends it, `station` is for those who stay.

mod count;
mod exchange;
mod fault;
mod filing;
mod footing;
mod hand;
mod outside;
mod reading;
mod resync;
#[cfg(test)]
pub(crate) mod sabotage;
mod station;
mod stop;
mod wait;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::Dialect;
use crate::at::pattern::{Captures, Pattern};
use crate::at::sorter::{Message, Sorted, Sorter};
use crate::link::{Clock, Link, Mono, PortChange};
use crate::transcript::Transcript;
use crate::transcript::record::{self, Entry, NoteKind, Record};

pub use count::Counted;
pub use exchange::{Answer, Request};
pub use fault::{Fault, Owed};
pub use outside::{Heard, Interrupt, Listener};
pub use station::{Facts, Woke};
pub use wait::AwaitLines;

use filing::Recent;
use footing::{DataPhase, Footing};
use reading::Pumped;
use station::Supervised;
use stop::Stop;

/// A place in the stream of lines: what came since can be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// One conversation.
pub struct Session {
    link: Box<dyn Link>,
    clock: Rc<dyn Clock>,
    dialect: Arc<Dialect>,
    sorter: Sorter,
    transcript: Transcript,
    listener: Box<dyn Listener>,
    interrupt: Rc<dyn Interrupt>,
    /// How often the other side of `interrupt` wants a word.
    word_every: Option<Duration>,
    recent: VecDeque<Recent>,
    next_mark: Mark,
    /// Behind the newest final result of a command line.
    result_mark: Mark,
    /// Command lines whose final result may still come, since the module was last known to listen.
    unanswered: u32,
    messages: VecDeque<Message>,
    messages_dropped: u64,
    notices: VecDeque<Captures>,
    /// Lines that somebody wants to know of, whoever takes them, and those that came.
    watched: Vec<Pattern>,
    seen: VecDeque<(usize, Captures)>,
    seen_dropped: u64,
    /// What a station is told between its runs.
    supervised: Supervised,
    closed_at: Option<(Mark, String)>,
    reboot_at: Option<(Mark, String)>,
    reboot_welcome_until: Mono,
    /// The module has not answered yet: it may have been switched on a moment ago, and says so. There is
    /// nothing that a restart could lose.
    fresh: bool,
    /// Bytes are still coming after the deadline: a module that never stops talking must not stop the clock.
    overrun: bool,
    /// Bytes so far, in and out.
    byte_counts: (u64, u64),
    /// A byte of the last command line was handed to the link.
    line_left: bool,
    stop: Stop,
    last_byte: Mono,
    /// The newest piece of a message that is not whole yet, and when it came.
    newest_piece: (Option<u64>, Mono),
    /// Only where the dialect wants silence behind it.
    last_result: Mono,
    footing: Footing,
    data: DataPhase,
    /// Buffers that stay, so that a step need not make them anew.
    line: Vec<u8>,
    bytes: Vec<u8>,
    sorted: Vec<Sorted>,
}

impl Session {
    /// A conversation over `link` in `dialect`. `interrupt` is asked when a wait is woken.
    pub fn new(
        link: Box<dyn Link>,
        dialect: Arc<Dialect>,
        transcript: Transcript,
        listener: Box<dyn Listener>,
        interrupt: Rc<dyn Interrupt>,
    ) -> Self {
        let clock = link.clock();
        Self {
            clock,
            sorter: Sorter::new(Arc::clone(&dialect)),
            link,
            dialect,
            transcript,
            listener,
            word_every: interrupt.word_every(),
            interrupt,
            recent: VecDeque::new(),
            next_mark: Mark::default(),
            result_mark: Mark::default(),
            unanswered: 0,
            messages: VecDeque::new(),
            messages_dropped: 0,
            notices: VecDeque::new(),
            watched: Vec::new(),
            seen: VecDeque::new(),
            seen_dropped: 0,
            supervised: Supervised::default(),
            closed_at: None,
            reboot_at: None,
            reboot_welcome_until: Mono::ZERO,
            fresh: true,
            overrun: false,
            byte_counts: (0, 0),
            line_left: false,
            stop: Stop::default(),
            last_byte: Mono::ZERO,
            newest_piece: (None, Mono::ZERO),
            last_result: Mono::ZERO,
            footing: Footing::Firm,
            data: DataPhase::default(),
            line: Vec::new(),
            bytes: Vec::with_capacity(4096),
            sorted: Vec::with_capacity(16),
        }
    }

    /// Now, on this conversation's clock.
    pub fn now(&self) -> Mono {
        self.clock.now()
    }

    /// The clock that its waits run on.
    pub fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.clock)
    }

    /// Whether the module is simulated.
    pub fn simulated(&self) -> bool {
        self.link.simulated()
    }

    /// The dialect in force.
    pub fn dialect(&self) -> &Arc<Dialect> {
        &self.dialect
    }

    /// The record of the conversation.
    pub fn transcript(&mut self) -> &mut Transcript {
        &mut self.transcript
    }

    /// The link's bit rate, where it has one.
    pub fn baud_bps(&self) -> Option<u32> {
        self.link.baud_bps()
    }

    /// The place in the stream of lines that is now.
    pub fn mark(&self) -> Mark {
        self.next_mark
    }

    /// Behind the final result of a command that began at `begun` and is over; here, if it had none.
    pub fn result_since(&self, begun: Mark) -> Mark {
        if self.result_mark > begun { self.result_mark } else { self.next_mark }
    }

    /// Takes the announcements of messages that wait inside the module.
    pub fn take_notices(&mut self) -> Vec<Captures> {
        self.notices.drain(..).collect()
    }

    /// Messages that were thrown away because nobody received them.
    pub fn messages_dropped(&self) -> u64 {
        self.messages_dropped
    }

    /// Changes the port's settings.
    pub fn change_port(&mut self, change: PortChange) -> Result<(), Fault> {
        match self.link.change(change) {
            Ok(()) => {
                if change.baud_bps.is_some() {
                    // Another speed is another conversation: what the old one owed never comes.
                    self.footing = Footing::Firm;
                }
                Ok(())
            }
            Err(error) => Err(Fault::from_link(error)),
        }
    }

    /// Sorts what comes until `until`; ends early only when somebody wants the program to stop.
    pub fn pause(&mut self, until: Mono) -> Result<(), Fault> {
        self.stop_if_requested()?;
        while self.now() < until {
            if self.pump(until)? == Pumped::Woken {
                self.stop_if_requested()?;
            }
        }
        Ok(())
    }

    /// A port that was lost is opened again as soon as it is there, but not after `until`; then `until` is
    /// waited for. `Ok` also when it did not come back: whoever uses it next hears that.
    pub fn reopen(&mut self, until: Mono) -> Result<(), Fault> {
        match self.link.reopen(until.min(self.stop.last_moment)) {
            Ok(()) => {
                self.transcript.note(self.clock.now(), NoteKind::Port, record::BACK);
                // Whoever unplugged the module has switched it off, too.
                self.fresh = true;
                self.supervised.echo.restarted();
                self.pause(until)
            }
            Err(_) => self.stop_if_requested(),
        }
    }

    /// What crossed the line since `since`, oldest first, for a failure report.
    pub fn excerpt(&mut self, since: Mono) -> Vec<Record> {
        self.transcript.flush_tail();
        let records: Vec<Record> = self.transcript.recent(since);
        // On the virtual clock the answer before may have come in the same microsecond.
        let sent =
            records.iter().position(|record| record.at > since || matches!(record.entry, Entry::Tx(_)));
        records.into_iter().skip(sent.unwrap_or(usize::MAX)).collect()
    }

    /// Ends the conversation: what is not yet written of the transcript is.
    pub fn close(mut self) -> Transcript {
        self.transcript.settle();
        self.transcript
    }

    /// Whether any byte of the last command line was handed to the link.
    pub fn line_left(&self) -> bool {
        self.line_left
    }
}
