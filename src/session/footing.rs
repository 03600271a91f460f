//! How sure a conversation is that the module listens for a command line, and what makes it unsure: a result
//! that is owed, a prompt that may still come, data that may not have arrived.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::Cancel;
use crate::at::sorter::{Verdict, Wanted};
use crate::link::Mono;

use super::{Pumped, Request, Session};

const ESC: u8 = 0x1b;
/// Also ends data whose length was not said.
pub(super) const CTRL_Z: u8 = 0x1a;
/// How long the data phase is given to end after its cancel byte.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How sure we are that the module listens for a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Footing {
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
    pub(super) const UNSURE: Self = Self::Unsure { late_prompt: None };

    /// The module asks for data that nobody has any more.
    pub(super) fn prompted(cancel: Cancel) -> Self {
        if cancel == Cancel::None { Self::Stuck } else { Self::Prompted { cancel } }
    }

    /// Whether the module may take a command line for data.
    pub(super) fn is_in_data(self) -> bool {
        matches!(self, Self::Stuck | Self::Prompted { .. })
    }
}

/// What is known of the data that a command asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct DataPhase {
    /// The module asked for it, and has said nothing since that belongs to the command.
    pub(super) asked: bool,
    /// When the module was given up on, after the data it was told of had left, or as much of it as it took: it
    /// may be asked in spite of it, later.
    pub(super) all_left: Option<Mono>,
    /// What a command that was given up waited for: when that comes late, the module has the data, or wants none any
    /// more.
    pub(super) owed: Option<Word>,
}

/// The lines that say what became of data.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) wanted: Arc<Wanted>,
    /// The texts for `{=x}` holes.
    pub(super) same: Vec<(Arc<str>, String)>,
}

impl DataPhase {
    /// Whether a line is the late word on data that had left.
    pub(super) fn is_late_word(&self, text: &[u8]) -> bool {
        let Some(Word { wanted, same }) = &self.owed else { return false };
        let awaited = wanted.awaits.iter().flat_map(|awaits| awaits.patterns());
        let failed = wanted.fail.iter().flat_map(|fail| fail.iter());
        awaited.chain(failed).any(|pattern| pattern.is_match(text, same))
    }
}

impl Session {
    /// The command is given up, and its final result, and maybe its prompt, may come late.
    pub(super) fn lose_footing(&mut self, cancel: Cancel) {
        self.unanswered = self.unanswered.saturating_add(1);
        if self.sorter.shows_prompt() {
            self.footing = Footing::prompted(cancel);
            return;
        }
        let late_prompt = self.sorter.expect_late_prompt().then_some(cancel);
        self.footing = Footing::Unsure { late_prompt };
    }

    /// If the command asked for a prompt that has not come, it may come yet. Its data is nobody's any more.
    pub(super) fn expect_late_prompt(&mut self, cancel: Cancel) {
        if self.sorter.expect_late_prompt() {
            self.footing = Footing::Unsure { late_prompt: Some(cancel) };
        }
    }

    /// The exchange is over, and all is well but for one thing: where OK comes before the prompt, the module may
    /// ask for data yet, or have asked, and nobody has any. An error in place of the prompt says that it does not.
    pub(super) fn mind_prompt(&mut self, request: &Request<'_>) {
        if request.restarts.is_some() && self.reboot_at.is_some() {
            return;
        }
        if self.data.asked && request.data.is_none() {
            self.footing = Footing::prompted(request.cancel);
            return;
        }
        let progress = self.sorter.progress();
        let is_error = |line: &str| {
            self.dialect.results.error.iter().any(|pattern| pattern.is_match(line.as_bytes(), &[]))
        };
        let refused = progress.ended.as_ref().is_some_and(|ended| ended.verdict == Verdict::Error)
            || progress.failed.as_ref().is_some_and(|failed| is_error(&failed.line));
        if !refused {
            self.expect_late_prompt(request.cancel);
        }
    }

    /// The module was given data and did not answer: cancel if the command has a way, else it is stuck.
    pub(super) fn leave_data_phase(&mut self, cancel: Cancel) {
        let byte = match cancel {
            Cancel::None => {
                self.footing = Footing::Stuck;
                return;
            }
            Cancel::Esc => ESC,
            Cancel::CtrlZ => CTRL_Z,
        };
        self.footing = Footing::Stuck;
        let now = self.now();
        let until = now + CANCEL_GRACE;
        if self.write(&[byte], until).is_err() {
            return;
        }
        if self.sorter.progress().ended.is_some() {
            // The final result came before the prompt, so nothing tells how this ended.
            self.footing = Footing::UNSURE;
            return;
        }
        while self.sorter.progress().ended.is_none() {
            match self.pump(until) {
                Ok(Pumped::Bytes | Pumped::Woken) => {}
                Ok(Pumped::Deadline) | Err(_) => return,
            }
        }
        self.footing = Footing::Firm;
    }
}
