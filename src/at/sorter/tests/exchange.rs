//! The order in which a line is offered, and what an exchange makes of it.

use super::*;

fn run(wanted: Wanted, bytes: &[u8]) -> (Vec<Sorted>, Progress) {
    let mut sorter = sorter();
    sorter.arm(Armed {
        wanted: Arc::new(wanted),
        echo: Some(b"AT+X".to_vec()),
        data: None,
        same: vec![(Arc::from("id"), "7".into())],
    });
    let out = feed(&mut sorter, bytes);
    (out, sorter.disarm())
}

fn name(progress: &Progress) -> Option<&str> {
    progress.failed.as_ref().map(|error| error.name.as_str())
}

#[test]
fn echo_information_and_final_result() {
    let wanted = Wanted { expect: expect(&["+CSQ: {rssi:int},{ber:int}"]), ..command() };
    let (out, progress) = run(wanted, b"AT+X\r\r\n+CSQ: 17,99\r\nmore\r\n\r\nOK\r\n\r\nOK\r\n");
    assert_eq!(classes(&out), [Class::Echo, Class::Expect, Class::Information, Class::Final, Class::Unknown]);
    assert_eq!(progress.captures.int("rssi"), Some(17));
    assert_eq!(progress.ended.unwrap().verdict, Verdict::Ok);
    assert!(progress.expects_done && progress.failed.is_none());
}

#[test]
fn a_urc_in_the_middle_is_not_the_reply() {
    let wanted = Wanted { expect: expect(&["+CREG: {n:int},{stat:int}"]), ..command() };
    let (out, progress) = run(wanted, b"+CREG: 1,\"1863\",\"01a2\"\r\n+CREG: 0,1\r\nOK\r\n");
    assert_eq!(classes(&out), [Class::Other, Class::Expect, Class::Final]);
    assert_eq!(progress.captures.int("stat"), Some(1));
}

#[test]
fn a_urc_of_any_form_is_the_reply_when_its_name_was_asked() {
    let sorted = |command: &str| {
        let mut sorter = sorter();
        let echo = Some(command.as_bytes().to_vec());
        sorter.arm(Armed { wanted: Arc::new(super::command()), echo, ..Armed::default() });
        let out = feed(&mut sorter, b"+CPIN: SIM PIN\r\n\r\nOK\r\n+CPIN: READY\r\n");
        (classes(&out), sorter.disarm().information)
    };
    let reply = (vec![Class::Information, Class::Final, Class::Other], vec!["+CPIN: SIM PIN".to_owned()]);
    for command in ["AT+CPIN?", "at+cpin?", "AT+CPIN", "AT+CPIN=?"] {
        assert_eq!(sorted(command), reply, "{command}");
    }
    let urc = (vec![Class::Other, Class::Final, Class::Other], Vec::new());
    for command in ["AT+CPIN=\"1234\"", "AT+CSQ", "AT", "AT+CPI?"] {
        assert_eq!(sorted(command), urc, "{command}");
    }
}

#[test]
fn patterns_without_text_stand_behind_urcs() {
    let wanted = Wanted { expect: expect(&["{firmware:rest}"]), ..command() };
    let (out, progress) = run(wanted, b"+CREG: 1\r\nAirM2M\r\nOK\r\n");
    assert_eq!(classes(&out), [Class::Other, Class::Expect, Class::Final]);
    assert_eq!(progress.captures.get("firmware"), Some(&Capture::Text("AirM2M".into())));
}

#[test]
fn a_final_may_be_what_the_command_table_says() {
    let finals = |list| Some(Finals::Lines(Arc::new(patterns(list))));
    let (_, progress) = run(Wanted { finals: finals(&["{ip:ipv4}"]), ..command() }, b"RING\r\n10.0.0.1\r\n");
    assert_eq!(progress.captures.get("ip"), Some(&Capture::Text("10.0.0.1".into())));
    assert_eq!(progress.ended.unwrap().verdict, Verdict::Ok);
    let (_, progress) = run(Wanted { finals: finals(&["SHUT OK", "OK"]), ..command() }, b"SHUT OK\r\n");
    assert_eq!(progress.ended.unwrap().line, "SHUT OK");
    let (out, progress) = run(Wanted { finals: Some(Finals::None), ..command() }, b"OK\r\n");
    assert_eq!((classes(&out), progress.ended), (vec![Class::Unknown], None));
}

#[test]
fn error_results_have_names() {
    for (line, wanted) in [
        ("ERROR", "error"),
        ("+CME ERROR: 767", "cme 767"),
        ("+CME ERROR:10", "cme 10"),
        ("+CMS ERROR: 500", "cms 500"),
        ("NO CARRIER", "no carrier"),
        ("NO ANSWER", "no answer"),
        ("NO DIALTONE", "no dialtone"),
        ("BUSY", "busy"),
    ] {
        let (_, progress) = run(command(), format!("\r\n{line}\r\n").as_bytes());
        assert_eq!(name(&progress), Some(wanted));
        assert_eq!(progress.ended.as_ref().unwrap().verdict, Verdict::Error);
        assert_eq!(progress.failed.unwrap().line, line);
    }
    assert_eq!(run(command(), b"busy p...\r\n").1.ended.unwrap().verdict, Verdict::Busy);
}

#[test]
fn await_comes_before_fail_and_before_or_after_the_final() {
    let connect = || Wanted {
        awaits: expect(&["+UUMQTTC: 1,1"]),
        fail: Some(Arc::new(patterns(&["+UUMQTTC: 1,{:rest}", "CLOSED"]))),
        ..command()
    };
    for bytes in [b"OK\r\n+UUMQTTC: 1,1\r\n", b"+UUMQTTC: 1,1\r\nOK\r\n"] {
        let (_, progress) = run(connect(), bytes);
        assert!(progress.awaits_done && progress.ended.is_some() && progress.failed.is_none());
    }
    assert_eq!(name(&run(connect(), b"OK\r\n+UUMQTTC: 1,0\r\n").1), Some("error"));
    let (out, progress) = run(connect(), b"CLOSED\r\n");
    assert_eq!((classes(&out), name(&progress)), (vec![Class::Fail], Some("closed")));
    assert!(out.contains(&Sorted::Closed("CLOSED".into())));
    assert_eq!(progress.closed.as_deref(), Some("CLOSED"));
}

#[test]
fn an_error_result_ends_an_open_await() {
    let wanted = || Wanted { awaits: expect(&["CONNACK OK"]), ..command() };
    let (out, progress) = run(wanted(), b"OK\r\n\r\nERROR\r\n");
    assert_eq!((classes(&out), name(&progress)), (vec![Class::Final, Class::Fail], Some("error")));
    let (out, progress) = run(wanted(), b"OK\r\nCONNACK OK\r\nERROR\r\n");
    assert_eq!(classes(&out)[2], Class::Unknown);
    assert_eq!(name(&progress), None);
}

#[test]
fn what_follows_the_last_thing_owed_decides_nothing() {
    let connect =
        Wanted { awaits: expect(&["CONNECT OK"]), fail: Some(Arc::new(patterns(&["CLOSED"]))), ..command() };
    let (out, progress) = run(connect, b"OK\r\nCONNECT OK\r\nCLOSED\r\n");
    assert_eq!(classes(&out), [Class::Final, Class::Await, Class::Closed]);
    assert_eq!((name(&progress), progress.closed.as_deref()), (None, Some("CLOSED")));
    let read = Wanted { expect: expect(&["+X: {x:int}"]), ..command() };
    let (out, progress) = run(read, b"OK\r\n+X: 1\r\n");
    assert_eq!(classes(&out), [Class::Final, Class::Unknown]);
    assert!(!progress.expects_done);
}

#[test]
fn the_one_with_a_number_names_the_error() {
    let fail = |source| Wanted { fail: Some(Arc::new(patterns(&[source]))), ..command() };
    assert_eq!(name(&run(fail("+CWJAP:{cwjap:error}"), b"+CWJAP:2\r\nFAIL\r\n").1), Some("cwjap 2"));
    assert_eq!(name(&run(fail("CLOSED"), b"CLOSED\r\n+CME ERROR: 767\r\n").1), Some("cme 767"));
    assert_eq!(name(&run(fail("CLOSED"), b"CLOSED\r\nERROR\r\n").1), Some("closed"));
    let (_, progress) = run(fail("CLOSED"), b"CLOSED\r\nOK\r\n");
    assert_eq!((name(&progress), progress.ended.as_ref().unwrap().verdict), (Some("closed"), Verdict::Ok));
}

#[test]
fn a_late_answer_to_another_message_is_neither() {
    let wanted = Wanted {
        awaits: expect(&["+QMTPUBEX: 0,{=id},0"]),
        fail: Some(Arc::new(patterns(&["+QMTPUBEX: 0,{=id},2"]))),
        ..command()
    };
    let (out, progress) = run(wanted, b"OK\r\n+QMTPUBEX: 0,6,2\r\n+QMTPUBEX: 0,7,1\r\n+QMTPUBEX: 0,7,0\r\n");
    assert_eq!(classes(&out)[1..], [Class::Information, Class::Information, Class::Await]);
    assert!(progress.awaits_done && progress.failed.is_none());
}

#[test]
fn a_prompt_has_no_line_end_and_is_seen_once() {
    let wanted = || Wanted { prompt: Some(Prompt::Sign), ..command() };
    let (out, progress) = run(wanted(), b"\r\n> OK\r\n");
    assert_eq!(out[0], Sorted::Prompt);
    assert!(progress.prompt_seen && progress.ended.is_some());
    assert_eq!(classes(&run(wanted(), b">>x\r\n").0), [Class::Information]);
    assert_eq!(classes(&run(command(), b"> \r\n").0), [Class::Information]);
    let word = Wanted { prompt: Some(Prompt::Word("DOWNLOAD".into())), ..command() };
    let (out, progress) = run(word, b"\r\nDOWNLOAD\r\n");
    assert_eq!(out[1], Sorted::Prompt);
    assert!(progress.prompt_seen);
}

#[test]
fn the_echo_of_data_is_known_line_by_line() {
    let classes_for = |data: &[u8], bytes: &[u8]| {
        let mut sorter = sorter();
        let wanted = Arc::new(Wanted { prompt: Some(Prompt::Sign), ..command() });
        sorter.arm(Armed { wanted, data: Some(data.to_vec()), ..Armed::default() });
        classes(&feed(&mut sorter, bytes))
    };
    assert_eq!(
        classes_for(b"{\r\nOK\r\n}", b"> {\r\nOK\r\n}\r\nOK\r\n"),
        [Class::Echo, Class::Echo, Class::Echo, Class::Final]
    );
    assert_eq!(classes_for(b"{\r\nOK\r\n}", b"> \r\nOK\r\n"), [Class::Final]);
    assert_eq!(classes_for(b"OK\r\nb", b">\r\nOK\r\nb\r\n"), [Class::Final, Class::Unknown]);
}

#[test]
fn lists_are_collected_element_by_element() {
    let lists = vec![(Arc::from("contexts"), sequence(&["+CGDCONT: {cid:int},{type}[,{apn}]"]))];
    let wanted = Wanted { collect: Some(Arc::new(lists)), ..command() };
    let (_, progress) = run(wanted, b"+CGDCONT: 1,\"IP\",\"cmiot\"\r\n+CGDCONT: 2,\"IP\"\r\nOK\r\n");
    let (name, list) = &progress.collected[0];
    assert_eq!((&**name, list.len()), ("contexts", 2));
    assert_eq!(list[1].get("apn"), Some(&Capture::Missing));
}

#[test]
fn lines_go_on_until_the_next_element_or_the_final() {
    let lists = vec![(Arc::from("sms"), sequence(&["+CMGL: {i:int},{}", "{text:lines}"]))];
    let wanted = Wanted { collect: Some(Arc::new(lists)), ..command() };
    let (_, progress) =
        run(wanted, b"+CMGL: 1,R\r\nhello\r\nyou\r\n+CMGL: 2,R\r\n+CMGL: 3,R\r\nbye\r\nOK\r\n");
    let texts: Vec<_> = progress.collected[0].1.iter().map(|element| element.get("text").unwrap()).collect();
    let text = |text: &str| Capture::Text(text.into());
    assert_eq!(texts, [&text("hello\nyou"), &text(""), &text("bye")]);
}

#[test]
fn during_a_resync_only_the_final_counts() {
    let mut sorter = sorter();
    arm(&mut sorter, Wanted { expect: expect(&["+CSQ: {rssi:int},{}"]), ..command() });
    sorter.set_late(true);
    let out = feed(&mut sorter, b"+CSQ: 17,99\r\nx\r\nCLOSED\r\nOK\r\n");
    assert_eq!(classes(&out), [Class::Late, Class::Late, Class::Closed, Class::Final]);
    assert!(sorter.progress().captures.0.is_empty());
    assert!(out.contains(&Sorted::Closed("CLOSED".into())));
}

#[test]
fn what_began_before_a_command_is_not_its_result() {
    let mut sorter = sorter();
    feed(&mut sorter, b"\r\nO");
    arm(&mut sorter, Wanted { expect: expect(&["{x:rest}"]), ..command() });
    assert_eq!(classes(&feed(&mut sorter, b"K\r\n")), [Class::Unknown]);
    assert!(sorter.progress().ended.is_none() && sorter.progress().captures.0.is_empty());
    assert_eq!(classes(&feed(&mut sorter, b"\r\nyes\r\nOK\r\n")), [Class::Expect, Class::Final]);
    feed(&mut sorter, b"+CRE");
    arm(&mut sorter, command());
    assert_eq!(classes(&feed(&mut sorter, b"G: 1\r\nOK\r\n")), [Class::Other, Class::Final]);
}

#[test]
fn a_wait_is_first_offered_what_came_before() {
    let wanted = || Wanted {
        awaits: expect(&["PUBACK"]),
        fail: Some(Arc::new(patterns(&["CLOSED"]))),
        ..Wanted::default()
    };
    let mut sorter = sorter();
    arm(&mut sorter, wanted());
    assert_eq!([&b"OK"[..], b"PUBACK", b"CLOSED"].map(|line| sorter.replay_line(line)), [false, true, false]);
    assert!(sorter.progress().awaits_done && sorter.progress().failed.is_none());
    arm(&mut sorter, wanted());
    assert_eq!([&b"ERROR"[..], b"CLOSED"].map(|line| sorter.replay_line(line)), [false, true]);
    assert_eq!(name(sorter.progress()), Some("closed"));
    arm(&mut sorter, wanted());
    assert_eq!(
        classes(&feed(&mut sorter, b"hm\r\nOK\r\nERROR\r\n")),
        [Class::Unknown, Class::Unknown, Class::Fail]
    );
}

#[test]
fn alternatives_that_did_not_match_are_missing() {
    let any = Item::Any(patterns(&["+A: {a:int}", "+B: {b:int}"]));
    let awaits = Some(Arc::new(Sequence::new(vec![any]).unwrap()));
    let (_, progress) = run(Wanted { awaits, ..command() }, b"+B: 1\r\nOK\r\n");
    assert_eq!(progress.captures.get("a"), Some(&Capture::Missing));
    assert_eq!(progress.captures.int("b"), Some(1));
}

#[test]
fn a_line_from_before_the_result_is_a_stray_or_a_failure() {
    let mut sorter = sorter();
    assert_eq!(sorter.replay_early(b"CONNECTED"), Early::Left);
    arm(
        &mut sorter,
        Wanted {
            awaits: expect(&["CONNECTED", "+MQTT: {code:int}"]),
            fail: Some(Arc::new(patterns(&["+MQTT: 5", "CLOSED"]))),
            ..Wanted::default()
        },
    );
    let lines = [&b"CONNECTED"[..], b"+MQTT: 7", b"hm", b"+MQTT: 5", b"CLOSED"];
    let found = [Early::Stray, Early::Stray, Early::Left, Early::Failure, Early::Left];
    assert_eq!(lines.map(|line| sorter.replay_early(line)), found);
    assert_eq!(name(sorter.progress()), Some("error"));
}
