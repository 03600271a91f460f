//! The link in the loop's hands: what the machine of [`super::link`] wants is done here, and what the module,
//! the port and the runs say about the link is told to it.

use std::rc::Rc;
use std::time::Duration;

use crate::flow::model::Program;
use crate::flow::model::station::{Cause, LinkPlan};
use crate::link::Mono;
use crate::run::failure::Failure;
use crate::run::resident::Performance;
use crate::session::{Fault, Mark};

use super::event::{Happening, LinkState};
use super::link::{Fact, Machine, Outcome, Shape, Uses, Want};
use super::shared::{Shared, plan_of};
use super::Station;

/// Under which the store keeps how often the rungs of `link.reset` were used.
const USES: &str = "link_uses";
/// After an unclean end with a message on its way, a module that takes what comes as data gets this much
/// silence first.
const DATA_SILENCE: Duration = Duration::from_secs(6);

/// The link as the loop holds it.
pub(super) struct Supervised {
    pub machine: Machine,
    /// Lines before this one say nothing about the session with the broker that stands now.
    facts_since: Mark,
    /// Bytes over the network, on this day.
    bytes_today: u64,
    day: i64,
    warned: bool,
}

/// When the link wants something.
pub(super) enum Wake {
    Now,
    At(Mono),
}

impl Supervised {
    pub fn new(program: &Program, shared: &Shared, seed: u64, now: Mono) -> Self {
        let shape = plan_of(program).link.as_ref().map(shape_of).unwrap_or_default();
        let store = shared.store.borrow();
        let uses = store.meta(USES).and_then(|text| Uses::parse(&text)).unwrap_or_default();
        let unclean = !store.was_clean();
        let mut machine = Machine::new(shape, uses, seed, now);
        if unclean {
            machine.after_unclean_end();
        }
        Self { machine, facts_since: Mark::default(), bytes_today: 0, day: 0, warned: false }
    }

    pub fn wake(&self, now: Mono) -> Wake {
        match self.machine.want(now) {
            Want::Nothing { until } => Wake::At(until.unwrap_or(Mono::FAR)),
            _ => Wake::Now,
        }
    }

    /// Bytes went over the network.
    pub fn spend(&mut self, bytes: u64, day: i64) {
        if day != self.day {
            (self.day, self.bytes_today, self.warned) = (day, 0, false);
        }
        self.bytes_today += bytes;
    }

    /// Bytes over the network since midnight (UTC).
    pub fn bytes_today(&self) -> u64 {
        self.bytes_today
    }

    /// The budget is spent, said once a day.
    fn over(&mut self, budget: u64) -> bool {
        self.bytes_today > budget && !std::mem::replace(&mut self.warned, true)
    }
}

fn shape_of(plan: &LinkPlan) -> Shape {
    Shape {
        levels: plan.up.iter().map(|level| (level.name.to_string(), level.retry.clone())).collect(),
        rungs: plan.reset.iter().map(|rung| (rung.name.to_string(), rung.at_most, rung.per)).collect(),
        check_every: plan.check.as_ref().map(|check| check.every),
    }
}

impl Station {
    /// Does what the link wants, one thing.
    pub(super) fn mind_the_link(&mut self) {
        let now = self.now();
        let program = Rc::clone(&self.program);
        let Some(plan) = &plan_of(&program).link else { return };
        let outcome = match self.link.machine.want(now) {
            Want::Nothing { .. } => return,
            Want::FindPort { until } => {
                let found = self.run.borrow_mut().session().find_port(until).is_ok();
                if found {
                    self.shared.tell(&Happening::PortFound);
                    self.tell_machine(Fact::PortBack);
                } else {
                    self.link.machine.done(self.now(), &Outcome::failed("port", "the port is not there"));
                    self.tell_link();
                }
                return;
            }
            Want::Climb { level, clean } => {
                self.shared.clean_session.set(clean);
                let flow = plan.up[level].flow;
                let ended = self.run.borrow_mut().perform(flow, Vec::new(), Mono::FAR);
                self.shared.clean_session.set(false);
                self.climbed(&ended)
            }
            Want::Rung { index } => {
                let flow = plan.reset[index].flow;
                let ended = self.run.borrow_mut().perform(flow, Vec::new(), Mono::FAR);
                outcome_of(&ended)
            }
            Want::Check => {
                let Some(check) = &plan.check else { return };
                let ended = self.run.borrow_mut().perform(check.flow, Vec::new(), Mono::FAR);
                let online = ended.get("online").and_then(|value| value.as_bool().ok());
                match (&ended.failure, online) {
                    (None, Some(online)) => Outcome::Checked { online },
                    _ => outcome_of(&ended),
                }
            }
        };
        self.link.machine.done(self.now(), &outcome);
        self.tell_link();
    }

    /// A level was tried: what lines said before it passed is about an earlier session.
    fn climbed(&mut self, ended: &Performance) -> Outcome {
        if ended.failure.is_none() {
            let mut run = self.run.borrow_mut();
            let session = run.session();
            self.link.facts_since = session.mark();
            // Its own restarts and closings were part of the climb.
            let _ = session.take_facts(self.link.facts_since);
        }
        outcome_of(ended)
    }

    /// What lines said about the link since the last boundary.
    pub(super) fn look_at_facts(&mut self) {
        let (facts, stuck) = {
            let mut run = self.run.borrow_mut();
            let session = run.session();
            (session.take_facts(self.link.facts_since), session.is_stuck())
        };
        if facts.restarted_as_asked {
            let evidence = "a command of ours".to_string();
            self.tell_machine(Fact::Reboot { evidence, expected: true });
        }
        if let Some(line) = facts.reboot {
            let evidence = self.shared.masked.text(&line);
            self.tell_machine(Fact::Reboot { evidence, expected: false });
        } else if facts.echo_back {
            let evidence = "it echoes again".to_string();
            self.tell_machine(Fact::Reboot { evidence, expected: false });
        }
        if let Some(line) = facts.closed {
            let line = self.shared.masked.text(&line);
            self.tell_machine(Fact::Closed { line });
        }
        if stuck != (self.link.machine.state() == LinkState::Quarantined) {
            self.tell_machine(if stuck { Fact::Stuck } else { Fact::Unstuck });
        }
    }

    /// What a failed run says about the link.
    pub(super) fn run_failed(&mut self, failure: &Failure) {
        let line = failure.line.clone().unwrap_or_else(|| failure.message.clone());
        match failure.family.as_str() {
            "port" => self.lost_port(failure.message.clone()),
            "reboot" => self.tell_machine(Fact::Reboot { evidence: line, expected: false }),
            "stuck" => self.tell_machine(Fact::Stuck),
            "closed" => self.tell_machine(Fact::Closed { line }),
            _ => {}
        }
    }

    /// The port vanished while nothing was asked.
    pub(super) fn port_gone(&mut self, fault: &Fault) {
        let what = match fault {
            Fault::Port { what } => what.clone(),
            other => format!("{other:?}"),
        };
        self.lost_port(what);
    }

    fn lost_port(&mut self, what: String) {
        self.shared.tell(&Happening::PortGone { what: what.clone() });
        self.tell_machine(Fact::PortGone { what });
    }

    /// Tells the machine a fact, and everybody what follows from it.
    pub(super) fn tell_machine(&mut self, fact: Fact) {
        let now = self.now();
        self.link.machine.fact(now, fact);
        self.tell_link();
    }

    /// What became of the link since the last call.
    pub(super) fn tell_link(&mut self) {
        let program = Rc::clone(&self.program);
        for happening in self.link.machine.take_happenings() {
            self.shared.tell(&happening);
            if let Happening::LinkState { from, to, .. } = happening {
                self.link_changed(&program, from, to);
            }
        }
        if self.link.machine.uses_changed() {
            let text = self.link.machine.uses().to_text();
            self.shared.store.borrow_mut().set_meta(USES, &text);
        }
        if let Some(budget) = plan_of(&program).outbox.bytes_per_day
            && self.link.over(budget)
        {
            let bytes = self.link.bytes_today();
            self.shared.tell(&Happening::BudgetWarning { bytes, budget });
        }
    }

    fn link_changed(&mut self, program: &Program, from: LinkState, to: LinkState) {
        let up = |state| matches!(state, LinkState::Online | LinkState::Degraded);
        if up(from) == up(to) {
            return;
        }
        let now = self.now();
        if up(to) {
            let next = self.shared.store.borrow().next_seq();
            self.drain.came_online(next);
        } else {
            self.drain.lost(now);
        }
        for (index, event) in plan_of(program).events.iter().enumerate() {
            let meant = match event.cause {
                Cause::LinkUp => up(to),
                Cause::LinkLost => !up(to) && to != LinkState::Stopped,
                _ => false,
            };
            if meant {
                self.queue_event(index, Vec::new());
            }
        }
    }

    /// A module that an earlier process left in the middle of a message gets some silence first.
    pub(super) fn let_it_settle(&mut self) {
        let in_flight = {
            let store = self.shared.store.borrow();
            !store.was_clean() && store.meta(super::drain::IN_FLIGHT).is_some()
        };
        if in_flight {
            let until = self.now() + DATA_SILENCE;
            let _ = self.run.borrow_mut().session().pause(until);
        }
    }
}

fn outcome_of(ended: &Performance) -> Outcome {
    match &ended.failure {
        None => Outcome::Passed,
        Some(failure) => Outcome::failed(&failure.family, &failure.message),
    }
}
