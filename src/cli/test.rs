//! `atflow test`: the test files of a folder, tried in simulated worlds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, Sources, Span};
use crate::link::{Clock as _, Mono, WallClock};
use crate::testing::TestFile;
use crate::testing::coverage::Coverage;
use crate::testing::outcome::Outcome;
use crate::testing::play::{How, Item, play};
use crate::testing::read::{ENDING, read};
use crate::testing::side_by_side::side_by_side;

use super::args::{Format, TestArgs};
use super::{Exit, complain, say};
use show::Shown;

mod junit;
mod show;

pub(super) fn test(args: &TestArgs) -> Exit {
    tested(args).unwrap_or_else(|exit| exit)
}

/// One thing that was tried.
struct Tried<'f> {
    file: &'f TestFile,
    item: Item<'f>,
    outcome: Outcome,
    /// On the wall.
    took: Duration,
}

/// A file that cannot be used, and why.
struct Unusable {
    path: PathBuf,
    problems: Diagnostics,
    sources: Sources,
}

fn tested(args: &TestArgs) -> Result<Exit, Exit> {
    let mut paths = Vec::new();
    for path in &args.paths {
        gather(path, &mut paths)?;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let how = How { here, update: args.update, look: show::look() };
    let (files, broken) = load(&paths, &how);
    let wanted =
        |item: &Item<'_>| args.filter.as_ref().is_none_or(|text| item.name().contains(text.as_str()));
    let work: Vec<(&TestFile, Item<'_>)> = files
        .iter()
        .flat_map(|file| file.items().into_iter().map(move |item| (file, item)))
        .filter(|(_, item)| wanted(item))
        .collect();
    if work.is_empty() && broken.is_empty() {
        let what = args.filter.as_ref().map_or(String::new(), |text| format!(" with `{text}` in its name"));
        complain(&format!("there is no test{what}"), Some("a test file's name ends with `.test.yaml`"));
        return Err(Exit::Usage);
    }
    let outcomes = all(&work, &how, args.jobs());
    let tried: Vec<Tried<'_>> = work
        .into_iter()
        .zip(outcomes)
        .map(|((file, item), (outcome, took))| Tried { file, item, outcome, took })
        .collect();
    let coverage = (args.coverage || args.filter.is_none()).then(|| covered(&files, &tried, &how.here));
    let shown =
        Shown { tried: &tried, broken: &broken, coverage: coverage.as_ref(), all_missed: args.coverage };
    match args.format {
        Format::Pretty => shown.pretty()?,
        Format::Json => shown.json()?,
    }
    if let Some(path) = &args.junit {
        junit::write(path, &tried, &broken)?;
    }
    Ok(match tried.iter().all(|tried| tried.outcome.passed()) {
        _ if !broken.is_empty() => Exit::Usage,
        true => Exit::Done,
        false => Exit::Failed,
    })
}

/// What the tests of all files reached.
fn covered(files: &[TestFile], tried: &[Tried<'_>], here: &Path) -> Coverage {
    let mut coverage = Coverage::default();
    // Who only tries functions says nothing about steps.
    for file in files.iter().filter(|file| !file.tests.is_empty()) {
        let of_file = tried.iter().filter(|tried| tried.file.path == file.path);
        coverage.add(file, here, of_file.flat_map(|tried| &tried.outcome.touched));
    }
    coverage
}

/// The test files that a path names: itself, or all below it.
fn gather(path: &Path, into: &mut Vec<PathBuf>) -> Result<(), Exit> {
    if !path.is_dir() {
        into.push(path.to_path_buf());
        return Ok(());
    }
    let listed = std::fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
    });
    let mut listed = listed.map_err(|error| {
        complain(&format!("cannot list `{}`: {error}", path.display()), None);
        Exit::Usage
    })?;
    listed.sort();
    for path in listed {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !name.starts_with('.') {
            gather(&path, into)?;
        } else if name.ends_with(ENDING) {
            into.push(path);
        }
    }
    Ok(())
}

/// Reads the files; says what is wrong with those that cannot be used.
fn load(paths: &[PathBuf], how: &How) -> (Vec<TestFile>, Vec<Unusable>) {
    let (mut files, mut broken) = (Vec::new(), Vec::new());
    for path in paths {
        match usable(path, how) {
            Ok(file) => files.push(file),
            Err((problems, sources)) => {
                say::problems(&problems, &sources);
                say::error_line("");
                broken.push(Unusable { path: path.clone(), problems, sources });
            }
        }
    }
    (files, broken)
}

fn usable(path: &Path, how: &How) -> Result<TestFile, (Diagnostics, Sources)> {
    let mut problems = Diagnostics::new();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let mut sources = Sources::new();
            let shown = path.display().to_string();
            let message = format!("cannot read `{shown}`: {error}");
            let at = Span::new(sources.add(shown, ""), 0..0);
            problems.push(Diagnostic::error(Code::UNREADABLE, at, message));
            return Err((problems, sources));
        }
    };
    let file = match read(path, &text, &mut problems) {
        Ok(file) => file,
        Err(sources) => return Err((problems, sources)),
    };
    file.check(&how.here).map_err(|found| *found)?;
    Ok(file)
}

/// Tries everything, several at a time; the outcomes are in the order of the work.
fn all(work: &[(&TestFile, Item<'_>)], how: &How, jobs: usize) -> Vec<(Outcome, Duration)> {
    let one = |index: usize| {
        let clock = WallClock::new();
        let (file, item) = work[index];
        let outcome = play(file, item, how);
        (outcome, clock.now().since(Mono::ZERO))
    };
    side_by_side(jobs, work.len(), &one, &|_, _| {})
}
