//! One entry of a scenario's `at:`, as it is written.

use std::time::Duration;

use serde::Deserialize;

use super::command::unhex;
use super::duration::duration;
use super::scenario::{Broker, ClockChange, Entry, What, When};

/// Most times that one entry can happen.
const MOST_TIMES: u32 = 10_000;

/// One entry of `at:` as it is written. A file that holds such lists in other places reads them with
/// this and then calls [`RawEntry::check`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawEntry {
    time: Option<String>,
    after: Option<String>,
    cloud: Option<String>,
    json: Option<serde_json::Value>,
    text: Option<String>,
    bytes: Option<String>,
    urc: Option<String>,
    broker: Option<String>,
    port: Option<String>,
    module: Option<String>,
    registration: Option<String>,
    clock: Option<String>,
    suspend: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<String>,
    count: Option<u32>,
}

/// What is wrong with an entry, and how to mend it.
type Complaint = (String, &'static str);

impl RawEntry {
    /// Makes an event of it.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and how to mend it.
    pub fn check(self) -> Result<Entry, (String, &'static str)> {
        let when = match (&self.time, &self.after) {
            (Some(time), None) => When::Time(span_of("time", time)?),
            (None, Some(line)) if !line.trim().is_empty() => When::After(line.trim().to_owned()),
            (None, Some(_)) => return Err(("`after` is empty".to_owned(), "write the line the module says")),
            (None, None) => {
                return Err(("nothing says when".to_owned(), "add `time: 30s` or `after: CONNECT OK`"));
            }
            (Some(_), Some(_)) => return Err(("`time` and `after` together".to_owned(), "keep one of them")),
        };
        let lasts = self.lasts.as_deref().map(|lasts| span_of("for", lasts)).transpose()?;
        let count = self.count;
        if count.is_some_and(|count| !(1..=MOST_TIMES).contains(&count)) {
            return Err(("`count` is out of range".to_owned(), "write 1 to 10000, or leave it out"));
        }
        Ok(Entry { when, what: self.what(lasts)?, count })
    }

    fn what(self, lasts: Option<Duration>) -> Result<What, Complaint> {
        let has_payload = self.json.is_some() || self.text.is_some() || self.bytes.is_some();
        if self.cloud.is_none() && has_payload {
            return Err(("a payload without `cloud`".to_owned(), "add `cloud: <topic>`, or take it out"));
        }
        let may_last =
            self.port.is_some() || self.registration.is_some() || self.broker.as_deref() == Some("away");
        if lasts.is_some() && !may_last {
            return Err((
                "`for` has no meaning here".to_owned(),
                "it belongs to `broker: away`, `port: unplug` and `registration: lost`",
            ));
        }
        let (key, value) = self.kind()?;
        match (key, value.as_str()) {
            ("cloud", _) => {
                Ok(What::Message { payload: payload(self.json, self.text, self.bytes)?, topic: value })
            }
            ("urc", _) => Ok(What::Urc(value)),
            ("broker", "away") => Ok(What::Broker(Broker::Away { lasts })),
            ("broker", "close") => Ok(What::Broker(Broker::Close)),
            ("broker", "back") => Ok(What::Broker(Broker::Back)),
            ("broker", word) => Err(unknown(key, word, "write `away`, `close` or `back`")),
            ("port", "unplug") => Ok(What::Unplug { lasts }),
            ("port", word) => Err(unknown(key, word, "write `unplug`")),
            ("module", "reset") => Ok(What::Reset),
            ("module", word) => Err(unknown(key, word, "write `reset`")),
            ("registration", "lost") => Ok(What::RegistrationLost { lasts }),
            ("registration", word) => Err(unknown(key, word, "write `lost`")),
            ("clock", word) => clock_change(word).map(What::Clock),
            (_, time) => Ok(What::Suspend { lasts: span_of(key, time)? }),
        }
    }

    /// What the entry is about, and what it says of it.
    fn kind(&self) -> Result<(&'static str, String), Complaint> {
        let kinds = [
            ("cloud", &self.cloud),
            ("urc", &self.urc),
            ("broker", &self.broker),
            ("port", &self.port),
            ("module", &self.module),
            ("registration", &self.registration),
            ("clock", &self.clock),
            ("suspend", &self.suspend),
        ];
        let mut given = kinds.into_iter().filter_map(|(key, value)| Some((key, value.clone()?)));
        match (given.next(), given.next()) {
            (Some(kind), None) => Ok(kind),
            _ => Err((
                "an event is exactly one thing".to_owned(),
                "write one of `cloud`, `urc`, `broker`, `port`, `module`, `registration`, `clock`, `suspend`",
            )),
        }
    }
}

fn clock_change(word: &str) -> Result<ClockChange, Complaint> {
    let change = match word {
        "unknown" => Some(ClockChange::Unknown),
        "synchronised" => Some(ClockChange::Synchronised),
        _ => match word.split_at_checked(1) {
            Some(("+", by)) => duration(by).map(ClockChange::Forward),
            Some(("-", by)) => duration(by).map(ClockChange::Back),
            _ => None,
        },
    };
    change.ok_or_else(|| {
        unknown(
            "clock",
            word,
            "write a step with its sign, such as `+30s` or `-1h`, or `unknown` or `synchronised`",
        )
    })
}

fn unknown(key: &str, word: &str, help: &'static str) -> Complaint {
    (format!("`{key}` cannot be `{word}`"), help)
}

fn span_of(key: &str, text: &str) -> Result<Duration, Complaint> {
    duration(text).ok_or_else(|| {
        (format!("`{key}: {text}` is not a duration"), "write numbers with units, such as `500ms` or `1m30s`")
    })
}

fn payload(
    json: Option<serde_json::Value>,
    text: Option<String>,
    bytes: Option<String>,
) -> Result<Vec<u8>, Complaint> {
    match (json, text, bytes) {
        (Some(json), None, None) => Ok(json.to_string().into_bytes()),
        (None, Some(text), None) => Ok(text.into_bytes()),
        (None, None, Some(hex)) => {
            let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            unhex(&digits).ok_or_else(|| {
                (format!("`bytes: {hex}` is not hexadecimal"), "write pairs of digits: `'00 ff 0d 0a'`")
            })
        }
        (None, None, None) => Ok(Vec::new()),
        _ => Err(("more than one payload".to_owned(), "keep one of `json`, `text` and `bytes`")),
    }
}
