//! S15: a rung of the link's recovery is run at most so often in its time, over restarts, too.

use crate::link::Mono;
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;

pub(super) fn check(log: &Log) -> Option<Violation> {
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
        assert_eq!(check(&log), None);
        log = log.tell(s(3604), begins());
        assert_eq!(check(&log).unwrap().at, s(3604));
    }
}
