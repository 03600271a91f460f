//! S2: a second command line leaves only after the result of the first. After a silence that is a timeout it is the
//! one that asks whether the module listens.

use std::time::Duration;

use crate::link::Mono;
use crate::station::event::Happening;

use super::super::log::Log;
use super::Violation;

/// No timeout is shorter than this.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(250);
/// What ends a command, wherever it stands in what came: noise may stick to it.
const RESULTS: [&[u8]; 9] =
    [b"OK", b"ERROR", b"FAIL", b"NO CARRIER", b"BUSY", b"NO ANSWER", b"CONNECT", b"+CME", b">"];

pub(super) fn check(log: &Log) -> Option<Violation> {
    let mut under_way: Option<Mono> = None;
    let mut heard: Vec<u8> = Vec::new();
    for crossing in &log.crossed {
        if !crossing.sent {
            heard.extend_from_slice(&crossing.bytes);
            continue;
        }
        let is_line = crossing.bytes.starts_with(b"AT")
            && (crossing.bytes.ends_with(b"\r") || crossing.bytes.ends_with(b"\r\n"));
        if let (true, Some(since)) = (is_line, under_way) {
            let answered = RESULTS.iter().any(|result| memchr::memmem::find(&heard, result).is_some())
                || log.rules.is_refused(&heard);
            let died = log.died.iter().any(|died| (since..=crossing.at).contains(died));
            // What a module was asked before it restarted it does not answer. Not every restart is told: several within a
            // minute are one, but each says that the module is ready.
            let restarted = memchr::memmem::find(&heard, b"RDY").is_some()
                || log.told.iter().any(|(at, happening)| {
                    matches!(happening, Happening::Reboot { .. }) && (since..=crossing.at).contains(at)
                });
            // Some commands answer with a bare value: a line of digits and dots.
            let value = heard.split(|byte| *byte == b'\n').any(is_bare_value);
            let asks =
                crossing.bytes.trim_ascii_end() == b"AT" && crossing.at.since(since) >= SHORTEST_TIMEOUT;
            if !answered && !value && !died && !restarted && !asks {
                let line = crossing.bytes.escape_ascii();
                let what = format!("`{line}` was sent before the line before it was answered");
                return Some(Violation::new("S2", crossing.at, what));
            }
        }
        if is_line {
            under_way = Some(crossing.at);
            heard.clear();
        }
    }
    None
}

fn is_bare_value(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && line.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, ms};
    use super::*;
    use crate::at::pattern::Pattern;

    /// What a module says that did not take the line.
    #[test]
    fn a_busy_module_has_answered() {
        let mut log = log().tx(ms(0), "AT+A\r\n").rx(ms(5), "x\0busy p...\r\n").tx(ms(30), "AT+A\r\n");
        assert_eq!(check(&log).unwrap().at, ms(30));
        for busy in ["busy p...", "/.*busy p[.]{3}/"] {
            log.rules.busy = vec![Pattern::parse(busy).unwrap()];
            assert_eq!(check(&log), None, "{busy}");
        }
    }

    #[test]
    fn two_lines_at_once_are_seen() {
        let fine = log().tx(ms(0), "AT\r").rx(ms(5), "\r\nOK\r\n").tx(ms(6), "ATI\r");
        assert_eq!(check(&fine), None);
        let late = || log().tx(ms(0), "AT+CSQ\r").tx(ms(1000), "AT\r");
        assert_eq!(check(&late()), None);
        assert_eq!(check(&late().rx(ms(1005), "\r\nOK\r\n").tx(ms(1020), "ATI\r")), None);
        assert_eq!(check(&late().tx(ms(2000), "ATI\r")).unwrap().at, ms(2000));
        assert_eq!(check(&log().tx(ms(0), "ATI\r").tx(ms(200), "AT\r")).unwrap().at, ms(200));
        let reboot = Happening::Reboot { expected: false, evidence: "RDY".into() };
        let asked = || log().tx(ms(0), "AT+MIPSTART\r");
        let silent = || asked().rx(ms(5), "\r\nRDY\r\n");
        assert_eq!(check(&asked().tell(ms(6), reboot).tx(ms(7), "ATI\r")), None);
        assert_eq!(check(&silent().tx(ms(7), "ATI\r")), None);
        let bad = log().tx(ms(0), "AT\r").rx(ms(5), "\r\nRING\r\n").tx(ms(6), "ATI\r");
        assert_eq!(check(&bad).unwrap().at, ms(6));
    }
}
