//! Power is lost at any moment: whatever the store had promised by then holds.
//!
//! A station's work is recorded, down to the writes and syncs of its files. Each prefix of the record gives
//! disks as they may look after lost power, all that was synced and any sectors of what was not. Each is opened,
//! and compared with what the store had said.
#![cfg(target_os = "linux")]

#[path = "store_power/disk.rs"]
mod disk;
#[path = "store_power/recording.rs"]
mod recording;
#[path = "store_power/work.rs"]
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use atflow::chance::Chance;
use disk::{Disk, Luck};
use recording::Op;
use work::{Said, Story};

/// A folder in memory, if the system has one: thousands of disks are written to it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_path_buf() } else { std::env::temp_dir() };
        let path = base.join(format!("atflow-power-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a disk's files where a store is to be opened.
fn lay_out(folder: &Path, image: &[(&str, Vec<u8>)]) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder");
    for (path, bytes) in image {
        let name = Path::new(path).file_name().expect("a name");
        fs::write(folder.join(name), bytes).expect("a file");
    }
}

/// What came of cutting the power at every moment.
struct Outcome {
    disks: usize,
    broken: Vec<String>,
}

fn cut_everywhere(name: &str, story: &Story, ops: &[Op], chance: &mut Chance) -> Outcome {
    let folder = Folder::new(name);
    let mut outcome = Outcome { disks: 0, broken: Vec::new() };
    let mut disk = Disk::default();
    for moment in 0..=ops.len() {
        let said: Vec<(usize, Said)> =
            story.said.iter().take_while(|(at, _)| *at <= moment).cloned().collect();
        let lucks = [Luck::Nothing, Luck::Everything, Luck::Some(0.5), Luck::Some(0.9)];
        // Between a write and the next sync many disks are possible, right after the sync only one.
        let count = if moment > 0 && matches!(ops[moment - 1], Op::Sync { .. }) { 1 } else { 2 };
        for turn in 0..count {
            let luck = lucks[(moment + turn) % lucks.len()];
            lay_out(&folder.0, &disk.image(luck, chance));
            let broken = work::broken_promises(&folder.0, &said);
            outcome.disks += 1;
            outcome.broken.extend(
                broken.into_iter().map(|what| format!("after {moment} of {} ({luck:?}): {what}", ops.len())),
            );
        }
        if let Some(op) = ops.get(moment) {
            disk.apply(op);
        }
    }
    outcome
}

fn recorded(name: &str, seed: u64, rounds: u64) -> (Story, Vec<Op>) {
    recording::install();
    let folder = Folder::new(name);
    let story = work::work(&folder.0, rounds, &mut Chance::new(seed));
    (story, recording::take())
}

fn promises_hold(seed: u64) {
    let (story, ops) = recorded(&format!("work-{seed}"), seed, 60);
    let outcome = cut_everywhere(&format!("image-{seed}"), &story, &ops, &mut Chance::new(seed + 100));
    assert!(outcome.disks > 1000 && story.checkpoints.len() > 3, "{}", outcome.disks);
    assert_eq!(outcome.broken, [] as [String; 0]);
}

// Two tests, so that two cores have something to do.
#[test]
fn no_promise_is_broken_by_lost_power() {
    promises_hold(0);
}

#[test]
fn nor_in_another_life() {
    promises_hold(2);
}

/// The same record without the syncs that promises ask for, as if they were written like what may be repeated:
/// the test above must be able to see that.
#[test]
fn without_the_syncs_of_promises_something_is_lost() {
    let (story, mut ops) = recorded("loose", 0, 60);
    let first_promise = story.said.first().expect("a promise").0;
    for (at, op) in ops.iter_mut().enumerate().skip(first_promise) {
        let in_checkpoint = story.checkpoints.iter().any(|(from, to)| (*from..*to).contains(&at));
        if matches!(op, Op::Sync { .. }) && !in_checkpoint {
            // Nothing is taken out, so that the moments stay what they are.
            *op = Op::Nothing;
        }
    }
    let outcome = cut_everywhere("loose-image", &story, &ops, &mut Chance::new(7));
    assert!(
        outcome.broken.iter().any(|what| what.contains("row") && what.contains("lost")),
        "{:?}",
        outcome.broken
    );
    assert!(outcome.broken.iter().any(|what| what.contains("begin again")), "{:?}", outcome.broken);
}
