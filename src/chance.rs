//! Chance that can be repeated: the same seed gives the same numbers on every machine. Good enough for pauses and
//! simulated delays, not for secrets.

use std::time::Duration;

/// A stream of numbers: `SplitMix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
/// 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Another seed gives other numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.draw().checked_rem(end).unwrap_or(0)
    }

    /// A number from 0 up to, but not including, 1.
    pub fn part(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds exactly")]
        let part = (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        part
    }

    /// Whether something happens that does in such a share of all cases.
    pub fn hits(&mut self, share: f64) -> bool {
        self.part() < share
    }

    /// Up to `most`.
    pub fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.part())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_paper_and_repeat() {
        // The reference implementation's first numbers for the seed 1234567.
        let mut chance = Chance::new(1_234_567);
        assert_eq!(chance.draw(), 6_457_827_717_110_365_317);
        assert_eq!(chance.draw(), 3_203_168_211_198_807_973);
        assert_eq!(chance.below(0), 0);
        assert!((0.0..1.0).contains(&chance.part()));
        assert!(chance.hits(1.0) && !chance.hits(0.0));
        assert!(chance.up_to(Duration::from_secs(1)) < Duration::from_secs(1));
    }
}
