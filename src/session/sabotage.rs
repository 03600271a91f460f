//! Engines that are broken on purpose: fuzzing has to find what is wrong with them.

use std::cell::Cell;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// A third of the messages from the cloud is forgotten.
    DropsMessages,
    /// That a command begins is not written down first.
    ForgetsToPersist,
    /// A module that wants data is sent the next command line all the same.
    SendsInDataMode,
}

thread_local! {
    static BROKEN: Cell<Option<Sabotage>> = const { Cell::new(None) };
}

/// From now on this is broken, in this thread.
pub(crate) fn break_on_purpose(what: Option<Sabotage>) {
    BROKEN.set(what);
}

/// Whether this is broken.
pub(crate) fn is_broken(what: Sabotage) -> bool {
    BROKEN.get() == Some(what)
}

/// Whether this is broken, and these bytes are among the third that it hits.
pub(crate) fn hits(what: Sabotage, bytes: &[u8]) -> bool {
    is_broken(what) && bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>().is_multiple_of(3)
}
