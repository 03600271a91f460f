//! A transcript as questions and answers. The same sorter as in a run, armed with what the dialect's table
//! says of each command, tells of each line what it is; what a flow waited for besides is not known here.

use std::sync::Arc;

use super::reader::{ReadError, Reader};
use super::record::{Entry, GONE, Header, NoteKind};
use crate::at::dialect::{CommandRules, Dialect, Finals, Prompt};
use crate::at::sorter::{Armed, Class, Message, Sorted, Sorter, Wanted};
use crate::link::Mono;

/// A whole transcript.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Its first line.
    pub header: Header,
    /// What was heard before anything was sent.
    pub before: Vec<Heard>,
    /// The rest, in order.
    pub exchanges: Vec<Exchange>,
    /// The last line of the file was cut off.
    pub torn: bool,
}

/// One command line, and all that was heard until the next one.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The command line.
    pub sent: Sent,
    /// What was heard before any data went out.
    pub heard: Vec<Heard>,
    /// The data that it asked for.
    pub data: Vec<Data>,
    /// When the port went away, if it did.
    pub gone: Option<Mono>,
}

/// Data that a module asked for.
#[derive(Clone, Debug)]
pub struct Data {
    /// The data.
    pub sent: Sent,
    /// What was heard then.
    pub heard: Vec<Heard>,
}

/// Something that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When.
    pub at: Mono,
    /// As it was recorded.
    pub bytes: Vec<u8>,
    /// Secrets in it were replaced by their names.
    pub masked: bool,
    /// The line of the file, from 1.
    pub line: usize,
}

/// What was heard and belongs together: a line with the empty lines in front of it, a prompt, a message.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it was whole.
    pub at: Mono,
    /// As it was recorded.
    pub bytes: Vec<u8>,
    /// Secrets in it were replaced by their names.
    pub masked: bool,
    /// The lines in it, and what each is. Several only if they belong to one message.
    pub lines: Vec<(Class, String)>,
    /// The message that it is.
    pub message: Option<Message>,
    /// It answers the command, and does not come by itself.
    pub answers: bool,
}

impl Heard {
    /// Whether the dialect knows it as something that comes by itself.
    pub fn is_known_urc(&self) -> bool {
        !self.answers && self.lines.iter().any(|(class, _)| is_urc(*class))
    }
}

impl Exchange {
    /// The command line without its end.
    pub fn line(&self) -> String {
        String::from_utf8_lossy(self.sent.bytes.trim_ascii_end()).into_owned()
    }

    /// All that was heard, in order.
    pub fn all_heard(&self) -> impl Iterator<Item = &Heard> {
        self.heard.iter().chain(self.data.iter().flat_map(|data| &data.heard))
    }

    fn last_heard(&mut self) -> &mut Vec<Heard> {
        self.data.last_mut().map_or(&mut self.heard, |data| &mut data.heard)
    }
}

/// The command and its form: `AT+CREG?` and `AT+CREG=` of `AT+CREG=1`; nothing for what is no command line.
/// Lines with the same one ask the same thing, maybe with other arguments.
pub fn command(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line.trim_ascii()).to_ascii_uppercase();
    let Some(rest) = text.strip_prefix("AT") else { return String::new() };
    if rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '&') {
        let name = |c: char| !c.is_ascii_digit() && c != '"' && c != '*' && c != '#';
        return format!("AT{}", rest.split(|c| !name(c)).next().unwrap_or_default());
    }
    let end =
        rest.find(['=', '?', ';']).map_or(rest.len(), |at| at + usize::from(!rest[at..].starts_with(';')));
    let question = if rest[end..].starts_with('?') { "?" } else { "" };
    format!("AT{}{question}", &rest[..end])
}

fn is_urc(class: Class) -> bool {
    matches!(class, Class::Closed | Class::Reboot | Class::Notice | Class::Message | Class::Other)
}

impl Conversation {
    /// Reads a transcript; `dialect` is that of the module.
    ///
    /// # Errors
    ///
    /// The first line that is no record.
    pub fn read(file: &str, dialect: &Arc<Dialect>) -> Result<Self, ReadError> {
        let mut reader = Reader::new(file)?;
        let mut listener = Listening::new(reader.header().clone(), dialect);
        while let Some(record) = reader.next() {
            let record = record?;
            match record.entry {
                Entry::Tx(bytes) => {
                    let line = reader.line();
                    listener.sent(Sent { at: record.at, bytes, masked: record.masked, line });
                }
                Entry::Rx(bytes) => listener.heard(record.at, &bytes, record.masked),
                Entry::Note(NoteKind::Port, text) if text == GONE => {
                    listener.end_pending();
                    if let Some(exchange) = listener.whole.exchanges.last_mut() {
                        exchange.gone = Some(record.at);
                    }
                }
                Entry::Note(..) => {}
            }
        }
        listener.end_pending();
        listener.whole.torn = reader.torn();
        Ok(listener.whole)
    }
}

/// A transcript that is being read.
struct Listening<'d> {
    dialect: &'d Arc<Dialect>,
    sorter: Sorter,
    /// A command is under way.
    asked: bool,
    last_at: Mono,
    /// Bytes of which the sorter has not said yet what they are.
    pending: Vec<u8>,
    pending_masked: bool,
    whole: Conversation,
}

impl<'d> Listening<'d> {
    fn new(header: Header, dialect: &'d Arc<Dialect>) -> Self {
        Self {
            dialect,
            sorter: Sorter::new(Arc::clone(dialect)),
            asked: false,
            last_at: Mono::ZERO,
            pending: Vec::new(),
            pending_masked: false,
            whole: Conversation { header, ..Conversation::default() },
        }
    }

    fn sent(&mut self, sent: Sent) {
        let prompted = self.ends_with_sign() || (self.asked && self.sorter.progress().prompt_seen);
        self.end_pending();
        let exchanges = &mut self.whole.exchanges;
        if let Some(exchange) = exchanges.last_mut() {
            if prompted {
                exchange.data.push(Data { sent, heard: Vec::new() });
                // Some modules say OK before they ask: the result of the data is still owed.
                if !self.asked {
                    self.arm();
                }
                return;
            }
            let before = &mut exchange.sent;
            let untouched = exchange.heard.is_empty() && exchange.gone.is_none();
            if untouched && !before.bytes.ends_with(b"\r") && !before.bytes.ends_with(b"\n") {
                // Typed: the rest of the line follows.
                before.bytes.extend_from_slice(&sent.bytes);
                before.masked |= sent.masked;
                return self.arm();
            }
        }
        exchanges.push(Exchange { sent, heard: Vec::new(), data: Vec::new(), gone: None });
        self.arm();
    }

    /// Asks the sorter for what the command of the last exchange owes.
    fn arm(&mut self) {
        let Some(exchange) = self.whole.exchanges.last() else { return };
        let line = exchange.line();
        let none = CommandRules::default();
        let rules = self.dialect.entry(&line).map_or(&none, |entry| &entry.rules);
        let wanted = Wanted {
            awaits: rules.awaits.clone(),
            fail: rules.fail.clone(),
            finals: rules.finals.clone(),
            expect: rules.expect.clone(),
            prompt: rules.prompt.clone().filter(|prompt| *prompt != Prompt::Sign),
            owes_final: !matches!(rules.finals, Some(Finals::None)),
            ..Wanted::default()
        };
        let echo = Some(line.into_bytes());
        self.sorter.arm(Armed { wanted: Arc::new(wanted), echo, ..Armed::default() });
        self.asked = true;
    }

    /// A prompt ends without a line end: it is known by what follows, so only here.
    fn ends_with_sign(&self) -> bool {
        !self.whole.exchanges.is_empty() && self.pending.trim_ascii() == b">"
    }

    fn heard(&mut self, at: Mono, bytes: &[u8], masked: bool) {
        let mut sorted = Vec::new();
        if self.sorter.patience().is_some_and(|patience| at > self.last_at + patience) {
            self.sorter.stall(&mut sorted);
            self.file(&mut sorted);
        }
        self.last_at = at;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.pending.extend_from_slice(line);
            self.pending_masked |= masked;
            self.sorter.feed(line, &mut sorted);
            self.file(&mut sorted);
        }
    }

    /// What is pending is what the sorter says now.
    fn file(&mut self, sorted: &mut Vec<Sorted>) {
        if sorted.is_empty() {
            return;
        }
        let in_flight = self.asked;
        let mut heard = Heard {
            at: self.last_at,
            bytes: std::mem::take(&mut self.pending),
            masked: std::mem::take(&mut self.pending_masked),
            lines: Vec::new(),
            message: None,
            answers: false,
        };
        for item in sorted.drain(..) {
            match item {
                Sorted::Line { class, text } => {
                    heard.lines.push((class, String::from_utf8_lossy(&text).into_owned()));
                }
                Sorted::Message(message) => heard.message = Some(message),
                _ => {}
            }
        }
        let own = self.own_prefix();
        heard.answers = in_flight
            && heard.lines.iter().all(|(class, text)| {
                !is_urc(*class) || own.as_ref().is_some_and(|own| text.starts_with(own.as_str()))
            });
        self.push(heard);
        let progress = self.sorter.progress();
        if progress.failed.is_some() || (progress.ended.is_some() && progress.awaits_done) {
            self.sorter.disarm();
            self.asked = false;
        }
    }

    /// What information lines of the command begin with: `+CREG` for `AT+CREG?`.
    fn own_prefix(&self) -> Option<String> {
        let exchange = self.whole.exchanges.last()?;
        let name = command(&exchange.sent.bytes);
        let name = name.strip_prefix("AT")?.trim_end_matches(['=', '?']);
        (name.len() > 1).then(|| name.to_owned())
    }

    /// Keeps what the sorter cannot say anything about, because it has no end.
    fn end_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let sign = self.ends_with_sign();
        let bytes = std::mem::take(&mut self.pending);
        let text = String::from_utf8_lossy(bytes.trim_ascii()).into_owned();
        let class = if sign { Class::Prompt } else { Class::Unknown };
        let lines = if text.is_empty() { Vec::new() } else { vec![(class, text)] };
        let masked = std::mem::take(&mut self.pending_masked);
        self.push(Heard {
            at: self.last_at,
            bytes,
            masked,
            lines,
            message: None,
            answers: self.asked || sign,
        });
        // What the sorter has of it is not to be heard twice.
        let asked = self.asked;
        self.sorter = Sorter::new(Arc::clone(self.dialect));
        if asked {
            self.arm();
        }
    }

    fn push(&mut self, heard: Heard) {
        let heard_so_far = match self.whole.exchanges.last_mut() {
            Some(exchange) => exchange.last_heard(),
            None => &mut self.whole.before,
        };
        heard_so_far.push(heard);
    }
}

#[cfg(test)]
pub(crate) mod tests;
