//! Everything that a station tells, kept.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use atflow::link::Mono;
use atflow::run::event::{Event, Observer};
use atflow::station::event::{Happening, JobKind, LaneName, Status, Watcher};

/// Bytes that something writes and a test reads.
#[derive(Clone, Default)]
pub struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Bytes {
    pub fn take(&self) -> Vec<u8> {
        self.0.take()
    }

    pub fn copy(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was told.
#[derive(Default)]
pub struct Recorder {
    pub happenings: Vec<(Mono, Happening)>,
    pub status: Option<Status>,
    /// Statuses told.
    pub statuses: u64,
    /// Happenings told.
    pub told: u64,
    /// Only counts.
    pub forgetful: bool,
}

/// The recorder as the station knows it.
#[derive(Clone, Default)]
pub struct Shared(pub Rc<RefCell<Recorder>>);

impl Watcher for Shared {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        let mut recorder = self.0.borrow_mut();
        recorder.told += 1;
        if !recorder.forgetful {
            recorder.happenings.push((at, happening.clone()));
        }
    }

    fn status(&mut self, _at: Mono, status: &Status) {
        let mut recorder = self.0.borrow_mut();
        recorder.statuses += 1;
        recorder.status = Some(status.clone());
    }
}

impl Observer for Shared {
    fn event(&mut self, _at: Mono, _event: &Event<'_>) {}

    fn wants_steps(&self) -> bool {
        false
    }
}

impl Recorder {
    /// All happenings, one JSON object a line.
    pub fn json(&self) -> String {
        let line = |(at, happening): &(Mono, Happening)| {
            let json = serde_json::to_string(happening).expect("a happening is JSON");
            format!("{} {json}\n", at.as_micros())
        };
        self.happenings.iter().map(line).collect()
    }

    /// What `pick` makes of the happenings.
    pub fn all<T>(&self, pick: impl Fn(&Happening) -> Option<T>) -> Vec<T> {
        self.happenings.iter().filter_map(|(_, happening)| pick(happening)).collect()
    }

    /// How many there are of a kind.
    pub fn count(&self, is: impl Fn(&Happening) -> bool) -> usize {
        self.happenings.iter().filter(|(_, happening)| is(happening)).count()
    }

    /// When runs of this name began, and how late each was.
    pub fn starts(&self, wanted: &str) -> Vec<(Mono, u64)> {
        let start = |(at, happening): &(Mono, Happening)| match happening {
            Happening::JobStarted { name, late_ms, .. } if name == wanted => Some((*at, *late_ms)),
            _ => None,
        };
        self.happenings.iter().filter_map(start).collect()
    }

    /// How the runs of a kind ended: name and outcome.
    pub fn ends(&self, of: JobKind) -> Vec<(String, String)> {
        self.all(|happening| match happening {
            Happening::JobFinished { kind, name, outcome, .. } if *kind == of => {
                Some((name.clone(), outcome.clone()))
            }
            _ => None,
        })
    }

    /// Numbers of the rows of a lane that were queued.
    pub fn queued(&self, wanted: LaneName) -> Vec<u64> {
        self.all(|happening| match happening {
            Happening::ReportQueued { seq, lane, .. } if *lane == wanted => Some(*seq),
            _ => None,
        })
    }

    /// Numbers of the rows of a lane that were sent.
    pub fn sent(&self, wanted: LaneName) -> Vec<u64> {
        self.all(|happening| match happening {
            Happening::ReportSent { seq, lane, .. } if *lane == wanted => Some(*seq),
            _ => None,
        })
    }

    /// Codes of the commands that ended.
    pub fn command_codes(&self) -> Vec<String> {
        self.all(|happening| match happening {
            Happening::CommandFinished { code, .. } => Some(code.clone()),
            _ => None,
        })
    }

    /// Texts that were logged.
    pub fn logs(&self) -> Vec<String> {
        self.all(|happening| match happening {
            Happening::Log { text } => Some(text.clone()),
            _ => None,
        })
    }
}
