//! How much a happening matters.

use crate::station::event::{Happening, LinkState};

/// How much something matters, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It happens all the time.
    Debug,
    /// Somebody may want to know.
    Info,
    /// Somebody should look when it happens often.
    Warn,
    /// Something failed or was lost.
    Error,
}

impl Level {
    /// As the log calls it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// How much a happening matters.
pub fn level(happening: &Happening) -> Level {
    use Happening as H;
    match happening {
        // The port is back, and for a while nothing follows.
        H::LinkState { from: LinkState::Absent, to: LinkState::Down, pause_ms: 1.., .. } => Level::Info,
        H::LinkState { to, cause, .. } => of_link(*to, cause.is_some()),
        H::RungFinished { ok, .. } if !ok => Level::Warn,
        H::Check { ok, .. } => good(*ok, Level::Debug, Level::Warn),
        H::Reboot { expected, .. } => good(*expected, Level::Info, Level::Warn),
        H::JobFinished { outcome, .. } => good(outcome == "ok", Level::Debug, Level::Error),
        H::CommandFinished { code, .. } => good(code == "ok", Level::Info, Level::Warn),
        H::RungStarted { .. } | H::JobStarted { .. } | H::ReportQueued { .. } | H::CommandStarted { .. } => {
            Level::Debug
        }
        H::StationStarted { .. }
        | H::StationStopping { .. }
        | H::StationStopped(_)
        | H::ReloadOk
        | H::RungFinished { .. }
        | H::PortFound
        | H::QuarantineLeft
        | H::JobSkipped { .. }
        | H::ScheduleHeld { .. }
        | H::ReportSent { .. }
        | H::CommandReceived { .. }
        | H::CommandDuplicate { .. }
        | H::TimerSet { .. }
        | H::TimerFired { .. }
        | H::StateSet { .. }
        | H::StoreRestored { .. }
        | H::ClockSet { .. }
        | H::Log { .. } => Level::Info,
        H::PortGone { .. }
        | H::FrameMismatch { .. }
        | H::ScheduleMissed { .. }
        | H::ReportRefused { .. }
        | H::CommandRejected { .. }
        | H::TimerDropped { .. }
        | H::BudgetWarning { .. } => Level::Warn,
        H::ReloadFailed { .. }
        | H::Brownout
        | H::QuarantineEntered
        | H::ReportDead { .. }
        | H::ReportDropped { .. }
        | H::StoreVolatile { .. }
        | H::StoreCorrupt { .. } => Level::Error,
    }
}

/// A loss matters, and that it is over. What has a happening of its own need not be said twice.
fn of_link(to: LinkState, lost: bool) -> Level {
    match to {
        LinkState::Online => Level::Info,
        LinkState::Degraded | LinkState::Waiting => Level::Warn,
        LinkState::Down | LinkState::Climbing | LinkState::Recovering if lost => Level::Warn,
        _ => Level::Debug,
    }
}

fn good(ok: bool, then: Level, otherwise: Level) -> Level {
    if ok { then } else { otherwise }
}
