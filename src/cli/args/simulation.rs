//! What a simulated module behind `--port` is like.

use std::ops::RangeInclusive;
use std::path::PathBuf;

/// Where chance comes from when nothing else is said: any number, but always the same.
pub(super) const SEED: u64 = 724;

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Simulated modules (sim:NAME) and recordings (replay:FILE)")]
pub(in crate::cli) struct SimulationArgs {
    /// How fast simulated time passes: 1x, 60x, max [default: 1x; of a recording max]
    // Optional, here and below, to know what was given: with a real port none of it means anything.
    #[arg(long, value_parser = speed)]
    pub speed: Option<Speed>,
    /// What happens, and when: a YAML file of timed events
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// A real broker behind the module: mqtt://USER:PASSWORD@HOST:PORT
    #[arg(long, value_name = "URL")]
    pub cloud: Option<String>,
    /// Something that goes wrong now and then: `lost_bytes=1e-5`, `urc_anywhere=1%`, `reboot=2/d`
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub faults: Vec<String>,
    /// Where all chance comes from [default: 724]
    #[arg(long)]
    pub seed: Option<u64>,
}

impl SimulationArgs {
    /// The seed of the simulation, and of a real run's jitter.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(SEED)
    }

    /// The first option that was given of those that say what is behind the port, and how it fails.
    pub fn behind(&self) -> Option<&'static str> {
        let given = [
            ("--scenario", self.scenario.is_some()),
            ("--cloud", self.cloud.is_some()),
            ("--fault", !self.faults.is_empty()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }

    /// The first option that was given.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--speed", self.speed.is_some()),
            ("--scenario", self.scenario.is_some()),
            ("--cloud", self.cloud.is_some()),
            ("--fault", !self.faults.is_empty()),
            ("--seed", self.seed.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// How fast simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) enum Speed {
    /// So many seconds to a second.
    Times(f64),
    /// As fast as the machine can.
    Max,
}

/// Slower, the ten seconds in which a signal lets a command end would be hours; faster is `max`.
const SPEEDS: RangeInclusive<f64> = 0.01..=1e6;

fn speed(text: &str) -> Result<Speed, String> {
    if text == "max" {
        return Ok(Speed::Max);
    }
    let times = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
    match times {
        Some(times) if SPEEDS.contains(&times) => Ok(Speed::Times(times)),
        Some(times) if times > 0.0 => Err("simulated time passes at 0.01x to 1000000x, or `max`".to_string()),
        _ => Err("write a multiple such as `1x` or `60x`, or `max`".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_multiples_or_max() {
        assert_eq!(speed("60x"), Ok(Speed::Times(60.0)));
        assert_eq!(speed("max"), Ok(Speed::Max));
        for bad in ["60", "0x", "-1x", "fast", "NaNx", "", "1e300x", "1e-30x", "infx"] {
            assert!(speed(bad).is_err(), "{bad}");
        }
    }
}
