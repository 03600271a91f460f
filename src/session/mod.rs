//! One conversation with one module. The session is the only reader of the link: while it waits for
//! anything it sorts every line that comes, keeps messages and URCs for later, and writes the transcript.
//! It knows exchanges, waits and how to find its feet again after a timeout; it knows nothing of flows.

mod count;
mod exchange;
mod fault;
mod hand;
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

use crate::at::dialect::{Cancel, Dialect};
use crate::at::pattern::{Captures, Pattern};
use crate::at::sorter::{Class, Damaged, Message, PIECES_PATIENCE, Sorted, Sorter};
use crate::link::{Clock, Link, LinkError, Mono, PortChange, Read};
use crate::transcript::Transcript;
use crate::transcript::record::{self, Entry, NoteKind, Record};

pub use count::Counted;
pub use exchange::{Answer, Request};
pub use fault::{Fault, Owed};
pub use station::{Facts, Woke};

use station::Supervised;
use stop::Stop;
pub use wait::AwaitLines;

/// Lines kept for an `await` that looks back to the step before it.
const RECENT_LINES: usize = 1024;
/// How long a module goes on saying that it boots: seen are 1.3 s (Luat 8910) to 8 s (`APP RDY` of an EC200).
const BOOT_LINES: Duration = Duration::from_secs(10);
/// What has piled up unread is still sorted this long after a deadline; then the deadline holds, however
/// much more is coming.
const BACKLOG: Duration = Duration::from_millis(50);
/// Messages kept for a later `receive`, and announcements of those that wait inside the module.
const UNCLAIMED_MESSAGES: usize = 256;

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

/// A place in the stream of lines: what came since can be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// A line that no step took.
struct Recent {
    mark: Mark,
    class: Class,
    text: Vec<u8>,
}

/// How sure we are that the module listens for a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footing {
    /// It does.
    Firm,
    /// A final result code is still owed: ask `AT` until `OK` first. `late_prompt`: the prompt of a command
    /// that was given up may still come; so its data phase is left then.
    Unsure { late_prompt: Option<Cancel> },
    /// That prompt came: the module takes everything for data, until this is sent.
    Prompted { cancel: Cancel },
    /// It may be swallowing everything as data: nothing may be sent until it restarts.
    Stuck,
}

impl Footing {
    /// A final result code is still owed, and no prompt.
    const UNSURE: Self = Self::Unsure { late_prompt: None };

    /// The module asks for data that nobody has any more.
    fn prompted(cancel: Cancel) -> Self {
        if cancel == Cancel::None { Self::Stuck } else { Self::Prompted { cancel } }
    }

    /// Whether the module may take a command line for data.
    fn is_in_data(self) -> bool {
        matches!(self, Self::Stuck | Self::Prompted { .. })
    }
}

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
    /// When the module was given up on, though all the data it was told of had left.
    all_data_left: Option<Mono>,
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
            all_data_left: None,
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

    /// One read, everything in it sorted. The only place that reads the link.
    fn pump(&mut self, until: Mono) -> Result<Pumped, Fault> {
        if std::mem::take(&mut self.overrun) && self.clock.now() >= until {
            return Ok(Pumped::Deadline);
        }
        if self.is_too_late() && until > self.stop.last_moment {
            return Err(Fault::Interrupted);
        }
        let wanted = until;
        let until = until.min(self.stop.last_moment);
        if !matches!(self.footing, Footing::Unsure { late_prompt: Some(_) }) {
            self.sorter.forget_late_prompt();
        }
        let stall = self.stall_at().min(self.pieces_end_at());
        self.bytes.clear();
        let read = match self.read_link(until.min(stall)) {
            Ok(read) => read,
            Err(error) => return Err(self.gone(error)),
        };
        match read {
            Read::Bytes(_) => {
                let now = self.clock.now();
                self.last_byte = now;
                self.give_up_late_pieces(now);
                self.byte_counts.0 += self.bytes.len() as u64;
                self.transcript.rx(now, &self.bytes);
                let bytes = std::mem::take(&mut self.bytes);
                self.sorter.feed(&bytes, &mut self.sorted);
                self.bytes = bytes;
                self.file_sorted(now);
                self.overrun = now > until + BACKLOG;
                Ok(Pumped::Bytes)
            }
            Read::Woken => {
                self.interrupt.woken();
                self.hear_stop();
                Ok(Pumped::Woken)
            }
            Read::Deadline => {
                let now = self.clock.now();
                if stall != Mono::FAR && now >= stall {
                    self.give_up_late_pieces(now);
                    if now >= self.stall_at() {
                        self.sorter.stall(&mut self.sorted);
                    }
                    self.last_byte = now;
                    self.file_sorted(now);
                    return Ok(Pumped::Bytes);
                }
                if now < wanted && self.is_too_late() {
                    return Err(Fault::Interrupted);
                }
                Ok(Pumped::Deadline)
            }
        }
    }

    /// When what is unfinished is given up, if not a byte comes until then.
    fn stall_at(&self) -> Mono {
        self.sorter.patience().map_or(Mono::FAR, |patience| self.last_byte + patience)
    }

    /// When the pieces of a message that are there are given up, if no further one comes until then.
    fn pieces_end_at(&self) -> Mono {
        if self.newest_piece.0.is_some() { self.newest_piece.1 + PIECES_PATIENCE } else { Mono::FAR }
    }

    /// A piece that comes so late begins another message.
    fn give_up_late_pieces(&mut self, now: Mono) {
        if now >= self.pieces_end_at() {
            self.sorter.give_up_pieces(&mut self.sorted);
        }
    }

    /// One read, with word to whoever wants it meanwhile.
    fn read_link(&mut self, until: Mono) -> Result<Read, LinkError> {
        let Some(every) = self.word_every else { return self.link.read(&mut self.bytes, until) };
        loop {
            let now = self.clock.now();
            self.interrupt.waits(now);
            let next = until.min(now + every);
            match self.link.read(&mut self.bytes, next)? {
                Read::Deadline if next < until => {}
                read => return Ok(read),
            }
        }
    }

    /// Puts what the sorter found where it belongs: facts, messages, lines to look back at.
    fn file_sorted(&mut self, now: Mono) {
        let newest_piece = self.sorter.newest_piece();
        if newest_piece != self.newest_piece.0 {
            self.newest_piece = (newest_piece, now);
        }
        let mut sorted = std::mem::take(&mut self.sorted);
        let listens = self.listener.listens();
        let mut taken_by_await = false;
        for item in sorted.drain(..) {
            match item {
                Sorted::Line { class, text } => {
                    if listens {
                        self.listener.heard(now, &Heard::Line { class, text: &text });
                    }
                    taken_by_await = class == Class::Await;
                    self.hear_late_verdict(class, &text);
                    self.count_line(class);
                    self.watch_line(class, &text);
                    self.supervised.echo.heard |= class == Class::Echo;
                    self.keep_line(class, text);
                }
                Sorted::Message(message) => {
                    if listens {
                        self.listener.heard(now, &Heard::Message(&message));
                    }
                    self.count_urc("message");
                    #[cfg(test)]
                    if sabotage::hits(sabotage::Sabotage::DropsMessages, message.topic.as_bytes()) {
                        continue;
                    }
                    if self.messages.len() == UNCLAIMED_MESSAGES {
                        self.messages.pop_front();
                        self.messages_dropped += 1;
                        self.listener.counted(&Counted::UrcDropped);
                    }
                    self.messages.push_back(message);
                }
                // It has the mark of its line, which came just before it.
                Sorted::Closed(text) => {
                    self.count_urc("closed");
                    self.closed_at = Some((Mark(self.next_mark.0.saturating_sub(1)), text));
                }
                Sorted::Reboot(text) => {
                    self.count_urc("reboot");
                    self.supervised.echo.restarted();
                    // Before its first answer the module is just starting, which nobody has to be told.
                    if self.fresh && self.sorter.progress().ended.is_none() {
                        self.reboot_welcome_until = now + BOOT_LINES;
                    } else if !taken_by_await && now >= self.reboot_welcome_until {
                        self.reboot_at = Some((self.next_mark, text));
                    }
                    if self.footing.is_in_data() {
                        self.footing = Footing::Firm;
                    }
                }
                Sorted::Notice(captures) => {
                    self.count_urc("notice");
                    if self.notices.len() == UNCLAIMED_MESSAGES {
                        self.notices.pop_front();
                        self.listener.counted(&Counted::UrcDropped);
                    }
                    self.notices.push_back(captures);
                }
                Sorted::Damaged(damaged) => {
                    let Damaged { declared, seen, .. } = damaged;
                    self.supervised.note_damaged(damaged);
                    let text = format!("a frame of {declared} bytes seems to have {seen}");
                    self.transcript.note(now, NoteKind::Port, &text);
                    // Rare, and never without a word: also for those who do not watch single lines.
                    self.listener.heard(now, &Heard::Damaged(damaged));
                }
                Sorted::Prompt => {
                    #[cfg(test)]
                    if sabotage::is_broken(sabotage::Sabotage::SendsInDataMode) {
                        continue;
                    }
                    if let Footing::Unsure { late_prompt: Some(cancel) } = self.footing {
                        self.footing = Footing::prompted(cancel);
                    }
                }
            }
        }
        self.sorted = sorted;
    }

    /// A module that takes everything for data gives no final result, so one that comes late says that it does
    /// not, or no more. Whose it is nobody knows: it is asked `AT` first.
    fn hear_late_verdict(&mut self, class: Class, text: &[u8]) {
        let results = &self.dialect.results;
        let is_verdict =
            || results.ok.iter().chain(&results.error).any(|pattern| pattern.is_match(text, &[]));
        if self.footing.is_in_data() && class == Class::Unknown && is_verdict() {
            self.footing = Footing::UNSURE;
        }
    }

    fn keep_line(&mut self, class: Class, text: Vec<u8>) {
        let mark = self.next_mark;
        self.next_mark.0 += 1;
        if matches!(
            class,
            Class::Echo
                | Class::Final
                | Class::Prompt
                | Class::Await
                | Class::Fail
                | Class::Expect
                | Class::Collect
                | Class::Late
        ) {
            return;
        }
        if self.recent.len() == RECENT_LINES {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { mark, class, text });
    }

    /// The restart that was heard of, as a fault; said once. A module that boots says more than one line, and
    /// the later ones are no second restart.
    fn restarted(&mut self) -> Option<Fault> {
        let (_, line) = self.reboot_at.take()?;
        self.reboot_welcome_until = self.clock.now() + BOOT_LINES;
        Some(Fault::Reboot { line })
    }

    fn gone(&mut self, error: LinkError) -> Fault {
        // A new conversation begins when the port comes back; nothing of this one is owed any more, and the
        // end of a line that it was in the middle of never comes.
        self.footing = Footing::Firm;
        self.sorter.break_off(&mut self.sorted);
        self.file_sorted(self.clock.now());
        self.transcript.flush_tail();
        if matches!(error, LinkError::Gone { .. }) {
            self.transcript.note(self.clock.now(), NoteKind::Port, record::GONE);
        }
        Fault::from_link(error)
    }
}

/// How one read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pumped {
    /// Something was sorted.
    Bytes,
    /// The deadline passed.
    Deadline,
    /// A signal came.
    Woken,
}
