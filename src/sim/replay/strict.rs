//! The same bytes in the same order, or the run ends.

use std::time::Duration;

use super::{Player, Taken, gone, shown};
use crate::link::{LinkError, Mono};
use crate::transcript::record::{BACK, GONE, SHORT};
use crate::transcript::wildcard::{self, Secrets};
use crate::transcript::{Entry, NoteKind, ReadError, Reader};

/// So much sooner than then a line may be sent for the machine's sake: then something had to be computed,
/// which costs no time now.
const SLIP: Duration = Duration::from_millis(50);

/// What happened then.
#[derive(Debug)]
enum What {
    Sent(Vec<u8>),
    Heard(Vec<u8>),
    /// The module took only what stands above of what was sent.
    Short,
    Gone,
    Back,
}

#[derive(Debug)]
struct Item {
    at: Mono,
    what: What,
    masked: bool,
    /// Of the file, from 1.
    line: usize,
}

/// A recording that is followed step by step.
pub(super) struct Strict {
    file: String,
    items: Vec<Item>,
    /// The first one that has not happened yet.
    next: usize,
    /// A moment of the recording, and when it was this time: all times count from there.
    anchor: (Mono, Mono),
    secrets: Secrets,
    /// Heard and not yet handed over.
    inbox: Vec<u8>,
    is_gone: bool,
    /// Where the run left the recording: what it is told from then on.
    left: Option<(String, String)>,
}

impl Strict {
    pub(super) fn new(text: &str, file: &str) -> Result<Self, ReadError> {
        let mut reader = Reader::new(text)?;
        let mut items = Vec::new();
        while let Some(record) = reader.next() {
            let record = record?;
            let what = match record.entry {
                Entry::Tx(bytes) => What::Sent(bytes),
                Entry::Rx(bytes) => What::Heard(bytes),
                Entry::Note(NoteKind::Port, text) => match text.as_str() {
                    GONE => What::Gone,
                    SHORT => What::Short,
                    BACK => What::Back,
                    _ => continue,
                },
                Entry::Note(..) => continue,
            };
            items.push(Item { at: record.at, what, masked: record.masked, line: reader.line() });
        }
        Ok(Self {
            file: file.to_owned(),
            items,
            next: 0,
            anchor: (Mono::ZERO, Mono::ZERO),
            secrets: Secrets::new(),
            inbox: Vec::new(),
            is_gone: false,
            left: None,
        })
    }

    /// When this moment of the recording is this time.
    fn mapped(&self, at: Mono) -> Mono {
        self.anchor.1 + at.since(self.anchor.0)
    }

    /// What was heard before the next thing of another kind has been heard by now.
    fn hear_all(&mut self) {
        while let Some(Item { what: What::Heard(_), .. }) = self.items.get(self.next) {
            self.hear();
        }
    }

    fn hear(&mut self) {
        let item = &self.items[self.next];
        if let What::Heard(bytes) = &item.what {
            if item.masked {
                self.inbox.extend(wildcard::filled(bytes, &self.secrets));
            } else {
                self.inbox.extend_from_slice(bytes);
            }
            self.next += 1;
        }
    }

    /// Compares with what was sent next; returns how many of `bytes` that was.
    fn follow(&mut self, bytes: &[u8]) -> Option<usize> {
        if matches!(self.items.get(self.next), Some(Item { what: What::Short, .. })) {
            self.next += 1;
            return Some(0);
        }
        let mut rest = bytes;
        let mut ahead = self.next;
        while let Some(Item { what: What::Sent(recorded), masked, .. }) = self.items.get(ahead) {
            ahead += 1;
            let whole =
                if *masked { wildcard::fits(recorded, rest) } else { (recorded == rest).then(Secrets::new) };
            if let Some(secrets) = whole {
                self.secrets.extend(secrets);
                self.next = ahead;
                return Some(bytes.len());
            }
            // What goes out in one piece may have been recorded in several.
            rest = rest.strip_prefix(recorded.as_slice()).filter(|_| !masked)?;
            if matches!(self.items.get(ahead), Some(Item { what: What::Short, .. })) {
                self.next = ahead + 1;
                return Some(bytes.len() - rest.len());
            }
        }
        None
    }

    /// The run does something else: from here on it hears only that.
    fn leave(&mut self, bytes: &[u8]) -> LinkError {
        let file = &self.file;
        let sent = shown(bytes);
        let what = match self.items.get(self.next) {
            Some(Item { what: What::Sent(recorded), line, .. }) => {
                let recorded_text = shown(recorded);
                let from = bytes.iter().zip(recorded).take_while(|(one, other)| one == other).count();
                let more = if sent.starts_with('`') && recorded_text.starts_with('`') {
                    String::new()
                } else {
                    format!("; they differ from byte {} on", from + 1)
                };
                format!(
                    "the run leaves the recording at {file}:{line}: recorded is {recorded_text}, sent was {sent}{more}"
                )
            }
            _ => format!("the run goes on where the recording {file} ends: sent was {sent}"),
        };
        let help = format!(
            "a flow that was changed can still be tried: `--port 'replay:{file}?match'` answers its lines in any order"
        );
        self.left = Some((what.clone(), help.clone()));
        LinkError::Strayed { what, help }
    }

    fn left(&self) -> Result<(), LinkError> {
        match &self.left {
            Some((what, help)) => Err(LinkError::Strayed { what: what.clone(), help: help.clone() }),
            None => Ok(()),
        }
    }
}

impl Player for Strict {
    fn sent(&mut self, bytes: &[u8], now: Mono) -> Result<Taken, LinkError> {
        self.left()?;
        if bytes.is_empty() {
            return Ok(Taken { bytes: 0, at: now });
        }
        self.hear_all();
        if let Some(Item { what: What::Gone, .. }) = self.items.get(self.next) {
            self.is_gone = true;
            self.next += 1;
        }
        if self.is_gone {
            return Err(gone());
        }
        let first = self.next;
        let Some(taken) = self.follow(bytes) else { return Err(self.leave(bytes)) };
        let recorded = self.items[first].at;
        let then = self.mapped(recorded);
        let at = if then <= now + SLIP { now.max(then) } else { now };
        self.anchor = (recorded, at);
        Ok(Taken { bytes: taken, at })
    }

    fn due(&self) -> Option<Mono> {
        let item = self.items.get(self.next).filter(|item| matches!(item.what, What::Heard(_) | What::Gone));
        item.map(|item| self.mapped(item.at))
    }

    fn take(&mut self, now: Mono, into: &mut Vec<u8>) -> Result<(), LinkError> {
        self.left()?;
        while let Some(Item { what: What::Heard(_), at, .. }) = self.items.get(self.next)
            && self.mapped(*at) <= now
        {
            self.hear();
        }
        if !self.inbox.is_empty() {
            into.append(&mut self.inbox);
            return Ok(());
        }
        if let Some(Item { what: What::Gone, at, .. }) = self.items.get(self.next)
            && self.mapped(*at) <= now
        {
            self.is_gone = true;
            self.next += 1;
        }
        if self.is_gone { Err(gone()) } else { Ok(()) }
    }

    fn back(&self, now: Mono) -> Option<Mono> {
        let next = self.items[self.next..].iter().find(|item| !matches!(item.what, What::Gone))?;
        Some(if matches!(next.what, What::Back) { self.mapped(next.at).max(now) } else { now })
    }

    fn reopened(&mut self) {
        while let Some(Item { what: What::Gone | What::Back, .. }) = self.items.get(self.next) {
            self.next += 1;
        }
        self.is_gone = false;
    }
}
