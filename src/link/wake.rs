//! Signals, made into something that can be polled together with a port. A signal handler may do next to
//! nothing, so it sets a flag and writes into a pipe; [`Link::read`](super::Link::read) polls the pipe's
//! other end and returns [`Read::Woken`](super::Read::Woken), once for each signal.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::{flag, low_level};

/// Exit code of a process that a second SIGINT or SIGTERM ends at once (the shell's 128 + SIGINT).
const EXIT_SECOND_SIGNAL: i32 = 130;

/// What the signals that came ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// SIGINT, SIGTERM or a terminal that was closed: come to an end. Stays set for good.
    pub stop: bool,
    /// SIGHUP to whoever runs for ever: read the files again. Reported once.
    pub reload: bool,
}

/// What SIGHUP asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hangup {
    /// The end, as the terminal was closed; nothing where the process was started to outlive it (`nohup`).
    Stops,
    /// The files are to be read again.
    Reloads,
}

/// A handle to the signals; clones share it. A device's thread has one of its own, because a wake-up is
/// used up by the one read that reports it.
#[derive(Clone, Debug, Default)]
pub struct Wake {
    /// `None`: nothing ever wakes.
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    polled: UnixStream,
    written: UnixStream,
    stop: Arc<AtomicBool>,
    reload: Arc<AtomicBool>,
}

impl Wake {
    /// One that never wakes anybody.
    pub fn never() -> Self {
        Self::default()
    }

    /// One that only [`Wake::request_stop`] wakes.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptors left.
    pub fn by_hand() -> io::Result<Self> {
        let (polled, written) = UnixStream::pair()?;
        polled.set_nonblocking(true)?;
        written.set_nonblocking(true)?;
        let shared = Shared { polled, written, stop: Arc::default(), reload: Arc::default() };
        Ok(Self { shared: Some(Arc::new(shared)) })
    }

    /// One that SIGINT, SIGTERM and SIGHUP wake. After a SIGINT or SIGTERM the next of either ends the
    /// process at once with exit code 130; not so SIGHUP, which shell and kernel may both send when a terminal is
    /// closed. The signals stay caught for the life of the process, also when the handle is gone; several
    /// handles may be installed, and each hears every signal. SIGXFSZ ends nobody any more.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptors left or the system refuses the handler.
    pub fn install(hangup: Hangup) -> io::Result<Self> {
        let wake = Self::by_hand()?;
        let Some(shared) = &wake.shared else { return Ok(wake) };
        let told_before = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Actions run in the order in which they were registered: the shutdown must look at the flag
            // before this very signal sets it.
            flag::register_conditional_shutdown(signal, EXIT_SECOND_SIGNAL, Arc::clone(&told_before))?;
            flag::register(signal, Arc::clone(&told_before))?;
            flag::register(signal, Arc::clone(&shared.stop))?;
        }
        let wakes_at = match hangup {
            Hangup::Stops if is_ignored(SIGHUP) => [SIGINT, SIGTERM].as_slice(),
            Hangup::Stops | Hangup::Reloads => &[SIGINT, SIGTERM, SIGHUP],
        };
        if wakes_at.contains(&SIGHUP) {
            let flag = if hangup == Hangup::Stops { &shared.stop } else { &shared.reload };
            flag::register(SIGHUP, Arc::clone(flag))?;
        }
        // A file that may not grow any more is an error of whoever writes to it, and not the end of the process.
        flag::register(SIGXFSZ, Arc::default())?;
        for signal in wakes_at {
            low_level::pipe::register_raw(*signal, OwnedFd::from(shared.written.try_clone()?))?;
        }
        Ok(wake)
    }

    /// What to poll for input; `None` if nothing ever wakes.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.shared.as_ref().map(|shared| shared.polled.as_fd())
    }

    /// Whether somebody asked for the end.
    pub fn stop_requested(&self) -> bool {
        self.shared.as_ref().is_some_and(|shared| shared.stop.load(Ordering::SeqCst))
    }

    /// Whether a poll could find a wake-up. It costs no system call, and may be true when there is none left.
    pub(super) fn is_raised(&self) -> bool {
        self.shared
            .as_ref()
            .is_some_and(|shared| shared.stop.load(Ordering::SeqCst) || shared.reload.load(Ordering::SeqCst))
    }

    /// What was asked for; a wish to reload is forgotten with this call.
    pub fn take(&self) -> Wants {
        let Some(shared) = &self.shared else { return Wants::default() };
        let reload = shared.reload.swap(false, Ordering::SeqCst);
        Wants { stop: shared.stop.load(Ordering::SeqCst), reload }
    }

    /// Asks for the end as SIGTERM would, from any thread. Does nothing on [`Wake::never`].
    pub fn request_stop(&self) {
        let Some(shared) = &self.shared else { return };
        shared.stop.store(true, Ordering::SeqCst);
        self.nudge();
    }

    /// Ends the read under way, or the next one, without asking for anything; from any thread.
    pub fn nudge(&self) {
        let Some(shared) = &self.shared else { return };
        // A full pipe has enough bytes in it to wake whoever polls it.
        let _ = (&shared.written).write(&[0]);
    }

    /// From now on `signal` sets `flag` and is a [`Wake::nudge`], for the life of the process.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptors left or the system refuses the handler.
    pub fn nudge_at(&self, signal: i32, flag: Arc<AtomicBool>) -> io::Result<()> {
        let Some(shared) = &self.shared else { return Ok(()) };
        flag::register(signal, flag)?;
        low_level::pipe::register_raw(signal, OwnedFd::from(shared.written.try_clone()?))?;
        Ok(())
    }

    /// Uses up the wake-ups so far, so that the next poll waits again. The flags stay as they are.
    pub fn drain(&self) {
        let Some(shared) = &self.shared else { return };
        let mut signals = [0; 64];
        while (&shared.polled).read(&mut signals).is_ok_and(|count| count == signals.len()) {}
    }
}

/// Whether the process was started with this signal ignored. Where the system does not tell: no.
fn is_ignored(signal: i32) -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, signal))
}

fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const CHILD: &str = "ATFLOW_WAKE_TEST_CHILD";

    #[test]
    fn never_asks_for_nothing() {
        let wake = Wake::never();
        wake.request_stop();
        assert_eq!(wake.take(), Wants::default());
        assert!(wake.fd().is_none());
    }

    #[test]
    fn a_stop_stays_and_a_reload_is_reported_once() {
        let wake = Wake::install(Hangup::Reloads).unwrap();
        low_level::raise(SIGHUP).unwrap();
        assert_eq!(wake.take(), Wants { stop: false, reload: true });
        assert_eq!(wake.take(), Wants::default());
        wake.request_stop();
        assert!(wake.clone().stop_requested());
        assert_eq!(wake.take(), Wants { stop: true, reload: false });
        assert!(wake.take().stop);
    }

    #[test]
    fn ignored_signals_are_read_from_the_system() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000002\n";
        assert!(ignores(status, SIGHUP));
        assert!(!ignores(status, SIGINT));
        assert!(!ignores("", SIGHUP));
    }

    #[test]
    fn a_nudge_wakes_and_asks_for_nothing() {
        let wake = Wake::by_hand().unwrap();
        let flag = Arc::new(AtomicBool::new(false));
        wake.nudge_at(signal_hook::consts::SIGUSR1, Arc::clone(&flag)).unwrap();
        low_level::raise(signal_hook::consts::SIGUSR1).unwrap();
        assert!(flag.load(Ordering::SeqCst));
        wake.nudge();
        let woken = |wake: &Wake| {
            let Shared { polled, .. } = &**wake.shared.as_ref().unwrap();
            (&mut &*polled).read(&mut [0; 8]).unwrap_or(0)
        };
        assert_eq!((woken(&wake), wake.take()), (2, Wants::default()));
        wake.nudge();
        wake.drain();
        assert_eq!(woken(&wake), 0);
    }

    /// Runs in a process of its own (see below), because it ends it.
    #[test]
    fn child_raises_two_signals() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let first = Wake::install(Hangup::Reloads).unwrap();
        let second = Wake::install(Hangup::Reloads).unwrap();
        low_level::raise(SIGTERM).unwrap();
        assert!(first.stop_requested() && second.stop_requested());
        low_level::raise(SIGINT).unwrap();
        panic!("the second signal must have ended the process");
    }

    #[test]
    fn the_second_signal_ends_the_process_with_130() {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "link::wake::tests::child_raises_two_signals"])
            .env(CHILD, "1")
            .output()
            .unwrap()
            .status;
        assert_eq!(status.code(), Some(EXIT_SECOND_SIGNAL));
    }
}
