//! What was promised against what arrived: no report is lost, and they arrive in order.

use std::collections::BTreeSet;

use atflow::sim::Receipt;
use atflow::station::event::Happening;

use crate::support_station::Lab;
use crate::support_station::recorder::Recorder;

/// The number at the end of a report's id; `None` for what is no report.
pub fn number(receipt: &Receipt) -> Option<u64> {
    let json: serde_json::Value = serde_json::from_slice(&receipt.post.payload).ok()?;
    json.get("report_id")?.as_str()?.rsplit_once('-')?.1.parse().ok()
}

/// Numbers of the reports in the order of their first arrival.
pub fn arrived(lab: &Lab) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    lab.received().iter().filter_map(number).filter(|seq| seen.insert(*seq)).collect()
}

fn dropped(told: &Recorder) -> Vec<(u64, u64)> {
    told.all(|happening| match happening {
        Happening::ReportDropped { first, last, .. } => Some((*first, *last)),
        _ => None,
    })
}

fn dead(told: &Recorder) -> Vec<u64> {
    told.all(|happening| match happening {
        Happening::ReportDead { seq, .. } => Some(*seq),
        _ => None,
    })
}

/// The reports that wait in the store of a killed station.
pub fn waiting(lab: &mut Lab) -> Vec<u64> {
    let (mut waiting, mut last) = (Vec::new(), 0);
    while let Some(row) = lab.left().row_after(false, last) {
        last = row.seq;
        waiting.push(row.seq);
    }
    waiting
}

/// Kills the station and asserts that each report that was queued is with the cloud, waits, is dead or was
/// dropped, and that those with the cloud came in order.
pub fn settle(lab: &mut Lab) {
    lab.kill();
    let waiting = waiting(lab);
    let arrived = arrived(lab);
    assert!(arrived.is_sorted(), "the reports came out of order");
    let told = lab.told();
    let (dropped, dead) = (dropped(&told), dead(&told));
    for seq in told.queued(atflow::station::event::LaneName::Report) {
        let known = arrived.contains(&seq)
            || waiting.contains(&seq)
            || dead.contains(&seq)
            || dropped.iter().any(|(first, last)| (*first..=*last).contains(&seq));
        assert!(known, "report {seq} is lost");
    }
}
