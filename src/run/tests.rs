//! What a run finds wrong before its first step.

use std::collections::BTreeMap;
use std::fs;

use crate::flow::cases::check_loaded;
use crate::flow::model::UnitId;
use crate::run::vars::{self, Outside};

/// The cases of `src/flow/cases/vars.txt`; a file `given` holds what `--var` gives.
#[test]
fn generated_cases_of_vars() {
    check_loaded("vars.txt", |loaded, root| {
        let program = loaded.program.as_ref()?;
        let given = fs::read_to_string(root.join("given")).unwrap_or_default();
        let pairs = given.lines().filter_map(|line| line.split_once('='));
        let given: BTreeMap<String, String> =
            pairs.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let file = |unit: UnitId, path: &str| {
            let place = loaded.reader.beside(&loaded.places[unit.0], path);
            loaded.reader.bytes(&place).map_err(|problem| problem.to_string())
        };
        let outside = Outside { given: &given, env: &|_| None, file: &file, simulated: false };
        vars::resolve(program, &outside).err()
    });
}
