//! The command line: one file a subcommand. Reads arguments and environment, calls the library, prints,
//! chooses the exit code; decides nothing about modules or flows.

mod args;
mod ask;
mod at;
mod call;
mod check;
mod console;
mod conversation;
mod exit;
mod forget;
mod fuzz;
mod metrics_server;
mod notify;
mod once_file;
mod open;
mod outbox;
mod ports;
mod ready;
mod record;
mod run;
mod say;
mod schema;
mod sim;
mod state_dir;
mod station;
mod test;
mod transcript;

use std::io::{ErrorKind, Write as _, stdout};
use std::process::ExitCode;

use clap::Parser as _;

use crate::hooks::limits::STACK_BYTES;
use args::{Args, Command};
pub use exit::Exit;
use say::complain;
pub use state_dir::default_dir;

/// Runs the program with the process's arguments, on a thread whose stack holds the deepest script. Where the
/// system refuses such a thread (`ulimit -v`), the main thread does it.
pub fn main() -> ExitCode {
    let thread = std::thread::Builder::new().name("atflow".to_owned()).stack_size(STACK_BYTES);
    match thread.spawn(command) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => command(),
    }
}

fn command() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(said) => return unparsed(&said).into(),
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

/// Prints what the arguments came to instead of a command: the help or the version that was asked for, or
/// what is wrong with them.
fn unparsed(said: &clap::Error) -> Exit {
    match said.print().and_then(|()| stdout().flush()) {
        _ if said.use_stderr() => Exit::Usage,
        Err(error) if error.kind() != ErrorKind::BrokenPipe => say::unwritten(&error),
        _ => Exit::Done,
    }
}
