//! What the end-to-end tests share: processes that are watched with a deadline, a fake module that plays a
//! script on a real pty, a real broker. Nothing here sleeps; every wait is a poll that ends.

#![allow(dead_code, reason = "every test program uses its own part of this")]

pub mod bringup;
pub mod broker;
pub mod counting;
pub mod module;
pub mod process;
pub mod pty;
pub mod simulator;
pub mod station;
pub mod temp;
pub mod time;

use std::path::PathBuf;

/// The project's folder: where `scripts/` is.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
