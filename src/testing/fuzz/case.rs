//! What goes wrong in one run: faults between module and host, and mishaps of the machine that the station runs
//! on. Drawn from a seed, or written out one by one.

use std::fmt::Write as _;
use std::time::Duration;

use crate::flow::duration;
use crate::sim::{Detail, Fault, FaultKind, FaultWhen, Faults, Rate, Unit};

use super::super::fate::{Mishap, MishapKind};
use super::log::{Log, Span};

/// How long everything is well again at the end of a station's run: a link that waits comes back within 90
/// minutes, then what has piled up is sent.
const CALM: Duration = Duration::from_hours(3);
/// Commands that the cloud sends, whatever else happens, this far apart on average.
const BETWEEN_COMMANDS: Duration = Duration::from_mins(50);

impl Span {
    /// Trouble for so long, and time to recover behind it.
    pub fn of(trouble: Duration) -> Self {
        Self { trouble, whole: trouble + CALM }
    }
}

/// A message from the cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// After power-on.
    pub time: Duration,
    /// Its number, which is in its topic.
    pub id: u64,
    /// What it calls.
    pub method: &'static str,
}

/// One run.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Where the module's and the station's own chance comes from.
    pub seed: u64,
    /// How long it lasts.
    pub span: Span,
    /// What goes wrong between module and host.
    pub faults: Faults,
    /// What goes wrong on the machine.
    pub mishaps: Vec<Mishap>,
    /// What the cloud sends.
    pub downlinks: Vec<Downlink>,
}

/// Chance of the cases: a stream for each thing that is drawn.
struct Chance(u64);

impl Chance {
    fn of(seed: u64, label: &str) -> Self {
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to but not including `end`, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn coin(&mut self) -> bool {
        self.next() >> 63 == 1
    }

    /// Small ones as likely as large ones, by doublings: exact, so the same on every machine.
    fn by_scale(&mut self, low: f64, high: f64) -> f64 {
        let mut steps = 0;
        let mut at = low;
        while at < high {
            at *= 2.0;
            steps += 1;
        }
        let mut value = low;
        for _ in 0..self.below(steps + 1) {
            value *= 2.0;
        }
        value.min(high)
    }

    /// Between the two, to the millisecond.
    fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let width = u64::try_from(high.saturating_sub(low).as_millis()).unwrap_or(u64::MAX - 1);
        low + Duration::from_millis(self.below(width + 1))
    }
}

impl Case {
    /// What this seed stands for: each family of faults with an even chance, so that some seeds are gentle and
    /// get far, each at a rate of its own.
    pub fn draw(seed: u64, span: Span) -> Self {
        let mut faults = Faults { heal: Some(span.trouble), ..Faults::default() };
        for kind in FaultKind::ALL {
            let mut chance = Chance::of(seed, kind.name());
            let (low, high) = kind.usual();
            let rate = chance.by_scale(low, high);
            if chance.coin() {
                let rate = if kind.unit() == Unit::Day { Rate::PerDay(rate) } else { Rate::Each(rate) };
                faults.settings.set(*kind, rate);
            }
        }
        Self { seed, span, faults, mishaps: mishaps(seed, span), downlinks: downlinks(seed, span) }
    }

    /// A run in which nothing goes wrong.
    pub fn quiet(seed: u64, lasts: Duration) -> Self {
        let span = Span { trouble: lasts, whole: lasts };
        Self { seed, span, faults: Faults::default(), mishaps: Vec::new(), downlinks: Vec::new() }
    }

    /// The same, with a line between two others.
    #[must_use]
    pub fn with_urc(mut self, nth: u64, urc: &str) -> Self {
        let (when, detail) = (FaultWhen::Nth(nth), Detail::Urc(urc.to_owned()));
        self.faults.list.push(Fault { kind: FaultKind::UrcAnywhere, when, lasts: None, detail });
        self
    }

    /// The same with what really happened in place of what was drawn.
    #[must_use]
    pub fn exactly(&self, log: &Log) -> Self {
        let list = log.faults.iter().map(|(_, fault)| fault.clone()).collect();
        let faults = Faults { list, heal: self.faults.heal, ..Faults::default() };
        Self { faults, ..self.clone() }
    }

    /// How much goes wrong.
    pub fn size(&self) -> usize {
        self.faults.list.len() + self.mishaps.len() + self.downlinks.len()
    }

    /// As a test file has it.
    pub fn test_file(&self, flow: &str, port: &str, violation: &super::Violation) -> String {
        let mut text = format!("flow: {flow}\nport: {port}\nseed: {}\n\ntests:\n", self.seed);
        let _ = writeln!(text, "  # {violation}");
        let _ = writeln!(text, "  - name: the rules hold");
        let _ = writeln!(text, "    for: {}", duration::display(self.span.whole));
        let mut at: Vec<(Duration, String)> = self.downlinks.iter().map(Downlink::line).collect();
        at.extend(self.mishaps.iter().map(line_of));
        at.sort();
        if !at.is_empty() {
            text.push_str("    at:\n");
            for (_, line) in &at {
                let _ = writeln!(text, "      - {line}");
            }
        }
        self.write_faults(&mut text);
        text.push_str("    expect:\n      - { rules: hold }\n");
        text
    }
}

impl Case {
    /// Those that were listed, or those that were drawn if they do not happen again from a list.
    fn write_faults(&self, text: &mut String) {
        if self.faults.is_empty() {
            return;
        }
        if self.faults.settings.is_empty() {
            text.push_str("    faults:\n");
            for fault in &self.faults.list {
                let _ = writeln!(text, "      - {fault}");
            }
            if let Some(heal) = self.faults.heal {
                let _ = writeln!(text, "      - {{ fault: heal, time: {} }}", duration::display(heal));
            }
            return;
        }
        text.push_str("    faults:\n");
        for (kind, rate) in self.faults.settings.iter() {
            let _ = writeln!(text, "      {}: {rate}", kind.name());
        }
        if let Some(heal) = self.faults.heal {
            let _ = writeln!(text, "      heal: {}", duration::display(heal));
        }
    }
}

fn line_of(mishap: &Mishap) -> (Duration, String) {
    let (key, word) = mishap.what.words();
    let (time, down) = (duration::display(mishap.time), duration::display(mishap.down));
    (mishap.time, format!("{{ time: {time}, {key}: {word}, for: {down} }}"))
}

impl Downlink {
    /// Topic and payload.
    pub fn message(&self) -> (String, String) {
        let id = self.id;
        let payload = format!(r#"{{"method":"{}","params":{{}},"id":{id}}}"#, self.method);
        (format!("command/send/{id}"), payload)
    }

    fn line(&self) -> (Duration, String) {
        let (topic, payload) = self.message();
        (
            self.time,
            format!("{{ time: {}, cloud: {topic}, text: '{payload}' }}", duration::display(self.time)),
        )
    }
}

/// A family of mishaps: its label, the times between two on average, and what it is.
type Family = (&'static str, (u64, u64), MishapKind);

/// No process is down for longer than this.
const LONGEST_DOWN: u64 = 60;

const HOUR: u64 = 3_600;

fn mishaps(seed: u64, span: Span) -> Vec<Mishap> {
    let families: [Family; 4] = [
        ("crash", (HOUR, 6 * HOUR), MishapKind::Crash),
        ("crash in write", (2 * HOUR, 12 * HOUR), MishapKind::CrashInWrite),
        ("crash before commit", (HOUR, 6 * HOUR), MishapKind::CrashBeforeCommit),
        ("crash after commit", (HOUR, 6 * HOUR), MishapKind::CrashAfterCommit),
    ];
    let mut all = Vec::new();
    for (label, between, what) in families {
        let mut chance = Chance::of(seed, label);
        let pause = chance.between(Duration::from_secs(between.0), Duration::from_secs(between.1));
        if !chance.coin() {
            continue;
        }
        let mut time = Duration::ZERO;
        loop {
            time += chance.between(Duration::from_secs(1), pause * 2);
            if time >= span.trouble {
                break;
            }
            let down = chance.between(Duration::from_secs(1), Duration::from_secs(LONGEST_DOWN));
            all.push(Mishap { time, what, down });
        }
    }
    all.sort_by_key(|mishap| mishap.time);
    all
}

fn downlinks(seed: u64, span: Span) -> Vec<Downlink> {
    let mut chance = Chance::of(seed, "downlinks");
    let (mut time, mut id, mut all) = (Duration::ZERO, 10_000, Vec::new());
    loop {
        time += chance.between(Duration::from_secs(1), BETWEEN_COMMANDS * 2);
        if time >= span.trouble {
            return all;
        }
        id += 1;
        let methods = ["signal", "signal", "nonsense", "restart"];
        let method = methods[usize::try_from(chance.below(methods.len() as u64)).unwrap_or(0)];
        all.push(Downlink { time, id, method });
    }
}
