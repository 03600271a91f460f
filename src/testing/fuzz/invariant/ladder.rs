//! S15: a rung of the link's recovery is run at most so often in its time, over restarts, too, and only when
//! something is wrong that a check has shown, or that a check cannot show.

use crate::link::Mono;
use crate::station::event::{Happening, LinkState, Work};

use super::super::log::Log;
use super::Violation;

/// Losses of a session that is there and does not do its work: the check would say that all is well.
const CONDEMNED: [&str; 2] = ["puback", "publish"];

pub(super) fn check(log: &Log) -> Option<Violation> {
    too_often(log).or_else(|| without_reason(log))
}

fn too_often(log: &Log) -> Option<Violation> {
    let forgetful = log.told.iter().any(|(_, told)| matches!(told, Happening::StoreVolatile { .. }));
    if forgetful && !log.died.is_empty() {
        return None;
    }
    for cap in &log.rules.caps {
        let starts: Vec<Mono> = (log.told.iter())
            .filter_map(|(at, happening)| match happening {
                Happening::RungStarted { rung, .. } if *rung == cap.rung => Some(*at),
                _ => None,
            })
            .collect();
        let most = usize::try_from(cap.at_most).unwrap_or(usize::MAX);
        let bad = starts.windows(most + 1).find(|group| {
            group.last().zip(group.first()).is_some_and(|(last, first)| last.since(*first) < cap.per)
        });
        if let Some(at) = bad.and_then(<[Mono]>::last) {
            let what = format!("`{}` was run more than {most} times in {:?}", cap.rung, cap.per);
            return Some(Violation::new("S15", *at, what));
        }
    }
    None
}

/// What speaks for a rung since the last one, since the link was up, or since the process began.
#[derive(Default)]
struct Reasons {
    /// What the check said last.
    held: Option<bool>,
    /// A level was climbed in vain since it passed: what is there was never opened whole.
    torn: bool,
    /// A level was climbed in vain.
    failed: bool,
    /// The link was lost in a way that the check does not show.
    condemned: bool,
}

impl Reasons {
    fn suffice(&self, has_check: bool) -> bool {
        let failed = self.held == Some(false);
        failed || self.condemned || self.torn || (!has_check && self.failed)
    }
}

fn without_reason(log: &Log) -> Option<Violation> {
    let mut reasons = Reasons::default();
    // Nothing may be sent then, so nothing can be asked.
    let mut quarantined = false;
    for (at, happening) in &log.told {
        match happening {
            Happening::StationStarted { .. } => (reasons, quarantined) = (Reasons::default(), false),
            Happening::Check { ok, .. } => {
                reasons.torn &= *ok;
                reasons.held = Some(*ok);
            }
            Happening::RungFinished { rung, ok: false, .. } if !is_reset(log, rung) => {
                reasons.torn = reasons.held == Some(true);
                reasons.failed = true;
            }
            Happening::LinkState { to, cause, .. } => {
                quarantined = *to == LinkState::Quarantined;
                if *to == LinkState::Online {
                    reasons = Reasons::default();
                }
                let lost = |cause: &String| {
                    CONDEMNED.contains(&&**cause) || cause != "silent" && was_publishing(log, *at)
                };
                reasons.condemned |= cause.as_ref().is_some_and(lost);
            }
            Happening::RungStarted { rung, .. } if is_reset(log, rung) => {
                if !quarantined && !reasons.suffice(log.rules.has_check) {
                    let what = format!("`{rung}` was run, and no check had failed");
                    return Some(Violation::new("S15", *at, what));
                }
                reasons = Reasons::default();
            }
            _ => {}
        }
    }
    None
}

/// Whether a publish ended in the same moment: what else told of the loss, no acknowledgement came, either.
fn was_publishing(log: &Log, at: Mono) -> bool {
    log.worked.iter().any(|work| matches!(work, Work::Publish { began, took, .. } if *began + *took == at))
}

fn is_reset(log: &Log, rung: &str) -> bool {
    log.rules.caps.iter().any(|cap| cap.rung == rung)
}

#[cfg(test)]
mod tests {
    use super::super::super::rules::Cap;
    use super::super::doctored::{log, s};
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rung_too_often_is_seen() {
        let begins = || Happening::RungStarted { rung: "reset".into(), attempt: 1 };
        let mut log = log().tell(s(1), begins()).tell(s(10), begins()).tell(s(3602), begins());
        log.rules.caps.push(Cap { rung: "reset".into(), at_most: 2, per: Duration::from_hours(1) });
        assert_eq!(too_often(&log), None);
        log = log.tell(s(3604), begins());
        assert_eq!(check(&log).unwrap().at, s(3604));
    }

    #[test]
    fn a_rung_without_a_reason_is_seen() {
        let begins = || Happening::RungStarted { rung: "reset".into(), attempt: 1 };
        let checked = |ok| Happening::Check { ok, took_ms: 1 };
        let state = |from, to, cause: Option<&str>| Happening::LinkState {
            from,
            to,
            level: 1,
            cause: cause.map(str::to_owned),
            pause_ms: 0,
        };
        let ladder = || {
            let mut log = log();
            log.rules.caps.push(Cap { rung: "reset".into(), at_most: 9, per: Duration::from_hours(1) });
            log.rules.has_check = true;
            log
        };
        assert_eq!(check(&ladder().tell(s(1), begins())).unwrap().at, s(1));
        let failed = || ladder().tell(s(1), checked(false));
        assert_eq!(check(&failed().tell(s(2), begins())), None);
        assert_eq!(check(&failed().tell(s(2), begins()).tell(s(3), begins())).unwrap().at, s(3));
        assert!(check(&failed().tell(s(2), checked(true)).tell(s(3), begins())).is_some());
        let up = state(LinkState::Recovering, LinkState::Online, None);
        assert!(check(&failed().tell(s(2), up.clone()).tell(s(3), begins())).is_some());
        let lost = |cause| state(LinkState::Online, LinkState::Recovering, Some(cause));
        assert_eq!(
            check(&ladder().tell(s(1), up.clone()).tell(s(2), lost("puback")).tell(s(3), begins())),
            None
        );
        assert!(check(&ladder().tell(s(1), up).tell(s(2), lost("closed")).tell(s(3), begins())).is_some());
        let publishing = |cause| {
            let mut log = ladder().tell(s(2), lost(cause)).tell(s(3), begins());
            log.worked.push(Work::Publish {
                began: s(1),
                late: Duration::ZERO,
                took: Duration::from_secs(1),
            });
            log
        };
        assert_eq!(check(&publishing("closed")), None);
        // It may not have heard of the publish.
        assert!(check(&publishing("silent")).is_some());
        let shut = state(LinkState::Down, LinkState::Quarantined, None);
        assert_eq!(check(&ladder().tell(s(1), shut).tell(s(2), begins())), None);
    }
}
