//! Reading on behind a syntax error: the value in which it stands is taken out of the text, together with the
//! lines that belong to it, and the rest is read as if it were not there. Every byte keeps its place.

use std::ops::Range;

use super::tab;
use crate::flow::diag::{Code, Diagnostic};

/// So many values are taken out of one file; whoever has more errors has not written YAML.
pub(super) const MOST: usize = 20;

/// Where nobody knows better: what stands in the same tabs is as far in, with more of them it is farther in.
const TAB_WIDTH: usize = 4;

/// What stands in for a value that was taken out.
const STAND_IN: &str = "~";

/// Takes out what `problem` is about, or gives `None` where nobody can tell how far that goes. `from`: where the
/// parser stopped, or where the outermost bracket around that begins.
pub(super) fn take_out(
    text: &str,
    problem: &Diagnostic,
    from: usize,
    known: &[Range<usize>],
) -> Option<(String, Range<usize>)> {
    let start = problem.at.start.min(from);
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let line = text[line_start..].lines().next().unwrap_or("");
    let fits = match problem.code {
        Code::SYNTAX => start > line_start + indentation(line),
        Code::TAB => start > line_start + tab::margin(line).len(),
        _ => true,
    };
    let (margin, value) = match entry(line) {
        Some((margin, value)) if fits => (margin, Some(value)),
        _ => (depth(line), None),
    };
    // A line that does not fit takes those with it that stand as far in.
    let least = if fits { margin + 1 } else { margin };
    let begin = line_start + value.unwrap_or(0);
    let end = begin + text[begin..line_start + line.len()].trim_end().len();
    // A line that stands nowhere, with all that it has to say: the lists and maps around it go on behind it.
    let mut open = if fits { Vec::new() } else { tab::open_columns(&text[..line_start]) };
    if open.contains(&margin) || tab::lacks_value(line) || tab::is_item(line.trim_start()) {
        open.clear();
    }
    let is_part = |line: &str| {
        let is_part = depth(line) >= least && !open.contains(&depth(line));
        if is_part && tab::lacks_value(line) {
            open.clear();
        }
        is_part
    };
    let region = begin..end_of_part(text, line_start + line.len(), is_part).max(end);
    let is_taken = known.iter().any(|known| known.start < region.end && region.start < known.end);
    if region.is_empty() || is_taken {
        return None;
    }
    Some((without(text, &region, value.is_some()), region))
}

/// Of a line `key: value`, `- value` or `- key: value`: the column of the key or the dash that the value belongs
/// to, and where the value begins.
fn entry(line: &str) -> Option<(usize, usize)> {
    let mut start = indentation(line);
    let mut margin = None;
    while let Some(rest) = line[start..].strip_prefix("- ") {
        margin = Some(start);
        start = line.len() - rest.trim_start_matches(' ').len();
    }
    let key = line[start..].find(": ").filter(|length| {
        let key = &line[start..start + length];
        !key.is_empty()
            && !key.contains(|sign: char| sign.is_whitespace() || "'\"{}[],#&*!|>%@`".contains(sign))
    });
    let Some(length) = key else { return margin.map(|margin| (margin, start)) };
    let rest = &line[start + length + 2..];
    Some((start, line.len() - rest.trim_start_matches(' ').len()))
}

/// How many blanks a line begins with.
fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// How far in a line stands, tabs taken for some blanks.
fn depth(line: &str) -> usize {
    tab::width_of(tab::margin(line), TAB_WIDTH)
}

/// The end of the lines behind `at` that are part of it, and of a line that only closes brackets.
fn end_of_part(text: &str, at: usize, mut is_part: impl FnMut(&str) -> bool) -> usize {
    let mut end = at;
    let mut next = at;
    for line in text[at..].split_inclusive('\n') {
        next += line.len();
        let content = line.trim();
        if content.is_empty() {
            continue;
        }
        let closes = content.chars().all(|sign| "]},".contains(sign));
        if !is_part(line) && !closes {
            break;
        }
        end = text[..next].trim_end().len();
        if closes {
            break;
        }
    }
    end
}

/// The text with blanks at `region`, or with a value that stands in for it.
fn without(text: &str, region: &Range<usize>, stands_in: bool) -> String {
    let blank: String =
        text[region.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    let mut out = text.to_string();
    out.replace_range(region.clone(), &blank);
    if stands_in {
        out.replace_range(region.start..region.start + STAND_IN.len(), STAND_IN);
    }
    out
}
