//! The store's work, measured on the station's clock and told to whoever watches.

use std::rc::Rc;
use std::time::Duration;

use crate::link::{Clock, Mono};
use crate::store::{self, Meter};

use super::event::Work;
use super::shared::SharedWatcher;

/// Counts for the station. A virtual clock stands still during a transaction, so a simulated run repeats.
pub(super) struct StoreMeter {
    pub clock: Rc<dyn Clock>,
    pub watcher: SharedWatcher,
}

impl Meter for StoreMeter {
    fn now(&self) -> Duration {
        self.clock.now().since(Mono::ZERO)
    }

    fn worked(&mut self, work: store::Work) {
        let work = match work {
            store::Work::Committed { sync, took } => Work::Transaction { sync, took },
            store::Work::Failed { kind } => Work::StoreError { kind },
        };
        self.watcher.borrow_mut().worked(&work);
    }
}
