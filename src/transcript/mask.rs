//! Finds secrets and replaces them by their names. Everything that leaves the program passes here: the
//! transcript, reports, error messages. A secret is looked for in every form it may take on the way.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use memchr::memmem;

use super::forms;

/// Shorter secrets are found only as they are and only where they stand alone: a PIN's first digits are
/// everywhere.
const LONG_BYTES: usize = 4;

/// A secret of digits alone and no longer than a PIN (3GPP TS 11.11, 9.3) is no part of a longer number: an IMEI,
/// an IMSI, an ICCID, a time in milliseconds must not be changed by chance. What an escape puts in front of it
/// (`\\22`, `\\u0022`) makes no number that is as long.
const PIN_DIGITS: usize = 8;
const NUMBER_DIGITS: usize = 12;

/// Longest secret. A private key has less than 4 KiB.
const SECRET_BYTES_MAX: usize = 16 * 1024;

/// So much of a form is looked for at all places of a text at once; the rest is compared where that stands. An
/// automaton of all the forms of a private key would take hundreds of megabytes.
const HEAD_BYTES: usize = 48;

/// A value that must not be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What stands in its place: the name of the variable.
    pub name: String,
    /// The value. An empty one is ignored.
    pub value: Vec<u8>,
}

/// A secret that cannot be looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret `{name}` has {bytes} bytes, too many to be masked (at most {SECRET_BYTES_MAX})")]
pub struct TooLong {
    /// Its name.
    pub name: String,
    /// How long it is.
    pub bytes: usize,
}

/// Finds secrets. The default one knows none and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Masker {
    names: Vec<String>,
    /// Forms of the long secrets, sorted, and at the same index in `owners` whose they are.
    forms: Vec<Vec<u8>>,
    owners: Vec<usize>,
    /// Of each secret: a PIN, if it is one.
    pins: Vec<Option<Vec<u8>>>,
    /// Finds the beginnings of forms, each once.
    automaton: Option<AhoCorasick>,
    /// Of each beginning: the forms that have it.
    heads: Vec<Range<usize>>,
    /// Secrets that are shorter than [`LONG_BYTES`], with their owners.
    short: Vec<(Vec<u8>, usize)>,
    /// Length of the longest form or short secret.
    longest: usize,
    /// The bytes that forms and short secrets consist of, one bit each.
    alphabet: [u64; 4],
}

/// What of a form the automaton looks for.
fn head(form: &[u8]) -> &[u8] {
    &form[..form.len().min(HEAD_BYTES)]
}

/// A place in a text where a secret stands, or a part of it.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
    owner: usize,
}

impl Masker {
    /// One that knows `secrets`. `escapes` are the dialect's: a character and what is sent for it.
    ///
    /// # Errors
    ///
    /// [`TooLong`]: rather no run than one that shows a secret.
    pub fn new(secrets: &[Secret], escapes: &[(char, String)]) -> Result<Self, TooLong> {
        let mut masker = Self::default();
        let mut forms_of_all = BTreeMap::new();
        for secret in secrets.iter().filter(|secret| !secret.value.is_empty()) {
            let owner = masker.names.len();
            masker.names.push(secret.name.clone());
            let is_pin = secret.value.len() <= PIN_DIGITS && secret.value.iter().all(u8::is_ascii_digit);
            masker.pins.push(is_pin.then(|| secret.value.clone()));
            if secret.value.len() > SECRET_BYTES_MAX {
                return Err(too_long(secret));
            }
            if secret.value.len() < LONG_BYTES {
                masker.short.push((secret.value.clone(), owner));
                continue;
            }
            for form in forms::of(&secret.value, escapes) {
                if form.len() >= LONG_BYTES {
                    forms_of_all.entry(form).or_insert(owner);
                }
            }
        }
        (masker.forms, masker.owners) = forms_of_all.into_iter().unzip();
        for value in masker.forms.iter().chain(masker.short.iter().map(|(value, _)| value)) {
            masker.longest = masker.longest.max(value.len());
            for byte in value {
                masker.alphabet[usize::from(byte >> 6)] |= 1 << (byte & 63);
            }
        }
        // The build fails only past two thousand million states, as all secrets together may have: the
        // longest is to blame.
        if let Some(longest) = secrets.iter().max_by_key(|secret| secret.value.len())
            && !masker.forms.is_empty()
        {
            // Built in a quarter of a DFA's time, which a run of a hundred lines would not earn back.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            let same = |one: &Vec<u8>, other: &Vec<u8>| head(one) == head(other);
            let mut from = 0;
            for group in masker.forms.chunk_by(same) {
                masker.heads.push(from..from + group.len());
                from += group.len();
            }
            let heads = masker.heads.iter().map(|forms| head(&masker.forms[forms.start]));
            let built = AhoCorasick::builder().kind(kind).build(heads);
            masker.automaton = Some(built.map_err(|_| too_long(longest))?);
        }
        Ok(masker)
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.longest == 0
    }

    /// Bytes of the longest form of a secret.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// `text` with every secret replaced by `<name>`.
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // A secret that is no UTF-8 may begin or end inside a character.
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// [`Masker::mask`] for bytes.
    pub fn mask_bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        self.replace(text, self.spans(text))
    }

    /// Where in `text` secrets stand, in order; those that overlap are one place.
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans = self.spans(text.as_bytes());
        spans.sort_unstable_by_key(|span| span.start);
        let mut places: Vec<Range<usize>> = Vec::new();
        for Span { start, end, .. } in spans {
            match places.last_mut() {
                Some(last) if start < last.end => last.end = last.end.max(end),
                _ => places.push(start..end),
            }
        }
        places
    }

    /// As [`Masker::mask_bytes`] where the text may have been cut off in the middle of a secret: at least
    /// four bytes of its beginning at the very end are masked too.
    pub(super) fn mask_cut_off<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let mut spans = self.spans(text);
        spans.extend(self.beginning(text).filter(|span| span.end - span.start >= LONG_BYTES));
        self.replace(text, spans)
    }

    /// The latest place, at `wanted` or before it, where `text` can be cut in two that are masked apart:
    /// not inside a secret, nor inside the beginning of one that more bytes may complete.
    pub(super) fn cut(&self, text: &[u8], wanted: usize) -> usize {
        if self.is_empty() {
            return wanted;
        }
        let mut cut = self.beginning(text).map_or(wanted, |span| span.start.min(wanted));
        if cut == 0 || cut == text.len() {
            return cut;
        }
        let mut spans = self.spans(text);
        spans.sort_unstable_by_key(|span| Reverse(span.end));
        for span in spans {
            if span.start < cut && cut < span.end {
                cut = span.start;
            }
        }
        cut
    }

    /// The longest end of `text` that a secret begins with.
    fn beginning(&self, text: &[u8]) -> Option<Span> {
        let foreign = |byte: &u8| self.alphabet[usize::from(byte >> 6)] >> (byte & 63) & 1 == 0;
        let after_foreign = text.iter().rposition(foreign).map_or(0, |index| index + 1);
        let first = after_foreign.max(text.len().saturating_sub(self.longest));
        (first..text.len()).find_map(|start| {
            let owner = self.longer_than(&text[start..])?;
            Some(Span { start, end: text.len(), owner })
        })
    }

    /// Whose form begins with `part` and goes on.
    fn longer_than(&self, part: &[u8]) -> Option<usize> {
        let goes_on = |form: &[u8]| form.len() > part.len() && form.starts_with(part);
        // What begins with `part` is sorted directly behind it.
        let after = self.forms.partition_point(|form| form.as_slice() <= part);
        match self.forms.get(after) {
            Some(form) if goes_on(form) => Some(self.owners[after]),
            _ => self.short.iter().find(|(value, _)| goes_on(value)).map(|(_, owner)| *owner),
        }
    }

    /// Where secrets stand, in no order; they may overlap.
    fn spans(&self, text: &[u8]) -> Vec<Span> {
        let mut spans = Vec::new();
        // Most texts hold no secret, and to know that is cheaper than to look for all of them.
        if let Some(automaton) = self.automaton.as_ref().filter(|automaton| automaton.is_match(text)) {
            // Also those that overlap: of two secrets, one inside the other's end, no part may show.
            let found = automaton.find_overlapping_iter(text).flat_map(|found| {
                let start = found.start();
                let forms = self.heads[found.pattern().as_usize()].clone();
                let whole = forms.filter(move |form| text[start..].starts_with(&self.forms[*form]));
                whole.map(move |form| {
                    let end = start + self.forms[form].len();
                    Span { start, end, owner: self.owners[form] }
                })
            });
            spans.extend(found.filter(|span| !self.is_part_of_a_number(text, *span)));
        }
        for (value, owner) in &self.short {
            let mut from = 0;
            while let Some(offset) = memmem::find(&text[from..], value) {
                let (start, end) = (from + offset, from + offset + value.len());
                if stands_alone(text, start, end) {
                    spans.push(Span { start, end, owner: *owner });
                }
                from = start + 1;
            }
        }
        spans
    }

    /// Whether what looks like a PIN is only some digits of a longer number.
    fn is_part_of_a_number(&self, text: &[u8], Span { start, end, owner }: Span) -> bool {
        if self.pins[owner].as_deref() != Some(&text[start..end]) {
            return false;
        }
        let digits = |byte: &&u8| byte.is_ascii_digit();
        // More digits than these make no difference, and a text may be digits all over.
        let before = text[..start].iter().rev().take(NUMBER_DIGITS).take_while(digits).count();
        let behind = text[end..].iter().take(NUMBER_DIGITS).take_while(digits).count();
        before + (end - start) + behind >= NUMBER_DIGITS
    }

    /// `text` with a name for each run of overlapping spans, with several names where secrets overlap.
    fn replace<'a>(&self, text: &'a [u8], mut spans: Vec<Span>) -> Cow<'a, [u8]> {
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        spans.sort_unstable_by_key(|span| (span.start, Reverse(span.end)));
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        let mut last = None;
        for span in spans {
            if span.end <= done {
                continue;
            }
            let overlaps = span.start < done;
            if !overlaps {
                out.extend_from_slice(&text[done..span.start]);
            }
            if !overlaps || last != Some(span.owner) {
                out.push(b'<');
                out.extend_from_slice(self.names[span.owner].as_bytes());
                out.push(b'>');
            }
            done = span.end;
            last = Some(span.owner);
        }
        out.extend_from_slice(&text[done..]);
        Cow::Owned(out)
    }
}

fn too_long(secret: &Secret) -> TooLong {
    TooLong { name: secret.name.clone(), bytes: secret.value.len() }
}

fn stands_alone(text: &[u8], start: usize, end: usize) -> bool {
    let inside_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).and_then(|index| text.get(index));
    !inside_word(before) && !inside_word(text.get(end))
}

#[cfg(test)]
mod tests;
