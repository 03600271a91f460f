//! Finding the module's ear again after a timeout: `AT` until `OK`, never in data mode.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::Cancel;
use crate::at::sorter::{Armed, Verdict, Wanted};
use crate::link::Mono;
use crate::transcript::NoteKind;

use super::fault::Owed;
use super::{Counted, Fault, Footing, Heard, Pumped, Session};

/// Tries of `AT`, and how long each may take. `check` counts them for every command (3 s).
const TRIES: u32 = 3;
const TRY: Duration = Duration::from_secs(1);
/// If the answer to the probe was a late one to the earlier command, the module's own to the probe comes so soon
/// behind it: `AT` takes 3 to 50 ms on modules on record, and several times that is cheap after a timeout.
const SETTLE: Duration = Duration::from_millis(300);
/// So many old answers are waited for at most.
const MOST_OWED: u32 = 16;

impl Session {
    /// Makes sure that the module listens for a command line before one is sent.
    pub(super) fn find_footing(&mut self) -> Result<(), Fault> {
        if let Footing::Unsure { late_prompt: Some(_) } = self.footing {
            // It may have come behind the answer, in a read of its own.
            self.drain(self.now())?;
        }
        match self.footing {
            Footing::Firm => Ok(()),
            Footing::Stuck => Err(Fault::Stuck),
            Footing::Prompted { cancel } => self.leave_late_data_phase(cancel),
            Footing::Unsure { .. } => self.resync(),
        }
    }

    fn resync(&mut self) -> Result<(), Fault> {
        let now = self.now();
        self.transcript.note(now, NoteKind::Resync, "asking AT until OK");
        if self.listener.listens() {
            self.listener.heard(now, &Heard::Resync);
        }
        self.listener.counted(&Counted::Resync);
        self.sorter.set_late(true);
        let found = self.probe_until_ok();
        self.sorter.disarm();
        self.sorter.set_late(false);
        if found? {
            return Ok(());
        }
        self.supervised.silent = true;
        Err(Fault::Timeout { owed: Owed::Resync })
    }

    fn probe_until_ok(&mut self) -> Result<bool, Fault> {
        let quiet = self.now() + self.dialect.line.quiet;
        self.drain(quiet)?;
        for _ in 0..TRIES {
            if self.sorter.shows_prompt() {
                // Nobody said that this command asks for data, so nobody knows how to get out of it.
                self.footing = Footing::Stuck;
            }
            if self.footing.is_in_data() {
                // The prompt of the earlier command came late: whatever is sent now would be its data.
                return self.find_footing().map(|()| true);
            }
            self.sorter.arm(probe());
            let now = self.now();
            let until = now + TRY;
            let mut line = b"AT".to_vec();
            line.extend_from_slice(&self.dialect.line.ending);
            self.write(&line, until)?;
            if self.probe_answered(until)? {
                // Where an earlier `AT` was not answered in time either, the module is slow.
                let took = if self.unanswered > 1 { TRY } else { self.now().since(now) };
                self.found_footing(took)?;
                return Ok(true);
            }
            self.unanswered = self.unanswered.saturating_add(1);
        }
        Ok(false)
    }

    /// The prompt came when nobody had data for it any more: what leaves its data phase is sent.
    fn leave_late_data_phase(&mut self, cancel: Cancel) -> Result<(), Fault> {
        let now = self.now();
        self.sorter.arm(probe());
        self.leave_data_phase(cancel);
        self.sorter.disarm();
        if self.footing != Footing::Firm {
            return Err(Fault::Stuck);
        }
        self.found_footing(self.now().since(now))
    }

    /// `AT` was answered, which `took` so long: what is still on its way belongs to the past. If the answer was an
    /// older command's, that of `AT` takes about as long again, but no longer than a try: then the module was busy
    /// with the older one. If one more comes, each that is owed may come yet, one behind the other.
    /// A prompt that comes meanwhile is an old one, too, and what it asks for has to be left first.
    pub(super) fn found_footing(&mut self, took: Duration) -> Result<(), Fault> {
        let quiet = SETTLE.max(self.dialect.line.quiet);
        let last = self.now() + quiet.max(TRY) * self.unanswered.clamp(1, MOST_OWED);
        let mut settled = self.now() + quiet.max(took.min(TRY));
        loop {
            let owed = self.unanswered;
            match self.pump(settled)? {
                Pumped::Bytes if self.unanswered < owed => {
                    let pause = if self.unanswered > 0 { quiet.max(TRY) } else { quiet };
                    settled = (self.now() + pause).min(last);
                }
                Pumped::Bytes => {}
                Pumped::Deadline => break,
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
        self.unanswered = 0;
        if self.footing.is_in_data() {
            return self.find_footing();
        }
        self.footing = Footing::Firm;
        Ok(())
    }

    fn probe_answered(&mut self, until: Mono) -> Result<bool, Fault> {
        loop {
            if self.footing.is_in_data() {
                return Ok(false);
            }
            match self.sorter.progress().ended.as_ref().map(|ended| ended.verdict) {
                Some(Verdict::Ok) => return Ok(true),
                Some(Verdict::Error | Verdict::Busy) => {
                    self.drain(until)?;
                    return Ok(false);
                }
                None => {}
            }
            match self.pump(until)? {
                Pumped::Bytes => {}
                Pumped::Deadline => return Ok(false),
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
    }

    /// Sorts everything that comes until `until`.
    fn drain(&mut self, until: Mono) -> Result<(), Fault> {
        loop {
            match self.pump(until)? {
                Pumped::Bytes => {}
                Pumped::Deadline => return Ok(()),
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
    }
}

/// What `AT` wants: one of the dialect's final results and nothing else.
fn probe() -> Armed {
    let wanted = Wanted { owes_final: true, ..Wanted::default() };
    Armed { wanted: Arc::new(wanted), echo: Some(b"AT".to_vec()), data: None, same: Vec::new() }
}
