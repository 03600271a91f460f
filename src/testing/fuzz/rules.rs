//! What the rules must know of the file that is run: its periods, its bounds, and how long its runs may take.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::bounds::Bounds;
use crate::flow::duration;
use crate::flow::model::station::{Computation, Station, When};
use crate::flow::model::{FlowId, Leaf, Program};
use crate::hooks;
use crate::station::event::JobKind;

/// A run that has no `timeout` of its own ends after this.
const LONGEST_RUN: Duration = Duration::from_mins(10);
/// The longest that a handler may take.
const LONGEST_HANDLER: Duration = Duration::from_secs(30);

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

/// A schedule with a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Of the schedule.
    pub name: String,
    /// From due time to due time.
    pub every: Duration,
    /// The value of `state` that it is read from; `every` is then what it is at first.
    pub state: Option<String>,
}

/// How much may wait in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Reports, and as many events.
    pub rows: u64,
    /// Of the payloads of both.
    pub bytes: u64,
}

/// What the rules must know of the file.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// What the module says to a line that it does not take now.
    pub busy: Vec<Pattern>,
    /// Whether it is a station.
    pub station: bool,
    /// Schedules with a fixed or initial period.
    pub periods: Vec<Period>,
    /// Schedules that go by the calendar.
    pub calendar: Vec<String>,
    /// How often the link's rungs may be run.
    pub caps: Vec<Cap>,
    /// The link can be asked whether it still holds.
    pub has_check: bool,
    /// The longest that a run of this kind and name holds the line.
    pub longest: BTreeMap<(JobKind, String), Duration>,
    /// The longest that a publish does.
    pub longest_publish: Option<Duration>,
    /// The longest that messages are fetched from the module, which nobody is told of.
    pub longest_fetch: Duration,
    /// How much may wait.
    pub room: Option<Room>,
    /// From one report that did not wait for the link to the next, as the cloud wants it.
    pub report_every: Option<Duration>,
    /// Between two reports that had to wait for the link.
    pub drain_every: Duration,
    /// The name under which a report says when it was made.
    pub time_field: Option<String>,
}

impl Rules {
    /// What a program says.
    pub fn of(program: &Program) -> Self {
        let busy = program.dialect.results.busy.clone();
        let Some(plan) = &program.station else { return Self { busy, ..Self::default() } };
        let mut bounds = Bounds::new(program);
        let mut of_flow = |flow: FlowId| bounds.of(flow).time;
        let periods = plan.schedules.iter().filter_map(|schedule| {
            let (every, state) = match &schedule.when {
                When::Every(period) => (*period, None),
                When::EveryOf(computation) => period_in_state(plan, computation)?,
                When::Cron(_) => return None,
            };
            Some(Period { name: schedule.name.to_string(), every, state })
        });
        let calendar = plan.schedules.iter().filter(|schedule| matches!(schedule.when, When::Cron(_)));
        let rungs = plan.link.iter().flat_map(|link| &link.reset);
        let caps =
            rungs.map(|rung| Cap { rung: rung.name.to_string(), at_most: rung.at_most, per: rung.per });
        Self {
            busy,
            station: true,
            periods: periods.collect(),
            calendar: calendar.map(|schedule| schedule.name.to_string()).collect(),
            caps: caps.collect(),
            has_check: plan.link.as_ref().is_some_and(|link| link.check.is_some()),
            longest: longest(program, plan, &mut of_flow),
            longest_publish: program.contract.get("publish").and_then(|flow| of_flow(*flow)),
            longest_fetch: program.contract.get("fetch").and_then(|flow| of_flow(*flow)).unwrap_or_default(),
            room: Some(Room { rows: plan.outbox.max_rows, bytes: plan.outbox.max_bytes }),
            report_every: plan.limits.report_every,
            drain_every: plan.limits.drain_every.max(plan.limits.gap),
            time_field: plan.outbox.time_field.clone(),
        }
    }

    /// Whether the module said that it is busy, wherever that stands in what came: noise may stick to it.
    pub fn is_refused(&self, heard: &[u8]) -> bool {
        self.busy.iter().any(|busy| match busy.prefix() {
            // A pattern that begins with no text of its own is only known by whole lines.
            [] => heard.split(|byte| *byte == b'\n').any(|line| busy.is_match(line.trim_ascii(), &[])),
            text => memchr::memmem::find(heard, text).is_some(),
        })
    }

    /// The longest that a run may take; one that the file does not name may take what any may.
    pub fn longest_run(&self, kind: JobKind, name: &str) -> Duration {
        let usual = if kind == JobKind::Command { LONGEST_HANDLER } else { LONGEST_RUN };
        self.longest.get(&(kind, name.to_owned())).copied().unwrap_or(usual)
    }
}

/// The worst case of each run. What has no `timeout` of its own is cut when a run has lasted long enough.
fn longest(
    program: &Program,
    plan: &Station,
    of_flow: &mut dyn FnMut(FlowId) -> Option<Duration>,
) -> BTreeMap<(JobKind, String), Duration> {
    let mut cut = |flow: FlowId| {
        let most = if program.flow(flow).timeout.is_some() { Duration::MAX } else { LONGEST_RUN };
        of_flow(flow).unwrap_or(Duration::MAX).min(most)
    };
    let mut all = BTreeMap::new();
    for schedule in &plan.schedules {
        all.insert((JobKind::Schedule, schedule.name.to_string()), cut(schedule.flow));
    }
    for event in &plan.events {
        let most: &mut Duration = all.entry((JobKind::Event, event.name.to_string())).or_default();
        *most = cut(event.flow).max(*most);
    }
    for (name, flow) in &plan.callable {
        all.insert((JobKind::Timer, name.clone()), cut(*flow));
    }
    for name in plan.downlink.iter().flat_map(|downlink| downlink.methods.keys()) {
        all.insert((JobKind::Command, name.clone()), LONGEST_HANDLER);
    }
    all
}

/// A period that is exactly one value of `state`: what it is at first, and the value's name.
fn period_in_state(plan: &Station, computation: &Computation) -> Option<(Duration, Option<String>)> {
    let [Leaf::Expr(expr)] = &*computation.values else { return None };
    let name = expr.program.source().trim().strip_prefix("state.")?;
    let var = plan.state.iter().find(|var| &*var.name == name)?;
    Some((duration::parse(&hooks::display(&var.default)).ok()?, Some(name.to_owned())))
}
