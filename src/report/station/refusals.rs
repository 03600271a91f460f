//! Refused messages come by the thousand when they come. The first of a kind is shown, the others are counted and
//! shown once a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::link::Mono;
use crate::station::event::Happening;

const EVERY: Duration = Duration::from_mins(1);

/// Those that were not shown, by code.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<String, Held>);

struct Held {
    shown: Mono,
    /// The last of them, with how many there were.
    last: Option<Happening>,
}

impl Refusals {
    /// What is to be shown before this happening, and whether it is shown itself.
    pub fn pass(&mut self, at: Mono, happening: &Happening) -> (Vec<Happening>, bool) {
        let ended = matches!(happening, Happening::StationStopped(_));
        let mut sums = Vec::new();
        self.0.retain(|_, held| {
            if !ended && at.since(held.shown) < EVERY {
                return true;
            }
            held.shown = at;
            let sum = held.last.take();
            let more = sum.is_some();
            sums.extend(sum);
            more
        });
        (sums, self.is_shown(at, happening))
    }

    fn is_shown(&mut self, at: Mono, happening: &Happening) -> bool {
        let Happening::CommandRejected { code, method, why, count, reply } = happening else { return true };
        let Some(held) = self.0.get_mut(code) else {
            self.0.insert(code.clone(), Held { shown: at, last: None });
            return true;
        };
        let (before, replied) = match &held.last {
            Some(Happening::CommandRejected { count, reply, .. }) => (*count, *reply),
            _ => (0, false),
        };
        held.last = Some(Happening::CommandRejected {
            code: code.clone(),
            method: method.clone(),
            why: why.clone(),
            count: before + count,
            reply: replied || *reply,
        });
        false
    }
}
