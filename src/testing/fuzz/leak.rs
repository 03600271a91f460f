//! Looks for secrets where none may be.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use memchr::memmem;

use crate::link::{Clock, Mono};
use crate::transcript::Secret;

/// Secrets shorter than this turn up by chance.
const SHORTEST: usize = 6;

/// The forms that are looked for, and what was found.
#[derive(Clone)]
pub(in crate::testing) struct Leaks {
    forms: Rc<Vec<Vec<u8>>>,
    found: Rc<RefCell<Vec<(Mono, String)>>>,
}

impl Leaks {
    pub(in crate::testing) fn of(secrets: &[Secret]) -> Self {
        use base64::Engine as _;
        let mut forms = Vec::new();
        for secret in secrets.iter().filter(|secret| secret.value.len() >= SHORTEST) {
            forms.push(secret.value.clone());
            for upper in [false, true] {
                let hex = secret
                    .value
                    .iter()
                    .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
                forms.push(hex.collect::<String>().into_bytes());
            }
            let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&secret.value);
            forms.push(base64.into_bytes());
        }
        Self { forms: Rc::new(forms), found: Rc::default() }
    }

    pub(in crate::testing) fn look(&self, at: Mono, text: &[u8]) {
        if self.forms.iter().any(|form| memmem::find(text, form).is_some()) {
            let text = String::from_utf8_lossy(text);
            self.found.borrow_mut().push((at, text.chars().take(200).collect()));
        }
    }

    pub(in crate::testing) fn found(&self) -> Vec<(Mono, String)> {
        self.found.borrow().clone()
    }

    fn longest(&self) -> usize {
        self.forms.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// A transcript's file that only looks.
pub(in crate::testing) struct Sink {
    clock: Rc<dyn Clock>,
    leaks: Leaks,
    /// The end of what came before: a secret may be cut by two writes.
    tail: Vec<u8>,
}

impl Sink {
    pub(in crate::testing) fn new(clock: Rc<dyn Clock>, leaks: Leaks) -> Self {
        Self { clock, leaks, tail: Vec::new() }
    }
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tail.extend_from_slice(bytes);
        self.leaks.look(self.clock.now(), &self.tail);
        let keep = self.leaks.longest().min(self.tail.len());
        self.tail.drain(..self.tail.len() - keep);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
