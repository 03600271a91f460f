//! Which steps and branches of the flows under test were reached by any test. What counts are the files on
//! disk that test files name, and those that these bring in; a bundled file counts if it is one of them, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::flow::diag::{Sources, Span};
use crate::flow::model::{Action, OnError, Piece, Program, Step};
use crate::run::event::{StepEnd, StepOutcome};

use super::file::TestFile;
use super::loading;

/// A way that a step can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// It did what it is for.
    Ran,
    /// Its `when` was false.
    Skipped,
    /// Its `unless` probe said that nothing is to be done.
    AlreadySo,
    /// It failed and was tried again.
    Again,
    /// It failed, and `on_error` said that this does not matter, or that the rest still runs.
    Forgiven,
}

/// A place in the files under test, and the way it went.
pub type Touched = (Span, Branch);

impl Branch {
    /// The branches that a step's end shows. What was so already did not run: only its probe did.
    pub(super) fn of(step: &StepEnd) -> &'static [Self] {
        match step.outcome {
            StepOutcome::Skipped => &[Self::Skipped],
            // It was tried, and then it was so.
            StepOutcome::AlreadySo if step.attempts > 1 => &[Self::Ran, Self::AlreadySo],
            StepOutcome::AlreadySo => &[Self::AlreadySo],
            StepOutcome::Ignored(_) | StepOutcome::Noted(_) => &[Self::Ran, Self::Forgiven],
            _ => &[Self::Ran],
        }
    }
}

impl Branch {
    /// What did not happen, in words.
    fn words(self) -> &'static str {
        match self {
            Self::Ran => "never ran",
            Self::Skipped => "was never skipped",
            Self::AlreadySo => "was never so already",
            Self::Again => "was never tried again",
            Self::Forgiven => "never failed",
        }
    }
}

/// What the tests so far reached.
#[derive(Debug, Default)]
pub struct Coverage {
    /// By text: however a file was found, it is one file.
    files: BTreeMap<String, Covered>,
}

#[derive(Debug, Default)]
struct Covered {
    /// Where it is on disk, if any test found it there.
    name: Option<String>,
    /// By place: what the step is called, and whether it was reached.
    ways: BTreeMap<(usize, Branch), Way>,
}

impl Covered {
    /// Whether a step was run, or was found to be so already.
    fn came_to(&self, start: usize) -> bool {
        let mut ways =
            [Branch::Ran, Branch::AlreadySo].map(|branch| self.ways.get(&(start, branch))).into_iter();
        // A flow of its own has no way that says that it ran.
        !self.ways.contains_key(&(start, Branch::Ran)) || ways.any(|way| way.is_some_and(|way| way.reached))
    }
}

#[derive(Debug)]
struct Way {
    line: usize,
    title: String,
    reached: bool,
}

/// A step or a branch that no test reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The file.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What was not reached, in words.
    pub what: String,
}

impl Coverage {
    /// Adds a test file's flow with what its tests reached.
    pub fn add<'t>(&mut self, file: &TestFile, here: &Path, touched: impl Iterator<Item = &'t Touched>) {
        // A file that cannot be loaded has been told of.
        let Ok(ready) = loading::load(&file.flow, here) else { return };
        for (span, branch, title) in ways(&ready.program) {
            let way = self.way(&ready.sources, span, branch);
            way.title = title;
        }
        let touched: BTreeSet<&Touched> = touched.collect();
        for (span, branch) in touched {
            if let Some(covered) = self.files.get_mut(ready.sources.text(span.file))
                && let Some(way) = covered.ways.get_mut(&(span.start, *branch))
            {
                way.reached = true;
            }
        }
    }

    fn way(&mut self, sources: &Sources, span: Span, branch: Branch) -> &mut Way {
        let covered = self.files.entry(sources.text(span.file).to_owned()).or_default();
        let name = sources.name(span.file);
        if covered.name.is_none() && !name.starts_with(crate::flow::load::BUNDLED_PREFIX) {
            covered.name = Some(name.to_owned());
        }
        let line = sources.position(span).line;
        covered.ways.entry((span.start, branch)).or_insert(Way { line, title: String::new(), reached: false })
    }

    fn counting(&self) -> impl Iterator<Item = (&str, &Covered)> {
        self.files.values().filter_map(|covered| Some((covered.name.as_deref()?, covered)))
    }

    /// How many steps and branches were reached, and how many there are.
    pub fn counts(&self) -> (usize, usize) {
        let all: Vec<bool> =
            self.counting().flat_map(|(_, covered)| covered.ways.values().map(|way| way.reached)).collect();
        (all.iter().filter(|reached| **reached).count(), all.len())
    }

    /// What was not reached, by file and line. Of a step that never ran its branches are not listed.
    pub fn missed(&self) -> Vec<Missed> {
        let mut missed = Vec::new();
        for (name, covered) in self.counting() {
            for ((start, branch), way) in &covered.ways {
                if !way.reached && (*branch == Branch::Ran || covered.came_to(*start)) {
                    let what = format!("`{}` {}", way.title, branch.words());
                    missed.push(Missed { file: name.to_owned(), line: way.line, what });
                }
            }
        }
        missed.sort_by(|one, other| {
            (&one.file, one.line, &one.what).cmp(&(&other.file, other.line, &other.what))
        });
        missed
    }
}

/// Every way that a program's steps can go.
fn ways(program: &Program) -> Vec<(Span, Branch, String)> {
    let mut ways = Vec::new();
    for flow in &program.flows {
        if flow.retry.written {
            ways.push((flow.span, Branch::Again, flow.name.clone()));
        }
        of_steps(&flow.steps, &mut ways);
        of_error(&flow.on_error, &mut ways);
        of_steps(&flow.always, &mut ways);
    }
    ways
}

fn of_steps(steps: &[Step], ways: &mut Vec<(Span, Branch, String)>) {
    for step in steps {
        let title = title(step);
        let mut way = |branch| ways.push((step.span, branch, title.clone()));
        way(Branch::Ran);
        // An `else` shows by its own steps.
        if step.when.is_some() && step.otherwise.is_empty() {
            way(Branch::Skipped);
        }
        if step.unless.is_some() {
            way(Branch::AlreadySo);
        }
        if step.retry.written {
            way(Branch::Again);
        }
        if matches!(step.on_error, OnError::Ignore | OnError::Continue) {
            way(Branch::Forgiven);
        }
        match &step.action {
            Action::Group(steps) => of_steps(steps, ways),
            Action::Each(each) => of_steps(&each.steps, ways),
            _ => {}
        }
        of_steps(&step.otherwise, ways);
        of_error(&step.on_error, ways);
        of_steps(&step.always, ways);
    }
}

fn of_error(rule: &OnError, ways: &mut Vec<(Span, Branch, String)>) {
    if let OnError::Steps(steps) = rule {
        of_steps(steps, ways);
    }
}

fn title(step: &Step) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Expr { expr, .. } => format!("${{{}}}", expr.program.source()),
    };
    step.title.pieces.iter().map(text).collect()
}
