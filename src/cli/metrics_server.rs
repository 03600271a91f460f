//! `--metrics`: answers `GET /metrics` from a thread of its own. The station and the thread share nothing but
//! the numbers, and the station waits for nobody: whoever asks gets a copy.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::flow::codes::Code;
use crate::link::{Clock as _, WallClock};
use crate::report::metrics::Metrics;

use super::{Exit, say};

/// Bytes of a request; longer ones are refused.
const REQUEST_MOST: usize = 8 * 1024;
/// For a whole request, and again for the answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the thread rests when the system gives it no connection, such as when there are no descriptors.
const REST: Duration = Duration::from_secs(1);

/// Listens on `address` and answers for as long as the process lives. Gives the address that was taken, which
/// differs when the port was 0.
pub(super) fn serve(address: SocketAddr, metrics: Arc<Mutex<Metrics>>) -> Result<SocketAddr, Exit> {
    let listener = TcpListener::bind(address).map_err(|error| refused(address, &error))?;
    let taken = listener.local_addr().map_err(|error| refused(address, &error))?;
    std::thread::Builder::new()
        .name("metrics".to_string())
        .spawn(move || answer_all(&listener, &metrics))
        .map_err(|error| refused(address, &error))?;
    Ok(taken)
}

fn refused(address: SocketAddr, error: &io::Error) -> Exit {
    let help = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there; choose another port for `--metrics`",
        io::ErrorKind::PermissionDenied => "ports below 1024 belong to root; choose a larger one",
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `127.0.0.1:9724` is always there"
        }
        _ => "choose another address for `--metrics`, or leave it out",
    };
    say::coded(Code::METRICS_ADDRESS, &format!("cannot listen on {address}: {error}"), Some(help));
    Exit::Environment
}

/// One at a time: a scraper comes a few times a minute, and the next one waits in the listener's queue.
fn answer_all(listener: &TcpListener, metrics: &Mutex<Metrics>) {
    loop {
        match listener.accept() {
            // Whoever asks and goes, or asks nonsense, is no concern of the station.
            Ok((stream, _)) => drop(answer(stream, metrics)),
            Err(_) => std::thread::park_timeout(REST),
        }
    }
}

fn answer(mut stream: TcpStream, metrics: &Mutex<Metrics>) -> io::Result<()> {
    let (status, kind, body) = match request(&mut stream)?.as_deref() {
        Some("GET /metrics") => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", page(metrics)),
        Some(line) if line.starts_with("GET ") => plain("404 Not Found", "the numbers are at /metrics\n"),
        Some(_) => plain("405 Method Not Allowed", "only GET\n"),
        None => plain("400 Bad Request", "this is no request\n"),
    };
    let bytes = body.len();
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn plain(status: &'static str, body: &str) -> (&'static str, &'static str, String) {
    (status, "text/plain; charset=utf-8", body.to_string())
}

/// Method and path of the request, without what follows a `?`; `None` if it is too long or none at all.
fn request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let clock = WallClock::new();
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = PATIENCE.checked_sub(Duration::from_micros(clock.now().as_micros()));
        let Some(left) = left.filter(|left| !left.is_zero() && bytes.len() < REQUEST_MOST) else {
            return Ok(None);
        };
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(None),
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) =
        (words.next(), words.next(), words.next())
    else {
        return Ok(None);
    };
    let path = target.split('?').next().unwrap_or_default();
    Ok(Some(format!("{method} {path}")))
}

fn page(metrics: &Mutex<Metrics>) -> String {
    // Copied first: the lock is the one thing that the station could ever wait for.
    let copy = metrics.lock().unwrap_or_else(PoisonError::into_inner).clone();
    copy.render(resident_bytes())
}

/// Memory of this process, where the system tells it.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string(Path::new("/proc/self/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(u64::try_from(rustix::param::page_size()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::metrics::About;

    fn server() -> SocketAddr {
        let about = About { device: "sim:luat-air724".to_string(), ..About::default() };
        let metrics = Arc::new(Mutex::new(Metrics::new(about)));
        serve("127.0.0.1:0".parse().expect("an address"), metrics).expect("a free port")
    }

    /// What the server says to these bytes.
    fn said(to: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(to).expect("it listens");
        stream.write_all(bytes).expect("it takes them");
        let mut answer = Vec::new();
        // A refused request may end with a reset behind its answer.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn metrics_are_at_their_path_and_nowhere_else() {
        let to = server();
        let answer = said(to, b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
        assert!(body.contains("\natflow_link_level") || body.contains("\natflow_link_state{device=\"sim:"));
        assert!(body.contains("\natflow_process_resident_memory_bytes{"), "{body}");
        for (request, status) in [
            ("GET / HTTP/1.0\r\n\r\n", "404"),
            ("GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("\r\n\r\n", "400"),
            ("GET /metrics\r\n\r\n", "400"),
        ] {
            let answer = said(to, request.as_bytes());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
        }
    }

    /// Another address of this machine is one that others could use.
    #[cfg(target_os = "linux")]
    #[test]
    fn only_the_address_that_was_told_answers() {
        let elsewhere = |port| SocketAddr::from(([127, 0, 0, 2], port));
        assert!(TcpStream::connect(elsewhere(server().port())).is_err());
        let everywhere = "0.0.0.0:0".parse().expect("an address");
        let metrics = Arc::new(Mutex::new(Metrics::new(About::default())));
        let told = serve(everywhere, metrics).expect("a free port");
        assert!(said(elsewhere(told.port()), b"GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    }

    #[test]
    fn long_requests_are_refused_and_later_ones_answered() {
        let to = server();
        let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(REQUEST_MOST));
        let answer = said(to, long.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        drop(TcpStream::connect(to).expect("it listens"));
        assert!(said(to, b"GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    }

    #[test]
    fn a_port_that_is_taken_is_the_environments_fault() {
        let metrics = Arc::new(Mutex::new(Metrics::new(About::default())));
        assert_eq!(serve(server(), metrics), Err(Exit::Environment));
        assert!(
            say::last_complaint().message.contains("cannot listen on 127.0.0.1:"),
            "{}",
            say::last_complaint().message
        );
    }
}
