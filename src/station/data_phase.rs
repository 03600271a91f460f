//! Data that a module was promised and may still wait for. A process that dies between the command line and its
//! data leaves a module that takes whatever it hears next for the data; so it is on disk before the line goes.

use super::Station;
use super::link::Fact;
use super::shared::Shared;

/// Under which the store keeps that data may be owed.
const OWED: &str = "data_phase";

impl Shared {
    /// What an earlier process wrote down.
    pub fn read_data_owed(&self) -> bool {
        self.data_owed.set(self.store.borrow_mut().note(OWED).is_some());
        self.data_owed.get()
    }

    /// A command line that asks for data is about to be sent.
    pub fn data_begins(&self) {
        if !self.data_owed.replace(true) {
            self.store.borrow_mut().set_note(OWED, Some("1"));
        }
    }
}

impl Station {
    /// What an earlier process left. A module that counts its data is not known to give up waiting for the rest:
    /// where something can restart it without a word, that comes first. Else a silence must do, which ends a
    /// wait that counts nothing.
    pub(super) fn recall_data_phase(&mut self) {
        let now = self.now();
        if self.shared.data_owed.get() && self.link.machine.can_restart_silent_module(now) {
            self.run.borrow_mut().session().assume_data_phase();
            self.tell_machine(Fact::Stuck);
        }
    }

    /// The module listens, so no data is owed.
    pub(super) fn look_at_data_phase(&mut self) {
        let listens = self.link.machine.takes_runs() && !self.run.borrow_mut().session().is_stuck();
        if listens && self.shared.data_owed.replace(false) {
            self.shared.store.borrow_mut().set_note(OWED, None);
        }
    }
}
