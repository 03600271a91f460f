//! The rooms of the library, as their sources show them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The other rooms that a room's sources name, its tests' too.
pub fn used_by<'r>(room: &str, rooms: &[&'r str]) -> Vec<&'r str> {
    let mut used = BTreeSet::new();
    for (_, text) in sources(room) {
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            used.extend(rooms.iter().copied().filter(|other| *other == name && *other != room));
        }
    }
    used.into_iter().collect()
}

/// Fails if anything in a room but its tests writes to standard output or standard error.
pub fn prints_nothing(room: &str) {
    for (place, text) in sources(room) {
        if place.components().any(|part| ["tests", "tests.rs"].iter().any(|tests| part.as_os_str() == *tests))
        {
            continue;
        }
        for word in ["println!", "print!", "dbg!", "stdout()", "stderr()"] {
            let printed =
                text.lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            assert!(printed.is_none(), "{}: {}", place.display(), printed.unwrap_or_default());
        }
    }
}

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut out = Vec::new();
    let mut folders = vec![super::root().join("src").join(room)];
    while let Some(folder) = folders.pop() {
        for place in listed(&folder) {
            if place.is_dir() {
                folders.push(place);
            } else if place.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&place).expect("a source can be read");
                out.push((place, text));
            }
        }
    }
    out
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a room is a folder");
    entries.map(|entry| entry.expect("it can be listed").path()).collect()
}
