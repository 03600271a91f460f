//! What people and programs see of a run: its events as terminal output and as JSON lines. Decides nothing.

pub mod console;
pub mod explain;
pub mod json;
pub mod metrics;
mod outcome;
pub mod paint;
pub mod station;
pub(crate) mod text;
