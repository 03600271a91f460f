//! `atflow transcript`: a transcript for people.

use std::fs;
use std::io::stdout;
use std::sync::Arc;

use crate::at::dialect::Dialect;
use crate::flow::codes::Code;
use crate::flow::compile;
use crate::hooks::Host;
use crate::report::paint::Paint;
use crate::transcript::diff::{Side, diff};
use crate::transcript::explain::explain;
use crate::transcript::show::{Part, show};
use crate::transcript::{Conversation, ReadError, Reader, reader};

use super::args::{TranscriptArgs, TranscriptCommand};
use super::{Exit, say};

/// For a module of which nothing is known.
const GENERIC: &str = "generic";

pub(super) fn transcript(args: &TranscriptArgs) -> Exit {
    let done = match &args.what {
        TranscriptCommand::Show { file } => shown(file),
        TranscriptCommand::Diff { old, new, module } => compared(old, new, module.as_deref()),
        TranscriptCommand::Explain { file, module } => explained(file, module.as_deref()),
    };
    done.unwrap_or_else(|exit| exit)
}

fn shown(file: &str) -> Result<Exit, Exit> {
    let text = read(file)?;
    let page = show(&text, file, &painted).map_err(|error| broken(file, &error))?;
    say::print(&page).map(|()| Exit::Done)
}

fn compared(old: &str, new: &str, module: Option<&str>) -> Result<Exit, Exit> {
    let (old_whole, _) = conversation(old, module)?;
    let (new_whole, _) = conversation(new, module)?;
    let sides = (Side { name: old, whole: &old_whole }, Side { name: new, whole: &new_whole });
    let difference = diff(sides.0, sides.1, &painted);
    say::print(&difference.text)?;
    Ok(if difference.different { Exit::Failed } else { Exit::Done })
}

fn explained(file: &str, module: Option<&str>) -> Result<Exit, Exit> {
    let (whole, dialect) = conversation(file, module)?;
    say::print(&explain(&whole, file, &dialect, &painted)).map(|()| Exit::Done)
}

fn conversation(file: &str, module: Option<&str>) -> Result<(Conversation, Arc<Dialect>), Exit> {
    let text = read(file)?;
    let dialect = dialect_of(file, &text, module)?;
    let whole = Conversation::read(&text, &dialect).map_err(|error| broken(file, &error))?;
    Ok((whole, dialect))
}

/// The text of a file that is meant to be a transcript.
pub(super) fn read(file: &str) -> Result<String, Exit> {
    let bytes = fs::read(file).map_err(|error| {
        let help = "it is written by `atflow run … --transcript FILE`";
        say::coded(Code::NO_TRANSCRIPT, &format!("cannot read `{file}`: {error}"), Some(help));
        Exit::Usage
    })?;
    reader::text(&bytes).map(str::to_owned).map_err(|error| broken(file, &error))
}

/// The dialect that is asked for, or the one that the transcript names.
pub(super) fn dialect_of(file: &str, text: &str, module: Option<&str>) -> Result<Arc<Dialect>, Exit> {
    let header = Reader::new(text).map_err(|error| broken(file, &error))?.header().clone();
    let name = module.or(header.module.as_deref()).unwrap_or(GENERIC);
    let here = std::env::current_dir().unwrap_or_default();
    compile::dialect(name, &here, &Host::new()).map_err(|problems| {
        if module.is_some() {
            say::problems(&problems.0, &problems.1);
        } else {
            let message = format!("there is no dialect `{name}`, which wrote this\n --> {file}:1");
            let help = "`--module NAME` reads it with another one, such as `generic`";
            say::coded(Code::NO_DIALECT, &message, Some(help));
        }
        Exit::Usage
    })
}

/// Says which line of a file is no record.
pub(super) fn broken(file: &str, error: &ReadError) -> Exit {
    let message = format!("{}\n --> {file}:{}", error.problem, error.line);
    say::coded(Code::NO_TRANSCRIPT, &message, Some(error.help));
    Exit::Usage
}

fn painted(part: Part, text: &str) -> String {
    let colour = say::has_colours(&stdout());
    let paint = match part {
        Part::Heading | Part::Sent => Paint::Strong,
        Part::Time => Paint::Dim,
        Part::Note | Part::Meaning => Paint::Notice,
        Part::Bad => Paint::Bad,
        Part::Good => Paint::Good,
        Part::Heard => return text.to_owned(),
    };
    paint.on(text, colour)
}
