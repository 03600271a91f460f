//! `outbox`, and a cloud's `limits`.

use std::time::Duration;

use crate::flow::codes::Code;
use crate::flow::diag::{Diagnostic, Span, Spanned};
use crate::flow::keys;
use crate::flow::model::station::{CloudLimits, Drop, OutboxPlan};
use crate::flow::yaml::Node;

use super::super::Compiler;
use super::no_limits;

/// A month.
const KEEP: Duration = Duration::from_hours(30 * 24);
/// More reports than a month of one a minute holds.
const MAX_ROWS: u64 = 100_000;
/// 64 MiB.
const MAX_BYTES: u64 = 64 << 20;

impl Compiler<'_> {
    /// How reports wait.
    pub(super) fn outbox(&mut self, node: Option<&Node>) -> OutboxPlan {
        let mut plan = OutboxPlan {
            keep: KEEP,
            max_rows: MAX_ROWS,
            max_bytes: MAX_BYTES,
            drop: Drop::Oldest,
            qos: u8::from(self.can_acknowledge()),
            report_id: true,
            time_field: None,
            bytes_per_day: None,
        };
        let Some(fields) = node.and_then(|node| self.open(node, &keys::OUTBOX)) else { return plan };
        let count = |value: Spanned<i64>| u64::try_from(value.value).ok();
        let problems = &mut *self.problems;
        plan.keep = fields.duration("keep", problems).map_or(plan.keep, |keep| keep.value);
        plan.max_rows = fields.int("max", problems).and_then(count).unwrap_or(plan.max_rows);
        plan.max_bytes = fields.int("bytes", problems).and_then(count).unwrap_or(plan.max_bytes);
        // There is one order.
        let _ = fields.one_of("order", problems);
        if fields.one_of("drop", problems).is_some_and(|word| word.value == "newest") {
            plan.drop = Drop::Newest;
        }
        plan.report_id = fields.bool("report_id", problems).is_none_or(|flag| flag.value);
        plan.time_field = fields.text("time", problems).map(|name| name.text.to_string());
        plan.bytes_per_day = fields.int("bytes_per_day", problems).and_then(count);
        let qos = fields.int("qos", problems);
        fields.finish();
        if let Some(qos) = qos {
            plan.qos = u8::from(qos.value == 1);
            self.acknowledged(plan.qos, qos.span);
        }
        plan
    }

    /// Whether the module can publish with quality of service 1.
    fn can_acknowledge(&self) -> bool {
        let publish = self.contract_flow("publish").map(|flow| &self.signatures[flow.0]);
        let takes_qos = publish.is_some_and(|flow| flow.params.iter().any(|(name, _)| &**name == "qos"));
        takes_qos && self.dialect.limits.qos.contains(&1)
    }

    fn acknowledged(&mut self, qos: u8, at: Span) {
        if qos == 0 || self.can_acknowledge() || self.incomplete {
            return;
        }
        self.problems.push(
            Diagnostic::error(Code::NO_QOS, at, "this module cannot publish with quality of service 1")
                .help("write `qos: 0`; then a report counts as delivered when the module has taken it"),
        );
    }

    /// What the cloud allows.
    pub(super) fn cloud_limits(&mut self, node: Option<&Node>) -> CloudLimits {
        let mut limits = no_limits();
        let Some(fields) = node.and_then(|node| self.open(node, &keys::CLOUD_LIMITS)) else { return limits };
        let mut time = |key: &str| fields.duration(key, self.problems).map(|time| time.value);
        limits.report_every = time("report_every");
        limits.gap = time("gap").unwrap_or(limits.gap);
        limits.drain_every = time("drain_every").unwrap_or(limits.drain_every);
        fields.finish();
        limits
    }
}
