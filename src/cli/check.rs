//! `atflow check`: everything that can be known without a module.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::flow::bounds::{Bound, Bounds};
use crate::flow::compile::{self, Options};
use crate::flow::diag::{Diagnostic, Diagnostics, Sources};
use crate::flow::duration;
use crate::flow::model::{FlowId, Program};
use crate::hooks::Host;
use crate::report::text::{columns, one_line, pad_out};
use crate::sim::{Scenario, ScenarioError};
use crate::station::HANDLER;
use crate::testing::read::{ENDING, read};

use super::args::{CheckArgs, Format};
use super::{Exit, say};

pub(super) fn check(args: &CheckArgs) -> Exit {
    checked(args).unwrap_or_else(|exit| exit)
}

fn checked(args: &CheckArgs) -> Result<Exit, Exit> {
    let mut exit = Exit::Done;
    let here = std::env::current_dir().unwrap_or_default();
    let mut told = BTreeSet::new();
    for file in &args.files {
        let mut loaded = look(file, args, &here);
        if loaded.problems.has_errors() {
            exit = Exit::Usage;
        }
        match args.format {
            Format::Json => {
                let rows = loaded.program.as_ref().map(rows).unwrap_or_default();
                let line = json!({
                    "file": file.display().to_string(),
                    "good": !loaded.problems.has_errors(),
                    "problems": loaded.problems.records(&loaded.sources),
                    "flows": rows.iter().map(record).collect::<Vec<_>>(),
                });
                say::line(&line.to_string())?;
            }
            Format::Pretty => {
                if !loaded.problems.is_empty() {
                    tell(file, &mut loaded, &mut told);
                    say::error_line("");
                }
                if loaded.is_good {
                    say::line(&format!("{}: good", file.display()))?;
                }
                if let Some(program) = &loaded.program {
                    print_rows(&rows(program))?;
                }
            }
        }
    }
    Ok(exit)
}

/// Says what is wrong with a file. What it has in common with one before it, such as a dialect, is not told again.
fn tell(file: &Path, found: &mut Looked, told: &mut BTreeSet<String>) {
    let Looked { problems, sources, .. } = found;
    let seal = |problem: &Diagnostic| {
        format!("{}:{} {}", sources.name(problem.at.file), problem.at.start, problem.message)
    };
    let known = problems.sorted().into_iter().filter(|problem| told.contains(&seal(problem))).count();
    // A library that is used twice is read twice.
    let mut new = BTreeSet::new();
    problems.retain_since(0, |problem| !told.contains(&seal(problem)) && new.insert(seal(problem)));
    told.extend(new);
    if !problems.is_empty() {
        say::problems(problems, sources);
    }
    if known > 0 {
        let what = if known == 1 { "a problem".to_string() } else { format!("{known} problems") };
        say::error_line(&format!("{}: {what} that a file above has, too", file.display()));
    }
}

/// What a file holds, and what is wrong with it.
struct Looked {
    problems: Diagnostics,
    sources: Sources,
    /// Of a file that can be run.
    program: Option<Program>,
    /// It is of a kind that is not run.
    is_good: bool,
}

/// A test file has its name, a scenario its keys; all else can be run.
fn look(file: &Path, args: &CheckArgs, here: &Path) -> Looked {
    let shown = file.display().to_string();
    // What cannot be read is no scenario; the loader says why.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if shown.ends_with(ENDING) {
        return test_file(file, &text, here);
    }
    if Scenario::is_meant(&text) {
        return match Scenario::parse(&shown, &text) {
            Ok(_) => good(),
            Err(ScenarioError { problems, sources }) => bad(problems, sources),
        };
    }
    let options = Options { module: args.module.clone() };
    let loaded = compile::load(file, here, &options, &Host::new());
    let is_good = loaded.program.is_some();
    Looked { problems: loaded.problems, sources: loaded.sources, program: loaded.program, is_good }
}

fn test_file(file: &Path, text: &str, here: &Path) -> Looked {
    let mut problems = Diagnostics::new();
    match read(file, text, &mut problems).map(|file| file.check(here)) {
        Ok(Ok(())) => good(),
        Ok(Err(found)) => bad(found.0, found.1),
        Err(sources) => bad(problems, sources),
    }
}

fn good() -> Looked {
    Looked { problems: Diagnostics::new(), sources: Sources::new(), program: None, is_good: true }
}

fn bad(problems: Diagnostics, sources: Sources) -> Looked {
    Looked { problems, sources, program: None, is_good: false }
}

/// The worst case of one flow.
struct Row {
    /// What the flow is to a station.
    part: &'static str,
    name: String,
    /// `None`: without an end.
    time: Option<Duration>,
    /// Commands for the module; `None` where nobody can count them.
    commands: Option<u64>,
}

impl Row {
    fn new(part: &'static str, name: &str, bound: Bound) -> Self {
        let commands = bound.time.map(|_| bound.commands);
        Self { part, name: name.to_string(), time: bound.time, commands }
    }
}

/// The worst case of the file's own steps and flows; of a station also of everything that it runs by itself,
/// as each of these holds the module for so long.
fn rows(program: &Program) -> Vec<Row> {
    let mut bounds = Bounds::new(program);
    let mut row = |part, name: &str, flow: FlowId| Row::new(part, name, bounds.of(flow));
    let mut rows = Vec::new();
    if let Some(main) = program.main {
        rows.push(row("", &program.flow(main).name, main));
    }
    let Some(station) = &program.station else {
        rows.extend(program.named.iter().map(|(name, flow)| row("", name, *flow)));
        return rows;
    };
    if let Some(link) = &station.link {
        rows.extend(link.up.iter().map(|level| row("link", &level.name, level.flow)));
        rows.extend(link.check.iter().map(|check| row("check", &program.flow(check.flow).name, check.flow)));
        rows.extend(link.reset.iter().map(|rung| row("reset", &rung.name, rung.flow)));
        rows.extend(link.down.map(|flow| row("down", &program.flow(flow).name, flow)));
        rows.extend(program.contract.get("publish").map(|flow| row("outbox", "publish", *flow)));
    }
    rows.extend(station.schedules.iter().map(|entry| row("schedule", &entry.name, entry.flow)));
    rows.extend(station.events.iter().map(|event| row("event", &event.name, event.flow)));
    // What a handler asks of the module counts as its own time.
    let methods = station.downlink.iter().flat_map(|downlink| downlink.methods.keys());
    rows.extend(methods.map(|name| Row {
        part: "method",
        name: name.clone(),
        time: Some(HANDLER),
        commands: None,
    }));
    rows.extend(program.named.iter().map(|(name, flow)| row("flow", name, *flow)));
    let called = station.downlink.iter().flat_map(|downlink| &downlink.runs);
    let others = called.filter(|flow| !program.named.values().any(|named| named == *flow));
    rows.extend(others.map(|flow| row("flow", &program.flow(*flow).name, *flow)));
    rows
}

fn record(row: &Row) -> serde_json::Value {
    let Row { part, name, time, commands } = row;
    let mut record = json!({
        "flow": name,
        "worst_case_ms": time.map(whole_milliseconds),
        "commands": commands,
    });
    if !part.is_empty() {
        record["part"] = json!(part);
    }
    record
}

/// A bound that is rounded down is none.
fn whole_milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A worst case is shown in whole seconds, rounded up.
fn whole_seconds(time: Duration) -> Duration {
    let up = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(up))
}

fn print_rows(rows: &[Row]) -> Result<(), Exit> {
    let width = |text: fn(&Row) -> &str| rows.iter().map(|row| columns(text(row))).max().unwrap_or(0);
    let (part_width, name_width) = (width(|row| row.part), width(|row| row.name.as_str()));
    for Row { part, name, time, commands } in rows {
        let part = if part_width == 0 { String::new() } else { format!("{part:part_width$}  ") };
        let start = format!("  {part}{}", pad_out(&one_line(name), name_width));
        let Some(time) = time else {
            say::line(&format!("{start}  without an end, as it says"))?;
            continue;
        };
        let time = duration::display(whole_seconds(*time));
        let commands = match commands {
            None => String::new(),
            Some(1) => ", 1 command".to_string(),
            Some(commands) => format!(", {commands} commands"),
        };
        say::line(&format!("{start}  at most {time}{commands}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worst_case_is_rounded_up_in_either_format() {
        for (micros, ms, shown) in [(12_000_400, 12_001, "13s"), (12_000_000, 12_000, "12s"), (0, 0, "0s")] {
            let time = Duration::from_micros(micros);
            let row = Row { part: "", name: "f".to_string(), time: Some(time), commands: Some(1) };
            assert_eq!(record(&row)["worst_case_ms"], json!(ms), "{micros}");
            assert_eq!(duration::display(whole_seconds(time)), shown, "{micros}");
        }
    }
}
