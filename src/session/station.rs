//! What a station wants of a conversation between and during its runs: to hear lines and messages while
//! nothing is asked, and to be told the facts that decide about its link.

use std::time::Duration;

use crate::at::pattern::{Captures, Pattern};
use crate::at::sorter::{Class, Damaged, Message};
use crate::link::{LinkError, Mono};
use crate::transcript::record::{self, NoteKind};

use super::{Counted, Fault, Footing, Mark, Pumped, Session};

/// Lines kept for a station that has not looked yet; the oldest goes.
const SEEN_LINES: usize = 1024;
/// Damaged frames that are told between two looks.
const DAMAGED_FRAMES: usize = 1024;

/// How a wait between two runs ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woke {
    /// Something came that the station has to look at.
    Heard,
    /// The deadline passed.
    Deadline,
    /// A signal came.
    Signal,
}

/// What the lines so far said about the link. Each is said once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The line that said that the session with the broker, or what carries it, is gone.
    pub closed: Option<String>,
    /// The line that said that the module restarted.
    pub reboot: Option<String>,
    /// It restarted because a command of ours said so.
    pub restarted_as_asked: bool,
    /// It echoes again, after it had not: it restarted and said nothing.
    pub echo_back: bool,
    /// It was asked `AT` until the time was up, and did not answer.
    pub silent: bool,
}

/// What is kept for a station that looks only between its runs.
#[derive(Debug, Default)]
pub(super) struct Supervised {
    /// The module restarted because a command of ours said so.
    pub(super) restarted_as_asked: bool,
    pub(super) echo: EchoWatch,
    /// It did not answer `AT` either.
    pub(super) silent: bool,
    damaged: Vec<Damaged>,
}

impl Supervised {
    /// A frame's length was wrong.
    pub(super) fn note_damaged(&mut self, damaged: Damaged) {
        if self.damaged.len() < DAMAGED_FRAMES {
            self.damaged.push(damaged);
        }
    }
}

/// Whether the module echoes command lines, and whether that came back by itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EchoWatch {
    /// An echo came since the last command line began.
    pub(super) heard: bool,
    off: bool,
    came_back: bool,
}

impl EchoWatch {
    /// A command line was answered.
    pub(super) fn ended(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        self.came_back |= heard && self.off;
        self.off = !heard;
    }

    /// The module restarted, and that is known by other signs: that it echoes again tells nothing new, also
    /// when it is first asked minutes later.
    pub(super) fn restarted(&mut self) {
        *self = Self::default();
    }
}

impl Session {
    /// Lines that are to be told with [`Session::take_seen`], whoever takes them.
    pub fn watch(&mut self, patterns: Vec<Pattern>) {
        self.watched = patterns;
        self.seen.clear();
    }

    /// The watched lines that came, oldest first: the pattern's index and what it captured.
    pub fn take_seen(&mut self) -> Vec<(usize, Captures)> {
        self.seen.drain(..).collect()
    }

    /// Watched lines that were thrown away because nobody looked.
    pub fn seen_dropped(&self) -> u64 {
        self.seen_dropped
    }

    /// The messages that nobody received, oldest first.
    pub fn take_messages(&mut self) -> Vec<Message> {
        self.messages.drain(..).collect()
    }

    /// The frames since the last call whose length was wrong, oldest first.
    pub fn take_damaged(&mut self) -> Vec<Damaged> {
        std::mem::take(&mut self.supervised.damaged)
    }

    /// Bytes that crossed the link so far: in, out.
    pub fn byte_counts(&self) -> (u64, u64) {
        self.byte_counts
    }

    /// Whether messages wait inside the module.
    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// What is known about the link since `since`; what is older is forgotten.
    pub fn take_facts(&mut self, since: Mark) -> Facts {
        let closed = self.closed_at.take().filter(|(mark, _)| *mark >= since).map(|(_, line)| line);
        let reboot = self.reboot_at.take().map(|(_, line)| line);
        let known = &mut self.supervised;
        let restarted_as_asked = std::mem::take(&mut known.restarted_as_asked);
        let echo_back = std::mem::take(&mut known.echo.came_back);
        let silent = std::mem::take(&mut known.silent);
        Facts { closed, reboot, restarted_as_asked, echo_back, silent }
    }

    /// A stuck module was told how much data comes, and all of it left this long ago. Either it wants none any
    /// more and its answer was lost, or some of it was lost on the way: then the message is damaged whatever
    /// follows. So it may be asked again, which for a station is better than silence until it restarts.
    pub fn ask_in_spite_of_data(&mut self, after: Duration) {
        let now = self.now();
        if self.footing == Footing::Stuck && self.data.all_left.is_some_and(|left| now.since(left) >= after) {
            self.footing = Footing::UNSURE;
            self.data.all_left = None;
        }
    }

    /// Whether the module may be swallowing everything as data.
    pub fn is_stuck(&self) -> bool {
        self.footing == Footing::Stuck
    }

    /// Sorts what comes until `until`, but no longer than until something came that a station looks at.
    /// `fetches`: messages that wait inside the module are such, because it is about to bring them.
    ///
    /// # Errors
    ///
    /// Only when the port is gone.
    pub fn listen(&mut self, until: Mono, fetches: bool) -> Result<Woke, Fault> {
        loop {
            if self.has_news(fetches) {
                return Ok(Woke::Heard);
            }
            match self.pump(until)? {
                Pumped::Bytes => {}
                Pumped::Deadline => return Ok(Woke::Deadline),
                Pumped::Woken => return Ok(Woke::Signal),
            }
        }
    }

    fn has_news(&self, fetches: bool) -> bool {
        !self.messages.is_empty()
            || !self.seen.is_empty()
            || (fetches && !self.notices.is_empty())
            || self.closed_at.is_some()
            || self.reboot_at.is_some()
    }

    /// Tries to open a port that is gone, at most until `until`.
    ///
    /// # Errors
    ///
    /// It is not there; the link may be asked again.
    pub fn find_port(&mut self, until: Mono) -> Result<(), LinkError> {
        let opened = self.link.reopen(until);
        // A signal ends the looking, and there is no read that would use its wake-up up: the next look would
        // end at once, and the one after it.
        self.interrupt.woken();
        opened?;
        self.transcript.note(self.clock.now(), NoteKind::Port, record::BACK);
        // Whoever unplugged the module has switched it off, too.
        self.fresh = true;
        self.supervised.echo.restarted();
        Ok(())
    }

    /// The module may take whatever it hears next for data that an earlier process promised it.
    pub fn assume_data_phase(&mut self) {
        self.footing = Footing::Stuck;
    }

    /// The module was switched off and on without a word, or so it is taken: it is asked `AT` again, also if it
    /// was swallowing everything as data.
    pub fn assume_restart(&mut self) {
        if self.footing.is_in_data() {
            self.footing = Footing::UNSURE;
        }
    }

    /// Looks whether a line that was sorted is one that somebody watches for.
    pub(super) fn watch_line(&mut self, class: Class, text: &[u8]) {
        if self.watched.is_empty() || matches!(class, Class::Echo | Class::Prompt) {
            return;
        }
        for (index, pattern) in self.watched.iter().enumerate() {
            let Some(captures) = pattern.match_line(text, &[]) else { continue };
            if self.seen.len() == SEEN_LINES {
                self.seen.pop_front();
                self.seen_dropped += 1;
                self.listener.counted(&Counted::UrcDropped);
            }
            self.seen.push_back((index, captures));
        }
    }
}
