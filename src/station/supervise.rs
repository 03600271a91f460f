//! The link in the loop's hands: what the machine of [`super::link`] wants is done here, and what the module,
//! the port and the runs say about the link is told to it.

use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::flow::bounds;
use crate::flow::model::Program;
use crate::flow::model::station::{Cause, LinkPlan};
use crate::hooks::Value;
use crate::link::Mono;
use crate::link::time::quality;
use crate::run::failure::Failure;
use crate::run::resident::Performance;
use crate::session::{Fault, Mark};

use super::event::{Happening, LinkState};
use super::link::{Fact, History, Job, Machine, Outcome, Shape, Trouble, Uses};
use super::shared::{Shared, plan_of};
use super::traffic::{self, Traffic};
use super::{Station, Strayed};

/// Under which the store keeps when the rungs of `link.reset` were used.
const USES: &str = "link_uses";
/// Under which the store keeps that the next session has to be opened clean.
const UNKNOWN: &str = "outcome_unknown";
/// How long after a restart that was asked for further signs of it are the same restart.
const BOOTING: Duration = Duration::from_mins(1);
/// The longest that a lost port is looked for without looking at anything else.
const LOOKING: Duration = Duration::from_secs(10);

/// When the rungs were used, and when that was written down.
#[derive(Serialize, Deserialize)]
struct Kept {
    uses: Uses,
    /// Milliseconds since 1970, by a calendar that was trusted.
    wall_ms: Option<i64>,
}

/// The link as the loop holds it.
pub(super) struct Supervised {
    pub machine: Machine,
    levels: usize,
    /// Lines before this one say nothing about the session with the broker that stands now.
    facts_since: Mark,
    /// When a command of ours last restarted the module: its boot lines are no further restart.
    asked_at: Option<Mono>,
    /// Bytes that had come when a silent module was last looked at.
    bytes_seen: u64,
    /// The day's bytes over the network.
    pub traffic: Traffic,
}

impl Supervised {
    pub fn new(program: &Program, shared: &Shared, seed: u64, now: Mono) -> Self {
        let shape = shape_of(program);
        let levels = shape.levels.len();
        let machine = Machine::new(shape, &history(shared), seed, now);
        Self {
            machine,
            levels,
            facts_since: Mark::default(),
            asked_at: None,
            bytes_seen: 0,
            traffic: Traffic::from_note(&shared.store.borrow_mut().note(traffic::KEY).unwrap_or_default()),
        }
    }

    /// The link of a new version of the file. The day's bytes stay spent.
    pub fn successor(&self, program: &Program, shared: &Shared, seed: u64, now: Mono) -> Self {
        let Self { asked_at, bytes_seen, traffic, .. } = *self;
        Self { asked_at, bytes_seen, traffic, ..Self::new(program, shared, seed, now) }
    }

    /// How many levels `link.up` has.
    pub fn levels(&self) -> usize {
        self.levels
    }
}

/// The link of a program, as its machine has to know it.
pub(super) fn shape_of(program: &Program) -> Shape {
    let needs_module = |flow| bounds::of_flow(program, flow).commands > 0;
    plan_of(program).link.as_ref().map(|plan| Shape::of(plan, needs_module)).unwrap_or_default()
}

/// What the store knows of earlier processes.
fn history(shared: &Shared) -> History {
    let data_owed = shared.read_data_owed();
    let mut store = shared.store.borrow_mut();
    let unclean = !store.was_clean() || store.note(UNKNOWN).is_some();
    let publishing = store.was_publishing() || data_owed;
    let kept = store.note(USES).and_then(|text| serde_json::from_str::<Kept>(text.as_str()).ok());
    let Some(kept) = kept else { return History { unclean, publishing, ..History::default() } };
    let away = match (kept.wall_ms, trusted_wall_ms(shared)) {
        (Some(then), Some(now)) => {
            Duration::from_millis(u64::try_from(now.saturating_sub(then)).unwrap_or(0))
        }
        _ => Duration::ZERO,
    };
    History { uses: kept.uses, away, unclean, publishing }
}

/// How long a module that may still want data is left alone when all of it has left.
const DATA_REST: Duration = Duration::from_mins(1);

/// Milliseconds since 1970, if the calendar can be believed.
pub(super) fn trusted_wall_ms(shared: &Shared) -> Option<i64> {
    let clock = &shared.clock;
    quality::is_trusted(clock.wall_quality(), clock.since_boot_ms()).then(|| clock.wall_ms())
}

impl Station {
    /// Looks for a port that is gone, until something else is due.
    pub(super) fn find_port(&mut self, until: Mono) {
        let until = until.min(self.now() + LOOKING);
        let found = self.run.borrow_mut().session().find_port(until).is_ok();
        if found {
            self.tell_machine(Fact::PortFound);
        }
    }

    /// At the end: a publish whose acknowledgement may still come must not be mistaken for the next one's, also
    /// when that is another process's.
    pub(super) fn note_unknown_outcome(&mut self) {
        let unknown = self.link.machine.wants_clean() || self.drain.is_unknown();
        self.shared.store.borrow_mut().set_note(UNKNOWN, unknown.then_some("1"));
    }

    /// Does what the link wants, one thing.
    pub(super) fn mind_the_link(&mut self) {
        let now = self.now();
        let program = Rc::clone(&self.program);
        let Some(plan) = &plan_of(&program).link else { return };
        let Some(job) = self.link.machine.begin(now) else { return };
        // A rung is counted before it is run, or a station that crashes in it could reset its module for ever.
        self.tell_link();
        let ended = self.link_run(plan, job);
        let outcome = match &ended.failure {
            None => {
                let online = ended.get("online").and_then(|value: &Value| value.as_bool().ok());
                Outcome::Passed { online }
            }
            Some(failure) => Outcome::Failed(Trouble::from(failure)),
        };
        if self.link.machine.state() == LinkState::Quarantined && ended.failure.is_none() {
            // A rung has switched the module off and on. Not every one says a word when it starts.
            self.run.borrow_mut().session().assume_restart();
        }
        let closed = self.tell_restarts();
        if let Some(failure) = &ended.failure {
            self.run_failed(failure);
        }
        self.link.machine.done(self.now(), &outcome);
        self.tell_link();
        if closed {
            // Heard while the check was asked, which may have passed all the same.
            self.tell_machine(Fact::Closed);
        }
    }

    fn link_run(&mut self, plan: &LinkPlan, job: Job) -> Performance {
        let flow = match job {
            Job::Climb { level, .. } => plan.up[level].flow,
            Job::Rung { index } => plan.reset[index].flow,
            // It is only wanted where there is one.
            Job::Check => plan.check.as_ref().map_or(plan.up[0].flow, |check| check.flow),
        };
        self.shared.clean_session.set(matches!(job, Job::Climb { clean: true, .. }));
        let ended = self.run.borrow_mut().perform(flow, &[], Mono::FAR);
        self.shared.clean_session.set(false);
        if let (Job::Climb { .. }, None) = (job, &ended.failure) {
            // What lines said before it passed is about an earlier session, or was dealt with on the way.
            self.link.facts_since = self.run.borrow_mut().session().mark();
        }
        ended
    }

    /// What lines said about the link since the last boundary.
    pub(super) fn look_at_facts(&mut self) {
        let closed = self.tell_restarts();
        if closed {
            self.tell_machine(Fact::Closed);
        }
        let received = self.run.borrow_mut().session().byte_counts().0;
        if received != std::mem::replace(&mut self.link.bytes_seen, received) {
            self.tell_machine(Fact::SignOfLife);
        }
    }

    /// Restarts, silence and data that is not acknowledged; gives whether the session was closed.
    fn tell_restarts(&mut self) -> bool {
        let (facts, stuck) = {
            let mut run = self.run.borrow_mut();
            let session = run.session();
            session.ask_in_spite_of_data(DATA_REST);
            (session.take_facts(self.link.facts_since), session.is_stuck())
        };
        if facts.restarted_as_asked {
            self.link.asked_at = Some(self.now());
            let evidence = "a command of ours".to_string();
            self.tell_machine(Fact::Reboot { evidence, expected: true });
        }
        let echo = facts.echo_back.then(|| "it echoes again".to_string());
        if let Some(line) = facts.reboot.or(echo) {
            self.rebooted(&line);
        }
        if facts.silent {
            self.tell_machine(Fact::Silent);
        }
        if stuck {
            self.tell_machine(Fact::Stuck);
        } else if self.link.machine.state() == LinkState::Quarantined {
            self.tell_machine(Fact::Unstuck);
        }
        facts.closed.is_some()
    }

    /// What a failed run says about the link.
    pub(super) fn run_failed(&mut self, failure: &Failure) {
        let line = failure.line.clone().unwrap_or_else(|| failure.message.clone());
        match failure.family.as_str() {
            "port" => self.lost_port(&failure.message),
            "reboot" => self.rebooted(&line),
            "stuck" => self.tell_machine(Fact::Stuck),
            "closed" => self.tell_machine(Fact::Closed),
            "replay" => self.stray(&failure.message, &failure.help.join("; ")),
            _ => {}
        }
    }

    /// A recording has nothing more to say: it is no port that could come back.
    fn stray(&mut self, what: &str, help: &str) {
        let text = |text: &str| self.shared.masked.text(text);
        self.strayed = Some(Strayed { what: text(what), help: text(help) });
    }

    /// The module restarted, or still says that it does.
    fn rebooted(&mut self, line: &str) {
        let now = self.now();
        let expected = self.link.asked_at.is_some_and(|at| now.since(at) < BOOTING);
        let evidence = self.shared.masked.text(line);
        self.tell_machine(Fact::Reboot { evidence, expected });
    }

    /// The port vanished while nothing was asked.
    pub(super) fn port_gone(&mut self, fault: &Fault) {
        match fault {
            Fault::Port { what } => self.lost_port(what),
            Fault::Strayed { what, help } => self.stray(what, help),
            other => self.lost_port(&format!("{other:?}")),
        }
    }

    fn lost_port(&mut self, what: &str) {
        // The happening says that it is gone; this is to say why.
        let what = what.strip_prefix("the port is gone: ").unwrap_or(what).to_string();
        self.tell_machine(Fact::PortGone { what, expected: false });
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
        // Before a word of it: what is said to have been used counts, whatever becomes of this process.
        if self.link.machine.uses_changed() {
            let uses = self.link.machine.uses(self.now());
            let kept = Kept { uses, wall_ms: trusted_wall_ms(&self.shared) };
            let text = serde_json::to_string(&kept).unwrap_or_default();
            self.shared.store.borrow_mut().set_note(USES, Some(&text));
        }
        for happening in self.link.machine.take_happenings() {
            self.shared.tell(&happening);
            if let Happening::LinkState { from, to, .. } = happening {
                self.link_changed(&program, from, to);
            }
        }
        if let Some(budget) = plan_of(&program).outbox.bytes_per_day
            && self.link.traffic.is_over(budget)
        {
            let bytes = self.link.traffic.today();
            self.shared.tell(&Happening::BudgetWarning { bytes, budget });
        }
    }

    fn link_changed(&mut self, program: &Program, from: LinkState, to: LinkState) {
        if from.is_up() == to.is_up() {
            return;
        }
        let moment = self.shared.store.borrow().moment(self.shared.now_ms());
        if to.is_up() {
            let next = self.shared.store.borrow_mut().head(false);
            self.drain.pace.came_online(moment, next.as_ref(), &plan_of(program).limits);
        } else {
            self.drain.pace.lost((self.now(), moment), &plan_of(program).limits);
            // A link that is closed at the end is not lost: a restart makes the reports no faster.
            if to != LinkState::Stopped {
                self.note_loss(moment);
            }
        }
        for (index, event) in plan_of(program).events.iter().enumerate() {
            let meant = match event.cause {
                Cause::LinkUp => to.is_up(),
                Cause::LinkLost => !to.is_up() && to != LinkState::Stopped,
                _ => false,
            };
            if meant {
                self.queue_event(index, Vec::new());
            }
        }
    }
}
