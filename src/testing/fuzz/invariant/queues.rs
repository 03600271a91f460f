//! S19: nothing that waits grows without end: messages in the outbox, recorded commands, runs of schedules, events
//! and timers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::link::Mono;
use crate::station::command::rate::MAX_WAITING;
use crate::station::event::{Happening, JobKind};
use crate::store::Lane;

use super::super::log::Log;
use super::super::rules::Room;
use super::Violation;
use super::units::{Holder, Unit, units};

/// Most runs of events that wait.
const EVENTS: usize = 64;
/// Most timers that wait.
const TIMERS: usize = 64;

pub(super) fn check(log: &Log) -> Option<Violation> {
    let units = units(log);
    messages(log).or_else(|| commands(log)).or_else(|| timers(log)).or_else(|| runs(&units))
}

/// What changes how much waits in the outbox.
enum Change<'l> {
    Comes { seq: u64, lane: Lane, bytes: u64 },
    Goes(&'l Happening),
}

/// Reports and events that wait; replies are as many as the commands, and are never dropped.
#[derive(Default)]
struct Waiting {
    rows: [BTreeMap<u64, u64>; 3],
}

impl Waiting {
    fn apply(&mut self, change: &Change<'_>) {
        match change {
            Change::Comes { seq, lane, bytes } => {
                self.rows[lane.index()].insert(*seq, *bytes);
            }
            Change::Goes(Happening::ReportSent { seq, .. } | Happening::ReportDead { seq, .. }) => {
                for lane in &mut self.rows {
                    lane.remove(seq);
                }
            }
            Change::Goes(Happening::ReportDropped { first, last, count, .. }) => {
                self.drop_rows(*first, *last, usize::try_from(*count).unwrap_or(usize::MAX));
            }
            // A process that died may not have come to telling what left last; the oldest leave first.
            Change::Goes(Happening::StationStarted { outbox_rows, .. }) => {
                let count = self.rows.iter().map(BTreeMap::len).sum::<usize>();
                let more = count.saturating_sub(usize::try_from(*outbox_rows).unwrap_or(usize::MAX));
                let all: BTreeSet<u64> = self.rows.iter().flat_map(BTreeMap::keys).copied().collect();
                for seq in all.into_iter().take(more) {
                    for lane in &mut self.rows {
                        lane.remove(&seq);
                    }
                }
            }
            Change::Goes(_) => {}
        }
    }

    /// Rows of one lane were dropped: of the one that has so many in the range.
    fn drop_rows(&mut self, first: u64, last: u64, count: usize) {
        let lanes = [Lane::Report, Lane::Event].map(Lane::index);
        let of = |lane: usize| self.rows[lane].range(first..=last).map(|(seq, _)| *seq).take(count);
        let fits = lanes.into_iter().max_by_key(|lane| (of(*lane).count(), *lane)).unwrap_or(lanes[0]);
        let gone: Vec<u64> = of(fits).collect();
        for seq in gone {
            self.rows[fits].remove(&seq);
        }
    }

    /// What is over the bounds. The row that is being published stays whatever comes.
    fn excess(&self, room: Room) -> Option<String> {
        let lanes = [Lane::Report, Lane::Event].map(|lane| &self.rows[lane.index()]);
        let longest = lanes.iter().map(|lane| lane.len() as u64).max().unwrap_or(0);
        if longest > room.rows.saturating_add(1) {
            return Some(format!("{longest} messages wait, at most {} are planned", room.rows));
        }
        let largest = lanes.iter().flat_map(|lane| lane.values()).max().copied().unwrap_or(0);
        let bytes: u64 = lanes.iter().flat_map(|lane| lane.values()).sum();
        (bytes > room.bytes.saturating_add(largest))
            .then(|| format!("{bytes} bytes wait, at most {} are planned", room.bytes))
    }
}

fn messages(log: &Log) -> Option<Violation> {
    let room = log.rules.room?;
    let ms = |at: Mono| at.as_micros() / 1000;
    // What memory keeps while the disk does not work has numbers and bounds of its own.
    let is_end =
        |told: &Happening| matches!(told, Happening::StoreVolatile { .. } | Happening::StoreCorrupt { .. });
    let end = log.told.iter().find(|(_, told)| is_end(told)).map_or(u64::MAX, |(at, _)| ms(*at));
    // By milliseconds, because the store knows no shorter times; what came before what went.
    let mut changes: BTreeMap<u64, Vec<Change<'_>>> = BTreeMap::new();
    for entry in &log.ledger.rows {
        let bytes = entry.row.payload.len() as u64;
        let change = Change::Comes { seq: entry.seq, lane: entry.row.lane, bytes };
        changes.entry(u64::try_from(entry.at_ms).unwrap_or(0)).or_default().push(change);
    }
    for (at, told) in &log.told {
        changes.entry(ms(*at)).or_default().push(Change::Goes(told));
    }
    let mut waiting = Waiting::default();
    changes.range(..end).find_map(|(at_ms, changes)| {
        for change in changes {
            waiting.apply(change);
        }
        let what = waiting.excess(room)?;
        Some(Violation::new("S19", Mono::from_micros(at_ms * 1000), what))
    })
}

/// Commands that are recorded and not answered, while a station lives.
struct Recorded {
    /// When each ended, in milliseconds of the store's clock.
    ended: BTreeMap<u64, i64>,
    waiting: BTreeSet<u64>,
    is_volatile: bool,
    /// Those that only memory knows, because the disk does not work: they die with their process.
    in_memory: BTreeSet<u64>,
}

impl Recorded {
    /// How many wait once this is told, if one more does.
    fn tell(&mut self, at: Mono, told: &Happening) -> Option<usize> {
        match told {
            Happening::StoreVolatile { .. } => self.is_volatile = true,
            Happening::StoreRestored { .. } => {
                self.is_volatile = false;
                self.in_memory.clear();
            }
            Happening::StationStarted { .. } => {
                self.is_volatile = false;
                for dead in std::mem::take(&mut self.in_memory) {
                    self.waiting.remove(&dead);
                }
            }
            Happening::CommandReceived { n, .. } => {
                let at_ms = i64::try_from(at.as_micros() / 1000).unwrap_or(i64::MAX);
                let ended = &self.ended;
                self.waiting.retain(|n| ended.get(n).is_none_or(|end| *end > at_ms));
                self.waiting.insert(*n);
                self.in_memory.extend(self.is_volatile.then_some(*n));
                return Some(self.waiting.len());
            }
            _ => {}
        }
        None
    }
}

fn commands(log: &Log) -> Option<Violation> {
    let mut recorded = Recorded {
        ended: log.ledger.ended.iter().map(|end| (end.n, end.at_ms)).collect(),
        waiting: BTreeSet::new(),
        is_volatile: false,
        in_memory: BTreeSet::new(),
    };
    log.told.iter().find_map(|(at, told)| {
        let count = recorded.tell(*at, told).filter(|count| *count > MAX_WAITING)?;
        let what = format!("{count} commands wait, at most {MAX_WAITING} may");
        Some(Violation::new("S19", *at, what))
    })
}

fn timers(log: &Log) -> Option<Violation> {
    let mut waiting = 0_usize;
    // Of each process that died, one timer may have begun without a word.
    let most = TIMERS + log.died.len();
    log.told.iter().find_map(|(at, told)| {
        match told {
            Happening::TimerSet { .. } => waiting += 1,
            Happening::TimerFired { .. } | Happening::TimerDropped { .. } => {
                waiting = waiting.saturating_sub(1);
            }
            _ => {}
        }
        (waiting > most)
            .then(|| Violation::new("S19", *at, format!("{waiting} timers wait, at most {TIMERS} may")))
    })
}

/// Of each schedule one run waits, and of all events so many.
fn runs(units: &[Unit]) -> Option<Violation> {
    let mut last: BTreeMap<&str, Mono> = BTreeMap::new();
    for unit in units {
        let Holder::Run(JobKind::Schedule, name) = &unit.holder else { continue };
        let before = last.insert(name, unit.began);
        if before.is_some_and(|before| before.since(unit.ready) > Duration::from_millis(1)) {
            let what = format!("a second run of `{name}` waited while the first had not begun");
            return Some(Violation::new("S19", unit.ready, what));
        }
    }
    let events: Vec<&Unit> =
        units.iter().filter(|unit| matches!(unit.holder, Holder::Run(JobKind::Event, _))).collect();
    events.iter().find_map(|unit| {
        let waits = |other: &&&Unit| other.ready <= unit.ready && unit.ready < other.began;
        let count = events.iter().filter(waits).count();
        (count > EVENTS).then(|| {
            Violation::new("S19", unit.ready, format!("{count} runs of events wait, at most {EVENTS} may"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    fn small(rows: u64, bytes: u64) -> Log {
        let mut log = log();
        log.rules.room = Some(Room { rows, bytes });
        log
    }

    fn drops(first: u64, last: u64, count: u64) -> Happening {
        Happening::ReportDropped { first, last, count, reason: "full".into() }
    }

    #[test]
    fn too_many_messages_are_seen() {
        // One of them may be on its way.
        let three = || (1..=3).fold(small(2, 1000), |log, seq| log.row(s(seq), seq));
        assert_eq!(check(&three()), None);
        assert_eq!(check(&three().row(s(4), 4)).unwrap().at, s(4));
        assert_eq!(check(&three().row(s(4), 4).tell(s(4), drops(1, 1, 1))), None);
        let late = three().row(s(4), 4).tell(s(5), drops(1, 1, 1));
        assert_eq!(check(&late).unwrap().at, s(4));
    }

    #[test]
    fn too_many_bytes_are_seen() {
        let rows = |bytes| (1..=4).fold(small(100, bytes), |log, seq| log.row(s(seq), seq));
        assert_eq!(check(&rows(21)), None);
        assert_eq!(check(&rows(20)).unwrap().at, s(4));
    }

    #[test]
    fn too_many_commands_are_seen() {
        let comes = |log: Log, n| {
            log.tell(s(n), Happening::CommandReceived { n, id: "1".into(), method: "x".into() })
        };
        let full = (1..=100).fold(log(), comes);
        assert_eq!(check(&full), None);
        assert_eq!(check(&comes(full.clone(), 101)).unwrap().at, s(101));
        let mut answered = comes(full, 101);
        answered.ledger.ended.push(crate::store::Ended {
            n: 1,
            state: crate::store::CommandState::Done,
            reply: None,
            effects: 0,
            at_ms: 100_500,
            volatile: false,
        });
        assert_eq!(check(&answered), None);
    }

    #[test]
    fn a_command_that_only_memory_knew_dies_with_its_process() {
        let comes = |log: Log, n| {
            log.tell(s(n), Happening::CommandReceived { n, id: "1".into(), method: "x".into() })
        };
        let dead_disk = || log().tell(s(0), Happening::StoreVolatile { why: "full".into() });
        let begins = || Happening::StationStarted {
            name: "station".into(),
            module: "luat-air724".into(),
            port: "sim:luat-air724".into(),
            version: "0".into(),
            store_id: "store".into(),
            outbox_rows: 0,
        };
        let died = |log: Log| log.tell(s(100), begins());
        let full = |log: Log| (1..=100).fold(log, comes);
        assert_eq!(check(&comes(full(dead_disk()), 101)).unwrap().at, s(101));
        assert_eq!(check(&comes(died(full(dead_disk())), 101)), None);
        assert_eq!(check(&comes(died(full(log())), 101)).unwrap().at, s(101));
        let restored = full(dead_disk()).tell(s(100), Happening::StoreRestored { rows: 100 });
        assert_eq!(check(&comes(died(restored), 101)).unwrap().at, s(101));
    }

    #[test]
    fn too_many_timers_are_seen() {
        let set = |log: Log, at| log.tell(s(at), Happening::TimerSet { flow: "x".into(), in_ms: 1 });
        let full = (1..=64).fold(log(), set);
        assert_eq!(check(&full), None);
        assert_eq!(check(&set(full.clone(), 65)).unwrap().at, s(65));
        assert_eq!(check(&set(full.tell(s(65), Happening::TimerFired { flow: "x".into() }), 66)), None);
    }

    #[test]
    fn too_many_runs_are_seen() {
        let begins = |kind, late_s: u64| Happening::JobStarted {
            kind,
            name: "x".into(),
            run: 1,
            late_ms: late_s * 1000,
        };
        let events =
            |count: u64| (0..count).fold(log(), |log, n| log.tell(s(1000 + n), begins(JobKind::Event, 500)));
        assert_eq!(check(&events(64)), None);
        assert_eq!(check(&events(65)).unwrap().rule, "S19");
        let schedule = |late| {
            let mut first = log().tell(s(100), begins(JobKind::Schedule, 10));
            first.rules.calendar.push("x".into());
            first.tell(s(110), begins(JobKind::Schedule, late))
        };
        assert_eq!(check(&schedule(10)), None);
        assert_eq!(check(&schedule(15)).unwrap().at, s(95));
    }
}
