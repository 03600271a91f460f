use super::*;
use crate::at::dialect::{CommandEntry, Results, Urcs};
use crate::at::pattern::{Pattern, Sequence};

/// A dialect with what the tests speak of.
pub(crate) fn dialect() -> Arc<Dialect> {
    let pattern = |text: &str| Pattern::parse(text).unwrap();
    let entry = |key: &str, rules: CommandRules| CommandEntry { key: key.into(), rules };
    let awaits = Sequence::single(pattern("CONNECT OK")).unwrap();
    Arc::new(Dialect {
        results: Results {
            ok: vec![pattern("OK")],
            error: vec![pattern("ERROR"), pattern("+CME ERROR: {cme:error}")],
            busy: Vec::new(),
        },
        urc: Urcs {
            closed: vec![pattern("CLOSED")],
            other: vec![pattern("+CPIN: {state:rest}")],
            ..Urcs::default()
        },
        commands: vec![
            entry("AT+OPEN=", CommandRules { awaits: Some(Arc::new(awaits)), ..CommandRules::default() }),
            entry(
                "AT+PUT=",
                CommandRules { prompt: Some(Prompt::Word("DOWNLOAD".into())), ..CommandRules::default() },
            ),
        ],
        ..Dialect::default()
    })
}

/// A transcript of these records, in JSON without its braces.
pub(crate) fn file(records: &[&str]) -> String {
    let header = r#"{"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","module":"luat-air724"}"#;
    let lines = records.iter().map(|record| format!("{{{record}}}\n"));
    [format!("{header}\n")].into_iter().chain(lines).collect()
}

/// What was read, one line a piece: what was sent, what was heard with its class, `?` if it came by itself.
fn told(records: &[&str]) -> String {
    let whole = Conversation::read(&file(records), &dialect()).unwrap();
    let mut out = Vec::new();
    let heard = |heard: &[Heard], out: &mut Vec<String>| {
        for heard in heard {
            let mark = if heard.answers { "" } else { "?" };
            let lines: Vec<String> =
                heard.lines.iter().map(|(class, text)| format!("{class:?} {text}")).collect();
            out.push(format!("  {} {mark}{}", heard.at.as_micros(), lines.join(" | ")));
        }
    };
    heard(&whole.before, &mut out);
    for exchange in &whole.exchanges {
        out.push(format!("{} [{}]", exchange.line(), exchange.sent.line));
        heard(&exchange.heard, &mut out);
        for data in &exchange.data {
            out.push(format!("  data {:?}", String::from_utf8_lossy(&data.sent.bytes)));
            heard(&data.heard, &mut out);
        }
        out.extend(exchange.gone.map(|at| format!("  gone {}", at.as_micros())));
    }
    out.join("\n")
}

#[test]
fn answers_and_what_comes_by_itself() {
    let records = [
        r#""t":1,"rx":"\r\nRDY\r\n""#,
        r#""t":2,"tx":"AT+CPIN?\r\n""#,
        r#""t":3,"rx":"AT+CPIN?\r\r\n+CPIN: READY\r\n\r\nOK\r\n""#,
        r#""t":4,"rx":"\r\n+CPIN: REMOVED\r\n""#,
        r#""t":5,"note":"step","text":"open""#,
        r#""t":6,"tx":"AT+OPEN=1\r\n""#,
        r#""t":7,"rx":"\r\nOK\r\n""#,
        r#""t":8,"rx":"\r\n+CPIN: READY\r\n""#,
        r#""t":9,"rx":"\r\nCONNECT OK\r\n""#,
        r#""t":10,"rx":"\r\nCLOSED\r\n+LATE: 1\r\n""#,
    ];
    let expected = "  1 ?Unknown RDY
AT+CPIN? [3]
  3 Echo AT+CPIN?
  3 Information +CPIN: READY
  3 Final OK
  4 ?Other +CPIN: REMOVED
AT+OPEN=1 [7]
  7 Final OK
  8 ?Other +CPIN: READY
  9 Await CONNECT OK
  10 ?Closed CLOSED
  10 ?Unknown +LATE: 1";
    assert_eq!(told(&records), expected);
}

#[test]
fn data_belongs_to_the_command_that_asked_for_it() {
    let records = [
        r#""t":1,"tx":"AT+SEND=3\r\n""#,
        r#""t":2,"rx":"\r\n""#,
        r#""t":3,"rx":"> ""#,
        r#""t":4,"tx":"AT\n""#,
        r#""t":5,"rx":"\r\nSEND OK\r\n\r\nOK\r\n""#,
        r#""t":6,"tx":"AT+PUT=3\r\n""#,
        r#""t":7,"rx":"\r\nDOWNLOAD\r\n""#,
        r#""t":8,"tx_hex":"ff00""#,
        r#""t":9,"tx":"x""#,
        r#""t":10,"rx":"\r\nOK\r\n""#,
        r#""t":10,"tx":"AT+CIPSEND=2\r\n""#,
        r#""t":10,"rx":"\r\nOK\r\n\r\n>""#,
        r#""t":10,"tx":"ab""#,
        r#""t":10,"rx":"\r\nSEND OK\r\n\r\nOK\r\n""#,
        r#""t":11,"tx":"AT\r\n""#,
        r#""t":12,"note":"port","text":"the port is gone""#,
    ];
    let expected = "AT+SEND=3 [2]
  3 Prompt >
  data \"AT\\n\"
  5 Information SEND OK
  5 Final OK
AT+PUT=3 [7]
  7 Prompt DOWNLOAD
  data \"\u{fffd}\\0\"
  data \"x\"
  10 Final OK
AT+CIPSEND=2 [12]
  10 Final OK
  10 Prompt >
  data \"ab\"
  10 Information SEND OK
  10 Final OK
AT [16]
  gone 12";
    assert_eq!(told(&records), expected);
}

#[test]
fn a_line_that_was_typed_is_one_line() {
    let records =
        [r#""t":1,"tx":"A""#, r#""t":2,"tx":"TI""#, r#""t":3,"tx":"\r""#, r#""t":4,"rx":"\r\nOK\r\n""#];
    assert_eq!(told(&records), "ATI [2]\n  4 Final OK");
}

#[test]
fn a_command_has_a_form() {
    for (line, expected) in [
        ("AT\r\n", "AT"),
        ("ATI", "ATI"),
        ("at+creg?\r", "AT+CREG?"),
        ("AT+CREG=?", "AT+CREG=?"),
        ("AT+CREG=1", "AT+CREG="),
        ("AT+CFUN=1,1", "AT+CFUN="),
        ("AT+CSQ;+CREG?", "AT+CSQ"),
        ("ATD*99#", "ATD"),
        ("AT&F0", "AT&F"),
        ("ATE0", "ATE"),
        ("+++", ""),
        ("{\"a\":1}", ""),
        ("ATé", "ATé"),
    ] {
        assert_eq!(command(line.as_bytes()), expected, "{line}");
    }
}

proptest::proptest! {
    /// Whatever is in a file: an error or a result.
    #[test]
    fn any_file_is_read_or_refused(
        lines in proptest::collection::vec(proptest::prelude::prop_oneof![
            proptest::prelude::any::<String>(),
            "\\{\"t\":[1-9][0-9]{0,11},\"(tx|rx)\":\"(AT|OK|>|> |\\\\r\\\\n|<a>|,|CLOSED|\\+PUT=|DOWNLOAD){0,6}\"(,\"masked\":true)?\\}",
            "\\{\"t\":[1-9][0-9]{0,3},\"(tx_hex|rx_hex)\":\"([0-9a-f]{2}){0,8}\"\\}",
            "\\{\"t\":[0-9],\"note\":\"port\",\"text\":\"the port is (gone|back)\"\\}",
        ], 0..20),
    ) {
        let text = format!("{}{}\n", file(&[]), lines.join("\n"));
        let read = Conversation::read(&text, &dialect());
        let shown = super::super::show::show(&text, "x", &|_, text| text.to_owned());
        proptest::prop_assert_eq!(read.is_ok(), shown.is_ok());
        if let Ok(whole) = read {
            super::super::explain::explain(&whole, "x", &dialect(), &|_, text| text.to_owned());
            let side = super::super::diff::Side { name: "x", whole: &whole };
            let same = super::super::diff::diff(side, side, &|_, text| text.to_owned());
            proptest::prop_assert!(!same.different, "{}", same.text);
        }
    }

    #[test]
    fn any_bytes_are_text_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        if let Ok(text) = super::super::reader::text(&bytes) {
            let _ = Conversation::read(text, &dialect());
        }
    }
}
