//! `atflow check`: everything that can be known without a module.

use std::time::Duration;

use serde_json::json;

use crate::flow::bounds::{self, Bound};
use crate::flow::compile::{self, Options};
use crate::flow::duration;
use crate::flow::model::{FlowId, Program};
use crate::hooks::Host;

use super::args::{CheckArgs, Format};
use super::{Exit, say};

pub(super) fn check(args: &CheckArgs) -> Exit {
    checked(args).unwrap_or_else(|exit| exit)
}

fn checked(args: &CheckArgs) -> Result<Exit, Exit> {
    let mut exit = Exit::Done;
    let here = std::env::current_dir().unwrap_or_default();
    for file in &args.files {
        let host = Host::new();
        let options = Options { module: args.module.clone() };
        let loaded = compile::load(file, &here, &options, &host);
        if loaded.problems.has_errors() {
            exit = Exit::Usage;
        }
        match args.format {
            Format::Json => {
                let flows = loaded.program.as_ref().map(flows).unwrap_or_default();
                let line = json!({
                    "file": file.display().to_string(),
                    "good": !loaded.problems.has_errors(),
                    "problems": loaded.problems.records(&loaded.sources),
                    "flows": flows.iter().map(|(name, bound)| json!({
                        "flow": name,
                        "worst_case_ms": bound.time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
                        "commands": bound.time.map(|_| bound.commands),
                    })).collect::<Vec<_>>(),
                });
                say::line(&line.to_string())?;
            }
            Format::Pretty => {
                if !loaded.problems.is_empty() {
                    say::problems(&loaded.problems, &loaded.sources);
                    say::error_line("");
                }
                if let Some(program) = &loaded.program {
                    say::line(&format!("{}: good", file.display()))?;
                    print_flows(&flows(program))?;
                }
            }
        }
    }
    Ok(exit)
}

/// The worst case of the file's own steps and flows.
fn flows(program: &Program) -> Vec<(String, Bound)> {
    let own = |id: &FlowId| bounds::of_flow(program, *id);
    let mut out: Vec<(String, Bound)> = Vec::new();
    if let Some(main) = &program.main {
        out.push((program.flow(*main).name.clone(), own(main)));
    }
    out.extend(program.named.iter().map(|(name, id)| (name.clone(), own(id))));
    out
}

/// A worst case is shown in whole seconds, rounded up.
fn whole_seconds(time: Duration) -> Duration {
    let up = u64::from(time.subsec_nanos() > 0);
    Duration::from_secs(time.as_secs().saturating_add(up))
}

fn print_flows(flows: &[(String, Bound)]) -> Result<(), Exit> {
    let width = flows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, bound) in flows {
        let name = format!("{name}{}", " ".repeat(width - name.chars().count()));
        match bound.time {
            Some(time) => {
                let time = duration::display(whole_seconds(time));
                let commands = if bound.commands == 1 { "command" } else { "commands" };
                say::line(&format!("  {name}  at most {time}, {} {commands}", bound.commands))?;
            }
            None => say::line(&format!("  {name}  without an end, as it says"))?,
        }
    }
    Ok(())
}
