//! Reads a transcript back.

use serde::Deserialize;

use super::record::{Entry, Header, NoteKind, Record, VERSION};
use crate::link::Mono;

/// A line that is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub help: &'static str,
}

/// A file as text.
///
/// # Errors
///
/// The first line that is not UTF-8.
pub fn text(file: &[u8]) -> Result<&str, ReadError> {
    str::from_utf8(file).map_err(|error| ReadError {
        line: 1 + memchr::memchr_iter(b'\n', &file[..error.valid_up_to()]).count(),
        problem: "not UTF-8".into(),
        help: "a transcript is JSON lines, as `--transcript` writes them",
    })
}

/// The records of a transcript, in order. A last line that was cut off in the middle, as a power cut
/// leaves it, ends the records without an error; [`Reader::torn`] tells.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    header: Header,
    rest: &'a str,
    line: usize,
    torn: bool,
}

#[derive(Deserialize)]
struct RawHeader {
    atflow: String,
    version: u32,
    port: String,
    module: Option<String>,
    wall_ms: Option<i64>,
    #[serde(default)]
    by_hand: bool,
}

/// All that a record may have; exactly one of the first five. Keys that are not known are skipped.
#[derive(Deserialize)]
struct RawRecord {
    tx: Option<String>,
    rx: Option<String>,
    tx_hex: Option<String>,
    rx_hex: Option<String>,
    note: Option<String>,
    t: u64,
    #[serde(default)]
    text: String,
    #[serde(default)]
    masked: bool,
}

impl<'a> Reader<'a> {
    /// Reads the first line of a file.
    ///
    /// # Errors
    ///
    /// It is no transcript, or one of a newer version.
    pub fn new(file: &'a str) -> Result<Self, ReadError> {
        let (first, rest) = file.split_once('\n').unwrap_or((file, ""));
        let raw: RawHeader = serde_json::from_str(first).map_err(|error| ReadError {
            line: 1,
            problem: format!("not the first line of a transcript: {}", why(&error)),
            help: "a transcript begins with `{\"atflow\":\"transcript\",\"version\":1,…}`",
        })?;
        if raw.atflow != "transcript" || raw.version > VERSION {
            return Err(ReadError {
                line: 1,
                problem: format!("`{}` version {} is not known", raw.atflow, raw.version),
                help: "read it with the atflow that wrote it, or a newer one",
            });
        }
        let header =
            Header { port: raw.port, module: raw.module, wall_ms: raw.wall_ms, by_hand: raw.by_hand };
        Ok(Self { header, rest, line: 1, torn: false })
    }

    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The line of the file that was read last, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether the last line was cut off. Known when all records have been read.
    pub fn torn(&self) -> bool {
        self.torn
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let (line, rest, ended) = match self.rest.split_once('\n') {
                Some((line, rest)) => (line, rest, true),
                None => (self.rest, "", false),
            };
            self.rest = rest;
            self.line += 1;
            if line.trim().is_empty() {
                continue;
            }
            return match parse(line) {
                Err(_) if !ended => {
                    self.torn = true;
                    None
                }
                Err(problem) => {
                    let help = "a record is one line such as `{\"t\":1200,\"rx\":\"OK\\r\\n\"}`";
                    Some(Err(ReadError { line: self.line, problem, help }))
                }
                Ok(record) => Some(Ok(record)),
            };
        }
    }
}

/// One record.
pub(super) fn parse(line: &str) -> Result<Record, String> {
    let raw: RawRecord =
        serde_json::from_str(line).map_err(|error| format!("not a record: {}", why(&error)))?;
    let entry = match (raw.tx, raw.rx, raw.tx_hex, raw.rx_hex, raw.note) {
        (Some(text), None, None, None, None) => Entry::Tx(text.into_bytes()),
        (None, Some(text), None, None, None) => Entry::Rx(text.into_bytes()),
        (None, None, Some(digits), None, None) => Entry::Tx(unhex(&digits)?),
        (None, None, None, Some(digits), None) => Entry::Rx(unhex(&digits)?),
        (None, None, None, None, Some(word)) => {
            let kind = NoteKind::from_word(&word).ok_or_else(|| format!("`{word}` is not a kind of note"))?;
            Entry::Note(kind, raw.text)
        }
        _ => return Err("needs exactly one of `tx`, `rx`, `tx_hex`, `rx_hex` and `note`".into()),
    };
    Ok(Record { at: Mono::from_micros(raw.t), entry, masked: raw.masked })
}

/// What the JSON reader says, without its own counting of lines: it saw only one.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    format!("{} (column {})", &text[..end], error.column())
}

fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(value(*high)? << 4 | value(*low)?),
            _ => None,
        })
        .collect::<Option<_>>()
        .ok_or_else(|| format!("`{digits}` is not pairs of hexadecimal digits"))
}
