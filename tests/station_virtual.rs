//! A whole station on the virtual clock: days and weeks of it, with everything that goes wrong on the way.

#[path = "station_virtual/clocks.rs"]
mod clocks;
#[path = "station_virtual/commands.rs"]
mod commands;
mod support;
mod support_station;

#[path = "station_virtual/drain.rs"]
mod drain;
#[path = "station_virtual/ledger.rs"]
mod ledger;
#[path = "station_virtual/week.rs"]
mod week;
