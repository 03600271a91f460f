//! Engines that are broken on purpose: fuzzing has to find what is wrong with them.

use std::cell::Cell;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// Every third message from the cloud is forgotten.
    DropsMessages,
    /// That a command begins is not written down first.
    ForgetsToPersist,
    /// A module that wants data is sent the next command line all the same.
    SendsInDataMode,
}

thread_local! {
    static BROKEN: Cell<Option<Sabotage>> = const { Cell::new(None) };
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// From now on this is broken, in this thread.
pub(crate) fn break_on_purpose(what: Option<Sabotage>) {
    BROKEN.set(what);
}

/// Whether this is broken.
pub(crate) fn is_broken(what: Sabotage) -> bool {
    BROKEN.get() == Some(what)
}

/// Every third time, if this is broken.
pub(crate) fn every_third_time(what: Sabotage) -> bool {
    COUNT.set(COUNT.get() + 1);
    is_broken(what) && COUNT.get().is_multiple_of(3)
}
