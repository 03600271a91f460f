//! What came of a station's life, at its end.

use std::time::Duration;

use crate::report::paint::Paint;
use crate::report::text::{lasted, one_line, plural};
use crate::station::event::Summary;

/// A line of the summary: what it is about, and how it was.
pub(super) struct Sum {
    pub label: &'static str,
    pub paint: Paint,
    pub text: String,
}

/// The lines of the summary.
pub(super) fn sums(summary: &Summary) -> Vec<Sum> {
    let mut out = Vec::new();
    let mut add = |label, paint, text| out.push(Sum { label, paint, text });
    let twice = match summary.duplicates_possible {
        0 => String::new(),
        some => format!(", {some} possibly twice"),
    };
    add("reports", Paint::Good, format!("{} sent{twice}", summary.reports_sent));
    if summary.events_sent > 0 {
        add("events", Paint::Good, format!("{} sent", summary.events_sent));
    }
    if summary.commands_answered + summary.replies_sent > 0 {
        let replies = match summary.replies_sent {
            1 => "1 reply".to_string(),
            some => format!("{some} replies"),
        };
        add("commands", Paint::Good, format!("{} answered, {replies} sent", summary.commands_answered));
    }
    let failed = summary.runs_failed;
    let paint = if failed == 0 { Paint::Good } else { Paint::Notice };
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    add("runs", paint, format!("{} passed{failed}", summary.runs_passed));
    if let Some(text) = not_run(summary) {
        add("not run", Paint::Notice, text);
    }
    let (paint, link) = link(summary);
    add("link", paint, link);
    let (paint, lost) = lost(summary);
    add("lost", paint, lost);
    let (paint, waits) = match summary.outbox_rows {
        0 => (Paint::Good, "nothing".to_string()),
        rows if summary.kept_nowhere => {
            let text = "a simulated run keeps them nowhere without `--state`";
            (Paint::Notice, format!("{}; {text}", plural(rows, "message")))
        }
        rows => (Paint::Notice, format!("{}; `atflow outbox` shows what", plural(rows, "message"))),
    };
    add("waiting", paint, waits);
    if let Some(problem) = &summary.transcript_problem {
        add("transcript", Paint::Bad, format!("not whole: {}", one_line(problem)));
    }
    out
}

/// Runs that were due and came to nothing, if there were any.
fn not_run(summary: &Summary) -> Option<String> {
    let counts = [(summary.runs_skipped, "skipped"), (summary.runs_missed, "missed")];
    let some: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, how)| format!("{count} {how}")).collect();
    (!some.is_empty()).then(|| some.join(", "))
}

fn link(summary: &Summary) -> (Paint, String) {
    let times = |count| match count {
        1 => "once".to_string(),
        2 => "twice".to_string(),
        more => format!("{more} times"),
    };
    match (summary.link_lost, summary.link_recovered) {
        (0, _) => (Paint::Good, "never lost".to_string()),
        (lost, back) if lost <= back => (Paint::Good, format!("lost {} and recovered", times(lost))),
        (lost, 0) => (Paint::Notice, format!("lost {}, not recovered", times(lost))),
        (lost, back) => (Paint::Notice, format!("lost {}, recovered {}", times(lost), times(back))),
    }
}

fn lost(summary: &Summary) -> (Paint, String) {
    let mut lost = Vec::new();
    if summary.reports_lost > 0 {
        lost.push(format!("{}, dropped or given up", plural(summary.reports_lost, "report")));
    }
    match summary.rows_in_memory {
        0 => {}
        1 => lost.push("1 message was only in memory and is gone".to_string()),
        rows => lost.push(format!("{rows} messages were only in memory and are gone")),
    }
    if summary.store_was_broken {
        lost.push("nobody knows how many were in the broken store".to_string());
    }
    if lost.is_empty() { (Paint::Good, "nothing".to_string()) } else { (Paint::Bad, lost.join("; ")) }
}

/// It all in one line: mark, its look, and the words.
pub(super) fn verdict(summary: &Summary, simulated: bool) -> (Paint, &'static str, String) {
    let time = if simulated { " of simulated time" } else { "" };
    let took = lasted(Duration::from_millis(summary.took_ms));
    let sent = summary.reports_sent;
    let sent = if sent == 1 { "1 report sent".to_string() } else { format!("{sent} reports sent") };
    let nowhere =
        if summary.kept_nowhere { "; a simulated run keeps them nowhere without `--state`" } else { "" };
    let waiting = match summary.outbox_rows {
        0 => String::new(),
        1 => format!(", 1 message waits{nowhere}"),
        rows => format!(", {rows} messages wait{nowhere}"),
    };
    let (paint, mark, lost) = match (summary.reports_lost + summary.rows_in_memory, summary.store_was_broken)
    {
        (0, false) => (Paint::Good, "✓ stopped", "nothing lost".to_string()),
        (0, true) => (Paint::Bad, "✗ stopped", "an unknown number may be lost".to_string()),
        (lost, false) => (Paint::Bad, "✗ stopped", format!("{lost} lost")),
        (lost, true) => (Paint::Bad, "✗ stopped", format!("{lost} lost, and maybe more")),
    };
    (paint, mark, format!("{sent} in {took}{time}, {lost}{waiting}"))
}
