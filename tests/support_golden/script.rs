//! `module.txt`: what the module does. A line is a time, a mark and bytes:
//!
//! ```text
//! # comment
//! baud 9600                       the port's speed; without it the link has none
//!   0.000s > AT+CSQ\r\n           these bytes must leave, all at once, at exactly this time
//!    +15ms < \r\n+CSQ: 17         these come so long after the line above
//!      +0s ! gone                 the port vanishes (reopening waits for `back`)
//!      +3s ! back                 and is there again
//!   0.000s ! baud 460800          the flow must change the port so
//!      +5s ! typed yes            the operator answers the open question
//!   0.000s ! bytes 4096           so many bytes must leave, all at once
//!   0.000s ! full 3               the module takes so many of the bytes that leave now, and no more
//!   +200ms ! stop                 somebody presses Ctrl-C
//! ```

use std::time::Duration;

/// A whole file.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The port's speed.
    pub baud_bps: Option<u32>,
    /// What happens, in order.
    pub acts: Vec<Act>,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Act {
    /// After the act above it; how long, for what the module does.
    pub after: Duration,
    /// What.
    pub what: What,
    /// The line in the file, from 0.
    pub line: usize,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The flow must send this.
    Sent(Vec<u8>),
    /// The module says this.
    Said(Vec<u8>),
    /// The flow must change the port so.
    Changed(String),
    /// The module takes only so many bytes of what is written next.
    Full(usize),
    /// The flow must send so many bytes, whatever they are.
    SentBytes(usize),
    /// The port vanishes.
    Gone,
    /// The port is back.
    Back,
    /// The operator types this.
    Typed(String),
    /// Ctrl-C.
    Stop,
}

impl What {
    /// Whether the flow does it, and not the module or its user.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Sent(_) | Self::SentBytes(_) | Self::Changed(_) | Self::Full(_))
    }
}

impl Script {
    /// Reads a file; a mistake in it stops the test.
    pub fn parse(text: &str) -> Self {
        let mut script = Self::default();
        for (number, line) in text.lines().enumerate() {
            let bare = line.trim_start();
            if bare.is_empty() || bare.starts_with('#') {
                continue;
            }
            if let Some(baud) = bare.strip_prefix("baud ") {
                script.baud_bps = Some(baud.trim().parse().expect("`baud` names a number"));
                continue;
            }
            script.acts.push(act(line, number));
        }
        script
    }

    /// The same with what the module says cut into pieces of the sizes that `cut` gives.
    pub fn cut(&self, mut cut: impl FnMut(usize) -> usize) -> Self {
        let mut acts = Vec::new();
        for act in &self.acts {
            let What::Said(bytes) = &act.what else {
                acts.push(act.clone());
                continue;
            };
            let (mut rest, mut after) = (bytes.as_slice(), act.after);
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
                acts.push(Act { after, what: What::Said(piece.to_vec()), ..act.clone() });
                (rest, after) = (more, Duration::ZERO);
            }
        }
        Self { baud_bps: self.baud_bps, acts }
    }
}

fn act(line: &str, number: usize) -> Act {
    let bad = |why: &str| -> ! { panic!("module.txt:{}: {why}: {line}", number + 1) };
    let Some((time, rest)) = line.trim_start().split_once(' ') else { bad("a time and an act are needed") };
    let (mark, rest) = rest.trim_start().split_at(1);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let what = match (mark, rest.split_once(' ').unwrap_or((rest, ""))) {
        (">", _) => What::Sent(unescape(rest)),
        ("<", _) => What::Said(unescape(rest)),
        ("!", ("gone", _)) => What::Gone,
        ("!", ("back", _)) => What::Back,
        ("!", ("stop", _)) => What::Stop,
        ("!", ("typed", typed)) => What::Typed(typed.to_string()),
        ("!", ("bytes", count)) => What::SentBytes(count.parse().expect("`bytes` names a number")),
        ("!", ("full", taken)) => What::Full(taken.parse().expect("`full` names a number of bytes")),
        ("!", ("baud" | "dtr" | "rts" | "break", _)) => What::Changed(rest.to_string()),
        _ => bad("unknown act"),
    };
    match time.strip_prefix('+') {
        Some(after) if !what.is_ours() => {
            let after = atflow::flow::duration::parse(after).unwrap_or_else(|_| bad("no duration"));
            Act { after, what, line: number }
        }
        // Its time is compared where the whole file is.
        None if what.is_ours() => Act { after: Duration::ZERO, what, line: number },
        _ => bad("what the module does has `+5ms`, what must be sent `1.250s`"),
    }
}

/// Bytes with `\r \n \t \\ \xNN`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&letter, more) = rest.split_first().expect("something follows a backslash");
        rest = more;
        match letter {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'\\' => out.push(b'\\'),
            b'x' => {
                let (digits, more) = rest.split_at(2);
                rest = more;
                let digits = str::from_utf8(digits).expect("two hexadecimal digits");
                out.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
            }
            other => panic!("`\\{}` is no escape", char::from(other)),
        }
    }
    out
}

/// Bytes as they are written in the file.
pub fn escape(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\r' => out.push_str("\\r"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                c if c.is_control() => write!(out, "\\x{:02x}", u32::from(c)).expect("a String takes it"),
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("a String takes it");
        }
    }
    out
}
