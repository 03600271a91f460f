//! Diagnostics as data: a small file beside the exact text it prints. A case is
//!
//! ```text
//! === what it shows
//! the YAML
//! --->
//! what is printed
//! ```
//!
//! A case that goes through the whole loader may have more files: a line `--- NAME` begins each further one, the
//! first is `flow.yaml`. `nothing` stands for a file without a problem.
//!
//! After a change that is meant, `UPDATE=1 cargo test generated` writes the new texts; reading the difference
//! is the review. The same variable refreshes every other generated file of this room.

mod mended;

use std::fs;
use std::path::{Path, PathBuf};

use crate::flow::codes::TABLE;
use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::{Diagnostics, FileId, Look, Sources};
use crate::hooks::Host;

/// Compares a generated file with its committed copy, or writes it.
pub(crate) fn generated(path: &str, content: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == content,
        "{} is out of date: `UPDATE=1 cargo test generated` writes it, then read the difference",
        path.display()
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Runs every case of `src/flow/cases/NAME` through `read` and compares what it prints.
pub(crate) fn check(name: &str, read: impl Fn(&Sources, FileId, &mut Diagnostics)) {
    each_case(name, |yaml| {
        let mut sources = Sources::new();
        let file = sources.add("flow.yaml", yaml.strip_suffix('\n').unwrap_or(yaml));
        let mut problems = Diagnostics::new();
        read(&sources, file, &mut problems);
        problems.render(&sources, Look::Plain)
    });
}

/// Runs every case of `src/flow/cases/NAME` through `print` and compares what comes out.
fn each_case(name: &str, print: impl Fn(&str) -> String) {
    let path = format!("src/flow/cases/{name}");
    let cases = fs::read_to_string(root().join(&path)).unwrap();
    let mut fresh = String::new();
    for case in cases.split("=== ").filter(|case| !case.trim().is_empty()) {
        let (title, rest) = case.split_once('\n').unwrap();
        let (given, _) = rest.split_once("--->\n").unwrap_or((rest, ""));
        let given = given.trim_end().to_string() + "\n";
        let printed = print(&given);
        let printed = if printed.is_empty() { "nothing" } else { &printed };
        let printed: Vec<_> = printed.lines().map(str::trim_end).collect();
        fresh.extend(["=== ", title, "\n", &given, "--->\n", &printed.join("\n"), "\n\n"]);
    }
    generated(&path, fresh.trim_end());
}

/// Loads the files of a case from a folder of their own, then lets `then` look on.
pub(crate) fn check_loaded(name: &str, then: impl Fn(&Loaded, &Path) -> Option<Diagnostics>) {
    let folder = std::env::temp_dir().join(format!("atflow-{}-{name}", std::process::id()));
    each_case(name, |given| {
        let root = folder.join("here");
        let _ = fs::remove_dir_all(&folder);
        for (index, file) in format!("--- flow.yaml\n{given}").split("--- ").skip(1).enumerate() {
            let (name, text) = file.split_once('\n').unwrap();
            let path = root.join(name.trim());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = if index == 0 { text.strip_suffix('\n').unwrap_or(text) } else { text };
            fs::write(path, text).unwrap();
        }
        let loaded = compile::load(&root.join("flow.yaml"), &root, &Options::default(), &Host::new());
        let mut printed = loaded.problems.render(&loaded.sources, Look::Plain);
        if let Some(more) = then(&loaded, &root) {
            printed += &more.render(&loaded.sources, Look::Plain);
        }
        printed.replace(&format!("{}/", root.display()), "").replace(&format!("{}/", folder.display()), "../")
    });
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn generated_yaml_cases() {
    check("yaml.txt", |sources, file, problems| {
        crate::flow::yaml::parse(sources, file, problems);
    });
}

/// What is found when files are loaded, by what it is about.
const LOADED: [&str; 8] = [
    "structure.txt",
    "patterns.txt",
    "names.txt",
    "flows.txt",
    "dialects.txt",
    "imports.txt",
    "bounds.txt",
    "stations.txt",
];

#[test]
fn generated_loaded_cases() {
    for name in LOADED {
        check_loaded(name, |_, _| None);
    }
}

/// A problem of a file has its case here, but for files too large to stand here; what a run or an argument may say
/// has one under `tests`.
#[test]
fn every_problem_has_a_case() {
    let mut shown = fs::read_to_string(root().join("src/flow/yaml.rs")).unwrap();
    for folder in ["src/flow/cases", "tests"] {
        gather(&root().join(folder), &mut shown);
    }
    for (code, title) in TABLE {
        let is_shown = [format!("[{code}]"), format!("\"{code}\"")].iter().any(|text| shown.contains(text));
        assert!(is_shown, "{code} ({title}) has no case");
    }
}

/// All texts below a folder.
fn gather(folder: &Path, out: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, out);
        } else if let Ok(text) = fs::read_to_string(&path) {
            out.push_str(&text);
        }
    }
}
