use super::*;
use crate::transcript::conversation::tests::{dialect, file};

fn compare(old: &[&str], new: &[&str]) -> String {
    let old = Conversation::read(&file(old), &dialect()).unwrap();
    let new = Conversation::read(&file(new), &dialect()).unwrap();
    let side = |name, whole| Side { name, whole };
    let found = diff(side("old.jsonl", &old), side("new.jsonl", &new), &|_, text| text.to_owned());
    let head = "--- old.jsonl  luat-air724 on /dev/ttyUSB0\n+++ new.jsonl  luat-air724 on /dev/ttyUSB0\n";
    let text = found.text.strip_prefix(head).unwrap().to_owned();
    assert_eq!(found.different, !text.contains("no difference"), "{text}");
    text
}

#[test]
fn what_is_answered_differently() {
    let old = [
        r#""t":0,"rx":"\r\nRDY\r\n""#,
        r#""t":1000,"tx":"AT+CGMR\r\n""#,
        r#""t":11000,"rx":"AT+CGMR\r\r\n+CGMR: V1\r\n\r\nOK\r\n""#,
        r#""t":20000,"tx":"AT+COPS?\r\n""#,
        r#""t":70000,"rx":"\r\n+COPS: 0\r\n\r\nOK\r\n""#,
        r#""t":80000,"tx":"AT+OPEN=1\r\n""#,
        r#""t":90000,"rx":"\r\nOK\r\n""#,
        r#""t":91000,"rx":"\r\nCONNECT OK\r\n""#,
        r#""t":92000,"tx":"AT+OLD\r\n""#,
        r#""t":93000,"rx":"\r\nOK\r\n""#,
        r#""t":94000,"tx":"AT+SAME\r\n""#,
        r#""t":95000,"rx":"\r\nOK\r\n""#,
    ];
    let new = [
        r#""t":1000,"tx":"AT+CGMR\r\n""#,
        r#""t":11000,"rx":"\r\n+CGMR: V2\r\n\r\nOK\r\n""#,
        r#""t":20000,"tx":"AT+COPS?\r\n""#,
        r#""t":270000,"rx":"\r\n+COPS: 0\r\n\r\nOK\r\n""#,
        r#""t":280000,"tx":"AT+OPEN=2\r\n""#,
        r#""t":290000,"rx":"\r\n+CME ERROR: 3\r\n""#,
        r#""t":294000,"tx":"AT+SAME\r\n""#,
        r#""t":295000,"rx":"\r\nOK\r\n""#,
        r#""t":296000,"rx":"\r\n+CPIN: SIM PIN\r\n""#,
        r#""t":297000,"tx":"AT+NEW\r\n""#,
        r#""t":298000,"rx":"\r\nERROR\r\n""#,
    ];
    let expected = "
AT+CGMR
- +CGMR: V1
+ +CGMR: V2
  OK

AT+COPS?  5.0 times as slow: 50 ms, now 250 ms

AT+OPEN=1  then AT+OPEN=2
- OK
- CONNECT OK
+ +CME ERROR: 3

AT+OLD  only in old.jsonl
- OK

AT+NEW  only in new.jsonl
+ ERROR

lines that came by themselves
- RDY
+ +CPIN: SIM PIN

5 of 6 commands answered differently
";
    assert_eq!(compare(&old, &new), expected);
}

#[test]
fn asking_more_often_is_no_difference() {
    let asked = |times: u64, answers: &[&str]| -> Vec<String> {
        let mut records = Vec::new();
        for (index, answer) in (0..times).zip(answers) {
            records.push(format!(r#""t":{},"tx":"AT+CREG?\r\n""#, index * 10));
            records.push(format!(r#""t":{},"rx":"\r\n+CREG: {answer}\r\n\r\nOK\r\n""#, index * 10 + 1));
        }
        records
    };
    let compare_answers = |old: &[&str], new: &[&str]| {
        let (old, new) = (asked(9, old), asked(9, new));
        let texts =
            |records: &'_ [String]| records.iter().map(String::as_str).collect::<Vec<_>>().join("\u{0}");
        let (old, new) = (texts(&old), texts(&new));
        compare(&old.split('\u{0}').collect::<Vec<_>>(), &new.split('\u{0}').collect::<Vec<_>>())
    };
    assert_eq!(
        compare_answers(&["0,2", "0,2", "0,1"], &["0,2", "0,1", "0,1"]),
        "\nno difference in 2 commands\n"
    );
    let expected = "
AT+CREG?  answered so only in old.jsonl
- +CREG: 0,2
- OK

1 of 2 commands answered differently
";
    assert_eq!(compare_answers(&["0,2", "0,1"], &["0,1"]), expected);
}
