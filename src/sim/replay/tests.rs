use proptest::prelude::*;

use super::*;
use crate::at::dialect::Results;
use crate::at::pattern::Pattern;

const HEADER: &str = r#"{"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","wall_ms":1735689600000}"#;

fn file(records: &[&str]) -> String {
    let lines = records.iter().map(|record| format!("{{{record}}}\n"));
    [format!("{HEADER}\n")].into_iter().chain(lines).collect()
}

fn strict(records: &[&str]) -> Replay {
    let file = file(records);
    Replay::new(&file, ("x.jsonl", "replay:x.jsonl"), ReplayMode::Strict, Pace::Max).unwrap()
}

fn dialect() -> Arc<Dialect> {
    let patterns = |texts: &[&str]| texts.iter().map(|text| Pattern::parse(text).unwrap()).collect();
    let results = Results { ok: patterns(&["OK"]), error: patterns(&["ERROR"]), busy: Vec::new() };
    let urc = crate::at::dialect::Urcs { other: patterns(&["+URC: {n:int}"]), ..Default::default() };
    Arc::new(Dialect { results, urc, ..Dialect::default() })
}

fn matching(records: &[&str]) -> Replay {
    let file = file(records);
    let mode = ReplayMode::Matching(dialect());
    Replay::new(&file, ("x.jsonl", "replay:x.jsonl?match"), mode, Pace::Max).unwrap()
}

/// Writes, and gives how many bytes were taken or what was wrong.
fn write(link: &mut Replay, bytes: &[u8]) -> Result<usize, String> {
    let until = link.clock().now() + std::time::Duration::from_secs(1);
    link.write(bytes, until).map_err(|error| error.to_string())
}

/// All that is heard until then, each piece with its time in microseconds.
fn heard(link: &mut Replay, until: u64) -> String {
    let mut out = Vec::new();
    loop {
        let mut bytes = Vec::new();
        let read = link.read(&mut bytes, Mono::from_micros(until));
        let now = link.clock().now().as_micros();
        match read {
            Ok(Read::Bytes(_)) => out.push(format!("{now} {}", bytes.escape_ascii())),
            Ok(_) => return out.join("; "),
            Err(error) => {
                out.push(format!("{now} {error}"));
                return out.join("; ");
            }
        }
    }
}

#[test]
fn the_recording_repeats_with_its_times() {
    let mut link = strict(&[
        r#""t":100,"rx":"RDY\r\n""#,
        r#""t":5000,"note":"step","text":"x""#,
        r#""t":6000,"tx":"AT\r\n""#,
        r#""t":7000,"rx":"\r\n""#,
        r#""t":7000,"rx_hex":"ff0d0a""#,
        r#""t":9000,"rx":"OK\r\n""#,
    ]);
    assert!(link.simulated());
    assert_eq!(heard(&mut link, 4000), "100 RDY\\r\\n");
    assert_eq!(write(&mut link, b"AT\r\n"), Ok(4));
    assert_eq!(link.clock().now(), Mono::from_micros(6000), "so long it took to think then");
    assert_eq!(link.clock().wall_ms(), 1_735_689_600_006);
    assert_eq!(heard(&mut link, 20_000), "7000 \\r\\n\\xff\\r\\n; 9000 OK\\r\\n");
}

#[test]
fn a_later_line_is_answered_later_and_an_earlier_one_earlier() {
    let mut link = strict(&[
        r#""t":0,"tx":"A\r\n""#,
        r#""t":1000,"rx":"OK\r\n""#,
        r#""t":9000000,"rx":"+URC: 1\r\n""#,
        r#""t":10000000,"tx":"B\r\n""#,
        r#""t":10000500,"rx":"OK\r\n""#,
    ]);
    heard(&mut link, 500_000);
    assert_eq!(write(&mut link, b"A\r\n"), Ok(3));
    assert_eq!(heard(&mut link, 600_000), "501000 OK\\r\\n");
    assert_eq!(write(&mut link, b"B\r\n"), Ok(3));
    assert_eq!(heard(&mut link, 700_000), "600000 +URC: 1\\r\\n; 600500 OK\\r\\n");
}

#[test]
fn another_line_ends_the_run_and_says_where() {
    let records =
        [r#""t":0,"tx":"AT+CGMM\r\n""#, r#""t":1,"rx":"\r\nX\r\n\r\nOK\r\n""#, r#""t":2,"tx":"AT+CSQ\r\n""#];
    let mut link = strict(&records);
    assert_eq!(write(&mut link, b"AT+CGMM\r\n"), Ok(9));
    let left =
        "the run leaves the recording at x.jsonl:4: recorded is `AT+CSQ\\r\\n`, sent was `AT+CREG?\\r\\n`";
    assert_eq!(write(&mut link, b"AT+CREG?\r\n"), Err(left.into()));
    assert_eq!(write(&mut link, b"AT+CSQ\r\n"), Err(left.into()), "there is no way back");
    assert_eq!(heard(&mut link, 10), format!("0 {left}"));

    let mut link = strict(&records[..2]);
    assert_eq!(write(&mut link, b"AT+CGMM\r\n"), Ok(9));
    let over = "the run goes on where the recording x.jsonl ends: sent was `AT+CSQ\\r\\n`";
    assert_eq!(write(&mut link, b"AT+CSQ\r\n"), Err(over.into()));
}

#[test]
fn long_data_is_counted_not_shown() {
    let data = "x".repeat(1000);
    let record = format!(r#""t":0,"tx":"{data}""#);
    let mut link = strict(&[&record]);
    let mut other = data.into_bytes();
    other[700] = b'y';
    let expected = "the run leaves the recording at x.jsonl:2: recorded is 1000 bytes, sent was 1000 bytes; they differ from byte 701 on";
    assert_eq!(write(&mut link, &other), Err(expected.into()));
}

#[test]
fn a_masked_secret_is_any_secret() {
    let mut link = strict(&[
        r#""t":0,"tx":"AT+CPIN=\"<pin>\"\r\n","masked":true"#,
        r#""t":1,"rx":"AT+CPIN=\"<pin>\"\r\r\n\r\nOK\r\n","masked":true"#,
        r#""t":2,"tx":"AT=<pin>\r\n""#,
    ]);
    assert_eq!(write(&mut link, b"AT+CPIN=\"0000\"\r\n"), Ok(16));
    assert_eq!(heard(&mut link, 1), "1 AT+CPIN=\\\"0000\\\"\\r\\r\\n\\r\\nOK\\r\\n");
    assert!(write(&mut link, b"AT=0000\r\n").is_err(), "here it was written so");
}

#[test]
fn a_module_that_stopped_reading_stops_again() {
    let mut link = strict(&[
        r#""t":0,"tx":"xxxx""#,
        r#""t":1000000,"note":"port","text":"the module took no more""#,
        r#""t":2000000,"tx":"AT\r\n""#,
    ]);
    assert_eq!(write(&mut link, b"xxxxxxxxxx"), Ok(4));
    assert_eq!(link.clock().now(), Mono::from_micros(1_000_000), "until its deadline");
    assert_eq!(write(&mut link, b"AT\r\n"), Ok(4));
}

#[test]
fn a_port_that_went_goes_and_comes_again() {
    let mut link = strict(&[
        r#""t":1000,"note":"port","text":"the port is gone""#,
        r#""t":2000,"note":"port","text":"the port is gone""#,
        r#""t":9000,"note":"port","text":"the port is back""#,
        r#""t":10000,"tx":"AT\r\n""#,
    ]);
    assert_eq!(heard(&mut link, 2000), "1000 the port is gone: it was gone in the recording, too");
    assert!(write(&mut link, b"AT\r\n").is_err());
    assert!(link.reopen(Mono::from_micros(5000)).is_err());
    assert!(link.reopen(Mono::from_micros(20_000)).is_ok());
    assert_eq!(link.clock().now(), Mono::from_micros(9000));
    assert_eq!(write(&mut link, b"AT\r\n"), Ok(4));
}

const LOOSE: [&str; 10] = [
    r#""t":0,"rx":"RDY\r\n""#,
    r#""t":1000,"tx":"AT+CSQ\r\n""#,
    r#""t":1100,"rx":"AT+CSQ\r\r\n+CSQ: 1,99\r\n\r\nOK\r\n""#,
    r#""t":1500,"rx":"\r\n+URC: 1\r\n""#,
    r#""t":2000,"tx":"AT+CSQ\r\n""#,
    r#""t":2100,"rx":"\r\n+CSQ: 2,99\r\n\r\nOK\r\n""#,
    r#""t":3000,"tx":"AT+SEND=5\r\n""#,
    r#""t":3100,"rx":"\r\n> ""#,
    r#""t":3200,"tx":"hello""#,
    r#""t":3300,"rx":"\r\nOK\r\n""#,
];

#[test]
fn lines_are_answered_in_any_order() {
    let mut link = matching(&LOOSE);
    assert_eq!(write(&mut link, b"AT+SEND=3\r\n"), Ok(11), "other arguments");
    assert_eq!(
        heard(&mut link, 1000),
        "0 RDY\\r\\n\\r\\n+URC: 1\\r\\n; 100 \\r\\n> ",
        "what came by itself before is not lost"
    );
    assert_eq!(write(&mut link, b"abc"), Ok(3), "data");
    assert_eq!(heard(&mut link, 2000), "1100 \\r\\nOK\\r\\n");
    let answers: Vec<String> = (3..6)
        .map(|thousand| {
            assert_eq!(write(&mut link, b"AT+CSQ\r\n"), Ok(8));
            heard(&mut link, thousand * 1000)
        })
        .collect();
    let expected = [
        "2100 AT+CSQ\\r\\r\\n\\r\\n+CSQ: 1,99\\r\\n\\r\\nOK\\r\\n".replacen("\\r\\n\\r\\n+", "\\r\\n+", 1),
        "3100 \\r\\n+CSQ: 2,99\\r\\n\\r\\nOK\\r\\n".into(),
        "4100 \\r\\n+CSQ: 2,99\\r\\n\\r\\nOK\\r\\n".into(),
    ];
    assert_eq!(answers, expected);
    let unknown = "nothing like `AT+CGMM\\r\\n` was sent in the recording x.jsonl";
    assert_eq!(write(&mut link, b"AT+CGMM\r\n"), Err(unknown.into()));
}

#[test]
fn an_echo_says_what_was_really_sent() {
    let mut link = matching(&[r#""t":0,"tx":"AT+X=1\r\n""#, r#""t":1,"rx":"AT+X=1\r\r\n\r\nOK\r\n""#]);
    assert_eq!(write(&mut link, b"AT+X=2\r\n"), Ok(8));
    assert_eq!(heard(&mut link, 1), "1 AT+X=2\\r\\r\\n\\r\\nOK\\r\\n");
}

#[test]
fn what_came_by_itself_comes_once() {
    let mut link = matching(&LOOSE[..4]);
    assert_eq!(write(&mut link, b"AT+CSQ\r\n"), Ok(8));
    assert!(heard(&mut link, 10_000).ends_with("; 500 \\r\\n+URC: 1\\r\\n"));
    assert_eq!(write(&mut link, b"AT+CSQ\r\n"), Ok(8));
    assert!(!heard(&mut link, 20_000).contains("URC"));
}

proptest! {
    /// Whatever is recorded and whatever is sent, a call ends, and time never goes back.
    #[test]
    fn any_recording_and_any_host(
        records in prop::collection::vec(prop_oneof![
            "\"t\":[1-9][0-9]{0,6},\"(tx|rx)\":\"(AT|OK|>|\\\\r\\\\n|<a>|X){0,5}\"(,\"masked\":true)?",
            "\"t\":[1-9][0-9]{0,6},\"note\":\"port\",\"text\":\"(the port is gone|the port is back|the module took no more)\"",
        ], 0..16),
        host in prop::collection::vec("(AT|OK|X|\r\n|wait|open){0,3}", 0..16),
        any_order in any::<bool>(),
    ) {
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let mut link = if any_order { matching(&records) } else { strict(&records) };
        let mut before = Mono::ZERO;
        for act in host {
            let until = link.clock().now() + std::time::Duration::from_millis(700);
            match act.as_str() {
                "wait" => { let _ = link.read(&mut Vec::new(), until); }
                "open" => { let _ = link.reopen(until); }
                text => { let _ = link.write(text.as_bytes(), until); }
            }
            prop_assert!(link.clock().now() >= before);
            before = link.clock().now();
        }
    }
}
