//! One run of a case: a simulated world, and as many processes one after the other as the case makes of it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::flow::model::FlowId;
use crate::link::{Clock, Link, Mono};
use crate::run::event::{Event, Observer};
use crate::run::mask_text::Masked;
use crate::run::once::OnceInMemory;
use crate::run::{Part, Run, Setup as RunSetup, SharedObserver, TellLines};
use crate::session::{Counted, Heard, Listener, Session};
use crate::sim::{self, Entry, Scenario, SimLink, SimOptions, Truth, TruthKind, What, When};
use crate::station::event::{Happening, Status, Watcher, Work};
use crate::station::{Setup, SharedWatcher, Signals, Station};
use crate::store::Store;
use crate::transcript::{Header, Transcript};

use super::super::fate::{self, Lives};
use super::case::{Case, Downlink};
use super::leak::{Leaks, Sink};
use super::log::{Log, Said};
use super::program::{Ready, Source, Unusable};
use super::rules::Rules;

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
    let options = SimOptions {
        seed: case.seed,
        // A flow that ends waits at one place for a command, and hardly ever when a drawn one comes: it meets the
        // command that the stand-in sends after the first report, as under `run`.
        scenario: ready.main.is_none().then(|| sends(&case.downlinks)),
        faults: case.faults.clone(),
        ..SimOptions::default()
    };
    let (link, watch) = sim::build(&source.module, options).map_err(|error| Unusable(error.to_string()))?;
    let lives = Lives::new(&link, watch, case.seed, &case.mishaps);
    lives.keep();
    let leaks = Leaks::of(&ready.secrets, &ready.program.dialect.escapes);
    let told =
        Rc::new(RefCell::new(Told { happenings: Vec::new(), worked: Vec::new(), leaks: leaks.clone() }));
    let stage = Stage {
        ready,
        case,
        port: link.name().to_owned(),
        clock: link.clock(),
        lives,
        told,
        leaks,
        said: Rc::default(),
    };
    match ready.main {
        None => stage.station(link),
        Some(main) => stage.flow(link, main),
    }
}

/// The cloud sends these and nothing of itself.
fn sends(downlinks: &[Downlink]) -> Scenario {
    let entry = |downlink: &Downlink| {
        let (topic, payload) = downlink.message();
        let what = What::Message { topic, payload: payload.into_bytes() };
        Entry { when: When::Time(downlink.time), what, count: None }
    };
    Scenario { at: downlinks.iter().map(entry).collect(), ..Scenario::default() }
}

/// A case as a test is to write it. In a test nothing is sent that it does not say, so for a flow that ends the
/// stand-in's own command takes the place of what was drawn and never sent.
pub fn written_out(source: &Source, case: &Case) -> Case {
    if source.load().is_ok_and(|ready| ready.main.is_none()) {
        return case.clone();
    }
    // A flow that failed before its first report still needs the command once it is mended.
    let quiet = Case::quiet(case.seed, case.span.whole);
    let command = [case, &quiet].into_iter().find_map(|case| own_command(&run(source, case)));
    Case { downlinks: command.into_iter().collect(), ..case.clone() }
}

/// The stand-in's own command, at the time when it came to the module.
fn own_command(log: &Log) -> Option<Downlink> {
    let came =
        |truth: &Truth| matches!(&truth.kind, TruthKind::Message { topic } if topic == sim::EXAMPLE_TOPIC);
    let at = log.truth.iter().find(|truth| came(truth))?.at;
    // In whole milliseconds, as a test file writes times.
    let time = Duration::from_millis(at.as_micros().div_ceil(1000));
    Some(Downlink { time, id: 1000, method: "restart", params: r#"{"timeout":10}"# })
}

struct Stage<'r> {
    ready: &'r Ready,
    case: &'r Case,
    port: String,
    clock: Rc<dyn Clock>,
    lives: Lives,
    told: Rc<RefCell<Told>>,
    leaks: Leaks,
    said: Rc<RefCell<Vec<(Mono, Said)>>>,
}

/// Hears what the session sends, besides those who are told of it.
struct Ears {
    lines: TellLines,
    said: Rc<RefCell<Vec<(Mono, Said)>>>,
}

impl Listener for Ears {
    fn heard(&mut self, at: Mono, heard: &Heard<'_>) {
        match heard {
            Heard::Sent(line) => self.said.borrow_mut().push((at, Said::Line(line.to_vec()))),
            Heard::SentData(bytes) => self.said.borrow_mut().push((at, Said::Data(*bytes))),
            _ => {}
        }
    }

    fn counted(&mut self, counted: &Counted<'_>) {
        self.lines.counted(counted);
    }
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
    fn station(&self, link: SimLink) -> Result<Log, Unusable> {
        let until = Mono::ZERO + self.case.span.whole;
        let open = |link, store, until| self.open(link, store, until).map_err(|error| error.0);
        let lived = self.lives.live(link, until, &open).map_err(Unusable)?;
        let mut log = self.log();
        (log.died, log.began) = (lived.died, lived.began);
        match lived.last {
            Ok(station) => {
                let left = station.crash().map(|mut store| fate::rows(&mut store)).unwrap_or_default();
                log.left = left.iter().map(|row| row.seq).collect();
            }
            Err(why) => log.panic = Some(why),
        }
        Ok(log)
    }

    fn log(&self) -> Log {
        let mut log = self.lives.log(self.case.span, Rules::of(&self.ready.program));
        log.told = std::mem::take(&mut self.told.borrow_mut().happenings);
        log.worked = std::mem::take(&mut self.told.borrow_mut().worked);
        log.leaks = self.leaks.found();
        log.said = Some(std::mem::take(&mut self.said.borrow_mut()));
        log
    }

    fn open(&self, link: SimLink, store: Store, until: Mono) -> Result<Station, Unusable> {
        let watcher: SharedWatcher = Rc::<RefCell<Told>>::clone(&self.told);
        let observer: SharedObserver = Rc::<RefCell<Told>>::clone(&self.told);
        let masked = self.ready.masked()?;
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
        let dialect = std::sync::Arc::clone(&self.ready.program.dialect);
        let tap = Box::new(self.lives.tap(link));
        Ok(Session::new(
            tap,
            dialect,
            transcript,
            Box::new(Ears { lines, said: Rc::clone(&self.said) }),
            Rc::new(|| false),
        ))
    }

    /// A flow that ends.
    fn flow(&self, link: SimLink, main: FlowId) -> Result<Log, Unusable> {
        let observer: SharedObserver = Rc::<RefCell<Told>>::clone(&self.told);
        let masked = self.ready.masked()?;
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
        let ended = catch_unwind(AssertUnwindSafe(|| run.run(main, &Part::default())));
        let mut log = self.log();
        match ended {
            Ok(report) => log.failed = report.failure.map(|failure| failure.in_one_line()),
            Err(how) => log.panic = Some(fate::words(how.as_ref())),
        }
        Ok(log)
    }
}

/// Everything that is told.
struct Told {
    happenings: Vec<(Mono, Happening)>,
    worked: Vec<Work>,
    leaks: Leaks,
}

impl Watcher for Told {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        self.leaks.look(at, serde_json::to_string(happening).unwrap_or_default().as_bytes());
        self.happenings.push((at, happening.clone()));
    }

    fn status(&mut self, _at: Mono, _status: &Status) {}

    fn worked(&mut self, work: &Work) {
        if matches!(work, Work::Publish { .. }) {
            self.worked.push(*work);
        }
    }
}

impl Observer for Told {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        match event {
            Event::AttemptFailed(failure) => self.leaks.look(at, format!("{failure:?}").as_bytes()),
            Event::Retrying { error, .. } => self.leaks.look(at, error.as_bytes()),
            Event::Log { text, .. } | Event::Question(text) => self.leaks.look(at, text.as_bytes()),
            Event::Finished(report) => self.leaks.look(at, format!("{report:?}").as_bytes()),
            _ => {}
        }
    }

    fn wants_steps(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::sim::EXAMPLE;

    use super::*;

    #[test]
    fn the_command_that_is_written_out_is_the_one_that_the_stand_in_sends() {
        let mut log = Log::new(Case::quiet(1, Duration::from_mins(1)).span, Rules::default());
        let kind = TruthKind::Message { topic: sim::EXAMPLE_TOPIC.to_owned() };
        log.truth.push(Truth { at: Mono::ZERO, kind });
        let (topic, payload) = own_command(&log).expect("it came").message();
        assert_eq!((topic.as_str(), payload.as_bytes()), (sim::EXAMPLE_TOPIC, EXAMPLE));
    }
}
