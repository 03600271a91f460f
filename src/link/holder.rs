//! Who holds a busy port: the processes that have it open, as far as this user may see.

/// A process that has the port open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Process id.
    pub(super) pid: u32,
    /// The program's name. Not its arguments: they may hold a password.
    pub(super) command: String,
}

/// The first process that has `path` open. `None` where nobody does, or another user's process does and
/// only root may see that, or the system has no `/proc`.
pub(super) fn find(path: &str) -> Option<Holder> {
    let device = std::fs::canonicalize(path).ok()?;
    let processes = std::fs::read_dir("/proc").ok()?;
    let mut pids: Vec<u32> =
        processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let pid = pids.into_iter().find(|pid| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.map(|file| file.path()).any(|file| file.read_link().is_ok_and(|target| target == device))
    })?;
    let command = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(Holder { pid, command: String::from_utf8_lossy(&command).trim().escape_default().to_string() })
}
