//! Line discipline: what every module does with bytes, whatever the command.

use super::*;

#[test]
fn a_cold_start_makes_its_noise_and_loses_what_comes_too_early() {
    let mut host = Host::new("luat-air724", "sim: { delays: 1 }");
    host.write(b"ATE0\r\n");
    let heard = host.hear(Duration::from_secs(10));
    let text = String::from_utf8_lossy(&heard);
    assert!(heard.starts_with(b"\xff^boot.rom'v0401'!\n\r\nRDY\r\n"), "{text}");
    assert!(text.contains("\r\n+CPIN: READY\r\n\r\nSMS READY\r\n"), "{text}");
    assert!(text.contains("\r\n+E_UTRAN Service\r\n\r\n+NITZ: 25/01/20,08:00:0"), "{text}");
    assert!(!text.contains("OK"), "{text}");
    assert_eq!(host.ask("AT"), "AT\r\n\r\nOK\r\n");
}

#[test]
fn boot_noise_of_each_kind() {
    for (kind, expected) in
        [("garbage", "?\r\nRDY\r\n"), ("glued", "^boot.rom'v0401'!RDY\r\n"), ("silent", "")]
    {
        let mut host = Host::new("luat-air724", &format!("sim: {{ boot: {kind}, sim_card: busy }}"));
        assert_eq!(host.hear(Duration::from_secs(5)), expected.as_bytes());
    }
}

#[test]
fn line_settings() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("ATE1", OK),
        ("AT", "AT\r\n\r\nOK\r\n"),
        ("ATE0", "ATE0\r\n\r\nOK\r\n"),
        ("ATV0", "0\r"),
        ("AT+CSQ", "+CSQ: 29,99\r\n0\r"),
        ("AT+NOPE", "4\r"),
        ("ATV1", OK),
        ("ATQ1", ""),
        ("AT+CREG?", "\r\n+CREG: 0,1\r\n"),
        ("ATQ0", OK),
        ("AT+CMEE?", "\r\n+CMEE :1\r\n\r\nOK\r\n"),
        ("AT+MIPCLOSE", FAILED),
        ("AT+CMEE=0;+MIPCLOSE", ERROR),
        ("AT+CMEE=2;+MIPCLOSE", "\r\n+CME ERROR: operation failed\r\n"),
        ("AT+CMEE=3", ERROR),
        ("at", OK),
        ("At", ""),
    ]);
}

#[test]
fn a_bare_cr_ends_a_line_too() {
    let mut host = Host::warm("luat-air724", "");
    host.write(b"AT\r");
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    let mut echoing = Host::new("luat-air724", "sim: { start: warm, delays: 0 }");
    echoing.write(b"AT\r");
    assert_eq!(echoing.hear(Duration::from_secs(1)), b"AT\r\r\nOK\r\n");
}

#[test]
fn joined_commands_end_with_one_result_and_stop_at_the_first_failure() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("AT+CPIN?;+CSQ", "\r\n+CPIN: READY\r\n\r\n+CSQ: 29,99\r\n\r\nOK\r\n"),
        ("AT+MIPCLOSE;+CSQ", FAILED),
        ("AT+IPR=115200;&W", OK),
    ]);
}

#[test]
fn split_writes_and_early_input_are_not_lost() {
    let mut host = Host::new("luat-air724", "sim: { start: warm, echo: false }");
    for byte in b"AT+CPIN?\r\n" {
        host.write(&[*byte]);
        host.hear(Duration::from_millis(3));
    }
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\n+CPIN: READY\r\n\r\nOK\r\n");
    // Two lines at once: the second waits for the first.
    host.write(b"AT+CPIN?\r\nAT+CGATT?\r\n");
    let heard = host.hear(Duration::from_secs(1));
    assert_eq!(heard, b"\r\n+CPIN: READY\r\n\r\nOK\r\n\r\n+CGATT: 1\r\n\r\nOK\r\n");
}

#[test]
fn hostile_lines() {
    let mut host = Host::warm("luat-air724", "");
    assert_eq!(host.ask(&format!("AT+MPUB={}", "x".repeat(3000))), ERROR);
    assert_eq!(host.ask("AT"), OK);
    for bad in
        ["AT+", "AT+=", "AT+CSQ=?x", "AT+MPUB=\"", "AT+MCONNECT=,", "AT+CPIN=\"", "AT;;;;+", "AT+CMGR=-1"]
    {
        host.ask(bad);
        assert_eq!(host.ask("AT"), OK, "after {bad}");
    }
    let mut chance = Entropy::stream(3, "noise");
    for _ in 0..300 {
        let mut noise = b"AT+".to_vec();
        noise.extend((0..30).map(|_| u8::try_from(chance.below(256)).unwrap()));
        host.write(&noise);
        host.write(b"\r\n");
    }
    // Many bad lines in one write are worked off one after the other, not one inside the other.
    host.write(&b"ATX!\r\n".repeat(50_000));
    host.hear(Duration::from_mins(10));
    assert_eq!(host.ask("AT"), OK);
}

#[test]
fn the_baud_rate_has_to_be_found_first() {
    let mut host = Host::new("luat-air724", "sim: { autobaud: 3, delays: 0, sim_card: absent }");
    let first = host.ask("AT");
    assert!(!first.contains("OK") && !first.contains("AT"), "{first:?}");
    assert!(!host.ask("at").contains("OK"));
    host.ask("AT");
    assert!(host.ask("AT").contains("RDY"));
    assert_eq!(host.ask("AT"), "AT\r\n\r\nOK\r\n");
}

#[test]
fn a_new_baud_rate_holds_after_its_result() {
    let mut host = Host::warm("luat-air724", "");
    assert_eq!(host.ask("AT+IPR=460800"), OK);
    assert_ne!(host.ask("AT"), OK);
    host.link.change(PortChange { baud_bps: Some(460_800), ..PortChange::default() }).unwrap();
    host.ask("");
    assert_eq!(host.ask("AT"), OK);
    let dtr = PortChange { dtr: Some(true), ..PortChange::default() };
    assert!(matches!(host.link.change(dtr), Err(LinkError::Unsupported { .. })));
}

#[test]
fn data_after_a_prompt_may_be_any_bytes() {
    let mut host = Host::online();
    let payload = b"\r\nOK\r\n\0\x1a\x1b>AT\r\n\xff";
    assert_eq!(host.ask(&format!("AT+MPUBEX=data/x,0,0,{}", payload.len())), "\r\n>");
    host.write(&payload[..5]);
    assert_eq!(host.hear(Duration::from_secs(30)), b"");
    host.write(&payload[5..]);
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    // Without a length, 0x1A or five seconds of silence end it.
    assert_eq!(host.ask("AT+MPUBEX=data/x,0,0"), "\r\n>");
    host.write(b"one\x1a");
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    assert_eq!(host.ask("AT+MPUBEX=data/x,1,0"), "\r\n>");
    host.write(b"two");
    assert_eq!(host.hear(Duration::from_millis(4900)), b"");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\nOK\r\n\r\nPUBACK\r\n");
    assert_eq!(host.payloads(), [payload.to_vec(), b"one".to_vec(), b"two".to_vec()]);
    assert_eq!(host.ask("AT+MPUBEX=data/x,0,0,4101"), ERROR);
}

/// The manual on `AT+CIPSEND`: after a bare CR, an LF that begins the data is swallowed.
#[test]
fn an_lf_after_a_bare_cr_is_not_data() {
    let mut host = Host::online();
    host.write(b"AT+MPUBEX=a,0,0,2\r");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\n>");
    host.write(b"\nab");
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    assert_eq!(host.payloads(), [b"ab"]);
}
