//! Which part of a flow is run: what `--from` and `--until` name.

use std::collections::{BTreeMap, BTreeSet};

use crate::flow::codes::Code;
use crate::flow::fields::nearest;
use crate::flow::model::Step;
use crate::hooks::Value;

use super::failure::Failure;

/// Which part of the flow is run, and with what.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Begin with the step of this name.
    pub from: Option<String>,
    /// End with the step of this name.
    pub until: Option<String>,
    /// Values of the flow's own params.
    pub args: BTreeMap<String, Value>,
}

impl Part {
    /// The part of the flow's own steps: the first, and the one behind the last.
    ///
    /// # Errors
    ///
    /// A name that no step has, or two in the wrong order.
    pub fn of(&self, steps: &[Step]) -> Result<(usize, usize), Failure> {
        let from = self.from.as_deref().map_or(Ok(0), |name| find(steps, name, "--from"))?;
        let until = self.until.as_deref().map(|name| find(steps, name, "--until")).transpose()?;
        let to = until.map_or(steps.len(), |at| at + 1);
        if let (Some(until), true) = (&self.until, to <= from) {
            // Nothing would run, and that would pass.
            let from = self.from.as_deref().unwrap_or_default();
            let message =
                format!("--until: the step `{until}` comes before `{from}`, so that nothing would run");
            let help = format!("`--from {until} --until {from}`?");
            return Err(Failure::new(Code::NO_SUCH_STEP, "refused", message).help(help));
        }
        Ok((from, to))
    }
}

fn find(steps: &[Step], name: &str, option: &str) -> Result<usize, Failure> {
    if let Some(at) = steps.iter().position(|step| step.title.literal() == Some(name)) {
        return Ok(at);
    }
    let message = format!("{option}: the flow has no step `{name}` of its own");
    let failure = Failure::new(Code::NO_SUCH_STEP, "refused", message);
    let titles = titles(steps);
    let failure = match nearest(name, titles.iter().copied()) {
        Some(near) => failure.help(format!("did you mean `{near}`?")),
        None if titles.is_empty() => failure.help("none of its steps has a name"),
        None => failure.help(format!("its steps: `{}`", titles.join("`, `"))),
    };
    Err(failure.help("a step inside a group or of another flow cannot be named here"))
}

/// What the steps can be called by, in their order; of equal titles the first step has it.
fn titles(steps: &[Step]) -> Vec<&str> {
    let mut told = BTreeSet::new();
    let titles = steps.iter().filter_map(|step| step.title.literal());
    titles.filter(|title| !title.trim().is_empty() && told.insert(*title)).collect()
}
