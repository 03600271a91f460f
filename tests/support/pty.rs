//! A pty: its master, in the hands of the test, and what a program opens.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A new pty.
pub struct Pty {
    /// The test's end.
    pub master: OwnedFd,
    /// The path of the other end.
    pub path: PathBuf,
    /// The other end, open.
    pub slave: OwnedFd,
}

impl Pty {
    /// Makes one; no program started later has it by accident.
    pub fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pty");
        grantpt(&master).expect("a pty of our own");
        unlockpt(&master).expect("a pty of our own");
        let name = ptsname(&master, Vec::new()).expect("a pty has a name").into_bytes();
        let path = PathBuf::from(OsString::from_vec(name));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, Mode::empty()).expect("the pty's other end");
        Self { master, path, slave }
    }
}
