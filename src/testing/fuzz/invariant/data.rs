//! S3: while the module takes what comes as data, no command line comes.

use std::time::Duration;

use crate::link::Mono;
use crate::sim::{FaultKind, TruthKind};

use super::super::log::Log;
use super::Violation;

/// A process that has just begun cannot know what the one before it left the module in.
const INNOCENT: Duration = Duration::from_mins(5);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let mut listened = Mono::ZERO;
    for truth in &log.truth {
        let (data, bytes) = match &truth.kind {
            TruthKind::Received { data, bytes } => (*data, bytes),
            TruthKind::Restarted => {
                listened = truth.at;
                continue;
            }
            _ => continue,
        };
        if !data {
            listened = truth.at;
            continue;
        }
        let is_line = bytes.starts_with(b"AT") && bytes.ends_with(b"\r\n");
        if is_line && !is_fresh(log, truth.at) && is_knowable(log, listened, truth.at) {
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

/// Another process may have left the module like this.
fn is_fresh(log: &Log, at: Mono) -> bool {
    log.died.iter().any(|died| *died <= at && at.since(*died) < INNOCENT)
}

/// The host knows when it heard the prompt, and all that it sent behind it arrived; or when nothing happened that
/// could hide it, however long ago: since it last took a command, the module may have waited for data.
fn is_knowable(log: &Log, listened: Mono, at: Mono) -> bool {
    let lost = |of: fn(FaultKind) -> bool| {
        log.faults.iter().any(|(when, fault)| {
            of(fault.kind) && *when <= at && (*when >= listened || at.since(*when) < INNOCENT)
        })
    };
    let is_on_the_way =
        |kind| matches!(kind, FaultKind::TxLostBytes | FaultKind::TxDoubledBytes | FaultKind::TxGarbledBytes);
    if lost(is_on_the_way) {
        return false;
    }
    was_prompted(log, listened, at) || !lost(is_blinding)
}

/// Whether a prompt came, at the beginning of a line: behind the rest of another one nobody can tell.
fn was_prompted(log: &Log, from: Mono, until: Mono) -> bool {
    let from = log.crossed.partition_point(|crossing| crossing.at < from);
    let (before, behind) = log.crossed.split_at(from);
    let last = before.iter().rev().find(|crossing| !crossing.sent);
    let mut last = last.and_then(|crossing| crossing.bytes.last().copied());
    let heard = behind.iter().take_while(|crossing| crossing.at + TRANSIT < until);
    for byte in heard.filter(|crossing| !crossing.sent).flat_map(|crossing| &crossing.bytes) {
        if *byte == b'>' && last.is_none_or(|last| last == b'\n') {
            return true;
        }
        last = Some(*byte);
    }
    false
}

/// The longest that a command line takes to the module.
const TRANSIT: Duration = Duration::from_millis(5);

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
        assert_eq!(check(&log().truth(s(1), took(false, "AT\r\n"))), None);
        assert_eq!(check(&log().truth(s(1), took(true, "{\"n\":1}"))), None);
        assert_eq!(check(&log().truth(s(1), took(true, "AT\r\n"))).unwrap().rule, "S3");
    }

    /// A host that never saw the prompt cannot know, however long it waited before it asked again.
    #[test]
    fn a_prompt_that_was_lost_long_ago_excuses() {
        let took = |data, text: &str| TruthKind::Received { data, bytes: text.as_bytes().to_vec() };
        let asked = |at| log().truth(s(at), took(false, "AT+PUB=9\r\n")).suffer(s(11), FaultKind::LostPrompt);
        let late = |log: Log| check(&log.truth(s(600), took(true, "AT\r\n")));
        assert_eq!(late(asked(10)), None);
        assert_eq!(late(asked(12)).unwrap().rule, "S3", "that was another prompt");
        assert_eq!(late(asked(10).rx(s(11), ">")).unwrap().rule, "S3", "it saw the prompt");
    }
}
