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
    out.extend_from_slice(b"}\n");
}

/// Appends a record of bytes: as text if they are UTF-8, else in hexadecimal.
pub(super) fn push_bytes(out: &mut Vec<u8>, at: Mono, way: Way, bytes: &[u8], masked: bool) {
    push_time(out, at);
    let (text_key, hex_key): (&[u8], &[u8]) = match way {
        Way::Tx => (br#","tx":"#, br#","tx_hex":""#),
        Way::Rx => (br#","rx":"#, br#","rx_hex":""#),
    };
    if let Ok(text) = str::from_utf8(bytes) {
        out.extend_from_slice(text_key);
        push_text(out, text);
    } else {
        out.extend_from_slice(hex_key);
        for byte in bytes {
            out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        out.push(b'"');
    }
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

const HEX: &[u8; 16] = b"0123456789abcdef";

/// For each byte what stands for it in a JSON string: itself (0), a backslash and this letter, or `u` and
/// its number. DEL and the C1 controls (two bytes, the first is 0xC2) are escaped as well, so that a
/// transcript shown on a terminal cannot steer it.
const ESCAPE: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[0x7f] = b'u';
    table[0xc2] = C1_LEAD;
    table
};

/// Marks 0xC2 in [`ESCAPE`]: what follows decides.
const C1_LEAD: u8 = 1;

/// Appends `text` as a JSON string: runs of plain bytes are copied whole.
fn push_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 16);
    out.push(b'"');
    let mut copied = 0;
    let mut index = 0;
    while let Some(offset) = bytes[index..].iter().position(|byte| ESCAPE[usize::from(*byte)] != 0) {
        index += offset;
        let byte = bytes[index];
        let (control, length) = match (ESCAPE[usize::from(byte)], bytes.get(index + 1)) {
            (C1_LEAD, Some(&second @ 0x80..=0x9f)) => (second, 2),
            (C1_LEAD, _) => {
                index += 1;
                continue;
            }
            _ => (byte, 1),
        };
        out.extend_from_slice(&bytes[copied..index]);
        match ESCAPE[usize::from(byte)] {
            b'u' | C1_LEAD => {
                let digits = [HEX[usize::from(control >> 4)], HEX[usize::from(control & 15)]];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digits[0], digits[1]]);
            }
            letter => out.extend_from_slice(&[b'\\', letter]),
        }
        index += length;
        copied = index;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
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
