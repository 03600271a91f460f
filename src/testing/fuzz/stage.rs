//! One run of a case: a simulated world, and as many processes one after the other as the case makes of it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::link::{Clock, Link, Mono};
use crate::run::event::{Event, Observer};
use crate::run::mask_text::Masked;
use crate::run::once::OnceInMemory;
use crate::run::{Part, Run, Setup as RunSetup, SharedObserver, TellLines};
use crate::session::Session;
use crate::sim::{self, Entry, Scenario, SimLink, SimOptions, Unit, Watch, What, When};
use crate::station::event::{Happening, Status, Watcher};
use crate::station::{Setup, SharedWatcher, Signals, Station};
use crate::store::{Life, SharedLedger, Store, StoreError};
use crate::transcript::{Header, Transcript};

use super::case::{Case, MishapKind};
use super::disk::Disk;
use super::leak::{Leaks, Sink};
use super::log::{Log, Rules};
use super::program::{Ready, Source, Unusable};
use super::tap::{Death, Died, Line, Tap};

/// Runs a case. What cannot even begin is a panic of the log: it must not look like a run that passed.
pub fn run(source: &Source, case: &Case) -> Log {
    let played = source.load().and_then(|ready| play(&ready, source, case));
    played.unwrap_or_else(|error| {
        let mut log = Log::new(case.span, Rules::default());
        log.panic = Some(error.to_string());
        log
    })
}

fn play(ready: &Ready, source: &Source, case: &Case) -> Result<Log, Unusable> {
    let entry = |downlink: &super::case::Downlink| {
        let (topic, payload) = downlink.message();
        let what = What::Message { topic, payload: payload.into_bytes() };
        Entry { when: When::Time(downlink.time), what, count: None }
    };
    let scenario = Scenario { at: case.downlinks.iter().map(entry).collect(), ..Scenario::default() };
    // A flow that ends may wait for the stand-in's own example command.
    let scenario = ready.main.is_none().then_some(scenario);
    let options =
        SimOptions { seed: case.seed, scenario, faults: case.faults.clone(), ..SimOptions::default() };
    let (link, watch) = sim::build(&source.module, options).map_err(|error| Unusable(error.to_string()))?;
    watch.keep_truth();
    let clock = link.clock();
    let line = Rc::new(Line::default());
    let leaks = Leaks::of(&ready.secrets);
    let told = Rc::new(RefCell::new(Told { told: Vec::new(), leaks: leaks.clone() }));
    let disk = Rc::new(Disk::new(Rc::clone(&clock), Rc::clone(&line)));
    let mut stage = Stage {
        ready,
        case,
        port: format!("sim:{}", source.module),
        watch,
        clock,
        line,
        told,
        leaks,
        ledger: SharedLedger::default(),
        disk,
        log: Log::new(case.span, ready.rules()),
    };
    match ready.main {
        None => stage.station(link)?,
        Some(_) => stage.flow(link)?,
    }
    Ok(stage.end())
}

struct Stage<'r> {
    ready: &'r Ready,
    case: &'r Case,
    port: String,
    watch: Watch,
    clock: Rc<dyn Clock>,
    line: Rc<Line>,
    told: Rc<RefCell<Told>>,
    leaks: Leaks,
    ledger: SharedLedger,
    disk: Rc<Disk>,
    log: Log,
}

/// Nobody stops it.
struct Undisturbed;

impl Signals for Undisturbed {
    fn stop(&self) -> bool {
        false
    }
    fn take_reload(&self) -> bool {
        false
    }
    fn progress(&self, _now: Mono) {}
}

impl Stage<'_> {
    /// The station, over all its lives.
    fn station(&mut self, link: SimLink) -> Result<(), Unusable> {
        let failed = |error: StoreError| Unusable(error.to_string());
        self.plan_mishaps();
        let mut link = Some(link);
        let mut store = Store::in_memory(&self.life(0)).map_err(failed)?;
        let until = Mono::ZERO + self.case.span.whole;
        for life in 1_u64.. {
            let port = link.take().unwrap_or_else(|| self.watch.open_again(&self.port));
            let mut station = self.open(port, store, until)?;
            let ended = catch_unwind(AssertUnwindSafe(|| station.run()));
            let now = self.clock.now();
            let left = station.crash();
            match (ended, left) {
                (Ok(_), Some(mut left)) => {
                    self.log.left = rows(&mut left);
                    return Ok(());
                }
                (Err(how), Some(left)) if how.is::<Died>() => {
                    self.log.died.push(now);
                    self.disk.process_died();
                    let down = self.disk.downtime(now);
                    self.pass(now + down);
                    store = left.crash(&self.port, &self.life(life)).map_err(failed)?;
                    self.log.began.push(self.clock.now());
                }
                (Err(how), _) if !how.is::<Died>() => {
                    self.log.panic = Some(words(how.as_ref()));
                    return Ok(());
                }
                _ => {
                    self.log.panic = Some("somebody still holds the store".to_owned());
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn open(&self, link: SimLink, mut store: Store, until: Mono) -> Result<Station, Unusable> {
        store.keep_ledger(Rc::clone(&self.ledger));
        let disk = Rc::clone(&self.disk);
        store.set_disk_faults(Box::new(move |durability| disk.answer(durability)));
        let watcher: SharedWatcher = Rc::<RefCell<Told>>::clone(&self.told);
        let observer: SharedObserver = Rc::<RefCell<Told>>::clone(&self.told);
        let masked = Masked::new(Rc::new(self.ready.masker()?));
        let session = self.session(link, &observer, &masked)?;
        Ok(Station::new(Setup {
            program: Rc::clone(&self.ready.program),
            host: Rc::clone(&self.ready.host),
            vars: self.ready.values.clone(),
            session,
            watcher,
            observer,
            masked,
            once: Box::new(OnceInMemory::default()),
            store,
            seed: self.case.seed,
            port: self.port.clone(),
            signals: Rc::new(Undisturbed),
            until: Some(until),
        }))
    }

    fn session(
        &self,
        link: SimLink,
        observer: &SharedObserver,
        masked: &Masked,
    ) -> Result<Session, Unusable> {
        let sink = Sink::new(Rc::clone(&self.clock), self.leaks.clone());
        let header = Header { port: self.port.clone(), ..Header::default() };
        let transcript = Transcript::to(Box::new(sink), &header, self.ready.masker()?);
        self.ready.host.set_clock(link.clock());
        let lines = TellLines::new(Rc::clone(observer), masked.clone());
        let tap = Tap::new(link, Rc::clone(&self.line));
        let dialect = std::sync::Arc::clone(&self.ready.program.dialect);
        Ok(Session::new(Box::new(tap), dialect, transcript, Box::new(lines), Rc::new(|| false)))
    }

    /// A flow that ends.
    fn flow(&mut self, link: SimLink) -> Result<(), Unusable> {
        let Some(main) = self.ready.main else { return Ok(()) };
        let observer: SharedObserver = Rc::<RefCell<Told>>::clone(&self.told);
        let masked = Masked::new(Rc::new(self.ready.masker()?));
        let session = self.session(link, &observer, &masked)?;
        let run = Run::new(RunSetup {
            program: Rc::clone(&self.ready.program),
            host: Rc::clone(&self.ready.host),
            vars: self.ready.values.clone(),
            session,
            observer,
            masked,
            once: Box::new(OnceInMemory::default()),
            seed: self.case.seed,
            port: self.port.clone(),
            home: None,
        });
        let ended = catch_unwind(AssertUnwindSafe(|| drop(run.run(main, &Part::default()))));
        if let Err(how) = ended {
            self.log.panic = Some(words(how.as_ref()));
        }
        Ok(())
    }

    fn life(&self, number: u64) -> Life {
        let chance = super::case::Chance::of(self.case.seed, &format!("life {number}")).next();
        Life { boot_id: self.clock.boot_id(), now_ms: self.clock.since_boot_ms(), chance }
    }

    fn plan_mishaps(&self) {
        for mishap in &self.case.mishaps {
            let at = Mono::ZERO + mishap.time;
            match mishap.what {
                MishapKind::Crash(down) => {
                    self.line.deaths.borrow_mut().push(Death::At(at));
                    self.disk.remember_downtime(at, down);
                }
                MishapKind::CrashInWrite(down) => {
                    self.line.deaths.borrow_mut().push(Death::InWriteFrom(at));
                    self.disk.remember_downtime(at, down);
                }
                _ => self.disk.plan(mishap),
            }
        }
    }

    /// Time passes while no process is there; what the module says is heard by nobody.
    fn pass(&self, until: Mono) {
        let mut nobody = self.watch.open_again(&self.port);
        let mut unheard = Vec::new();
        while self.clock.now() < until {
            unheard.clear();
            // The port may be gone, too: then time passes while it is looked for.
            if nobody.read(&mut unheard, until).is_err() && nobody.reopen(until).is_err() {
                break;
            }
        }
    }

    fn end(self) -> Log {
        let mut log = self.log;
        log.crossed = std::mem::take(&mut *self.line.crossed.borrow_mut());
        log.told = std::mem::take(&mut self.told.borrow_mut().told);
        log.truth = self.watch.truth();
        log.received = self.watch.received();
        log.faults = self.watch.faults();
        log.places = self.watch.counted(Unit::Gap);
        log.ledger = self.ledger.borrow().clone();
        log.leaks = self.leaks.found();
        log.ended = self.clock.now();
        log
    }
}

/// The numbers of all rows that wait.
fn rows(store: &mut Store) -> Vec<u64> {
    let mut rows = Vec::new();
    for urgent in [true, false] {
        let mut last = 0;
        while let Some(row) = store.row_after(urgent, last) {
            last = row.seq;
            rows.push(row.seq);
        }
    }
    rows
}

/// What somebody who gave up said.
fn words(how: &(dyn Any + Send)) -> String {
    let text = how.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| how.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason");
    text.to_owned()
}

/// Everything that is told.
struct Told {
    told: Vec<(Mono, Happening)>,
    leaks: Leaks,
}

impl Watcher for Told {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        self.leaks.look(at, serde_json::to_string(happening).unwrap_or_default().as_bytes());
        self.told.push((at, happening.clone()));
    }

    fn status(&mut self, _at: Mono, _status: &Status) {}
}

impl Observer for Told {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        if let Event::Finished(report) = event
            && let Some(failure) = &report.failure
        {
            self.leaks.look(at, format!("{failure:?}").as_bytes());
        }
    }

    fn wants_steps(&self) -> bool {
        false
    }
}

/// A process that is down this long is down no longer: something else went wrong.
pub(super) const LONGEST_DOWN: Duration = Duration::from_mins(2);
