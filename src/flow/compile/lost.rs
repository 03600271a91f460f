//! What a file lacks because it is no YAML there, and what would only be said because of that.

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::yaml::Node;

/// The parts of a file that were passed over.
#[derive(Default)]
pub(super) struct Lost {
    text: String,
    parts: Vec<Part>,
    decides: bool,
}

struct Part {
    span: Span,
    /// From the beginning of the step or entry that it belongs to.
    within: Span,
    text: String,
}

/// What a file says at its top that brings in other files, or tells what kind of file it is: without it nobody
/// knows which names, flows and commands there are.
const DECISIVE: [&str; 20] = [
    "module", "cloud", "use", "hooks", "extends", "steps", "flows", "schedule", "events", "state", "outbox",
    "downlink", "link", "limits", "commands", "urc", "results", "line", "errors", "escapes",
];
/// Of these only what stands in them is lacking, as long as the key is there.
const ONLY_CONTENT: usize = 5;

impl Lost {
    /// `lists`: where the file's single steps, flows and entries stand.
    pub fn new(spans: &[Span], text: &str, file: &Node, lists: &[Span]) -> Self {
        let parts: Vec<Part> = spans
            .iter()
            .map(|span| Part {
                span: *span,
                within: entry_around(text, *span),
                text: lines_of(text, *span).to_string(),
            })
            .collect();
        let decides = parts.iter().any(|part| {
            let in_list = lists.iter().any(|list| list.holds(part.span));
            let key = top_key(text, part.span.start);
            !in_list
                && (file.get(key).is_none()
                    || DECISIVE[..ONLY_CONTENT].contains(&key)
                    || part
                        .text
                        .lines()
                        .any(|line| DECISIVE.contains(&key_of(line.trim_start_matches([' ', '\t', '-'])))))
        });
        Self { text: text.to_string(), parts, decides }
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Whether nobody knows what else the file would have.
    pub fn decides(&self) -> bool {
        self.decides
    }

    /// Whether a place touches what is lost.
    pub fn is_at(&self, at: Span) -> bool {
        self.parts.iter().any(|part| touches(part.span, at))
    }

    /// Whether a problem follows from what is lost.
    pub fn explains(&self, problem: &Diagnostic) -> bool {
        let names = |text: &str| named(problem).is_some_and(|name| has_word(text, name));
        let may_follow = |part: &Part| match problem.code {
            Code::UNKNOWN_NAME | Code::UNKNOWN_FLOW | Code::UNKNOWN_PARAM | Code::UNKNOWN_STATE => {
                names(&part.text)
            }
            // A step that cannot be made is none that a later one could name; its lines and patterns are not known.
            Code::WITHIN | Code::ERROR_NAME | Code::TABLE_FORM => true,
            Code::MISSING_KEY
            | Code::MISSING_PARAM
            | Code::NOT_ON_ACTION
            | Code::NO_TIMEOUT
            | Code::UNBOUNDED_RETRY => touches(part.within, problem.at),
            _ => false,
        };
        self.is_at(problem.at)
            || self.parts.iter().any(may_follow)
            || self.decides && !self.is_certain(problem)
    }

    /// Whether a problem is one, whatever else the file may bring in or be.
    fn is_certain(&self, problem: &Diagnostic) -> bool {
        let is_top = self.text[..problem.at.start.min(self.text.len())].ends_with(['\n', '\u{feff}'])
            || problem.at.start == 0;
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

fn touches(part: Span, at: Span) -> bool {
    part.file == at.file && at.start <= part.end && part.start <= at.end
}

/// What a message is about stands in it first.
fn named(problem: &Diagnostic) -> Option<&str> {
    problem.message.split('`').nth(1)
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_')).any(|part| part == word)
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

/// The key at the top of the file under which `at` stands.
fn top_key(text: &str, at: usize) -> &str {
    let is_top = |line: &str| line.starts_with(|first: char| !first.is_whitespace() && !"#-".contains(first));
    upwards(text, at).find(|(_, line)| is_top(line)).map_or("", |(_, line)| key_of(line))
}

/// All lines that a place touches.
fn lines_of(text: &str, span: Span) -> &str {
    let start = text[..span.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |end| span.end + end);
    &text[start..end]
}

/// The item of a list in which the place stands; of what stands in none the whole file.
fn entry_around(text: &str, span: Span) -> Span {
    let margin = |line: &str| line.len() - line.trim_start().len();
    let own =
        upwards(text, span.start).next().map_or(0, |(start, line)| (span.start - start).max(margin(line)));
    let item =
        upwards(text, span.start).find(|(_, line)| margin(line) < own && line.trim_start().starts_with("- "));
    let Some((start, first)) = item else { return Span { start: 0, end: text.len(), ..span } };
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
