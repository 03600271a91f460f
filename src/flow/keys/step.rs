//! A step and the maps inside it.

use super::{Code, Key, Rule, Shape, Takes};

/// Keys that say what a step does; at most one of them. `await` with `send` and `steps` with `each` are parts
/// of those.
pub const ACTIONS: &[&str] =
    &["send", "await", "receive", "publish", "run", "steps", "each", "sleep", "ask", "port", "stop"];

const SEND: &[&str] = &["send"];
const AWAIT: &[&str] = &["await"];
const SEND_AWAIT: &[&str] = &["send", "await"];
const SEND_AWAIT_ASK: &[&str] = &["send", "await", "ask"];
const PUBLISH: &[&str] = &["publish"];

/// What `retry` takes, of a step and of a flow.
pub(super) const RETRIES: Takes =
    Takes::Either(&[Takes::Int { min: 1, max: 1_000_000 }, Takes::Object(&RETRY)]);
/// What `on_error` takes.
pub(super) const ON_ERROR: Takes = Takes::Either(&[Takes::OneOf(&["ignore", "continue"]), Takes::Steps]);

/// One item of `steps`.
pub static STEP: Shape = Shape {
    name: "step",
    doc: "One item of `steps`: at most one action, and modifiers. `set`, `check` and \
             `log` ride on any action or stand alone. A step that is only text is a `send`.",
    keys: &[
        Key::new("name", Takes::Template, "shown everywhere; `--from`, `--until` and `within` use it")
            .default("the action's text"),
        Key::new("when", Takes::Expression, "asked once, before everything; false skips the step")
            .default("true"),
        Key::new(
            "send",
            Takes::Template,
            "sends one command line and takes its answer, data and late result",
        )
        .example("AT+CPIN?"),
        Key::new(
            "await",
            Takes::Sequence,
            "waits for lines nobody asked for; beside `send`: the late result, in order, \
             before or after the final",
        )
        .default("beside `send`: command table")
        .example("CONNECT OK"),
        Key::new(
            "receive",
            Takes::Topic,
            "takes the oldest unclaimed message; sets `topic`, `payload`, `body` and the \
             topic's holes",
        )
        .example("command/send/{id}"),
        Key::new("publish", Takes::Template, "publishes to this topic, with one of `json`, `text`, `bytes`")
            .example("attributes"),
        Key::new("run", Takes::Text, "runs another flow").example("wake"),
        Key::new("each", Takes::Text, "runs `steps` once for each element: `NAME in EXPRESSION`")
            .example("chunk in chunks(content, 4096)"),
        Key::new("sleep", Takes::Duration, "waits"),
        Key::new("ask", Takes::Template, "shows a text to the operator and waits for a line")
            .example("Plug in the antenna, then press Enter"),
        Key::new("port", Takes::Object(&PORT), "changes settings of the open port")
            .example("{ baud: 460800 }"),
        Key::new("stop", Takes::Template, "ends this flow here, as passed, with this reason"),
        Key::new("expect", Takes::Sequence, "these lines, in order, must have come when everything else has")
            .example("'+CSQ: {rssi:int},{ber:int}'")
            .on(SEND_AWAIT_ASK),
        Key::new(
            "collect",
            Takes::Map(&Takes::Sequence),
            "names, each for zero or more matches: a list of maps",
        )
        .example("{ contexts: '+CGDCONT: {cid:int},{type},{apn}[,{:rest}]' }")
        .on(SEND_AWAIT),
        Key::new("fail", Takes::Alternatives, "any of these lines decides that it failed")
            .default("command table")
            .on(SEND_AWAIT),
        Key::new(
            "since",
            Takes::OneOf(&["step", "result"]),
            "which lines count: those since the step before it began, or those since its final result; \
             `fail` always counts since the step",
        )
        .default("step")
        .on(AWAIT),
        Key::new(
            "final",
            Takes::Either(&[Takes::OneOf(&["none"]), Takes::Alternatives]),
            "what counts as OK for this command; `none`: nothing is owed",
        )
        .default("`results.ok` of the dialect")
        .example("[SHUT OK, OK]")
        .on(SEND),
        Key::new("data", Takes::Template, "sent when the prompt comes").example("${payload}").on(SEND),
        Key::new("prompt", Takes::Text, "what asks for data: `'>'` or a word")
            .default("command table, else `'>'`")
            .example("DOWNLOAD")
            .on(SEND),
        Key::new("ends", Takes::OneOf(&["length", "ctrl-z"]), "how the data ends").default("length").on(SEND),
        Key::new("cancel", Takes::OneOf(&["none", "esc", "ctrl-z"]), "how to leave the data phase")
            .default("none")
            .on(SEND),
        Key::new("once", Takes::Bool, "a line that failed is never sent again")
            .default("command table, else `false`")
            .on(SEND),
        Key::new(
            "restarts",
            Takes::Duration,
            "the module restarts after this; a sign of it must show within",
        )
        .default("command table")
        .on(SEND),
        Key::new("json", Takes::Tree, "the payload, as JSON; an entry that is `()` is left out")
            .example("{ relay: '${state.relay}' }")
            .on(PUBLISH),
        Key::new("text", Takes::Template, "the payload, as text").on(PUBLISH),
        Key::new("bytes", Takes::Template, "the payload, as bytes").example("${content}").on(PUBLISH),
        Key::new(
            "qos",
            Takes::Either(&[Takes::Int { min: 0, max: 2 }, Takes::Template]),
            "quality of service",
        )
        .default("0")
        .on(PUBLISH),
        Key::new(
            "retain",
            Takes::Either(&[Takes::Bool, Takes::Template]),
            "the broker keeps it for later subscribers",
        )
        .default("false")
        .on(PUBLISH),
        Key::new("with", Takes::Map(&Takes::Tree), "the flow's params")
            .example("{ topic: '${topic}' }")
            .on(&["run"]),
        Key::new("steps", Takes::Steps, "a group; with `each` its body"),
        Key::new(
            "timeout",
            Takes::Duration,
            "one attempt, everything inside it included; required for `await`, `receive`, \
             `ask`",
        )
        .default("`send`: command table, else `line.timeout`"),
        Key::new(
            "within",
            Takes::Text,
            "must begin this soon after an earlier step of the list passed: `DURATION of \
             NAME`",
        )
        .example("5s of open TCP"),
        Key::new(
            "unless",
            Takes::Object(&PROBE),
            "asked first: if it passes the step is already so; asked again afterwards",
        )
        .example("{ send: AT+CPIN?, expect: '+CPIN: READY' }"),
        Key::new("retry", RETRIES, "further attempts; a number is `attempts`")
            .default("1 attempt")
            .example("{ every: 1s, for: 30s }"),
        Key::new("set", Takes::Map(&Takes::Value), "names and what they become, in order; `state.x` allowed")
            .example("{ online: s == 1 }"),
        Key::new(
            "check",
            Takes::Either(&[Takes::Expression, Takes::Map(&Takes::Object(&MEASUREMENT))]),
            "false is error `check`; the map form is recorded as measurements",
        )
        .example("rssi != 99"),
        Key::new("log", Takes::Template, "shown when the step passed").example("${dbm(rssi)} dBm"),
        Key::new("hint", Takes::Template, "shown when the step fails: what a person should do"),
        Key::new("else", Takes::Steps, "run when `when` was false"),
        Key::new(
            "on_error",
            ON_ERROR,
            "`ignore` counts as passed; `continue` runs the rest of the list, which then \
             fails; steps: recovered if they pass",
        )
        .default("fail"),
        Key::new(
            "always",
            Takes::Steps,
            "after a step whose action was begun, passed or not; `error` is `()` when it \
             passed",
        ),
    ],
    rules: &[
        Rule::needs("receive", &["timeout"], "every wait has an end: add `timeout: 30s`")
            .code(Code::NO_TIMEOUT),
        Rule::needs("ask", &["timeout"], "every wait has an end: add `timeout: 2m`").code(Code::NO_TIMEOUT),
        Rule {
            check: super::Check::Needs { key: "await", needs: &["timeout"], unless: SEND },
            code: Code::NO_TIMEOUT,
            help: "every wait has an end: add `timeout: 30s`",
        },
        Rule::needs(
            "publish",
            &["json", "text", "bytes"],
            "say what is published: `json: { … }`, `text: …` or `bytes: ${…}`",
        ),
        Rule::at_most_one(&["json", "text", "bytes"], "a message has one payload: keep one"),
        Rule::needs("each", &["steps"], "add the `steps` that run for each element"),
        Rule::needs("else", &["when"], "add the `when` whose other side this is"),
    ],
    instead: &[
        ("then", "put the action beside `when`; several go in `steps`"),
        ("if", "write `when`"),
        ("repeat", "poll with `retry`, loop over a list with `each`"),
        ("while", "poll with `retry`, loop over a list with `each`"),
        ("loop", "poll with `retry`, loop over a list with `each`"),
        ("for", "loop over a list with `each: NAME in EXPRESSION`"),
        ("retries", "write `retry: 3`; it counts attempts"),
        ("call", "call a hook in an expression: `set: { x: hook(y) }`"),
        ("message", "raise with `check`, say what to do with `hint`"),
        ("line", "write `send`, or `port` for DTR and RTS"),
        ("command", "write `send`"),
        ("cmd", "write `send`"),
        ("at", "write `send`"),
        ("wait", "write `sleep` for a time, `await` for a line"),
        ("delay", "write `sleep`"),
        ("id", "write `name`"),
        ("description", "write `name`; what to do about a failure goes in `hint`"),
        ("quoted", "`{x}` takes a field with or without its quotes"),
        ("catch", "write `on_error`"),
        ("finally", "write `always`"),
        ("ignore_error", "write `on_error: ignore`"),
        ("assert", "write `check`"),
        ("print", "write `log`"),
        ("payload", "write `data` after a prompt, `json`, `text` or `bytes` with `publish`"),
        ("flow", "write `run`"),
        ("response", "write `expect`"),
        ("ok", "the dialect knows what OK is; `final` changes it for one command"),
    ],
};

/// `retry:` as a map.
pub static RETRY: Shape = Shape {
    name: "retry",
    doc: "When to try again. With both `attempts` and `for` the first that ends, ends \
             it. `port`, `reboot` and `stuck` are only caught by an `only` that names them; \
             `refused` and `hook` are not tried again unless named.",
    keys: &[
        Key::new("attempts", Takes::Int { min: 1, max: 1_000_000 }, "how many attempts in all, not repeats"),
        Key::new("for", Takes::Duration, "no attempt starts later than this after the first start"),
        Key::new("every", Takes::Duration, "from start to start; at once if the attempt took longer")
            .default("1s"),
        Key::new("backoff", Takes::DurationRange, "pause from end to start; a range doubles")
            .example("1s..10s"),
        Key::new(
            "jitter",
            Takes::Either(&[Takes::Percent, Takes::Duration]),
            "added to the pause at random, at most this",
        )
        .example("10%"),
        Key::new(
            "only",
            Takes::List(&Takes::Text),
            "errors that are tried again: a name, a family, `cme 10`, `cme 30..32`",
        )
        .default("all but the fatal ones")
        .example("[cme 767, closed]"),
        Key::new("never", Takes::List(&Takes::Text), "errors that are not tried again").example("[cme 10]"),
        Key::new("forever", Takes::Bool, "without an end; said in so many words").default("false"),
    ],
    rules: &[
        Rule::at_least_one(
            &["attempts", "for", "forever"],
            "every retry has an end: add `attempts: 3` or `for: 30s`, or say `forever: true`",
        )
        .code(Code::UNBOUNDED_RETRY),
        Rule::at_most_one(
            &["every", "backoff"],
            "`every` counts from start to start, `backoff` from end to start: keep one",
        ),
        Rule::at_most_one(&["forever", "attempts"], "keep one of them"),
        Rule::at_most_one(&["forever", "for"], "keep one of them"),
    ],
    instead: &[
        ("on", "write `only` for the errors that are tried again"),
        ("times", "write `attempts`"),
        ("count", "write `attempts`"),
        ("max", "write `attempts`"),
        ("delay", "write `every` (start to start) or `backoff` (end to start)"),
        ("interval", "write `every`"),
        ("timeout", "write `for`; `timeout` on the step is for one attempt"),
        ("until", "the step's own `expect` and `check` end it"),
    ],
};

/// `unless:`
pub static PROBE: Shape = Shape {
    name: "probe",
    doc: "A `send` that asks whether something is already so. Passes: the step is \
             skipped as already so. An answer that is not the wanted one: the step acts, \
             then it is asked again and must pass.",
    keys: &[
        Key::new("send", Takes::Template, "the question").required().example("AT+CMEE?"),
        Key::new("expect", Takes::Sequence, "the answer that means already so").example("'+CMEE: 1'"),
        Key::new("collect", Takes::Map(&Takes::Sequence), "names, each for zero or more matches"),
        Key::new("await", Takes::Sequence, "the late result").default("command table"),
        Key::new("fail", Takes::Alternatives, "any of these lines means not so").default("command table"),
        Key::new(
            "final",
            Takes::Either(&[Takes::OneOf(&["none"]), Takes::Alternatives]),
            "what counts as OK for this command",
        )
        .default("`results.ok` of the dialect"),
        Key::new("timeout", Takes::Duration, "one asking").default("command table, else `line.timeout`"),
        Key::new("check", Takes::Expression, "must be true for already so")
            .example("contexts.some(|c| c.cid == 1)"),
    ],
    rules: &[],
    instead: &[("retry", "a probe is asked once; put `retry` on the step")],
};

/// `port:`
pub static PORT: Shape = Shape {
    name: "port",
    doc: "Settings of the open port; what is left out stays. Each is a value or one \
             `${…}`.",
    keys: &[
        Key::new(
            "baud",
            Takes::Either(&[Takes::Int { min: 1, max: 12_000_000 }, Takes::Template]),
            "bits per second",
        )
        .example("115200"),
        Key::new("dtr", Takes::Either(&[Takes::OneOf(&["on", "off"]), Takes::Template]), "the DTR line"),
        Key::new("rts", Takes::Either(&[Takes::OneOf(&["on", "off"]), Takes::Template]), "the RTS line"),
        Key::new(
            "break",
            Takes::Either(&[Takes::Duration, Takes::Template]),
            "hold the break condition this long",
        ),
    ],
    rules: &[Rule::at_least_one(
        &["baud", "dtr", "rts", "break"],
        "say what changes, such as `baud: 115200`",
    )],
    instead: &[("speed", "write `baud`"), ("baud_rate", "write `baud`")],
};

/// One entry of `check:` as a map.
pub static MEASUREMENT: Shape = Shape {
    name: "measurement",
    doc: "A checked value that reports show. Fails below `min`, above `max`, or when the \
             value is `()`.",
    keys: &[
        Key::new("value", Takes::Expression, "what is measured").required().example("dbm(rssi)"),
        Key::new("min", Takes::Either(&[Takes::Number, Takes::Expression]), "the least that passes"),
        Key::new("max", Takes::Either(&[Takes::Number, Takes::Expression]), "the most that passes"),
        Key::new("unit", Takes::Text, "shown beside it").example("dBm"),
    ],
    rules: &[],
    instead: &[],
};

/// `any:` in the place of a sequence.
pub static ANY: Shape = Shape {
    name: "alternatives",
    doc: "Any one of these patterns does; the holes of those that did not match are \
             `()`.",
    keys: &[Key::new("any", Takes::List(&Takes::Pattern), "the patterns, the first that matches counts")
        .required()
        .example("[OK, CONNECT]")],
    rules: &[],
    instead: &[],
};
