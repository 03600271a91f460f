//! A transcript for the eye: who said what when, byte for byte.

use std::fmt::Write as _;

use super::reader::{ReadError, Reader};
use super::record::{Entry, Header, NoteKind, Record};
use super::visible::visible;
use crate::link::Mono;

/// What a piece of the text is, for whoever colours it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The name of a step, or of a file.
    Heading,
    /// A time.
    Time,
    /// From us to the module.
    Sent,
    /// From the module to us.
    Heard,
    /// What is not on the line.
    Note,
    /// The end of a step that failed; what is missing.
    Bad,
    /// What is there instead.
    Good,
    /// What a line means.
    Meaning,
}

/// Colours a piece of text.
pub type Paint<'p> = &'p dyn Fn(Part, &str) -> String;

/// The whole of `file`, a transcript that the user calls `name`.
///
/// # Errors
///
/// The first line that is no record.
pub fn show(file: &str, name: &str, paint: Paint<'_>) -> Result<String, ReadError> {
    let mut reader = Reader::new(file)?;
    let records: Vec<Record> = reader.by_ref().collect::<Result<_, _>>()?;
    let mut out = format!("{}\n", paint(Part::Heading, &title(name, reader.header())));
    let width = time_width(records.last().map_or(Mono::ZERO, |record| record.at));
    for record in &records {
        push(&mut out, record, width, paint);
    }
    if reader.torn() {
        out.push_str(&paint(Part::Bad, "the last line of the file is cut off"));
        out.push('\n');
    }
    Ok(out)
}

/// `run.jsonl  luat-air724 on /dev/ttyUSB0, 2025-01-01 00:00:00 UTC`.
pub(super) fn title(name: &str, header: &Header) -> String {
    let module = header.module.as_deref().map(|module| format!("{} on ", visible(module.as_bytes())));
    let began = header.wall_ms.and_then(chrono::DateTime::from_timestamp_millis);
    let began = began.map(|began| format!(", {}", began.format("%Y-%m-%d %H:%M:%S UTC")));
    let port = visible(header.port.as_bytes());
    format!("{name}  {}{port}{}", module.unwrap_or_default(), began.unwrap_or_default())
}

/// How wide times are up to this one.
pub(super) fn time_width(latest: Mono) -> usize {
    seconds(latest).len().max("000.000".len()) + 2
}

/// Seconds since the run began.
pub(super) fn seconds(at: Mono) -> String {
    let millis = at.as_micros() / 1000;
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn push(out: &mut String, record: &Record, width: usize, paint: Paint<'_>) {
    let time = format!("{:>width$}", seconds(record.at));
    let mut row = |time: &str, part: Part, text: String| {
        let _ = writeln!(out, "{} {}", paint(Part::Time, time), paint(part, &text));
    };
    let (arrow, part, bytes) = match &record.entry {
        Entry::Tx(bytes) => ("→", Part::Sent, bytes),
        Entry::Rx(bytes) => ("←", Part::Heard, bytes),
        Entry::Note(NoteKind::Step, text) => {
            let text = format!("▸ {}", visible(text.as_bytes()));
            let _ = writeln!(out, "\n{}", paint(Part::Heading, &text));
            return;
        }
        Entry::Note(NoteKind::End, text) if text == "passed" => return,
        Entry::Note(NoteKind::End, text) => {
            return row(&time, Part::Bad, format!("✗ {}", visible(text.as_bytes())));
        }
        Entry::Note(_, text) => return row(&time, Part::Note, format!("∙ {}", visible(text.as_bytes()))),
    };
    let blank = " ".repeat(width);
    for (index, line) in lines(bytes).into_iter().enumerate() {
        row(if index == 0 { &time } else { &blank }, part, format!("{arrow} {}", visible(line)));
    }
}

/// Lines with their ends, empty lines together with the line behind them.
fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    let mut out = Vec::new();
    let (mut start, mut end) = (0, 0);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if !line.trim_ascii().is_empty() {
            out.push(&bytes[start..end]);
            start = end;
        }
    }
    if start < bytes.len() {
        out.push(&bytes[start..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","module":"luat-air724","wall_ms":1735689600000}
{"t":1000,"note":"step","text":"signal"}
{"t":1210,"tx":"AT+CSQ\r\n"}
{"t":9876,"rx":"\r\n+CSQ: 17,99\r\n\r\nOK\r\n"}
{"t":9990,"rx_hex":"ff0d0a"}
{"t":12000000,"note":"end","text":"timeout"}
{"t":12000000,"note":"resync","text":"asking AT until OK"}
{"t":1200000000,"rx":"> "}
{"t":1200000001,"tx":"\u001a","masked":tru"#;

    fn plain(_: Part, text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn everything_is_seen() {
        let expected = "\
run.jsonl  luat-air724 on /dev/ttyUSB0, 2025-01-01 00:00:00 UTC

▸ signal
     0.001 → AT+CSQ␍␊
     0.009 ← ␍␊+CSQ: 17,99␍␊
           ← ␍␊OK␍␊
     0.009 ← \\xff␍␊
    12.000 ✗ timeout
    12.000 ∙ asking AT until OK
  1200.000 ← > 
the last line of the file is cut off
";
        assert_eq!(show(FILE, "run.jsonl", &plain).unwrap(), expected);
    }

    #[test]
    fn each_part_has_its_look() {
        let named = |part: Part, text: &str| format!("[{part:?} {}]", text.trim());
        let file = FILE.lines().take(3).collect::<Vec<_>>().join("\n");
        assert!(
            show(&file, "x", &named)
                .unwrap()
                .ends_with("\n[Heading ▸ signal]\n[Time 0.001] [Sent → AT+CSQ␍␊]\n")
        );
    }
}
