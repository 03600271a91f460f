//! What each happening counts for.

use std::time::Duration;

use crate::link::Mono;
use crate::session::Counted;
use crate::station::event::{Happening, LaneName, LinkState, Work};

use super::Metrics;
use super::family::OTHER;

/// What keeps the port busy besides runs.
const LINK: &str = "link";
/// What publishes as well.
const PUBLISH: &str = "publish";
/// The rung that does nothing.
const WAIT: &str = "wait";

impl Metrics {
    /// Something happened.
    pub fn happened(&mut self, at: Mono, happening: &Happening) {
        self.pass(at);
        self.count_link(happening);
        self.count_jobs(happening);
        self.count_reports(happening);
        self.count_commands(happening);
    }

    /// The session did something.
    pub fn counted(&mut self, counted: &Counted<'_>) {
        match counted {
            Counted::Exchange { command, outcome, took } => {
                let command = command.unwrap_or(OTHER);
                self.exchanges.add([command, outcome], 1);
                self.exchange_duration.observe(command, *took);
            }
            Counted::Urc { means } => self.urcs.add([means], 1),
            Counted::UrcDropped => self.urcs_dropped += 1,
            Counted::Resync => self.resyncs += 1,
        }
    }

    /// The station or its store did something.
    pub fn worked(&mut self, work: &Work) {
        match work {
            Work::Publish { late, took, .. } => {
                self.loop_wait.observe(PUBLISH, *late);
                self.port_busy.add([PUBLISH], u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            }
            Work::Transaction { sync, took } => self.store_transactions.observe(sync, *took),
            Work::StoreError { kind } => self.store_errors.add([kind], 1),
        }
    }

    fn count_link(&mut self, happening: &Happening) {
        match happening {
            Happening::LinkState { from, to, cause, .. } => {
                self.link = *to;
                if from.is_up() && !to.is_up() && *to != LinkState::Stopped {
                    self.link_losses.add([cause.as_deref().unwrap_or(OTHER)], 1);
                }
            }
            Happening::RungFinished { rung, ok, took_ms, .. } => {
                self.link_recoveries.add([rung, if *ok { "ok" } else { "failed" }], 1);
                // Leaving the module alone is a rung, too.
                if rung != WAIT {
                    self.port_busy.add([LINK], *took_ms);
                }
            }
            Happening::Check { took_ms, .. } => self.port_busy.add([LINK], *took_ms),
            Happening::Reboot { expected, .. } => {
                self.module_reboots.add([if *expected { "true" } else { "false" }], 1);
            }
            Happening::FrameMismatch { .. } => self.frame_mismatches += 1,
            Happening::ClockSet { step_ms, .. } if *step_ms != 0 => self.clock_steps += 1,
            _ => {}
        }
    }

    fn count_jobs(&mut self, happening: &Happening) {
        match happening {
            Happening::JobStarted { kind, name, late_ms, .. } => {
                let late = Duration::from_millis(*late_ms);
                self.run_lateness.observe(name, late);
                self.loop_wait.observe(kind.word(), late);
            }
            Happening::JobFinished { kind, name, outcome, took_ms, .. } => {
                self.runs.add([name, outcome], 1);
                self.port_busy.add([kind.word()], *took_ms);
            }
            Happening::JobSkipped { name, .. } => self.runs.add([name, "skipped"], 1),
            Happening::ScheduleMissed { name, count, .. } => self.runs_missed.add([name], *count),
            _ => {}
        }
    }

    fn count_reports(&mut self, happening: &Happening) {
        match happening {
            Happening::ReportQueued { lane, source, .. } => {
                // A reply is named after what the cloud called, which may be anything.
                let source = if *lane == LaneName::Reply { self.handler(source) } else { source };
                self.reports_queued.add([source], 1);
            }
            Happening::ReportSent { lane, qos, attempts, age_ms, .. } => {
                self.reports_sent.add([lane.word(), &qos.to_string()], 1);
                self.reports_resent += u64::from(attempts.saturating_sub(1));
                self.report_delay.observe(Duration::from_millis(*age_ms));
            }
            Happening::ReportDropped { count, reason, .. } => self.reports_dropped.add([reason], *count),
            Happening::ReportDead { .. } => self.reports_dead += 1,
            _ => {}
        }
    }

    fn count_commands(&mut self, happening: &Happening) {
        match happening {
            Happening::CommandFinished { method, code, took_ms, .. } => {
                self.commands.add([self.handler(method), code], 1);
                self.command_duration.observe(Duration::from_millis(*took_ms));
            }
            Happening::CommandRejected { method, code, count, .. } => {
                self.commands.add([self.handler(method), code], *count);
            }
            Happening::CommandDuplicate { .. } => self.commands_duplicate += 1,
            _ => {}
        }
    }
}
