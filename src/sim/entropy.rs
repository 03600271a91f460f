//! The simulator's chance, split into streams by label, so that one more draw in one place moves nothing in
//! another.

use std::time::Duration;

use crate::chance::Chance;

/// One stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Entropy(Chance);

impl Entropy {
    /// The stream called `label` of `seed`.
    pub(crate) fn stream(seed: u64, label: &str) -> Self {
        // FNV-1a: the standard hasher may change from one compiler to the next.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self(Chance::new(seed ^ hash))
    }

    /// A number from 0 up to but not including `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.below(end)
    }

    /// A duration from `low` to `high`, in whole microseconds.
    pub(crate) fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let width = u64::try_from(high.saturating_sub(low).as_micros()).unwrap_or(u64::MAX - 1);
        low + Duration::from_micros(self.below(width.saturating_add(1)))
    }

    /// `around`, up to a tenth shorter or longer.
    pub(crate) fn about(&mut self, around: Duration) -> Duration {
        let tenth = around / 10;
        self.between(around.saturating_sub(tenth), around + tenth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_and_streams_differ() {
        let draw = |label| {
            let mut stream = Entropy::stream(7, label);
            [stream.below(1000), stream.below(1000), stream.below(1000)]
        };
        assert_eq!(draw("cloud"), draw("cloud"));
        assert_ne!(draw("cloud"), draw("module"));
    }

    #[test]
    fn bounds_hold() {
        let mut stream = Entropy::stream(1, "x");
        let (low, high) = (Duration::from_millis(5), Duration::from_millis(6));
        for _ in 0..1000 {
            assert!((low..=high).contains(&stream.between(low, high)));
        }
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.between(high, low), high);
    }
}
