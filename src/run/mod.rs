//! Runs a checked program against a session: retry, groups, branches, variables, deadlines. Emits events
//! and prints nothing; knows neither YAML text nor serial ports.

mod actions;
pub mod event;
pub mod failure;
mod flows;
mod frame;
pub mod home;
pub mod mask_text;
mod messages;
pub mod once;
mod part;
mod recovery;
mod render;
pub mod resident;
mod resolve;
mod retry;
mod send;
mod steps;
mod telling;
mod values;
pub mod vars;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use crate::at::pattern::Captures;
use crate::at::sorter::Message;
use crate::chance::Chance;
use crate::flow::model::{FlowId, Program};
use crate::hooks::{Host, Value};
use crate::link::Mono;
use crate::session::{Counted, Fault, Heard, Listener, Mark, Session};

pub use part::Part;
pub use retry::next_start;

pub use actions::captures_map;
use event::{Event, Observer, Report};
use failure::Failure;
use home::{Effects, Home};
use mask_text::Masked;
use once::OnceStore;
use resolve::Resolved;

/// Most flows that may call each other in a row.
const CALL_DEPTH: usize = 32;

/// How long one evaluation may take on the wall, in real runs only: operations decide, so that a simulated
/// run repeats; this is for a machine that is too slow for them.
const HOOK_WALL_LIMIT: Duration = Duration::from_secs(2);

/// An observer that several parts of a run tell things to.
pub type SharedObserver = Rc<RefCell<dyn Observer>>;

/// Everything a run needs from outside.
pub struct Setup {
    /// What is run.
    pub program: Rc<Program>,
    /// The script host that compiled it.
    pub host: Rc<Host>,
    /// The values of every file's vars; see [`vars::resolve`].
    pub vars: Vec<Vec<Value>>,
    /// The conversation.
    pub session: Session,
    /// Who watches.
    pub observer: SharedObserver,
    /// The mask over everything that is shown.
    pub masked: Masked,
    /// Lines that must never be sent again.
    pub once: Box<dyn OnceStore>,
    /// Seed of everything that is left to chance (jitter).
    pub seed: u64,
    /// As the user wrote it.
    pub port: String,
    /// The station it runs in; `None` for a flow that ends.
    pub home: Option<Rc<dyn Home>>,
}

/// How a list of steps ended early.
enum Halt {
    /// A step failed for good.
    Failed(Failure),
    /// `stop`: the flow ends here, as passed.
    Stop(String),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One run of one program.
pub struct Run {
    program: Rc<Program>,
    host: Rc<Host>,
    vars: Vec<Vec<Value>>,
    session: Session,
    observer: SharedObserver,
    tells_steps: bool,
    masked: Masked,
    once: Box<dyn OnceStore>,
    port: String,
    chance: Chance,
    /// By send: what its line owes, by the table's key that it met.
    resolved: Vec<Vec<(String, Rc<Resolved>)>>,
    depth: usize,
    calls: usize,
    path: Vec<String>,
    previous_mark: Mark,
    current_mark: Mark,
    /// Where the step that ended last began: an `await` looks back to here.
    step_before: Mark,
    /// Behind the final result of the last command that a step sent: neither a probe's nor one of `always`.
    result_before: Mark,
    /// The last command line of a step that was made from values, masked.
    sent_line: Option<String>,
    /// The information lines of the last command that captured nothing of them.
    answer_lines: Vec<String>,
    /// Why the main flow ended early, as passed.
    stopped: Option<String>,
    packet_id: u16,
    home: Option<Rc<dyn Home>>,
    /// What the step at hand leaves in the station, if it passes.
    staged: Effects,
    /// When the evaluation at hand has taken too long.
    hook_deadline: Rc<Cell<Mono>>,
    totals: Totals,
}

/// Counts for the report.
#[derive(Default)]
struct Totals {
    passed: usize,
    skipped: usize,
    retries: usize,
    published: usize,
    received: usize,
}

impl Run {
    /// A run that is ready to start.
    pub fn new(setup: Setup) -> Self {
        let tells_steps = setup.observer.borrow().wants_steps();
        let run = Self {
            program: setup.program,
            host: setup.host,
            vars: setup.vars,
            session: setup.session,
            observer: setup.observer,
            tells_steps,
            masked: setup.masked,
            once: setup.once,
            port: setup.port,
            chance: Chance::new(setup.seed),
            resolved: Vec::new(),
            depth: 0,
            calls: 0,
            path: Vec::new(),
            previous_mark: Mark::default(),
            current_mark: Mark::default(),
            step_before: Mark::default(),
            result_before: Mark::default(),
            sent_line: None,
            answer_lines: Vec::new(),
            stopped: None,
            packet_id: 0,
            home: setup.home,
            staged: Effects::default(),
            hook_deadline: Rc::new(Cell::new(Mono::FAR)),
            totals: Totals::default(),
        };
        run.bound(&run.host);
        run
    }

    /// Scripts end at a deadline, in real runs; in simulated ones operations alone decide.
    fn bound(&self, host: &Host) {
        if !self.session.simulated() {
            let (clock, deadline) = (self.session.clock(), Rc::clone(&self.hook_deadline));
            host.set_wall_limit(Some(Rc::new(move || clock.now() > deadline.get())));
        }
    }

    /// Runs `flow` to its end and reports.
    pub fn run(mut self, flow: FlowId, part: &Part) -> Report {
        let began = self.session.now();
        let name = self.program.flow(flow).name.clone();
        let module = self.program.dialect.name.clone();
        let address = self.masked.text(&self.port);
        self.tell(&Event::Started { flow: &name, module: &module, port: &address });
        let outcome = self.main(flow, part);
        let (failure, stopped, returns) = match outcome {
            Ok(returns) => (None, self.stopped.take(), returns),
            Err(Halt::Stop(reason)) => (None, Some(reason), Vec::new()),
            Err(Halt::Failed(mut failure)) => {
                failure.mask(&self.masked);
                if self.session.stop_wanted() && !failure.is_interrupt() {
                    // What failed while the program was being stopped failed because of that, as far as
                    // whoever stopped it is concerned.
                    failure = self.fault(Fault::Interrupted).at_path_of(&failure);
                }
                (Some(failure), None, Vec::new())
            }
        };
        let mut report = Report {
            flow: name,
            failure,
            stopped,
            passed: self.totals.passed,
            skipped: self.totals.skipped,
            retries: self.totals.retries,
            published: self.totals.published,
            received: self.totals.received,
            took: self.session.now().since(began),
            returns,
            transcript_problem: None,
        };
        self.tell(&Event::Finished(&report));
        let transcript = self.session.close();
        report.transcript_problem = transcript.problem().map(ToString::to_string);
        report
    }

    fn tell(&mut self, event: &Event<'_>) {
        let now = self.session.now();
        self.observer.borrow_mut().event(now, event);
    }

    /// What hooks wrote with `log`, shown where it happened.
    fn tell_hook_log(&mut self) {
        for text in self.host.take_log() {
            let text = self.masked.text(&text);
            let depth = self.depth;
            self.tell(&Event::Log { depth, text: &text });
        }
    }
}

/// Passes what the session hears on to the observer of the run, secrets masked.
pub struct TellLines {
    observer: SharedObserver,
    masked: Masked,
    wants: bool,
}

impl TellLines {
    /// For [`Session::new`].
    pub fn new(observer: SharedObserver, masked: Masked) -> Self {
        let wants = observer.borrow().wants_lines();
        Self { observer, masked, wants }
    }

    fn tell(&self, at: Mono, heard: &Heard<'_>) {
        self.observer.borrow_mut().event(at, &Event::Heard(heard));
    }
}

impl Listener for TellLines {
    fn heard(&mut self, at: Mono, heard: &Heard<'_>) {
        match heard {
            Heard::Sent(line) => self.tell(at, &Heard::Sent(&self.masked.bytes(line))),
            Heard::Line { class, text } => {
                self.tell(at, &Heard::Line { class: *class, text: &self.masked.bytes(text) });
            }
            Heard::Message(message) => {
                let payload = self.masked.bytes(&message.payload).into_owned();
                let topic = self.masked.text(&message.topic);
                let shown = Message { topic, payload, captures: Captures::default(), ..**message };
                self.tell(at, &Heard::Message(&shown));
            }
            Heard::SentData(_) | Heard::Damaged(_) | Heard::Resync => self.tell(at, heard),
        }
    }

    fn listens(&self) -> bool {
        self.wants
    }

    fn counted(&mut self, counted: &Counted<'_>) {
        self.observer.borrow_mut().counted(counted);
    }
}
