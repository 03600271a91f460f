//! What happens during a test.

use crate::flow::keys::TEST_EVENT;
use crate::flow::yaml::Node;
use crate::sim::{self, Entry};
use crate::testing::fate::{Mishap, MishapKind};

use super::Reading;

/// One entry of `at:`.
pub(super) enum Timed {
    /// Something that the simulated world does.
    Entry(Entry),
    /// Something that happens to atflow itself.
    Mishap(Mishap),
}

impl Reading<'_> {
    pub(super) fn event(&mut self, node: &Node) -> Option<Timed> {
        let before = self.problems.len();
        let fields = self.open(node, &TEST_EVENT)?;
        let entry = sim::read::entry(&fields, self.problems);
        let crash = fields.one_of("crash", self.problems).and_then(|word| MishapKind::of_crash(word.value));
        let restart = fields.one_of("restart", self.problems).map(|_| MishapKind::Restart);
        let mishap = restart.or(crash).and_then(|what| {
            let time = fields.duration("time", self.problems)?.value;
            let down = fields.duration("for", self.problems).map(|lasts| lasts.value).unwrap_or_default();
            Some(Timed::Mishap(Mishap { time, what, down }))
        });
        fields.finish();
        if self.problems.len() > before {
            return None;
        }
        mishap.or(entry.map(Timed::Entry))
    }
}
