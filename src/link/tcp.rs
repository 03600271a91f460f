//! A module behind a TCP socket, such as a port that `ser2net` or a serial device server shares
//! (`tcp://host:port`). Raw bytes only: such a link has no baud rate, no DTR and no break.

use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use super::fd_pipe::FdPipe;
use super::wake::Wake;
use super::{Clock, Link, LinkError, Mono, PortChange, Read, WallClock};

/// Longest single attempt to connect: a signal is heard only between two of them.
const ATTEMPT: Duration = Duration::from_secs(3);

/// A TCP connection to a port server.
#[derive(Debug)]
pub struct Tcp {
    host: String,
    port: u16,
    name: String,
    stream: Option<TcpStream>,
    pipe: FdPipe,
}

impl Tcp {
    /// Connects to `host:port`, trying again until `until`. The name is looked up at each attempt by the
    /// system's resolver, whose own limits hold for that.
    ///
    /// # Errors
    ///
    /// [`LinkError::Open`] with the last attempt's reason.
    pub fn connect(
        host: &str,
        port: u16,
        until: Mono,
        clock: Rc<WallClock>,
        wake: Wake,
    ) -> Result<Self, LinkError> {
        let mut tcp = Self::closed(host, port, clock, wake);
        tcp.reopen(until)?;
        Ok(tcp)
    }

    /// One that is not there yet: [`Link::reopen`] connects it.
    pub fn closed(host: &str, port: u16, clock: Rc<WallClock>, wake: Wake) -> Self {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let name = format!("tcp://{bracketed}:{port}");
        Self { host: host.into(), port, name, stream: None, pipe: FdPipe::new(clock, wake) }
    }

    fn attempt(&self, until: Mono) -> Result<TcpStream, LinkError> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        let mut why = match &addresses {
            Ok(_) => "the name has no address".to_owned(),
            Err(error) => format!("the name could not be looked up: {error}"),
        };
        for address in addresses.into_iter().flatten() {
            let left = until.since(self.pipe.now()).clamp(Duration::from_millis(1), ATTEMPT);
            match TcpStream::connect_timeout(&address, left).and_then(prepare) {
                Ok(stream) => return Ok(stream),
                Err(error) => why = format!("{address}: {error}"),
            }
        }
        let help =
            "is the port server (ser2net, a device server) running there, and is nobody else connected?";
        Err(LinkError::Open { port: self.name.clone(), why, help: Some(help.into()), absent: true })
    }
}

/// A command line is a packet of its own, at once; nothing but `poll` waits.
fn prepare(stream: TcpStream) -> std::io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Link for Tcp {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        let stream = self.stream.as_ref().ok_or_else(LinkError::closed)?;
        self.pipe.read(stream.as_fd(), buf, until)
    }

    fn write(&mut self, bytes: &[u8], until: Mono) -> Result<usize, LinkError> {
        let stream = self.stream.as_ref().ok_or_else(LinkError::closed)?;
        self.pipe.write(stream.as_fd(), bytes, until)
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        let what = match change {
            PortChange { baud_bps: Some(_), .. } => "baud rate",
            PortChange { dtr: Some(_), .. } => "DTR line",
            PortChange { rts: Some(_), .. } => "RTS line",
            PortChange { break_for: Some(_), .. } => "break condition",
            PortChange { baud_bps: None, dtr: None, rts: None, break_for: None } => return Ok(()),
        };
        Err(LinkError::Unsupported { what })
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        self.stream = None;
        self.stream = Some(self.pipe.come_back(until, || self.attempt(until))?);
        Ok(())
    }

    fn clock(&self) -> Rc<dyn Clock> {
        self.pipe.clock()
    }

    fn baud_bps(&self) -> Option<u32> {
        None
    }

    fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn connect(listener: &TcpListener) -> (Tcp, TcpStream) {
        let clock = Rc::new(WallClock::new());
        let until = clock.now() + Duration::from_secs(10);
        let port = listener.local_addr().unwrap().port();
        let link = Tcp::connect("127.0.0.1", port, until, clock, Wake::never()).unwrap();
        (link, listener.accept().unwrap().0)
    }

    fn soon(link: &Tcp) -> Mono {
        link.clock().now() + Duration::from_secs(10)
    }

    #[test]
    fn bytes_go_both_ways_until_the_other_side_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut link, mut module) = connect(&listener);
        assert_eq!(link.write(b"AT\r\n", soon(&link)).unwrap(), 4);
        let mut seen = [0; 4];
        module.read_exact(&mut seen).unwrap();
        assert_eq!(&seen, b"AT\r\n");

        module.write_all(b"OK\r\n").unwrap();
        drop(module);
        let mut buf = Vec::new();
        while let Ok(Read::Bytes(_)) = link.read(&mut buf, soon(&link)) {}
        assert_eq!(buf, b"OK\r\n", "the last words come before the end");
        assert!(matches!(link.read(&mut buf, soon(&link)), Err(LinkError::Gone { .. })));

        let until = soon(&link);
        link.reopen(until).unwrap();
        assert_eq!(link.write(b"A", soon(&link)).unwrap(), 1);
    }

    #[test]
    fn a_peer_that_reads_nothing_holds_a_write_to_its_deadline_only() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut link, _module) = connect(&listener);
        let until = link.clock().now() + Duration::from_millis(50);
        let flood = vec![b'x'; 64 << 20];
        assert!(link.write(&flood, until).unwrap() < flood.len());
    }

    #[test]
    fn nobody_listening_is_said_at_the_deadline() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let clock = Rc::new(WallClock::new());
        let until = clock.now() + Duration::from_millis(10);
        let error = Tcp::connect("127.0.0.1", port, until, clock, Wake::never()).unwrap_err();
        let LinkError::Open { port: name, help, .. } = error else { panic!("{error}") };
        assert_eq!(name, format!("tcp://127.0.0.1:{port}"));
        assert!(help.is_some());
    }

    #[test]
    fn it_has_no_lines() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (mut link, _module) = connect(&listener);
        let change = PortChange { dtr: Some(true), ..PortChange::default() };
        assert!(matches!(link.change(change), Err(LinkError::Unsupported { what: "DTR line" })));
        link.change(PortChange::default()).unwrap();
        assert_eq!(link.baud_bps(), None);
    }
}
