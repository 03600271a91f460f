//! What a test wants of its station: the files, what happens to the module, the seed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use atflow::flow::compile::{self, Options};
use atflow::flow::diag::Look;
use atflow::flow::model::{Program, UnitId};
use atflow::hooks::{Host, Value};
use atflow::run::vars::{self, Outside};
use atflow::sim::{Entry, Scenario, SimSettings, What, When};
use atflow::transcript::{Masker, Secret};

use super::root;

/// A station and its world.
pub struct Case {
    pub file: PathBuf,
    pub seed: u64,
    pub settings: SimSettings,
    pub entries: Vec<Entry>,
    pub vars: BTreeMap<String, String>,
    /// Happenings, transcript and log are kept, and not only passed on.
    pub keep: bool,
    /// The store lies in this folder, and not in memory.
    pub folder: Option<PathBuf>,
}

impl Case {
    /// The station in this file.
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            seed: 1,
            settings: SimSettings::default(),
            entries: Vec::new(),
            vars: BTreeMap::new(),
            keep: true,
            folder: None,
        }
    }

    /// The bundled station.
    pub fn bundled() -> Self {
        Self::of(root().join("scripts/thingscloud/station.yaml"))
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    pub fn then(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
        self.entries.extend(entries);
        self
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.insert(name.to_string(), value.to_string());
        self
    }

    pub fn settings(mut self, change: impl FnOnce(&mut SimSettings)) -> Self {
        change(&mut self.settings);
        self
    }

    pub fn forgetful(mut self) -> Self {
        self.keep = false;
        self
    }

    pub fn scenario(&self) -> Scenario {
        Scenario {
            seed: Some(self.seed),
            settings: self.settings.clone(),
            at: self.entries.clone(),
            ..Scenario::default()
        }
    }
}

/// A checked program with the values of its vars.
pub struct Loaded {
    pub program: Rc<Program>,
    pub host: Rc<Host>,
    pub values: Vec<Vec<Value>>,
    secrets: Vec<Secret>,
}

impl Loaded {
    pub fn of(case: &Case) -> Self {
        let host = Rc::new(Host::new());
        let loaded = compile::load(&case.file, &root(), &Options::default(), &host);
        let said = loaded.problems.render(&loaded.sources, Look::Plain);
        let program = Rc::new(loaded.program.unwrap_or_else(|| panic!("{said}")));
        let env = |_: &str| None;
        let file = |_: UnitId, path: &str| Err(format!("no test reads {path}"));
        let outside = Outside { given: &case.vars, env: &env, file: &file, simulated: true };
        let resolved = vars::resolve(&program, &outside).unwrap_or_else(|_| panic!("a var has no value"));
        Self { program, host, values: resolved.values, secrets: resolved.secrets }
    }

    pub fn masker(&self) -> Masker {
        Masker::new(&self.secrets, &self.program.dialect.escapes).expect("short secrets")
    }
}

/// Something that happens at a point in time.
pub fn at(time: Duration, what: What) -> Entry {
    Entry { when: When::Time(time), what, count: None }
}

/// The cloud sends this then.
pub fn cloud(time: Duration, topic: &str, payload: impl AsRef<[u8]>) -> Entry {
    at(time, What::Message { topic: topic.to_string(), payload: payload.as_ref().to_vec() })
}

/// What a scenario file calls it, such as `broker: away, for: 2m`.
pub fn what(time: &str, text: &str) -> Entry {
    let scenario = format!("at:\n  - {{ time: {time}, {text} }}\n");
    let parsed = Scenario::parse("test", &scenario).unwrap_or_else(|error| panic!("{text}: {error}"));
    parsed.at.into_iter().next().expect("one entry")
}
