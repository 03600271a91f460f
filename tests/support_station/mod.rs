//! A whole station in this process, on a simulated module and the virtual clock: it can be stopped at a point
//! in time, killed there and started again on what it had on disk, while the module and the cloud live on.

#![allow(dead_code, reason = "every test program uses its own part of this")]

pub mod case;
pub mod lab;
pub mod port;
pub mod recorder;

pub use case::{Case, cloud, what};
pub use lab::Lab;

use std::path::PathBuf;
use std::time::Duration;

/// The project's folder: where `scripts/` is.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A station of these tests.
pub fn station(name: &str) -> PathBuf {
    root().join("tests/station_virtual").join(name)
}

/// A point of the simulated time.
pub fn hm(hours: u64, minutes: u64) -> Duration {
    Duration::from_mins(hours * 60 + minutes)
}

/// Seconds.
pub fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
