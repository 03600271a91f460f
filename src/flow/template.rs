//! `text ${ expression } text`, taken apart. The expression ends at its own closing brace: braces, strings,
//! characters and comments of Rhai in between are respected. `$${` is a literal `${`.

use std::ops::Range;

use crate::at::table::HOLE;

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it stands, `$${` already made `${`.
    Text {
        /// What it says.
        text: String,
        /// Its bytes in the template.
        range: Range<usize>,
    },
    /// What stands between `${` and `}`, blanks around it left out.
    Expression {
        /// The Rhai expression.
        text: String,
        /// Its bytes in the template, without `${` and `}`.
        range: Range<usize>,
    },
}

/// Why a template cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The end of the text came first.
    #[error("this `${{` has no closing `}}`")]
    NotClosed,
    /// A string or comment inside runs to the end of the text.
    #[error("a string or comment in this `${{…}}` is not closed")]
    OpenString,
    /// `${}`
    #[error("there is nothing between `${{` and `}}`")]
    Empty,
}

impl Fault {
    /// What to do about it.
    pub const fn help(self) -> &'static str {
        match self {
            Self::NotClosed => "close it with `}`; for the text `${` itself write `$${`",
            Self::OpenString => {
                "close it with `}`; a string inside ends with the quote that began it, a comment with `*/`"
            }
            Self::Empty => "name a value, such as `${host}`; for the text `${` itself write `$${`",
        }
    }
}

/// A [`Fault`] and the bytes of the template that show it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TemplateError {
    /// What is wrong.
    pub fault: Fault,
    /// Where.
    pub range: Range<usize>,
}

/// Deepest nesting of brackets and of strings with `${…}` inside; keeps hostile input off the stack.
const MOST_DEPTH: usize = 32;

/// Takes a template apart. An empty text has no pieces.
pub fn parse(template: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut text_start = 0;
    let mut at = 0;
    while let Some(found) = template[at..].find("${").map(|found| at + found) {
        if template[at..found].ends_with('$') {
            text.push_str(&template[at..found - 1]);
            text.push_str("${");
            at = found + 2;
            continue;
        }
        text.push_str(&template[at..found]);
        if !text.is_empty() {
            pieces.push(Piece::Text { text: std::mem::take(&mut text), range: text_start..found });
        }
        let inside = found + 2;
        let close = closing_brace(template, inside, 0)
            .map_err(|fault| TemplateError { fault, range: found..template.len() })?;
        pieces.push(expression(template, inside..close)?);
        at = close + 1;
        text_start = at;
    }
    text.push_str(&template[at..]);
    if !text.is_empty() {
        pieces.push(Piece::Text { text, range: text_start..template.len() });
    }
    Ok(pieces)
}

/// Whether the whole template is one `${…}`, so that its value keeps its type.
pub fn is_one_expression(pieces: &[Piece]) -> bool {
    matches!(pieces, [Piece::Expression { .. }])
}

/// The literal text of a command line, with [`HOLE`] for each byte of what is only known when it is sent. Every
/// byte keeps its place.
pub fn shape(template: &str) -> String {
    let literal: Vec<Range<usize>> = parse(template)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Text { range, .. } => Some(range),
            Piece::Expression { .. } => None,
        })
        .collect();
    let mut shape = String::with_capacity(template.len());
    for text in literal {
        shape.extend(std::iter::repeat_n(HOLE, text.start - shape.len()));
        shape.push_str(&template[text]);
    }
    shape.extend(std::iter::repeat_n(HOLE, template.len() - shape.len()));
    shape
}

fn expression(template: &str, inside: Range<usize>) -> Result<Piece, TemplateError> {
    let written = &template[inside.clone()];
    let text = written.trim();
    if text.is_empty() {
        return Err(TemplateError { fault: Fault::Empty, range: inside.start - 2..inside.end + 1 });
    }
    let start = inside.start + (written.len() - written.trim_start().len());
    Ok(Piece::Expression { text: text.to_owned(), range: start..start + text.len() })
}

/// Where the brace stands that closes an expression which begins at `at`.
fn closing_brace(text: &str, mut at: usize, depth: usize) -> Result<usize, Fault> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        let rest = &text[at..];
        match byte {
            b'}' if open == 0 => return Ok(at),
            b'}' => open -= 1,
            b'{' => open += 1,
            b'"' => at = end_of_string(bytes, at + 1)?,
            b'`' => at = end_of_interpolated(text, at + 1, depth)?,
            b'\'' => at = end_of_character(rest).map_or(at, |length| at + length),
            b'/' if rest.starts_with("//") => at += rest.find('\n').ok_or(Fault::OpenString)?,
            b'/' if rest.starts_with("/*") => at = end_of_comment(text, at)?,
            b'#' if raw_string_hashes(rest).is_some() => at = end_of_raw_string(text, at)?,
            _ => {}
        }
        // Only ASCII is looked at, and no byte of a longer character is ASCII.
        at += text[at..].chars().next().map_or(1, char::len_utf8);
    }
    Err(Fault::NotClosed)
}

/// The quote that ends a `"…"`, which may hold `\"`.
fn end_of_string(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Ok(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Err(Fault::OpenString)
}

/// The back-tick that ends a string which may hold `${…}` and doubled back-ticks.
fn end_of_interpolated(text: &str, mut at: usize, depth: usize) -> Result<usize, Fault> {
    if depth == MOST_DEPTH {
        return Err(Fault::NotClosed);
    }
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("``") {
            at += 2;
        } else if rest.starts_with('`') {
            return Ok(at);
        } else if rest.starts_with("${") {
            at = closing_brace(text, at + 2, depth + 1)? + 1;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    Err(Fault::OpenString)
}

/// Bytes from the opening quote of a character to its closing one; `None` if this is no character.
fn end_of_character(rest: &str) -> Option<usize> {
    let mut signs = rest.char_indices().skip(1);
    let (_, first) = signs.next()?;
    if first == '\\' {
        // `'\n'`, `'\''`, `'\x41'`, `'\u0041'`, `'\U00000041'`.
        signs.next()?;
        return signs.take(9).find(|(_, sign)| *sign == '\'').map(|(at, _)| at);
    }
    signs.next().filter(|(_, sign)| *sign == '\'').map(|(at, _)| at)
}

/// The last byte of a `/* … */`; they nest in Rhai.
fn end_of_comment(text: &str, start: usize) -> Result<usize, Fault> {
    let bytes = text.as_bytes();
    let (mut at, mut open) = (start, 0_usize);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => {
                open += 1;
                at += 2;
            }
            Some(b"*/") if open == 1 => return Ok(at + 1),
            Some(b"*/") => {
                open -= 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    Err(Fault::OpenString)
}

/// How many `#` begin a raw string `#"…"#`; `#{` begins a map instead.
fn raw_string_hashes(rest: &str) -> Option<usize> {
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// The last byte of a raw string.
fn end_of_raw_string(text: &str, start: usize) -> Result<usize, Fault> {
    let hashes = raw_string_hashes(&text[start..]).unwrap_or(1);
    let close = format!("\"{}", "#".repeat(hashes));
    let inside = start + hashes + 1;
    text[inside..].find(&close).map(|found| inside + found + close.len() - 1).ok_or(Fault::OpenString)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &str) -> String {
        match parse(template) {
            Ok(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Text { text, .. } => format!("<{text}>"),
                    Piece::Expression { text, range } => {
                        assert_eq!(&template[range.clone()], text);
                        format!("({text})")
                    }
                })
                .collect(),
            Err(error) => format!("{error} at {:?}", error.range),
        }
    }

    #[test]
    fn text_and_expressions_alternate() {
        assert_eq!(shown("AT+CSQ"), "<AT+CSQ>");
        assert_eq!(shown("AT+MIPSTART=${host},${ port }"), "<AT+MIPSTART=>(host)<,>(port)");
        assert_eq!(shown("${payload}"), "(payload)");
        assert_eq!(shown(""), "");
        assert_eq!(shown("5 $ and {x}"), "<5 $ and {x}>");
    }

    #[test]
    fn a_doubled_dollar_is_text() {
        assert_eq!(shown("a $${x} b"), "<a ${x} b>");
        assert_eq!(shown("$${${x}"), "<${>(x)");
        assert_eq!(shown("${x}$${"), "(x)<${>");
    }

    #[test]
    fn a_shape_keeps_every_byte_in_its_place() {
        for (template, expected) in [
            ("AT+X=${a},1", "AT+X=----,1"),
            ("${ x }", "------"),
            ("AT", "AT"),
            ("$${x}${y};ü", "$${x}----;ü"),
            ("", ""),
        ] {
            assert_eq!(shape(template).replace(HOLE, "-"), expected);
        }
    }

    #[test]
    fn an_expression_ends_at_its_own_brace() {
        for inside in [
            "#{ a: 1, b: #{ c: 2 } }.a",
            r#"["unknown", "}"][n]"#,
            r#""\"}" + x"#,
            "`a ${ if x { `}` } else { 1 } } }`",
            "'}' == c",
            r"'\'' + '}'",
            r"'\u007d'",
            "x /* } /* } */ } */ + 1",
            "x // }\n + 1",
            r##"#"}"# + y"##,
            "`it``s }`",
            "fn_of('ü', \"}\")",
        ] {
            assert_eq!(shown(&format!("a ${{{inside}}} b")), format!("<a >({inside})< b>"));
        }
    }

    #[test]
    fn what_does_not_end_is_shown_from_its_beginning() {
        assert_eq!(shown("AT ${host"), "this `${` has no closing `}` at 3..9");
        assert_eq!(shown("a ${ \"x } b"), "a string or comment in this `${…}` is not closed at 2..11");
        assert_eq!(shown("a ${} b"), "there is nothing between `${` and `}` at 2..5");
        assert_eq!(shown("a ${  } b"), "there is nothing between `${` and `}` at 2..7");
    }

    #[test]
    fn only_a_lone_expression_keeps_its_type() {
        assert!(is_one_expression(&parse("${x}").unwrap()));
        assert!(!is_one_expression(&parse("${x} ").unwrap()));
        assert!(!is_one_expression(&parse("").unwrap()));
    }

    #[test]
    fn hostile_nesting_does_not_overflow() {
        let deep = "${`".repeat(20_000);
        assert!(parse(&deep).is_err());
        assert!(parse(&format!("${{{}", "{".repeat(100_000))).is_err());
        assert!(parse("${\"\\").is_err());
        assert!(parse("${'").is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(template in "[${}`\"'/*#\\\\aü\n]{0,40}") {
            let _ = parse(&template);
        }
    }
}
