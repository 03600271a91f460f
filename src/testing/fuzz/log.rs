//! What a run left behind: bytes, happenings, the module's truth, the cloud's receipts, and what the store
//! promised.

use std::time::Duration;

use crate::flow::model::Program;
use crate::flow::model::station::When;
use crate::link::Mono;
use crate::sim::{Fault, Receipt, Truth};
use crate::station::event::Happening;
use crate::store::Ledger;

use super::super::fate::Crossing;

/// A flow of the link that may only be run so often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cap {
    /// As `rung_started` calls it.
    pub rung: String,
    /// So often …
    pub at_most: u32,
    /// … within this.
    pub per: Duration,
}

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Until then things go wrong.
    pub trouble: Duration,
    /// Then all is well, and it ends.
    pub whole: Duration,
}

/// What the rules must know of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Whether it is a station.
    pub station: bool,
    /// Schedules with a fixed or initial period.
    pub periods: Vec<(String, Duration)>,
    /// How often the link's rungs may be run.
    pub caps: Vec<Cap>,
}

impl Rules {
    /// What a program says.
    pub fn of(program: &Program) -> Self {
        let Some(plan) = &program.station else { return Self::default() };
        let periods = plan.schedules.iter().filter_map(|schedule| match schedule.when {
            When::Every(period) => Some((schedule.name.to_string(), period)),
            When::EveryOf(_) | When::Cron(_) => None,
        });
        let rungs = plan.link.iter().flat_map(|link| &link.reset);
        let caps =
            rungs.map(|rung| Cap { rung: rung.name.to_string(), at_most: rung.at_most, per: rung.per });
        Self { station: true, periods: periods.collect(), caps: caps.collect() }
    }
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct Log {
    /// How long it lasted.
    pub span: Span,
    /// What the file plans.
    pub rules: Rules,
    /// What crossed the line, in order.
    pub crossed: Vec<Crossing>,
    /// What the station told, over all its lives.
    pub told: Vec<(Mono, Happening)>,
    /// When a process died.
    pub died: Vec<Mono>,
    /// When the one behind it began.
    pub began: Vec<Mono>,
    /// What was true of the module.
    pub truth: Vec<Truth>,
    /// What the cloud received.
    pub received: Vec<Receipt>,
    /// What went wrong between module and host, and when.
    pub faults: Vec<(Mono, Fault)>,
    /// What the store promised.
    pub ledger: Ledger,
    /// Numbers of the rows that wait at the end.
    pub left: Vec<u64>,
    /// Where a secret was seen.
    pub leaks: Vec<(Mono, String)>,
    /// What the program said when it gave up.
    pub panic: Option<String>,
    /// When the run was over.
    pub ended: Mono,
    /// Places between two lines of the module.
    pub places: u64,
}

/// Transcript lines shown before and behind a violation.
const AROUND: usize = 14;

impl Log {
    /// An empty one, to be filled.
    pub fn new(span: Span, rules: Rules) -> Self {
        Self {
            span,
            rules,
            crossed: Vec::new(),
            told: Vec::new(),
            died: Vec::new(),
            began: Vec::new(),
            truth: Vec::new(),
            received: Vec::new(),
            faults: Vec::new(),
            ledger: Ledger::default(),
            left: Vec::new(),
            leaks: Vec::new(),
            panic: None,
            ended: Mono::ZERO,
            places: 0,
        }
    }

    /// Whether a fault of the kind that `is` names happened.
    pub fn suffered(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(|(_, fault)| is(fault))
    }

    /// Command lines that were sent, without their ending: what is sent in one piece and ends like a line.
    pub fn lines_sent(&self) -> impl Iterator<Item = (Mono, &[u8])> {
        self.crossed.iter().filter(|crossing| crossing.sent).filter_map(|crossing| {
            let line = crossing.bytes.strip_suffix(b"\r\n").or_else(|| crossing.bytes.strip_suffix(b"\r"))?;
            line.to_ascii_uppercase().starts_with(b"AT").then_some((crossing.at, line))
        })
    }

    /// What crossed the line around a moment, and what was told.
    pub fn around(&self, at: Mono) -> String {
        let mut lines: Vec<(Mono, String)> = Vec::new();
        let middle = self.crossed.partition_point(|crossing| crossing.at <= at);
        for crossing in
            &self.crossed[middle.saturating_sub(AROUND)..(middle + AROUND / 2).min(self.crossed.len())]
        {
            let arrow = if crossing.sent { "→" } else { "←" };
            lines.push((crossing.at, format!("{arrow} {}", crossing.bytes.escape_ascii())));
        }
        let middle = self.told.partition_point(|(when, _)| *when <= at);
        for (when, happening) in &self.told[middle.saturating_sub(AROUND)..(middle + 4).min(self.told.len())]
        {
            let text = serde_json::to_string(happening).unwrap_or_default();
            lines.push((*when, format!("· {text}")));
        }
        for (when, fault) in self.faults.iter().filter(|(when, _)| when.since(at).max(at.since(*when)) < NEAR)
        {
            lines.push((*when, format!("! {fault}")));
        }
        lines.extend(
            self.died
                .iter()
                .filter(|died| died.since(at).max(at.since(**died)) < NEAR)
                .map(|died| (*died, "! the process dies".to_owned())),
        );
        lines.sort_by_key(|(when, _)| *when);
        let show = |(when, text): &(Mono, String)| {
            let short: String = text.chars().take(180).collect();
            format!("{:>14.6}s {short}\n", seconds(*when))
        };
        lines.iter().map(show).collect()
    }
}

/// Faults this close to a violation are shown with it.
const NEAR: Duration = Duration::from_secs(30);

/// For people.
pub fn seconds(at: Mono) -> f64 {
    Duration::from_micros(at.as_micros()).as_secs_f64()
}
