//! What a run left behind: bytes, happenings, the module's truth, the cloud's receipts, and what the store
//! promised.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::{Fault, Receipt, Truth, TruthKind};
use crate::station::event::{Happening, Work};
use crate::store::Ledger;

use super::super::fate::Crossing;
use super::rules::Rules;

/// How long a run lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Until then things go wrong.
    pub trouble: Duration,
    /// Then all is well, and it ends.
    pub whole: Duration,
}

/// What the session said that it sends, before it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A command line, without its ending.
    Line(Vec<u8>),
    /// So many bytes of data.
    Data(usize),
}

/// What a run left.
#[derive(Clone, Debug)]
pub struct Log {
    /// How long it lasted.
    pub span: Span,
    /// What the file plans.
    pub rules: Rules,
    /// What crossed the line, in order.
    pub crossed: Vec<Crossing>,
    /// What was said to be sent, in order; `None` where nobody listened.
    pub said: Option<Vec<(Mono, Said)>>,
    /// What the station told, over all its lives.
    pub told: Vec<(Mono, Happening)>,
    /// Publishes, which are only counted.
    pub worked: Vec<Work>,
    /// When a process died.
    pub died: Vec<Mono>,
    /// When one died in the middle of a write, so that half of a line or of data went out.
    pub torn: Vec<Mono>,
    /// When the one behind it began.
    pub began: Vec<Mono>,
    /// What was true of the module.
    pub truth: Vec<Truth>,
    /// What the cloud received.
    pub received: Vec<Receipt>,
    /// What went wrong between module and host, and when.
    pub faults: Vec<(Mono, Fault)>,
    /// What the store promised.
    pub ledger: Ledger,
    /// Numbers of the rows that wait at the end.
    pub left: Vec<u64>,
    /// Where a secret was seen.
    pub leaks: Vec<(Mono, String)>,
    /// What the program said when it gave up.
    pub panic: Option<String>,
    /// Why a flow failed that ends. Where things go wrong it may; the rules say what must hold all the same.
    pub failed: Option<String>,
    /// When the run was over.
    pub ended: Mono,
    /// Places between two lines of the module.
    pub places: u64,
}

/// When the machine slept, in order.
#[derive(Clone, Debug, Default)]
pub struct Sleeps(pub Vec<(Mono, Mono)>);

impl Sleeps {
    /// For how long between two moments it slept.
    pub fn slept(&self, from: Mono, until: Mono) -> Duration {
        self.0.iter().map(|(began, ended)| (*ended).min(until).since((*began).max(from))).sum()
    }

    /// How much of the time from one moment to another it was awake.
    pub fn awake(&self, from: Mono, until: Mono) -> Duration {
        until.since(from).saturating_sub(self.slept(from, until))
    }

    /// When it has been awake for so long, counted from a moment on.
    pub fn when_awake_for(&self, from: Mono, time: Duration) -> Mono {
        self.0.iter().fold(from + time, |until, (began, ended)| {
            if *began < until { until + ended.since((*began).max(from)) } else { until }
        })
    }
}

impl Log {
    /// An empty one, to be filled.
    pub fn new(span: Span, rules: Rules) -> Self {
        Self {
            span,
            rules,
            crossed: Vec::new(),
            said: None,
            told: Vec::new(),
            worked: Vec::new(),
            died: Vec::new(),
            torn: Vec::new(),
            began: Vec::new(),
            truth: Vec::new(),
            received: Vec::new(),
            faults: Vec::new(),
            ledger: Ledger::default(),
            left: Vec::new(),
            leaks: Vec::new(),
            panic: None,
            failed: None,
            ended: Mono::ZERO,
            places: 0,
        }
    }

    /// Whether a fault of the kind that `is` names happened.
    pub fn suffered(&self, is: impl Fn(&Fault) -> bool) -> bool {
        self.faults.iter().any(|(_, fault)| is(fault))
    }

    /// When the machine slept: nothing is done then, and nothing is late because of it.
    pub fn sleeps(&self) -> Sleeps {
        let sleeps = self.truth.iter().filter_map(|truth| match truth.kind {
            TruthKind::Asleep { until } => Some((truth.at, until)),
            _ => None,
        });
        Sleeps(sleeps.collect())
    }

    /// Command lines that were sent, without their ending: what is sent in one piece and ends like a line.
    pub fn lines_sent(&self) -> impl Iterator<Item = (Mono, &[u8])> {
        self.crossed.iter().filter(|crossing| crossing.sent).filter_map(|crossing| {
            let line = crossing.bytes.strip_suffix(b"\r\n").or_else(|| crossing.bytes.strip_suffix(b"\r"))?;
            line.to_ascii_uppercase().starts_with(b"AT").then_some((crossing.at, line))
        })
    }
}

/// For people.
pub fn seconds(at: Mono) -> f64 {
    Duration::from_micros(at.as_micros()).as_secs_f64()
}
