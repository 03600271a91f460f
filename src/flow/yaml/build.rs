//! Events of the parser → nodes. Refuses what the language leaves out of YAML, where it stands.

use std::collections::BTreeMap;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StructureStyle, options};

use super::mend::{Mended, Stop};
use super::{Key, Kind, MOST_BYTES, MOST_DEPTH, MOST_NODES, Node, Style, Tree};
use crate::flow::diag::{Code, Diagnostic, Diagnostics, FileId, Sources, Span};
use crate::flow::traps::{self, Parent};

/// How YAML writes that there is nothing.
const NULLS: [&str; 4] = ["null", "Null", "NULL", "~"];

/// Reads the whole file without what is no YAML, or stops at the first thing after which all would be guesswork:
/// then there is a tree only if the file's own steps were being read and nothing else was to follow them.
pub(super) fn build(sources: &Sources, file: FileId, problems: &mut Diagnostics) -> Option<Tree> {
    let written = sources.text(file);
    if written.len() > MOST_BYTES {
        problems.push(traps::too_large(file, written.len()));
        return None;
    }
    let mut mended = Mended::new(written);
    let mut tabs: Vec<Span> = Vec::new();
    loop {
        let mut found = Diagnostics::new();
        let mut builder = Builder::new(mended.text(), file, mended.lost(), &mut found);
        let complete = builder.read();
        let stop = builder.stop.take();
        let cure = stop.as_ref().and_then(|stop| mended.cure(stop));
        let mut tree = None;
        if cure.is_none() {
            let root = if complete { builder.root.take() } else { builder.root_before_the_open_step() };
            let comments = builder.comments;
            tree = root.map(|mut root| {
                traps::look(mended.text(), &mut root, &comments, &mut found);
                root
            });
        }
        let place = |span: Span| Span::new(file, mended.written(span.start)..mended.written(span.end));
        if let Some(stop) = stop {
            let is_told = has_cause(&stop, &found);
            // What stands above it will be found again.
            if cure.is_some() {
                found = behind(&found, stop.start);
            }
            match stop.problem.code {
                _ if is_told => {}
                Code::TAB => tabs.push(place(stop.problem.at)),
                _ if cure.is_none() && mended.is_at_its_end() => found.push(unread_behind(stop.problem)),
                _ => found.push(stop.problem),
            }
        }
        found.retain_since(0, |problem| !mended.lost().iter().any(|lost| touches(problem.at, lost)));
        problems.append(found.moved(place));
        if let Some(cure) = cure {
            mended.apply(cure);
            continue;
        }
        tabs.sort_unstable();
        for problem in traps::tabs(written, &tabs) {
            problems.push(problem);
        }
        if complete && tree.is_none() && problems.is_empty() {
            problems.push(traps::empty_file(file));
        }
        let lost = mended.lost().iter().map(|lost| place(Span::new(file, lost.clone()))).collect();
        return tree.map(|mut root| {
            root.move_to(&place);
            Tree { root, complete, lost }
        });
    }
}

/// The last one of so many that nothing behind it was read.
fn unread_behind(problem: Diagnostic) -> Diagnostic {
    let rest = "what follows is read when some of this is mended";
    let help = problem.help.as_ref().map_or(rest.to_owned(), |help| format!("{help}; {rest}"));
    problem.help(help)
}

/// Adds to a list or a map what another one has besides.
fn add(other: Node, to: &mut Node) {
    match (other.kind, &mut to.kind) {
        (Kind::List(more), Kind::List(items)) => items.extend(more),
        (Kind::Map(more), Kind::Map(entries)) => {
            for (key, value) in more {
                if entries.iter().all(|(known, _)| known.text != key.text) {
                    entries.push((key, value));
                }
            }
        }
        _ => {}
    }
}

/// Whether a problem stands at what was taken out of the text, and so follows from that.
fn touches(at: Span, lost: &Range<usize>) -> bool {
    at.start <= lost.end && lost.start <= at.end
}

/// Whether something was found in the line in which the parser stopped: that is the cause.
fn has_cause(stop: &Stop, found: &Diagnostics) -> bool {
    found.sorted().iter().any(|known| known.at.start >= stop.line)
}

/// What was found from `start` on.
fn behind(found: &Diagnostics, start: usize) -> Diagnostics {
    let mut out = Diagnostics::new();
    found
        .sorted()
        .into_iter()
        .filter(|known| known.at.end >= start)
        .for_each(|known| out.push(known.clone()));
    out
}

struct Builder<'s, 'p> {
    text: &'s str,
    file: FileId,
    /// What was taken out of the text.
    lost: &'s [Range<usize>],
    /// What the parser stopped at.
    stop: Option<Stop>,
    /// Lists and maps that have begun and not ended.
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    comments: Vec<Range<usize>>,
    /// The scalar that came last: where a syntax error follows it directly, it is what went wrong.
    last: Range<usize>,
    /// The node that came last has been reported, so its anchor is not a second problem.
    reported: bool,
    /// That the last scalar goes over two lines; if a syntax error follows, that one says it better.
    two_lines: Option<Diagnostic>,
    problems: &'p mut Diagnostics,
}

/// A list or map that has begun.
struct Open {
    start: usize,
    flow_style: bool,
    what: What,
}

enum What {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<MapKey> },
}

/// What stands where a key belongs.
enum MapKey {
    Good(Key),
    /// Reported; its entry is dropped.
    Bad,
}

impl<'s, 'p> Builder<'s, 'p> {
    fn new(text: &'s str, file: FileId, lost: &'s [Range<usize>], problems: &'p mut Diagnostics) -> Self {
        Self {
            text,
            file,
            lost,
            stop: None,
            open: Vec::new(),
            root: None,
            nodes: 0,
            comments: Vec::new(),
            last: 0..0,
            reported: false,
            two_lines: None,
            problems,
        }
    }

    /// Whether the file was read to its end.
    fn read(&mut self) -> bool {
        // A file may begin with any number of comment lines; its size bounds them.
        let options = options! {
            emit_anchor_events: true,
            emit_unresolved_aliases: true,
            disallow_directives: true,
            max_buffered_comment_events: MOST_BYTES,
        };
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(self.text, options) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => {
                    self.syntax_error(&error);
                    return false;
                }
            };
            if let Some(problem) = self.two_lines.take() {
                self.problems.push(problem);
            }
            let range = span.byte_range().unwrap_or(0..0);
            if matches!(event, Event::DocumentStart(..)) {
                documents += 1;
                if documents == 2 {
                    self.problems.push(traps::several_documents(self.span(range)));
                    return false;
                }
            }
            if let Event::Scalar(..) = &event
                && let Some(tab) = self.tab_before(range.start)
            {
                self.stop = Some(self.stop_at(range.start, traps::tab(self.span(tab..tab + 1))));
                return false;
            }
            let tag = span.tag_span().and_then(|tag| tag.byte_range());
            if !self.event(event, range, tag) {
                return false;
            }
        }
        true
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let open = self.open.iter().rfind(|open| open.flow_style).map(|open| open.start);
        let place = traps::Broken { text: self.text, file: self.file, at, last: self.last.clone(), open };
        let problem = traps::syntax(&place, error.kind());
        self.stop = Some(self.stop_at(at, problem));
    }

    fn stop_at(&self, at: usize, problem: Diagnostic) -> Stop {
        let bracket = self.open.iter().find(|open| open.flow_style).map(|open| open.start);
        let from = bracket.map_or(at, |bracket| bracket.min(at));
        let (line, start) = (self.line_of(at), self.line_of(from.min(problem.at.start)));
        Stop { problem, from, in_brackets: bracket.is_some(), line, start }
    }

    fn line_of(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |end| end + 1)
    }

    /// A tab in front of the key or item that begins there: behind a blank the parser takes it for one more.
    fn tab_before(&self, start: usize) -> Option<usize> {
        if self.in_flow() || start == 0 || !self.text[..start].ends_with(['\t', ' ']) {
            return None;
        }
        let line = self.line_of(start);
        let before = &self.text[line..start];
        let dashes = before.trim_start_matches([' ', '\t']);
        let is_key = matches!(self.open.last(), Some(Open { what: What::Map { key: None, .. }, .. }));
        let begins_line = dashes.is_empty() && is_key
            || dashes.starts_with('-') && dashes.trim_matches(['-', ' ']).is_empty();
        let tab = before.find('\t').filter(|_| begins_line)?;
        Some(line + tab)
    }

    /// What was taken out where a value of nothing stands, if that is why.
    fn lost_at(&self, value: &Range<usize>) -> Option<Range<usize>> {
        let is_it = |lost: &&Range<usize>| {
            let around = value.start.min(lost.start)..value.start.max(lost.end);
            self.text[around].chars().all(|sign| sign.is_whitespace() || sign == '~')
        };
        self.lost.iter().find(is_it).cloned()
    }

    /// The file without the step in which reading ended, and what is behind it. What the steps before it see is
    /// known, for it stands above them, as long as no further key of the file follows.
    fn root_before_the_open_step(&mut self) -> Option<Node> {
        self.open.truncate(2);
        let [Open { what: What::Map { key: Some(MapKey::Good(key)), .. }, .. }, steps] = &self.open[..]
        else {
            return None;
        };
        let What::List(read) = &steps.what else { return None };
        let end = read.last()?.span.end;
        let is_key =
            |line: &str| line.starts_with(|first: char| !first.is_whitespace() && !"#-".contains(first));
        if key.text != "steps" || steps.flow_style || self.text[end..].lines().skip(1).any(is_key) {
            return None;
        }
        self.root = None;
        while !self.open.is_empty() {
            self.end(&(end..end));
        }
        self.root.take()
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range)
    }

    /// Takes one event; false if there is no point in reading on.
    fn event(&mut self, event: Event<'_>, range: Range<usize>, tag: Option<Range<usize>>) -> bool {
        match event {
            Event::Comment(..) => self.comments.push(range),
            Event::Scalar(text, style, _, _)
                if matches!(&*text, "" | "~")
                    && style == ScalarStyle::Plain
                    && self.lost_at(&range).is_some() =>
            {
                let range = self.lost_at(&range).unwrap_or(range);
                self.last = range.clone();
                return self.put(Node { span: self.span(range), kind: Kind::Nothing, flow_style: false });
            }
            Event::Scalar(text, style, anchor, _) => {
                let range = without_margin(self.text, style, range);
                self.reported = self.refuse_tag(tag);
                let kind = if self.reported || anchor != 0 {
                    Kind::Nothing
                } else {
                    self.scalar(&text, style, &range)
                };
                self.last = range.clone();
                return self.put(Node { span: self.span(range), kind, flow_style: false });
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.problems.push(traps::alias(self.text, self.span(range.clone()), self.in_flow()));
                return self.put(Node { span: self.span(range), kind: Kind::Nothing, flow_style: false });
            }
            Event::Anchor(..) if !self.reported => {
                let lone = self.last.is_empty() && self.last.start >= range.end;
                self.problems.push(traps::anchor(self.text, self.span(range), lone));
            }
            Event::SequenceStart(style, _, _) => {
                return self.begin(What::List(Vec::new()), style, &range, tag);
            }
            Event::MappingStart(style, _, _) => {
                return self.begin(What::Map { entries: Vec::new(), key: None }, style, &range, tag);
            }
            Event::SequenceEnd | Event::MappingEnd => return self.end(&range),
            _ => {}
        }
        true
    }

    fn in_flow(&self) -> bool {
        self.open.last().is_some_and(|open| open.flow_style)
    }

    fn refuse_tag(&mut self, tag: Option<Range<usize>>) -> bool {
        let Some(tag) = tag else { return false };
        self.problems.push(traps::tag(self.text, self.span(tag), self.in_flow()));
        true
    }

    fn begin(
        &mut self,
        what: What,
        style: StructureStyle,
        range: &Range<usize>,
        tag: Option<Range<usize>>,
    ) -> bool {
        self.reported = self.refuse_tag(tag);
        if self.open.len() == MOST_DEPTH {
            self.problems.push(traps::too_deep(self.span(range.clone())));
            return false;
        }
        self.open.push(Open { start: range.start, flow_style: style == StructureStyle::Flow, what });
        true
    }

    fn end(&mut self, range: &Range<usize>) -> bool {
        let Some(open) = self.open.pop() else { return true };
        let (kind, last) = match open.what {
            What::List(items) => {
                let last = items.last().map(|item| item.span.end);
                (Kind::List(items), last)
            }
            What::Map { entries, .. } => {
                let last = entries.last().map(|(_, value)| value.span.end);
                (Kind::Map(self.without_doubles(entries)), last)
            }
        };
        // The parser ends a block where the next thing begins.
        let end = if open.flow_style { range.end } else { last.unwrap_or(open.start) };
        let span = self.span(open.start..end.max(open.start));
        self.put(Node { span, kind, flow_style: open.flow_style })
    }

    /// Of a key that is there twice the first stays. What the other holds is looked at, too, as if it stood there.
    fn without_doubles(&mut self, entries: Vec<(Key, Node)>) -> Vec<(Key, Node)> {
        let mut first: BTreeMap<String, Span> = BTreeMap::new();
        let mut kept = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            if let Some(known) = first.get(&key.text) {
                if value.is_nothing() {
                    // Refused and reported; the pieces of one value may well be alike.
                    continue;
                }
                self.problems.push(traps::duplicate_key(&key, *known));
                if let Some((_, kept)) =
                    kept.iter_mut().find(|(other, _): &&mut (Key, Node)| other.text == key.text)
                {
                    add(value, kept);
                }
            } else {
                first.insert(key.text.clone(), key.span);
                kept.push((key, value));
            }
        }
        kept
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, range: &Range<usize>) -> Kind {
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::Single,
            ScalarStyle::DoubleQuoted => Style::Double,
            ScalarStyle::Literal => Style::Literal,
            ScalarStyle::Folded => Style::Folded,
        };
        let span = self.span(range.clone());
        let is_key = matches!(self.open.last(), Some(Open { what: What::Map { key: None, .. }, .. }));
        match style {
            Style::Plain if range.is_empty() && is_key => Kind::Nothing,
            Style::Plain if !is_key && !range.is_empty() && NULLS.contains(&text) && self.is_compared() => {
                Kind::Scalar { text: NULLS[0].to_owned(), style }
            }
            Style::Plain if !is_key && (text.is_empty() || NULLS.contains(&text)) => {
                self.null(span);
                Kind::Nothing
            }
            Style::Plain if self.text[range.clone()].contains('\n') => {
                self.two_lines = Some(traps::two_lines(text, span));
                Kind::Nothing
            }
            Style::Literal | Style::Folded if text.trim().is_empty() => {
                self.problems.push(traps::empty_block(self.text, self.key(), span));
                Kind::Nothing
            }
            _ => Kind::Scalar { text: text.to_owned(), style },
        }
    }

    fn key(&self) -> Option<&Key> {
        match &self.open.last()?.what {
            What::Map { key: Some(MapKey::Good(key)), .. } => Some(key),
            _ => None,
        }
    }

    /// Whether a value stands in what a test compares with JSON or with what a function gives: there null is a
    /// value as good as any.
    fn is_compared(&self) -> bool {
        let keys: Vec<&str> = self
            .open
            .iter()
            .filter_map(|open| match &open.what {
                What::Map { key: Some(MapKey::Good(key)), .. } => Some(key.text.as_str()),
                _ => None,
            })
            .collect();
        matches!(*keys, ["calls", "gives", ..] | ["tests", "expect", "json" | "state" | "returns", ..])
    }

    /// Reports a null with what stands around it, for that tells what was meant.
    fn null(&mut self, span: Span) {
        let parent = match self.open.last() {
            Some(Open { what: What::Map { entries, key: Some(MapKey::Good(key)) }, flow_style, .. }) => {
                let around = self.open.len().checked_sub(2).and_then(|above| match &self.open[above].what {
                    What::List(items) => items.last(),
                    What::Map { .. } => None,
                });
                Parent::Key { key, flow_style: *flow_style, before: entries.last(), item_before: around }
            }
            Some(Open { what: What::List(_), flow_style, .. }) => Parent::Item { flow_style: *flow_style },
            // Its key was refused, or it is all there is.
            Some(Open { what: What::Map { .. }, .. }) | None => return,
        };
        if let Some(problem) = traps::null(self.text, span, &parent) {
            self.problems.push(problem);
        }
    }

    /// Puts a finished node where it belongs.
    fn put(&mut self, node: Node) -> bool {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.problems.push(traps::too_many(node.span));
            return false;
        }
        match self.open.last_mut().map(|open| &mut open.what) {
            // An empty document is a null, too; "empty file" says it better.
            None => self.root = (!node.is_nothing()).then_some(node),
            Some(What::List(items)) => items.push(node),
            Some(What::Map { entries, key }) => match key.take() {
                Some(MapKey::Good(key)) => entries.push((key, node)),
                Some(MapKey::Bad) => {}
                None => {
                    let (found, problem) = as_key(node);
                    *key = Some(found);
                    if let Some(problem) = problem {
                        self.problems.push(problem);
                    }
                }
            },
        }
        true
    }
}

/// The parser ends a block of text where the next thing begins, behind that one's margin.
fn without_margin(text: &str, style: ScalarStyle, range: Range<usize>) -> Range<usize> {
    match style {
        ScalarStyle::Literal | ScalarStyle::Folded => {
            range.start..range.start + text[range.clone()].trim_end().len()
        }
        _ => range,
    }
}

/// A node that stands where a key belongs.
fn as_key(node: Node) -> (MapKey, Option<Diagnostic>) {
    let span = node.span;
    match node.kind {
        Kind::Scalar { text, style: Style::Plain } if text == "<<" => (MapKey::Bad, Some(traps::merge(span))),
        Kind::Scalar { text, style } => (MapKey::Good(Key { text, span, style }), None),
        // Reported already, but for a key that is missing altogether.
        Kind::Nothing if span.start < span.end => (MapKey::Bad, None),
        Kind::Nothing => (MapKey::Bad, Some(traps::no_key(span))),
        Kind::Map(entries) if entries.iter().any(|(_, value)| value.is_nothing()) => (MapKey::Bad, None),
        Kind::List(_) | Kind::Map(_) => (MapKey::Bad, Some(traps::key_kind(span))),
    }
}
