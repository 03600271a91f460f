//! Counters and histograms with labels, bounded in number.

use std::collections::BTreeMap;
use std::time::Duration;

/// What counts where there would be too many labels.
pub(super) const OTHER: &str = "other";
/// Values of labels that one family takes; what comes later counts as [`OTHER`].
const SERIES_MOST: usize = 200;
/// Characters of a label's value.
const LABEL_MOST: usize = 64;

/// A counter for each combination of label values.
#[derive(Clone, Debug)]
pub(super) struct Counters<const LABELS: usize> {
    pub names: [&'static str; LABELS],
    pub series: BTreeMap<[String; LABELS], u64>,
}

impl<const LABELS: usize> Counters<LABELS> {
    pub(super) fn new(names: [&'static str; LABELS]) -> Self {
        Self { names, series: BTreeMap::new() }
    }

    /// Begins with zeros for what is known to come.
    pub(super) fn with<const KNOWN: usize>(mut self, known: [[&str; LABELS]; KNOWN]) -> Self {
        self.series.extend(known.map(|labels| (labels.map(str::to_string), 0)));
        self
    }

    pub(super) fn add(&mut self, labels: [&str; LABELS], count: u64) {
        let mut labels = labels.map(label);
        if self.series.len() >= SERIES_MOST && !self.series.contains_key(&labels) {
            labels = std::array::from_fn(|_| OTHER.to_string());
        }
        let counter = self.series.entry(labels).or_default();
        *counter = counter.saturating_add(count);
    }
}

/// How often something took how long, in microseconds.
#[derive(Clone, Debug)]
pub(super) struct Histogram<const BUCKETS: usize> {
    pub bounds_us: &'static [u64; BUCKETS],
    /// How many were at most so long and longer than the bucket before.
    pub counts: [u64; BUCKETS],
    pub sum_us: u64,
    /// All, also those longer than every bucket.
    pub count: u64,
}

impl<const BUCKETS: usize> Histogram<BUCKETS> {
    pub(super) fn new(bounds_us: &'static [u64; BUCKETS]) -> Self {
        Self { bounds_us, counts: [0; BUCKETS], sum_us: 0, count: 0 }
    }

    pub(super) fn observe(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.bounds_us.iter().position(|bound| us <= *bound) {
            self.counts[bucket] += 1;
        }
        self.sum_us = self.sum_us.saturating_add(us);
        self.count += 1;
    }
}

/// A histogram for each value of a label.
#[derive(Clone, Debug)]
pub(super) struct Histograms<const BUCKETS: usize> {
    pub name: &'static str,
    bounds_us: &'static [u64; BUCKETS],
    pub series: BTreeMap<String, Histogram<BUCKETS>>,
}

impl<const BUCKETS: usize> Histograms<BUCKETS> {
    pub(super) fn new(name: &'static str, bounds_us: &'static [u64; BUCKETS]) -> Self {
        Self { name, bounds_us, series: BTreeMap::new() }
    }

    pub(super) fn observe(&mut self, value: &str, took: Duration) {
        let mut value = label(value);
        if self.series.len() >= SERIES_MOST && !self.series.contains_key(&value) {
            value = OTHER.to_string();
        }
        self.series.entry(value).or_insert_with(|| Histogram::new(self.bounds_us)).observe(took);
    }
}

fn label(value: &str) -> String {
    value.chars().take(LABEL_MOST).collect()
}
