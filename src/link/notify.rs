//! Word to the service manager that started the program: ready, alive, reloading, ending. Signals the other
//! way round: systemd's notification protocol, a datagram of `NAME=value` lines. Without a service manager
//! nothing is sent, and whatever goes wrong here never stops a station.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::Mono;

/// Characters of a status text that are sent.
const STATUS_MOST: usize = 256;

/// Tells the service manager how things stand.
#[derive(Debug, Default)]
pub struct Notifier {
    manager: Option<Manager>,
    watchdog: Option<Duration>,
    last_alive: Option<Mono>,
    last_status: String,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
}

impl Notifier {
    /// One that tells nobody.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// One that tells the socket named by `NOTIFY_SOCKET`: a path, or `@` and an abstract name. `watchdog`: how
    /// long the manager waits for the next word that the program is alive.
    pub fn to(socket: &OsStr, watchdog: Option<Duration>) -> Self {
        let manager = address(socket).and_then(|address| {
            let socket = UnixDatagram::unbound().ok()?;
            // A manager that does not read must not hold up the station.
            socket.set_nonblocking(true).ok()?;
            Some(Manager { socket, address })
        });
        Self { manager, watchdog, ..Self::default() }
    }

    /// The file is checked, the store is open, and the port is open or known to be absent; or a reload is over,
    /// however it went.
    pub fn ready(&mut self) {
        self.send("READY=1");
    }

    /// A reload begins. It ends with [`Notifier::ready`].
    pub fn reloading(&mut self) {
        // The manager compares this with its own clock, so it must be the machine's, not the station's.
        let now = clock_gettime(ClockId::Monotonic);
        let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The end begins.
    pub fn stopping(&mut self) {
        self.send("STOPPING=1");
    }

    /// The program makes progress. May be called as often as one likes: it is told twice in the time that the
    /// manager waits.
    pub fn alive(&mut self, now: Mono) {
        let Some(watchdog) = self.watchdog else { return };
        let told_lately = self.last_alive.is_some_and(|last| now.since(last) < watchdog / 2);
        if !told_lately {
            self.last_alive = Some(now);
            self.send("WATCHDOG=1");
        }
    }

    /// How things stand, for `systemctl status`: one line, told when it is another one.
    pub fn status(&mut self, text: &str) {
        let line: String =
            text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(STATUS_MOST).collect();
        if line != self.last_status {
            self.send(&format!("STATUS={line}"));
            self.last_status = line;
        }
    }

    /// How long the manager waits for [`Notifier::alive`], if it does.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    fn send(&self, words: &str) {
        if let Some(Manager { socket, address }) = &self.manager {
            // Lost words are nothing the station could do something about.
            let _ = socket.send_to_addr(words.as_bytes(), address);
        }
    }
}

fn address(socket: &OsStr) -> Option<SocketAddr> {
    match socket.as_bytes() {
        [b'@', name @ ..] => abstract_address(name),
        [b'/', ..] => SocketAddr::from_pathname(socket).ok(),
        _ => None,
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> Option<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name).ok()
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_name: &[u8]) -> Option<SocketAddr> {
    None
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::*;

    /// A manager that listens at a path of its own, which goes away with it.
    struct Listening {
        socket: UnixDatagram,
        path: PathBuf,
    }

    impl Listening {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("atflow-notify-{name}-{}", std::process::id()));
            let socket = UnixDatagram::bind(&path).expect("the path is free");
            socket.set_nonblocking(true).expect("a socket can be that");
            Self { socket, path }
        }

        fn heard(&self) -> Option<String> {
            heard(&self.socket)
        }
    }

    impl Drop for Listening {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn heard(socket: &UnixDatagram) -> Option<String> {
        let mut bytes = [0; 1024];
        let count = socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(&bytes[..count]).into_owned())
    }

    fn seconds(seconds: u64) -> Mono {
        Mono::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn every_word_is_a_datagram() {
        let manager = Listening::new("words");
        let mut notifier = Notifier::to(manager.path.as_os_str(), None);
        notifier.ready();
        assert_eq!(manager.heard().as_deref(), Some("READY=1"));
        notifier.stopping();
        assert_eq!(manager.heard().as_deref(), Some("STOPPING=1"));
        notifier.alive(seconds(1));
        assert_eq!(manager.heard(), None, "no watchdog was asked for");
    }

    #[test]
    fn a_reload_names_a_time_between_two_others_of_the_machine() {
        let micros = || {
            let now = clock_gettime(ClockId::Monotonic);
            i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000
        };
        let manager = Listening::new("reload");
        let before = micros();
        Notifier::to(manager.path.as_os_str(), None).reloading();
        let words = manager.heard().expect("something was said");
        let told = words.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect("its time in the same datagram");
        assert!((before..=micros()).contains(&told.parse().expect("a number")), "{told}");
    }

    #[test]
    fn alive_is_told_twice_in_the_time_of_the_watchdog() {
        let manager = Listening::new("alive");
        let mut notifier = Notifier::to(manager.path.as_os_str(), Some(Duration::from_mins(2)));
        let mut told = Vec::new();
        for second in 0..200 {
            notifier.alive(seconds(second));
            while let Some(words) = manager.heard() {
                assert_eq!(words, "WATCHDOG=1");
                told.push(second);
            }
        }
        assert_eq!(told, [0, 60, 120, 180]);
    }

    /// Only the loop's own word keeps the service alive: one that hangs is restarted.
    #[test]
    fn whoever_makes_no_progress_is_not_alive() {
        let manager = Listening::new("hangs");
        let mut notifier = Notifier::to(manager.path.as_os_str(), Some(Duration::from_mins(2)));
        notifier.ready();
        notifier.alive(seconds(0));
        notifier.status("online");
        notifier.status("waiting");
        notifier.reloading();
        notifier.ready();
        let told: Vec<String> = std::iter::from_fn(|| manager.heard()).collect();
        assert_eq!(told.iter().filter(|words| words.contains("WATCHDOG")).count(), 1, "{told:?}");
    }

    #[test]
    fn a_status_is_one_line_and_told_once() {
        let manager = Listening::new("status");
        let mut notifier = Notifier::to(manager.path.as_os_str(), None);
        notifier.status("online\nREADY=1");
        notifier.status("online\nREADY=1");
        notifier.status(&"x".repeat(10_000));
        assert_eq!(manager.heard().as_deref(), Some("STATUS=online READY=1"));
        assert_eq!(manager.heard().map(|words| words.len()), Some("STATUS=".len() + STATUS_MOST));
        assert_eq!(manager.heard(), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_name_begins_with_an_at_sign() {
        use std::os::linux::net::SocketAddrExt as _;
        let name = format!("atflow-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let manager = UnixDatagram::bind_addr(&address).expect("the name is free");
        Notifier::to(&OsString::from(format!("@{name}")), None).ready();
        assert_eq!(heard(&manager).as_deref(), Some("READY=1"));
    }

    #[test]
    fn nobody_and_a_manager_that_does_not_read_are_no_trouble() {
        let too_long = "/".repeat(200);
        for socket in ["", "vsock:2:1234", "relative", "/there/is/none", "@", &too_long] {
            let mut notifier = Notifier::to(OsStr::new(socket), Some(Duration::from_secs(1)));
            notifier.ready();
            notifier.alive(seconds(1));
        }
        let manager = Listening::new("deaf");
        let mut notifier = Notifier::to(manager.path.as_os_str(), None);
        for _ in 0..10_000 {
            notifier.ready();
        }
        assert_eq!(manager.heard().as_deref(), Some("READY=1"));
        Notifier::nobody().ready();
    }
}
