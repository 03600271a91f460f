//! What `atflow at` takes.

use super::{Format, SerialArgs};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct AtArgs {
    /// The port: /dev/ttyUSB0, usb:…, tcp://HOST:PORT, sim:NAME
    pub port: String,
    /// Command lines, such as 'AT+CSQ'
    #[arg(required = true)]
    pub lines: Vec<String>,
    /// The dialect that knows what ends a command
    #[arg(long, value_name = "NAME", default_value = "generic")]
    pub module: String,
    /// How long one command may take, instead of the dialect's time: 5s, 1m30s
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
    /// How answers are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
