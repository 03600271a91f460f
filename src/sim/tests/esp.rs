//! ESP-AT: results before `OK`, prompts after it, and `busy p...`.

use super::*;

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

/// What the broker never answers fails in the end: until then the module takes no other line.
#[test]
fn esp_at_gives_up_on_a_silent_broker() {
    let silence = "sim: { start: warm, echo: false }\nfaults: [{ fault: broker_silent, time: 10s, for: 3m }]";
    let mut host = Host::new("esp-at", silence);
    host.dialogue(&[
        ("AT+MQTTUSERCFG=0,1,\"thing\",\"token\",\"key\",0,0,\"\"", OK),
        (
            "AT+MQTTCONN=0,\"h.example\",1883,0",
            "+MQTTCONNECTED:0,1,\"h.example\",\"1883\",\"\",0\r\n\r\nOK\r\n",
        ),
    ]);
    host.hear(Duration::from_secs(15));
    host.dialogue(&[("AT+MQTTPUBRAW=0,\"attributes\",7,1,0", "\r\nOK\r\n\r\n>")]);
    host.write(b"{\"a\":1}");
    assert_eq!(host.hear(Duration::from_secs(9)), b"");
    host.write(b"AT\r\n");
    let heard = String::from_utf8(host.hear(Duration::from_secs(3))).unwrap();
    assert_eq!(heard, "\r\nbusy p...\r\n\r\n+MQTTPUB:FAIL\r\n");
    for line in ["AT+MQTTPUB=0,\"attributes\",\"x\",1,0", "AT+MQTTSUB=0,\"attributes/push\",0"] {
        assert_eq!(host.ask_for(line, 11), ERROR);
    }
    // Nor does it answer the ping.
    let heard = String::from_utf8(host.hear(Duration::from_secs(100))).unwrap();
    assert_eq!(heard, "+MQTTDISCONNECTED:0\r\n");
}
