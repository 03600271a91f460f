//! A test file: what a flow is to do on a simulated module, and what shows that it did.

use super::{Code, Key, Rule, Shape, Takes};

const VARS: Key = Key::new("vars", Takes::Map(&Takes::Plain), "as `--var`: values for the flow's vars")
    .example("{ host: example.org }");
const RATES_OR_LIST: &[Takes] = &[Takes::Object(&TEST_RATES), Takes::List(&Takes::Object(&TEST_FAULT))];
const FAULTS_OF: Key =
    Key::new("faults", Takes::Either(RATES_OR_LIST), "what goes wrong: rates, or a list of single faults")
        .example("{ lost_bytes: 1e-5, reboot: 2/d }");
const SEED: Key = Key::new("seed", Takes::Int { min: 0, max: i64::MAX }, "where all chance comes from");

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
        FAULTS_OF,
        Key::new("expect", Takes::List(&Takes::Object(&EXPECTATION)), "what must be true").required(),
    ],
    rules: &[],
    instead: &[
        ("steps", "a test runs what `flow` or `run` names"),
        ("events", "write `at`"),
        ("duration", "write `for`"),
    ],
};

/// What goes wrong by chance in a test.
pub static TEST_RATES: Shape = Shape {
    name: "fault rates",
    doc: "What goes wrong by chance: for each byte, line or message (`0.1%`, `1e-5`), or so often a day or an hour (`2/d`). \
          docs/testing.md says what each is counted by.",
    keys: &[
        Key::new("lost_bytes", RATE, "the byte does not come"),
        Key::new("doubled_bytes", RATE, "the byte comes twice"),
        Key::new("garbled_bytes", RATE, "one bit of the byte is another"),
        Key::new("tx_lost_bytes", RATE, "the byte does not arrive"),
        Key::new("tx_doubled_bytes", RATE, "the byte arrives twice"),
        Key::new("tx_garbled_bytes", RATE, "one bit of the byte is another"),
        Key::new("split_chunks", RATE, "the piece comes in two, with a pause between them"),
        Key::new("late_chunks", RATE, "the piece and all behind it come later"),
        Key::new("urc_anywhere", RATE, "the module says a line unasked"),
        Key::new("urc_glued", RATE, "the same, and its line end is missing"),
        Key::new("urc_no_crlf", RATE, "the same, and the next line follows on the same line"),
        Key::new("late_answer", RATE, "the result code and all behind it come later"),
        Key::new("lost_answer", RATE, "the result code does not come"),
        Key::new("cut_answer", RATE, "only the first half of the result code comes"),
        Key::new("late_prompt", RATE, "the prompt and all behind it come later"),
        Key::new("lost_prompt", RATE, "the module wants data and does not say so"),
        Key::new("puback_lost", RATE, "the acknowledgement does not come"),
        Key::new("puback_late", RATE, "the acknowledgement comes later"),
        Key::new("puback_stray", RATE, "a second acknowledgement follows"),
        Key::new("closed_unreported", RATE, "the module does not say that the connection is closed"),
        Key::new("doubled_downlinks", RATE, "the message comes a second time"),
        Key::new(
            "downlink_flood",
            RATE,
            "a hundred to a thousand messages come at once, some of them no commands",
        ),
        Key::new("reboot", RATE, "the module restarts; it echoes again"),
        Key::new("silent_reboot", RATE, "the same, and it does not say so"),
        Key::new("echo_back", RATE, "the module echoes again, although it did not restart"),
        Key::new("port_gone", RATE, "the port vanishes, and comes back"),
        Key::new("broker_away", RATE, "the broker closes the connection and cannot be reached"),
        Key::new(
            "broker_silent",
            RATE,
            "nothing reaches the broker and nothing comes from it, on this connection and on new ones",
        ),
        Key::new("broker_slow", RATE, "everything from the broker takes 1 to 10 seconds longer"),
        Key::new("broker_kicks", RATE, "the broker closes each connection soon after the login"),
        Key::new("registration_lost", RATE, "the network is gone"),
        Key::new("clock_jump", RATE, "the calendar of atflow's machine jumps, forward or back"),
        Key::new("disk_full", RATE, "the disk of a station's outbox is full"),
        Key::new("disk_fails", RATE, "writing to that disk fails"),
        Key::new("heal", Takes::Duration, "from this time on nothing goes wrong").example("20h"),
    ],
    rules: &[],
    instead: &[("fault", "a list has single faults: `- { fault: lost_bytes, nth: 1041 }`")],
};

const RATE: Takes = Takes::Either(&[Takes::Number, Takes::Text]);

const FAULTS: &[&str] = &[
    "lost_bytes",
    "doubled_bytes",
    "garbled_bytes",
    "tx_lost_bytes",
    "tx_doubled_bytes",
    "tx_garbled_bytes",
    "split_chunks",
    "late_chunks",
    "urc_anywhere",
    "urc_glued",
    "urc_no_crlf",
    "late_answer",
    "lost_answer",
    "cut_answer",
    "late_prompt",
    "lost_prompt",
    "puback_lost",
    "puback_late",
    "puback_stray",
    "closed_unreported",
    "doubled_downlinks",
    "downlink_flood",
    "reboot",
    "silent_reboot",
    "echo_back",
    "port_gone",
    "broker_away",
    "broker_silent",
    "broker_slow",
    "broker_kicks",
    "registration_lost",
    "clock_jump",
    "disk_full",
    "disk_fails",
    "heal",
];

/// One thing that goes wrong in a test.
pub static TEST_FAULT: Shape = Shape {
    name: "fault",
    doc: "One thing that goes wrong, exactly then.",
    keys: &[
        Key::new("fault", Takes::OneOf(FAULTS), "what; `heal` ends them all")
            .required()
            .example("lost_bytes"),
        Key::new(
            "nth",
            Takes::Int { min: 1, max: i64::MAX },
            "at which of what it is counted by, from power-on and from 1",
        ),
        Key::new("time", Takes::Duration, "of what goes by days: this long after power-on"),
        Key::new("for", Takes::Duration, "how long it lasts, or how late something is"),
        Key::new("bit", Takes::Int { min: 0, max: 7 }, "of a garbled byte: which bit"),
        Key::new("urc", Takes::Text, "of a line that comes unasked: the line").example("RING"),
        Key::new("clock", Takes::OneOf(&["forward", "back"]), "of a calendar that jumps: which way")
            .default("forward"),
        Key::new("count", Takes::Int { min: 1, max: 10_000 }, "of a flood: how many messages"),
    ],
    rules: &[
        Rule::at_least_one(&["nth", "time"], Code::MISSING_KEY, "say when: `nth: 17`, or `time: 3h`"),
        Rule::at_most_one(&["nth", "time"], "keep one; two times are two faults"),
    ],
    instead: &[],
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
        Key::new("bearer", Takes::OneOf(&["closed", "open"]), "with `start: warm`, the bearer for HTTP")
            .default("closed"),
        Key::new("deaf", Takes::Duration, "after each final result, how long it loses what is sent to it")
            .default("0s")
            .example("20ms"),
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

/// A scenario.
pub static SCENARIO: Shape = Shape {
    name: "scenario",
    doc: "What happens to a simulated module; for `--scenario`, and the same keys as in a test.",
    keys: &[
        SEED.default("`--seed`, else 724"),
        Key::new("sim", Takes::Object(&TEST_SIM), "how the simulated module starts"),
        FAULTS_OF,
        Key::new("at", Takes::List(&Takes::Object(&TEST_EVENT)), "what happens meanwhile")
            .example("[{ time: 10m, broker: away, for: 20m }]"),
    ],
    rules: &[],
    instead: &[("events", "write `at`"), ("expect", "a test file says what must be true: `NAME.test.yaml`")],
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
            "refuse",
            Takes::Pattern,
            "the next command line like this is not carried out, and gets another answer",
        )
        .example("AT+CIPSHUT"),
        Key::new("with", Takes::Text, "that answer: a result such as `+CME ERROR: 3`, or `silence`")
            .default("`ERROR`"),
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
        Key::new(
            "crash",
            Takes::OneOf(&["atflow", "in_write", "before_commit", "after_commit"]),
            "the same, and nothing is put in order: it dies at once, in the middle of its next write to the port, \
             before its next transaction is on the disk, or right behind it",
        ),
        Key::new("for", Takes::Duration, "how long it is away, unplugged, lost or not running")
            .default("for ever; atflow begins again at once"),
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
        Rule::needs("with", &["refuse"], Code::MISSING_KEY, "say what is refused: `refuse: AT+CIPSHUT`"),
        Rule::needs(
            "for",
            &["broker", "port", "registration", "restart", "crash"],
            Code::MISSING_KEY,
            "nothing else lasts",
        ),
        Rule::needs("restart", &["time"], Code::MISSING_KEY, "say when: `time: 20m`"),
        Rule::needs("crash", &["time"], Code::MISSING_KEY, "say when: `time: 20m`"),
    ],
    instead: &[
        ("message", "write `cloud: TOPIC`"),
        ("answer", "write `refuse: LINE` and `with: RESULT`"),
        ("times", "write `count`"),
        ("every", "write one event for each time"),
    ],
};

const KINDS_OF_EVENT: &[&str] = &[
    "cloud",
    "urc",
    "refuse",
    "broker",
    "port",
    "module",
    "registration",
    "clock",
    "suspend",
    "restart",
    "crash",
];

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
    "rules",
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
    "rules",
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
    "rules",
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
