//! Holes with commas between them, `{rssi:int},{ber:int}`: what most answers consist of. Such a text can be
//! read from left to right without ever going back, so it needs no regex, neither to compile nor to run.

use std::sync::Arc;

use super::head::skip_blanks;
use super::parse::{HoleType, Node};
use super::{Capture, Captures};

/// One hole, with a comma behind it or the end of the line.
#[derive(Clone, Debug)]
pub(super) struct Field {
    name: Option<Arc<str>>,
    takes: Takes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// Anything but commas and quotes, or anything in quotes.
    Text,
    Int,
    Digits,
    Hex,
}

/// `nodes` as fields, if they are that and nothing else.
pub(super) fn of(nodes: &[Node]) -> Option<Box<[Field]>> {
    let field = |(index, node): (usize, &Node)| match node {
        Node::Mark(',') if index % 2 == 1 => Some(None),
        Node::Hole(hole) if index % 2 == 0 => {
            let takes = match hole.kind {
                HoleType::Field => Takes::Text,
                HoleType::Int | HoleType::Error => Takes::Int,
                HoleType::Digits => Takes::Digits,
                HoleType::Hex => Takes::Hex,
                _ => return None,
            };
            Some(Some(Field { name: hole.name.clone(), takes }))
        }
        _ => None,
    };
    let fields: Option<Vec<Option<Field>>> = nodes.iter().enumerate().map(field).collect();
    // A comma at the end would have a field behind it that is no hole.
    fields.filter(|_| nodes.len() % 2 == 1).map(|fields| fields.into_iter().flatten().collect())
}

/// Whether the whole of `text` is these fields. What the holes took goes `into` the captures, also if a
/// later one fails.
pub(super) fn take(fields: &[Field], text: &[u8], mut into: Option<&mut Captures>) -> bool {
    let mut at = 0;
    for (index, field) in fields.iter().enumerate() {
        let last = index + 1 == fields.len();
        if index > 0 {
            at = skip_blanks(text, at);
        }
        let Some((taken, end)) = field.reach(text, at) else { return false };
        // Blanks in front of a comma are the comma's; those in quotes are the field's.
        let taken = if last || text.get(at) == Some(&b'"') { taken } else { super::trim_end(taken) };
        if !field.keep(taken, into.as_deref_mut()) {
            return false;
        }
        at = end;
        if !last {
            at = skip_blanks(text, at);
            if text.get(at) != Some(&b',') {
                return false;
            }
            at += 1;
        }
    }
    at == text.len()
}

impl Field {
    /// What the hole takes from `from` on, and where it ends.
    fn reach<'t>(&self, text: &'t [u8], from: usize) -> Option<(&'t [u8], usize)> {
        let quoted = text.get(from) == Some(&b'"');
        let rest = &text[from + usize::from(quoted)..];
        let length = match self.takes {
            Takes::Text if quoted => memchr::memchr(b'"', rest)?,
            Takes::Text => memchr::memchr2(b',', b'"', rest).unwrap_or(rest.len()),
            Takes::Int => {
                let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
                sign + digits(&rest[sign..], u8::is_ascii_digit)?
            }
            Takes::Digits => digits(rest, u8::is_ascii_digit)?,
            Takes::Hex => digits(rest, u8::is_ascii_hexdigit)?,
        };
        let end = from + usize::from(quoted) + length;
        if quoted {
            (text.get(end) == Some(&b'"')).then_some((&rest[..length], end + 1))
        } else {
            Some((&rest[..length], end))
        }
    }

    /// Captures `piece`, if anybody wants it. False: it is an integer that leaves 64 bits.
    fn keep(&self, piece: &[u8], into: Option<&mut Captures>) -> bool {
        let int = match self.takes {
            Takes::Int => match str::from_utf8(piece).map(str::parse) {
                Ok(Ok(value)) => Some(Capture::Int(value)),
                _ => return false,
            },
            _ => None,
        };
        if let (Some(into), Some(name)) = (into, &self.name) {
            let text = || Capture::Text(String::from_utf8_lossy(piece).into_owned());
            into.0.push((name.clone(), int.unwrap_or_else(text)));
        }
        true
    }
}

/// How many digits there are, at least one.
fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> Option<usize> {
    let count = text.iter().take_while(|byte| is_digit(byte)).count();
    (count > 0).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::super::segment::Segment;
    use super::super::{Captures, parse};

    const PATTERNS: [&str; 9] = [
        "{a}",
        "{a:int}",
        "+X: {a:int},{b:int}",
        "+X: {a},{b:int},{c}",
        "+X{a},{}",
        "+X {a:hex},{b:digits}",
        "+X: {:int},{a}",
        "{a},{b},{c}",
        "+X,{a:error},{b:hex},{c:int}",
    ];

    fn agree(line: &[u8]) {
        for pattern in PATTERNS {
            let nodes = parse::parse(pattern).expect("a good pattern");
            let fields = Segment::new(&nodes, false).expect("it compiles");
            let regex = Segment::with_regex(&nodes).expect("it compiles");
            let (mut ours, mut theirs) = (Captures::default(), Captures::default());
            let took = fields.captures(line, &[], &mut ours);
            assert_eq!(took, regex.captures(line, &[], &mut theirs), "{pattern} {line:?}");
            assert_eq!(ours, theirs, "{pattern} {line:?}");
            assert_eq!(took, fields.is_match(line, &[]), "{pattern} {line:?}");
        }
    }

    #[test]
    fn numbers_of_any_length_and_quotes_are_read_as_the_regex_reads_them() {
        for line in [
            "+X: 17,99",
            "+X: \"17\" , \"-99\"",
            "+X: 9223372036854775807,-9223372036854775808",
            "+X: 9223372036854775808,1",
            "+X: 1,\"a,b\",c",
            "+X: 1,\"a\"b",
            "+X  1  ,2",
            "+X,\"a \" , b",
            "+X\"\",\"",
            "+X,-1,\"ff\",+2",
            ",,",
            "",
        ] {
            agree(line.as_bytes());
        }
    }

    proptest::proptest! {
        #[test]
        fn fields_are_read_as_the_regex_reads_them(line in r#"(\+X)?(: ?| |,)?(["]?[-+]?[0-9a-fü]{0,2}["]?[ \t]?,?[ \t]?){0,4}"#) {
            agree(line.as_bytes());
        }
    }
}
