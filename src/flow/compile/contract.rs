//! The contract between clouds and dialects: the flows a dialect may have, and their params with defaults.

use crate::hooks::Value;

/// A flow of the contract.
pub(super) struct ContractFlow {
    name: &'static str,
    params: &'static [(&'static str, Default)],
}

/// The default of a contract's param.
#[derive(Clone, Copy)]
enum Default {
    None,
    Int(i64),
    Bool(bool),
    Empty,
}

const CONTRACT: [ContractFlow; 11] = [
    ContractFlow { name: "wake", params: &[] },
    ContractFlow { name: "attach", params: &[] },
    ContractFlow {
        name: "connect",
        params: &[
            ("host", Default::None),
            ("port", Default::None),
            ("client_id", Default::None),
            ("username", Default::Empty),
            ("password", Default::Empty),
            ("keepalive", Default::Int(300)),
            ("clean", Default::Bool(true)),
            ("tls", Default::Bool(false)),
        ],
    },
    ContractFlow {
        name: "publish",
        params: &[
            ("topic", Default::None),
            ("payload", Default::None),
            ("qos", Default::Int(0)),
            ("retain", Default::Bool(false)),
            ("id", Default::Int(0)),
        ],
    },
    ContractFlow {
        name: "subscribe",
        params: &[("topic", Default::None), ("qos", Default::Int(0)), ("id", Default::Int(0))],
    },
    ContractFlow { name: "unsubscribe", params: &[("topic", Default::None), ("id", Default::Int(0))] },
    ContractFlow { name: "status", params: &[] },
    ContractFlow { name: "fetch", params: &[] },
    ContractFlow { name: "disconnect", params: &[] },
    ContractFlow { name: "radio", params: &[] },
    ContractFlow { name: "reset", params: &[] },
];

/// The contract's flow of this name.
pub(super) fn flow(name: &str) -> Option<&'static ContractFlow> {
    CONTRACT.iter().find(|flow| flow.name == name)
}

impl ContractFlow {
    /// The default of a param that the contract knows; a param without one must be listed by every dialect.
    pub(super) fn default_of(&self, param: &str) -> Option<Value> {
        let (_, default) = self.params.iter().find(|(name, _)| *name == param)?;
        match default {
            Default::None => None,
            Default::Int(int) => Some((*int).into()),
            Default::Bool(flag) => Some((*flag).into()),
            Default::Empty => Some(Value::from(String::new())),
        }
    }
}
