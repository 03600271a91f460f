//! What `atflow call` takes.

use std::path::PathBuf;

use super::Format;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct CallArgs {
    /// The station's file
    pub file: PathBuf,
    /// The method, as a command names it
    pub method: String,
    /// Its params, as JSON: '{"timeout":10}'
    #[arg(default_value = "{}")]
    pub params: String,
    /// What the module answers to a command line of the handler: 'AT+CSQ=+CSQ: 17,0'. Given twice for the
    /// same line, it is answered so one after the other
    #[arg(long = "answer", value_name = "LINE=ANSWER")]
    pub answers: Vec<String>,
    /// The dialect, instead of the file's `module`
    #[arg(long, value_name = "NAME")]
    pub module: Option<String>,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}
