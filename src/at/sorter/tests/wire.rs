//! What modules were seen to say, as it crosses the wire: lines framed as ITU-T V.250 has it, texts as in
//! the named source. Used to show that the pieces in which bytes arrive make no difference.

/// Luat `Air780E` V1169 and `Air780EP` (`openLuat/luatos-doc-pool`, MQTT pages): late results, messages with
/// lengths, three lines of JSON, cached notices, a lost bearer.
pub(super) const LUAT: &[u8] = b"^boot.rom'v2'!\n\0?\r\nRDY\r\n\r\n^MODE: 17,17\r\n\r\n+E_UTRAN Service\r\n\
\r\n+NITZ: 2024/08/27,06:49:09+0, \r\nATI\r\r\nAirM2M_780E_V1169_LTE_AT\r\n\r\nOK\r\n\
AT+CGREG?\r\r\n+CGREG: 0,1\r\n\r\nOK\r\n\r\n+CREG: 1,\"1863\",\"01a2c315\",7\r\n\
\r\nOK\r\n\r\nCONNECT OK\r\n\r\nOK\r\n\r\nCONNACK OK\r\n\r\nOK\r\n\r\nSUBACK\r\n\
\r\n+MSUB: \"mqtt/pub\",20 byte,data from tcp server\r\n\
\r\n+MSUB: 0\r\n\r\n+MSUB: \"mqtt/sub_topic\",20 byte,{\n  \"msg\": \"hello\"\n}\r\n\
+MSUB: mqtt/topic,9 byte,SSSSddddd\r\n+MSUB:mqtt/sub_topic,6 byte,123456\r\n\r\nOK\r\n\
\r\n+MSUB: \"command/send/1000\",53 byte,{\"method\":\"restart\",\"params\":{\"timeout\":10},\"id\":1000}\r\n\
\r\n+MSUB: \"x\",13 byte,\r\nCLOSED\r\nOK>\r\n+MQTTSTATU :1\r\n\r\nOK\r\n\r\n+CME ERROR: 767\r\n\
\r\n+HTTPREAD: 12\r\n{\"a\":\r\n\"OK\"}\r\nOK\r\n\r\n>\r\n\r\n> \r\nOK\r\n\r\n+CGEV: NW PDN DEACT 1\r\n\
\r\n+MSUB: \"y\",40 byte,not json and cut short\r\n\r\nCLOSED\r\n\r\nOK\r\nCLOSED\r\n";

/// SIM7600 (CMQTT): a message of five lines, and one in two pieces, with line ends in it.
pub(super) const SIM7600: &[u8] = b"\r\n+CMQTTRXSTART: 0,4,5\r\n+CMQTTRXTOPIC: 0,4\r\na/\r\n\r\n\
+CMQTTRXPAYLOAD: 0,5\r\nhel\r\n\r\n+CMQTTRXEND: 0\r\n\r\nOK\r\n+CMQTTRXSTART: 0,1,6\r\n\
+CMQTTRXTOPIC: 0,1\r\nt\r\n+CMQTTRXPAYLOAD: 0,3\r\n\r\nO\r\n+CMQTTRXPAYLOAD: 0,3\r\nK\r\n\r\n\
+CMQTTRXEND: 0\r\n+CMQTTCONNLOST: 0,1\r\n";

/// SARA-R5 and ESP-AT: two counted fields in one line, results before OK, prompts behind it.
pub(super) const OTHERS: &[u8] = b"\r\n+UUMQTTC: 6,1\r\n\r\n+UMQTTC: 6,1,59,5,\"a\",\"b\",13,\"multi\r\nline\r\n\"\r\n\
\r\nOK\r\nAT+MQTTCONN=0\r\r\n+MQTTCONNECTED:0,1,\"192.168.3.102\",\"8883\",\"\",1\r\n\r\nOK\r\n\
+MQTTSUBRECV:0,\"topic\",4,test\r\n\r\nOK\r\n\r\n>+MQTTPUB:OK\r\nbusy p...\r\n+QMTRECV: 0,0,\"t\",4,\"a\"b\"\"\r\n\
+QMTRECV: 0,0,\"t\",3\r\na\rb\r\n+QMTRECV: 0,1,\"t\",\"plain\"\r\nWIFI DISCONNECT\r\nready\r\n";
