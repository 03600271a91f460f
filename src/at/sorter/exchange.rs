//! The armed step: which line it takes, in the order that the language lays down.

use std::sync::Arc;

use super::cursor::{Cursor, Place, Shape};
use super::frame::{Owner, Source};
use super::progress::{Armed, Ended, Progress, ResultError, Verdict, Wanted};
use super::{Class, Early, NOTHING};
use crate::at::dialect::{Dialect, Finals, Prompt};
use crate::at::pattern::{Capture, Captures, Pattern, Sequence, trim_end};

/// As much information is kept for messages and reports.
const INFORMATION_BYTES: usize = 64 * 1024;

/// As many elements of a list are kept: as many as a script can take.
const COLLECTED_ELEMENTS: usize = 4_096;

/// A step that waits.
#[derive(Debug)]
pub(super) struct Exchange {
    wanted: Arc<Wanted>,
    pub(super) same: Vec<(Arc<str>, String)>,
    pub(super) progress: Progress,
    /// Whether any of its patterns counts bytes.
    pub(super) counted: bool,
    /// There is data to send, so the prompt must come.
    has_data: bool,
    echo: Option<Vec<u8>>,
    /// The lines of our data, last first, as far as their echo has not come.
    data: Vec<Vec<u8>>,
    awaits: Cursor,
    expects: Cursor,
    lists: Vec<(Cursor, Captures)>,
    information_bytes: usize,
}

/// What a step did with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) class: Class,
    /// Whose place moved on, so that counted bytes may follow.
    pub(super) owner: Owner,
}

/// What is offered to a step besides the line.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four facts about a line, each on its own")]
pub(super) struct Offer {
    /// The dialect says that the line ends the session.
    pub(super) closed: bool,
    /// Old answers are being cleared away: only echo and final result count.
    pub(super) late: bool,
    /// It began before the command was sent: it cannot be its result.
    pub(super) early: bool,
    /// The line may be the rest of a damaged frame: it decides nothing but the end of a command.
    pub(super) distrust: bool,
}

impl Taken {
    fn by(owner: Owner, class: Class) -> Self {
        Self { class, owner }
    }

    /// By something that has no place to move on from.
    fn once(class: Class) -> Self {
        Self::by(Owner::Nobody, class)
    }
}

impl Exchange {
    /// The awaited line that has not come yet.
    pub(super) fn missing_await(&self) -> Option<String> {
        self.wanted.awaits.as_ref().and_then(|awaits| self.awaits.missing(awaits))
    }

    /// The expected line that has not come yet.
    pub(super) fn missing_expect(&self) -> Option<String> {
        self.wanted.expect.as_ref().and_then(|expect| self.expects.missing(expect))
    }

    pub(super) fn new(armed: Armed, dialect: &Dialect) -> Self {
        let wanted = armed.wanted;
        let lists = wanted.collect.iter().flat_map(|lists| lists.iter());
        let sequences = wanted.awaits.iter().chain(&wanted.expect).map(|found| &**found);
        let counted = sequences.chain(lists.clone().map(|(_, found)| found)).any(Sequence::is_counted);
        let progress = Progress {
            awaits_done: wanted.awaits.is_none(),
            expects_done: wanted.expect.is_none(),
            collected: lists.clone().map(|(name, _)| (name.clone(), Vec::new())).collect(),
            ..Progress::default()
        };
        let mut exchange = Self {
            lists: lists.map(|_| Default::default()).collect(),
            same: armed.same,
            progress,
            counted,
            has_data: armed.data.is_some(),
            echo: armed.echo.map(|mut echo| {
                echo.truncate(trim_end(&echo).len());
                echo
            }),
            data: Vec::new(),
            awaits: Cursor::default(),
            expects: Cursor::default(),
            information_bytes: 0,
            wanted,
        };
        exchange.data = exchange.data_lines(&armed.data.unwrap_or_default(), dialect);
        exchange
    }

    /// The lines as which `data` would be echoed, last first. None if the first looks like a line that decides
    /// how the command ends: it could not be told from that line itself.
    fn data_lines(&self, data: &[u8], dialect: &Dialect) -> Vec<Vec<u8>> {
        let without_nul = |line: &[u8]| line.iter().copied().filter(|&byte| byte != 0).collect::<Vec<u8>>();
        let lines = data.split(|byte| matches!(byte, b'\r' | b'\n')).map(without_nul);
        let mut lines: Vec<Vec<u8>> = lines.filter(|line| !line.trim_ascii().is_empty()).collect();
        let results = &dialect.results;
        let decides = |line: &Vec<u8>| {
            let finals = self.finals(dialect).iter().chain(&results.error).chain(&results.busy);
            let awaits = self.wanted.awaits.iter().flat_map(|awaits| awaits.patterns());
            let fail = self.wanted.fail.iter().flat_map(|fail| fail.iter());
            finals.chain(awaits).chain(fail).any(|pattern| pattern.is_match(line, &self.same))
        };
        if lines.first().is_some_and(decides) {
            lines.clear();
        }
        lines.reverse();
        lines
    }

    /// The prompt that was asked for and has not come.
    pub(super) fn missing_prompt(&self) -> Option<&Prompt> {
        self.wanted.prompt.as_ref().filter(|_| !self.progress.prompt_seen)
    }

    /// Whether a `>` at the start of a line is the prompt.
    pub(super) fn wants_sign(&self) -> bool {
        self.missing_prompt() == Some(&Prompt::Sign)
    }

    /// A final result is owed and has not come.
    fn is_owed(&self) -> bool {
        self.wanted.owes_final
            && self.progress.ended.is_none()
            && !matches!(self.wanted.finals, Some(Finals::None))
    }

    /// Everything owed has come. What follows decides nothing any more, whether it comes in the same read
    /// or in the next: how a module's words are cut into reads must not change how a step ends.
    fn is_over(&self) -> bool {
        let asked = !self.has_data || self.missing_prompt().is_none();
        let decided = self.progress.failed.is_some() || (self.progress.awaits_done && asked);
        decided && !self.is_owed()
    }

    fn finals<'a>(&'a self, dialect: &'a Dialect) -> &'a [Pattern] {
        match &self.wanted.finals {
            None => &dialect.results.ok,
            Some(Finals::Lines(patterns)) => patterns,
            Some(Finals::None) => &[],
        }
    }

    /// Offers a line, before the dialect's own lines are looked at.
    pub(super) fn offer(&mut self, line: &[u8], dialect: &Dialect, offer: Offer) -> Option<Taken> {
        if self.takes_echo(line) {
            return Some(Taken::once(Class::Echo));
        }
        if let (false, Some(Prompt::Word(word))) = (self.progress.prompt_seen, &self.wanted.prompt)
            && line == word.as_bytes()
        {
            self.progress.prompt_seen = true;
            return Some(Taken::once(Class::Prompt));
        }
        if !offer.late && !offer.distrust {
            if self.takes_await(line, Shape::Line) {
                return Some(Taken::by(Owner::Await, Class::Await));
            }
            if self.takes_fail(line, offer.closed) {
                return Some(Taken::once(Class::Fail));
            }
        }
        if let Some(class) = self.takes_final(line, dialect, Shape::Line, offer) {
            return Some(Taken::once(class));
        }
        if offer.late {
            return None;
        }
        self.takes_information(line, Shape::Line).or_else(|| self.appends(line, dialect))
    }

    /// Whether a line bears the name of what was asked: `+CPIN: READY` after `AT+CPIN?`, `AT+CPIN` or
    /// `AT+CPIN=?`. After `AT+CPIN="1234"` nothing was asked.
    pub(super) fn is_asked_for(&self, line: &[u8]) -> bool {
        let Some(asked) = self.echo.as_deref().and_then(|echo| echo.get(2..)) else { return false };
        let asked = asked.strip_suffix(b"?").unwrap_or(asked);
        let name = asked.strip_suffix(b"=").unwrap_or(asked);
        let named = || line[..name.len()].eq_ignore_ascii_case(name);
        line.get(name.len()) == Some(&b':') && !name.is_empty() && named()
    }

    /// Offers a line that the dialect does not know, to patterns that take almost anything.
    pub(super) fn offer_bare(&mut self, line: &[u8], dialect: &Dialect, offer: Offer) -> Option<Taken> {
        if offer.late {
            return None;
        }
        if let Some(class) = self.takes_final(line, dialect, Shape::Bare, offer) {
            return Some(Taken::once(class));
        }
        self.takes_information(line, Shape::Bare).or_else(|| {
            if !self.wanted.owes_final || self.is_over() {
                return None;
            }
            self.information_bytes += line.len();
            if self.information_bytes <= INFORMATION_BYTES {
                self.progress.information.push(String::from_utf8_lossy(line).into_owned());
            }
            Some(Taken::once(Class::Information))
        })
    }

    /// Offers a whole frame that another owner took.
    pub(super) fn offer_frame(&mut self, text: &[u8]) -> Option<Taken> {
        if self.takes_await(text, Shape::Framed) {
            return Some(Taken::by(Owner::Await, Class::Await));
        }
        self.takes_information(text, Shape::Framed)
    }

    /// Offers a line that came before the step began, to its awaited lines and failures only.
    pub(super) fn replay(&mut self, line: &[u8], closed: bool) -> bool {
        self.takes_await(line, Shape::Line)
            || self.takes_await(line, Shape::Framed)
            || self.takes_fail(line, closed)
    }

    /// Offers a line from before the result that the awaited lines have to follow.
    pub(super) fn replay_early(&mut self, line: &[u8], closed: bool) -> Early {
        let wanted = Arc::clone(&self.wanted);
        let takes = |pattern: &Pattern| pattern.is_match(line, &self.same).then_some(());
        let is_next = wanted
            .awaits
            .as_ref()
            .is_some_and(|awaits| self.awaits.find(awaits, |_, pattern| takes(pattern)).is_some());
        if is_next {
            return Early::Stray;
        }
        if self.takes_fail(line, closed) {
            return Early::Failure;
        }
        let is_later = wanted
            .awaits
            .iter()
            .flat_map(|awaits| awaits.patterns())
            .any(|pattern| pattern.is_match(line, &self.same));
        if is_later { Early::Stray } else { Early::Left }
    }

    fn takes_echo(&mut self, line: &[u8]) -> bool {
        if self.echo.as_deref() == Some(line) {
            return true;
        }
        let may_come = self.wanted.prompt.is_none() || self.progress.prompt_seen;
        let next = self.data.last().is_some_and(|next| next.trim_ascii() == line.trim_ascii());
        if may_come && next {
            self.data.pop();
            return true;
        }
        false
    }

    fn takes_await(&mut self, line: &[u8], shape: Shape) -> bool {
        let Some(sequence) = &self.wanted.awaits else { return false };
        let captures = &mut self.progress.captures;
        let taken = self.awaits.take(sequence, line, shape, &self.same, captures);
        self.progress.awaits_done |= taken && self.awaits.is_complete(sequence);
        taken
    }

    fn takes_fail(&mut self, line: &[u8], closed: bool) -> bool {
        let Some(patterns) = self.wanted.fail.as_ref().filter(|_| !self.is_over()) else { return false };
        let Some((pattern, captures)) = first_match(patterns, line, &self.same) else { return false };
        self.progress.fail(ResultError::new(pattern, &captures, line, closed));
        true
    }

    fn takes_final(&mut self, line: &[u8], dialect: &Dialect, shape: Shape, offer: Offer) -> Option<Class> {
        if offer.early {
            return None;
        }
        if !self.is_owed() {
            return self.takes_late_error(line, dialect, shape, offer);
        }
        let fits = |pattern: &&Pattern| pattern.is_match(line, &self.same) && shape.fits(pattern);
        let verdict = if let Some(pattern) = self.finals(dialect).iter().find(fits) {
            let captures = pattern.match_line(line, &self.same).unwrap_or_default();
            captures.0.into_iter().for_each(|(name, value)| self.progress.captures.put(name, value));
            Verdict::Ok
        } else if let Some(pattern) = dialect.results.error.iter().find(fits) {
            let captures = pattern.match_line(line, &self.same).unwrap_or_default();
            self.progress.fail(ResultError::new(pattern, &captures, line, false));
            Verdict::Error
        } else if dialect.results.busy.iter().any(|pattern| fits(&pattern)) {
            Verdict::Busy
        } else {
            return None;
        };
        self.close_lines();
        self.progress.ended = Some(Ended { verdict, line: String::from_utf8_lossy(line).into_owned() });
        Some(Class::Final)
    }

    /// With no final result owed, an error result ends an open `await`, or the wait for a prompt: `OK`, then
    /// `ERROR` in place of it.
    fn takes_late_error(
        &mut self,
        line: &[u8],
        dialect: &Dialect,
        shape: Shape,
        offer: Offer,
    ) -> Option<Class> {
        let refused = offer.late || offer.distrust || shape != Shape::Line;
        let waits = !self.progress.awaits_done || (self.has_data && self.missing_prompt().is_some());
        if refused || !waits || self.progress.failed.is_some() {
            return None;
        }
        let (pattern, captures) = first_match(&dialect.results.error, line, &self.same)?;
        self.progress.fail(ResultError::new(pattern, &captures, line, false));
        Some(Class::Fail)
    }

    /// The next expected line, else a list's.
    fn takes_information(&mut self, line: &[u8], shape: Shape) -> Option<Taken> {
        if self.is_over() {
            return None;
        }
        if let Some(sequence) = &self.wanted.expect
            && self.expects.take(sequence, line, shape, &self.same, &mut self.progress.captures)
        {
            self.progress.expects_done = self.expects.is_complete(sequence);
            return Some(Taken::by(Owner::Expect, Class::Expect));
        }
        let index = (0..self.lists.len()).find(|&index| self.list_takes(index, line, shape))?;
        Some(Taken::by(Owner::Collect(index), Class::Collect))
    }

    fn list_takes(&mut self, index: usize, line: &[u8], shape: Shape) -> bool {
        let wanted = self.wanted.clone();
        let Some((_, sequence)) = wanted.collect.as_ref().and_then(|lists| lists.get(index)) else {
            return false;
        };
        let (cursor, captures) = &mut self.lists[index];
        if cursor.take(sequence, line, shape, &self.same, captures) {
            self.finish_element(index, sequence, false);
            return true;
        }
        if !cursor.has_begun() {
            return false;
        }
        // The first line of the next element ends this one, whole or not.
        let mut first = (Cursor::default(), Captures::default());
        if !first.0.take(sequence, line, shape, &self.same, &mut first.1) {
            return false;
        }
        self.finish_element(index, sequence, true);
        self.lists[index] = first;
        self.finish_element(index, sequence, false);
        true
    }

    /// Moves a whole element into its list. One that could still grow waits until it is `over`.
    fn finish_element(&mut self, index: usize, sequence: &Sequence, over: bool) {
        let (cursor, captures) = &mut self.lists[index];
        let whole = if over { cursor.is_complete(sequence) } else { cursor.is_exhausted(sequence) };
        if !over && (!whole || cursor.in_lines()) {
            return;
        }
        let (_, mut element) = (std::mem::take(cursor), std::mem::take(captures));
        if whole
            && let Some((_, list)) = self.progress.collected.get_mut(index)
            && list.len() < COLLECTED_ELEMENTS
        {
            for name in sequence.names() {
                if element.get(&name).is_none() {
                    element.0.push((name, Capture::Missing));
                }
            }
            list.push(element);
        }
    }

    /// Adds the line to a `lines` hole that is open.
    fn appends(&mut self, line: &[u8], dialect: &Dialect) -> Option<Taken> {
        let limit = dialect.line.max_bytes;
        let captures = &mut self.progress.captures;
        if self.awaits.append(line, limit, captures) {
            return Some(Taken::once(Class::Await));
        }
        if self.expects.append(line, limit, captures) {
            return Some(Taken::once(Class::Expect));
        }
        let mut lists = self.lists.iter_mut();
        lists.any(|(cursor, captures)| cursor.append(line, limit, captures)).then_some(())?;
        Some(Taken::once(Class::Collect))
    }

    fn close_lines(&mut self) {
        self.awaits.close_lines();
        self.expects.close_lines();
        self.finish_lists();
    }

    fn finish_lists(&mut self) {
        let wanted = self.wanted.clone();
        let lists = wanted.collect.iter().flat_map(|lists| lists.iter());
        for (index, (_, sequence)) in lists.enumerate() {
            self.finish_element(index, sequence, true);
        }
    }

    /// Ends it.
    pub(super) fn finish(mut self) -> Progress {
        self.finish_lists();
        self.progress
    }

    /// Whose counted bytes `look` finds to be next, of those that this step waits for.
    pub(super) fn find<R>(
        &self,
        mut look: impl FnMut(Owner, Place, &Pattern, &Captures) -> Option<R>,
    ) -> Option<R> {
        let mut at = |owner| {
            let (cursor, captures) = self.place(owner)?;
            let source = self.source(owner)?;
            cursor.find(source.sequence()?, |place, pattern| look(owner, place, pattern, captures))
        };
        at(Owner::Await)
            .or_else(|| at(Owner::Expect))
            .or_else(|| (0..self.lists.len()).find_map(|index| at(Owner::Collect(index))))
    }

    /// How far `owner` has got.
    pub(super) fn place(&self, owner: Owner) -> Option<(&Cursor, &Captures)> {
        match owner {
            Owner::Await => Some((&self.awaits, &self.progress.captures)),
            Owner::Expect => Some((&self.expects, &self.progress.captures)),
            Owner::Collect(index) => self.lists.get(index).map(|(cursor, captures)| (cursor, captures)),
            Owner::Message(_) | Owner::Nobody => None,
        }
    }

    /// The sequence of `owner`, to keep.
    pub(super) fn source(&self, owner: Owner) -> Option<Source> {
        match owner {
            Owner::Await => self.wanted.awaits.clone().map(Source::Step),
            Owner::Expect => self.wanted.expect.clone().map(Source::Step),
            Owner::Collect(index) => self.wanted.collect.clone().map(|lists| Source::Collect(lists, index)),
            Owner::Message(_) | Owner::Nobody => None,
        }
    }

    /// Takes what a frame captured for `owner`.
    pub(super) fn accept(&mut self, owner: Owner, place: Place, found: Captures) -> Class {
        let wanted = self.wanted.clone();
        let captures = &mut self.progress.captures;
        match (owner, &wanted.awaits, &wanted.expect, &wanted.collect) {
            (Owner::Await, Some(sequence), _, _) => {
                self.awaits.accept(sequence, place, found, captures);
                self.progress.awaits_done = self.awaits.is_complete(sequence);
                Class::Await
            }
            (Owner::Expect, _, Some(sequence), _) => {
                self.expects.accept(sequence, place, found, captures);
                self.progress.expects_done = self.expects.is_complete(sequence);
                Class::Expect
            }
            (Owner::Collect(index), _, _, Some(lists)) => {
                let (Some((_, sequence)), Some((cursor, captures))) =
                    (lists.get(index), self.lists.get_mut(index))
                else {
                    return NOTHING;
                };
                cursor.accept(sequence, place, found, captures);
                self.finish_element(index, sequence, false);
                Class::Collect
            }
            _ => NOTHING,
        }
    }
}

fn first_match<'p>(
    patterns: &'p [Pattern],
    line: &[u8],
    same: &[(Arc<str>, String)],
) -> Option<(&'p Pattern, Captures)> {
    patterns.iter().find_map(|pattern| Some((pattern, pattern.match_line(line, same)?)))
}
