//! Flows that are tried without hardware.

pub mod fuzz;
