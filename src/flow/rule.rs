//! What a value may be: the type and the range that `state` and a method's `params` declare.

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
        let size = self
            .size(value)
            .ok_or_else(|| format!("is {}, and must be a {}", hooks::kind_of(value), self.kind.word()))?;
        let Some(size) = size else { return Ok(()) };
        let shown = |number: f64| match self.kind {
            ValueKind::Duration => duration::display(std::time::Duration::from_secs_f64(number.max(0.0))),
            ValueKind::Text => format!("{number} characters"),
            ValueKind::List | ValueKind::Map => format!("{number} entries"),
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

    /// What `min` and `max` are about; the inner `None` for what has no size, the outer for the wrong type.
    #[expect(clippy::cast_precision_loss, reason = "limits are compared, and are far below 2^53")]
    fn size(&self, value: &Value) -> Option<Option<f64>> {
        match self.kind {
            ValueKind::Duration => {
                let text = value.clone().into_string().ok()?;
                Some(Some(duration::parse(&text).ok()?.as_secs_f64()))
            }
            ValueKind::Bool => value.as_bool().ok().map(|_| None),
            ValueKind::Int => Some(Some(value.as_int().ok()? as f64)),
            ValueKind::Number => {
                let number = value.as_float().ok().or_else(|| value.as_int().ok().map(|int| int as f64))?;
                number.is_finite().then_some(Some(number))
            }
            ValueKind::Text => Some(Some(value.clone().into_string().ok()?.chars().count() as f64)),
            ValueKind::List => {
                hooks::length(value).filter(|_| hooks::is_list(value)).map(|length| Some(length as f64))
            }
            ValueKind::Map => {
                hooks::length(value).filter(|_| !hooks::is_list(value)).map(|length| Some(length as f64))
            }
        }
    }
}
