//! The editor on the terminal: a line with history and completion, above which others may print. It blocks,
//! so it has a thread of its own, and so has its printer, which waits while a line is being taken away.

use std::borrow::Cow;
use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::{History as _, MemHistory};
use rustyline::validate::Validator;
use rustyline::{
    Cmd, CompletionType, ConditionalEventHandler, Config, Context, Editor, Event, EventContext, EventHandler,
    ExternalPrinter, Helper, KeyEvent, RepeatCount,
};

use crate::link::wake::Wake;
use crate::report::paint::Paint;

use super::input::{Ask, Input, Typed};
use super::{DATA_PROMPT, PROMPT};

/// Lines that arrow-up goes back.
const HISTORY: usize = 1000;
/// How long the last words may take to reach the screen.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// No line of data is being typed.
const COMMAND: u8 = 0;
/// One is.
const DATA: u8 = 1;
/// One was, and Ctrl-D ended it.
const DATA_DONE: u8 = 2;
/// One was, and Ctrl-Z ended it.
const DATA_DONE_Z: u8 = 3;

/// Prints above the line that is being typed.
pub(super) struct Printer {
    texts: Option<Sender<String>>,
    done: Receiver<()>,
}

impl Printer {
    /// Never waits, whatever the editor does.
    pub(super) fn print(&self, text: String) {
        if let Some(texts) = &self.texts {
            let _ = texts.send(text);
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.texts = None;
        let _ = self.done.recv_timeout(LAST_WORDS);
    }
}

/// The terminal as it is between two typed lines: nothing that is typed shows, and all of it is kept for the
/// next line, control characters, too; but Ctrl-C is a signal. Dropped, the terminal is as it was.
pub(super) struct Quiet(Option<Termios>);

impl Quiet {
    fn new() -> Self {
        let before = tcgetattr(stdin()).ok();
        without(LocalModes::ECHO | LocalModes::ICANON);
        Self(before)
    }
}

fn without(modes: LocalModes) {
    if let Ok(mut quiet) = tcgetattr(stdin()) {
        quiet.local_modes.insert(LocalModes::ICANON);
        quiet.local_modes.remove(modes);
        let _ = tcsetattr(stdin(), OptionalActions::Now, &quiet);
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// Starts an editor that completes `words`. The terminal is as it was when the last part is dropped.
pub(super) fn start(
    words: Vec<String>,
    colour: bool,
    wake: Wake,
) -> Result<(Input, Printer, Quiet), ReadlineError> {
    let quiet = Quiet::new();
    let config = Config::builder()
        .completion_type(CompletionType::List)
        // Several pasted lines are several commands.
        .bracketed_paste(false)
        .max_history_size(HISTORY)?
        .build();
    let mode = Arc::new(AtomicU8::new(COMMAND));
    let mut editor =
        Editor::<Words, MemHistory>::with_history(config.clone(), MemHistory::with_config(&config))?;
    editor.set_helper(Some(Words { words, colour }));
    for (key, done) in [('D', DATA_DONE), ('Z', DATA_DONE_Z)] {
        let ends = EndsData { mode: Arc::clone(&mode), done };
        editor.bind_sequence(KeyEvent::ctrl(key), EventHandler::Conditional(Box::new(ends)));
    }
    let printer = printer(editor.create_external_printer()?);
    let (asks, asked) = sync_channel(1);
    let (sender, typed) = sync_channel(1);
    thread::spawn(move || edit(&mut editor, &mode, &asked, &sender, &wake));
    Ok((Input::editor(asks, typed), printer, quiet))
}

fn printer(mut out: impl ExternalPrinter + Send + 'static) -> Printer {
    let (texts, waiting) = channel::<String>();
    let (finished, done) = channel();
    thread::spawn(move || {
        while let Ok(text) = waiting.recv() {
            // A terminal that is gone is found by whoever reads from it.
            let _ = out.print(text);
        }
        let _ = finished.send(());
    });
    Printer { texts: Some(texts), done }
}

fn edit(
    editor: &mut Editor<Words, MemHistory>,
    mode: &AtomicU8,
    asked: &Receiver<Ask>,
    typed: &SyncSender<Typed>,
    wake: &Wake,
) {
    while let Ok(ask) = asked.recv() {
        let answer = match ask {
            Ask::Secret => secret(),
            Ask::Command => {
                mode.store(COMMAND, Ordering::SeqCst);
                read(editor, mode, PROMPT)
            }
            Ask::Data => {
                mode.store(DATA, Ordering::SeqCst);
                read(editor, mode, DATA_PROMPT)
            }
        };
        if typed.send(answer).is_err() {
            return;
        }
        wake.nudge();
    }
}

fn read(editor: &mut Editor<Words, MemHistory>, mode: &AtomicU8, prompt: &str) -> Typed {
    match editor.readline(prompt) {
        Ok(line) => match mode.load(Ordering::SeqCst) {
            DATA_DONE => Typed::Last(line, false),
            DATA_DONE_Z => Typed::Last(line, true),
            DATA => Typed::Line(line),
            _ => {
                let _ = editor.history_mut().add(&line);
                Typed::Line(line)
            }
        },
        Err(ReadlineError::Interrupted) => Typed::Cancel,
        // Also a terminal that is gone.
        Err(_) => Typed::End,
    }
}

/// A line that the terminal edits and does not show.
fn secret() -> Typed {
    let mut line = String::new();
    without(LocalModes::ECHO);
    let read = stdin().lock().read_line(&mut line);
    without(LocalModes::ECHO | LocalModes::ICANON);
    let _ = stdout().lock().write_all(b"\n");
    match read {
        Ok(count) if count > 0 => Typed::Line(line.trim_end_matches(['\r', '\n']).to_owned()),
        _ => Typed::Cancel,
    }
}

/// Ctrl-D and Ctrl-Z end data; anywhere else they do what they always do.
struct EndsData {
    mode: Arc<AtomicU8>,
    done: u8,
}

impl ConditionalEventHandler for EndsData {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        let ended = self.mode.compare_exchange(DATA, self.done, Ordering::SeqCst, Ordering::SeqCst);
        ended.is_ok().then_some(Cmd::AcceptLine)
    }
}

/// Completes a line by the words that begin as it does.
struct Words {
    words: Vec<String>,
    colour: bool,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((0, completions(&self.words, &line[..pos])))
    }
}

fn completions(words: &[String], typed: &str) -> Vec<String> {
    let begins = |word: &&String| {
        word.get(..typed.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(typed))
    };
    words.iter().filter(begins).cloned().collect()
}

impl Highlighter for Words {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        Cow::Owned(Paint::Strong.on(prompt, self.colour))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Validator for Words {}

impl Helper for Words {}

#[cfg(test)]
mod tests {
    use super::super::talk::{WORDS, as_typed};
    use super::completions;

    #[test]
    fn case_does_not_matter_for_completion() {
        let words = ["AT+CFUN=", "AT+CGATT=", "AT+CGSN", ":quit"].map(String::from);
        assert_eq!(completions(&words, "at+cg"), ["AT+CGATT=", "AT+CGSN"]);
        assert_eq!(completions(&words, ":q"), [":quit"]);
        assert!(completions(&words, "AT+CGSN=").is_empty());
    }

    #[test]
    fn what_a_word_takes_is_not_completed() {
        let words: Vec<String> = WORDS.iter().map(|(word, _)| as_typed(word).to_owned()).collect();
        assert_eq!(completions(&words, ":se"), [":secret "]);
        assert_eq!(completions(&words, ":wa"), [":wait "]);
        assert_eq!(completions(&words, ":q"), [":quit"]);
    }
}
