//! What passes between a script and the rest of the program: [`Value`], and the two kinds of value that
//! Rhai itself does not have, [`Bytes`] and [`Prepared`].

use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::rc::Rc;

use rhai::Dynamic;

use super::json;

/// A value of the language: `()`, bool, int (64 bits), float, text, list, map, [`Bytes`], [`Prepared`].
pub type Value = Dynamic;

/// A list of values.
pub type Array = rhai::Array;

/// A map of values, sorted by key.
pub type Map = rhai::Map;

/// Bytes as a script sees them: a payload, a file, a chunk of one.
///
/// Not Rhai's own `Blob`: that one is copied whenever it is handed on, and its length counts against the
/// limit of list elements, so a message of 5 KiB would be too long a *list*. A `Blob` that is handed in is
/// taken as `Bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(Rc<[u8]>);

impl Bytes {
    /// These bytes as a script value.
    pub fn value(bytes: impl Into<Rc<[u8]>>) -> Value {
        Value::from(Self(bytes.into()))
    }
}

impl Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(&self.0) {
            Ok(text) => f.write_str(text),
            Err(_) => write!(f, "{}", self.0.escape_ascii()),
        }
    }
}

/// How a text was made ready for a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `escape(…)`: what the dialect lists in `escapes` is replaced.
    Escaped,
    /// `raw(…)`: the author built it and vouches for its `,` `;` and `"`.
    Raw,
}

/// A text that a script made ready for a command line. It prints as its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What is to be sent.
    pub text: String,
    /// Which checks it has behind it.
    pub how: How,
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The bytes in a value, if it holds bytes.
pub fn as_bytes(value: &Value) -> Option<Bytes> {
    if let Some(bytes) = value.read_lock::<Bytes>() {
        return Some(bytes.clone());
    }
    value.read_lock::<rhai::Blob>().map(|blob| Bytes(Rc::from(blob.as_slice())))
}

/// The prepared text in a value, if it holds one.
pub fn as_prepared(value: &Value) -> Option<Prepared> {
    value.read_lock::<Prepared>().map(|prepared| prepared.clone())
}

/// A list.
pub fn list_of(items: impl IntoIterator<Item = Value>) -> Value {
    Value::from_array(items.into_iter().collect())
}

/// A map. Of two entries with the same key the later one stays.
pub fn map_of<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from_map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// What a map has under `key`; `None` if it is no map or has no such key.
pub fn entry(map: &Value, key: &str) -> Option<Value> {
    map.read_lock::<rhai::Map>()?.get(key).cloned()
}

/// The keys of a map, sorted; `None` if it is no map.
pub fn keys(map: &Value) -> Option<Vec<String>> {
    Some(map.read_lock::<rhai::Map>()?.keys().map(ToString::to_string).collect())
}

/// A map with further entries; of two with the same key the later one stays.
pub fn with_entries<'a>(map: Value, entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let mut map = map.try_cast::<rhai::Map>().unwrap_or_default();
    map.extend(entries.into_iter().map(|(key, value)| (key.into(), value)));
    Value::from_map(map)
}

/// How many entries a list or a map has; `None` for anything else.
pub fn length(value: &Value) -> Option<usize> {
    let list = value.read_lock::<rhai::Array>().map(|list| list.len());
    list.or_else(|| value.read_lock::<rhai::Map>().map(|map| map.len()))
}

/// Whether it is a list.
pub fn is_list(value: &Value) -> bool {
    value.is_array()
}

/// What `each` goes over: the elements of a list or a range.
///
/// # Errors
///
/// A value that is neither, or more than `most` elements; in words.
pub fn elements(value: &Value, most: usize) -> Result<Vec<Value>, String> {
    let range = |from: i64, to: i64| (from..to).take(most.saturating_add(1)).map(Value::from).collect();
    let list: Vec<Value> = if let Some(list) = value.read_lock::<rhai::Array>() {
        list.iter().take(most.saturating_add(1)).cloned().collect()
    } else if let Some(exclusive) = value.read_lock::<std::ops::Range<i64>>() {
        range(exclusive.start, exclusive.end)
    } else if let Some(inclusive) = value.read_lock::<std::ops::RangeInclusive<i64>>() {
        range(*inclusive.start(), inclusive.end().saturating_add(1))
    } else {
        return Err(format!("{} `{}` is no list", kind_of(value), display(value)));
    };
    if list.len() > most { Err(format!("there are more than {most} elements")) } else { Ok(list) }
}

/// What a plain word of the command line or of a table (`--var port=1883`, a CSV field) stands for:
/// `true` and `false`, a number that prints back exactly as it was written, else the text itself, so that
/// `0123`, `1.10` and `no` keep every character.
pub fn from_plain(word: &str) -> Value {
    match word {
        "true" => return Value::from(true),
        "false" => return Value::from(false),
        _ => {}
    }
    if let Ok(int) = word.parse::<i64>()
        && int.to_string() == word
    {
        return Value::from(int);
    }
    if let Ok(float) = word.parse::<f64>()
        && float.is_finite()
        && float_text(float) == word
    {
        return Value::from(float);
    }
    Value::from(word.to_owned())
}

/// A float with as few digits as bring it back: `31.6`, `3.0`, `1e+30`.
pub fn float_text(float: f64) -> String {
    serde_json::Number::from_f64(float).map_or_else(|| float.to_string(), |number| number.to_string())
}

/// A value as people read it in logs and texts: text as it is, `()` as `()`, lists and maps as JSON, bytes as
/// text if they are UTF-8 and escaped if not.
pub fn display(value: &Value) -> String {
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return text.to_string();
    }
    if let Ok(float) = value.as_float() {
        return float_text(float);
    }
    if value.is_unit() {
        return "()".to_owned();
    }
    if value.is_array() || value.is_map() {
        return json::to_json(value).map_or_else(|_| loose(value), |json| json.to_string());
    }
    loose(value)
}

/// What cannot be JSON (bytes in a map, say), all the same.
fn loose(value: &Value) -> String {
    if let Some(list) = value.read_lock::<rhai::Array>() {
        let inner: Vec<String> = list.iter().map(display).collect();
        return format!("[{}]", inner.join(","));
    }
    if let Some(map) = value.read_lock::<rhai::Map>() {
        let inner: Vec<String> =
            map.iter().map(|(key, value)| format!("{key:?}:{}", display(value))).collect();
        return format!("{{{}}}", inner.join(","));
    }
    if let Some(bytes) = as_bytes(value) {
        return bytes.to_string();
    }
    if let Some(prepared) = as_prepared(value) {
        return prepared.text;
    }
    if value.is_fnptr() {
        // A closure's generated name means nothing to anybody.
        return "function".to_owned();
    }
    let mut text = String::new();
    // Writing to a `String` cannot fail, and a type without `Display` prints its name.
    let _ = write!(text, "{value}");
    text
}

/// The kind of a value in the language's words: `int`, `text`, `list`, …
pub fn kind_of(value: &Value) -> &'static str {
    if value.is_unit() {
        return "()";
    }
    kind_named(value.type_name())
}

/// Rhai's and Rust's names for a type, in the language's words.
pub(super) fn kind_named(name: &str) -> &'static str {
    match name.trim_start_matches('&').trim_start_matches("mut ") {
        "()" => "()",
        "bool" => "bool",
        "i64" | "int" => "int",
        "f64" | "float" => "float",
        "char" => "character",
        "range" | "range=" => "range",
        name if name.contains("Bytes") || name.contains("u8") || matches!(name, "bytes" | "blob") => "bytes",
        name if name.contains("Prepared") || name == "prepared" => "prepared text",
        name if name.contains("Range") => "range",
        name if name.contains("FnPtr") || name == "Fn" => "function",
        name if name.contains("Vec<") || name == "array" => "list",
        name if name.contains("Map") || name == "map" => "map",
        name if name.contains("tring") || name == "str" => "text",
        _ => "value",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_word_is_a_number_only_if_nothing_is_lost() {
        for (word, kind) in [
            ("1883", "int"),
            ("-5", "int"),
            ("31.6", "float"),
            ("true", "bool"),
            ("0123", "text"),
            ("1.10", "text"),
            ("no", "text"),
            ("+5", "text"),
            ("inf", "text"),
            ("", "text"),
            ("99999999999999999999", "text"),
        ] {
            assert_eq!(kind_of(&from_plain(word)), kind, "{word}");
            assert_eq!(display(&from_plain(word)), word);
        }
    }

    #[test]
    fn display_shows_what_a_person_expects() {
        let mut map = rhai::Map::new();
        map.insert("b".into(), Value::from(3.0));
        map.insert("a".into(), Value::UNIT);
        assert_eq!(display(&Value::from_map(map.clone())), r#"{"b":3.0}"#);
        map.insert("a".into(), Bytes::value(*b"\xff\r"));
        assert_eq!(display(&Value::from_map(map)), r#"{"a":\xff\r,"b":3.0}"#);
        assert_eq!(display(&Value::UNIT), "()");
        assert_eq!(display(&Bytes::value(*b"hi")), "hi");
        assert_eq!(display(&Value::from(Prepared { text: "a\\2C".into(), how: How::Escaped })), "a\\2C");
        assert_eq!(display(&Value::from('x')), "x");
    }

    #[test]
    fn lists_and_maps_can_be_made_and_looked_into() {
        let map = map_of([("b", Value::from(2_i64)), ("a", list_of([Value::from(1_i64)]))]);
        assert_eq!(display(&map), r#"{"a":[1],"b":2}"#);
        assert_eq!(keys(&map).unwrap(), ["a", "b"]);
        assert_eq!(entry(&map, "b").unwrap().as_int(), Ok(2));
        assert!(entry(&map, "c").is_none() && entry(&Value::UNIT, "c").is_none());
    }

    #[test]
    fn each_goes_over_lists_and_ranges_within_bounds() {
        let count = |value: Value| elements(&value, 1_000).map(|list| list.len());
        assert_eq!(count(Value::from(0_i64..3)), Ok(3));
        assert_eq!(count(Value::from(1_i64..=3)), Ok(3));
        assert_eq!(count(Value::from(3_i64..3)), Ok(0));
        assert_eq!(count(list_of([Value::UNIT])), Ok(1));
        assert_eq!(count(Value::from(0..i64::MAX)), Err("there are more than 1000 elements".into()));
        assert_eq!(count(Value::from(5_i64)), Err("int `5` is no list".into()));
    }

    #[test]
    fn floats_are_short() {
        for (float, text) in
            [(31.6, "31.6"), (3.0, "3.0"), (0.1 + 0.2, "0.30000000000000004"), (1e300, "1e+300")]
        {
            assert_eq!(float_text(float), text);
        }
    }
}
