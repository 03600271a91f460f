//! Counted bytes: cut by number, never looked at, and what to do when the number is wrong.

use std::sync::Arc;

use super::cursor::Place;
use super::message::JOINED_BYTES;
use crate::at::dialect::Dialect;
use crate::at::pattern::{Capture, Captures, Lists, Pattern, Same, Sequence, trim_end};

/// A frame whose length is wrong ends at the line end nearest to it, this many bytes either way. The
/// longest slip on record is one byte (the `53 byte` of a cloud vendor's page, which are 54).
const SLIP_BYTES: usize = 16;
/// What follows counted bytes may hold fields (`,{rssi:int}`), but no more than this.
const TAIL_BYTES: usize = 256;

/// What a message may have, whatever the module takes to publish. A number of ours: many times what modules on record
/// hand on at once (SIM7600: 1,500 bytes). A damaged length beyond it swallows nothing.
const MESSAGE_BYTES: usize = 16 * 1024;

/// Whose the frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The dialect's message with this index.
    Message(usize),
    Await,
    Expect,
    Collect(usize),
    /// Of a step that is over.
    Nobody,
}

impl Owner {
    /// The most bytes that are believed to be announced. The cloud may send more than the module takes to publish.
    pub(super) fn limit(self, dialect: &Dialect) -> usize {
        let sent = dialect.limits.payload_bytes;
        if matches!(self, Self::Message(_)) { sent.max(MESSAGE_BYTES) } else { sent }
    }
}

/// A sequence, kept alive while a frame of it is read.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Message(Arc<Dialect>, usize),
    Step(Arc<Sequence>),
    Collect(Arc<Lists>, usize),
}

impl Source {
    pub(super) fn sequence(&self) -> Option<&Sequence> {
        match self {
            Self::Message(dialect, index) => dialect.urc.message.get(*index),
            Self::Step(sequence) => Some(sequence),
            Self::Collect(lists, index) => lists.get(*index).map(|(_, sequence)| sequence),
        }
    }
}

/// A line that is being read by count. Its bytes stand in the sorter's line buffer.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) source: Source,
    pub(super) owner: Owner,
    pub(super) place: Place,
    pub(super) captures: Captures,
    /// Lengths that earlier lines of the sequence captured.
    pub(super) earlier: Captures,
    /// Which counted hole is being read.
    pub(super) hole: usize,
    /// Where in the line buffer its bytes begin.
    pub(super) start: usize,
    pub(super) need: usize,
    /// The line before ended with CR; its LF may follow and is no payload.
    pub(super) skip_lf: bool,
    /// No counted hole may be longer.
    pub(super) limit: usize,
}

/// What the bytes taken so far make of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// More must come.
    Open,
    /// All came, and what follows is what the pattern says.
    Whole,
    /// What follows is not what the pattern says. How far behind the counted bytes the next line end is.
    Broken { line_end: Option<usize> },
}

impl Frame {
    fn pattern(&self) -> Option<&Pattern> {
        self.place.pattern(self.source.sequence()?)
    }

    /// Takes bytes off the front of `bytes`, which is not empty, into `line`: returns how many and what
    /// they make of it. Says the same however the bytes are cut.
    pub(super) fn take(&mut self, line: &mut Vec<u8>, bytes: &[u8], same: Same<'_>) -> (usize, State) {
        if std::mem::take(&mut self.skip_lf) && bytes[0] == b'\n' {
            return (1, State::Open);
        }
        let end = self.start + self.need;
        if line.len() < end {
            let used = bytes.len().min(end - line.len());
            line.extend_from_slice(&bytes[..used]);
            return (used, State::Open);
        }
        let Some((last, behind, fixed)) = self.pattern().map(|pattern| {
            let next = self.hole + 1;
            let last = next == pattern.counted_holes();
            let behind = if last { None } else { pattern.counted_hole(next).2 };
            (last, behind, pattern.segment_is_fixed(next))
        }) else {
            return (0, State::Broken { line_end: None });
        };
        let byte = bytes[0];
        if matches!(byte, b'\r' | b'\n') {
            return self.line_end(line, byte, last, same);
        }
        line.push(byte);
        if Some(byte) == behind && self.next_hole(line, same) {
            return (1, State::Open);
        }
        let room = if fixed { SLIP_BYTES } else { TAIL_BYTES };
        (1, if line.len() - end > room { State::Broken { line_end: None } } else { State::Open })
    }

    fn line_end(&mut self, line: &[u8], byte: u8, last: bool, same: Same<'_>) -> (usize, State) {
        let end = self.start + self.need;
        // CR counted as payload and LF left over: the number cut a line end in two.
        if line.len() == end && byte == b'\n' && self.need > 0 && line.ends_with(b"\r") {
            return (0, State::Broken { line_end: None });
        }
        if last && self.finish(line, same) {
            return (1, State::Whole);
        }
        (0, State::Broken { line_end: Some(line.len() - end) })
    }

    /// Captures the last counted bytes and what stands behind them, if that is as the pattern says.
    pub(super) fn finish(&mut self, line: &[u8], same: Same<'_>) -> bool {
        let end = self.start + self.need;
        let mut captures = self.counted(&line[self.start..end]);
        let next = self.hole + 1;
        let Some(pattern) = self.pattern() else { return false };
        if !pattern.segment_captures(next, trim_end(&line[end..]), same, &mut captures) {
            return false;
        }
        self.captures.0.append(&mut captures.0);
        true
    }

    /// Goes on to the next counted hole, if the text between the two ends here.
    fn next_hole(&mut self, line: &[u8], same: Same<'_>) -> bool {
        let end = self.start + self.need;
        let mut captures = self.counted(&line[self.start..end]);
        let next = self.hole + 1;
        let Some(pattern) = self.pattern() else { return false };
        if !pattern.segment_captures(next, &line[end..], same, &mut captures) {
            return false;
        }
        let known = [&captures, &self.captures, &self.earlier];
        let Some(need) = Need::of(pattern, next, &known).and_then(|need| need.believed(self.limit)) else {
            return false;
        };
        self.captures.0.append(&mut captures.0);
        (self.hole, self.start, self.need) = (next, line.len(), need);
        true
    }

    /// The capture of the hole being read.
    pub(super) fn counted(&self, bytes: &[u8]) -> Captures {
        let name = self.pattern().and_then(|pattern| pattern.counted_hole(self.hole).0.cloned());
        Captures(name.map(|name| (name, Capture::Bytes(bytes.to_vec()))).into_iter().collect())
    }

    /// Whether the hole being read is the last thing counted, so that a damaged frame still has the rest.
    pub(super) fn is_last_hole(&self) -> bool {
        self.pattern().is_some_and(|pattern| self.hole + 1 == pattern.counted_holes())
    }

    /// Whether another frame of the kind begins here.
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        let header = self.pattern().map(Pattern::prefix).unwrap_or_default();
        !header.is_empty() && line.starts_with(header)
    }

    /// Where the counted bytes of a broken frame end in `line`: at the line end nearest to the declared end
    /// (`line_end` bytes behind it, or before it), sooner at one where the payload is whole JSON. A line end may be
    /// missing: then where they were declared to end if that is whole JSON or the next frame of the kind begins
    /// there, or where that sticks to whole JSON. Else where they were declared to end.
    pub(super) fn cut(&self, line: &[u8], line_end: Option<usize>) -> usize {
        let end = (self.start + self.need).min(line.len());
        let from = self.start.max((self.start + self.need).saturating_sub(SLIP_BYTES)).min(end);
        let is_end = |at: usize| matches!(line[at], b'\r' | b'\n');
        let begins = |&at: &usize| is_end(at) && (at == from || !is_end(at - 1));
        let behind = line_end.filter(|&distance| distance <= SLIP_BYTES).map(|distance| end + distance);
        let mut ends: Vec<usize> = behind.into_iter().chain((from..end).rev().filter(begins)).collect();
        ends.sort_by_key(|&at| at.abs_diff(end));
        let whole = |at: &usize| self.is_last_hole() && is_whole_json(&line[self.start..*at]);
        let begins_at = |at: usize| self.begins(&line[at..]);
        let as_declared = || (whole(&end) || (self.is_last_hole() && begins_at(end))).then_some(end);
        let sticks = |at: &usize| begins_at(*at) && whole(at);
        let glued = || (from..line.len()).filter(sticks).min_by_key(|at| at.abs_diff(end));
        let at_line_end = ends.iter().copied().find(whole);
        at_line_end.or_else(as_declared).or_else(glued).or(ends.first().copied()).unwrap_or(end)
    }
}

/// How many bytes a counted hole takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    /// What was announced.
    pub declared: usize,
    /// What is there already, from earlier rounds of a `many`.
    joined: usize,
}

impl Need {
    /// Of counted hole `hole` of `pattern`, if `known` holds its length.
    pub(super) fn of(pattern: &Pattern, hole: usize, known: &[&Captures]) -> Option<Self> {
        let (name, length, _) = pattern.counted_hole(hole);
        let declared = known.iter().find_map(|captures| captures.int(length))?;
        let declared = usize::try_from(declared).ok()?;
        let joined = name.and_then(|name| known.iter().find_map(|captures| captures.get(name)));
        let joined =
            joined.map_or(0, |joined| if let Capture::Bytes(bytes) = joined { bytes.len() } else { 0 });
        Some(Self { declared, joined })
    }

    /// If that is believed: not more than `limit`, and all together not more than is collected.
    pub(super) fn believed(self, limit: usize) -> Option<usize> {
        (self.declared <= limit && self.joined + self.declared <= JOINED_BYTES).then_some(self.declared)
    }
}

/// Whether `payload` is one complete JSON text that shows its own end. A bare number does not.
pub(super) fn is_whole_json(payload: &[u8]) -> bool {
    let first = payload.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[' | b'"'))
        && serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok()
}
