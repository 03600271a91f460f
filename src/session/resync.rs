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
            self.footing = Footing::Firm;
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
                self.found_footing(now)?;
                return Ok(true);
            }
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
        self.found_footing(now)
    }

    /// `AT`, which was sent at `asked`, was answered: what is still on its way belongs to the past. If the
    /// answer was an older command's, that of `AT` takes about as long again, but no longer than a try: then the
    /// module was busy with the older one. Each earlier `AT` may be answered yet, one behind the other.
    pub(super) fn found_footing(&mut self, asked: Mono) -> Result<(), Fault> {
        self.footing = Footing::Firm;
        let took = self.now().since(asked).min(TRY);
        let quiet = SETTLE.max(self.dialect.line.quiet);
        let (mut settled, last) = (self.now() + quiet.max(took), self.now() + quiet.max(TRY));
        loop {
            let heard = self.late_results;
            match self.pump(settled)? {
                Pumped::Bytes if self.late_results > heard => {
                    settled = settled.max(self.now() + quiet).min(last);
                }
                Pumped::Bytes => {}
                Pumped::Deadline => return Ok(()),
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
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
