//! A station as a process of its own, and the simulated module on a pty behind it.

use serde_json::Value;

use super::process::{Running, atflow};
use super::simulator::serve;
use super::temp::TempDir;

/// What the bundled station wants of the environment.
pub const SECRETS: [(&str, &str); 2] =
    [("THINGSCLOUD_ACCESS_TOKEN", "device-7"), ("THINGSCLOUD_PROJECT_KEY", "open-sesame")];

/// The simulated module on a pty, with a real broker as its cloud, and the path of the pty.
pub fn module(dir: &TempDir, name: &str, broker_url: &str, scenario: &str) -> (Running, String) {
    let (pty, scenario) = (dir.join(name), dir.file("world.yaml", scenario));
    serve(dir, &["--pty", &pty, "--cloud", broker_url, "--scenario", &scenario])
}

/// Runs a station that logs as JSON.
pub fn station(dir: &TempDir, file: &str, port: &str, more: &[&str]) -> Running {
    let args = ["run", file, "--port", port, "--log", "json"];
    Running::start(atflow(dir, args.iter().chain(more)).envs(SECRETS))
}

/// Waits until the station tells this.
#[track_caller]
pub fn wait_for(station: &mut Running, event: &str) -> Value {
    station.wait_for_event(|told| told["event"] == event)
}

/// Waits until its link is up.
#[track_caller]
pub fn wait_until_online(station: &mut Running) {
    station.wait_for_event(|told| told["event"] == "link_state" && told["to"] == "online");
}
