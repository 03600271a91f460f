//! The values of the files' vars, worked out once before a run. A file that uses another wins over it, and
//! `--var` wins over both. What a var needs from outside (environment, files) is handed in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, Span};
use crate::flow::model::{Program, Unit, UnitId, Var, VarSource};
use crate::hooks::{self, Value};
use crate::transcript::Secret;

/// Reads a file that the YAML file of a unit names; the error in words.
pub type ReadFile<'a> = dyn Fn(UnitId, &str) -> Result<Vec<u8>, String> + 'a;

/// What vars take their values from.
pub struct Outside<'a> {
    /// `--var name=value`.
    pub given: &'a BTreeMap<String, String>,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// A file's bytes, named relative to the YAML file of this unit; the error in words.
    pub file: &'a ReadFile<'a>,
    /// The port is simulated or replayed: `simulated` values count.
    pub simulated: bool,
}

/// The values by file and var, and the secrets among them.
pub struct Resolved {
    /// As [`super::Setup::vars`] wants them.
    pub values: Vec<Vec<Value>>,
    /// What must be masked.
    pub secrets: Vec<Secret>,
}

/// Works out every var, or says at its place what is missing.
pub fn resolve(program: &Program, outside: &Outside<'_>) -> Result<Resolved, Diagnostics> {
    let mut problems = Diagnostics::new();
    unknown_names(program, outside.given, &mut problems);
    let mut secrets = Vec::new();
    let mut values = Vec::new();
    for (index, unit) in program.units.iter().enumerate() {
        let mut of_unit = Vec::new();
        for var in &unit.vars {
            let value = value_of(program, UnitId(index), var, outside).unwrap_or_else(|problem| {
                problems.push(*problem);
                Value::UNIT
            });
            if is_secret(program, UnitId(index), &var.name) {
                secrets
                    .push(Secret { name: var.name.to_string(), value: hooks::display(&value).into_bytes() });
            }
            of_unit.push(value);
        }
        values.push(of_unit);
    }
    if problems.has_errors() { Err(problems) } else { Ok(Resolved { values, secrets }) }
}

fn unknown_names(program: &Program, given: &BTreeMap<String, String>, problems: &mut Diagnostics) {
    let known: Vec<&str> =
        program.units.iter().flat_map(|unit| unit.vars.iter().map(|var| &*var.name)).collect();
    let unknown: Vec<&str> = given.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
    let (Some(first), at) = (unknown.first(), Span::new(program.main_file, 0..0)) else { return };
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(known, first), known)).min();
    let help = match near {
        Some((distance, known)) if distance <= 2 => format!("did you mean `{known}`?"),
        _ => "declare it under `vars`".to_string(),
    };
    let names: Vec<String> = unknown.iter().map(|name| format!("`--var {name}=…`")).collect();
    let verb = if unknown.len() == 1 { "names" } else { "name" };
    let message = format!("{} {verb} no var of the flow", names.join(" and "));
    problems.push(Diagnostic::error(Code::UNKNOWN_VAR, at, message).help(help));
}

/// The files from the one that nobody uses down to `unit`.
fn users(program: &Program, unit: UnitId) -> Vec<&Unit> {
    let mut chain = Vec::new();
    let mut next = Some(unit);
    while let Some(id) = next {
        let unit = &program.units[id.0];
        chain.push(unit);
        next = unit.parent;
    }
    chain.reverse();
    chain
}

fn named<'u>(unit: &'u Unit, name: &Arc<str>) -> Option<&'u Var> {
    unit.vars.iter().find(|var| var.name == *name)
}

/// A name that is secret in one file is secret in all that share it.
fn is_secret(program: &Program, unit: UnitId, name: &Arc<str>) -> bool {
    users(program, unit).into_iter().any(|unit| named(unit, name).is_some_and(|var| var.secret))
}

fn value_of(
    program: &Program,
    unit: UnitId,
    var: &Var,
    outside: &Outside<'_>,
) -> Result<Value, Box<Diagnostic>> {
    if let Some(text) = outside.given.get(&*var.name) {
        return Ok(hooks::from_plain(text));
    }
    let chain = users(program, unit);
    let winner = chain.iter().find_map(|unit| named(unit, &var.name)).unwrap_or(var);
    let owner = program
        .units
        .iter()
        .position(|unit| unit.vars.iter().any(|candidate| std::ptr::eq(candidate, winner)))
        .map_or(unit, UnitId);
    from_source(owner, winner, outside)
}

fn from_source(unit: UnitId, var: &Var, outside: &Outside<'_>) -> Result<Value, Box<Diagnostic>> {
    if let (true, Some(value)) = (outside.simulated, &var.simulated) {
        return Ok(value.clone());
    }
    let found = match &var.source {
        VarSource::Value(value) => Some(value.clone()),
        VarSource::Env(name) => match (outside.env)(name) {
            Some(text) => Some(Value::from(text)),
            None if var.default.is_none() => return Err(no_env(var, name).into()),
            None => None,
        },
        // A default is for a file that is not there, not for one that is broken.
        VarSource::File(path) | VarSource::Json(path) | VarSource::Csv(path)
            if var.default.is_some() && (outside.file)(unit, path).is_err() =>
        {
            None
        }
        VarSource::File(path) => Some(hooks::Bytes::value(read(unit, var, path, outside)?)),
        VarSource::Json(path) => Some(json(unit, var, path, outside)?),
        VarSource::Csv(path) => Some(table(unit, var, path, outside)?),
        VarSource::Missing => None,
    };
    found.or_else(|| var.default.clone()).ok_or_else(|| {
        Diagnostic::error(Code::MISSING_VAR, var.span, format!("`{}` has no value", var.name))
            .help(format!("give it one: `--var {}=…`", var.name))
            .into()
    })
}

fn no_env(var: &Var, name: &str) -> Diagnostic {
    Diagnostic::error(Code::MISSING_VAR, var.span, format!("the environment variable `{name}` is not set"))
        .help(format!("set it (`export {name}=…`), or give `--var {}=…`", var.name))
}

fn read(unit: UnitId, var: &Var, path: &str, outside: &Outside<'_>) -> Result<Vec<u8>, Box<Diagnostic>> {
    (outside.file)(unit, path).map_err(|why| {
        Diagnostic::error(Code::VAR_FILE, var.span, format!("cannot read `{path}`: {why}"))
            .help("a path is relative to the file that names it")
            .into()
    })
}

fn json(unit: UnitId, var: &Var, path: &str, outside: &Outside<'_>) -> Result<Value, Box<Diagnostic>> {
    let bytes = read(unit, var, path, outside)?;
    let text = String::from_utf8_lossy(&bytes);
    hooks::parse_json(&text)
        .map_err(|why| Diagnostic::error(Code::VAR_FILE, var.span, format!("`{path}` is {why}")).into())
}

/// A CSV file with a header line: a list of maps of texts.
fn table(unit: UnitId, var: &Var, path: &str, outside: &Outside<'_>) -> Result<Value, Box<Diagnostic>> {
    let bytes = read(unit, var, path, outside)?;
    let bad = |why: csv::Error| {
        let why = match why.kind() {
            csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                let line = pos.as_ref().map_or(0, csv::Position::line);
                format!("line {line} has {len} fields, the header has {expected_len}")
            }
            _ => why.to_string(),
        };
        Diagnostic::error(Code::VAR_FILE, var.span, format!("`{path}` is not a CSV table: {why}"))
            .help("the first line names the columns; every line has as many fields")
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let header = reader.headers().map_err(bad)?.clone();
    let mut rows = hooks::Array::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let row: hooks::Map = header
            .iter()
            .zip(record.iter())
            .map(|(name, text)| (name.into(), Value::from(text.to_string())))
            .collect();
        rows.push(row.into());
    }
    Ok(rows.into())
}
