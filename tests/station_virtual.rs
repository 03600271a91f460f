//! A whole station on the virtual clock: days and weeks of it, with everything that goes wrong on the way.

mod support;
mod support_station;

#[path = "station_virtual/clocks.rs"]
mod clocks;
#[path = "station_virtual/commands.rs"]
mod commands;
#[path = "station_virtual/data_phase.rs"]
mod data_phase;
#[path = "station_virtual/drain.rs"]
mod drain;
#[path = "station_virtual/events.rs"]
mod events;
#[path = "station_virtual/hostile.rs"]
mod hostile;
#[path = "station_virtual/ledger.rs"]
mod ledger;
#[path = "station_virtual/metrics.rs"]
mod metrics;
#[path = "station_virtual/pace.rs"]
mod pace;
#[path = "station_virtual/refusals.rs"]
mod refusals;
#[path = "station_virtual/restarts.rs"]
mod restarts;
#[path = "station_virtual/secrets.rs"]
mod secrets;
#[path = "station_virtual/week.rs"]
mod week;
