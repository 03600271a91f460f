//! How things stand, on one line as wide as the terminal.

use crate::link::Mono;
use crate::report::paint::Paint;
use crate::report::text::{about, columns, cut, one_line, plural, size};
use crate::station::event::{LinkState, Status};

/// Between two parts.
const GAP: &str = "   ";
/// Of a schedule's name.
const NAME_MOST: usize = 24;

/// A part of the line.
struct Part {
    paint: Paint,
    text: String,
    /// What gives way first when the line is too long: the largest.
    less_than: u8,
}

/// The line, for a terminal of so many columns.
pub(super) fn status_line(at: Mono, status: &Status, columns: usize, colour: bool) -> String {
    let mut parts = parts(at, status);
    // The last column stays free: some terminals go to the next line with it.
    let room = columns.saturating_sub(1);
    while parts.len() > 1 && length(&parts) > room {
        let given_up = parts.iter().map(|part| part.less_than).max();
        parts.retain(|part| Some(part.less_than) != given_up);
    }
    let shown: Vec<String> =
        parts.iter().map(|part| part.paint.on(&cut(&part.text, room.max(1)), colour)).collect();
    shown.join(GAP)
}

/// How things stand without times, so that it is another text only when something changed: for a service
/// manager.
pub fn standing(status: &Status) -> String {
    let mut parts = vec![status.link.word().to_string()];
    let rows: u64 = status.outbox_rows.iter().sum();
    if rows > 0 {
        parts.push(plural(rows, "message") + if rows == 1 { " waits" } else { " wait" });
    }
    if status.dead_rows > 0 {
        parts.push(format!("{} given up", status.dead_rows));
    }
    if status.store_volatile {
        parts.push("not on disk".to_string());
    }
    parts.join(", ")
}

fn length(parts: &[Part]) -> usize {
    let texts: usize = parts.iter().map(|part| columns(&part.text)).sum();
    texts + GAP.len() * (parts.len() - 1)
}

fn parts(at: Mono, status: &Status) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |less_than, paint, text| parts.push(Part { paint, text, less_than });
    let (paint, text) = link(at, status);
    add(0, paint, text);
    if let Some(dbm) = status.signal_dbm {
        add(4, Paint::Dim, format!("{dbm} dBm"));
    }
    match status.last_report {
        Some(last) => add(3, Paint::Dim, format!("last report {} ago", about(at.since(last)))),
        None => add(3, Paint::Dim, "no report yet".to_string()),
    }
    if status.store_volatile {
        add(1, Paint::Bad, "not on disk".to_string());
    }
    let (paint, text) = waiting(at, status);
    add(1, paint, text);
    if status.dead_rows > 0 {
        add(2, Paint::Bad, format!("{} given up", status.dead_rows));
    }
    if let Some((name, due)) = &status.next_run {
        let name = cut(&one_line(name), NAME_MOST);
        let when = if *due > at { format!("in {}", about(due.since(at))) } else { "due".to_string() };
        add(2, Paint::Dim, format!("next {name} {when}"));
    }
    if status.clock_quality < 2 {
        add(5, Paint::Dim, "date unknown".to_string());
    }
    parts
}

fn link(at: Mono, status: &Status) -> (Paint, String) {
    let (paint, mark) = match status.link {
        LinkState::Online => (Paint::Good, "●"),
        LinkState::Absent | LinkState::Quarantined => (Paint::Bad, "○"),
        LinkState::Stopped => (Paint::Dim, "○"),
        LinkState::Degraded => (Paint::Notice, "●"),
        LinkState::Down | LinkState::Climbing | LinkState::Recovering | LinkState::Waiting => {
            (Paint::Notice, "○")
        }
    };
    let (level, levels) = status.level;
    let climbs = matches!(status.link, LinkState::Down | LinkState::Climbing | LinkState::Recovering);
    let height = if climbs { format!(" {level}/{levels}") } else { String::new() };
    let next = status.next_try.filter(|next| *next > at);
    let next = next.map_or(String::new(), |next| format!(", next try in {}", about(next.since(at))));
    (paint, format!("{mark} {}{height}{next}", status.link.word()))
}

fn waiting(at: Mono, status: &Status) -> (Paint, String) {
    let rows: u64 = status.outbox_rows.iter().sum();
    if rows == 0 {
        return (Paint::Dim, "nothing waits".to_string());
    }
    let wait = if rows == 1 { "1 waits".to_string() } else { format!("{rows} wait") };
    let age = status.oldest_row.map_or(String::new(), |made| format!(" for {}", about(made.age(at))));
    (Paint::Notice, format!("{wait}{age}, {}", size(status.outbox_bytes)))
}
