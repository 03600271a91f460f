//! Problems with a place: what was seen, where, what it means and what to do about it. Everything that reads a
//! file pushes into one [`Diagnostics`] and goes on as long as what follows is not guesswork, so that a person
//! sees all problems of a file together. Shown as text with the source lines, or as JSON for editors and CI.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use serde::Serialize;

pub use super::codes::Code;

/// Which file of a [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A stretch of a file in bytes, `start..end`. It may be empty: a place between two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

impl Span {
    /// The bytes `range` of `file`.
    pub const fn new(file: FileId, range: Range<usize>) -> Self {
        Self { file, start: range.start, end: range.end }
    }

    /// The bytes as a range.
    pub const fn range(self) -> Range<usize> {
        self.start..self.end
    }

    /// Whether `other` lies within.
    pub fn holds(self, other: Self) -> bool {
        other.file == self.file && self.start <= other.start && other.end <= self.end
    }

    /// From the beginning of this to the end of `last`, a span of the same file.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self { file: self.file, start: self.start, end: last.end.max(self.start) }
    }
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

/// A place as people count: both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
}

#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
    /// First byte of each line.
    lines: Vec<usize>,
    /// An argument of the command line, which is no place to look at.
    is_argument: bool,
}

/// The files that were read, so that a span can be shown.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file under the name people know it by.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.push(name.into(), text.into(), false)
    }

    /// Adds what the command line asks for, under the option's name: a problem with it stands in no file.
    pub fn add_argument(&mut self, option: &str) -> FileId {
        self.push(option.to_string(), String::new(), true)
    }

    fn push(&mut self, name: String, text: String, is_argument: bool) -> FileId {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        self.files.push(SourceFile { name, text, lines, is_argument });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }

    /// The name a file was added under.
    pub fn name(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.name)
    }

    /// Whether it is an argument of the command line.
    pub fn is_argument(&self, file: FileId) -> bool {
        self.get(file).is_some_and(|file| file.is_argument)
    }

    /// All of a file.
    pub fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |file| &file.text)
    }

    /// What stands at a span; empty if the span does not fit the file.
    pub fn slice(&self, span: Span) -> &str {
        self.text(span.file).get(span.range()).unwrap_or("")
    }

    /// Line and column of a span's first byte.
    pub fn position(&self, span: Span) -> Position {
        self.position_of(span.file, span.start)
    }

    fn position_of(&self, file: FileId, offset: usize) -> Position {
        let Some(source) = self.get(file) else { return Position { line: 1, column: 1 } };
        let line = source.lines.partition_point(|start| *start <= offset).max(1);
        let start = source.lines[line - 1];
        let before = source.text.get(start..offset).unwrap_or("");
        Position { line, column: before.chars().count() + 1 }
    }
}

/// Whether a file with this problem may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It may not.
    Error,
    /// It may; somebody should look.
    Warning,
}

/// One problem. The message says what is wrong, only the help says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its stable name.
    pub code: Code,
    /// Whether the file may run.
    pub severity: Severity,
    /// What is wrong: lower-case start, no full stop, the offending text in backticks.
    pub message: String,
    /// The smallest stretch that shows it.
    pub at: Span,
    /// Said beside the carets.
    pub label: Option<String>,
    /// Other places that belong to it, each with what it is.
    pub also: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at `at`.
    pub fn error(code: Code, at: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            at,
            label: None,
            also: Vec::new(),
            help: None,
        }
    }

    /// A warning at `at`.
    pub fn warning(code: Code, at: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, at, message) }
    }

    /// With a text beside the carets.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn also(mut self, at: Span, what: impl Into<String>) -> Self {
        self.also.push((at, what.into()));
        self
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The text a person sees: message, source lines with carets, help. Ends without a line end.
    pub fn render(&self, sources: &Sources, look: Look) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let renderer = match look {
            Look::Plain => Renderer::plain(),
            Look::Coloured => Renderer::styled(),
        };
        let title = level.primary_title(self.message.as_str()).id(self.code.to_string());
        let help = self.help.as_deref().map(normalize_lines);
        if sources.text(self.at.file).is_empty() {
            let title = renderer.render(&[title.elements(Vec::<Snippet<'_, Annotation<'_>>>::new())]);
            return self.without_lines(title, help, sources);
        }
        let mut group = title.elements(self.snippets(sources));
        if let Some(help) = help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    /// What is empty, could not be read or stands in no file has no line to show.
    fn without_lines(&self, title: String, help: Option<String>, sources: &Sources) -> String {
        let file = Some(sources.name(self.at.file)).filter(|name| !name.is_empty());
        let file = file.filter(|_| !sources.is_argument(self.at.file));
        let file = file.map(|name| format!(" --> {}", normalize_untrusted_str(name)));
        let help = help.map(|help| format!("  = help: {}", help.replace('\n', "\n          ")));
        [Some(title), file, help].into_iter().flatten().collect::<Vec<_>>().join("\n")
    }

    /// The lines of the place itself, with the other places of its file, then those of other files.
    fn snippets<'s>(&'s self, sources: &'s Sources) -> Vec<Snippet<'s, Annotation<'s>>> {
        let here = |span: &Span| span.file == self.at.file;
        let mut first = vec![(self.at, AnnotationKind::Primary, self.label.as_deref())];
        let (near, far): (Vec<_>, Vec<_>) = self.also.iter().partition(|(span, _)| here(span));
        first.extend(near.iter().map(|(span, what)| (*span, AnnotationKind::Context, Some(what.as_str()))));
        let far = far.iter().map(|(span, what)| {
            snippet(sources, span.file, &[(*span, AnnotationKind::Context, Some(what.as_str()))])
        });
        std::iter::once(snippet(sources, self.at.file, &first)).chain(far).collect()
    }

    /// The same for machines.
    pub fn record<'s>(&'s self, sources: &'s Sources) -> Record<'s> {
        let Position { line, column } = sources.position(self.at);
        let end = sources.position_of(self.at.file, self.at.end);
        Record {
            code: self.code.to_string(),
            severity: self.severity,
            file: sources.name(self.at.file),
            line,
            column,
            end_line: end.line,
            end_column: end.column,
            message: &self.message,
            help: self.help.as_deref(),
        }
    }
}

/// Only the lines that the marks touch are handed over: a large file is not copied for each problem.
fn snippet<'s>(
    sources: &'s Sources,
    file: FileId,
    marks: &[(Span, AnnotationKind, Option<&'s str>)],
) -> Snippet<'s, Annotation<'s>> {
    let text = sources.text(file);
    let fitting = |span: &Span| if text.get(span.range()).is_some() { span.range() } else { 0..0 };
    let start = marks.iter().map(|(span, ..)| fitting(span).start).min().unwrap_or(0);
    let end = marks.iter().map(|(span, ..)| fitting(span).end).max().unwrap_or(0);
    let window_start = text[..start].rfind('\n').map_or(0, |line_end| line_end + 1);
    let window_end = text[end..].find('\n').map_or(text.len(), |line_end| end + line_end + 1);
    let line = sources.position_of(file, window_start).line;
    let snippet = Snippet::source(&text[window_start..window_end]).path(sources.name(file)).line_start(line);
    snippet.annotations(marks.iter().map(|(span, kind, label)| {
        let range = fitting(span);
        kind.span(range.start - window_start..range.end - window_start).label(*label)
    }))
}

/// Control characters would move the cursor of a terminal; a help keeps its line ends.
fn normalize_lines(text: &str) -> String {
    text.lines().map(normalize_untrusted_str).collect::<Vec<_>>().join("\n")
}

/// How a diagnostic is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// ASCII without colours.
    Plain,
    /// With terminal colours.
    Coloured,
}

/// A diagnostic as JSON: one object, lines and columns from 1, columns in characters.
#[derive(Debug, Serialize)]
pub struct Record<'s> {
    code: String,
    severity: Severity,
    file: &'s str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    message: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'s str>,
}

/// More problems than this help nobody: a file that has them is not a flow at all.
const MOST: usize = 200;

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    seen: BTreeSet<(Code, Span)>,
    /// Problems beyond [`MOST`], of which only the number is kept.
    left_out: usize,
    has_errors: bool,
}

impl Diagnostics {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem. The same code at the same place is one problem and is kept once.
    pub fn push(&mut self, problem: Diagnostic) {
        self.has_errors |= problem.severity == Severity::Error;
        if self.list.len() == MOST {
            self.left_out += 1;
        } else if self.seen.insert((problem.code, problem.at)) {
            self.list.push(problem);
        }
    }

    /// Adds all of `others`.
    pub fn append(&mut self, others: Self) {
        self.left_out += others.left_out;
        for problem in others.list {
            self.push(problem);
        }
    }

    /// Whether this problem was found inside of `at`: what follows from it is not worth a word.
    pub fn has(&self, code: Code, at: Span) -> bool {
        self.seen.iter().any(|(seen, found)| *seen == code && at.holds(*found))
    }

    /// Takes back what was found after the first `len`, but for what is worth a word.
    pub fn retain_since(&mut self, len: usize, is_worth_it: impl FnMut(&Diagnostic) -> bool) {
        let later = self.list.split_off(len.min(self.list.len()));
        self.list.extend(later.into_iter().filter(is_worth_it));
    }

    /// The same with every place led elsewhere.
    #[must_use]
    pub fn moved(self, place: impl Fn(Span) -> Span) -> Self {
        let mut out = Self { left_out: self.left_out, has_errors: self.has_errors, ..Self::default() };
        for problem in self.list {
            let also = problem.also.into_iter().map(|(at, what)| (place(at), what)).collect();
            out.push(Diagnostic { at: place(problem.at), also, ..problem });
        }
        out
    }

    /// Whether something forbids to run.
    pub fn has_errors(&self) -> bool {
        self.has_errors
    }

    /// What forbids to run.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter().filter(|problem| problem.severity == Severity::Error)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// By file and place, as a person reads.
    pub fn sorted(&self) -> Vec<&Diagnostic> {
        let mut all: Vec<_> = self.list.iter().collect();
        all.sort_by_key(|problem| (problem.at.file, problem.at.start, problem.severity, problem.code));
        all
    }

    /// All of them as text, sorted, an empty line between two.
    pub fn render(&self, sources: &Sources, look: Look) -> String {
        let mut parts: Vec<_> =
            self.sorted().into_iter().map(|problem| problem.render(sources, look)).collect();
        if self.left_out > 0 {
            parts.push(format!("and {} more", self.left_out));
        }
        parts.join("\n\n")
    }

    /// All of them for machines, sorted.
    pub fn records<'s>(&'s self, sources: &'s Sources) -> Vec<Record<'s>> {
        self.sorted().into_iter().map(|problem| problem.record(sources)).collect()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> (Sources, FileId) {
        let mut sources = Sources::new();
        let file = sources.add("attach.yaml", "steps:\n  - send: AT\n    # grün\n    timeout: soon\n");
        (sources, file)
    }

    fn soon(file: FileId) -> Diagnostic {
        Diagnostic::error(Code::DURATION, Span::new(file, 45..49), "`soon` is not a duration")
            .help("write a number and a unit, such as `500ms` or `5s`")
    }

    #[test]
    fn a_problem_shows_its_line() {
        let (sources, file) = sources();
        assert_eq!(
            soon(file).render(&sources, Look::Plain),
            "error[AT0207]: `soon` is not a duration
 --> attach.yaml:4:14
  |
4 |     timeout: soon
  |              ^^^^
  |
  = help: write a number and a unit, such as `500ms` or `5s`"
        );
        assert!(soon(file).render(&sources, Look::Coloured).contains("\x1b["));
    }

    #[test]
    fn machines_get_places_from_one() {
        let (sources, file) = sources();
        let mut found = Diagnostics::new();
        found.push(soon(file));
        let json = serde_json::to_string(&found.records(&sources)).unwrap();
        assert_eq!(
            json,
            r#"[{"code":"AT0207","severity":"error","file":"attach.yaml","line":4,"column":14,"end_line":4,"end_column":18,"message":"`soon` is not a duration","help":"write a number and a unit, such as `500ms` or `5s`"}]"#
        );
    }

    #[test]
    fn columns_count_characters() {
        let (sources, file) = sources();
        assert_eq!(sources.position(Span::new(file, 30..30)).to_string(), "3:10");
    }

    #[test]
    fn one_problem_is_kept_once_and_a_flood_is_counted() {
        let (sources, file) = sources();
        let mut found = Diagnostics::new();
        found.push(soon(file));
        found.push(soon(file));
        assert_eq!(found.len(), 1);
        for at in 0..300 {
            found.push(Diagnostic::warning(Code::CUT, Span::new(file, at..at), "x"));
        }
        assert_eq!(found.len(), MOST);
        assert!(found.render(&sources, Look::Plain).ends_with("and 101 more"));
    }

    #[test]
    fn a_span_outside_its_file_shows_the_beginning() {
        let (sources, file) = sources();
        let text =
            Diagnostic::error(Code::SYNTAX, Span::new(file, 900..901), "x").render(&sources, Look::Plain);
        assert!(text.contains("attach.yaml:1:1"), "{text}");
    }

    #[test]
    fn other_places_are_shown_too_also_of_other_files() {
        let (mut sources, file) = sources();
        let other = sources.add("generic.yaml", "name: generic\n");
        let problem = soon(file)
            .label("here")
            .also(Span::new(file, 0..5), "in these steps")
            .also(Span::new(other, 6..13), "not there");
        assert_eq!(
            problem.render(&sources, Look::Plain),
            "error[AT0207]: `soon` is not a duration
 --> attach.yaml:4:14
  |
1 | steps:
  | ----- in these steps
...
4 |     timeout: soon
  |              ^^^^ here
  |
 ::: generic.yaml:1:7
  |
1 | name: generic
  |       ------- not there
  |
  = help: write a number and a unit, such as `500ms` or `5s`"
        );
    }
}
