//! The parser stopped. What it says names a rule of YAML; the person wrote AT text, so the line is looked at
//! for what they meant.

use std::ops::Range;

use granit_parser::ErrorKind;

use super::{lead, quote_it, quoted, value_at};
use crate::flow::diag::{Code, Diagnostic, FileId, Span};

/// Where the parser stopped.
pub(in crate::flow) struct Broken<'s> {
    /// The whole file.
    pub(in crate::flow) text: &'s str,
    /// Which file.
    pub(in crate::flow) file: FileId,
    /// The byte it did not like.
    pub(in crate::flow) at: usize,
    /// The scalar it had read last.
    pub(in crate::flow) last: Range<usize>,
    /// Where the innermost open brace or bracket stands.
    pub(in crate::flow) open: Option<usize>,
}

/// The message for a syntax error.
pub(in crate::flow) fn syntax(broken: &Broken<'_>, kind: &ErrorKind) -> Diagnostic {
    use ErrorKind as E;
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => broken.tab(),
        E::UnexpectedCharacter { .. } if let Some(found) = broken.control_character() => found,
        E::UnexpectedCharacter { character: sign @ ('>' | '|') } => broken.block_sign(*sign),
        E::UnexpectedCharacter { .. } | E::DirectiveDisallowed | E::MissingAnchorOrAliasName => {
            broken.reserved()
        }
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => broken.backslash(),
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => broken.after_quote(),
        E::UnclosedQuotedScalar | E::InvalidQuotedScalarIndent | E::DocumentIndicatorInQuotedScalar => {
            broken.open_quote()
        }
        E::InvalidBlockScalarHeader => broken.block_header(),
        E::MappingValueNotAllowed => broken.colon(),
        E::SimpleKeyExpected => broken.no_colon(),
        E::ExpectedBlockMappingKey if broken.after_bracket() => broken.after_quote(),
        E::InvalidColonPlacement if broken.is_open_above() => broken.braces(),
        E::ExpectedFlowMappingSeparator
        | E::ExpectedFlowSequenceSeparator
        | E::UnclosedFlowCollection { .. }
        | E::MisplacedFlowCollectionEnd
        | E::MismatchedFlowCollectionEnd { .. }
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofFlowSequence
        | E::UnexpectedEofImplicitFlowMapping
        | E::FlowMappingValueAdjacentCollection
        | E::InvalidFlowScalarIndent => broken.braces(),
        E::RecursionLimitExceeded => super::too_deep(broken.span(broken.at..broken.at)),
        _ => broken.other(kind),
    }
}

/// A tab that stands for blanks.
pub(in crate::flow) fn tab(at: Span) -> Diagnostic {
    Diagnostic::error(Code::TAB, at, "a tab stands where YAML wants blanks")
        .help("indent with blanks only, two for each level")
}

/// One problem for each run of lines that have a tab: `at` are the tabs in the order of the file.
pub(in crate::flow) fn tabs(text: &str, at: &[Span]) -> Vec<Diagnostic> {
    let follows = |one: &Span, next: &Span| {
        let between = &text[one.end..next.start.max(one.end)];
        let (first, last) = (between.find('\n').unwrap_or(0), between.rfind('\n').unwrap_or(0));
        between[first..last].trim().is_empty()
    };
    at.chunk_by(follows)
        .map(|run| match run {
            [first, _] => tab(*first).label("and in the next line"),
            [first, rest @ ..] if !rest.is_empty() => {
                tab(*first).label(format!("and in the {} lines below", rest.len()))
            }
            _ => tab(run[0]),
        })
        .collect()
}

impl Broken<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    fn error(&self, code: Code, range: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, self.span(range), message)
    }

    /// The line the parser stopped in, as bytes of the file.
    fn line(&self) -> Range<usize> {
        let start = self.text[..self.at].rfind('\n').map_or(0, |end| end + 1);
        let end = self.text[self.at..].find('\n').map_or(self.text.len(), |end| self.at + end);
        start..end
    }

    /// Where the value of the line begins: behind blanks, dashes and a key.
    fn value_start(&self) -> usize {
        let line = self.line();
        let text = &self.text[line.clone()];
        let mut start = text.len() - text.trim_start_matches([' ', '\t']).len();
        while let Some(rest) = text[start..].strip_prefix("- ") {
            start = text.len() - rest.trim_start_matches(' ').len();
        }
        let key = text[start..].find(": ").filter(|end| {
            text[start..start + end].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        });
        if let Some(end) = key {
            let rest = &text[start + end + 2..];
            start = text.len() - rest.trim_start_matches(' ').len();
        }
        line.start + start
    }

    /// One character at `at`; nothing at the end of the file.
    fn sign(&self, at: usize) -> Range<usize> {
        at..at + self.text[at..].chars().next().map_or(0, char::len_utf8)
    }

    fn in_flow(&self) -> bool {
        self.open.is_some()
    }

    /// Whether a brace or bracket is open that stands in a line above.
    fn is_open_above(&self) -> bool {
        self.open.is_some_and(|open| open < self.line().start)
    }

    fn tab(&self) -> Diagnostic {
        let line = self.line();
        // The parser may stop in front of the line that has the tab.
        let found = self.text[line.start..].find('\t').map_or(self.at, |tab| line.start + tab);
        tab(self.span(self.sign(found)))
    }

    fn block_sign(&self, sign: char) -> Diagnostic {
        self.error(
            Code::FOLDED,
            self.sign(self.at),
            format!("inside braces and brackets `{sign}` needs quotes"),
        )
        .help(format!("write `'{sign}'`; to wait for the module's prompt write `prompt: '>'`"))
    }

    /// A byte that no editor shows, such as NUL: it came in by a copy, or the file is no text.
    fn control_character(&self) -> Option<Diagnostic> {
        let line = self.line();
        let hidden = |sign: char| sign.is_control() && !matches!(sign, '\t' | '\r');
        let (at, sign) = self.text[line.clone()].char_indices().find(|(_, sign)| hidden(*sign))?;
        let start = line.start + at;
        let message = format!("a control character, U+{:04X}, stands in this line", u32::from(sign));
        Some(self.error(Code::SYNTAX, self.sign(start), message).help(format!(
            "take it out; where it is meant, double quotes have an escape for it: `\"\\x{:02x}\"`",
            u32::from(sign)
        )))
    }

    /// `check: > 5`: the sign begins a block, and more follows in the line.
    fn block_header(&self) -> Diagnostic {
        let start = self.value_start().min(self.at);
        let value = value_at(self.text, start, self.in_flow());
        let sign = value.chars().next().unwrap_or('>');
        let message = format!("`{sign}` begins a block of text, whose first line is the next one");
        self.error(Code::FOLDED, start..start + value.len(), message).help(quote_it(
            self.text,
            start,
            self.in_flow(),
        ))
    }

    /// A line among `key: value` lines that is neither. The parser stops at the line behind it, or at the end.
    fn no_colon(&self) -> Diagnostic {
        let behind = self.last.end.min(self.at);
        let lines = self.text[behind..].split_inclusive('\n').scan(behind, |next, line| {
            let start = *next;
            *next += line.len();
            Some((start, line))
        });
        let is_text = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let (start, line) = lines.skip(1).find(|(_, line)| is_text(line)).unwrap_or((self.at, ""));
        let start = start + (line.len() - line.trim_start().len());
        let line = line.trim();
        self.error(Code::SYNTAX, start..start + line.len(), format!("`{line}` has no `: ` behind it"))
            .help("among keys each line is `key: value`; a text over several lines begins with `|`")
    }

    fn reserved(&self) -> Diagnostic {
        let start = if self.in_flow() { self.at } else { self.value_start() };
        let value = value_at(self.text, start, self.in_flow());
        let sign = match value.chars().next() {
            Some('`') => "a back-tick".to_owned(),
            first => format!("`{}`", first.unwrap_or(' ')),
        };
        self.error(
            Code::RESERVED,
            start..start + value.len(),
            format!("a value cannot begin with {sign}: YAML keeps that sign for itself"),
        )
        .help(quote_it(self.text, start, self.in_flow()))
    }

    fn backslash(&self) -> Diagnostic {
        let line_end = self.line().end;
        let inside = &self.text[self.at..line_end];
        let bad = wrong_escape(inside).unwrap_or(0);
        let start = self.at + bad;
        let end = inside[bad..].char_indices().nth(2).map_or(line_end, |(next, _)| start + next);
        let written = &self.text[start..end];
        let content = inside.strip_prefix('"').unwrap_or(inside);
        let content = content.rfind('"').map_or(content, |close| &content[..close]);
        self.error(
            Code::BACKSLASH,
            start..end,
            format!("in double quotes `{written}` is an escape that YAML does not know"),
        )
        .help(format!(
            "in single quotes a backslash is itself: `{}{}`",
            lead(self.text, self.at),
            quoted(content)
        ))
    }

    /// Whether a list or map in brackets ends right before the place.
    fn after_bracket(&self) -> bool {
        self.text[self.line().start..self.at].trim_end().ends_with([']', '}'])
    }

    /// Where a quote of an earlier line begins that was closed by the one before the place, as nothing closed it in
    /// its own line.
    fn quote_above(&self) -> Option<usize> {
        let close = self.at.checked_sub(1)?;
        let sign = self.text.get(close..self.at).filter(|sign| matches!(*sign, "'" | "\""))?;
        let open = self.text[..close].rfind(sign)?;
        let before = self.text[..open].chars().next_back();
        let begins_value = before.is_none_or(char::is_whitespace);
        (begins_value && self.text[open..close].contains('\n')).then_some(open)
    }

    fn after_quote(&self) -> Diagnostic {
        if let Some(open) = self.quote_above() {
            return Broken { at: open, last: self.last.clone(), ..*self }.open_quote();
        }
        let line = self.line();
        let rest = value_at(self.text, self.at, self.in_flow());
        let before = self.text[line.start..self.at].trim_end();
        let what = if before.ends_with([']', '}']) { "the bracket is closed" } else { "the quote is closed" };
        let start = if self.in_flow() { self.at } else { self.value_start() };
        let problem = self.error(
            Code::AFTER_QUOTE,
            self.at..self.at + rest.len(),
            format!("{what}, and `{}` follows", rest.trim_start()),
        );
        let value = value_at(self.text, start, false);
        if let Some(inner) = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''))
            && rest.starts_with(char::is_alphabetic)
        {
            let whole = quoted(inner);
            problem.help(format!("inside single quotes a single quote is written twice: `{whole}`"))
        } else if self.in_flow() {
            problem.help("put the whole value in single quotes")
        } else {
            problem.help(quote_it(self.text, start, false))
        }
    }

    fn open_quote(&self) -> Diagnostic {
        let start = self.at.min(self.text.len());
        let sign = &self.text[self.sign(start)];
        self.error(Code::QUOTE, self.sign(start), format!("the quote {sign} that begins here is not closed"))
            .help(format!(
                "end it with {sign}; inside single quotes a single quote is written twice: \
             `'it''s'`"
            ))
    }

    fn colon(&self) -> Diagnostic {
        let start = self.value_start();
        if start >= self.at || self.last.end != self.at {
            return self.indentation();
        }
        let end = (self.at + 1).min(self.text.len());
        self.error(Code::COLON, self.at..end, "an unquoted text cannot hold `: `: YAML makes a map of it")
            .help(quote_it(self.text, start, false))
    }

    fn indentation(&self) -> Diagnostic {
        let line = self.line();
        let text = &self.text[line.clone()];
        let start = line.start + (text.len() - text.trim_start().len());
        let problem =
            self.error(Code::SYNTAX, start..line.end.max(start), "this line does not fit the lines above it");
        let above = self.text[..line.start].lines().rev().find(|line| !line.trim().is_empty());
        match above.and_then(|above| above.trim().strip_prefix("- ")) {
            Some(entry) if entry.starts_with("AT") && !entry.contains(": ") => problem.help(format!(
                "the line above is a text, and nothing can belong to it: write `- send: {entry}`"
            )),
            _ => problem.help(
                "entries of one map begin in the same column; what belongs to a key stands two \
             blanks further in",
            ),
        }
    }

    /// Something in `{…}` or `[…]` was taken apart, or it is not closed.
    fn braces(&self) -> Diagnostic {
        let sign = self.text[self.at..].chars().next();
        let touches = self.last.end == self.at && self.last.start < self.at;
        if touches && matches!(sign, Some('{' | '[')) {
            let start = self.last.start;
            let value = value_at(self.text, start, true);
            let what = if self.text[..self.at].ends_with('$') {
                "`${…}`"
            } else {
                "a text with braces or brackets"
            };
            return self
                .error(
                    Code::BRACES,
                    start..start + value.len(),
                    format!("inside braces and brackets {what} needs quotes"),
                )
                .help(format!("write `{}`, or one key a line", quoted(value)));
        }
        let Some(open) = self.open else {
            return self
                .error(Code::BRACES, self.sign(self.at), "a brace or bracket is closed that was not opened")
                .help(quote_it(self.text, self.value_start(), false));
        };
        let opened = &self.text[self.sign(open)];
        let close = if opened == "[" { "]" } else { "}" };
        let problem =
            self.error(Code::BRACES, self.sign(open), format!("`{opened}` is not closed with `{close}`"));
        if self.at > open && self.at < self.text.len() {
            problem
                .also(self.span(self.sign(self.at)), format!("`,` or `{close}` was expected here"))
                .help("a text with commas, braces or quotes goes in single quotes")
        } else {
            problem.help(format!("add `{close}`"))
        }
    }

    fn other(&self, kind: &ErrorKind) -> Diagnostic {
        match kind {
            ErrorKind::BlockSequenceEntryNotAllowed => self
                .error(Code::SYNTAX, self.sign(self.at), "a list cannot begin behind a key")
                .help("begin the list on the next line, or write it in brackets: `[a, b]`"),
            ErrorKind::BlockEntryInFlowCollection => self
                .error(Code::BRACES, self.sign(self.at), "inside braces and brackets `- ` begins no item")
                .help("separate items by commas: `[a, b]`; a text with `- ` goes in single quotes"),
            ErrorKind::CommentInterceptedScalar => self
                .error(Code::TWO_LINES, self.sign(self.at), "an unquoted value goes on behind a comment")
                .help("write it on one line; what belongs to a key stands two blanks further in"),
            ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::ExpectedDocumentStart
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::InvalidIndentation
            | ErrorKind::ExpectedBlockSequenceEntry => self.indentation(),
            _ => {
                let words = kind.to_string();
                let words = words.trim_start_matches("while ");
                self.error(Code::SYNTAX, self.sign(self.at), format!("this is not YAML: {words}"))
                    .help("a text that YAML may misread goes in single quotes")
            }
        }
    }
}

/// The first backslash in a double-quoted text that begins no escape of YAML 1.2 (5.7).
fn wrong_escape(text: &str) -> Option<usize> {
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        if sign != '\\' {
            continue;
        }
        let (_, next) = signs.next()?;
        let digits = match next {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0' | 'a' | 'b' | 't' | '\t' | 'n' | 'v' | 'f' | 'r' | 'e' | ' ' | '"' | '/' | '\\' | 'N'
            | '_' | 'L' | 'P' => 0,
            _ => return Some(at),
        };
        let hex = text
            .get(at + 2..at + 2 + digits)
            .is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !hex {
            return Some(at);
        }
    }
    None
}

/// How far a value in braces goes: to the comma or bracket that is not inside quotes or brackets of its own.
pub(super) fn end_of_value(line: &str) -> usize {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, sign) in line.char_indices() {
        match (quote, sign) {
            (Some(open), _) if sign == open => quote = None,
            (None, '"' | '\'') => quote = Some(sign),
            (None, '{' | '[' | '(') => depth += 1,
            (None, '}' | ']' | ')') if depth > 0 => depth -= 1,
            (None, '}' | ']') => return at,
            (None, ',') if depth == 0 => return at,
            _ => {}
        }
    }
    line.len()
}
