//! The command table: which entry a command line meets.
//!
//! A key names a command and its form. `AT+X=` is the set form, `AT+X?` the read form, `AT+X=?` the test
//! form, `AT+X` the execute form; `AT+X=1,1` is the set form narrowed to these first arguments; `ATD` and
//! `AT&W` are basic commands, with any digits and texts behind them. The longest key that meets a line
//! gives the whole entry.

use super::dialect::{CommandEntry, CommandRules, Dialect};

/// Stands for what is not known yet in the shape of a command line; no command line holds it.
pub const HOLE: char = '\0';

/// What a key says about the line behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Any arguments.
    Set,
    /// These arguments; more may follow.
    Narrowed,
    /// Nothing may follow.
    Exact,
    /// No letters may follow, but for quoted ones.
    Basic,
}

impl Form {
    fn of(key: &str) -> Self {
        let command = without_at(key);
        let name = command.strip_prefix('&').unwrap_or(command);
        if command.ends_with('?') {
            Self::Exact
        } else if command.ends_with('=') {
            Self::Set
        } else if command.contains('=') {
            Self::Narrowed
        } else if name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            Self::Basic
        } else {
            Self::Exact
        }
    }

    /// Whether a line goes on with `rest` behind the key.
    fn allows(self, rest: &str) -> bool {
        match self {
            Self::Set => rest != "?",
            Self::Narrowed => rest.is_empty() || rest.starts_with(','),
            Self::Exact => rest.is_empty(),
            Self::Basic => !has_letters_outside_quotes(rest),
        }
    }

    /// Whether a line goes on with `rest` and then something that is not known yet.
    fn may_allow(self, rest: &str) -> bool {
        self == Self::Set || self.allows(rest)
    }

    /// Whether it does whatever that something is.
    fn must_allow(self, rest: &str) -> bool {
        match self {
            Self::Set => !rest.is_empty() && rest != "?",
            Self::Narrowed => rest.starts_with(','),
            Self::Exact | Self::Basic => false,
        }
    }
}

impl Dialect {
    /// What the table says about a rendered command line, or about one part of a joined line.
    pub fn entry(&self, line: &str) -> Option<&CommandEntry> {
        let line = line.trim();
        self.commands
            .iter()
            .filter(|entry| !line.is_empty() && meets(&entry.key, line))
            .max_by_key(|entry| entry.key.len())
    }

    /// The entries that a line beginning with `literal_prefix` could meet, longest key first.
    pub fn entries_for_prefix(&self, literal_prefix: &str) -> Vec<&CommandEntry> {
        let prefix = literal_prefix.trim_start();
        let could = |entry: &&CommandEntry| match behind(prefix, &entry.key) {
            Some(rest) => Form::of(&entry.key).may_allow(rest),
            None => behind(&entry.key, prefix).is_some(),
        };
        let mut found: Vec<&CommandEntry> = self.commands.iter().filter(could).collect();
        found.sort_by_key(|entry| std::cmp::Reverse(entry.key.len()));
        let must = |entry: &&CommandEntry| {
            behind(prefix, &entry.key).is_some_and(|rest| Form::of(&entry.key).must_allow(rest))
        };
        // Behind a key that the line meets for certain, shorter ones have no chance.
        if let Some(certain) = found.iter().position(must) {
            found.truncate(certain + 1);
        }
        found
    }

    /// The entries that one command could meet; `shape` is its text with [`HOLE`] for what is not known yet.
    pub fn entries_for_shape(&self, shape: &str) -> Vec<&CommandEntry> {
        match shape.split_once(HOLE) {
            Some((prefix, _)) => self.entries_for_prefix(prefix),
            None => self.entry(shape).into_iter().collect(),
        }
    }

    /// The first part of a joined line that may not be in one, whatever its holes will hold. A line that is
    /// one command has none.
    pub fn must_stand_alone<'l>(&self, shape: &'l str) -> Option<&'l str> {
        let parts = split_joined(shape);
        let alone = |part: &&str| {
            self.entry(part).is_some()
                && self.entries_for_shape(part).iter().all(|entry| stands_alone(&entry.rules))
        };
        parts.iter().copied().filter(|_| parts.len() > 1).find(alone)
    }
}

/// A joined line has one final result for all its parts: a command that owes more has no place in it.
fn stands_alone(rules: &CommandRules) -> bool {
    rules.awaits.is_some()
        || rules.finals.is_some()
        || rules.prompt.is_some()
        || rules.restarts.is_some()
        || rules.once == Some(true)
}

/// Whether a command line, or one part of a joined line, is one that `key` names.
pub fn meets(key: &str, line: &str) -> bool {
    behind(line.trim(), key).is_some_and(|rest| Form::of(key).allows(rest))
}

/// The commands of a joined line, such as `AT+IPR=9600;&W`: cut at `;` outside quotes. Only the first
/// begins with `AT`. The `;` that makes `ATD…;` a voice call cuts nothing.
pub fn split_joined(line: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = line.split(|letter| {
        quoted ^= letter == '"';
        letter == ';' && !quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

fn without_at(text: &str) -> &str {
    match text.get(..2) {
        Some(start) if start.eq_ignore_ascii_case("AT") => &text[2..],
        _ => text,
    }
}

/// What follows `key` in `line`, compared without case but for what is in quotes.
fn behind<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    let (line, key) = (without_at(line), without_at(key));
    let start = line.get(..key.len())?;
    let mut quoted = false;
    let same = start.bytes().zip(key.bytes()).all(|(found, wanted)| {
        quoted ^= found == b'"';
        if quoted { found == wanted } else { found.eq_ignore_ascii_case(&wanted) }
    });
    same.then(|| &line[key.len()..])
}

fn has_letters_outside_quotes(text: &str) -> bool {
    text.split('"').step_by(2).any(|piece| piece.contains(|letter: char| letter.is_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::at::dialect::Finals;

    fn dialect(keys: &[&str]) -> Dialect {
        let entry = |key: &&str| CommandEntry { key: (*key).into(), rules: CommandRules::default() };
        Dialect { commands: keys.iter().map(entry).collect(), ..Dialect::default() }
    }

    #[test]
    fn keys_name_command_and_form() {
        let dialect = dialect(&[
            "AT&W",
            "AT+CFUN=",
            "AT+CFUN=1,1",
            "AT+CIPSHUT",
            "AT+COPS=",
            "AT+COPS=?",
            "AT+QMTCONN=",
            "AT+SSLCFG=\"cacert\"",
            "AT+UMQTTC=9",
            "ATD",
            "AT",
        ]);
        for (line, key) in [
            ("AT+QMTCONN=0,\"id\"", Some("AT+QMTCONN=")),
            ("AT+QMTCONN?", None),
            ("AT+QMTCONN=?", None),
            ("at+qmtconn=0", Some("AT+QMTCONN=")),
            ("AT+COPS=?", Some("AT+COPS=?")),
            ("AT+COPS=0", Some("AT+COPS=")),
            ("AT+CIPSHUT", Some("AT+CIPSHUT")),
            ("AT+CIPSHUT=1", None),
            ("AT+CFUN=1,1", Some("AT+CFUN=1,1")),
            ("AT+CFUN=1,10", Some("AT+CFUN=")),
            ("AT+UMQTTC=9,0,0,\"t\",5", Some("AT+UMQTTC=9")),
            ("AT+UMQTTC=90", None),
            ("AT+SSLCFG=\"cacert\",88", Some("AT+SSLCFG=\"cacert\"")),
            ("AT+sslcfg=\"CACERT\",88", None),
            ("ATD*99#", Some("ATD")),
            ("atd\"Mum\";", Some("ATD")),
            ("ATDX1", None),
            ("&W", Some("AT&W")),
            ("AT&W0", Some("AT&W")),
            ("AT", Some("AT")),
            ("AT+X", None),
            ("+CIPSHUT", Some("AT+CIPSHUT")),
            ("", None),
        ] {
            assert_eq!(dialect.entry(line).map(|entry| entry.key.as_str()), key, "{line}");
        }
    }

    #[test]
    fn a_prefix_meets_what_it_could_become() {
        let dialect = dialect(&["AT+CFUN=", "AT+CFUN=1,1", "AT+CFUN?", "AT+MSUB=", "AT+MSUB=?"]);
        let keys = |prefix| {
            let found = dialect.entries_for_prefix(prefix);
            found.into_iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(keys("AT+CFUN"), ["AT+CFUN=1,1", "AT+CFUN=", "AT+CFUN?"]);
        assert_eq!(keys("AT+CFUN=1,"), ["AT+CFUN=1,1", "AT+CFUN="]);
        assert_eq!(keys("AT+CFUN=1,1,"), ["AT+CFUN=1,1"]);
        assert_eq!(keys("at+cfun=4"), ["AT+CFUN="]);
        assert_eq!(keys("AT+MSUB=t,"), ["AT+MSUB="]);
        assert_eq!(keys("AT+X="), Vec::<&str>::new());
    }

    #[test]
    fn a_part_that_owes_more_is_found_if_it_is_certain() {
        let mut dialect = dialect(&["AT+CFUN=", "AT+CFUN=1,1", "AT+OPEN="]);
        for entry in &mut dialect.commands[1..] {
            entry.rules.finals = Some(Finals::None);
        }
        for (shape, part) in [
            ("AT+CSQ;+OPEN=1", Some("+OPEN=1")),
            ("AT+OPEN=1;+CSQ", Some("AT+OPEN=1")),
            ("AT+CSQ;+open=\0\0,1", Some("+open=\0\0,1")),
            ("AT+OPEN=1", None),
            ("AT+CSQ;+OPEN?", None),
            ("AT+CSQ=\";+OPEN=1\";+X", None),
            ("AT+CSQ;+CFUN=1,1", Some("+CFUN=1,1")),
            ("AT+CSQ;+CFUN=1,\0", None),
            ("AT+CSQ;\0", None),
            ("AT+CSQ;+OPEN\0", None),
        ] {
            assert_eq!(dialect.must_stand_alone(shape), part, "{shape:?}");
        }
    }

    #[test]
    fn joined_lines_are_cut_outside_quotes() {
        assert_eq!(split_joined("AT+IPR=9600;&W"), ["AT+IPR=9600", "&W"]);
        assert_eq!(split_joined("AT+X=\"a;b\";+Y"), ["AT+X=\"a;b\"", "+Y"]);
        assert_eq!(split_joined("ATD123;"), ["ATD123"]);
    }
}
