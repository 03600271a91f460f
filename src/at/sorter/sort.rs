//! What becomes of a line that is whole, and of a frame that is over.

use super::cursor::{Cursor, Place, Shape};
use super::exchange::{Offer, Taken};
use super::frame::{Frame, Need, Owner, Source, is_whole_json};
use super::urc::Known;
use super::{Block, Class, Damaged, Message, NOTHING, Sorted, Sorter, report_lost};
use crate::at::pattern::{Captures, Pattern, Sequence};

impl Sorter {
    /// Sorts a line that ended with the byte `end`.
    pub(super) fn sort(&mut self, line: &[u8], end: u8, out: &mut Vec<Sorted>) {
        if self.continues_block(line, Shape::Any) {
            out.push(Sorted::Line { class: Class::Message, text: line.to_vec() });
            self.go_on_with_block(end, out);
            return;
        }
        let dialect = self.dialect.clone();
        let known = self.urcs.find(&dialect, line);
        let closed = known.is_some_and(|known| known.class == Class::Closed);
        // Nothing answers a command before it is sent, not even with the first half of a line.
        let early = self.begun_before;
        let late = self.late || early;
        let offer = Offer { closed, late, early, distrust: self.distrust };
        let mut taken = self.exchange.as_mut().and_then(|exchange| exchange.offer(line, &dialect, offer));
        if taken.is_none() && self.takes_late_word(line) {
            out.extend([Sorted::Line { class: Class::Prompt, text: line.to_vec() }, Sorted::Prompt]);
            return;
        }
        if taken.is_none() && self.appends_to_block(line) {
            out.push(Sorted::Line { class: Class::Message, text: line.to_vec() });
            return;
        }
        // The rest of a payload is not to be captured by a pattern that takes anything.
        let is_reply = known.is_none_or(|known| self.is_reply(known, line));
        if taken.is_none() && is_reply && !self.distrust {
            taken = self.exchange.as_mut().and_then(|exchange| exchange.offer_bare(line, &dialect, offer));
        }
        let trusted = !self.distrust;
        let class = match (taken, known) {
            (Some(taken), _) => taken.class,
            (None, Some(known)) if trusted && !(self.late && known.class == Class::Other) => known.class,
            (None, _) if !trusted => Class::Noise,
            (None, _) if self.late => Class::Late,
            (None, _) => Class::Unknown,
        };
        if matches!(class, Class::Echo | Class::Final) {
            self.distrust = false;
            self.finish_lines_block(out);
        }
        out.push(Sorted::Line { class, text: line.to_vec() });
        if class == Class::Prompt {
            out.push(Sorted::Prompt);
        }
        if let (Some(known), true) = (known, trusted) {
            self.report(known, line, end, out);
        }
        if let Some(Taken { owner, .. }) = taken {
            self.begin_behind(owner, end, out);
        }
    }

    /// Whether a line that the dialect knows as a URC is the reply to the command in flight: it bears the
    /// command's name, and the URC's pattern takes whatever follows that, so that its fields cannot tell.
    fn is_reply(&self, known: Known, line: &[u8]) -> bool {
        known.class == Class::Other
            && known.of(&self.dialect).is_some_and(Pattern::ends_with_rest)
            && self.exchange.as_ref().is_some_and(|exchange| exchange.is_asked_for(line))
    }

    /// Reports what a line means, whoever took it.
    fn report(&mut self, known: Known, line: &[u8], end: u8, out: &mut Vec<Sorted>) {
        let text = || String::from_utf8_lossy(line).into_owned();
        match known.class {
            Class::Closed => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.progress.closed.get_or_insert_with(text);
                }
                out.push(Sorted::Closed(text()));
            }
            Class::Reboot => {
                if let Some(exchange) = &mut self.exchange {
                    exchange.progress.reboot.get_or_insert_with(text);
                }
                out.push(Sorted::Reboot(text()));
            }
            Class::Notice => out.push(Sorted::Notice(known.captures(&self.dialect, line))),
            Class::Message => {
                let place = Place { item: 0, pattern: known.pattern };
                let found = known.captures(&self.dialect, line);
                self.accept_message(known.index, place, found, false, out);
                self.begin_behind(Owner::Message(known.index), end, out);
            }
            _ => {}
        }
    }

    /// Takes what a line or frame of message `index` captured; delivers the message if that was all.
    fn accept_message(
        &mut self,
        index: usize,
        place: Place,
        found: Captures,
        damaged: bool,
        out: &mut Vec<Sorted>,
    ) {
        let dialect = self.dialect.clone();
        let Some(sequence) = dialect.urc.message.get(index) else { return };
        let goes_on = self.block.as_ref().is_some_and(|block| {
            block.index == index
                && block.cursor.find(sequence, |next, _| (next == place).then_some(())).is_some()
        });
        if !goes_on {
            // Another message began: the lines of the one before can only have been lost.
            self.end_block(out);
            let (cursor, captures) = Default::default();
            self.block = Some(Block { index, cursor, captures, damaged: false });
        }
        if let Some(block) = &mut self.block {
            block.cursor.accept(sequence, place, found, &mut block.captures);
            block.damaged |= damaged;
        }
        self.deliver_if_complete(out);
    }

    fn deliver_if_complete(&mut self, out: &mut Vec<Sorted>) {
        let complete = |block: &Block| {
            let sequence = self.dialect.urc.message.get(block.index);
            sequence.is_some_and(|sequence| block.cursor.is_complete(sequence) && !block.cursor.in_lines())
        };
        if self.block.as_ref().is_some_and(complete)
            && let Some(block) = self.block.take()
        {
            self.deliver(Message::new(block.captures, block.damaged), out);
        }
    }

    fn deliver(&mut self, message: Message, out: &mut Vec<Sorted>) {
        let (whole, lost) = self.pieces.add(message);
        if let Some(lost) = lost {
            report_lost(&lost, out);
        }
        out.extend(whole.map(Sorted::Message));
    }

    /// Ends a message of several lines: complete but for its `lines` hole it is delivered, else lost.
    pub(super) fn end_block(&mut self, out: &mut Vec<Sorted>) {
        let Some(mut block) = self.block.take() else { return };
        block.cursor.close_lines();
        let dialect = self.dialect.clone();
        if dialect.urc.message.get(block.index).is_some_and(|sequence| block.cursor.is_complete(sequence)) {
            self.deliver(Message::new(block.captures, block.damaged), out);
        } else {
            report_lost(&Message::new(block.captures, true), out);
        }
    }

    /// An echo or a final result ends a `lines` hole.
    fn finish_lines_block(&mut self, out: &mut Vec<Sorted>) {
        if self.block.as_ref().is_some_and(|block| block.cursor.in_lines()) {
            self.end_block(out);
        }
    }

    /// Whether `line` is the next of a message of several lines that has begun.
    fn continues_block(&mut self, line: &[u8], shape: Shape) -> bool {
        let Some(block) = &mut self.block else { return false };
        let Some(sequence) = self.dialect.urc.message.get(block.index) else { return false };
        block.cursor.take(sequence, line, shape, &[], &mut block.captures)
    }

    fn appends_to_block(&mut self, line: &[u8]) -> bool {
        let limit = self.dialect.limits.payload_bytes;
        self.block.as_mut().is_some_and(|block| block.cursor.append(line, limit, &mut block.captures))
    }

    fn go_on_with_block(&mut self, end: u8, out: &mut Vec<Sorted>) {
        self.deliver_if_complete(out);
        if let Some(index) = self.block.as_ref().map(|block| block.index) {
            self.begin_behind(Owner::Message(index), end, out);
        }
    }

    /// Begins a frame if the next thing that `owner` waits for is counted bytes directly behind the line
    /// end `end`.
    fn begin_behind(&mut self, owner: Owner, end: u8, out: &mut Vec<Sorted>) {
        let limit = owner.limit(&self.dialect);
        let found = {
            let Some((source, cursor, captures)) = self.progress_of(owner) else { return };
            let Some(sequence) = source.sequence() else { return };
            cursor.find(sequence, |place, pattern| {
                let need = || Need::of(pattern, 0, &[captures]);
                pattern.begins_with_bytes().then(|| (source.clone(), place, need(), captures.clone()))
            })
        };
        let Some((source, place, need, earlier)) = found else { return };
        let Some(need) = need.and_then(|need| need.believed(limit)) else {
            // More than is believed: what follows is read as lines.
            if matches!(owner, Owner::Message(_)) {
                self.end_block(out);
                self.distrust = true;
            }
            return;
        };
        let skip_lf = end == b'\r';
        let captures = Captures::default();
        let mut frame =
            Frame { source, owner, place, captures, earlier, hole: 0, start: 0, need, skip_lf, limit };
        let ends = |sequence: &Sequence| place.pattern(sequence).is_some_and(Pattern::ends_with_bytes);
        if need == 0 && frame.source.sequence().is_some_and(ends) {
            // Nothing is counted, so there is nothing to cut: an empty line may follow, or none.
            if frame.finish(&[], &[]) {
                self.accept(frame, false, out);
                self.begin_behind(owner, end, out);
            }
            return;
        }
        self.frame = Some(frame);
    }

    /// A message is longer than any module has room for. What follows is payload that looks like lines, or the
    /// number is damaged: until it is known again where a line begins, none of them is a fact or a message.
    pub(super) fn distrust_message(&mut self, declared: usize, out: &mut Vec<Sorted>) {
        if !self.distrust {
            self.distrust = true;
            out.push(Sorted::Damaged(Damaged { declared, seen: 0, delivered: false }));
        }
    }

    fn progress_of(&self, owner: Owner) -> Option<(Source, &Cursor, &Captures)> {
        if let Owner::Message(index) = owner {
            let block = self.block.as_ref().filter(|block| block.index == index)?;
            return Some((Source::Message(self.dialect.clone(), index), &block.cursor, &block.captures));
        }
        let exchange = self.exchange.as_ref()?;
        let (cursor, captures) = exchange.place(owner)?;
        Some((exchange.source(owner)?, cursor, captures))
    }

    /// Gives what a frame captured to its owner.
    fn accept(&mut self, frame: Frame, damaged: bool, out: &mut Vec<Sorted>) {
        match (frame.owner, &mut self.exchange) {
            (Owner::Message(index), _) => {
                self.accept_message(index, frame.place, frame.captures, damaged, out);
            }
            (owner, Some(exchange)) => {
                exchange.accept(owner, frame.place, frame.captures);
            }
            (_, None) => {}
        }
    }

    /// What the line of a frame is.
    fn class_of(&mut self, owner: Owner, text: &[u8]) -> Class {
        if self.distrust && matches!(owner, Owner::Message(_) | Owner::Await) {
            return Class::Noise;
        }
        match owner {
            Owner::Message(_) => {
                let late = self.late;
                let step = self.exchange.as_mut().filter(|exchange| exchange.counted && !late);
                step.and_then(|exchange| exchange.offer_frame(text))
                    .map_or(Class::Message, |taken| taken.class)
            }
            _ if self.late => Class::Late,
            Owner::Await => Class::Await,
            Owner::Expect => Class::Expect,
            Owner::Collect(_) => Class::Collect,
            Owner::Nobody => NOTHING,
        }
    }

    /// A frame is whole; `end` is the byte behind it.
    pub(super) fn end_frame(&mut self, frame: Frame, end: u8, out: &mut Vec<Sorted>) {
        let text = std::mem::take(&mut self.line);
        let owner = frame.owner;
        let class = self.class_of(owner, &text);
        out.push(Sorted::Line { class, text });
        if !matches!(class, Class::Noise | Class::Late) {
            self.accept(frame, false, out);
            self.begin_behind(owner, end, out);
        }
    }

    /// A frame's length was wrong: it is cut where it most likely ends, and what is behind is read again.
    pub(super) fn end_broken(&mut self, mut frame: Frame, line_end: Option<usize>, out: &mut Vec<Sorted>) {
        let cut = frame.cut(&self.line, line_end);
        let behind = self.line.split_off(cut);
        let at_line_end = behind.first().map_or(line_end.is_some(), |byte| matches!(byte, b'\r' | b'\n'));
        let text = std::mem::take(&mut self.line);
        let payload = text.get(frame.start..).unwrap_or_default();
        let (declared, seen) = (frame.need, payload.len());
        let mut class = Class::Noise;
        // As many as were declared, and no line end: the next frame sticks to them.
        let as_declared = declared == seen && frame.begins(&behind);
        if frame.is_last_hole() && (as_declared || is_whole_json(payload)) {
            let mut counted = frame.counted(payload);
            frame.captures.0.append(&mut counted.0);
            class = self.class_of(frame.owner, &[]);
        }
        let delivered = !matches!(class, Class::Noise | Class::Late);
        out.push(Sorted::Line { class, text });
        out.push(Sorted::Damaged(Damaged { declared, seen, delivered }));
        if delivered {
            self.accept(frame, true, out);
        } else {
            // With a line end near the declared length, reading goes on in step; without one, what follows
            // may be payload that looks like lines.
            self.distrust |= !at_line_end;
            if matches!(frame.owner, Owner::Message(_)) {
                self.block = None;
            }
        }
        self.feed(&behind, out);
    }

    /// Nothing came for long, and the frame is not over.
    pub(super) fn end_stalled(&mut self, mut frame: Frame, out: &mut Vec<Sorted>) {
        let end = frame.start + frame.need;
        let all_there = self.line.len() >= end && frame.is_last_hole();
        // Firmware is known to leave out the line end behind a payload. Then the count was right; if the
        // payload ends with a line end, it more likely was not.
        if all_there && !self.line[..end].ends_with(b"\n") && !self.line[..end].ends_with(b"\r") {
            let line = std::mem::take(&mut self.line);
            let whole = frame.finish(&line, self.same(frame.owner));
            self.line = line;
            if whole {
                self.end_frame(frame, b'\n', out);
                return;
            }
        }
        self.end_broken(frame, None, out);
    }
}
