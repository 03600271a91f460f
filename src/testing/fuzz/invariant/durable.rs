//! S5: what is published was on the disk before, and so was a command before its handler began.

use std::collections::{BTreeMap, BTreeSet};

use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;
use super::whole::{Rows, touched};

pub(super) fn check(log: &Log) -> Option<Violation> {
    let made: BTreeMap<u64, i64> = log.ledger.rows.iter().map(|row| (row.seq, row.at_ms)).collect();
    for (at, happening) in &log.told {
        if let Happening::ReportQueued { seq, .. } = happening
            && !made.contains_key(seq)
        {
            return Some(Violation::new(
                "S5",
                *at,
                format!("report {seq} was promised and is not on the disk"),
            ));
        }
    }
    let rows = Rows::of(log);
    for receipt in log.received.iter().filter(|receipt| !touched(log, receipt.at)) {
        let at_ms = i64::try_from(receipt.at.as_micros() / 1000).unwrap_or(i64::MAX);
        let candidates = rows.of_post(&receipt.post);
        let early = !candidates.is_empty()
            && candidates.iter().all(|seq| made.get(seq).is_some_and(|made| *made > at_ms));
        if early {
            return Some(Violation::new("S5", receipt.at, "it was published before it was on the disk"));
        }
    }
    let recorded: BTreeSet<u64> = log.ledger.recorded.iter().copied().collect();
    let started: BTreeSet<u64> = log.ledger.started.iter().copied().collect();
    log.told.iter().find_map(|(at, happening)| match happening {
        Happening::CommandStarted { n, .. } if !recorded.contains(n) || !started.contains(n) => {
            Some(Violation::new("S5", *at, format!("command {n} began before that was on the disk")))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn what_is_done_before_it_is_durable_is_seen() {
        assert_eq!(check(&log().row(s(1), 7).receive(s(2), 7)), None);
        assert_eq!(check(&log().row(s(3), 7).receive(s(2), 7)).unwrap().at, s(2));
        let mut dead = log().row(s(3), 7).receive(s(2), 7);
        (dead.died, dead.torn) = (vec![s(1)], vec![s(1)]);
        assert_eq!(check(&dead).unwrap().at, s(2));
        let begun = || log().tell(s(5), Happening::CommandStarted { n: 3, method: "x".into() });
        assert_eq!(check(&begun()).unwrap().at, s(5));
        let mut fine = begun();
        fine.ledger.recorded.push(3);
        fine.ledger.started.push(3);
        assert_eq!(check(&fine), None);
    }
}
