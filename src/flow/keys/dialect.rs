//! A dialect: all that is known about a module family.

use super::files::{ABOUT, FLOWS, HOOKS, VARS};
use super::{Key, Shape, Takes};

/// A dialect file.
pub static DIALECT: Shape = Shape {
    name: "dialect file",
    doc: "What is known about a module family, as data. With `extends` maps merge by \
             key, lists append (this file's first), a command entry or flow is replaced \
             whole.",
    keys: &[
        Key::new("name", Takes::Text, "as `module:` names it").default("the file's name"),
        ABOUT,
        Key::new("extends", Takes::Text, "the dialect this one is like").example("generic"),
        Key::new("line", Takes::Object(&LINE), "how command lines look and how long they may take"),
        Key::new("results", Takes::Object(&RESULTS), "the final result codes"),
        Key::new(
            "escapes",
            Takes::Map(&Takes::Text),
            "what `escape(…)` puts for a character; no value brings one of these into a \
             command line otherwise",
        )
        .example(r"{ '\': '\5C' }"),
        Key::new("limits", Takes::Object(&DIALECT_LIMITS), "what the module can take"),
        VARS,
        HOOKS,
        Key::new("urc", Takes::Object(&URC), "what the module says unasked, by meaning"),
        Key::new(
            "commands",
            Takes::Map(&Takes::Object(&COMMAND)),
            "what is special about a command; the key names command and form: `AT+X=` set, \
             `AT+X?` read, `AT+X=?` test, `AT+X` execute; the longest key wins",
        )
        .example("{ AT+CPIN=: { once: true } }"),
        Key::new("errors", Takes::Map(&Takes::Map(&Takes::Text)), "what the numbers of an error family mean")
            .example("{ cme: { 10: SIM not inserted } }"),
        FLOWS,
    ],
    rules: &[],
    instead: &[
        ("steps", "a dialect has `flows`: `wake`, `attach`, `connect`, …"),
        ("means", "write `urc`: each of its lists is a meaning"),
        ("frame", "count bytes in a pattern: `'+MSUB: {topic},{n:int},{payload:bytes(n)}'`"),
        ("prompts", "a command has its `prompt`"),
    ],
};

/// `line:`
pub static LINE: Shape = Shape {
    name: "line",
    doc: "How command lines look and how long they may take.",
    keys: &[
        Key::new("ending", Takes::Text, "what ends a command line").default(r#""\r\n""#).example(r#""\r""#),
        Key::new("quiet", Takes::Duration, "silence kept between a result and the next command line")
            .default("20ms"),
        Key::new("timeout", Takes::Duration, "one attempt of a command that the table says nothing about")
            .default("10s"),
        Key::new(
            "max",
            Takes::Int { min: 1, max: 65_536 },
            "longest command line in bytes, without its ending",
        )
        .default("1024"),
    ],
    rules: &[],
    instead: &[],
};

/// `results:`
pub static RESULTS: Shape = Shape {
    name: "results",
    doc: "The final result codes.",
    keys: &[
        Key::new("ok", Takes::Alternatives, "good ones").example("[OK]"),
        Key::new("error", Takes::Alternatives, "bad ones; an `{x:error}` hole names the error `x N`")
            .example("[ERROR, '+CME ERROR: {cme:error}']"),
        Key::new("busy", Takes::Alternatives, "not taken: sent again when the module is quiet")
            .example("['busy p...']"),
    ],
    rules: &[],
    instead: &[],
};

/// `limits:` of a dialect.
pub static DIALECT_LIMITS: Shape = Shape {
    name: "dialect limits",
    doc: "What the module can take.",
    keys: &[
        Key::new("topic", Takes::Int { min: 1, max: 65_535 }, "longest topic in bytes").default("256"),
        Key::new(
            "payload",
            Takes::Int { min: 1, max: 16_777_216 },
            "longest payload in bytes; also the longest counted data that is believed in an answer; of a message at \
             least 16384 bytes are",
        )
        .default("4100"),
        Key::new(
            "qos",
            Takes::List(&Takes::Int { min: 0, max: 2 }),
            "qualities of service that `publish` may ask for",
        )
        .default("[0]"),
    ],
    rules: &[],
    instead: &[],
};

const LINES: Takes = Takes::Alternatives;

/// `urc:`
pub static URC: Shape = Shape {
    name: "urc",
    doc: "Lines that come unasked, by what they mean; the first match counts, in this \
             order.",
    keys: &[
        Key::new("closed", LINES, "the session, or what carries it, is gone"),
        Key::new("reboot", LINES, "the module restarted"),
        Key::new("notice", LINES, "a message waits in the module; the flow `fetch` brings it"),
        Key::new(
            "message",
            Takes::List(&Takes::Either(&[Takes::Pattern, Takes::Object(&BLOCK)])),
            "a message from the broker: holes `topic` and `payload`, and `qos`, `total` if \
             there are such",
        )
        .example("['+MSUB: {topic},{n:int} byte,{payload:bytes(n)}']"),
        Key::new("other", LINES, "known and of no consequence: kept out of responses"),
    ],
    rules: &[],
    instead: &[],
};

/// A message over several lines.
pub static BLOCK: Shape = Shape {
    name: "block",
    doc: "A message over several lines, in order.",
    keys: &[Key::new(
        "block",
        Takes::List(&Takes::Either(&[Takes::Pattern, Takes::Object(&MANY)])),
        "the lines",
    )
    .required()],
    rules: &[],
    instead: &[],
};

/// A part of a block or sequence that comes more than once.
pub static MANY: Shape = Shape {
    name: "many",
    doc: "Lines that come at least once; their `bytes` are joined.",
    keys: &[Key::new("many", Takes::List(&Takes::Pattern), "the lines of one round").required()],
    rules: &[],
    instead: &[],
};

/// One entry of `commands:`.
pub static COMMAND: Shape = Shape {
    name: "command entry",
    doc: "What is special about a command. A key on the step replaces the same key here.",
    keys: &[
        Key::new("expect", Takes::Sequence, "lines that must have come"),
        Key::new("collect", Takes::Map(&Takes::Sequence), "names, each for zero or more matches"),
        Key::new("await", Takes::Sequence, "the late result, in order, before or after the final")
            .example("CONNECT OK"),
        Key::new("fail", Takes::Alternatives, "any of these lines decides that it failed")
            .example("[CONNECT FAIL, CLOSED]"),
        Key::new(
            "final",
            Takes::Either(&[Takes::OneOf(&["none"]), Takes::Alternatives]),
            "what counts as OK",
        )
        .default("`results.ok`")
        .example("[SHUT OK, OK]"),
        Key::new("prompt", Takes::Text, "what asks for data: `'>'` or a word").example("'>'"),
        Key::new("ends", Takes::OneOf(&["length", "ctrl-z"]), "how the data ends").default("length"),
        Key::new(
            "length",
            Takes::Int { min: 1, max: 64 },
            "which argument says how many bytes of data there are, for who types a command: 1 is the first",
        )
        .default("the last"),
        Key::new("cancel", Takes::OneOf(&["none", "esc", "ctrl-z"]), "how to leave the data phase")
            .default("none"),
        Key::new("timeout", Takes::Duration, "one attempt").default("`line.timeout`"),
        Key::new("once", Takes::Bool, "a line that failed is never sent again, by no retry, run or process")
            .default("false"),
        Key::new(
            "restarts",
            Takes::Duration,
            "the module restarts after this; a sign of it must show within",
        ),
    ],
    rules: &[],
    instead: &[
        ("retry", "what is repeated is written in a flow"),
        ("set", "what is kept is written in a flow"),
        ("check", "what is decided is written in a flow"),
    ],
};
