//! What `ThingsCloud` makes of a message from a device: which of its topics it is on, and whether the body is
//! one for it. The topics are those of the vendor's own SDKs.

use serde_json::{Map, Value};

use super::super::cloud::{Post, Understood};

/// What a device said.
#[derive(Debug, PartialEq)]
pub(super) enum Said<'p> {
    /// `attributes`, with the values.
    Report(Map<String, Value>),
    /// `attributes/series`: values of more than one time.
    Series,
    /// `attributes/get/ID`; without names it asks for all.
    Asks { id: &'p str, names: Option<Vec<String>> },
    /// `event/report/ID`.
    Event { id: &'p str },
    /// `command/reply/ID`.
    Reply { id: &'p str },
    /// `data/NAME`: anything at all, for whoever reads it.
    Data,
    /// A topic of the cloud, and a body that is none for it. What it answers goes to this topic.
    Nonsense { answer_to: String },
    /// No topic of the cloud.
    Elsewhere,
    /// No topic for a message at all.
    NoTopic,
}

impl Said<'_> {
    pub(super) fn understood(&self) -> Understood {
        match self {
            Self::Nonsense { .. } => Understood::BadBody,
            Self::Elsewhere => Understood::NoSuchTopic,
            Self::NoTopic => Understood::NoTopic,
            _ => Understood::Yes,
        }
    }
}

pub(super) fn read(post: &Post) -> Said<'_> {
    if !is_name(&post.topic) {
        return Said::NoTopic;
    }
    let body: Option<Value> = serde_json::from_slice(&post.payload).ok();
    let levels: Vec<&str> = post.topic.split('/').collect();
    let nonsense = |answer_to: &str| Said::Nonsense { answer_to: answer_to.to_owned() };
    match (levels.as_slice(), body) {
        (["attributes"], Some(Value::Object(values))) => Said::Report(values),
        (["attributes"], _) => nonsense("attributes/response"),
        (["attributes", "series"], Some(Value::Object(_) | Value::Array(_))) => Said::Series,
        (["attributes", "series"], _) => nonsense("attributes/series/response"),
        (["attributes", "get", id], Some(Value::Object(asked))) => Said::Asks { id, names: names(&asked) },
        (["attributes", "get", id], _) => nonsense(&format!("attributes/get/response/{id}")),
        (["event", "report", id], Some(Value::Object(_))) => Said::Event { id },
        (["event", "report", id], _) => nonsense(&format!("event/response/{id}")),
        (["command", "reply", id], Some(Value::Object(_))) => Said::Reply { id },
        (["command", "reply", id], _) => nonsense(&format!("command/reply/response/{id}")),
        (["data", name], _) if !name.is_empty() => Said::Data,
        _ => Said::Elsewhere,
    }
}

/// The attributes that `{"keys":[…]}` names.
fn names(asked: &Map<String, Value>) -> Option<Vec<String>> {
    let keys = asked.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Whether a message can be published there (MQTT 3.1.1, 4.7.1 and 4.7.3).
fn is_name(topic: &str) -> bool {
    !topic.is_empty() && !topic.contains(['+', '#', '\0'])
}

/// Whether a subscription can ask for it: a wildcard fills its level, and `#` is the last one (4.7.1).
pub(super) fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len() - 1;
    let good = |(index, level): (usize, &&str)| match *level {
        "+" => true,
        "#" => index == last,
        level => !level.contains(['+', '#', '\0']),
    };
    !filter.is_empty() && levels.iter().enumerate().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(topic: &str, body: &str) -> Understood {
        let post = Post { topic: topic.to_owned(), payload: body.into(), ..Post::default() };
        read(&post).understood()
    }

    #[test]
    fn topics_and_bodies() {
        for (topic, body, wanted) in [
            ("attributes", r#"{"temperature":31.6}"#, Understood::Yes),
            ("attributes", r#"{"temperature":31.6"#, Understood::BadBody),
            ("attributes", "[1]", Understood::BadBody),
            ("attributes/series", "[]", Understood::Yes),
            ("attributes/get/1000", "{}", Understood::Yes),
            ("attributes/get/1000", "", Understood::BadBody),
            ("event/report/1", "alarm", Understood::BadBody),
            ("command/reply/7", "{}", Understood::Yes),
            ("command/reply/7", "7", Understood::BadBody),
            ("data/message", "\u{1}any text", Understood::Yes),
            ("data/", "", Understood::NoSuchTopic),
            ("data/message/set", "", Understood::NoSuchTopic),
            ("attributes/push", "{}", Understood::NoSuchTopic),
            ("command/reply", "{}", Understood::NoSuchTopic),
            ("Attributes", "{}", Understood::NoSuchTopic),
            ("a/b", "{}", Understood::NoSuchTopic),
            ("", "{}", Understood::NoTopic),
            ("command/reply/+", "{}", Understood::NoTopic),
            ("#", "{}", Understood::NoTopic),
        ] {
            assert_eq!(understood(topic, body), wanted, "{topic} {body}");
        }
    }

    #[test]
    fn filters() {
        for good in ["a", "+", "#", "a/+/b", "command/send/+", "a/#", "a//b"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "a+", "a/#/b", "a#", "a/b+/c", "\0"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}
