//! The operator's answers: lines typed on standard input, looked for without ever waiting.

use std::io::{BufRead as _, stdin};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A typed line, if one is there.
pub(super) fn typed_line() -> Option<String> {
    let input = stdin();
    let mut fds = [PollFd::new(&input, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    if poll(&mut fds, Some(&at_once)).unwrap_or(0) == 0 {
        return None;
    }
    let mut line = String::new();
    match input.lock().read_line(&mut line) {
        // The end of the input is no answer: a step that asks runs into its timeout.
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end_matches(['\r', '\n']).to_string()),
    }
}
