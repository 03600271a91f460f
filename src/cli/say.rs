//! Standard output and standard error. Either may be closed or on a full disk; nothing panics then, as
//! `println!` does.

use std::io::{ErrorKind, IsTerminal as _, Write as _, stderr, stdout};

use crate::report::paint::Paint;

use super::Exit;

/// Prints a line.
///
/// Whoever read may have seen enough and gone (`| head -1`): that is no error, and the work goes on without
/// a reader. Anything else, such as a full disk, is said on standard error.
pub(super) fn line(text: &str) -> Result<(), Exit> {
    print(&format!("{text}\n"))
}

/// Prints a text as it is; see [`line`].
pub(super) fn print(text: &str) -> Result<(), Exit> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
        _ => Ok(()),
    }
}

/// Says that standard output could not be written.
pub(super) fn unwritten(error: &std::io::Error) -> Exit {
    complain(&format!("cannot write standard output: {error}"), None);
    Exit::Environment
}

/// Writes a line to standard error. When even that fails there is nobody left to tell.
pub(super) fn error_line(text: &str) {
    let _ = stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Whether standard error, where problems go, shows colours.
pub(super) fn coloured() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Says on standard error what is wrong and what to do.
pub(super) fn complain(message: &str, help: Option<&str>) {
    let error = Paint::Bad.on("error", coloured());
    error_line(&format!("{error}: {message}"));
    if let Some(help) = help {
        error_line(&format!("  = help: {help}"));
    }
}
