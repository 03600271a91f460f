//! Several watchers as one.

use std::time::Duration;

use crate::link::Mono;
use crate::run::event::{Event, Observer};
use crate::session::Counted;
use crate::station::event::{Happening, Status, Watcher, Work};

/// Tells everything to several watchers, in their order.
#[derive(Default)]
pub struct Tee {
    watchers: Vec<Box<dyn Watcher>>,
}

impl Tee {
    /// Tells `watchers`.
    pub fn new(watchers: Vec<Box<dyn Watcher>>) -> Self {
        Self { watchers }
    }
}

impl Observer for Tee {
    fn event(&mut self, at: Mono, event: &Event<'_>) {
        for watcher in &mut self.watchers {
            watcher.event(at, event);
        }
    }

    fn counted(&mut self, counted: &Counted<'_>) {
        for watcher in &mut self.watchers {
            watcher.counted(counted);
        }
    }

    fn wants_steps(&self) -> bool {
        self.watchers.iter().any(|watcher| watcher.wants_steps())
    }

    fn wants_lines(&self) -> bool {
        self.watchers.iter().any(|watcher| watcher.wants_lines())
    }

    fn answer(&mut self) -> Option<String> {
        self.watchers.iter_mut().find_map(|watcher| watcher.answer())
    }
}

impl Watcher for Tee {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        for watcher in &mut self.watchers {
            watcher.happened(at, happening);
        }
    }

    fn status(&mut self, at: Mono, status: &Status) {
        for watcher in &mut self.watchers {
            watcher.status(at, status);
        }
    }

    fn worked(&mut self, work: &Work) {
        for watcher in &mut self.watchers {
            watcher.worked(work);
        }
    }

    fn status_every(&self) -> Option<Duration> {
        self.watchers.iter().filter_map(|watcher| watcher.status_every()).min()
    }
}
