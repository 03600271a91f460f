//! Feeds metrics that another thread reads.

use std::sync::{Arc, Mutex, PoisonError};

use crate::link::Mono;
use crate::report::station::Wall;
use crate::run::event::{Event, Observer};
use crate::session::Counted;
use crate::station::event::{Happening, Status, Watcher, Work};

use super::Metrics;

/// Tells shared metrics what a station tells. The lock is held for the addition of some numbers only.
pub struct MetricsWatcher {
    shared: Arc<Mutex<Metrics>>,
    wall: Wall,
}

impl MetricsWatcher {
    /// Feeds `shared`.
    pub fn new(shared: Arc<Mutex<Metrics>>, wall: Wall) -> Self {
        Self { shared, wall }
    }

    fn with(&self, tell: impl FnOnce(&mut Metrics)) {
        // Numbers stay numbers, whatever happened to a thread that looked at them.
        tell(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Watcher for MetricsWatcher {
    fn happened(&mut self, at: Mono, happening: &Happening) {
        self.with(|metrics| metrics.happened(at, happening));
    }

    fn status(&mut self, at: Mono, status: &Status) {
        let last_report = status.last_report.and_then(|at| (self.wall)(at));
        self.with(|metrics| metrics.status(at, status, last_report));
    }

    fn worked(&mut self, work: &Work) {
        self.with(|metrics| metrics.worked(work));
    }
}

/// Single steps are not counted.
impl Observer for MetricsWatcher {
    fn event(&mut self, _at: Mono, _event: &Event<'_>) {}

    fn counted(&mut self, counted: &Counted<'_>) {
        self.with(|metrics| metrics.counted(counted));
    }

    fn wants_steps(&self) -> bool {
        false
    }
}
