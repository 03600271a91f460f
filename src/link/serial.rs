//! A serial port. `serialport` opens and configures it; reading and writing are done by `fd_pipe` on the
//! same descriptor in non-blocking mode, because a write through `serialport` waits for ever on a module
//! that takes nothing, whatever its timeout says.

mod locate;

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::rc::Rc;

use serialport::{ClearBuffer, SerialPort as _, TTYPort};
pub use serialport::{DataBits, FlowControl, Parity, StopBits};

use super::address::Address;
use super::fd_pipe::FdPipe;
use super::holder::{self, Holder};
use super::ports::{self, PortInfo};
use super::wake::Wake;
use super::{Clock, Link, LinkError, Mono, PortChange, Read, WallClock};

use locate::locate;

/// How a port is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bits per second.
    pub baud_bps: u32,
    /// Bits of a character.
    pub data_bits: DataBits,
    /// Parity bit.
    pub parity: Parity,
    /// Stop bits.
    pub stop_bits: StopBits,
    /// How one side tells the other to wait. Software flow control takes the bytes 0x11 and 0x13 out.
    pub flow: FlowControl,
    /// The DTR line; `None` leaves it as the system sets it (usually on). A port without it is no error.
    pub dtr: Option<bool>,
    /// The RTS line, as `dtr`.
    pub rts: Option<bool>,
    /// Whether nobody else may open the port.
    pub exclusive: bool,
}

impl Default for Settings {
    /// 115200 8N1 without flow control: what Luat modules leave the factory with.
    fn default() -> Self {
        Self {
            baud_bps: 115_200,
            data_bits: DataBits::Eight,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow: FlowControl::None,
            dtr: None,
            rts: None,
            exclusive: true,
        }
    }
}

/// An open serial port, or one that is waited for to come back.
#[derive(Debug)]
pub struct Serial {
    address: Address,
    name: String,
    settings: Settings,
    /// The USB port that it was when it was opened: it is found again under another path by that.
    seen: Option<PortInfo>,
    port: Option<Port>,
    pipe: FdPipe,
}

impl Serial {
    /// Opens a port. What waits in it is not thrown away.
    ///
    /// # Errors
    ///
    /// [`LinkError::Open`]: not there, not allowed, held by somebody (who is named if that can be seen), or
    /// no serial port at all.
    pub fn open(
        address: &Address,
        settings: Settings,
        clock: Rc<WallClock>,
        wake: Wake,
    ) -> Result<Self, LinkError> {
        let mut serial = Self::closed(address, settings, clock, wake);
        serial.connect(serial.attempt()?);
        Ok(serial)
    }

    /// One that is not there yet: [`Link::reopen`] opens it.
    pub fn closed(address: &Address, settings: Settings, clock: Rc<WallClock>, wake: Wake) -> Self {
        Self {
            address: address.clone(),
            name: address.to_string(),
            settings,
            seen: None,
            port: None,
            pipe: FdPipe::new(clock, wake),
        }
    }

    fn connect(&mut self, (port, info): (Port, Option<PortInfo>)) {
        self.port = Some(port);
        self.seen = info.or(self.seen.take());
    }

    /// Finds the port and opens it, once.
    fn attempt(&self) -> Result<(Port, Option<PortInfo>), LinkError> {
        let is_link = |path: &str| std::fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
        let path = locate(&self.address, self.seen.as_ref(), ports::list, is_link)
            .map_err(|(why, help)| self.open_error(why, help, true))?;
        let port = Port::open(&path, &self.settings).map_err(|error| self.explain(&path, &error))?;
        Ok((port, ports::usb_port(&path)))
    }

    fn open_error(&self, why: String, help: Option<String>, absent: bool) -> LinkError {
        LinkError::Open { port: self.name.clone(), why, help, absent }
    }

    /// What the system's refusal means and what to do about it.
    fn explain(&self, path: &str, error: &serialport::Error) -> LinkError {
        use std::io::ErrorKind as Io;

        use serialport::ErrorKind;
        let (why, help) = match error.kind() {
            ErrorKind::NoDevice => busy(path, holder::find(path)),
            ErrorKind::Io(Io::NotFound) => (
                "there is no such port".into(),
                "`atflow ports` shows what is there; is it plugged in, and has the module power?".into(),
            ),
            ErrorKind::Io(Io::PermissionDenied) => (
                "permission denied".into(),
                "join the group that owns it (`ls -l` names it, often dialout): `sudo usermod -aG dialout \
                 $USER`, then log in again"
                    .into(),
            ),
            _ => (
                format!("it cannot be used as a serial port: {error}"),
                "`atflow ports` shows the ports that have hardware behind them".into(),
            ),
        };
        let absent = matches!(error.kind(), ErrorKind::Io(Io::NotFound));
        self.open_error(why, Some(help), absent)
    }

    fn live(&mut self) -> Result<&mut Port, LinkError> {
        self.port.as_mut().ok_or_else(LinkError::closed)
    }
}

/// Words for a port that somebody else holds.
fn busy(path: &str, holder: Option<Holder>) -> (String, String) {
    match holder {
        Some(Holder { pid, .. }) if pid == std::process::id() => {
            ("this program has it open already".into(), "give each device a port of its own".into())
        }
        Some(Holder { pid, command }) if command == "ModemManager" => (
            format!("process {pid} (`{command}`) has it open"),
            "`sudo systemctl stop ModemManager`, or keep it off this port with a udev rule that sets \
             ID_MM_DEVICE_IGNORE"
                .into(),
        ),
        Some(Holder { pid, command }) => (
            format!("process {pid} (`{command}`) has it open"),
            format!("end it there, or with `kill {pid}`"),
        ),
        None => (
            "another program has it open".into(),
            format!(
                "`sudo fuser -v {path}` names it; if nobody has it, its exclusive mark was left by a killed \
                 program and goes when the port is plugged in again"
            ),
        ),
    }
}

impl Link for Serial {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        let port = self.port.as_ref().ok_or_else(LinkError::closed)?;
        self.pipe.read(port.as_fd(), buf, until)
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        let port = self.port.as_mut().ok_or_else(LinkError::closed)?;
        let count = self.pipe.write(port.as_fd(), bytes, until)?;
        port.stalled = count < bytes.len();
        Ok(count)
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        if let Some(baud_bps) = change.baud_bps {
            // 0 is how a terminal hangs up; it is no speed.
            if baud_bps == 0 {
                return Err(LinkError::Unsupported { what: "baud rate of 0" });
            }
            let result = self.live()?.tty.set_baud_rate(baud_bps);
            self.live()?.refused("such baud rate", result)?;
            self.settings.baud_bps = baud_bps;
        }
        if let Some(on) = change.dtr {
            let result = self.live()?.tty.write_data_terminal_ready(on);
            self.live()?.refused("DTR line", result)?;
            self.settings.dtr = Some(on);
        }
        if let Some(on) = change.rts {
            let result = self.live()?.tty.write_request_to_send(on);
            self.live()?.refused("RTS line", result)?;
            self.settings.rts = Some(on);
        }
        if let Some(duration) = change.break_for {
            let result = self.live()?.tty.set_break();
            self.live()?.refused("break condition", result)?;
            // A signal ends the break early; it is reported by the next read.
            let paused = self.pipe.pause(self.pipe.now() + duration);
            let result = self.live()?.tty.clear_break();
            self.live()?.refused("break condition", result)?;
            paused?;
        }
        Ok(())
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        self.port = None;
        let opened = self.pipe.come_back(until, || self.attempt())?;
        self.connect(opened);
        Ok(())
    }

    fn clock(&self) -> Rc<dyn Clock> {
        self.pipe.clock()
    }

    fn baud_bps(&self) -> Option<u32> {
        Some(self.settings.baud_bps)
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// An open tty in non-blocking mode.
#[derive(Debug)]
struct Port {
    tty: TTYPort,
    /// The last write was not taken to its end.
    stalled: bool,
}

impl Port {
    fn open(path: &str, settings: &Settings) -> serialport::Result<Self> {
        let mut builder = serialport::new(path, settings.baud_bps)
            .data_bits(settings.data_bits)
            .parity(settings.parity)
            .stop_bits(settings.stop_bits)
            .flow_control(settings.flow)
            .exclusive(settings.exclusive);
        if let Some(dtr) = settings.dtr {
            builder = builder.dtr_on_open(dtr);
        }
        let mut port = Self { tty: builder.open_native()?, stalled: false };
        if let Some(rts) = settings.rts {
            // As `serialport` does it with DTR: a pty has no such line, and flows are tested on ptys.
            let _ = port.tty.write_request_to_send(rts);
        }
        rustix::io::ioctl_fionbio(port.as_fd(), true).map_err(std::io::Error::from)?;
        Ok(port)
    }

    /// What a refused setting means. `serialport` loses the error number, so the port is asked: if it is
    /// alive, it is the setting that it does not have.
    fn refused(&self, what: &'static str, result: serialport::Result<()>) -> Result<(), LinkError> {
        match result {
            Ok(()) => Ok(()),
            Err(_) if FdPipe::is_open(self.as_fd()) => Err(LinkError::Unsupported { what }),
            Err(error) => Err(LinkError::Gone { what: error.to_string() }),
        }
    }
}

impl AsFd for Port {
    #[expect(unsafe_code, reason = "serialport 4.10 gives its descriptor as a number only")]
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: `tty` owns the descriptor and closes it when it is dropped, not before; the result
        // borrows `self`, which owns `tty`.
        unsafe { BorrowedFd::borrow_raw(self.tty.as_raw_fd()) }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Closing waits for the output to drain, on a stalled module up to 30 s (the kernel's
        // closing_wait). The rest of a line that was given up is of no use. Input is not touched.
        if self.stalled {
            let _ = self.tty.clear(ClearBuffer::Output);
        }
    }
}

#[cfg(test)]
mod tests;
