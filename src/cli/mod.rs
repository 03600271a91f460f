//! The command line: one file a subcommand. Reads arguments and environment, calls the library, prints,
//! chooses the exit code; decides nothing about modules or flows.

mod args;
mod ask;
mod at;
mod call;
mod check;
mod console;
mod exit;
mod forget;
mod fuzz;
mod metrics_server;
mod notify;
mod once_file;
mod open;
mod outbox;
mod ports;
mod record;
mod run;
mod say;
mod schema;
mod sim;
mod state_dir;
mod station;
mod test;
mod transcript;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
pub use exit::Exit;
use say::complain;
pub use state_dir::default_dir;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let exit = match args.command {
        Command::Run(command) => run::run(&command),
        Command::Check(command) => check::check(&command),
        Command::Test(command) => test::test(&command),
        Command::Call(command) => call::call(&command),
        Command::At(command) => at::at(&command),
        Command::Console(command) => console::console(&command),
        Command::Record(command) => record::record(&command),
        Command::Sim(command) => sim::sim(&command),
        Command::Ports(command) => ports::ports(&command),
        Command::Schema(command) => schema::schema(&command),
        Command::Completions(command) => schema::completions(&command),
        Command::Fuzz(command) => fuzz::fuzz(&command),
        Command::Forget(command) => forget::forget(&command),
        Command::Transcript(command) => transcript::transcript(&command),
        Command::Outbox(command) => outbox::outbox(&command),
    };
    exit.into()
}
