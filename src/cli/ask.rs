//! The operator's answers: lines typed on standard input, looked for without ever waiting. Half a line is
//! kept until the rest of it comes, so that deadlines and Ctrl-C hold while somebody types.

use std::io::stdin;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Longest line that is kept; of one that goes on, only the end counts.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The lines of standard input.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Read and not handed out.
    buffer: Vec<u8>,
}

impl Typed {
    /// A typed line, if one is there; looks once.
    ///
    /// The end of the input is no answer: a step that asks runs into its timeout.
    pub(super) fn line(&mut self) -> Option<String> {
        // Several lines come at once when the input is a pipe or a paste.
        self.whole_line().or_else(|| {
            self.read_what_is_there();
            self.whole_line()
        })
    }

    /// The first line of the buffer, without its end.
    fn whole_line(&mut self) -> Option<String> {
        let end = memchr::memchr(b'\n', &self.buffer)?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_string())
    }

    /// One read that does not wait.
    fn read_what_is_there(&mut self) {
        let input = stdin();
        let mut fds = [PollFd::new(&input, PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut fds, Some(&at_once)).unwrap_or(0) == 0 {
            return;
        }
        // Past std's own buffer, which `poll` does not see into. A terminal's line has 4096 bytes at most.
        let mut bytes = [0; 4096];
        match rustix::io::read(&input, &mut bytes) {
            // The last line of a file may lack its end.
            Ok(0) if !self.buffer.is_empty() => self.buffer.push(b'\n'),
            Ok(count) => self.take(&bytes[..count]),
            Err(_) => {}
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let excess = self.buffer.len().saturating_sub(LINE_BYTES_MAX);
        self.buffer.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_waits_for_its_rest_and_further_lines_are_kept() {
        let mut typed = Typed::default();
        typed.take(b"ye");
        assert_eq!(typed.whole_line(), None);
        typed.take(b"s\r\nno\nmay");
        assert_eq!(typed.whole_line().as_deref(), Some("yes"));
        assert_eq!(typed.whole_line().as_deref(), Some("no"));
        assert_eq!(typed.whole_line(), None);
        typed.take(b"be \n");
        assert_eq!(typed.whole_line().as_deref(), Some("maybe "));
    }

    #[test]
    fn a_line_without_an_end_does_not_grow_for_ever() {
        let mut typed = Typed::default();
        for _ in 0..100 {
            typed.take(&[b'x'; 1024]);
        }
        assert_eq!(typed.buffer.len(), LINE_BYTES_MAX);
    }
}
