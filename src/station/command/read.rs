//! A message on the command topic, before any expression of the file sees it, and what the file's
//! expressions made of it. Whatever is quoted in a refusal is escaped; nothing here goes into a reply.

use std::sync::Arc;

use crate::hooks::{self, Value};

use super::code::{Code, Refusal, quoted};

/// Longest payload of a command in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 4_100;
/// Longest key, and longest hole of the topic, in characters.
pub const MAX_ID_CHARACTERS: usize = 64;

/// What the topic's holes took may become a part of the reply's topic.
///
/// # Errors
///
/// [`Code::BadId`] for one that is no plain word.
pub fn holes(holes: &[(Arc<str>, String)]) -> Result<(), Refusal> {
    holes.iter().try_for_each(|(name, text)| plain_word(name, text))
}

/// What the topic's holes took, where the body says something else under the same name. The topic counts.
pub fn differing(holes: &[(Arc<str>, String)], body: &Value) -> Option<String> {
    holes.iter().find_map(|(name, text)| {
        let said = hooks::entry(body, name).filter(|value| !value.is_unit())?;
        let said = hooks::display(&said);
        let (shown, said_shown) = (quoted(text), quoted(&said));
        (said != *text).then(|| {
            format!("`{name}` is {shown} in the topic and {said_shown} in the message: the topic counts")
        })
    })
}

/// The body of a message: a JSON object.
///
/// # Errors
///
/// [`Code::TooLarge`]; [`Code::BadJson`] for all that [`hooks::parse_json`] refuses and for what is no object.
pub fn body(payload: &[u8]) -> Result<Value, Refusal> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let bytes = payload.len();
        return Err(Refusal::new(
            Code::TooLarge,
            format!("the payload has {bytes} bytes, more than {MAX_PAYLOAD_BYTES}"),
        ));
    }
    let bad_json = |message: String| Refusal::new(Code::BadJson, message);
    let text =
        std::str::from_utf8(payload).map_err(|_| bad_json("the payload is no UTF-8 text".to_owned()))?;
    let body = hooks::parse_json(text).map_err(|error| bad_json(error.to_string()))?;
    if hooks::keys(&body).is_none() {
        return Err(bad_json(format!("the payload is {}, not a JSON object", hooks::kind_of(&body))));
    }
    Ok(body)
}

/// What `downlink` read out of a message.
#[derive(Clone, Debug)]
pub struct Call {
    /// Tells it from other commands.
    pub key: String,
    /// What is called.
    pub method: String,
    /// What the handler gets, not yet checked.
    pub params: Value,
    /// When the cloud sent it, if it says so: milliseconds since 1970.
    pub sent_at_ms: Option<i64>,
}

/// What an expression of `downlink` gave, or why it gave nothing.
pub type Found = Result<Value, String>;

/// The values of `downlink.read`, in its order: key, method, params, and when it was sent.
///
/// # Errors
///
/// [`Code::BadId`] for a key that is no plain word, [`Code::BadJson`] for a method or time of another type, and
/// for what could not be read at all.
pub fn call(values: &[Found]) -> Result<Call, Refusal> {
    let bad_json = |message| Refusal::new(Code::BadJson, message);
    let value = |index: usize| values.get(index).cloned().unwrap_or(Ok(Value::UNIT)).map_err(bad_json);
    let key = key(&value(0)?)?;
    let sent_at = value(3)?;
    let sent_at_ms = match sent_at.as_int() {
        Ok(ms) => Some(ms),
        Err(_) if sent_at.is_unit() => None,
        Err(kind) => return Err(bad_json(format!("`sent_at` is {kind}, not milliseconds since 1970"))),
    };
    let method = text("method", &value(1)?).map_err(bad_json)?;
    Ok(Call { key, method, params: value(2)?, sent_at_ms })
}

/// What is known of a command that cannot be read: enough to answer it, if there is a key.
pub fn remains(values: &[Found]) -> Option<Call> {
    let known = |index: usize| values.get(index)?.as_ref().ok();
    let method = known(1).and_then(|value| text("method", value).ok()).unwrap_or_default();
    Some(Call { key: key(known(0)?).ok()?, method, params: Value::UNIT, sent_at_ms: None })
}

fn key(value: &Value) -> Result<String, Refusal> {
    let key = match value.as_int() {
        Ok(int) => int.to_string(),
        Err(_) => text("key", value).map_err(|message| Refusal::new(Code::BadId, message))?,
    };
    plain_word("key", &key)?;
    Ok(key)
}

/// A handler's second argument: what is known of the command beside its params.
pub fn context(call: &Call, topic: &str, body: &Value) -> Value {
    hooks::map_of([
        ("key", call.key.clone().into()),
        ("method", call.method.clone().into()),
        ("topic", topic.to_owned().into()),
        ("body", body.clone()),
    ])
}

fn text(name: &str, value: &Value) -> Result<String, String> {
    value.clone().into_string().map_err(|_| format!("`{name}` is {}, not text", hooks::kind_of(value)))
}

fn plain_word(name: &str, text: &str) -> Result<(), Refusal> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if !text.is_empty() && text.len() <= MAX_ID_CHARACTERS && text.chars().all(plain) {
        return Ok(());
    }
    let shown = quoted(text);
    Err(Refusal::new(
        Code::BadId,
        format!("`{name}` is {shown}, not 1 to {MAX_ID_CHARACTERS} letters, digits, `.`, `_` or `-`"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(hole: &str, payload: &[u8]) -> Result<String, (Code, String)> {
        holes(&[("id".into(), hole.to_owned())])
            .and_then(|()| body(payload))
            .map(|body| hooks::display(&body))
            .map_err(|refusal| (refusal.code, refusal.message))
    }

    fn code(hole: &str, payload: &[u8]) -> Option<Code> {
        read(hole, payload).err().map(|(code, _)| code)
    }

    #[test]
    fn a_command_is_a_json_object() {
        let payload = br#"{"method":"restart","params":{"timeout":10},"id":1000}"#;
        assert_eq!(
            read("1000", payload),
            Ok(r#"{"id":1000,"method":"restart","params":{"timeout":10}}"#.to_owned())
        );
        for bad in [
            "",
            "not JSON",
            "[]",
            "1",
            "null",
            "\"a\"",
            "{}{}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":{\"b\":1,\"b\":1}}",
            "{\"a\":1+1}",
            "{\"a\":9223372036854775808}",
            "{\"a\":1e400}",
            "\u{feff}{}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(code("1", bad.as_bytes()), Some(Code::BadJson), "{bad}");
        }
        assert_eq!(code("1", b"{\"a\":\"\xff\"}"), Some(Code::BadJson));
    }

    #[test]
    fn size_depth_and_number_of_values_are_bounded() {
        let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)).into_bytes();
        assert_eq!(long(MAX_PAYLOAD_BYTES).len(), MAX_PAYLOAD_BYTES);
        assert_eq!(code("1", &long(MAX_PAYLOAD_BYTES)), None);
        assert_eq!(code("1", &long(MAX_PAYLOAD_BYTES + 1)), Some(Code::TooLarge));
        let deep = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(code("1", deep(15).as_bytes()), None);
        assert_eq!(code("1", deep(16).as_bytes()), Some(Code::BadJson));
        let wide = |values: usize| format!("{{\"a\":[{}]}}", vec!["1"; values].join(","));
        assert_eq!(code("1", wide(498).as_bytes()), None);
        assert_eq!(code("1", wide(499).as_bytes()), Some(Code::BadJson));
    }

    #[test]
    fn a_hole_of_the_topic_is_a_plain_word() {
        for good in ["1", "1000", "a-b_c.D", &"x".repeat(64)] {
            assert_eq!(code(good, b"{}"), None, "{good}");
        }
        for bad in ["", "a/b", "+", "#", "a b", "${x}", "\\22", "温", "a\r", &"x".repeat(65)] {
            assert_eq!(code(bad, b"{}"), Some(Code::BadId), "{bad:?}");
        }
        let (_, message) = read("a\r\nb", b"{}").expect_err("no plain word");
        assert_eq!(message, r"`id` is `a\r\nb`, not 1 to 64 letters, digits, `.`, `_` or `-`");
    }

    #[test]
    fn what_the_file_read_has_the_right_types() {
        let values = |key: Value, method: Value, sent: Value| [key, method, Value::UNIT, sent].map(Ok);
        let good = call(&values(1000_i64.into(), "restart".into(), Value::UNIT)).expect("good");
        assert_eq!((good.key.as_str(), good.method.as_str(), good.sent_at_ms), ("1000", "restart", None));
        let timed = call(&values("a".into(), "restart".into(), 5_i64.into())).expect("good");
        assert_eq!(timed.sent_at_ms, Some(5));
        let code = |key: Value, method: Value, sent: Value| {
            call(&values(key, method, sent)).expect_err("a bad command").code
        };
        assert_eq!(code(Value::UNIT, "restart".into(), Value::UNIT), Code::BadId);
        assert_eq!(code("a/b".into(), "restart".into(), Value::UNIT), Code::BadId);
        assert_eq!(code("a".into(), 5_i64.into(), Value::UNIT), Code::BadJson);
        assert_eq!(code("a".into(), Value::UNIT, Value::UNIT), Code::BadJson);
        assert_eq!(code("a".into(), "restart".into(), "today".into()), Code::BadJson);
    }

    #[test]
    fn what_remains_of_a_bad_command_can_be_answered() {
        let no = || Err("the map has no `method`".to_string());
        let known = remains(&[Ok(1000_i64.into()), no(), no(), no()]).expect("a key");
        assert_eq!((known.key.as_str(), known.method.as_str()), ("1000", ""));
        let known = remains(&[Ok("a".into()), Ok("count".into()), no()]).expect("a key");
        assert_eq!(known.method, "count");
        assert!(remains(&[no(), Ok("count".into())]).is_none());
        assert!(remains(&[Ok("a/b".into()), Ok("count".into())]).is_none());
    }

    #[test]
    fn the_topic_counts_where_the_message_says_something_else() {
        let differs = |hole: &str, body: &str| {
            differing(&[("id".into(), hole.to_owned())], &hooks::parse_json(body).expect("JSON"))
        };
        assert_eq!(differs("1000", r#"{"id":1000}"#), None);
        assert_eq!(differs("1000", r#"{"id":null}"#), None);
        assert_eq!(differs("1000", "{}"), None);
        let told = differs("1000", r#"{"id":"7\r"}"#).expect("another one");
        assert_eq!(told, r"`id` is `1000` in the topic and `7\r` in the message: the topic counts");
    }
}
