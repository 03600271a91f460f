//! What `atflow run` takes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::values::{duration, name_and_value};
use super::{Format, PortArgs, SimulationArgs};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RunArgs {
    /// The flow's file; `bundled:NAME` is one that comes with atflow, such as bundled:thingscloud/bringup.yaml
    pub file: PathBuf,
    /// A flow of the file's `flows`, instead of its own steps
    pub flow: Option<String>,
    #[command(flatten)]
    pub port: PortArgs,
    /// Give a var its value: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// The dialect, instead of the file's `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// Begin with the step of this name
    #[arg(long, value_name = "STEP")]
    pub from: Option<String>,
    /// End with the step of this name
    #[arg(long, value_name = "STEP")]
    pub until: Option<String>,
    /// Write everything that crosses the line to a file, as JSON lines, secrets masked
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,
    /// How the run is shown; of a station, json is its log
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The same as --format
    // It is what one looks for in a program that runs for ever.
    #[arg(long, value_enum, value_name = "FORMAT", overrides_with = "format")]
    log: Option<Format>,
    /// Show the verdict and the questions of `ask` only; of a station, its end
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show every line, too; of a station, its dull moments and the steps of its runs
    #[arg(short, long)]
    pub verbose: bool,
    #[command(flatten)]
    pub station: StationArgs,
    // Last: its heading holds for everything below it.
    #[command(flatten)]
    pub sim: SimulationArgs,
}

impl RunArgs {
    /// How the run is shown.
    pub fn format(&self) -> Format {
        self.log.unwrap_or(self.format)
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Stations")]
pub(in crate::cli) struct StationArgs {
    /// End by itself after this time, with exit code 0: 30m, 24h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub duration: Option<Duration>,
    /// Where the station keeps its outbox, commands and state
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Serve metrics for Prometheus over HTTP, at /metrics: 9724 (this machine only), 0.0.0.0:9724
    #[arg(long, value_name = "ADDRESS", value_parser = metrics_address)]
    pub metrics: Option<SocketAddr>,
}

impl StationArgs {
    /// The first option that was given; none of them means anything for a flow that ends.
    pub fn given(&self) -> Option<&'static str> {
        let given = [
            ("--for", self.duration.is_some()),
            ("--state", self.state.is_some()),
            ("--metrics", self.metrics.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
    }
}

/// A port alone is one of this machine: what a station tells is for others only if somebody says so.
fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    let port = port.or_else(|error| text.strip_prefix("localhost:").map_or(Err(error), str::parse));
    match port {
        Ok(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Err(_) => text.parse().map_err(|_| {
            "write a port such as `9724`, or `ADDRESS:PORT` with a number for the address".into()
        }),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Args, Command};

    #[test]
    fn a_port_alone_is_for_this_machine() {
        let shown = |text| metrics_address(text).map(|address| address.to_string());
        assert_eq!(shown("9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown(":9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown("localhost:9724").as_deref(), Ok("127.0.0.1:9724"));
        assert_eq!(shown("0.0.0.0:80").as_deref(), Ok("0.0.0.0:80"));
        assert_eq!(shown("[::1]:80").as_deref(), Ok("[::1]:80"));
        for bad in ["", "localhost", "localhost:", "elsewhere:80", "70000", "1.2.3.4"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn log_is_another_word_for_format() {
        let args = Args::try_parse_from(["atflow", "run", "x.yaml", "--log", "json", "--metrics", "9724"]);
        let Ok(Args { command: Command::Run(run) }) = args else { panic!("it is `run`") };
        assert_eq!((run.format(), run.station.given()), (Format::Json, Some("--metrics")));
        let bad = Args::try_parse_from(["atflow", "run", "x.yaml", "--log", "xml"]).expect_err("no format");
        assert!(bad.to_string().contains("--log"), "{bad}");
    }
}
