//! What a value may be: the type and the range that `state` and a method's `params` declare.

use std::time::Duration;

use crate::hooks::{self, Value};

use super::duration;

/// A type with its range.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRule {
    /// The type.
    pub kind: ValueKind,
    /// The least: of a number itself, of a duration in seconds, of a text its characters, of a list or map
    /// its entries.
    pub min: Option<f64>,
    /// The most, in the same sense.
    pub max: Option<f64>,
}

/// The types that a file can declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A text such as `1m30s`.
    Duration,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number, whole or not.
    Number,
    /// Text.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
}

impl ValueKind {
    /// As a file writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Duration => "duration",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Number => "number",
            Self::Text => "text",
            Self::List => "list",
            Self::Map => "map",
        }
    }

    /// In words, with its article.
    pub fn words(self) -> &'static str {
        match self {
            Self::Duration => "a duration",
            Self::Bool => "`true` or `false`",
            Self::Int => "a whole number",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::List => "a list",
            Self::Map => "a map",
        }
    }

    /// What a file wrote.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Duration, Self::Bool, Self::Int, Self::Number, Self::Text, Self::List, Self::Map]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

impl ValueRule {
    /// Whether `value` fits; if not, why, to be put behind the value's name: `is 5, below the least, 60`.
    ///
    /// # Errors
    ///
    /// The reason, in words.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let size = match self.size(value) {
            Size::WrongType => {
                return Err(format!("is {}, and must be {}", seen(value), self.kind.words()));
            }
            Size::None => return Ok(()),
            Size::Of(size) => size,
        };
        let shown = |number: f64| match self.kind {
            ValueKind::Duration => {
                duration::display(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
            }
            ValueKind::Text => counted(number, "character", "characters"),
            ValueKind::List | ValueKind::Map => counted(number, "entry", "entries"),
            _ => number.to_string(),
        };
        match (self.min, self.max) {
            (Some(min), _) if size < min => {
                Err(format!("is {}, and must be at least {}", shown(size), shown(min)))
            }
            (_, Some(max)) if size > max => {
                Err(format!("is {}, and must be at most {}", shown(size), shown(max)))
            }
            _ => Ok(()),
        }
    }

    /// What `min` and `max` are about.
    #[expect(clippy::cast_precision_loss, reason = "limits are compared, and are far below 2^53")]
    fn size(&self, value: &Value) -> Size {
        let text = || value.clone().into_string().ok();
        let entries = |is_list: bool| hooks::length(value).filter(|_| hooks::is_list(value) == is_list);
        let size = match self.kind {
            ValueKind::Bool => return value.as_bool().map_or(Size::WrongType, |_| Size::None),
            ValueKind::Duration => {
                text().and_then(|text| duration::parse(&text).ok()).map(|time| time.as_secs_f64())
            }
            ValueKind::Int => value.as_int().ok().map(|int| int as f64),
            ValueKind::Number => {
                let number = value.as_float().ok().or_else(|| value.as_int().ok().map(|int| int as f64));
                number.filter(|number| number.is_finite())
            }
            ValueKind::Text => text().map(|text| text.chars().count() as f64),
            ValueKind::List => entries(true).map(|entries| entries as f64),
            ValueKind::Map => entries(false).map(|entries| entries as f64),
        };
        size.map_or(Size::WrongType, Size::Of)
    }
}

/// What the limits of a rule are about.
enum Size {
    /// The value is of another type.
    WrongType,
    /// Its type has no limits.
    None,
    /// This.
    Of(f64),
}

fn counted(number: f64, one: &str, many: &str) -> String {
    format!("{number} {}", if (number - 1.0).abs() < f64::EPSILON { one } else { many })
}

/// A value of the wrong type, in words: a short text as it is, else its type.
fn seen(value: &Value) -> String {
    const SHORT: usize = 40;
    match value.clone().into_string() {
        Ok(text) if text.len() <= SHORT && !text.contains(char::is_control) => format!("`{text}`"),
        Ok(_) => "a text".to_string(),
        Err(_) if value.is_unit() => "nothing".to_string(),
        Err(_) => match hooks::kind_of(value) {
            "int" | "float" | "bool" => hooks::display(value),
            kind => format!("a {kind}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: ValueKind, limits: (f64, f64), value: impl Into<Value>) -> String {
        let rule = ValueRule { kind, min: Some(limits.0), max: Some(limits.1) };
        rule.check(&value.into()).err().unwrap_or_default()
    }

    #[test]
    fn limits_are_in() {
        assert_eq!(said(ValueKind::Int, (1.0, 5.0), 1_i64), "");
        assert_eq!(said(ValueKind::Int, (1.0, 5.0), 5_i64), "");
        assert_eq!(said(ValueKind::Int, (1.0, 5.0), 6_i64), "is 6, and must be at most 5");
        assert_eq!(said(ValueKind::Duration, (60.0, 90.0), "59s"), "is 59s, and must be at least 1m");
        assert_eq!(
            said(ValueKind::Text, (1.0, 2.0), "äöü"),
            "is 3 characters, and must be at most 2 characters"
        );
        let list = hooks::list_of([1_i64.into()]);
        assert_eq!(said(ValueKind::List, (2.0, 3.0), list), "is 1 entry, and must be at least 2 entries");
    }

    #[test]
    fn types_are_what_they_say() {
        let all = (f64::MIN, f64::MAX);
        assert_eq!(said(ValueKind::Int, all, 1.5), "is 1.5, and must be a whole number");
        assert_eq!(said(ValueKind::Number, all, 1_i64), "");
        assert_eq!(said(ValueKind::Number, all, f64::NAN), "is NaN, and must be a number");
        assert_eq!(said(ValueKind::Duration, all, "soon"), "is `soon`, and must be a duration");
        assert_eq!(said(ValueKind::Bool, all, "true"), "is `true`, and must be `true` or `false`");
        assert_eq!(said(ValueKind::Text, all, Value::UNIT), "is nothing, and must be a text");
        assert_eq!(said(ValueKind::List, all, hooks::map_of([])), "is a map, and must be a list");
        assert_eq!(said(ValueKind::Map, all, hooks::list_of([])), "is a list, and must be a map");
        let long = "x\n".repeat(100);
        assert_eq!(said(ValueKind::Int, all, long), "is a text, and must be a whole number");
    }

    /// A cloud may send any text as a duration.
    #[test]
    fn a_duration_beyond_all_limits_is_told() {
        let ages = format!("{}s", u64::MAX);
        assert!(said(ValueKind::Duration, (0.0, 1.0), ages).contains("must be"));
    }
}
