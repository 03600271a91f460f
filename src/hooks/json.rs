//! JSON in and out. One writer and one reader for messages, reports and scripts, both strict: the reader
//! refuses what other readers silently repair, because a message may come from anybody.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value as Json};

use super::value::{Bytes, Prepared, Value, kind_of};

/// Deepest nesting that is read or written.
pub const MAX_DEPTH: usize = 16;
/// Most values, inner ones included, that one text may hold.
pub const MAX_NODES: usize = 500;

/// Why something is not JSON that we take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(String);

/// A JSON text as a value. Objects become maps, `null` becomes `()`.
///
/// # Errors
///
/// What is not JSON, nested deeper than [`MAX_DEPTH`], larger than [`MAX_NODES`], has a key twice, or holds a
/// number that does not fit 64 bits.
pub fn parse_json(text: &str) -> Result<Value, JsonError> {
    let nodes = Cell::new(0);
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Node { nodes: &nodes, depth: 0 };
    let value = seed.deserialize(&mut reader).map_err(|error| not_json(&error))?;
    reader.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

/// The payload of a message as a value; `()` if it is not JSON that [`parse_json`] takes.
pub fn body(payload: &[u8]) -> Value {
    std::str::from_utf8(payload).ok().and_then(|text| parse_json(text).ok()).unwrap_or(Value::UNIT)
}

/// A value as JSON. A map's `()` entries are left out; elsewhere `()` is `null`.
///
/// # Errors
///
/// Bytes, prepared text, functions and floats that are not finite have no JSON form; nesting deeper than
/// [`MAX_DEPTH`] has none either.
pub fn to_json(value: &Value) -> Result<Json, JsonError> {
    write(value, 0)
}

/// The same JSON text in ASCII and without `;`: in strings, the only place where JSON has anything else, such
/// characters become `\uXXXX`. A module takes it in one command line; a message that has to follow a prompt
/// leaves the module waiting for data when the program dies in between.
pub fn plain_json(json: &str) -> String {
    use std::fmt::Write as _;
    let mut plain = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') && character != ';' {
            plain.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // A string takes whatever is written to it.
            let _ = write!(plain, "\\u{unit:04x}");
        }
    }
    plain
}

/// A parsed JSON or YAML value as a script value.
///
/// # Errors
///
/// An integer that does not fit 64 bits with sign; nesting deeper than [`MAX_DEPTH`].
pub fn from_json(json: &Json) -> Result<Value, JsonError> {
    read(json, 0)
}

fn write(value: &Value, depth: usize) -> Result<Json, JsonError> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    if value.is_unit() {
        return Ok(Json::Null);
    }
    if let Ok(bool) = value.as_bool() {
        return Ok(Json::Bool(bool));
    }
    if let Ok(int) = value.as_int() {
        return Ok(Json::Number(int.into()));
    }
    if let Ok(float) = value.as_float() {
        return Number::from_f64(float)
            .map(Json::Number)
            .ok_or_else(|| JsonError(format!("`{float}` is no number that JSON has")));
    }
    if let Ok(character) = value.as_char() {
        return Ok(Json::String(character.to_string()));
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Ok(Json::String(text.to_string()));
    }
    if let Some(list) = value.read_lock::<rhai::Array>() {
        return list.iter().map(|item| write(item, depth + 1)).collect::<Result<_, _>>().map(Json::Array);
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        return map
            .iter()
            .filter(|(_, value)| !value.is_unit())
            .map(|(key, value)| Ok((key.to_string(), write(value, depth + 1)?)))
            .collect::<Result<_, _>>()
            .map(Json::Object);
    }
    Err(JsonError(if value.is::<Bytes>() || value.is_blob() {
        "bytes have no JSON form: write `text(…)`, `hex(…)` or `base64(…)`".to_owned()
    } else if value.is::<Prepared>() {
        "what `escape(…)` or `raw(…)` prepared is for a command line and has no JSON form".to_owned()
    } else {
        format!("a {} has no JSON form", kind_of(value))
    }))
}

fn read(json: &Json, depth: usize) -> Result<Value, JsonError> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    Ok(match json {
        Json::Null => Value::UNIT,
        Json::Bool(bool) => Value::from(*bool),
        Json::String(text) => Value::from(text.clone()),
        Json::Number(number) => match (number.as_i64(), number.is_u64(), number.as_f64()) {
            (Some(int), ..) => Value::from(int),
            (None, false, Some(float)) => Value::from(float),
            _ => return Err(JsonError(too_large(number))),
        },
        Json::Array(list) => Value::from_array(
            list.iter().map(|item| read(item, depth + 1)).collect::<Result<rhai::Array, _>>()?,
        ),
        Json::Object(map) => Value::from_map(
            map.iter()
                .map(|(key, value)| Ok((key.into(), read(value, depth + 1)?)))
                .collect::<Result<rhai::Map, JsonError>>()?,
        ),
    })
}

fn too_deep() -> JsonError {
    JsonError(format!("more than {MAX_DEPTH} lists and maps inside each other"))
}

fn too_large(number: impl fmt::Display) -> String {
    format!("the number {number} does not fit 64 bits")
}

/// Our own refusals speak for themselves; the reader's words need to be introduced.
fn not_json(error: &serde_json::Error) -> JsonError {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let words = error.to_string();
    let words = words.strip_suffix(&place).unwrap_or(&words);
    let at = if error.line() == 1 {
        format!("character {}", error.column())
    } else {
        format!("line {}, character {}", error.line(), error.column())
    };
    JsonError(if error.is_data() {
        format!("{words}, at {at}")
    } else {
        let words = if error.is_eof() { "it ends too early" } else { words };
        format!("not JSON: {words}, at {at}")
    })
}

/// One value somewhere inside a text.
#[derive(Clone, Copy)]
struct Node<'a> {
    nodes: &'a Cell<usize>,
    depth: usize,
}

impl Node<'_> {
    fn inner<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(too_deep()));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_NODES {
            return Err(de::Error::custom(format!("more than {MAX_NODES} values")));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::UNIT)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Value, E> {
        Ok(Value::from(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Value, E> {
        Ok(Value::from(int))
    }

    fn visit_u64<E: de::Error>(self, int: u64) -> Result<Value, E> {
        i64::try_from(int).map(Value::from).map_err(|_| E::custom(too_large(int)))
    }

    fn visit_f64<E: de::Error>(self, float: f64) -> Result<Value, E> {
        // An integer of more than 64 bits arrives here, rounded. It cannot be told from a float written
        // `1e30`, so both are refused rather than one of them changed.
        const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;
        if float.abs() >= TOO_LARGE {
            return Err(E::custom(too_large(super::value::float_text(float))));
        }
        Ok(Value::from(float))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut list = rhai::Array::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::from_array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = rhai::Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(inner)?;
            if map.contains_key(key.as_str()) {
                return Err(de::Error::custom(format!("the key `{key}` is there twice")));
            }
            map.insert(key.into(), value);
        }
        Ok(Value::from_map(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::value::display;

    fn refused(text: &str) -> String {
        parse_json(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_read_is_written_again() {
        let text = r#"{"a":[1,-2,3.5,"x\"\\\n温"],"b":{"c":true},"d":9223372036854775807}"#;
        assert_eq!(to_json(&parse_json(text).unwrap()).unwrap().to_string(), text);
    }

    #[test]
    fn unit_entries_are_left_out_and_null_is_unit() {
        assert_eq!(display(&parse_json(r#"{"a":null,"b":[null]}"#).unwrap()), r#"{"b":[null]}"#);
    }

    #[test]
    fn strictness_is_explained() {
        for (text, message) in [
            (r#"{"a":1,"a":2}"#, "the key `a` is there twice, at character 13"),
            (r#"{"a":1+1}"#, "not JSON: expected `,` or `}`, at character 7"),
            ("{\"a\":", "not JSON: it ends too early, at character 5"),
            ("[1] 2", "not JSON: trailing characters, at character 5"),
            ("[9223372036854775808]", "the number 9223372036854775808 does not fit 64 bits, at character 20"),
            ("[-1e30]", "the number -1e+30 does not fit 64 bits, at character 6"),
            ("[1e999]", "not JSON: number out of range, at character 6"),
            ("NaN", "not JSON: expected value, at character 1"),
        ] {
            assert_eq!(refused(text), message, "{text}");
        }
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse_json(&deep(MAX_DEPTH)).is_ok());
        assert_eq!(
            refused(&deep(MAX_DEPTH + 1)),
            "more than 16 lists and maps inside each other, at character 18"
        );
        assert!(refused(&deep(100_000)).starts_with("more than 16"));
        let wide = |n: usize| format!("[{}]", vec!["1"; n].join(","));
        assert!(parse_json(&wide(MAX_NODES - 1)).is_ok());
        assert!(refused(&wide(MAX_NODES)).starts_with("more than 500 values"));
    }

    #[test]
    fn a_body_that_is_not_json_is_unit() {
        assert!(body(b"not JSON").is_unit());
        assert!(body(b"\xff").is_unit());
        assert!(body(b"").is_unit());
        assert_eq!(display(&body(br#"{"relay":true}"#)), r#"{"relay":true}"#);
    }

    #[test]
    fn what_has_no_json_form_says_what_to_do() {
        let refused = |value: Value| to_json(&value).unwrap_err().to_string();
        assert_eq!(
            refused(Bytes::value(*b"x")),
            "bytes have no JSON form: write `text(…)`, `hex(…)` or `base64(…)`"
        );
        assert_eq!(refused(Value::from(f64::NAN)), "`NaN` is no number that JSON has");
        let mut nested = Value::from(1);
        for _ in 0..=MAX_DEPTH {
            nested = Value::from_array(vec![nested]);
        }
        assert_eq!(refused(nested), "more than 16 lists and maps inside each other");
    }

    #[test]
    fn plain_json_is_the_same_json_in_one_command_line() {
        let json = serde_json::json!({"a;": "温度; 21 °C", "b": ["\u{7f}", "🙂", 1.5, "\n\""]}).to_string();
        let plain = plain_json(&json);
        assert!(plain.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b';'), "{plain}");
        assert_eq!(
            serde_json::from_str::<Json>(&plain).unwrap(),
            serde_json::from_str::<Json>(&json).unwrap()
        );
        assert_eq!(plain_json(r#"{"a":1}"#), r#"{"a":1}"#);
    }

    #[test]
    fn serde_values_convert_strictly() {
        let json = serde_json::json!({"a": [1, 2.5, null, "x"]});
        assert_eq!(display(&from_json(&json).unwrap()), r#"{"a":[1,2.5,null,"x"]}"#);
        let error = from_json(&serde_json::json!(u64::MAX)).unwrap_err();
        assert_eq!(error.to_string(), "the number 18446744073709551615 does not fit 64 bits");
    }
}
