//! `atflow record`
use super::Exit;
use super::args::RecordArgs;
pub(super) fn record(args: &RecordArgs) -> Exit {
    super::console::console(&args.console)
}
