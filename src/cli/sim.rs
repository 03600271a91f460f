//! `atflow sim`: a simulated module for other programs.

use crate::link::wake::Hangup;
use crate::sim::{self, Faults, Pace, ServeAt, SimOptions};

use super::args::SimArgs;
use super::{Exit, open, say};

pub(super) fn sim(args: &SimArgs) -> Exit {
    served(args).unwrap_or_else(|exit| exit)
}

fn served(args: &SimArgs) -> Result<Exit, Exit> {
    let faults = open::faults(&args.faults)?;
    tell_of_disk_faults(&faults, &args.name);
    let options = SimOptions {
        seed: args.seed,
        scenario: args.scenario.as_deref().map(open::scenario).transpose()?,
        cloud: open::cloud(args.cloud.as_deref())?,
        pace: Pace::Max,
        faults,
        delays: args.delays,
    };
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

/// A list of faults works here as it works elsewhere; but the disk is the other side's, out of reach.
fn tell_of_disk_faults(faults: &Faults, module: &str) {
    for (kind, _) in faults.settings.iter().filter(|(kind, _)| kind.is_of_disks()) {
        let name = kind.name();
        say::error_line(&format!(
            "note: `{name}` is about the disk under a station's outbox, which is out of reach behind a port; it \
             happens in `atflow run STATION --port sim:{module} --fault {name}=2/d`, in tests and in `atflow fuzz`"
        ));
    }
}
