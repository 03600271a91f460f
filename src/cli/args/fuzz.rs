//! What `atflow fuzz` takes.

use std::path::PathBuf;
use std::time::Duration;

use clap::value_parser;

use super::Format;
use super::values::{duration, name_and_value};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FuzzArgs {
    /// A station, or a flow that ends
    pub file: PathBuf,
    /// How many worlds: each seed gives another one
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How long things go wrong in each, in simulated time; three more hours are for recovery
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "1d")]
    pub duration: Duration,
    /// How many at once [default: one for each core]
    #[arg(long)]
    pub jobs: Option<usize>,
    /// Nothing goes wrong, but for one line between two others: once for each place where it can stand
    #[arg(long, value_name = "LINE", num_args = 0..=1, default_missing_value = "RING")]
    pub urc_everywhere: Option<String>,
    /// Show a failure with everything that happened, instead of looking for the least that brings it about
    #[arg(long)]
    pub as_drawn: bool,
    /// The simulated module
    #[arg(short, long, default_value = "sim:luat-air724")]
    pub port: String,
    /// Give a var its value: NAME=VALUE
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub vars: Vec<(String, String)>,
    /// How results are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
