//! Command lines as a module reads them: `AT`, then one or more commands, then arguments (ITU-T V.250, 5).

/// Which way a command is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `AT+X`
    Execute,
    /// `AT+X?`
    Read,
    /// `AT+X=…`
    Set,
    /// `AT+X=?`
    Test,
}

/// One command of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    /// `+CSQ`, `E`, `&W`, `S3`; empty for a bare `AT`. Upper case.
    pub(crate) name: String,
    /// Which way it is used.
    pub(crate) form: Form,
    /// What stands behind the name or its `=`, as it came.
    pub(crate) args: Vec<u8>,
}

/// How quoted text hides a quotation mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Not at all: a quotation mark always ends it (Luat).
    Plain,
    /// With a backslash, as a comma and a backslash are hidden too (ESP-AT).
    Backslash,
}

/// One argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Argument {
    /// Without its quotation marks; backslashes are resolved for [`Quoting::Backslash`].
    pub(crate) bytes: Vec<u8>,
    /// Whether it stood in quotation marks.
    pub(crate) quoted: bool,
}

impl Argument {
    /// As text; bytes that are no UTF-8 become U+FFFD.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// As a number, quoted or not.
    pub(crate) fn number<N: std::str::FromStr>(&self) -> Option<N> {
        std::str::from_utf8(&self.bytes).ok()?.trim().parse().ok()
    }

    /// As a number from 0 to `most`, quoted or not.
    pub(crate) fn up_to(&self, most: u8) -> Option<u8> {
        self.number().filter(|number| *number <= most)
    }
}

impl Command {
    /// `AT+CSQ`, `AT+CPIN?`, `AT+CPIN=`, `AT+CPIN=?`: what tables are keyed by. Basic commands keep
    /// their number: `ATE0`.
    pub(crate) fn key(&self) -> String {
        let form = match self.form {
            Form::Execute => return format!("AT{}{}", self.name, String::from_utf8_lossy(&self.args)),
            Form::Read => "?",
            Form::Set => "=",
            Form::Test => "=?",
        };
        format!("AT{}{form}", self.name)
    }

    /// The key with its arguments: `AT+CFUN=1,1`.
    pub(crate) fn text(&self) -> String {
        match self.form {
            Form::Set => format!("AT{}={}", self.name, String::from_utf8_lossy(&self.args)),
            _ => self.key(),
        }
    }

    /// The arguments, split at commas outside quotation marks. `None` if a quoted one does not end at a
    /// comma or at the end of the line.
    pub(crate) fn arguments(&self, quoting: Quoting) -> Option<Vec<Argument>> {
        let mut found = Vec::new();
        let mut rest = self.args.as_slice();
        loop {
            let (argument, after) = argument(rest, quoting)?;
            found.push(argument);
            match after.split_first() {
                None => return Some(found),
                Some((b',', more)) => rest = more,
                Some(_) => return None,
            }
        }
    }

    /// The one number that a set command was given.
    pub(crate) fn number(&self) -> Option<u32> {
        (Argument { bytes: self.args.clone(), quoted: false }).number()
    }
}

/// Takes one argument off the front; what is left begins with a comma or is empty, if all is well.
fn argument(input: &[u8], quoting: Quoting) -> Option<(Argument, &[u8])> {
    let Some(quoted) = input.strip_prefix(b"\"") else {
        let end = input.iter().position(|&byte| byte == b',').unwrap_or(input.len());
        return Some((Argument { bytes: input[..end].to_vec(), quoted: false }, &input[end..]));
    };
    let mut bytes = Vec::new();
    let mut index = 0;
    loop {
        match *quoted.get(index)? {
            b'"' => return Some((Argument { bytes, quoted: true }, &quoted[index + 1..])),
            b'\\' if quoting == Quoting::Backslash => {
                index += 1;
                bytes.push(*quoted.get(index)?);
            }
            byte => bytes.push(byte),
        }
        index += 1;
    }
}

/// Splits what stands behind `AT` into commands. `None` if it is not one: `ERROR`.
pub(crate) fn commands(mut rest: &[u8], quoting: Quoting) -> Option<Vec<Command>> {
    let mut found = Vec::new();
    while let Some(&first) = rest.first() {
        let (command, after) = match first {
            b';' | b' ' => {
                rest = &rest[1..];
                continue;
            }
            b'+' | b'^' | b'*' | b'%' | b'$' => {
                let (text, after) = rest.split_at(unquoted_semicolon(rest, quoting));
                (extended(text)?, after)
            }
            b'D' | b'd' => (basic("D", &rest[1..]), &rest[rest.len()..]),
            b'&' => numbered(rest, 2)?,
            byte if byte.is_ascii_alphabetic() => numbered(rest, 1)?,
            _ => return None,
        };
        found.push(command);
        rest = after;
    }
    if found.is_empty() {
        found.push(basic("", b""));
    }
    Some(found)
}

fn basic(name: &str, args: &[u8]) -> Command {
    Command { name: name.to_ascii_uppercase(), form: Form::Execute, args: args.to_vec() }
}

/// A letter or two and a number; `S3=13` and `S3?` for registers.
fn numbered(input: &[u8], letters: usize) -> Option<(Command, &[u8])> {
    let name = std::str::from_utf8(input.get(..letters)?).ok()?;
    let digits = |from: &[u8]| from.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = input[letters..].split_at(digits(&input[letters..]));
    if !name.eq_ignore_ascii_case("S") {
        return Some((basic(name, number), after));
    }
    let name = format!("S{}", String::from_utf8_lossy(number));
    match after.split_first() {
        Some((b'?', after)) => Some((Command { name, form: Form::Read, args: Vec::new() }, after)),
        Some((b'=', value)) => {
            let (value, after) = value.split_at(digits(value));
            Some((Command { name, form: Form::Set, args: value.to_vec() }, after))
        }
        _ => None,
    }
}

/// `+NAME`, `+NAME?`, `+NAME=?`, `+NAME=…`
fn extended(text: &[u8]) -> Option<Command> {
    let end = text.iter().position(|byte| matches!(byte, b'=' | b'?')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let name = std::str::from_utf8(name).ok()?.trim_end().to_ascii_uppercase();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+^*%$-_:/.!".contains(&byte);
    if name.len() < 2 || !name.bytes().all(plain) {
        return None;
    }
    let (form, args) = match rest {
        b"" => (Form::Execute, &b""[..]),
        b"?" => (Form::Read, &b""[..]),
        b"=?" => (Form::Test, &b""[..]),
        [b'=', args @ ..] => (Form::Set, args),
        _ => return None,
    };
    Some(Command { name, form, args: args.to_vec() })
}

fn unquoted_semicolon(text: &[u8], quoting: Quoting) -> usize {
    let mut inside = false;
    let mut escaped = false;
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoting == Quoting::Backslash => escaped = true,
            b'"' => inside = !inside,
            b';' if !inside => return index,
            _ => {}
        }
    }
    text.len()
}

/// Resolves `\` and two hexadecimal digits to one byte, as Luat's `AT+MPUB` does with `\22 \2C \0D \0A
/// \5C`. `None` where a backslash is followed by anything else: the module answers `ERROR` to `\"`.
pub(crate) fn unescape_hex(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' {
            bytes.push(hex_byte(rest.get(..2)?)?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    Some(bytes)
}

/// Bytes from pairs of hexadecimal digits, nothing between them.
pub(crate) fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    text.chunks(2).map(hex_byte).collect()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(*high)? << 4 | digit(*low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(line: &str) -> Option<Vec<String>> {
        commands(line.as_bytes(), Quoting::Plain).map(|all| all.iter().map(Command::text).collect())
    }

    #[test]
    fn command_lines() {
        assert_eq!(keys(""), Some(vec!["AT".into()]));
        assert_eq!(keys("E0"), Some(vec!["ATE0".into()]));
        assert_eq!(keys("E0V1"), Some(vec!["ATE0".into(), "ATV1".into()]));
        assert_eq!(keys("+IPR=115200;&W"), Some(vec!["AT+IPR=115200".into(), "AT&W".into()]));
        assert_eq!(keys("+CSQ;+CPIN?"), Some(vec!["AT+CSQ".into(), "AT+CPIN?".into()]));
        assert_eq!(keys("+X=\"a;b\";+Y"), Some(vec!["AT+X=\"a;b\"".into(), "AT+Y".into()]));
        assert_eq!(keys("S3=13"), Some(vec!["ATS3=13".into()]));
        assert_eq!(keys("+CPIN?x"), None);
        assert_eq!(keys("=1"), None);
        assert_eq!(keys("+"), None);
    }

    #[test]
    fn arguments_quoted_and_not() {
        let of = |text: &str, quoting| {
            let command = Command { name: "+X".into(), form: Form::Set, args: text.into() };
            command.arguments(quoting).map(|all| all.iter().map(Argument::text).collect::<Vec<_>>())
        };
        assert_eq!(of(r#""h","1883""#, Quoting::Plain), Some(vec!["h".into(), "1883".into()]));
        assert_eq!(of("h,1883", Quoting::Plain), Some(vec!["h".into(), "1883".into()]));
        assert_eq!(of(r#"x,"a,b|c=1""#, Quoting::Plain), Some(vec!["x".into(), "a,b|c=1".into()]));
        assert_eq!(of(r#""a\"b""#, Quoting::Plain), None);
        assert_eq!(of(r#""a\"b\,\\""#, Quoting::Backslash), Some(vec![r#"a"b,\"#.into()]));
        assert_eq!(of(r#""open"#, Quoting::Plain), None);
        assert_eq!(of(",", Quoting::Plain), Some(vec![String::new(), String::new()]));
    }

    #[test]
    fn hexadecimal_escapes() {
        assert_eq!(
            unescape_hex(br"{\22t\22:31.6\2C\5C\0D\0A}").as_deref(),
            Some(&b"{\"t\":31.6,\\\r\n}"[..])
        );
        assert_eq!(unescape_hex(br#"{\"t\"}"#), None);
        assert_eq!(unescape_hex(br"end\2"), None);
        assert_eq!(unhex(b"313233"), Some(b"123".to_vec()));
        assert_eq!(unhex(b"31323"), None);
    }
}
