//! What a record is, and how it is written as a line of JSON. Written by hand: it is on the path of every
//! byte that crosses the link, and a general serializer costs several times as much.

use crate::link::Mono;

/// The version of the format that is written, and the newest one that is read.
pub const VERSION: u32 = 1;

/// The first line: where the conversation took place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The port as the user wrote it.
    pub port: String,
    /// The dialect, if one was named.
    pub module: Option<String>,
    /// When the run began, in milliseconds since 1970-01-01T00:00:00Z; none in a simulation.
    pub wall_ms: Option<i64>,
    /// Whether a person typed it: what a flow is made of then leaves out mistakes and repeats.
    pub by_hand: bool,
}

/// One line after the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When its last byte crossed the link. Never before the record above it.
    pub at: Mono,
    /// What happened.
    pub entry: Entry,
    /// Whether secrets were replaced: the bytes are not the ones that crossed the link.
    pub masked: bool,
}

/// What a record tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Bytes to the module.
    Tx(Vec<u8>),
    /// Bytes from the module.
    Rx(Vec<u8>),
    /// Something that is not on the line.
    Note(NoteKind, String),
}

/// The note of a port that is gone.
pub const GONE: &str = "the port is gone";
/// The note of a port that is there again.
pub const BACK: &str = "the port is back";
/// The note of a module that took only a part of what stands above it.
pub const SHORT: &str = "the module took no more";

/// What a note is about; its text says the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A step, or an attempt of it, begins.
    Step,
    /// A step ended: `passed`, or the error's name.
    End,
    /// The session lost its place in the conversation and finds it again.
    Resync,
    /// The port changed: speed, lines, gone, back.
    Port,
}

impl NoteKind {
    /// Its word in the file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::End => "end",
            Self::Resync => "resync",
            Self::Port => "port",
        }
    }

    /// The kind that `word` stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Step, Self::End, Self::Resync, Self::Port].into_iter().find(|kind| kind.word() == word)
    }
}

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Tx,
    Rx,
}

/// Appends the first line.
pub(super) fn push_header(out: &mut Vec<u8>, header: &Header) {
    out.extend_from_slice(br#"{"atflow":"transcript","version":"#);
    push_number(out, VERSION.into());
    out.extend_from_slice(br#","port":"#);
    push_text(out, &header.port);
    if let Some(module) = &header.module {
        out.extend_from_slice(br#","module":"#);
        push_text(out, module);
    }
    if let Some(wall_ms) = header.wall_ms {
        out.extend_from_slice(format!(r#","wall_ms":{wall_ms}"#).as_bytes());
    }
    if header.by_hand {
        out.extend_from_slice(br#","by_hand":true"#);
    }
    out.extend_from_slice(b"}\n");
}

/// Appends a record of bytes: as text if they are UTF-8, else in hexadecimal.
pub(super) fn push_bytes(out: &mut Vec<u8>, at: Mono, way: Way, bytes: &[u8], masked: bool) {
    if let Ok(text) = str::from_utf8(bytes) {
        return push_str(out, at, way, text, masked);
    }
    push_time(out, at);
    out.extend_from_slice(match way {
        Way::Tx => br#","tx_hex":""#,
        Way::Rx => br#","rx_hex":""#,
    });
    for byte in bytes {
        out.extend(hex_digits(*byte));
    }
    out.push(b'"');
    push_end(out, masked);
}

/// Appends a record of bytes that are known to be text.
pub(super) fn push_str(out: &mut Vec<u8>, at: Mono, way: Way, text: &str, masked: bool) {
    push_time(out, at);
    out.extend_from_slice(match way {
        Way::Tx => br#","tx":"#,
        Way::Rx => br#","rx":"#,
    });
    push_text(out, text);
    push_end(out, masked);
}

/// Appends a note.
pub(super) fn push_note(out: &mut Vec<u8>, at: Mono, kind: NoteKind, text: &str, masked: bool) {
    push_time(out, at);
    out.extend_from_slice(br#","note":""#);
    out.extend_from_slice(kind.word().as_bytes());
    out.extend_from_slice(br#"","text":"#);
    push_text(out, text);
    push_end(out, masked);
}

fn push_time(out: &mut Vec<u8>, at: Mono) {
    out.extend_from_slice(br#"{"t":"#);
    push_number(out, at.as_micros());
}

fn push_end(out: &mut Vec<u8>, masked: bool) {
    out.extend_from_slice(if masked { b",\"masked\":true}\n" } else { b"}\n" });
}

fn hex_digits(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// The first byte of every C1 control (U+0080 to U+009F) in UTF-8, and of U+00A0 to U+00BF.
const C1_LEAD: u8 = 0xc2;

const DEL: u8 = 0x7f;

/// How many bytes need no escape. DEL and the C1 controls are no business of JSON; they are escaped so that
/// a transcript shown on a terminal cannot steer it.
///
/// Eight bytes are looked at in one word: `zero` sets the high bit of each byte that is 0. Above such a byte
/// it may set more, from the borrow; only the lowest is asked for.
fn plain_bytes(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let equal = |word: u64, byte: u8| zero(word ^ (u64::from(byte) * ONES));
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(0x20 * ONES) & !word & HIGH;
        let quotes = equal(word, b'"') | equal(word, b'\\');
        let special = controls | quotes | equal(word, DEL) | equal(word, C1_LEAD);
        if special != 0 {
            return index * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let is_special = |byte: &u8| matches!(*byte, ..0x20 | b'"' | b'\\' | DEL | C1_LEAD);
    bytes.len() - rest.len() + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Appends `text` as a JSON string: runs of plain bytes are copied whole. What is escaped by a backslash in
/// front of it begins the next run.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    out.reserve(rest.len() + 32);
    out.push(b'"');
    let mut escaped = 0;
    loop {
        let (run, special) = rest.split_at(escaped + plain_bytes(&rest[escaped..]));
        out.extend_from_slice(run);
        (escaped, rest) = match *special {
            [] => break,
            [b'"' | b'\\', ..] => {
                out.push(b'\\');
                (1, special)
            }
            // How nearly every line ends.
            [b'\r', b'\n', ref rest @ ..] => {
                out.extend_from_slice(br"\r\n");
                (0, rest)
            }
            [C1_LEAD, control @ 0x80..=0x9f, ref rest @ ..] => {
                push_control(out, control);
                (0, rest)
            }
            [C1_LEAD, ..] => (1, special),
            [control, ref rest @ ..] => {
                push_control(out, control);
                (0, rest)
            }
        };
    }
    out.push(b'"');
}

/// Appends a control character by its letter or number.
fn push_control(out: &mut Vec<u8>, control: u8) {
    let letter = match control {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let [high, low] = hex_digits(control);
            return out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
        }
    };
    out.extend_from_slice(&[b'\\', letter]);
}

/// Appends a number in decimal.
fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}
