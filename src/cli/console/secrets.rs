//! Secrets that were typed, and the lines they are used in.

mod named;

use std::borrow::Cow;

use crate::transcript::mask::TooLong;
use crate::transcript::{Masker, Secret};

/// The secrets of a conversation.
#[derive(Debug, Default)]
pub(in crate::cli) struct Secrets {
    known: Vec<Secret>,
    /// Those whose name stands for another one by now: nothing is sent for them, and they are not shown either.
    former: Vec<Secret>,
    /// The dialect's: a character and what is sent for it. A module may say a secret in this form, too.
    escapes: Vec<(char, String)>,
    masker: Masker,
}

/// How a secret goes into a line.
enum Use<'t> {
    Plain(&'t str),
    Escaped(&'t str),
}

impl<'t> Use<'t> {
    fn of(hole: &'t str) -> Self {
        match hole.strip_prefix("escape(").and_then(|rest| rest.strip_suffix(')')) {
            Some(name) => Self::Escaped(name.trim()),
            None => Self::Plain(hole.trim()),
        }
    }

    fn name(&self) -> &'t str {
        match self {
            Self::Plain(name) | Self::Escaped(name) => name,
        }
    }
}

impl Secrets {
    /// None so far; `escapes` are those of the module's dialect.
    pub(in crate::cli) fn with(escapes: &[(char, String)]) -> Self {
        Self { escapes: escapes.to_vec(), ..Self::default() }
    }

    /// Keeps a secret, in place of an earlier one of this name; one that cannot be looked for is not kept.
    pub(in crate::cli) fn put(&mut self, name: &str, value: &str) -> Result<(), TooLong> {
        let new = Secret { name: name.to_owned(), value: value.as_bytes().to_vec() };
        let all = self.former.iter().chain(&self.known).chain([&new]);
        self.masker = Masker::new(&all.cloned().collect::<Vec<_>>(), &self.escapes)?;
        self.former.extend(self.known.extract_if(.., |secret| secret.name == name));
        self.known.push(new);
        Ok(())
    }

    /// The names, in the order in which they were asked for.
    pub(in crate::cli) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(|secret| secret.name.as_str())
    }

    /// Whether a text holds one of them.
    pub(in crate::cli) fn shows_in(&self, text: &str) -> bool {
        matches!(self.masker.mask(text), Cow::Owned(_))
    }

    /// The mask over them.
    pub(super) fn masker(&self) -> &Masker {
        &self.masker
    }

    /// A command line as it is sent. The rules are those of a flow, so that what was recorded can run: a
    /// secret stays one argument, or has to be escaped.
    pub(super) fn command(&self, typed: &str) -> Result<String, String> {
        self.fill(typed, |text, used, before| {
            if text.chars().any(char::is_control) {
                return Err(format!("`{}` holds a control character", used.name()));
            }
            if let Use::Escaped(_) = used {
                return Ok(self.escaped(text));
            }
            let quoted = before.matches('"').count() % 2 == 1;
            let special = |c: &char| {
                let cuts = *c == '"' || (!quoted && matches!(c, ',' | ';'));
                cuts || self.escapes.iter().any(|(from, _)| from == c)
            };
            match text.chars().find(special) {
                Some(c) => Err(format!(
                    "`{0}` holds `{c}`, which would not stay one argument: write `${{escape({0})}}`",
                    used.name()
                )),
                None => Ok(text.to_owned()),
            }
        })
    }

    /// Data as it is sent.
    pub(super) fn data(&self, typed: &str) -> Result<String, String> {
        self.fill(typed, |text, _, _| Ok(text.to_owned()))
    }

    fn escaped(&self, text: &str) -> String {
        let replaced = |c| self.escapes.iter().find(|(from, _)| *from == c).map(|(_, to)| to.clone());
        text.chars().map(|c| replaced(c).unwrap_or_else(|| c.to_string())).collect()
    }

    fn fill(
        &self,
        typed: &str,
        value: impl Fn(&str, &Use<'_>, &str) -> Result<String, String>,
    ) -> Result<String, String> {
        let mut out = String::with_capacity(typed.len());
        for part in parts(typed)? {
            let hole = match part {
                Part::Hole(hole) => hole,
                Part::Text(text) => {
                    out.push_str(&text);
                    continue;
                }
            };
            let used = Use::of(hole);
            let secret = self.known.iter().find(|secret| secret.name == used.name());
            let secret = secret
                .ok_or_else(|| format!("there is no secret `{0}`: `:secret {0}` asks for it", used.name()))?;
            out.push_str(&value(&String::from_utf8_lossy(&secret.value), &used, &out)?);
        }
        Ok(out)
    }
}

/// A part of what was typed.
enum Part<'t> {
    /// As it is sent: `$${` has become `${`.
    Text(String),
    /// What stands between `${` and `}`.
    Hole(&'t str),
}

fn parts(typed: &str) -> Result<Vec<Part<'_>>, String> {
    let (mut parts, mut text) = (Vec::new(), String::new());
    let mut rest = typed;
    while let Some(at) = rest.find("${") {
        text.push_str(&rest[..at]);
        if rest[..at].ends_with('$') {
            text.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        let (hole, behind) =
            rest[at + 2..].split_once('}').ok_or("`${` without a `}`; the characters are `$${`")?;
        parts.extend([Part::Text(std::mem::take(&mut text)), Part::Hole(hole)]);
        rest = behind;
    }
    text.push_str(rest);
    parts.push(Part::Text(text));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stays_one_argument() {
        let escapes = [('"', "\\22".to_owned()), (',', "\\2C".to_owned())];
        let mut secrets = Secrets::with(&escapes);
        for (name, value) in [("PIN", "0000"), ("PIN", "1234"), ("KEY", "a,b")] {
            secrets.put(name, value).expect("they are short");
        }
        let command = |typed| secrets.command(typed);
        assert_eq!(command("AT+CPIN=\"${PIN}\"").as_deref(), Ok("AT+CPIN=\"1234\""));
        assert_eq!(command("AT+X=${escape(KEY)},1").as_deref(), Ok("AT+X=a\\2Cb,1"));
        // The module may read its own escapes between quotes, too.
        assert!(command("AT+X=\"${KEY}\"").unwrap_err().contains("one argument"));
        assert_eq!(command("AT+X=$${KEY}").as_deref(), Ok("AT+X=${KEY}"));
        assert!(command("AT+X=${KEY}").unwrap_err().contains("one argument"));
        assert!(command("AT+X=${OTHER}").unwrap_err().contains(":secret OTHER"));
        assert!(command("AT+X=${PIN").is_err());
        assert_eq!(secrets.data("${KEY}!").as_deref(), Ok("a,b!"));
        assert_eq!(secrets.names().collect::<Vec<_>>(), ["PIN", "KEY"]);
    }
}
