//! Rhai's parser stops at the first thing it does not like. A word that is closed, a function that is there twice, or
//! the inside of one that is no Rhai says nothing about the rest of a hook file: it is put aside, and the rest is read.

use std::collections::BTreeSet;
use std::ops::Range;

use rhai::{AST, Engine, ParseErrorType};

use super::code::{blank, code};
use super::problem::{HookProblem, ProblemKind, offset, word};

/// More of them are not put aside.
const MOST: usize = 50;

/// Begins a constant at the margin.
const CONST: &str = "const ";

/// What became of a hook file's text.
pub(super) struct Read {
    /// All of it but for what was put aside; `None` if the parser stopped for good.
    pub(super) ast: Option<AST>,
    /// What the parser did not like.
    pub(super) problems: Vec<HookProblem>,
    /// What was put aside: what is found there follows from that.
    aside: Vec<Range<usize>>,
    /// Functions and constants that stand in what was put aside.
    names_aside: BTreeSet<String>,
}

impl Read {
    /// Whether a problem follows from nothing that was put aside: it stands elsewhere, and no name is missed that
    /// stands there.
    pub(super) fn is_news(&self, problem: &HookProblem) -> bool {
        let is_aside = |aside: &Range<usize>| problem.at.start < aside.end && aside.start < problem.at.end;
        let missed = match &problem.kind {
            ProblemKind::UnknownName { name, .. }
            | ProblemKind::UnknownFunction { name, .. }
            | ProblemKind::ArgumentCount { name, .. } => Some(name),
            _ => None,
        };
        !self.aside.iter().any(is_aside) && !missed.is_some_and(|name| self.names_aside.contains(name))
    }
}

/// Reads a hook file.
pub(super) fn read(engine: &Engine, source: &str) -> Read {
    let mut text = source.to_owned();
    let mut read = Read { ast: None, problems: Vec::new(), aside: Vec::new(), names_aside: BTreeSet::new() };
    let mut has_all_bodies = true;
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
        // What is no Rhai and in no body may be the rest of one that was put aside.
        let is_rest = matches!(problem.kind, ProblemKind::Syntax { .. }) && aside.is_none();
        if read.is_news(&problem) && (has_all_bodies || !is_rest) {
            read.problems.push(problem);
        }
        let Some(aside) = aside.filter(|aside| !read.aside.contains(aside)) else { break };
        has_all_bodies &= !text[aside.clone()].starts_with('{');
        read.names_aside.extend(names(&code(&text)[aside.clone()]));
        let filler = filler(&text[aside.clone()]);
        text.replace_range(aside.clone(), &filler);
        read.aside.push(aside);
    }
    read
}

/// As long, and with as many lines, so that every place stays what it is: a name for a name, nothing for a body or a
/// value.
fn filler(part: &str) -> String {
    let is_name = word(part).len() == part.len() && !part.starts_with('=');
    if is_name {
        return "x".repeat(part.len());
    }
    let blank = blank(part);
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

/// The names behind `fn` and `const`.
fn names(code: &str) -> Vec<String> {
    let words: Vec<&str> = code.split(|sign: char| !sign.is_alphanumeric() && sign != '_').collect();
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let defined = words.windows(2).filter(|pair| matches!(pair[0], "fn" | "const"));
    defined.map(|pair| pair[1].to_owned()).collect()
}

/// The body of the function or the value of the constant in which the parser stopped: they begin at the margin, as
/// they are written.
fn body_around(text: &str, at: usize) -> Option<Range<usize>> {
    let code = code(text);
    let begins = |line: &str| ["fn ", "private fn ", CONST].iter().any(|word| line.starts_with(word));
    let lines = code.split_inclusive('\n').scan(0, |end, line| {
        let start = *end;
        *end += line.len();
        Some((start, line))
    });
    let tops: Vec<usize> = lines.filter(|(_, line)| begins(line)).map(|(start, _)| start).collect();
    // A body that is not closed is only missed where the next function begins.
    let own = tops.iter().rposition(|start| *start < at)?;
    let end = tops.get(own + 1).copied().unwrap_or(text.len());
    if code[tops[own]..].starts_with(CONST) {
        return value_around(&code[..end], tops[own] + CONST.len(), at);
    }
    let open = tops[own] + code[tops[own]..end].find('{')?;
    (open < at && open + 1 < end).then_some(open..end)
}

/// What stands behind the name of the constant, up to its `;`. What is wrong with a constant may be seen only behind
/// that, and then none of it is put aside.
fn value_around(code: &str, behind_const: usize, at: usize) -> Option<Range<usize>> {
    let name = code[behind_const..].trim_start();
    let start = code.len() - name.len() + word(name).len();
    let mut depth = 0_i32;
    let ends = |sign: char| {
        depth += match sign {
            '(' | '[' | '{' => 1,
            ')' | ']' | '}' => -1,
            _ => 0,
        };
        sign == ';' && depth <= 0
    };
    let end = start + code[start..].find(ends)?;
    (start..=end).contains(&at).then_some(start..end)
}
