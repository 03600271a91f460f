//! Why a run failed: the place in its source, what crossed the line, what to do.

use std::fmt::Write as _;

use crate::flow::diag::{Diagnostic, Look, Sources};
use crate::link::Mono;
use crate::run::failure::Failure;
use crate::transcript::{Entry, Record};

use super::text::{clock, excerpt, one_line};

/// Lines of the failed attempt that are shown.
const EXCERPT_LINES: usize = 12;

/// Why a run failed, with its place in the YAML, what crossed the line and what to do.
pub fn explain(failure: &Failure, sources: &Sources, look: Look) -> String {
    let mut notes = Vec::new();
    notes.extend(failure.hint.iter().chain(&failure.help).map(|help| format!("help: {}", one_line(help))));
    notes.extend(failure.script.iter().map(|place| format!("script: {place}")));
    if failure.path.len() > 1 {
        notes.push(format!("step: {}", one_line(&failure.path.join(" › "))));
    }
    let crossed = crossed(&failure.exchange);
    if !crossed.is_empty() {
        let skip = crossed.len().saturating_sub(EXCERPT_LINES);
        notes.push(format!("what crossed the line:\n      {}", crossed[skip..].join("\n      ")));
    }
    if let Some(span) = failure.span {
        let problem = Diagnostic::error(failure.code, span, failure.message.clone());
        return with_notes(&problem, &notes, sources, look);
    }
    let mut out = format!("error[{}]: {}", failure.code, one_line(&failure.message));
    for note in notes {
        let _ = write!(out, "\n  = {note}");
    }
    out
}

/// A problem with its source lines, and notes below them.
pub fn with_notes(problem: &Diagnostic, notes: &[String], sources: &Sources, look: Look) -> String {
    let mut out = problem.render(sources, look);
    if notes.is_empty() {
        return out;
    }
    // As wide as the margin of the source lines, which ends where the arrow does.
    let plain = problem.render(sources, Look::Plain);
    let margin = plain.lines().find_map(|line| line.find("-->")).map_or(2, |arrow| arrow + 1);
    let margin = " ".repeat(margin);
    let _ = write!(out, "\n{margin}|");
    for note in notes {
        let _ = write!(out, "\n{margin}= {note}");
    }
    out
}

/// What crossed the line, a row for each line of text.
fn crossed(records: &[Record]) -> Vec<String> {
    crossings(records).into_iter().map(|(at, line)| format!("{} {line}", clock(at))).collect()
}

/// Each line of text that crossed the line, with its time and an arrow, without its ending. How the bytes were
/// cut into reads makes no difference.
pub fn crossings(records: &[Record]) -> Vec<(Mono, String)> {
    let mut rows = Vec::new();
    let mut records = records.iter().peekable();
    while let Some(record) = records.next() {
        let (arrow, mut bytes) = match &record.entry {
            Entry::Tx(bytes) => ("→", bytes.clone()),
            Entry::Rx(bytes) => ("←", bytes.clone()),
            Entry::Note { .. } => continue,
        };
        if arrow == "←" {
            let goes_on = |next: &&Record| next.at == record.at && matches!(next.entry, Entry::Rx(_));
            while let Some(Record { entry: Entry::Rx(more), .. }) = records.next_if(goes_on) {
                bytes.extend_from_slice(more);
            }
        }
        let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let shown = lines.filter(|line| !line.is_empty()).map(excerpt);
        rows.extend(shown.map(|line| (record.at, format!("{arrow} {line}"))));
    }
    rows
}
