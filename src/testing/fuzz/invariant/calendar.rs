//! S20: a report that says when it was made is right by two seconds, as long as the machine's calendar is right.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::link::Mono;
use crate::sim::TruthKind;
use crate::store::Lane;

use super::super::log::Log;
use super::Violation;
use super::whole::{number, touched};

/// So much may a calendar that is trusted be wrong.
const MOST_MS: u64 = 2000;
/// From a calendar's being mended to the arrival of a report that was sent with it: it is looked at between two
/// runs, and a broker may be slow.
const SEEN: Duration = Duration::from_mins(15);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let field = log.rules.time_field.as_deref()?;
    dated(log).into_iter().find_map(|(at, says_ms, right_ms)| {
        let wrong_ms = says_ms.abs_diff(right_ms);
        (wrong_ms > MOST_MS).then(|| {
            let what = format!("a report says `{field}`: {says_ms}, and was made {wrong_ms} ms from then");
            Violation::new("S20", at, what)
        })
    })
}

/// Reports whose time can be judged: when each arrived, what it says, and what would be right.
pub(in super::super) fn dated(log: &Log) -> Vec<(Mono, i64, i64)> {
    let Some(field) = log.rules.time_field.as_deref() else { return Vec::new() };
    let made: BTreeMap<u64, i64> = (log.ledger.rows.iter())
        .filter(|entry| entry.row.lane == Lane::Report && value(&entry.row.payload, field).is_none())
        .map(|entry| (entry.seq, entry.at_ms))
        .collect();
    // A digit that was lost on the line is not the calendar's.
    let whole = log.received.iter().filter(|receipt| !touched(log, receipt.at));
    let judged = whole.filter_map(|receipt| {
        let at_ms = made.get(&number(&receipt.post.payload)?)?;
        let says_ms = value(&receipt.post.payload, field)?.as_i64()?;
        Some((receipt.at, says_ms, right_at_zero(log, receipt.at)? + at_ms))
    });
    judged.collect()
}

/// What the right calendar said at the beginning, if the machine's one has been as right for long enough.
fn right_at_zero(log: &Log, at: Mono) -> Option<i64> {
    let settings = log.truth.iter().filter_map(|truth| match truth.kind {
        TruthKind::Calendar { says_ms, right_ms, synchronised } => {
            Some((truth.at, right_ms, synchronised && says_ms.abs_diff(right_ms) <= MOST_MS))
        }
        _ => None,
    });
    let mut found = None;
    for (set, right_ms, is_right) in settings.take_while(|(set, ..)| *set <= at) {
        // At power-on nothing else can have been believed before.
        let settled = set == Mono::ZERO || at.since(set) > SEEN;
        found = (is_right && settled)
            .then(|| right_ms - i64::try_from(set.as_micros() / 1000).unwrap_or(i64::MAX));
    }
    found
}

fn value(payload: &[u8], field: &str) -> Option<Value> {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(payload) else { return None };
    object.remove(field)
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    /// The year 2026 begins a second after power-on.
    const ZERO_MS: i64 = 1_767_225_599_000;

    fn set(log: Log, at: u64, wrong_ms: i64) -> Log {
        let right_ms = ZERO_MS + i64::try_from(at).unwrap() * 1000;
        let kind = TruthKind::Calendar { says_ms: right_ms + wrong_ms, right_ms, synchronised: true };
        log.truth(s(at), kind)
    }

    /// A report that was made after a minute arrives.
    fn dated(mut log: Log, arrives: u64, wrong_ms: i64) -> Log {
        log.rules.time_field = Some("ts".into());
        let ts = ZERO_MS + 60_000 + wrong_ms;
        let payload = format!(r#"{{"n":1,"report_id":"store-7","ts":{ts}}}"#);
        log.row(s(60), 7).receive_text(s(arrives), &payload)
    }

    #[test]
    fn a_wrong_time_is_seen() {
        let right = || set(log(), 0, 0);
        assert_eq!(check(&dated(right(), 61, 0)), None);
        assert_eq!(check(&dated(right(), 61, 2000)), None);
        assert_eq!(check(&dated(right(), 61, 2001)).unwrap().at, s(61));
        assert_eq!(check(&dated(right(), 61, -2001)).unwrap().at, s(61));
    }

    #[test]
    fn what_a_wrong_calendar_says_is_believed_until_it_is_mended() {
        let wrong = || set(log(), 0, 5000);
        assert_eq!(check(&dated(wrong(), 61, 5000)), None);
        let mended = || set(wrong(), 120, 0);
        assert_eq!(check(&dated(mended(), 130, 5000)), None);
        assert_eq!(check(&dated(mended(), 2000, 5000)).unwrap().at, s(2000));
    }
}
