//! What the store counts of its work, for whoever keeps numbers.

use std::fs;
use std::time::Duration;

use super::write::{Durability, Trouble, trouble};
use super::{Store, disk};

/// Somebody who counts the store's work. The store has no clock: how long something took is measured with this
/// one.
pub trait Meter {
    /// Now, since some beginning.
    fn now(&self) -> Duration;
    /// Something was done.
    fn worked(&mut self, work: Work);
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A transaction passed.
    Committed {
        /// How far it was synced: `full`, `normal`; `none` in memory, while the disk does not work.
        sync: &'static str,
        /// On the meter's clock.
        took: Duration,
    },
    /// The disk refused something, or gave back what it should not.
    Failed {
        /// `full`, `busy`, `io`, `corrupt`, `other`.
        kind: &'static str,
    },
}

impl Store {
    /// Makes somebody count from now on.
    pub fn set_meter(&mut self, meter: Box<dyn Meter>) {
        self.meter = Some(meter);
    }

    /// Size of the write-ahead log; 0 without a disk.
    pub fn wal_bytes(&self) -> u64 {
        let log = self.home.as_ref().map(|home| disk::beside(&home.folder, "-wal"));
        log.and_then(|log| fs::metadata(log).ok()).map_or(0, |log| log.len())
    }

    pub(super) fn measured_now(&self) -> Duration {
        self.meter.as_ref().map_or(Duration::ZERO, |meter| meter.now())
    }

    pub(super) fn count_transaction(&mut self, durability: Durability, began: Duration) {
        let sync = match durability {
            _ if self.is_volatile() => "none",
            Durability::Promised => "full",
            Durability::Repeatable => "normal",
        };
        if let Some(meter) = &mut self.meter {
            let took = meter.now().saturating_sub(began);
            meter.worked(Work::Committed { sync, took });
        }
    }

    /// Counts what the database said; that a question had no answer is none of its failures.
    pub(super) fn count_error(&mut self, error: &rusqlite::Error) {
        let kind = match trouble(error) {
            Trouble::Full => "full",
            Trouble::Busy => "busy",
            Trouble::Unable => "io",
            Trouble::Broken => "corrupt",
            Trouble::Other => "other",
        };
        if let (Some(meter), rusqlite::Error::SqliteFailure(..)) = (&mut self.meter, error) {
            meter.worked(Work::Failed { kind });
        }
    }
}
