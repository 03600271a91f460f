//! Values as a test file expects them: maps hold at least these entries, numbers may be a range.

use serde_json::{Map, Value as Json};

use crate::flow::fields::{NumberRange, PlainValue};
use crate::flow::yaml::{Kind, Node, Style};

/// A value that something is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Nothing: `null` in JSON, `()` in scripts.
    Nothing,
    /// A number in this range.
    Number(NumberRange),
    /// This text.
    Text(String),
    /// This.
    Bool(bool),
    /// Exactly these.
    List(Vec<Wanted>),
    /// At least these.
    Map(Vec<(String, Wanted)>),
}

impl Wanted {
    /// Reads a value; `None` if something in it was refused and reported before.
    pub fn of(node: &Node) -> Option<Self> {
        Some(match &node.kind {
            Kind::Nothing => return None,
            Kind::Scalar { text, style: Style::Plain } => Self::plain(text, node)?,
            Kind::Scalar { text, .. } => Self::Text(text.clone()),
            Kind::List(items) => Self::List(items.iter().map(Self::of).collect::<Option<_>>()?),
            Kind::Map(entries) => {
                let entry = |(key, value): &(crate::flow::yaml::Key, Node)| {
                    Some((key.text.clone(), Self::of(value)?))
                };
                Self::Map(entries.iter().map(entry).collect::<Option<_>>()?)
            }
        })
    }

    fn plain(text: &str, node: &Node) -> Option<Self> {
        if matches!(text, "()" | "null") {
            return Some(Self::Nothing);
        }
        if let Some(range) = NumberRange::parse(text).filter(|_| text.contains("..")) {
            return Some(Self::Number(range));
        }
        let exactly = |value: f64| Self::Number(NumberRange { least: Some(value), most: Some(value) });
        #[expect(clippy::cast_precision_loss, reason = "JSON's numbers are compared as floats, too")]
        Some(match PlainValue::of(node)? {
            PlainValue::Int(value) => exactly(value as f64),
            PlainValue::Float(value) => exactly(value),
            PlainValue::Bool(value) => Self::Bool(value),
            _ => Self::Text(text.to_owned()),
        })
    }

    /// The first place where `found` is something else, as `path: what is there`; `None` if it fits.
    pub fn difference(&self, found: &Json) -> Option<String> {
        let mut path = String::new();
        let found = self.differs(found, &mut path)?;
        let path = path.trim_start_matches('.');
        Some(if path.is_empty() { found } else { format!("`{path}` {found}") })
    }

    fn differs(&self, found: &Json, path: &mut String) -> Option<String> {
        let fits = match (self, found) {
            (Self::Nothing, Json::Null) => true,
            (Self::Number(range), Json::Number(number)) => {
                number.as_f64().is_some_and(|number| range.holds(number))
            }
            (Self::Text(text), Json::String(found)) => text == found,
            (Self::Bool(wanted), Json::Bool(found)) => wanted == found,
            (Self::List(wanted), Json::Array(items)) if wanted.len() == items.len() => {
                return wanted.iter().zip(items).enumerate().find_map(|(index, (wanted, item))| {
                    Self::inside(path, &format!("[{index}]"), |path| wanted.differs(item, path))
                });
            }
            (Self::Map(wanted), Json::Object(entries)) => {
                return Self::entries_differ(wanted, entries, path);
            }
            _ => false,
        };
        (!fits).then(|| format!("is {found}"))
    }

    fn entries_differ(
        wanted: &[(String, Self)],
        entries: &Map<String, Json>,
        path: &mut String,
    ) -> Option<String> {
        wanted.iter().find_map(|(key, wanted)| {
            Self::inside(path, &format!(".{key}"), |path| match entries.get(key) {
                Some(found) => wanted.differs(found, path),
                // What a report leaves out is nothing.
                None => (*wanted != Self::Nothing).then(|| "is not there".to_owned()),
            })
        })
    }

    /// Looks into a part; the path keeps the part's name only if the difference is there.
    fn inside(
        path: &mut String,
        part: &str,
        look: impl FnOnce(&mut String) -> Option<String>,
    ) -> Option<String> {
        let length = path.len();
        path.push_str(part);
        let found = look(path);
        if found.is_none() {
            path.truncate(length);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flow::diag::{Diagnostics, Sources};
    use crate::flow::yaml;

    fn wanted(text: &str) -> Wanted {
        let mut sources = Sources::new();
        let file = sources.add("x.yaml", text);
        let node = yaml::parse(&sources, file, &mut Diagnostics::new()).expect("a tree");
        Wanted::of(&node).expect("a value")
    }

    #[test]
    fn a_map_holds_at_least_these_entries() {
        let wanted = wanted("{ a: 1, b: { c: x, d: -113..-51 }, e: [1, true], f: () }");
        let good =
            json!({ "a": 1.0, "b": { "c": "x", "d": -79, "more": 1 }, "e": [1, true], "f": null, "g": 1 });
        assert_eq!(wanted.difference(&good), None);
        let left_out = json!({ "a": 1, "b": { "c": "x", "d": -51 }, "e": [1, true] });
        assert_eq!(wanted.difference(&left_out), None);
    }

    #[test]
    fn null_is_nothing_where_values_are_compared() {
        let places = [
            ("calls: [{ gives: { a: null, b: [1, ~] } }]", "calls", "gives"),
            ("tests: [{ expect: { json: { a: NULL, b: [1, null] } } }]", "tests", "expect"),
        ];
        for (text, list, key) in places {
            let wanted = wanted(text);
            let found = |a: Json, b: Json| {
                let value = json!({ "a": a, "b": [1, b] });
                let value = if key == "gives" { value } else { json!({ "json": value }) };
                json!({ list: [{ key: value }] })
            };
            assert_eq!(wanted.difference(&found(Json::Null, Json::Null)), None, "{text}");
            assert!(wanted.difference(&found(json!("null"), Json::Null)).is_some(), "{text}");
            assert!(wanted.difference(&found(Json::Null, json!(0))).is_some(), "{text}");
        }
        assert_eq!(wanted("'null'").difference(&json!(null)).as_deref(), Some("is null"));
    }

    #[test]
    fn the_first_difference_is_named() {
        let wanted = wanted("{ a: 1, b: { c: x, d: -113..-51 }, e: [1, true] }");
        let with = |b: Json, e: Json| json!({ "a": 1, "b": b, "e": e });
        let difference = |found| wanted.difference(&found).expect("a difference");
        assert_eq!(difference(json!(7)), "is 7");
        assert_eq!(difference(with(json!({ "c": "x", "d": 0 }), json!([]))), "`b.d` is 0");
        assert_eq!(difference(with(json!({ "c": 1, "d": 0 }), json!([]))), "`b.c` is 1");
        assert_eq!(difference(with(json!({ "d": -60 }), json!([]))), "`b.c` is not there");
        let b = json!({ "c": "x", "d": -60 });
        assert_eq!(difference(with(b.clone(), json!([1]))), "`e` is [1]");
        assert_eq!(difference(with(b, json!([1, false]))), "`e[1]` is false");
    }

    #[test]
    fn what_is_in_quotes_is_a_text() {
        assert_eq!(wanted("'1..2'"), Wanted::Text("1..2".to_owned()));
        assert_eq!(wanted("'1'").difference(&json!(1)).as_deref(), Some("is 1"));
        assert_eq!(wanted("300s").difference(&json!("300s")), None);
    }
}
