//! L1: when all is well again, the station is online within half an hour, or in an hour more if it had left the
//! module alone; and it stays online.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::TruthKind;
use crate::station::event::{Happening, LinkState};

use super::super::log::Log;
use super::Violation;

/// Until it is online again.
const RECOVERS: Duration = Duration::from_mins(30);
/// The same if everything had been tried: then it rests for up to an hour.
const RECOVERS_FROM_WAITING: Duration = Duration::from_mins(90);
/// Being well again switches the module off and on, which may be the one restart too many.
const LAST_STRAW: Duration = Duration::from_mins(1);

/// When it had to be online at last; `None` if all is never well again, or the run ends before.
fn latest(log: &Log) -> Option<Mono> {
    let healed = log.truth.iter().find(|truth| truth.kind == TruthKind::Healed)?.at;
    let (mut waits, mut soon) = (false, false);
    for (at, happening) in &log.told {
        let Happening::LinkState { to, .. } = happening else { continue };
        if *at <= healed {
            waits = *to == LinkState::Waiting;
        } else if *at <= healed + LAST_STRAW {
            soon |= *to == LinkState::Waiting;
        }
    }
    let latest = healed + if waits || soon { RECOVERS_FROM_WAITING } else { RECOVERS };
    (latest <= log.ended && log.panic.is_none()).then_some(latest)
}

/// Since when it has been online for good; `Err` if that came too late or never.
fn online_since(log: &Log, latest: Mono) -> Result<Mono, Violation> {
    let mut up: Option<Mono> = None;
    for (at, happening) in &log.told {
        match happening {
            Happening::LinkState { to, .. } if to.is_up() => up = up.or(Some(*at)),
            Happening::LinkState { .. } | Happening::StationStarted { .. } => up = None,
            _ => {}
        }
        // The module is switched off and on when all is well again: what was before does not count.
        if *at > latest && up.is_none_or(|since| since > latest) {
            let what = format!("it is not online at {:.0}s", super::super::log::seconds(latest));
            return Err(Violation::new("L1", *at, what));
        }
    }
    up.filter(|since| *since <= latest)
        .ok_or_else(|| Violation::new("L1", log.ended, "it never came online again"))
}

pub(super) fn check(log: &Log) -> Option<Violation> {
    online_since(log, latest(log)?).err()
}

/// Since when a station has been online for good after all was well again, if L1 holds.
pub(super) fn recovered(log: &Log) -> Option<Mono> {
    online_since(log, latest(log)?).ok()
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    pub(in super::super) fn state(to: LinkState) -> Happening {
        Happening::LinkState { from: LinkState::Down, to, level: 0, cause: None, pause_ms: 0 }
    }

    #[test]
    fn a_station_that_stays_down_is_seen() {
        let healed = || log().truth(s(3600), TruthKind::Healed).tell(s(3601), state(LinkState::Down));
        let online = healed().tell(s(3700), state(LinkState::Online));
        assert_eq!(check(&online), None);
        assert_eq!(check(&healed()).unwrap().rule, "L1");
        let lost = online.tell(s(10_000), state(LinkState::Recovering));
        assert_eq!(check(&lost).unwrap().rule, "L1");
    }

    #[test]
    fn only_one_that_waited_may_take_longer() {
        let healed = |before| log().tell(s(3500), state(before)).truth(s(3600), TruthKind::Healed);
        let online = |before, at| healed(before).tell(s(at), state(LinkState::Online));
        assert_eq!(check(&online(LinkState::Recovering, 3600 + 1800)), None);
        assert_eq!(check(&online(LinkState::Recovering, 3600 + 1801)).unwrap().rule, "L1");
        assert_eq!(check(&online(LinkState::Waiting, 3600 + 5400)), None);
        assert_eq!(check(&online(LinkState::Waiting, 3600 + 5401)).unwrap().rule, "L1");
    }
}
