//! Compares what happened with what was expected.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value as Json;

use crate::flow::codes::Code;
use crate::flow::diag::Look;
use crate::flow::duration::{self, DurationRange};
use crate::flow::fields::NumberRange;
use crate::flow::topic::TopicPattern;
use crate::link::Mono;
use crate::report::explain::{crossings, explain};
use crate::sim::{Receipt, Understood};
use crate::transcript::Record;
use crate::transcript::visible::escaped;

use super::file::{Expectation, Subject, Test};
use super::fuzz::invariant::RULES;
use super::golden;
use super::loading::Ready;
use super::outcome::{Problem, shown};
use super::record::Note;
use super::value::Wanted;
use super::world::Ended;

/// How many things that were seen are shown.
const SHOWN: usize = 6;
/// Rows of the line that are shown, and how many of them stand behind what is shown.
const ROWS: usize = 10;
const ROWS_BEHIND: usize = 3;
/// Of the end of a run, rows are made of so many records.
const LAST_RECORDS: usize = 50;
/// What crossed the line this long before and after is shown.
const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_millis(500);
/// Characters of a payload that are shown.
const WIDTH: usize = 120;

/// Looks at what a test left.
pub(super) struct Judge<'j> {
    pub test: &'j Test,
    pub ended: &'j Ended,
    pub ready: &'j Ready,
    pub update: bool,
    pub look: Look,
}

/// Something that was expected to happen, as it happened.
struct Happened {
    at: Mono,
    text: String,
    passed: bool,
    /// Of a run.
    took: Duration,
}

impl Happened {
    /// Something that takes no time.
    fn at(at: Mono, text: String, passed: bool) -> Self {
        Self { at, text, passed, took: Duration::ZERO }
    }
}

impl Judge<'_> {
    /// Everything that is not as expected.
    pub fn problems(&self) -> Vec<Problem> {
        let expectations = self.test.expect.iter().enumerate();
        expectations.filter_map(|(index, expectation)| self.problem(index, expectation)).collect()
    }

    fn problem(&self, index: usize, expectation: &Expectation) -> Option<Problem> {
        let new = |message: String| Problem::new(Code::NOT_AS_EXPECTED, expectation.span, message);
        let at_the_end = |message: String| self.with_seen(expectation, message, &[], None);
        match &expectation.subject {
            Subject::Published { topic, json, text } => {
                let (good, others) = self.published(topic, json.as_ref(), text.as_deref());
                self.counted(expectation, good, others)
            }
            Subject::Rules => self.ended.broken.as_ref().map(|broken| {
                let rule = RULES.iter().find(|rule| rule.id == broken.rule);
                let says = rule.map_or("", |rule| rule.says);
                let seen = Happened::at(broken.at, broken.what.clone(), false);
                let message = format!("{} does not hold: {says}", broken.rule);
                self.with_seen(expectation, message, &[&seen], Some(broken.at))
            }),
            Subject::State(wanted) => wanted
                .difference(&self.ended.state)
                .map(|why| at_the_end(self.ended.masked.text(&format!("at the end `state`: {why}")))),
            Subject::Outbox(range) => {
                self.outbox(*range).map(|(message, notes)| Problem { notes, ..at_the_end(message) })
            }
            Subject::Verdict { passed, error } => {
                self.verdict(*passed, error.as_deref()).map(|(message, why)| match why {
                    // It shows the rows that matter.
                    Some(_) => Problem { explained: why, ..new(message) },
                    None => at_the_end(message),
                })
            }
            Subject::Returns(wanted) => {
                let returns = self.ended.flow.iter().flat_map(|flow| flow.returns.iter().cloned());
                let found = Json::Object(returns.collect());
                let masked = |why| self.ended.masked.text(&format!("of what the flow returns, {why}"));
                wanted.difference(&found).map(|why| at_the_end(masked(why)))
            }
            Subject::Took(range) => self.wrong_time(expectation, *range),
            Subject::Golden(path) => {
                let differs = golden::compare(path, &self.ended.shown, self.update).err();
                differs.map(|(message, notes)| Problem { notes, ..new(message) })
            }
            _ => {
                let notes = self.ended.notes.get(index).map_or(&[][..], Vec::as_slice);
                let happened = |note: &Note| Happened {
                    at: note.at,
                    text: note.text.clone(),
                    passed: note.passed,
                    took: note.took,
                };
                let all = notes.iter().map(happened);
                // A run that failed ran; an answer with another code is another answer.
                let is_replied = matches!(expectation.subject, Subject::Replied { .. });
                let (good, others) = all.partition(|item| item.passed || !is_replied);
                self.counted(expectation, good, others)
            }
        }
    }

    /// What was published on the topic: what fits, and what does not with the reason.
    fn published(
        &self,
        topic: &TopicPattern,
        json: Option<&Wanted>,
        text: Option<&str>,
    ) -> (Vec<Happened>, Vec<Happened>) {
        let on_topic =
            self.ended.published.iter().filter(|receipt| topic.holes(&receipt.post.topic).is_some());
        let (mut good, mut others) = (Vec::new(), Vec::new());
        for receipt in on_topic {
            let payload = String::from_utf8_lossy(&receipt.post.payload);
            let differs = match (json, text) {
                // It never got any further.
                _ if receipt.understood == Understood::NoTopic => {
                    Some("nothing can be published there".to_owned())
                }
                // It got there, and nothing came of it.
                _ if receipt.understood.complaint().is_some() => Some("that does not count".to_owned()),
                (Some(wanted), _) => match serde_json::from_str::<Json>(&payload) {
                    Ok(found) => wanted.difference(&found),
                    Err(_) => Some("it is not JSON".to_owned()),
                },
                (None, Some(text)) => (payload != text).then(|| "it is another text".to_owned()),
                (None, None) => None,
            };
            let line = self.line_of(receipt, &payload);
            match differs {
                None => good.push(Happened::at(receipt.at, line, true)),
                Some(why) => {
                    let text = format!("{line}: {}", self.ended.masked.text(&why));
                    others.push(Happened::at(receipt.at, text, false));
                }
            }
        }
        (good, others)
    }

    fn line_of(&self, receipt: &Receipt, payload: &str) -> String {
        let line = self.ended.masked.text(&format!("{} {payload}", receipt.post.topic));
        match receipt.understood.complaint() {
            Some(complaint) => format!("{line} ({complaint})"),
            None => line,
        }
    }

    /// Counts what happened in the time that matters.
    fn counted(
        &self,
        expectation: &Expectation,
        all: Vec<Happened>,
        others: Vec<Happened>,
    ) -> Option<Problem> {
        let end = self.test.lasts.filter(|_| self.ended.flow.is_none());
        let in_time = |item: &Happened| {
            let at = item.at.since(Mono::ZERO);
            end.is_none_or(|end| at <= end) && expectation.between.is_none_or(|range| holds(range, at))
        };
        let good: Vec<Happened> = all.into_iter().filter(&in_time).collect();
        let others: Vec<Happened> = others.into_iter().filter(&in_time).collect();
        self.wrong_runs(expectation, &good)
            .or_else(|| self.wrong_count(expectation, &good, &others))
            .or_else(|| self.wrong_spacing(expectation, &good))
    }

    fn wrong_count(
        &self,
        expectation: &Expectation,
        good: &[Happened],
        others: &[Happened],
    ) -> Option<Problem> {
        let at_least = if expectation.spacing.is_some() { 2 } else { 1 };
        // Where none ran, none was too slow: that says nothing.
        let counted_runs = matches!(&expectation.subject,
            Subject::Runs { passed, failed, within: None, .. } if passed.is_some() || failed.is_some());
        let (wanted, words) = match expectation.count {
            Some(count) => (count, count.to_string()),
            None if counted_runs => return None,
            None => {
                let range = NumberRange { least: Some(number(at_least)), most: None };
                (range, format!("at least {}", if at_least == 1 { "once" } else { "twice" }))
            }
        };
        let count = number(good.len());
        if wanted.holds(count) {
            return None;
        }
        let message = format!("{} {}, expected {words}", does(&expectation.subject), times(good.len()));
        // Of too many the first one that should not be, of too few the last one, and also what nearly was.
        let mut seen: Vec<&Happened> = good.iter().collect();
        let first = surplus(wanted, seen.len());
        if first.is_none() {
            seen.extend(others);
            seen.sort_by_key(|item| item.at);
        }
        let at = first.unwrap_or(seen.len().saturating_sub(1));
        Some(self.with_seen_up_to(expectation, message, seen, at))
    }

    /// A flow that took too long is shown where its time was over, one that was too quick at its end.
    fn wrong_time(&self, expectation: &Expectation, wanted: DurationRange) -> Option<Problem> {
        let took = self.ended.took;
        if holds(wanted, took) {
            return None;
        }
        let limit = wanted.most.filter(|most| took > *most).map(|most| Mono::ZERO + most);
        // Where nothing crossed the line at that time, the end says more.
        let limit = limit.filter(|limit| !self.rows_around(*limit).is_empty());
        let message = format!("the flow took {}, expected {}", shown(took), range_text(wanted));
        Some(self.with_seen(expectation, message, &[], limit))
    }

    fn wrong_runs(&self, expectation: &Expectation, runs: &[Happened]) -> Option<Problem> {
        let Subject::Runs { passed, failed, within, .. } = &expectation.subject else { return None };
        for (wanted, is_passed, word) in [(passed, true, "passed"), (failed, false, "failed")] {
            let Some(wanted) = wanted else { continue };
            let those: Vec<&Happened> = runs.iter().filter(|run| run.passed == is_passed).collect();
            if !wanted.holds(number(those.len())) {
                let message = format!(
                    "{} and {word} {}, expected {wanted}",
                    does(&expectation.subject),
                    times(those.len())
                );
                // What failed says most.
                let failed: Vec<&Happened> = runs.iter().filter(|run| !run.passed).collect();
                let (shown, at) = if is_passed && !failed.is_empty() {
                    (failed, 0)
                } else {
                    let last = those.len().saturating_sub(1);
                    let at = surplus(*wanted, those.len()).unwrap_or(last);
                    (those, at)
                };
                return Some(self.with_seen_up_to(expectation, message, shown, at));
            }
        }
        self.slowest_run(expectation, runs, (*within)?)
    }

    /// The run that took longest, if that was too long.
    fn slowest_run(&self, expectation: &Expectation, runs: &[Happened], within: Duration) -> Option<Problem> {
        let worst = runs.iter().max_by_key(|run| run.took).filter(|run| run.took > within)?;
        let message = format!(
            "{} and took {}, expected at most {}",
            does(&expectation.subject),
            shown(worst.took),
            duration::display(within)
        );
        Some(self.with_seen(expectation, message, &[worst], Some(worst.at)))
    }

    fn wrong_spacing(&self, expectation: &Expectation, good: &[Happened]) -> Option<Problem> {
        let wanted = expectation.spacing?;
        let pairs = good.windows(2).map(|pair| (&pair[0], &pair[1]));
        let wrong: Vec<_> = pairs.filter(|(one, next)| !holds(wanted, next.at.since(one.at))).collect();
        let (one, next) = wrong.first()?;
        let apart = shown(next.at.since(one.at));
        let mut message = format!("{apart} from one to the next, expected {}", range_text(wanted));
        if wrong.len() > 1 {
            let _ = write!(message, "; {} of {} are not", wrong.len(), good.len() - 1);
        }
        Some(self.with_seen(expectation, message, &[*one, *next], Some(next.at)))
    }

    /// Around one of those that were seen, which is among those that are listed; if none was, at the end.
    fn with_seen_up_to(
        &self,
        expectation: &Expectation,
        message: String,
        mut seen: Vec<&Happened>,
        at: usize,
    ) -> Problem {
        let focus = seen.get(at).map(|item| item.at);
        let earlier = (at + 1).saturating_sub(SHOWN);
        seen.drain(..earlier);
        Problem { earlier, ..self.with_seen(expectation, message, &seen, focus) }
    }

    fn with_seen(
        &self,
        expectation: &Expectation,
        message: String,
        seen: &[&Happened],
        focus: Option<Mono>,
    ) -> Problem {
        let time = |at: Mono| at.since(Mono::ZERO);
        let mut problem = Problem::new(Code::NOT_AS_EXPECTED, expectation.span, message);
        problem.seen = seen.iter().take(SHOWN).map(|item| (time(item.at), short(&item.text))).collect();
        problem.more = seen.len().saturating_sub(SHOWN);
        let rows = focus.map_or_else(|| self.rows_at_the_end(expectation), |focus| self.rows_around(focus));
        problem.crossed = rows.into_iter().map(|(at, row)| (time(at), row)).collect();
        problem
    }

    /// What crossed the line around a moment: it is among the rows however many there are.
    fn rows_around(&self, focus: Mono) -> Vec<(Mono, String)> {
        let is_near = |record: &&Record| focus.since(record.at) <= BEFORE && record.at.since(focus) <= AFTER;
        let near: Vec<Record> = self.ended.records.iter().filter(is_near).cloned().collect();
        let mut rows = crossings(&near);
        rows.truncate(rows.partition_point(|(at, _)| *at <= focus) + ROWS_BEHIND);
        rows.split_off(rows.len().saturating_sub(ROWS))
    }

    /// What crossed the line before it was clear that nothing would come any more.
    fn rows_at_the_end(&self, expectation: &Expectation) -> Vec<(Mono, String)> {
        // How a station is stopped says nothing.
        let whole = self.test.lasts.filter(|_| self.ended.flow.is_none());
        let end = expectation.between.and_then(|between| between.most).or(whole);
        let in_time = |record: &&Record| end.is_none_or(|end| record.at.since(Mono::ZERO) < end);
        let last = self.ended.records.iter().rev().skip_while(|record| !in_time(record)).take(LAST_RECORDS);
        let mut last: Vec<Record> = last.cloned().collect();
        last.reverse();
        let mut rows = crossings(&last);
        rows.split_off(rows.len().saturating_sub(ROWS))
    }

    /// The message, and what waits.
    fn outbox(&self, wanted: NumberRange) -> Option<(String, Vec<String>)> {
        let rows: usize = self.ended.waiting.values().sum();
        if wanted.holds(number(rows)) {
            return None;
        }
        let wanted = if wanted.most == Some(0.0) { "none".to_owned() } else { wanted.to_string() };
        let topics = self.ended.waiting.iter().map(|(topic, rows)| format!("`{topic}` ({rows})"));
        let topics = self.ended.masked.text(&topics.collect::<Vec<_>>().join(", "));
        let notes = if rows == 0 { Vec::new() } else { vec![format!("what waits: {topics}")] };
        Some((format!("at the end {rows} messages wait in the outbox, expected {wanted}"), notes))
    }

    /// The message, and how the run explains its failure.
    fn verdict(&self, passed: bool, error: Option<&str>) -> Option<(String, Option<String>)> {
        let failure = self.ended.flow.as_ref().and_then(|flow| flow.failure.as_ref());
        let message = match (failure, passed, error) {
            (None, true, _) | (Some(_), false, None) => return None,
            (None, false, None) => "the flow passed, expected that it fails".to_owned(),
            (None, false, Some(error)) => format!("the flow passed, expected that it fails with `{error}`"),
            (Some(failure), true, _) => {
                format!("the flow failed with `{}`, expected that it passes", failure.name)
            }
            (Some(failure), false, Some(error)) if failure.name == error => return None,
            (Some(failure), false, Some(error)) => {
                format!("the flow failed with `{}`, expected `{error}`", failure.name)
            }
        };
        Some((message, failure.map(|failure| explain(failure, &self.ready.sources, self.look))))
    }
}

/// What happened, as the beginning of a sentence.
fn does(subject: &Subject) -> String {
    match subject {
        Subject::Published { topic, json, text } => {
            let such = if json.is_some() || text.is_some() { "such a message" } else { "a message" };
            format!("on `{}` {such} was published", topic.source())
        }
        Subject::Replied { method, code: None } => format!("`{method}` was answered"),
        Subject::Replied { method, code: Some(code) } => format!("`{method}` was answered with `{code}`"),
        Subject::Handled(method) => format!("`{method}` was handled"),
        Subject::Sent(lines) => {
            let lines: Vec<_> = lines.iter().map(|line| format!("`{}`", line.source())).collect();
            let in_order = if lines.len() > 1 { "were sent in this order" } else { "was sent" };
            format!("{} {in_order}", lines.join(", "))
        }
        Subject::Runs { name, .. } => format!("`{name}` ran"),
        Subject::LinkUp => "the link came up".to_owned(),
        Subject::LinkLost => "the link was lost".to_owned(),
        Subject::Error(name) => format!("an attempt failed with `{name}`"),
        Subject::Log(pattern) => format!("`{}` was logged", pattern.source()),
        other => format!("`{}` was", other.key()),
    }
}

/// Which of so many is the first that should not be.
fn surplus(wanted: NumberRange, count: usize) -> Option<usize> {
    let most = wanted.most.filter(|most| number(count) > *most)?;
    (0..count).find(|index| number(index + 1) > most)
}

/// Control characters visible, and not too long.
fn short(text: &str) -> String {
    let text = escaped(text);
    match text.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "nothing happens 2^53 times")]
fn number(count: usize) -> f64 {
    count as f64
}

fn holds(range: DurationRange, time: Duration) -> bool {
    range.least <= time && range.most.is_none_or(|most| time <= most)
}

fn range_text(range: DurationRange) -> String {
    let least = duration::display(range.least);
    match range.most {
        Some(most) if most == range.least => least,
        Some(most) => format!("{least}..{}", duration::display(most)),
        None => format!("{least}.."),
    }
}
