//! A conversation by hand. Somebody types: what is sent is decided from moment to moment, data is written
//! only when the module has asked for it, and the wait for an answer may be given up at any time.

use crate::at::sorter::Progress;
use crate::link::Mono;

use super::{Fault, Footing, Heard, Pumped, Request, Session};

impl Session {
    /// Sends a command line. [`Session::hear`] brings what it owes, [`Session::progress`] says how much
    /// of that has come, and [`Session::finish`] or [`Session::give_up`] ends it. The request's data, its
    /// timeout and what it says of restarts are the caller's matter.
    pub fn begin(&mut self, request: &Request<'_>) -> Result<(), Fault> {
        self.line_left = false;
        if !self.is_probe(request) {
            self.find_footing()?;
        }
        self.keep_quiet(self.dialect.line.quiet)?;
        self.arm(request);
        let now = self.now();
        self.write_line(request, now, now + request.timeout)
    }

    /// Reads once, until `until` at the latest. Says whether anything came.
    pub fn hear(&mut self, until: Mono) -> Result<bool, Fault> {
        Ok(self.pump(until)? == Pumped::Bytes)
    }

    /// How far the command or wait has got.
    pub fn progress(&self) -> &Progress {
        self.sorter.progress()
    }

    /// The awaited line that has not come yet, as its pattern is written.
    pub fn missing_await(&self) -> Option<String> {
        self.sorter.missing_await()
    }

    /// Writes data, as it is.
    pub fn write_typed(&mut self, data: &[u8], until: Mono) -> Result<(), Fault> {
        self.transcript.flush_tail();
        if self.listener.listens() {
            self.listener.heard(self.clock.now(), &Heard::SentData(data.len()));
        }
        self.write(data, until)
    }

    /// The command or wait is over.
    pub fn finish(&mut self) {
        self.transcript.flush_tail();
        if self.sorter.progress().ended.is_some() {
            self.fresh = false;
            self.footing = Footing::Firm;
            self.last_result = self.clock.now();
        }
        self.sorter.disarm();
        // A restart was shown to whoever types, who need not hear of it again.
        self.reboot_at = None;
    }

    /// Nobody waits for the rest any more. If a final result code is still owed, the next command line is
    /// held back until the module answers `AT`.
    pub fn give_up(&mut self, owes_final: bool) {
        self.transcript.flush_tail();
        if owes_final && self.sorter.progress().ended.is_none() {
            self.footing = Footing::UNSURE;
        }
        self.sorter.disarm();
    }

    /// Hands what was recorded so far to the system, so that little is lost with the process.
    pub fn flush_transcript(&mut self) {
        self.transcript.flush();
    }
}
