//! Tests as `JUnit` XML, which every CI reads.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::cli::{Exit, complain};
use crate::flow::diag::Look;

use super::{Tried, Unusable};

pub(super) fn write(path: &Path, tried: &[Tried<'_>], broken: &[Unusable]) -> Result<(), Exit> {
    std::fs::write(path, document(tried, broken)).map_err(|error| {
        complain(&format!("cannot write `{}`: {error}", path.display()), None);
        Exit::Environment
    })
}

fn document(tried: &[Tried<'_>], broken: &[Unusable]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"atflow\">\n");
    for suite in tried.chunk_by(|one, next| one.file.path == next.file.path) {
        let name = escaped(&suite[0].file.path.display().to_string());
        let failed = suite.iter().filter(|tried| !tried.outcome.passed()).count();
        let time: Duration = suite.iter().map(|tried| tried.took).sum();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\" time=\"{:.3}\">",
            suite.len(),
            time.as_secs_f64()
        );
        for tried in suite {
            out.push_str(&case(tried, &name));
        }
        out.push_str("  </testsuite>\n");
    }
    for file in broken {
        out.push_str(&unusable(file));
    }
    out.push_str("</testsuites>\n");
    out
}

/// A suite of a file none of whose tests could be tried: it is an error, and not a test less.
fn unusable(file: &Unusable) -> String {
    let name = escaped(&file.path.display().to_string());
    let first = file.problems.errors().next().map_or("", |problem| problem.message.as_str());
    let (message, text) = (escaped(first), escaped(&file.problems.render(&file.sources, Look::Plain)));
    format!(
        "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0.000\">\n    \
            <testcase name=\"the file can be used\" classname=\"{name}\" time=\"0.000\">\n      \
            <error message=\"{message}\">{text}</error>\n    </testcase>\n  </testsuite>\n"
    )
}

fn case(tried: &Tried<'_>, suite: &str) -> String {
    let name = escaped(tried.item.name());
    let time = tried.took.as_secs_f64();
    let mut out = format!("    <testcase name=\"{name}\" classname=\"{suite}\" time=\"{time:.3}\"");
    if tried.outcome.passed() {
        out.push_str("/>\n");
        return out;
    }
    out.push_str(">\n");
    for problem in &tried.outcome.problems {
        let text = escaped(&problem.render(&tried.file.sources, Look::Plain));
        let _ = writeln!(out, "      <failure message=\"{}\">{text}</failure>", escaped(&problem.message));
    }
    out.push_str("    </testcase>\n");
    out
}

/// XML has no way to write most control characters: they are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            // No XML 1.0 may hold these (2.2).
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(
            escaped("<a b=\"c\">&\u{1b}[1m\u{ffff}\u{fffe}\r\n"),
            "&lt;a b=&quot;c&quot;&gt;&amp;[1m\n"
        );
    }
}
