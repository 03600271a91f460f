//! Takes what happened apart: which commands belong together as attempts at the same thing, which were
//! mistakes, and which lines were the late result of which command.

use crate::at::pattern::Pattern;
use crate::at::sorter::Class;
use crate::link::Mono;

use super::super::console::story::{Happened, Outcome, Sent};

/// How many commands later a mistake may still be corrected.
const CORRECTED_WITHIN: usize = 3;
/// One letter in so many may be mistyped.
const TYPO: usize = 3;

/// Something that becomes a step, or words about the next one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// One command; `refused` are the attempts before it that were not good enough, `alike` those behind them that
    /// were, and for which it stands.
    Command {
        refused: Vec<Sent>,
        alike: Vec<Sent>,
        sent: Sent,
    },
    /// Lines that were waited for, or came after a command, and when the last of them did, from when the
    /// wait would begin.
    Lines {
        patterns: Vec<String>,
        since: Mono,
        came: Mono,
    },
    /// A mistake, and whether it was corrected by the next step.
    Mistake {
        what: String,
        corrected: bool,
    },
    Note(String),
}

/// The pieces of a conversation. `line` makes a pattern of a line that came late; `wants_data` says whether a
/// command is no step without data.
pub(super) fn pieces(
    happened: &[Happened],
    line: impl Fn(&str) -> Option<String>,
    wants_data: impl Fn(&str) -> bool,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = happened;
    let mut since = Mono::ZERO;
    while let Some(first) = rest.first() {
        match first {
            Happened::Command(_) => {
                let (group, used) = group(rest);
                since = group.last().map_or(since, |sent| sent.ended);
                attempts(&group, &rest[used..], &wants_data, &mut pieces);
                rest = &rest[used..];
            }
            Happened::Note(text) => {
                pieces.push(Piece::Note(text.clone()));
                rest = &rest[1..];
            }
            Happened::Wait { pattern, came } => {
                pieces.push(waited(pattern, *came, &[], since));
                rest = &rest[1..];
            }
            Happened::Unasked { .. } => {
                let count = rest.iter().take_while(|next| matches!(next, Happened::Unasked { .. })).count();
                let (lines, behind) = rest.split_at(count);
                rest = behind;
                if let Some(Happened::Wait { pattern, came }) = behind.first() {
                    pieces.push(waited(pattern, *came, lines, since));
                    rest = &behind[1..];
                } else {
                    pieces.extend(unasked(lines, since, &line, &pieces));
                }
            }
        }
    }
    asked_until(pieces)
}

/// A state that was asked for now and then, until it was another one, was waited for: the last question
/// takes the place of all since a line was waited for. What stood right before such a line is sent as often as it
/// was, or its recording would keep the line back.
fn asked_until(pieces: Vec<Piece>) -> Vec<Piece> {
    let (mut all, mut recent) = (Vec::with_capacity(pieces.len()), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Command { .. } => asked(piece, &mut recent),
            Piece::Lines { .. } => {
                let last = recent.iter().rposition(|piece| matches!(piece, Piece::Command { .. }));
                if let Some(last) = last {
                    let each = apart(&recent[last]);
                    recent.splice(last..=last, each);
                }
                all.append(&mut recent);
                all.push(piece);
            }
            piece => recent.push(piece),
        }
    }
    all.append(&mut recent);
    all
}

/// Adds a command to the recent ones, or puts it in their place.
fn asked(piece: Piece, recent: &mut Vec<Piece>) {
    let Piece::Command { refused, alike, sent } = &piece else { return };
    let same =
        |piece: &Piece| matches!(piece, Piece::Command { sent: other, .. } if other.typed == sent.typed);
    let mut earlier: Vec<Sent> = Vec::new();
    for piece in recent.iter().filter(|piece| same(piece)) {
        if let Piece::Command { refused, alike, sent } = piece {
            earlier.extend(refused.iter().chain(alike).chain([sent]).cloned());
        }
    }
    let again = !earlier.is_empty();
    earlier.extend(refused.iter().cloned());
    let good = earlier.iter().chain([sent]).all(|sent| sent.outcome == Outcome::Good);
    // Who looks once more at what has changed still waited for the change.
    let stayed = alike.iter().all(|other| other.answer == sent.answer);
    let asks = is_question(&sent.typed) && good && again && stayed;
    if asks && decided(&earlier.iter().collect::<Vec<_>>(), sent) {
        let (alike, sent) = (alike.clone(), sent.clone());
        recent.retain(|piece| !same(piece));
        recent.push(Piece::Command { refused: earlier, alike, sent });
    } else {
        recent.push(piece);
    }
}

/// A command and those it stands for, each by itself; the first of them had been tried before.
fn apart(piece: &Piece) -> Vec<Piece> {
    let Piece::Command { refused, alike, sent } = piece else { return vec![piece.clone()] };
    let mut refused = refused.clone();
    let mut alone = |sent: &Sent| {
        let refused = std::mem::take(&mut refused);
        Piece::Command { refused, alike: Vec::new(), sent: sent.clone() }
    };
    alike.iter().chain([sent]).map(&mut alone).collect()
}

/// A wait; the line may have been among those that had come before.
fn waited(pattern: &str, came: Option<Mono>, before: &[Happened], since: Mono) -> Piece {
    let earlier = before.iter().find_map(|next| match next {
        Happened::Unasked { at, text, .. } if takes(pattern, text) => Some(*at),
        _ => None,
    });
    if let Some(came) = came {
        let came = earlier.unwrap_or(came).max(since);
        return Piece::Lines { patterns: vec![pattern.to_owned()], since, came };
    }
    let what = format!("`{pattern}` was waited for and did not come");
    Piece::Mistake { what, corrected: false }
}

/// Lines that nobody asked for and the dialect does not know are the late result of the command before them.
fn unasked(
    lines: &[Happened],
    since: Mono,
    line: &impl Fn(&str) -> Option<String>,
    pieces: &[Piece],
) -> Option<Piece> {
    let Some(Piece::Command { .. }) = pieces.last() else { return None };
    let (mut patterns, mut came) = (Vec::new(), since);
    for next in lines {
        if let Happened::Unasked { at, class: Class::Unknown, text } = next
            && let Some(pattern) = line(text)
        {
            patterns.push(pattern);
            came = *at;
        }
    }
    (!patterns.is_empty()).then_some(Piece::Lines { patterns, since, came })
}

/// The same command, again and again, whatever came in between; and how much of `rest` that is.
fn group(rest: &[Happened]) -> (Vec<&Sent>, usize) {
    let mut group: Vec<&Sent> = Vec::new();
    let mut used = 0;
    for (index, next) in rest.iter().enumerate() {
        match next {
            Happened::Command(sent)
                if group.first().is_none_or(|first| first.typed == sent.typed && first.data == sent.data) =>
            {
                group.push(sent);
                used = index + 1;
            }
            Happened::Unasked { class, .. } if *class != Class::Unknown => {}
            _ => break,
        }
    }
    (group, used)
}

/// What a group of the same command is: one attempt after the other, several commands, or a mistake.
fn attempts(
    group: &[&Sent],
    later: &[Happened],
    wants_data: &impl Fn(&str) -> bool,
    pieces: &mut Vec<Piece>,
) {
    let good = |sent: &&Sent| sent.outcome == Outcome::Good;
    // What passed was done, whatever became of it when it was sent once more.
    let passed = group.iter().rposition(good).map_or(0, |last| last + 1);
    let (group, failing) = group.split_at(passed);
    passing(group, pieces);
    let Some(last) = failing.last() else { return };
    if let Some(heard) = heard_at_last(last, later) {
        pieces.push(command(failing, &[], &heard));
        return;
    }
    for sent in failing {
        failed(sent, later, wants_data, pieces);
    }
}

/// Attempts of which the last was good, if there are any: one step if they ask, else as many as acted.
fn passing(group: &[&Sent], pieces: &mut Vec<Piece>) {
    let good = |sent: &&Sent| sent.outcome == Outcome::Good;
    let Some((last, earlier)) = group.split_last() else { return };
    let (before, stayed) = earlier.split_at(until_it_stayed(earlier, last));
    if last.data.is_some() || last.answer.is_empty() || sets(&last.typed) {
        let steps = group.split_inclusive(good).filter_map(<[&Sent]>::split_last);
        pieces.extend(steps.map(|(last, refused)| command(refused, &[], last)));
    } else if earlier.iter().all(good) && !decided(before, last) {
        pieces.push(command(&[], earlier, last));
    } else {
        pieces.push(command(before, stayed, last));
    }
}

/// How many attempts came before a state had become what the last one says. What is no state says the same twice by
/// chance.
fn until_it_stayed(earlier: &[&Sent], last: &Sent) -> usize {
    if !is_question(&last.typed) {
        return earlier.len();
    }
    let same = |sent: &&Sent| sent.outcome == last.outcome && sent.answer == last.answer;
    earlier.iter().rposition(|sent| !same(sent)).map_or(0, |at| at + 1)
}

/// Whether a command has arguments: `AT+CMSS=1` sends one more message each time, whatever it answers. `AT+CMSS=?`
/// asks.
fn sets(typed: &str) -> bool {
    typed.contains('=') && !is_question(typed)
}

/// Whether a command asks for a state.
pub(super) fn is_question(typed: &str) -> bool {
    typed.ends_with('?')
}

fn command(refused: &[&Sent], alike: &[&Sent], sent: &Sent) -> Piece {
    let owned = |all: &[&Sent]| all.iter().copied().cloned().collect();
    Piece::Command { refused: owned(refused), alike: owned(alike), sent: sent.clone() }
}

/// An `AT` without an answer was asked again, before the next command, until the module heard it.
fn heard_at_last(sent: &Sent, later: &[Happened]) -> Option<Sent> {
    let next = later.iter().find_map(|next| match next {
        Happened::Command(next) => Some(next),
        _ => None,
    })?;
    let asks = sent.typed.eq_ignore_ascii_case("AT") && sent.outcome == Outcome::Silent;
    let heard = Sent { ended: next.ended, outcome: Outcome::Good, ..sent.clone() };
    (asks && matches!(next.outcome, Outcome::Good | Outcome::Refused(_))).then_some(heard)
}

/// Whether a command was repeated until it said something else: all answers before were the same, and what
/// changed is no measurement.
fn decided(earlier: &[&Sent], last: &Sent) -> bool {
    let Some(first) = earlier.first() else { return false };
    let same = earlier.iter().all(|sent| sent.answer == first.answer);
    let measured = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|number| number.len() > 1);
    let measurement = first.answer.iter().chain(&last.answer).any(|line| measured(line));
    same && first.answer != last.answer && !measurement
}

/// A command that failed: a mistake if it was soon corrected, else something whose failure does not matter. Where
/// data would have come next, nobody knows which.
fn failed(sent: &Sent, later: &[Happened], wants_data: &impl Fn(&str) -> bool, pieces: &mut Vec<Piece>) {
    let said = match &sent.outcome {
        Outcome::Refused(said) => said.as_str(),
        Outcome::Silent => "no answer",
        Outcome::Good | Outcome::Abandoned => "given up",
    };
    let next = later.iter().filter_map(|next| match next {
        Happened::Command(sent) => Some(sent),
        _ => None,
    });
    let corrected = next.take(CORRECTED_WITHIN).enumerate().any(|(index, next)| {
        let (wrong, right) = (name(&sent.typed), name(&next.typed));
        let typo = index == 0 && strsim::damerau_levenshtein(wrong, right) <= wrong.len() / TYPO;
        (wrong == right || typo) && next.outcome == Outcome::Good
    });
    // A line that was waited for behind it is kept back by its recording until it is sent.
    let matters = !corrected || is_awaited_behind(later);
    match sent.outcome {
        Outcome::Refused(_) if matters && sent.data.is_none() && !wants_data(&sent.typed) => {
            pieces.push(command(&[], &[], sent));
        }
        _ => pieces.push(Piece::Mistake { what: format!("{}: {said}", sent.typed), corrected }),
    }
}

/// Whether a line was waited for before the next command, and came.
fn is_awaited_behind(later: &[Happened]) -> bool {
    let mut behind = later.iter().take_while(|next| !matches!(next, Happened::Command(_)));
    behind.any(|next| matches!(next, Happened::Wait { came: Some(_), .. }))
}

/// `AT+CREG` of `AT+CREG=2`.
pub(super) fn name(typed: &str) -> &str {
    typed.split(['=', '?']).next().unwrap_or(typed)
}

/// Whether a pattern takes a line.
pub(super) fn takes(pattern: &str, line: &str) -> bool {
    Pattern::parse(pattern).is_ok_and(|pattern| pattern.is_match(line.as_bytes(), &[]))
}
