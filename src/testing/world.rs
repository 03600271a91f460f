//! One test's world: a simulated module, the flow or station on it, and somebody who notes what happens.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Value};
use crate::link::{Link, Mono};
use crate::report::console::{Console, Detail};
use crate::report::station::StationConsole;
use crate::run::event::{Event, Observer};
use crate::run::failure::Failure;
use crate::run::mask_text::Masked;
use crate::run::once::OnceInMemory;
use crate::run::{Part, Run, Setup as RunSetup, SharedObserver, TellLines};
use crate::session::{Interrupt, Session};
use crate::sim::{self, CloudChoice, Pace, Receipt, Scenario, SimLink, SimOptions, Watch};
use crate::station::event::{Happening, Status, Watcher};
use crate::station::{Setup, SharedWatcher, Signals, Station};
use crate::store::{Life, Store};
use crate::transcript::{Header, Reader, Record, Transcript};

use super::coverage::Touched;
use super::file::{Subject, Test, TestFile};
use super::golden::Paper;
use super::loading::{Ready, Values};
use super::record::{Note, Recorder};

/// How long a flow may take that says nothing else.
const FLOW_LASTS: Duration = Duration::from_hours(24);

/// What a test left behind.
pub(super) struct Ended {
    /// By expectation.
    pub notes: Vec<Vec<Note>>,
    pub touched: BTreeSet<Touched>,
    pub published: Vec<Receipt>,
    pub took: Duration,
    /// Of flows that end.
    pub flow: Option<FlowEnd>,
    /// Of a station.
    pub state: Json,
    pub outbox_rows: u64,
    /// What the terminal would have shown; empty if nobody wants it.
    pub shown: String,
    /// Everything that crossed the line; empty if nobody wants it.
    pub records: Vec<Record>,
    pub masked: Masked,
}

/// How flows ended that were run one after the other.
pub(super) struct FlowEnd {
    /// Of the first that failed.
    pub failure: Option<Failure>,
    /// Of the last.
    pub returns: Vec<(String, Json)>,
}

/// A world before anything has happened in it.
pub(super) struct World<'w> {
    ready: &'w Ready,
    values: &'w Values,
    test: &'w Test,
    port: String,
    watch: Watch,
    recorder: Rc<RefCell<Recorder>>,
    masked: Masked,
    shown: Paper,
    /// One for each time that atflow begins; `None`: nobody wants it.
    transcripts: Option<RefCell<Vec<Paper>>>,
}

impl<'w> World<'w> {
    /// Builds it. The error is in words.
    pub fn new(
        file: &TestFile,
        test: &'w Test,
        (ready, values): (&'w Ready, &'w Values),
        with_transcript: bool,
    ) -> Result<(Self, SimLink), String> {
        let options = SimOptions {
            seed: test.seed,
            scenario: Some(Scenario { seed: None, settings: test.sim.clone(), at: test.at.clone() }),
            cloud: CloudChoice::StandIn(None),
            pace: Pace::Max,
        };
        let (link, watch) = sim::build(&file.module, options).map_err(|error| error.to_string())?;
        let subjects: Vec<Subject> =
            test.expect.iter().map(|expectation| expectation.subject.clone()).collect();
        let shown = Paper::default();
        let is_shown = subjects.iter().any(|subject| matches!(subject, Subject::Golden(_)));
        let console: Option<Box<dyn Watcher>> = match (is_shown, ready.chosen(test).is_empty()) {
            (false, _) => None,
            (true, true) => Some(Box::new(
                StationConsole::new(Box::new(shown.clone()), Detail::Steps, false).simulated(true),
            )),
            (true, false) => {
                let paper = Box::new(shown.clone());
                let console = Console::new(paper, ready.sources.clone(), Detail::Steps, false);
                Some(Box::new(Flow(console.simulated(true))))
            }
        };
        let world = Self {
            ready,
            values,
            test,
            port: format!("sim:{}", file.module),
            watch,
            recorder: Rc::new(RefCell::new(Recorder::new(subjects, console))),
            masked: ready.masked(values)?,
            shown,
            transcripts: with_transcript.then(RefCell::default),
        };
        Ok((world, link))
    }

    /// Runs flows that end; the first that fails is the last.
    pub fn flows(
        self,
        link: SimLink,
        before: &[FlowId],
        last: FlowId,
        args: BTreeMap<String, Value>,
    ) -> Result<Ended, String> {
        let clock = link.clock();
        let limit = Mono::ZERO + self.test.lasts.unwrap_or(FLOW_LASTS);
        let interrupt = {
            let clock = Rc::clone(&clock);
            Rc::new(move || clock.now() >= limit)
        };
        let session = self.session(link, interrupt)?;
        let setup = RunSetup {
            program: Rc::clone(&self.ready.program),
            host: Rc::clone(&self.ready.host),
            vars: self.values.vars.clone(),
            session,
            observer: self.observer(),
            masked: self.masked.clone(),
            once: Box::<OnceInMemory>::default(),
            seed: self.test.seed,
            port: self.port.clone(),
            home: None,
        };
        let mut run = Run::new(setup);
        let given: Vec<(&str, Value)> =
            args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let failed = before.iter().find_map(|flow| run.perform(*flow, &given, Mono::FAR).failure);
        let end = if let Some(failure) = failed {
            run.into_session().close();
            FlowEnd { failure: Some(failure), returns: Vec::new() }
        } else {
            let report = run.run(last, &Part { args, ..Part::default() });
            FlowEnd { failure: report.failure, returns: report.returns }
        };
        let notes = self.recorder.borrow_mut().take_notes();
        let mut ended = self.ended(notes, clock.now().since(Mono::ZERO));
        ended.flow = Some(end);
        Ok(ended)
    }

    /// Runs the station, as often as it is restarted.
    pub fn station(self, link: SimLink) -> Result<Ended, String> {
        let end = self.test.lasts.unwrap_or_default();
        let clock = link.clock();
        let life = |lives: u64| Life {
            boot_id: clock.boot_id(),
            now_ms: clock.since_boot_ms(),
            // Another process draws other numbers.
            chance: self.test.seed.wrapping_add(lives << 32),
        };
        let mut store = Store::in_memory(&life(0)).map_err(|error| error.to_string())?;
        let mut link = link;
        let restarts = self.test.restarts.iter().filter(|restart| restart.time < end);
        for (restart, lives) in restarts.zip(1..) {
            let mut station = self.begin(link, store, restart.time)?;
            station.run();
            let left = if restart.in_order { station.stop_with_store().1 } else { station.crash() };
            let left = left.ok_or("the station did not let go of its store")?;
            let again = if restart.in_order { Store::restart } else { Store::crash };
            store = again(left, &self.port, &life(lives)).map_err(|error| error.to_string())?;
            link = self.watch.port(&self.port);
        }
        let mut station = self.begin(link, store, end)?;
        station.run();
        let took = clock.now().since(Mono::ZERO);
        let notes = self.recorder.borrow_mut().take_notes();
        let (_, store) = station.stop_with_store();
        let mut store = store.ok_or("the station did not let go of its store")?;
        let state = state_of(&self.ready.program, &store);
        let outbox_rows = store.counts().rows.iter().sum();
        let mut ended = self.ended(notes, took);
        ended.state = state;
        ended.outbox_rows = outbox_rows;
        Ok(ended)
    }

    fn begin(&self, link: SimLink, store: Store, until: Duration) -> Result<Station, String> {
        let session = self.session(link, Rc::new(|| false))?;
        let watcher: SharedWatcher = Rc::<RefCell<Recorder>>::clone(&self.recorder);
        Ok(Station::new(Setup {
            program: Rc::clone(&self.ready.program),
            host: Rc::clone(&self.ready.host),
            vars: self.values.vars.clone(),
            session,
            watcher,
            observer: self.observer(),
            masked: self.masked.clone(),
            once: Box::<OnceInMemory>::default(),
            store,
            seed: self.test.seed,
            port: self.port.clone(),
            signals: Rc::new(Nobody),
            until: Some(Mono::ZERO + until),
        }))
    }

    fn observer(&self) -> SharedObserver {
        Rc::<RefCell<Recorder>>::clone(&self.recorder)
    }

    fn session(&self, link: SimLink, interrupt: Rc<dyn Interrupt>) -> Result<Session, String> {
        let masker = self.ready.masker(self.values)?;
        let transcript = match &self.transcripts {
            None => Transcript::none(masker),
            Some(all) => {
                let paper = Paper::default();
                all.borrow_mut().push(paper.clone());
                let header = Header { port: self.port.clone(), module: None, wall_ms: None };
                Transcript::to(Box::new(paper), &header, masker)
            }
        };
        self.ready.host.set_clock(link.clock());
        let lines = TellLines::new(self.observer(), self.masked.clone());
        let dialect = std::sync::Arc::clone(&self.ready.program.dialect);
        Ok(Session::new(Box::new(link), dialect, transcript, Box::new(lines), interrupt))
    }

    fn ended(self, notes: Vec<Vec<Note>>, took: Duration) -> Ended {
        let papers = self.transcripts.map(RefCell::into_inner).unwrap_or_default();
        let records = papers.iter().flat_map(|paper| records(&paper.text())).collect();
        Ended {
            notes,
            touched: self.recorder.borrow_mut().take_touched(),
            published: self.watch.received(),
            took,
            flow: None,
            state: Json::Null,
            outbox_rows: 0,
            shown: self.shown.text(),
            records,
            masked: self.masked,
        }
    }
}

/// What was written, read back.
fn records(text: &str) -> Vec<Record> {
    Reader::new(text).into_iter().flatten().filter_map(Result::ok).collect()
}

/// The values of `state` as they are now.
fn state_of(program: &Program, store: &Store) -> Json {
    let vars = program.station.iter().flat_map(|station| &station.state);
    let value = |var: &crate::flow::model::station::StateVar| {
        let stored = store.state().get(&*var.name).cloned();
        stored.unwrap_or_else(|| hooks::to_json(&var.default).unwrap_or(Json::Null))
    };
    Json::Object(vars.map(|var| (var.name.to_string(), value(var))).collect::<Map<_, _>>())
}

/// Nobody wants anything of the station.
struct Nobody;

impl Signals for Nobody {
    fn stop(&self) -> bool {
        false
    }

    fn take_reload(&self) -> bool {
        false
    }

    fn progress(&self, _now: Mono) {}
}

/// The console of a flow that ends; nothing happens to it as to a station.
struct Flow(Console);

impl Observer for Flow {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        self.0.event(at, event);
    }
}

impl Watcher for Flow {
    fn happened(&mut self, _at: Mono, _happening: &Happening) {}

    fn status(&mut self, _at: Mono, _status: &Status) {}
}
