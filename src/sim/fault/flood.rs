//! What a flood of messages from the cloud consists of: commands, things that are none, and things that
//! somebody made to look like more than they are.

/// Topic and payload of the message with this number.
pub(in crate::sim) fn flood(number: u32) -> (String, Vec<u8>) {
    let topic = format!("command/send/{number}");
    let command = format!(r#"{{"method":"signal","params":{{}},"id":{number}}}"#);
    match number % 8 {
        0 => (topic, b"not JSON".to_vec()),
        1 => (topic, br#"{"method":"eval","params":{},"id":1}"#.to_vec()),
        2 => {
            (topic, br#"{"method":"relay","params":{"on":"\r\nAT+CANARY\r\n${state}\\22"},"id":1}"#.to_vec())
        }
        3 => ("attributes/push".to_owned(), br#"{"relay":"\r\nCLOSED\r\n"}"#.to_vec()),
        4 => ("attributes/push".to_owned(), b"\r\nOK\r\n+CREG: 0\r\n> ".to_vec()),
        _ => (topic, command.into_bytes()),
    }
}
