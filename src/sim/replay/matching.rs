//! Every line is answered as it was answered then, in whatever order the lines come.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Player, Taken, gone, shown};
use crate::at::sorter::Class;
use crate::link::{LinkError, Mono};
use crate::transcript::Conversation;
use crate::transcript::conversation::{Exchange, Heard, command};
use crate::transcript::wildcard::{self, Secrets};

/// Something that will be heard.
enum Coming {
    Bytes(Vec<u8>),
    Gone,
}

/// A recording of which any line may be asked for at any time.
pub(super) struct Matching {
    file: String,
    exchanges: Vec<Exchange>,
    /// The command of each.
    commands: Vec<String>,
    /// How often each has answered, and the one that did last.
    used: Vec<u32>,
    current: Option<usize>,
    /// Data that the current one has got so far.
    data_taken: usize,
    /// When the host has heard that more data is wanted.
    data_from: Mono,
    /// So many exchanges of the recording are over: what came by itself in them is not said again.
    reached: usize,
    coming: VecDeque<(Mono, Coming)>,
    secrets: Secrets,
    is_gone: bool,
}

impl Matching {
    pub(super) fn new(whole: Conversation, file: &str) -> Self {
        let used = vec![0; whole.exchanges.len()];
        let commands = whole.exchanges.iter().map(|exchange| command(&exchange.sent.bytes)).collect();
        let before = whole.before.into_iter().map(|heard| (heard.at, Coming::Bytes(heard.bytes))).collect();
        Self {
            file: file.to_owned(),
            exchanges: whole.exchanges,
            commands,
            used,
            current: None,
            data_taken: 0,
            data_from: Mono::ZERO,
            reached: 0,
            coming: before,
            secrets: Secrets::new(),
            is_gone: false,
        }
    }

    /// The exchange that answers this line: the next one with the same line, else one that answered already,
    /// else the same for the same command with other arguments.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let same = |index: &usize| fitting(&self.exchanges[*index], bytes).is_some();
        let name = command(bytes);
        let alike = |index: &usize| self.commands[*index] == name;
        self.choose(same).or_else(|| self.choose(alike))
    }

    fn choose(&self, fits: impl Fn(&usize) -> bool) -> Option<usize> {
        let all = 0..self.exchanges.len();
        let unused = |index: &usize| self.used[*index] == 0;
        let after = self.current.map_or(0, |current| current + 1);
        let mut later = all.clone().skip(after).filter(unused);
        let mut earlier = all.clone().take(after).filter(unused);
        let mut again = all.rev().filter(|index| !unused(index));
        later.find(&fits).or_else(|| earlier.find(&fits)).or_else(|| again.find(&fits))
    }

    /// Lets the exchange answer.
    fn begin(&mut self, index: usize, bytes: &[u8], now: Mono) {
        self.used[index] = self.used[index].saturating_add(1);
        self.current = Some(index);
        self.data_taken = 0;
        if let Some(secrets) = fitting(&self.exchanges[index], bytes) {
            self.secrets.extend(secrets);
        }
        // What came by itself in an exchange that the host leaves out is not left out.
        for skipped in self.reached..index {
            for heard in unasked(&self.exchanges[skipped]) {
                self.coming.push_back((now, Coming::Bytes(wildcard_of(heard, &self.secrets))));
            }
        }
        let first_time = index >= self.reached;
        self.reached = self.reached.max(index + 1);
        let exchange = &self.exchanges[index];
        let then = exchange.sent.at;
        self.data_from = after_last(&exchange.heard, then, now);
        let mut new: Vec<(Mono, Coming)> = Vec::new();
        for heard in &exchange.heard {
            if first_time || !heard.is_known_urc() {
                let answer = echoed(heard, exchange, bytes, &self.secrets);
                new.push((now + heard.at.since(then), Coming::Bytes(answer)));
            }
        }
        if let Some(at) = exchange.gone.filter(|_| first_time) {
            new.push((now + at.since(then), Coming::Gone));
        }
        self.come(new);
    }

    /// The data that the current exchange waits for, if its prompt has been heard.
    fn wants_data(&self, now: Mono) -> Option<usize> {
        let exchange = &self.exchanges[self.current?];
        (now >= self.data_from && self.data_taken < exchange.data.len()).then_some(self.data_taken)
    }

    fn take_data(&mut self, part: usize, now: Mono) {
        let Some(current) = self.current else { return };
        self.data_taken += 1;
        let data = &self.exchanges[current].data[part];
        let then = data.sent.at;
        self.data_from = after_last(&data.heard, then, now);
        let at = |heard: &Heard| now + heard.at.since(then);
        let new =
            data.heard.iter().map(|heard| (at(heard), Coming::Bytes(wildcard_of(heard, &self.secrets))));
        let new: Vec<_> = new.collect();
        self.come(new);
    }

    /// Puts what will be heard behind all that is due no later.
    fn come(&mut self, new: Vec<(Mono, Coming)>) {
        self.coming.extend(new);
        self.coming.make_contiguous().sort_by_key(|(at, _)| *at);
    }
}

/// The secrets with which `bytes` are the command line that was recorded.
fn fitting(exchange: &Exchange, bytes: &[u8]) -> Option<Secrets> {
    let (recorded, found) = (exchange.sent.bytes.trim_ascii_end(), bytes.trim_ascii_end());
    if exchange.sent.masked {
        wildcard::fits(recorded, found)
    } else {
        (recorded == found).then(Secrets::new)
    }
}

/// When all of it has been heard that was heard `then`, and is heard from `now` on.
fn after_last(heard: &[Heard], then: Mono, now: Mono) -> Mono {
    heard.last().map_or(now, |last| now + last.at.since(then))
}

fn unasked(exchange: &Exchange) -> impl Iterator<Item = &Heard> {
    exchange.all_heard().filter(|heard| heard.is_known_urc())
}

fn wildcard_of(heard: &Heard, secrets: &Secrets) -> Vec<u8> {
    if heard.masked { wildcard::filled(&heard.bytes, secrets) } else { heard.bytes.clone() }
}

/// What is heard, with the line that was really sent in its echo.
fn echoed(heard: &Heard, exchange: &Exchange, sent: &[u8], secrets: &Secrets) -> Vec<u8> {
    let recorded = exchange.sent.bytes.trim_ascii_end();
    let is_echo = matches!(heard.lines.first(), Some((Class::Echo, _)));
    match heard.bytes.strip_prefix(recorded).filter(|_| is_echo) {
        Some(end) => [sent.trim_ascii_end(), end].concat(),
        None => wildcard_of(heard, secrets),
    }
}

impl Player for Matching {
    fn sent(&mut self, bytes: &[u8], now: Mono) -> Result<Taken, LinkError> {
        if self.is_gone {
            return Err(gone());
        }
        if let Some(part) = self.wants_data(now) {
            self.take_data(part, now);
        } else if let Some(index) = self.find(bytes) {
            self.begin(index, bytes, now);
        } else {
            return Err(LinkError::Strayed {
                what: format!("nothing like {} was sent in the recording {}", shown(bytes), self.file),
                help: "a recording can answer only what it was asked: record a run with this line, or run it on the module".to_owned(),
            });
        }
        Ok(Taken { bytes: bytes.len(), at: now })
    }

    fn due(&self) -> Option<Mono> {
        self.coming.front().map(|(at, _)| *at)
    }

    fn take(&mut self, now: Mono, into: &mut Vec<u8>) -> Result<(), LinkError> {
        let before = into.len();
        while let Some((at, _)) = self.coming.front()
            && *at <= now
            && !self.is_gone
        {
            match self.coming.pop_front() {
                Some((_, Coming::Bytes(bytes))) => into.extend(bytes),
                _ => self.is_gone = true,
            }
        }
        if self.is_gone && into.len() == before { Err(gone()) } else { Ok(()) }
    }

    fn back(&self, now: Mono) -> Option<Mono> {
        Some(now + BACK_AFTER)
    }

    fn reopened(&mut self) {
        self.is_gone = false;
    }
}

/// How long a port that went away stays away.
const BACK_AFTER: Duration = Duration::from_secs(1);
