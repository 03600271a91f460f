//! A station: a file that runs for ever.

use super::files::{ABOUT, CLOUD_KEY, FLOWS, HOOKS, MODULE, NAME, USE, VARS};
use super::{Key, LINK, Rule, Shape, Takes};

const KINDS: &[&str] = &["duration", "bool", "int", "number", "text", "list", "map"];

/// A station.
pub static STATION: Shape = Shape {
    name: "station file",
    doc: "A station: schedules, commands from the cloud and events, for ever. One run at \
             a time; a run is never interrupted.",
    keys: &[
        NAME,
        ABOUT,
        MODULE,
        CLOUD_KEY,
        USE,
        HOOKS,
        VARS,
        Key::new("state", Takes::Map(&Takes::Object(&STATE_VALUE)), "values kept on disk, read as `state.x`")
            .example("{ relay: { type: bool, default: false } }"),
        Key::new("schedule", Takes::List(&Takes::Object(&SCHEDULE)), "what is run again and again"),
        Key::new("downlink", Takes::Object(&DOWNLINK), "what answers the cloud's commands"),
        Key::new("events", Takes::List(&Takes::Object(&EVENT)), "what is run when something happens"),
        Key::new("link", Takes::Object(&LINK), "what is climbed to get online").default("the cloud file's"),
        Key::new("outbox", Takes::Object(&OUTBOX), "how long reports wait for the link"),
        FLOWS,
    ],
    rules: &[Rule::at_least_one(
        &["schedule", "downlink", "events"],
        "without one of them nothing is ever run",
    )],
    instead: &[
        (
            "steps",
            "a file has `steps` (it ends) or `schedule`, `downlink`, `events` (it runs for \
             ever), never both; what must be redone after a restart is a level of `link.up`",
        ),
        ("params", "a station is not called; use `vars`"),
        ("on", "write `events`"),
        ("schedules", "write `schedule`"),
        ("commands", "write `downlink`"),
        ("handlers", "write `downlink: { handlers: FILE.rhai, methods: { … } }`"),
    ],
};

/// One value of `state:`.
pub static STATE_VALUE: Shape = Shape {
    name: "state value",
    doc: "A value that survives restarts. What does not fit is error `check`.",
    keys: &[
        Key::new("type", Takes::OneOf(KINDS), "what it is").required(),
        Key::new("default", Takes::Plain, "what it is before it is set").required(),
        Key::new("min", Takes::Either(&[Takes::Number, Takes::Duration]), "the least"),
        Key::new("max", Takes::Either(&[Takes::Number, Takes::Duration]), "the most"),
    ],
    rules: &[],
    instead: &[],
};

const ONE_RUN: Key =
    Key::new("timeout", Takes::Duration, "one run").default("none; the worst case is added up and printed");
const RUN_STEPS: Key = Key::new("steps", Takes::Steps, "what is run").required();

/// One item of `schedule:`.
pub static SCHEDULE: Shape = Shape {
    name: "schedule",
    doc: "A run that comes again and again.",
    keys: &[
        Key::new("name", Takes::Text, "shown in reports; its due times are kept under it").required(),
        Key::new(
            "every",
            Takes::Either(&[Takes::Duration, Takes::Template]),
            "from due time to due time; one `${…}` is read again when its `state` changes",
        )
        .example("${state.report_every}"),
        Key::new("cron", Takes::Text, "by wall time").example("'0 3 * * *'"),
        Key::new("tz", Takes::Text, "the zone of `cron`, an IANA name")
            .default("UTC")
            .example("Europe/Berlin"),
        Key::new("at_start", Takes::Bool, "also when the station starts").default("true"),
        Key::new("jitter", Takes::Duration, "moved by at most this, always the same for one station")
            .default("none"),
        Key::new(
            "missed",
            Takes::OneOf(&["skip", "once"]),
            "what becomes of due times while the station was stopped",
        )
        .default("skip"),
        Key::new("overlap", Takes::OneOf(&["skip", "queue"]), "due again while it waits or runs")
            .default("skip"),
        ONE_RUN,
        RUN_STEPS,
    ],
    rules: &[
        Rule::at_least_one(&["every", "cron"], "say when: `every: 1m` or `cron: '0 3 * * *'`"),
        Rule::at_most_one(&["every", "cron"], "keep one; two times are two schedules"),
        Rule::needs("tz", &["cron"], "`every` counts from due time to due time, in no zone"),
    ],
    instead: &[
        ("interval", "write `every`"),
        ("retry", "put it on a step"),
        ("zone", "write `tz`"),
        ("timezone", "write `tz`"),
    ],
};

/// One item of `events:`.
pub static EVENT: Shape = Shape {
    name: "event",
    doc: "A run that something starts.",
    keys: &[
        Key::new("name", Takes::Text, "shown in reports").default("what it waits for"),
        Key::new("urc", Takes::Pattern, "this line from the module").example("'+CPIN: SIM REMOVED{}'"),
        Key::new(
            "message",
            Takes::Topic,
            "a message on this topic; sets `topic`, `payload`, `body` and the topic's holes",
        )
        .example("attributes/push"),
        Key::new("link", Takes::OneOf(&["up", "lost"]), "the link came up, or is lost"),
        Key::new("when", Takes::Expression, "false: nothing is run").default("true"),
        Key::new("overlap", Takes::OneOf(&["queue", "skip"]), "it happens again while a run waits")
            .default("queue"),
        ONE_RUN,
        RUN_STEPS,
    ],
    rules: &[
        Rule::at_least_one(&["urc", "message", "link"], "say what starts it: `urc`, `message` or `link`"),
        Rule::at_most_one(&["urc", "message", "link"], "keep one; two causes are two events"),
    ],
    instead: &[
        ("on", "write `urc`, `message` or `link`"),
        ("topic", "write `message`"),
        ("if", "write `when`"),
    ],
};

/// `downlink:`
pub static DOWNLINK: Shape = Shape {
    name: "downlink",
    doc: "Commands from the cloud. The cloud file says how they look, the station what \
             answers them; a key of the station counts over the cloud's. A command is \
             recorded before it runs and runs at most once.",
    keys: &[
        Key::new("topic", Takes::Topic, "where commands come").example("command/send/{id}"),
        Key::new("key", Takes::Template, "what tells one command from another").example("${id}"),
        Key::new(
            "ids",
            Takes::OneOf(&["unique", "reused"]),
            "whether a key may come again for a new command; `reused`: the same key and \
             payload within a minute is a repeat",
        )
        .default("reused"),
        Key::new("method", Takes::Template, "the handler's name").example("${body.method}"),
        Key::new("params", Takes::Template, "what the handler gets").example("${body.params}"),
        Key::new("sent_at", Takes::Template, "when the cloud sent it, if it says so")
            .default("when it was received"),
        Key::new("reply", Takes::Object(&REPLY), "how the answer goes up"),
        Key::new("handlers", Takes::Text, "a Rhai file: its public functions, by the name of the method")
            .example("commands.rhai"),
        Key::new("expire", Takes::Duration, "an older command is answered with `expired` and not run")
            .default("10m"),
        Key::new("methods", Takes::Map(&Takes::Object(&METHOD)), "what can be called, and with which params")
            .example("{ signal: {} }"),
        Key::new(
            "at",
            Takes::List(&Takes::Text),
            "the only commands that `at(…)` of a handler may send, as keys of the command \
             table",
        )
        .default("any"),
    ],
    rules: &[],
    instead: &[("commands", "write `methods`"), ("handler", "write `handlers`")],
};

/// `downlink.reply`
pub static REPLY: Shape = Shape {
    name: "reply",
    doc: "The answer to a command; `result` is what the handler returned, or `#{ error, \
             message }`.",
    keys: &[
        Key::new("topic", Takes::Template, "where it goes").required().example("command/reply/${id}"),
        Key::new("json", Takes::Tree, "what it says")
            .required()
            .example("{ method: '${method}', params: '${result}' }"),
    ],
    rules: &[],
    instead: &[],
};

/// One entry of `downlink.methods`.
pub static METHOD: Shape = Shape {
    name: "method",
    doc: "Something the cloud can call.",
    keys: &[
        Key::new("params", Takes::Map(&Takes::Object(&PARAM)), "what it takes; anything else is refused")
            .default("none"),
        Key::new(
            "allow",
            Takes::OneOf(&["dangerous"]),
            "its handler may send commands that restart the module or are sent only once",
        )
        .default("neither"),
    ],
    rules: &[],
    instead: &[],
};

/// One entry of a method's `params`.
pub static PARAM: Shape = Shape {
    name: "param",
    doc: "One param of a method. Without a default it must be there, unless `required` says no.",
    keys: &[
        Key::new("type", Takes::OneOf(KINDS), "what it is").required(),
        Key::new("min", Takes::Either(&[Takes::Number, Takes::Duration]), "the least"),
        Key::new("max", Takes::Either(&[Takes::Number, Takes::Duration]), "the most"),
        Key::new("default", Takes::Plain, "if it is not there").default("it is required"),
        Key::new("required", Takes::Bool, "whether it must be there; `()` if it may not be and is not")
            .default("true without a default"),
    ],
    rules: &[Rule::at_most_one(&["required", "default"], "what has a default need not be there: keep one")],
    instead: &[],
};

/// `outbox:`
pub static OUTBOX: Shape = Shape {
    name: "outbox",
    doc: "Reports that wait on disk until the cloud has them.",
    keys: &[
        Key::new("keep", Takes::Duration, "how long").default("30d"),
        Key::new("max", Takes::Int { min: 1, max: 10_000_000 }, "how many").default("100000"),
        Key::new("bytes", Takes::Int { min: 1_024, max: 1 << 40 }, "how many bytes of all payloads together")
            .default("67108864"),
        Key::new("drop", Takes::OneOf(&["oldest", "newest"]), "which goes when it is full").default("oldest"),
        Key::new("order", Takes::OneOf(&["strict"]), "reports go in the order in which they were made")
            .default("strict"),
        Key::new("qos", Takes::Int { min: 0, max: 1 }, "quality of service of what says none, replies too")
            .default("1 if the module can, else 0"),
        Key::new(
            "report_id",
            Takes::Bool,
            "whether a report that is a JSON object says who it is, so that a repeat can be told",
        )
        .default("true"),
        Key::new(
            "time",
            Takes::Text,
            "the name under which a report that is a JSON object says when it was made",
        )
        .default("none")
        .example("reported_at"),
        Key::new(
            "bytes_per_day",
            Takes::Int { min: 1, max: i64::MAX },
            "bytes a day over the network; a warning is given when they are used up",
        )
        .default("none"),
    ],
    rules: &[],
    instead: &[("size", "write `bytes`"), ("count", "write `max`")],
};
