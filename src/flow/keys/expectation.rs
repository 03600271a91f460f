//! One item of a test's `expect:`.

use super::{Key, Rule, Shape, Takes};

/// What can be expected; first what can happen several times.
const SUBJECTS: [&str; 15] = [
    "published",
    "replied",
    "sent",
    "handled",
    "run",
    "link",
    "error",
    "log",
    "state",
    "outbox",
    "verdict",
    "returns",
    "took",
    "golden",
    "rules",
];
const COUNTED: &[&str] = SUBJECTS.split_at(8).0;
/// `error` and `verdict` go together; with either of them nothing else does.
const WITHOUT_ERROR: [&str; 14] = subjects_without(6);
const WITHOUT_VERDICT: [&str; 14] = subjects_without(10);

const fn subjects_without(left_out: usize) -> [&'static str; SUBJECTS.len() - 1] {
    let mut others = [""; SUBJECTS.len() - 1];
    let mut index = 0;
    while index < others.len() {
        others[index] = SUBJECTS[if index < left_out { index } else { index + 1 }];
        index += 1;
    }
    others
}

/// One item of `expect:`.
pub static EXPECTATION: Shape = Shape {
    name: "expectation",
    doc: "One thing that must be true at the end. What can happen several times is chosen by its words, \
          `json`, `text`, `code` and `between`, and then counted; without `count` once is enough.",
    keys: &[
        Key::new("published", Takes::Topic, "messages that reached the cloud on this topic")
            .example("command/reply/{id}"),
        Key::new(
            "json",
            Takes::Compared,
            "the payload holds at least this; `-113..-51` is any number between, `()` or `null` is null",
        )
        .example("{ signal_dbm: -113..-51 }"),
        Key::new("text", Takes::Text, "the payload is this text"),
        Key::new("replied", Takes::Text, "commands of this method that were answered").example("restart"),
        Key::new("code", Takes::Text, "how it was answered").default("any way").example("ok"),
        Key::new("handled", Takes::Text, "runs of this method's handler").example("restart"),
        Key::new(
            "sent",
            Takes::Either(&[Takes::Pattern, Takes::List(&Takes::Pattern)]),
            "command lines; a list is lines in this order, with others between",
        )
        .example("'AT+MIPSTART={:rest}'"),
        Key::new("run", Takes::Text, "runs of a schedule, an event or a timer").example("report"),
        Key::new("passed", Takes::Range, "so many of them passed"),
        Key::new("failed", Takes::Range, "so many of them failed"),
        Key::new("within", Takes::Duration, "none of them took longer").example("30s"),
        Key::new("link", Takes::OneOf(&["up", "lost"]), "the link came up, or was lost"),
        Key::new(
            "error",
            Takes::Text,
            "attempts that failed with this error; with `verdict: failed` what the flow failed with",
        )
        .example("cme 767"),
        Key::new("log", Takes::Pattern, "what `log` said"),
        Key::new("count", Takes::Range, "how often").default("once or more").example("59..60"),
        Key::new("spacing", Takes::DurationRange, "from one to the next").example("55s..65s"),
        Key::new("between", Takes::DurationRange, "only those of this time").example("40s..45s"),
        Key::new("state", Takes::Map(&Takes::Compared), "values of the station's `state` at the end")
            .example("{ relay: true }"),
        Key::new(
            "outbox",
            Takes::Either(&[Takes::OneOf(&["empty"]), Takes::Range]),
            "messages that wait at the end",
        ),
        Key::new("verdict", Takes::OneOf(&["passed", "failed"]), "how a flow ended"),
        Key::new("returns", Takes::Map(&Takes::Compared), "what a flow returned"),
        Key::new("took", Takes::DurationRange, "how long a flow took, on the simulated clock")
            .example("0s..30s"),
        Key::new(
            "rules",
            Takes::OneOf(&["hold"]),
            "the rules of `atflow fuzz` hold: nothing is lost, doubled, out of order, or sent at the wrong time",
        ),
        Key::new(
            "golden",
            Takes::Text,
            "the report, as the terminal shows it, is what this file holds; `--update` writes it",
        ),
    ],
    rules: &[
        Rule::at_least_one(&SUBJECTS, "say what must be true, such as `published: attributes`"),
        Rule::at_most_one(&WITHOUT_VERDICT, "keep one; two things are two expectations"),
        Rule::at_most_one(&WITHOUT_ERROR, "keep one; two things are two expectations"),
        Rule::needs("json", &["published"], "only what was published has a payload"),
        Rule::needs("text", &["published"], "only what was published has a payload"),
        Rule::needs("code", &["replied"], "only what was `replied` has a code"),
        Rule::needs("passed", &["run"], "only what was `run` passes or fails"),
        Rule::needs("failed", &["run"], "only what was `run` passes or fails"),
        Rule::needs("within", &["run"], "only what was `run` takes a time; of a flow that ends it is `took`"),
        Rule::needs("count", COUNTED, "only what happens can be counted"),
        Rule::needs("spacing", COUNTED, "only what happens again has a spacing"),
        Rule::needs("between", COUNTED, "only what happens has a time"),
    ],
    instead: &[
        ("never", "write `count: 0`"),
        ("received", "write `handled: METHOD` for commands"),
        ("then", "write the lines in order: `sent: ['AT+A', 'AT+B']`"),
        ("at_most", "write `count: 0..N`"),
        ("at_least", "write `count: N..`"),
    ],
};
