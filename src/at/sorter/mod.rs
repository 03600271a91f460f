//! The one reader of what a module says. Bytes go in, in any pieces; out comes what each line is, and what
//! it means whatever the step at hand thinks of it: a message, a lost session, a restart.
//!
//! A line is offered to the armed step and to the dialect in the order of [`Class`]. The pieces in which
//! bytes arrive make no difference: every decision hangs on a byte's place in the stream, none on where a
//! piece ends. The one thing that needs a clock, a frame that stays unfinished, is told by
//! [`Sorter::stall`].

mod cursor;
mod exchange;
mod frame;
mod message;
mod progress;
mod sort;
#[cfg(test)]
mod tests;
mod urc;

use std::sync::Arc;
use std::time::Duration;

pub use message::Message;
pub use progress::{Armed, Ended, Progress, ResultError, Verdict, Wanted};

use super::dialect::{Dialect, Prompt};
use super::pattern::{Captures, Pattern, trim_end};
use cursor::{Cursor, Place};
use exchange::Exchange;
use frame::{Frame, Need, Owner, Source, State};
use message::Pieces;
use urc::UrcIndex;

/// A line that goes on without an end is cut here and logged as noise.
pub const LINE_BYTES: usize = 8 * 1024;
/// Counted bytes begin within this many bytes of a line, or it is no header. Topics have 1024 at most.
const HEADER_BYTES: usize = 2 * 1024;
/// A frame in which nothing comes for this long is damaged.
const FRAME_PATIENCE: Duration = Duration::from_secs(3);
/// Pieces of a message between which more time passes do not belong together.
pub const PIECES_PATIENCE: Duration = Duration::from_secs(10);

/// What a line from before the result means to a wait that begins behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Early {
    /// It is awaited, and an earlier command's.
    Stray,
    /// It ends the wait.
    Failure,
    /// Nothing.
    Left,
}

/// What a line is: who took it, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Our own command line or data, sent back.
    Echo,
    /// The word that asks for data.
    Prompt,
    /// An awaited line.
    Await,
    /// A line that decides that the step failed.
    Fail,
    /// The final result code that was owed.
    Final,
    /// An expected line.
    Expect,
    /// A line of a list.
    Collect,
    /// The session, or what carries it, is gone.
    Closed,
    /// The module restarted.
    Reboot,
    /// A message waits inside the module.
    Notice,
    /// A message, or a line of one.
    Message,
    /// A known URC of no consequence.
    Other,
    /// Anything else while a command is in flight.
    Information,
    /// Anything else while none is.
    Unknown,
    /// Not the final result that is waited for, after a deadline: an old answer, never captured.
    Late,
    /// No line at all: too long, or left of a damaged frame.
    Noise,
}

/// What became of a whole frame whose step is over.
const NOTHING: Class = Class::Unknown;

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum Sorted {
    /// A line, without its end. A frame counts as one, with all its bytes.
    Line {
        /// What it is.
        class: Class,
        /// Its bytes, without NULs and the blanks at its end.
        text: Vec<u8>,
    },
    /// The module asks for data.
    Prompt,
    /// A message from the broker.
    Message(Message),
    /// The session is gone, says this line.
    Closed(String),
    /// The module restarted, says this line.
    Reboot(String),
    /// A message waits inside the module; `fetch` is called with these.
    Notice(Captures),
    /// A frame whose length was wrong, or that never became whole. Follows its line.
    Damaged(Damaged),
}

/// A frame that was not as long as it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Bytes announced.
    pub declared: usize,
    /// Bytes taken.
    pub seen: usize,
    /// Its contents are whole JSON all the same, and were delivered.
    pub delivered: bool,
}

/// A message of several lines that has begun.
#[derive(Debug)]
struct Block {
    index: usize,
    cursor: Cursor,
    captures: Captures,
    damaged: bool,
}

/// Where the next byte of text stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    /// Anywhere in a line.
    #[default]
    Line,
    /// In a line whose beginning was cut off as noise.
    Overlong,
    /// Directly behind a prompt, where a blank may stand.
    Prompt,
}

/// Takes bytes, says what the lines in them are.
#[derive(Debug)]
pub struct Sorter {
    dialect: Arc<Dialect>,
    urcs: UrcIndex,
    exchange: Option<Exchange>,
    /// What [`Sorter::progress`] shows while nothing is armed.
    idle: Progress,
    /// The line, or frame, that has not ended.
    line: Vec<u8>,
    within: Within,
    frame: Option<Frame>,
    block: Option<Block>,
    pieces: Pieces,
    /// A damaged frame was given up: what looks like a line may be its payload.
    distrust: bool,
    late: bool,
    /// The line that has not ended began before the command under way was sent.
    begun_before: bool,
    /// The prompt of a command that was given up; it may still come.
    late_prompt: Option<Prompt>,
}

impl Sorter {
    /// A sorter for modules of this family.
    pub fn new(dialect: Arc<Dialect>) -> Self {
        let urcs = UrcIndex::new(&dialect);
        Self {
            dialect,
            urcs,
            exchange: None,
            idle: Progress::default(),
            line: Vec::new(),
            within: Within::Line,
            frame: None,
            block: None,
            pieces: Pieces::default(),
            distrust: false,
            late: false,
            begun_before: false,
            late_prompt: None,
        }
    }

    /// Starts an exchange or a wait, in place of one that may be under way.
    pub fn arm(&mut self, armed: Armed) {
        self.orphan();
        self.begun_before = armed.wanted.owes_final && !self.line.is_empty() && !self.in_frame();
        self.exchange = Some(Exchange::new(armed, &self.dialect));
    }

    /// Ends the exchange or wait and hands over what it has got.
    pub fn disarm(&mut self) -> Progress {
        self.orphan();
        self.exchange.take().map(Exchange::finish).unwrap_or_default()
    }

    /// How far the exchange or wait has got.
    pub fn progress(&self) -> &Progress {
        self.exchange.as_ref().map_or(&self.idle, |exchange| &exchange.progress)
    }

    /// The awaited line that has not come yet, as its pattern is written.
    pub fn missing_await(&self) -> Option<String> {
        self.exchange.as_ref().and_then(Exchange::missing_await)
    }

    /// The expected line that has not come yet, as its pattern is written.
    pub fn missing_expect(&self) -> Option<String> {
        self.exchange.as_ref().and_then(Exchange::missing_expect)
    }

    /// While this holds, every line that is neither echo nor final result is an old answer: it is never
    /// captured. What a line means whoever takes it is reported as ever.
    pub fn set_late(&mut self, late: bool) {
        self.late = late;
    }

    /// The step that is armed is about to be given up: if it asked for a prompt that has not come, the prompt
    /// is still told when it comes, whoever waits for what then. Says whether there is such a prompt.
    pub fn expect_late_prompt(&mut self) -> bool {
        self.late_prompt = self.exchange.as_ref().and_then(|exchange| exchange.missing_prompt().cloned());
        self.late_prompt.is_some()
    }

    /// No prompt can come late any more.
    pub fn forget_late_prompt(&mut self) {
        self.late_prompt = None;
    }

    /// Offers a line that came before a wait was armed to its awaited lines and failures, unless it is done.
    /// Says whether it was taken. The line was sorted when it came, so nothing is reported.
    pub fn replay_line(&mut self, line: &[u8]) -> bool {
        let Some(exchange) = &mut self.exchange else { return false };
        if exchange.progress.awaits_done || exchange.progress.failed.is_some() {
            return false;
        }
        let closed = self.urcs.means_closed(&self.dialect, line);
        exchange.replay(line, closed)
    }

    /// The same with a line from before the result that the awaited lines have to follow. It can only be a failure:
    /// an awaited line is a stray then, of an earlier command.
    pub fn replay_early(&mut self, line: &[u8]) -> Early {
        let Some(exchange) = &mut self.exchange else { return Early::Left };
        exchange.replay_early(line, self.urcs.means_closed(&self.dialect, line))
    }

    /// Whether the last thing that came looks like a prompt for data, which no step had announced.
    pub fn shows_prompt(&self) -> bool {
        !self.in_frame() && matches!(&*self.line, b">" | b"> ")
    }

    /// Whether counted bytes or the rest of a message are still to come.
    pub fn in_frame(&self) -> bool {
        self.frame.is_some() || self.block.is_some()
    }

    /// How long after the last byte [`Sorter::stall`] is to be called; `None`: nothing is unfinished.
    pub fn patience(&self) -> Option<Duration> {
        if self.in_frame() || self.distrust {
            Some(FRAME_PATIENCE)
        } else {
            self.pieces.is_waiting().then_some(PIECES_PATIENCE)
        }
    }

    /// The number of the newest piece of a message that waits for more. Other lines may come between two pieces, so
    /// whoever has a clock calls [`Sorter::give_up_pieces`] when no further one has come for [`PIECES_PATIENCE`].
    pub fn newest_piece(&self) -> Option<u64> {
        self.pieces.newest()
    }

    /// The pieces that came so far are all that will come of their message.
    pub fn give_up_pieces(&mut self, out: &mut Vec<Sorted>) {
        if let Some(lost) = self.pieces.give_up() {
            report_lost(&lost, out);
        }
    }

    /// Takes bytes that came, and appends to `out` what they are.
    pub fn feed(&mut self, bytes: &[u8], out: &mut Vec<Sorted>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used =
                if self.frame.is_some() { self.take_counted(rest, out) } else { self.take_text(rest, out) };
            rest = &rest[used..];
        }
    }

    /// Nothing came for [`Sorter::patience`]: what is unfinished is given up.
    pub fn stall(&mut self, out: &mut Vec<Sorted>) {
        if let Some(frame) = self.frame.take() {
            self.end_stalled(frame, out);
        } else if self.block.is_some() {
            self.end_block(out);
        } else if self.distrust {
            // Whatever the rest of the damaged frame was, it is over.
            self.distrust = false;
        } else {
            self.give_up_pieces(out);
        }
    }

    /// The conversation broke off: what has not ended by now never will, and what comes next begins anew.
    pub fn break_off(&mut self, out: &mut Vec<Sorted>) {
        while self.patience().is_some() {
            self.stall(out);
        }
        self.line.clear();
        self.within = Within::Line;
    }

    /// A frame of a step that is over belongs to nobody, not to the next step.
    fn orphan(&mut self) {
        if let Some(frame) = &mut self.frame
            && !matches!(frame.owner, Owner::Message(_))
        {
            frame.owner = Owner::Nobody;
        }
    }

    /// Takes text up to the next line end, header, prompt or NUL; returns how many bytes.
    fn take_text(&mut self, bytes: &[u8], out: &mut Vec<Sorted>) -> usize {
        if self.within == Within::Prompt {
            self.within = Within::Line;
            if bytes[0] == b' ' {
                return 1;
            }
        }
        if bytes[0] == b'>' && self.line.is_empty() && self.within == Within::Line && self.takes_sign() {
            self.within = Within::Prompt;
            out.push(Sorted::Prompt);
            return 1;
        }
        if self.line.is_empty() && self.within == Within::Line {
            let empty = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | 0)).count();
            if empty > 0 {
                return empty;
            }
        }
        let before = self.line.len();
        let window = &bytes[..bytes.len().min(LINE_BYTES - before)];
        // Only CR and LF end a line. NULs are what a UART hears while a module boots.
        let stop = memchr::memchr3(b'\r', b'\n', 0, window);
        self.line.extend_from_slice(&window[..stop.unwrap_or(window.len())]);
        if self.line.len() > before && self.begin_at_header(before, out) {
            self.begun_before = false;
            return self.line.len() - before;
        }
        if let Some(at) = stop {
            if bytes[at] != 0 {
                self.end_line(bytes[at], out);
            }
            return at + 1;
        }
        if self.line.len() == LINE_BYTES {
            self.within = Within::Overlong;
            let text = std::mem::take(&mut self.line);
            out.push(Sorted::Line { class: Class::Noise, text });
        }
        window.len()
    }

    /// Whether a `>` at the start of a line is a prompt that somebody asked for.
    fn takes_sign(&mut self) -> bool {
        match self.exchange.as_mut().filter(|exchange| exchange.wants_sign()) {
            Some(exchange) => {
                exchange.progress.prompt_seen = true;
                true
            }
            None => self.late_prompt.take_if(|prompt| *prompt == Prompt::Sign).is_some(),
        }
    }

    /// Whether the line is the word of a prompt that comes late.
    fn takes_late_word(&mut self, line: &[u8]) -> bool {
        let is_it = |prompt: &mut Prompt| matches!(prompt, Prompt::Word(word) if word.as_bytes() == line);
        self.late_prompt.take_if(is_it).is_some()
    }

    fn end_line(&mut self, end: u8, out: &mut Vec<Sorted>) {
        let overlong = std::mem::take(&mut self.within) == Within::Overlong;
        let length = trim_end(&self.line).len();
        if length > 0 {
            // The buffer stays, so that a line costs one allocation: the one that is handed out.
            let mut line = std::mem::take(&mut self.line);
            if overlong {
                out.push(Sorted::Line { class: Class::Noise, text: line[..length].to_vec() });
            } else {
                self.sort(&line[..length], end, out);
            }
            line.clear();
            self.line = line;
        }
        self.line.clear();
        self.begun_before = false;
    }

    /// Looks for the end of a header in the line, of which the first `before` bytes were looked at already.
    /// If there is one, the line is cut behind it and a frame begun.
    fn begin_at_header(&mut self, before: usize, out: &mut Vec<Sorted>) -> bool {
        let step = self.exchange.as_ref().is_some_and(|exchange| exchange.counted);
        let likely = step || self.block.is_some() || self.urcs.may_be_header(&self.line);
        if self.within == Within::Overlong || !likely {
            return false;
        }
        let dialect = self.dialect.clone();
        let mut found: Option<(usize, Frame)> = None;
        let mut too_long = None;
        let mut look =
            |owner, place: Place, pattern: &Pattern, earlier: &Captures, source: Option<Source>| {
                let (Some(source), true) = (source, self.line.starts_with(pattern.prefix())) else {
                    return None::<()>;
                };
                let (at, need, captures) = self.header(pattern, before, earlier, owner)?;
                let limit = owner.limit(&dialect);
                let Some(need) = need.believed(limit) else {
                    if matches!(owner, Owner::Message(_)) {
                        too_long = Some(need.declared);
                    }
                    return None;
                };
                if found.as_ref().is_none_or(|(first, _)| at < *first) {
                    let frame = Frame {
                        source,
                        owner,
                        place,
                        captures,
                        earlier: earlier.clone(),
                        hole: 0,
                        start: at,
                        need,
                        skip_lf: false,
                        limit,
                    };
                    found = Some((at, frame));
                }
                None
            };
        let is_header = |pattern: &Pattern| pattern.is_counted() && !pattern.begins_with_bytes();
        let none = Captures::default();
        for (index, sequence) in dialect.urc.message.iter().enumerate() {
            let open = self.block.as_ref().filter(|block| block.index == index);
            let mut look = |cursor: &Cursor, captures: &Captures| {
                cursor.find(sequence, |place, pattern| {
                    is_header(pattern).then(|| {
                        let source = Source::Message(dialect.clone(), index);
                        look(Owner::Message(index), place, pattern, captures, Some(source))
                    })?
                })
            };
            if let Some(block) = open {
                look(&block.cursor, &block.captures);
            }
            look(&Cursor::default(), &none);
        }
        if let (true, Some(exchange)) = (step, &self.exchange) {
            exchange.find(|owner, place, pattern, captures| {
                is_header(pattern).then(|| look(owner, place, pattern, captures, exchange.source(owner)))?
            });
        }
        let Some((at, frame)) = found else {
            if let Some(declared) = too_long {
                self.distrust_message(declared, out);
            }
            return false;
        };
        self.line.truncate(at);
        self.frame = Some(frame);
        true
    }

    /// Where the header of `pattern` ends in the line, behind `before`, with what it captured and how many
    /// bytes follow.
    fn header(
        &self,
        pattern: &Pattern,
        before: usize,
        earlier: &Captures,
        owner: Owner,
    ) -> Option<(usize, Need, Captures)> {
        let behind = pattern.counted_hole(0).2;
        let text = &self.line[..self.line.len().min(HEADER_BYTES)];
        let same = self.same(owner);
        memchr::memchr_iter(behind?, text.get(before..)?).map(|at| before + at + 1).find_map(|end| {
            let mut captures = Captures::default();
            if !pattern.segment_captures(0, &text[..end], same, &mut captures) {
                return None;
            }
            let need = Need::of(pattern, 0, &[&captures, earlier])?;
            Some((end, need, captures))
        })
    }

    fn same(&self, owner: Owner) -> &[(Arc<str>, String)] {
        match (owner, &self.exchange) {
            (Owner::Message(_) | Owner::Nobody, _) | (_, None) => &[],
            (_, Some(exchange)) => &exchange.same,
        }
    }

    fn take_counted(&mut self, bytes: &[u8], out: &mut Vec<Sorted>) -> usize {
        let Some(mut frame) = self.frame.take() else { return 0 };
        let mut line = std::mem::take(&mut self.line);
        let (used, state) = frame.take(&mut line, bytes, self.same(frame.owner));
        self.line = line;
        match state {
            State::Open => self.frame = Some(frame),
            State::Whole => self.end_frame(frame, bytes[used - 1], out),
            State::Broken { line_end } => self.end_broken(frame, line_end, out),
        }
        used
    }
}

fn report_lost(lost: &Message, out: &mut Vec<Sorted>) {
    let declared = lost.captures.int("total").and_then(|total| usize::try_from(total).ok());
    let seen = lost.payload.len();
    let declared = declared.unwrap_or(seen);
    out.push(Sorted::Damaged(Damaged { declared, seen, delivered: false }));
}
