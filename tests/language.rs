//! The language is whole: the dialects, flows and stations of ten real jobs load, without a warning, and each
//! run has an end. `tests/language` holds them; `bounds.txt` there is what `atflow check` prints for all of them. The
//! golden cases `job_…` run those that end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use atflow::flow::bounds::Bounds;
use atflow::flow::compile::{self, Loaded, Options};
use atflow::flow::diag::Look;
use atflow::flow::model::FlowId;
use atflow::hooks::Host;

const ROOT: &str = "tests/language";

fn load(path: &Path, module: Option<&str>) -> Loaded {
    let here = std::env::current_dir().expect("tests run in the package");
    compile::load(path, &here, &Options { module: module.map(str::to_string) }, &Host::new())
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    files
}

fn all() -> Vec<PathBuf> {
    let mut all = files(ROOT);
    all.extend(files(&format!("{ROOT}/modules")));
    all
}

#[test]
fn every_file_loads_without_a_word() {
    for file in all() {
        let loaded = load(&file, None);
        let said = loaded.problems.render(&loaded.sources, Look::Plain);
        assert!(loaded.program.is_some() && said.is_empty(), "{}:\n{said}", file.display());
    }
}

#[test]
fn every_flow_has_an_end() {
    for file in all() {
        let program = load(&file, None).program.expect("it loads");
        let mut bounds = Bounds::new(&program);
        for (index, flow) in program.flows.iter().enumerate() {
            assert!(bounds.of(FlowId(index)).time.is_some(), "{}: {}", file.display(), flow.name);
        }
    }
}

/// What a person sees of them.
#[test]
fn generated_bounds() {
    let output = Command::new(env!("CARGO_BIN_EXE_atflow")).arg("check").args(all()).output();
    let output = output.expect("the program starts");
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && problems.is_empty(), "{problems}");
    let found = String::from_utf8(output.stdout).expect("it prints text");
    let path = Path::new(ROOT).join("bounds.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &found).expect("it can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == found, "`UPDATE=1 cargo test generated` writes {}:\n{found}", path.display());
}

/// One flow, every family: that is what the contract is for.
#[test]
fn one_flow_runs_on_every_family() {
    let flow = Path::new("tests/language/any-family.yaml");
    let own = files(&format!("{ROOT}/modules"));
    let own = own.iter().filter_map(|path| path.file_stem()).map(|name| name.to_string_lossy().into_owned());
    for module in own.chain(["luat-air724".to_string(), "esp-at".to_string()]) {
        let loaded = load(flow, Some(&module));
        let said = loaded.problems.render(&loaded.sources, Look::Plain);
        assert!(loaded.program.is_some() && said.is_empty(), "{module}:\n{said}");
    }
}
