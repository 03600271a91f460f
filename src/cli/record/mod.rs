//! `atflow record`: a conversation by hand, and the flow that it was.

mod flow;
mod pieces;
mod shape;
mod yaml;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::flow::compile::{self, Options};
use crate::hooks::Host;
use crate::transcript::{Header, Masker, Transcript};

use super::args::RecordArgs;
use super::console::{self, Talked};
use super::conversation::may_be_written;
use super::{Exit, complain, say};
use flow::Recording;

/// How every recorded flow begins; what follows is the mark of its contents.
const BEGINS: &str = "# Recorded by atflow (";

/// The way out where a file of `-o` is somebody's.
const OTHER_NAME: &str = "choose another name for `-o`";

pub(super) fn record(args: &RecordArgs) -> Exit {
    recorded(args).unwrap_or_else(|exit| exit)
}

fn recorded(args: &RecordArgs) -> Result<Exit, Exit> {
    let named = |extension: &str| {
        let mut name = args.output.clone().into_os_string();
        name.push(extension);
        PathBuf::from(name)
    };
    let (flow, transcript) = (named(".yaml"), named(".jsonl"));
    is_own(&flow)?;
    may_be_written(&transcript, &args.console.port, OTHER_NAME)?;
    // A module that is switched on by the flow is met as the flow will meet it.
    let talked = console::talked(&args.console, false, |header| opened(&transcript, header))?;
    write(args, &flow, &transcript, &talked)
}

fn opened(path: &Path, header: &Header) -> Result<Transcript, Exit> {
    let file = File::create(path).map_err(|error| unwritten(path, &error))?;
    Ok(Transcript::to(Box::new(file), header, Masker::default()))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Exit {
    complain(&format!("cannot write `{}`: {error}", path.display()), None);
    Exit::Environment
}

fn write(args: &RecordArgs, path: &Path, transcript: &Path, talked: &Talked) -> Result<Exit, Exit> {
    if let Some(why) = talked.transcript.problem() {
        complain(&format!("the transcript is not whole: {why}"), None);
    }
    let name = args.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let module = args.console.module.as_deref().unwrap_or(&talked.dialect.name);
    let recording = Recording {
        name: &name,
        module,
        happened: &talked.happened,
        secrets: &talked.secrets,
        dialect: &talked.dialect,
    };
    let (body, steps) = recording.flow();
    let files = format!("`{}` has what crossed the line", transcript.display());
    if steps == 0 {
        say::line(&format!("nothing to make a flow of; {files}"))?;
        return Ok(talked.exit);
    }
    fs::write(path, format!("{BEGINS}{}); {files}.\n{body}", mark(&body)))
        .map_err(|error| unwritten(path, &error))?;
    say::line(&format!("`{}` is a flow of {steps} steps; {files}", path.display()))?;
    Ok(checked(path).unwrap_or(talked.exit))
}

/// What the flow's author is to look at before it runs.
fn checked(path: &Path) -> Option<Exit> {
    let here = std::env::current_dir().unwrap_or_default();
    let loaded = compile::load(path, &here, &Options::default(), &Rc::new(Host::new()));
    if !loaded.problems.is_empty() {
        say::problems(&loaded.problems, &loaded.sources);
    }
    loaded.problems.has_errors().then_some(Exit::Usage)
}

/// A mark that changes with the contents: a flow that somebody has worked on is theirs.
fn mark(body: &str) -> String {
    format!("{:08x}", crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(body.as_bytes()))
}

/// A recorded flow replaces one that nobody has changed since it was recorded, and nothing else.
fn is_own(path: &Path) -> Result<(), Exit> {
    if !path.metadata().is_ok_and(|what| what.is_file() && what.len() > 0) {
        return Ok(());
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let (head, body) = text.split_once('\n').unwrap_or_default();
    let own = head.strip_prefix(BEGINS).is_some_and(|rest| rest.starts_with(&format!("{})", mark(body))));
    if own {
        return Ok(());
    }
    let message =
        format!("`{}` is there and is no recording as it was made; it is not overwritten", path.display());
    complain(&message, Some(OTHER_NAME));
    Err(Exit::Usage)
}
