//! Rhai's parser stops at the first thing it does not like. A word that is closed, or a function that is there
//! twice, says nothing about the rest of a hook file: it is put aside, and the rest is read.

use std::ops::Range;

use rhai::{AST, Engine, ParseErrorType};

use super::problem::{HookProblem, ProblemKind, offset, word};

/// More of them are not put aside.
const MOST: usize = 50;

/// What became of a hook file's text.
pub(super) struct Read {
    /// All of it but for what was put aside; `None` if the parser stopped for good.
    pub(super) ast: Option<AST>,
    /// What the parser did not like.
    pub(super) problems: Vec<HookProblem>,
    /// What was put aside: what is found there follows from that.
    aside: Vec<Range<usize>>,
}

impl Read {
    /// Whether a problem stands where nothing was put aside.
    pub(super) fn is_news(&self, problem: &HookProblem) -> bool {
        !self.aside.iter().any(|aside| problem.at.start < aside.end && aside.start < problem.at.end)
    }
}

/// Reads a hook file.
pub(super) fn read(engine: &Engine, source: &str) -> Read {
    let mut text = source.to_owned();
    let mut read = Read { ast: None, problems: Vec::new(), aside: Vec::new() };
    while read.aside.len() <= MOST {
        let error = match engine.compile(&text) {
            Ok(ast) => {
                read.ast = Some(ast);
                break;
            }
            Err(error) => error,
        };
        let problem = HookProblem::parse(&text, &error, false);
        let aside = to_put_aside(&text, &error, &problem).filter(|aside| !aside.is_empty());
        if read.is_news(&problem) {
            read.problems.push(problem);
        }
        let Some(aside) = aside.filter(|aside| !read.aside.contains(aside)) else { break };
        // A name of the same length, so that every place stays what it is.
        let is_name = word(&text[aside.clone()]).len() == aside.len();
        let filler = if is_name { "x" } else { " " };
        text.replace_range(aside.clone(), &filler.repeat(aside.len()));
        read.aside.push(aside);
    }
    read
}

/// The word that is closed, with its line if it begins a statement; the name of the second function.
fn to_put_aside(text: &str, error: &rhai::ParseError, problem: &HookProblem) -> Option<Range<usize>> {
    let start = offset(text, error.position());
    match (&problem.kind, error.err_type()) {
        (ProblemKind::Closed { word, .. }, _) if matches!(word.as_str(), "import" | "export") => {
            let mut quoted = false;
            let over = |c: char| {
                quoted ^= c == '"';
                c == '\n' || !quoted && matches!(c, ';' | '}')
            };
            Some(start..text[start..].find(over).map_or(text.len(), |end| start + end))
        }
        (ProblemKind::Closed { .. }, _) => Some(problem.at.clone()),
        (_, ParseErrorType::FnDuplicatedDefinition(name, _)) => {
            let keyword_end = start + text[start..].find("fn")? + "fn".len();
            let name_start = keyword_end + text[keyword_end..].find(name.as_str())?;
            Some(name_start..name_start + name.len())
        }
        _ => None,
    }
}
