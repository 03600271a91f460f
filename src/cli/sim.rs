//! `atflow sim`: a simulated module for other programs.

use crate::link::wake::Hangup;
use crate::sim::{self, Pace, ServeAt, SimOptions};

use super::args::SimArgs;
use super::{Exit, open, say};

pub(super) fn sim(args: &SimArgs) -> Exit {
    served(args).unwrap_or_else(|exit| exit)
}

fn served(args: &SimArgs) -> Result<Exit, Exit> {
    let options = SimOptions {
        seed: args.seed,
        scenario: args.scenario.as_deref().map(open::scenario).transpose()?,
        cloud: open::cloud(args.cloud.as_deref())?,
        pace: Pace::Max,
        faults: open::faults(&args.faults)?,
        delays: args.delays,
    };
    for faults in options.scenario.iter().map(|scenario| &scenario.faults).chain([&options.faults]) {
        open::tell_of_disk_faults(faults, &args.name);
    }
    let at = match (&args.pty, args.tcp) {
        (Some(path), _) => ServeAt::Pty(path.clone()),
        (None, Some(address)) => ServeAt::Tcp(address),
        // clap asks for one of the two.
        (None, None) => return Err(Exit::Usage),
    };
    let wake = open::wake(Hangup::Stops)?;
    let Some(stop) = wake.fd() else { return Err(Exit::Environment) };
    let name = args.name.clone();
    let mut said = Ok(());
    let ready = |place: &str| said = say::line(&format!("{name} is on {place}; Ctrl-C ends it"));
    sim::serve(&args.name, options, &at, stop, ready).map_err(|error| open::sim_refused(&error))?;
    said.map(|()| Exit::Done)
}
