//! Opens what a port address names, with the clock and the signals that belong to it.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serialport::{DataBits, FlowControl, Parity, StopBits};

use crate::flow::codes::Code;
use crate::link::address::Address;
use crate::link::serial::{Serial, Settings};
use crate::link::tcp::Tcp;
use crate::link::wake::Wake;
use crate::link::{Clock as _, Link, LinkError, WallClock};
use crate::sim::{
    self, BrokerUrl, CloudChoice, FaultSettings, Faults, Pace, Scenario, SimError, SimOptions, SimSettings,
    Start, WallPacer,
};

use super::args::{SerialArgs, SimulationArgs, Speed};
use super::say::coded;
use super::{Exit, complain};

/// How long a TCP connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);

/// Whether an address names a simulated module.
pub(super) fn is_simulated(port: &str) -> bool {
    matches!(Address::parse(port), Ok(Address::Sim(_)))
}

/// Opens `port`; what is wrong is said here.
pub(super) fn open(
    port: &str,
    serial: &SerialArgs,
    simulation: Option<&SimulationArgs>,
    wake: &Wake,
) -> Result<Box<dyn Link>, Exit> {
    let address = Address::parse(port).map_err(|error| {
        complain(&error.to_string(), Some(&error.help));
        Exit::Usage
    })?;
    if !matches!(address, Address::Sim(_))
        && let Some(option) = simulation.and_then(SimulationArgs::given)
    {
        let message = format!("`{option}` is for simulated modules, and `{port}` is a real port");
        complain(&message, Some("leave it out, or choose `--port sim:luat-air724`"));
        return Err(Exit::Usage);
    }
    let clock = Rc::new(WallClock::new());
    match address {
        Address::Sim(name) => simulated(&name, simulation, wake),
        Address::Tcp { host, port } => {
            let until = clock.now() + CONNECT;
            let link =
                Tcp::connect(&host, port, until, clock, wake.clone()).map_err(|error| refused(&error))?;
            Ok(Box::new(link))
        }
        Address::Path(_) | Address::Usb(_) => {
            let link = Serial::open(&address, settings(serial), clock, wake.clone())
                .map_err(|error| refused(&error))?;
            Ok(Box::new(link))
        }
    }
}

fn refused(error: &LinkError) -> Exit {
    let help = match error {
        LinkError::Open { help, .. } => help.as_deref(),
        _ => None,
    };
    coded(Code::PORT_GONE, &error.to_string(), help);
    Exit::Environment
}

fn settings(args: &SerialArgs) -> Settings {
    let on = |line: &Option<String>| line.as_ref().map(|line| line == "on");
    let mut frame = args.frame.chars();
    Settings {
        baud_bps: args.baud,
        data_bits: if frame.next() == Some('7') { DataBits::Seven } else { DataBits::Eight },
        parity: match frame.next() {
            Some('E') => Parity::Even,
            Some('O') => Parity::Odd,
            _ => Parity::None,
        },
        stop_bits: if frame.next() == Some('2') { StopBits::Two } else { StopBits::One },
        flow: match args.flow_control.as_str() {
            "hardware" => FlowControl::Hardware,
            "software" => FlowControl::Software,
            _ => FlowControl::None,
        },
        dtr: on(&args.dtr),
        rts: on(&args.rts),
        exclusive: true,
    }
}

fn simulated(name: &str, args: Option<&SimulationArgs>, wake: &Wake) -> Result<Box<dyn Link>, Exit> {
    let mut options = SimOptions::default();
    let mut speed = Speed::Max;
    // A one-shot command finds a module that has been on for long; a flow sees it start.
    options.scenario = args.is_none().then(warm);
    if let Some(args) = args {
        options.seed = args.seed();
        options.scenario = args.scenario.as_deref().map(scenario).transpose()?;
        options.cloud = cloud(args.cloud.as_deref())?;
        options.faults = faults(&args.faults)?;
        speed = args.speed.unwrap_or(Speed::Times(1.0));
    }
    if let Speed::Times(times) = speed {
        let wake = wake.fd().and_then(|fd| fd.try_clone_to_owned().ok());
        options.pace = Pace::Paced(Box::new(WallPacer::new(times, wake)));
    }
    let (link, _watch) = sim::build(name, options).map_err(|error| sim_refused(&error))?;
    Ok(Box::new(link))
}

fn warm() -> Scenario {
    let settings = SimSettings { start: Start::Warm, ..SimSettings::default() };
    Scenario { settings, ..Scenario::default() }
}

/// What a simulation cannot do, said.
pub(super) fn sim_refused(error: &SimError) -> Exit {
    match error {
        SimError::Unknown { help, .. } => {
            complain(&error.to_string(), Some(help));
            Exit::Usage
        }
        SimError::BrokerNeedsPace => {
            complain(&error.to_string(), Some("leave out `--speed max`"));
            Exit::Usage
        }
        SimError::Broker { .. } => {
            let help = "nothing was sent: the simulated module has no cloud without it; start the broker, or leave out `--cloud` for the one in memory";
            coded(Code::BROKER_GONE, &error.to_string(), Some(help));
            Exit::Environment
        }
        _ => {
            complain(&error.to_string(), None);
            Exit::Environment
        }
    }
}

/// Reads a scenario file.
pub(super) fn scenario(path: &Path) -> Result<Scenario, Exit> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        complain(&format!("cannot read `{shown}`: {error}"), None);
        Exit::Usage
    })?;
    Scenario::parse(&shown, &text).map_err(|error| {
        complain(&error.to_string(), Some(&error.help));
        Exit::Usage
    })
}

/// Faults of the command line, `NAME=RATE` each.
pub(super) fn faults(given: &[String]) -> Result<Faults, Exit> {
    let mut faults = Faults::default();
    for text in given {
        let settings = FaultSettings::option(text).map_err(|error| {
            complain(&error.to_string(), Some(&error.help));
            Exit::Usage
        })?;
        faults.add(Faults { settings, ..Faults::default() });
    }
    Ok(faults)
}

/// The cloud behind a simulated module: the stand-in, or a real broker.
pub(super) fn cloud(url: Option<&str>) -> Result<CloudChoice, Exit> {
    let Some(url) = url else { return Ok(CloudChoice::StandIn(None)) };
    match url.parse::<BrokerUrl>() {
        Ok(url) => Ok(CloudChoice::Broker(url)),
        Err(error) => {
            complain(&error.to_string(), Some("write `mqtt://USER:PASSWORD@HOST:PORT`"));
            Err(Exit::Usage)
        }
    }
}

/// Listens to signals; what is wrong is said here.
pub(super) fn wake() -> Result<Wake, Exit> {
    Wake::install().map_err(|error| {
        complain(&format!("cannot listen to signals: {error}"), None);
        Exit::Environment
    })
}
