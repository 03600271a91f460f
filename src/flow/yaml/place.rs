//! Where a part of a scalar's text stands in the file: quotes, escapes and indentation are in between.

use std::ops::Range;

use super::Style;

/// The bytes of `raw` (the scalar as written) that became the bytes `range` of `text`. `column` is where the
/// scalar begins in its line, from 0. `None` where lines were folded.
pub(super) fn find(
    raw: &str,
    column: usize,
    text: &str,
    style: Style,
    range: Range<usize>,
) -> Option<Range<usize>> {
    let lookup = |offset: usize| match style {
        Style::Plain => (raw == text).then_some(offset),
        Style::Single | Style::Double => in_quotes(raw, text, style, offset),
        Style::Literal => in_block(raw, column, text, offset),
        Style::Folded => None,
    };
    let found = lookup(range.start)?..lookup(range.end)?;
    raw.get(found.clone()).map(|_| found)
}

/// Walks both texts in step: every character of `text` is one unit of `raw`.
fn in_quotes(raw: &str, text: &str, style: Style, offset: usize) -> Option<usize> {
    if raw.contains('\n') {
        return None;
    }
    let mut at = 1;
    for _ in text.get(..offset)?.chars() {
        at += unit(raw.get(at..)?, style)?;
    }
    Some(at)
}

/// How many bytes of `raw` make its first character of text.
fn unit(raw: &str, style: Style) -> Option<usize> {
    let first = raw.chars().next()?;
    if style == Style::Single {
        return Some(if first == '\'' { 2 } else { first.len_utf8() });
    }
    if first != '\\' {
        return Some(first.len_utf8());
    }
    Some(match raw[1..].chars().next()? {
        'x' => 4,
        // A character beyond U+FFFF may be written as two surrogates.
        'u' if raw
            .get(2..4)
            .is_some_and(|high| ("d8".."dc").contains(&high.to_ascii_lowercase().as_str())) =>
        {
            12
        }
        'u' => 6,
        'U' => 10,
        other => 1 + other.len_utf8(),
    })
}

/// In a `|` block every line begins at the column of the first.
fn in_block(raw: &str, column: usize, text: &str, offset: usize) -> Option<usize> {
    let before = text.get(..offset)?;
    let line = before.matches('\n').count();
    let in_line = before.len() - before.rfind('\n').map_or(0, |end| end + 1);
    let mut start = 0;
    for (number, content) in raw.split_inclusive('\n').enumerate() {
        if number == line {
            let indent = if number == 0 {
                0
            } else {
                column.min(content.len() - content.trim_start_matches(' ').len())
            };
            let at = start + indent + in_line;
            let same = text.split('\n').nth(line)?;
            return content[indent..].trim_end_matches(['\r', '\n']).eq(same).then_some(at);
        }
        start += content.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::flow::diag::{Diagnostics, Sources};
    use crate::flow::yaml::parse;

    /// What stands in the file where `part` stands in the value of `a`.
    fn placed(yaml: &str, part: &str) -> String {
        let mut sources = Sources::new();
        let file = sources.add("a.yaml", yaml);
        let root = parse(&sources, file, &mut Diagnostics::new()).unwrap();
        let scalar = root.get("a").unwrap().scalar().unwrap();
        let start = scalar.text.find(part).unwrap();
        sources.slice(scalar.place(&sources, start..start + part.len())).to_owned()
    }

    #[test]
    fn parts_are_found_behind_quotes_and_escapes() {
        assert_eq!(placed("a: AT+X=${host},1", "${host}"), "${host}");
        assert_eq!(placed("a: 'it''s ${x} here'", "${x}"), "${x}");
        assert_eq!(placed(r#"a: "ü\r\n\x41\u00fc${x}""#, "${x}"), "${x}");
        assert_eq!(placed(r#"a: "\ud83d\ude00${x}""#, "${x}"), "${x}");
        assert_eq!(placed(r#"a: "x\ty""#, "\t"), r"\t");
    }

    #[test]
    fn parts_are_found_in_block_text() {
        assert_eq!(placed("a: |\n  one\n   two ${x}\n\nb: 1\n", "${x}"), "${x}");
        assert_eq!(placed("b:\na: |\r\n    one\r\n    ${x}\r\n", "${x}"), "${x}");
    }

    #[test]
    fn where_lines_are_folded_the_whole_value_is_shown() {
        assert_eq!(placed("a: >\n  one\n  ${x}\n", "${x}"), "one\n  ${x}");
        assert_eq!(placed("a: 'one\n  ${x}'\n", "${x}"), "'one\n  ${x}'");
    }
}
