//! A test file: runs of a flow on a simulated module, and calls of its functions.

use super::scenario::{AT, FAULTS, SEED, SIM};
use super::{EXPECTATION, Key, Rule, Shape, Takes};

const VARS: Key = Key::new("vars", Takes::Map(&Takes::Plain), "as `--var`: values for the flow's vars")
    .example("{ host: example.org }");

/// A test file.
pub static TEST_FILE: Shape = Shape {
    name: "test file",
    doc: "Tests of one flow or station, each in a simulated world of its own.",
    keys: &[
        Key::new("flow", Takes::Text, "the file that is tested, relative to this one")
            .required()
            .example("station.yaml"),
        Key::new(
            "port",
            Takes::Text,
            "the simulated module, or `replay:FILE`, a transcript relative to this file",
        )
        .default("`sim:luat-air724`")
        .example("sim:esp-at"),
        SEED.default("724"),
        VARS,
        Key::new("tests", Takes::List(&Takes::Object(&TEST)), "what is tried"),
        Key::new(
            "calls",
            Takes::List(&Takes::Object(&TEST_CALL)),
            "functions of `hooks` and handlers, tried alone",
        ),
    ],
    rules: &[Rule::at_least_one(&["tests", "calls"], "without one of them nothing is tried")],
    instead: &[
        ("sim", "each test has its own `sim`"),
        ("at", "each test has its own `at`"),
        ("module", "write `port: sim:NAME`"),
    ],
};

/// One item of `tests:`.
pub static TEST: Shape = Shape {
    name: "test",
    doc: "One run in a world of its own. It is over after `for`; a flow that ends may be over earlier.",
    keys: &[
        Key::new("name", Takes::Text, "what holds, in words").required(),
        Key::new(
            "run",
            Takes::Either(&[Takes::Text, Takes::List(&Takes::Text)]),
            "one of the file's `flows`, or several that are run one after the other",
        )
        .default("the file's own steps, or the station")
        .example("[wake, attach]"),
        Key::new("for", Takes::Duration, "how long, on the simulated clock")
            .default("required for a station, else 24h")
            .example("24h"),
        SEED.default("the file's"),
        VARS,
        SIM,
        AT,
        FAULTS,
        Key::new("expect", Takes::List(&Takes::Object(&EXPECTATION)), "what must be true").required(),
    ],
    rules: &[],
    instead: &[
        ("steps", "a test runs what `flow` or `run` names"),
        ("events", "write `at`"),
        ("duration", "write `for`"),
    ],
};

/// One item of `calls:`.
pub static TEST_CALL: Shape = Shape {
    name: "call",
    doc: "One call of a function, and what it gives.",
    keys: &[
        Key::new("call", Takes::Expression, "as in an expression; a method's name calls its handler")
            .required()
            .example("'telemetry(17, 3912)'"),
        Key::new("gives", Takes::Compared, "the value; `()` or `null` is nothing, `1..5` any number between"),
        Key::new("fails", Takes::Text, "the error says this, among other words"),
        Key::new(
            "answers",
            Takes::Map(&Takes::Text),
            "what the module answers to a command line of the handler",
        )
        .example("{ 'AT+CSQ': '+CSQ: 17,0' }"),
        Key::new("does", Takes::List(&Takes::Text), "what the handler asks of the station, in order")
            .example("['after 10s reset']"),
    ],
    rules: &[
        Rule::at_least_one(&["gives", "fails"], "say what comes of it: `gives: VALUE`"),
        Rule::at_most_one(&["gives", "fails"], "a call that fails gives nothing"),
    ],
    instead: &[("expect", "write `gives`"), ("returns", "write `gives`"), ("error", "write `fails`")],
};
