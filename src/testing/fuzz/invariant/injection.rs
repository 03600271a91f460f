//! S18: nothing that came from the cloud becomes a command line.

use super::super::log::Log;
use super::Violation;

/// What is hidden in messages from the cloud.
const CANARY: &[u8] = b"AT+CANARY";

pub(super) fn check(log: &Log) -> Option<Violation> {
    let sung = |line: &[u8]| {
        memchr::memmem::find(&line.to_ascii_uppercase(), CANARY).is_some() && !is_in_payload(line)
    };
    log.lines_sent().find(|(_, line)| sung(line)).map(|(at, line)| {
        let what = format!("`{}` was sent, and the cloud said it", line.escape_ascii());
        Violation::new("S18", at, what)
    })
}

/// A reply may quote what the module said, and that what the cloud said: escaped, in the last argument of a publish,
/// where nothing ends the command.
fn is_in_payload(line: &[u8]) -> bool {
    let ends = |byte: &u8| byte.is_ascii_control() || matches!(byte, b';' | b'"');
    line.starts_with(b"AT+MPUB=") && !line.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn a_canary_is_seen() {
        assert_eq!(check(&log().tx(s(1), "AT+CSQ\r").tx(s(2), "{\"x\":\"AT+CANARY\"}")), None);
        assert_eq!(check(&log().tx(s(1), "AT+CSQ;+CANARY\r").tx(s(2), "AT+CANARY\r")).unwrap().at, s(2));
        let quoted = log().tx(s(1), "AT+MPUB=a,1,0,`AT+CANARY\\0D` failed\r\n");
        assert_eq!(check(&quoted), None);
        assert!(check(&log().tx(s(1), "AT+MPUB=a,1,0,x;AT+CANARY\r\n")).is_some());
    }
}
