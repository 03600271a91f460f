//! What may happen to atflow itself: a station's processes, one after the other, in one world and on one store.
//!
//! * `tap`: its end of the line, where processes die. `disk`: what is under the store.

mod disk;
mod tap;

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use crate::link::{Clock, Link, Mono};
use crate::sim::{SimLink, Unit, Watch};
use crate::station::Station;
use crate::store::{Life, Row, SharedLedger, Store};

use super::fuzz::log::{Log, Span};
use super::fuzz::rules::Rules;
use disk::Disk;
pub use tap::Crossing;
use tap::{Death, Died, Line, Tap};

/// A process ends, and another one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mishap {
    /// This long after power-on.
    pub time: Duration,
    /// How it ends.
    pub what: MishapKind,
    /// Nothing runs for so long.
    pub down: Duration,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MishapKind {
    /// In order.
    Restart,
    /// It dies wherever it is.
    Crash,
    /// It dies in the middle of its next write to the port.
    CrashInWrite,
    /// It dies before its next transaction is on the disk.
    CrashBeforeCommit,
    /// It dies as soon as its next transaction is on the disk.
    CrashAfterCommit,
}

impl MishapKind {
    /// Key and word of a timed event of a test.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Restart => ("restart", "atflow"),
            Self::Crash => ("crash", "atflow"),
            Self::CrashInWrite => ("crash", "in_write"),
            Self::CrashBeforeCommit => ("crash", "before_commit"),
            Self::CrashAfterCommit => ("crash", "after_commit"),
        }
    }

    /// What a word behind `crash` stands for.
    pub fn of_crash(word: &str) -> Option<Self> {
        [Self::Crash, Self::CrashInWrite, Self::CrashBeforeCommit, Self::CrashAfterCommit]
            .into_iter()
            .find(|kind| kind.words().1 == word)
    }
}

/// All processes of a run.
pub(super) struct Lives {
    watch: Watch,
    clock: Rc<dyn Clock>,
    line: Rc<Line>,
    disk: Rc<Disk>,
    ledger: SharedLedger,
    port: String,
    seed: u64,
    mishaps: Vec<Mishap>,
    /// When the last process so far ended.
    ended: Cell<Mono>,
}

/// How a station's processes lived.
pub(super) struct Lived {
    /// When one ended before its time.
    pub died: Vec<Mono>,
    /// When the one behind it began.
    pub began: Vec<Mono>,
    /// The last one, or what it said when it gave up.
    pub last: Result<Station, String>,
}

/// Makes a station that runs until the given time.
pub(super) type Open<'o> = &'o dyn Fn(SimLink, Store, Mono) -> Result<Station, String>;

impl Lives {
    pub fn new(port: &SimLink, watch: Watch, seed: u64, mishaps: &[Mishap]) -> Self {
        let clock = port.clock();
        let line = Rc::new(Line::default());
        let disk = Rc::new(Disk::new(Rc::clone(&clock), Rc::clone(&line), watch.clone()));
        let mut mishaps = mishaps.to_vec();
        mishaps.sort();
        let ledger = SharedLedger::default();
        let (port, ended) = (port.name().to_owned(), Cell::new(Mono::ZERO));
        let lives = Self { watch, clock, line, disk, ledger, port, seed, mishaps, ended };
        lives.plan();
        lives
    }

    fn plan(&self) {
        let mut deaths = self.line.deaths.borrow_mut();
        for mishap in &self.mishaps {
            let at = Mono::ZERO + mishap.time;
            match mishap.what {
                MishapKind::Restart => {}
                MishapKind::Crash => deaths.push(Death::At(at)),
                MishapKind::CrashInWrite => deaths.push(Death::InWriteFrom(at)),
                MishapKind::CrashBeforeCommit => self.disk.die_before_commit(at),
                MishapKind::CrashAfterCommit => self.disk.die_after_commit(at),
            }
        }
    }

    /// From now on everything is kept that [`Lives::log`] tells.
    pub fn keep(&self) {
        self.watch.keep_truth();
        self.line.keeps.set(true);
    }

    /// The station's end of the line.
    pub fn tap(&self, link: SimLink) -> Tap {
        Tap::new(link, Rc::clone(&self.line))
    }

    /// Runs the station until the given time, as often as it begins.
    pub fn live(&self, link: SimLink, until: Mono, open: Open<'_>) -> Result<Lived, String> {
        let failed = |error: crate::store::StoreError| error.to_string();
        let (mut died, mut began) = (Vec::new(), Vec::new());
        let mut restarts = self.mishaps.iter().filter(|mishap| mishap.what == MishapKind::Restart).peekable();
        let mut store = Store::in_memory(&self.life(0)).map_err(failed)?;
        let mut link = link;
        let mut number = 0_u64;
        loop {
            store.keep_ledger(Rc::clone(&self.ledger));
            let disk = Rc::clone(&self.disk);
            store.set_disk_faults(Box::new(move |_| disk.answer()));
            let stop = restarts.peek().map_or(until, |next| until.min(Mono::ZERO + next.time));
            let mut station = open(link, store, stop)?;
            let ended = catch_unwind(AssertUnwindSafe(|| station.run()));
            self.ended.set(self.clock.now());
            number += 1;
            match ended {
                Ok(_) if stop >= until => return Ok(Lived { died, began, last: Ok(station) }),
                Ok(_) => {
                    let down = restarts.next().map_or(Duration::ZERO, |restart| restart.down);
                    let left = self.spare(|| station.stop_with_store().1).ok_or(HELD)?;
                    self.pass(down);
                    store = Store::restart(left, &self.port, &self.life(number)).map_err(failed)?;
                    link = self.watch.port(&self.port);
                }
                Err(how) if how.is::<Died>() => {
                    let now = self.clock.now();
                    died.push(now);
                    let left = station.crash().ok_or(HELD)?;
                    self.disk.process_died();
                    self.pass(self.downtime(now));
                    store = Store::crash(left, &self.port, &self.life(number)).map_err(failed)?;
                    link = self.watch.open_again(&self.port);
                    began.push(self.clock.now());
                }
                Err(how) => return Ok(Lived { died, began, last: Err(words(how.as_ref())) }),
            }
        }
    }

    /// When the process before the one that begins ended.
    pub fn ended(&self) -> Mono {
        self.ended.get()
    }

    /// Nobody dies while `work` is done.
    pub fn spare<T>(&self, work: impl FnOnce() -> T) -> T {
        self.line.spared.set(true);
        let done = work();
        self.line.spared.set(false);
        done
    }

    /// Each process draws other numbers.
    fn life(&self, number: u64) -> Life {
        let chance = self.seed.wrapping_add(number << 32);
        Life { boot_id: self.clock.boot_id(), now_ms: self.clock.since_boot_ms(), chance }
    }

    /// How long nothing runs after a death: as the last crash so far says.
    fn downtime(&self, now: Mono) -> Duration {
        let so_far = self.mishaps.iter().filter(|mishap| Mono::ZERO + mishap.time <= now);
        let crashes = so_far.filter(|mishap| mishap.what != MishapKind::Restart);
        crashes.max().map_or(Duration::ZERO, |mishap| mishap.down)
    }

    /// Time passes while no process is there; what the module says is heard by nobody.
    fn pass(&self, down: Duration) {
        let until = self.clock.now() + down;
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

    /// What it all left, for the rules; what was told, and what the last process left, is up to the caller.
    pub fn log(&self, span: Span, rules: Rules) -> Log {
        Log {
            crossed: std::mem::take(&mut *self.line.crossed.borrow_mut()),
            torn: std::mem::take(&mut *self.line.torn.borrow_mut()),
            truth: self.watch.truth(),
            received: self.watch.received(),
            faults: self.watch.faults(),
            places: self.watch.counted(Unit::Gap),
            ledger: self.ledger.borrow().clone(),
            ended: self.clock.now(),
            ..Log::new(span, rules)
        }
    }
}

const HELD: &str = "the station did not let go of its store";

/// All rows that wait.
pub(super) fn rows(store: &mut Store) -> Vec<Row> {
    let mut rows = Vec::new();
    for urgent in [true, false] {
        let mut last = 0;
        while let Some(row) = store.row_after(urgent, last) {
            last = row.seq;
            rows.push(row);
        }
    }
    rows
}

/// What somebody who gave up said.
pub(super) fn words(how: &(dyn Any + Send)) -> String {
    let text = how.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| how.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason");
    text.to_owned()
}
