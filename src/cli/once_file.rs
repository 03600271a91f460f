//! Lines that must never be sent a second time, across runs: a file in the state directory, readable by its
//! owner only, that holds a salted hash of each line and never the line itself.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Error, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::run::once::OnceStore;

use super::state_dir;

/// How long another process may have the file to itself.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// One line that was sent and did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    port: String,
    salt: String,
    hash: String,
}

/// The file.
pub(super) struct OnceFile {
    path: Option<PathBuf>,
}

impl OnceFile {
    /// `$XDG_STATE_HOME/atflow/once.json`, or below `~/.local/state`.
    pub(super) fn open() -> Self {
        Self { path: state_dir::base().map(|base| base.join("once.json")) }
    }

    fn path(&self) -> Result<&Path, String> {
        self.path.as_deref().ok_or_else(|| "neither XDG_STATE_HOME nor HOME is set".to_string())
    }

    /// Reads, changes and writes; no other process does so meanwhile. A lock file beside it, because the file
    /// itself is replaced.
    fn change(&self, change: impl FnOnce(&mut Vec<Spent>)) -> Result<(), String> {
        let path = self.path()?;
        let lock = path.with_extension("lock");
        let failed = |error: Error| format!("cannot write `{}`: {error}", lock.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let _lock = owners_only().open(&lock).and_then(locked).map_err(failed)?;
        let mut all = self.read()?;
        let before = all.clone();
        change(&mut all);
        if all == before { Ok(()) } else { Self::write(path, &all) }
    }

    fn read(&self) -> Result<Vec<Spent>, String> {
        let path = self.path()?;
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|why| {
                format!("`{}` cannot be read ({why}); look at it, then delete it", path.display())
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(format!("cannot read `{}`: {error}", path.display())),
        }
    }

    /// Written beside and renamed, so that a power cut leaves the old file or the new one.
    fn write(path: &Path, spent: &[Spent]) -> Result<(), String> {
        let failed = |error: Error| format!("cannot write `{}`: {error}", path.display());
        let new = path.with_extension("new");
        let mut file = owners_only().truncate(true).open(&new).map_err(failed)?;
        let text = serde_json::to_vec_pretty(spent).map_err(|why| why.to_string())?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&new, path).map_err(failed)
    }

    /// Forgets what was sent to `port`, or everything; says how much that was.
    pub(super) fn forget(&self, port: Option<&str>) -> Result<usize, String> {
        if self.read()?.is_empty() {
            return Ok(0);
        }
        let mut gone = 0;
        self.change(|all| {
            let before = all.len();
            all.retain(|spent| port.is_some_and(|port| spent.port != port));
            gone = before - all.len();
        })?;
        Ok(gone)
    }
}

/// Whoever holds the lock is done in milliseconds, unless it was stopped in the middle: then a line that must not be
/// sent twice is not sent at all. The system's wait has no end of its own, so a thread waits; if the lock comes when
/// nobody wants it any more, it is let go.
fn locked(file: fs::File) -> io::Result<fs::File> {
    let (done, waits) = mpsc::channel();
    thread::spawn(move || {
        let taken = file.lock().map(|()| file);
        // Nobody waits any more: the file is closed, and its lock is free.
        let _ = done.send(taken);
    });
    let late = || Error::new(ErrorKind::TimedOut, "another atflow holds it and does not go on");
    waits.recv_timeout(LOCK_PATIENCE).unwrap_or_else(|_| Err(late()))
}

/// For a file that nobody else reads.
fn owners_only() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

impl OnceStore for OnceFile {
    fn is_spent(&self, line: &str) -> bool {
        // A file that cannot be read must not let a PIN through: `spend` will say what is wrong.
        self.read().is_ok_and(|all| all.iter().any(|spent| spent.is(line)))
    }

    fn spend(&mut self, port: &str, line: &str) -> Result<(), String> {
        self.change(|all| all.push(Spent::new(port, line)))
    }

    fn redeem(&mut self, port: &str, line: &str) -> Result<(), String> {
        self.change(|all| all.retain(|spent| spent.port != port || !spent.is(line)))
    }
}

impl Spent {
    fn new(port: &str, line: &str) -> Self {
        // The address of a fresh allocation and the process's id differ from call to call; the salt only
        // has to keep equal lines from having equal hashes.
        let salt = format!("{:x}-{:x}", std::process::id(), std::ptr::from_ref(&Box::new(0_u8)) as usize);
        let hash = hash(&salt, line);
        Self { port: port.to_string(), salt, hash }
    }

    fn is(&self, line: &str) -> bool {
        self.hash == hash(&self.salt, line)
    }
}

fn hash(salt: &str, line: &str) -> String {
    let digest = Sha256::digest(format!("{salt}\0{line}"));
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(name: &str) -> OnceFile {
        let folder = std::env::temp_dir().join(format!("atflow-once-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        OnceFile { path: Some(folder.join("once.json")) }
    }

    #[test]
    fn a_spent_line_is_known_to_the_next_process_and_nothing_of_it_is_in_the_file() {
        let mut first = store("next");
        first.spend("/dev/ttyUSB0", "AT+CPIN=\"1234\"").expect("written");
        let next = OnceFile { path: first.path.clone() };
        assert!(next.is_spent("AT+CPIN=\"1234\""));
        assert!(!next.is_spent("AT+CPIN=\"4321\""));
        let text = fs::read_to_string(first.path.as_ref().expect("a path")).expect("the file");
        assert!(!text.contains("1234"), "{text}");
        assert_eq!(next.forget(Some("/dev/ttyUSB0")), Ok(1));
        assert!(!next.is_spent("AT+CPIN=\"1234\""));
    }

    #[test]
    fn a_line_that_passed_may_be_sent_again() {
        let mut store = store("passed");
        store.spend("p", "AT+CPIN=\"1\"").expect("written");
        store.redeem("p", "AT+CPIN=\"1\"").expect("written");
        assert!(!store.is_spent("AT+CPIN=\"1\""));
    }

    #[test]
    fn what_passes_on_one_port_is_not_forgotten_of_another() {
        let mut store = store("ports");
        store.spend("a", "AT+CPIN=\"1\"").expect("written");
        store.spend("b", "AT+CPIN=\"1\"").expect("written");
        store.redeem("b", "AT+CPIN=\"1\"").expect("written");
        assert!(store.is_spent("AT+CPIN=\"1\""));
        store.redeem("a", "AT+CPIN=\"1\"").expect("written");
        assert!(!store.is_spent("AT+CPIN=\"1\""));
    }

    #[test]
    fn many_at_once_forget_nothing() {
        let store = store("many");
        thread::scope(|scope| {
            for number in 0..8 {
                let mut own = OnceFile { path: store.path.clone() };
                scope.spawn(move || {
                    for line in 0..5 {
                        own.spend("p", &format!("{number} {line}")).expect("written");
                    }
                });
            }
        });
        for number in 0..8 {
            assert!((0..5).all(|line| store.is_spent(&format!("{number} {line}"))), "{number}");
        }
    }

    #[test]
    fn a_lock_that_nobody_lets_go_keeps_the_line_back() {
        let mut store = store("stopped");
        store.spend("p", "x").expect("written");
        let path = store.path.clone().expect("a path").with_extension("lock");
        let holder = fs::File::open(&path).expect("the lock");
        holder.lock().expect("it is free");
        let why = store.spend("p", "y").expect_err("it is held");
        let wanted = format!("cannot write `{}`: another atflow holds it and does not go on", path.display());
        assert_eq!(why, wanted);
        drop(holder);
        store.spend("p", "y").expect("written");
        assert!(store.is_spent("y"));
    }

    #[test]
    fn a_broken_file_keeps_every_line_back() {
        let mut store = store("broken");
        store.spend("p", "x").expect("written");
        fs::write(store.path.as_ref().expect("a path"), "not JSON").expect("written");
        assert!(store.spend("p", "y").is_err());
    }
}
