//! The shapes in which a secret can cross the line or reach a log: as it is, with a dialect's escapes, as
//! part of a JSON string, and each of these in hexadecimal, percent encoding, base64, the last also inside an
//! address, or as the UCS2 of a module whose character set that is; in JSON inside JSON; and in hexadecimal and then
//! base64.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// All shapes of `value` that differ, `value` itself among them.
pub(super) fn of(value: &[u8], escapes: &[(char, String)]) -> BTreeSet<Vec<u8>> {
    let text = String::from_utf8_lossy(value).into_owned();
    // What a flow may make of it before it is encoded any further.
    let mut plain = BTreeSet::from([value.to_vec(), text.clone().into_bytes()]);
    for spelled in json(&text).into_iter().chain([text.clone()]) {
        plain.insert(escaped(&spelled, escapes).into_bytes());
        plain.insert(spelled.into_bytes());
    }
    let mut all = plain.clone();
    for bytes in &plain {
        all.extend(json(&String::from_utf8_lossy(bytes)).map(String::into_bytes));
        all.insert(bytes.escape_ascii().to_string().into_bytes());
        all.extend(hexadecimal(bytes).map(String::into_bytes));
        all.extend(percent(bytes).into_iter().map(String::into_bytes));
        for ucs2 in ucs2(bytes) {
            // The digits alone, as such a module has them: all that may stand between them would make twice as much
            // of a long secret.
            all.extend(digits(&ucs2, "", "").map(String::into_bytes));
            all.insert(ucs2.escape_ascii().to_string().into_bytes());
            all.insert(ucs2);
        }
        all.extend(base64_anywhere(bytes));
    }
    // A text in JSON that itself is a text in JSON, in the quotes of a command.
    for inner in json(&text) {
        all.extend(json(&inner).map(|twice| escaped(&twice, escapes).into_bytes()));
    }
    // Of hexadecimal only the digits alone: to encode those of an address or of C twice is nobody's habit.
    for digits in digits(value, "", "") {
        all.extend(base64_anywhere(digits.as_bytes()));
    }
    for ucs2 in ucs2(value) {
        all.extend(hexadecimal(&ucs2).map(String::into_bytes));
    }
    all
}

/// With the characters replaced that the dialect's `escape(…)` replaces.
fn escaped(text: &str, escapes: &[(char, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match escapes.iter().find(|(escaped, _)| *escaped == character) {
            Some((_, by)) => out.push_str(by),
            None => out.push(character),
        }
    }
    out
}

/// Inside a JSON string: plain, with `\/` as PHP writes it, in ASCII as Python writes it, without `;` as a
/// station publishes it, and fit for a web page as Go writes it.
fn json(text: &str) -> [String; 5] {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted[1..quoted.len() - 1].to_owned();
    let slashes = inner.replace('/', "\\/");
    let ascii = by_code(&inner, |character| character.is_ascii());
    let one_line = by_code(&inner, |character| matches!(character, ' '..='~') && character != ';');
    let web = by_code(&inner, |character| !matches!(character, '<' | '>' | '&'));
    [inner, slashes, ascii, one_line, web]
}

/// With `\uXXXX` for every character that is not `kept`.
fn by_code(text: &str, kept: fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if kept(character) {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// What stands before each byte and between two of them where bytes are written in hexadecimal: `4f4b`,
/// `4f 4b`, `4f:4b` as addresses are, `4f-4b` as PowerShell's are, `4f,4b`, `\x4f\x4b`, `0x4f, 0x4b` as in C.
const HEXADECIMAL: [(&str, &str); 8] =
    [("", ""), ("", " "), ("", ":"), ("", "-"), ("", ","), ("\\x", ""), ("0x", ", "), ("0x", ",")];

/// Each way of [`HEXADECIMAL`], in small and in capital letters.
fn hexadecimal(bytes: &[u8]) -> impl Iterator<Item = String> {
    HEXADECIMAL.iter().flat_map(move |(before, between)| digits(bytes, before, between))
}

fn digits(bytes: &[u8], before: &str, between: &str) -> [String; 2] {
    let each = |digits: fn(u8) -> String| {
        let written: Vec<String> = bytes.iter().map(|&byte| format!("{before}{}", digits(byte))).collect();
        written.join(between)
    };
    [each(|byte| format!("{byte:02x}")), each(|byte| format!("{byte:02X}"))]
}

/// What percent encoding leaves as it is beside letters and digits: RFC 3986, 2.3; and what JavaScript's
/// `encodeURIComponent`, Python's `quote`, and one that is made of both leaves as well.
const UNRESERVED: [&[u8]; 4] = [b"-._~", b"-._~!'()*", b"-._~/", b"-._~!'()*/"];

/// Percent encoding of a URL and of a form, where a blank is `+`, and of every byte.
fn percent(bytes: &[u8]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for capital in [true, false] {
        all.insert(percent_but(bytes, |_| false, capital));
        for kept in UNRESERVED {
            let is_kept = |byte: u8| byte.is_ascii_alphanumeric() || kept.contains(&byte);
            let url = percent_but(bytes, is_kept, capital);
            all.insert(url.replace("%20", "+"));
            all.insert(url);
        }
    }
    all
}

/// With `%XX` for every byte that is not kept.
fn percent_but(bytes: &[u8], is_kept: impl Fn(u8) -> bool, capital: bool) -> String {
    let mut out = String::new();
    for &byte in bytes {
        let _ = match byte {
            byte if is_kept(byte) => write!(out, "{}", char::from(byte)),
            byte if capital => write!(out, "%{byte:02X}"),
            byte => write!(out, "%{byte:02x}"),
        };
    }
    out
}

/// UCS2 in either order of bytes.
fn ucs2(bytes: &[u8]) -> [Vec<u8>; 2] {
    let text = String::from_utf8_lossy(bytes);
    [u16::to_be_bytes, u16::to_le_bytes].map(|unit_bytes| text.encode_utf16().flat_map(unit_bytes).collect())
}

/// Base64, also inside an address or JSON.
fn base64_anywhere(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    for encoded in base64(bytes) {
        all.extend(inside_an_address_or_json(&encoded).map(String::into_bytes));
        all.insert(encoded.into_bytes());
    }
    all
}

/// Base64 as the value of a query, where `+`, `/` and `=` mean something else, and with `\/` as PHP writes JSON.
fn inside_an_address_or_json(base64: &str) -> [String; 3] {
    let percent = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let small = base64.replace('+', "%2b").replace('/', "%2f").replace('=', "%3d");
    [percent, small, base64.replace('/', "\\/")]
}

/// Base64 of the secret alone, and the part of it that stays the same wherever the secret stands in a
/// longer text: its bytes begin at 0, 1 or 2 modulo 3, and the characters at either end that also carry
/// bits of a neighbour are left out.
fn base64(bytes: &[u8]) -> Vec<String> {
    let mut all = vec![STANDARD.encode(bytes), URL_SAFE.encode(bytes)];
    for (phase, shared_with_the_left) in [(0, 0), (1, 2), (2, 3)] {
        let padded = [&[0; 2][..phase], bytes].concat();
        let whole_characters = padded.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            all.extend(text.get(shared_with_the_left..whole_characters).map(str::to_owned));
        }
    }
    all
}
