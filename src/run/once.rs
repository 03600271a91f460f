//! Lines that must never be sent a second time: a wrong PIN, tried three times, locks the SIM. A line is
//! remembered *before* it is sent and forgotten when it passed, so that neither a retry, nor another run,
//! nor a killed process can send it again.

use std::collections::BTreeSet;

/// What two spellings of one command line have in common: letters outside quotes without case, no blanks
/// outside quotes, no quotes. `at+cpin= 1234` risks the same try as `AT+CPIN="1234"`.
pub fn key(line: &str) -> String {
    let mut quoted = false;
    let mut key = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            c if quoted => key.push(c),
            c if c.is_whitespace() => {}
            c => key.extend(c.to_uppercase()),
        }
    }
    key
}

/// Where such lines are remembered. A line is spent wherever it was sent: a port can be spelled in many
/// ways and change its number, and a SIM card can be moved; a third wrong PIN cannot be taken back.
pub trait OnceStore {
    /// Whether this line failed, or was not answered, before.
    fn is_spent(&self, line: &str) -> bool;
    /// The line is about to be sent on this port. An error means that it could not be remembered: then it
    /// is not sent.
    fn spend(&mut self, port: &str, line: &str) -> Result<(), String>;
    /// The line passed, or never left.
    fn redeem(&mut self, port: &str, line: &str) -> Result<(), String>;
}

/// Remembers as long as the process lives: for simulated modules, which are new with every run.
#[derive(Default)]
pub struct OnceInMemory(BTreeSet<String>);

impl OnceStore for OnceInMemory {
    fn is_spent(&self, line: &str) -> bool {
        self.0.contains(line)
    }

    fn spend(&mut self, _port: &str, line: &str) -> Result<(), String> {
        self.0.insert(line.to_string());
        Ok(())
    }

    fn redeem(&mut self, _port: &str, line: &str) -> Result<(), String> {
        self.0.remove(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn spellings_of_one_line_are_one_line() {
        for spelling in ["AT+CPIN=\"1234\"", "at+cpin=1234", "AT+CPIN= 1234", "AT+CPIN =\"1234\""] {
            assert_eq!(key(spelling), "AT+CPIN=1234", "{spelling}");
        }
        assert_ne!(key("AT+CPIN=\"ab\""), key("AT+CPIN=\"AB\""));
    }
}
