//! `atflow run` of a station: what it needs from outside is opened here, and what the operator and the system
//! want of it comes in here.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::Look;
use crate::flow::model::Program;
use crate::hooks;
use crate::link::notify::Notifier;
use crate::link::wake::{Hangup, Wake, Wants};
use crate::link::{Clock, Mono};
use crate::report::console::Detail;
use crate::report::metrics::{About, Metrics, MetricsWatcher};
use crate::report::station::{Level, StationConsole, StationLog, Tee, Wall, standing};
use crate::run::event::{Event, Observer};
use crate::run::mask_text::Masked;
use crate::run::{SharedObserver, TellLines};
use crate::session::Interrupt;
use crate::station::event::{Happening, Status, Summary, Watcher};
use crate::station::schedule::tzdb_version;
use crate::station::{Ended, Renewal, Setup, SharedWatcher, Signals, Station, Strayed};
use crate::store::{DiskFault, Life, Store, StoreError, sqlite_version};
use crate::transcript::{Masker, Transcript};

use super::args::{Format, RunArgs, Speed};
use super::conversation::{OTHER_TRANSCRIPT, may_be_written, once, session, transcript};
use super::open::Awaited;
use super::ready::{Ready, Unready, mask, ready};
use super::say::{self, Watched, columns};
use super::{Exit, complain, metrics_server, notify, open, state_dir};

/// How often the status line is drawn when nothing happens.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// Runs a station until it is told to stop, or its time is over.
pub(super) fn run(args: &RunArgs, port: &str, first: Ready, out: &Watched) -> Result<Exit, Exit> {
    if let Some(option) = [("--from", &args.from), ("--until", &args.until)].iter().find(|o| o.1.is_some()) {
        let message = format!("`{}` is for flows that end, and this file is a station", option.0);
        complain(&message, Some("leave it out; `--for 15m` ends a station after a time"));
        return Err(Exit::Usage);
    }
    args.transcript.as_deref().map_or(Ok(()), |path| may_be_written(path, port, OTHER_TRANSCRIPT))?;
    let wake = open::wake(Hangup::Reloads)?;
    let notifier = RefCell::new(notify::notifier());
    let signals = Rc::new(Operator { wake, notifier, metrics: RefCell::default() });
    let (mut file, mut legacy) = (first, None);
    loop {
        let mut running = open(args, port, &file, (&signals, out), legacy)?;
        signals.notifier.borrow_mut().ready();
        let ending = keep_running(args, port, &mut running, &mut file);
        if matches!(ending, Ending::Stopped) {
            signals.notifier.borrow_mut().stopping();
        }
        let strayed = running.station.strayed().cloned();
        let (clock, until) = (running.station.clock(), running.until);
        let (summary, transcript) = running.station.stop();
        if let Some(Strayed { what, help }) = strayed {
            say::coded(Code::FAILED_REPLAY, &what, Some(&help));
            return Ok(Exit::Failed);
        }
        match ending {
            Ending::Stopped => return Ok(exit_of(&summary)),
            // Another module or other values: everything is opened anew.
            Ending::Another(next) => (file, legacy) = (*next, Some(Legacy { clock, until, transcript })),
        }
    }
}

fn exit_of(summary: &Summary) -> Exit {
    match &summary.transcript_problem {
        Some(why) => {
            complain(&format!("the transcript is not whole: {why}"), Some("the station is not affected"));
            Exit::Environment
        }
        None => Exit::Done,
    }
}

/// Why a station is taken down.
enum Ending {
    Stopped,
    Another(Box<Ready>),
}

/// What goes on when everything else is opened anew. The new port has a clock of its own.
struct Legacy {
    clock: Rc<dyn Clock>,
    until: Option<Mono>,
    transcript: Option<Transcript>,
}

/// A station, and who watches it.
struct Running {
    station: Station,
    until: Option<Mono>,
    watcher: SharedWatcher,
    signals: Rc<Operator>,
}

/// Opens the port, the store and all outputs.
fn open(
    args: &RunArgs,
    port: &str,
    file: &Ready,
    (signals, out): (&Rc<Operator>, &Watched),
    legacy: Option<Legacy>,
) -> Result<Running, Exit> {
    let program = Rc::clone(&file.program);
    let masked = Masked::new(Rc::new(mask(file)?));
    let for_transcript = mask(file)?;
    let Awaited { link, absent, watch } =
        open::open_or_wait(port, &args.port.settings, &args.sim, &signals.wake)?;
    let clock = link.clock();
    let chance = if file.simulated { args.sim.seed() } else { chance() };
    let mut store = store(args, &program, port, (clock.as_ref(), chance), file.simulated)?;
    if let Some(watch) = watch {
        store.set_disk_faults(Box::new(move |_| watch.disk().map(DiskFault::from)));
    }
    let until = match &legacy {
        Some(Legacy { clock: old, until, .. }) => until.map(|until| clock.now() + until.since(old.now())),
        None => args.station.duration.map(|time| clock.now() + time),
    };
    let transcript = match legacy {
        Some(Legacy { clock: old, transcript: Some(record), .. }) => {
            record.continued(for_transcript, old.now(), clock.now())
        }
        _ => transcript(args, port, &program, link.as_ref(), for_transcript)?,
    };
    let shown = masked.clone();
    let shown_port = masked.text(port);
    let mut watchers = watchers(args, &shown_port, file, &clock, (signals, out))?;
    watchers.push(Box::new(ManagerLine(Rc::clone(signals))));
    let tee = Rc::new(RefCell::new(Tee::new(watchers)));
    let watcher: SharedWatcher = Rc::<RefCell<Tee>>::clone(&tee);
    let observer: SharedObserver = tee;
    let lines = TellLines::new(Rc::clone(&observer), masked.clone());
    let interrupt = Rc::<Operator>::clone(signals);
    let session = session(link, &program, transcript, lines, interrupt, &file.host);
    let mut station = Station::new(Setup {
        program,
        host: Rc::clone(&file.host),
        vars: file.values.clone(),
        session,
        watcher: Rc::clone(&watcher),
        observer,
        masked,
        once: once(file.simulated),
        store,
        seed: chance,
        port: port.to_string(),
        signals: Rc::<Operator>::clone(signals),
        until,
    });
    if let Some(why) = absent.as_deref() {
        station.port_is_absent(shown.text(why));
    }
    Ok(Running { station, until, watcher, signals: Rc::clone(signals) })
}

/// Runs it until it ends; a new version of its file goes in while it runs, if that is possible.
fn keep_running(args: &RunArgs, port: &str, running: &mut Running, file: &mut Ready) -> Ending {
    loop {
        if running.station.run() != Ended::Reload {
            return Ending::Stopped;
        }
        running.signals.notifier.borrow_mut().reloading();
        let now = running.station.now();
        let happening = match ready(args, port, |_| Ok(args.vars.iter().cloned().collect())) {
            Ok(next) if next.program.station.is_none() => {
                Happening::ReloadFailed { error: "the file is no station any more".to_string() }
            }
            Ok(next) if is_elsewhere(args, file, &next) => {
                let error = "its `name` is another one, and with that the folder of what waits and of what is kept; \
                             start it anew, or with `--state`";
                Happening::ReloadFailed { error: error.to_string() }
            }
            Ok(next) if !is_like(file, &next) => {
                if running.station.lives_in_memory() {
                    let error = "it needs a new start, and what the disk does not take would be gone with the old one; \
                                 make room, and reload again";
                    Happening::ReloadFailed { error: error.to_string() }
                } else if let Err(error) = Masker::new(&next.secrets, &next.program.dialect.escapes) {
                    Happening::ReloadFailed { error: error.to_string() }
                } else {
                    return Ending::Another(Box::new(next));
                }
            }
            Ok(next) => {
                next.host.set_clock(running.station.clock());
                running.station.renew(Renewal {
                    program: Rc::clone(&next.program),
                    host: Rc::clone(&next.host),
                    vars: next.values.clone(),
                    once: once(next.simulated),
                });
                *file = next;
                running.signals.describe(&file.program);
                Happening::ReloadOk
            }
            Err(Unready::Problems(found)) => {
                Happening::ReloadFailed { error: found.0.render(&found.1, Look::Plain) }
            }
            Err(Unready::Said(_)) => Happening::ReloadFailed { error: say::last_complaint().message },
        };
        running.watcher.borrow_mut().happened(now, &happening);
        running.signals.notifier.borrow_mut().ready();
    }
}

/// Methods that may be called.
fn handlers(program: &Program) -> Vec<String> {
    let downlink = program.station.as_ref().and_then(|plan| plan.downlink.as_ref());
    downlink.map(|downlink| downlink.methods.keys().cloned().collect()).unwrap_or_default()
}

fn budget(program: &Program) -> Option<u64> {
    program.station.as_ref().and_then(|plan| plan.outbox.bytes_per_day)
}

/// Whether another folder would be the station's: what waits in the old one would be left behind.
fn is_elsewhere(args: &RunArgs, old: &Ready, new: &Ready) -> bool {
    args.station.state.is_none() && !old.simulated && old.program.name != new.program.name
}

/// Whether a conversation can go on with the new file: the same words for the module, and the same values.
fn is_like(old: &Ready, new: &Ready) -> bool {
    let values =
        |ready: &Ready| -> Vec<String> { ready.values.iter().flatten().map(hooks::display).collect() };
    format!("{:?}", old.program.dialect) == format!("{:?}", new.program.dialect)
        && values(old) == values(new)
        && old.secrets == new.secrets
}

/// What the operator and the system want.
struct Operator {
    wake: Wake,
    notifier: RefCell<Notifier>,
    /// The numbers that are served. The address stays taken for as long as the process lives.
    metrics: RefCell<Option<Arc<Mutex<Metrics>>>>,
}

impl Operator {
    /// The numbers that are served are those of this program from now on.
    fn describe(&self, program: &Program) {
        if let Some(served) = &*self.metrics.borrow() {
            let mut metrics = served.lock().unwrap_or_else(PoisonError::into_inner);
            metrics.renew(handlers(program), budget(program));
        }
    }

    /// Serves these numbers, in place of earlier ones.
    fn served(&self, address: SocketAddr, metrics: Metrics) -> Result<Arc<Mutex<Metrics>>, Exit> {
        if let Some(served) = &*self.metrics.borrow() {
            *served.lock().unwrap_or_else(PoisonError::into_inner) = metrics;
            return Ok(Arc::clone(served));
        }
        let served = Arc::new(Mutex::new(metrics));
        metrics_server::serve(address, Arc::clone(&served))?;
        *self.metrics.borrow_mut() = Some(Arc::clone(&served));
        Ok(served)
    }
}

/// A run may take longer than the service manager waits for a word: it is told while the run waits, too.
impl Interrupt for Operator {
    fn stop_requested(&self) -> bool {
        self.wake.stop_requested()
    }

    fn woken(&self) {
        self.wake.drain();
    }

    fn word_every(&self) -> Option<Duration> {
        self.notifier.borrow().watchdog().map(|watchdog| watchdog / 4)
    }

    fn waits(&self, now: Mono) {
        self.notifier.borrow_mut().alive(now);
    }
}

impl Signals for Operator {
    fn stop(&self) -> bool {
        self.wake.stop_requested()
    }

    fn take_reload(&self) -> bool {
        let Wants { reload, .. } = self.wake.take();
        reload
    }

    fn progress(&self, now: Mono) {
        self.notifier.borrow_mut().alive(now);
    }
}

/// The service manager shows how the station stands.
impl Watcher for ManagerLine {
    fn happened(&mut self, _at: Mono, _happening: &Happening) {}

    fn status(&mut self, _at: Mono, status: &Status) {
        self.0.notifier.borrow_mut().status(&standing(status));
    }
}

impl Observer for ManagerLine {
    fn event(&mut self, _at: Mono, _event: &Event<'_>) {}

    fn wants_steps(&self) -> bool {
        false
    }
}

/// Passes the status on to the service manager.
struct ManagerLine(Rc<Operator>);

/// Who watches: a person or a log, and metrics if they are asked for.
fn watchers(
    args: &RunArgs,
    port: &str,
    file: &Ready,
    clock: &Rc<dyn Clock>,
    (signals, out): (&Operator, &Watched),
) -> Result<Vec<Box<dyn Watcher>>, Exit> {
    let wall = wall(Rc::clone(clock));
    let mut watchers: Vec<Box<dyn Watcher>> = vec![match args.format() {
        Format::Json => {
            let least = match (args.quiet, args.verbose) {
                (true, _) => Level::Warn,
                (_, true) => Level::Debug,
                _ => Level::Info,
            };
            let log = StationLog::new(Box::new(out.clone()), port, Rc::clone(&wall));
            Box::new(log.least(least).with_steps(args.verbose))
        }
        Format::Pretty => Box::new(console(args, file.simulated, out)),
    }];
    if let Some(address) = args.station.metrics {
        let metrics = Metrics::new(About {
            version: env!("CARGO_PKG_VERSION").to_string(),
            sqlite: sqlite_version().to_string(),
            tzdb: tzdb_version().to_string(),
            device: port.to_string(),
            handlers: handlers(&file.program),
            network_budget_bytes: budget(&file.program),
        });
        let served = signals.served(address, metrics)?;
        // First: who reads of something in the log finds it counted.
        watchers.insert(0, Box::new(MetricsWatcher::new(served, wall)));
    }
    Ok(watchers)
}

fn console(args: &RunArgs, simulated: bool, out: &Watched) -> StationConsole {
    use std::io::{IsTerminal as _, stdout};
    let detail = match (args.quiet, args.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Lines,
        _ => Detail::Steps,
    };
    let terminal = stdout().is_terminal();
    let colour = say::has_colours(&stdout());
    let console = StationConsole::new(Box::new(out.clone()), detail, colour).simulated(simulated);
    if !terminal {
        return console;
    }
    let every = match args.sim.speed {
        Some(Speed::Max) => None,
        Some(Speed::Times(times)) => Some(STATUS_EVERY.mul_f64(times.max(1.0))),
        None => Some(STATUS_EVERY),
    };
    console.with_status_line(Box::new(columns), every)
}

/// The calendar at a point of the station's clock, if it is worth showing.
fn wall(clock: Rc<dyn Clock>) -> Wall {
    use crate::link::time::quality::PLAUSIBLE;
    Rc::new(move |at| {
        let ago_ms = i64::try_from(clock.now().since(at).as_millis()).unwrap_or(i64::MAX);
        (clock.wall_quality() >= PLAUSIBLE).then(|| clock.wall_ms().saturating_sub(ago_ms))
    })
}

/// What the station keeps: on disk, but for a simulated module in memory unless a folder is named.
fn store(
    args: &RunArgs,
    program: &Program,
    port: &str,
    (clock, seed): (&dyn Clock, u64),
    simulated: bool,
) -> Result<Store, Exit> {
    let folder = match (&args.station.state, simulated) {
        (Some(folder), _) => Some(folder.clone()),
        (None, true) => None,
        (None, false) => Some(own_folder(&program.name)?),
    };
    // A simulated machine is switched on with the program: what lies in a folder is from an earlier start.
    let boot_id = if simulated && folder.is_some() { format!("sim-{:x}", chance()) } else { clock.boot_id() };
    let life = Life { boot_id, now_ms: clock.since_boot_ms(), chance: seed };
    let opened = match &folder {
        Some(folder) => Store::open(folder, port, &life),
        None => Store::in_memory(&life),
    };
    opened.map_err(|error| {
        let help = match &error {
            StoreError::Busy { .. } => "stop the other station, or give this one a folder with `--state`",
            StoreError::Newer { .. } => "use the newer atflow, or another folder with `--state`",
            StoreError::Foreign { .. } => "name a folder for this station alone with `--state`",
            _ => "choose a folder that can be written with `--state`",
        };
        say::coded(Code::STORE, &error.to_string(), Some(help));
        Exit::Environment
    })
}

/// Where a station of this name keeps its things.
fn own_folder(name: &str) -> Result<PathBuf, Exit> {
    state_dir::default_dir(name).map_err(|why| {
        say::coded(Code::STORE, &why, Some("name a folder with `--state`"));
        Exit::Environment
    })
}

/// 64 random bits of the system.
fn chance() -> u64 {
    let mut bytes = [0; 8];
    // Where the system has none to give, the process's number must do: nothing secret depends on it.
    match rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()) {
        Ok(8) => u64::from_ne_bytes(bytes),
        _ => u64::from(std::process::id()),
    }
}
