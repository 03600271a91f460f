//! The files: a flow that ends, a cloud, and what they share.

use super::step::{ON_ERROR, RETRIES};
use super::{DOWNLINK, Key, Rule, Shape, Takes};

static VAR_VALUE: Takes = Takes::Either(&[Takes::Plain, Takes::Object(&VAR_SOURCE)]);
static FLOW_VALUE: Takes = Takes::Object(&NAMED_FLOW);

pub(super) const NAME: Key = Key::new("name", Takes::Text, "shown in reports").default("the file's name");
pub(super) const ABOUT: Key = Key::new("about", Takes::Text, "what it is for, for people");
pub(super) const VARS: Key = Key::new(
    "vars",
    Takes::Map(&VAR_VALUE),
    "values that never change while it runs; over them the vars of a file that uses \
             this one, over those `--var`",
)
.example("{ host: example.org, token: { env: TOKEN, secret: true } }");
pub(super) const HOOKS: Key = Key::new(
    "hooks",
    Takes::List(&Takes::Text),
    "Rhai files whose public functions may be called in expressions",
)
.example("[telemetry.rhai]");
pub(super) const FLOWS: Key = Key::new("flows", Takes::Map(&FLOW_VALUE), "flows that `run` can name");
pub(super) const MODULE: Key = Key::new(
    "module",
    Takes::Text,
    "the dialect: `modules/NAME.yaml` beside the file, else a bundled one; with `/` \
             a path",
)
.default("generic")
.example("luat-air724");
pub(super) const CLOUD_KEY: Key =
    Key::new("cloud", Takes::Text, "the cloud file: beside the file, else a bundled one; with `/` a path")
        .example("thingscloud");
pub(super) const USE: Key = Key::new("use", Takes::List(&Takes::Text), "files whose `flows` may be run");
const PARAMS: Key = Key::new("params", Takes::Params, "what a caller passes: names, or name and default")
    .example("[topic, payload, qos: 0]");
const RETURNS: Key = Key::new(
    "returns",
    Takes::List(&Takes::Text),
    "names that become the caller's; in a file run from the command line: the \
             result row",
)
.example("[firmware]");

/// A flow: a file that runs its steps and ends.
pub static FLOW: Shape = Shape {
    name: "flow file",
    doc: "A flow: runs its `steps` and ends.",
    keys: &[
        NAME,
        ABOUT,
        MODULE,
        CLOUD_KEY,
        USE,
        HOOKS,
        VARS,
        PARAMS,
        RETURNS,
        Key::new("timeout", Takes::Duration, "all of it")
            .default("none; the worst case is added up and printed"),
        Key::new("steps", Takes::Steps, "what it does, in order"),
        FLOWS,
    ],
    rules: &[Rule::at_least_one(&["steps", "flows"], "add `steps`, such as `steps: [AT]`")],
    instead: &[
        ("dialect", "write `module`"),
        ("import", "write `use` for flows, `hooks` for functions"),
        ("include", "write `use` for flows, `hooks` for functions"),
        ("variables", "write `vars`"),
        ("description", "write `about`"),
        ("port", "the port is given on the command line: `--port`"),
        ("extends", "only a dialect extends another; a flow names its dialect with `module`"),
        ("on_error", "put it on a step; a group of steps takes it, too"),
        ("retry", "put it on a step; a group of steps takes it, too"),
    ],
};

/// A cloud: how any module whose dialect keeps the contract talks to it.
pub static CLOUD: Shape = Shape {
    name: "cloud file",
    doc: "A cloud: how a station gets online with it and how its commands look. Works \
             with every dialect that has `connect`, `publish` and `subscribe`.",
    keys: &[
        NAME,
        ABOUT,
        VARS,
        Key::new("link", Takes::Object(&LINK), "what a station climbs, and climbs again after a fall"),
        Key::new("limits", Takes::Object(&CLOUD_LIMITS), "what the cloud allows"),
        Key::new("downlink", Takes::Object(&DOWNLINK), "how a command comes down and a reply goes up"),
        FLOWS,
    ],
    rules: &[],
    instead: &[("module", "a cloud file does not know the module; the station names it")],
};

/// An entry of `flows:`.
pub static NAMED_FLOW: Shape = Shape {
    name: "flow",
    doc: "A flow that `run` can name. It sees its params and its own file's vars, \
             nothing of the caller.",
    keys: &[
        ABOUT,
        PARAMS,
        RETURNS,
        Key::new("timeout", Takes::Duration, "one attempt")
            .default("none; the worst case is added up and printed"),
        Key::new("retry", RETRIES, "further attempts of all its steps").default("1 attempt"),
        Key::new("steps", Takes::Steps, "what it does, in order").required(),
        Key::new("on_error", ON_ERROR, "as on a step").default("fail"),
        Key::new("always", Takes::Steps, "afterwards, passed or not"),
    ],
    rules: &[],
    instead: &[
        ("name", "the key is its name"),
        ("vars", "vars belong to the file; what a caller passes are `params`"),
    ],
};

/// A var that comes from somewhere.
pub static VAR_SOURCE: Shape = Shape {
    name: "var source",
    doc: "Where the value of a var comes from.",
    keys: &[
        Key::new("env", Takes::Text, "an environment variable").example("SIM_PIN"),
        Key::new("file", Takes::Text, "a file's bytes"),
        Key::new("csv", Takes::Text, "a CSV file: a list of maps, all texts"),
        Key::new("json", Takes::Text, "a JSON file"),
        Key::new("default", Takes::Plain, "if the source is not there").default("an error"),
        Key::new("simulated", Takes::Plain, "used on simulated and replayed ports instead"),
        Key::new("secret", Takes::Bool, "masked in everything that is shown or written").default("false"),
    ],
    rules: &[Rule::at_most_one(&["env", "file", "csv", "json"], "a var has one source: keep one")],
    instead: &[],
};

/// `link:`
pub static LINK: Shape = Shape {
    name: "link",
    doc: "How a station gets online and stays there.",
    keys: &[
        Key::new(
            "up",
            Takes::Steps,
            "`run` steps, climbed bottom to top; after a loss the top one first, then \
             further down",
        )
        .required()
        .example("[{ run: wake }, { run: attach }]"),
        Key::new("check", Takes::Object(&LINK_CHECK), "asked every so often while up")
            .example("{ run: status, every: 2m }"),
        Key::new("down", Takes::Object(&LINK_DOWN), "at the end of the process")
            .example("{ run: disconnect }"),
        Key::new(
            "reset",
            Takes::Either(&[Takes::Object(&LINK_RESET), Takes::List(&Takes::Object(&LINK_RESET))]),
            "when climbing failed; of several the mildest first",
        )
        .example("{ run: reset, at_most: 1, per: 1h }"),
    ],
    rules: &[],
    instead: &[],
};

/// `link.check`
pub static LINK_CHECK: Shape = Shape {
    name: "link check",
    doc: "Whether the link still holds; also asked once before each climb.",
    keys: &[
        Key::new("run", Takes::Text, "a flow that returns `online`").required(),
        Key::new("every", Takes::Duration, "from start to start").required(),
    ],
    rules: &[],
    instead: &[],
};

/// `link.down`
pub static LINK_DOWN: Shape = Shape {
    name: "link end",
    doc: "What is run when the process ends.",
    keys: &[Key::new("run", Takes::Text, "a flow").required()],
    rules: &[],
    instead: &[],
};

/// `link.reset`
pub static LINK_RESET: Shape = Shape {
    name: "link reset",
    doc: "The last resort, and how often it may be used.",
    keys: &[
        Key::new("run", Takes::Text, "a flow that restarts the module").required(),
        Key::new("at_most", Takes::Int { min: 1, max: 1_000 }, "so often").default("1"),
        Key::new("per", Takes::Duration, "in this time").default("1h"),
    ],
    rules: &[],
    instead: &[],
};

/// `limits:` of a cloud file.
pub static CLOUD_LIMITS: Shape = Shape {
    name: "cloud limits",
    doc: "What the cloud allows.",
    keys: &[
        Key::new("report_every", Takes::Duration, "a schedule that publishes more often is refused")
            .default("none"),
        Key::new("gap", Takes::Duration, "between any two publishes").default("100ms"),
        Key::new("drain_every", Takes::Duration, "between two reports that waited for the link")
            .default("1s"),
    ],
    rules: &[],
    instead: &[],
};
