//! A station: a file that runs for ever. One thread, one run at a time; between two runs, at a *boundary*, it
//! looks at what came, what is due and how the link stands, and chooses what is next: the link first, else
//! whatever has waited longest. Only there is anything decided; while a run goes on, lines are sorted and
//! messages kept, and nothing else is sent.
//!
//! * [`event`]: what it tells. [`schedule`], [`link`], [`command`]: pure parts that decide.
//! * `boundary`: what came and what is due. `jobs`: runs. `calls`: commands, as they come. `answers`: how they
//!   are answered. `drain`: the outbox. `pace`: how fast. `supervise`: the link. `data_phase`: data the module
//!   may wait for. `traffic`: a day's bytes. `desk`: what a handler reaches. `meter`: the store's work in
//!   numbers. `shared`: what they all use.

pub mod command;
pub mod event;
pub mod link;
pub mod schedule;

mod answers;
mod boundary;
mod calls;
mod data_phase;
mod desk;
mod drain;
mod jobs;
mod meter;
mod pace;
mod shared;
mod status;
mod supervise;
mod tally;
mod traffic;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use crate::flow::model::Program;
use crate::hooks::{Host, Value};
use crate::link::{Clock, Mono};
use crate::run::mask_text::Masked;
use crate::run::once::OnceStore;
use crate::run::{Run, Setup as RunSetup, SharedObserver};
use crate::session::{Session, Woke};
use crate::store::{Lane, Store};
use crate::transcript::Transcript;

use boundary::Senders;
use calls::Gate;
use drain::Drain;
use event::{Happening, LinkState, Status, Summary};
use jobs::Job;
use link::Want;
use meter::StoreMeter;
use shared::{Author, Shared, StationHome, bounds, plan_of};
use supervise::Supervised;

pub use answers::HANDLER;
pub use shared::SharedWatcher;

/// The longest that the loop waits without looking around: a corrected clock or a reload is seen within it.
pub const TICK: Duration = Duration::from_secs(30);
/// How long the link may take to close at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// What a station needs from outside.
pub struct Setup {
    /// What is run; it must be a station's program.
    pub program: Rc<Program>,
    /// The script host that compiled it.
    pub host: Rc<Host>,
    /// The values of every file's vars.
    pub vars: Vec<Vec<Value>>,
    /// The conversation.
    pub session: Session,
    /// Who watches; also as the runs see it.
    pub watcher: SharedWatcher,
    /// The same, for the steps of runs.
    pub observer: SharedObserver,
    /// The mask over everything that is shown.
    pub masked: Masked,
    /// Lines that must never be sent again.
    pub once: Box<dyn OnceStore>,
    /// What it keeps on disk.
    pub store: Store,
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// As the user wrote it.
    pub port: String,
    /// What the operator or the system wants.
    pub signals: Rc<dyn Signals>,
    /// It ends by itself at this time.
    pub until: Option<Mono>,
}

/// What the operator or the system wants of a station.
pub trait Signals {
    /// The end. It stays wanted.
    fn stop(&self) -> bool;
    /// The file read anew. Asking forgets it.
    fn take_reload(&self) -> bool;
    /// The loop has got a step further.
    fn progress(&self, now: Mono);
}

/// A new version of a station's file, for the same module and with the same values.
pub struct Renewal {
    /// What is run from now on; it must be a station's program.
    pub program: Rc<Program>,
    /// The script host that compiled it.
    pub host: Rc<Host>,
    /// The values of every file's vars.
    pub vars: Vec<Vec<Value>>,
    /// Lines that must never be sent again.
    pub once: Box<dyn OnceStore>,
}

/// Why [`Station::run`] came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A signal, or its time was over.
    Stopped,
    /// The file is to be read again; then run it again, or its successor.
    Reload,
    /// It runs on a recording, and does something else than what was recorded: [`Station::strayed`].
    Strayed,
}

/// Where a station left the recording that it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strayed {
    /// What it did instead.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// A running station.
pub struct Station {
    program: Rc<Program>,
    host: Rc<Host>,
    run: Rc<RefCell<Run>>,
    shared: Rc<Shared>,
    signals: Rc<dyn Signals>,
    port: String,
    seed: u64,
    began: Mono,
    until: Option<Mono>,
    waiting: VecDeque<Job>,
    runs: u64,
    schedules: Vec<jobs::Scheduled>,
    link: Supervised,
    drain: Drain,
    gate: Gate,
    senders: Senders,
    last_status: Option<(Mono, Status)>,
    started: bool,
    /// Why the port could not be opened, if it is only to be waited for.
    absent: Option<String>,
    strayed: Option<Strayed>,
}

impl Station {
    /// A station that is ready to run.
    pub fn new(setup: Setup) -> Self {
        let clock = setup.session.clock();
        let now = clock.now();
        let shared = Rc::new(Shared {
            store: RefCell::new(setup.store),
            watcher: setup.watcher,
            clock,
            masked: setup.masked.clone(),
            tally: RefCell::default(),
            author: RefCell::new(Author { lane: Lane::Event, name: String::new() }),
            state_changed: Cell::new(true),
            clean_session: Cell::new(false),
            data_owed: Cell::new(false),
        });
        let home = Rc::new(StationHome::new(Rc::clone(&shared), Rc::clone(&setup.program)));
        let mut session = setup.session;
        session.stop_at(setup.until.unwrap_or(Mono::FAR));
        let run = Run::new(RunSetup {
            program: Rc::clone(&setup.program),
            host: Rc::clone(&setup.host),
            vars: setup.vars,
            session,
            observer: setup.observer,
            masked: setup.masked,
            once: setup.once,
            seed: setup.seed,
            port: setup.port.clone(),
            home: Some(home),
        });
        {
            let mut store = shared.store.borrow_mut();
            store.set_bounds(bounds(&plan_of(&setup.program).outbox));
            let (clock, watcher) = (Rc::clone(&shared.clock), Rc::clone(&shared.watcher));
            store.set_meter(Box::new(StoreMeter { clock, watcher }));
        }
        let link = Supervised::new(&setup.program, &shared, setup.seed, now);
        Self {
            drain: Drain::new(&setup.program),
            gate: Gate::default(),
            senders: Senders::new(now),
            schedules: Vec::new(),
            program: setup.program,
            host: setup.host,
            run: Rc::new(RefCell::new(run)),
            shared,
            signals: setup.signals,
            port: setup.port,
            seed: setup.seed,
            began: now,
            until: setup.until,
            waiting: VecDeque::new(),
            runs: 0,
            link,
            last_status: None,
            started: false,
            absent: None,
            strayed: None,
        }
    }

    /// To be said before it runs: the port is not there yet, and is waited for.
    pub fn port_is_absent(&mut self, why: String) {
        self.absent = Some(why);
    }

    /// Runs until somebody wants it to stop, its time is over, or its file is to be read again.
    pub fn run(&mut self) -> Ended {
        if !std::mem::replace(&mut self.started, true) {
            self.begin();
        }
        loop {
            self.look();
            if self.signals.stop() {
                self.shared.tell(&Happening::StationStopping { why: "signal".to_string() });
                return Ended::Stopped;
            }
            if self.until.is_some_and(|until| self.now() >= until) {
                self.shared.tell(&Happening::StationStopping { why: "time".to_string() });
                return Ended::Stopped;
            }
            if self.strayed.is_some() {
                self.shared.tell(&Happening::StationStopping { why: "replay".to_string() });
                return Ended::Strayed;
            }
            if self.signals.take_reload() {
                return Ended::Reload;
            }
            match self.choose() {
                Next::Link => self.mind_the_link(),
                Next::FindPort(until) => self.find_port(until),
                Next::Job(index) => {
                    if let Some(job) = self.waiting.remove(index) {
                        self.perform(&job);
                    }
                }
                Next::Publish { due } => self.publish(due),
                Next::Idle(until) => self.idle(until),
            }
            self.signals.progress(self.now());
        }
    }

    fn begin(&mut self) {
        let (store_id, outbox_rows) = {
            let mut store = self.shared.store.borrow_mut();
            (store.id().to_string(), store.counts().rows.iter().sum())
        };
        self.shared.tell(&Happening::StationStarted {
            name: self.program.name.clone(),
            module: self.program.dialect.name.clone(),
            port: self.shared.masked.text(&self.port),
            version: env!("CARGO_PKG_VERSION").to_string(),
            store_id,
            outbox_rows,
        });
        self.shared.tell_store_news();
        self.mind_the_clock(true);
        self.watch_lines();
        self.start_schedules();
        self.recall_pace();
        self.link.traffic.spend(0, self.day());
        self.answer_interrupted();
        self.recall_commands();
        match self.absent.take() {
            Some(what) => self.tell_machine(link::Fact::PortGone { what, expected: true }),
            None => self.recall_data_phase(),
        }
    }

    /// Tries the disk, and says whether it takes nothing: then what is kept is gone with this station.
    pub fn lives_in_memory(&mut self) -> bool {
        self.shared.store.borrow_mut().unsaved();
        self.shared.tell_store_news();
        self.shared.store.borrow().is_volatile()
    }

    /// Why it ended as [`Ended::Strayed`].
    pub fn strayed(&self) -> Option<&Strayed> {
        self.strayed.as_ref()
    }

    /// Now, on the station's clock.
    pub fn now(&self) -> Mono {
        self.shared.clock.now()
    }

    /// The station's clock.
    pub fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.shared.clock)
    }

    /// Goes on with a new version of the file. The conversation, the store and what waits stay; so does the
    /// link, unless its plan is another one.
    pub fn renew(&mut self, renewal: Renewal) {
        let now = self.now();
        let same_link = link_shape(&self.program) == link_shape(&renewal.program);
        if !same_link {
            self.close_link();
        }
        let home = StationHome::new(Rc::clone(&self.shared), Rc::clone(&renewal.program));
        self.run.borrow_mut().renew(
            (Rc::clone(&renewal.program), Rc::clone(&renewal.host)),
            renewal.vars,
            renewal.once,
            Rc::new(home),
        );
        let old = std::mem::replace(&mut self.program, renewal.program);
        self.host = renewal.host;
        self.shared.store.borrow_mut().set_bounds(bounds(&plan_of(&self.program).outbox));
        self.shared.state_changed.set(true);
        if !same_link {
            // Everybody is told that the old one ended, and the new one begins where nothing is up.
            self.note_unknown_outcome();
            self.link.machine.stop(now);
            self.tell_link();
            self.link = self.link.successor(&self.program, &self.shared, self.seed, now);
        }
        self.drain.renew(&self.program, self.shared.clock.now());
        self.watch_lines();
        self.renew_jobs(&old);
    }

    /// What is next. The link goes first, then whatever has waited longest.
    fn choose(&mut self) -> Next {
        let now = self.now();
        let mut idle = (now + TICK).min(self.until.unwrap_or(Mono::FAR)).min(self.next_due(now));
        match self.link.machine.want(now) {
            Want::Do(_) => return Next::Link,
            Want::FindPort => return Next::FindPort(idle),
            Want::Nothing { until } => idle = idle.min(until.unwrap_or(Mono::FAR)),
        }
        idle = idle.min(self.status_due());
        if self.link.machine.takes_runs() {
            let job = (0..self.waiting.len()).min_by_key(|index| self.waiting[*index].due);
            let publish = self.next_publish();
            match (job, publish) {
                (Some(index), Some(due)) if due < self.waiting[index].due && due <= now => {
                    return Next::Publish { due };
                }
                (Some(index), _) => return Next::Job(index),
                (None, Some(due)) if due <= now => return Next::Publish { due },
                (None, Some(due)) => idle = idle.min(due),
                (None, None) => {}
            }
        }
        Next::Idle(idle)
    }

    /// Nothing is to be done before `until`: lines are sorted, the store's file is kept short.
    fn idle(&mut self, until: Mono) {
        let now = self.now();
        if until.since(now) > Duration::from_millis(50) {
            let now_ms = self.shared.now_ms();
            self.shared.store.borrow_mut().checkpoint_if_due(now_ms);
            self.shared.tell_store_news();
        }
        let fetches = self.link.machine.takes_runs();
        let woke = self.run.borrow_mut().session().listen(until, fetches);
        match woke {
            Ok(Woke::Heard | Woke::Deadline | Woke::Signal) => {}
            Err(fault) => self.port_gone(&fault),
        }
    }

    /// Ends it all: the link is closed politely, the store is put in order. The record of the conversation is
    /// given back: another station can go on with it.
    pub fn stop(self) -> (Summary, Option<Transcript>) {
        let (summary, transcript, store) = self.end();
        if let Some(store) = store {
            store.close();
        }
        (summary, transcript)
    }

    /// Ends it all but the store, which another station can go on with.
    pub fn stop_with_store(self) -> (Summary, Option<Store>) {
        let (summary, _, store) = self.end();
        (summary, store)
    }

    fn end(mut self) -> (Summary, Option<Transcript>, Option<Store>) {
        self.close_link();
        self.take_what_came_last();
        self.look_at_data_phase();
        self.note_unknown_outcome();
        self.tell_status();
        let rows_in_memory = self.shared.store.borrow_mut().unsaved();
        self.shared.tell_store_news();
        let mut summary = self.shared.tally.borrow().summary.clone();
        summary.took_ms = millis(self.now().since(self.began));
        summary.rows_in_memory = rows_in_memory;
        let waiting: u64 = self.shared.store.borrow_mut().counts().rows.iter().sum();
        summary.outbox_rows = waiting.saturating_sub(summary.rows_in_memory);
        summary.kept_nowhere = self.shared.store.borrow().is_nowhere();
        self.link.machine.stop(self.shared.clock.now());
        self.tell_link();
        self.host.set_station(None);
        let run = Rc::try_unwrap(self.run).ok();
        let transcript = run.map(|run| run.into_inner().into_session().close());
        let problem = transcript.as_ref().and_then(Transcript::problem);
        summary.transcript_problem = problem.map(ToString::to_string);
        self.shared.tell(&Happening::StationStopped(summary.clone()));
        let shared = Rc::try_unwrap(self.shared).ok();
        (summary, transcript, shared.map(|shared| shared.store.into_inner()))
    }

    /// The module tells the broker that it has a message before we do: one that came while the link was closed is
    /// recorded for the next process. An event that waits for its turn has none any more.
    fn take_what_came_last(&mut self) {
        let messages = self.run.borrow_mut().session().take_messages();
        self.receive(&messages);
        self.skip_events();
    }

    /// The process dies here and now, in the middle of a run or between two: nothing is closed, and what it had
    /// written is all that is left. `None` if something outside still holds on to the station.
    pub fn crash(self) -> Option<Store> {
        self.host.set_station(None);
        drop(self.run);
        Rc::try_unwrap(self.shared).ok().map(|shared| shared.store.into_inner())
    }

    /// Runs `link.down`, if there is a link to close.
    fn close_link(&mut self) {
        let state = self.link.machine.state();
        let down = plan_of(&self.program).link.as_ref().and_then(|link| link.down);
        if let (Some(flow), LinkState::Online | LinkState::Degraded | LinkState::Climbing) = (down, state) {
            let deadline = self.now() + CLOSING;
            let mut run = self.run.borrow_mut();
            run.session().begin_goodbye(CLOSING);
            // Whether the far side hears it changes nothing any more.
            let _ = run.perform(flow, &[], deadline);
            run.session().end_goodbye();
        }
    }
}

/// What a program says about its link, to see whether it is another one. Topics are subscribed to on the way up.
fn link_shape(program: &Program) -> String {
    format!("{:?} {:?}", supervise::shape_of(program), plan_of(program).subscriptions)
}

/// What the loop does next.
enum Next {
    /// The link wants something.
    Link,
    /// The port is gone and is looked for, at most until then.
    FindPort(Mono),
    /// The job at this place.
    Job(usize),
    /// The head of the outbox.
    Publish { due: Mono },
    /// Nothing until then.
    Idle(Mono),
}

/// Whole milliseconds.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
