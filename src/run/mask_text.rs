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

    /// The same of bytes as they cross the line.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.0.mask_bytes(bytes)
    }
}
