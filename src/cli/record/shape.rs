//! From lines to a pattern: what may be another value tomorrow becomes a hole. What decided, because the
//! same command was repeated until it said so, stays.

use std::net::Ipv4Addr;

use crate::at::pattern::Pattern;

/// From so many digits on, a number is a name: an IMEI, an IMSI.
const DIGITS: usize = 10;
/// From so many characters on, hexadecimal digits are a name: an ICCID.
const HEX: usize = 8;

/// Names for the fields of answers that everybody asks for, by what the line, or the command, begins with.
const NAMES: &[(&str, &[&str])] = &[
    ("+CBC", &["supply_mv"]),
    ("+CCID", &["iccid"]),
    ("+CMGS", &["reference"]),
    ("+COPS", &["mode", "format", "operator", "access"]),
    ("+CSQ", &["rssi", "ber"]),
    ("+ICCID", &["iccid"]),
    ("AT+CGMR", &["firmware"]),
    ("AT+CGSN", &["imei"]),
    ("AT+CIMI", &["imsi"]),
    ("AT+GSN", &["imei"]),
];

/// One line of an answer, and what is known of it.
pub(super) struct Seen<'s> {
    /// The command.
    pub command: &'s str,
    /// The line.
    pub line: &'s str,
    /// The same line of other answers to the same command.
    pub others: Vec<&'s str>,
    /// The same line of answers that were not good enough, and were asked for again.
    pub refused: Vec<&'s str>,
}

impl Seen<'_> {
    /// A pattern that takes the line and the others, and none that was not good enough; `None` if there is
    /// no such pattern. There is none for noise: the text has a sign in the place of bytes that were no text.
    pub(super) fn pattern(&self) -> Option<String> {
        if self.line.contains(char::REPLACEMENT_CHARACTER) {
            return None;
        }
        let (head, body) = head(self.line);
        let fields = fields(body);
        let names = names(head, self.command).filter(|_| fields.len() <= NAMES_MOST);
        let mut text = escaped(head);
        if !head.is_empty() && !body.is_empty() {
            text.push(' ');
        }
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            let name = names.and_then(|names| names.get(index)).copied().unwrap_or_default();
            text.push_str(&self.field(index, field, name));
        }
        let pattern = Pattern::parse(&text).ok()?;
        let takes = |line: &str| pattern.is_match(line.as_bytes(), &[]);
        let good = takes(self.line) && self.others.iter().all(|line| takes(line));
        (good && !self.refused.iter().any(|line| takes(line))).then_some(text)
    }

    fn field(&self, index: usize, field: &str, name: &str) -> String {
        let same = |line: &&str| fields(head(line).1).get(index).copied() == Some(field);
        let decides = !self.refused.is_empty() && !self.refused.iter().any(same);
        let varies = !self.others.iter().all(same);
        let Some(kind) = kind(field).filter(|_| !decides) else {
            return if varies && !decides { format!("{{{name}}}") } else { escaped(field) };
        };
        match kind {
            // A state, such as registered or not; a number that changes, or has a name, is none.
            Kind::Digit if !varies && name.is_empty() => escaped(field),
            Kind::Digit | Kind::Int => format!("{{{name}:int}}"),
            Kind::Number => format!("{{{name}:number}}"),
            Kind::Digits => format!("{{{name}:digits}}"),
            Kind::Hex => format!("{{{name}:hex}}"),
            Kind::Ipv4 => format!("{{{name}:ipv4}}"),
            Kind::Quoted => format!("{{{name}}}"),
        }
    }
}

/// A line of more fields says something else than the table knows.
const NAMES_MOST: usize = 4;

fn names(head: &str, command: &str) -> Option<&'static [&'static str]> {
    let head = head.trim_end_matches(':');
    let wanted = if head.is_empty() { command } else { head };
    NAMES.iter().find(|(known, _)| *known == wanted).map(|(_, names)| *names)
}

/// `+CSQ:` and what follows.
fn head(line: &str) -> (&str, &str) {
    let begins = line.starts_with(['+', '^', '*', '%', '#', '$']);
    match line.find(':').filter(|_| begins) {
        Some(colon) => (&line[..=colon], line[colon + 1..].trim()),
        None => ("", line.trim()),
    }
}

/// The fields between commas; a comma in quotes parts none.
fn fields(body: &str) -> Vec<&str> {
    let mut quoted = false;
    let parts = body.split(|c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    });
    parts.map(str::trim).collect()
}

/// A field that looks like a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Digit,
    Int,
    Number,
    Digits,
    Hex,
    Ipv4,
    Quoted,
}

fn kind(field: &str) -> Option<Kind> {
    let unsigned = field.strip_prefix(['-', '+']).unwrap_or(field);
    let all = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| is(&byte));
    let digits = |text: &str| all(text, u8::is_ascii_digit);
    if field.len() >= 2 && field.starts_with('"') && field.ends_with('"') {
        Some(Kind::Quoted)
    } else if digits(field) && field.len() >= DIGITS {
        Some(Kind::Digits)
    } else if digits(unsigned) {
        Some(if field.len() == 1 { Kind::Digit } else { Kind::Int })
    } else if unsigned.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part)) {
        Some(Kind::Number)
    } else if field.parse::<Ipv4Addr>().is_ok() {
        Some(Kind::Ipv4)
    } else if field.len() >= HEX
        && all(field, u8::is_ascii_hexdigit)
        && field.bytes().any(|byte| byte.is_ascii_digit())
    {
        Some(Kind::Hex)
    } else {
        None
    }
}

/// Fixed text of a pattern.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        out.push(c);
        if matches!(c, '{' | '}' | '[' | ']') {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(command: &str, line: &str, others: &[&str], refused: &[&str]) -> Option<String> {
        Seen { command, line, others: others.to_vec(), refused: refused.to_vec() }.pattern()
    }

    #[test]
    fn values_are_holes_and_states_are_not() {
        for (command, line, wanted) in [
            ("AT+CSQ", "+CSQ: 17,99", "+CSQ: {rssi:int},{ber:int}"),
            ("AT+CMGS=\"1\"", "+CMGS: 1", "+CMGS: {reference:int}"),
            ("AT+CREG?", "+CREG: 0,1", "+CREG: 0,1"),
            ("AT+CPIN?", "+CPIN: READY", "+CPIN: READY"),
            ("AT+COPS?", "+COPS: 0,2,\"46000\",7", "+COPS: {mode:int},{format:int},{operator},{access:int}"),
            ("AT+ICCID", "+ICCID: 898604981022C0254186", "+ICCID: {iccid:hex}"),
            ("AT+CGSN", "866714045612345", "{imei:digits}"),
            ("AT+X?", "+X: \"a,b\",-17,1.5,10.0.0.1", "+X: {},{:int},{:number},{:ipv4}"),
            ("AT+X?", "+X: (0-3),[a],{b}", "+X: (0-3),[[a]],{{b}}"),
            ("ATI", "AirM2M_720U_V301836_LTE_AT", "AirM2M_720U_V301836_LTE_AT"),
        ] {
            assert_eq!(pattern(command, line, &[], &[]).as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn what_varies_between_repeats_is_a_hole() {
        assert_eq!(pattern("AT+Y?", "+Y: 3,on", &["+Y: 4,off"], &[]).as_deref(), Some("+Y: {:int},{}"));
        assert_eq!(pattern("AT+Y?", "+Y: 3", &["+Z: 4"], &[]), None);
    }

    #[test]
    fn noise_has_no_pattern() {
        assert_eq!(pattern("AT+RESET", "\u{fffd}^boot.rom'v0401'!", &[], &[]), None);
    }

    #[test]
    fn what_decided_stays() {
        let attached = pattern("AT+CGATT?", "+CGATT: 1", &[], &["+CGATT: 0", "+CGATT: 0"]);
        assert_eq!(attached.as_deref(), Some("+CGATT: 1"));
        let signal = pattern("AT+CSQ", "+CSQ: 17,0", &[], &["+CSQ: 99,0"]);
        assert_eq!(signal.as_deref(), Some("+CSQ: 17,{ber:int}"));
    }
}
