//! What happens to a simulated module: in a scenario, and in a test.

use super::faults::{TEST_FAULT, TEST_RATES};
use super::{Key, Rule, Shape, Takes};

pub(super) const SEED: Key =
    Key::new("seed", Takes::Int { min: 0, max: i64::MAX }, "where all chance comes from");
pub(super) const SIM: Key = Key::new("sim", Takes::Object(&TEST_SIM), "how the simulated module starts");
pub(super) const AT: Key = Key::new("at", Takes::List(&EVENT), "what happens meanwhile")
    .example("[{ time: 10m, broker: away, for: 20m }]");
pub(super) const FAULTS: Key =
    Key::new("faults", Takes::Either(RATES_OR_LIST), "what goes wrong: rates, or a list of single faults")
        .example("{ lost_bytes: 1e-5, reboot: 2/d }");
const EVENT: Takes = Takes::Object(&TEST_EVENT);
const RATES_OR_LIST: &[Takes] = &[Takes::Object(&TEST_RATES), Takes::List(&Takes::Object(&TEST_FAULT))];

/// A scenario.
pub static SCENARIO: Shape = Shape {
    name: "scenario",
    doc: "What happens to a simulated module; for `--scenario`, and the same keys as in a test.",
    keys: &[SEED.default("`--seed`, else 724"), SIM, FAULTS, AT],
    rules: &[],
    instead: &[("events", "write `at`"), ("expect", "a test file says what must be true: `NAME.test.yaml`")],
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
        Key::new("login", Takes::Object(&TEST_LOGIN), "the one login that the cloud accepts")
            .default("any that is not empty")
            .example("{ access_token: right, project_key: right }"),
    ],
    rules: &[],
    instead: &[
        ("seed", "write `seed` beside `sim`"),
        ("at", "write `at` beside `sim`"),
        ("cloud", "write `login` for what it accepts; what it sends is an entry of `at`: `cloud: TOPIC`"),
    ],
};

/// `login:` of a simulation.
pub static TEST_LOGIN: Shape = Shape {
    name: "login",
    doc: "What a device has to say to the cloud behind the simulated module.",
    keys: &[
        Key::new("access_token", Takes::Text, "the device's AccessToken, which is the MQTT user name")
            .required(),
        Key::new("project_key", Takes::Text, "the project's ProjectKey, which is the MQTT password")
            .required(),
    ],
    rules: &[],
    instead: &[("username", "write `access_token`"), ("password", "write `project_key`")],
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
        Rule::at_least_one(&["time", "after"], "say when: `time: 30s` or `after: CONNECT OK`"),
        Rule::at_most_one(&["time", "after"], "keep one; two times are two events"),
        Rule::at_least_one(KINDS_OF_EVENT, "say what happens"),
        Rule::at_most_one(KINDS_OF_EVENT, "keep one; what happens together are two events of the same time"),
        Rule::at_most_one(&["json", "text", "bytes"], "a message has one payload"),
        Rule::needs("json", &["cloud"], "say on which topic: `cloud: TOPIC`"),
        Rule::needs("text", &["cloud"], "say on which topic: `cloud: TOPIC`"),
        Rule::needs("bytes", &["cloud"], "say on which topic: `cloud: TOPIC`"),
        Rule::needs("with", &["refuse"], "say what is refused: `refuse: AT+CIPSHUT`"),
        Rule::needs("for", &["broker", "port", "registration", "restart", "crash"], "nothing else lasts"),
        Rule::needs("restart", &["time"], "say when: `time: 20m`"),
        Rule::needs("crash", &["time"], "say when: `time: 20m`"),
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
