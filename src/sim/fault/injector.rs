//! What the world asks at every byte, line and message: does anything go wrong here?

use std::collections::BTreeMap;
use std::time::Duration;

use super::draw::Stream;
use super::{Detail, Fault, FaultKind, FaultWhen, Faults, Unit};
use crate::link::Mono;

/// All faults of a world.
#[derive(Debug, Default)]
pub(in crate::sim) struct Injector {
    streams: BTreeMap<FaultKind, Stream>,
    counts: BTreeMap<Unit, u64>,
    /// For each unit the number of the next one at which something happens.
    next: BTreeMap<Unit, u64>,
    happened: Vec<(Mono, Fault)>,
    /// The latest time that was given.
    now: Mono,
    heal: Option<Mono>,
    healed: bool,
}

/// What is said between two lines.
#[derive(Debug, Default)]
pub(in crate::sim) struct Saying {
    /// What is said right behind it.
    pub(in crate::sim) urc: Vec<u8>,
    /// The next line follows without a line end of its own in front.
    pub(in crate::sim) glue: bool,
}

impl Injector {
    pub(in crate::sim) fn new(faults: Faults, seed: u64) -> Self {
        let Faults { settings, list, heal } = faults;
        let mut injector = Self { heal: heal.map(|heal| Mono::ZERO + heal), ..Self::default() };
        for kind in FaultKind::ALL {
            let listed: Vec<Fault> = list.iter().filter(|fault| fault.kind == *kind).cloned().collect();
            let stream = Stream::new(*kind, seed, settings.rate(*kind), listed);
            if !stream.is_over() {
                injector.streams.insert(*kind, stream);
            }
        }
        for unit in Unit::COUNTED {
            injector.look_ahead(unit);
        }
        injector
    }

    /// How many of a unit there were.
    pub(in crate::sim) fn counted(&self, unit: Unit) -> u64 {
        self.counts.get(&unit).copied().unwrap_or(0)
    }

    /// What has gone wrong so far.
    pub(in crate::sim) fn happened(&self) -> &[(Mono, Fault)] {
        &self.happened
    }

    /// Time has passed: what goes wrong from now on is dated by it.
    pub(in crate::sim) fn pass(&mut self, now: Mono) {
        self.now = now;
    }

    /// When everything is to be put right.
    pub(in crate::sim) fn heal_at(&self) -> Option<Mono> {
        self.heal.filter(|_| !self.healed)
    }

    /// From now on nothing goes wrong.
    pub(in crate::sim) fn heal(&mut self) {
        self.healed = true;
    }

    fn look_ahead(&mut self, unit: Unit) {
        let of_unit = self.streams.iter().filter(|(kind, _)| kind.unit() == unit);
        let nearest = of_unit.filter_map(|(_, stream)| stream.next_when()).min();
        match nearest {
            Some(FaultWhen::Nth(nth)) => self.next.insert(unit, nth),
            _ => self.next.remove(&unit),
        };
    }

    /// Counts `number` units; what goes wrong within them, with the place of each.
    fn count(&mut self, unit: Unit, number: u64) -> Vec<(u64, Fault)> {
        if self.healed {
            return Vec::new();
        }
        let count = self.counts.entry(unit).or_default();
        let before = *count;
        *count += number;
        let after = *count;
        let mut hits = Vec::new();
        while let Some(nth) = self.next.get(&unit).copied().filter(|nth| *nth <= after) {
            let kinds: Vec<FaultKind> =
                self.streams.keys().copied().filter(|kind| kind.unit() == unit).collect();
            for kind in kinds {
                let taken = self.streams.get_mut(&kind).and_then(|stream| stream.take(FaultWhen::Nth(nth)));
                if let Some(fault) = taken {
                    self.happened.push((self.now, fault.clone()));
                    hits.push((nth - before - 1, fault));
                }
            }
            self.look_ahead(unit);
        }
        hits
    }

    /// The faults that hit one unit.
    pub(in crate::sim) fn one(&mut self, unit: Unit) -> Vec<Fault> {
        self.count(unit, 1).into_iter().map(|(_, fault)| fault).collect()
    }

    /// When the next fault comes that goes by time.
    pub(in crate::sim) fn next_timed(&self) -> Option<Mono> {
        if self.healed {
            return None;
        }
        let by_time = self.streams.iter().filter(|(kind, _)| kind.unit() == Unit::Day);
        by_time
            .filter_map(|(_, stream)| match stream.next_when()? {
                FaultWhen::Time(time) => Some(Mono::ZERO + time),
                FaultWhen::Nth(_) => None,
            })
            .min()
            .filter(|at| self.heal.is_none_or(|heal| *at < heal))
    }

    /// The faults by time that are due.
    pub(in crate::sim) fn timed(&mut self, now: Mono) -> Vec<Fault> {
        let mut due = Vec::new();
        while self.next_timed().is_some_and(|at| at <= now) {
            let time = FaultWhen::Time(now.since(Mono::ZERO));
            let kinds: Vec<FaultKind> =
                self.streams.keys().copied().filter(|kind| kind.unit() == Unit::Day).collect();
            for kind in kinds {
                due.extend(self.streams.get_mut(&kind).and_then(|stream| stream.take(time)));
            }
        }
        self.happened.extend(due.iter().map(|fault| (now, fault.clone())));
        due
    }

    /// Bytes on their way to the host or to the module.
    pub(in crate::sim) fn bytes(&mut self, unit: Unit, bytes: &mut Vec<u8>) {
        use FaultKind as K;
        let mut hits = self.count(unit, bytes.len() as u64).into_iter().peekable();
        if hits.peek().is_none() {
            return;
        }
        let mut changed = Vec::with_capacity(bytes.len() + 1);
        for (place, byte) in bytes.iter().enumerate() {
            let (mut byte, mut times) = (*byte, 1);
            while let Some((_, fault)) = hits.next_if(|(at, _)| *at == place as u64) {
                match (fault.kind, fault.detail) {
                    (K::LostBytes | K::TxLostBytes, _) => times = 0,
                    (K::DoubledBytes | K::TxDoubledBytes, _) => times = 2,
                    (_, Detail::Bit(bit)) => byte ^= 1 << (bit & 7),
                    _ => {}
                }
            }
            changed.extend(std::iter::repeat_n(byte, times));
        }
        *bytes = changed;
    }

    /// A final result code or a prompt is about to be said: it may be cut or emptied.
    pub(in crate::sim) fn answer(&mut self, unit: Unit, bytes: &mut Vec<u8>) -> Duration {
        use FaultKind as K;
        let mut late = Duration::ZERO;
        for fault in self.one(unit) {
            match fault.kind {
                K::LateAnswer | K::LatePrompt => late += fault.lasts.unwrap_or_default(),
                K::LostAnswer | K::LostPrompt => bytes.clear(),
                K::CutAnswer => bytes.truncate(bytes.len() / 2),
                _ => {}
            }
        }
        late
    }

    /// A place between two lines.
    pub(in crate::sim) fn gap(&mut self, saying: &mut Saying) {
        use FaultKind as K;
        for fault in self.one(Unit::Gap) {
            let Detail::Urc(line) = fault.detail else { continue };
            let (before, behind) = match fault.kind {
                K::UrcAnywhere => ("\r\n", "\r\n"),
                K::UrcGlued => ("\r\n", ""),
                _ => ("", ""),
            };
            saying.glue |= fault.kind == K::UrcNoCrlf;
            saying.urc.extend_from_slice(format!("{before}{line}{behind}").as_bytes());
        }
    }
}
