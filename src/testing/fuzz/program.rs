//! The file that is fuzzed, read anew by each thread.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use crate::flow::compile::{self, Loaded, Options};
use crate::flow::diag::Look;
use crate::flow::model::{FlowId, Program, UnitId};
use crate::hooks::{Host, Value};
use crate::run::mask_text::Masked;
use crate::run::vars::{self, Outside};
use crate::transcript::{Masker, Secret};

/// Where a program comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What relative paths are relative to.
    pub folder: PathBuf,
    /// The simulated module.
    pub module: String,
    /// Values for vars.
    pub vars: BTreeMap<String, String>,
}

/// Why a file cannot be fuzzed, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// A program that can be run, many times.
pub struct Ready {
    /// What is run.
    pub program: Rc<Program>,
    /// The script host that compiled it.
    pub host: Rc<Host>,
    /// The values of every file's vars.
    pub values: Vec<Vec<Value>>,
    /// What must never be shown.
    pub secrets: Vec<Secret>,
    /// The flow that is run, if it is no station.
    pub main: Option<FlowId>,
}

impl Source {
    /// Reads and checks it.
    ///
    /// # Errors
    ///
    /// Its problems, as they are shown.
    pub fn load(&self) -> Result<Ready, Unusable> {
        let host = Rc::new(Host::new());
        let Loaded { program, sources, problems, places, reader } =
            compile::load(&self.file, &self.folder, &Options { module: None }, &host);
        let Some(program) = program.map(Rc::new) else {
            return Err(Unusable(problems.render(&sources, Look::Plain)));
        };
        // A run is a function of its seed: the environment has no part in it.
        let env = |_: &str| None;
        let file = |unit: UnitId, path: &str| {
            let place = reader.beside(&places[unit.0], path);
            reader.bytes(&place).map_err(|problem| problem.to_string())
        };
        let outside = Outside { given: &self.vars, env: &env, file: &file, simulated: true };
        let resolved = vars::resolve(&program, &outside)
            .map_err(|problems| Unusable(problems.render(&sources, Look::Plain)))?;
        let main = if program.station.is_some() { None } else { program.main };
        if program.station.is_none() && main.is_none() {
            return Err(Unusable("the file has no steps of its own and is no station".to_owned()));
        }
        Ok(Ready { program, host, values: resolved.values, secrets: resolved.secrets, main })
    }

    /// Whether a var must not be shown, because a file says so or none can be asked.
    pub fn is_secret(&self, name: &str) -> bool {
        self.load().map_or(true, |ready| {
            let mut vars = ready.program.units.iter().flat_map(|unit| &unit.vars);
            vars.any(|var| &*var.name == name && var.secret)
        })
    }
}

impl Ready {
    /// The mask over its secrets.
    ///
    /// # Errors
    ///
    /// A secret is too long.
    pub fn masked(&self) -> Result<Masked, Unusable> {
        self.masker().map(|masker| Masked::new(Rc::new(masker)))
    }

    /// The same for a transcript.
    ///
    /// # Errors
    ///
    /// A secret is too long.
    pub fn masker(&self) -> Result<Masker, Unusable> {
        let escapes = &self.program.dialect.escapes;
        Masker::new(&self.secrets, escapes).map_err(|error| Unusable(error.to_string()))
    }
}
