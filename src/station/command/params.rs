//! The params of a command against what its method declares.

use crate::flow::model::station::Method;
use crate::hooks::{self, Value};

use super::code::quoted;

/// The params as the handler gets them: defaults filled in, nothing that is not declared. A param that is
/// `null` counts as not there, and no params as an empty map.
///
/// # Errors
///
/// Which param is wrong, and what it must be.
pub fn check_params(method: &Method, params: &Value) -> Result<Value, String> {
    let given = if params.is_unit() { hooks::map_of([]) } else { params.clone() };
    let Some(names) = hooks::keys(&given) else {
        return Err(format!("the params are {}, and must be a map", hooks::kind_of(params)));
    };
    if let Some(unknown) = names.iter().find(|name| !method.params.contains_key(name.as_str())) {
        let known: Vec<String> = method.params.keys().map(|name| format!("`{name}`")).collect();
        let takes = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(format!("there is no param {}; the method takes {takes}", quoted(unknown)));
    }
    let mut checked = Vec::new();
    for (name, rule) in &method.params {
        let value = hooks::entry(&given, name).filter(|value| !value.is_unit());
        let value = match (value, &rule.default) {
            (Some(value), _) => {
                rule.rule.check(&value).map_err(|why| format!("`{name}` {why}"))?;
                value
            }
            (None, Some(default)) => default.clone(),
            (None, None) => {
                return Err(format!("`{name}` is missing, and must be {}", rule.rule.kind.words()));
            }
        };
        checked.push((&**name, value));
    }
    Ok(hooks::map_of(checked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::model::station::ParamRule;
    use crate::flow::rule::{ValueKind, ValueRule};

    fn method() -> Method {
        let rule = |kind, min, max, default| ParamRule { rule: ValueRule { kind, min, max }, default };
        let params = [
            ("seconds", rule(ValueKind::Int, Some(60.0), Some(86_400.0), None)),
            ("timeout", rule(ValueKind::Int, Some(0.0), None, Some(Value::from(10_i64)))),
            ("every", rule(ValueKind::Duration, Some(60.0), None, Some(Value::from("60s")))),
            ("text", rule(ValueKind::Text, None, Some(3.0), Some(Value::from("")))),
            ("on", rule(ValueKind::Bool, None, None, Some(Value::from(false)))),
            ("note", rule(ValueKind::Text, None, None, Some(Value::UNIT))),
        ];
        let params = params.into_iter().map(|(name, rule)| (name.into(), rule)).collect();
        Method { params, dangerous: false, takes_context: false }
    }

    fn checked(params: &str) -> Result<String, String> {
        let params = hooks::parse_json(params).expect("JSON");
        check_params(&method(), &params).map(|params| hooks::display(&params))
    }

    #[test]
    fn defaults_are_filled_in() {
        assert_eq!(
            checked(r#"{"seconds":300,"text":"abc","on":null}"#),
            Ok(r#"{"every":"60s","on":false,"seconds":300,"text":"abc","timeout":10}"#.to_owned())
        );
    }

    #[test]
    fn the_message_names_the_param_and_the_rule() {
        for (params, message) in [
            ("{}", "`seconds` is missing, and must be a whole number"),
            ("null", "`seconds` is missing, and must be a whole number"),
            (r#"{"seconds":null}"#, "`seconds` is missing, and must be a whole number"),
            (r#"{"seconds":1}"#, "`seconds` is 1, and must be at least 60"),
            (r#"{"seconds":86401}"#, "`seconds` is 86401, and must be at most 86400"),
            (r#"{"seconds":"300"}"#, "`seconds` is `300`, and must be a whole number"),
            (r#"{"seconds":300.0}"#, "`seconds` is 300.0, and must be a whole number"),
            (r#"{"seconds":300,"on":1}"#, "`on` is 1, and must be `true` or `false`"),
            (r#"{"seconds":300,"every":"5s"}"#, "`every` is 5s, and must be at least 1m"),
            (r#"{"seconds":300,"text":"abcd"}"#, "`text` is 4 characters, and must be at most 3 characters"),
            ("[]", "the params are list, and must be a map"),
            ("\"x\"", "the params are text, and must be a map"),
            (
                "{\"seconds\":300,\"__proto__\\n\":1}",
                "there is no param `__proto__\\n`; the method takes `every`, `note`, `on`, `seconds`, `text`, `timeout`",
            ),
        ] {
            assert_eq!(checked(params), Err(message.to_owned()), "{params}");
        }
    }

    #[test]
    fn a_method_without_params_takes_nothing() {
        let method = Method { params: std::collections::BTreeMap::new(), ..method() };
        let shown = |params: &Value| check_params(&method, params).map(|params| hooks::display(&params));
        assert_eq!(shown(&Value::UNIT), Ok("{}".to_owned()));
        let params = hooks::map_of([("x", Value::from(1_i64))]);
        assert_eq!(shown(&params), Err("there is no param `x`; the method takes none".to_owned()));
    }
}
