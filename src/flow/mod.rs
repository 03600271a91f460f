//! The flow language: YAML text → a tree with places → checked, typed flows. Pure: it reads files when it
//! loads them and does nothing else with the world; no clock, no port, no printing.
//!
//! `yaml` and `traps` turn text into a tree and say what YAML would silently misread; `keys` is the one table of
//! what may stand where, `fields` reads a map by it, `schema` and `reference` show it to editors and people;
//! `duration` and `template` read the two small notations inside values; `diag` and `codes` are the problems.

pub mod bounds;
pub mod codes;
pub mod compile;
pub mod diag;
pub mod duration;
pub mod fields;
pub mod keys;
pub mod load;
pub(crate) mod lost;
pub mod model;
pub mod reference;
pub mod rule;
pub mod schema;
pub mod template;
pub mod topic;
pub mod traps;
pub mod yaml;

#[cfg(test)]
pub(crate) mod cases;
