//! Clock, supply and power.

use chrono::{DateTime, Timelike, Utc};

use super::super::answer::Answer;
use super::super::command::{Command, Form};
use super::{Air724, Dce, arguments};

/// The network's time zone, in quarters of an hour.
const ZONE_QUARTERS: i64 = 32;
const QUARTER_MS: i64 = 15 * 60 * 1000;
/// 2000-01-01T00:00:00Z: where the clock starts before the network tells the time.
const UNSET_MS: i64 = 946_684_800_000;

/// The module's clock, as an offset to the calendar of the simulated world.
#[derive(Debug, Default)]
pub(super) struct CalendarClock {
    /// Added to the world's calendar; `None` before anybody set it.
    offset_ms: Option<i64>,
}

impl CalendarClock {
    /// Takes the network's time.
    pub(super) fn set_by_network(&mut self) {
        self.offset_ms = Some(0);
    }

    /// The same, and prints it.
    pub(super) fn network_time(&mut self, dce: &Dce<'_, '_>) -> String {
        self.set_by_network();
        print(dce.io.wall_ms + ZONE_QUARTERS * QUARTER_MS)
    }

    fn local_ms(&self, dce: &Dce<'_, '_>) -> i64 {
        match self.offset_ms {
            Some(offset) => dce.io.wall_ms + offset + ZONE_QUARTERS * QUARTER_MS,
            None => UNSET_MS + i64::try_from(dce.io.now.as_micros() / 1000).unwrap_or_default(),
        }
    }
}

/// `yy/MM/dd,hh:mm:ss±zz`, local time and its zone (3GPP TS 27.007, 8.15).
fn print(local_ms: i64) -> String {
    let time = DateTime::<Utc>::from_timestamp_millis(local_ms).unwrap_or_default();
    format!("{}{ZONE_QUARTERS:+03}", time.format("%y/%m/%d,%H:%M:%S"))
}

impl Air724 {
    pub(super) fn system_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match (command.name.as_str(), command.form) {
            ("+CCLK", Form::Read) => Answer::line(format!("+CCLK: \"{}\"", print(self.clock.local_ms(dce)))),
            ("+CCLK", Form::Set) => Answer::ok_if(self.set_clock(command, dce).is_some()),
            ("+CBC", Form::Execute) => Answer::line(format!("+CBC: {}", supply_mv(dce))),
            ("+RESET", Form::Execute) => {
                dce.restart();
                Answer::ok()
            }
            ("+CPOWD", Form::Set) => {
                dce.power_off();
                Answer::own("NORMAL POWER DOWN")
            }
            _ => Answer::error(),
        }
    }

    fn set_clock(&mut self, command: &Command, dce: &Dce<'_, '_>) -> Option<()> {
        let arguments = arguments(command)?;
        let [text] = arguments.as_slice() else { return None };
        let text = text.text();
        // The zone is taken as the network's: nothing in atflow sets another one.
        let time = chrono::NaiveDateTime::parse_from_str(text.get(..17)?, "%y/%m/%d,%H:%M:%S").ok()?;
        let time = time.with_nanosecond(0)?.and_utc().timestamp_millis();
        self.clock.offset_ms = Some(time - ZONE_QUARTERS * QUARTER_MS - dce.io.wall_ms);
        Some(())
    }
}

/// Somewhere in the supply's range.
fn supply_mv(dce: &mut Dce<'_, '_>) -> u32 {
    let (low, high) = dce.core.profile.supply_mv;
    let width = u64::from(high.saturating_sub(low)) + 1;
    low + u32::try_from(dce.core.entropy.below(width)).unwrap_or_default()
}
