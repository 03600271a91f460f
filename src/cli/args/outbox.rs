//! What `atflow outbox` takes.

use std::path::PathBuf;

use clap::Subcommand;

use super::Format;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OutboxArgs {
    #[command(subcommand)]
    pub what: OutboxCommand,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OutboxCommand {
    /// List all messages that wait or are dead
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show one message whole
    Show {
        /// Its number
        seq: u64,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Try dead messages again, under new numbers
    Retry(ManyArgs),
    /// Delete messages
    Drop(ManyArgs),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ManyArgs {
    /// Their numbers, and the station's name, if there are several
    #[arg(required = true, value_names = ["NUMBER", "STATION"])]
    pub words: Vec<String>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

impl ManyArgs {
    /// The numbers, and the station's name behind them.
    ///
    /// # Errors
    ///
    /// The word that is neither.
    pub fn read(&self) -> Result<(Vec<u64>, Option<&str>), &str> {
        let number = |word: &String| word.parse::<u64>().ok();
        let numbers: Vec<u64> = self.words.iter().map_while(number).collect();
        match &self.words[numbers.len()..] {
            [] => Ok((numbers, None)),
            [station] if !numbers.is_empty() => Ok((numbers, Some(station))),
            [word, ..] => Err(word),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StoreArgs {
    /// The station's name, if there are several
    #[arg(conflicts_with = "state")]
    pub station: Option<String>,
    #[command(flatten)]
    pub place: PlaceArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PlaceArgs {
    /// The station's state directory [default: `atflow/STATION` in the XDG state directory]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// How messages are written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Args, Command};

    #[test]
    fn several_messages_stand_before_the_station() {
        let many = |words: &[&str]| {
            let args = ["atflow", "outbox", "drop"].iter().chain(words);
            let Ok(Args { command: Command::Outbox(OutboxArgs { what: OutboxCommand::Drop(many) }) }) =
                Args::try_parse_from(args)
            else {
                panic!("it is `outbox drop`")
            };
            let read = many.read().map(|(numbers, station)| (numbers, station.map(str::to_string)));
            read.map_err(str::to_string)
        };
        assert_eq!(many(&["4", "5", "6"]), Ok((vec![4, 5, 6], None)));
        assert_eq!(many(&["4", "pump"]), Ok((vec![4], Some("pump".to_string()))));
        assert_eq!(many(&["pump"]), Err("pump".to_string()));
        assert_eq!(many(&["4", "pump", "5"]), Err("pump".to_string()));
    }
}
