//! Flows that are tried without hardware: test files, the simulated world that each test runs in, and what is
//! said when something is not as expected. And fuzzing.
//!
//! A test is a pure function of its files: no wall clock, no environment, no chance but its seed. The same test
//! gives the same outcome, byte for byte, on any machine.
//!
//! * [`mod@file`]: what a test file says. [`read`]: from YAML to that, with problems at their places.
//! * [`play`]: one test in its world. `record` notes what happens, `judge` compares it with what was expected.
//!   `errors`: what its runs can fail with.
//! * [`calls`]: functions tried alone, with a [`stand_in`] for the station.
//! * [`mod@side_by_side`]: many of them at once.
//! * [`coverage`]: which steps and branches no test reached.
//! * [`fate`]: what happens to atflow itself: how its processes die and begin again.
//! * [`fuzz`]: worlds where things go wrong, drawn from seeds, and rules that must hold in all of them.

pub mod calls;
pub mod coverage;
mod errors;
pub mod fate;
pub mod file;
pub mod fuzz;
mod golden;
mod judge;
mod loading;
mod never;
pub mod outcome;
pub mod play;
pub mod read;
mod record;
pub mod side_by_side;
pub mod stand_in;
mod value;
mod world;

pub use file::TestFile;
pub use outcome::{Outcome, Problem};
