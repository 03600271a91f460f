//! Regexes that are compiled when they are first asked for, within our limits.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

/// A regex in a pattern may not compile to more than this. From experience: the longest dialect pattern
/// needs a hundredth of it.
const REGEX_BYTES: usize = 1 << 20;

/// A regex of ours with a shorter source cannot exceed [`REGEX_BYTES`]: a byte of it makes some ten states.
const SURE_SOURCE_BYTES: usize = 2048;

/// A regex that is compiled when it is first asked for: most patterns of a dialect never meet a line that
/// begins as they do, and compiling is what a short run would spend most of its time on.
#[derive(Clone)]
pub(super) struct Lazy {
    pub(super) source: String,
    /// `None` inside: it does not compile, which is said while the pattern is loaded.
    pub(super) compiled: OnceLock<Option<Regex>>,
}

/// The same before and after it is compiled.
impl std::fmt::Debug for Lazy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lazy").field(&self.source).finish()
    }
}

impl Lazy {
    /// Of our own making, but for holes with a `user`'s regex in them, which were looked at.
    pub(super) fn new(source: String, user: bool) -> Result<Self, String> {
        let compiled = OnceLock::new();
        if user || source.len() > SURE_SOURCE_BYTES {
            let _ = compiled.set(Some(compile(&source)?));
        }
        Ok(Self { source, compiled })
    }

    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }

    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }
}

/// Compiles with our limits; the error is one line.
pub(super) fn compile(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).size_limit(REGEX_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".into(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or("it does not parse");
            last.trim_start_matches("error:").trim().into()
        }
    })
}
