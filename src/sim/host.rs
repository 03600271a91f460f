//! The calendar of the machine on which the simulated module's user runs. It may be wrong, jump and be mended,
//! while the module's and the cloud's is always right.

use super::scenario::{Calendar, ClockChange};
use super::world::WALL_AT_ZERO_MS;
use crate::link::time::quality;

/// The host's calendar: the right one, moved by an offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostClock {
    offset_ms: i64,
    pub(super) quality: u8,
}

impl HostClock {
    pub(super) fn new(calendar: Calendar) -> Self {
        match calendar {
            Calendar::Synchronised => Self { offset_ms: 0, quality: quality::SYNCHRONISED },
            Calendar::Unset => Self { offset_ms: -WALL_AT_ZERO_MS, quality: quality::NONE },
        }
    }

    /// What it shows when it is really `right_ms`.
    pub(super) fn wall_ms(self, right_ms: i64) -> i64 {
        right_ms.saturating_add(self.offset_ms)
    }

    pub(super) fn change(&mut self, change: ClockChange) {
        let ms = |by: std::time::Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match change {
            ClockChange::Forward(by) => self.offset_ms = self.offset_ms.saturating_add(ms(by)),
            ClockChange::Back(by) => self.offset_ms = self.offset_ms.saturating_sub(ms(by)),
            ClockChange::Unknown => self.quality = quality::NONE,
            ClockChange::Synchronised => *self = Self::new(Calendar::Synchronised),
        }
    }
}
