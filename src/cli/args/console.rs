//! What `atflow console` and `atflow record` take.

use std::path::PathBuf;

use super::{SerialArgs, SimulationArgs};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConsoleArgs {
    /// The port: /dev/ttyUSB0, usb:…, tcp://HOST:PORT, sim:NAME
    pub port: String,
    /// The dialect [default: that of a simulated module, else generic]
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
    // Last: its heading holds for everything below it.
    #[command(flatten)]
    pub sim: SimulationArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct RecordArgs {
    /// NAME.yaml becomes the flow, NAME.jsonl the transcript
    #[arg(short, long, value_name = "NAME")]
    pub output: PathBuf,
    #[command(flatten)]
    pub console: ConsoleArgs,
}
