//! What golden cases run on: a module that does what a text file says, on a clock that nobody waits for, and
//! a run against it that gives its whole report as text.

pub mod case;
pub mod link;
pub mod script;
