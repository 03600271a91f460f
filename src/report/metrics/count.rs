//! What each happening counts for.

use crate::link::Mono;
use crate::station::event::Happening;

use super::Metrics;
use super::family::OTHER;

/// What keeps the port busy besides runs.
const LINK: &str = "link";
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

    fn count_link(&mut self, happening: &Happening) {
        match happening {
            Happening::LinkState { from, to, cause, .. } => {
                self.link = *to;
                if from.is_up() && !to.is_up() {
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
                self.run_lateness.observe(name, *late_ms);
                self.loop_wait.observe(kind.word(), *late_ms);
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
            Happening::ReportQueued { source, .. } => self.reports_queued.add([source], 1),
            Happening::ReportSent { lane, qos, attempts, age_ms, .. } => {
                self.reports_sent.add([lane.word(), &qos.to_string()], 1);
                self.reports_resent += u64::from(attempts.saturating_sub(1));
                self.report_delay.observe(*age_ms);
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
                self.command_duration.observe(*took_ms);
            }
            // It never came to a handler.
            Happening::CommandRejected { code, .. } => self.commands.add([OTHER, code], 1),
            Happening::CommandDuplicate { .. } => self.commands_duplicate += 1,
            _ => {}
        }
    }
}
