//! What a conversation is opened with, whether a flow or a station has it: the session, its transcript, and the
//! lines that must never be sent again.

use std::cell::Cell;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, stderr};
use std::path::Path;
use std::rc::Rc;

use crate::flow::model::Program;
use crate::hooks::Host;
use crate::link::Link;
use crate::link::wake::Wake;
use crate::run::TellLines;
use crate::run::once::{OnceInMemory, OnceStore};
use crate::session::{Interrupt, Session};
use crate::transcript::{Header, Masker, Transcript};

use super::args::RunArgs;
use super::once_file::OnceFile;
use super::say::error_line;
use super::{Exit, complain, open};

/// The way out where the file of `--transcript` is somebody's.
pub(super) const OTHER_TRANSCRIPT: &str = "choose another file for `--transcript`";

/// How every transcript begins.
const TRANSCRIPT_BEGINS: &[u8] = br#"{"atflow":"transcript","#;

pub(super) fn session(
    link: Box<dyn Link>,
    program: &Program,
    transcript: Transcript,
    lines: TellLines,
    interrupt: Rc<dyn Interrupt>,
    host: &Host,
) -> Session {
    host.set_clock(link.clock());
    Session::new(link, std::sync::Arc::clone(&program.dialect), transcript, Box::new(lines), interrupt)
}

/// Whoever presses Ctrl-C is told at once why the program may not end at once.
struct Told {
    wake: Wake,
    said: Cell<bool>,
}

/// What ends a flow or single commands.
pub(super) fn interrupt(wake: &Wake) -> Rc<dyn Interrupt> {
    Rc::new(Told { wake: wake.clone(), said: Cell::new(!stderr().is_terminal()) })
}

impl Interrupt for Told {
    fn stop_requested(&self) -> bool {
        self.wake.stop_requested()
    }

    fn woken(&self) {
        self.wake.drain();
        if self.wake.stop_requested() && !self.said.replace(true) {
            error_line(
                "stopping; a command that is under way has 10 s to be answered, Ctrl-C again ends at once",
            );
        }
    }
}

/// Where lines that must never be sent again are kept.
pub(super) fn once(simulated: bool) -> Box<dyn OnceStore> {
    if simulated { Box::new(OnceInMemory::default()) } else { Box::new(OnceFile::open()) }
}

/// A transcript replaces a transcript, but nothing else, and not the one that is the port. `help` is the way out.
pub(super) fn may_be_written(path: &Path, port: &str, help: &str) -> Result<(), Exit> {
    may_be_replaced(path, help)?;
    open::keeps_recording(port, path, help)
}

/// Nothing that somebody wrote is lost: not the flow, for a start.
fn may_be_replaced(path: &Path, help: &str) -> Result<(), Exit> {
    // What is not there, or is a device or a pipe, has nothing to lose.
    if !path.metadata().is_ok_and(|what| what.is_file() && what.len() > 0) {
        return Ok(());
    }
    let mut begin = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(TRANSCRIPT_BEGINS.len() as u64).read_to_end(&mut begin));
    if read.is_ok() && begin == TRANSCRIPT_BEGINS {
        return Ok(());
    }
    let message = format!("`{}` is there and is no transcript; it is not overwritten", path.display());
    complain(&message, Some(help));
    Err(Exit::Usage)
}

pub(super) fn transcript(
    args: &RunArgs,
    port: &str,
    program: &Program,
    link: &dyn Link,
    masker: Masker,
) -> Result<Transcript, Exit> {
    let Some(path) = &args.transcript else { return Ok(Transcript::none(masker)) };
    let file = File::create(path).map_err(|error| {
        complain(&format!("cannot write the transcript `{}`: {error}", path.display()), None);
        Exit::Environment
    })?;
    let header = Header {
        port: port.to_string(),
        module: Some(program.dialect.name.clone()),
        wall_ms: (!link.simulated()).then(|| link.clock().wall_ms()),
        by_hand: false,
    };
    Ok(Transcript::to(Box::new(file), &header, masker))
}
