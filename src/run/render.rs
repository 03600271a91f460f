//! Values into command lines, data, texts and JSON, by the table in docs/language.md ("Templates"). A hole
//! in a command line is one argument: what could end it, add another or start another command is refused.

use crate::flow::codes::Code;
use crate::hooks::{self, How, Value};

use super::failure::Failure;

/// What a hole's text may not hold, and why, in words for the refusal.
pub(super) struct LineRules<'a> {
    /// The dialect's `escapes`.
    pub escapes: &'a [(char, String)],
}

impl LineRules<'_> {
    /// `value` as one argument of a command line; `quoted`: between literal quotes.
    pub fn argument(&self, source: &str, value: &Value, quoted: bool) -> Result<String, Failure> {
        if let Some(prepared) = hooks::as_prepared(value) {
            if prepared.how == How::Escaped {
                not_a_question(source, &prepared.text, quoted)?;
            }
            let refused = |c: char| match prepared.how {
                How::Raw => false,
                How::Escaped => {
                    separates(c, quoted) && !self.escapes.iter().any(|(escaped, _)| *escaped == c)
                }
            };
            return Self::checked(source, prepared.text, refused, true);
        }
        let text = scalar(source, value)?;
        not_a_question(source, &text, quoted)?;
        Self::checked(
            source,
            text,
            |c| separates(c, quoted) || self.escapes.iter().any(|(escaped, _)| *escaped == c),
            false,
        )
    }

    fn checked(
        source: &str,
        text: String,
        refused: impl Fn(char) -> bool,
        prepared: bool,
    ) -> Result<String, Failure> {
        match text.chars().find(|c| c.is_control() || refused(*c)) {
            None => Ok(text),
            Some(found) => {
                let failure = Failure::refused(format!(
                    "`{source}` holds {}, which would not stay one argument",
                    named(found)
                ));
                Err(if found.is_control() {
                    failure.help("send it as `data`, where every byte is allowed")
                } else if prepared {
                    failure.help(format!(
                        "the dialect has no escape for `{found}`; put the value between quotes, or into `data`"
                    ))
                } else {
                    failure.help(format!("write `${{escape({source})}}`, or put the payload into `data`"))
                })
            }
        }
    }
}

/// V.250 5.4.4.2: `AT+X=?` asks what the command can be set to, and sets nothing.
fn not_a_question(source: &str, text: &str, quoted: bool) -> Result<(), Failure> {
    if quoted || text.trim() != "?" {
        return Ok(());
    }
    let message = format!("`{source}` is `?`, which would make another command of the line");
    Err(Failure::refused(message).help("put it between quotes, if it is meant as a text"))
}

/// Whether `c` ends an argument, or the command line's quotes around it.
fn separates(c: char, quoted: bool) -> bool {
    c == '"' || (!quoted && matches!(c, ',' | ';'))
}

/// A character as a person names it.
fn named(c: char) -> String {
    match c {
        '\r' => "a carriage return".to_string(),
        '\n' => "a line feed".to_string(),
        '\x1a' => "Ctrl-Z".to_string(),
        '\x1b' => "Esc".to_string(),
        '\0' => "NUL".to_string(),
        '"' => "a quote `\"`".to_string(),
        c if c.is_control() => format!("the control character 0x{:02X}", c as u32),
        c => format!("`{c}`"),
    }
}

/// A text, number or bool as a module reads it: true is 1.
fn scalar(source: &str, value: &Value) -> Result<String, Failure> {
    if value.is_unit() {
        return Err(Failure::new(
            Code::FAILED_HOOK,
            "hook",
            format!("`{source}` is (): it has no value yet"),
        )
        .help("the step that sets it was skipped or failed; test it with `when` first"));
    }
    if let Ok(flag) = value.as_bool() {
        return Ok(if flag { "1" } else { "0" }.to_string());
    }
    if value.as_float().is_ok_and(|float| !float.is_finite()) {
        return Err(Failure::new(Code::FAILED_HOOK, "hook", format!("`{source}` is no finite number"))
            .help("something was divided by zero"));
    }
    if value.is_string() || value.is_int() || value.is_float() {
        return Ok(hooks::display(value));
    }
    Err(Failure::new(
        Code::FAILED_HOOK,
        "hook",
        format!("`{source}` is {}, not a text or a number", hooks::kind_of(value)),
    )
    .help(
        "in a command line a hole is one argument; `json(…)` makes text of a list or map, `data` takes bytes",
    ))
}

/// `value` as bytes of a data phase or payload.
pub(super) fn data(source: &str, value: &Value) -> Result<Vec<u8>, Failure> {
    if let Some(prepared) = hooks::as_prepared(value) {
        return Ok(prepared.text.into_bytes());
    }
    match hooks::as_bytes(value) {
        Some(bytes) => Ok(bytes.to_vec()),
        None if value.is_unit() => scalar(source, value).map(String::into_bytes),
        None => Ok(hooks::display(value).into_bytes()),
    }
}

/// `value` in a text for people or as a topic; `()` is allowed only where `unit` says so.
pub(super) fn text(source: &str, value: &Value, unit: bool) -> Result<String, Failure> {
    if value.is_unit() && !unit {
        return scalar(source, value);
    }
    if let Some(bytes) = hooks::as_bytes(value) {
        return String::from_utf8(bytes.to_vec()).map_err(|_| {
            Failure::new(Code::FAILED_HOOK, "hook", format!("`{source}` is bytes that are not UTF-8 text"))
                .help("`hex(…)` or `base64(…)` makes text of any bytes")
        });
    }
    Ok(hooks::display(value))
}
