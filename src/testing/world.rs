//! One test's world: a simulated module, the flow or station on it, and somebody who notes what happens.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::flow::codes::Code;
use crate::flow::model::{FlowId, Program};
use crate::hooks::{self, Value};
use crate::link::{Clock, Link, Mono};
use crate::report::console::{Console, Detail};
use crate::report::station::StationConsole;
use crate::run::event::{Event, Observer};
use crate::run::failure::Failure;
use crate::run::mask_text::Masked;
use crate::run::once::OnceInMemory;
use crate::run::{Part, Run, Setup as RunSetup, SharedObserver, TellLines};
use crate::session::{Interrupt, Session};
use crate::sim::{self, Never, Receipt, Replay, Scenario, SimLink, SimOptions, Watch};
use crate::station::event::{Happening, Status, Watcher};
use crate::station::{Setup, SharedWatcher, Signals, Station};
use crate::store::{Life, Store};
use crate::transcript::{Header, Reader, Record, Transcript};

use super::coverage::Touched;
use super::fate::{self, Lived, Lives};
use super::file::{Port, Subject, Test, TestFile};
use super::fuzz::invariant::{self, Violation};
use super::fuzz::leak::Leaks;
use super::fuzz::log::{Log, Span as LogSpan};
use super::fuzz::rules::Rules;
use super::golden::{self, Paper};
use super::loading::{self, Ready, Values};
use super::record::{Note, Recorder};

/// How long a flow may take that says nothing else.
const FLOW_LASTS: Duration = Duration::from_hours(24);

/// What a test left behind.
pub(super) struct Ended {
    /// By expectation.
    pub notes: Vec<Vec<Note>>,
    pub touched: BTreeSet<Touched>,
    pub published: Vec<Receipt>,
    /// Entries of `at`, by number, that made no difference.
    pub never: Vec<(usize, Never)>,
    pub took: Duration,
    /// Of flows that end.
    pub flow: Option<FlowEnd>,
    /// Of a station.
    pub state: Json,
    /// How many messages wait in the outbox, by topic.
    pub waiting: BTreeMap<String, usize>,
    /// A rule of fuzzing that did not hold, if somebody wants to know.
    pub broken: Option<Violation>,
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
    /// A look behind a simulated port, and the processes that live on it.
    sim: Option<(Watch, Lives)>,
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
    ) -> Result<(Self, Opened), String> {
        let (link, watch) = open(file, test, ready)?;
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
                let folder = file.path.parent().unwrap_or(Path::new(""));
                let sources = golden::beside(&ready.sources, folder);
                let console = Console::new(paper, sources, Detail::Steps, false);
                Some(Box::new(Flow(console.simulated(true))))
            }
        };
        let mut recorder = Recorder::new(subjects, console);
        let sim = match (&link, watch) {
            (Opened::Sim(link), Some(watch)) => {
                let lives = Lives::new(link, watch.clone(), test.seed, &test.mishaps);
                Some((watch, lives))
            }
            _ => None,
        };
        if let Some((_, lives)) = sim.as_ref().filter(|_| test.wants_rules()) {
            lives.keep();
            recorder.keep_told();
        }
        let with_transcript = with_transcript || test.wants_rules();
        let world = Self {
            ready,
            values,
            test,
            port: file.port.shown(),
            sim,
            recorder: Rc::new(RefCell::new(recorder)),
            masked: ready.masked(values)?,
            shown,
            transcripts: with_transcript.then(RefCell::default),
        };
        Ok((world, link))
    }

    /// Runs flows that end; the first that fails is the last.
    pub fn flows(
        self,
        link: Opened,
        before: &[FlowId],
        last: FlowId,
        args: BTreeMap<String, Value>,
    ) -> Result<Ended, String> {
        let link = self.end_of(link);
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
        let ended =
            catch_unwind(AssertUnwindSafe(|| one_after_the_other(Run::new(setup), before, last, args)));
        let mut log = self.log();
        let end = match (ended, &mut log) {
            (Ok(end), _) => Some(end),
            (Err(how), Some(log)) => {
                log.panic = Some(fate::words(how.as_ref()));
                None
            }
            (Err(how), None) => return Err(fate::words(how.as_ref())),
        };
        let notes = self.recorder.borrow_mut().take_notes();
        let mut ended = self.ended(notes, clock.now().since(Mono::ZERO), log.as_ref());
        ended.flow = end;
        Ok(ended)
    }

    /// Runs the station, as often as it begins again.
    pub fn station(self, link: Opened) -> Result<Ended, String> {
        let end = Mono::ZERO + self.test.lasts.unwrap_or_default();
        let clock = link.clock();
        let begin = |link, store, until| self.begin(self.end_of(Opened::Sim(link)), store, until);
        let lived = match (link, &self.sim) {
            (Opened::Sim(link), Some((_, lives))) => lives.live(link, end, &begin)?,
            (link, _) => self.relive(self.end_of(link), end)?,
        };
        let took = clock.now().since(Mono::ZERO);
        let notes = self.recorder.borrow_mut().take_notes();
        let mut log = self.log();
        let (mut state, mut waiting) = (Json::Null, BTreeMap::new());
        match (lived.last, &mut log) {
            (Ok(station), _) => {
                let stop = || station.stop_with_store();
                let (_, store) = match &self.sim {
                    Some((_, processes)) => processes.spare(stop),
                    None => stop(),
                };
                let mut store = store.ok_or("the station did not let go of its store")?;
                state = state_of(&self.ready.program, &store);
                let rows = fate::rows(&mut store);
                for row in &rows {
                    *waiting.entry(row.topic.clone()).or_default() += 1;
                }
                if let Some(log) = &mut log {
                    log.left = rows.iter().map(|row| row.seq).collect();
                }
            }
            (Err(why), Some(log)) => log.panic = Some(why),
            (Err(why), None) => return Err(why),
        }
        if let Some(log) = &mut log {
            (log.died, log.began) = (lived.died, lived.began);
        }
        let mut ended = self.ended(notes, took, log.as_ref());
        (ended.state, ended.waiting) = (state, waiting);
        Ok(ended)
    }

    /// Runs the station on a recording, as far as that goes.
    fn relive(&self, link: Box<dyn Link>, until: Mono) -> Result<Lived, String> {
        let clock = link.clock();
        let life = Life { boot_id: clock.boot_id(), now_ms: clock.since_boot_ms(), chance: self.test.seed };
        let store = Store::in_memory(&life).map_err(|error| error.to_string())?;
        let mut station = self.begin(link, store, until)?;
        station.run();
        if let Some(strayed) = station.strayed() {
            let (code, what, help) = (Code::FAILED_REPLAY, &strayed.what, &strayed.help);
            return Err(format!("error[{code}]: {what}\n  = help: {help}"));
        }
        Ok(Lived { died: Vec::new(), began: Vec::new(), last: Ok(station) })
    }

    /// What the rules look at, if they are to hold.
    fn log(&self) -> Option<Log> {
        let (_, lives) = self.sim.as_ref().filter(|_| self.test.wants_rules())?;
        let whole = self.test.lasts.unwrap_or(FLOW_LASTS);
        let span = LogSpan { trouble: self.test.faults.heal.unwrap_or(whole).min(whole), whole };
        let mut log = lives.log(span, Rules::of(&self.ready.program));
        log.worked = self.recorder.borrow_mut().take_worked();
        log.told = self.recorder.borrow_mut().take_told();
        let leaks = Leaks::of(&self.values.secrets, &self.ready.program.dialect.escapes);
        for (at, happening) in &log.told {
            leaks.look(*at, serde_json::to_string(happening).unwrap_or_default().as_bytes());
        }
        for paper in self.transcripts.iter().flat_map(|papers| papers.borrow().clone()) {
            leaks.look(log.ended, paper.text().as_bytes());
        }
        log.leaks = leaks.found();
        Some(log)
    }

    /// The station's or the flow's end of the line.
    fn end_of(&self, link: Opened) -> Box<dyn Link> {
        match (link, &self.sim) {
            (Opened::Sim(link), Some((_, lives))) => Box::new(lives.tap(link)),
            (Opened::Sim(link), None) => Box::new(link),
            (Opened::Recording(link), _) => Box::new(link),
        }
    }

    /// A process begins; the one before it, if there was one, is over.
    fn begin(&self, link: Box<dyn Link>, store: Store, until: Mono) -> Result<Station, String> {
        let ended = self.sim.as_ref().map_or(Mono::ZERO, |(_, lives)| lives.ended());
        self.recorder.borrow_mut().process_ended(ended);
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
            until: Some(until),
        }))
    }

    fn observer(&self) -> SharedObserver {
        Rc::<RefCell<Recorder>>::clone(&self.recorder)
    }

    fn session(&self, link: Box<dyn Link>, interrupt: Rc<dyn Interrupt>) -> Result<Session, String> {
        let masker = self.ready.masker(self.values)?;
        let transcript = match &self.transcripts {
            None => Transcript::none(masker),
            Some(all) => {
                let paper = Paper::default();
                all.borrow_mut().push(paper.clone());
                let header = Header { port: self.port.clone(), ..Header::default() };
                Transcript::to(Box::new(paper), &header, masker)
            }
        };
        self.ready.host.set_clock(link.clock());
        let lines = TellLines::new(self.observer(), self.masked.clone());
        let dialect = std::sync::Arc::clone(&self.ready.program.dialect);
        Ok(Session::new(link, dialect, transcript, Box::new(lines), interrupt))
    }

    fn ended(self, notes: Vec<Vec<Note>>, took: Duration, log: Option<&Log>) -> Ended {
        let papers = self.transcripts.map(RefCell::into_inner).unwrap_or_default();
        let records = papers.iter().flat_map(|paper| records(&paper.text())).collect();
        let watch = self.sim.as_ref().map(|(watch, _)| watch);
        Ended {
            notes,
            touched: self.recorder.borrow_mut().take_touched(),
            published: watch.map(Watch::received).unwrap_or_default(),
            never: watch.map(Watch::never_happened).unwrap_or_default(),
            took,
            flow: None,
            state: Json::Null,
            waiting: BTreeMap::new(),
            broken: log.and_then(invariant::check),
            shown: self.shown.text(),
            records,
            masked: self.masked,
        }
    }
}

/// What a test runs on.
pub(super) enum Opened {
    Sim(SimLink),
    Recording(Replay),
}

impl Opened {
    fn clock(&self) -> Rc<dyn Clock> {
        match self {
            Self::Sim(link) => link.clock(),
            Self::Recording(link) => link.clock(),
        }
    }
}

/// Opens it; of a simulated port with a look behind it.
fn open(file: &TestFile, test: &Test, ready: &Ready) -> Result<(Opened, Option<Watch>), String> {
    let name = match &file.port {
        Port::Sim(name) => name,
        Port::Recording(recording) => {
            return Ok((Opened::Recording(loading::replay(recording, ready)?), None));
        }
    };
    let at = test.at.iter().map(|entry| entry.value.clone()).collect();
    let options = SimOptions {
        seed: test.seed,
        scenario: Some(Scenario { settings: test.sim.clone(), at, ..Scenario::default() }),
        faults: test.faults.clone(),
        ..SimOptions::default()
    };
    let (link, watch) = sim::build(name, options).map_err(|error| error.to_string())?;
    Ok((Opened::Sim(link), Some(watch)))
}

/// Runs flows; the first that fails is the last.
fn one_after_the_other(
    mut run: Run,
    before: &[FlowId],
    last: FlowId,
    args: BTreeMap<String, Value>,
) -> FlowEnd {
    let given: Vec<(&str, Value)> = args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let failed = before.iter().find_map(|flow| run.perform(*flow, &given, Mono::FAR).failure);
    if let Some(failure) = failed {
        run.into_session().close();
        return FlowEnd { failure: Some(failure), returns: Vec::new() };
    }
    let report = run.run(last, &Part { args, ..Part::default() });
    FlowEnd { failure: report.failure, returns: report.returns }
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

    fn wants_lines(&self) -> bool {
        self.0.wants_lines()
    }
}

impl Watcher for Flow {
    fn happened(&mut self, _at: Mono, _happening: &Happening) {}

    fn status(&mut self, _at: Mono, _status: &Status) {}
}
