//! Faults of one kind, one after the other: those of a list, and those that are drawn. Chance uses whole numbers
//! and exact arithmetic alone, so that it is the same on every machine.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Detail, Fault, FaultKind, FaultWhen, Rate};
use crate::sim::entropy::Entropy;

const DAY_US: f64 = 24.0 * 3600.0 * 1e6;
/// Lines that any module may say at any time. None of them is about the link.
const URCS: [&str; 6] =
    ["RING", "+CREG: 1", "+CIEV: 2,4", "+CMTI: \"SM\",3", "+NITZ: 25/01/20,00:00:00+32,0", "SMS READY"];
/// Parts of a whole that a draw has: 2^53, what a float holds exactly.
const PARTS: u64 = 1 << 53;

/// When faults of one kind come.
#[derive(Debug)]
pub(super) struct Stream {
    kind: FaultKind,
    /// Those of the list, in order.
    listed: VecDeque<Fault>,
    /// Chance and rate of those that are drawn, and the one that was drawn last.
    drawn: Option<(Entropy, Rate, Fault)>,
}

impl Stream {
    pub(super) fn new(kind: FaultKind, seed: u64, rate: Option<Rate>, mut listed: Vec<Fault>) -> Self {
        listed.sort_by_key(|fault| fault.when);
        let drawn = rate.filter(|rate| !never(*rate)).map(|rate| {
            let mut entropy = Entropy::stream(seed, &format!("fault {}", kind.name()));
            let first = next(&mut entropy, kind, rate, None);
            (entropy, rate, first)
        });
        Self { kind, listed: listed.into(), drawn }
    }

    /// Whether anything can still come.
    pub(super) fn is_over(&self) -> bool {
        self.listed.is_empty() && self.drawn.is_none()
    }

    /// When the next one comes.
    pub(super) fn next_when(&self) -> Option<FaultWhen> {
        let listed = self.listed.front().map(|fault| fault.when);
        let drawn = self.drawn.as_ref().map(|(_, _, fault)| fault.when);
        [listed, drawn].into_iter().flatten().min()
    }

    /// The fault that comes at `when`, or came before it.
    pub(super) fn take(&mut self, when: FaultWhen) -> Option<Fault> {
        if self.listed.front().is_some_and(|fault| fault.when <= when) {
            return self.listed.pop_front();
        }
        let (entropy, rate, fault) = self.drawn.as_mut()?;
        if fault.when > when {
            return None;
        }
        let following = next(entropy, self.kind, *rate, Some(fault.when));
        Some(std::mem::replace(fault, following))
    }
}

fn never(rate: Rate) -> bool {
    matches!(rate, Rate::Each(0.0) | Rate::PerDay(0.0))
}

/// A number between 0 and 1.
fn part(entropy: &mut Entropy) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "2^53 and less is exact")]
    let part = entropy.below(PARTS) as f64 / PARTS as f64;
    part
}

/// A waiting time of average 1, without memory (von Neumann's way, which only compares).
fn wait(entropy: &mut Entropy) -> f64 {
    let mut whole = 0.0;
    loop {
        let first = part(entropy);
        let (mut last, mut falls) = (first, 0_u32);
        loop {
            let one = part(entropy);
            if one > last {
                break;
            }
            last = one;
            falls += 1;
        }
        if falls % 2 == 0 {
            return whole + first;
        }
        whole += 1.0;
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is never negative"
)]
fn next(entropy: &mut Entropy, kind: FaultKind, rate: Rate, after: Option<FaultWhen>) -> Fault {
    let when = match (rate, after) {
        (Rate::Each(chance), after) => {
            let last = if let Some(FaultWhen::Nth(nth)) = after { nth } else { 0 };
            let skipped = (wait(entropy) * (1.0 / chance - 1.0)) as u64;
            FaultWhen::Nth(last.saturating_add(1).saturating_add(skipped))
        }
        (Rate::PerDay(often), after) => {
            let last = if let Some(FaultWhen::Time(time)) = after { time } else { Duration::ZERO };
            // To the millisecond, as it is written.
            let pause_ms = (wait(entropy) * DAY_US / often / 1000.0) as u64;
            FaultWhen::Time(last.saturating_add(Duration::from_millis(pause_ms)))
        }
    };
    Fault {
        kind,
        when,
        lasts: kind.lasts_ms().map(|range| lasts(entropy, range)),
        detail: detail(entropy, kind),
    }
}

/// Short ones are as likely as long ones: half the draws are below the geometric middle.
fn lasts(entropy: &mut Entropy, (low, high): (u64, u64)) -> Duration {
    let doublings = u64::from((high / low.max(1)).max(1).ilog2());
    let base = low.max(1) << entropy.below(doublings + 1);
    let ms = (base + entropy.below(base + 1)).clamp(low, high);
    Duration::from_millis(if low == 0 && entropy.below(4) == 0 { 0 } else { ms })
}

fn detail(entropy: &mut Entropy, kind: FaultKind) -> Detail {
    use FaultKind as K;
    match kind {
        K::GarbledBytes | K::TxGarbledBytes => Detail::Bit(u8::try_from(entropy.below(8)).unwrap_or(0)),
        K::UrcAnywhere | K::UrcGlued | K::UrcNoCrlf => {
            let line = usize::try_from(entropy.below(URCS.len() as u64)).unwrap_or(0);
            Detail::Urc(URCS[line].to_owned())
        }
        K::ClockJump if entropy.below(2) == 1 => Detail::Back,
        K::DownlinkFlood => Detail::Count(100 + u32::try_from(entropy.below(901)).unwrap_or(0)),
        _ => Detail::None,
    }
}
