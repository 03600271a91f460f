//! **atflow** runs YAML flows against AT-command modules on a serial port.
//!
//! A flow says what to send, what to expect, how long to wait and what to do when it goes wrong;
//! Rhai hooks compute what is reported and answer what comes down from the cloud. `ARCHITECTURE.md`
//! has the map of the rooms below and the path of one command line through them.

pub mod at;
pub mod chance;
pub mod cli;
pub mod flow;
pub mod hooks;
pub mod link;
pub mod report;
pub mod run;
pub mod session;
pub mod sim;
pub mod station;
pub mod store;
pub mod testing;
pub mod transcript;
