//! How long flows sleep in any case.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::flow::model::{Action, Flow, FlowId, Step};

/// How long flows sleep in any case, each added up once.
pub(super) struct Sleeps<'f> {
    flows: &'f [Flow],
    known: BTreeMap<FlowId, Duration>,
    /// Those that were looked into. One that is not known yet runs itself, which is refused, but only later.
    begun: BTreeSet<FlowId>,
}

impl<'f> Sleeps<'f> {
    /// Nothing is added up yet.
    pub(super) fn new(flows: &'f [Flow]) -> Self {
        Self { flows, known: BTreeMap::new(), begun: BTreeSet::new() }
    }

    /// How long `flow` sleeps in any case.
    pub(super) fn of(&mut self, flow: FlowId) -> Duration {
        // What a flow runs is worked out before it, once each and without recursion: chains may be long.
        let mut open = vec![flow];
        while let Some(next) = open.last().copied() {
            let steps = self.flows.get(next.0).map_or(&[][..], |flow| &flow.steps);
            if self.begun.insert(next) {
                let mut callees = Vec::new();
                self.add_up(steps, &mut callees);
                open.extend(callees.into_iter().filter(|callee| !self.begun.contains(callee)));
            } else {
                open.pop();
                if !self.known.contains_key(&next) {
                    let time = self.add_up(steps, &mut Vec::new());
                    self.known.insert(next, time);
                }
            }
        }
        self.known.get(&flow).copied().unwrap_or_default()
    }

    /// What these steps sleep, as far as it is known of the flows that they run.
    fn add_up(&self, steps: &[Step], callees: &mut Vec<FlowId>) -> Duration {
        let always = steps.iter().take_while(|step| !matches!(step.action, Action::Stop(_)));
        let always = always.filter(|step| step.when.is_none() && step.unless.is_none());
        let times = always.map(|step| match &step.action {
            Action::Sleep(time) => *time,
            Action::Group(steps) => self.add_up(steps, callees),
            Action::Run(call) => {
                callees.push(call.flow);
                self.known.get(&call.flow).copied().unwrap_or_default()
            }
            _ => Duration::ZERO,
        });
        times.fold(Duration::ZERO, Duration::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::flow::compile::{Options, load};
    use crate::flow::diag::Look;
    use crate::hooks::Host;

    /// What `check` says of a station whose schedule runs the first of these flows.
    fn said(name: &str, flows: &[String]) -> String {
        let folder = std::env::temp_dir().join(format!("atflow-asleep-{name}-{}", std::process::id()));
        let station = "module: generic\nschedule: [{ name: a, every: 1h, steps: [{ run: f0 }] }]\nflows:\n";
        std::fs::create_dir_all(&folder).expect("it can be made");
        std::fs::write(folder.join("flow.yaml"), format!("{station}{}", flows.concat()))
            .expect("it can be written");
        let loaded = load(&folder.join("flow.yaml"), Path::new(&folder), &Options::default(), &Host::new());
        std::fs::remove_dir_all(&folder).expect("it is there");
        loaded.problems.render(&loaded.sources, Look::Plain)
    }

    fn flow(index: usize, steps: &str) -> String {
        format!("  f{index}: {{ steps: [{steps}] }}\n")
    }

    /// Sixty times sixty and so on, ten flows deep: nobody could go through them all.
    #[test]
    fn flows_that_run_each_other_many_times_are_added_up_once() {
        let calls = |index: usize| vec![format!("{{ run: f{index} }}"); 60].join(", ");
        let mut flows: Vec<String> = (0..10).map(|index| flow(index, &calls(index + 1))).collect();
        flows.push(flow(10, "{ sleep: 24h }"));
        let said = said("wide", &flows);
        assert!(said.contains("warning[AT0814]: it sleeps "), "{said}");
    }

    #[test]
    fn what_sleeps_far_below_counts() {
        let mut flows: Vec<String> =
            (0..30).map(|index| flow(index, &format!("{{ run: f{} }}", index + 1))).collect();
        flows.push(flow(30, "{ sleep: 11m }"));
        let said = said("long", &flows);
        assert!(said.contains("it sleeps 11m, and a run of it is cut after 10m"), "{said}");
    }

    #[test]
    fn a_flow_that_runs_itself_ends() {
        let again = vec!["{ run: f0 }"; 60].join(", ");
        let said = said("itself", &[flow(0, &(again + ", { sleep: 1m }"))]);
        assert!(said.contains("error[") && !said.contains("AT0814"), "{said}");
    }
}
