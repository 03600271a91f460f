//! The conversation: what was typed is done, what comes meanwhile is shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::at::dialect::Dialect;
use crate::at::pattern::{Pattern, Sequence, is_name};
use crate::at::sorter::Class;
use crate::flow::duration;
use crate::link::Mono;
use crate::session::{AwaitLines, Fault, Mark, Session};
use crate::transcript::NoteKind;

use super::super::at;
use super::input::{Ask, Input, Typed};
use super::screen::Screen;
use super::secrets::Secrets;
use super::story::Happened;
use super::{Ear, Exit, Line, PROMPT, Signals, Talked};

/// `:wait` without a time.
const WAIT: Duration = Duration::from_secs(10);
/// How long a port that is gone may stay away.
const PORT_AWAY: Duration = Duration::from_mins(2);

/// What begins with a colon is for the console.
pub(super) const WORDS: &[(&str, &str)] = &[
    (":data WORD", "the next command asks for data with this word instead of `>`"),
    (":help", "this"),
    (":note TEXT", "a note for the transcript; the next recorded step is called so"),
    (":quit", "ends the conversation, as Ctrl-D does"),
    (":secret NAME", "asks for a secret; ${NAME} stands for it in commands and data"),
    (":wait PATTERN [10s]", "waits for a line, such as +CREG: {:int}"),
];

/// As much of a word as is typed as it stands; what it takes is for whoever types.
pub(super) fn as_typed(word: &str) -> &str {
    word.split_inclusive(' ').next().unwrap_or(word)
}

/// Why the conversation is over.
pub(super) enum Over {
    /// Whoever typed has had enough.
    Wanted,
    /// The port is gone for good.
    Port,
    /// The recording that is replayed went on otherwise, and says nothing more.
    Strayed,
}

impl Over {
    fn exit(&self) -> Exit {
        match self {
            Self::Wanted => Exit::Done,
            Self::Port => Exit::Environment,
            Self::Strayed => Exit::Failed,
        }
    }
}

/// A conversation.
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) dialect: Arc<Dialect>,
    heard: Ear,
    pub(super) input: Input,
    pub(super) screen: Screen,
    pub(super) signals: Signals,
    pub(super) secrets: Secrets,
    pub(super) happened: Vec<Happened>,
    /// The word that `:data` announced.
    pub(super) data_word: Option<String>,
    /// A simulated clock stands still while nobody waits for the module.
    pub(super) stands_still: bool,
    /// Where the last command began: `:wait` looks at what came since.
    pub(super) since: Mark,
}

impl Talk {
    pub(super) fn new(
        session: Session,
        dialect: Arc<Dialect>,
        heard: Ear,
        input: Input,
        screen: Screen,
        signals: Signals,
        stands_still: bool,
    ) -> Self {
        Self {
            since: session.mark(),
            secrets: Secrets::with(&dialect.escapes),
            session,
            dialect,
            heard,
            input,
            screen,
            signals,
            happened: Vec::new(),
            data_word: None,
            stands_still,
        }
    }

    pub(super) fn greet(&self, port: &str) {
        if self.input.is_terminal() {
            self.screen
                .say(&format!("{} on {port}; :help says what there is, Ctrl-D ends", self.dialect.name));
        }
    }

    /// Talks until somebody has had enough.
    pub(super) fn run(&mut self) -> Exit {
        loop {
            let outcome = self.next_line().and_then(|line| match line {
                Some(line) => self.line(line.trim()),
                None => Ok(Some(Over::Wanted)),
            });
            match outcome {
                Ok(None) => {}
                Ok(Some(over)) => return over.exit(),
                Err(fault) => {
                    if let Some(over) = self.fault(&fault) {
                        return over.exit();
                    }
                }
            }
            self.session.flush_transcript();
        }
    }

    /// Ends it.
    pub(super) fn end(self, exit: Exit) -> Talked {
        let Self { session, dialect, secrets, happened, .. } = self;
        Talked { exit, happened, secrets, dialect, transcript: session.close() }
    }

    /// The next line, while everything that comes is shown; `None` at the end.
    fn next_line(&mut self) -> Result<Option<String>, Fault> {
        loop {
            match self.typed(Ask::Command, Mono::FAR)? {
                Some(Typed::Line(line) | Typed::Last(line, _)) => return Ok(Some(line)),
                Some(Typed::Cancel) => {}
                Some(Typed::End) | None => return Ok(None),
            }
        }
    }

    /// What is typed until then, while everything that comes is shown; `None` when the time is up or the
    /// program is to end.
    pub(super) fn typed(&mut self, what: Ask, until: Mono) -> Result<Option<Typed>, Fault> {
        self.input.ask(what);
        loop {
            if let Some(typed) = self.input.next() {
                return Ok(Some(typed));
            }
            if self.stopped() || self.session.now() >= until {
                return Ok(None);
            }
            if self.stands_still {
                self.signals.idle();
                continue;
            }
            self.session.hear(until)?;
            self.show_unasked();
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.signals.stop.load(Ordering::SeqCst)
    }

    /// Whether Ctrl-C was pressed since it was asked last.
    pub(super) fn cancelled(&self) -> bool {
        self.signals.cancel.swap(false, Ordering::SeqCst)
    }

    /// The next line that was heard.
    pub(super) fn heard(&self) -> Option<Line> {
        self.heard.next()
    }

    /// Shows what came while no command is under way.
    pub(super) fn show_unasked(&mut self) {
        while let Some(line) = self.heard() {
            self.unasked(line);
        }
    }

    /// Shows a line that nobody asked for.
    pub(super) fn unasked(&mut self, line: Line) {
        let what = match line.class {
            Class::Closed => "connection lost",
            Class::Reboot => "restart",
            Class::Notice => "a message waits",
            Class::Message => "message",
            Class::Late => "late",
            Class::Noise => "noise",
            // The session's own doing.
            Class::Prompt => return self.screen.say(&line.text),
            _ => "",
        };
        self.screen.unasked(line.at, &line.text, what);
        self.happened.push(Happened::Unasked { at: line.at, class: line.class, text: line.text });
    }

    /// Does what was typed.
    fn line(&mut self, line: &str) -> Result<Option<Over>, Fault> {
        self.screen.typed(PROMPT, line);
        let Some(word) = line.strip_prefix(':') else {
            if !line.is_empty() {
                self.command(line)?;
            }
            return Ok(None);
        };
        let (word, rest) = word.split_once(char::is_whitespace).unwrap_or((word, ""));
        let rest = rest.trim();
        match word {
            "q" | "quit" => return Ok(Some(Over::Wanted)),
            "secret" => self.secret(rest)?,
            "wait" => self.wait(rest)?,
            "note" if !rest.is_empty() => {
                let now = self.session.now();
                self.session.transcript().note(now, NoteKind::Step, rest);
                self.happened.push(Happened::Note(rest.to_owned()));
            }
            "data" if !rest.is_empty() => self.data_word = Some(rest.to_owned()),
            "help" => self.help(),
            _ => self.screen.problem(&format!("`:{word}` is no command of the console; see :help")),
        }
        Ok(None)
    }

    fn help(&self) {
        self.screen.say("a line is sent as it is; Ctrl-C gives up waiting; data ends with Ctrl-D or Ctrl-Z");
        for (word, what) in WORDS {
            self.screen.say(&format!("{word:20} {what}"));
        }
    }

    fn secret(&mut self, name: &str) -> Result<(), Fault> {
        if !is_name(name) {
            self.screen.problem("`:secret NAME` needs a name of letters, digits and `_`");
            return Ok(());
        }
        if self.input.is_terminal() {
            self.screen.say(&format!("{name}, which is not shown:"));
        }
        let value = match self.typed(Ask::Secret, Mono::FAR)? {
            Some(Typed::Line(value) | Typed::Last(value, _)) if !value.is_empty() => value,
            _ => {
                self.screen.say("nothing was typed");
                return Ok(());
            }
        };
        self.cancelled();
        match self.secrets.put(name, &value) {
            Ok(()) => {
                self.screen.mask_with(self.secrets.masker().clone());
                self.screen.say(&format!("${{{name}}} stands for it"));
                self.session.transcript().mask_with(self.secrets.masker().clone());
            }
            Err(error) => self.screen.problem(&error.to_string()),
        }
        Ok(())
    }

    /// `:wait PATTERN [TIME]`
    fn wait(&mut self, rest: &str) -> Result<(), Fault> {
        let timed = rest.rsplit_once(char::is_whitespace);
        let timed = timed.and_then(|(pattern, time)| Some((pattern.trim(), duration::parse(time).ok()?)));
        let (pattern, timeout) = timed.unwrap_or((rest, WAIT));
        let lines = Pattern::parse(pattern).map_err(|error| error.to_string());
        let lines =
            match lines.and_then(|pattern| Sequence::single(pattern).map_err(|_| "not alone".to_owned())) {
                Ok(lines) if lines.patterns().all(Pattern::has_own_text) => Arc::new(lines),
                Ok(_) => {
                    self.screen.problem("`:wait` needs a line with text of its own, or it would take any");
                    return Ok(());
                }
                Err(error) => {
                    self.screen.problem(&error);
                    return Ok(());
                }
            };
        let began = self.session.now();
        let deadline = began + timeout;
        self.session.begin_wait(AwaitLines {
            lines: &lines,
            fail: None,
            collect: None,
            same: Vec::new(),
            since: self.since,
            lines_since: self.since,
            deadline,
        });
        let came = self.awaited(deadline)?;
        self.session.finish();
        self.since = self.session.mark();
        if came.is_none() {
            let waited = duration::display(timeout);
            self.screen.problem(&format!("`{pattern}` did not come within {waited}"));
        }
        self.happened.push(Happened::Wait { pattern: pattern.to_owned(), came });
        Ok(())
    }

    /// When the awaited line came, if it did before the deadline.
    fn awaited(&mut self, deadline: Mono) -> Result<Option<Mono>, Fault> {
        self.cancelled();
        let mut came = self.session.now();
        loop {
            while let Some(line) = self.heard() {
                if line.class == Class::Await {
                    came = line.at;
                    self.screen.answer(&line.text);
                } else {
                    self.unasked(line);
                }
            }
            if self.session.progress().awaits_done {
                return Ok(Some(came));
            }
            if self.stopped() || self.cancelled() || self.session.now() >= deadline {
                return Ok(None);
            }
            self.session.hear(deadline)?;
        }
    }

    /// Shows what went wrong below the conversation; `Some` if it cannot go on.
    fn fault(&mut self, fault: &Fault) -> Option<Over> {
        self.show_unasked();
        let text = match fault {
            Fault::Port { what } => return self.port_gone(what),
            Fault::Strayed { what, help } => return self.strayed(what, help),
            Fault::Timeout { .. } => {
                "the module does not answer AT either; is it on, and is the speed right?".to_owned()
            }
            Fault::Stuck => "the module may take everything for data".to_owned(),
            other => at::words(other, &self.dialect),
        };
        self.screen.problem(&text);
        None
    }

    /// A recording that answers lines in any order still answers others; one to the letter says nothing more.
    fn strayed(&mut self, what: &str, help: &str) -> Option<Over> {
        self.screen.problem(what);
        self.screen.say(help);
        self.session.hear(self.session.now()).is_err().then_some(Over::Strayed)
    }

    fn port_gone(&mut self, what: &str) -> Option<Over> {
        self.screen.problem(&format!("{what}; it is waited for"));
        let until = self.session.now() + PORT_AWAY;
        while !self.stopped() && !self.cancelled() && self.session.now() < until {
            // What is typed meanwhile waits in its queue, and must not end each wait at once.
            self.signals.wake.drain();
            // A second at a time, so that Ctrl-C is seen.
            let slice = (self.session.now() + Duration::from_secs(1)).min(until);
            if self.session.reopen(slice).is_ok() && self.session.hear(self.session.now()).is_ok() {
                self.screen.say("the port is back");
                self.show_unasked();
                return None;
            }
        }
        Some(Over::Port)
    }
}
