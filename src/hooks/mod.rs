//! The script host: hook files and `${…}` expressions, written in Rhai. The only room that names the script
//! engine. A script is a pure function from values to a value: it opens nothing, waits for nothing, cannot
//! change what it is given, and is stopped by limits on operations, depth and size that are all set here.
//!
//! [`Host::load`] compiles a hook file, [`Hooks::merge`] puts files together, [`Host::compile`] compiles an
//! expression and finds every unknown name and function in it, [`Host::eval`] runs it.

mod check;
mod code;
mod engine;
mod error;
mod fields;
mod file;
mod functions;
mod grammar;
mod host;
mod json;
pub mod limits;
mod mend;
mod mention;
mod missing;
mod numbers;
mod problem;
mod station;
mod value;

pub use error::{ErrorKind, HookError, Limit, Place};
pub use file::{HookFile, Hooks};
pub use host::{Expression, Host};
pub use json::{
    JsonError, MAX_DEPTH as MAX_JSON_DEPTH, MAX_NODES as MAX_JSON_NODES, body, from_json, parse_json,
    plain_json, to_json,
};
pub use mention::{Mention, Mentioned};
pub use problem::{HookProblem, ProblemKind};
pub use station::{Station, is_host_function};
pub use value::{
    Array, Bytes, How, Map, Prepared, Value, as_bytes, as_prepared, display, elements, entry, float_text,
    from_plain, is_list, keys, kind_of, length, list_of, map_of, with_entries,
};

/// Whether Rhai keeps a word for itself, so that no variable can have it as its name.
pub fn is_reserved(word: &str) -> bool {
    engine::fix_hashing();
    // Rhai lists its keywords, but keeps the list of words it may need one day to its parser.
    rhai::Token::lookup_symbol_from_syntax(word).is_some()
        || rhai::Engine::new_raw().compile_expression(word).is_err()
}

#[cfg(test)]
mod tests;
