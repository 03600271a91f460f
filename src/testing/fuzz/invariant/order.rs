//! S7: reports of a topic arrive first in the order they were made; none arrives more often than it was sent.

use std::collections::BTreeMap;

use crate::station::event::Happening;
use crate::store::Lane;

use super::super::log::Log;
use super::Violation;
use super::whole::{number, touched};

pub(super) fn check(log: &Log) -> Option<Violation> {
    let lanes: BTreeMap<u64, Lane> = log.ledger.rows.iter().map(|row| (row.seq, row.row.lane)).collect();
    // Rows that memory kept while the disk did not work have numbers of their own; dead ones come back later.
    if log.ledger.rows.iter().any(|row| row.volatile) {
        return None;
    }
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    for receipt in &log.received {
        let Some(seq) = number(&receipt.post.payload) else { continue };
        // A digit of its number may be another one.
        if lanes.get(&seq) != Some(&Lane::Report) || touched(log, receipt.at) {
            continue;
        }
        let times = times.entry(seq).or_default();
        *times += 1;
        let highest = last.entry(&receipt.post.topic).or_default();
        if *times == 1 && seq < *highest {
            let what = format!("report {seq} came after {highest}");
            return Some(Violation::new("S7", receipt.at, what));
        }
        *highest = seq.max(*highest);
    }
    log.told.iter().find_map(|(at, happening)| match happening {
        Happening::ReportSent { seq, attempts, .. }
            if times.get(seq).is_some_and(|times| times > attempts) =>
        {
            let what = format!("report {seq} came {} times in {attempts} tries", times[seq]);
            Some(Violation::new("S7", *at, what))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;
    use crate::sim::FaultKind;

    #[test]
    fn reports_out_of_order_are_seen() {
        let rows = || log().row(s(1), 7).row(s(2), 8);
        assert_eq!(check(&rows().receive(s(3), 7).receive(s(4), 8).receive(s(5), 7)), None);
        assert_eq!(check(&rows().receive(s(3), 8).receive(s(4), 7)).unwrap().at, s(4));
    }

    #[test]
    fn a_death_is_no_excuse() {
        let mut log = log().row(s(1), 7).row(s(2), 8).receive(s(3), 8).receive(s(5), 7);
        (log.died, log.torn) = (vec![s(4)], vec![s(4)]);
        assert_eq!(check(&log).unwrap().at, s(5));
        assert_eq!(check(&log.suffer(s(2), FaultKind::TxGarbledBytes)), None);
    }
}
