//! One sign put anywhere into a good file is one mistake: behind it nothing is told that is not so.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::{Code, Diagnostic, Look};
use crate::hooks::Host;

/// A copy of the bundled files, one of which is spoilt.
struct Copy {
    folder: PathBuf,
}

impl Copy {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("atflow-mended-{}-{name}", std::process::id()));
        copy(&super::root().join("scripts"), &folder);
        Self { folder }
    }

    /// The files that can be checked by themselves, with their texts.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut out = Vec::new();
        for folder in ["modules", "clouds", "thingscloud", "examples"] {
            for entry in fs::read_dir(self.folder.join(folder)).expect("a folder") {
                let path = entry.expect("an entry").path();
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                if name.ends_with(".yaml") && !name.ends_with(".test.yaml") && name != "demo.yaml" {
                    let text = fs::read_to_string(&path).expect("a text");
                    out.push((path, text));
                }
            }
        }
        out.sort();
        out
    }

    fn load(&self, path: &Path, text: &[u8]) -> Loaded {
        fs::write(path, text).expect("a file");
        compile::load(path, &self.folder, &Options::default(), &Host::new())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("a copy");
        }
    }
}

#[test]
#[ignore = "long"]
fn every_place() {
    let copy = Copy::new("all");
    let part: usize = std::env::var("PART").map_or(7, |part| part.parse().unwrap());
    let mut count = 0;
    let mut total = 0;
    for (path, text) in copy.files() {
        for (at, _) in text.char_indices().filter(|(at, _)| at % part == 0) {
            for sign in ["\t", "[", "]", "{", "}", "'", "\"", " ", "\n", ": ", "\\", "\n\t", "\n ", "- "] {
                let mut spoilt = text.clone();
                spoilt.insert_str(at, sign);
                let loaded = copy.load(&path, spoilt.as_bytes());
                total += 1;
                let line = spoilt[..at].matches('\n').count() + 1;
                let is_yaml = |p: &&Diagnostic| p.code.number() < 200 && p.code.number() != 124;
                let has_yaml = loaded.problems.errors().any(|p| is_yaml(&p));
                if !has_yaml {
                    continue;
                }
                let far: Vec<_> = loaded
                    .problems
                    .sorted()
                    .into_iter()
                    .filter(|p| {
                        let found = loaded.sources.position(p.at).line;
                        !is_yaml(p) && !(found == line || found == line + 1)
                    })
                    .cloned()
                    .collect();
                if !far.is_empty() {
                    count += 1;
                    println!(
                        "##### {} {sign:?} at line {line}: {}",
                        path.display(),
                        far.iter().map(|p| format!("{} ", p.code)).collect::<String>()
                    );
                    for p in loaded.problems.sorted().iter().take(4) {
                        println!("{}\n", p.render(&loaded.sources, Look::Plain));
                    }
                }
            }
        }
        fs::write(&path, &text).unwrap();
    }
    println!("COUNT {count} of {total}");
}
