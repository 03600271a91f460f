//! How things stand, told when something of it changed.

use crate::link::Mono;

use super::Station;
use super::event::Status;

impl Station {
    /// Tells how things stand, if that is news.
    pub(super) fn tell_status(&mut self) {
        // A day may have begun in which nothing was sent yet.
        self.link.traffic.spend(0, self.day());
        let counts = self.shared.store.borrow_mut().counts();
        let (received, sent) = self.run.borrow_mut().session().byte_counts();
        let status = Status {
            link: self.link.machine.state(),
            level: (self.link.machine.level(), self.link.levels()),
            next_try: self.link.machine.next_try(self.now()),
            signal_dbm: self.senders.signal_dbm,
            last_report: self.shared.tally.borrow().last_report,
            outbox_rows: counts.rows,
            outbox_bytes: counts.bytes,
            oldest_row: counts.oldest.and_then(|moment| self.made(moment)),
            dead_rows: counts.dead,
            next_run: self.next_scheduled(),
            store_volatile: self.shared.store.borrow().is_volatile(),
            clock_quality: self.senders.clock_quality,
            network_bytes_today: self.link.traffic.today(),
            wal_bytes: self.shared.store.borrow().wal_bytes(),
            serial_bytes: (received, sent),
        };
        let now = self.now();
        let known = self.last_status.as_ref().is_some_and(|(_, last)| *last == status);
        if known && now < self.status_due() {
            return;
        }
        self.shared.watcher.borrow_mut().status(now, &status);
        self.last_status = Some((now, status));
    }

    /// When somebody wants to be told again, though nothing changed.
    pub(super) fn status_due(&self) -> Mono {
        let every = self.shared.watcher.borrow().status_every();
        match (every, &self.last_status) {
            (Some(every), Some((last, _))) => *last + every,
            _ => Mono::FAR,
        }
    }
}
