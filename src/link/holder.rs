//! Who holds a busy port: the processes that have it open, as far as this user may see.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A process that has the port open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Process id.
    pub(super) pid: u32,
    /// The program's name. Not its arguments: they may hold a password.
    pub(super) command: String,
}

/// The process that keeps `path` for itself; if none has locked it, the first that has it open (a
/// simulated module, say, holds both ends of its pty). `None` where nobody does, or another user's process
/// does and only root may see that, or the system has no `/proc`.
pub(super) fn find(path: &str) -> Option<Holder> {
    let device = std::fs::canonicalize(path).ok()?;
    let pid = locker(&device).or_else(|| opener(&device))?;
    let command = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Holder { pid, command: String::from_utf8_lossy(&command).trim().escape_default().to_string() })
}

/// Who has locked the file with `flock`, as every program that wants a serial port for itself should.
fn locker(device: &Path) -> Option<u32> {
    let inode = std::fs::metadata(device).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        // `1: FLOCK  ADVISORY  WRITE 4711 00:18:5 0 EOF`: process, then file system and inode.
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ["FLOCK", _, "WRITE", pid, file, ..] = fields.get(1..)? else { return None };
        let same = file.rsplit(':').next()?.parse() == Ok(inode);
        let pid = pid.parse().ok()?;
        // Inodes are numbered anew in every file system: only who really has it open is named.
        (same && has_open(pid, device)).then_some(pid)
    })
}

fn opener(device: &Path) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut pids: Vec<u32> =
        processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter().find(|pid| has_open(*pid, device))
}

fn has_open(pid: u32, device: &Path) -> bool {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.map(|file| file.path()).any(|file| file.read_link().is_ok_and(|target| target == device))
}
