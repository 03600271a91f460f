//! A bucket of tokens: so many at once, then one each so often.

use std::time::Duration;

use crate::link::Mono;

/// A bucket of tokens. Pure: it is told the time.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    capacity: u32,
    refill_us: u64,
    tokens: u32,
    /// From when on the next token is filled up.
    since: Mono,
}

impl TokenBucket {
    /// A full bucket of `capacity` tokens, at least one, of which one comes back every `refill`. With a
    /// `refill` of nothing it is never empty.
    pub fn new(capacity: u32, refill: Duration, now: Mono) -> Self {
        let capacity = capacity.max(1);
        Self { capacity, refill_us: micros(refill), tokens: capacity, since: now }
    }

    /// Takes a token; false if there is none.
    pub fn take(&mut self, now: Mono) -> bool {
        self.fill_up(now);
        if self.tokens == 0 {
            return false;
        }
        self.tokens -= 1;
        true
    }

    /// When there is a token: `now` if there is one already.
    pub fn next(&self, now: Mono) -> Mono {
        if self.tokens > 0 {
            return now;
        }
        now.max(self.since + Duration::from_micros(self.refill_us))
    }

    /// From now on a token comes back every `refill`. What has been filled up stays; the token that is on its
    /// way keeps the time it has waited.
    pub fn set_refill(&mut self, refill: Duration, now: Mono) {
        self.fill_up(now);
        self.refill_us = micros(refill);
    }

    fn fill_up(&mut self, now: Mono) {
        let passed_us = micros(now.since(self.since));
        let filled = passed_us.checked_div(self.refill_us).unwrap_or(u64::MAX);
        let room = u64::from(self.capacity - self.tokens);
        if filled >= room {
            self.tokens = self.capacity;
            // A full bucket does not save up for later.
            self.since = now.max(self.since);
        } else {
            self.tokens += u32::try_from(filled).unwrap_or(0);
            self.since = self.since + Duration::from_micros(filled * self.refill_us);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(ms: u64) -> Mono {
        Mono::from_micros(ms * 1_000)
    }

    fn taken(bucket: &mut TokenBucket, now: Mono) -> usize {
        std::iter::repeat_with(|| bucket.take(now)).take(1_000).take_while(|taken| *taken).count()
    }

    #[test]
    fn a_burst_and_then_one_at_a_time() {
        let mut bucket = TokenBucket::new(20, SECOND, at(0));
        assert_eq!(taken(&mut bucket, at(0)), 20);
        assert_eq!(bucket.next(at(0)), at(1_000));
        assert!(!bucket.take(at(999)));
        assert!(bucket.take(at(1_000)));
        assert_eq!(bucket.next(at(1_500)), at(2_000));
        assert_eq!(taken(&mut bucket, at(3_500)), 2);
        assert_eq!(bucket.next(at(3_500)), at(4_000), "half a token is not lost");
    }

    #[test]
    fn it_is_never_fuller_than_full() {
        let mut bucket = TokenBucket::new(2, SECOND, at(0));
        assert!(bucket.take(at(3_600_000)));
        assert_eq!(bucket.next(at(3_600_000)), at(3_600_000));
        assert_eq!(taken(&mut bucket, at(3_600_000)), 1);
        assert_eq!(bucket.next(at(3_600_000)), at(3_601_000));
    }

    #[test]
    fn in_an_hour_no_more_than_the_rate_and_one_burst() {
        let mut bucket = TokenBucket::new(20, SECOND, at(0));
        let total: usize = (0..3_600_000).step_by(70).map(|ms| taken(&mut bucket, at(ms))).sum();
        assert_eq!(total, 20 + 3_599);
    }

    #[test]
    fn another_rate_begins_at_once() {
        let mut bucket = TokenBucket::new(1, SECOND, at(0));
        assert!(bucket.take(at(0)));
        bucket.set_refill(60 * SECOND, at(500));
        assert_eq!(bucket.next(at(500)), at(60_000));
        bucket.set_refill(SECOND, at(30_000));
        assert!(bucket.take(at(30_000)));
    }

    #[test]
    fn no_time_between_two_is_no_limit() {
        let mut bucket = TokenBucket::new(1, Duration::ZERO, at(0));
        assert_eq!(taken(&mut bucket, at(0)), 1_000);
        assert_eq!(bucket.next(at(5)), at(5));
    }
}
