//! What a boundary looks at: lines and messages that came, facts about the link, what is due, and the clock.

use std::time::Duration;

use crate::at::pattern::Pattern;
use crate::at::sorter::{Damaged, Message};
use crate::flow::model::station::Cause;
use crate::hooks::{self, Bytes, Value};
use crate::link::Mono;
use crate::run::resident::captured_values;
use crate::store::Moment;

use super::Station;
use super::event::{Happening, Made};
use super::link::Fact;
use super::shared::plan_of;
use super::supervise::trusted_wall_ms;
use super::traffic::Day;

/// How often the calendar is looked at.
const CLOCK_EVERY: Duration = Duration::from_secs(30);
/// Signal quality, as 3GPP TS 27.007 8.5 has it.
const SIGNAL: &str = "+CSQ: {rssi:int},{ber:int}";
/// Between the values of `rssi`, and what 0 stands for (TS 27.007 8.5).
const DBM_STEP: i64 = 2;
const DBM_AT_ZERO: i64 = -113;

/// What the station last knew of the clock and the signal.
pub(super) struct Senders {
    next_clock: Mono,
    /// Messages that the session had thrown away when it was last asked.
    dropped: u64,
    /// The pattern's index among those that are watched.
    signal_index: usize,
    pub signal_dbm: Option<i64>,
    /// 0 to 4.
    pub clock_quality: u8,
}

impl Senders {
    pub fn new(now: Mono) -> Self {
        Self { next_clock: now, dropped: 0, signal_index: usize::MAX, signal_dbm: None, clock_quality: 0 }
    }
}

impl Station {
    /// Everything that came or fell due since the last boundary.
    pub(super) fn look(&mut self) {
        self.mind_the_clock(false);
        self.fetch_notices();
        let (messages, seen, dropped, damaged) = {
            let mut run = self.run.borrow_mut();
            let session = run.session();
            let (messages, seen) = (session.take_messages(), session.take_seen());
            (messages, seen, session.messages_dropped(), session.take_damaged())
        };
        self.tell_dropped(dropped);
        for Damaged { declared, seen, .. } in damaged {
            self.shared.tell(&Happening::FrameMismatch { declared, seen });
            // What it swallowed may have been the news that the session is gone.
            self.tell_machine(Fact::Doubt);
        }
        for (index, captures) in seen {
            self.line_seen(index, &captures);
        }
        self.receive(&messages);
        self.look_at_facts();
        self.look_at_data_phase();
        self.refresh_periods();
        self.poll_commands();
        self.poll_timers();
        self.poll_schedules();
        self.tell_status();
    }

    /// More messages came during one run than are kept for the next boundary.
    fn tell_dropped(&mut self, dropped: u64) {
        let more = dropped - std::mem::replace(&mut self.senders.dropped, dropped);
        if more > 0 {
            let text = format!("{more} messages were dropped: more came than can wait for the station");
            self.shared.tell(&Happening::Log { text });
        }
    }

    /// Lines that the station wants to know of, whoever takes them.
    pub(super) fn watch_lines(&mut self) {
        let program = std::rc::Rc::clone(&self.program);
        let mut patterns: Vec<Pattern> = Vec::new();
        for event in &plan_of(&program).events {
            if let Cause::Urc(pattern) = &event.cause {
                patterns.push(pattern.clone());
            }
        }
        self.senders.signal_index = patterns.len();
        patterns.extend(Pattern::parse(SIGNAL).ok());
        self.run.borrow_mut().session().watch(patterns);
    }

    fn line_seen(&mut self, index: usize, captures: &crate::at::pattern::Captures) {
        if index == self.senders.signal_index {
            if let Some(crate::at::pattern::Capture::Int(rssi)) = captures.get("rssi") {
                let known = (0..=31).contains(rssi);
                self.senders.signal_dbm = known.then(|| DBM_AT_ZERO + DBM_STEP * rssi);
            }
            return;
        }
        let program = std::rc::Rc::clone(&self.program);
        let urcs = plan_of(&program).events.iter().enumerate();
        let event = urcs.filter(|(_, event)| matches!(event.cause, Cause::Urc(_))).nth(index);
        if let Some((event, _)) = event {
            self.queue_event(event, captured_values(captures));
        }
    }

    /// Messages wait inside the module: the contract's `fetch` brings them.
    fn fetch_notices(&mut self) {
        if self.link.machine.takes_runs() && self.run.borrow_mut().session().has_notices() {
            let failure = self.run.borrow_mut().fetch_messages();
            if let Some(failure) = failure {
                self.run_failed(&failure);
            }
        }
    }

    /// Messages become commands, which are on disk before anything else happens, and events.
    pub(super) fn receive(&mut self, messages: &[Message]) {
        if messages.is_empty() {
            return;
        }
        self.tell_machine(Fact::Downlink);
        let program = std::rc::Rc::clone(&self.program);
        let plan = plan_of(&program);
        let day = self.day();
        for message in messages {
            self.link.traffic.spend((message.topic.len() + message.payload.len()) as u64, day);
        }
        self.record_commands(messages);
        for message in messages {
            for (index, event) in plan.events.iter().enumerate() {
                let Some(holes) = event.topic().and_then(|topic| topic.holes(&message.topic)) else {
                    continue;
                };
                let mut given = given_by(message);
                given.extend(holes.into_iter().map(|(name, text)| (name.to_string(), Value::from(text))));
                self.queue_event(index, given);
            }
        }
    }

    /// The calendar is looked at now and then; a better one corrects what is not sent yet.
    pub(super) fn mind_the_clock(&mut self, at_once: bool) {
        let now = self.now();
        if !at_once && now < self.senders.next_clock {
            return;
        }
        self.senders.next_clock = now + CLOCK_EVERY;
        let (wall_ms, quality) = (self.shared.clock.wall_ms(), self.shared.clock.wall_quality());
        let step = self.shared.store.borrow_mut().set_clock(self.shared.now_ms(), wall_ms, quality);
        self.senders.clock_quality = quality;
        if let Some(step_ms) = step {
            self.shared.tell(&Happening::ClockSet { quality, step_ms });
        }
    }

    /// Milliseconds since 1970, if the calendar can be believed.
    pub(super) fn trusted_wall_ms(&self) -> Option<i64> {
        trusted_wall_ms(&self.shared)
    }

    /// Today.
    pub(super) fn day(&self) -> Day {
        const DAY_MS: i64 = 24 * 3600 * 1000;
        let Moment { boot, mono_ms } = self.shared.store.borrow().moment(self.shared.now_ms());
        let date = self.trusted_wall_ms().map(|wall_ms| wall_ms.div_euclid(DAY_MS));
        Day { date, boot, since_boot: mono_ms.div_euclid(DAY_MS) }
    }

    /// When something that the store dates was, on the station's own clock; `None` before the machine's boot.
    /// What was before the station began is [`Mono::ZERO`].
    pub(super) fn mono_of(&self, moment: Moment) -> Option<Mono> {
        if !self.shared.store.borrow().is_same_boot(moment) {
            return None;
        }
        let ago = self.shared.now_ms() - moment.mono_ms;
        Some(match u64::try_from(ago) {
            Ok(ago) => self.now() - Duration::from_millis(ago),
            Err(_) => self.now() + Duration::from_millis(ago.unsigned_abs()),
        })
    }

    /// When something that the store dates was made, however long ago; `None` before the machine's boot.
    pub(super) fn made(&self, moment: Moment) -> Option<Made> {
        let (at, ago) = (self.mono_of(moment)?, self.ago(moment)?);
        Some(Made { at, before: ago.saturating_sub(self.now().since(at)) })
    }

    /// How long ago something was, if it was in this boot of the machine.
    pub(super) fn ago(&self, moment: Moment) -> Option<Duration> {
        let same = self.shared.store.borrow().is_same_boot(moment);
        let ago = u64::try_from(self.shared.now_ms() - moment.mono_ms).unwrap_or(0);
        same.then(|| Duration::from_millis(ago))
    }
}

/// What every expression about a message is given.
pub(super) fn given_by(message: &Message) -> Vec<(String, Value)> {
    vec![
        ("topic".to_string(), message.topic.clone().into()),
        ("payload".to_string(), Bytes::value(message.payload.clone())),
        ("body".to_string(), hooks::body(&message.payload)),
    ]
}
