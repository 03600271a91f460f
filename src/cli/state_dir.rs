//! Where this program keeps things between runs.

use std::path::{Path, PathBuf};

/// `$XDG_STATE_HOME/atflow`, or below `~/.local/state`; `None` when neither variable is set.
pub(super) fn own() -> Option<PathBuf> {
    std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state")))
        .map(|base| base.join("atflow"))
}

/// Where a station of this name keeps its things. A name can hold anything; a folder's name cannot.
pub(super) fn of_station(name: &str) -> Option<PathBuf> {
    let plain = |character: char| character.is_alphanumeric() || "._-".contains(character);
    let folder: String = name.chars().map(|one| if plain(one) { one } else { '-' }).collect();
    let folder = folder.trim_start_matches('.');
    own().map(|base| base.join(if folder.is_empty() { "station" } else { folder }))
}
