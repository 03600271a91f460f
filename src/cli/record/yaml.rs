//! A recorded flow as YAML, the way a person would write it.

use std::fmt::Write as _;

use crate::flow::traps;

/// One item of `steps`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    /// What was tried before and given up, above the step.
    pub comments: Vec<String>,
    /// Its keys, in order.
    pub keys: Vec<(&'static str, Value)>,
}

/// What stands behind a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    List(Vec<String>),
    /// YAML as it is.
    Plain(String),
}

impl Step {
    /// The value of a key that holds a text.
    fn text(&self, key: &str) -> Option<&str> {
        self.keys.iter().find_map(|(known, value)| match value {
            Value::Text(text) if *known == key => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Appends the steps.
pub(super) fn push_steps(out: &mut String, steps: &[Step]) {
    for (index, step) in steps.iter().enumerate() {
        let long = |step: &Step| step.keys.len() > 1 || !step.comments.is_empty();
        if index > 0 && (long(step) || long(&steps[index - 1])) {
            out.push('\n');
        }
        push_step(out, step);
    }
}

fn push_step(out: &mut String, step: &Step) {
    for comment in &step.comments {
        let _ = writeln!(out, "  # {comment}");
    }
    if let (1, Some(line)) = (step.keys.len(), step.text("send"))
        && line.starts_with("AT")
    {
        let _ = writeln!(out, "  - {}", scalar(line));
        return;
    }
    for (index, (key, value)) in step.keys.iter().enumerate() {
        let lead = if index == 0 { "  - " } else { "    " };
        let _ = match value {
            Value::Text(text) => writeln!(out, "{lead}{key}: {}", scalar(text)),
            Value::Plain(text) => writeln!(out, "{lead}{key}: {text}"),
            Value::List(items) => {
                let items: String = items.iter().fold(String::new(), |mut all, item| {
                    let _ = write!(all, "\n      - {}", scalar(item));
                    all
                });
                writeln!(out, "{lead}{key}:{items}")
            }
        };
    }
}

/// A text, in quotes if it needs them.
pub(super) fn scalar(text: &str) -> String {
    if text.chars().any(char::is_control) {
        return double_quoted(text);
    }
    let fits = |c: char| c.is_alphanumeric() || " +=?_./&$<>(){}\\;:,\"'^*-@!%|~#".contains(c);
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(fits)
        && text.trim() == text
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { traps::quoted(text) }
}

fn double_quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn quotes_only_where_they_are_needed() {
        for (text, wanted) in [
            ("AT+CMGS=\"+49123\"", "AT+CMGS=\"+49123\""),
            ("AT+MIPSTART=${host},${port}", "AT+MIPSTART=${host},${port}"),
            ("+CSQ: {:int}", "'+CSQ: {:int}'"),
            ("it's: odd", "'it''s: odd'"),
            ("yes", "'yes'"),
            ("17", "'17'"),
            ("two\nlines", "\"two\\nlines\""),
            ("cut #off", "'cut #off'"),
            ("", "''"),
        ] {
            assert_eq!(scalar(text), wanted);
        }
    }
}
