//! S14, its other half: reports that did not have to wait for the link go no faster than the cloud takes them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::link::Mono;
use crate::station::event::{Happening, LaneName, Work};

use super::super::log::Log;
use super::Violation;

/// The store and what is told know no shorter times.
const ROUNDED: Duration = Duration::from_millis(2);

/// What is known of the link and the outbox on the way through the log.
#[derive(Default)]
struct Seen {
    /// Since when the link is up.
    up_since: Option<Mono>,
    /// Reports that have not gone, and whether each goes straight: made while the link had been up for a while and
    /// nothing else waited.
    waits: BTreeMap<u64, Option<Mono>>,
    last: Option<Mono>,
}

pub(super) fn check(log: &Log) -> Option<Violation> {
    let every = log.rules.report_every?;
    // A disk that does not take it cannot say after a restart when the last one went.
    if log.told.iter().any(|(_, told)| matches!(told, Happening::StoreVolatile { .. })) {
        return None;
    }
    let mut seen = Seen::default();
    log.told.iter().find_map(|(at, happening)| seen.next(log, every, *at, happening))
}

impl Seen {
    fn next(&mut self, log: &Log, every: Duration, at: Mono, happening: &Happening) -> Option<Violation> {
        match happening {
            Happening::StationStarted { .. } => self.up_since = None,
            Happening::LinkState { from, to, .. } if from.is_up() != to.is_up() => {
                self.up_since = to.is_up().then_some(at);
            }
            Happening::ReportQueued { seq, lane: LaneName::Report, .. } => {
                let since = self.up_since.filter(|up| self.waits.is_empty() && at.since(*up) >= every);
                self.waits.insert(*seq, since);
            }
            Happening::ReportDead { seq, .. } => drop(self.waits.remove(seq)),
            Happening::ReportDropped { first, last, .. } => {
                self.waits.retain(|seq, _| !(*first..=*last).contains(seq));
            }
            Happening::ReportSent { seq, lane: LaneName::Report, .. } => {
                let made_in = self.waits.remove(seq).flatten();
                // The link was not lost in between.
                if made_in.is_some() && made_in == self.up_since {
                    let began = began(log, at);
                    let before = self.last.replace(began)?;
                    if began.since(before) + ROUNDED < every * 9 / 10 {
                        let what =
                            format!("report {seq} went {:?} after the one before", began.since(before));
                        return Some(Violation::new("S14", at, what));
                    }
                }
            }
            _ => {}
        }
        None
    }
}

/// When the publish began that had ended by then.
fn began(log: &Log, ended: Mono) -> Mono {
    let publishes = log.worked.iter().filter_map(|work| match work {
        Work::Publish { began, .. } => Some(*began),
        _ => None,
    });
    publishes.take_while(|began| *began <= ended).last().unwrap_or(ended)
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;
    use crate::station::event::LinkState;

    impl Log {
        fn goes(self, made: u64, gone: u64) -> Self {
            let (topic, source, lane) = ("attributes".to_owned(), "report".to_owned(), LaneName::Report);
            let queued = Happening::ReportQueued { seq: made, topic: topic.clone(), bytes: 1, lane, source };
            let sent = Happening::ReportSent {
                seq: made,
                topic,
                bytes: 1,
                lane,
                qos: 1,
                attempts: 1,
                age_ms: 0,
                duplicate_possible: false,
            };
            self.tell(s(made), queued).tell(s(gone), sent)
        }
    }

    fn online(at: Mono, up: bool) -> (Mono, Happening) {
        let (from, to) = if up {
            (LinkState::Climbing, LinkState::Online)
        } else {
            (LinkState::Online, LinkState::Climbing)
        };
        (at, Happening::LinkState { from, to, level: 0, cause: None, pause_ms: 0 })
    }

    #[test]
    fn reports_that_go_too_fast_are_seen() {
        let with = |up_since: u64| {
            let mut log = log();
            log.rules.report_every = Some(Duration::from_mins(1));
            log.told.push(online(s(up_since), true));
            log
        };
        assert_eq!(check(&with(0).goes(100, 100).goes(155, 155)), None);
        assert_eq!(check(&with(0).goes(100, 100).goes(150, 150)).unwrap().at, s(150));
        // What was made as the link came up, or before, goes as the link bears it.
        assert_eq!(check(&with(60).goes(100, 100).goes(115, 115).goes(125, 125)), None);
        let mut lost = with(0).goes(100, 100).goes(120, 140);
        lost.told.insert(3, online(s(125), false));
        lost.told.insert(4, online(s(130), true));
        assert_eq!(check(&lost), None);
    }
}
