//! The one loop that polls, reads and writes, shared by every link that is a file descriptor. The
//! descriptor must be in non-blocking mode: then nothing but `poll` ever waits, and always with a deadline.

use std::cell::Cell;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::wake::Wake;
use super::{Clock, LinkError, Mono, Read, WallClock};

/// Room made for one read. A Linux tty holds 4,095 bytes at a time.
const READ_BYTES: usize = 4096;

/// How much of what the module says during a write is kept for the next read. A module that talks this
/// much while it takes nothing is stuck, and the write's deadline ends it.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// First pause between two attempts to open a port again; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// Longest pause between two attempts to open a port again.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// A port that is gone again so soon after it was opened, such as that of a server that is in use and hangs up,
/// is left alone for a while, twice as long each time.
const SHORT_LIFE: Duration = Duration::from_secs(10);

/// Longest single `poll`. Its own clock stops while the machine sleeps and ours does not, so a deadline that
/// passed in that time is noticed this late.
const POLL_MAX: Duration = Duration::from_secs(5);

/// What the descriptors of a link share: the clock, the wake-up and bytes that came during a write.
#[derive(Debug)]
pub(super) struct FdPipe {
    clock: Rc<WallClock>,
    wake: Wake,
    kept: Vec<u8>,
    /// When it was opened again last, and how long it is left alone if it does not live long.
    came_back: Cell<Option<(Mono, Duration)>>,
}

/// What reading without waiting gave.
enum Taken {
    Bytes(usize),
    Nothing,
    Gone(LinkError),
}

impl FdPipe {
    pub(super) fn new(clock: Rc<WallClock>, wake: Wake) -> Self {
        Self { clock, wake, kept: Vec::new(), came_back: Cell::new(None) }
    }

    pub(super) fn clock(&self) -> Rc<WallClock> {
        Rc::clone(&self.clock)
    }

    pub(super) fn now(&self) -> Mono {
        self.clock.now()
    }

    /// [`Link::read`](super::Link::read) on `port`.
    pub(super) fn read(
        &mut self,
        port: BorrowedFd<'_>,
        buf: &mut Vec<u8>,
        until: Mono,
    ) -> Result<Read, LinkError> {
        if !self.kept.is_empty() {
            let count = self.kept.len();
            buf.append(&mut self.kept);
            return Ok(Read::Bytes(count));
        }
        // Before each command line the session asks what is there already. One call answers that.
        if (until == Mono::ZERO || until <= self.now()) && !self.wake.is_raised() {
            return match take(port, buf) {
                Taken::Bytes(count) => Ok(Read::Bytes(count)),
                Taken::Nothing => Ok(Read::Deadline),
                Taken::Gone(error) => Err(error),
            };
        }
        loop {
            let (ready, woken) = self.wait_for_bytes(port, until)?;
            if woken {
                self.wake.drain();
                return Ok(Read::Woken);
            }
            if ready.is_empty() {
                if self.now() >= until {
                    return Ok(Read::Deadline);
                }
                continue;
            }
            // A port that hung up may still hold bytes: only the read says that it is over.
            match take(port, buf) {
                Taken::Bytes(count) => return Ok(Read::Bytes(count)),
                Taken::Nothing if ready.intersects(PollFlags::HUP) => return Err(hung_up()),
                Taken::Nothing => {}
                Taken::Gone(error) => return Err(error),
            }
        }
    }

    /// Waits for input on `port` and for the wake-up, and says what is there of both.
    fn wait_for_bytes(&self, port: BorrowedFd<'_>, until: Mono) -> Result<(PollFlags, bool), LinkError> {
        let wake = self.wake.fd();
        let mut polled = [
            PollFd::from_borrowed_fd(port, PollFlags::IN),
            PollFd::from_borrowed_fd(wake.unwrap_or(port), PollFlags::IN),
        ];
        let count = if wake.is_some() { 2 } else { 1 };
        poll_once(&mut polled[..count], self.left(until))?;
        let woken = count == 2 && !polled[1].revents().is_empty();
        Ok((polled[0].revents(), woken))
    }

    /// [`Link::write`](super::Link::write) on `port`.
    pub(super) fn write(
        &mut self,
        port: BorrowedFd<'_>,
        bytes: &[u8],
        until: Mono,
    ) -> Result<usize, LinkError> {
        let mut taken = 0;
        while taken < bytes.len() {
            match rustix::io::write(port, &bytes[taken..]) {
                Ok(count) if count > 0 => taken += count,
                Err(Errno::INTR) => {}
                Ok(_) | Err(Errno::AGAIN) => {
                    if !self.wait_for_room(port, until)? {
                        break;
                    }
                }
                Err(error) => {
                    // Its last words are for the next read.
                    while let Taken::Bytes(_) = self.keep(port) {}
                    return Err(gone(error));
                }
            }
        }
        Ok(taken)
    }

    /// Waits until `port` takes bytes again and keeps what it says meanwhile. False at the deadline.
    ///
    /// A signal does not end this wait: the caller could not do anything about it before the line is out.
    fn wait_for_room(&mut self, port: BorrowedFd<'_>, until: Mono) -> Result<bool, LinkError> {
        loop {
            let listening = self.kept.len() < KEPT_BYTES_MAX;
            let events = if listening { PollFlags::OUT | PollFlags::IN } else { PollFlags::OUT };
            let mut polled = [PollFd::from_borrowed_fd(port, events)];
            poll_once(&mut polled, self.left(until))?;
            let ready = polled[0].revents();
            let spoke = match self.keep(port) {
                Taken::Bytes(_) => true,
                Taken::Nothing => false,
                Taken::Gone(error) => return Err(error),
            };
            if !spoke && ready.intersects(PollFlags::HUP | PollFlags::ERR) {
                return Err(hung_up());
            }
            if ready.intersects(PollFlags::OUT) {
                return Ok(true);
            }
            // Asked after every round, also when bytes came: a module that never stops talking must not
            // hold the deadline up.
            if self.now() >= until {
                return Ok(false);
            }
        }
    }

    fn keep(&mut self, port: BorrowedFd<'_>) -> Taken {
        if self.kept.len() >= KEPT_BYTES_MAX {
            return Taken::Nothing;
        }
        take(port, &mut self.kept)
    }

    /// Waits for the time to pass. False if a signal ended it early; the signal stays for the next read.
    pub(super) fn pause(&self, until: Mono) -> Result<bool, LinkError> {
        loop {
            let mut polled = self.wake.fd().map(|wake| PollFd::from_borrowed_fd(wake, PollFlags::IN));
            poll_once(polled.as_mut_slice(), self.left(until))?;
            let woken = polled.is_some_and(|wake| !wake.revents().is_empty());
            if woken {
                return Ok(false);
            }
            if self.now() >= until {
                return Ok(true);
            }
        }
    }

    /// Calls `open` with growing pauses until it succeeds, `until` passes or a signal comes; gives the
    /// last error then.
    pub(super) fn come_back<T>(
        &self,
        until: Mono,
        mut open: impl FnMut() -> Result<T, LinkError>,
    ) -> Result<T, LinkError> {
        let last = self.came_back.get().filter(|(at, _)| self.now().since(*at) < SHORT_LIFE);
        if let Some((at, rest)) = last {
            let rested = at + rest;
            if !self.pause(until.min(rested))? || self.now() < rested {
                return Err(LinkError::closed());
            }
        }
        let mut pause = PAUSE_MIN;
        loop {
            let error = match open() {
                Ok(port) => {
                    let rest = last.map_or(PAUSE_MAX, |(_, rest)| (rest * 2).min(SHORT_LIFE));
                    self.came_back.set(Some((self.now(), rest)));
                    return Ok(port);
                }
                Err(error) => error,
            };
            let now = self.now();
            if now >= until || !self.pause(until.min(now + pause))? {
                return Err(error);
            }
            pause = PAUSE_MAX.min(pause * 2);
        }
    }

    /// Whether the other end of `port` is still there, as far as the system knows.
    pub(super) fn is_open(port: BorrowedFd<'_>) -> bool {
        let mut polled = [PollFd::from_borrowed_fd(port, PollFlags::empty())];
        let polled_at_all = poll_once(&mut polled, Some(Timespec::default())).is_ok();
        polled_at_all && !polled[0].revents().intersects(PollFlags::HUP | PollFlags::NVAL)
    }

    /// What is left of the time, for one `poll`; `None` waits for ever.
    fn left(&self, until: Mono) -> Option<Timespec> {
        // So short a time always fits a timespec: the conversion cannot fail.
        (until != Mono::FAR)
            .then(|| until.since(self.now()).min(POLL_MAX))
            .and_then(|left| Timespec::try_from(left).ok())
    }
}

/// One `poll`. A signal that interrupts it ends it like a timeout: its wake-up is there at the next one.
fn poll_once(polled: &mut [PollFd<'_>], left: Option<Timespec>) -> Result<(), LinkError> {
    match poll(polled, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(gone(error)),
    }
}

/// Appends what `port` has to `buf`, without waiting.
fn take(port: BorrowedFd<'_>, buf: &mut Vec<u8>) -> Taken {
    buf.reserve(READ_BYTES);
    loop {
        return match rustix::io::read(port, spare_capacity(buf)) {
            Ok(0) => Taken::Gone(hung_up()),
            Ok(count) => Taken::Bytes(count),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Taken::Nothing,
            Err(error) => Taken::Gone(gone(error)),
        };
    }
}

fn hung_up() -> LinkError {
    LinkError::Gone { what: "it hung up (unplugged, restarted, or closed at the other end)".into() }
}

fn gone(error: Errno) -> LinkError {
    match error {
        // What a tty says when the device behind it has left.
        Errno::IO | Errno::NXIO | Errno::NODEV | Errno::PIPE => hung_up(),
        other => LinkError::Gone { what: other.to_string() },
    }
}
