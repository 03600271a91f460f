use super::*;
use crate::transcript::conversation::tests::{dialect, file};

#[test]
fn each_line_with_its_meaning() {
    let records = [
        r#""t":1000,"tx":"AT+CREG?\r\n""#,
        r#""t":2000,"rx":"AT+CREG?\r\r\n+CREG: 0,5\r\n\r\nOK\r\n""#,
        r#""t":3000,"rx":"\r\n+CREG: 2\r\n""#,
        r#""t":4000,"tx":"AT+SEND=5\r\n""#,
        r#""t":5000,"rx":"\r\n> ""#,
        r#""t":6000,"tx":"hello\u001a""#,
        r#""t":12345000,"rx":"\r\n+CME ERROR: 14\r\n+WHAT: 1\r\n""#,
        r#""t":12346000,"rx":"CLOSED\r\n""#,
    ];
    let whole = Conversation::read(&file(&records), &dialect()).unwrap();
    let expected = "\
run.jsonl  luat-air724 on /dev/ttyUSB0

    0.001 → AT+CREG?
    0.002 ← AT+CREG?                                  the echo of the command
    0.002 ← +CREG: 0,5                                registered, roaming
    0.002 ← OK                                        done, or begun
    0.003 ← +CREG: 2                                  not registered, searching
    0.004 → AT+SEND=5
    0.005 ← >                                         the module asks for data
    0.006 → hello␚                                    5 bytes of data and Ctrl-Z
   12.345 ← +CME ERROR: 14                            SIM busy
   12.345 ← +WHAT: 1
   12.346 ← CLOSED                                    the session, or what carries it, is gone
";
    assert_eq!(explain(&whole, "run.jsonl", &dialect(), &|_, text| text.to_owned()), expected);
}

#[test]
fn each_of_joined_commands_has_its_own_answer() {
    let records = [
        r#""t":1000,"tx":"AT+CREG=2;+CREG?\r\n""#,
        r#""t":2000,"rx":"+CREG: 2,1,\"1863\",\"01A2\",7\r\n\r\nOK\r\n""#,
        r#""t":3000,"tx":"AT+CSQ;+CREG?\r\n""#,
        r#""t":4000,"rx":"+CSQ: 17,99\r\n+CREG: 0,1\r\n\r\nOK\r\n""#,
    ];
    let whole = Conversation::read(&file(&records), &dialect()).unwrap();
    let page = explain(&whole, "run.jsonl", &dialect(), &|_, text| text.to_owned());
    assert!(
        page.contains("registered, home network, LTE\n") && page.contains("registered, home network\n"),
        "{page}"
    );
    assert!(page.contains("signal -79 dBm"), "{page}");
}

#[test]
fn states_and_numbers_by_name() {
    let dialect = dialect();
    for (asked, text, meaning) in [
        ("AT+CSQ", "+CSQ: 0,99", Some("signal -113 dBm or less, bit errors not known")),
        ("AT+CSQ", "+CSQ: 17,3", Some("signal -79 dBm, bit errors of class 3 of 0 to 7")),
        ("AT+CSQ", "+CSQ: 31,0", Some("signal -51 dBm or more, bit errors of class 0 of 0 to 7")),
        ("AT+CSQ", "+CSQ: 99,99", Some("signal not known, bit errors not known")),
        ("AT+CSQ", "+CSQ: 40,99", None),
        ("AT+CSQ=?", "+CSQ: 0,99", None),
        ("AT+CEREG?", "+CEREG: 2,1,\"12AB\",\"01234567\",7", Some("registered, home network, LTE")),
        ("AT+CREG=2;+CREG?", "+CREG: 2,1,\"1863\",\"01a2c315\",7", Some("registered, home network, LTE")),
        ("at+creg?;+csq", "+CREG: 0,1", Some("registered, home network")),
        // It came unasked while that was asked.
        ("AT+CREG?", "+CREG: 2,\"1863\",\"01a2c315\",7", Some("not registered, searching, LTE")),
        ("", "+CEREG: 5,\"12AB\",\"01234567\",9", Some("registered, roaming, NB-IoT")),
        ("", "+CGREG: 11", None),
        ("AT+CPIN?", "+CPIN: SIM PUK", Some("the SIM is blocked and wants its PUK")),
        ("AT+CPIN?", "+CPIN: 7", None),
        ("", "+CPIN: SIM REMOVED 0", Some("there is no SIM")),
        ("AT+COPS?", "+COPS: 0,0,\"Vodafone\",7", Some("operator \"Vodafone\", LTE; chosen by itself")),
        ("AT+COPS?", "+COPS: 0", Some("no operator; chosen by itself")),
        ("AT+COPS?", "+COPS: 9", None),
        ("AT+CGATT?", "+CGATT: 1", Some("attached: there is packet service")),
        ("AT+X", "+CME ERROR: 10", Some("SIM not inserted")),
        ("AT+X", "+CME ERROR: 9999", None),
        ("AT+X", "NO CARRIER", Some("the connection is gone, or never was")),
        ("AT+X", "+CSQ", None),
        ("AT+X", "+CREG:", None),
        ("AT+CREG?", "+CREG: 1", None),
    ] {
        assert_eq!(
            meaning::line(text, Class::Information, asked, &dialect).as_deref(),
            meaning,
            "{asked} {text}"
        );
    }
}
