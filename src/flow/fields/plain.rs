//! Values that are data and nothing else: vars, defaults, leaves of JSON.

use indexmap::IndexMap;

use crate::flow::yaml::{Kind, Node, Style};

/// A value as YAML means it, with one rule of our own: a text stays a text unless it is written exactly as a
/// number would be printed. So `0123`, `1.10`, `+1` and `no` are texts: a PIN, a version, an access point.
#[derive(Clone, Debug, PartialEq)]
pub enum PlainValue {
    /// Anything in quotes, and what is nothing else.
    Text(String),
    /// `0`, `-17`; not `+1`, `007`, `1_000`.
    Int(i64),
    /// `0.5`, `-1.25e3`; not `.5`, `1.`, `1.10`.
    Float(f64),
    /// `true`, `false`; not `yes`, `on`.
    Bool(bool),
    /// In order.
    List(Vec<PlainValue>),
    /// In the order of the file.
    Map(IndexMap<String, PlainValue>),
}

impl PlainValue {
    /// The value of a node; `None` if something in it was refused and reported before.
    pub fn of(node: &Node) -> Option<Self> {
        Some(match &node.kind {
            Kind::Nothing => return None,
            Kind::Scalar { text, style: Style::Plain } => plain(text),
            Kind::Scalar { text, .. } => Self::Text(text.clone()),
            Kind::List(items) => Self::List(items.iter().map(Self::of).collect::<Option<_>>()?),
            Kind::Map(entries) => Self::Map(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.text.clone(), Self::of(value)?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

impl PlainValue {
    /// The same as JSON.
    pub fn json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self {
            Self::Text(text) => Json::from(text.clone()),
            Self::Int(value) => Json::from(*value),
            Self::Float(value) => Json::from(*value),
            Self::Bool(value) => Json::from(*value),
            Self::List(items) => items.iter().map(Self::json).collect(),
            Self::Map(entries) => entries.iter().map(|(key, value)| (key.clone(), value.json())).collect(),
        }
    }
}

fn plain(text: &str) -> PlainValue {
    if let Some(int) = text.parse::<i64>().ok().filter(|int| int.to_string() == text) {
        return PlainValue::Int(int);
    }
    match text {
        "true" => PlainValue::Bool(true),
        "false" => PlainValue::Bool(false),
        _ => float(text).map_or_else(|| PlainValue::Text(text.to_owned()), PlainValue::Float),
    }
}

/// A number with a fraction or exponent, written without anything that printing it would lose.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let whole_ok = digits(whole) && (whole == "0" || !whole.starts_with('0'));
    // `1.0` says "not a whole number" on purpose; `1.10` is a version.
    let fraction_ok =
        fraction.is_none_or(|fraction| fraction == "0" || (digits(fraction) && !fraction.ends_with('0')));
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix('-').unwrap_or(exponent);
        digits(exponent) && !exponent.starts_with('0')
    });
    let is_float = fraction.is_some() || exponent.is_some();
    (is_float && whole_ok && fraction_ok && exponent_ok)
        .then(|| text.parse::<f64>().ok().filter(|value| value.is_finite()))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_numbers_are_numbers() {
        for text in [
            "0123",
            "1.10",
            "no",
            "yes",
            "on",
            "True",
            "+1",
            "1_000",
            "0x1F",
            ".5",
            "1.",
            "1e05",
            "inf",
            "-",
            "99999999999999999999",
            "1e999",
            "1:30",
            "-0",
        ] {
            assert_eq!(plain(text), PlainValue::Text(text.to_owned()), "{text}");
        }
        assert_eq!(plain("0"), PlainValue::Int(0));
        assert_eq!(plain("-17"), PlainValue::Int(-17));
        assert_eq!(plain("1.5"), PlainValue::Float(1.5));
        assert_eq!(plain("1.0"), PlainValue::Float(1.0));
        assert_eq!(plain("-0.25"), PlainValue::Float(-0.25));
        assert_eq!(plain("1e-5"), PlainValue::Float(1e-5));
        assert_eq!(plain("true"), PlainValue::Bool(true));
    }
}
