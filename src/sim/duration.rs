//! Durations in data files.

use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error};

use crate::flow::duration;

/// A duration in a data file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(|_| {
            D::Error::custom(format!("`{text}` is not a duration: write `500ms`, `5s` or `1m30s`"))
        })
    }
}
