//! A simulated module for other programs: on a pty that looks like a serial port, or on a TCP port. Runs
//! in real time on one thread; the only wait is one `poll` on the port, a real broker's socket, the next
//! event and a descriptor that says stop.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::pace::WallPacer;
use super::world::World;
use super::{SimError, SimOptions};

/// What nobody reads is kept up to this many bytes; then the oldest go, as in a UART that overflows.
const OUTPUT_BYTES: usize = 64 * 1024;

/// Where a module is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServeAt {
    /// A pty; a symbolic link with this path points to it while it is served.
    Pty(PathBuf),
    /// A TCP port, one client at a time. The module goes on while nobody is connected.
    Tcp(SocketAddr),
}

impl ServeAt {
    /// What to do if it cannot be had.
    fn help(&self, why: ErrorKind) -> &'static str {
        match (self, why) {
            (Self::Pty(_), ErrorKind::AlreadyExists) => {
                "the path becomes a link to the pty; choose one where nothing is yet, such as `./air724.tty`"
            }
            (Self::Pty(_), ErrorKind::NotFound) => {
                "make the folder first, or choose a path that needs none: `./air724.tty`"
            }
            (Self::Pty(_), _) => "choose a path that you may write to, such as `./air724.tty`",
            (Self::Tcp(_), ErrorKind::AddrInUse) => {
                "something listens there already: end it, or take another port; with port 0 the system picks a free one"
            }
            (Self::Tcp(_), ErrorKind::PermissionDenied) => "take a port from 1024 on",
            (Self::Tcp(_), _) => "the address has to be one of this machine, such as `127.0.0.1:7000`",
        }
    }
}

impl std::fmt::Display for ServeAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pty(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// Serves the module `name` in real time until `stop` is readable. `options.pace` has no meaning here.
/// `ready` is called once with where it can be reached: the path, or the address with its real port.
///
/// A host may set any baud rate on a pty; nothing is paced and nothing is garbled.
///
/// # Errors
///
/// An unknown name; a real broker that cannot be reached; a pty, link or TCP port that cannot be made, or that fails later.
pub fn serve(
    name: &str,
    options: SimOptions,
    at: &ServeAt,
    stop: BorrowedFd<'_>,
    ready: impl FnOnce(&str),
) -> Result<(), SimError> {
    let failed = |error: std::io::Error| SimError::Serve {
        at: at.to_string(),
        help: at.help(error.kind()),
        why: error.to_string(),
    };
    let mut world = super::world(name, options)?;
    world.served();
    let mut port = Port::open(at).map_err(failed)?;
    ready(&port.name());
    run(&mut world, &mut port, stop).map_err(failed)
}

fn run(world: &mut World, port: &mut Port, stop: BorrowedFd<'_>) -> std::io::Result<()> {
    let pacer = WallPacer::new(1.0, None);
    let mut output = Vec::new();
    let mut input = [0; 4096];
    loop {
        let now = pacer.elapsed();
        while let Some(at) = world.next_event()
            && at <= now
        {
            world.advance(at);
            world.step();
        }
        world.advance(now);
        world.take_inbox(&mut output);
        port.write(&mut output)?;

        let timeout = world.next_event().map(|at| pacer.left(at));
        let woken = wait(port, !output.is_empty(), world.socket(), stop, timeout)?;
        if woken.stop {
            return Ok(());
        }
        world.advance(pacer.elapsed().min(world.next_event().unwrap_or(pacer.elapsed())));
        if woken.port {
            let taken = port.read(&mut input)?;
            world.send_to_module(&input[..taken]);
        }
        if woken.socket {
            world.poll_cloud();
        }
    }
}

/// What a wait was ended by.
struct Woken {
    stop: bool,
    port: bool,
    socket: bool,
}

fn wait(
    port: &Port,
    writes: bool,
    socket: Option<BorrowedFd<'_>>,
    stop: BorrowedFd<'_>,
    timeout: Option<std::time::Duration>,
) -> std::io::Result<Woken> {
    let wanted = if writes { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let mut fds = vec![PollFd::from_borrowed_fd(stop, PollFlags::IN)];
    fds.push(PollFd::from_borrowed_fd(port.fd(), wanted));
    fds.extend(socket.map(|socket| PollFd::from_borrowed_fd(socket, PollFlags::IN)));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready = |index: usize, flags| fds.get(index).is_some_and(|fd| fd.revents().intersects(flags));
    let input = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
    Ok(Woken { stop: ready(0, input), port: ready(1, input), socket: ready(2, input) })
}

enum Port {
    Pty {
        master: OwnedFd,
        /// Held open, or the master reports a hang-up for ever whenever no client has the pty open.
        _slave: OwnedFd,
        link: SymbolicLink,
    },
    Tcp {
        listener: TcpListener,
        client: Option<TcpStream>,
    },
}

impl Port {
    fn open(at: &ServeAt) -> std::io::Result<Self> {
        match at {
            ServeAt::Pty(path) => Self::open_pty(path),
            ServeAt::Tcp(address) => {
                let listener = TcpListener::bind(address)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp { listener, client: None })
            }
        }
    }

    fn open_pty(path: &Path) -> std::io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        rustix::io::fcntl_setfd(&master, rustix::io::FdFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave_path = PathBuf::from(OsString::from_vec(ptsname(&master, Vec::new())?.into_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&slave_path, flags, Mode::empty())?;
        // Raw before anybody opens it, or what the module says is echoed back to it as input.
        let mut settings = tcgetattr(&slave)?;
        settings.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &settings)?;
        rustix::fs::fcntl_setfl(&master, rustix::fs::fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let link = SymbolicLink::create(path, slave_path)?;
        Ok(Self::Pty { master, _slave: slave, link })
    }

    fn name(&self) -> String {
        match self {
            Self::Pty { link, .. } => link.path.display().to_string(),
            Self::Tcp { listener, .. } => {
                listener.local_addr().map(|address| address.to_string()).unwrap_or_default()
            }
        }
    }

    /// What to wait on: without a client, the next one.
    fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Pty { master, .. } => master.as_fd(),
            Self::Tcp { client: Some(client), .. } => client.as_fd(),
            Self::Tcp { listener, client: None } => listener.as_fd(),
        }
    }

    /// Reads what is there; 0 if it was nothing, or only a client that came or went.
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let got = match self {
            Self::Pty { master, .. } => rustix::io::read(&*master, into).map_err(Into::into),
            Self::Tcp { client: Some(client), .. } => client.read(into),
            Self::Tcp { listener, client } => {
                if let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    *client = Some(stream);
                }
                return Ok(0);
            }
        };
        match (got, self) {
            (Ok(0), Self::Tcp { client, .. }) => {
                *client = None;
                Ok(0)
            }
            (Ok(got), _) => Ok(got),
            (Err(error), _) if passing(&error) => Ok(0),
            (Err(_), Self::Tcp { client, .. }) => {
                *client = None;
                Ok(0)
            }
            (Err(error), Self::Pty { .. }) => Err(error),
        }
    }

    /// Writes as much as fits; without a client nobody hears it.
    fn write(&mut self, output: &mut Vec<u8>) -> std::io::Result<()> {
        while !output.is_empty() {
            let took = match self {
                Self::Pty { master, .. } => rustix::io::write(&*master, output).map_err(Into::into),
                Self::Tcp { client: Some(client), .. } => client.write(output),
                Self::Tcp { client: None, .. } => {
                    output.clear();
                    return Ok(());
                }
            };
            match (took, &mut *self) {
                (Ok(took), _) => drop(output.drain(..took)),
                (Err(error), _) if passing(&error) => break,
                (Err(_), Self::Tcp { client, .. }) => *client = None,
                (Err(error), Self::Pty { .. }) => return Err(error),
            }
        }
        let excess = output.len().saturating_sub(OUTPUT_BYTES);
        output.drain(..excess);
        Ok(())
    }
}

fn passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// A symbolic link that is removed with its owner.
struct SymbolicLink {
    path: PathBuf,
    target: PathBuf,
}

impl SymbolicLink {
    /// Takes the place of a link that an earlier run left behind, but of nothing else: a pty that is there
    /// belongs to somebody, as long as it is not the one just made.
    fn create(path: &Path, target: PathBuf) -> std::io::Result<Self> {
        match std::fs::read_link(path) {
            Ok(old) if old == target || !path.exists() => std::fs::remove_file(path)?,
            Ok(old) if old.starts_with("/dev/pts") => {
                let why = format!(
                    "it is in use, as a link to {}; the program that serves it has not ended",
                    old.display()
                );
                return Err(std::io::Error::new(ErrorKind::AlreadyExists, why));
            }
            Ok(old) => {
                let why = format!("it is a link to {}, which is no pty", old.display());
                return Err(std::io::Error::new(ErrorKind::AlreadyExists, why));
            }
            Err(_) if path.is_dir() => {
                return Err(std::io::Error::new(ErrorKind::AlreadyExists, "it is a folder"));
            }
            Err(_) if path.exists() => {
                return Err(std::io::Error::new(ErrorKind::AlreadyExists, "there is a file of that name"));
            }
            // Nothing there.
            Err(_) => {}
        }
        std::os::unix::fs::symlink(&target, path)?;
        Ok(Self { path: path.to_owned(), target })
    }
}

impl Drop for SymbolicLink {
    fn drop(&mut self) {
        // Another server may have taken the path over meanwhile.
        if std::fs::read_link(&self.path).is_ok_and(|target| target == self.target) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
