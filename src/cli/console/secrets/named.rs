//! What was typed, for others to read: no secret shows, also where it was typed itself and not by its name.

use std::fmt::Write as _;
use std::ops::Range;

use crate::at::pattern::Pattern;

use super::{Part, Secrets, parts};

impl Secrets {
    /// A command line in which `${NAME}` stands for each secret; `None` if it cannot stand there, because another
    /// line would be sent.
    pub(in crate::cli) fn named_command(&self, typed: &str) -> Option<String> {
        self.named(typed, |line| self.command(line))
    }

    /// The same for data.
    pub(in crate::cli) fn named_data(&self, typed: &str) -> Option<String> {
        self.named(typed, |text| self.data(text))
    }

    /// A pattern in which a hole stands for each secret; `None` if that would be no pattern, or one for any line.
    pub(in crate::cli) fn named_pattern(&self, typed: &str) -> Option<String> {
        let is_regex = typed.starts_with('/');
        let single = undoubled(typed);
        let shows = |text: &str| !self.places(text).is_empty();
        let is_secret = shows(typed) || shows(&single) || (is_regex && shows(&without_backslashes(&single)));
        if !is_secret {
            return Some(typed.to_owned());
        }
        // A regular expression has groups and no holes.
        if is_regex {
            return None;
        }
        let named = self.replaced(typed, str::to_owned, |before, value| {
            // In a hole is no place for another one; doubled braces are text.
            let before = before.replace("{{", "").replace("}}", "");
            let inside = before.matches('{').count() > before.matches('}').count();
            let hole = if value.contains([',', '"']) { "{:rest}" } else { "{}" };
            (!inside).then(|| hole.to_owned())
        })?;
        let own = Pattern::parse(&named).is_ok_and(|pattern| pattern.has_own_text());
        (own && !shows(&undoubled(&named))).then_some(named)
    }

    /// Words about what was typed, which are not typed again.
    pub(in crate::cli) fn masked(&self, text: &str) -> String {
        let mut masked = self.masker.mask(text).into_owned();
        for plain in [undoubled, without_backslashes] {
            let plain = plain(&masked);
            if self.shows_in(&plain) {
                masked = self.masker.mask(&plain).into_owned();
            }
        }
        masked
    }

    fn named(&self, typed: &str, sent: impl Fn(&str) -> Result<String, String>) -> Option<String> {
        let mut named = String::with_capacity(typed.len());
        for part in parts(typed).ok()? {
            match part {
                Part::Text(text) => {
                    named.push_str(&self.replaced(&text, literal, |_, value| self.hole(value))?);
                }
                Part::Hole(hole) => {
                    let _ = write!(named, "${{{hole}}}");
                }
            }
        }
        // A `$` in front of a hole, or a comma in the secret, would make something else of it.
        (named == typed || sent(&named).ok()? == sent(typed).ok()?).then_some(named)
    }

    /// `text` with something else in the place of each secret, which is made of what stands before it and of its
    /// shape there.
    fn replaced(
        &self,
        text: &str,
        keep: impl Fn(&str) -> String,
        instead: impl Fn(&str, &str) -> Option<String>,
    ) -> Option<String> {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for place in self.places(text) {
            out.push_str(&keep(text.get(from..place.start)?));
            out.push_str(&instead(&out, text.get(place.clone())?)?);
            from = place.end;
        }
        out.push_str(&keep(text.get(from..)?));
        Some(out)
    }

    /// Where secrets stand. One of digits only that is part of a longer number is another number.
    fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places = self.masker.places(text);
        places.retain(|place| {
            let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
            let byte = |at: usize| text.as_bytes().get(at).copied();
            let in_number = is_digit(place.start.checked_sub(1).and_then(byte)) || is_digit(byte(place.end));
            !in_number || !text.get(place.clone()).is_some_and(|value| self.is_number(value))
        });
        places
    }

    /// Whether this is a secret of digits only.
    fn is_number(&self, value: &str) -> bool {
        let mut all = self.former.iter().chain(&self.known);
        value.bytes().all(|byte| byte.is_ascii_digit()) && all.any(|secret| secret.value == value.as_bytes())
    }

    /// What is filled in as this value.
    fn hole(&self, value: &str) -> Option<String> {
        let whose = |is: &dyn Fn(&str) -> bool| {
            self.known.iter().find(|secret| is(&String::from_utf8_lossy(&secret.value)))
        };
        let plain = whose(&|secret| secret == value).map(|secret| format!("${{{}}}", secret.name));
        let escaped = || {
            whose(&|secret| self.escaped(secret) == value)
                .map(|secret| format!("${{escape({})}}", secret.name))
        };
        plain.or_else(escaped)
    }
}

/// Text of a command line or of data that is no hole.
fn literal(text: &str) -> String {
    text.replace("${", "$${")
}

/// What is typed twice, because once it would mean something, stands for itself.
fn undoubled(text: &str) -> String {
    let pairs = [("$${", "${"), ("{{", "{"), ("}}", "}"), ("[[", "["), ("]]", "]")];
    pairs.iter().fold(text.to_owned(), |text, (twice, once)| text.replace(twice, once))
}

/// In a regular expression, what would mean something stands behind a backslash.
fn without_backslashes(text: &str) -> String {
    text.replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> Secrets {
        let escapes = [('"', "\\22".to_owned()), (',', "\\2C".to_owned())];
        let mut secrets = Secrets::with(&escapes);
        for (name, value) in all {
            secrets.put(name, value).expect("it is short");
        }
        secrets
    }

    #[test]
    fn a_name_stands_for_what_was_typed_if_the_same_is_sent() {
        let secrets =
            secrets(&[("KEY", "top-secret"), ("ODD", "a,b\"c"), ("PIN", "123"), ("DOLLAR", "x${y}z")]);
        for (typed, named) in [
            ("AT+X=id,top-secret,1", Some("AT+X=id,${KEY},1")),
            ("AT+X=top-secrettop-secret", Some("AT+X=${KEY}${KEY}")),
            ("AT+X=\"top-secret\",\"${KEY}\"", Some("AT+X=\"${KEY}\",\"${KEY}\"")),
            ("AT+X=a\\2Cb\\22c,$${Z}", Some("AT+X=${escape(ODD)},$${Z}")),
            // It was two arguments, and a `$` would make text of the hole.
            ("AT+X=a,b\"c", None),
            ("AT+X=$top-secret", None),
            ("AT+X=746f702d736563726574", None),
            ("AT+CPIN=123,1234", Some("AT+CPIN=${PIN},1234")),
            ("AT+X=x$${y}z", Some("AT+X=${DOLLAR}")),
            ("AT+CSQ", Some("AT+CSQ")),
        ] {
            assert_eq!(secrets.named_command(typed).as_deref(), named, "{typed}");
        }
        assert_eq!(secrets.named_data("{\"k\":\"top-secret\"}").as_deref(), Some("{\"k\":\"${KEY}\"}"));
        assert_eq!(secrets.named_data("so: a,b\"c").as_deref(), Some("so: ${ODD}"));
        assert_eq!(secrets.named_data("so: a\\2Cb\\22c"), None);
        assert_eq!(secrets.masked("x$${y}z or top-secret"), "<DOLLAR> or <KEY>");
    }

    #[test]
    fn a_number_in_which_the_digits_of_a_secret_stand_is_another_number() {
        let secrets = secrets(&[("PIN", "1234")]);
        for (typed, named) in [
            ("AT+PORT=12345", "AT+PORT=12345"),
            ("AT+PORT=51234", "AT+PORT=51234"),
            ("AT+CPIN=1234", "AT+CPIN=${PIN}"),
            ("AT+X=12345,\"1234\"", "AT+X=12345,\"${PIN}\""),
        ] {
            assert_eq!(secrets.named_command(typed).as_deref(), Some(named), "{typed}");
        }
        assert_eq!(secrets.named_data("12345 and 1234").as_deref(), Some("12345 and ${PIN}"));
        assert_eq!(secrets.named_pattern("+PORT: 12345").as_deref(), Some("+PORT: 12345"));
        assert_eq!(secrets.named_pattern("+PORT: 12345,1234").as_deref(), Some("+PORT: 12345,{}"));
        // In hexadecimal it is the secret, whatever stands beside it.
        assert_eq!(secrets.named_command("AT+HEX=00313233340"), None);
    }

    /// Nobody knows any more what `${PIN}` was when the other one was typed.
    #[test]
    fn a_secret_in_whose_place_there_is_another_one_does_not_show_either() {
        let secrets = secrets(&[("PIN", "0815"), ("PIN", "4711")]);
        assert_eq!(secrets.named_command("AT+CPIN=0815"), None);
        assert_eq!(secrets.named_command("AT+CPIN=4711").as_deref(), Some("AT+CPIN=${PIN}"));
        assert_eq!(secrets.masked("0815, then 4711"), "<PIN>, then <PIN>");
        assert_eq!(secrets.names().collect::<Vec<_>>(), ["PIN"]);
    }

    #[test]
    fn a_hole_stands_for_what_was_waited_for_if_something_is_left() {
        let secrets = secrets(&[("KEY", "top-secret"), ("ODD", "a,bc"), ("BRACE", "se{cr}et"), ("X", "x")]);
        for (typed, named) in [
            ("+KEY: {n:int},top-secret", Some("+KEY: {n:int},{}")),
            ("TOKEN a,bc", Some("TOKEN {:rest}")),
            ("TOKEN a\\2Cbc", Some("TOKEN {}")),
            ("+Y: {z:int}", Some("+Y: {z:int}")),
            ("{{\"k\":\"top-secret\"}}", Some("{{\"k\":\"{}\"}}")),
            ("top-secret", None),
            ("+X: {x}", None),
            ("/TOKEN top-secret/", None),
            ("TOKEN se{{cr}}et", None),
        ] {
            assert_eq!(secrets.named_pattern(typed).as_deref(), named, "{typed}");
        }
        assert_eq!(secrets.masked("`se{{cr}}et`: no"), "`<BRACE>`: no");
    }

    #[test]
    fn a_secret_does_not_show_in_a_regular_expression() {
        let secrets = secrets(&[("KEY", "a.b+key9")]);
        assert_eq!(secrets.named_pattern("/TOKEN a\\.b\\+key9/"), None);
        assert_eq!(secrets.named_pattern("/TOKEN a\\.b/").as_deref(), Some("/TOKEN a\\.b/"));
        assert_eq!(secrets.masked("`/TOKEN a\\.b\\+key9/`: no"), "`/TOKEN <KEY>/`: no");
        assert_eq!(secrets.masked("`/a\\.b/`: no"), "`/a\\.b/`: no");
    }
}
