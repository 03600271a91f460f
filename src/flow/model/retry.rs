//! How often a thing is tried, after which errors, and what lies between.

use std::time::Duration;

/// How often a thing is tried. "Never tried" cannot be written.
#[derive(Clone, Debug, Default)]
pub struct Retry {
    /// At most so many attempts; `None` with `limit` or `forever` only.
    pub attempts: Option<u32>,
    /// No attempt starts later than this after the first start.
    pub limit: Option<Duration>,
    /// The pause between attempts.
    pub pause: Pause,
    /// Added to each pause.
    pub jitter: Jitter,
    /// Only these errors are tried again.
    pub only: Vec<ErrorMatch>,
    /// These never are.
    pub never: Vec<ErrorMatch>,
    /// No end; must be said.
    pub forever: bool,
    /// Whether the author wrote a retry at all.
    pub written: bool,
}

impl Retry {
    /// Whether an error of this name, family and number is tried again. `by_default`: it is if neither
    /// `only` nor `never` says anything.
    pub fn takes(&self, name: &str, family: &str, number: Option<i64>, by_default: bool) -> bool {
        let among = |list: &[ErrorMatch]| list.iter().any(|item| item.takes(name, family, number));
        let named = among(&self.only);
        (by_default || named) && !among(&self.never) && (self.only.is_empty() || named)
    }
}

/// The pause between attempts.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    /// Start to start; at once if the attempt took longer.
    Every(Duration),
    /// End to start, doubling from the first to the second.
    Backoff(Duration, Duration),
}

impl Default for Pause {
    fn default() -> Self {
        Self::Every(Duration::from_secs(1))
    }
}

/// Chance added to a pause.
#[derive(Clone, Copy, Debug, Default)]
pub enum Jitter {
    /// None.
    #[default]
    None,
    /// Up to this part of the pause (0.1 is 10 %).
    Part(f64),
    /// Up to this long.
    Time(Duration),
}

/// One item of `only` or `never`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorMatch {
    /// A name (`timeout`, `no carrier`) or a family with any number (`cme`).
    Name(String),
    /// `cme 10`, `cme 30..32`.
    Numbers(String, i64, i64),
}

impl ErrorMatch {
    /// Whether an error of this name, family and number is meant.
    pub fn takes(&self, name: &str, family: &str, number: Option<i64>) -> bool {
        match self {
            Self::Name(wanted) => wanted == name || wanted == family,
            Self::Numbers(wanted, from, to) => {
                wanted == family && number.is_some_and(|number| (*from..=*to).contains(&number))
            }
        }
    }
}
