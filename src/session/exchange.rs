//! One command line and all that it owes: a final result code, the prompt and the data, the late result.
//! Patterns are armed before the first byte leaves, so no answer can be too fast.

use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::{Cancel, DataEnd};
use crate::at::pattern::{Captures, Pattern};
use crate::at::sorter::{Armed, Class, Ended, Progress, ResultError, Verdict, Wanted};
use crate::link::{LinkError, Mono};
use crate::transcript::record::{self, NoteKind};

use super::fault::Owed;
use super::footing::{CTRL_Z, Word};
use super::{Fault, Footing, Heard, Mark, Pumped, Session};

/// A module that refused a line as busy is asked again after so much silence.
const BUSY_QUIET: Duration = Duration::from_millis(200);
/// How long a stop waits for the final result that is owed, so that no command is cut in half.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// A stop is heard this late while the module takes no bytes.
const WRITE_SLICE: Duration = Duration::from_secs(1);

/// How many lines back an expected line is looked for, to ask "did you mean `await`?".
const LATE_LINES: u64 = 64;

/// One command line to send.
pub struct Request<'a> {
    /// The line, without its ending.
    pub line: &'a str,
    /// Compiled patterns: what the answer is made of.
    pub wanted: Arc<Wanted>,
    /// The texts for `{=x}` holes.
    pub same: Vec<(Arc<str>, String)>,
    /// Sent when the prompt comes.
    pub data: Option<&'a [u8]>,
    /// How the module knows that the data is over.
    pub ends: DataEnd,
    /// How to leave the data phase.
    pub cancel: Cancel,
    /// The module restarts after its OK; a sign of it must show within.
    pub restarts: Option<Duration>,
    /// One attempt, counted from its first byte; the time that data takes to leave is added.
    pub timeout: Duration,
    /// The deadline of what this stands in.
    pub outer: Mono,
}

/// What a good exchange or wait brought.
#[derive(Debug, Default)]
pub struct Answer {
    /// What single holes captured.
    pub captures: Captures,
    /// What `collect` gathered: one entry a list.
    pub collected: Vec<(Arc<str>, Vec<Captures>)>,
    /// The information lines, as text.
    pub information: Vec<String>,
}

impl From<Progress> for Answer {
    fn from(progress: Progress) -> Self {
        Self { captures: progress.captures, collected: progress.collected, information: progress.information }
    }
}

/// Where an exchange stands.
struct Flight {
    data_sent: bool,
    began: Mark,
    sent_at: Mono,
    deadline: Mono,
    stopping: bool,
}

impl Session {
    /// Sends one command line and waits until all that it owes has come, or its time is up.
    pub fn send(&mut self, request: &Request<'_>) -> Result<Answer, Fault> {
        self.line_left = false;
        let probes = self.is_probe(request);
        if !probes {
            self.find_footing()?;
        }
        self.keep_quiet(self.dialect.line.quiet)?;
        if let Some(restarted) = self.restarted() {
            // Between two steps: whatever the flow has set up in the module is gone.
            return Err(restarted);
        }
        let began = self.mark();
        let began_at = self.now();
        let outcome = self.attempt(request, began);
        let took = self.took(began_at);
        if let Err(Fault::Timeout { .. } | Fault::Interrupted) = &outcome {
            self.transcript.flush_tail();
        }
        let missing = self.sorter.missing_expect();
        if let Ok(()) | Err(Fault::Result(_)) = &outcome {
            self.mind_prompt(request);
        }
        let progress = self.sorter.disarm();
        if !self.dialect.line.quiet.is_zero() {
            self.last_result = self.clock.now();
        }
        let answer = match outcome {
            Ok(()) => {
                self.fresh = false;
                self.supervised.echo.ended();
                if probes {
                    self.found_footing(self.now().since(began_at))?;
                }
                self.judge(request, progress, missing, began)
            }
            Err(fault) => Err(fault),
        };
        self.count_exchange(request, took, &answer);
        let answer = answer?;
        if let Some(window) = request.restarts {
            self.await_restart(window, request.outer)?;
        }
        Ok(answer)
    }

    /// Whether the line itself is what a resync would send first. A flow that looks for a silent module with
    /// `AT` and a `retry` asks as often, and waits as long, as it says.
    pub(super) fn is_probe(&self, request: &Request<'_>) -> bool {
        self.footing == Footing::UNSURE && request.line.eq_ignore_ascii_case("AT") && request.data.is_none()
    }

    fn attempt(&mut self, request: &Request<'_>, began: Mark) -> Result<(), Fault> {
        let push = request.data.map_or(Duration::ZERO, |data| self.time_on_line(data.len()));
        let now = self.now();
        let last_moment = self.stop.last_moment;
        let mut flight = Flight {
            data_sent: request.data.is_none(),
            began,
            sent_at: now,
            deadline: request.outer.min(now + request.timeout + push).min(last_moment),
            stopping: last_moment != Mono::FAR,
        };
        self.arm(request);
        flight.data_sent = request.data.is_none();
        self.write_line(request, now, flight.deadline)?;
        loop {
            if let Some(done) = self.step_flight(request, &mut flight)? {
                return done;
            }
        }
    }

    /// Looks at what has come, does what is due, then reads once. `Some` when the exchange is over.
    fn step_flight(
        &mut self,
        request: &Request<'_>,
        flight: &mut Flight,
    ) -> Result<Option<Result<(), Fault>>, Fault> {
        if request.restarts.is_some() && self.reboot_at.is_some() {
            // The restart that was asked for, maybe in one read with the OK, maybe instead of it.
            return Ok(Some(Ok(())));
        }
        let progress = self.sorter.progress();
        if let Some(Ended { verdict: Verdict::Busy, line }) = &progress.ended {
            let line = line.clone();
            self.send_again(request, flight, line)?;
            return Ok(None);
        }
        if progress.prompt_seen && !flight.data_sent {
            self.write_data(request, flight)?;
            return Ok(None);
        }
        if let Some(over) = Self::decided(request, progress, flight.data_sent) {
            return Ok(Some(over.map_err(Fault::Result)));
        }
        if let Some(restarted) = self.restarted() {
            self.footing = Footing::Firm;
            return Err(restarted);
        }
        match self.pump(flight.deadline) {
            Ok(Pumped::Bytes) => {}
            Ok(Pumped::Deadline) => return Err(self.timed_out(request, flight)),
            Ok(Pumped::Woken) => self.stop_within(flight)?,
            // The module restarts as it was told, and takes its port along before the OK has come.
            Err(Fault::Port { .. }) if request.restarts.is_some() => return Ok(Some(Ok(()))),
            Err(fault) => return Err(fault),
        }
        Ok(None)
    }

    /// Whether everything owed has come, or nothing more is owed after a failure.
    fn decided(
        request: &Request<'_>,
        progress: &Progress,
        data_sent: bool,
    ) -> Option<Result<(), ResultError>> {
        if request.wanted.owes_final && progress.ended.is_none() {
            return None;
        }
        if let Some(failed) = &progress.failed {
            return Some(Err(failed.clone()));
        }
        (data_sent && progress.awaits_done).then_some(Ok(()))
    }

    pub(super) fn arm(&mut self, request: &Request<'_>) {
        self.data.asked = false;
        self.data.owed = None;
        self.sorter.arm(Armed {
            wanted: Arc::clone(&request.wanted),
            echo: Some(request.line.as_bytes().to_vec()),
            data: request.data.map(<[u8]>::to_vec),
            same: request.same.clone(),
        });
    }

    pub(super) fn write_line(&mut self, request: &Request<'_>, now: Mono, until: Mono) -> Result<(), Fault> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        line.extend_from_slice(request.line.as_bytes());
        line.extend_from_slice(&self.dialect.line.ending);
        if self.listener.listens() {
            self.listener.heard(now, &Heard::Sent(request.line.as_bytes()));
        }
        let sent_before = self.byte_counts.1;
        let written = self.write(&line, until);
        self.line_left |= self.byte_counts.1 > sent_before;
        self.line = line;
        if let Err(Fault::Timeout { .. }) = &written {
            self.lose_footing(request.cancel);
        }
        written
    }

    fn write_data(&mut self, request: &Request<'_>, flight: &mut Flight) -> Result<(), Fault> {
        let mut data = request.data.unwrap_or_default().to_vec();
        if request.ends == DataEnd::CtrlZ {
            data.push(CTRL_Z);
        }
        let now = self.now();
        if self.listener.listens() {
            self.listener.heard(now, &Heard::SentData(data.len()));
        }
        flight.data_sent = true;
        let written = self.write(&data, flight.deadline);
        if let Err(Fault::Timeout { .. }) = &written {
            self.give_up_data(request, flight);
        }
        written
    }

    /// No word came on the data that the module asked for.
    fn give_up_data(&mut self, request: &Request<'_>, flight: &Flight) {
        self.data.all_left = (request.ends == DataEnd::Length && flight.data_sent).then(|| self.now());
        self.data.owed = Some(Word { wanted: Arc::clone(&request.wanted), same: request.same.clone() });
        self.leave_data_phase(request.cancel);
    }

    /// Writes all of `bytes` before `until`, or says how far it got.
    pub(super) fn write(&mut self, bytes: &[u8], until: Mono) -> Result<(), Fault> {
        // The record holds what crossed the link, not what was meant to.
        let (taken, failed) = self.write_link(bytes, until);
        self.byte_counts.1 += taken as u64;
        self.transcript.tx(self.clock.now(), &bytes[..taken]);
        match failed {
            None if taken == bytes.len() => Ok(()),
            None => {
                self.transcript.note(self.clock.now(), NoteKind::Port, record::SHORT);
                self.footing = Footing::UNSURE;
                Err(Fault::Timeout { owed: Owed::Write { taken, of: bytes.len() } })
            }
            Some(error) => Err(self.gone(error)),
        }
    }

    /// Writes in slices of time, because a write hears no signal. What was taken, and what ended it.
    fn write_link(&mut self, bytes: &[u8], until: Mono) -> (usize, Option<LinkError>) {
        let mut taken = 0;
        loop {
            let until = until.min(self.stop.last_moment);
            let slice = until.min(self.now() + WRITE_SLICE);
            match self.link.write(&bytes[taken..], slice) {
                Ok(count) => taken += count.min(bytes.len() - taken),
                Err(error) => return (taken, Some(error)),
            }
            let now = self.now();
            if taken == bytes.len() || now >= until || now < slice {
                return (taken, None);
            }
            self.hear_stop();
        }
    }

    /// The module said that it did not take the line: once it is quiet, the same line goes out again.
    fn send_again(&mut self, request: &Request<'_>, flight: &mut Flight, line: String) -> Result<(), Fault> {
        self.sorter.disarm();
        let mut quiet_until = self.now() + BUSY_QUIET;
        while self.now() < quiet_until {
            if quiet_until >= flight.deadline {
                return Err(Fault::Busy { line });
            }
            match self.pump(quiet_until)? {
                Pumped::Bytes => quiet_until = self.now() + BUSY_QUIET,
                Pumped::Deadline => {}
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
        self.arm(request);
        flight.data_sent = request.data.is_none();
        let now = self.now();
        self.write_line(request, now, flight.deadline)
    }

    /// A stop was asked for: the final result that is owed, and word of data that was announced, is still waited
    /// for, but not for long. A command that passes has passed; whoever goes on to the next one is told to stop.
    fn stop_within(&mut self, flight: &mut Flight) -> Result<(), Fault> {
        if flight.stopping || !self.stop_wanted() {
            return Ok(());
        }
        if self.stop.reported || self.stop.cleaning > 0 {
            flight.stopping = true;
            flight.deadline = flight.deadline.min(self.stop.last_moment);
            return Ok(());
        }
        let data_pending = !flight.data_sent || self.data.asked;
        if self.sorter.progress().ended.is_some() && !data_pending {
            return self.stop_if_requested();
        }
        flight.stopping = true;
        flight.deadline = flight.deadline.min(self.now() + STOP_GRACE);
        Ok(())
    }

    fn timed_out(&mut self, request: &Request<'_>, flight: &Flight) -> Fault {
        let progress = self.sorter.progress();
        let verdict_owed = request.wanted.owes_final && progress.ended.is_none();
        let prompt_seen = progress.prompt_seen;
        let missing_await = self.sorter.missing_await();
        let heard_anything = self.mark() != flight.began || prompt_seen || self.last_byte > flight.sent_at;
        // Where OK comes before the prompt, what is awaited is the first sign that the data has arrived.
        let in_data = self.data.asked || (prompt_seen && verdict_owed);
        let owed = if !flight.data_sent {
            Owed::Prompt
        } else if in_data && request.data.is_none() {
            Owed::Data
        } else if prompt_seen && verdict_owed {
            Owed::DataResult
        } else if !heard_anything {
            Owed::Anything
        } else if verdict_owed {
            Owed::Final { came: progress.information.clone(), unheard: self.fresh }
        } else {
            let pattern = missing_await.unwrap_or_default();
            Owed::Await { pattern, after_final: progress.ended.is_some() }
        };
        if in_data {
            self.give_up_data(request, flight);
        } else if verdict_owed {
            self.lose_footing(request.cancel);
        } else {
            self.expect_late_prompt(request.cancel);
        }
        if flight.stopping && self.stop_if_requested().is_err() {
            return Fault::Interrupted;
        }
        Fault::Timeout { owed }
    }

    /// The exchange is whole: were the lines in it that must have come?
    fn judge(
        &self,
        request: &Request<'_>,
        progress: Progress,
        missing: Option<String>,
        began: Mark,
    ) -> Result<Answer, Fault> {
        if progress.expects_done {
            return Ok(progress.into());
        }
        let missing = missing.unwrap_or_default();
        let pattern = request
            .wanted
            .expect
            .as_ref()
            .and_then(|expect| expect.patterns().find(|pattern| pattern.source() == missing));
        let near_miss = pattern.and_then(|pattern| {
            progress.information.iter().rev().find_map(|line| pattern.near_miss(line.as_bytes()))
        });
        let late = pattern.is_some_and(|pattern| self.came_late(pattern, &request.same, began));
        Err(Fault::Unexpected { missing, came: progress.information, near_miss, late })
    }

    /// Whether the expected line has been seen behind the final result of an earlier attempt.
    fn came_late(&self, pattern: &Pattern, same: &[(Arc<str>, String)], began: Mark) -> bool {
        let earlier = self.recent.iter().rev().take_while(|recent| recent.mark.0 + LATE_LINES > began.0);
        earlier
            .filter(|recent| matches!(recent.class, Class::Unknown | Class::Other))
            .any(|recent| pattern.is_match(&recent.text, same))
    }

    /// How long so many bytes take at the port's speed: ten bits a byte with start and stop bit.
    fn time_on_line(&self, bytes: usize) -> Duration {
        match self.link.baud_bps() {
            Some(baud) if baud > 0 => {
                Duration::from_micros((bytes as u64).saturating_mul(10_000_000) / u64::from(baud))
            }
            _ => Duration::ZERO,
        }
    }

    /// Keeps the silence that the module wants between a result and the next line.
    pub(super) fn keep_quiet(&mut self, quiet: Duration) -> Result<(), Fault> {
        let quiet_until = if self.last_result == Mono::ZERO { Mono::ZERO } else { self.last_result + quiet };
        let until = quiet_until.max(self.now());
        // Also without a pause, what has already come is sorted before the line goes out, so that
        // an old final result cannot be taken for the new one.
        loop {
            match self.pump(until)? {
                Pumped::Bytes => {}
                Pumped::Deadline => return Ok(()),
                Pumped::Woken => self.stop_if_requested()?,
            }
        }
    }

    /// After the OK of a command that restarts the module: boot lines are welcome and the port may vanish,
    /// until the first sign of the restart; without any, the window just passes.
    fn await_restart(&mut self, window: Duration, deadline: Mono) -> Result<(), Fault> {
        let until = (self.now() + window).min(deadline);
        self.reboot_welcome_until = Mono::ZERO;
        let seen = loop {
            if self.reboot_at.take().is_some() {
                break true;
            }
            match self.pump(until) {
                Ok(Pumped::Bytes) => {}
                Ok(Pumped::Deadline) => break false,
                Ok(Pumped::Woken) => self.stop_if_requested()?,
                Err(Fault::Port { .. }) => {
                    let opened = self.link.reopen(until.min(self.stop.last_moment));
                    self.stop_if_requested()?;
                    opened.map_err(Fault::from_link)?;
                    break true;
                }
                Err(other) => return Err(other),
            }
        };
        self.footing = Footing::Firm;
        self.supervised.restarted_as_asked = true;
        self.supervised.echo.restarted();
        // RDY may come twice, and more boot lines follow the first sign.
        self.reboot_welcome_until = self.now() + window;
        let text = if seen { "the module restarted" } else { "no sign of the restart was seen" };
        self.transcript.note(self.clock.now(), NoteKind::Port, text);
        Ok(())
    }
}
