//! The loop against the simulated module, on its clock.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use atflow::flow::compile::{self, Options};
use atflow::flow::diag::Look;
use atflow::hooks::Host;
use atflow::link::{Link as _, Mono};
use atflow::run::event::{Event, Observer};
use atflow::run::mask_text::Masked;
use atflow::run::once::OnceInMemory;
use atflow::run::vars::{self, Outside};
use atflow::run::{SharedObserver, TellLines};
use atflow::session::Session;
use atflow::sim::{self, Scenario, SimOptions};
use atflow::store::{Life, NewCommand, Store};
use atflow::transcript::{Masker, Transcript};

use atflow::station::event::{Happening, LinkState, Status, Watcher};
use atflow::station::{Ended, Renewal, Setup, SharedWatcher, Signals, Station};

/// More boundaries than any of these tests needs.
const MOST_BOUNDARIES: u32 = 5_000;

/// Remembers all that happens.
#[derive(Default)]
struct Notes(Vec<Happening>);

impl Watcher for Notes {
    fn happened(&mut self, _at: Mono, happening: &Happening) {
        self.0.push(happening.clone());
    }

    fn status(&mut self, _at: Mono, _status: &Status) {}
}

impl Observer for Notes {
    fn event(&mut self, _at: Mono, _event: &Event<'_>) {}

    fn wants_steps(&self) -> bool {
        false
    }
}

/// Ends a loop that turns without getting anywhere, and reads the file anew when it is told to.
#[derive(Default)]
struct Operator {
    boundaries: Cell<u32>,
    reload_at: Cell<Option<Mono>>,
    now: Cell<Mono>,
}

impl Signals for Operator {
    fn stop(&self) -> bool {
        self.boundaries.set(self.boundaries.get() + 1);
        self.boundaries.get() > MOST_BOUNDARIES
    }

    fn take_reload(&self) -> bool {
        let due = self.reload_at.get().is_some_and(|at| self.now.get() >= at);
        if due {
            self.reload_at.set(None);
        }
        due
    }

    fn progress(&self, now: Mono) {
        self.now.set(now);
    }
}

/// A folder of files that is gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("atflow-station-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        for (file, text) in files {
            std::fs::write(path.join(file), text).expect("a file");
        }
        Self(path)
    }

    /// The station in a file of it.
    fn renewal(&self, file: &str) -> Renewal {
        let host = Rc::new(Host::new());
        let loaded = compile::load(&self.0.join(file), &self.0, &Options::default(), &host);
        let problems = loaded.problems.render(&loaded.sources, Look::Plain);
        let program = Rc::new(loaded.program.unwrap_or_else(|| panic!("{problems}")));
        let outside = Outside {
            given: &[].into(),
            env: &|_| None,
            file: &|_, path| Err(path.to_string()),
            simulated: true,
        };
        let vars = vars::resolve(&program, &outside).map_err(|_| "vars").expect("values").values;
        Renewal { program, host, vars, once: Box::new(OnceInMemory::default()) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Bench {
    station: Station,
    notes: Rc<RefCell<Notes>>,
    operator: Rc<Operator>,
}

impl Bench {
    fn new(file: Renewal, scenario: &str, time: Duration, prepare: impl FnOnce(&mut Store)) -> Self {
        let scenario = Scenario::parse("scenario", scenario).expect("a scenario");
        let options = SimOptions { scenario: Some(scenario), ..SimOptions::default() };
        let (link, _) = sim::build("luat-air724", options).expect("a module");
        let clock = link.clock();
        let life = Life { boot_id: clock.boot_id(), now_ms: clock.since_boot_ms(), chance: 7 };
        let mut store = Store::in_memory(&life).expect("memory");
        prepare(&mut store);
        let notes = Rc::new(RefCell::new(Notes::default()));
        let operator = Rc::new(Operator::default());
        let observer: SharedObserver = Rc::<RefCell<Notes>>::clone(&notes);
        let watcher: SharedWatcher = Rc::<RefCell<Notes>>::clone(&notes);
        let masked = Masked::new(Rc::new(Masker::default()));
        file.host.set_clock(link.clock());
        let session = Session::new(
            Box::new(link),
            std::sync::Arc::clone(&file.program.dialect),
            Transcript::none(Masker::default()),
            Box::new(TellLines::new(Rc::clone(&observer), masked.clone())),
            Rc::new(|| false),
        );
        let station = Station::new(Setup {
            program: file.program,
            host: file.host,
            vars: file.vars,
            session,
            watcher,
            observer,
            masked,
            once: file.once,
            store,
            seed: 7,
            port: "sim:luat-air724".to_string(),
            signals: Rc::<Operator>::clone(&operator),
            until: Some(clock.now() + time),
        });
        Self { station, notes, operator }
    }

    /// To its end; nothing turned without getting anywhere.
    fn run(&mut self) {
        assert_eq!(self.station.run(), Ended::Stopped);
        let boundaries = self.operator.boundaries.get();
        assert!(boundaries < MOST_BOUNDARIES, "{:#?}", self.notes.borrow().0);
    }

    fn count(&self, which: impl Fn(&Happening) -> bool) -> usize {
        self.notes.borrow().0.iter().filter(|happening| which(happening)).count()
    }
}

const BARE: &str = "
name: bare
module: luat-air724
schedule:
  - { name: beat, every: 10s, steps: [{ send: AT }] }
";

fn command(key: &str) -> NewCommand {
    NewCommand { key: key.to_string(), digest: [0; 32], method: "x".to_string(), payload: b"t\0{}".to_vec() }
}

#[test]
fn a_recorded_command_that_nobody_answers_any_more_is_over() {
    let folder = Folder::new("unanswered", &[("bare.yaml", BARE)]);
    let mut bench = Bench::new(folder.renewal("bare.yaml"), "", Duration::from_mins(1), |store| {
        store.record(0, &[command("1"), command("2")]).expect("recorded");
        store.start_command(1).expect("started");
    });
    bench.run();
    assert_eq!(bench.count(|it| matches!(it, Happening::CommandFinished { .. })), 1);
    assert!(bench.count(|it| matches!(it, Happening::JobFinished { .. })) >= 5);
}

#[test]
fn an_announced_message_waits_until_the_link_takes_runs() {
    let text = "
name: deaf
module: luat-air724
schedule:
  - { name: beat, every: 10s, steps: [{ send: AT }] }
flows:
  never: { steps: [{ send: AT+NOPE }] }
link:
  up: [{ run: never }]
";
    let folder = Folder::new("announced", &[("deaf.yaml", text)]);
    let scenario = "at: [{ time: 20s, urc: '+MSUB: 1' }]";
    let mut bench = Bench::new(folder.renewal("deaf.yaml"), scenario, Duration::from_mins(30), |_| ());
    bench.run();
    assert!(bench.count(|it| matches!(it, Happening::RungFinished { ok: false, .. })) >= 3);
}

/// A station on the bundled cloud, with one more entry.
fn on_the_cloud(entry: &str) -> String {
    format!(
        "
name: clouded
module: luat-air724
cloud: thingscloud
schedule:
  - {{ name: beat, every: 1m, steps: [{{ publish: attributes, json: {{ a: 1 }} }}] }}
{entry}"
    )
}

#[test]
fn a_new_file_with_another_topic_opens_the_link_anew_and_everybody_is_told() {
    let more = "
events:
  - { name: more, message: attributes/push, steps: [{ log: more }] }
";
    let (before, after) = (on_the_cloud(""), on_the_cloud(more));
    let folder = Folder::new("renewed", &[("before.yaml", &before), ("after.yaml", &after)]);
    let scenario = "at: [{ time: 6m, cloud: attributes/push, json: { a: 1 } }]";
    let mut bench = Bench::new(folder.renewal("before.yaml"), scenario, Duration::from_mins(8), |_| ());
    bench.operator.reload_at.set(Some(Mono::from_micros(180_000_000)));
    assert_eq!(bench.station.run(), Ended::Reload);
    let renewal = folder.renewal("after.yaml");
    renewal.host.set_clock(bench.station.clock());
    bench.station.renew(renewal);
    bench.run();
    let to = |state| bench.count(|it| matches!(it, Happening::LinkState { to, .. } if *to == state));
    assert_eq!((to(LinkState::Stopped), to(LinkState::Online)), (1, 2));
    assert_eq!(bench.count(|it| matches!(it, Happening::JobStarted { name, .. } if name == "more")), 1);
}

#[test]
fn a_port_that_is_not_there_yet_is_waited_for() {
    let folder = Folder::new("absent", &[("bare.yaml", BARE)]);
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_atflow"))
        .args(["run", "bare.yaml", "--port", "/dev/atflow-no-such-port", "--for", "300ms", "--state", "kept"])
        .current_dir(&folder.0)
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    assert!(said.contains("there is no such port"), "{said}");
}

/// When its time is over, the run under way ends as by a signal.
#[test]
fn a_long_run_does_not_outlive_the_time_of_the_station() {
    let text = "
name: sleeper
module: luat-air724
schedule:
  - { name: long, every: 1h, timeout: 50m, steps: [{ sleep: 40m }] }
";
    let folder = Folder::new("sleeper", &[("sleeper.yaml", text)]);
    let mut bench = Bench::new(folder.renewal("sleeper.yaml"), "", Duration::from_mins(1), |_| {});
    bench.run();
    assert_eq!(bench.station.now(), Mono::ZERO + Duration::from_mins(1));
    let cut = |it: &Happening| matches!(it, Happening::JobFinished { outcome, .. } if outcome != "ok");
    assert_eq!(bench.count(cut), 1);
}

/// How long a station that never gets online lives here, with a report every minute.
const LIFE: Duration = Duration::from_hours(2);

#[test]
fn whatever_an_outbox_drops_is_lost_at_the_end() {
    for (outbox, left) in [("max: 4", 4), ("max: 4, drop: newest", 4), ("keep: 1h", 69)] {
        let text = format!(
            "
name: offline
module: luat-air724
link: {{ up: [{{ run: wake }}, {{ run: never }}] }}
outbox: {{ {outbox} }}
schedule:
  - {{ name: report, every: 1m, steps: [{{ publish: attributes, json: {{ n: 1 }} }}] }}
flows: {{ never: {{ steps: [{{ check: 1 == 2 }}] }} }}
"
        );
        let folder = Folder::new("offline", &[("offline.yaml", &text)]);
        let mut bench = Bench::new(folder.renewal("offline.yaml"), "", LIFE, |_| {});
        bench.run();
        let end = bench.station.stop().0;
        let made = end.runs_passed;
        assert_eq!((made, end.reports_lost, end.outbox_rows), (120, 120 - left, left), "{outbox}");
    }
}

#[test]
fn runs_that_did_not_begin_are_counted_at_the_end() {
    let text = "
name: busy
module: luat-air724
schedule:
  - { name: long, every: 1h, timeout: 50m, steps: [{ sleep: 10m }] }
  - { name: behind, every: 1m, steps: [{ send: AT }] }
  - { name: never behind, every: 15s, overlap: skip, timeout: 10m, steps: [{ sleep: 20s }] }
";
    let folder = Folder::new("busy", &[("busy.yaml", text)]);
    let mut bench = Bench::new(folder.renewal("busy.yaml"), "", LIFE, |_| {});
    bench.run();
    let skipped = bench.count(|it| matches!(it, Happening::JobSkipped { .. }));
    let missed = bench.notes.borrow().0.iter().fold(0, |sum, it| match it {
        Happening::ScheduleMissed { count, .. } => sum + count,
        _ => sum,
    });
    let end = bench.station.stop().0;
    assert!(skipped > 0 && missed > 0, "{skipped} {missed}");
    assert_eq!((end.runs_skipped, end.runs_missed), (skipped as u64, missed));
}
