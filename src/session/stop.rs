//! How a conversation ends when somebody wants the program to stop: what is under way may end well, what
//! cleans up gets its turn, and all of it has one last moment that nothing moves.

use std::time::Duration;

use crate::link::Mono;

use super::{Fault, Session};

/// From the first that was heard of a stop to the last moment.
const STOPPING: Duration = Duration::from_secs(13);

/// A stop that somebody asked for, as far as this conversation is concerned.
pub(super) struct Stop {
    /// It has been reported, which happens once.
    pub(super) reported: bool,
    /// How many clean-ups are under way: a stop waits for them.
    pub(super) cleaning: usize,
    /// A stop is wanted from then on.
    pub(super) wanted_at: Mono,
    /// No wait goes beyond it. Far while nobody wants a stop.
    pub(super) last_moment: Mono,
}

impl Default for Stop {
    fn default() -> Self {
        Self { reported: false, cleaning: 0, wanted_at: Mono::FAR, last_moment: Mono::FAR }
    }
}

impl Session {
    /// A clean-up begins, or ends: while one is under way a stop is not reported, until its last moment.
    pub fn cleaning(&mut self, begins: bool) {
        self.stop.cleaning =
            if begins { self.stop.cleaning + 1 } else { self.stop.cleaning.saturating_sub(1) };
    }

    /// Whether somebody wants the program to stop, reported or not.
    pub fn stop_wanted(&self) -> bool {
        self.interrupt.stop_requested() || self.now() >= self.stop.wanted_at
    }

    /// At this time a stop is wanted, whoever asks for one before.
    pub fn stop_at(&mut self, time: Mono) {
        self.stop.wanted_at = time;
    }

    /// Fails with [`Fault::Interrupted`] when somebody wants the program to stop: once, because what cleans up
    /// afterwards still has to talk to the module, and always when the last moment has passed.
    pub fn stop_if_requested(&mut self) -> Result<(), Fault> {
        self.hear_stop();
        if self.is_too_late() {
            return Err(Fault::Interrupted);
        }
        if self.stop.reported || self.stop.cleaning > 0 || !self.stop_wanted() {
            return Ok(());
        }
        self.stop.reported = true;
        Err(Fault::Interrupted)
    }

    /// What says goodbye gets its own time, whether anybody asked for a stop or not, and no stop keeps it from
    /// beginning.
    pub fn begin_goodbye(&mut self, lasts: Duration) {
        self.stop.reported |= self.stop_wanted();
        self.stop.last_moment = self.now() + lasts;
    }

    /// The goodbye is over, and the conversation may go on.
    pub fn end_goodbye(&mut self) {
        self.stop.last_moment = Mono::FAR;
    }

    /// The last moment is known from when a stop is first heard of.
    pub(super) fn hear_stop(&mut self) {
        if self.stop.last_moment == Mono::FAR && self.stop_wanted() {
            self.stop.last_moment = self.now() + STOPPING;
        }
    }

    /// Whether the last moment has passed.
    pub(super) fn is_too_late(&self) -> bool {
        self.stop.last_moment != Mono::FAR && self.now() >= self.stop.last_moment
    }
}
