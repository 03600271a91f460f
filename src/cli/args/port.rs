//! Which port, and how it is set.

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PortArgs {
    /// The port: /dev/ttyUSB0, usb:VID:PID[:SERIAL][#INTERFACE], tcp://HOST:PORT, sim:NAME, replay:FILE
    #[arg(short, long, env = "ATFLOW_PORT")]
    pub port: Option<String>,
    #[command(flatten)]
    pub settings: SerialArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SerialArgs {
    /// Bits per second
    #[arg(long, default_value_t = 115_200)]
    pub baud: u32,
    /// Data bits, parity and stop bits
    #[arg(long, default_value = "8N1", value_parser = ["8N1", "8E1", "8O1", "7N1", "7E1", "7O1", "8N2"])]
    pub frame: String,
    /// Flow control
    #[arg(long, default_value = "none", value_parser = ["none", "hardware", "software"])]
    pub flow_control: String,
    /// The DTR line when the port is opened
    #[arg(long, value_parser = ["on", "off"])]
    pub dtr: Option<String>,
    /// The RTS line when the port is opened
    #[arg(long, value_parser = ["on", "off"])]
    pub rts: Option<String>,
}
