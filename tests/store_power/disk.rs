//! What a disk may hold after lost power: all that was synced, and of what came later any sectors at all.

use std::collections::BTreeMap;

use super::recording::Op;
use atflow::chance::Chance;

const SECTOR: usize = 512;

/// The files of the store, as the disk has them.
#[derive(Default)]
pub struct Disk {
    files: BTreeMap<String, File>,
}

#[derive(Default)]
struct File {
    synced: Vec<u8>,
    later: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// How much of what was not synced is on the disk all the same.
#[derive(Clone, Copy, Debug)]
pub enum Luck {
    Nothing,
    Everything,
    Some(f64),
}

impl Disk {
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Write { file, at, bytes } => {
                self.change(file, Change::Write { at: *at, bytes: bytes.clone() });
            }
            Op::Truncate { file, size } => self.change(file, Change::Truncate(*size)),
            Op::Nothing => {}
            Op::Delete { file } => {
                self.files.remove(file);
            }
            Op::Sync { file } => {
                let file = self.files.entry(file.clone()).or_default();
                for change in std::mem::take(&mut file.later) {
                    change.make(&mut file.synced);
                }
            }
        }
    }

    fn change(&mut self, file: &str, change: Change) {
        self.files.entry(file.to_string()).or_default().later.push(change);
    }

    /// The files after power was lost now.
    pub fn image(&self, luck: Luck, chance: &mut Chance) -> Vec<(&str, Vec<u8>)> {
        let mut image = |file: &File| {
            let mut bytes = file.synced.clone();
            for change in &file.later {
                change.perhaps(&mut bytes, luck, chance);
            }
            bytes
        };
        self.files.iter().map(|(name, file)| (name.as_str(), image(file))).collect()
    }
}

impl Change {
    fn make(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => put(file, *at, bytes),
            Self::Truncate(size) => file.truncate(*size),
        }
    }

    fn perhaps(&self, file: &mut Vec<u8>, luck: Luck, chance: &mut Chance) {
        let mut lucky = || match luck {
            Luck::Nothing => false,
            Luck::Everything => true,
            Luck::Some(share) => chance.hits(share),
        };
        match self {
            Self::Truncate(_) if !lucky() => {}
            Self::Truncate(_) => self.make(file),
            Self::Write { at, bytes } => {
                let mut from = 0;
                while from < bytes.len() {
                    let to = bytes.len().min(from + SECTOR - (at + from) % SECTOR);
                    if lucky() {
                        put(file, at + from, &bytes[from..to]);
                    }
                    from = to;
                }
            }
        }
    }
}

/// Writes; what lies between the end of the file and the place is zero.
fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
