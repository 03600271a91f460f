//! The secret mask, shared by everything that shows or writes text in a run.

use std::borrow::Cow;
use std::rc::Rc;

use crate::transcript::Masker;

/// A handle on the mask of this run.
#[derive(Clone)]
pub struct Masked(Rc<Masker>);

impl Masked {
    /// A handle on `masker`.
    pub fn new(masker: Rc<Masker>) -> Self {
        Self(masker)
    }

    /// `text` with every secret in it, in every encoding, replaced by its name.
    pub fn text(&self, text: &str) -> String {
        self.0.mask(text).into_owned()
    }

    /// The same in every text of a JSON value.
    pub fn json(&self, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::String(text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(entries) => {
                entries.into_iter().map(|(key, value)| (self.text(&key), self.json(value))).collect()
            }
            // A number can be a secret too: a PIN.
            other => {
                let text = other.to_string();
                let masked = self.text(&text);
                if masked == text { other } else { Value::String(masked) }
            }
        }
    }

    /// The same of bytes as they cross the line.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.0.mask_bytes(bytes)
    }
}
