//! A fake module that plays a script on a real pty, in a thread of its own. What it says and when is the
//! script's; what it heard is kept byte for byte.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::pty::Pty;
use super::time::{Deadline, PATIENCE};

/// Written into the pty behind everything that the program has sent: when the script reads this, it has
/// heard all there is.
const OVER: &[u8] = b"\0\x04over\x04\0";

/// A fake module on a pty.
pub struct Module {
    port: PathBuf,
    /// The program's end, held open so that a program may come and go.
    slave: OwnedFd,
    over: UnixStream,
    thread: Option<JoinHandle<Vec<u8>>>,
}

impl Module {
    /// Starts the script. It ends by itself, or with [`Wire::until_over`] or [`Wire::serve`].
    pub fn start(script: impl FnOnce(&mut Wire) + Send + 'static) -> Self {
        let Pty { master, path, slave } = Pty::open();
        rustix::io::ioctl_fionbio(&slave, true).expect("a descriptor");
        // Raw before anybody opens it, or what the module says is echoed back to it.
        let mut settings = tcgetattr(&slave).expect("a terminal");
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings).expect("a terminal");
        rustix::io::ioctl_fionbio(&master, true).expect("a descriptor");
        let (over, told) = UnixStream::pair().expect("a pair of sockets");
        let mut wire = Wire {
            master,
            told,
            inbox: Vec::new(),
            heard: Vec::new(),
            over: false,
            deadline: Deadline::after(PATIENCE),
        };
        let thread = std::thread::spawn(move || {
            script(&mut wire);
            wire.heard
        });
        Self { port: path, slave, over, thread: Some(thread) }
    }

    /// Answers every command line with what `reply` says, until the test is over.
    pub fn answering(reply: impl FnMut(&str) -> Vec<u8> + Send + 'static) -> Self {
        Self::start(move |wire| wire.serve(reply))
    }

    /// The path for `--port`.
    pub fn port(&self) -> &str {
        self.port.to_str().expect("a pty's name is ASCII")
    }

    /// Ends the script and gives all that the module heard.
    ///
    /// # Panics
    ///
    /// If the script did.
    #[track_caller]
    pub fn finish(mut self) -> Vec<u8> {
        let _ = rustix::io::write(&self.over, b"x");
        // A pty that is full takes nothing; a script that lets it fill up does not read this.
        let _ = rustix::io::write(&self.slave, OVER);
        match self.thread.take().expect("taken only here").join() {
            Ok(heard) => heard,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The module's end of the line, in the hands of a script.
pub struct Wire {
    master: OwnedFd,
    told: UnixStream,
    inbox: Vec<u8>,
    heard: Vec<u8>,
    over: bool,
    deadline: Deadline,
}

impl Wire {
    /// The next command line, without its `\r\n`; `None` when the test is over.
    pub fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.inbox.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.inbox.drain(..end + 2).collect();
                return Some(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.over {
                return None;
            }
            self.listen();
        }
    }

    /// Waits for exactly this command line.
    #[track_caller]
    pub fn expect(&mut self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Waits for exactly this command line and answers.
    #[track_caller]
    pub fn answer(&mut self, line: &str, reply: impl AsRef<[u8]>) {
        self.expect(line);
        self.say(reply);
    }

    /// Waits for so many bytes of data.
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        while self.inbox.len() < count {
            assert!(!self.over, "the program sent {} of {count} bytes of data", self.inbox.len());
            self.listen();
        }
        self.inbox.drain(..count).collect()
    }

    /// Says something at once.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let mut bytes = bytes.as_ref();
        while !bytes.is_empty() {
            match rustix::io::write(&self.master, bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, self.deadline.left()),
                Err(error) => panic!("the module cannot speak: {error}"),
            }
            assert!(!self.deadline.passed(), "nobody listens to the module");
        }
    }

    /// Says something in pieces of at most `size` bytes, a millisecond apart, so that the program reads
    /// each by itself.
    pub fn say_in_pieces(&mut self, bytes: impl AsRef<[u8]>, size: usize) {
        for piece in bytes.as_ref().chunks(size) {
            self.say(piece);
            self.wait(PollFlags::empty(), Duration::from_millis(1));
        }
    }

    /// Lets time pass; what comes meanwhile is kept.
    pub fn pause(&mut self, time: Duration) {
        let end = Deadline::after(time);
        while !end.passed() {
            self.wait(PollFlags::IN, end.left());
            self.read();
        }
    }

    /// What has come and was not asked for yet.
    pub fn waiting(&self) -> &[u8] {
        &self.inbox
    }

    /// Reads nothing more until the test is over.
    pub fn stop_reading(&mut self) {
        let mut told = [PollFd::new(&self.told, PollFlags::IN)];
        let left = Timespec::try_from(self.deadline.left()).expect("a short time");
        poll(&mut told, Some(&left)).expect("a socket can be polled");
    }

    /// Speaks without end and reads nothing until the test is over.
    pub fn babble(&mut self, line: &[u8]) {
        let mut over = false;
        while !over && !self.deadline.passed() {
            let room = {
                let mut fds =
                    [PollFd::new(&self.told, PollFlags::IN), PollFd::new(&self.master, PollFlags::OUT)];
                let left = Timespec::try_from(self.deadline.left()).expect("a short time");
                poll(&mut fds, Some(&left)).expect("descriptors can be polled");
                over = !fds[0].revents().is_empty();
                fds[1].revents().contains(PollFlags::OUT)
            };
            if room {
                let _ = rustix::io::write(&self.master, line);
            }
        }
    }

    /// Listens until the test is over.
    pub fn until_over(&mut self) {
        while !self.over {
            self.listen();
        }
    }

    /// Answers every command line until the test is over.
    pub fn serve(&mut self, mut reply: impl FnMut(&str) -> Vec<u8>) {
        while let Some(line) = self.line() {
            self.say(reply(&line));
        }
    }

    fn listen(&mut self) {
        assert!(!self.deadline.passed(), "the program sends nothing more; so far: {:?}", self.inbox);
        self.wait(PollFlags::IN, self.deadline.left());
        self.read();
    }

    fn wait(&self, events: PollFlags, time: Duration) {
        let mut fds = [PollFd::new(&self.master, events)];
        let time = Timespec::try_from(time).expect("a short time");
        match poll(&mut fds, Some(&time)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => panic!("the module cannot wait: {error}"),
        }
    }

    fn read(&mut self) {
        let mut bytes = [0; 4096];
        match rustix::io::read(&self.master, &mut bytes) {
            Ok(count) => {
                self.inbox.extend_from_slice(&bytes[..count]);
                self.heard.extend_from_slice(&bytes[..count]);
            }
            Err(Errno::AGAIN | Errno::INTR) => return,
            Err(error) => panic!("the module hears nothing more: {error}"),
        }
        if self.heard.ends_with(OVER) {
            self.heard.truncate(self.heard.len() - OVER.len());
            self.inbox.truncate(self.inbox.len().saturating_sub(OVER.len()));
            self.over = true;
        }
    }
}

/// `\r\n…\r\n` around each line, as modules frame what they say.
pub fn framed(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("\r\n{line}\r\n").into_bytes()).collect()
}
