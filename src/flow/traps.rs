//! What YAML makes of AT text, said with its cure. `+CPIN: READY` is a map, `#X` a comment, `!OK` a tag, `>` an
//! empty text: each of these was measured with a typed reader and arrives there as something else, most of them
//! without an error. Every function here makes one message; `look` walks a whole tree for what is valid YAML
//! and yet surely not meant.

mod look;
mod syntax;

use super::diag::{Code, Diagnostic, FileId, Span};
use super::yaml::{Key, MOST_BYTES, MOST_DEPTH, MOST_NODES, Node, Scalar, Style};

pub(super) use look::look;
pub(super) use syntax::{Broken, syntax, tab, tabs};

/// Whether a text is a command line: what a step that is only text must be.
pub fn is_command(text: &str) -> bool {
    // `at+csq`, `ati`, `ate0`, but neither `attach` nor `at once`.
    let is_small = text.strip_prefix("at").is_some_and(|rest| {
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        letters < 2 && !rest.starts_with(' ')
    });
    is_small || is_capital_command(text)
}

/// `AT` and `ATE0`, but no English word in capitals and small letters such as `ATtach`.
fn is_capital_command(text: &str) -> bool {
    let begins = text.strip_prefix("AT").map(|rest| rest.bytes().next());
    begins.is_some_and(|next| next.is_none_or(|byte| !byte.is_ascii_lowercase() && byte != b' '))
        || text.starts_with("A/")
        || text.starts_with("+++")
}

/// Whether a text looks like a command line or like what a module says: `+CSQ: …`, `^MODE: …`. A small `at` is a
/// word, and a key of other files.
pub(super) fn is_at_text(text: &str) -> bool {
    let mut bytes = text.bytes();
    is_capital_command(text)
        || (bytes.next().is_some_and(|first| b"+^%#*$".contains(&first))
            && bytes.next().is_some_and(|second| second.is_ascii_uppercase()))
}

/// Whether the inside of braces is a hole of a pattern: `ip:ipv4`, `:rest`, `=id`.
fn is_hole(text: &str) -> bool {
    match text.split_once(':') {
        None => text.strip_prefix('=').is_some_and(is_name),
        Some((before, kind)) => {
            let simple = ["int", "number", "digits", "hex", "ipv4", "rest", "lines", "error"].contains(&kind);
            is_name(before) && (simple || kind.starts_with("bytes(") || kind.starts_with('/'))
        }
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// A text in single quotes, as YAML writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What stands in the line from `start` on, without a comment; in braces only as far as the value may go.
fn value_at(text: &str, start: usize, in_flow: bool) -> &str {
    let line = text[start..].lines().next().unwrap_or("");
    let line = line.find(" #").map_or(line, |comment| &line[..comment]).trim_end();
    if in_flow { line[..syntax::end_of_value(line)].trim_end() } else { line }
}

/// `key: ` if it stands in front of `at` in its line, so that a cure can show the whole entry.
fn lead(text: &str, at: usize) -> &str {
    let line = &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at];
    let entry = line.trim_start_matches([' ', '-']);
    let key = entry.trim_end().strip_suffix(':');
    if key.is_some_and(|key| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.+=?".contains(&byte))
    }) {
        entry
    } else {
        ""
    }
}

/// "Put the whole value in single quotes", with the value done.
fn quote_it(text: &str, start: usize, in_flow: bool) -> String {
    let value = value_at(text, start, in_flow);
    format!("put the whole value in single quotes: `{}{}`", lead(text, start), quoted(value))
}

pub(super) fn too_large(file: FileId, bytes: usize) -> Diagnostic {
    Diagnostic::error(
        Code::TOO_LARGE,
        Span::new(file, 0..0),
        format!("the file is {bytes} bytes long; the most is {MOST_BYTES}"),
    )
    .help("is this the right file? Flows can be split with `use`")
}

pub(super) fn empty_file(file: FileId) -> Diagnostic {
    Diagnostic::error(Code::EMPTY_FILE, Span::new(file, 0..0), "the file holds nothing")
        .help("a flow has at least `steps`, such as `steps: [AT]`")
}

pub(super) fn several_documents(at: Span) -> Diagnostic {
    Diagnostic::error(Code::SEVERAL_DOCUMENTS, at, "`---` begins a second document")
        .help("write one file for each; further flows of this file go under `flows`")
}

pub(super) fn too_deep(at: Span) -> Diagnostic {
    Diagnostic::error(Code::TOO_DEEP, at, format!("lists and maps are nested more than {MOST_DEPTH} deep"))
        .help("give the inner steps a name under `flows` and `run` them")
}

pub(super) fn too_many(at: Span) -> Diagnostic {
    Diagnostic::error(Code::TOO_MANY, at, format!("the file holds more than {MOST_NODES} values"))
        .help("tables belong in a file of their own: `vars: { rows: { csv: rows.csv } }`")
}

pub(super) fn tag(text: &str, at: Span, in_flow: bool) -> Diagnostic {
    let written = &text[at.range()];
    let help = if written.starts_with("!!") {
        "tags are not part of the language: leave it out; a text goes in single quotes".to_owned()
    } else {
        quote_it(text, at.start, in_flow)
    };
    Diagnostic::error(Code::TAG, at, format!("YAML takes `{written}` for a tag, not for text")).help(help)
}

pub(super) fn alias(text: &str, at: Span, in_flow: bool) -> Diagnostic {
    let written = &text[at.range()];
    Diagnostic::error(Code::ALIAS, at, format!("YAML takes `{written}` for an alias, not for text"))
        .help(quote_it(text, at.start, in_flow))
}

/// `lone`: nothing follows that it could be the anchor of.
pub(super) fn anchor(text: &str, at: Span, lone: bool) -> Diagnostic {
    let written = &text[at.range()];
    let problem =
        Diagnostic::error(Code::ANCHOR, at, format!("YAML takes `{written}` for an anchor, not for text"));
    if lone {
        problem.help(quote_it(text, at.start, false))
    } else {
        problem.help(
            "anchors are not part of the language: what is used twice goes under `vars` or \
             `flows`",
        )
    }
}

pub(super) fn merge(at: Span) -> Diagnostic {
    Diagnostic::error(Code::MERGE, at, "`<<` merges are not part of the language").help(
        "write the keys out; a dialect is extended with `extends`, steps are shared as \
             a flow under `flows`",
    )
}

pub(super) fn key_kind(at: Span) -> Diagnostic {
    Diagnostic::error(Code::KEY_KIND, at, "a list or a map stands where a key is meant")
        .help("a text with braces or brackets goes in single quotes: `'{x:int}'`")
}

pub(super) fn no_key(at: Span) -> Diagnostic {
    Diagnostic::error(Code::KEY_KIND, at, "a key is missing before `:`").help(
        "write the key in front of the colon, or put a text that begins with `:` in \
             single quotes",
    )
}

pub(super) fn duplicate_key(key: &Key, first: Span) -> Diagnostic {
    Diagnostic::error(Code::DUPLICATE_KEY, key.span, format!("`{}` is here twice", key.text))
        .also(first, "first here")
        .help("keep one; YAML readers that take both silently forget one of them")
}

pub(super) fn two_lines(joined: &str, at: Span) -> Diagnostic {
    Diagnostic::error(
        Code::TWO_LINES,
        at,
        format!("an unquoted value goes on in the next line: YAML makes `{joined}` of it"),
    )
    .help(
        "write it on one line; a longer text begins with `|` and stands on lines of its \
             own",
    )
}

pub(super) fn empty_block(text: &str, key: Option<&Key>, at: Span) -> Diagnostic {
    let sign = text[..at.start].rfind(['>', '|']).unwrap_or(at.start);
    let at = Span::new(at.file, sign..(sign + 1).min(text.len()));
    let written = &text[at.range()];
    let help = match key {
        Some(key) if key.text == "expect" || key.text == "await" => {
            "to wait for the module's prompt write `prompt: '>'`, and `data` for what is \
             sent then"
                .to_owned()
        }
        Some(key) => format!("for the sign itself write `{}: {}`", key.text, quoted(written)),
        None => format!("for the sign itself write {}", quoted(written)),
    };
    Diagnostic::error(Code::FOLDED, at, format!("`{written}` begins a block of text, and no text follows"))
        .help(help)
}

/// Where a null stands; it tells what was meant.
pub(super) enum Parent<'t> {
    /// The value of `key`.
    Key {
        key: &'t Key,
        /// In braces.
        flow_style: bool,
        /// The entry before it in the same map.
        before: Option<&'t (Key, Node)>,
        /// The item before the map, if the map is an item of a list.
        item_before: Option<&'t Node>,
    },
    /// An item of a list.
    Item {
        /// In brackets.
        flow_style: bool,
    },
}

/// A null. `None` where [`look`] finds a greater problem around it.
pub(super) fn null(text: &str, at: Span, parent: &Parent<'_>) -> Option<Diagnostic> {
    let written = &text[at.range()];
    match parent {
        Parent::Key { key, flow_style: true, before, item_before } if is_bare_key(text, key) => {
            if is_hole(&key.text) || (before.is_none() && is_name(&key.text)) {
                let apart = item_before.is_some_and(look::is_at_map);
                return (!apart).then(|| hole(text, key.span));
            }
            // Of a value with several commas the first one says it for all.
            (!goes_on(text, *before)).then(|| comma(text, key, *before))
        }
        Parent::Key { key, .. } if !written.is_empty() => Some(
            Diagnostic::error(
                Code::NOTHING,
                at,
                format!("`{written}` means that `{}` has no value", key.text),
            )
            .help(format!(
                "leave the key out; for the text itself write `{}: {}`",
                key.text,
                quoted(written)
            )),
        ),
        Parent::Key { key, flow_style, .. } => Some(empty_value(text, key, at, *flow_style)),
        Parent::Item { .. } if !written.is_empty() => Some(
            Diagnostic::error(Code::NOTHING, at, format!("`{written}` is an item without a value"))
                .help(format!("leave the item out; for the text itself write {}", quoted(written))),
        ),
        Parent::Item { flow_style } => Some(empty_item(text, at, *flow_style)),
    }
}

fn empty_item(text: &str, at: Span, in_flow: bool) -> Diagnostic {
    // The parser puts the null behind the comment; the dash in front of it is where to look.
    let line = text[..at.start].trim_end().rfind('\n').map_or(0, |end| end + 1);
    let dash = text[line..at.start].find('-').filter(|_| !in_flow).map(|dash| line + dash);
    let problem = |at| Diagnostic::error(Code::NOTHING, at, "an item of this list has no value");
    let Some(dash) = dash else {
        return problem(at).help("give it a value or leave it out");
    };
    let problem = problem(Span::new(at.file, dash..dash + 1));
    match comment_after(text, dash + 1) {
        Some(help) => problem.label("` #` begins a comment").help(help),
        None => problem.help("give it a value or leave it out"),
    }
}

/// A key in braces that no colon follows: `{ a, b }`.
fn is_bare_key(text: &str, key: &Key) -> bool {
    !text[key.span.end..].trim_start().starts_with(':')
}

fn empty_value(text: &str, key: &Key, at: Span, in_flow: bool) -> Diagnostic {
    let problem = Diagnostic::error(Code::NOTHING, key.span, format!("`{}` has no value", key.text));
    let behind = at.start.max(key.span.end + 1).min(text.len());
    match comment_after(text, behind).filter(|_| !in_flow) {
        Some(help) => problem.label("` #` begins a comment").help(help),
        None => problem.help("give it a value or leave the key out"),
    }
}

/// If a comment follows directly that looks like a value (`#X`, not `# X`): the cure.
fn comment_after(text: &str, at: usize) -> Option<String> {
    let line = text.get(at..)?.lines().next()?;
    let start = at + (line.len() - line.trim_start().len());
    let comment = line.trim();
    let rest = comment.strip_prefix('#')?;
    rest.starts_with(|first: char| first.is_ascii_alphanumeric())
        .then(|| format!("put the value in single quotes: `{}{}`", lead(text, start), quoted(comment)))
}

/// `{ip:ipv4}` without quotes.
fn hole(text: &str, key: Span) -> Diagnostic {
    let before = text[..key.start].trim_end();
    let open = before.trim_end_matches('{').len();
    // As many braces as were opened: what follows may close the map around it.
    let opened = text[open..key.start].matches('{').count();
    let after = &text[key.end..];
    let signs = after.char_indices().take_while(|(_, sign)| matches!(sign, '}' | ' '));
    let closing = signs.filter(|(_, sign)| *sign == '}').take(opened).last();
    let close = key.end + closing.map_or(0, |(at, _)| at + 1);
    let written = &text[open..close];
    Diagnostic::error(
        Code::PATTERN_MAP,
        Span::new(key.file, open..close),
        format!("`{written}` without quotes is a map, not a text with a hole"),
    )
    .help(format!("put the whole text in single quotes: `{}{}`", lead(text, open), quoted(written)))
}

/// Whether an entry in braces is itself a piece of a value that a comma has cut.
pub(super) fn goes_on(text: &str, before: Option<&(Key, Node)>) -> bool {
    before.is_some_and(|(key, value)| value.is_nothing() && is_bare_key(text, key))
}

/// Where a value that commas have cut ends: behind its last piece, which no colon follows.
fn end_of_pieces(text: &str, first: Span) -> usize {
    let mut end = first.end;
    while let Some(rest) = text[end..].strip_prefix(',') {
        let piece = rest.find([',', '}', '\n']).map_or(rest, |at| &rest[..at]);
        if piece.trim().is_empty() || piece.contains([':', '\'', '"', '{', '[']) {
            break;
        }
        end += 1 + piece.trim_end().len();
    }
    end
}

/// `{ send: AT+A=0,300 }`: what follows the comma became a key.
pub(super) fn comma(text: &str, key: &Key, before: Option<&(Key, Node)>) -> Diagnostic {
    let problem = Diagnostic::error(
        Code::COMMA,
        key.span,
        format!("inside `{{…}}` a comma ends the value: `{}` became a key of its own", key.text),
    );
    let plain = before.and_then(|(known, value)| Some((known, value.scalar()?)));
    match plain {
        Some((known, Scalar { style: Style::Plain, span, .. })) => {
            let whole = &text[span.start..end_of_pieces(text, key.span)];
            problem.help(format!(
                "quote the value, `{}: {}`, or write one key a line",
                known.text,
                quoted(whole)
            ))
        }
        _ => problem.help("quote the value that holds the comma, or write one key a line"),
    }
}

/// A step that is only text, and no command line.
pub fn not_a_command(step: Scalar<'_>) -> Diagnostic {
    Diagnostic::error(Code::BARE_STEP, step.span, format!("`{}` is not a command line", step.text)).help(
        "a step that is only text is sent, so it begins with `AT`, `A/` or `+++`; to \
             wait for a line write `await: …` with a `timeout`, to run a flow `run: …`",
    )
}
