//! S6: a message that was promised is with the cloud, or waits, or it was said what became of it; and what was
//! said to be with the cloud is there.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::link::Mono;
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;
use super::whole::{Rows, damaged};

/// From the broker's having it to the station's knowing it.
const JUST_BEFORE: Duration = Duration::from_mins(2);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let rows = Rows::of(log);
    // A damaged copy counts as delivered; nobody can tell whose copy it is, but it came just before.
    let strange =
        log.received.iter().filter(|receipt| damaged(log) && rows.of_post(&receipt.post).is_empty());
    let strange: Vec<Mono> = strange.map(|receipt| receipt.at).collect();
    let just_before = |came: Mono, at: Mono| came <= at && at.since(came) < JUST_BEFORE;
    // The damage may also be a digit of its number, and make it another one's copy.
    let renamed = |seq: u64, at: Mono| {
        let mut came = log.received.iter().filter(|receipt| just_before(receipt.at, at));
        damaged(log) && came.any(|receipt| rows.says_the_same(seq, &receipt.post))
    };
    let as_damaged =
        |seq: u64, at: Mono| strange.iter().any(|came| just_before(*came, at)) || renamed(seq, at);
    let mut delivered_damaged = BTreeSet::new();
    let arrived: BTreeSet<u64> =
        log.received.iter().flat_map(|receipt| rows.of_post(&receipt.post)).collect();
    let mut gone: BTreeSet<u64> = log.left.iter().copied().collect();
    let mut dropped: Vec<(u64, u64)> = Vec::new();
    for (at, happening) in &log.told {
        match happening {
            Happening::ReportSent { seq, .. } if !arrived.contains(seq) && as_damaged(*seq, *at) => {
                delivered_damaged.insert(*seq);
            }
            Happening::ReportSent { seq, .. } if !arrived.contains(seq) => {
                return Some(Violation::new(
                    "S6",
                    *at,
                    format!("report {seq} was said to be sent, and is not there"),
                ));
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
        let known = arrived.contains(&seq) || gone.contains(&seq) || delivered_damaged.contains(&seq);
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

    #[test]
    fn a_digit_of_its_number_may_be_damaged() {
        let sent = Happening::ReportSent {
            seq: 7,
            topic: "attributes".into(),
            bytes: 1,
            lane: crate::station::event::LaneName::Report,
            qos: 1,
            attempts: 1,
            age_ms: 0,
            duplicate_possible: false,
        };
        let named_3 = log().row(s(1), 3).row(s(1), 7).receive(s(2), 3).receive(s(3), 3).tell(s(4), sent);
        assert_eq!(check(&named_3).unwrap().at, s(4));
        // A process that died in the middle of a write may have left half a line.
        let mut damaged = named_3;
        damaged.torn.push(s(1));
        assert_eq!(check(&damaged), None);
    }
}
