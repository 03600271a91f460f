//! The station, its world and all that is recorded of both.

use std::cell::{Ref, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use atflow::hooks::Host;
use atflow::link::wake::Wake;
use atflow::link::{Link as _, Mono};
use atflow::report::metrics::{About, Metrics, MetricsWatcher};
use atflow::report::station::{StationLog, Tee};
use atflow::run::mask_text::Masked;
use atflow::run::once::OnceInMemory;
use atflow::run::{SharedObserver, TellLines};
use atflow::session::Session;
use atflow::sim::{self, Receipt, SimLink, SimOptions, Watch};
use atflow::station::event::Summary;
use atflow::station::{Setup, SharedWatcher, Station};
use atflow::store::{DiskFaults, Life, Store};
use atflow::testing::fuzz::program::Ready;
use atflow::transcript::{Header, Transcript};

use super::case::Case;
use super::port::{Fate, Killed, Operator, Port};
use super::recorder::{Bytes, Recorder, Shared};

/// How a stretch of time ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// The time has come.
    Paused,
    /// The process was killed.
    Killed,
}

/// A station and its world.
pub struct Lab {
    pub case: Case,
    pub fate: Rc<Fate>,
    pub transcript: Bytes,
    pub log: Bytes,
    pub metrics: Arc<Mutex<Metrics>>,
    link: Rc<RefCell<SimLink>>,
    watch: Watch,
    recorder: Shared,
    station: Option<Station>,
    /// What the last process left.
    store: Option<Store>,
    lives: u64,
}

impl Lab {
    /// Everything is switched on; no station runs yet.
    pub fn new(case: Case) -> Self {
        let options =
            SimOptions { seed: case.seed, scenario: Some(case.scenario()), ..SimOptions::default() };
        let (link, watch) = sim::build("luat-air724", options).expect("a simulated module");
        let recorder = Shared::default();
        recorder.0.borrow_mut().forgetful = !case.keep;
        Self {
            case,
            fate: Rc::default(),
            transcript: Bytes::default(),
            log: Bytes::default(),
            metrics: Arc::new(Mutex::new(Metrics::new(About::default()))),
            link: Rc::new(RefCell::new(link)),
            watch,
            recorder,
            station: None,
            store: None,
            lives: 0,
        }
    }

    /// A station that runs from the start.
    pub fn start(case: Case) -> Self {
        let mut lab = Self::new(case);
        lab.boot();
        lab
    }

    fn life(&self) -> Life {
        let clock = Port::new(&self.link, &self.fate).clock();
        let chance = self.case.seed.wrapping_mul(0x9e37_79b9).wrapping_add(self.lives);
        Life { boot_id: clock.boot_id(), now_ms: clock.since_boot_ms(), chance }
    }

    fn open_store(&mut self) -> Store {
        let life = self.life();
        match (self.store.take(), &self.case.folder) {
            (Some(left), _) => left,
            (None, Some(folder)) => {
                Store::open(folder, "sim:luat-air724", &life).expect("the folder can be used")
            }
            (None, None) => Store::in_memory(&life).expect("there is memory"),
        }
    }

    /// A process starts.
    pub fn boot(&mut self) {
        self.boot_with(None);
    }

    /// A process starts, and its disk asks first.
    pub fn boot_with(&mut self, faults: Option<DiskFaults>) {
        self.lives += 1;
        let mut store = self.open_store();
        if let Some(faults) = faults {
            store.set_disk_faults(faults);
        }
        let loaded = self.case.load();
        self.station = Some(self.station(loaded, store));
    }

    fn session(&self, loaded: &Ready, observer: &SharedObserver, masked: &Masked) -> Session {
        let link = Port::new(&self.link, &self.fate);
        let (program, host): (_, &Host) = (&loaded.program, &loaded.host);
        host.set_clock(link.clock());
        let header = Header {
            port: link.name().to_string(),
            module: Some(program.dialect.name.clone()),
            ..Header::default()
        };
        let mask = loaded.masker().expect("short secrets");
        let transcript = if self.case.keep {
            Transcript::to(Box::new(self.transcript.clone()), &header, mask)
        } else {
            Transcript::none(mask)
        };
        let lines = TellLines::new(Rc::clone(observer), masked.clone());
        let dialect = Arc::clone(&program.dialect);
        Session::new(Box::new(link), dialect, transcript, Box::new(lines), Rc::new(Wake::never()))
    }

    fn watcher(&self) -> Rc<RefCell<Tee>> {
        let mut watchers: Vec<Box<dyn atflow::station::event::Watcher>> =
            vec![Box::new(self.recorder.clone())];
        let wall: atflow::report::station::Wall = Rc::new(|_| None);
        if self.case.keep {
            let log = StationLog::new(Box::new(self.log.clone()), "sim:luat-air724", Rc::clone(&wall));
            watchers.push(Box::new(log));
        }
        watchers.push(Box::new(MetricsWatcher::new(Arc::clone(&self.metrics), wall)));
        Rc::new(RefCell::new(Tee::new(watchers)))
    }

    fn station(&self, loaded: Ready, store: Store) -> Station {
        let tee = self.watcher();
        let watcher: SharedWatcher = Rc::<RefCell<Tee>>::clone(&tee);
        let observer: SharedObserver = tee;
        let masked = Masked::new(Rc::new(loaded.masker().expect("short secrets")));
        let session = self.session(&loaded, &observer, &masked);
        let clock = session.clock();
        Station::new(Setup {
            program: loaded.program,
            host: loaded.host,
            vars: loaded.values,
            session,
            watcher,
            observer,
            masked,
            once: Box::new(OnceInMemory::default()),
            store,
            seed: self.case.seed,
            port: "sim:luat-air724".to_string(),
            signals: Rc::new(Operator { fate: Rc::clone(&self.fate), clock }),
            until: None,
        })
    }

    /// Lets the station run up to this point in time, if it lives so long.
    pub fn run_to(&mut self, time: Duration) -> Ran {
        self.fate.pause_at.set(Mono::ZERO + time);
        let station = self.station.as_mut().expect("a station runs");
        match panic::catch_unwind(AssertUnwindSafe(|| station.run())) {
            Ok(_) => Ran::Paused,
            Err(why) if why.is::<Killed>() => {
                self.bury();
                Ran::Killed
            }
            Err(why) => panic::resume_unwind(why),
        }
    }

    /// Lets time pass without a station; what the module says is lost.
    pub fn pass_to(&mut self, time: Duration) {
        let until = Mono::ZERO + time;
        let mut link = self.link.borrow_mut();
        let mut unheard = Vec::new();
        while link.clock().now() < until && link.read(&mut unheard, until).is_ok() {}
    }

    /// Kills the process at this point in time.
    pub fn kill_at(&mut self, time: Duration) {
        self.fate.kill_at.set(Some(Mono::ZERO + time));
        assert_eq!(self.run_to(time + Duration::from_secs(1)), Ran::Killed);
    }

    /// Kills the process before it writes this.
    pub fn kill_on(&mut self, bytes: &str, latest: Duration) {
        *self.fate.kill_on.borrow_mut() = Some(bytes.as_bytes().to_vec());
        assert_eq!(self.run_to(latest), Ran::Killed, "nothing with {bytes} was written");
    }

    /// Kills the process where it stands.
    pub fn kill(&mut self) {
        self.bury();
    }

    /// The machine loses power, and starts again with another boot.
    pub fn lose_power(&mut self) {
        if self.station.is_some() {
            self.bury();
        }
        self.fate.boots.set(self.fate.boots.get() + 1);
        let life = self.life();
        let store = self.store.take().expect("a store in memory");
        self.store = Some(store.crash("sim:luat-air724", &life).expect("the store opens"));
    }

    fn bury(&mut self) {
        let station = self.station.take().expect("a station runs");
        let store = station.crash().expect("nobody else holds the store");
        let life = self.life();
        self.store = Some(store.crash("sim:luat-air724", &life).expect("the store opens"));
    }

    /// What the killed process left on disk.
    pub fn left(&mut self) -> &mut Store {
        self.store.as_mut().expect("a process was killed")
    }

    /// Ends the station in peace.
    pub fn stop(&mut self) -> Summary {
        self.station.take().expect("a station runs").stop().0
    }

    /// What the station told.
    pub fn told(&self) -> Ref<'_, Recorder> {
        self.recorder.0.borrow()
    }

    /// Forgets what the station told so far.
    pub fn forget(&self) {
        self.recorder.0.borrow_mut().happenings.clear();
    }

    /// What the cloud received.
    pub fn received(&self) -> Vec<Receipt> {
        self.watch.received()
    }

    /// The text of what it received on a topic.
    pub fn received_on(&self, topic: &str) -> Vec<String> {
        let on = self.watch.received().into_iter().filter(|receipt| receipt.post.topic == topic);
        on.map(|receipt| String::from_utf8_lossy(&receipt.post.payload).into_owned()).collect()
    }

    /// Forgets what the cloud received so far.
    pub fn take_received(&self) -> Vec<Receipt> {
        self.watch.take_received()
    }

    /// Now.
    pub fn now(&self) -> Duration {
        self.link.borrow().clock().now().since(Mono::ZERO)
    }
}
