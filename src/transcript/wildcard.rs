//! What a masked text may have been: `<name>` stands for bytes that nobody may know.

/// Longest name that is looked for between `<` and `>`.
const NAME_BYTES: usize = 64;

/// A piece of a masked text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    /// These bytes.
    Plain(&'t [u8]),
    /// The secret of this name.
    Secret(&'t [u8]),
}

/// Secrets by name, as they were met.
pub type Secrets = std::collections::BTreeMap<Vec<u8>, Vec<u8>>;

/// Whether `found` may be the text that was masked as `masked`; then what stands for the secrets, in order.
///
/// Each secret takes as little as possible, so the time is that of looking for each plain piece once.
pub fn fits(masked: &[u8], found: &[u8]) -> Option<Secrets> {
    let mut secrets = Secrets::new();
    let mut open: Option<&[u8]> = None;
    let mut rest = found;
    let pieces = pieces(masked);
    for (index, piece) in pieces.iter().enumerate() {
        match (piece, open.take()) {
            (Piece::Plain(plain), None) => rest = rest.strip_prefix(*plain)?,
            (Piece::Plain(plain), Some(name)) => {
                let last = index + 1 == pieces.len();
                let at = if last {
                    rest.len().checked_sub(plain.len()).filter(|at| &rest[*at..] == *plain)
                } else {
                    memchr::memmem::find(rest, plain)
                }?;
                secrets.insert(name.to_vec(), rest[..at].to_vec());
                rest = &rest[at + plain.len()..];
            }
            // Of two secrets side by side nobody knows where one ends: the second one gets it all.
            (Piece::Secret(name), _) => open = Some(name),
        }
    }
    match open {
        Some(name) => {
            secrets.insert(name.to_vec(), rest.to_vec());
            Some(secrets)
        }
        None => rest.is_empty().then_some(secrets),
    }
}

/// `masked` with the secrets that are known put back.
pub fn filled(masked: &[u8], secrets: &Secrets) -> Vec<u8> {
    let mut out = Vec::with_capacity(masked.len());
    for piece in pieces(masked) {
        match piece {
            Piece::Plain(plain) => out.extend_from_slice(plain),
            Piece::Secret(name) => match secrets.get(name) {
                Some(value) => out.extend_from_slice(value),
                None => out.extend([b"<", name, b">"].concat()),
            },
        }
    }
    out
}

fn pieces(masked: &[u8]) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let (mut plain_from, mut at) = (0, 0);
    while let Some(offset) = memchr::memchr(b'<', &masked[at..]) {
        let start = at + offset;
        at = start + 1;
        let Some(length) = name_length(&masked[at..]) else { continue };
        if start > plain_from {
            out.push(Piece::Plain(&masked[plain_from..start]));
        }
        out.push(Piece::Secret(&masked[at..at + length]));
        at += length + 1;
        plain_from = at;
    }
    if plain_from < masked.len() {
        out.push(Piece::Plain(&masked[plain_from..]));
    }
    out
}

/// Bytes of the name in front of a `>`.
fn name_length(text: &[u8]) -> Option<usize> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let length = text.iter().take(NAME_BYTES).take_while(|byte| is_name(byte)).count();
    (length > 0 && text.get(length) == Some(&b'>')).then_some(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(masked: &str, found: &str) -> Option<Vec<(String, String)>> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let secrets = fits(masked.as_bytes(), found.as_bytes())?;
        Some(secrets.into_iter().map(|(name, value)| (text(name), text(value))).collect())
    }

    #[test]
    fn a_secret_may_be_anything_and_the_rest_must_be_the_same() {
        for (masked, found, expected) in [
            ("AT", "AT", Some(vec![])),
            ("AT", "ATI", None),
            ("AT+CPIN=\"<pin>\"\r\n", "AT+CPIN=\"1234\"\r\n", Some(vec![("pin", "1234")])),
            ("AT+CPIN=\"<pin>\"\r\n", "AT+CPIN=\"1234\"", None),
            ("AT=<a>,<b>\r", "AT=x,y,z\r", Some(vec![("a", "x"), ("b", "y,z")])),
            ("<a><b>", "xy", Some(vec![("b", "xy")])),
            ("<a>", "", Some(vec![("a", "")])),
            ("<a>aa", "aaa", Some(vec![("a", "a")])),
            ("a < b > c", "a < b > c", Some(vec![])),
            ("<<key>>", "<x>", Some(vec![("key", "x")])),
        ] {
            let expected = expected.map(|list: Vec<(&str, &str)>| {
                list.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
            });
            assert_eq!(taken(masked, found), expected, "{masked} {found}");
        }
    }

    #[test]
    fn what_is_known_is_put_back() {
        let secrets = fits(b"AT+CPIN=\"<pin>\"", b"AT+CPIN=\"1234\"").unwrap();
        assert_eq!(filled(b"AT+CPIN=\"<pin>\"\r\r\n<other>", &secrets), b"AT+CPIN=\"1234\"\r\r\n<other>");
    }

    proptest! {
        /// Whatever a text was, its masked form fits it, and what was taken out goes back in.
        #[test]
        fn a_masked_text_fits(pieces in prop::collection::vec("[a-c,=]{0,6}", 1..6)) {
            let masked = pieces.join("<secret>");
            let whole = pieces.join("%SECRET%");
            let secrets = fits(masked.as_bytes(), whole.as_bytes()).expect("it fits");
            if pieces.len() == 2 {
                prop_assert_eq!(filled(masked.as_bytes(), &secrets), whole.into_bytes());
            }
        }

        #[test]
        fn any_bytes_do(masked in prop::collection::vec(any::<u8>(), 0..64), found in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(secrets) = fits(&masked, &found) {
                filled(&masked, &secrets);
            }
            prop_assert!(masked.contains(&b'<') || fits(&masked, &masked).is_some());
        }
    }
}
