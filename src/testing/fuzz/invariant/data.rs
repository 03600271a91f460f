//! S3: while the module takes what comes as data, no command line comes.

use std::time::Duration;

use crate::link::Mono;
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
            return Some(Violation::new(
                "S3",
                truth.at,
                format!("`{line}` was sent while the module took data"),
            ));
        }
    }
    None
}

/// The host cannot know that the module wants data when its command line was not the one it sent, or when the
/// prompt did not come, whole and in time.
fn unknowable(log: &Log, at: Mono) -> bool {
    log.faults
        .iter()
        .any(|(when, fault)| is_blinding(fault.kind) && *when <= at && at.since(*when) < INNOCENT)
}

/// Whether a fault can hide from the host that the module wants data.
pub(super) fn is_blinding(kind: FaultKind) -> bool {
    use FaultKind as K;
    matches!(
        kind,
        K::TxLostBytes
            | K::TxDoubledBytes
            | K::TxGarbledBytes
            | K::LostBytes
            | K::GarbledBytes
            | K::UrcGlued
            | K::UrcNoCrlf
            | K::LatePrompt
            | K::LostPrompt
            | K::LateAnswer
            | K::PortGone
    )
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
