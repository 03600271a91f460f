//! Pure knowledge of AT: bytes to lines to responses. No I/O, no clock, nothing of YAML or scripts.
//!
//! * [`pattern`]: the pattern language (`+CSQ: {rssi:int},{ber:int}`), compiled once to linear-time regexes.
//! * [`dialect`]: what is special about a module family: final codes, URCs, command table, escapes, limits.
//! * [`sorter`]: the one reader. It takes bytes in any pieces and says of each line what it is.
//! * [`table`]: which entry of the dialect's command table a command line meets.
//! * [`codes`]: the names of 3GPP error numbers.

pub mod codes;
pub mod dialect;
pub mod pattern;
pub mod sorter;
pub mod table;
