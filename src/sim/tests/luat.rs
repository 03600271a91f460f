//! What an Air724 answers, thing by thing.

use super::*;

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
fn a_qos_2_publish_has_two_answers_as_its_test_command_says() {
    let mut host = Host::online();
    assert!(host.ask("AT+MPUB=?").contains("(0-2)"));
    let heard = host.ask_for("AT+MPUB=a,2,0,x", 3);
    assert_eq!(heard, format!("{OK}\r\nPUBREC\r\n\r\nPUBCOMP\r\n"));
    host.dialogue(&[("AT+MPUB=a,3,0,x", ERROR), ("AT+MPUB=a,0,0,x", OK)]);
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

/// The network tells it the time, in China's zone; before that it counts from 2000.
#[test]
fn a_registered_module_knows_the_time() {
    let said = |host: &mut Host| host.ask("AT+CCLK?").trim_start()[..16].to_owned();
    let mut host = Host::new("luat-air724", "sim: { echo: false, registration: 1m }");
    host.hear(Duration::from_secs(30));
    assert_eq!(said(&mut host), "+CCLK: \"00/01/01");
    host.hear(Duration::from_secs(40));
    assert_eq!(said(&mut host), "+CCLK: \"25/01/20");
    let mut host = Host::warm("luat-air724", "");
    assert_eq!(said(&mut host), "+CCLK: \"25/01/20");
    let mut host = Host::warm("luat-air724", ", sim_card: absent");
    assert_eq!(said(&mut host), "+CCLK: \"00/01/01");
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
    assert!(host.ask("AT+CCLK?").starts_with("\r\n+CCLK: \"25/01/20,08:00:0"));
    host.ask("AT+CCLK=\"24/02/29,23:59:58+32\"");
    assert!(host.ask("AT+CCLK?").starts_with("\r\n+CCLK: \"24/02/29,23:59:5"));
    let supply = host.ask("AT+CBC");
    let supply: u32 = supply.trim_start_matches("\r\n+CBC: ").split('\r').next().unwrap().parse().unwrap();
    assert!((3780..=3830).contains(&supply));
}

#[test]
fn the_network_takes_the_session_with_it() {
    let mut host = Host::new(
        "luat-air724",
        "sim: { start: warm, delays: 0, echo: false }\nat: [{ time: 30s, registration: lost, for: 10s }]",
    );
    host.go_online();
    host.ask("AT+CREG=1");
    let heard = String::from_utf8(host.hear(Duration::from_secs(30))).unwrap();
    assert_eq!(heard, "\r\n+CREG: 2\r\n\r\n+NO Service\r\n\r\n+PDP: DEACT\r\n");
    assert_eq!(host.ask("AT+MIPSTART=h,1883"), "\r\n+CME ERROR: 3\r\n");
    let back = String::from_utf8(host.hear(Duration::from_secs(10))).unwrap();
    assert!(back.starts_with("\r\n+CREG: 1\r\n"), "{back}");
    host.go_online();
}

/// Firmware before V301847 echoes the data of `AT+MPUBEX` even with `ATE0`.
#[test]
fn data_may_be_echoed() {
    for (settings, echoed) in [("echo: false", ""), ("echo: false, payload_echo: true", "hi")] {
        let mut host = Host::new("luat-air724", &format!("sim: {{ start: warm, delays: 0, {settings} }}"));
        host.go_online();
        host.ask("AT+MPUBEX=a,0,0,2");
        host.write(b"hi");
        assert_eq!(host.hear(Duration::from_secs(1)), format!("{echoed}{OK}").as_bytes());
    }
}
