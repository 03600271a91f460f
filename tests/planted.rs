//! Bugs planted into healthy flows and stations, one at a time: each is found by a test file or by the checks
//! before anything runs, in the place that the table names. What nobody can plant without being found is a
//! promise, so the table is also a page of the documentation.

#[path = "planted/table.rs"]
mod table;

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use atflow::flow::diag::{Diagnostics, Look};
use atflow::testing::play::{How, Item, play};
use atflow::testing::read::read;
use atflow::testing::{Problem, TestFile};

use support::root;
use support::temp::TempDir;
use table::{BUGS, Bug, Found};

/// What was found, as the table says it.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// Before anything ran: the code.
    Checked(String),
    /// A test failed: what it expected, as its file has it, and with what the flow failed.
    Expected(String, Option<String>),
}

/// A copy of the folder that `base`, a test file, stands in, with one edit in one file.
fn copy(base: &str, edit: Option<&Bug>) -> TempDir {
    let dir = TempDir::new();
    let from = root().join(base);
    let folder = from.parent().expect("it stands in a folder");
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a plain name");
        if ![".yaml", ".rhai"].iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let mut text = fs::read_to_string(entry.path()).expect("text");
        if let Some(bug) = edit.filter(|bug| bug.file == name) {
            assert_eq!(
                text.matches(bug.good).count(),
                1,
                "{}: in {name} exactly once:\n{}",
                bug.what,
                bug.good
            );
            text = text.replace(bug.good, bug.bad);
        }
        dir.file(&name, text);
    }
    dir
}

/// The test file of `base` in `dir`; the codes of what is wrong with its flow.
fn usable(base: &str, dir: &TempDir) -> Result<(TestFile, How), Vec<String>> {
    let name = Path::new(base).file_name().expect("a file").to_str().expect("a plain name");
    let path = PathBuf::from(dir.join(name));
    let text = fs::read_to_string(&path).expect("the test file");
    let mut problems = Diagnostics::new();
    let how = How { here: dir.path().to_path_buf(), update: false, look: Look::Plain };
    let file = read(&path, &text, &mut problems)
        .unwrap_or_else(|sources| panic!("{}", problems.render(&sources, Look::Plain)));
    match file.check(&how.here) {
        Ok(()) => Ok((file, how)),
        Err(found) => Err(found.0.sorted().iter().map(|problem| problem.code.to_string()).collect()),
    }
}

fn item<'f>(file: &'f TestFile, name: &str) -> Item<'f> {
    let items = file.items();
    *items.iter().find(|item| item.name() == name).unwrap_or_else(|| panic!("there is no test `{name}`"))
}

/// What a problem is about: the line of the test file, without what every item of a list has.
fn about(file: &TestFile, problem: &Problem) -> Finding {
    let place = file.sources.position(problem.span);
    let line = file.sources.text(problem.span.file).lines().nth(place.line - 1).unwrap_or_default();
    let line = line.trim().trim_start_matches("- ");
    let line = line.strip_prefix("{ ").and_then(|line| line.strip_suffix(" }")).unwrap_or(line);
    // A verdict that is wrong says with what the flow failed.
    let error = problem.message.split('`').nth(1).filter(|_| problem.explained.is_some());
    Finding::Expected(line.to_owned(), error.map(str::to_owned))
}

/// Everything that is found in a copy with this bug.
fn findings(bug: &Bug) -> Vec<Finding> {
    let dir = copy(bug.base, Some(bug));
    let (file, how) = match usable(bug.base, &dir) {
        Ok(usable) => usable,
        Err(codes) => return codes.into_iter().map(Finding::Checked).collect(),
    };
    let Some(test) = bug.test() else { return Vec::new() };
    let outcome = play(&file, item(&file, test), &how);
    outcome.problems.iter().map(|problem| about(&file, problem)).collect()
}

#[test]
fn without_a_bug_all_is_well() {
    let bases: BTreeSet<&str> = BUGS.iter().map(|bug| bug.base).collect();
    for base in bases {
        let dir = copy(base, None);
        let (file, how) = usable(base, &dir).unwrap_or_else(|codes| panic!("{base}: {codes:?}"));
        let tests: BTreeSet<&str> =
            BUGS.iter().filter(|bug| bug.base == base).filter_map(Bug::test).collect();
        for test in tests {
            let outcome = play(&file, item(&file, test), &how);
            let problems: Vec<Finding> =
                outcome.problems.iter().map(|problem| about(&file, problem)).collect();
            assert!(problems.is_empty(), "{base}: {test}: {problems:#?}");
        }
    }
}

#[test]
fn every_planted_bug_is_found_where_the_table_says() {
    let wrong: Vec<String> = BUGS
        .iter()
        .filter_map(|bug| {
            let wanted = match bug.found {
                Found::Check(code) => Finding::Checked(code.to_owned()),
                Found::Test { expects, .. } => Finding::Expected(expects.to_owned(), None),
                Found::Fails { expects, with, .. } => {
                    Finding::Expected(expects.to_owned(), Some(with.to_owned()))
                }
            };
            let found = findings(bug);
            (!found.contains(&wanted))
                .then(|| format!("{}\n  wanted {wanted:?}\n  found {found:#?}", bug.what))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The table as people read it.
fn page() -> String {
    let mut rows = String::from("| what somebody got wrong | what finds it |\n|---|---|\n");
    for bug in BUGS {
        let finds = match bug.found {
            Found::Check(code) => format!("`atflow check`: {code}"),
            Found::Test { expects, .. } => format!("`{}`", expects.replace('|', "\\|")),
            Found::Fails { with, .. } => format!("the flow fails with `{with}`"),
        };
        let _ = writeln!(rows, "| {} | {finds} |", bug.what);
    }
    rows
}

#[test]
fn generated_the_documentation_shows_the_table() {
    const BEGIN: &str = "<!-- made from tests/planted/table.rs -->\n";
    let path = root().join("docs/testing.md");
    let text = fs::read_to_string(&path).expect("the page");
    let (before, rest) = text.split_once(BEGIN).expect("the table's place");
    let end = rest.find("\n\n").expect("something below it") + 1;
    let wanted = format!("{before}{BEGIN}{}{}", page(), &rest[end..]);
    if wanted != text {
        assert!(
            std::env::var_os("UPDATE").is_some(),
            "docs/testing.md is stale: `UPDATE=1 cargo test generated`"
        );
        fs::write(path, wanted).expect("the page is written");
    }
}
