//! What happens during a test.

use crate::flow::keys::TEST_EVENT;
use crate::flow::yaml::Node;
use crate::sim::{self, Entry};
use crate::testing::file::Restart;

use super::Reading;

/// One entry of `at:`.
pub(super) enum Timed {
    /// Something that the simulated world does.
    Entry(Entry),
    /// Something that happens to atflow itself.
    Restart(Restart),
}

impl Reading<'_> {
    pub(super) fn event(&mut self, node: &Node) -> Option<Timed> {
        let before = self.problems.len();
        let fields = self.open(node, &TEST_EVENT)?;
        let entry = sim::read::entry(&fields, self.problems);
        let in_order = fields.one_of("restart", self.problems).is_some();
        let dies = fields.one_of("crash", self.problems).is_some();
        let time = fields.duration("time", self.problems).filter(|_| in_order || dies);
        fields.finish();
        if self.problems.len() > before {
            return None;
        }
        let restart = time.map(|time| Timed::Restart(Restart { time: time.value, in_order }));
        restart.or(entry.map(Timed::Entry))
    }
}
