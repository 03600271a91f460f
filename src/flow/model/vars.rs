//! Values that never change while a file runs, and where they come from.

use std::sync::Arc;

use crate::flow::diag::Span;
use crate::hooks::Value;

/// One entry of `vars`.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
    /// Where its value comes from.
    pub source: VarSource,
    /// Used when the source has nothing.
    pub default: Option<Value>,
    /// Used instead of the source on a simulated or replayed port.
    pub simulated: Option<Value>,
    /// Masked wherever it is shown or written.
    pub secret: bool,
}

/// Where a var's value comes from.
#[derive(Clone, Debug)]
pub enum VarSource {
    /// Written in the file.
    Value(Value),
    /// An environment variable.
    Env(String),
    /// A file's bytes, relative to the YAML file.
    File(String),
    /// A CSV file with a header line: a list of maps of texts.
    Csv(String),
    /// A JSON file.
    Json(String),
    /// None: it must be given by `default`, an importing file or `--var`.
    Missing,
}
