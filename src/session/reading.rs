//! The one place that reads the link: bytes to the transcript and the sorter, deadlines and wake-ups to whoever
//! waits.

use std::time::Duration;

use crate::at::sorter::PIECES_PATIENCE;
use crate::link::{LinkError, Mono, Read};
use crate::transcript::record::{self, NoteKind};

use super::{Fault, Footing, Session};

/// What has piled up unread is still sorted this long after a deadline; then the deadline holds, however
/// much more is coming.
const BACKLOG: Duration = Duration::from_millis(50);

/// How one read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pumped {
    /// Something was sorted.
    Bytes,
    /// The deadline passed.
    Deadline,
    /// A signal came.
    Woken,
}

impl Session {
    /// One read, everything in it sorted. The only place that reads the link.
    pub(super) fn pump(&mut self, until: Mono) -> Result<Pumped, Fault> {
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

    /// One read. The time of a stop wakes it as a signal does: once, also if it came while bytes were read.
    fn read_link(&mut self, until: Mono) -> Result<Read, LinkError> {
        let stop = self.stop.wanted_at;
        if self.clock.now() >= stop && self.stop.last_moment == Mono::FAR {
            self.hear_stop();
            return Ok(Read::Woken);
        }
        if stop >= until || self.clock.now() >= stop {
            return self.read_with_word(until);
        }
        Ok(match self.read_with_word(stop)? {
            Read::Deadline => Read::Woken,
            read => read,
        })
    }

    /// The same, with word to whoever wants it meanwhile.
    fn read_with_word(&mut self, until: Mono) -> Result<Read, LinkError> {
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

    pub(super) fn gone(&mut self, error: LinkError) -> Fault {
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
