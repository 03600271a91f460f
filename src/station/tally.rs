//! What a station counts of itself, for the summary at its end and for the status line.

use crate::link::Mono;

use super::event::{Happening, LaneName, Summary};

/// Counts since the station began.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub summary: Summary,
    /// When the last report was with the cloud.
    pub last_report: Option<Mono>,
    /// The link has been up.
    been_up: bool,
}

impl Tally {
    /// Something happened.
    pub fn count(&mut self, at: Mono, happening: &Happening) {
        let sum = &mut self.summary;
        match happening {
            Happening::ReportSent { lane, duplicate_possible, .. } => {
                match lane {
                    LaneName::Report => {
                        sum.reports_sent += 1;
                        self.last_report = Some(at);
                    }
                    LaneName::Event => sum.events_sent += 1,
                    LaneName::Reply => sum.replies_sent += 1,
                }
                sum.duplicates_possible += u64::from(*duplicate_possible);
            }
            Happening::ReportDropped { count, .. } => sum.reports_lost += count,
            Happening::ReportDead { .. } => sum.reports_lost += 1,
            Happening::StoreCorrupt { .. } => sum.store_was_broken = true,
            Happening::CommandFinished { .. } => sum.commands_answered += 1,
            Happening::JobFinished { outcome, .. } => {
                if outcome == "ok" {
                    sum.runs_passed += 1;
                } else {
                    sum.runs_failed += 1;
                }
            }
            Happening::JobSkipped { .. } => sum.runs_skipped += 1,
            Happening::ScheduleMissed { count, .. } => sum.runs_missed += count,
            Happening::LinkState { from, to, .. } => {
                use super::event::LinkState::{Degraded, Online, Stopped};
                let up = |state| matches!(state, Online | Degraded);
                if up(*from) && !up(*to) && *to != Stopped {
                    sum.link_lost += 1;
                }
                if !up(*from) && up(*to) {
                    // A new version of the file may want another link: that is no loss.
                    sum.link_recovered += u64::from(self.been_up && sum.link_recovered < sum.link_lost);
                    self.been_up = true;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{JobKind, LinkState};
    use super::*;

    #[test]
    fn what_did_not_run_and_what_was_dropped_is_counted() {
        let skipped = |kind, reason: &str| Happening::JobSkipped {
            kind,
            name: "n".to_string(),
            reason: reason.to_string(),
        };
        let missed = |count, policy: &str| Happening::ScheduleMissed {
            name: "n".to_string(),
            count,
            policy: policy.to_string(),
        };
        let dropped = |first, last, count, reason: &str| Happening::ReportDropped {
            first,
            last,
            count,
            reason: reason.to_string(),
        };
        let mut tally = Tally::default();
        for happening in [
            skipped(JobKind::Schedule, "overlap"),
            skipped(JobKind::Event, "full"),
            missed(12, "skip"),
            missed(3, "once"),
            dropped(1, 9, 4, "full"),
            dropped(10, 10, 1, "age"),
            Happening::ReportDead { seq: 11, error: "refused".to_string() },
        ] {
            tally.count(Mono::ZERO, &happening);
        }
        let expected = Summary { runs_skipped: 2, runs_missed: 15, reports_lost: 6, ..Summary::default() };
        assert_eq!(tally.summary, expected);
    }

    /// A new version of the file may want another link: then that is closed, and neither lost nor recovered.
    #[test]
    fn a_link_that_was_closed_was_not_lost() {
        use super::super::event::LinkState::{Climbing, Down, Online, Recovering, Stopped};
        let counted = |states: &[(LinkState, LinkState)]| {
            let mut tally = Tally::default();
            for (from, to) in states.iter().copied() {
                let happening = Happening::LinkState { from, to, level: 0, cause: None, pause_ms: 0 };
                tally.count(Mono::ZERO, &happening);
            }
            (tally.summary.link_lost, tally.summary.link_recovered)
        };
        let reload = [(Climbing, Online), (Online, Stopped), (Down, Climbing), (Climbing, Online)];
        assert_eq!(counted(&reload), (0, 0));
        assert_eq!(counted(&[&reload[..], &[(Online, Recovering)]].concat()), (1, 0));
        assert_eq!(counted(&[&reload[..], &[(Online, Recovering), (Recovering, Online)]].concat()), (1, 1));
    }
}
