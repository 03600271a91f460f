//! What `atflow check` takes.

use std::path::PathBuf;

use super::Format;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CheckArgs {
    /// Flows, stations, clouds, dialects, test files or scenarios
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The dialect, instead of the files' `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// How problems are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
