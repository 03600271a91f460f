//! The simulated module as a process of its own.

use super::process::{Running, atflow};
use super::temp::TempDir;

/// Starts `atflow sim luat-air724` and gives where it can be reached.
pub fn serve(dir: &TempDir, args: &[&str]) -> (Running, String) {
    let mut sim = Running::start(&mut atflow(dir, ["sim", "luat-air724"].iter().chain(args)));
    let ready = sim.wait_for(|line| line.contains("Ctrl-C ends it"));
    let place = ready
        .strip_prefix("luat-air724 is on ")
        .and_then(|rest| rest.strip_suffix("; Ctrl-C ends it"))
        .unwrap_or_else(|| panic!("{ready}"));
    (sim, place.to_owned())
}
