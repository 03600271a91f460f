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
    let mut rows = crossed(log, at, masked);
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
fn crossed(log: &Log, at: Mono, masked: &Masked) -> Vec<(Mono, String)> {
    let middle = log.crossed.partition_point(|crossing| crossing.at <= at);
    let mut rows = Rows::new(masked);
    let mut last = Mono::ZERO;
    for crossing in near(&log.crossed, middle, PIECES, PIECES) {
        // Whoever comes next goes on with nothing.
        if log.died.iter().any(|died| (last..crossing.at).contains(died)) {
            rows.close();
        }
        rows.take(crossing);
        last = crossing.at;
    }
    let lines = rows.finished();
    let middle = lines.partition_point(|line| line.at <= at);
    let row = |line: &Crossing| {
        let arrow = if line.sent { "→" } else { "←" };
        (line.at, format!("{arrow} {}", masked.bytes(&line.bytes).escape_ascii()))
    };
    near(&lines, middle, BEFORE, BEHIND).iter().map(row).collect()
}

/// Rows that are made of pieces.
struct Rows<'m> {
    masked: &'m Masked,
    /// In the order in which they began; what went into another row left an empty one.
    lines: Vec<Crossing>,
    /// What the module says, as far as it is open.
    heard: Option<usize>,
    /// What is sent and had no end so far: rows that are apart only because a line of the module came between.
    sent: Vec<usize>,
    /// A line of the module ended behind the last piece that was sent.
    interrupted: bool,
}

impl<'m> Rows<'m> {
    fn new(masked: &'m Masked) -> Self {
        Self { masked, lines: Vec::new(), heard: None, sent: Vec::new(), interrupted: false }
    }

    fn take(&mut self, piece: &Crossing) {
        if piece.sent {
            self.take_sent(piece);
        } else {
            self.take_heard(piece);
        }
    }

    fn take_heard(&mut self, piece: &Crossing) {
        let row = self.put(self.heard, piece);
        self.heard = (!piece.bytes.ends_with(b"\n")).then_some(row);
        self.interrupted |= piece.bytes.contains(&b'\n');
    }

    fn take_sent(&mut self, piece: &Crossing) {
        let open = self.sent.last().copied().filter(|_| !self.interrupted);
        let row = self.put(open, piece);
        if open.is_none() {
            self.sent.push(row);
        }
        self.interrupted = false;
        // Data has an end of its own, and a line may do without a line feed.
        if piece.bytes.last().is_some_and(|last| b"\r\n\x1a\x1b".contains(last)) {
            self.close_sent();
        }
    }

    /// Adds a piece to a row, or begins one.
    fn put(&mut self, open: Option<usize>, piece: &Crossing) -> usize {
        let row = open.unwrap_or(self.lines.len());
        match self.lines.get_mut(row) {
            Some(line) => line.bytes.extend(&piece.bytes),
            None => self.lines.push(piece.clone()),
        }
        row
    }

    /// Nothing goes on, in neither direction.
    fn close(&mut self) {
        self.heard = None;
        self.close_sent();
    }

    /// Rows over whose border a secret lies are one row.
    fn close_sent(&mut self) {
        let rows = std::mem::take(&mut self.sent);
        let whole: Vec<u8> = rows.iter().flat_map(|row| self.lines[*row].bytes.clone()).collect();
        let masked = self.masked.bytes(&whole);
        let (mut border, mut into) = (0, 0);
        for row in rows {
            let bytes = std::mem::take(&mut self.lines[row].bytes);
            let (before, behind) = whole.split_at(border);
            border += bytes.len();
            // The first one has nothing before it.
            if [self.masked.bytes(before), self.masked.bytes(behind)].concat() == *masked {
                into = row;
            }
            self.lines[into].bytes.extend(bytes);
        }
    }

    fn finished(mut self) -> Vec<Crossing> {
        self.close();
        self.lines.retain(|line| !line.bytes.is_empty());
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::super::log::Span;
    use super::super::rules::Rules;
    use super::*;
    use crate::transcript::{Masker, Secret};

    /// What is shown of pieces that cross at these microseconds, while processes die.
    fn shown(pieces: &[(u64, bool, &[u8])], died: &[u64]) -> String {
        let span = Span { trouble: Duration::from_mins(1), whole: Duration::from_mins(1) };
        let mut log = Log::new(span, Rules::default());
        let crossing = |(at, sent, bytes): &(u64, bool, &[u8])| Crossing {
            at: Mono::from_micros(*at),
            sent: *sent,
            bytes: bytes.to_vec(),
        };
        log.crossed = pieces.iter().map(crossing).collect();
        log.died = died.iter().copied().map(Mono::from_micros).collect();
        let secret = Secret { name: "key".into(), value: b"zyxwvuts".to_vec() };
        let masked = Masked::new(Rc::new(Masker::new(&[secret], &[]).expect("short enough")));
        around(&log, Mono::from_micros(2), &masked)
    }

    #[test]
    fn no_secret_is_in_it_whatever_pieces_it_came_in() {
        let pieces: [(u64, bool, &[u8]); 5] = [
            (0, true, b"AT+MCONFIG=a,b,zyx"),
            (1, false, b"AT+MCONFIG=a,b,zy"),
            (2, true, b"wvuts\r\n"),
            (3, false, b"xwvuts\r\r\n"),
            (4, false, b"OK\r\n"),
        ];
        assert_eq!(
            shown(&pieces, &[]),
            "      0.000000s → AT+MCONFIG=a,b,<key>\\r\\n
      0.000001s ← AT+MCONFIG=a,b,<key>\\r\\r\\n
      0.000004s ← OK\\r\\n
"
        );
        // Not even where lines of the module come between its pieces.
        let between: [(u64, bool, &[u8]); 6] = [
            (0, true, b"AT+K=zyx"),
            (1, false, b"RING\r\n"),
            (2, true, b"wv"),
            (3, false, b"RING\r\n"),
            (4, true, b"uts"),
            (5, true, b"\r\n"),
        ];
        assert_eq!(
            shown(&between, &[]),
            "      0.000000s → AT+K=<key>\\r\\n
      0.000001s ← RING\\r\\n
      0.000003s ← RING\\r\\n
"
        );
    }

    #[test]
    fn data_is_a_row_of_its_own() {
        let pieces: [(u64, bool, &[u8]); 8] = [
            (0, true, b"AT+CMGS=1\r\n"),
            (1, true, b"the pump runs "),
            (2, true, b"again\x1a"),
            (3, true, b"AT+CSQ\r\n"),
            (4, true, b"never mind\x1b"),
            (5, true, b"12345"),
            (6, false, b"\r\nOK\r\n"),
            (7, true, b"AT\r\n"),
        ];
        assert_eq!(
            shown(&pieces, &[]),
            "      0.000000s → AT+CMGS=1\\r\\n
      0.000001s → the pump runs again\\x1a
      0.000003s → AT+CSQ\\r\\n
      0.000004s → never mind\\x1b
      0.000005s → 12345
      0.000006s ← \\r\\nOK\\r\\n
      0.000007s → AT\\r\\n
"
        );
    }

    #[test]
    fn lines_may_end_with_a_carriage_return_alone() {
        let pieces: [(u64, bool, &[u8]); 4] =
            [(0, true, b"AT\r"), (1, false, b"OK\r\n"), (2, true, b"AT+CSQ\r"), (3, true, b"ATI\r")];
        assert_eq!(
            shown(&pieces, &[]),
            "      0.000000s → AT\\r
      0.000001s ← OK\\r\\n
      0.000002s → AT+CSQ\\r
      0.000003s → ATI\\r
"
        );
    }

    #[test]
    fn nothing_goes_on_behind_a_death() {
        let pieces: [(u64, bool, &[u8]); 4] =
            [(0, true, b"AT+MP"), (1, false, b"\r\nRI"), (4, true, b"AT\r\n"), (5, false, b"OK\r\n")];
        assert_eq!(
            shown(&pieces, &[2]),
            "      0.000000s → AT+MP
      0.000001s ← \\r\\nRI
      0.000002s ! the process dies
      0.000004s → AT\\r\\n
      0.000005s ← OK\\r\\n
"
        );
    }
}
