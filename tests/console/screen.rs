//! The program on a terminal of its own, as somebody who types sees it.

use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::process::atflow;
use crate::support::pty::Pty;
use crate::support::temp::TempDir;
use crate::support::time::{Deadline, PATIENCE};

/// The console waits for a command.
pub const PROMPT: &str = "› ";
const CTRL_D: &str = "\x04";

/// A terminal with the program on it.
pub struct Terminal {
    master: OwnedFd,
    child: Child,
    seen: String,
    /// Up to here it has been waited for.
    read: usize,
}

impl Terminal {
    /// Starts the program; the terminal is its own, so that Ctrl-C is for it alone.
    #[track_caller]
    pub fn start(dir: &TempDir, args: &[&str]) -> Self {
        Self::start_in(dir, args, &[])
    }

    /// The same, in this environment.
    #[track_caller]
    pub fn start_in(dir: &TempDir, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let Pty { master, slave, .. } = Pty::open();
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("a pty has a size");
        let program = atflow(dir, args);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait"]).arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let end = || Stdio::from(slave.try_clone().expect("a descriptor can be copied"));
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        command.envs(environment.iter().copied());
        let child = command.spawn().expect("`setsid` of util-linux starts");
        Self { master, child, seen: String::new(), read: 0 }
    }

    /// Types.
    pub fn type_in(&mut self, keys: &str) {
        rustix::io::write(&self.master, keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until the screen has got this, behind what was waited for before.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: &str) {
        let deadline = Deadline::after(PATIENCE);
        loop {
            if let Some(at) = self.seen[self.read..].find(wanted) {
                self.read += at + wanted.len();
                return;
            }
            let open = self.look(deadline.left());
            assert!(open && !deadline.passed(), "no {wanted:?} on the terminal: {:?}", self.seen);
        }
    }

    /// Types a command, and waits for what is said to it and for the next prompt.
    #[track_caller]
    pub fn enter(&mut self, line: &str, answer: &str) {
        self.type_in(&format!("{line}\r"));
        self.wait_for(answer);
        self.wait_for(PROMPT);
    }

    /// Ends the console, which must be content.
    #[track_caller]
    pub fn leave(&mut self) {
        self.type_in(CTRL_D);
        assert_eq!(self.exit_code(), 0);
    }

    /// All that was on the screen.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// Waits for the end of the program.
    pub fn exit_code(&mut self) -> i32 {
        let deadline = Deadline::after(PATIENCE);
        while self.child.try_wait().expect("a child can be waited for").is_none() {
            assert!(!deadline.passed(), "it does not end: {:?}", self.seen);
            self.look(Duration::from_millis(10));
        }
        self.child.wait().expect("a child can be waited for").code().expect("no signal")
    }

    /// Reads what is there, or waits for it; false at the end.
    fn look(&mut self, time: Duration) -> bool {
        let time = Timespec::try_from(time).expect("a short time");
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut fds, Some(&time)).unwrap_or(0) == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(&self.master, &mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
                true
            }
            Err(Errno::INTR) => true,
            Err(_) => false,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Already waited for, or of no more use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
