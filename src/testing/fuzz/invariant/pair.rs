//! S4: brokers hang up on a connection that stays silent. Between the line that opens it and the login nothing
//! else is sent, and the login comes within five seconds of the connection.

use std::time::Duration;

use super::super::log::Log;
use super::Violation;

const OPENS: &[u8] = b"AT+MIPSTART=";
const LOGS_IN: &[u8] = b"AT+MCONNECT=";
/// The broker's patience.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn check(log: &Log) -> Option<Violation> {
    let sleeps = log.sleeps();
    let (mut opening, mut opened) = (false, None);
    for crossing in &log.crossed {
        if !crossing.sent {
            if opening && memchr::memmem::find(&crossing.bytes, b"CONNECT OK").is_some() {
                opened = Some(crossing.at);
            }
            continue;
        }
        let line = crossing.bytes.as_slice();
        if line.starts_with(LOGS_IN) {
            let late = opened.is_some_and(|opened| sleeps.awake(opened, crossing.at) > PATIENCE);
            if !opening || late {
                let what =
                    if late { "the login came too late" } else { "the login does not follow the connection" };
                return Some(Violation::new("S4", crossing.at, what));
            }
        }
        opening = line.starts_with(OPENS);
        if opening {
            opened = None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::doctored::{log, s};
    use super::*;

    #[test]
    fn something_between_connection_and_login_is_seen() {
        let open = || log().tx(s(1), "AT+MIPSTART=h,1883\r").rx(s(2), "\r\nOK\r\n\r\nCONNECT OK\r\n");
        assert_eq!(check(&open().tx(s(3), "AT+MCONNECT=0,300\r")), None);
        assert_eq!(check(&open().tx(s(3), "AT+CSQ\r")), None);
        let bad = open().tx(s(3), "AT+CSQ\r").tx(s(4), "AT+MCONNECT=0,300\r");
        assert_eq!(check(&bad).unwrap().at, s(4));
        assert_eq!(check(&open().tx(s(8), "AT+MCONNECT=0,300\r")).unwrap().at, s(8));
    }
}
