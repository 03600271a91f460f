//! Looks for secrets where none may be.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
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
    /// `escapes`: what the module wants in place of a character.
    pub(in crate::testing) fn of(secrets: &[Secret], escapes: &[(char, String)]) -> Self {
        let long = secrets.iter().filter(|secret| secret.value.len() >= SHORTEST);
        let forms: BTreeSet<Vec<u8>> = long.flat_map(|secret| forms(&secret.value, escapes)).collect();
        Self { forms: Rc::new(forms.into_iter().collect()), found: Rc::default() }
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

/// All shapes of a secret. They are made here and not by the mask, which may be what is wrong.
fn forms(secret: &[u8], escapes: &[(char, String)]) -> BTreeSet<Vec<u8>> {
    let text = String::from_utf8_lossy(secret);
    let for_module = |text: &str| -> String {
        let by = |character| escapes.iter().find(|(escaped, _)| *escaped == character);
        text.chars()
            .map(|character| by(character).map_or(character.to_string(), |(_, by)| by.clone()))
            .collect()
    };
    let quoted = serde_json::Value::from(&*text).to_string();
    let json = &quoted[1..quoted.len() - 1];
    let plain = [secret.to_vec(), for_module(&text).into(), json.into(), for_module(json).into()];
    let mut all = BTreeSet::new();
    for bytes in plain {
        all.extend(encoded(&bytes).into_iter().map(String::into_bytes));
        all.insert(bytes);
    }
    all
}

/// In hexadecimal and percent encoding, with small and with capital letters, and in base64.
fn encoded(bytes: &[u8]) -> Vec<String> {
    let each = |write: fn(u8) -> String| bytes.iter().map(|byte| write(*byte)).collect::<String>();
    let mut all = vec![
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("{byte:02X}")),
        each(|byte| percent(byte, format!("%{byte:02x}"))),
        each(|byte| percent(byte, format!("%{byte:02X}"))),
    ];
    all.extend((0..3).flat_map(|phase| base64(bytes, phase)));
    all
}

/// RFC 3986, 2.3.
fn percent(byte: u8, code: String) -> String {
    let is_kept = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if is_kept { char::from(byte).to_string() } else { code }
}

/// What does not depend on the bytes before and behind, if so many of the three before share their characters.
fn base64(bytes: &[u8], phase: usize) -> [String; 2] {
    let mut padded = vec![0; phase];
    padded.extend_from_slice(bytes);
    let whole = padded.len() * 8 / 6;
    let first = (phase * 8).div_ceil(6);
    [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
        .map(|text| text[first..whole].to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn leaks() -> Leaks {
        let secret = Secret { name: "key".into(), value: b"p\"ss/w>rd".to_vec() };
        Leaks::of(&[secret], &[('"', "\\22".to_owned())])
    }

    #[test]
    fn every_shape_of_a_secret_is_seen() {
        for shape in [
            r#"AT+X="p"ss/w>rd""#,
            r"AT+MPUB=p\22ss/w>rd",
            r#"{"key":"p\"ss/w>rd"}"#,
            r"{\22key\22:\22p\\22ss/w>rd\22}",
            "?key=p%22ss%2Fw%3Erd&x",
            "?key=p%22ss%2fw%3erd&x",
            "702273732f773e7264",
            "702273732F773E7264",
            // Behind no, one and two other bytes, with one behind it.
            "cCJzcy93PnJkIQ==",
            "eHAic3Mvdz5yZCE=",
            "eHhwInNzL3c+cmQh",
            "eHhwInNzL3c-cmQh",
        ] {
            let leaks = leaks();
            leaks.look(Mono::ZERO, shape.as_bytes());
            assert_eq!(leaks.found().len(), 1, "{shape}");
        }
        let leaks = leaks();
        leaks.look(Mono::ZERO, b"p ss/w>rd \xE2\x80\xB9key\xE2\x80\xBA eHhwIn");
        assert_eq!(leaks.found(), []);
    }

    #[test]
    fn a_secret_that_two_writes_cut_is_seen() {
        struct Still;
        impl Clock for Still {
            fn now(&self) -> Mono {
                Mono::ZERO
            }
            fn wall_ms(&self) -> i64 {
                0
            }
        }
        let leaks = leaks();
        let mut sink = Sink::new(Rc::new(Still), leaks.clone());
        for piece in ["> p\"ss", "/w>rd\n"] {
            io::Write::write_all(&mut sink, piece.as_bytes()).unwrap();
        }
        assert_eq!(leaks.found().len(), 1);
    }
}
