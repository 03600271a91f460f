//! What one module answers differently from another: two transcripts side by side.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use super::conversation::{Conversation, Exchange, Heard, command};
use super::show::{Paint, Part, title};
use super::visible::visible;
use crate::at::sorter::Class;

/// How many times as long an answer must take to be worth a word, and how long at least.
const SLOWER: f64 = 3.0;
const WORTH: Duration = Duration::from_millis(100);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// All of it, in lines.
    pub text: String,
    /// Whether there is any.
    pub different: bool,
}

/// A transcript with the name of its file.
#[derive(Clone, Copy, Debug)]
pub struct Side<'s> {
    /// As the user calls it.
    pub name: &'s str,
    /// What is in it.
    pub whole: &'s Conversation,
}

/// An exchange, ready to be compared.
struct Asked {
    line: String,
    command: String,
    /// The lines that answer, the final result among them.
    answer: Vec<String>,
    took: Duration,
    /// The other side has the same line.
    known: bool,
    /// The other side has the same line with the same answer.
    repeated: bool,
    paired: bool,
}

/// Two exchanges that ask the same, or one that has no other.
enum Pair {
    Both(Asked, Asked),
    Old(Asked),
    New(Asked),
}

impl Asked {
    fn new(exchange: &Exchange) -> Self {
        let answers: Vec<&Heard> = exchange.all_heard().filter(|heard| heard.answers).collect();
        let lines = answers.iter().flat_map(|heard| &heard.lines);
        let told: Vec<_> = lines.filter(|(class, _)| !matches!(class, Class::Echo | Class::Prompt)).collect();
        let mut answer: Vec<String> = told.iter().map(|(_, text)| visible(text.as_bytes())).collect();
        if answer.is_empty() {
            answer.push("(no answer)".to_owned());
        }
        Self {
            line: visible(exchange.line().as_bytes()),
            command: command(&exchange.sent.bytes),
            answer,
            took: answers.last().map_or(Duration::ZERO, |last| last.at.since(exchange.sent.at)),
            known: false,
            repeated: false,
            paired: false,
        }
    }
}

/// Compares what was answered.
pub fn diff(old: Side<'_>, new: Side<'_>, paint: Paint<'_>) -> Difference {
    let head = |sign: &str, side: Side<'_>| format!("{sign} {}", title(side.name, &side.whole.header));
    let mut text =
        format!("{}\n{}\n", paint(Part::Bad, &head("---", old)), paint(Part::Good, &head("+++", new)));
    let pairs = pairs(&old.whole.exchanges, &new.whole.exchanges);
    let found: Vec<String> =
        pairs.iter().filter_map(|pair| compared(pair, (old.name, new.name), paint)).collect();
    let urcs = urcs(old.whole, new.whole, paint);
    let different = found.len();
    for difference in found.iter().chain(&urcs) {
        text.push('\n');
        text.push_str(difference);
    }
    let count = pairs.len();
    let verdict = match (different, &urcs) {
        (0, None) => format!("no difference in {}", plural(count)),
        (0, Some(_)) => format!("the same answers to {}", plural(count)),
        _ => format!("{different} of {} answered differently", plural(count)),
    };
    let _ = writeln!(text, "\n{verdict}");
    Difference { text, different: different > 0 || urcs.is_some() }
}

fn plural(count: usize) -> String {
    if count == 1 { "1 command".into() } else { format!("{count} commands") }
}

/// Pairs what asks the same: first with the same answer, then with another one, then with other arguments.
/// What was only asked more often, and answered as before, is left out.
fn pairs(old: &[Exchange], new: &[Exchange]) -> Vec<Pair> {
    let mut old: Vec<Asked> = old.iter().map(Asked::new).collect();
    let mut new: Vec<Asked> = new.iter().map(Asked::new).collect();
    mark_repeated(&mut old, &new);
    mark_repeated(&mut new, &old);
    let mut partners = vec![None; old.len()];
    pair_by(&mut partners, &mut old, &mut new, |one| Some((one.line.clone(), one.answer.clone())));
    pair_by(&mut partners, &mut old, &mut new, |one| (!one.repeated).then(|| one.line.clone()));
    pair_by(&mut partners, &mut old, &mut new, |one| {
        (!one.repeated && !one.command.is_empty()).then(|| one.command.clone())
    });
    let mut new: Vec<Option<Asked>> = new.into_iter().map(Some).collect();
    let mut pairs = Vec::new();
    for (asked, partner) in old.into_iter().zip(partners) {
        match partner.and_then(|partner: usize| new[partner].take()) {
            Some(partner) => pairs.push(Pair::Both(asked, partner)),
            None if asked.repeated => {}
            None => pairs.push(Pair::Old(asked)),
        }
    }
    pairs.extend(new.into_iter().flatten().filter(|asked| !asked.repeated).map(Pair::New));
    pairs
}

fn mark_repeated(here: &mut [Asked], there: &[Asked]) {
    let known: BTreeSet<(&str, &[String])> =
        there.iter().map(|asked| (asked.line.as_str(), asked.answer.as_slice())).collect();
    let lines: BTreeSet<&str> = there.iter().map(|asked| asked.line.as_str()).collect();
    for asked in here {
        asked.known = lines.contains(asked.line.as_str());
        asked.repeated = known.contains(&(asked.line.as_str(), asked.answer.as_slice()));
    }
}

/// Pairs what has no partner yet and the same key, in order.
fn pair_by<K: Ord>(
    partners: &mut [Option<usize>],
    old: &mut [Asked],
    new: &mut [Asked],
    key: impl Fn(&Asked) -> Option<K>,
) {
    let mut waiting: BTreeMap<K, VecDeque<usize>> = BTreeMap::new();
    for (index, asked) in new.iter().enumerate().filter(|(_, asked)| !asked.paired) {
        if let Some(key) = key(asked) {
            waiting.entry(key).or_default().push_back(index);
        }
    }
    for (asked, partner) in old.iter_mut().zip(partners).filter(|(asked, _)| !asked.paired) {
        let found = key(asked).and_then(|key| waiting.get_mut(&key)).and_then(VecDeque::pop_front);
        if let Some(found) = found {
            (asked.paired, new[found].paired) = (true, true);
            *partner = Some(found);
        }
    }
}

/// What is different in a pair, in lines.
fn compared(pair: &Pair, names: (&str, &str), paint: Paint<'_>) -> Option<String> {
    let only = |asked: &Asked, name: &str| {
        format!("{} {name}", if asked.known { "answered so only in" } else { "only in" })
    };
    let (asked, about, old, new): (_, _, &[String], &[String]) = match pair {
        Pair::Old(asked) => (asked, only(asked, names.0), &asked.answer, &[]),
        Pair::New(asked) => (asked, only(asked, names.1), &[], &asked.answer),
        Pair::Both(old, new) => {
            let slower = slower(old.took, new.took);
            if old.answer == new.answer && slower.is_none() {
                return None;
            }
            let other = (old.line != new.line).then(|| format!("then {}", new.line));
            let about: Vec<String> = other.into_iter().chain(slower).collect();
            (old, about.join(", "), &old.answer, &new.answer)
        }
    };
    let mut out = paint(Part::Heading, &asked.line);
    if !about.is_empty() {
        out.push_str("  ");
        out.push_str(&paint(Part::Note, &about));
    }
    out.push('\n');
    if old != new {
        push_lines(&mut out, old, new, paint);
    }
    Some(out)
}

/// Lines that are the same at both ends stay; between them the old ones go and the new ones come.
fn push_lines(out: &mut String, old: &[String], new: &[String], paint: Paint<'_>) {
    let begin = old.iter().zip(new).take_while(|(one, other)| one == other).count();
    let (old_rest, new_rest) = (&old[begin..], &new[begin..]);
    let end =
        old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let (gone, same_end) = old_rest.split_at(old_rest.len() - end);
    let come = &new_rest[..new_rest.len() - end];
    let rows = [(" ", None, &old[..begin]), ("-", Some(Part::Bad), gone), ("+", Some(Part::Good), come)];
    for (sign, part, lines) in rows.into_iter().chain([(" ", None, same_end)]) {
        for line in lines {
            let text = format!("{sign} {line}");
            out.push_str(&part.map_or(text.clone(), |part| paint(part, &text)));
            out.push('\n');
        }
    }
}

/// How many times as long it takes now, if that is worth a word.
fn slower(old: Duration, new: Duration) -> Option<String> {
    let (short, long) = (old.min(new), old.max(new));
    let times = long.as_secs_f64() / short.as_secs_f64().max(0.001);
    if long < WORTH || times <= SLOWER {
        return None;
    }
    let how = if new > old { "slow" } else { "fast" };
    Some(format!("{times:.1} times as {how}: {} ms, now {} ms", old.as_millis(), new.as_millis()))
}

/// Lines that came by themselves in only one of them.
fn urcs(old: &Conversation, new: &Conversation, paint: Paint<'_>) -> Option<String> {
    let (old, new) = (unasked(old), unasked(new));
    let only = |here: &[String], there: &[String]| -> Vec<String> {
        let known: BTreeSet<&String> = there.iter().collect();
        let mut told = BTreeSet::new();
        here.iter().filter(|line| !known.contains(line) && told.insert(*line)).cloned().collect()
    };
    let (gone, come) = (only(&old, &new), only(&new, &old));
    if gone.is_empty() && come.is_empty() {
        return None;
    }
    let mut out = format!("{}\n", paint(Part::Heading, "lines that came by themselves"));
    push_lines(&mut out, &gone, &come, paint);
    Some(out)
}

fn unasked(whole: &Conversation) -> Vec<String> {
    let heard = whole.before.iter().chain(whole.exchanges.iter().flat_map(Exchange::all_heard));
    let lines = heard.filter(|heard| !heard.answers).flat_map(|heard| &heard.lines);
    lines.filter(|(class, _)| *class != Class::Echo).map(|(_, text)| visible(text.as_bytes())).collect()
}

#[cfg(test)]
mod tests;
