//! What a test wants of its station: the files, what happens to the module, the seed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use atflow::sim::{Entry, Scenario, SimSettings, What, When};
use atflow::testing::fuzz::program::{Ready, Source};

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

    /// The program, checked, with the values of its vars.
    pub fn load(&self) -> Ready {
        let (file, vars) = (self.file.clone(), self.vars.clone());
        let source = Source { file, folder: root(), module: "luat-air724".to_string(), vars };
        source.load().unwrap_or_else(|problems| panic!("{problems}"))
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
