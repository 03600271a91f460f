//! What `atflow test` takes.

use std::path::PathBuf;

use super::Format;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// Test files, or folders: every `*.test.yaml` below
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Only tests with this text in their name
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// How many are tried at a time [default: one for each processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Write the files that `golden` names anew
    #[arg(long)]
    pub update: bool,
    /// List every step and branch that no test reached
    #[arg(long)]
    pub coverage: bool,
    /// Write the outcome to a file as `JUnit` XML, too
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

impl TestArgs {
    /// How many tests are tried at a time.
    pub fn jobs(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.map_or_else(all, usize::from)
    }
}
