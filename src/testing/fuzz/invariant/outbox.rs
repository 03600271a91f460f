//! S6: a message that was promised is with the cloud, or waits, or it was said what became of it; and what was
//! said to be with the cloud is there.

use std::collections::BTreeSet;

use crate::link::Mono;
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;
use super::whole::{Rows, damaged};

pub(super) fn check(log: &Log) -> Option<Violation> {
    // A damaged copy counts as delivered, and nobody can tell whose copy it is.
    if damaged(log) && !log.faults.is_empty() && log.received.iter().any(|r| Rows::of(log).of_post(&r.post).is_empty()) {
        return None;
    }
    let rows = Rows::of(log);
    let arrived: BTreeSet<u64> =
        log.received.iter().flat_map(|receipt| rows.of_post(&receipt.post)).collect();
    let mut gone: BTreeSet<u64> = log.left.iter().copied().collect();
    let mut dropped: Vec<(u64, u64)> = Vec::new();
    for (at, happening) in &log.told {
        match happening {
            Happening::ReportSent { seq, .. } if !arrived.contains(seq) => {
                return Some(Violation::new("S6", *at, format!("report {seq} was said to be sent, and is not there")));
            }
            Happening::ReportDead { seq, .. } => drop(gone.insert(*seq)),
            Happening::ReportDropped { first, last, .. } => dropped.push((*first, *last)),
            // What was kept in memory died with the process.
            Happening::StoreCorrupt { .. } => return None,
            _ => {}
        }
    }
    let lost = log.ledger.rows.iter().find(|entry| {
        let seq = entry.seq;
        let known = arrived.contains(&seq) || gone.contains(&seq);
        let said = dropped.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        let excused = entry.volatile && !log.died.is_empty();
        !known && !said && !excused
    })?;
    let at = Mono::from_micros(u64::try_from(lost.at_ms).unwrap_or(0).saturating_mul(1000));
    let what = format!("message {} on `{}` is nowhere", lost.seq, lost.row.topic);
    Some(Violation::new("S6", at, what))
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn a_lost_message_is_seen() {
        assert_eq!(check(&log().row(s(1), 7).receive(s(2), 7)), None);
        let mut waits = log().row(s(1), 7);
        assert_eq!(check(&waits).unwrap().at, s(1));
        waits.left.push(7);
        assert_eq!(check(&waits), None);
        let drop = Happening::ReportDropped { first: 6, last: 8, count: 2, reason: "age".into() };
        assert_eq!(check(&log().row(s(1), 7).tell(s(3), drop)), None);
    }
}
