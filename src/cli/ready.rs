//! A file that is read, checked and has its vars' values: what a run can begin with.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::{Diagnostics, Sources};
use crate::flow::model::{Program, UnitId};
use crate::hooks::{Host, Value};
use crate::run::vars::{self, Outside};
use crate::transcript::{Masker, Secret};

use super::args::RunArgs;
use super::{Exit, complain, open, say};

/// A file that can be run, with the values of its vars.
pub(super) struct Ready {
    pub program: Rc<Program>,
    pub host: Rc<Host>,
    pub sources: Sources,
    pub values: Vec<Vec<Value>>,
    /// What must never be shown.
    pub secrets: Vec<Secret>,
    pub simulated: bool,
}

/// Why a file cannot be run.
pub(super) enum Unready {
    /// Problems of the files.
    Problems(Box<(Diagnostics, Sources)>),
    /// Said already.
    Said(Exit),
}

impl Unready {
    /// Says it, if that has not been done.
    pub fn say(self) -> Exit {
        match self {
            Self::Problems(found) => {
                say::problems(&found.0, &found.1);
                Exit::Usage
            }
            Self::Said(exit) => exit,
        }
    }
}

/// Reads the file, checks it, and gives its vars their values. `split` gives those of `--var` that are vars.
pub(super) fn ready(
    args: &RunArgs,
    port: &str,
    split: impl FnOnce(&Program) -> Result<BTreeMap<String, String>, Exit>,
) -> Result<Ready, Unready> {
    let options = Options { module: args.module.clone() };
    let env = |name: &str| std::env::var(name).ok();
    ready_with(&args.file, &options, &env, open::is_simulated(port), split)
}

/// The same in surroundings that are given: the environment, and whether the module is simulated.
pub(super) fn ready_with(
    file: &Path,
    options: &Options,
    env: &dyn Fn(&str) -> Option<String>,
    simulated: bool,
    split: impl FnOnce(&Program) -> Result<BTreeMap<String, String>, Exit>,
) -> Result<Ready, Unready> {
    let host = Rc::new(Host::new());
    let here = std::env::current_dir().unwrap_or_default();
    let loaded = compile::load(file, &here, options, &host);
    let Loaded { program, sources, problems, places, reader } = loaded;
    let Some(program) = program.map(Rc::new) else {
        return Err(Unready::Problems(Box::new((problems, sources))));
    };
    let given = split(&program).map_err(Unready::Said)?;
    let file = |unit: UnitId, path: &str| {
        let place = reader.beside(&places[unit.0], path);
        reader.bytes(&place).map_err(|problem| problem.to_string())
    };
    let outside = Outside { given: &given, env, file: &file, simulated };
    match vars::resolve(&program, &outside) {
        Ok(resolved) => {
            let (values, secrets) = (resolved.values, resolved.secrets);
            Ok(Ready { program, host, sources, values, secrets, simulated })
        }
        Err(problems) => Err(Unready::Problems(Box::new((problems, sources)))),
    }
}

/// The mask over a program's secrets.
pub(super) fn mask(ready: &Ready) -> Result<Masker, Exit> {
    Masker::new(&ready.secrets, &ready.program.dialect.escapes).map_err(|error| {
        complain(&error.to_string(), None);
        Exit::Usage
    })
}
