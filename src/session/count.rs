//! What the session counts for whoever keeps numbers: too often to be shown, and told whether lines are shown
//! or not.

use std::time::Duration;

use crate::at::sorter::Class;
use crate::link::Mono;

use super::{Answer, Fault, Request, Session};

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted<'a> {
    /// A command line had its outcome.
    Exchange {
        /// The key of the dialect's table that it met.
        command: Option<&'a str>,
        /// `ok`, or the family of the error's name.
        outcome: &'a str,
        /// From its first byte.
        took: Duration,
    },
    /// The module said something that nobody had asked for: one line, or a whole message.
    Urc {
        /// What the dialect knows it for: `closed`, `reboot`, `notice`, `message`, `other`; `unknown`; `stray`: an
        /// awaited line that came before the result it has to follow.
        means: &'static str,
    },
    /// The oldest of what was kept for later was thrown away, because too much had come.
    UrcDropped,
    /// The module is asked `AT` until it answers `OK`.
    Resync,
}

impl Counted<'_> {
    /// All that [`Counted::Urc`] may mean.
    pub const MEANINGS: [&'static str; 7] =
        ["closed", "reboot", "notice", "message", "other", "unknown", "stray"];
}

impl Session {
    pub(super) fn count_exchange(
        &mut self,
        request: &Request<'_>,
        took: Duration,
        outcome: &Result<Answer, Fault>,
    ) {
        let command = self.dialect.entry(request.line).map(|entry| &*entry.key);
        let outcome = outcome.as_ref().map_or_else(Fault::family, |_| "ok");
        self.listener.counted(&Counted::Exchange { command, outcome, took });
    }

    /// Counts a line that means nothing to the link; what does is counted as what it means.
    pub(super) fn count_line(&mut self, class: Class) {
        match class {
            Class::Other => self.count_urc("other"),
            Class::Unknown => self.count_urc("unknown"),
            _ => {}
        }
    }

    pub(super) fn count_urc(&mut self, means: &'static str) {
        self.listener.counted(&Counted::Urc { means });
    }

    /// How long ago `began` was.
    pub(super) fn took(&self, began: Mono) -> Duration {
        self.clock.now().since(began)
    }
}
