//! What is known of a station only when all its flows are: who publishes, and whether there is a way to.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::duration;
use crate::flow::model::{FlowId, Station};

use super::super::Compiler;
use super::super::files::Kind;
use super::{Draft, Period, Said};

/// Every report is written to disk and synced: more often than this wears a flash memory down.
const WEARING: Duration = Duration::from_secs(5);

impl Compiler<'_> {
    /// The station, when its flows have been read.
    pub(in crate::flow::compile) fn judged(&mut self, draft: Option<Draft>) -> Option<Station> {
        let Draft { station, periods, limits_at } = draft?;
        let publishing = self.publishing();
        for period in periods.iter().filter(|period| publishing.contains(&period.flow)) {
            self.judge_period(period, station.limits.report_every, limits_at);
        }
        if station.link.is_none() && !self.incomplete {
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
                Said::Cron => (
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
