//! Opens what a port address names, with the clock and the signals that belong to it.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serialport::{DataBits, FlowControl, Parity, StopBits};

use crate::flow::codes::Code;
use crate::link::address::{Address, ReplayOrder};
use crate::link::serial::{Serial, Settings};
use crate::link::tcp::Tcp;
use crate::link::wake::{Hangup, Wake};
use crate::link::{Clock as _, Link, LinkError, WallClock};
use crate::sim::{
    self, BrokerUrl, CloudChoice, FaultSettings, Faults, Pace, Replay, ReplayMode, Scenario, SimError,
    SimOptions, SimSettings, Start, WallPacer, Watch,
};

use super::args::{SerialArgs, SimulationArgs, Speed};
use super::say::{self, coded};
use super::{Exit, complain, transcript};

/// How long a TCP connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);
/// … before a station goes on without it, to try again later.
const LOOK: Duration = Duration::from_secs(3);

/// Whether an address names a simulated module, or the recording of one.
pub(super) fn is_simulated(port: &str) -> bool {
    matches!(Address::parse(port), Ok(Address::Sim(_) | Address::Replay { .. }))
}

/// The port of a station.
pub(super) struct Awaited {
    pub link: Box<dyn Link>,
    /// Why it is not open, if it is only to be waited for.
    pub absent: Option<String>,
    /// A look at the world behind a simulated module, which may hold the station's disk, too.
    pub watch: Option<Watch>,
}

/// Opens `port` for a station, which waits for one that is not there; anything else that is wrong is said here.
pub(super) fn open_or_wait(
    port: &str,
    serial: &SerialArgs,
    simulation: &SimulationArgs,
    wake: &Wake,
) -> Result<Awaited, Exit> {
    let clock = Rc::new(WallClock::new());
    let (link, opened): (Box<dyn Link>, _) = match Address::parse(port) {
        Ok(Address::Tcp { host, port }) if simulation.given().is_none() => {
            let mut link = Tcp::closed(&host, port, Rc::clone(&clock), wake.clone());
            let opened = link.reopen(clock.now() + LOOK);
            (Box::new(link), opened)
        }
        Ok(address @ (Address::Path(_) | Address::Usb(_))) if simulation.given().is_none() => {
            let mut link = Serial::closed(&address, settings(serial), Rc::clone(&clock), wake.clone());
            let opened = link.reopen(clock.now());
            (Box::new(link), opened)
        }
        Ok(Address::Sim(name)) => {
            let scenario = simulation.scenario.as_deref().map(scenario).transpose()?;
            let (link, watch) = simulated_so(&name, Some(simulation), scenario, wake)?;
            return Ok(Awaited { link, absent: None, watch: Some(watch) });
        }
        _ => {
            let link = open(port, serial, Some(simulation), wake)?;
            return Ok(Awaited { link, absent: None, watch: None });
        }
    };
    match opened {
        Ok(()) => Ok(Awaited { link, absent: None, watch: None }),
        Err(error @ LinkError::Open { absent: true, .. }) => {
            Ok(Awaited { link, absent: Some(error.to_string()), watch: None })
        }
        Err(error) => Err(refused(&error)),
    }
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
    fits(port, &address, simulation)?;
    let clock = Rc::new(WallClock::new());
    match address {
        Address::Sim(name) => simulated(&name, simulation, wake),
        Address::Replay { file, order } => {
            let speed = simulation.and_then(|args| args.speed).unwrap_or(Speed::Max);
            replayed(port, &file, order, pace(speed, wake))
        }
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

/// A recording is not overwritten with its own replay.
pub(super) fn keeps_recording(port: &str, transcript: &Path, help: &str) -> Result<(), Exit> {
    let Ok(Address::Replay { file, .. }) = Address::parse(port) else { return Ok(()) };
    match (Path::new(&file).canonicalize(), transcript.canonicalize()) {
        (Ok(recording), Ok(transcript)) if recording == transcript => {
            complain(&format!("`{file}` is what is replayed; it is not overwritten"), Some(help));
            Err(Exit::Usage)
        }
        _ => Ok(()),
    }
}

/// Options that mean nothing on this port are refused.
fn fits(port: &str, address: &Address, simulation: Option<&SimulationArgs>) -> Result<(), Exit> {
    let Some(args) = simulation else { return Ok(()) };
    let refuse = |message: String, help: &str| {
        complain(&message, Some(help));
        Err(Exit::Usage)
    };
    match (address, args.given(), args.behind()) {
        (Address::Sim(_), ..) | (Address::Replay { .. }, _, None) => Ok(()),
        (Address::Replay { .. }, _, Some(option)) => refuse(
            format!("`{option}` is for simulated modules, and `{port}` is a recording"),
            "leave it out: a recording says what it says",
        ),
        (_, Some(option), _) => refuse(
            format!("`{option}` is for simulated modules, and `{port}` is a real port"),
            "leave it out, or choose `--port sim:luat-air724`",
        ),
        (_, None, _) => Ok(()),
    }
}

/// Opens a recording.
fn replayed(port: &str, file: &str, order: Option<ReplayOrder>, pace: Pace) -> Result<Box<dyn Link>, Exit> {
    let text = transcript::read(file)?;
    let mode = ReplayMode::of(order, &text, || transcript::dialect_of(file, &text, None))?;
    let link = Replay::new(&text, (file, port), mode, pace);
    Ok(Box::new(link.map_err(|error| transcript::broken(file, &error))?))
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

/// A simulated module that has been on for long, as somebody who sits down in front of it finds it.
pub(super) fn warm(name: &str, args: &SimulationArgs, wake: &Wake) -> Result<Box<dyn Link>, Exit> {
    refuse_disk_faults(args)?;
    simulated_so(name, Some(args), Some(long_on()), wake).map(|(link, _)| link)
}

fn simulated(name: &str, args: Option<&SimulationArgs>, wake: &Wake) -> Result<Box<dyn Link>, Exit> {
    // A one-shot command finds a module that has been on for long; a flow sees it start.
    let scenario = match args {
        None => Some(long_on()),
        Some(args) => {
            refuse_disk_faults(args)?;
            args.scenario.as_deref().map(scenario).transpose()?
        }
    };
    if let Some(scenario) = &scenario {
        tell_of_disk_faults(&scenario.faults, name);
    }
    simulated_so(name, args, scenario, wake).map(|(link, _)| link)
}

/// What is no station keeps nothing that a full disk could harm.
fn refuse_disk_faults(args: &SimulationArgs) -> Result<(), Exit> {
    let Some(kind) = faults(&args.faults)?.of_disks().pop_first() else { return Ok(()) };
    let message = format!("`{}` is about the outbox of a station, and this is none", kind.name());
    complain(&message, Some("leave it out, or run a file with `schedule`, `downlink` or `events`"));
    Err(Exit::Usage)
}

/// A scenario is written for flows, stations and other programs alike: what cannot happen here is told.
pub(super) fn tell_of_disk_faults(faults: &Faults, module: &str) {
    for kind in faults.of_disks() {
        let name = kind.name();
        say::error_line(&format!(
            "note: `{name}` is about the disk under a station's outbox, which is out of reach here; it happens in \
             `atflow run STATION --port sim:{module} --fault {name}=2/d`, in tests and in `atflow fuzz`"
        ));
    }
}

fn simulated_so(
    name: &str,
    args: Option<&SimulationArgs>,
    scenario: Option<Scenario>,
    wake: &Wake,
) -> Result<(Box<dyn Link>, Watch), Exit> {
    let mut options = SimOptions { scenario, ..SimOptions::default() };
    let mut speed = Speed::Max;
    if let Some(args) = args {
        options.seed = args.seed();
        options.cloud = cloud(args.cloud.as_deref())?;
        options.faults = faults(&args.faults)?;
        speed = args.speed.unwrap_or(Speed::Times(1.0));
    }
    options.pace = pace(speed, wake);
    let (link, watch) = sim::build(name, options).map_err(|error| sim_refused(&error))?;
    Ok((Box::new(link), watch))
}

fn pace(speed: Speed, wake: &Wake) -> Pace {
    let Speed::Times(times) = speed else { return Pace::Max };
    let wake = wake.fd().and_then(|fd| fd.try_clone_to_owned().ok());
    Pace::Paced(Box::new(WallPacer::new(times, wake)))
}

fn long_on() -> Scenario {
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
        SimError::Serve { help, .. } => {
            complain(&error.to_string(), Some(help));
            Exit::Environment
        }
        SimError::Data { .. } => {
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
        say::problems(&error.problems, &error.sources);
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
    let Some(url) = url else { return Ok(CloudChoice::StandIn) };
    match url.parse::<BrokerUrl>() {
        Ok(url) => Ok(CloudChoice::Broker(url)),
        Err(error) => {
            complain(
                &error.to_string(),
                Some("write `mqtt://HOST:PORT`, or `mqtt://USER:PASSWORD@HOST:PORT`"),
            );
            Err(Exit::Usage)
        }
    }
}

/// Listens to signals; what is wrong is said here.
pub(super) fn wake(hangup: Hangup) -> Result<Wake, Exit> {
    Wake::install(hangup).map_err(|error| {
        complain(&format!("cannot listen to signals: {error}"), None);
        Exit::Environment
    })
}
