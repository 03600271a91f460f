//! The bundled flow that brings a module up and waits for a command, and what it needs.

use serde_json::Value;

use super::process::Done;

/// The flow.
pub const BRINGUP: &str = "scripts/thingscloud/bringup.yaml";
/// One of its secrets.
pub const TOKEN: (&str, &str) = ("THINGSCLOUD_ACCESS_TOKEN", "token-of-the-test");
/// The other one.
pub const KEY: (&str, &str) = ("THINGSCLOUD_PROJECT_KEY", "key-of-the-test");

/// A module that has been on for long, ten times as fast as a real one, in a cloud that sends a command
/// as soon as somebody listens.
pub const SCENARIO: &str = r"
sim: { start: warm, delays: 0.1 }
at:
  - { after: SUBACK, cloud: command/send/7, json: { method: restart, params: { timeout: 10 }, id: 7 } }
";

/// What each step did, without what the clock and the port say of it.
pub fn steps(done: &Done) -> Vec<Value> {
    let timeless = |mut event: Value| {
        let fields = event.as_object_mut().expect("an event is a map");
        for time in ["t", "took_ms", "pause_ms", "port"] {
            fields.remove(time);
        }
        event
    };
    done.events().into_iter().map(timeless).collect()
}
