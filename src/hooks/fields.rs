//! `fields(text)`: the nested lists that AT test commands answer with, as lists.
//! `(2,"CHN-UNICOM","UNICOM","46001",7),(1,…),,(0-4)` becomes four values.

use rhai::Array;

use super::value::Value;

/// Parentheses deeper than this are no AT response.
const MAX_DEPTH: usize = 8;

/// The fields of an information response: quoted is text, digits are an int, parentheses are a list, nothing
/// is `()`, anything else (`0-4`, `01a2`) is text. Digits that an int would not print back (`007`) stay text.
///
/// # Errors
///
/// A parenthesis or quote without its partner, or text right behind either, with the character's number.
pub(super) fn fields(text: &str) -> Result<Array, String> {
    let mut reader = Reader { text, at: 0 };
    let list = reader.list(0)?;
    if reader.at < text.len() {
        return Err(format!("`)` without `(` at character {}", reader.character()));
    }
    Ok(list)
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes; always between two characters.
    at: usize,
}

impl Reader<'_> {
    /// Fields up to a `)` or the end, which are left standing.
    fn list(&mut self, depth: usize) -> Result<Array, String> {
        let mut list = Array::new();
        self.blanks();
        if matches!(self.peek(), None | Some(')')) {
            return Ok(list);
        }
        loop {
            list.push(self.field(depth)?);
            self.blanks();
            match self.peek() {
                Some(',') => self.at += 1,
                None | Some(')') => return Ok(list),
                Some(other) => {
                    return Err(format!("`,` expected at character {}, not `{other}`", self.character()));
                }
            }
        }
    }

    fn field(&mut self, depth: usize) -> Result<Value, String> {
        self.blanks();
        match self.peek() {
            Some('"') => self.quoted(),
            Some('(') => self.nested(depth),
            _ => Ok(bare(self.until([',', ')']).trim_end())),
        }
    }

    fn quoted(&mut self) -> Result<Value, String> {
        let opened = self.character();
        self.at += 1;
        let inside = self.until(['"', '"']).to_owned();
        if self.peek().is_none() {
            return Err(format!("the `\"` at character {opened} is never closed"));
        }
        self.at += 1;
        Ok(Value::from(inside))
    }

    fn nested(&mut self, depth: usize) -> Result<Value, String> {
        let opened = self.character();
        if depth == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} `(` inside each other at character {opened}"));
        }
        self.at += 1;
        let list = self.list(depth + 1)?;
        if self.peek().is_none() {
            return Err(format!("the `(` at character {opened} is never closed"));
        }
        self.at += 1;
        Ok(Value::from_array(list))
    }

    fn until(&mut self, ends: [char; 2]) -> &str {
        let rest = &self.text[self.at..];
        let taken = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Where the reader stands, counted as a person counts.
    fn character(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }
}

fn bare(field: &str) -> Value {
    if field.is_empty() {
        return Value::UNIT;
    }
    match field.parse::<i64>() {
        Ok(int) if int.to_string() == field => Value::from(int),
        _ => Value::from(field.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::value::display;

    fn shown(text: &str) -> String {
        fields(text).map_or_else(|error| error, |list| display(&Value::from_array(list)))
    }

    #[test]
    fn a_network_list_is_a_list_of_lists() {
        assert_eq!(
            shown(r#"(2,"CHN-UNICOM","UNICOM","46001",7),(1,"CMCC",,"46000",-7),,(0-4),(0-2)"#),
            r#"[[2,"CHN-UNICOM","UNICOM","46001",7],[1,"CMCC",null,"46000",-7],null,["0-4"],["0-2"]]"#
        );
    }

    #[test]
    fn a_field_keeps_what_it_says() {
        for (text, list) in [
            ("", "[]"),
            (",", "[null,null]"),
            ("007, 7 ,\"7\"", r#"["007",7,"7"]"#),
            ("01a2,+CSQ", r#"["01a2","+CSQ"]"#),
            ("()", "[[]]"),
            ("((1,2),3)", "[[[1,2],3]]"),
            (r#""a,b(c)""#, r#"["a,b(c)"]"#),
            ("99999999999999999999", r#"["99999999999999999999"]"#),
        ] {
            assert_eq!(shown(text), list, "{text}");
        }
    }

    #[test]
    fn what_does_not_close_is_an_error_with_a_place() {
        for (text, message) in [
            ("(1,2", "the `(` at character 1 is never closed"),
            ("1,\"温", "the `\"` at character 3 is never closed"),
            ("1)", "`)` without `(` at character 2"),
            ("\"a\"b", "`,` expected at character 4, not `b`"),
            ("(1)(2)", "`,` expected at character 4, not `(`"),
        ] {
            assert_eq!(shown(text), message, "{text}");
        }
        assert_eq!(shown(&"(".repeat(100_000)), "more than 8 `(` inside each other at character 9");
    }
}
