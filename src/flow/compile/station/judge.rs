//! What is known of a station only when all its flows are: who publishes, and whether there is a way to.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::duration;
use crate::flow::model::station::{LONGEST_RUN, Schedule, When};
use crate::flow::model::{Flow, FlowId, Station};

use super::super::Compiler;
use super::super::files::Kind;
use super::asleep::Sleeps;
use super::{Draft, Period, Said};

/// Every report is written to disk and synced: more often than this wears a flash memory down.
const WEARING: Duration = Duration::from_secs(5);

impl Compiler<'_> {
    /// The station, when its flows have been read.
    pub(in crate::flow::compile) fn judged(
        &mut self,
        draft: Option<Draft>,
        flows: &[Flow],
    ) -> Option<Station> {
        let Draft { mut station, periods, limits_at } = draft?;
        let publishing = self.publishing();
        let periods: Vec<&Period> =
            periods.iter().filter(|period| publishing.contains(&period.flow)).collect();
        for period in &periods {
            self.judge_period(period, station.limits.report_every, limits_at);
        }
        if let Some(allowed) = station.limits.report_every {
            station.limits.exceeded = self.judge_sum(&periods, allowed, limits_at);
        }
        let mut sleeps = Sleeps::new(flows);
        for schedule in &station.schedules {
            self.judge_length(schedule, flows, &mut sleeps);
        }
        if station.link.is_none() && !self.incomplete && !self.cloud_is_unread {
            self.needs_link(&station);
        }
        Some(station)
    }

    /// The flows that publish, themselves or through others.
    fn publishing(&self) -> BTreeSet<FlowId> {
        let mut found: BTreeSet<FlowId> = self.contract_flow("publish").into_iter().collect();
        let mut open: Vec<FlowId> = found.iter().copied().collect();
        while let Some(flow) = open.pop() {
            for (caller, _, _) in self.calls.iter().filter(|(_, callee, _)| *callee == flow) {
                if found.insert(*caller) {
                    open.push(*caller);
                }
            }
        }
        found
    }

    fn judge_period(&mut self, period: &Period, allowed: Option<Duration>, limits_at: Option<Span>) {
        let shown = duration::display(period.least);
        if let Some(allowed) = allowed.filter(|allowed| period.least < *allowed) {
            let allowed = duration::display(allowed);
            let (message, help) = match &period.said {
                Said::Every => (
                    format!("it publishes every {shown}, and the cloud takes a report every {allowed}"),
                    format!(
                        "write `every: {allowed}` or more; take readings more often in a schedule that does not publish"
                    ),
                ),
                Said::Kept(name) => (
                    format!("`state.{name}` may be {shown}, and the cloud takes a report every {allowed}"),
                    format!("give it `min: {allowed}`"),
                ),
                Said::Cron(_) => (
                    format!("it publishes {shown} apart, and the cloud takes a report every {allowed}"),
                    "write a pattern that is due less often".to_string(),
                ),
            };
            let mut problem = Diagnostic::error(Code::TOO_OFTEN, period.at, message).help(help);
            if let Some(at) = limits_at {
                problem = problem.also(at, "the cloud's limit");
            }
            self.problems.push(problem);
        } else if period.least < WEARING {
            self.problems.push(
                Diagnostic::warning(Code::WEAR, period.at, format!("it may publish every {shown}")).help(
                    "every report is written to disk first: more often than every 5s wears flash memory down",
                ),
            );
        }
    }

    /// Each may keep to the cloud's limit, and all together exceed it. What is more waits, ever longer. Whether it is
    /// so.
    fn judge_sum(&mut self, periods: &[&Period], allowed: Duration, limits_at: Option<Span>) -> bool {
        let share = |period: &Period| {
            let time = match period.said {
                Said::Cron(mean) => mean,
                Said::Every | Said::Kept(_) => period.least,
            };
            allowed.as_secs_f64() / time.as_secs_f64().max(0.001)
        };
        let each_keeps_to_it = periods.iter().all(|period| period.least >= allowed);
        let [.., last] = periods else { return false };
        if !each_keeps_to_it || periods.iter().map(|period| share(period)).sum::<f64>() < 1.001 {
            return false;
        }
        let allowed = duration::display(allowed);
        let message = format!(
            "with the others it publishes more often than every {allowed}, which is all the cloud takes"
        );
        let mut problem = Diagnostic::warning(Code::TOO_OFTEN, last.at, message).help(
            "the reports go out later and later, and the outbox fills: publish less often, or all in one report",
        );
        for other in &periods[..periods.len() - 1] {
            problem = problem.also(other.at, "another one");
        }
        if let Some(at) = limits_at {
            problem = problem.also(at, "the cloud's limit");
        }
        self.problems.push(problem);
        true
    }

    /// A run that has no `timeout` of its own is cut, and what sleeps for longer is cut each time.
    fn judge_length(&mut self, schedule: &Schedule, flows: &[Flow], sleeps: &mut Sleeps) {
        if flows.get(schedule.flow.0).is_none_or(|flow| flow.timeout.is_some()) {
            return;
        }
        let limit = match schedule.when {
            When::Every(period) => period.min(LONGEST_RUN),
            When::EveryOf(_) | When::Cron(_) => LONGEST_RUN,
        };
        let asleep = sleeps.of(schedule.flow);
        if asleep <= limit {
            return;
        }
        let (asleep, limit) = (duration::display(asleep), duration::display(limit));
        self.problems.push(
            Diagnostic::warning(
                Code::RUN_CUT,
                schedule.span,
                format!("it sleeps {asleep}, and a run of it is cut after {limit}"),
            )
            .help("give it a `timeout` that is longer, or let it sleep less"),
        );
    }

    fn needs_link(&mut self, station: &Station) {
        let publish = self.contract_flow("publish");
        let own = |flow: FlowId| {
            !matches!(self.parents[self.signatures[flow.0].unit.0].1, Kind::Dialect | Kind::Cloud)
        };
        let published = self
            .calls
            .iter()
            .find(|(caller, callee, _)| Some(*callee) == publish && own(*caller))
            .map(|(_, _, at)| (*at, "this is published, and nothing says how to get online"));
        let heard = station.events.iter().find(|event| event.topic().is_some()).map(|event| event.span);
        let heard = station.downlink.as_ref().map(|downlink| downlink.span).or(heard);
        let heard = heard.map(|at| (at, "messages come over a link, and nothing says how to get online"));
        let Some((at, message)) = published.or(heard) else { return };
        self.problems.push(Diagnostic::error(Code::NO_LINK, at, message).help(
            "name a `cloud`, or say it here: `link: { up: [{ run: wake }, { run: attach }, { run: … }] }`",
        ));
    }
}
