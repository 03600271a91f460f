//! Waits without a command line: for lines nobody asked for, and for messages from the broker.

use std::sync::Arc;

use crate::at::pattern::{Lists, Pattern, Sequence};
use crate::at::sorter::{Armed, Class, Early, Message, Wanted};
use crate::link::Mono;

use super::fault::Owed;
use super::{Answer, Fault, Mark, Pumped, Session};

/// What an `await` step waits for.
pub struct AwaitLines<'a> {
    /// The lines, in order.
    pub lines: &'a Arc<Sequence>,
    /// Any of these ends it.
    pub fail: Option<&'a Arc<Vec<Pattern>>>,
    /// Lists gathered on the way.
    pub collect: Option<&'a Arc<Lists>>,
    /// The texts for `{=x}` holes.
    pub same: Vec<(Arc<str>, String)>,
    /// Lines that no step took since then are looked at first: no gap between a command and its late URC.
    pub since: Mark,
    /// From here on the lines count; before, only `fail` does. It is not before `since`.
    pub lines_since: Mark,
    /// When to give up.
    pub deadline: Mono,
}

impl Session {
    /// Waits for lines nobody asked for.
    pub fn await_lines(&mut self, want: AwaitLines<'_>) -> Result<Answer, Fault> {
        let (since, deadline) = (want.since, want.deadline);
        self.begin_wait(want);
        let outcome = self.await_armed(since, deadline);
        let progress = self.sorter.disarm();
        outcome.map(|()| progress.into())
    }

    /// Starts a wait for lines; its deadline is the caller's matter.
    pub fn begin_wait(&mut self, want: AwaitLines<'_>) {
        let (since, lines_since) = (want.since, want.lines_since);
        self.arm_wait(want);
        self.offer_again(since, lines_since);
    }

    fn arm_wait(&mut self, want: AwaitLines<'_>) {
        self.sorter.arm(Armed {
            wanted: Arc::new(Wanted {
                awaits: Some(Arc::clone(want.lines)),
                fail: want.fail.map(Arc::clone),
                collect: want.collect.map(Arc::clone),
                ..Wanted::default()
            }),
            echo: None,
            data: None,
            same: want.same,
        });
    }

    fn await_armed(&mut self, since: Mark, deadline: Mono) -> Result<(), Fault> {
        loop {
            let progress = self.sorter.progress();
            if progress.awaits_done {
                // A boot line that was waited for is no restart nobody asked for.
                self.reboot_at.take_if(|(mark, _)| *mark >= since);
                return Ok(());
            }
            if let Some(error) = progress.failed.clone() {
                return Err(Fault::Result(error));
            }
            if let Some(restarted) = self.restarted() {
                return Err(restarted);
            }
            match self.pump(deadline)? {
                Pumped::Bytes => {}
                Pumped::Deadline => {
                    let owed = self.sorter.missing_await().unwrap_or_default();
                    return Err(Fault::Timeout { owed: Owed::Line(owed) });
                }
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
    }

    /// Offers the lines that nobody took since `since`; what is taken now is taken for good. Before `lines_since` an
    /// awaited line is a stray, and nobody's any more.
    fn offer_again(&mut self, since: Mark, lines_since: Mark) {
        let sorter = &mut self.sorter;
        let mut strays = 0;
        self.recent.retain(|recent| {
            if recent.mark < since {
                return true;
            }
            if recent.mark >= lines_since {
                return !sorter.replay_line(&recent.text);
            }
            let early = sorter.replay_early(&recent.text);
            // Others were counted when they came.
            strays += usize::from(early == Early::Stray && recent.class == Class::Information);
            early == Early::Left
        });
        (0..strays).for_each(|_| self.count_urc("stray"));
    }

    /// Takes the oldest unclaimed message that `wanted` takes. Fails with [`Fault::Closed`] when a line
    /// since `since` says that the session is gone, and with [`Fault::Notice`] when messages wait inside
    /// the module and somebody must fetch them before this wait can go on.
    pub fn receive<T>(
        &mut self,
        topic: &str,
        mut wanted: impl FnMut(&Message) -> Option<T>,
        since: Mark,
        deadline: Mono,
    ) -> Result<(T, Message), Fault> {
        loop {
            for index in 0..self.messages.len() {
                if let Some(found) = wanted(&self.messages[index])
                    && let Some(message) = self.messages.remove(index)
                {
                    return Ok((found, message));
                }
            }
            if !self.notices.is_empty() {
                return Err(Fault::Notice);
            }
            // Said once: what comes after it belongs to the next session.
            if let Some((_, line)) = self.closed_at.take_if(|(mark, _)| *mark >= since) {
                return Err(Fault::Closed { line });
            }
            if let Some(restarted) = self.restarted() {
                return Err(restarted);
            }
            match self.pump(deadline)? {
                Pumped::Bytes => {}
                Pumped::Deadline => {
                    return Err(Fault::Timeout { owed: Owed::Message(topic.to_string()) });
                }
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
    }
}
