//! Where bytes come from and go to: a serial port, a TCP socket, a simulated module. Knows nothing of AT.
//!
//! [`Link::read`] is the only call in the whole program that waits. A simulated link advances its virtual
//! clock there instead of sleeping. Every other room works between two reads.

//!
//! * [`time`]: points in time and the clock trait; [`wall`]: the machine's clock.
//! * [`address`]: what a user may write for a port; [`ports`]: the ports that are there.
//! * [`serial`] and [`tcp`]: the links to real modules, both on one poll loop (`fd_pipe`).
//! * [`wake`]: signals, as something that ends a read; [`notify`]: word to the service manager.

pub mod address;
pub mod ports;
pub mod time;
pub mod wall;

#[cfg(unix)]
mod fd_pipe;
#[cfg(unix)]
mod holder;
#[cfg(unix)]
pub mod notify;
#[cfg(unix)]
pub mod serial;
#[cfg(unix)]
pub mod tcp;
#[cfg(unix)]
pub mod wake;

use std::rc::Rc;
use std::time::Duration;

pub use time::{Clock, Mono};
pub use wall::WallClock;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// This many bytes were appended to the buffer; at least one.
    Bytes(usize),
    /// The deadline passed and nothing came.
    Deadline,
    /// Somebody wants attention (a signal): look at the stop flag, then come back. Said once a signal.
    Woken,
}

/// What went wrong with the link itself. Nothing a module says is a `LinkError`.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The port vanished: unplugged, hung up, closed by the other side.
    #[error("the port is gone: {what}")]
    Gone {
        /// What the system said.
        what: String,
    },
    /// It could not be opened. The message says why and names who holds a busy port.
    #[error("cannot open `{port}`: {why}")]
    Open {
        /// As the user wrote it.
        port: String,
        /// What the system said, in words.
        why: String,
        /// What to do about it.
        help: Option<String>,
        /// It is not there, and may come: not that it may not be used.
        absent: bool,
    },
    /// Behind this link is a recording, and the host does something that was not recorded.
    #[error("{what}")]
    Strayed {
        /// What was recorded, and what came instead.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// This kind of link has no such thing (a pty has no DTR, TCP no baud rate).
    #[error("this port has no {what}")]
    Unsupported {
        /// For example `DTR line`.
        what: &'static str,
    },
}

impl LinkError {
    /// Used between a [`Link::reopen`] that failed and the next one.
    #[cfg(unix)]
    fn closed() -> Self {
        Self::Gone { what: "it is closed and did not come back yet".into() }
    }
}

/// A change of the port's settings in the middle of a run; `None` leaves a setting alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortChange {
    /// Bits per second.
    pub baud_bps: Option<u32>,
    /// The DTR line.
    pub dtr: Option<bool>,
    /// The RTS line.
    pub rts: Option<bool>,
    /// Hold the line in the break condition this long.
    pub break_for: Option<Duration>,
}

/// A byte pipe to one module, with the clock that belongs to it.
pub trait Link {
    /// Waits until bytes come, `until` passes or somebody wants attention, whichever is first, and
    /// appends what came to `buf`. Bytes that are already there are handed over even after `until`.
    ///
    /// # Errors
    ///
    /// [`LinkError::Gone`], after the last byte that the port still held has been handed over.
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError>;

    /// Hands `bytes` to the module and returns how many it took before `until`. What the module says
    /// meanwhile is kept for the next read, so that two full buffers cannot lock each other.
    ///
    /// # Errors
    ///
    /// [`LinkError::Gone`]; what the module said before is still there for the next read.
    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError>;

    /// Changes settings of the open port, in the order of the fields of [`PortChange`].
    ///
    /// # Errors
    ///
    /// [`LinkError::Unsupported`] at the first setting that this link has not; [`LinkError::Gone`].
    fn change(&mut self, change: PortChange) -> Result<(), LinkError>;

    /// Closes and opens the port again, with the settings it had, waiting for it to come back until
    /// `until` or until somebody wants attention. Input is never flushed: what was kept or waits in the
    /// port is handed over by the next read.
    ///
    /// # Errors
    ///
    /// [`LinkError::Open`] with the last attempt's reason; the link stays closed and may be reopened.
    fn reopen(&mut self, until: Mono) -> Result<(), LinkError>;

    /// The clock that this link's waits run on.
    fn clock(&self) -> Rc<dyn Clock>;

    /// Bits per second, where the link is paced; `None` where it is not (TCP).
    fn baud_bps(&self) -> Option<u32>;

    /// Whether a module is simulated behind it: vars then take their `simulated` value.
    fn simulated(&self) -> bool {
        false
    }

    /// What the user calls it: `/dev/ttyUSB0`, `sim:luat-air724`.
    fn name(&self) -> &str;
}
