//! Whether a command came before, and whether it is too old. How old something is may not be known after a
//! power cut on a machine without a clock; then the safe side is: not again, and not late.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::flow::model::station::Ids;

/// A stored reply is sent again for a repeated command at most so often.
pub const REPLY_AGAIN_EVERY: Duration = Duration::from_secs(10);

/// What a payload is known by: its SHA-256.
pub fn digest(payload: &[u8]) -> [u8; 32] {
    Sha256::digest(payload).into()
}

/// How long an earlier command with the same key makes a new one its repeat.
pub fn window(ids: Ids) -> Duration {
    match ids {
        Ids::Unique => Duration::from_hours(30 * 24),
        Ids::Reused => Duration::from_mins(1),
    }
}

/// Whether a command repeats an earlier one with the same key. `age` is the time between them, or the least
/// that it can be, such as the time since the machine was started after the earlier one.
pub fn is_repeat(ids: Ids, same_payload: bool, age: Duration) -> bool {
    (same_payload || ids == Ids::Unique) && age <= window(ids)
}

/// Whether a command is too old to be run. `waited` is the time since it was received, `None` if that is
/// unknown; `sent_at_ms` is when its sender says it was sent, and counts if the wall clock can be trusted.
pub fn is_expired(
    expire: Duration,
    waited: Option<Duration>,
    sent_at_ms: Option<i64>,
    trusted_wall_ms: Option<i64>,
) -> bool {
    let under_way = match (sent_at_ms, trusted_wall_ms) {
        (Some(sent), Some(now)) => {
            Duration::from_millis(u64::try_from(now.saturating_sub(sent)).unwrap_or_default())
        }
        _ => Duration::ZERO,
    };
    waited.is_none_or(|waited| waited.max(under_way) > expire)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reused_id_repeats_only_the_same_payload_within_a_minute() {
        let minute = Duration::from_mins(1);
        let later = minute + Duration::from_millis(1);
        assert!(is_repeat(Ids::Reused, true, Duration::ZERO));
        assert!(is_repeat(Ids::Reused, true, minute));
        assert!(!is_repeat(Ids::Reused, true, later));
        assert!(!is_repeat(Ids::Reused, false, Duration::ZERO));
        assert!(is_repeat(Ids::Unique, false, later));
        assert!(!is_repeat(Ids::Unique, true, window(Ids::Unique) + Duration::from_millis(1)));
    }

    #[test]
    fn an_unknown_or_long_wait_is_too_long() {
        let expire = Duration::from_mins(10);
        let waited = |seconds| Some(Duration::from_secs(seconds));
        assert!(!is_expired(expire, waited(600), None, None));
        assert!(is_expired(expire, waited(601), None, None));
        assert!(is_expired(expire, None, None, Some(0)));
        assert!(is_expired(expire, waited(1), Some(0), Some(600_001)));
        assert!(!is_expired(expire, waited(1), Some(0), Some(600_000)));
        // Without a clock the sender's time says nothing, and a time in the future is no age.
        assert!(!is_expired(expire, waited(1), Some(0), None));
        assert!(!is_expired(expire, waited(1), Some(i64::MAX), Some(i64::MIN)));
        assert!(is_expired(expire, waited(1), Some(i64::MIN), Some(i64::MAX)));
    }

    #[test]
    fn the_digest_is_sha_256() {
        assert_eq!(digest(b"abc")[..8], [0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]);
    }
}
