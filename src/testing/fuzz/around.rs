//! What is shown of a run around a moment: what crossed the line, what was told, and what went wrong. Whoever looks
//! for a fault shows it to others, so that no secret is in it.

use std::time::Duration;

use crate::link::Mono;
use crate::run::mask_text::Masked;

use super::super::fate::Crossing;
use super::log::{Log, seconds};

/// Rows of the line that are shown before and behind the moment.
const BEFORE: usize = 14;
const BEHIND: usize = 7;
/// Bytes come in pieces: so many pieces make enough rows.
const PIECES: usize = 16 * BEFORE;
/// Of what was told, so much is shown behind it.
const TOLD_BEHIND: usize = 4;
/// Faults this close to it are shown.
const NEAR: Duration = Duration::from_secs(30);
/// Characters of a row.
const WIDTH: usize = 180;

/// The rows, with their times.
pub(super) fn around(log: &Log, at: Mono, masked: &Masked) -> String {
    let mut rows = crossed(&log.crossed, at, masked);
    let middle = log.told.partition_point(|(when, _)| *when <= at);
    for (when, happening) in near(&log.told, middle, BEFORE, TOLD_BEHIND) {
        let text = serde_json::to_string(happening).unwrap_or_default();
        rows.push((*when, format!("· {}", masked.text(&text))));
    }
    let is_near = |when: Mono| when.since(at).max(at.since(when)) < NEAR;
    let faults = log.faults.iter().filter(|(when, _)| is_near(*when));
    rows.extend(faults.map(|(when, fault)| (*when, format!("! {}", masked.text(&fault.to_string())))));
    let deaths = log.died.iter().filter(|when| is_near(**when));
    rows.extend(deaths.map(|when| (*when, "! the process dies".to_owned())));
    rows.sort_by_key(|(when, _)| *when);
    let show = |(when, text): &(Mono, String)| {
        let short: String = text.chars().take(WIDTH).collect();
        format!("{:>14.6}s {short}\n", seconds(*when))
    };
    rows.iter().map(show).collect()
}

/// So many of a list before a place and behind it.
fn near<T>(all: &[T], middle: usize, before: usize, behind: usize) -> &[T] {
    &all[middle.saturating_sub(before)..(middle + behind).min(all.len())]
}

/// Whole lines, whatever pieces they came in: a piece of a secret does not look like one.
fn crossed(all: &[Crossing], at: Mono, masked: &Masked) -> Vec<(Mono, String)> {
    let middle = all.partition_point(|crossing| crossing.at <= at);
    let mut lines: Vec<Crossing> = Vec::new();
    let mut open: [Option<usize>; 2] = [None, None];
    for crossing in near(all, middle, PIECES, PIECES) {
        let index = *open[usize::from(crossing.sent)].get_or_insert(lines.len());
        match lines.get_mut(index) {
            Some(line) => line.bytes.extend(&crossing.bytes),
            None => lines.push(crossing.clone()),
        }
        if crossing.bytes.ends_with(b"\n") {
            open[usize::from(crossing.sent)] = None;
        }
    }
    let middle = lines.partition_point(|line| line.at <= at);
    let row = |line: &Crossing| {
        let arrow = if line.sent { "→" } else { "←" };
        (line.at, format!("{arrow} {}", masked.bytes(&line.bytes).escape_ascii()))
    };
    near(&lines, middle, BEFORE, BEHIND).iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::log::Span;
    use super::super::rules::Rules;
    use super::*;
    use crate::transcript::{Masker, Secret};

    #[test]
    fn no_secret_is_in_it_whatever_pieces_it_came_in() {
        let span = Span { trouble: Duration::from_mins(1), whole: Duration::from_mins(1) };
        let mut log = Log::new(span, Rules::default());
        let pieces: [(bool, &[u8]); 5] = [
            (true, b"AT+MCONFIG=a,b,zyx"),
            (false, b"AT+MCONFIG=a,b,zy"),
            (true, b"wvuts\r\n"),
            (false, b"xwvuts\r\r\n"),
            (false, b"OK\r\n"),
        ];
        log.crossed = (0..)
            .zip(pieces)
            .map(|(n, (sent, bytes))| Crossing { at: Mono::from_micros(n), sent, bytes: bytes.to_vec() })
            .collect();
        let secret = Secret { name: "key".into(), value: b"zyxwvuts".to_vec() };
        let masked = Masked::new(Rc::new(Masker::new(&[secret], &[]).expect("short enough")));
        assert_eq!(
            around(&log, Mono::from_micros(2), &masked),
            "      0.000000s → AT+MCONFIG=a,b,<key>\\r\\n
      0.000001s ← AT+MCONFIG=a,b,<key>\\r\\r\\n
      0.000004s ← OK\\r\\n
"
        );
    }
}
