//! A test file: what a flow is to do on a simulated module, and what shows that it did.

use super::{Code, Key, Rule, Shape, Takes};

const VARS: Key = Key::new("vars", Takes::Map(&Takes::Plain), "as `--var`: values for the flow's vars")
    .example("{ host: example.org }");
const SEED: Key = Key::new("seed", Takes::Int { min: 0, max: i64::MAX }, "where all chance comes from");

/// A test file.
pub static TEST_FILE: Shape = Shape {
    name: "test file",
    doc: "Tests of one flow or station, each in a simulated world of its own.",
    keys: &[
        Key::new("flow", Takes::Text, "the file that is tested, relative to this one")
            .required()
            .example("station.yaml"),
        Key::new("port", Takes::Text, "the simulated module")
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
    rules: &[Rule::at_least_one(
        &["tests", "calls"],
        Code::MISSING_KEY,
        "without one of them nothing is tried",
    )],
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
        Key::new("sim", Takes::Object(&TEST_SIM), "how the simulated module starts"),
        Key::new("at", Takes::List(&Takes::Object(&TEST_EVENT)), "what happens meanwhile")
            .example("[{ time: 10m, broker: away, for: 20m }]"),
        Key::new("expect", Takes::List(&Takes::Object(&EXPECTATION)), "what must be true").required(),
    ],
    rules: &[],
    instead: &[
        ("steps", "a test runs what `flow` or `run` names"),
        ("events", "write `at`"),
        ("duration", "write `for`"),
    ],
};

/// `sim:` of a test.
pub static TEST_SIM: Shape = Shape {
    name: "simulation",
    doc: "How the simulated module starts; docs/simulator.md says more.",
    keys: &[
        Key::new(
            "sim_card",
            Takes::OneOf(&["ready", "pin", "puk", "absent", "busy"]),
            "the state of the SIM",
        )
        .default("ready"),
        Key::new("pin", Takes::Text, "what unlocks it").default("'1234'"),
        Key::new("puk", Takes::Text, "what unlocks it after three wrong PINs").default("'12345678'"),
        Key::new("delays", Takes::Number, "all of the module's and the network's delays, times this")
            .default("1"),
        Key::new("echo", Takes::Bool, "whether it echoes at first").default("true"),
        Key::new("payload_echo", Takes::Bool, "whether it echoes what follows a prompt").default("false"),
        Key::new("autobaud", Takes::Int { min: 0, max: 1_000 }, "commands it misses until it knows the rate")
            .default("0"),
        Key::new("registration", Takes::Duration, "until it is registered").default("as measured"),
        Key::new("cached", Takes::Bool, "whether messages wait in the module at first").default("false"),
        Key::new(
            "boot",
            Takes::OneOf(&["usual", "garbage", "glued", "silent"]),
            "what it says while it starts",
        )
        .default("usual"),
        Key::new("start", Takes::OneOf(&["cold", "warm"]), "whether it was switched on just now")
            .default("cold"),
        Key::new(
            "clock",
            Takes::OneOf(&["synchronised", "1970"]),
            "the calendar of the machine that runs atflow",
        )
        .default("synchronised"),
    ],
    rules: &[],
    instead: &[("seed", "write `seed` beside `sim`"), ("at", "write `at` beside `sim`")],
};

/// One item of a test's `at:`.
pub static TEST_EVENT: Shape = Shape {
    name: "timed event",
    doc: "Something that happens from outside.",
    keys: &[
        Key::new("time", Takes::Duration, "this long after power-on").example("1m30s"),
        Key::new("after", Takes::Text, "when the module has said this line").example("CONNECT OK"),
        Key::new("cloud", Takes::Text, "the cloud sends a message on this topic")
            .example("command/send/1000"),
        Key::new("json", Takes::Plain, "its payload"),
        Key::new("text", Takes::Text, "its payload"),
        Key::new("bytes", Takes::Text, "its payload, hexadecimal").example("'00 ff'"),
        Key::new("urc", Takes::Text, "the module says this unasked").example("'+CPIN: SIM REMOVED'"),
        Key::new(
            "broker",
            Takes::OneOf(&["away", "close", "back"]),
            "gone; closes the connection once; back",
        ),
        Key::new("port", Takes::OneOf(&["unplug"]), "the port vanishes"),
        Key::new("module", Takes::OneOf(&["reset"]), "it loses power for a moment"),
        Key::new("registration", Takes::OneOf(&["lost"]), "the network is gone"),
        Key::new("clock", Takes::Text, "the machine's calendar: `+30s`, `-1h`, `unknown`, `synchronised`"),
        Key::new("suspend", Takes::Duration, "the machine sleeps"),
        Key::new(
            "restart",
            Takes::OneOf(&["atflow"]),
            "a station ends in order and begins again, in the same world",
        ),
        Key::new("crash", Takes::OneOf(&["atflow"]), "the same, and nothing is put in order"),
        Key::new("for", Takes::Duration, "how long it is away, unplugged or lost").default("for ever"),
        Key::new("count", Takes::Int { min: 1, max: 10_000 }, "how often, at most")
            .default("1; with `after` each time"),
    ],
    rules: &[
        Rule::at_least_one(
            &["time", "after"],
            Code::MISSING_KEY,
            "say when: `time: 30s` or `after: CONNECT OK`",
        ),
        Rule::at_most_one(&["time", "after"], "keep one; two times are two events"),
        Rule::at_least_one(KINDS_OF_EVENT, Code::MISSING_KEY, "say what happens"),
        Rule::at_most_one(KINDS_OF_EVENT, "keep one; what happens together are two events of the same time"),
        Rule::at_most_one(&["json", "text", "bytes"], "a message has one payload"),
        Rule::needs("json", &["cloud"], Code::MISSING_KEY, "say on which topic: `cloud: TOPIC`"),
        Rule::needs("text", &["cloud"], Code::MISSING_KEY, "say on which topic: `cloud: TOPIC`"),
        Rule::needs("bytes", &["cloud"], Code::MISSING_KEY, "say on which topic: `cloud: TOPIC`"),
        Rule::needs("for", &["broker", "port", "registration"], Code::MISSING_KEY, "nothing else lasts"),
        Rule::needs("restart", &["time"], Code::MISSING_KEY, "say when: `time: 20m`"),
        Rule::needs("crash", &["time"], Code::MISSING_KEY, "say when: `time: 20m`"),
    ],
    instead: &[("message", "write `cloud: TOPIC`"), ("every", "write one event for each time")],
};

const KINDS_OF_EVENT: &[&str] =
    &["cloud", "urc", "broker", "port", "module", "registration", "clock", "suspend", "restart", "crash"];

const SUBJECTS: &[&str] = &[
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
    "returns",
    "took",
    "golden",
];
const SUBJECTS_AND_VERDICT: &[&str] = &[
    "verdict",
    "published",
    "replied",
    "sent",
    "handled",
    "run",
    "link",
    "log",
    "state",
    "outbox",
    "returns",
    "took",
    "golden",
];
const ALL_SUBJECTS: &[&str] = &[
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
];
const COUNTED: &[&str] = &["published", "replied", "sent", "handled", "run", "link", "error", "log"];

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
            Takes::Plain,
            "the payload holds at least this; `-113..-51` is any number between, `()` is null",
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
        Key::new("state", Takes::Map(&Takes::Plain), "values of the station's `state` at the end")
            .example("{ relay: true }"),
        Key::new(
            "outbox",
            Takes::Either(&[Takes::OneOf(&["empty"]), Takes::Range]),
            "messages that wait at the end",
        ),
        Key::new("verdict", Takes::OneOf(&["passed", "failed"]), "how a flow ended"),
        Key::new("returns", Takes::Map(&Takes::Plain), "what a flow returned"),
        Key::new("took", Takes::DurationRange, "how long a flow took, on the simulated clock")
            .example("0s..30s"),
        Key::new(
            "golden",
            Takes::Text,
            "the report, as the terminal shows it, is what this file holds; `--update` writes it",
        ),
    ],
    rules: &[
        Rule::at_least_one(
            ALL_SUBJECTS,
            Code::MISSING_KEY,
            "say what must be true, such as `published: attributes`",
        ),
        Rule::at_most_one(SUBJECTS, "keep one; two things are two expectations"),
        Rule::at_most_one(SUBJECTS_AND_VERDICT, "keep one; two things are two expectations"),
        Rule::needs("json", &["published"], Code::MISSING_KEY, "only what was published has a payload"),
        Rule::needs("text", &["published"], Code::MISSING_KEY, "only what was published has a payload"),
        Rule::needs("code", &["replied"], Code::MISSING_KEY, "only what was `replied` has a code"),
        Rule::needs("passed", &["run"], Code::MISSING_KEY, "only what was `run` passes or fails"),
        Rule::needs("failed", &["run"], Code::MISSING_KEY, "only what was `run` passes or fails"),
        Rule::needs("count", COUNTED, Code::MISSING_KEY, "only what happens can be counted"),
        Rule::needs("spacing", COUNTED, Code::MISSING_KEY, "only what happens again has a spacing"),
        Rule::needs("between", COUNTED, Code::MISSING_KEY, "only what happens has a time"),
    ],
    instead: &[
        ("never", "write `count: 0`"),
        ("received", "write `handled: METHOD` for commands"),
        ("then", "write the lines in order: `sent: ['AT+A', 'AT+B']`"),
        ("at_most", "write `count: 0..N`"),
        ("at_least", "write `count: N..`"),
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
        Key::new("gives", Takes::Plain, "the value; `()` is nothing, `1..5` any number between"),
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
        Rule::at_least_one(&["gives", "fails"], Code::MISSING_KEY, "say what comes of it: `gives: VALUE`"),
        Rule::at_most_one(&["gives", "fails"], "a call that fails gives nothing"),
    ],
    instead: &[("expect", "write `gives`"), ("returns", "write `gives`"), ("error", "write `fails`")],
};
