//! May a handler send this AT text? The text may have been put together from what came over the network, so
//! it is read as strictly as a module could read it loosely: without case and blanks, cut at every `;` outside
//! quotes, basic commands one by one, and every command of it judged alone. What cannot be read is refused.

use crate::at::dialect::Dialect;
use crate::at::table::{meets, split_joined};

use super::code::{Code, Refusal, quoted};
use super::danger;

/// What a handler is allowed.
#[derive(Clone, Copy, Debug)]
pub struct AtRules<'a> {
    /// `downlink.at`: the only commands, as keys of a command table; `None`: any harmless one.
    pub allowed: Option<&'a [String]>,
    /// The method has `allow: dangerous`.
    pub dangerous: bool,
}

/// Whether `line` may be sent.
///
/// # Errors
///
/// Why not, with [`Code::Refused`].
pub fn judge(line: &str, rules: &AtRules<'_>, dialect: &Dialect) -> Result<(), Refusal> {
    readable(line)?;
    let plain = plain(line);
    not_an_escape(&plain)?;
    let mut commands = Vec::new();
    for (index, (part, written)) in split_joined(&plain).into_iter().zip(split_joined(line)).enumerate() {
        let mut rest = part_without_at(part, index == 0)?;
        loop {
            let command = Command::first_of(rest)
                .ok_or_else(|| refused(format!("{} cannot be read as a command", quoted(written))))?;
            if let Some(why) = command.never() {
                return Err(refused(format!("{} {why}, and a handler never does", quoted(written))));
            }
            rest = &rest[command.text.len()..];
            commands.push((command, written));
            if rest.is_empty() {
                break;
            }
        }
    }
    commands.iter().try_for_each(|(command, written)| allowed(command, written, rules, dialect))
}

fn refused(message: String) -> Refusal {
    Refusal::new(Code::Refused, message)
}

/// Nothing that a module could take for the end of the line or of a quoted text where we do not.
fn readable(line: &str) -> Result<(), Refusal> {
    if let Some(control) = line.chars().find(|character| character.is_control()) {
        let code = u32::from(control);
        return Err(refused(format!("{} holds the control character 0x{code:02X}", quoted(line))));
    }
    let mut quotes = false;
    for character in line.chars() {
        quotes ^= character == '"';
        // V.250 lets a module look at the lower seven bits only, where such a character is another one.
        if !quotes && !character.is_ascii() {
            return Err(refused(format!("{} holds {character:?} outside quotes", quoted(line))));
        }
    }
    if quotes {
        return Err(refused(format!("{} has a quote that is never closed", quoted(line))));
    }
    // Whether `\"` closes a text is not the same on every module.
    if line.contains("\\\"") && line.contains(';') {
        return Err(refused(format!("{} holds both `\\\"` and `;`, and may be two commands", quoted(line))));
    }
    Ok(())
}

/// The line as a module compares it: no blanks and no small letters outside quotes.
fn plain(line: &str) -> String {
    let mut quotes = false;
    let mut plain = String::with_capacity(line.len());
    for character in line.chars() {
        quotes ^= character == '"';
        if quotes {
            plain.push(character);
        } else if character != ' ' {
            plain.push(character.to_ascii_uppercase());
        }
    }
    plain
}

fn not_an_escape(plain: &str) -> Result<(), Refusal> {
    let never = |what: &str| Err(refused(format!("{}: {what}, and a handler never does", quoted(plain))));
    if plain.starts_with("A/") {
        return never("`A/` repeats whatever was sent last");
    }
    if outside_quotes(plain).any(|piece| piece.contains("+++")) {
        return never("`+++` leaves the data mode");
    }
    if !plain.starts_with("AT") {
        return Err(refused(format!("{} does not begin with `AT`", quoted(plain))));
    }
    Ok(())
}

fn outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').step_by(2)
}

fn part_without_at(part: &str, first: bool) -> Result<&str, Refusal> {
    match (first, part.strip_prefix("AT")) {
        (true, Some(commands)) => Ok(commands),
        (false, None) => Ok(part),
        (true, None) => Err(refused(format!("{} does not begin with `AT`", quoted(part)))),
        (false, Some(_)) => Err(refused(format!(
            "{}: only the first command of a joined line begins with `AT`",
            quoted(part)
        ))),
    }
}

/// One command of a line, in its plain spelling.
#[derive(Debug, PartialEq, Eq)]
struct Command<'p> {
    /// All of it, without `AT`; nothing if the line is `AT` alone.
    text: &'p str,
    /// Without sign, form and arguments: `CFUN`. Of a basic command with its `&`: `&W`.
    name: &'p str,
    /// Letters and digits: `E0`, `&W`, `S3=13`, `D*99#`; else `+CSQ`, `^RESET`, `+CFUN=1,1`.
    basic: bool,
    /// It is the read or the test form: `+CFUN?`, `+CFUN=?`, `S3?`.
    asks: bool,
}

/// What extended commands begin with: V.250's `+`, the others by vendor.
const SIGNS: &str = "+^*$%#!@_-";

impl<'p> Command<'p> {
    /// The command that `text` begins with. Basic commands may follow each other, and an extended one may
    /// follow them, without anything between (V.250, 5.2.4); an extended one goes to the end.
    fn first_of(text: &'p str) -> Option<Self> {
        match text.chars().next() {
            None => Some(Self { text, name: text, basic: true, asks: true }),
            Some(first) if SIGNS.contains(first) => Self::extended(text),
            Some(_) => Self::basic(text),
        }
    }

    fn extended(text: &'p str) -> Option<Self> {
        let of_name = |character: char| character.is_ascii_alphanumeric() || "!%-./:_".contains(character);
        let end = text[1..].find(|character| !of_name(character)).map_or(text.len(), |end| end + 1);
        let asks = match &text[end..] {
            "?" | "=?" => true,
            form if form.is_empty() || form.starts_with('=') => false,
            _ => return None,
        };
        (end > 1).then_some(Self { text, name: &text[1..end], basic: false, asks })
    }

    fn basic(text: &'p str) -> Option<Self> {
        let sign = usize::from(text.starts_with(['&', '\\']));
        let letter = text[sign..].chars().next().filter(char::is_ascii_alphabetic)?;
        let name = &text[..=sign];
        if letter == 'D' && sign == 0 {
            // The number goes to the end, letters and all.
            return Some(Self { text, name, basic: true, asks: false });
        }
        let digits = |text: &str| text.len() - text.trim_start_matches(|d: char| d.is_ascii_digit()).len();
        let number = sign + 1 + digits(&text[sign + 1..]);
        let behind = &text[number..];
        let (end, asks) = if behind.starts_with("=?") {
            (number + 2, true)
        } else if behind.starts_with('?') {
            (number + 1, true)
        } else if let Some(value) = behind.strip_prefix('=') {
            (number + 1 + digits(value), false)
        } else {
            (number, false)
        };
        Some(Self { text: &text[..end], name, basic: true, asks })
    }

    /// What no handler sends, and why.
    fn never(&self) -> Option<&'static str> {
        match self.name {
            _ if !self.basic => None,
            "D" => Some("dials, and what follows is no longer heard"),
            "O" => Some("goes back to data mode, where no command is heard"),
            _ => None,
        }
    }

    /// What it may do, if that is dangerous.
    fn danger(&self) -> Option<&'static str> {
        // Some modules take `&W` and `&F` behind any argument, without a `;`.
        let settings = outside_quotes(self.text).any(|piece| piece.contains("&W") || piece.contains("&F"));
        if settings || (self.basic && self.name == "Z") {
            return Some("stores or brings back settings");
        }
        match (self.asks, self.basic) {
            (true, _) => None,
            (false, true) => danger::basic(self.name),
            (false, false) => danger::extended(self.name),
        }
    }
}

/// Judges one command of the part that the handler wrote as `written`.
fn allowed(
    command: &Command<'_>,
    written: &str,
    rules: &AtRules<'_>,
    dialect: &Dialect,
) -> Result<(), Refusal> {
    let shown = quoted(written);
    if rules.allowed.is_some_and(|keys| !keys.iter().any(|key| meets(key, command.text))) {
        return Err(refused(format!("{shown} is not among the commands of `downlink.at`")));
    }
    let entry = dialect.entry(command.text);
    let mut danger = command.danger();
    if let Some(entry) = entry {
        if entry.rules.prompt.is_some() {
            return Err(refused(format!("{shown} asks for data: put it into a flow and `run` that")));
        }
        // It is sent as it is written, and would go out without what the table says of it.
        if dialect.entry(written).is_none_or(|known| known.key != entry.key) {
            let key = &entry.key;
            return Err(refused(format!("{shown} is not spelled as the command table has it, `{key}`")));
        }
        if entry.rules.restarts.is_some() {
            danger = Some("restarts the module");
        } else if entry.rules.once == Some(true) {
            danger = Some("may be sent only once");
        }
    }
    match danger {
        Some(what) if !rules.dangerous => {
            Err(refused(format!("{shown} {what}; its method needs `allow: dangerous`")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
