//! One process a store: the folder's `lock` is held for life and says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;

use super::StoreError;

/// The name of the file.
const NAME: &str = "lock";

/// Takes the folder for this process, which runs a station on `port`. It is free again when the file is
/// dropped or the process dies.
pub(super) fn take(folder: &Path, port: &str) -> Result<File, StoreError> {
    let failed =
        |why: std::io::Error| StoreError::Folder { path: folder.to_path_buf(), why: why.to_string() };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(folder.join(NAME)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(busy(folder, &mut file)),
        Err(TryLockError::Error(why)) => return Err(failed(why)),
    }
    // Only a help for whoever comes second; a full disk must not keep the station from starting.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| write!(file, "{}\n{port}\n", std::process::id()));
    Ok(file)
}

/// Whether a process holds the folder now.
pub(super) fn is_taken(folder: &Path) -> bool {
    File::open(folder.join(NAME)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn busy(folder: &Path, file: &mut File) -> StoreError {
    let mut text = String::new();
    // Best effort: the other process may be writing it just now.
    let _ = file.take(4096).read_to_string(&mut text);
    let mut lines = text.lines();
    let mut next = || lines.next().filter(|line| !line.is_empty()).unwrap_or("unknown").to_string();
    StoreError::Busy { path: folder.to_path_buf(), pid: next(), port: next() }
}
