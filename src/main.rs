//! The `atflow` command: a thin shell around the library.

fn main() -> std::process::ExitCode {
    atflow::cli::main()
}
