//! L1 and L2: when all is well again, the station is online within the time that its longest rest takes, and
//! sends everything that waits.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::TruthKind;
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;

/// The longest until it is online again: it may have just begun to wait.
const RECOVERS: Duration = Duration::from_mins(90);
/// What was made just before the end may still wait.
const FRESH: Duration = Duration::from_mins(2);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let healed = log.truth.iter().find(|truth| truth.kind == TruthKind::Healed)?.at;
    let most = healed + RECOVERS;
    if most > log.ended || log.panic.is_some() {
        return None;
    }
    let mut up: Option<Mono> = None;
    for (at, happening) in &log.told {
        match happening {
            Happening::LinkState { to, .. } if to.is_up() => up = up.or(Some(*at)),
            Happening::LinkState { .. } | Happening::StationStarted { .. } => up = None,
            _ => {}
        }
        // The module is switched off and on when all is well again: what was before does not count.
        if *at > most && up.is_none_or(|since| since > most) {
            return Some(Violation::new(
                "L",
                *at,
                format!("it is not online {RECOVERS:?} after all is well again"),
            ));
        }
    }
    if !matches!(up, Some(since) if since <= most) {
        return Some(Violation::new("L", log.ended, "it never came online again"));
    }
    let made_before = |seq: &u64| {
        let fresh_ms = (log.ended - FRESH).as_micros() / 1000;
        let made = log.ledger.rows.iter().find(|row| row.seq == *seq).map_or(0, |row| row.at_ms);
        u64::try_from(made).unwrap_or(0) < fresh_ms
    };
    let waits = log.left.iter().find(|seq| made_before(seq))?;
    let count = log.left.len();
    Some(Violation::new(
        "L",
        log.ended,
        format!("{count} messages still wait at the end, message {waits} among them"),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;
    use crate::station::event::LinkState;

    fn state(to: LinkState) -> Happening {
        Happening::LinkState { from: LinkState::Down, to, level: 0, cause: None, pause_ms: 0 }
    }

    #[test]
    fn a_station_that_stays_down_is_seen() {
        let healed = || log().truth(s(3600), TruthKind::Healed).tell(s(3601), state(LinkState::Down));
        let online = healed().tell(s(3700), state(LinkState::Online));
        assert_eq!(check(&online), None);
        assert_eq!(check(&healed()).unwrap().rule, "L");
        let lost = online.tell(s(10_000), state(LinkState::Recovering));
        assert_eq!(check(&lost).unwrap().rule, "L");
    }

    #[test]
    fn a_message_that_stays_is_seen() {
        let online = log().truth(s(3600), TruthKind::Healed).tell(s(3700), state(LinkState::Online));
        let mut waits = online.row(s(100), 7);
        assert_eq!(check(&waits), None);
        waits.left.push(7);
        assert_eq!(check(&waits).unwrap().rule, "L");
    }
}
