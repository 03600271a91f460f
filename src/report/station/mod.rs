//! What people and programs see of a station: a line a happening, a status line, a JSON log. Several can
//! watch at once.

mod console;
mod layout;
mod level;
mod log;
mod refusals;
mod row;
mod status_line;
mod steps;
mod summary;
mod tee;

#[cfg(test)]
pub(in crate::report) mod samples;
#[cfg(test)]
mod tests;

use std::rc::Rc;

use crate::link::Mono;

pub use console::{Columns, StationConsole};
pub use level::{Level, level};
pub use log::StationLog;
pub use status_line::standing;
pub use tee::Tee;

/// The calendar's milliseconds since 1970 at a point of the station's clock; `None` while the calendar cannot
/// be trusted (a clock quality below 2).
pub type Wall = Rc<dyn Fn(Mono) -> Option<i64>>;
