//! S18: nothing that came from the cloud becomes a command line, and nothing is sent that was not said to be.

use crate::link::Mono;
use crate::testing::fate::Crossing;

use super::super::log::{Log, Said};
use super::Violation;

/// What is hidden in messages from the cloud.
const CANARY: &[u8] = b"AT+CANARY";

pub(super) fn check(log: &Log) -> Option<Violation> {
    sung(log).or_else(|| unsaid(log))
}

fn sung(log: &Log) -> Option<Violation> {
    let sung = |line: &[u8]| {
        memchr::memmem::find(&line.to_ascii_uppercase(), CANARY).is_some() && !is_in_payload(line)
    };
    log.lines_sent().find(|(_, line)| sung(line)).map(|(at, line)| {
        let what = format!("`{}` was sent, and the cloud said it", line.escape_ascii());
        Violation::new("S18", at, what)
    })
}

fn unsaid(log: &Log) -> Option<Violation> {
    let mut said = log.said.as_deref()?.iter().peekable();
    let mut last: Option<&Said> = None;
    for crossing in log.crossed.iter().filter(|crossing| crossing.sent) {
        let due = |(at, _): &&(Mono, Said)| *at <= crossing.at;
        while !is_sent(last, crossing)
            && let Some((_, next)) = said.next_if(due)
        {
            last = Some(next);
        }
        let known = is_sent(last, crossing);
        // What was said is sent once.
        last = last.filter(|_| !known);
        if !known && !is_search(&crossing.bytes) && !is_cut(log, crossing) {
            let what = format!("`{}` was sent, and no step said so", crossing.bytes.escape_ascii());
            return Some(Violation::new("S18", crossing.at, what));
        }
    }
    None
}

fn is_sent(said: Option<&Said>, crossing: &Crossing) -> bool {
    match said {
        Some(Said::Line(line)) => {
            crossing.bytes.strip_prefix(&**line).is_some_and(|ending| matches!(ending, b"\r" | b"\r\n"))
        }
        Some(Said::Data(bytes)) => crossing.bytes.len() == *bytes,
        None => false,
    }
}

/// What asks whether the module listens, and the one byte that ends data.
fn is_search(bytes: &[u8]) -> bool {
    matches!(bytes, b"AT\r" | b"AT\r\n") || bytes.len() == 1
}

/// The process died in the middle of it.
fn is_cut(log: &Log, crossing: &Crossing) -> bool {
    let here = |torn: &Mono| *torn == crossing.at;
    log.torn.iter().any(here)
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

    #[test]
    fn what_no_step_said_is_seen() {
        let line = |at, text: &str| (at, Said::Line(text.into()));
        let saying = |said: Vec<_>| Log { said: Some(said), ..log() };
        let fine = || saying(vec![line(s(1), "AT+CSQ"), line(s(2), "AT+X=2"), (s(2), Said::Data(2))]);
        let sent = || {
            fine().tx(s(1), "AT+CSQ\r").tx(s(2), "AT+X=2\r").tx(s(2), "{}").tx(s(3), "AT\r").tx(s(3), "\x1b")
        };
        assert_eq!(check(&sent()), None);
        assert_eq!(check(&sent().tx(s(4), "AT+CSQ\r")).unwrap().at, s(4));
        assert_eq!(check(&fine().tx(s(1), "AT+CSQ;+X\r")).unwrap().at, s(1));
        assert_eq!(check(&saying(vec![line(s(9), "AT+CSQ")]).tx(s(1), "AT+CSQ\r")).unwrap().at, s(1));
        let mut cut = fine().tx(s(1), "AT+");
        assert!(check(&cut).is_some());
        cut.torn.push(s(1));
        assert_eq!(check(&cut), None);
    }
}
