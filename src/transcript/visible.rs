//! Bytes as people can read them. Pages that show what crossed the line byte by byte have control characters as
//! their pictures, each as wide as one; in reports and messages they are the escapes that a recipe has, too.

use std::fmt::Write as _;

/// The first of the pictures of the 32 control characters (Unicode, "Control Pictures").
const PICTURES: u32 = 0x2400;
/// The picture of DEL.
const DELETE: char = '\u{2421}';

/// `bytes` in one line: `AT␍␊`, `\xff`.
pub fn visible(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\0'..='\u{1f}' => out.extend(char::from_u32(PICTURES + character as u32)),
                '\u{7f}' => out.push(DELETE),
                control if control.is_control() => {
                    let _ = write!(out, "\\u{{{:x}}}", control as u32);
                }
                other => out.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// As [`visible`], but not more than `most` characters.
pub fn visible_up_to(bytes: &[u8], most: usize) -> String {
    let text = visible(bytes);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], bytes.len()),
        None => text,
    }
}

/// `text` in one line, as YAML and Rhai would write it: `\r\n`, `\x1a`; so are marks that would turn the direction
/// of what stands beside them.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(out, "\\x{:02x}", control as u32);
            }
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                let _ = write!(out, "{}", character.escape_unicode());
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(visible(b"AT\r\n\x1a\x1b[31m\x7f\xff \xc2\x9b\xc3\xbc"), "AT␍␊␚␛[31m␡\\xff \\u{9b}ü");
        assert_eq!(escaped("AT\r\n\x1a\x1b[31m\x7f \u{9b}ü\\"), "AT\\r\\n\\x1a\\x1b[31m\\x7f \\x9bü\\");
        assert_eq!(escaped("a\x1b[2J\r\n\u{202e}b\u{9b}"), "a\\x1b[2J\\r\\n\\u{202e}b\\x9b");
        assert_eq!(visible_up_to(b"abcdef\r\n", 3), "abc… (8 bytes)");
        assert_eq!(visible_up_to(b"ab\n", 3), "ab␊");
    }
}
