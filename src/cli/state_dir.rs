//! Where things are kept between runs.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The database that makes a folder a station's.
const STORE: &str = "station.db";

/// `$XDG_STATE_HOME/atflow`, or `~/.local/state/atflow`.
pub(super) fn base() -> Option<PathBuf> {
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")))
        .map(|base| base.join("atflow"))
}

/// The folder of the station called `name`, where no other is given.
pub fn default_dir(name: &str) -> Result<PathBuf, String> {
    let base = base().ok_or("neither XDG_STATE_HOME nor HOME is set; say --state DIR")?;
    Ok(base.join(folder_name(name)))
}

/// The folder of the only station that keeps something.
pub(super) fn only_one() -> Result<PathBuf, String> {
    let base = base().ok_or("neither XDG_STATE_HOME nor HOME is set; say --state DIR")?;
    let entries = fs::read_dir(&base).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.join(STORE).exists()).collect();
    found.sort();
    match found.as_slice() {
        [] => Err(format!("no station keeps anything in `{}`; say --state DIR", base.display())),
        [one] => Ok(one.clone()),
        all => {
            let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let names: Vec<String> = all.iter().map(name).collect();
            Err(format!("say which station: {}", names.join(", ")))
        }
    }
}

/// A station's name as a folder: whatever is special to a file system, and a dot in front, as `%2F`.
fn folder_name(name: &str) -> String {
    let mut out = String::new();
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'.' if index == 0 => out.push_str("%2E"),
            b'.' | b'-' | b'_' => out.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => out.push(byte.into()),
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder_or_is_another_ones() {
        assert_eq!(folder_name("pump-1_a.b"), "pump-1_a.b");
        assert_eq!(folder_name("../x"), "%2E.%2Fx");
        assert_eq!(folder_name("a b"), "a%20b");
        assert_eq!(folder_name("%2E"), "%252E");
        assert_eq!(folder_name("é"), "%C3%A9");
    }
}
