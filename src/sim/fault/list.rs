//! Faults one by one: `{ fault: lost_bytes, nth: 1041 }`, `{ fault: port_gone, time: 3h12m, for: 20s }`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::{FaultError, FaultKind, Faults, Unit};
use crate::flow::duration;

/// When a single fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// At this one of its unit since power-on, from 1.
    Nth(u64),
    /// This long after power-on.
    Time(Duration),
}

/// What else has to be said about a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing.
    #[default]
    None,
    /// Which bit of the byte, 0 to 7.
    Bit(u8),
    /// The line that is said.
    Urc(String),
    /// Backwards.
    Back,
    /// How many.
    Count(u32),
}

/// A single fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// When.
    pub when: When,
    /// How long, or how late.
    pub lasts: Option<Duration>,
    /// What else.
    pub detail: Detail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    fault: String,
    nth: Option<u64>,
    time: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    bit: Option<u8>,
    urc: Option<String>,
    clock: Option<String>,
    count: Option<u32>,
}

/// Reads the list form.
pub(super) fn read(entries: &[Value]) -> Result<Faults, FaultError> {
    let mut faults = Faults::default();
    for entry in entries {
        let raw: Raw = serde_json::from_value(entry.clone()).map_err(|error| {
            let help = "write `{ fault: NAME, nth: 17 }` or `{ fault: NAME, time: 3h, for: 20s }`";
            FaultError::new(error.to_string(), help)
        })?;
        if raw.fault == "heal" {
            let (Some(time), None) = (&raw.time, raw.nth) else {
                return Err(FaultError::new("`heal` needs its time", "write `{ fault: heal, time: 20h }`"));
            };
            faults.heal = Some(span("time", time)?);
        } else {
            faults.list.push(raw.check()?);
        }
    }
    Ok(faults)
}

fn span(key: &str, text: &str) -> Result<Duration, FaultError> {
    duration::parse(text).map_err(|_| {
        FaultError::new(
            format!("`{key}: {text}` is not a duration"),
            "write numbers with units, such as `1m30s`",
        )
    })
}

impl Raw {
    fn check(self) -> Result<Fault, FaultError> {
        let kind = FaultKind::from_name(&self.fault).ok_or_else(|| FaultError::unknown(&self.fault))?;
        let name = kind.name();
        let by_time = kind.unit() == Unit::Day;
        let when = match (self.nth, &self.time) {
            (Some(nth), None) if nth > 0 && !by_time => When::Nth(nth),
            (None, Some(time)) if by_time => When::Time(span("time", time)?),
            _ if by_time => {
                return Err(FaultError::new(
                    format!("`{name}` needs `time`"),
                    "write how long after power-on: `time: 3h`",
                ));
            }
            _ => {
                let help =
                    format!("write which {} it is since power-on, from 1: `nth: 17`", kind.unit().words());
                return Err(FaultError::new(format!("`{name}` needs `nth`"), help));
            }
        };
        let lasts = match (&self.lasts, kind.lasts()) {
            (Some(lasts), Some(_)) => Some(span("for", lasts)?),
            (None, Some((_, most))) => {
                let help = format!("add `for`, at most about {}", duration::display(most));
                return Err(FaultError::new(format!("`{name}` does not say how long"), help));
            }
            (Some(_), None) => {
                return Err(FaultError::new(format!("`{name}` takes no time"), "take `for` out"));
            }
            (None, None) => None,
        };
        let detail = self.detail(kind)?;
        Ok(Fault { kind, when, lasts, detail })
    }

    fn detail(self, kind: FaultKind) -> Result<Detail, FaultError> {
        use FaultKind as K;
        let name = kind.name();
        let wrong = |help: &str| Err(FaultError::new(format!("`{name}` cannot be had like this"), help));
        match (kind, self.bit, self.urc, self.clock.as_deref(), self.count) {
            (K::GarbledBytes | K::TxGarbledBytes, Some(bit @ 0..8), None, None, None) => Ok(Detail::Bit(bit)),
            (K::GarbledBytes | K::TxGarbledBytes, ..) => wrong("say which bit is another: `bit: 3`, 0 to 7"),
            (K::UrcAnywhere | K::UrcGlued | K::UrcNoCrlf, None, Some(urc), None, None) => {
                Ok(Detail::Urc(urc))
            }
            (K::UrcAnywhere | K::UrcGlued | K::UrcNoCrlf, ..) => wrong("say the line: `urc: RING`"),
            (K::ClockJump, None, None, Some("back"), None) => Ok(Detail::Back),
            (K::ClockJump, None, None, None | Some("forward"), None) => Ok(Detail::None),
            (K::ClockJump, ..) => wrong("say which way: `clock: forward` or `clock: back`"),
            (K::DownlinkFlood, None, None, None, Some(count)) => Ok(Detail::Count(count)),
            (K::DownlinkFlood, ..) => wrong("say how many: `count: 200`"),
            (_, None, None, None, None) => Ok(Detail::None),
            _ => wrong("keep `fault`, `nth` or `time`, and `for`"),
        }
    }
}

impl std::fmt::Display for Fault {
    /// As a list has it, in one line of YAML.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{{ fault: {}", self.kind.name())?;
        match self.when {
            When::Nth(nth) => write!(f, ", nth: {nth}")?,
            When::Time(time) => write!(f, ", time: {}", duration::display(time))?,
        }
        if let Some(lasts) = self.lasts {
            write!(f, ", for: {}", duration::display(lasts))?;
        }
        match &self.detail {
            Detail::None => {}
            Detail::Bit(bit) => write!(f, ", bit: {bit}")?,
            Detail::Urc(urc) => write!(f, ", urc: '{}'", urc.replace('\'', "''"))?,
            Detail::Back => f.write_str(", clock: back")?,
            Detail::Count(count) => write!(f, ", count: {count}")?,
        }
        f.write_str(" }")
    }
}
