//! The machine's own clock: what a real port's waits run on.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::time::quality;
use super::{Clock, Mono};

/// 2026-11-01T00:00:00Z: no calendar that stands before it can be right. A release moves it on.
const RELEASED_MS: i64 = 1_793_491_200_000;

/// The kernel's name for the time from one start of the machine to the next.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Made by systemd's time service when it has set the clock for the first time after the machine's start.
/// Other time services have no such mark; with them the calendar is only plausible.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";

/// The machine's clock. Its [`Mono::ZERO`] is the moment it was created, so one is made at the start of a
/// process and handed to every port.
#[derive(Clone, Debug)]
pub struct WallClock {
    began: Duration,
    boot_id: String,
}

impl WallClock {
    /// A clock that begins now.
    pub fn new() -> Self {
        let boot_id = std::fs::read_to_string(BOOT_ID).map(|id| id.trim().to_owned()).unwrap_or_default();
        // Without a name for it each process is taken for another start of the machine: then no times are
        // compared that cannot be.
        let boot_id = Some(boot_id)
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("process-{}-{}", std::process::id(), wall_ms()));
        Self { began: since_boot(), boot_id }
    }
}

impl Default for WallClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for WallClock {
    fn now(&self) -> Mono {
        Mono::ZERO + since_boot().saturating_sub(self.began)
    }

    fn wall_ms(&self) -> i64 {
        wall_ms()
    }

    fn wall_quality(&self) -> u8 {
        quality_of(self.wall_ms(), Path::new(SYNCHRONISED).exists())
    }

    fn boot_id(&self) -> String {
        self.boot_id.clone()
    }

    fn since_boot_ms(&self) -> i64 {
        i64::try_from(since_boot().as_millis()).unwrap_or(i64::MAX)
    }
}

fn quality_of(wall_ms: i64, synchronised: bool) -> u8 {
    match (wall_ms >= RELEASED_MS, synchronised) {
        (false, _) => quality::NONE,
        (true, false) => quality::PLAUSIBLE,
        (true, true) => quality::SYNCHRONISED,
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
fn wall_ms() -> i64 {
    let now = SystemTime::now();
    // A machine whose calendar stands before 1970 has lost its battery; it counts backwards then.
    let (since, sign) = match now.duration_since(UNIX_EPOCH) {
        Ok(since) => (since, 1),
        Err(before) => (before.duration(), -1),
    };
    i64::try_from(since.as_millis()).map_or(i64::MAX, |ms| ms * sign)
}

/// The clock that counts while the machine sleeps, where there is one; `Instant` stops then on Linux.
#[cfg(unix)]
fn since_boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const ID: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const ID: ClockId = ClockId::Monotonic;
    Duration::try_from(clock_gettime(ID)).unwrap_or_default()
}

/// The clock that only goes forward, from the first time somebody asks.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is handed")]
fn since_boot() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_only_goes_forward_and_knows_the_century() {
        let clock = WallClock::new();
        let first = clock.now();
        assert!(clock.now() >= first);
        assert!(clock.wall_ms() > 1_577_836_800_000, "before 2020");
    }

    #[test]
    fn two_clocks_of_one_process_agree_about_the_machine() {
        let (one, other) = (WallClock::new(), WallClock::new());
        assert!(!one.boot_id().is_empty());
        assert!(other.since_boot_ms() >= one.since_boot_ms() - 1);
        #[cfg(target_os = "linux")]
        assert_eq!(one.boot_id(), other.boot_id());
        // `now` begins with the process, the machine began before it.
        assert!(one.since_boot_ms() >= i64::try_from(one.now().as_micros() / 1_000).unwrap());
    }

    #[test]
    fn a_calendar_before_the_release_is_none() {
        assert_eq!(quality_of(0, true), quality::NONE);
        assert_eq!(quality_of(RELEASED_MS - 1, true), quality::NONE);
        assert_eq!(quality_of(RELEASED_MS, false), quality::PLAUSIBLE);
        assert_eq!(quality_of(RELEASED_MS, true), quality::SYNCHRONISED);
    }
}
