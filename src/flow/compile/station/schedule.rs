//! `schedule`: what is run again and again.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span, Spanned};
use crate::flow::duration;
use crate::flow::fields::Fields;
use crate::flow::keys;
use crate::flow::model::station::{Computation, Missed, Overlap, Schedule, When};
use crate::flow::model::{Leaf, UnitId};
use crate::flow::rule::ValueKind;
use crate::flow::yaml::Node;

use super::super::Compiler;
use super::super::flow::Body;
use super::{Asked, Period, Said};

/// The shortest time from one due time to the next, if it is known.
pub(super) type Least = Option<(Duration, Said)>;

impl Compiler<'_> {
    /// Every entry of `schedule`, and how often each is due at most.
    pub(super) fn schedules<'n>(
        &mut self,
        nodes: &[&'n Node],
        bodies: &mut Vec<Body<'n>>,
    ) -> (Vec<Schedule>, Vec<Period>) {
        let mut schedules: Vec<Schedule> = Vec::new();
        let mut periods = Vec::new();
        let mut names: Vec<(String, Span)> = Vec::new();
        for node in nodes {
            let Some(fields) = self.open(node, &keys::SCHEDULE) else { continue };
            if let Some(name) = fields.text("name", self.problems) {
                self.one_of_its_name(name.text, name.span, &mut names);
            }
            if let Some((schedule, period)) = self.schedule(&fields, bodies) {
                schedules.push(schedule);
                periods.extend(period);
            }
            fields.finish();
        }
        (schedules, periods)
    }

    /// Due times are kept under a schedule's name.
    fn one_of_its_name(&mut self, name: &str, at: Span, names: &mut Vec<(String, Span)>) {
        if let Some((_, first)) = names.iter().find(|(known, _)| known == name) {
            self.problems.push(
                Diagnostic::error(Code::SAME_NAME, at, format!("a second schedule is named `{name}`"))
                    .also(*first, "the first one")
                    .help("due times are kept under the name: give each its own"),
            );
        } else {
            names.push((name.to_string(), at));
        }
    }

    fn schedule<'n>(
        &mut self,
        fields: &Fields<'n>,
        bodies: &mut Vec<Body<'n>>,
    ) -> Option<(Schedule, Option<Period>)> {
        let name = fields.text("name", self.problems);
        let every = fields.node("every");
        let cron = fields.text("cron", self.problems);
        let zone = fields.text("tz", self.problems);
        let at_start = fields.bool("at_start", self.problems).is_none_or(|flag| flag.value);
        let jitter = fields.duration("jitter", self.problems);
        let missed = fields.one_of("missed", self.problems);
        let overlap = fields.one_of("overlap", self.problems);
        let timeout = fields.duration("timeout", self.problems).map(|timeout| timeout.value);
        let steps = fields.node("steps");
        let when = match (every, cron) {
            (Some(node), _) => self.every(node),
            (None, Some(pattern)) => self.cron(pattern, zone),
            (None, None) => None,
        };
        if let (Some(jitter), Some((_, Some((least, _))))) = (&jitter, &when) {
            self.short_jitter(jitter, *least);
        }
        let (name, span) =
            name.map_or((String::new(), fields.head()), |name| (name.text.to_string(), name.span));
        let flow = self.add_flow(bodies, (&name, span), UnitId(0), &[], Body::of_steps(steps, timeout));
        let (when, least) = when?;
        let at = every.map(|node| node.span).or(cron.map(|pattern| pattern.span));
        let period = least.zip(at).map(|((least, said), at)| Period { flow, least, at, said });
        let schedule = Schedule {
            name: name.into(),
            span,
            when,
            at_start,
            jitter: jitter.map(|jitter| jitter.value).unwrap_or_default(),
            missed: if missed.is_some_and(|word| word.value == "once") { Missed::Once } else { Missed::Skip },
            overlap: if overlap.is_some_and(|word| word.value == "queue") {
                Overlap::Queue
            } else {
                Overlap::Skip
            },
            flow,
        };
        Some((schedule, period))
    }

    fn short_jitter(&mut self, jitter: &Spanned<Duration>, least: Duration) {
        if jitter.value < least || least.is_zero() {
            return;
        }
        let message = "`jitter` is as long as the time between two due times";
        self.problems.push(
            Diagnostic::error(Code::OUT_OF_RANGE, jitter.span, message)
                .help("it moves each due time a little: write less"),
        );
    }

    /// `every`, and the shortest that it can be with the value of `state` that says so.
    fn every(&mut self, node: &Node) -> Option<(When, Least)> {
        let scalar = self.scalar(node, "a duration or one `${…}`")?;
        if scalar.text.contains("${") {
            let computation = self.computation(&[], &[Asked::Tree(UnitId(0), node)])?;
            let least = self.least(&computation, node)?;
            return Some((When::EveryOf(computation), least));
        }
        match duration::parse(scalar.text) {
            Ok(time) if time.is_zero() => {
                self.problems.push(
                    Diagnostic::error(Code::OUT_OF_RANGE, scalar.span, "`every` cannot be nothing")
                        .help("write how long it is from one due time to the next, such as `1m`"),
                );
                None
            }
            Ok(time) => Some((When::Every(time), Some((time, Said::Every)))),
            Err(error) => {
                self.problems
                    .push(Diagnostic::error(Code::DURATION, scalar.span, error.message).help(error.help));
                None
            }
        }
    }

    /// The shortest that a computed `every` can be, where its value is one of `state`.
    fn least(&mut self, computation: &Computation, node: &Node) -> Option<Least> {
        let [Leaf::Expr(expr)] = computation.values.as_slice() else {
            self.problems.push(
                Diagnostic::error(Code::DURATION, node.span, "`every` is a duration or one `${…}`")
                    .help("write `every: 1m`, or `every: ${state.report_every}`"),
            );
            return None;
        };
        let name = expr.program.source().trim().strip_prefix("state.");
        let kept = name.and_then(|name| self.state.iter().flatten().find(|kept| *kept.name == *name));
        let Some(var) = kept.and_then(|kept| kept.var.as_ref()) else { return Some(None) };
        if var.rule.kind != ValueKind::Duration {
            let message =
                format!("`state.{}` is {}, and `every` takes a duration", var.name, var.rule.kind.words());
            self.problems.push(
                Diagnostic::error(Code::DURATION, node.span, message)
                    .also(var.span, "declared here")
                    .help("let its `type` be `duration`"),
            );
            return None;
        }
        let least = Duration::try_from_secs_f64(var.rule.min.unwrap_or(0.0)).unwrap_or_default();
        Some(Some((least, Said::Kept(Arc::clone(&var.name)))))
    }
}
