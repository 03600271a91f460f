//! Commands from the cloud, as far as they can be decided without a module or a store: whether a message is
//! a command at all, whether it comes for the first time, whether its params fit, what its handler may ask
//! for, and how an error is answered. Nothing here waits, and nothing here is evaluated.

pub mod age;
pub mod ask;
pub mod code;
mod danger;
pub mod judge;
pub mod params;
pub mod rate;
pub mod read;

pub use code::{Code, Refusal, result_value};
