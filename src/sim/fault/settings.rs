//! Faults as rates: `{ lost_bytes: 1e-5, urc_anywhere: 1%, reboot: 2/d }`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{FaultKind, Faults, Unit};
use crate::flow::duration;

/// The most that happens so often a day.
const MOST_A_DAY: f64 = 10_000.0;

/// Why faults cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct FaultError {
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub help: String,
}

impl FaultError {
    pub(super) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }

    pub(super) fn unknown(name: &str) -> Self {
        let names = || FaultKind::ALL.iter().map(|kind| kind.name());
        let near =
            names().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let near = near.filter(|near| strsim::jaro_winkler(near, name) > 0.75);
        let help = near.map_or_else(
            || format!("there is {}", names().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        Self::new(format!("there is no fault `{name}`"), help)
    }
}

/// How often something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// With this chance each time, 0 to 1.
    Each(f64),
    /// So often a day, on average.
    PerDay(f64),
}

impl Rate {
    /// Reads what a setting says.
    ///
    /// # Errors
    ///
    /// It is no rate, or one of the other sort.
    pub fn read(kind: FaultKind, text: &str) -> Result<Self, FaultError> {
        let name = kind.name();
        let help = if kind.unit() == Unit::Day {
            format!("it happens by time: write so often a day or an hour, `{name}: 2/d`")
        } else {
            format!("it is a chance for each {}: write `{name}: 0.1%` or `{name}: 1e-5`", kind.unit().words())
        };
        let wrong = || FaultError::new(format!("`{name}` cannot be `{text}`"), help.clone());
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
        let rate = match (text.split_once('/'), text.strip_suffix('%')) {
            (Some((often, per)), _) => {
                let days = match per.trim() {
                    "d" => 1.0,
                    "h" => 1.0 / 24.0,
                    _ => return Err(wrong()),
                };
                Self::PerDay(number(often).ok_or_else(wrong)? / days)
            }
            (None, Some(percent)) => Self::Each(number(percent).ok_or_else(wrong)? / 100.0),
            (None, None) => Self::Each(number(text).ok_or_else(wrong)?),
        };
        match rate {
            Self::Each(chance) if kind.unit() != Unit::Day && chance <= 1.0 => Ok(rate),
            Self::PerDay(often) if kind.unit() == Unit::Day && often <= MOST_A_DAY => Ok(rate),
            _ => Err(wrong()),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Each(chance) if *chance >= 0.001 => write!(f, "{}%", chance * 100.0),
            Self::Each(chance) => write!(f, "{chance:e}"),
            Self::PerDay(often) => write!(f, "{often}/d"),
        }
    }
}

/// Which faults are drawn, and how often.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultSettings(pub(super) BTreeMap<FaultKind, Rate>);

impl FaultSettings {
    /// Reads a map of rates, as YAML text.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        Faults::parse(text).map(|faults| faults.settings)
    }

    /// Reads `NAME=RATE`, as an option of the command line has it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn option(text: &str) -> Result<Self, FaultError> {
        let Some((name, rate)) = text.split_once('=') else {
            return Err(FaultError::new(
                format!("`{text}` is no fault"),
                "write NAME=RATE, such as `reboot=2/d`",
            ));
        };
        let mut settings = Self::default();
        settings.set_text(name.trim(), rate.trim())?;
        Ok(settings)
    }

    /// Sets a rate.
    pub fn set(&mut self, kind: FaultKind, rate: Rate) {
        self.0.insert(kind, rate);
    }

    /// The rate of a fault, if it happens at all.
    pub fn rate(&self, kind: FaultKind) -> Option<Rate> {
        self.0.get(&kind).copied()
    }

    /// What is set, in the order of the page.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, Rate)> {
        self.0.iter().map(|(kind, rate)| (*kind, *rate))
    }

    /// Whether nothing is drawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn set_text(&mut self, name: &str, rate: &str) -> Result<(), FaultError> {
        let kind = FaultKind::from_name(name).ok_or_else(|| FaultError::unknown(name))?;
        self.set(kind, Rate::read(kind, rate)?);
        Ok(())
    }
}

/// Reads the map form.
pub(super) fn read(map: &Map<String, Value>) -> Result<Faults, FaultError> {
    let mut faults = Faults::default();
    for (name, value) in map {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => {
                let help = "write a chance such as `0.1%` or `1e-5`, or `2/d`";
                return Err(FaultError::new(format!("`{name}` cannot be `{other}`"), help));
            }
        };
        if name == "heal" {
            let heal = duration::parse(&text).map_err(|_| {
                FaultError::new(
                    format!("`heal: {text}` is not a duration"),
                    "write `20h`: all is well from then on",
                )
            })?;
            faults.heal = Some(heal);
        } else {
            faults.settings.set_text(name, &text)?;
        }
    }
    Ok(faults)
}
