//! Steps and lists of steps: the order of things within one step is that of the language's reference,
//! "One step, exactly".

use crate::flow::codes::Code;
use crate::flow::model::{ATTEMPT, Action, Assignment, OnError, Step, Target, Within};
use crate::link::Mono;
use crate::transcript::NoteKind;

use super::event::{Measurement, StepKind, StepOutcome};
use super::failure::Failure;
use super::frame::{Frame, Point};
use super::home::Effects;
use super::recovery::{forget_readings, not_recovered};
use super::retry::Times;
use super::telling::kind_of;
use super::{Halt, Run};

/// What a finished attempt tells its step.
#[derive(Default)]
pub(super) struct Attempted {
    already_so: bool,
    changed: bool,
}

/// How a step's attempts ended. The point is where its last attempt began.
enum Attempts {
    Passed(Attempted, Point),
    Failed(Failure, Point),
}

/// What one step goes through, for its report.
pub(super) struct Course {
    pub started: Mono,
    /// The last attempt.
    pub began: Mono,
    pub attempts: u32,
    pub measured: Vec<Measurement>,
    pub begun: bool,
}

impl Run {
    /// Steps in a row, until one fails. `first` is the place of the first in its whole list, which counts for
    /// `within` when only a part of the list is run.
    pub(super) fn list(
        &mut self,
        steps: &[Step],
        first: usize,
        frame: &mut Frame,
        deadline: Mono,
    ) -> Result<(), Halt> {
        // Only a `within` asks when an earlier step passed.
        let timed = steps.iter().any(|step| step.within.is_some());
        let mut passed_at: Vec<Option<Mono>> = vec![None; if timed { first + steps.len() } else { 0 }];
        let mut noted: Option<Failure> = None;
        for (index, step) in steps.iter().enumerate() {
            match self.step(step, frame, deadline, &passed_at) {
                Ok(()) => {
                    if timed {
                        passed_at[first + index] = Some(self.session.now());
                    }
                }
                Err(Halt::Failed(failure))
                    if matches!(step.on_error, OnError::Continue) && !failure.is_fatal() =>
                {
                    noted.get_or_insert(failure);
                }
                Err(halt) => return Err(halt),
            }
        }
        noted.map_or(Ok(()), |failure| Err(Halt::Failed(failure)))
    }

    fn step(
        &mut self,
        step: &Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
    ) -> Result<(), Halt> {
        let title = match step.title.literal() {
            Some(title) => self.masked.text(title),
            None => self.title(step, frame),
        };
        let started = self.session.now();
        if let Err(fault) = self.session.stop_if_requested() {
            let failure = self.fault(fault);
            return Err(self.placed(failure, step, &title, started).into());
        }
        let mut course = Course { started, began: started, attempts: 0, measured: Vec::new(), begun: false };
        if let Some(when) = &step.when {
            match self.condition(when, frame) {
                Ok(true) => {}
                Ok(false) => return self.skipped(step, &title, frame, outer, &course),
                Err(failure) => return Err(self.placed(failure, step, &title, Mono::ZERO).into()),
            }
        }
        self.step_started(step, &title);
        self.path.push(title);
        let mark = self.session.mark();
        let outcome = self.step_attempts(step, frame, outer, passed, &mut course);
        let title = self.path.pop().unwrap_or_default();
        let settled = self.settle(step, &title, frame, outcome, &course);
        if !matches!(step.action, Action::None) {
            self.step_before = mark;
        }
        settled
    }

    /// Attempts until one passes or no more may be made.
    fn step_attempts(
        &mut self,
        step: &Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
        course: &mut Course,
    ) -> Result<Attempts, Halt> {
        let saved = frame.get(ATTEMPT).clone();
        loop {
            course.attempts += 1;
            course.measured.clear();
            if step.retry.written {
                frame.put(ATTEMPT, i64::from(course.attempts).into());
            }
            let began = self.session.now();
            course.began = began;
            let point = frame.begin();
            if let (Some(title), false) = (step.title.literal(), kind_of(step) == StepKind::Group) {
                self.session.transcript().note(began, NoteKind::Step, title);
            }
            let result = self.attempt(step, frame, outer, passed, course);
            let failure = match result {
                Ok(attempted) => {
                    if step.retry.written {
                        frame.put(ATTEMPT, saved);
                    }
                    return Ok(Attempts::Passed(attempted, point));
                }
                Err(Halt::Stop(reason)) => {
                    frame.keep();
                    self.clean_up(&step.always, None, frame)?;
                    if matches!(step.action, Action::Stop(_)) {
                        self.totals.passed += 1;
                    }
                    return Err(Halt::Stop(reason));
                }
                Err(Halt::Failed(mut failure)) => {
                    if failure.captures.is_empty() {
                        failure.captures = self.captured(frame, point);
                    }
                    failure
                }
            };
            frame.end();
            self.staged = Effects::default();
            let title = self.path.last().cloned().unwrap_or_default();
            let failure = self.explained(failure, step, &title, (frame, began));
            let times = Times { first: course.started, began, outer };
            let who = (title.as_str(), step.span);
            let again =
                self.wait_for_next(&step.retry, &failure, course.attempts, times, (frame, point), who);
            let last = match again {
                Ok(true) => continue,
                Ok(false) => failure,
                Err(interrupted) => interrupted,
            };
            if step.retry.written {
                frame.put(ATTEMPT, saved);
            }
            return Ok(Attempts::Failed(last, point));
        }
    }

    /// A failure of a step with its place and its hint, told to the transcript.
    fn explained(
        &mut self,
        failure: Failure,
        step: &Step,
        title: &str,
        (frame, began): (&Frame, Mono),
    ) -> Failure {
        let now = self.session.now();
        self.session.transcript().note(now, NoteKind::End, &failure.name);
        let mut failure = self.placed(failure, step, title, began);
        if failure.hint.is_none() {
            let hint = step.hint.as_ref().and_then(|hint| self.text(hint, frame, true).ok());
            failure.hint = hint.map(|hint| self.masked.text(&hint));
        }
        failure
    }

    /// One attempt: probe, action, captures, `set`, `check`, probe.
    fn attempt(
        &mut self,
        step: &Step,
        frame: &mut Frame,
        outer: Mono,
        passed: &[Option<Mono>],
        course: &mut Course,
    ) -> Result<Attempted, Halt> {
        if course.began >= outer {
            return Err(Failure::new(
                Code::FAILED_TIMEOUT,
                "timeout",
                "the deadline of what this step stands in has passed",
            )
            .into());
        }
        if let Some(probe) = &step.unless
            && self.probe(probe, frame)?
        {
            return Ok(Attempted { already_so: true, changed: false });
        }
        if let Some(within) = &step.within {
            self.still_within(within, passed)?;
        }
        self.staged = Effects::default();
        self.action(step, frame, outer, &mut course.begun)?;
        for assignment in &step.set {
            self.assign(assignment, frame)?;
        }
        self.checks(&step.check, frame, &mut course.measured)?;
        self.commit()?;
        let changed = match &step.unless {
            Some(probe) => {
                if !self.probe(probe, frame)? {
                    return Err(Failure::check("the step was done, and its `unless` probe still says no")
                        .help("the module may need a restart or a moment to take the setting")
                        .into());
                }
                true
            }
            None => false,
        };
        Ok(Attempted { already_so: false, changed })
    }

    /// After the last attempt: `on_error`, `always`, what stays visible, the report.
    fn settle(
        &mut self,
        step: &Step,
        title: &str,
        frame: &mut Frame,
        outcome: Result<Attempts, Halt>,
        course: &Course,
    ) -> Result<(), Halt> {
        match outcome {
            Err(halt) => {
                if let Halt::Stop(reason) = &halt {
                    let point = frame.now();
                    let title = if matches!(step.action, Action::Stop(_)) { reason } else { title };
                    self.step_finished(step, title, frame, point, course, StepOutcome::Passed);
                }
                Err(halt)
            }
            Ok(Attempts::Passed(attempted, point)) => {
                let cleaned = if course.begun { self.clean_up(&step.always, None, frame) } else { Ok(()) };
                let ending = match (&cleaned, &attempted) {
                    (Err(Halt::Failed(failure)), _) => StepOutcome::Failed(failure.message.clone()),
                    (_, Attempted { already_so: true, .. }) => StepOutcome::AlreadySo,
                    (_, Attempted { changed: true, .. }) => StepOutcome::Changed,
                    _ => StepOutcome::Passed,
                };
                self.step_finished(step, title, frame, point, course, ending);
                frame.keep();
                cleaned?;
                self.totals.passed += 1;
                self.say_log(step, frame).map_err(|halt| match halt {
                    Halt::Failed(failure) => self.placed(failure, step, title, course.began).into(),
                    halt @ Halt::Stop(_) => halt,
                })
            }
            Ok(Attempts::Failed(failure, point)) => self.failed(step, title, frame, (failure, point), course),
        }
    }

    fn failed(
        &mut self,
        step: &Step,
        title: &str,
        frame: &mut Frame,
        (failure, point): (Failure, Point),
        course: &Course,
    ) -> Result<(), Halt> {
        let to = frame.now();
        let recovered = self.on_error(&step.on_error, &failure, frame);
        let cleaned = if course.begun { self.clean_up(&step.always, Some(&failure), frame) } else { Ok(()) };
        frame.undo_between(point, to);
        let forgiven = matches!(recovered, Ok(true));
        if forgiven || matches!(step.on_error, OnError::Continue) {
            forget_readings(step, frame);
        }
        let ending = match (forgiven, &step.on_error) {
            (true, OnError::Ignore) => StepOutcome::Ignored(failure.name.clone()),
            (true, _) => StepOutcome::Recovered(failure.name.clone()),
            (false, OnError::Continue) if !failure.is_fatal() => StepOutcome::Noted(failure.message.clone()),
            (false, _) => StepOutcome::Failed(failure.message.clone()),
        };
        self.step_finished(step, title, frame, frame.now(), course, ending);
        match recovered {
            Ok(true) => {
                self.totals.passed += 1;
                cleaned
            }
            Ok(false) => Err(Halt::Failed(failure)),
            Err(halt) => Err(not_recovered(failure, halt)),
        }
    }

    fn skipped(
        &mut self,
        step: &Step,
        title: &str,
        frame: &mut Frame,
        outer: Mono,
        course: &Course,
    ) -> Result<(), Halt> {
        if step.otherwise.is_empty() {
            self.totals.skipped += 1;
            let point = frame.now();
            self.step_finished(step, title, frame, point, course, StepOutcome::Skipped);
            return Ok(());
        }
        self.list(&step.otherwise, 0, frame, outer)
    }

    fn still_within(&mut self, within: &Within, passed: &[Option<Mono>]) -> Result<(), Halt> {
        let Some(Some(anchor)) = passed.get(within.sibling) else { return Ok(()) };
        let late = self.session.now().since(*anchor);
        if late <= within.limit {
            return Ok(());
        }
        let limit = crate::flow::duration::display(within.limit);
        let late = crate::flow::duration::display(late);
        let message = format!(
            "{late} have passed since `{}`, more than the {limit} allowed; nothing was sent",
            within.name
        );
        Err(Failure::new(Code::FAILED_TIMEOUT, "timeout", message).into())
    }

    /// What the step leaves in the station becomes durable, all of it or nothing.
    fn commit(&mut self) -> Result<(), Failure> {
        let effects = std::mem::take(&mut self.staged);
        match &self.home {
            Some(home) if !effects.is_empty() => {
                self.totals.published += effects.posts.len();
                home.commit(effects)
            }
            _ => Ok(()),
        }
    }

    fn assign(&mut self, assignment: &Assignment, frame: &mut Frame) -> Result<(), Halt> {
        let value = self.leaf(&assignment.value, frame)?;
        match (&assignment.target, &self.home) {
            (Target::Slot(slot), _) => frame.set(*slot, value),
            (Target::State(index), Some(home)) => {
                let name = home.state_name(*index);
                home.check_state(&name, &value)?;
                self.staged.state.push((name, value));
            }
            (Target::State(_), None) => {
                return Err(Failure::refused("`state` is there only while a station runs").into());
            }
        }
        Ok(())
    }
}
