//! S3: while the module takes what comes as data, no command line comes.

use std::time::Duration;

use crate::sim::{FaultKind, TruthKind};

use super::super::log::Log;
use super::Violation;

/// A process that has just begun cannot know what the one before it left the module in.
const INNOCENT: Duration = Duration::from_mins(5);

pub(super) fn check(log: &Log) -> Option<Violation> {
    for truth in &log.truth {
        let TruthKind::Received { data: true, bytes } = &truth.kind else { continue };
        let is_line = bytes.starts_with(b"AT") && bytes.ends_with(b"\r");
        let fresh = log.died.iter().any(|died| *died <= truth.at && truth.at.since(*died) < INNOCENT);
        if is_line && !fresh && !unknowable(log, truth.at) {
            let line = bytes.escape_ascii();
            return Some(Violation::new("S3", truth.at, format!("`{line}` was sent while the module took data")));
        }
    }
    None
}

/// The host cannot know that the module wants data when its command line was not the one it sent, or when the
/// prompt never came, whole and as it is.
fn unknowable(log: &Log, at: crate::link::Mono) -> bool {
    log.faults.iter().any(|(when, fault)| {
        let blinding = matches!(
            fault.kind,
            FaultKind::TxLostBytes | FaultKind::TxDoubledBytes | FaultKind::TxGarbledBytes
        );
        blinding && *when <= at && at.since(*when) < INNOCENT
    })
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn a_command_line_as_data_is_seen() {
        let took = |data, text: &str| TruthKind::Received { data, bytes: text.as_bytes().to_vec() };
        assert_eq!(check(&log().truth(s(1), took(false, "AT\r"))), None);
        assert_eq!(check(&log().truth(s(1), took(true, "{\"n\":1}"))), None);
        assert_eq!(check(&log().truth(s(1), took(true, "AT\r"))).unwrap().rule, "S3");
    }
}
