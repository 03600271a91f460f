//! The arguments, as clap reads them: one file a subcommand, and here those that take next to nothing. The help
//! texts are the reference of the command line.

mod at;
mod call;
mod check;
mod console;
mod fuzz;
mod outbox;
mod port;
mod run;
mod sim;
mod simulation;
mod test;
mod transcript;
mod values;

use clap::{Parser, Subcommand, ValueEnum};

pub(super) use at::AtArgs;
pub(super) use call::CallArgs;
pub(super) use check::CheckArgs;
pub(super) use console::{ConsoleArgs, RecordArgs};
pub(super) use fuzz::FuzzArgs;
pub(super) use outbox::{ManyArgs, OutboxArgs, OutboxCommand, PlaceArgs, StoreArgs};
pub(super) use port::{PortArgs, SerialArgs};
pub(super) use run::RunArgs;
pub(super) use sim::SimArgs;
pub(super) use simulation::{SimulationArgs, Speed};
pub(super) use test::TestArgs;
pub(super) use transcript::{TranscriptArgs, TranscriptCommand};

/// Runs YAML flows against AT-command modules.
#[derive(Debug, Parser)]
#[command(name = "atflow", version, about, max_term_width = 100, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a flow, or a station
    Run(Box<RunArgs>),
    /// Check files without running them; print the worst case of each flow
    Check(CheckArgs),
    /// Try flows and stations on simulated modules, as their test files say
    Test(TestArgs),
    /// Try a command handler of a station, without a module
    Call(CallArgs),
    /// Send command lines and print the answers
    At(AtArgs),
    /// Run a file in simulated worlds where things go wrong, and check what must hold whatever goes wrong
    Fuzz(FuzzArgs),
    /// Talk to a module by hand
    Console(ConsoleArgs),
    /// Talk to a module by hand, and make a flow of it
    Record(RecordArgs),
    /// Serve a simulated module on a pty or a TCP port
    Sim(SimArgs),
    /// List the serial ports that are there
    Ports(PortsArgs),
    /// Print a JSON schema of the language
    Schema(SchemaArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Forget the lines that must not be sent a second time, such as a wrong PIN
    Forget(ForgetArgs),
    /// Show, compare or explain what crossed the line in a run
    Transcript(TranscriptArgs),
    /// Look at what a station has not sent yet, and at what was refused
    Outbox(OutboxArgs),
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Pretty,
    /// For programs: one JSON object a line
    Json,
}

#[derive(Debug, clap::Args)]
pub(super) struct PortsArgs {
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    /// Flows, stations and clouds
    Flow,
    /// Dialects
    Dialect,
    /// Test files
    Test,
    /// Scenarios
    Scenario,
}

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// Which schema
    #[arg(value_enum)]
    pub of: SchemaOf,
}

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct ForgetArgs {
    /// Only what was sent to this port
    pub port: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
