//! What is typed: on a terminal through the editor, else lines of standard input. Somebody else waits for
//! it, on a thread of its own; here one looks whether something is there, and the link's read is woken.

use std::io::{BufRead as _, stdin};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;

use crate::link::wake::Wake;

const CTRL_D: char = '\u{4}';
const CTRL_Z: char = '\u{1a}';

/// Lines that are read ahead of what is sent.
const AHEAD: usize = 64;

/// Something typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// A line.
    Line(String),
    /// The last line of data, ended by Ctrl-D, or by Ctrl-Z (`true`).
    Last(String, bool),
    /// Ctrl-C: the line is thrown away.
    Cancel,
    /// Ctrl-D, or the end of standard input.
    End,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// A command.
    Command,
    /// A line of data.
    Data,
    /// A line that is not shown.
    Secret,
}

/// Where typed lines come from.
pub(super) struct Input {
    typed: Receiver<Typed>,
    /// The editor, which has to be asked for each line; `None` for standard input.
    editor: Option<SyncSender<Ask>>,
    asked: bool,
}

impl Input {
    /// An editor, which answers each `Ask` with one `Typed`.
    pub(super) fn editor(asks: SyncSender<Ask>, typed: Receiver<Typed>) -> Self {
        Self { typed, editor: Some(asks), asked: false }
    }

    /// The lines of standard input.
    pub(super) fn lines(wake: Wake) -> Self {
        let (sender, typed) = sync_channel(AHEAD);
        thread::spawn(move || {
            let mut input = stdin().lock();
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                let said = of_line(&String::from_utf8_lossy(&line));
                line.clear();
                if sender.send(said).is_err() {
                    return;
                }
                wake.nudge();
            }
            let _ = sender.send(Typed::End);
            wake.nudge();
        });
        Self { typed, editor: None, asked: false }
    }

    /// Whether somebody sits at a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        self.editor.is_some()
    }

    /// Asks for a line, if that has not been done yet.
    pub(super) fn ask(&mut self, what: Ask) {
        if let (Some(editor), false) = (&self.editor, self.asked) {
            self.asked = editor.send(what).is_ok();
        }
    }

    /// What was typed, if anything was.
    pub(super) fn next(&mut self) -> Option<Typed> {
        let typed = match self.typed.try_recv() {
            Ok(typed) => typed,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Typed::End,
        };
        self.asked = false;
        Some(typed)
    }
}

/// A line of standard input: as on a terminal, the control characters at its end mean something.
fn of_line(line: &str) -> Typed {
    let line = line.trim_end_matches(['\r', '\n']);
    match (line.strip_suffix(CTRL_D), line.strip_suffix(CTRL_Z)) {
        (Some(last), _) => Typed::Last(last.to_owned(), false),
        (_, Some(last)) => Typed::Last(last.to_owned(), true),
        _ => Typed::Line(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_end_data() {
        assert_eq!(of_line("AT\r\n"), Typed::Line("AT".into()));
        assert_eq!(of_line("hello\u{1a}\n"), Typed::Last("hello".into(), true));
        assert_eq!(of_line("\u{4}"), Typed::Last(String::new(), false));
    }
}
