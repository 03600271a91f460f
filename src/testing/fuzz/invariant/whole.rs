//! S8, and how what the cloud received is told apart: by its report's number, else by its bytes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sim::{FaultKind, Post};
use crate::store::Enqueued;

use super::super::log::Log;
use super::Violation;
use super::data::is_blinding;

/// Every row, by its number and by what it is.
pub(super) struct Rows<'l> {
    by_seq: BTreeMap<u64, &'l Enqueued>,
    by_bytes: BTreeMap<(&'l str, &'l [u8]), Vec<u64>>,
    /// What the sending adds to a report.
    added: Vec<&'l str>,
}

impl<'l> Rows<'l> {
    pub(super) fn of(log: &'l Log) -> Self {
        let added = ["report_id", "time_known"].into_iter().chain(log.rules.time_field.as_deref()).collect();
        let mut rows = Self { by_seq: BTreeMap::new(), by_bytes: BTreeMap::new(), added };
        for entry in &log.ledger.rows {
            rows.by_seq.insert(entry.seq, entry);
            let key = (entry.row.topic.as_str(), entry.row.payload.as_slice());
            rows.by_bytes.entry(key).or_default().push(entry.seq);
        }
        rows
    }

    /// The rows that a message may be: one if it has its number, all that are the same without. None: it is
    /// nothing that was ever promised.
    pub(super) fn of_post(&self, post: &Post) -> Vec<u64> {
        if let Some(seq) = number(&post.payload) {
            let row = self.by_seq.get(&seq);
            return row.filter(|row| self.same(&row.row.payload, post)).map(|_| seq).into_iter().collect();
        }
        let key = (post.topic.as_str(), post.payload.as_slice());
        self.by_bytes.get(&key).cloned().unwrap_or_default()
    }

    /// Whether a message says what this row says, whatever it is called: a digit of its number may be another.
    pub(super) fn says_the_same(&self, seq: u64, post: &Post) -> bool {
        self.by_seq.get(&seq).is_some_and(|row| self.same(&row.row.payload, post))
    }

    /// A report as it was made, but for what the sending adds.
    fn same(&self, made: &[u8], post: &Post) -> bool {
        let (Ok(made), Ok(Value::Object(mut got))) =
            (serde_json::from_slice::<Value>(made), serde_json::from_slice(&post.payload))
        else {
            return false;
        };
        let Value::Object(made) = made else { return false };
        for name in &self.added {
            if !made.contains_key(*name) {
                got.remove(*name);
            }
        }
        made == got
    }
}

/// The number in a report's id.
pub(super) fn number(payload: &[u8]) -> Option<u64> {
    let Ok(Value::Object(object)) = serde_json::from_slice(payload) else { return None };
    object.get("report_id")?.as_str()?.rsplit('-').next()?.parse().ok()
}

/// Whether bytes to the module were changed on their way, or a process died in the middle of writing them.
pub(super) fn damaged(log: &Log) -> bool {
    let on_the_way =
        |kind| matches!(kind, FaultKind::TxLostBytes | FaultKind::TxDoubledBytes | FaultKind::TxGarbledBytes);
    log.suffered(|fault| on_the_way(fault.kind)) || !log.died.is_empty()
}

pub(super) fn check(log: &Log) -> Option<Violation> {
    if damaged(log) {
        return None;
    }
    let rows = Rows::of(log);
    // Where nobody could know that the module wanted data, it took the search for firm ground for that.
    let blinded = log.suffered(|fault| is_blinding(fault.kind));
    let is_search = |post: &Post| blinded && memchr::memmem::find(&post.payload, b"AT\r").is_some();
    let strange = log
        .received
        .iter()
        .find(|receipt| rows.of_post(&receipt.post).is_empty() && !is_search(&receipt.post))?;
    let what = format!(
        "the cloud received `{}` on `{}`, which was never promised",
        strange.post.payload.escape_ascii(),
        strange.post.topic
    );
    Some(Violation::new("S8", strange.at, what))
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn a_message_that_nobody_made_is_seen() {
        assert_eq!(check(&log().row(s(1), 7).receive(s(2), 7)), None);
        assert_eq!(check(&log().row(s(1), 7).receive_text(s(2), r#"{"n":1}"#)), None);
        let other = log().row(s(1), 7).receive_text(s(2), r#"{"n":2,"report_id":"store-7"}"#);
        assert_eq!(check(&other).unwrap().rule, "S8");
        let mut dated = log().row(s(1), 7).receive_text(s(2), r#"{"n":1,"report_id":"store-7","ts":1}"#);
        assert_eq!(check(&dated).unwrap().rule, "S8");
        dated.rules.time_field = Some("ts".into());
        assert_eq!(check(&dated), None);
        assert_eq!(check(&log().row(s(1), 7).receive_text(s(2), "{\"n\":1")).unwrap().at, s(2));
    }
}
