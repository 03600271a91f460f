//! Simulated modules, the stand-in cloud behind them, and scenarios of what goes wrong. A peer of `link/`:
//! [`build`] gives a [`SimLink`], which is a [`Link`](crate::link::Link) with a clock of its own, and
//! [`serve`] puts the same module on a pty or a TCP port for other programs. What it reads from
//! files is YAML as [`flow`](crate::flow) reads it, with problems at their places; of flows it knows nothing.

mod air724;
mod answer;
mod broker;
mod cloud;
mod command;
mod common;
mod dce;
mod duration;
mod entropy;
mod esp;
mod fault;
mod host;
mod modem;
mod pace;
mod port;
mod profile;
pub mod read;
mod replay;
mod scenario;
#[cfg(unix)]
mod serve;
mod standin;
#[cfg(test)]
mod tests;
mod world;

use std::cell::RefCell;
use std::rc::Rc;

pub use broker::{BrokerUrl, BrokerUrlError};
pub use cloud::{Post, Receipt, Understood};
pub(crate) use entropy::Entropy;
pub use fault::{Detail, Fault, FaultError, FaultKind, FaultSettings, FaultWhen, Faults, Rate, Unit};
#[cfg(unix)]
pub use pace::WallPacer;
pub use pace::{Pace, Pacer, Waited};
pub use port::{SimClock, SimLink, Watch};
pub use read::ScenarioError;
pub use replay::{Replay, ReplayMode};
pub use scenario::{
    BootNoise, Broker, Calendar, ClockChange, Entry, HttpBearer, Refusal, Scenario, SimCard, SimSettings,
    Start, What, When,
};
#[cfg(unix)]
pub use serve::{ServeAt, serve};
pub use standin::Credentials;
#[cfg(test)]
pub(crate) use standin::EXAMPLE;
pub(crate) use standin::EXAMPLE_TOPIC;
pub use world::{DiskTrouble, Never, Truth, TruthKind, WALL_AT_ZERO_MS};

use cloud::Cloud;
use fault::Injector;
use modem::Modem;
use profile::Profile;
use world::{Module, World};

/// The modules: name and what each is.
const MODULES: [(&str, &str); 2] = [
    ("luat-air724", "Luat Air724UG, AT firmware V301836, with a SIM, a network and ThingsCloud behind it"),
    ("esp-at", "ESP32-C3 with Espressif ESP-AT 3.2 on Wi-Fi, with ThingsCloud behind it"),
];

/// What the module talks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudChoice {
    /// The stand-in for `ThingsCloud` in memory.
    StandIn,
    /// A real MQTT broker, whatever host the module asks for. It lives by the wall's clock, so the
    /// simulation has to be paced.
    Broker(BrokerUrl),
}

/// How to build a simulated module.
#[derive(Debug)]
pub struct SimOptions {
    /// Where all chance comes from. A scenario's own seed goes first.
    pub seed: u64,
    /// What happens; without a scenario the stand-in sends its example command after the first report.
    pub scenario: Option<Scenario>,
    /// What the module talks to.
    pub cloud: CloudChoice,
    /// How fast time passes.
    pub pace: Pace,
    /// What goes wrong between module and host, beside what the scenario says.
    pub faults: Faults,
    /// All delays of the module and the network, times this, instead of what the scenario says.
    pub delays: Option<f64>,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            scenario: None,
            cloud: CloudChoice::StandIn,
            pace: Pace::Max,
            faults: Faults::default(),
            delays: None,
        }
    }
}

/// Why there is no simulated module.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// Nobody knows this name.
    #[error("there is no simulated module `{name}`")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// The names there are.
        help: String,
    },
    /// A bundled data file is broken.
    #[error("the data file of `{name}` is broken: {why}")]
    Data {
        /// Whose.
        name: String,
        /// What the reader said.
        why: String,
    },
    /// A real broker was asked for, but simulated time runs away from it.
    #[error("a real broker cannot keep up with a simulation that does not wait")]
    BrokerNeedsPace,
    /// The real broker is not there.
    #[error("cannot reach the broker `{url}`: {why}")]
    Broker {
        /// Where it was looked for.
        url: BrokerUrl,
        /// What the system said.
        why: String,
    },
    /// The pty or the TCP port could not be made, or failed.
    #[error("cannot serve on {at}: {why}")]
    Serve {
        /// The path or the address.
        at: String,
        /// What the system said.
        why: String,
        /// What to do.
        help: &'static str,
    },
}

/// The simulated modules: name and description.
pub fn names() -> &'static [(&'static str, &'static str)] {
    &MODULES
}

/// Builds a simulated module and switches it on.
///
/// # Errors
///
/// A name that does not exist; a real broker without a pace, or that cannot be reached.
pub fn build(name: &str, mut options: SimOptions) -> Result<(SimLink, Watch), SimError> {
    if matches!((&options.cloud, &options.pace), (CloudChoice::Broker(_), Pace::Max)) {
        return Err(SimError::BrokerNeedsPace);
    }
    let pace = std::mem::replace(&mut options.pace, Pace::Max);
    let world = world(name, options)?;
    let world = Rc::new(RefCell::new(world));
    let link = SimLink::new(Rc::clone(&world), pace, format!("sim:{name}"));
    Ok((link, Watch::new(world)))
}

/// Builds the world; the pace is for whoever lets its time pass.
fn world(name: &str, options: SimOptions) -> Result<World, SimError> {
    let SimOptions { seed, scenario, cloud, pace: _, faults: more_faults, delays } = options;
    let (family, text) = match name {
        "luat-air724" => (Family::Air724, include_str!("profiles/luat-air724.yaml")),
        "esp-at" => (Family::EspAt, include_str!("profiles/esp-at.yaml")),
        _ => return Err(unknown(name)),
    };
    let profile = Profile::parse(text).map_err(|why| SimError::Data { name: name.to_owned(), why })?;
    let profile = Rc::new(profile);
    let example = scenario.is_none();
    let scenario = scenario.unwrap_or_default();
    let seed = scenario.seed.unwrap_or(seed);
    let mut settings = scenario.settings.clone();
    settings.delays = delays.unwrap_or(settings.delays);
    let mut faults = scenario.faults.clone();
    faults.add(more_faults);
    let cloud: Box<dyn Cloud> = match cloud {
        CloudChoice::StandIn => {
            let right = settings.login.clone();
            let latencies = profile.latencies(settings.delays);
            Box::new(standin::StandIn::new(right, latencies, seed, example))
        }
        CloudChoice::Broker(url) => Box::new(broker::BrokerCloud::reach(url)?),
    };
    let module: Box<dyn Module> = match family {
        Family::Air724 => Box::new(Modem::new(air724::Air724::default(), profile, settings, seed)),
        Family::EspAt => Box::new(Modem::new(esp::EspAt::default(), profile, settings, seed)),
    };
    Ok(World::new(module, cloud, scenario, Injector::new(faults, seed)))
}

/// Whose state machine it is.
enum Family {
    Air724,
    EspAt,
}

fn unknown(name: &str) -> SimError {
    let names: Vec<_> = MODULES.iter().map(|(name, _)| format!("`{name}`")).collect();
    SimError::Unknown { name: name.to_owned(), help: format!("there is {}", names.join(", ")) }
}
