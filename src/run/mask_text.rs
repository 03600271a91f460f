//! The secret mask, shared by everything that shows or writes text in a run.

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

    /// The same for bytes.
    pub fn bytes(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.mask_bytes(bytes).into_owned()
    }

    /// `text` with every secret in it, in every encoding, replaced by its name.
    pub fn text(&self, text: &str) -> String {
        self.0.mask(text).into_owned()
    }
}
