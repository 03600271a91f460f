//! Where the things that came belong: facts about the link, messages for later, lines to look back at.

use std::time::Duration;

use crate::at::sorter::{Class, Damaged, Sorted};
use crate::link::Mono;
use crate::transcript::record::NoteKind;

#[cfg(test)]
use super::sabotage;
use super::{Counted, Fault, Footing, Heard, Mark, Session};

/// Lines kept for an `await` that looks back to the step before it.
const RECENT_LINES: usize = 1024;
/// Messages kept for a later `receive`, and announcements of those that wait inside the module.
const UNCLAIMED_MESSAGES: usize = 256;
/// How long a module goes on saying that it boots: seen are 1.3 s (Luat 8910) to 8 s (`APP RDY` of an EC200).
const BOOT_LINES: Duration = Duration::from_secs(10);

/// A line that no step took.
pub(super) struct Recent {
    pub(super) mark: Mark,
    pub(super) class: Class,
    pub(super) text: Vec<u8>,
}

impl Session {
    /// Puts what the sorter found where it belongs: facts, messages, lines to look back at.
    pub(super) fn file_sorted(&mut self, now: Mono) {
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
                    self.data.asked &= !matches!(class, Class::Final | Class::Await | Class::Fail);
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
                    self.data.asked = true;
                    if let Footing::Unsure { late_prompt: Some(cancel) } = self.footing {
                        self.footing = Footing::prompted(cancel);
                    }
                }
            }
        }
        self.sorted = sorted;
    }

    /// A module that takes everything for data gives no final result, nor the line that its data was to bring, so
    /// one that comes late says that it does not, or no more. Whose it is nobody knows: it is asked `AT` first.
    fn hear_late_verdict(&mut self, class: Class, text: &[u8]) {
        let results = &self.dialect.results;
        let is_verdict = || {
            results.ok.iter().chain(&results.error).any(|pattern| pattern.is_match(text, &[]))
                || self.data.is_late_word(text)
        };
        match class {
            Class::Unknown if self.footing.is_in_data() && is_verdict() => self.footing = Footing::UNSURE,
            Class::Late | Class::Unknown if self.unanswered > 0 && is_verdict() => self.unanswered -= 1,
            _ => {}
        }
    }

    fn keep_line(&mut self, class: Class, text: Vec<u8>) {
        let mark = self.next_mark;
        self.next_mark.0 += 1;
        if class == Class::Final {
            self.result_mark = self.next_mark;
        }
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
    pub(super) fn restarted(&mut self) -> Option<Fault> {
        let (_, line) = self.reboot_at.take()?;
        self.reboot_welcome_until = self.clock.now() + BOOT_LINES;
        Some(Fault::Reboot { line })
    }
}
