//! One test from its beginning to its outcome.

use std::path::{Path, PathBuf};

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostics, Look, Sources, Span};

use super::calls;
use super::file::{CallTest, Test, TestFile};
use super::judge::Judge;
use super::loading::{self, Ready, Values, split};
use super::never;
use super::outcome::{Outcome, Problem};
use super::world::{Ended, World};

/// How tests are run.
#[derive(Clone, Debug)]
pub struct How {
    /// Where relative paths begin.
    pub here: PathBuf,
    /// Goldens are written anew.
    pub update: bool,
    /// How problems are shown that are rendered on the way.
    pub look: Look,
}

/// Something of a file that can be tried.
#[derive(Clone, Copy, Debug)]
pub enum Item<'f> {
    /// One of `tests`.
    Test(&'f Test),
    /// One of `calls`.
    Call(&'f CallTest),
}

impl Item<'_> {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Test(test) => test.span,
            Self::Call(call) => call.span,
        }
    }

    /// What people know it by.
    pub fn name(&self) -> &str {
        match self {
            Self::Test(test) => &test.name,
            Self::Call(call) => &call.source,
        }
    }
}

impl TestFile {
    /// Everything in it that can be tried, in file order.
    pub fn items(&self) -> Vec<Item<'_>> {
        self.tests.iter().map(Item::Test).chain(self.calls.iter().map(Item::Call)).collect()
    }

    /// What is wrong with the file that is tested, or with what this one wants of it.
    ///
    /// # Errors
    ///
    /// The problems, with the files in which they are.
    pub fn check(&self, here: &Path) -> Result<(), Box<(Diagnostics, Sources)>> {
        let ready = loading::load(&self.flow, here)?;
        let found = loading::check(self, &ready);
        if found.has_errors() { Err(Box::new((found, self.sources.clone()))) } else { Ok(()) }
    }
}

/// Tries one thing.
pub fn play(file: &TestFile, item: Item<'_>, how: &How) -> Outcome {
    let played = match item {
        Item::Test(test) => play_test(file, test, how),
        Item::Call(call) => calls::play(file, call, how),
    };
    played.unwrap_or_else(|why| {
        let mut problem = Problem::new(Code::NOT_AS_EXPECTED, item.span(), "this could not be tried");
        problem.explained = Some(why);
        Outcome { problems: vec![problem], ..Outcome::default() }
    })
}

fn play_test(file: &TestFile, test: &Test, how: &How) -> Result<Outcome, String> {
    let (ready, ended) = once(file, test, how, false)?;
    let judge = |ready: &Ready, ended: &Ended| {
        let problems = Judge { test, ended, ready, update: how.update, look: how.look }.problems();
        // Of a run that went wrong the rest says nothing.
        if problems.is_empty() { never::problems(test, ended) } else { problems }
    };
    let mut problems = judge(&ready, &ended);
    if !problems.is_empty() {
        // The same again, now with everything that crosses the line: a run repeats byte for byte.
        let (ready, ended) = once(file, test, how, true)?;
        problems = judge(&ready, &ended);
    }
    Ok(Outcome { problems, simulated: ended.took, touched: ended.touched })
}

/// One run in a world of its own.
fn once(file: &TestFile, test: &Test, how: &How, with_transcript: bool) -> Result<(Ready, Ended), String> {
    let ready = load(file, how)?;
    let flows = ready.chosen(test);
    let given = ready.given(file, test, &flows);
    let (vars, args) = split(&given, &ready.program, &flows);
    let values = values(&ready, &vars, how)?;
    let (world, link) = World::new(file, test, (&ready, &values), with_transcript)?;
    let ended = match flows.split_last() {
        Some((last, before)) => world.flows(link, before, *last, args),
        None => world.station(link),
    }?;
    Ok((ready, ended))
}

/// The file that is tested; the error as it is shown.
pub(super) fn load(file: &TestFile, how: &How) -> Result<Ready, String> {
    loading::load(&file.flow, &how.here).map_err(|broken| broken.0.render(&broken.1, how.look))
}

/// The values of its vars; the error as it is shown.
pub(super) fn values(
    ready: &Ready,
    given: &std::collections::BTreeMap<String, String>,
    how: &How,
) -> Result<Values, String> {
    ready.values(given).map_err(|problems| problems.render(&ready.sources, how.look))
}
