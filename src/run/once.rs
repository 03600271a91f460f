//! Lines that must never be sent a second time: a wrong PIN, tried three times, locks the SIM. A line is
//! remembered *before* it is sent and forgotten when it passed, so that neither a retry, nor another run,
//! nor a killed process can send it again.

use std::collections::BTreeSet;

/// Where such lines are remembered, by port.
pub trait OnceStore {
    /// Whether this line failed, or was not answered, on this port before.
    fn is_spent(&self, port: &str, line: &str) -> bool;
    /// The line is about to be sent. An error means that it could not be remembered: then it is not sent.
    fn spend(&mut self, port: &str, line: &str) -> Result<(), String>;
    /// The line passed.
    fn redeem(&mut self, port: &str, line: &str) -> Result<(), String>;
}

/// Remembers as long as the process lives: for simulated modules, which are new with every run.
#[derive(Default)]
pub struct OnceInMemory(BTreeSet<(String, String)>);

impl OnceStore for OnceInMemory {
    fn is_spent(&self, port: &str, line: &str) -> bool {
        self.0.contains(&(port.to_string(), line.to_string()))
    }

    fn spend(&mut self, port: &str, line: &str) -> Result<(), String> {
        self.0.insert((port.to_string(), line.to_string()));
        Ok(())
    }

    fn redeem(&mut self, port: &str, line: &str) -> Result<(), String> {
        self.0.remove(&(port.to_string(), line.to_string()));
        Ok(())
    }
}
