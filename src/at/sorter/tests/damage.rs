//! Frames that are not as long as they say.

use super::*;

const JSON: &str = r#"{"method":"restart","params":{"timeout":10},"id":1000}"#;

fn declared(length: usize, payload: &str, behind: &str) -> Vec<u8> {
    format!("\r\n+MSUB: \"command/send/1000\",{length} byte,{payload}\r\n{behind}").into_bytes()
}

#[test]
fn json_that_is_whole_at_the_nearest_line_end_is_delivered() {
    assert_eq!(JSON.len(), 54);
    for length in [40, 52, 53, 55, 57] {
        let mut sorter = sorter();
        let mut out = feed(&mut sorter, &declared(length, JSON, "\r\nRING\r\n\r\nCLOSED\r\n"));
        out.extend(stall(&mut sorter));
        assert_eq!(messages(&out), [("command/send/1000".into(), JSON.into(), true)], "{length}");
        let damaged = Damaged { declared: length, seen: 54, delivered: true };
        assert!(out.contains(&Sorted::Damaged(damaged)));
        assert_eq!(classes(&out), [Class::Message, Class::Other, Class::Closed], "{length}");
    }
}

/// No line end between two messages, and the first is longer or shorter than it says.
#[test]
fn a_message_that_sticks_to_one_of_another_length_is_not_lost() {
    for length in [46, 52, 53, 54, 55, 60] {
        let mut sorter = sorter();
        let bytes = format!("+MSUB: \"t\",{length} byte,{JSON}+MSUB: \"u\",2 byte,{{}}\r\n");
        let out = feed(&mut sorter, bytes.as_bytes());
        let wanted = [("t".into(), JSON.into(), true), ("u".into(), "{}".into(), false)];
        assert_eq!(messages(&out), wanted, "{length}: {out:?}");
    }
}

/// The count is right, and the line end behind it is missing.
#[test]
fn what_sticks_to_a_message_is_read_and_the_message_is_not_lost() {
    let mut sorter = sorter();
    let out = feed(&mut sorter, b"+MSUB: \"t\",5 byte,hello+MSUB: \"u\",2 byte,{}\r\n");
    assert_eq!(
        messages(&out),
        [("t".into(), "hello".into(), true), ("u".into(), "{}".into(), false)],
        "{out:?}"
    );
    let out = feed(&mut sorter, b"+MSUB: \"t\",7 byte,{\"a\":1}CLOSED\r\n");
    assert_eq!(messages(&out), [("t".into(), "{\"a\":1}".into(), true)], "{out:?}");
    assert!(out.contains(&Sorted::Closed("CLOSED".into())), "{out:?}");
    // More than it says, and no JSON: who knows what it is.
    let out = feed(&mut sorter, b"+MSUB: \"t\",5 byte,hello, CLOSED\r\n");
    assert!(messages(&out).is_empty() && !out.contains(&Sorted::Closed("CLOSED".into())), "{out:?}");
}

#[test]
fn a_last_message_is_cut_when_nothing_more_comes() {
    for length in [53, 55, 56, 60, 70] {
        let mut sorter = sorter();
        let mut out = feed(&mut sorter, &declared(length, JSON, ""));
        out.extend(stall(&mut sorter));
        assert_eq!(messages(&out), [("command/send/1000".into(), JSON.into(), true)], "{length}");
        assert!(!sorter.in_frame());
    }
}

#[test]
fn a_missing_line_end_behind_the_payload_is_no_damage() {
    let mut sorter = sorter();
    feed(&mut sorter, b"+MSUB: \"t\",5 byte,hello");
    assert!(sorter.in_frame());
    assert_eq!(messages(&stall(&mut sorter)), [("t".into(), "hello".into(), false)]);
}

#[test]
fn what_is_left_of_a_damaged_frame_drives_nothing() {
    let mut sorter = sorter();
    let bytes =
        b"+MSUB: \"t\",5 byte,one, two, three, four, five\r\nCLOSED\r\nRDY\r\n+MSUB: \"t\",1 byte,x\r\n";
    let out = feed(&mut sorter, bytes);
    assert!(classes(&out).iter().all(|class| *class == Class::Noise), "{out:?}");
    assert!(messages(&out).is_empty() && !out.contains(&Sorted::Closed("CLOSED".into())));
    let wanted =
        Wanted { fail: Some(Arc::new(patterns(&["CLOSED"]))), awaits: expect(&["SUBACK"]), ..command() };
    arm(&mut sorter, wanted);
    assert_eq!(classes(&feed(&mut sorter, b"CLOSED\r\nOK\r\nCLOSED\r\n"))[1..], [Class::Final, Class::Fail]);
}

#[test]
fn an_echo_ends_the_distrust() {
    let mut sorter = sorter();
    feed(&mut sorter, b"+MSUB: \"t\",5 byte,one, two, three, four, five\r\n");
    let wanted = Arc::new(command());
    sorter.arm(Armed { wanted, echo: Some(b"AT".to_vec()), ..Armed::default() });
    assert_eq!(
        classes(&feed(&mut sorter, b"CLOSED\r\nAT\r\r\nCLOSED\r\n")),
        [Class::Noise, Class::Echo, Class::Closed]
    );
}

#[test]
fn nothing_behind_a_short_frame_is_lost() {
    let mut sorter = sorter();
    arm(&mut sorter, command());
    let out = feed(&mut sorter, b"+MSUB: \"t\",12 byte,lost some\r\n\r\nOK\r\nRING\r\n");
    assert_eq!(classes(&out)[1..], [Class::Final, Class::Other], "{out:?}");
    assert!(sorter.progress().ended.is_some());
}

#[test]
fn a_result_counted_as_payload_is_found_again() {
    let mut sorter = sorter();
    arm(&mut sorter, command());
    let out = feed(&mut sorter, &declared(59, JSON, "\r\nOK\r\n"));
    assert_eq!(messages(&out).len(), 1);
    assert_eq!(classes(&out), [Class::Message, Class::Final]);
}

#[test]
fn a_damaged_piece_ends_its_block() {
    let mut sorter = sorter();
    let bytes = b"+CMQTTRXSTART: 0,1,9\r\n+CMQTTRXTOPIC: 0,1\r\nt\r\n+CMQTTRXPAYLOAD: 0,9\r\nhi\r\n+CMQTTRXEND: 0\r\n";
    let mut out = feed(&mut sorter, bytes);
    out.extend(stall(&mut sorter));
    assert!(messages(&out).is_empty());
    assert!(!sorter.in_frame());
}

#[test]
fn a_stalled_block_is_given_up() {
    let mut sorter = sorter();
    feed(&mut sorter, b"+CMQTTRXSTART: 0,1,9\r\n+CMQTTRXTOPIC: 0,1\r\nt\r\n");
    assert!(sorter.in_frame());
    assert!(matches!(stall(&mut sorter)[..], [Sorted::Damaged(Damaged { delivered: false, .. })]));
    assert!(!sorter.in_frame());
}

/// Whoever may write to a topic must not drive the machine with what the module has no room to publish itself.
#[test]
fn a_message_longer_than_the_module_may_publish_is_one_message() {
    let forged = "\r\nRDY\r\n+MSUB: \"command/send/9\",2 byte,{}\r\nCLOSED\r\nOK\r\n";
    let payload = "z".repeat(dialect().limits.payload_bytes) + forged;
    let mut sorter = sorter();
    let out = feed(&mut sorter, &declared(payload.len(), &payload, "\r\nRING\r\n"));
    assert_eq!(messages(&out), [("command/send/1000".into(), payload, false)]);
    assert_eq!(classes(&out), [Class::Message, Class::Other]);
}

#[test]
fn lines_of_a_message_that_nobody_has_room_for_drive_nothing() {
    let forged = "z,\r\nRDY\r\n+MSUB: \"command/send/9\",2 byte,{}\r\n+MSUB: \"t\",3 byte,ab\r\nCLOSED\r\n";
    for (length, pad) in [("16385", 0), ("99999999", 20_000), ("9223372036854775807", 0)] {
        let mut sorter = sorter();
        let bytes = format!("+MSUB: \"data/x\",{length} byte,{}{forged}", "z".repeat(pad));
        let out = feed(&mut sorter, bytes.as_bytes());
        assert!(classes(&out).iter().all(|class| *class == Class::Noise), "{length}: {out:?}");
        let told =
            |sorted: &&Sorted| matches!(sorted, Sorted::Damaged(Damaged { seen: 0, delivered: false, .. }));
        assert_eq!(out.iter().filter(told).count(), 1, "{length}: {out:?}");
        assert!(
            out.iter().all(|sorted| matches!(sorted, Sorted::Line { .. } | Sorted::Damaged(_))),
            "{out:?}"
        );
        stall(&mut sorter);
        assert_eq!(classes(&feed(&mut sorter, b"CLOSED\r\n")), [Class::Closed], "{length}");
    }
}
