//! What a file lacks because it is no YAML there, and what would only be said because of that.

use super::codes::Code;
use super::diag::{Diagnostic, Diagnostics, FileId, Span};
use super::keys::{self, Shape};
use super::yaml::{Node, Tree};

/// The parts of a file that were passed over.
pub(crate) struct Lost {
    /// The only file of which it says something.
    only: Option<FileId>,
    file: FileId,
    text: String,
    parts: Vec<Part>,
    decides: bool,
}

struct Part {
    span: Span,
    /// It was read, but may have been meant elsewhere.
    is_there: bool,
    /// From the beginning of the step or entry that it belongs to.
    within: Span,
    /// All lines that it touches.
    lines: Span,
}

/// What a file says at its top that brings in other files, or tells what kind of file it is: without it nobody
/// knows which names, flows and commands there are.
const DECISIVE: [&str; 20] = [
    "module", "cloud", "use", "hooks", "extends", "steps", "flows", "schedule", "events", "state", "outbox",
    "downlink", "link", "limits", "commands", "urc", "results", "line", "errors", "escapes",
];
/// Of these only what stands in them is lacking, as long as the key is there.
const ONLY_CONTENT: usize = 5;

/// What a step or event sets that takes a message.
const OF_MESSAGES: [&str; 3] = ["topic", "payload", "body"];

/// The kinds of file that are checked by themselves.
const FILES: [&Shape; 6] =
    [&keys::FLOW, &keys::STATION, &keys::CLOUD, &keys::DIALECT, &keys::TEST_FILE, &keys::SCENARIO];

impl Lost {
    /// What `tree` lacks; `text` is what is written in the file, `problems` those of its YAML, and perhaps others'.
    pub fn new(tree: &Tree, file: FileId, text: &str, problems: &Diagnostics) -> Self {
        let lists = lists_of(&tree.root);
        let is_moved = |problem: &&Diagnostic| matches!(problem.code, Code::TAB | Code::DUPLICATE_KEY);
        let problems = || problems.errors().filter(|problem| problem.at.file == file);
        let moved = problems().filter(is_moved);
        // What was refused alone is lacking just as well.
        let refused = problems().filter(|problem| is_refused(problem)).map(|problem| problem.at);
        let spans = tree.lost.iter().copied().chain(refused).map(|span| (span, false));
        let parts: Vec<Part> = spans
            .chain(moved.map(|problem| (problem.at, true)))
            .map(|(span, is_there)| Part {
                span,
                is_there,
                within: entry_around(text, span),
                lines: lines_of(text, span),
            })
            .collect();
        let decides = parts.iter().any(|part| {
            let in_list = lists.iter().any(|list| list.holds(part.span));
            let key = top_key(text, part.span.start);
            !in_list
                && (tree.root.get(key).is_none()
                    || FILES.iter().all(|shape| shape.key(key).is_none())
                    || DECISIVE[..ONLY_CONTENT].contains(&key)
                    || text[part.lines.range()]
                        .lines()
                        .any(|line| DECISIVE.contains(&key_of(line.trim_start_matches([' ', '\t', '-'])))))
        });
        Self { only: None, file, text: text.to_string(), parts, decides }
    }

    /// What is lost brings nothing into other files.
    pub fn touches_only_itself(&mut self) {
        self.only = Some(self.file);
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    fn text_of(&self, part: &Part) -> &str {
        self.text.get(part.lines.range()).unwrap_or_default()
    }

    /// Whether it is of this file.
    pub fn is_of(&self, file: FileId) -> bool {
        self.file == file
    }

    /// Whether nobody knows what else the file would have.
    pub fn decides(&self) -> bool {
        self.decides
    }

    /// Whether a place touches what is lost.
    pub fn is_at(&self, at: Span) -> bool {
        self.parts.iter().any(|part| !part.is_there && touches(part.span, at))
    }

    /// Whether a problem follows from what is lost.
    pub fn explains(&self, problem: &Diagnostic) -> bool {
        // What a line reads that is there is not what it defines.
        let reads = |part: &Part| part.is_there && part.lines.holds(problem.at);
        let names = |part: &Part| {
            let text = self.text_of(part);
            let defines = |name: &str| {
                has_name(text, name)
                    || OF_MESSAGES.contains(&name) && (has_name(text, "receive") || has_name(text, "message"))
            };
            !reads(part) && named(problem).is_some_and(defines)
        };
        let may_bound = |part: &Part, ends: &[&str]| {
            touches(part.within, problem.at) && ends.iter().any(|end| has_name(self.text_of(part), end))
        };
        let may_follow = |part: &Part| match problem.code {
            Code::UNKNOWN_NAME | Code::UNKNOWN_FLOW | Code::UNKNOWN_PARAM | Code::UNKNOWN_STATE => {
                names(part)
            }
            // Such names have blanks.
            Code::ERROR_NAME => named(problem).is_some_and(|name| self.text_of(part).contains(name)),
            // A step that cannot be made, for want of a var perhaps, is none that a later one could name.
            Code::WITHIN | Code::TABLE_FORM | Code::NO_CONTRACT | Code::NO_LINK => true,
            Code::MISSING_KEY | Code::MISSING_PARAM | Code::NOT_ON_ACTION => touches(part.within, problem.at),
            Code::NO_TIMEOUT => may_bound(part, &["timeout"]),
            Code::UNBOUNDED_RETRY => may_bound(part, &["attempts", "for", "forever"]),
            _ => false,
        };
        self.is_at(problem.at)
            || self.parts.iter().any(may_follow)
            || self.decides
                && self.only.is_none_or(|file| problem.at.file == file)
                && !self.is_certain(problem)
    }

    /// Whether something under this key at the file's top is lost.
    pub fn is_under(&self, key: &str) -> bool {
        self.parts.iter().any(|part| top_key(&self.text, part.span.start) == key)
    }

    /// Whether a problem is one, whatever else the file may bring in or be.
    fn is_certain(&self, problem: &Diagnostic) -> bool {
        let before = problem.at.start.checked_sub(1).and_then(|before| self.text.as_bytes().get(before));
        let is_top = problem.at.file == self.file && before.is_none_or(|byte| *byte == b'\n');
        match problem.code {
            Code::UNKNOWN_KEY => !is_top,
            Code::WRONG_KIND
            | Code::CONTRADICTION
            | Code::OUT_OF_RANGE
            | Code::UNKNOWN_WORD
            | Code::DURATION
            | Code::EMPTY_TEXT
            | Code::BARE_STEP
            | Code::RANGE
            | Code::PATTERN
            | Code::PATTERN_TAKES_ALL
            | Code::TOPIC
            | Code::TEMPLATE
            | Code::NO_TEMPLATE_HERE
            | Code::EXPRESSION
            | Code::NAME
            | Code::EACH => true,
            _ => false,
        }
    }
}

/// Where a file's single steps, flows and entries stand. What else it says decides about all of it.
pub(crate) fn lists_of(file: &Node) -> Vec<Span> {
    let lists = ["steps", "flows", "schedule", "events", "tests", "calls", "at"];
    lists.into_iter().filter_map(|key| file.get(key)).map(|node| node.span).collect()
}

/// Whether a value or an entry is not there because of a problem in its YAML.
fn is_refused(problem: &Diagnostic) -> bool {
    !matches!(problem.code, Code::TAB | Code::DUPLICATE_KEY) && problem.code <= Code::QUOTE
}

fn touches(part: Span, at: Span) -> bool {
    part.file == at.file && at.start <= part.end && part.start <= at.end
}

/// What a message is about stands in it first; of a value that `state` lacks, or a flow's param, second.
fn named(problem: &Diagnostic) -> Option<&str> {
    let is_second = matches!(problem.code, Code::UNKNOWN_STATE | Code::UNKNOWN_PARAM);
    problem.message.split('`').nth(if is_second { 3 } else { 1 })
}

/// Whether a name stands in a text, perhaps with a sign too many in it.
fn has_name(text: &str, name: &str) -> bool {
    let is_part = |sign: &char| sign.is_alphanumeric() || *sign == '_';
    let is_long = name.len() > 3;
    text.split(|sign: char| !is_part(&sign)).any(|part| part == name)
        || is_long && text.chars().filter(is_part).collect::<String>().contains(name)
}

/// The key that a line begins with.
fn key_of(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim()
}

/// The lines up to the one that holds `at`, from there upwards, each with where it begins.
fn upwards(text: &str, at: usize) -> impl Iterator<Item = (usize, &str)> {
    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
    let mut rest = Some(&text[..end]);
    std::iter::from_fn(move || {
        let all = rest?;
        let start = all.rfind('\n').map_or(0, |line_end| line_end + 1);
        rest = start.checked_sub(1).map(|line_end| &all[..line_end]);
        Some((start, &all[start..]))
    })
}

/// Whether a key at the top of the file stands in a line.
fn is_top(line: &str) -> bool {
    line.starts_with(|first: char| !first.is_whitespace() && !"#-".contains(first))
}

/// The key at the top of the file under which `at` stands.
fn top_key(text: &str, at: usize) -> &str {
    upwards(text, at).find(|(_, line)| is_top(line)).map_or("", |(_, line)| key_of(line))
}

/// All lines that a place touches.
fn lines_of(text: &str, span: Span) -> Span {
    let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |end| span.end + end);
    Span { start, end, ..span }
}

/// The item of a list in which the place stands; of what stands in none all below the key at the file's top.
fn entry_around(text: &str, span: Span) -> Span {
    let margin = |line: &str| line.len() - line.trim_start().len();
    let own =
        upwards(text, span.start).next().map_or(0, |(start, line)| (span.start - start).max(margin(line)));
    let is_item = |line: &str| line.trim_start().starts_with("- ") || line.trim() == "-";
    // A line can be the item itself; those above it, only if it stands within them.
    let item = upwards(text, span.start)
        .enumerate()
        .find(|(above, (_, line))| {
            is_item(line) && (margin(line) < own || *above == 0 && margin(line) == own)
        })
        .map(|(_, item)| item);
    let Some((start, first)) = item.or_else(|| upwards(text, span.start).find(|(_, line)| is_top(line)))
    else {
        return Span { start: 0, end: text.len(), ..span };
    };
    let mut end = span.end;
    for line in text[span.end..].split_inclusive('\n') {
        let is_next = end > span.end && !line.trim().is_empty() && margin(line) <= margin(first);
        if is_next {
            break;
        }
        end += line.len();
    }
    Span { start, end, ..span }
}
