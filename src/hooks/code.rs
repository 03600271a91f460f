//! What of a script is code, and what a comment or a text.

/// The script with blanks for its comments and texts: as long, and with as many lines.
pub(super) fn code(script: &str) -> String {
    let mut code = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(sign) = rest.chars().next() {
        let silent = silent(rest);
        let (part, behind) = rest.split_at(silent.max(sign.len_utf8()));
        match silent {
            0 => code.push_str(part),
            _ => code.push_str(&blank(part)),
        }
        rest = behind;
    }
    code
}

/// As many blanks, and as many lines.
pub(super) fn blank(part: &str) -> String {
    part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// The length of the comment or text that begins here; 0 if none does.
fn silent(rest: &str) -> usize {
    match rest.as_bytes() {
        [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        // A text in a hole of this one is taken for code: no function begins there.
        [b'`', ..] => rest[1..].find('`').map_or(rest.len(), |end| end + 2),
        [b'"', ..] => text(rest, '"'),
        [b'\'', ..] => text(rest, '\''),
        _ => 0,
    }
}

/// Block comments may stand inside each other.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// A text between quotes ends with its line, closed or not.
fn text(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, sign) in rest.char_indices().skip(1) {
        match sign {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => return at,
            _ if sign == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_blank() {
        for (script, expected) in [
            ("a // {\nb", "a     \nb"),
            ("a /* { /* \n */ fn */ b", "a         \n          b"),
            ("a /* {", "a     "),
            ("a */ b", "a */ b"),
            ("f(\"{\\\"{\") {", "f(      ) {"),
            ("\"{\nfn", "  \nfn"),
            ("\"a\\\n{\" {", "   \n   {"),
            ("'{' {", "    {"),
            ("'\\'' {", "     {"),
            ("`{\n//` {", "  \n    {"),
            ("`${f(`a`)}` {", "      a     {"),
            ("`{", "  "),
            ("温 \"温{\" {", "温        {"),
        ] {
            let found = code(script);
            assert_eq!(found.trim_end(), expected.trim_end(), "{script}");
            assert_eq!(found.len(), script.len(), "{script}");
        }
    }
}
