//! Rhai's parser stops at the first thing it does not like. A word that is closed, a function that is there twice, or
//! the inside of one that is no Rhai says nothing about the rest of a hook file: it is put aside, and the rest is read.

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
        let filler = filler(&text[aside.clone()]);
        text.replace_range(aside.clone(), &filler);
        read.aside.push(aside);
    }
    read
}

/// As long, and with as many lines, so that every place stays what it is: a name for a name, nothing for a body.
fn filler(part: &str) -> String {
    if word(part).len() == part.len() {
        return "x".repeat(part.len());
    }
    let blank: String = part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    match blank.strip_prefix(' ') {
        Some(rest) if part.starts_with('{') => format!("{{{}", rest.replacen(' ', "}", 1)),
        _ => blank,
    }
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
        (ProblemKind::Syntax { .. } | ProblemKind::Reserved { .. }, _) => body_around(text, start),
        _ => None,
    }
}

/// The body of the function in which the parser stopped: functions begin at the margin, as they are written.
fn body_around(text: &str, at: usize) -> Option<Range<usize>> {
    let begins = |line: &str| ["fn ", "private fn ", "const "].iter().any(|word| line.starts_with(word));
    let lines = text.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line))
    });
    let tops: Vec<usize> = lines.filter(|(_, line)| begins(line)).map(|(start, _)| start).collect();
    // A body that is not closed is only missed where the next function begins.
    let own = tops.iter().rposition(|start| *start < at)?;
    let end = tops.get(own + 1).copied().unwrap_or(text.len());
    let open = tops[own] + text[tops[own]..end].find('{')?;
    (open < at && open + 1 < end).then_some(open..end)
}
