//! What a handler asks of its station, checked before anything is noted: `publish`, `after`, `state.set`. The
//! errors are what the script gets.

use std::time::Duration;

use crate::at::dialect::Limits;
use crate::at::pattern::Pattern;
use crate::flow::model::station::StateVar;
use crate::flow::model::{Flow, FlowId, Program};
use crate::flow::{bounds, duration};
use crate::hooks::{self, Value};

use super::code::quoted;

/// Most timers that can wait.
const MOST_TIMERS: usize = 64;
/// The longest that `after` can look ahead.
const LONGEST_DELAY: Duration = Duration::from_hours(8784);

/// The pattern of `at(line, pattern)`.
///
/// # Errors
///
/// What is wrong with it.
pub fn pattern(source: &str) -> Result<Pattern, String> {
    let pattern = Pattern::parse(source).map_err(|error| format!("`at`: `{source}`: {error}"))?;
    match pattern.same_names().first() {
        Some(name) => {
            Err(format!("`at`: `{{={name}}}` stands for a step's variable; put its value into the pattern"))
        }
        None => Ok(pattern),
    }
}

/// The delay of `after(delay, flow)`, while so many flows wait to be run.
///
/// # Errors
///
/// Why the flow cannot be run then.
pub fn after(flow: &Flow, text: &str, waiting: usize) -> Result<Duration, String> {
    if let Some(param) = flow.params.iter().find(|param| param.default.is_none()) {
        return Err(format!("`{}` needs `{}`, and nobody would pass it later", flow.name, param.name));
    }
    let delay = delay(text)?;
    if waiting >= MOST_TIMERS {
        return Err(format!("{MOST_TIMERS} flows wait to be run already"));
    }
    Ok(delay)
}

/// A delay that `after` can look ahead. The error says what to write.
fn delay(text: &str) -> Result<Duration, String> {
    let delay = duration::parse(text);
    let delay = delay.map_err(|error| format!("`after`: {}; {}", error.message, error.help))?;
    if delay > LONGEST_DELAY {
        return Err(format!("`{}` is more than a year", duration::display(delay)));
    }
    Ok(delay)
}

/// Whether a flow can be run with these params: `run(flow, #{…})`.
///
/// # Errors
///
/// A param that it does not have, or one that it needs.
pub fn arguments(flow: &Flow, with: &Value) -> Result<(), String> {
    let given = hooks::keys(with).unwrap_or_default();
    let name = &flow.name;
    let unknown = given.iter().find(|given| !flow.params.iter().any(|param| *param.name == ***given));
    if let Some(unknown) = unknown {
        return Err(format!("the flow `{name}` has no param {}", quoted(unknown)));
    }
    let needed = |given: &[String], name: &str| !given.iter().any(|given| given == name);
    match flow.params.iter().find(|param| param.default.is_none() && needed(&given, &param.name)) {
        Some(param) => Err(format!("the flow `{name}` needs the param `{}`", param.name)),
        None => Ok(()),
    }
}

/// Whether the flow that `run(flow)` names surely ends within the time that its handler has left.
///
/// # Errors
///
/// It may not.
pub fn enough_time(program: &Program, id: FlowId, flow: &str, left: Duration) -> Result<(), String> {
    if bounds::of_flow(program, id).time.is_some_and(|most| most <= left) {
        return Ok(());
    }
    Err(format!(
        "`{flow}` can take longer than the {} that this handler has left; `after(\"0s\", \"{flow}\")` runs it by \
         itself",
        duration::display(left)
    ))
}

/// The content of `publish(topic, value)`: text and bytes as they are, anything else as JSON.
///
/// # Errors
///
/// What has no JSON form, and what the module cannot take.
pub fn content(value: &Value, limits: &Limits) -> Result<Vec<u8>, String> {
    let bytes = if let Some(bytes) = hooks::as_bytes(value) {
        bytes.to_vec()
    } else if value.is_string() {
        hooks::display(value).into_bytes()
    } else {
        let json = hooks::to_json(value).map_err(|error| format!("`publish`: {error}"))?;
        hooks::plain_json(&json.to_string()).into_bytes()
    };
    let (length, most) = (bytes.len(), limits.payload_bytes);
    if length > most {
        return Err(format!("`publish`: the message has {length} bytes, and the module takes {most}"));
    }
    Ok(bytes)
}

/// The topic of `publish(topic, value)`.
///
/// # Errors
///
/// Why no message can go there.
pub fn topic(topic: &str, limits: &Limits) -> Result<(), String> {
    let shown = quoted(topic);
    if topic.is_empty() {
        return Err("`publish`: the topic is empty".to_owned());
    }
    if topic.len() > limits.topic_bytes {
        return Err(format!("`publish`: the topic {shown} is longer than {} bytes", limits.topic_bytes));
    }
    if topic.contains(['+', '#']) || topic.contains(char::is_control) {
        return Err(format!("`publish`: the topic {shown} holds a wildcard or a control character"));
    }
    Ok(())
}

/// The value of `state` with this name, for `state.x` and `state.get("x")`.
///
/// # Errors
///
/// There is none.
pub fn state_var<'s>(state: &'s [StateVar], name: &str) -> Result<&'s StateVar, String> {
    state.iter().find(|var| *var.name == *name).ok_or_else(|| {
        let known: Vec<String> = state.iter().map(|var| format!("`{}`", var.name)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        format!("the station's `state` has no {}; it has {known}", quoted(name))
    })
}

/// Whether `state.set(name, value)` may be done.
///
/// # Errors
///
/// There is no such value, or this one does not fit it.
pub fn new_state(state: &[StateVar], name: &str, value: &Value) -> Result<(), String> {
    let var = state_var(state, name)?;
    var.rule.check(value).map_err(|why| format!("`state.{name}` {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::diag::{Sources, Span};
    use crate::flow::rule::{ValueKind, ValueRule};

    #[test]
    fn a_pattern_knows_no_variables() {
        assert_eq!(pattern("+CSQ: {rssi:int}").map(|pattern| pattern.names().len()), Ok(1));
        assert!(pattern("+CSQ: {=x}").expect_err("a variable").starts_with("`at`: `{=x}` stands for"));
        assert!(pattern("").expect_err("empty").starts_with("`at`: ``: "));
    }

    #[test]
    fn delays_have_units() {
        assert_eq!(delay("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(delay("0s"), Ok(Duration::ZERO));
        let error = delay("10").expect_err("no unit");
        assert!(error.starts_with("`after`: "), "{error}");
    }

    #[test]
    fn a_message_is_text_bytes_or_json_and_not_too_long() {
        let limits = Limits { payload_bytes: 10, ..Limits::default() };
        let shown =
            |value: &Value| content(value, &limits).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(shown(&"plain".into()), Ok("plain".to_owned()));
        assert_eq!(shown(&hooks::Bytes::value(*b"by")), Ok("by".to_owned()));
        assert_eq!(shown(&hooks::map_of([("a", Value::from(1_i64))])), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(shown(&Value::from(true)), Ok("true".to_owned()));
        assert_eq!(
            shown(&"12345678901".into()),
            Err("`publish`: the message has 11 bytes, and the module takes 10".to_owned())
        );
        assert!(shown(&hooks::map_of([("a", hooks::Bytes::value(*b"x"))])).is_err());
    }

    #[test]
    fn a_topic_has_no_wildcards() {
        let limits = Limits { topic_bytes: 10, ..Limits::default() };
        assert_eq!(topic("a/b", &limits), Ok(()));
        for bad in ["", "a/+", "#", "a\r\nb", "a\0", "12345678901"] {
            assert!(topic(bad, &limits).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn state_keeps_its_types_and_ranges() {
        let mut sources = Sources::new();
        let span = Span::new(sources.add("station.yaml", String::new()), 0..0);
        let rule = ValueRule { kind: ValueKind::Duration, min: Some(60.0), max: None };
        let state = [StateVar { name: "report_every".into(), span, rule, default: "60s".into() }];
        assert_eq!(new_state(&state, "report_every", &"5m".into()), Ok(()));
        assert_eq!(
            new_state(&state, "report_every", &"5s".into()),
            Err("`state.report_every` is 5s, and must be at least 1m".to_owned())
        );
        assert_eq!(
            new_state(&state, "relay", &true.into()),
            Err("the station's `state` has no `relay`; it has `report_every`".to_owned())
        );
    }
}
