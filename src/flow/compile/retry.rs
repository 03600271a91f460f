//! `retry`, and the error names of `only` and `never`.

use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span};
use crate::flow::duration::{self, DurationRange};
use crate::flow::keys;
use crate::flow::model::{ErrorMatch, Jitter, Pause, Retry};
use crate::flow::yaml::Node;

use super::Compiler;

/// The shortest pause of a retry that does not count: time itself ends it, so time must pass.
const LEAST_PAUSE: Duration = Duration::from_millis(1);

/// The error names that the engine itself gives.
pub(crate) const ENGINE_ERRORS: [&str; 14] = [
    "error",
    "no carrier",
    "no answer",
    "no dialtone",
    "busy",
    "timeout",
    "unexpected",
    "check",
    "closed",
    "refused",
    "hook",
    "reboot",
    "port",
    "stuck",
];

/// `retry: 3`, or the map.
pub(super) fn compile(compiler: &mut Compiler<'_>, node: &Node) -> Retry {
    if let Some(scalar) = node.scalar() {
        return attempts_only(compiler, scalar.text, scalar.span);
    }
    let Some(fields) = compiler.open(node, &keys::RETRY) else { return Retry::default() };
    let problems = &mut *compiler.problems;
    let attempts = fields.int("attempts", problems);
    let limit = fields.duration("for", problems);
    let every = fields.duration("every", problems);
    let backoff = fields.duration_range("backoff", problems);
    let jitter = fields.text("jitter", problems);
    let only = fields.node("only");
    let never = fields.node("never");
    let forever = fields.bool("forever", problems).map(|forever| forever.value);
    let is_counted = fields.has("attempts");
    if forever == Some(false) && !is_counted && !fields.has("for") {
        let help = "every retry has an end: add `attempts: 3` or `for: 30s`, or say `forever: true`";
        let message = "`forever: false` is no end";
        problems.push(Diagnostic::error(Code::UNBOUNDED_RETRY, node.span, message).help(help));
    }
    fields.finish();
    let shortest = every.as_ref().map(|every| (every.value, every.span));
    let shortest = backoff.as_ref().map(|range| (range.value.least, range.span)).or(shortest);
    if let Some((pause, at)) = shortest
        && pause < LEAST_PAUSE
        && !is_counted
    {
        compiler.problems.push(
            Diagnostic::error(
                Code::UNBOUNDED_RETRY,
                at,
                "without a pause, attempts that fail at once have no end",
            )
            .help("give the pause at least 1ms, or add `attempts`"),
        );
    }
    let pause = match (every, backoff) {
        (_, Some(range)) => backoff_pause(range.value),
        (Some(every), None) => Pause::Every(every.value),
        (None, None) => Pause::default(),
    };
    Retry {
        attempts: attempts.map(|attempts| positive(compiler, attempts.value, attempts.span)),
        limit: limit.map(|limit| limit.value),
        pause,
        jitter: jitter.map(|text| read_jitter(compiler, text.text, text.span)).unwrap_or_default(),
        only: only.map(|node| matches(compiler, node)).unwrap_or_default(),
        never: never.map(|node| matches(compiler, node)).unwrap_or_default(),
        forever: forever == Some(true),
        written: true,
    }
}

fn attempts_only(compiler: &mut Compiler<'_>, text: &str, span: Span) -> Retry {
    let Ok(number) = text.parse::<i64>() else {
        compiler.problems.push(
            Diagnostic::error(Code::WRONG_KIND, span, format!("`{text}` is not a number of attempts"))
                .help("write `retry: 3`, or a map such as `{ every: 2s, for: 1m }`"),
        );
        return Retry::default();
    };
    Retry { attempts: Some(positive(compiler, number, span)), written: true, ..Retry::default() }
}

fn positive(compiler: &mut Compiler<'_>, number: i64, span: Span) -> u32 {
    match u32::try_from(number) {
        Ok(number) if number > 0 => number,
        _ => {
            compiler.problems.push(
                Diagnostic::error(Code::OUT_OF_RANGE, span, format!("{number} attempts cannot be made"))
                    .help("attempts are counted with the first one: `1` is a single try"),
            );
            1
        }
    }
}

fn backoff_pause(range: DurationRange) -> Pause {
    let most = range.most.unwrap_or(range.least.saturating_mul(1024));
    Pause::Backoff(range.least, most)
}

fn read_jitter(compiler: &mut Compiler<'_>, text: &str, span: Span) -> Jitter {
    if let Ok(part) = duration::parse_percent(text) {
        return Jitter::Part(part);
    }
    if let Ok(time) = duration::parse(text) {
        Jitter::Time(time)
    } else {
        compiler.problems.push(
            Diagnostic::error(Code::DURATION, span, format!("`{text}` is neither a part nor a duration"))
                .help("write `10%` of the pause, or a duration such as `2s`"),
        );
        Jitter::Time(Duration::ZERO)
    }
}

/// `[cme 767, closed]`, or one.
fn matches(compiler: &mut Compiler<'_>, node: &Node) -> Vec<ErrorMatch> {
    let items: Vec<&Node> = node.list().map_or_else(|| vec![node], |items| items.iter().collect());
    let mut out = Vec::new();
    for item in items {
        let Some(scalar) = compiler.scalar(item, "an error's name") else { continue };
        let text = scalar.text.trim();
        let parsed = match text.rsplit_once(' ') {
            Some((family, numbers)) if numbers.starts_with(|c: char| c.is_ascii_digit() || c == '-') => {
                number_range(numbers).map(|(from, to)| ErrorMatch::Numbers(family.to_string(), from, to))
            }
            _ => Some(ErrorMatch::Name(text.to_string())),
        };
        match parsed {
            Some(ErrorMatch::Numbers(family, from, to)) if from > to => compiler.problems.push(
                Diagnostic::error(Code::ERROR_NAME, scalar.span, format!("`{text}` holds no number"))
                    .help(format!("write the smaller number first: `{family} {to}..{from}`")),
            ),
            Some(found) => {
                let family = match &found {
                    ErrorMatch::Name(name) => name.clone(),
                    ErrorMatch::Numbers(family, ..) => family.clone(),
                };
                compiler.error_names.push((family, scalar.span));
                out.push(found);
            }
            None => compiler.problems.push(
                Diagnostic::error(Code::ERROR_NAME, scalar.span, format!("`{text}` is no error's name"))
                    .help(
                        "write `cme 10`, `cme 30..32`, a family such as `cme`, or a name such as `timeout`",
                    ),
            ),
        }
    }
    out
}

fn number_range(text: &str) -> Option<(i64, i64)> {
    match text.split_once("..") {
        Some((from, to)) => Some((from.parse().ok()?, to.parse().ok()?)),
        None => text.parse().ok().map(|number| (number, number)),
    }
}

impl Compiler<'_> {
    /// Every error name that a retry mentions must be one that can happen here.
    pub(super) fn check_error_names(&mut self) {
        let mentioned = std::mem::take(&mut self.error_names);
        let mut known: Vec<String> = ENGINE_ERRORS.iter().map(ToString::to_string).collect();
        known.extend(self.families.iter().cloned());
        for (name, span) in mentioned {
            if self.incomplete || known.contains(&name) {
                continue;
            }
            let mut problem = Diagnostic::error(
                Code::ERROR_NAME,
                span,
                format!("nothing here ends with the error `{name}`"),
            );
            let near = known.iter().map(|known| (strsim::damerau_levenshtein(known, &name), known)).min();
            problem = match near {
                Some((distance, near)) if distance <= 2 => problem.help(format!("did you mean `{near}`?")),
                _ => problem.help(format!("errors that can happen: {}", known.join(", "))),
            };
            self.problems.push(problem);
        }
    }
}
