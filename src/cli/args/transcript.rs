//! What `atflow transcript` takes.

use clap::Subcommand;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TranscriptArgs {
    #[command(subcommand)]
    pub what: TranscriptCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TranscriptCommand {
    /// Show every byte, with its time
    Show {
        /// A transcript
        file: String,
    },
    /// Compare what was answered; exit code 1 if there is a difference
    Diff {
        /// A transcript
        old: String,
        /// Another one: of other firmware, of another module
        new: String,
        /// The dialect, instead of the one that each file names
        #[arg(long, value_name = "NAME")]
        module: Option<String>,
    },
    /// Say what each line means
    Explain {
        /// A transcript
        file: String,
        /// The dialect, instead of the one that the file names
        #[arg(long, value_name = "NAME")]
        module: Option<String>,
    },
}
