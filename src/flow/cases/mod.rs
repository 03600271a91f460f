//! Diagnostics as data: a small file beside the exact text it prints. A case is
//!
//! ```text
//! === what it shows
//! the YAML
//! --->
//! what is printed
//! ```
//!
//! After a change that is meant, `UPDATE=1 cargo test generated` writes the new texts; reading the difference
//! is the review. The same variable refreshes every other generated file of this room.

mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use crate::flow::codes::{Code, TABLE};
use crate::flow::diag::{Diagnostics, FileId, Look, Sources};

/// Compares a generated file with its committed copy, or writes it.
pub(in crate::flow) fn generated(path: &str, content: &str) {
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
pub(in crate::flow) fn check(name: &str, read: impl Fn(&Sources, FileId, &mut Diagnostics)) {
    let path = format!("src/flow/cases/{name}");
    let cases = fs::read_to_string(root().join(&path)).unwrap();
    let mut fresh = String::new();
    for case in cases.split("=== ").filter(|case| !case.trim().is_empty()) {
        let (title, rest) = case.split_once('\n').unwrap();
        let (yaml, _) = rest.split_once("--->\n").unwrap_or((rest, ""));
        let mut sources = Sources::new();
        let file = sources.add("flow.yaml", yaml.strip_suffix('\n').unwrap_or(yaml));
        let mut problems = Diagnostics::new();
        read(&sources, file, &mut problems);
        let printed = problems.render(&sources, Look::Plain);
        let printed = if printed.is_empty() { "nothing" } else { &printed };
        let printed: Vec<_> = printed.lines().map(str::trim_end).collect();
        fresh.extend(["=== ", title, "\n", yaml, "--->\n", &printed.join("\n"), "\n\n"]);
    }
    generated(&path, fresh.trim_end());
}

#[test]
fn generated_yaml_cases() {
    check("yaml.txt", |sources, file, problems| {
        crate::flow::yaml::parse(sources, file, problems);
    });
}

#[test]
fn generated_structure_cases() {
    check("structure.txt", |sources, file, problems| {
        if let Some(root) = crate::flow::yaml::parse(sources, file, problems) {
            walk::file(&root, sources, problems);
        }
    });
}

/// The limits on size are tried in `yaml`: a file that breaks them does not fit here.
#[test]
fn every_problem_of_yaml_and_structure_has_a_case() {
    let cases = ["yaml.txt", "structure.txt"]
        .map(|name| fs::read_to_string(root().join("src/flow/cases").join(name)).unwrap());
    let too_large = [Code::TOO_LARGE, Code::TOO_DEEP, Code::TOO_MANY];
    for (code, title) in TABLE.iter().filter(|(code, _)| [1, 2, 9].contains(&(code.number() / 100))) {
        let shown = cases.iter().any(|cases| cases.contains(&format!("[{code}]")));
        assert!(shown || too_large.contains(code), "{code} ({title}) has no case");
    }
}
