//! Writes a transcript. Received bytes are recorded in whole lines, so that a secret that two reads cut in
//! half is still found; what was sent is recorded as it was sent.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::mem;
use std::time::Duration;

use memchr::memrchr;

use super::mask::Masker;
use super::reader;
use super::record::{self, Header, NoteKind, Record, Way};
use crate::link::Mono;

/// The newest records are kept for failure reports: at least this much of the file.
const RECENT_BYTES: usize = 64 * 1024;

/// Longest line that is waited for. A payload of 4,100 bytes, the most a Luat module takes, fits.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The record of one conversation. Dropping it writes what is left.
pub struct Transcript {
    masker: Masker,
    /// Received and not recorded yet: the beginning of a line, or of a secret.
    tail: Vec<u8>,
    tail_at: Mono,
    /// How long after the record began the clock of the conversation at hand did.
    shift: Duration,
    lines: Lines,
}

impl Transcript {
    /// One without a file: the newest records are kept in memory, nothing else.
    pub fn none(masker: Masker) -> Self {
        let (tail, tail_at, shift) = (Vec::new(), Mono::ZERO, Duration::ZERO);
        Self { masker, tail, tail_at, shift, lines: Lines::default() }
    }

    /// One that goes to `file`. A file that cannot be written is a [`Transcript::problem`], never a failed
    /// run.
    pub fn to(file: Box<dyn Write>, header: &Header, masker: Masker) -> Self {
        let mut transcript = Self::none(masker);
        let port = transcript.masker.mask(&header.port).into_owned();
        transcript.lines.begin(file, &Header { port, ..header.clone() });
        transcript
    }

    /// The same record, of another conversation: on a clock that stands at `now` where the old one stands at
    /// `then`. Time in the record goes on.
    #[must_use]
    pub fn continued(mut self, masker: Masker, then: Mono, now: Mono) -> Self {
        self.settle();
        self.masker = masker;
        self.shift += then.since(now);
        self
    }

    /// What was wrong with the file. It is not written any more then; the run goes on.
    pub fn problem(&self) -> Option<&io::Error> {
        self.lines.problem.as_ref()
    }

    /// From now on masks with this one: it knows a secret that nobody knew when the conversation began.
    pub fn mask_with(&mut self, masker: Masker) {
        self.flush_tail();
        self.masker = masker;
    }

    /// Records what was handed to the module. Give a command line, or data, as one piece, also if the
    /// module took only a part of it: a secret in two pieces is not found.
    pub fn tx(&mut self, at: Mono, bytes: &[u8]) {
        self.flush_tail();
        self.lines.bytes(at + self.shift, Way::Tx, &self.masker.mask_cut_off(bytes));
    }

    /// Records what came from the module, in whole lines; the rest waits for its end.
    pub fn rx(&mut self, at: Mono, bytes: &[u8]) {
        let mut tail = mem::take(&mut self.tail);
        let joined = !tail.is_empty();
        if joined {
            tail.extend_from_slice(bytes);
        }
        let whole = if joined { &tail[..] } else { bytes };
        let lines_end = memrchr(b'\n', whole).map_or(0, |index| index + 1);
        let wanted = if whole.len() - lines_end > LINE_BYTES_MAX { whole.len() } else { lines_end };
        let at = at + self.shift;
        let cut = self.received(at, whole, wanted);
        if joined {
            tail.drain(..cut);
        } else {
            tail.extend_from_slice(&bytes[cut..]);
        }
        self.tail = tail;
        self.tail_at = at;
    }

    /// Records an unfinished line: at the end of an exchange, at a prompt. What may be the beginning of a
    /// secret is still held back, and comes after what is recorded next.
    pub fn flush_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let mut tail = mem::take(&mut self.tail);
        let cut = self.received(self.tail_at, &tail, tail.len());
        tail.drain(..cut);
        self.tail = tail;
    }

    /// Records something that is not on the line.
    pub fn note(&mut self, at: Mono, kind: NoteKind, text: &str) {
        self.flush_tail();
        let shown = self.masker.mask(text);
        let masked = matches!(shown, Cow::Owned(_));
        self.lines.push(at + self.shift, |out, at| record::push_note(out, at, kind, &shown, masked));
    }

    /// The newest records, oldest first, none before `since`. Call [`Transcript::flush_tail`] before, to have
    /// the last line.
    pub fn recent(&self, since: Mono) -> Vec<Record> {
        // Time in the lines only goes forward, so nobody looks at more of them than are wanted and one.
        let lines = self.lines.recent.rsplit(|byte| *byte == b'\n');
        let records = lines.filter_map(|line| reader::parse(str::from_utf8(line).ok()?).ok());
        let since = since + self.shift;
        let records = records.take_while(|record| record.at >= since);
        let mut recent: Vec<Record> =
            records.map(|record| Record { at: record.at - self.shift, ..record }).collect();
        recent.reverse();
        recent
    }

    /// Hands what was recorded so far to the system.
    pub fn flush(&mut self) {
        self.lines.with_file(BufWriter::flush);
    }

    /// Records all that is left: a conversation is over. An end that may be the beginning of a secret is masked
    /// if it is long enough to give something away.
    pub fn settle(&mut self) {
        let tail = mem::take(&mut self.tail);
        self.lines.bytes(self.tail_at, Way::Rx, &self.masker.mask_cut_off(&tail));
        self.flush();
    }

    /// Records all that is left and ends the file. Whatever comes later goes to memory only.
    pub fn close(&mut self) {
        self.settle();
        self.lines.file = None;
    }

    /// Records the beginning of `whole`, up to `wanted` or as far as no secret is cut, and returns how much.
    fn received(&mut self, at: Mono, whole: &[u8], wanted: usize) -> usize {
        let cut = self.masker.cut(whole, wanted);
        // Only a text made to repeat a secret's own beginning is held back for this long.
        if whole.len() - cut > LINE_BYTES_MAX + self.masker.longest() {
            self.lines.bytes(at, Way::Rx, &self.masker.mask_cut_off(whole));
            return whole.len();
        }
        self.lines.bytes(at, Way::Rx, &self.masker.mask_bytes(&whole[..cut]));
        cut
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Transcript {
    /// Without the bytes: what is not recorded yet is not masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").field("problem", &self.lines.problem).finish_non_exhaustive()
    }
}

/// Where lines go: to memory, and to the file as long as it takes them.
#[derive(Default)]
struct Lines {
    file: Option<BufWriter<Box<dyn Write>>>,
    problem: Option<io::Error>,
    /// The newest records as they are in the file.
    recent: Vec<u8>,
    last_at: Mono,
}

impl Lines {
    fn begin(&mut self, file: Box<dyn Write>, header: &Header) {
        let mut line = Vec::new();
        record::push_header(&mut line, header);
        self.file = Some(BufWriter::new(file));
        self.with_file(|file| file.write_all(&line));
    }

    /// Records bytes after masking.
    #[expect(clippy::ptr_arg, reason = "whether it is owned tells whether a secret was masked")]
    fn bytes(&mut self, at: Mono, way: Way, shown: &Cow<'_, [u8]>) {
        let masked = matches!(shown, Cow::Owned(_));
        if shown.is_empty() {
            return;
        }
        if let Ok(text) = str::from_utf8(shown) {
            return self.push(at, |out, at| record::push_str(out, at, way, text, masked));
        }
        // One byte of garbage, as after a reset, must not make the lines around it unreadable: they are
        // records of their own then. What was sent stays one record.
        let line_end = if way == Way::Tx { None } else { Some(b'\n') };
        for piece in shown.split_inclusive(|byte| Some(*byte) == line_end) {
            self.push(at, |out, at| record::push_bytes(out, at, way, piece, masked));
        }
    }

    /// Appends one line.
    fn push(&mut self, at: Mono, push: impl FnOnce(&mut Vec<u8>, Mono)) {
        // What was held back came earlier than what stands above it; time in the file only goes forward.
        self.last_at = self.last_at.max(at);
        let start = self.recent.len();
        push(&mut self.recent, self.last_at);
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(&self.recent[start..])
        {
            self.give_up(error);
        }
        // Half of it goes at a time, so that a byte is moved once at most on average.
        if self.recent.len() > 2 * RECENT_BYTES {
            let keep_from = (self.recent.len() - RECENT_BYTES).min(start);
            let line_end = memrchr(b'\n', &self.recent[..keep_from]).map_or(0, |index| index + 1);
            self.recent.drain(..line_end);
        }
    }

    fn with_file(&mut self, job: impl FnOnce(&mut BufWriter<Box<dyn Write>>) -> io::Result<()>) {
        if let Some(Err(error)) = self.file.as_mut().map(job) {
            self.give_up(error);
        }
    }

    fn give_up(&mut self, error: io::Error) {
        // Taken apart, the buffer is dropped without trying to write it once more.
        if let Some(file) = self.file.take() {
            drop(file.into_parts());
        }
        self.problem.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests;
