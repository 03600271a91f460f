//! What a regex found for a hole, as a value.

use std::sync::Arc;

use regex::bytes::CaptureLocations;

use super::parse::HoleType;
use super::{Capture, Same};

/// Integers with fewer digits than this always fit 64 bits.
const SAFE_DIGITS: usize = 19;

/// Where the text of a hole is found.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) name: Option<Arc<str>>,
    pub(super) kind: HoleType,
    pub(super) bare: usize,
    pub(super) quoted: Option<usize>,
    /// Blanks at its end belong to the comma behind it.
    pub(super) trimmed: bool,
}

impl Slot {
    /// Whether a regex of the pattern's author stands in it.
    pub(super) fn is_users(&self) -> bool {
        matches!(self.kind, HoleType::Regex(_))
    }

    /// The name of what it captures; a hole that compares captures nothing.
    pub(super) fn captures_as(&self) -> Option<&Arc<str>> {
        self.name.as_ref().filter(|_| self.kind != HoleType::Same)
    }

    /// The value of this hole where a regex `found` it in `text`, or `None` if it does not do after all.
    pub(super) fn value(&self, text: &[u8], found: &CaptureLocations, same: Same<'_>) -> Option<Capture> {
        let piece = |group| found.get(group).map(|(from, to)| &text[from..to]);
        if let Some(quoted) = self.quoted.and_then(piece) {
            return self.value_of(quoted, true, same);
        }
        match piece(self.bare) {
            Some(bare) if self.trimmed => self.value_of(super::trim_end(bare), false, same),
            Some(bare) => self.value_of(bare, false, same),
            None => Some(Capture::Missing),
        }
    }

    fn value_of(&self, piece: &[u8], in_quotes: bool, same: Same<'_>) -> Option<Capture> {
        let text = || String::from_utf8_lossy(piece);
        Some(match self.kind {
            HoleType::Int | HoleType::Error => Capture::Int(text().parse().ok()?),
            HoleType::Number => Capture::Float(text().parse().ok().filter(|value: &f64| value.is_finite())?),
            // A regex cannot be told to stay inside a field, so its match is looked at afterwards.
            HoleType::Regex(_) if piece.contains(&b'"') || (!in_quotes && piece.contains(&b',')) => {
                return None;
            }
            HoleType::Same => {
                let name = self.name.as_deref()?;
                let (_, wanted) = same.iter().find(|(variable, _)| **variable == *name)?;
                return (text() == wanted.as_str()).then_some(Capture::Missing);
            }
            _ => Capture::Text(text().into_owned()),
        })
    }
}

/// Whether `text` holds as many digits in a row as no longer fit 64 bits for certain.
pub(super) fn has_long_number(text: &[u8]) -> bool {
    text.len() >= SAFE_DIGITS
        && text.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= SAFE_DIGITS)
}
