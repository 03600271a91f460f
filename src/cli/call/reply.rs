//! How the answer to a command would go up: the expressions of the file, worked out with no module at all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use crate::flow::compile::Loaded;
use crate::flow::model::Program;
use crate::flow::model::station::Downlink;
use crate::hooks::{self, Host, Value};
use crate::link::{Clock, Link, LinkError, Mono, PortChange, Read};
use crate::run::event::{Event, Observer};
use crate::run::mask_text::Masked;
use crate::run::once::OnceInMemory;
use crate::run::vars::{self, Outside};
use crate::run::{Run, Setup, SharedObserver, TellLines};
use crate::session::Session;
use crate::station::command::read::Call;
use crate::transcript::{Masker, Transcript};

use crate::testing::stand_in::StandIn;

/// A hole of the command's topic, which no cloud filled in.
const HOLE: &str = "1";

/// The topic that a command of this station might have come on.
pub(super) fn topic(downlink: &Downlink) -> String {
    let levels = downlink.topic.source().split('/');
    levels.map(|level| if level.starts_with('{') { HOLE } else { level }).collect::<Vec<_>>().join("/")
}

/// Topic and content of the reply, which goes up with the outbox's `qos`.
///
/// # Errors
///
/// Why there is none, in words.
pub(super) fn reply(
    (run, masked): (&mut Run, &Masked),
    downlink: &Downlink,
    call: &Call,
    body: &Value,
    result: &Value,
    qos: i64,
) -> Result<(String, String), String> {
    let Some(reply) = &downlink.reply else { return Err("`downlink` has no `reply`".to_owned()) };
    let topic = topic(downlink);
    let payload = hooks::to_json(body).map_err(|error| error.to_string())?.to_string();
    let holes = downlink.topic.holes(&topic).unwrap_or_default();
    let mut given: Vec<(&str, Value)> =
        holes.iter().map(|(name, text)| (&**name, text.clone().into())).collect();
    given.extend([
        ("topic", topic.into()),
        ("payload", hooks::Bytes::value(payload.into_bytes())),
        ("body", body.clone()),
        ("key", call.key.clone().into()),
        ("method", call.method.clone().into()),
        ("params", call.params.clone()),
        ("result", result.clone()),
    ]);
    let values = run.compute(reply, &given).map_err(|failure| failure.message.clone())?;
    let [topic, content] = values.as_slice() else { return Err("the reply has no topic".to_owned()) };
    let content = hooks::to_json(content).map_err(|error| error.to_string())?.to_string();
    let topic = hooks::display(topic);
    // As a station's own replies go up.
    let bytes = hooks::plain_json(&masked.text(&content)).len();
    run.fits(&topic, bytes, qos).map_err(|failure| failure.message.clone())?;
    Ok((topic, content))
}

/// Something that can work out expressions of the program, and the mask over what is shown.
///
/// # Errors
///
/// Why the file's vars have no values.
pub(super) fn run(
    program: &Rc<Program>,
    host: &Rc<Host>,
    loaded: &Loaded,
    clock: &Rc<dyn Clock>,
    home: &Rc<StandIn>,
) -> Result<(Run, Masked), String> {
    let env = |name: &str| std::env::var(name).ok();
    let file = |unit: crate::flow::model::UnitId, path: &str| {
        let place = loaded.reader.beside(&loaded.places[unit.0], path);
        loaded.reader.bytes(&place).map_err(|problem| problem.to_string())
    };
    let outside = Outside { given: &BTreeMap::new(), env: &env, file: &file, simulated: true };
    let resolved = vars::resolve(program, &outside)
        .map_err(|problems| problems.render(&loaded.sources, crate::flow::diag::Look::Plain))?;
    let new_mask =
        || Masker::new(&resolved.secrets, &program.dialect.escapes).map_err(|error| error.to_string());
    let masked = Masked::new(Rc::new(new_mask()?));
    let observer: SharedObserver = Rc::new(RefCell::new(Nobody));
    let session = Session::new(
        Box::new(NoModule(Rc::clone(clock))),
        Arc::clone(&program.dialect),
        Transcript::none(new_mask()?),
        Box::new(TellLines::new(Rc::clone(&observer), masked.clone())),
        Rc::new(|| false),
    );
    let setup = Setup {
        program: Rc::clone(program),
        host: Rc::clone(host),
        vars: resolved.values,
        session,
        observer,
        masked: masked.clone(),
        once: Box::<OnceInMemory>::default(),
        seed: 0,
        port: String::new(),
        home: Some(Rc::clone(home) as _),
    };
    Ok((Run::new(setup), masked))
}

struct Nobody;

impl Observer for Nobody {
    fn event(&mut self, _at: Mono, _event: &Event<'_>) {}
}

/// A link with nothing at its end. Nothing is sent, so nothing is missed.
struct NoModule(Rc<dyn Clock>);

impl NoModule {
    fn gone() -> LinkError {
        LinkError::Gone { what: "there is no module".to_owned() }
    }
}

impl Link for NoModule {
    fn read(&mut self, _buf: &mut Vec<u8>, _until: Mono) -> Result<Read, LinkError> {
        Err(Self::gone())
    }
    fn write(&mut self, _bytes: &[u8], _until: Mono) -> Result<usize, LinkError> {
        Err(Self::gone())
    }
    fn change(&mut self, _change: PortChange) -> Result<(), LinkError> {
        Err(Self::gone())
    }
    fn reopen(&mut self, _until: Mono) -> Result<(), LinkError> {
        Err(Self::gone())
    }
    fn clock(&self) -> Rc<dyn Clock> {
        Rc::clone(&self.0)
    }
    fn baud_bps(&self) -> Option<u32> {
        None
    }
    fn simulated(&self) -> bool {
        true
    }
    fn name(&self) -> &'static str {
        "none"
    }
}
