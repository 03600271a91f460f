//! Counted bytes and messages of several lines.

use super::*;

fn message(topic: &str, payload: &str) -> Delivered {
    (topic.into(), payload.into(), false)
}

#[test]
fn a_payload_may_hold_anything() {
    let payload = "\r\nCLOSED\r\nOK\r\n> +MSUB: \"x\",1 byte,a\0";
    let bytes = format!("\r\n+MSUB: \"t\",{} byte,{payload}\r\nRING\r\n", payload.len());
    let out = feed(&mut sorter(), bytes.as_bytes());
    assert_eq!(messages(&out), [message("t", payload)]);
    assert_eq!(classes(&out), [Class::Message, Class::Other]);
}

#[test]
fn every_dialect_brings_its_messages() {
    let cases: [(&[u8], Vec<Delivered>); 8] = [
        (b"+MSUB: mqtt/topic,9 byte,SSSSddddd\r\n", vec![message("mqtt/topic", "SSSSddddd")]),
        (b"+MSUB:t,2byte,ab\r\n", vec![message("t", "ab")]),
        (b"+MSUB: t,0 byte,\r\n", vec![message("t", "")]),
        (wire::SIM7600, vec![message("a/\r\n", "hel\r\n"), message("t", "\r\nOK\r\n")]),
        (b"+QMTRECV: 0,0,\"t\",4,\"a\"b\"\"\r\n", vec![message("t", "a\"b\"")]),
        (b"+QMTRECV: 0,0,\"t\",3\r\na\rb\r\n", vec![message("t", "a\rb")]),
        (b"+QMTRECV: 0,1,\"t\",\"pl\"ain\"\r\n", vec![message("t", "pl\"ain")]),
        (
            b"+UMQTTC: 6,1,59,5,\"a\",\"b\",13,\"multi\r\nline\r\n\"\r\n",
            vec![message("a\",\"b", "multi\r\nline\r\n")],
        ),
    ];
    for (bytes, wanted) in cases {
        let mut sorter = sorter();
        assert_eq!(messages(&feed(&mut sorter, bytes)), wanted, "{}", String::from_utf8_lossy(bytes));
        assert!(!sorter.in_frame() && sorter.patience().is_none());
    }
}

#[test]
fn a_message_is_one_in_a_response_too() {
    let mut sorter = sorter();
    arm(&mut sorter, command());
    let out = feed(&mut sorter, b"+MSUB: \"t\",2 byte,ab\r\n+MSUB: \"t\",2 byte,cd\r\n\r\nOK\r\n");
    assert_eq!(messages(&out), [message("t", "ab"), message("t", "cd")]);
    assert_eq!(classes(&out), [Class::Message, Class::Message, Class::Final]);
}

#[test]
fn a_step_may_wait_for_a_message_that_is_delivered_as_well() {
    let mut sorter = sorter();
    arm(
        &mut sorter,
        Wanted { awaits: expect(&["+MSUB: {t},{n:int} byte,{p:bytes(n)}"]), ..Wanted::default() },
    );
    let out = feed(&mut sorter, b"+MSUB: \"t\",2 byte,ab\r\n");
    assert_eq!((classes(&out), messages(&out).len()), (vec![Class::Await], 1));
    assert_eq!(sorter.disarm().captures.get("p"), Some(&Capture::Bytes(b"ab".to_vec())));
}

#[test]
fn counted_lines_of_a_response() {
    for body in ["{\"a\":\r\n\"OK\"}", "x", "\nx"] {
        for end in ["\r\n", "\n", "\r"] {
            let mut sorter = sorter();
            arm(
                &mut sorter,
                Wanted { expect: expect(&["+HTTPREAD: {n:int}", "{body:bytes(n)}"]), ..command() },
            );
            if body.starts_with('\n') && end == "\r" {
                continue;
            }
            feed(&mut sorter, format!("+HTTPREAD: {}{end}{body}{end}OK{end}", body.len()).as_bytes());
            let progress = sorter.disarm();
            assert_eq!(progress.captures.get("body"), Some(&Capture::Bytes(body.into())), "{body:?} {end:?}");
            assert!(progress.expects_done && progress.ended.is_some());
        }
    }
}

#[test]
fn a_list_of_counted_texts() {
    let lists = vec![(Arc::from("sms"), sequence(&["+CMGL: {i:int},{n:int}", "{text:bytes(n)}"]))];
    let mut sorter = sorter();
    arm(&mut sorter, Wanted { collect: Some(Arc::new(lists)), ..command() });
    let out = feed(&mut sorter, b"+CMGL: 1,2\r\nOK\r\n+CMGL: 2,0\r\n\r\n+CMGL: 3,4\r\nno\r\n\r\nOK\r\n");
    let progress = sorter.disarm();
    let list = &progress.collected[0].1;
    let texts: Vec<_> = list.iter().map(|element| element.get("text").cloned().unwrap()).collect();
    let bytes = |text: &[u8]| Capture::Bytes(text.to_vec());
    assert_eq!(texts, [bytes(b"OK"), bytes(b""), bytes(b"no\r\n")]);
    assert_eq!(classes(&out).last(), Some(&Class::Final));
}

#[test]
fn more_than_the_limit_is_no_frame() {
    let out = feed(&mut sorter(), b"+MSUB: \"t\",99999 byte,ab\r\nRING\r\n+MSUB: \"t\",-1 byte,ab\r\n");
    assert_eq!(classes(&out), [Class::Noise; 3]);
    let out = feed(&mut sorter(), b"+MSUB: \"t\",-1 byte,ab\r\nRING\r\n");
    assert_eq!(classes(&out), [Class::Unknown, Class::Other]);
    let out = feed(&mut sorter(), b"+QMTRECV: 0,0,\"t\",99999\r\nRING\r\n");
    assert_eq!(classes(&out), [Class::Message, Class::Noise]);
}

#[test]
fn pieces_are_joined_until_their_total() {
    let mut sorter = sorter();
    let first = b"+MQTTURC: \"publish\",0,1,\"t\",6,3,abc\r\n";
    assert!(messages(&feed(&mut sorter, first)).is_empty());
    assert_eq!(sorter.patience(), Some(Duration::from_secs(10)));
    let second = b"RING\r\n+MQTTURC: \"publish\",0,1,\"t\",6,3,def\r\n";
    assert_eq!(messages(&feed(&mut sorter, second)), [message("t", "abcdef")]);
    feed(&mut sorter, first);
    let lost = Damaged { declared: 6, seen: 3, delivered: false };
    assert_eq!(stall(&mut sorter), [Sorted::Damaged(lost)]);
    assert_eq!(sorter.patience(), None);
}

#[test]
fn a_message_of_open_length_ends_with_the_final() {
    let mut sorter = sorter();
    arm(&mut sorter, command());
    let out = feed(&mut sorter, b"Topic:a/b\r\nMsg:one\r\ntwo\r\nOK\r\n");
    assert_eq!(messages(&out), [message("a/b", "one\ntwo")]);
    feed(&mut sorter, b"Topic:a/b\r\nMsg:one\r\n");
    assert_eq!(messages(&stall(&mut sorter)), [message("a/b", "one")]);
}

#[test]
fn a_urc_inside_a_block_is_sorted_and_the_block_goes_on() {
    let bytes = b"+CMQTTRXSTART: 0,1,2\r\nRING\r\n+CMQTTRXTOPIC: 0,1\r\nt\r\n+CMQTTRXPAYLOAD: 0,2\r\nhi\r\n\
        CLOSED\r\n+CMQTTRXEND: 0\r\n";
    let out = feed(&mut sorter(), bytes);
    assert_eq!(messages(&out), [message("t", "hi")]);
    assert!(out.contains(&Sorted::Closed("CLOSED".into())));
}

#[test]
fn a_block_that_begins_again_starts_over() {
    let mut sorter = sorter();
    feed(&mut sorter, b"+CMQTTRXSTART: 0,1,2\r\n+CMQTTRXTOPIC: 0,1\r\nt\r\n");
    let out = feed(&mut sorter, &wire::SIM7600[..100]);
    assert_eq!(messages(&out), [message("a/\r\n", "hel\r\n")]);
    assert!(matches!(out[1], Sorted::Damaged(_)));
}

#[test]
fn a_frame_of_a_step_that_is_over_reaches_no_other() {
    let wanted = || Wanted { expect: expect(&["+HTTPREAD: {n:int}", "{body:bytes(n)}"]), ..command() };
    let mut sorter = sorter();
    arm(&mut sorter, wanted());
    feed(&mut sorter, b"+HTTPREAD: 5\r\nab");
    sorter.disarm();
    arm(&mut sorter, wanted());
    let out = feed(&mut sorter, b"cde\r\nOK\r\n");
    assert_eq!(classes(&out), [Class::Unknown, Class::Final]);
    assert!(sorter.disarm().captures.0.is_empty());
}

/// Whoever says ever more of one thing does not make us keep all of it.
#[test]
fn what_never_ends_is_not_kept_for_ever() {
    let mut sorter = sorter();
    feed(&mut sorter, b"+CMQTTRXSTART: 0,1,9\r\n+CMQTTRXTOPIC: 0,1\r\nt\r\n");
    let piece = format!("+CMQTTRXPAYLOAD: 0,4000\r\n{}\r\n", "x".repeat(4000));
    let lost = (0..300).flat_map(|_| feed(&mut sorter, piece.as_bytes()));
    let lost = lost.filter(|found| matches!(found, Sorted::Damaged(_))).count();
    assert_eq!((lost, sorter.in_frame()), (1, false));

    let lists = vec![(Arc::from("sms"), sequence(&["+CMGL: {i:int}"]))];
    arm(&mut sorter, Wanted { collect: Some(Arc::new(lists)), ..command() });
    feed(&mut sorter, "+CMGL: 1\r\n".repeat(5_000).as_bytes());
    assert_eq!(sorter.disarm().collected[0].1.len(), 4_096);
}
