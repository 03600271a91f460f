//! From YAML to a scenario, by the tables of the language: what is wrong with it is found all at once, each at
//! its place. Test files read their `sim:` and `at:` with the same functions.

mod faults;

use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Diagnostics, FileId, Look, Sources, Span};
use crate::flow::duration;
use crate::flow::fields::{Fields, PlainValue};
use crate::flow::keys::{SCENARIO, TEST_EVENT, TEST_SIM};
use crate::flow::lost::Lost;
use crate::flow::yaml::{self, Node, Scalar};

use super::command::unhex;
use super::scenario::{
    BootNoise, Broker, Calendar, ClockChange, Entry, HttpBearer, Refusal, Scenario, SimCard, SimSettings,
    Start, What, When,
};
use super::standin::Credentials;

pub use faults::faults;

/// The word for no answer at all.
const SILENCE: &str = "silence";

/// Why a scenario cannot be used: everything that is wrong with it.
#[derive(Clone, Debug)]
pub struct ScenarioError {
    /// What is wrong.
    pub problems: Diagnostics,
    /// Where.
    pub sources: Sources,
}

impl std::fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.problems.render(&self.sources, Look::Plain))
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Reads a scenario; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let (mut sources, mut problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add(file, text);
        match scenario(&sources, id, &mut problems) {
            Some(scenario) if !problems.has_errors() => Ok(scenario),
            _ => Err(ScenarioError { problems, sources }),
        }
    }

    /// Whether a file that nobody has asked for as a scenario must be meant as one.
    pub fn is_meant(text: &str) -> bool {
        let (mut sources, mut problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("", text);
        let root = yaml::parse(&sources, id, &mut problems);
        let has = |key: &str| {
            root.as_ref().and_then(Node::map).is_some_and(|map| map.iter().any(|it| it.0.text == key))
        };
        !has("steps") && !has("tests") && (has("at") || has("sim"))
    }
}

/// Reads a file of `sources` as a scenario; what there is of it may lack what is wrong.
pub fn scenario(sources: &Sources, file: FileId, problems: &mut Diagnostics) -> Option<Scenario> {
    let text = sources.text(file);
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        // Nothing happens.
        return Some(Scenario::default());
    }
    let tree = yaml::parse_or_cut(sources, file, problems).filter(|tree| tree.complete)?;
    let lost = Lost::new(&tree, file, text, problems);
    let before = problems.len();
    let scenario = written(&tree.root, text, problems);
    problems.retain_since(before, |problem| !lost.explains(problem));
    scenario
}

fn written(root: &Node, text: &str, problems: &mut Diagnostics) -> Option<Scenario> {
    let fields = Fields::open(root, &SCENARIO, text, problems)?;
    let seed = fields.int("seed", problems).map(|seed| seed.value.unsigned_abs());
    let settings = fields.node("sim").map(|node| settings(node, text, problems));
    let faults = fields.node("faults").map(|node| faults(node, text, problems)).unwrap_or_default();
    let nodes = fields.list("at", problems).unwrap_or_default();
    let at = nodes.into_iter().filter_map(|node| {
        let fields = Fields::open(node, &TEST_EVENT, text, problems)?;
        let entry = entry(&fields, problems);
        for key in ["restart", "crash"] {
            if let Some(at) = fields.at(key) {
                let problem = Diagnostic::error(Code::TIMED_EVENT, at, format!("`{key}` is for test files"));
                problems.push(problem.help("a scenario is what happens to the module; end atflow yourself"));
            }
        }
        fields.finish();
        entry
    });
    let at = at.collect();
    fields.finish();
    Some(Scenario { seed, settings: settings.flatten().unwrap_or_default(), at, faults })
}

/// How a module starts; `None` if something is wrong with it.
pub fn settings(node: &Node, text: &str, problems: &mut Diagnostics) -> Option<SimSettings> {
    let before = problems.len();
    let fields = Fields::open(node, &TEST_SIM, text, problems)?;
    let usual = SimSettings::default();
    let sim_card = fields.one_of("sim_card", problems).map_or(usual.sim_card, |word| match word.value {
        "pin" => SimCard::Pin,
        "puk" => SimCard::Puk,
        "absent" => SimCard::Absent,
        "busy" => SimCard::Busy,
        _ => SimCard::Ready,
    });
    let boot = fields.one_of("boot", problems).map_or(usual.boot, |word| match word.value {
        "garbage" => BootNoise::Garbage,
        "glued" => BootNoise::Glued,
        "silent" => BootNoise::Silent,
        _ => BootNoise::Usual,
    });
    let start = fields.one_of("start", problems).map_or(usual.start, |word| match word.value {
        "warm" => Start::Warm,
        _ => Start::Cold,
    });
    let bearer = fields.one_of("bearer", problems).map_or(usual.bearer, |word| match word.value {
        "open" => HttpBearer::Open,
        _ => HttpBearer::Closed,
    });
    let clock = fields.one_of("clock", problems).map_or(usual.clock, |word| match word.value {
        "1970" => Calendar::Unset,
        _ => Calendar::Synchronised,
    });
    let autobaud = fields.int("autobaud", problems).and_then(|count| u32::try_from(count.value).ok());
    let mut flag = |name, usual| fields.bool(name, problems).map_or(usual, |flag| flag.value);
    let (echo, payload_echo) = (flag("echo", usual.echo), flag("payload_echo", usual.payload_echo));
    let cached = flag("cached", usual.cached);
    let mut word = |name, usual| fields.text(name, problems).map_or(usual, |word| word.text.to_owned());
    let (pin, puk) = (word("pin", usual.pin), word("puk", usual.puk));
    let delays = delays(&fields, problems).unwrap_or(usual.delays);
    let registration = fields.duration("registration", problems).map(|time| time.value);
    let login = login(&fields, text, problems);
    let deaf = fields.duration("deaf", problems).map_or(usual.deaf, |time| time.value);
    fields.finish();
    (problems.len() == before).then_some(SimSettings {
        sim_card,
        pin,
        puk,
        delays,
        echo,
        payload_echo,
        autobaud: autobaud.unwrap_or(usual.autobaud),
        registration,
        cached,
        bearer,
        deaf,
        boot,
        start,
        clock,
        login,
    })
}

/// The login that the stand-in for the cloud wants; both halves are keys that must be there.
fn login(fields: &Fields<'_>, text: &str, problems: &mut Diagnostics) -> Option<Credentials> {
    let fields = fields.object("login", text, problems)?;
    let mut half = |name| {
        let word = fields.text(name, problems)?;
        if word.text.is_empty() {
            let problem = Diagnostic::error(Code::EMPTY_TEXT, word.span, format!("`{name}` is empty"));
            problems
                .push(problem.help("an empty one is always refused; leave `login` out to accept any other"));
        }
        Some(word.text.to_owned())
    };
    let (access_token, project_key) = (half("access_token"), half("project_key"));
    fields.finish();
    Some(Credentials { access_token: access_token?, project_key: project_key? })
}

fn delays(fields: &Fields<'_>, problems: &mut Diagnostics) -> Option<f64> {
    let factor = fields.number("delays", problems)?;
    if factor.value >= 0.0 {
        return Some(factor.value);
    }
    let message = format!("`delays` cannot be {}", factor.value);
    problems.push(Diagnostic::error(Code::OUT_OF_RANGE, factor.span, message).help("0 is no delay at all"));
    None
}

/// Something that happens from outside; `None` if something is wrong with it, or if it happens to atflow itself.
pub fn entry(fields: &Fields<'_>, problems: &mut Diagnostics) -> Option<Entry> {
    let before = problems.len();
    let time = fields.duration("time", problems).map(|time| When::Time(time.value));
    let after = fields.text("after", problems).and_then(|line| after(line, problems));
    let count = fields.int("count", problems).and_then(|count| u32::try_from(count.value).ok());
    let lasts = lasts(fields, problems);
    let payload = payload(fields, problems);
    let happens = [
        fields.text("cloud", problems).map(|topic| What::Message { topic: topic.text.to_owned(), payload }),
        fields.text("urc", problems).map(|line| What::Urc(line.text.to_owned())),
        refusal(fields, problems).map(What::Refuse),
        fields.one_of("broker", problems).map(|word| {
            What::Broker(match word.value {
                "away" => Broker::Away { lasts },
                "close" => Broker::Close,
                _ => Broker::Back,
            })
        }),
        fields.one_of("port", problems).map(|_| What::Unplug { lasts }),
        fields.one_of("module", problems).map(|_| What::Reset),
        fields.one_of("registration", problems).map(|_| What::RegistrationLost { lasts }),
        fields.text("clock", problems).and_then(|change| clock(change, problems)).map(What::Clock),
        fields.duration("suspend", problems).map(|lasts| What::Suspend { lasts: lasts.value }),
    ];
    let what = happens.into_iter().flatten().next();
    if problems.len() > before {
        return None;
    }
    Some(Entry { when: time.or(after)?, what: what?, count })
}

fn refuse<T>(at: Span, message: String, help: &str, problems: &mut Diagnostics) -> Option<T> {
    problems.push(Diagnostic::error(Code::TIMED_EVENT, at, message).help(help));
    None
}

fn after(line: Scalar<'_>, problems: &mut Diagnostics) -> Option<When> {
    match line.text.trim() {
        "" => {
            refuse(line.span, "`after` is empty".to_owned(), "write the line that the module says", problems)
        }
        line => Some(When::After(line.to_owned())),
    }
}

fn lasts(fields: &Fields<'_>, problems: &mut Diagnostics) -> Option<Duration> {
    let lasts = fields.duration("for", problems)?;
    let ends_at_once = fields.node("broker").and_then(Node::scalar).is_some_and(|word| word.text != "away");
    if ends_at_once {
        let at = fields.at("for").unwrap_or(lasts.span);
        return refuse(
            at,
            "`for` has no meaning here".to_owned(),
            "it belongs to `broker: away`, `port: unplug` and `registration: lost`",
            problems,
        );
    }
    Some(lasts.value)
}

fn payload(fields: &Fields<'_>, problems: &mut Diagnostics) -> Vec<u8> {
    let json =
        fields.node("json").and_then(PlainValue::of).map(|value| value.json().to_string().into_bytes());
    let text = fields.text("text", problems).map(|text| text.text.as_bytes().to_vec());
    let bytes = fields.text("bytes", problems).and_then(|hex| {
        let digits: Vec<u8> = hex.text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        unhex(&digits).or_else(|| {
            let message = format!("`{}` is not hexadecimal", hex.text);
            refuse(hex.span, message, "write pairs of digits: `'00 ff 0d 0a'`", problems)
        })
    });
    json.or(text).or(bytes).unwrap_or_default()
}

fn refusal(fields: &Fields<'_>, problems: &mut Diagnostics) -> Option<Refusal> {
    let (line, with) = (fields.text("refuse", problems), fields.text("with", problems));
    let with = match with {
        Some(word) if word.text == SILENCE => None,
        Some(word) if word.text.trim().is_empty() || word.text.chars().any(char::is_control) => {
            let message = "`with` is no line that a module could say".to_owned();
            return refuse(word.span, message, "write a result such as `ERROR`, or `silence`", problems);
        }
        Some(word) => Some(word.text.to_owned()),
        None => Some("ERROR".to_owned()),
    };
    let line = line?;
    match Pattern::parse(line.text) {
        Ok(line) => Some(Refusal { line, with }),
        Err(error) => {
            let mut problem = Diagnostic::error(Code::PATTERN, line.span, error.to_string());
            problem.help = error.help();
            problems.push(problem);
            None
        }
    }
}

fn clock(change: Scalar<'_>, problems: &mut Diagnostics) -> Option<ClockChange> {
    let by = |text: &str| duration::parse(text).ok();
    let known = match change.text {
        "unknown" => Some(ClockChange::Unknown),
        "synchronised" => Some(ClockChange::Synchronised),
        text => match text.split_at_checked(1) {
            Some(("+", step)) => by(step).map(ClockChange::Forward),
            Some(("-", step)) => by(step).map(ClockChange::Back),
            _ => None,
        },
    };
    known.or_else(|| {
        let message = format!("`clock` cannot be `{}`", change.text);
        let help = "write a step with its sign, such as `+30s` or `-1h`, or `unknown` or `synchronised`";
        refuse(change.span, message, help, problems)
    })
}
