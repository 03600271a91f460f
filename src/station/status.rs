//! How things stand, told when something of it changed.

use super::Station;
use super::event::Status;

impl Station {
    /// Tells how things stand, if that is news.
    pub(super) fn tell_status(&mut self) {
        let counts = self.shared.store.borrow_mut().counts();
        let (received, sent) = self.run.borrow_mut().session().byte_counts();
        let status = Status {
            link: self.link.machine.state(),
            level: (self.link.machine.level(), self.link.levels()),
            signal_dbm: self.senders.signal_dbm,
            last_report: self.shared.tally.borrow().last_report,
            outbox_rows: counts.rows,
            outbox_bytes: counts.bytes,
            oldest_row: counts.oldest.and_then(|moment| self.mono_of(moment)),
            dead_rows: counts.dead,
            next_run: self.next_scheduled(),
            store_volatile: self.shared.store.borrow().is_volatile(),
            clock_quality: self.senders.clock_quality,
            network_bytes_today: self.link.bytes_today(),
            serial_bytes: (received, sent),
        };
        if self.last_status.as_ref() == Some(&status) {
            return;
        }
        let now = self.now();
        self.shared.watcher.borrow_mut().status(now, &status);
        self.last_status = Some(status);
    }
}
