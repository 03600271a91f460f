//! `atflow console`: a conversation with a module by hand. What is typed comes from another thread; the
//! session stays the only reader of the link, and only the link's read waits.

mod command;
mod editor;
mod input;
mod screen;
pub(super) mod secrets;
pub(super) mod story;
mod talk;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{IsTerminal as _, stdin, stdout};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::at::dialect::Dialect;
use crate::at::sorter::Class;
use crate::flow::compile;
use crate::hooks::Host;
use crate::link::address::Address;
use crate::link::wake::Wake;
use crate::link::{Link, Mono};
use crate::session::{Heard, Listener, Session};
use crate::transcript::{Header, Masker, Transcript};

use super::args::{ConsoleArgs, SimulationArgs, Speed};
use super::{Exit, complain, open, say};
use input::Input;
use screen::Screen;
use secrets::Secrets;
use story::Happened;
use talk::Talk;

/// In front of a command.
const PROMPT: &str = "› ";
/// In front of data, as modules do it.
const DATA_PROMPT: &str = "> ";

pub(super) fn console(args: &ConsoleArgs) -> Exit {
    let transcript = |_: &Header| Ok(Transcript::none(Masker::default()));
    talked(args, args.sim.scenario.is_none(), transcript).map_or_else(|exit| exit, |talked| talked.exit)
}

/// What came of a conversation.
pub(super) struct Talked {
    pub exit: Exit,
    pub happened: Vec<Happened>,
    pub secrets: Secrets,
    pub dialect: Arc<Dialect>,
    pub transcript: Transcript,
}

/// Talks until whoever types has had enough. `warm`: a simulated module has been on for long.
pub(super) fn talked(
    args: &ConsoleArgs,
    warm: bool,
    transcript: impl FnOnce(&Header) -> Result<Transcript, Exit>,
) -> Result<Talked, Exit> {
    let dialect = dialect(args)?;
    let signals = Signals::install(stdin().is_terminal())?;
    let terminal = stdin().is_terminal() && stdout().is_terminal() && !is_dumb();
    let link = link(args, warm, terminal, &signals.wake)?;
    let header = Header {
        port: args.port.clone(),
        module: Some(dialect.name.clone()),
        wall_ms: (!link.simulated()).then(|| link.clock().wall_ms()),
        by_hand: true,
    };
    let transcript = transcript(&header)?;
    let stands_still = link.simulated() && speed(args, terminal) == Speed::Max;
    let (input, screen, _quiet) = surroundings(terminal, &dialect, &signals.wake)?;
    let heard = Ear::default();
    let session = Session::new(
        link,
        Arc::clone(&dialect),
        transcript,
        Box::new(heard.clone()),
        Rc::new(signals.wake.clone()),
    );
    let mut talk = Talk::new(session, dialect, heard, input, screen, signals, stands_still);
    talk.greet(&args.port);
    let exit = talk.run();
    Ok(talk.end(exit))
}

/// Whether the terminal cannot move its cursor: there is nothing to edit a line with.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

fn dialect(args: &ConsoleArgs) -> Result<Arc<Dialect>, Exit> {
    let simulated = args.port.strip_prefix("sim:");
    let name = args.module.as_deref().or(simulated).unwrap_or("generic");
    let here = std::env::current_dir().unwrap_or_default();
    compile::dialect(name, &here, &Host::new()).map_err(|problems| {
        say::problems(&problems.0, &problems.1);
        Exit::Usage
    })
}

/// A simulated module keeps the time of whoever sits in front of it; a script need not wait.
fn speed(args: &ConsoleArgs, terminal: bool) -> Speed {
    args.sim.speed.unwrap_or(if terminal { Speed::Times(1.0) } else { Speed::Max })
}

fn link(args: &ConsoleArgs, warm: bool, terminal: bool, wake: &Wake) -> Result<Box<dyn Link>, Exit> {
    if !open::is_simulated(&args.port) {
        return open::open(&args.port, &args.settings, Some(&args.sim), wake);
    }
    let sim = SimulationArgs { speed: Some(speed(args, terminal)), ..args.sim.clone() };
    match Address::parse(&args.port) {
        Ok(Address::Sim(name)) if warm => open::warm(&name, &sim, wake),
        // A recording is as warm as it was.
        _ => open::open(&args.port, &args.settings, Some(&sim), wake),
    }
}

fn surroundings(
    terminal: bool,
    dialect: &Dialect,
    wake: &Wake,
) -> Result<(Input, Screen, Option<editor::Quiet>), Exit> {
    if !terminal {
        return Ok((Input::lines(wake.clone()), Screen::new(None, false), None));
    }
    let colour = say::has_colours(&stdout());
    let mut words: Vec<String> = dialect.commands.iter().map(|entry| entry.key.clone()).collect();
    words.extend(talk::WORDS.iter().map(|(word, _)| talk::as_typed(word).to_owned()));
    words.sort();
    let (input, printer, quiet) = editor::start(words, colour, wake.clone()).map_err(|error| {
        complain(&format!("cannot use the terminal: {error}"), None);
        Exit::Environment
    })?;
    Ok((input, Screen::new(Some(printer), colour), Some(quiet)))
}

/// Signals, as a person at a terminal means them.
pub(super) struct Signals {
    wake: Wake,
    /// SIGINT at a terminal: enough of this command.
    cancel: Arc<AtomicBool>,
    /// SIGTERM or SIGHUP, or SIGINT where nobody types: come to an end.
    stop: Arc<AtomicBool>,
}

impl Signals {
    fn install(by_hand: bool) -> Result<Self, Exit> {
        let installed = || {
            let signals = Self { wake: Wake::by_hand()?, cancel: Arc::default(), stop: Arc::default() };
            let interrupted = if by_hand { &signals.cancel } else { &signals.stop };
            signals.wake.nudge_at(SIGINT, Arc::clone(interrupted))?;
            signals.wake.nudge_at(SIGTERM, Arc::clone(&signals.stop))?;
            signals.wake.nudge_at(SIGHUP, Arc::clone(&signals.stop))?;
            Ok(signals)
        };
        installed().map_err(|error: std::io::Error| {
            complain(&format!("cannot listen to signals: {error}"), None);
            Exit::Environment
        })
    }

    /// Waits until something is typed or a signal comes, while no clock runs.
    fn idle(&self) {
        if let Some(fd) = self.wake.fd() {
            // An interrupted wait is begun anew by whoever looks what there is.
            let _ = poll(&mut [PollFd::new(&fd, PollFlags::IN)], None);
        }
        self.wake.drain();
    }
}

/// A line that was heard and not shown yet.
struct Line {
    at: Mono,
    class: Class,
    text: String,
}

/// Keeps what the session hears until it is shown.
#[derive(Clone, Default)]
struct Ear(Rc<RefCell<VecDeque<Line>>>);

impl Ear {
    fn next(&self) -> Option<Line> {
        self.0.borrow_mut().pop_front()
    }
}

impl Listener for Ear {
    fn heard(&mut self, at: Mono, heard: &Heard<'_>) {
        let (class, text) = match heard {
            Heard::Line { class: Class::Echo, .. }
            | Heard::Sent(_)
            | Heard::SentData(_)
            | Heard::Message(_)
            | Heard::Damaged(_) => return,
            Heard::Line { class, text } => (*class, String::from_utf8_lossy(text).into_owned()),
            Heard::Resync => (Class::Prompt, "asking AT until the module answers OK".to_owned()),
        };
        self.0.borrow_mut().push_back(Line { at, class, text });
    }
}
