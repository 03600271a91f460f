//! Faults between a simulated module and its host: each is a named setting with a rate, or an entry of a list
//! that says exactly when it happens. Rates are drawn while the world runs, each from a stream of its own, so
//! that one more draw of one fault moves nothing of another. What has happened is kept as a list, and the list
//! alone makes the same happen again.
//!
//! * `kind`: what there is. `settings` and `list`: how both forms are written. `draw`: chance to faults.
//!   `injector`: what the world asks at every byte, line and message. `flood`: too many messages.

mod draw;
mod flood;
mod injector;
mod kind;
mod list;
mod settings;

use std::collections::BTreeSet;
use std::time::Duration;

pub use kind::{FaultKind, Unit};
pub use list::{Detail, Fault, When as FaultWhen};
pub use settings::{FaultError, FaultSettings, Rate};

pub(super) use flood::flood;
pub(super) use injector::{Injector, Saying};

/// What goes wrong between a module and its host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Faults that are drawn.
    pub settings: FaultSettings,
    /// Faults that happen exactly so.
    pub list: Vec<Fault>,
    /// From this time on nothing goes wrong any more: what is away comes back, the clock is right, and the
    /// module is switched off and on once.
    pub heal: Option<Duration>,
}

impl Faults {
    /// Those that are about the disk of the machine that atflow runs on, each kind once.
    pub fn of_disks(&self) -> BTreeSet<FaultKind> {
        let kinds =
            self.settings.iter().map(|(kind, _)| kind).chain(self.list.iter().map(|fault| fault.kind));
        kinds.filter(|kind| kind.is_of_disks()).collect()
    }

    /// Reads the value of `faults`: a map of rates, or a list of single faults.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn read(value: &serde_json::Value) -> Result<Self, FaultError> {
        match value {
            serde_json::Value::Object(map) => settings::read(map),
            serde_json::Value::Array(entries) => list::read(entries),
            _ => Err(FaultError::new(
                "`faults` is neither a map nor a list",
                "write rates, `{ lost_bytes: 1e-5, reboot: 2/d }`, or a list of single faults",
            )),
        }
    }

    /// Reads YAML text: a map of rates, or a list of single faults.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let value: serde_json::Value = serde_saphyr::from_str(text).map_err(|error| {
            let what = error.without_snippet().to_string();
            FaultError::new(what.lines().next().unwrap_or_default(), "write YAML")
        })?;
        Self::read(&value)
    }

    /// Whether nothing ever goes wrong.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.list.is_empty() && self.heal.is_none()
    }

    /// Adds what another setting says, over what is there.
    pub fn add(&mut self, other: Self) {
        self.settings.add(other.settings);
        self.list.extend(other.list);
        self.heal = other.heal.or(self.heal);
    }
}

#[cfg(test)]
mod tests;
