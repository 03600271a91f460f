//! The simulated modules as a host sees them: bytes in, bytes out, through [`SimLink`].

use std::time::Duration;

use super::*;
use crate::link::{Link, LinkError, Mono, PortChange, Read};

/// A host with a module behind its port.
struct Host {
    link: SimLink,
    watch: Watch,
}

impl Host {
    /// A module that has been on for long, without delays and without echo unless `yaml` says so.
    fn warm(name: &str, yaml: &str) -> Self {
        Self::new(name, &format!("sim: {{ start: warm, delays: 0, echo: false{yaml} }}"))
    }

    fn new(name: &str, scenario: &str) -> Self {
        Self::seeded(name, scenario, 1)
    }

    fn seeded(name: &str, scenario: &str, seed: u64) -> Self {
        let scenario = Some(Scenario::parse("scenario.yaml", scenario).unwrap());
        let (link, watch) = build(name, SimOptions { seed, scenario, ..SimOptions::default() }).unwrap();
        Self { link, watch }
    }

    fn now(&self) -> Mono {
        self.link.clock().now()
    }

    fn write(&mut self, bytes: &[u8]) {
        assert_eq!(self.link.write(bytes, Mono::FAR).unwrap(), bytes.len());
    }

    /// Everything that comes within `time`.
    fn hear(&mut self, time: Duration) -> Vec<u8> {
        let until = self.now() + time;
        let mut heard = Vec::new();
        while let Read::Bytes(_) = self.link.read(&mut heard, until).unwrap() {}
        heard
    }

    /// What comes within a second of a command line, as text.
    fn ask(&mut self, line: &str) -> String {
        self.ask_for(line, 1)
    }

    fn ask_for(&mut self, line: &str, seconds: u64) -> String {
        self.write(line.as_bytes());
        self.write(b"\r\n");
        let heard = self.hear(Duration::from_secs(seconds));
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Each command line and what must come of it, byte by byte.
    fn dialogue(&mut self, exchanges: &[(&str, &str)]) {
        for (line, answer) in exchanges {
            assert_eq!(self.ask(line), *answer, "{line}");
        }
    }

    /// Online at the stand-in.
    fn online() -> Self {
        let mut host = Self::warm("luat-air724", "");
        host.go_online();
        host
    }

    fn go_online(&mut self) {
        self.dialogue(&[
            ("AT+MCONFIG=thingscloud,token,key", OK),
            ("AT+MIPSTART=sh-1-mqtt.iot-api.com,1883", "\r\nOK\r\n\r\nCONNECT OK\r\n"),
            ("AT+MCONNECT=0,300", "\r\nOK\r\n\r\nCONNACK OK\r\n"),
        ]);
    }

    fn payloads(&self) -> Vec<Vec<u8>> {
        self.watch.received().into_iter().map(|receipt| receipt.post.payload).collect()
    }
}

const OK: &str = "\r\nOK\r\n";
const ERROR: &str = "\r\nERROR\r\n";
const FAILED: &str = "\r\n+CME ERROR: 767\r\n";

/// The vendor's page for Luat modules, line by line, with the delays of a real module and its echo.
#[test]
fn the_dialogue_of_the_vendors_page() {
    let (link, watch) = build("luat-air724", SimOptions::default()).unwrap();
    let mut host = Host { link, watch };
    host.hear(Duration::from_secs(10));
    host.dialogue(&[
        ("AT+CPIN?", "AT+CPIN?\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n"),
        ("ATE0", "ATE0\r\n\r\nOK\r\n"),
        ("AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n"),
        ("AT+CSTT", OK),
    ]);
    assert_eq!(host.ask_for("AT+CIICR", 2), OK);
    assert_eq!(host.ask_for("AT+MCONFIG=thingscloud,demo-access-token,demo-project-key", 2), OK);
    assert_eq!(host.ask_for("AT+MIPSTART=sh-1-mqtt.iot-api.com,1883", 3), "\r\nOK\r\n\r\nCONNECT OK\r\n");
    host.dialogue(&[
        ("AT+MCONNECT=0,300", "\r\nOK\r\n\r\nCONNACK OK\r\n"),
        (r"AT+MPUB=attributes,0,0,{\22temperature\22:31.6}", OK),
        (r"AT+MPUB=attributes,0,0,{\22temperature\22:31.6\2C\22humidity\22:65}", OK),
        ("AT+MPUB=data/message,0,0,hello_thingscloud", OK),
        ("AT+MSUB=attributes/push,0", "\r\nOK\r\n\r\nSUBACK\r\n"),
        ("AT+MSUB=command/send/+,0", "\r\nOK\r\n\r\nSUBACK\r\n"),
    ]);
    let command = host.hear(Duration::from_secs(5));
    assert_eq!(
        String::from_utf8_lossy(&command),
        "\r\n+MSUB: \"command/send/1000\",54 byte,\
         {\"method\":\"restart\",\"params\":{\"timeout\":10},\"id\":1000}\r\n"
    );
    assert_eq!(host.ask("AT+MQTTSTATU"), "\r\n+MQTTSTATU :1\r\n\r\nOK\r\n");
    assert_eq!(host.payloads()[1], br#"{"temperature":31.6,"humidity":65}"#);
    assert_eq!(host.payloads()[2], b"hello_thingscloud");
}

#[test]
fn the_signal_begins_at_the_pages_value() {
    let mut host = Host::warm("luat-air724", "");
    assert_eq!(host.ask("AT+CSQ"), "\r\n+CSQ: 29,99\r\n\r\nOK\r\n");
}

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
    let mut chance = entropy::Entropy::stream(3, "noise");
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
fn the_sim_wants_its_pin_and_then_its_puk() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { sim_card: pin, pin: '4711', puk: '87654321', echo: false, delays: 0.01 }",
    );
    host.hear(Duration::from_secs(3));
    host.dialogue(&[
        ("AT+CPIN?", "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n"),
        ("AT+CIMI", "\r\n+CME ERROR: 11\r\n"),
        ("AT+ICCID", "\r\n+ICCID: 898604981022C0254186\r\n\r\nOK\r\n"),
        ("AT+CPIN=\"1\"", "\r\n+CME ERROR: 16\r\n"),
        ("AT+CPIN=\"2\"", "\r\n+CME ERROR: 16\r\n"),
        ("AT+CPIN=\"3\"", "\r\n+CME ERROR: 12\r\n"),
        ("AT+CPIN?", "\r\n+CPIN: SIM PUK\r\n\r\nOK\r\n"),
        ("AT+CPIN=\"00000000\",\"1111\"", "\r\n+CME ERROR: 12\r\n"),
    ]);
    assert!(host.ask("AT+CPIN=\"87654321\",\"1111\"").starts_with(OK));
    assert_eq!(host.ask("AT+CPIN?"), "\r\n+CPIN: READY\r\n\r\nOK\r\n");
    // The new PIN is on the card and is wanted after a restart.
    host.ask_for("AT+RESET", 3);
    host.ask("ATE0");
    assert_eq!(host.ask("AT+CPIN?"), "\r\n+CPIN: SIM PIN\r\n\r\nOK\r\n");
    assert!(host.ask("AT+CPIN=\"1111\"").contains("+E_UTRAN Service"));
}

#[test]
fn sim_absent_or_busy() {
    for (card, code) in [("absent", 10), ("busy", 14)] {
        let mut host = Host::warm("luat-air724", &format!(", sim_card: {card}"));
        let error = format!("\r\n+CME ERROR: {code}\r\n");
        host.dialogue(&[("AT+CPIN?", error.as_str()), ("AT+CIMI", error.as_str())]);
    }
}

#[test]
fn registration_is_late_and_says_so() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { echo: false, registration: 20s }\nat: [{ time: 60s, registration: lost, for: 10s }]",
    );
    host.hear(Duration::from_secs(3));
    host.dialogue(&[
        ("AT+CREG=2;+CGREG=1", OK),
        ("AT+CREG?", "\r\n+CREG: 2,2\r\n\r\nOK\r\n"),
        ("AT+CGATT?", "\r\n+CGATT: 0\r\n\r\nOK\r\n"),
        ("AT+CSQ", "\r\n+CSQ: 99,99\r\n\r\nOK\r\n"),
    ]);
    assert_eq!(host.ask_for("AT+CSTT;+CIICR", 2), "\r\n+PDP: DEACT\r\n\r\n+CME ERROR: 65535\r\n");
    let heard = String::from_utf8(host.hear(Duration::from_secs(45))).unwrap();
    assert!(heard.starts_with("\r\n+CREG: 1,\"1863\",\"01a2c315\",7\r\n\r\n+CGREG: 1\r\n"), "{heard}");
    assert_eq!(host.ask("AT+CEREG?"), "\r\n+CEREG: 0,1\r\n\r\nOK\r\n");
    host.ask_for("AT+MCONFIG=a;+MIPSTART=h,1", 3);
    let lost = String::from_utf8(host.hear(Duration::from_secs(10))).unwrap();
    assert!(lost.contains("\r\n+CREG: 2\r\n"), "{lost}");
    let back = String::from_utf8(host.hear(Duration::from_secs(40))).unwrap();
    assert!(back.contains("\r\n+CGREG: 1\r\n"), "{back}");
}

#[test]
fn the_2g_commands_insist_on_their_order() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("AT+CIPSTATUS", "\r\nOK\r\n\r\nSTATE: IP INITIAL\r\n"),
        ("AT+CIICR", "\r\n+CME ERROR: 3\r\n"),
        ("AT+CSTT", OK),
        ("AT+CSTT", "\r\n+CME ERROR: 3\r\n"),
        ("AT+CIICR", OK),
        ("AT+CIICR", "\r\n+CME ERROR: 3\r\n"),
        ("AT+CIFSR", "\r\n10.83.172.111\r\n"),
        ("AT+CIPSTATUS", "\r\nOK\r\n\r\nSTATE: IP STATUS\r\n"),
        ("AT+CIICRR", ERROR),
        ("AT+CIPSHUT", "\r\nSHUT OK\r\n"),
        ("AT+CIFSR", "\r\n+CME ERROR: 3\r\n"),
    ]);
}

#[test]
fn a_silent_socket_is_closed_after_five_seconds() {
    let mut host = Host::warm("luat-air724", "");
    host.ask("AT+MCONFIG=thingscloud,token,key");
    host.ask("AT+MIPSTART=\"h\",\"1883\"");
    assert_eq!(host.ask("AT+MQTTSTATU"), "\r\n+MQTTSTATU :2\r\n\r\nOK\r\n");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\nOK\r\n\r\nALREADY CONNECT\r\n");
    assert_eq!(host.hear(Duration::from_millis(1500)), b"");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\nCLOSED\r\n");
    host.dialogue(&[
        ("AT+MCONNECT=0,300", FAILED),
        ("AT+MQTTSTATU", "\r\n+MQTTSTATU :0\r\n\r\nOK\r\n"),
        ("AT+MPUB=attributes,0,0,{}", FAILED),
        ("AT+MSUB=attributes/push,0", FAILED),
        ("AT+MDISCONNECT", FAILED),
        ("AT+MIPCLOSE", FAILED),
    ]);
    host.go_online();
    host.dialogue(&[
        ("AT+MIPSTART=h,1883", "\r\nOK\r\n\r\nALREADY CONNECT\r\n"),
        ("AT+MDISCONNECT", OK),
        ("AT+MIPCLOSE", OK),
        ("AT+MIPCLOSE", FAILED),
    ]);
}

#[test]
fn only_one_qos_1_publish_at_a_time() {
    let mut host = Host::new("luat-air724", "sim: { start: warm, echo: false }");
    host.ask("AT+MCONFIG=thingscloud,token,key");
    host.ask_for("AT+MIPSTART=h,1883", 3);
    host.ask("AT+MCONNECT=1,300");
    host.write(b"AT+MPUB=a,1,0,x\r\nAT+MPUB=a,1,0,y\r\nAT+MPUB=a,0,0,z\r\n");
    let heard = String::from_utf8(host.hear(Duration::from_secs(1))).unwrap();
    assert_eq!(heard, format!("{OK}{FAILED}{OK}\r\nPUBACK\r\n"));
    assert_eq!(host.ask("AT+MPUB=a,1,0,y"), "\r\nOK\r\n\r\nPUBACK\r\n");
}

#[test]
fn publish_arguments_and_escapes() {
    let mut host = Host::online();
    let (long, longest) = ("t".repeat(257), "t".repeat(256));
    host.dialogue(&[
        (r#"AT+MPUB="a",0,0,"x,y\22\0D\0A\5C""#, OK),
        (r#"AT+MPUB="a",0,0,"x\"y""#, ERROR),
        (r"AT+MPUB=a,0,0,x\q", ERROR),
        ("AT+MPUB=a,0,0,x,y", ERROR),
        ("AT+MPUB=a,3,0,x", ERROR),
        ("AT+MQTTMODE=1", OK),
        (r#"AT+MPUB="a",0,0,"313233""#, OK),
        (r#"AT+MPUB="a",0,0,"31323""#, ERROR),
        ("AT+MQTTMODE?", "\r\n+MQTTMODE: 1\r\n\r\nOK\r\n"),
        ("AT+MQTTMODE=0", OK),
        (format!("AT+MPUB={longest},0,0,x").as_str(), OK),
        (format!("AT+MPUB={long},0,0,x").as_str(), ERROR),
        (format!("AT+MPUB=a,0,0,{}", "x".repeat(2348)).as_str(), OK),
        (format!("AT+MPUB=a,0,0,{}", "x".repeat(2349)).as_str(), ERROR),
    ]);
    assert_eq!(host.payloads()[0], b"x,y\"\r\n\\");
    assert_eq!(host.payloads()[1], b"123");
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

const DOWNLINKS: &str = "
at:
  - { time: 60s, cloud: attributes/push, bytes: '0d 0a 4f 4b 0d 0a 00 3e' }
  - { time: 61s, cloud: attributes/push, json: { relay: true } }
  - { time: 62s, cloud: not/subscribed, text: x }
";

#[test]
fn downlinks_are_cut_by_length() {
    let mut host =
        Host::new("luat-air724", &format!("sim: {{ start: warm, delays: 0, echo: false }}\n{DOWNLINKS}"));
    host.go_online();
    host.ask("AT+MSUB=attributes/push,0");
    let heard = host.hear(Duration::from_secs(70));
    assert_eq!(
        heard,
        b"\r\n+MSUB: \"attributes/push\",8 byte,\r\nOK\r\n\0>\r\n\
          \r\n+MSUB: \"attributes/push\",14 byte,{\"relay\":true}\r\n"
    );
    assert_eq!(host.ask("AT+MUNSUB=attributes/push"), "\r\nOK\r\n\r\nUNSUBACK\r\n");
}

#[test]
fn cached_messages_wait_in_four_slots() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false, cached: true }\n\
         at: [{ time: 60s, cloud: t, text: a, count: 1 }, { time: 61s, cloud: t, text: b, count: 5 }]",
    );
    host.go_online();
    host.ask("AT+MSUB=t,0");
    let heard = String::from_utf8(host.hear(Duration::from_secs(70))).unwrap();
    assert_eq!(heard.matches("+MSUB: ").count(), 6);
    assert!(heard.starts_with("\r\n+MSUB: 0\r\n\r\n+MSUB: 1\r\n"), "{heard}");
    assert!(heard.ends_with("\r\n+MSUB: 3\r\n\r\n+MSUB: 0\r\n\r\n+MSUB: 1\r\n"), "{heard}");
    let one = "+MSUB: \"t\",1 byte,b\r\n";
    assert_eq!(host.ask("AT+MQTTMSGGET"), format!("\r\n{}{OK}", one.repeat(4)));
    let table = [0, 1, 2, 3].map(|slot| format!("+MQTTMSGGET: {slot},INVALID\r\n")).concat();
    assert_eq!(host.ask("AT+MQTTMSGGET?"), format!("\r\n{table}{OK}"));
    host.dialogue(&[("AT+MQTTMSGSET=0", OK), ("AT+MQTTMSGSET?", "\r\n+MQTTMSGSET:0\r\n\r\nOK\r\n")]);
}

#[test]
fn a_wrong_login_is_refused() {
    let right = Credentials { access_token: "token".into(), project_key: "right".into() };
    let scenario = Scenario::parse("s", "sim: { start: warm, delays: 0, echo: false }").unwrap();
    let cloud = CloudChoice::StandIn(Some(right));
    let options = SimOptions { scenario: Some(scenario), cloud, ..SimOptions::default() };
    let (link, watch) = build("luat-air724", options).unwrap();
    let mut host = Host { link, watch };
    host.ask("AT+MCONFIG=thingscloud,token,wrong");
    host.ask("AT+MIPSTART=h,1883");
    assert_eq!(host.ask("AT+MCONNECT=1,60"), "\r\nOK\r\n\r\nERROR\r\n\r\nCLOSED\r\n");
}

#[test]
fn the_broker_goes_away_and_comes_back() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\n\
         at: [{ time: 30s, broker: away, for: 1m }, { after: CONNACK OK, urc: '+CPIN: SIM REMOVED 0', count: 1 }]",
    );
    host.ask("AT+MCONFIG=thingscloud,token,key");
    host.ask("AT+MIPSTART=h,1883");
    assert!(host.ask("AT+MCONNECT=0,300").ends_with("CONNACK OK\r\n\r\n+CPIN: SIM REMOVED 0\r\n"));
    assert_eq!(host.hear(Duration::from_secs(30)), b"\r\nCLOSED\r\n");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\nOK\r\n\r\nSTATE: IP STATUS\r\n\r\nCONNECT FAIL\r\n");
    host.hear(Duration::from_mins(1));
    host.go_online();
}

#[test]
fn the_server_hangs_up_once_between_connect_and_login() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\nat: [{ after: CONNECT OK, broker: close, count: 1 }]",
    );
    host.ask("AT+MCONFIG=thingscloud,token,key");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\nOK\r\n\r\nCONNECT OK\r\n\r\nCLOSED\r\n");
    assert_eq!(host.ask("AT+MCONNECT=0,300"), FAILED);
    host.go_online();
}

#[test]
fn a_reset_forgets_what_was_not_saved() {
    let mut host = Host::online();
    host.ask("AT+MQTTMODE=1");
    let heard = host.ask_for("AT+RESET", 30);
    assert!(heard.starts_with(OK) && heard.contains("RDY"), "{heard}");
    host.dialogue(&[
        ("AT+MQTTMODE?", "\r\n+MQTTMODE: 0\r\n\r\nOK\r\n"),
        ("AT+MQTTSTATU", "\r\n+MQTTSTATU :0\r\n\r\nOK\r\n"),
        ("AT+CPOWD=1", "\r\nNORMAL POWER DOWN\r\n"),
        ("AT", ""),
    ]);
}

#[test]
fn the_port_is_unplugged_and_comes_back() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, echo: false }\nat: [{ time: 5s, port: unplug, for: 20s }]",
    );
    let mut heard = Vec::new();
    let gone = host.link.read(&mut heard, Mono::from_micros(10_000_000));
    assert!(matches!(gone, Err(LinkError::Gone { .. })));
    assert_eq!(host.now(), Mono::from_micros(5_000_000));
    assert!(matches!(host.link.write(b"AT\r\n", Mono::FAR), Err(LinkError::Gone { .. })));
    let too_early = host.link.reopen(Mono::from_micros(10_000_000));
    assert!(matches!(too_early, Err(LinkError::Open { .. })));
    host.link.reopen(Mono::from_micros(60_000_000)).unwrap();
    assert_eq!(host.now(), Mono::from_micros(25_000_000));
    assert_eq!(host.ask("AT"), OK);
}

#[test]
fn http_asks_with_a_word_and_answers_by_length() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("AT+HTTPINIT", ERROR),
        ("AT+SAPBR=3,1,\"CONTYPE\",\"GPRS\"", OK),
        ("AT+SAPBR=1,1", OK),
        ("AT+SAPBR=2,1", "\r\n+SAPBR: 1,1,\"10.83.172.111\"\r\n\r\nOK\r\n"),
        ("AT+HTTPINIT", OK),
        ("AT+HTTPPARA=\"CID\",1", OK),
        ("AT+HTTPPARA=\"URL\",\"http://airtest.openluat.com:2900/download/hello.txt\"", OK),
        ("AT+HTTPACTION=0", "\r\nOK\r\n\r\n+HTTPACTION: 0,200,15\r\n"),
        ("AT+HTTPREAD", "\r\n+HTTPREAD: 15\r\nHello LuatOS!!!\r\nOK\r\n"),
        ("AT+HTTPPARA=\"URL\",http://x.example/echo", OK),
        ("AT+HTTPDATA=4,20000", "\r\nDOWNLOAD\r\n"),
    ]);
    host.write(b"a\r\nb");
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    host.dialogue(&[
        ("AT+HTTPACTION=1", "\r\nOK\r\n\r\n+HTTPACTION: 1,200,4\r\n"),
        ("AT+HTTPREAD", "\r\n+HTTPREAD: 4\r\na\r\nb\r\nOK\r\n"),
        ("AT+HTTPTERM", OK),
    ]);
}

#[test]
fn a_socket_echoes() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("AT+CIPQSEND=1", OK),
        ("AT+CIPSTART=\"TCP\",\"112.125.89.8\",43316", "\r\nOK\r\n\r\nCONNECT OK\r\n"),
        ("AT+CIPSTATUS", "\r\nOK\r\n\r\nSTATE: CONNECT OK\r\n"),
        ("AT+CIPSEND", "\r\n> "),
    ]);
    host.write(b"1234567890\x1a");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\nDATA ACCEPT:10\r\n1234567890");
    host.dialogue(&[
        ("AT+CIPACK", "\r\n+CIPACK: 10,10,0\r\n\r\nOK\r\n"),
        ("AT+CIPCLOSE", "\r\nCLOSE OK\r\n"),
        ("AT+CIPSTATUS", "\r\nOK\r\n\r\nSTATE: TCP CLOSED\r\n"),
    ]);
}

#[test]
fn text_messages() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("AT+CMGS=\"10086\"", "\r\n+CMS ERROR: 302\r\n"),
        ("AT+CMGF=1", OK),
        ("AT+CMGS=\"10086\"", "\r\n> "),
    ]);
    host.write(b"YE\x1a");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\n+CMGS: 1\r\n\r\nOK\r\n");
    assert_eq!(host.ask("AT+CMGS=\"10086\""), "\r\n> ");
    host.write(b"no\x1b");
    assert_eq!(host.hear(Duration::from_secs(1)), OK.as_bytes());
    host.dialogue(&[
        (
            "AT+CMGL=\"ALL\"",
            "\r\n+CMGL: 1,\"REC UNREAD\",\"10086\",\"\",\"25/01/20,07:30:00+32\"\r\n\
             Your balance is 20.00 yuan.\r\n\r\nOK\r\n",
        ),
        (
            "AT+CMGR=1",
            "\r\n+CMGR: \"REC READ\",\"10086\",\"\",\"25/01/20,07:30:00+32\"\r\n\
             Your balance is 20.00 yuan.\r\n\r\nOK\r\n",
        ),
        ("AT+CMGD=1", OK),
        ("AT+CMGR=1", "\r\n+CMS ERROR: 321\r\n"),
    ]);
}

#[test]
fn identity_and_health() {
    let mut host = Host::warm("luat-air724", "");
    host.dialogue(&[
        ("ATI", "\r\nAirM2M_720U_V301836_LTE_AT\r\n\r\nOK\r\n"),
        ("AT+CGSN", "\r\n866714045612345\r\n\r\nOK\r\n"),
        ("AT+CGMM", "\r\n+CGMM: \"Air724UG\"\r\n\r\nOK\r\n"),
        ("AT+CCID", "\r\n898604981022C0254186\r\n\r\nOK\r\n"),
        ("AT+COPS?", "\r\n+COPS: 0,2,\"46000\",7\r\n\r\nOK\r\n"),
        ("AT+CFGRI=1", OK),
    ]);
    assert!(host.ask("AT+CCLK?").starts_with("\r\n+CCLK: \"00/01/01,00:00:0"));
    host.ask("AT+CCLK=\"24/02/29,23:59:58+32\"");
    assert!(host.ask("AT+CCLK?").starts_with("\r\n+CCLK: \"24/02/29,23:59:5"));
    let supply = host.ask("AT+CBC");
    let supply: u32 = supply.trim_start_matches("\r\n+CBC: ").split('\r').next().unwrap().parse().unwrap();
    assert!((3780..=3830).contains(&supply));
}

/// The same seed and the same input give the same bytes at the same times; another seed does not.
#[test]
fn a_run_repeats() {
    let run = |seed| {
        let (link, watch) = build("luat-air724", SimOptions { seed, ..SimOptions::default() }).unwrap();
        let mut host = Host { link, watch };
        let mut said = Vec::new();
        for line in
            ["AT", "ATE0", "AT+CSQ", "AT+CBC", "AT+MCONFIG=a,b,c", "AT+MIPSTART=h,1883", "AT+MCONNECT=0,60"]
        {
            host.write(line.as_bytes());
            host.write(b"\r\n");
            let until = host.now() + Duration::from_secs(4);
            loop {
                let read = host.link.read(&mut said, until).unwrap();
                said.extend(host.now().as_micros().to_le_bytes());
                if read == Read::Deadline {
                    break;
                }
            }
        }
        said
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn esp_at_publishes_and_hears() {
    let mut host = Host::new(
        "esp-at",
        "sim: { echo: false }\nat: [{ time: 30s, cloud: attributes/push, text: '{\"relay\":true}' }]",
    );
    let boot = host.hear(Duration::from_secs(2));
    assert!(boot.ends_with(b"\r\nready\r\n"), "{boot:?}");
    host.dialogue(&[("AT+CWMODE=1", OK), ("AT+CWJAP?", "No AP\r\n\r\nOK\r\n")]);
    assert_eq!(host.ask_for("AT+CWJAP=\"demo\",\"wrong\"", 5), "+CWJAP:2\r\n\r\nERROR\r\n");
    assert_eq!(
        host.ask_for("AT+CWJAP=\"demo\",\"demo-password\"", 5),
        "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n"
    );
    host.dialogue(&[
        ("AT+MQTTUSERCFG=0,1,\"thing\",\"to\\\"ken\",\"k\\,ey\",0,0,\"\"", OK),
        ("AT+MQTTCONNCFG=0,120,0,\"\",\"\",0,0", OK),
        (
            "AT+MQTTCONN=0,\"h.example\",1883,0",
            "+MQTTCONNECTED:0,1,\"h.example\",\"1883\",\"\",0\r\n\r\nOK\r\n",
        ),
        ("AT+MQTTSUB=0,\"attributes/push\",0", OK),
        ("AT+MQTTPUB=0,\"attributes\",\"{\\\"t\\\":1\\,\\\"h\\\":2}\",1,0", OK),
        ("AT+MQTTPUBRAW=0,\"attributes\",7,0,0", "\r\nOK\r\n\r\n>"),
    ]);
    host.write(b"\r\nOK\r\n\0");
    assert_eq!(host.hear(Duration::from_secs(1)), b"\r\n+MQTTPUB:OK\r\n");
    assert_eq!(host.payloads(), [br#"{"t":1,"h":2}"#.to_vec(), b"\r\nOK\r\n\0".to_vec()]);
    let heard = host.hear(Duration::from_secs(20));
    assert_eq!(heard, b"+MQTTSUBRECV:0,\"attributes/push\",14,{\"relay\":true}\r\n");
    assert!(host.ask("AT+MQTTCONN?").starts_with("+MQTTCONN:0,4,1,"));
    host.dialogue(&[("AT+MQTTCLEAN=0", OK), ("AT+MQTTCLEAN=0", ERROR)]);
}

#[test]
fn esp_at_refuses_input_while_busy() {
    let mut host = Host::new("esp-at", "sim: { start: warm, echo: false }");
    host.write(b"AT+CWMODE=1\r\n");
    host.hear(Duration::from_secs(1));
    host.write(b"AT+CWJAP=\"demo\",\"demo-password\"\r\n");
    host.hear(Duration::from_millis(100));
    host.write(b"AT\r\n");
    let heard = String::from_utf8(host.hear(Duration::from_secs(5))).unwrap();
    assert!(heard.starts_with("\r\nbusy p...\r\n"), "{heard}");
    assert!(heard.ends_with("WIFI GOT IP\r\n\r\nOK\r\n"), "{heard}");
}

#[test]
fn a_pacer_is_asked_before_time_moves() {
    struct Script(Vec<Waited>);
    impl Pacer for Script {
        fn wait(&mut self, _until: Mono) -> Waited {
            self.0.pop().unwrap_or(Waited::Due)
        }
    }
    let pacer = Script(vec![Waited::Woken(Mono::from_micros(5))]);
    let pace = Pace::Paced(Box::new(pacer));
    let (mut link, _) = build("luat-air724", SimOptions { pace, ..SimOptions::default() }).unwrap();
    let mut heard = Vec::new();
    assert_eq!(link.read(&mut heard, Mono::from_micros(100)).unwrap(), Read::Woken);
    assert_eq!(link.clock().now(), Mono::from_micros(5));
    assert_eq!(link.read(&mut heard, Mono::from_micros(100)).unwrap(), Read::Deadline);
    assert_eq!(link.clock().now(), Mono::from_micros(100));
}

#[test]
fn what_cannot_be_built() {
    let unknown = build("luat-air999", SimOptions::default()).err().unwrap();
    assert_eq!(unknown.to_string(), "there is no simulated module `luat-air999`");
    let cloud = CloudChoice::Broker("mqtt://localhost".parse().unwrap());
    let unpaced = build("luat-air724", SimOptions { cloud, ..SimOptions::default() });
    assert!(matches!(unpaced.err(), Some(SimError::BrokerNeedsPace)));
    for (name, _) in names() {
        assert!(build(name, SimOptions::default()).is_ok(), "{name}");
    }
}

#[test]
fn scenario_errors_name_their_line_and_a_cure() {
    for (text, line, part) in [
        ("at:\n  - { time: 1s, broker: away }\n  - { time: soon, broker: away }", 3, "`time: soon`"),
        ("at:\n  - { broker: away }", 2, "nothing says when"),
        ("at:\n  - { time: 1s }", 2, "exactly one thing"),
        ("at:\n  - { time: 1s, broker: gone }", 2, "`broker` cannot be `gone`"),
        ("at:\n  - { time: 1s, broker: close, for: 3s }", 2, "`for`"),
        ("at:\n  - { time: 1s, cloud: t, bytes: 0g }", 2, "not hexadecimal"),
        ("at:\n  - { time: 1s, cloud: t, text: a, json: 1 }", 2, "more than one payload"),
        ("at:\n  - { time: 1s, urc: t, text: a }", 2, "without `cloud`"),
        ("at:\n  - { time: 1s, after: x, urc: t }", 2, "together"),
        ("sim:\n  sim_card: gone", 2, "gone"),
        ("at:\n  - { time: 1s, clod: t }", 2, "clod"),
    ] {
        let error = Scenario::parse("s.yaml", text).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with(&format!("s.yaml:{line}: ")), "{shown}");
        assert!(shown.contains(part), "{shown}");
        assert!(!error.help.is_empty());
    }
}
