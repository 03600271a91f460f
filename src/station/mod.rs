//! A station: a file that runs for ever. One thread, one run at a time; between two runs it looks at what
//! came, what is due and how the link stands, and chooses what is next.

pub mod event;
