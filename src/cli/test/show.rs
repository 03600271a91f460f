//! What people and programs see of tests.

use std::io::{IsTerminal as _, stdout};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::cli::Exit;
use crate::cli::say::columns;
use crate::flow::diag::{Look, Sources};
use crate::flow::duration;
use crate::report::paint::Paint;
use crate::testing::Problem;
use crate::testing::coverage::Coverage;

use super::{Tried, Unusable, say};

/// How much of what no test reached is listed when nobody asks for it.
const SHORT: usize = 5;
/// The least and the most that names get.
const NAME_WIDTH: (usize, usize) = (24, 80);

/// All that is shown.
pub(super) struct Shown<'s> {
    pub tried: &'s [Tried<'s>],
    /// Files that could not be used.
    pub broken: &'s [Unusable],
    pub coverage: Option<&'s Coverage>,
    pub all_missed: bool,
}

/// Colours are for terminals.
pub(super) fn look() -> Look {
    if say::has_colours(&stdout()) { Look::Coloured } else { Look::Plain }
}

impl Shown<'_> {
    fn counts(&self) -> (usize, usize) {
        let passed = self.tried.iter().filter(|tried| tried.outcome.passed()).count();
        (passed, self.tried.len() - passed)
    }

    fn simulated(&self) -> Duration {
        self.tried.iter().map(|tried| tried.outcome.simulated).sum()
    }

    pub fn pretty(&self) -> Result<(), Exit> {
        let look = look();
        let width = self.tried.iter().map(|tried| tried.item.name().chars().count()).max().unwrap_or(0);
        let room = columns().map_or(NAME_WIDTH.1, |columns| columns.saturating_sub(24));
        let width = width.min(room).clamp(NAME_WIDTH.0, NAME_WIDTH.1);
        let mut last: Option<&Path> = None;
        for tried in self.tried {
            if last != Some(&tried.file.path) {
                last = Some(&tried.file.path);
                say::line(&tried.file.path.display().to_string())?;
            }
            one(tried, width, look)?;
        }
        say::line(&self.sum(look))?;
        self.coverage.map_or(Ok(()), |coverage| self.missed(coverage))
    }

    fn sum(&self, look: Look) -> String {
        let coloured = look == Look::Coloured;
        let (passed, failed) = self.counts();
        let mut parts = vec![format!("{passed} passed")];
        if failed > 0 {
            parts.push(Paint::Bad.on(&format!("{failed} failed"), coloured));
        }
        let broken = self.broken.len();
        if broken > 0 {
            let files = if broken == 1 { "1 file" } else { &format!("{broken} files") };
            parts.push(Paint::Bad.on(&format!("{files} cannot be used"), coloured));
        }
        format!("{}; {} of simulated time", parts.join(", "), whole(self.simulated()))
    }

    fn missed(&self, coverage: &Coverage) -> Result<(), Exit> {
        let (reached, all) = coverage.counts();
        if all == 0 {
            return Ok(());
        }
        let missed = coverage.missed();
        let colon = if missed.is_empty() { "" } else { "; not reached:" };
        say::line(&format!(
            "coverage: {reached} of {all} steps and branches, {} %{colon}",
            reached * 100 / all
        ))?;
        let listed = if self.all_missed { missed.len() } else { SHORT };
        let places: Vec<String> =
            missed.iter().take(listed).map(|missed| format!("{}:{}", missed.file, missed.line)).collect();
        let width = places.iter().map(|place| place.chars().count()).max().unwrap_or(0);
        for (place, missed) in places.iter().zip(&missed) {
            say::line(&format!("  {place:width$}  {}", missed.what))?;
        }
        match missed.len().saturating_sub(listed) {
            0 => Ok(()),
            more => say::line(&format!("  and {more} more: `--coverage` lists them")),
        }
    }

    pub fn json(&self) -> Result<(), Exit> {
        for tried in self.tried {
            let sources = &tried.file.sources;
            let line = json!({
                "file": tried.file.path.display().to_string(),
                "test": tried.item.name(),
                "line": sources.position(tried.item.span()).line,
                "passed": tried.outcome.passed(),
                "simulated_ms": millis(tried.outcome.simulated),
                "problems": tried.outcome.problems.iter().map(|found| problem(found, sources)).collect::<Vec<_>>(),
            });
            say::line(&line.to_string())?;
        }
        for broken in self.broken {
            let line = json!({
                "file": broken.path.display().to_string(),
                "broken": true,
                "problems": broken.problems.records(&broken.sources),
            });
            say::line(&line.to_string())?;
        }
        let (passed, failed) = self.counts();
        let coverage = self.coverage.map(|coverage| {
            let (reached, all) = coverage.counts();
            let missed = coverage.missed();
            let missed =
                missed.iter().map(|one| json!({ "file": one.file, "line": one.line, "what": one.what }));
            json!({ "reached": reached, "all": all, "missed": missed.collect::<Vec<_>>() })
        });
        let line =
            json!({ "passed": passed, "failed": failed, "broken": self.broken.len(), "coverage": coverage });
        say::line(&line.to_string())
    }
}

fn one(tried: &Tried<'_>, width: usize, look: Look) -> Result<(), Exit> {
    let coloured = look == Look::Coloured;
    let (paint, mark) = if tried.outcome.passed() { (Paint::Good, "✓") } else { (Paint::Bad, "✗") };
    let mark = paint.on(mark, coloured);
    let simulated = match tried.outcome.simulated {
        Duration::ZERO => String::new(),
        time => whole(time),
    };
    // How long it really took differs from time to time: it is for people, not for files that are compared.
    let took = if stdout().is_terminal() {
        format!("  {:>7}", duration::display(rounded(tried.took)))
    } else {
        String::new()
    };
    let line = format!("  {mark} {:width$}  {simulated:>7}{took}", tried.item.name());
    say::line(line.trim_end())?;
    for (index, problem) in tried.outcome.problems.iter().enumerate() {
        if index > 0 {
            say::line("")?;
        }
        for line in problem.render(&tried.file.sources, look).lines() {
            say::line(format!("    {line}").trim_end())?;
        }
    }
    Ok(())
}

fn problem(found: &Problem, sources: &Sources) -> Json {
    let rows = |rows: &[(Duration, String)]| -> Vec<Json> {
        rows.iter().map(|(at, text)| json!({ "at_ms": millis(*at), "text": text })).collect()
    };
    json!({
        "code": found.code.to_string(),
        "message": found.message,
        "line": sources.position(found.span).line,
        "seen": rows(&found.seen),
        "crossed": rows(&found.crossed),
        "notes": found.notes,
        "explained": found.explained,
    })
}

/// To the second, but for what is shorter.
fn whole(time: Duration) -> String {
    let time =
        if time < Duration::from_secs(10) { rounded(time) } else { Duration::from_secs(time.as_secs()) };
    duration::display(time)
}

/// To the hundredth of a second.
fn rounded(time: Duration) -> Duration {
    Duration::from_millis(millis(time) / 10 * 10)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
