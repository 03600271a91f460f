//! S8, and how what the cloud received is told apart: by its report's number, else by its bytes.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::link::Mono;
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

/// From a byte's being changed to the arrival of what it was in: where one is missing, the message ends with the
/// next line, and a broker may be slow.
const AROUND: Duration = Duration::from_mins(10);

/// When bytes to the module were changed on their way.
fn changed(log: &Log) -> impl Iterator<Item = Mono> {
    let on_the_way =
        |kind| matches!(kind, FaultKind::TxLostBytes | FaultKind::TxDoubledBytes | FaultKind::TxGarbledBytes);
    log.faults.iter().filter(move |(_, fault)| on_the_way(fault.kind)).map(|(at, _)| *at)
}

/// Whether what arrives at this moment may have been changed on its way.
pub(super) fn touched(log: &Log, at: Mono) -> bool {
    changed(log).any(|changed| changed <= at && at.since(changed) < AROUND)
}

/// Whether any bytes to the module were changed on their way, or a process died in the middle of writing them.
pub(super) fn damaged(log: &Log) -> bool {
    changed(log).next().is_some() || !log.torn.is_empty()
}

pub(super) fn check(log: &Log) -> Option<Violation> {
    let rows = Rows::of(log);
    // Where nobody could know that the module wanted data, it took the search for firm ground for that.
    let blinded = log.suffered(|fault| is_blinding(fault.kind));
    let is_search = |post: &Post| blinded && memchr::memmem::find(&post.payload, b"AT\r").is_some();
    let mut torn = log.torn.as_slice();
    let strange = log.received.iter().find(|receipt| {
        let known = !rows.of_post(&receipt.post).is_empty();
        !known && !touched(log, receipt.at) && !is_search(&receipt.post) && !is_torn(&mut torn, receipt.at)
    })?;
    let what = format!(
        "the cloud received `{}` on `{}`, which was never promised",
        strange.post.payload.escape_ascii(),
        strange.post.topic
    );
    Some(Violation::new("S8", strange.at, what))
}

/// Whether this may be what a process was writing when it died: the next one's first line ends it. Each such death
/// explains one message.
fn is_torn(torn: &mut &[Mono], at: Mono) -> bool {
    let before = torn.partition_point(|died| *died <= at);
    let explained = before > 0;
    *torn = &torn[before..];
    explained
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

    #[test]
    fn only_a_death_in_a_write_and_changed_bytes_excuse_damage_around_them() {
        let half = || log().row(s(1), 7).receive_text(s(20), "{\"n\":1");
        let mut dead = half();
        dead.died.push(s(10));
        assert_eq!(check(&dead).unwrap().at, s(20));
        dead.torn.push(s(10));
        assert_eq!(check(&dead), None);
        assert_eq!(check(&dead.receive_text(s(30), "{\"n\"")).unwrap().at, s(30));
        let garbled = |at| half().suffer(s(at), FaultKind::TxGarbledBytes);
        assert_eq!(check(&garbled(19)), None);
        assert_eq!(check(&garbled(21)).unwrap().at, s(20));
        assert!(check(&half().suffer(s(19), FaultKind::GarbledBytes)).is_some());
    }
}
