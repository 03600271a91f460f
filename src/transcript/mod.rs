//! The one record of a conversation: JSON lines, byte-exact both ways, with time, secrets masked. It is the
//! log, what a test replays, what a simulated module is made from, and what goes into a bug report.
//!
//! ```text
//! {"atflow":"transcript","version":1,"port":"/dev/ttyUSB0","module":"luat-air724","wall_ms":1735689600000}
//! {"t":1200,"note":"step","text":"AT+CSQ"}
//! {"t":1210,"tx":"AT+CSQ\r\n"}
//! {"t":9876,"rx":"\r\n+CSQ: 17,99\r\n\r\nOK\r\n"}
//! {"t":9990,"rx_hex":"ff0d0a"}
//! ```
//!
//! `t` is in microseconds since the run began. Bytes that are no UTF-8 are written in hexadecimal. Where
//! `"masked":true` stands, a secret was replaced by its name, `<password>`; the other records of a
//! direction, joined, are exactly the bytes that crossed the link.
//!
//! * [`writer`]: [`Transcript`], which the session writes.
//! * [`record`]: what a record is, and its JSON.
//! * [`reader`]: the records of a file; [`wildcard`]: what a masked one may have been.
//! * [`conversation`]: what was asked and what was answered, sorted as a session sorts it.
//! * [`show`], [`diff`] and [`explain`]: a transcript for people.
//! * [`mask`]: [`Masker`], which finds secrets in whatever shape (`forms`) they cross the line.

pub mod conversation;
pub mod diff;
pub mod explain;
mod forms;
pub mod mask;
pub mod reader;
pub mod record;
pub mod show;
pub mod visible;
pub mod wildcard;
pub mod writer;

pub use conversation::Conversation;
pub use mask::{Masker, Secret};
pub use reader::{ReadError, Reader};
pub use record::{Entry, Header, NoteKind, Record};
pub use writer::Transcript;
