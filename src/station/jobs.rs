//! Runs: what waits, what is due, and how one of them is performed.

use std::sync::Arc;
use std::time::Duration;

use crate::flow::duration;
use crate::flow::model::station::{LONGEST_RUN, Missed, Overlap, Schedule, When};
use crate::flow::model::{FlowId, Program};
use crate::hooks::Value;
use crate::link::Mono;
use crate::store::Lane;

use super::event::{Happening, JobKind};
use super::schedule::{Last, Now, Spec, Ticker, When as TickerWhen};
use super::shared::{Author, plan_of};
use super::{Station, millis};

/// Most runs of events that wait.
const MOST_EVENTS: usize = 64;
/// A timer whose reply has not left waits for it this much longer.
const REPLY_FIRST: Duration = Duration::from_secs(10);
/// A timer is still worth running this long after its time.
const TIMER_LATE: Duration = Duration::from_mins(5);
/// The period of a schedule whose `every` could not be worked out.
const FALLBACK_PERIOD: Duration = Duration::from_hours(1);

/// A run that waits for its turn.
pub(super) struct Job {
    pub kind: JobKind,
    pub name: Arc<str>,
    /// Since when it waits.
    pub due: Mono,
    pub what: What,
}

/// What is run.
pub(super) enum What {
    /// An entry of `schedule`.
    Schedule(usize),
    /// An entry of `events`, with what its cause captured.
    Event(usize, Vec<(String, Value)>),
    /// The oldest recorded command.
    Command,
    /// What `after(…)` asked for.
    Timer(u64, FlowId),
}

/// An entry of `schedule` and where it stands.
pub(super) struct Scheduled {
    /// `None`: nobody can tell when it is due.
    ticker: Option<Ticker>,
    period: Duration,
    last_end: Option<Mono>,
}

impl Station {
    /// What the schedules make of the time.
    fn schedule_now(&self) -> Now {
        Now { mono: self.now(), wall_ms: self.trusted_wall_ms() }
    }

    pub(super) fn start_schedules(&mut self) {
        let program = std::rc::Rc::clone(&self.program);
        let now = self.schedule_now();
        let store_id = self.shared.store.borrow().id().to_string();
        for schedule in &plan_of(&program).schedules {
            let period = self.period_of(&schedule.when);
            let when = match &schedule.when {
                When::Cron(rule) => TickerWhen::Cron(rule.clone()),
                When::Every(_) | When::EveryOf(_) => TickerWhen::Every(period),
            };
            let spec = Spec {
                name: schedule.name.to_string(),
                when,
                at_start: schedule.at_start,
                jitter: schedule.jitter,
                missed: schedule.missed,
            };
            let last = self.last_run(&schedule.name);
            let ticker = Ticker::new(spec, &store_id, last, &now);
            if let Err(error) = &ticker {
                // The file's check has read the pattern by the same rules.
                self.shared.tell(&Happening::Log { text: error.to_string() });
            }
            self.schedules.push(Scheduled { ticker: ticker.ok(), period, last_end: None });
        }
    }

    fn last_run(&self, name: &str) -> Option<Last> {
        let last = self.shared.store.borrow().schedule(name)?;
        Some(Last {
            started_ago: self.ago(last.start),
            started_wall_ms: self.shared.store.borrow().wall_of(last.start),
            due_wall_ms: last.due_wall_ms,
        })
    }

    /// The period of an `every`, as `state` has it now.
    fn period_of(&mut self, when: &When) -> Duration {
        match when {
            When::Every(period) => *period,
            When::Cron(_) => FALLBACK_PERIOD,
            When::EveryOf(computation) => {
                let values = self.run.borrow_mut().compute(computation, &[]);
                let text = values.ok().and_then(|values| values.first()?.clone().into_string().ok());
                let period = text.and_then(|text| duration::parse(&text).ok());
                period.filter(|period| *period >= Duration::from_millis(100)).unwrap_or_else(|| {
                    self.shared.tell(&Happening::Log {
                        text: "an `every` gives no duration; once an hour is taken instead".to_string(),
                    });
                    FALLBACK_PERIOD
                })
            }
        }
    }

    /// A value of `state` changed: periods that depend on it are worked out anew.
    pub(super) fn refresh_periods(&mut self) {
        if !self.shared.state_changed.replace(false) {
            return;
        }
        let program = std::rc::Rc::clone(&self.program);
        let now = self.schedule_now();
        for (index, schedule) in plan_of(&program).schedules.iter().enumerate() {
            if !matches!(schedule.when, When::EveryOf(_)) {
                continue;
            }
            let period = self.period_of(&schedule.when);
            let state = &mut self.schedules[index];
            if let (Some(ticker), true) = (&mut state.ticker, state.period != period) {
                state.period = period;
                ticker.set_period(period, &now);
            }
        }
    }

    /// After another version of the file came: schedules go on by name, and what waited for an entry that is
    /// gone does not any more.
    pub(super) fn renew_jobs(&mut self, old: &Program) {
        let program = std::rc::Rc::clone(&self.program);
        let (old, new) = (plan_of(old), plan_of(&program));
        let mut kept: Vec<Option<Scheduled>> =
            std::mem::take(&mut self.schedules).into_iter().map(Some).collect();
        self.start_schedules();
        for (index, schedule) in new.schedules.iter().enumerate() {
            let before = old.schedules.iter().position(|known| is_same(known, schedule));
            let state = before.and_then(|before| kept.get_mut(before)?.take());
            if let (Some(state), Some(place)) = (state, self.schedules.get_mut(index)) {
                *place = state;
            }
        }
        self.waiting.retain_mut(|job| match &mut job.what {
            What::Schedule(index) => moved(index, new.schedules.iter().position(|one| one.name == job.name)),
            What::Event(index, _) => moved(index, new.events.iter().position(|one| one.name == job.name)),
            What::Timer(_, flow) => match new.callable.get(&*job.name) {
                Some(found) => {
                    *flow = *found;
                    true
                }
                None => false,
            },
            What::Command => true,
        });
    }

    /// Schedules that are due join those that wait.
    pub(super) fn poll_schedules(&mut self) {
        let program = std::rc::Rc::clone(&self.program);
        let now = self.schedule_now();
        for (index, schedule) in plan_of(&program).schedules.iter().enumerate() {
            let Some(ticker) = &mut self.schedules[index].ticker else { continue };
            let polled = ticker.poll(&now);
            if polled.held {
                self.shared.tell(&Happening::ScheduleHeld { name: schedule.name.to_string() });
            }
            let since = polled.run.map(|due| if due.jumped { now.mono } else { now.mono - due.late });
            let waits = self.waiting.iter().any(|job| matches!(job.what, What::Schedule(at) if at == index));
            let ran =
                self.schedules[index].last_end.is_some_and(|end| since.is_some_and(|since| since < end));
            let overlaps = waits || (ran && schedule.overlap == Overlap::Skip);
            if polled.missed > 0 {
                let made_up = since.is_some() && !overlaps;
                self.shared.tell(&Happening::ScheduleMissed {
                    name: schedule.name.to_string(),
                    count: polled.missed,
                    policy: if made_up { Missed::Once } else { Missed::Skip }.word().to_string(),
                });
            }
            let Some(since) = since else { continue };
            if overlaps {
                if let Some(ticker) = &mut self.schedules[index].ticker {
                    ticker.skipped();
                }
                self.skip(JobKind::Schedule, &schedule.name, if waits { "waits" } else { "overlap" });
                continue;
            }
            self.waiting.push_back(Job {
                kind: JobKind::Schedule,
                name: schedule.name.clone(),
                due: since,
                what: What::Schedule(index),
            });
        }
    }

    /// Timers that are due join those that wait.
    pub(super) fn poll_timers(&mut self) {
        let now = self.now();
        let timers = self.shared.store.borrow_mut().timers();
        if timers.is_empty() {
            return;
        }
        let reply = self.shared.store.borrow_mut().head(true).map(|row| row.seq);
        for timer in timers {
            let queued = |job: &Job| matches!(job.what, What::Timer(n, _) if n == timer.n);
            if self.waiting.iter().any(queued) {
                continue;
            }
            let Some(due) = self.mono_of(timer.due) else {
                self.late_timer(&timer);
                continue;
            };
            // Rows leave in order, so the reply has left when the head has a greater number.
            let reply_waits = timer.after_seq.is_some_and(|seq| reply.is_some_and(|head| head <= seq));
            if due > now || (reply_waits && now < due + REPLY_FIRST) {
                continue;
            }
            // It may have been due before the station began.
            let late = self.ago(timer.due).unwrap_or_default();
            self.queue_timer(&timer, due, late);
        }
    }

    /// A timer that was set before the machine was last switched on.
    fn late_timer(&mut self, timer: &crate::store::Timer) {
        let due_wall = self.shared.store.borrow().wall_of(timer.due);
        let late = match (due_wall, self.trusted_wall_ms()) {
            (Some(due), Some(wall)) if wall < due => return,
            (Some(due), Some(wall)) => {
                Some(Duration::from_millis(u64::try_from(wall - due).unwrap_or(u64::MAX)))
            }
            _ => None,
        };
        match late {
            Some(late) => self.queue_timer(timer, self.now(), late),
            None => {
                self.drop_timer(timer, "it was set before a restart of the machine whose length is unknown");
            }
        }
    }

    fn queue_timer(&mut self, timer: &crate::store::Timer, due: Mono, late: Duration) {
        if late > TIMER_LATE {
            self.drop_timer(timer, "its time passed more than five minutes ago");
            return;
        }
        let Some(flow) = plan_of(&self.program).callable.get(&timer.flow).copied() else {
            self.drop_timer(timer, "the file has no such flow any more");
            return;
        };
        self.waiting.push_back(Job {
            kind: JobKind::Timer,
            name: timer.flow.as_str().into(),
            due,
            what: What::Timer(timer.n, flow),
        });
    }

    fn drop_timer(&mut self, timer: &crate::store::Timer, why: &str) {
        self.shared.store.borrow_mut().drop_timer(timer.n);
        self.shared.tell(&Happening::TimerDropped { flow: timer.flow.clone(), why: why.to_string() });
    }

    /// When a schedule or a timer is due next.
    pub(super) fn next_due(&self, now: Mono) -> Mono {
        let clock = self.schedule_now();
        let schedules = self.schedules.iter().filter_map(|schedule| schedule.ticker.as_ref()?.next(&clock));
        let timers = self.shared.store.borrow_mut().timers();
        let timers = timers.iter().filter_map(|timer| {
            let due = self.mono_of(timer.due)?;
            Some(if due <= now { due + REPLY_FIRST } else { due })
        });
        schedules.chain(timers.filter(|due| *due > now)).min().unwrap_or(Mono::FAR)
    }

    /// The schedule that is due next.
    pub(super) fn next_scheduled(&self) -> Option<(String, Mono)> {
        let clock = self.schedule_now();
        let schedules = plan_of(&self.program).schedules.iter().zip(&self.schedules);
        schedules
            .filter_map(|(plan, state)| Some((plan.name.to_string(), state.ticker.as_ref()?.next(&clock)?)))
            .min_by_key(|(_, due)| *due)
    }

    /// An event joins those that wait.
    pub(super) fn queue_event(&mut self, index: usize, captured: Vec<(String, Value)>) {
        let program = std::rc::Rc::clone(&self.program);
        let event = &plan_of(&program).events[index];
        if let Some(when) = &event.when {
            let given: Vec<(&str, Value)> =
                captured.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
            match self.run.borrow_mut().compute(when, &given) {
                Ok(values) if values.first().and_then(|value| value.as_bool().ok()) == Some(true) => {}
                Ok(_) => return,
                Err(failure) => {
                    let text = format!("`when` of the event `{}` failed: {}", event.name, failure.message);
                    self.shared.tell(&Happening::Log { text });
                    return;
                }
            }
        }
        let same = |job: &Job| matches!(&job.what, What::Event(at, _) if *at == index);
        if event.overlap == Overlap::Skip && self.waiting.iter().any(same) {
            self.skip(JobKind::Event, &event.name, "waits");
        } else if self.waiting.iter().filter(|job| job.kind == JobKind::Event).count() >= MOST_EVENTS {
            self.skip(JobKind::Event, &event.name, "full");
        } else {
            let due = self.now();
            let name = event.name.clone();
            self.waiting.push_back(Job {
                kind: JobKind::Event,
                name,
                due,
                what: What::Event(index, captured),
            });
        }
    }

    /// Nothing runs any more.
    pub(super) fn skip_events(&mut self) {
        for job in self.waiting.iter().filter(|job| job.kind == JobKind::Event) {
            self.skip(job.kind, &job.name, "stopped");
        }
    }

    fn skip(&self, kind: JobKind, name: &str, reason: &str) {
        let (name, reason) = (name.to_string(), reason.to_string());
        self.shared.tell(&Happening::JobSkipped { kind, name, reason });
    }

    /// Performs what has waited longest.
    pub(super) fn perform(&mut self, job: &Job) {
        if let What::Command = job.what {
            self.answer(job.due);
            return;
        }
        let program = std::rc::Rc::clone(&self.program);
        let plan = plan_of(&program);
        let (flow, args, most) = match &job.what {
            What::Schedule(index) => {
                let index = *index;
                let (now, now_ms) = (self.schedule_now(), self.shared.now_ms());
                let due_wall_ms = self.schedules[index].ticker.as_mut().and_then(|ticker| {
                    ticker.started(&now);
                    ticker.last_due_wall_ms(&now)
                });
                self.shared.store.borrow_mut().schedule_started(&job.name, now_ms, due_wall_ms);
                let most = match plan.schedules[index].when {
                    When::Cron(_) => LONGEST_RUN,
                    _ => self.schedules[index].period.min(LONGEST_RUN),
                };
                (plan.schedules[index].flow, Vec::new(), most)
            }
            What::Event(index, args) => (plan.events[*index].flow, args.clone(), LONGEST_RUN),
            What::Timer(n, flow) => {
                let started = self.shared.store.borrow_mut().start_timer(*n);
                self.shared.tell_store_news();
                if !matches!(started, Ok(true)) {
                    return;
                }
                self.shared.tell(&Happening::TimerFired { flow: job.name.to_string() });
                (*flow, Vec::new(), LONGEST_RUN)
            }
            What::Command => return,
        };
        let lane = if job.kind == JobKind::Schedule { Lane::Report } else { Lane::Event };
        *self.shared.author.borrow_mut() = Author { lane, name: job.name.to_string() };
        let began = self.now();
        self.runs += 1;
        let (kind, name, run) = (job.kind, job.name.to_string(), self.runs);
        let late_ms = millis(began.since(job.due));
        self.shared.tell(&Happening::JobStarted { kind, name: name.clone(), run, late_ms });
        // A `timeout` of its own is the flow's, and shorter than this or meant to be longer.
        let deadline = program.flow(flow).timeout.map_or(began + most, |_| Mono::FAR);
        let args: Vec<(&str, Value)> =
            args.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let ended = self.run.borrow_mut().perform(flow, &args, deadline);
        let now = self.now();
        if let What::Schedule(index) = job.what {
            self.schedules[index].last_end = Some(now);
        }
        let outcome = ended.failure.as_ref().map_or("ok".to_string(), |failure| failure.name.clone());
        let code = ended.failure.as_ref().map(|failure| failure.code.to_string());
        let cut = now >= deadline;
        let error = ended.failure.as_ref().map(|failure| {
            let limit = if cut { format!("; {}", limit_of(kind, most)) } else { String::new() };
            failure.in_one_line() + limit.as_str()
        });
        let took_ms = millis(now.since(began));
        self.shared.tell(&Happening::JobFinished { kind, name, run, outcome, code, error, took_ms });
        if let Some(failure) = &ended.failure {
            self.run_failed(failure);
        }
    }
}

/// Why a run was cut that says nothing of its length.
fn limit_of(kind: JobKind, most: Duration) -> String {
    let what = match kind {
        JobKind::Schedule if most < LONGEST_RUN => "its period is the limit",
        _ => "that is the limit",
    };
    format!("a run of it may take {}: {what}, and `timeout` sets another", duration::display(most))
}

/// Whether an entry of a new file goes on where the old one stands.
fn is_same(old: &Schedule, new: &Schedule) -> bool {
    let when = |schedule: &Schedule| match &schedule.when {
        When::Every(period) => format!("every {period:?}"),
        // The period itself is worked out anew.
        When::EveryOf(_) => "every".to_string(),
        When::Cron(rule) => format!("{rule:?}"),
    };
    old.name == new.name && when(old) == when(new) && (old.jitter, old.missed) == (new.jitter, new.missed)
}

/// Whether an entry is still there; its new place is noted.
fn moved(index: &mut usize, place: Option<usize>) -> bool {
    match place {
        Some(place) => {
            *index = place;
            true
        }
        None => false,
    }
}
