//! Real ptys: the master is the module.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::*;

/// The module's end of a pty and the path of ours.
fn pty() -> (File, String) {
    let master: OwnedFd = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    // A pty begins cooked; a module that speaks before anybody opened it would be translated.
    let mut mode = tcgetattr(&master).unwrap();
    mode.make_raw();
    tcsetattr(&master, OptionalActions::Now, &mode).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (File::from(master), path)
}

fn open_with(path: &str, wake: Wake) -> Result<Serial, LinkError> {
    let address = Address::parse(path).unwrap();
    Serial::open(&address, Settings::default(), Rc::new(WallClock::new()), wake)
}

fn open(path: &str) -> Serial {
    open_with(path, Wake::never()).unwrap()
}

fn after(link: &Serial, duration: Duration) -> Mono {
    link.clock().now() + duration
}

/// Far enough that only a broken link reaches it.
fn soon(link: &Serial) -> Mono {
    after(link, Duration::from_secs(20))
}

#[test]
fn a_line_goes_out_and_its_reply_comes_in() {
    let (mut module, path) = pty();
    let mut link = open(&path);
    assert_eq!(link.write(b"AT+CSQ\r\n", soon(&link)).unwrap(), 8);
    let mut seen = [0; 8];
    module.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"AT+CSQ\r\n", "raw: nothing is translated");

    module.write_all(b"\r\n+CSQ: 17,99\r\n\r\nOK\r\n").unwrap();
    let mut buf = b"kept ".to_vec();
    assert_eq!(link.read(&mut buf, soon(&link)).unwrap(), Read::Bytes(21));
    assert_eq!(buf, b"kept \r\n+CSQ: 17,99\r\n\r\nOK\r\n");
    assert_eq!(link.name(), path);
    assert_eq!(link.baud_bps(), Some(115_200));
}

#[test]
fn silence_ends_at_the_deadline_and_what_is_there_comes_after_it() {
    let (mut module, path) = pty();
    let mut link = open(&path);
    let until = after(&link, Duration::from_millis(5));
    let mut buf = Vec::new();
    assert_eq!(link.read(&mut buf, until).unwrap(), Read::Deadline);
    assert!(link.clock().now() >= until, "never early");
    module.write_all(b"late\n").unwrap();
    // The line discipline hands bytes over in its own time, so zero is asked for until it has.
    while link.read(&mut buf, until).unwrap() == Read::Deadline {}
    assert_eq!(buf, b"late\n");
}

#[test]
fn much_comes_in_pieces_and_whole() {
    let (mut module, path) = pty();
    let mut link = open(&path);
    let text: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let sent = text.clone();
    let talking = std::thread::spawn(move || module.write_all(&sent).map(|()| module));
    let mut buf = Vec::new();
    while buf.len() < text.len() {
        let Read::Bytes(count) = link.read(&mut buf, soon(&link)).unwrap() else { panic!("silence") };
        assert!(count > 0);
    }
    assert_eq!(buf, text);
    talking.join().unwrap().unwrap();
}

#[test]
fn a_stalled_module_holds_a_write_to_its_deadline_and_is_heard() {
    let (mut module, path) = pty();
    let mut link = open(&path);
    module.write_all(b"+CREG: 0\r\n").unwrap();
    let until = after(&link, Duration::from_millis(30));
    let flood = vec![b'x'; 1 << 20];
    let count = link.write(&flood, until).unwrap();
    assert!(count > 0 && count < flood.len(), "{count}");
    assert!(link.clock().now() >= until);
    assert_eq!(link.write(b"more", Mono::ZERO).unwrap(), 0, "still full");

    let mut buf = Vec::new();
    assert_eq!(link.read(&mut buf, Mono::ZERO).unwrap(), Read::Bytes(10), "kept during the write");
    assert_eq!(buf, b"+CREG: 0\r\n");
    drop(link);
    drop(module);
}

#[test]
fn two_full_buffers_do_not_lock_each_other() {
    let (mut module, path) = pty();
    let mut link = open(&path);
    let text = vec![b'm'; 200_000];
    let said = text.clone();
    let talking = std::thread::spawn(move || {
        module.write_all(&said).unwrap();
        let mut heard = vec![0; 200_000];
        module.read_exact(&mut heard).unwrap();
        (module, heard)
    });
    let ours = vec![b'h'; 200_000];
    assert_eq!(link.write(&ours, soon(&link)).unwrap(), ours.len());
    let mut buf = Vec::new();
    while buf.len() < text.len() {
        assert!(matches!(link.read(&mut buf, soon(&link)).unwrap(), Read::Bytes(_)));
    }
    assert_eq!(buf, text);
    assert_eq!(talking.join().unwrap().1, ours);
}

#[test]
fn a_module_that_leaves_is_gone() {
    let (module, path) = pty();
    let mut link = open(&path);
    drop(module);
    let gone = link.read(&mut Vec::new(), soon(&link)).unwrap_err();
    assert!(matches!(gone, LinkError::Gone { .. }), "{gone}");
    assert!(matches!(link.write(b"AT\r", soon(&link)), Err(LinkError::Gone { .. })));
    assert!(matches!(
        link.change(PortChange { dtr: Some(true), ..PortChange::default() }),
        Err(LinkError::Gone { .. })
    ));
}

#[test]
fn a_module_that_leaves_during_a_stalled_write_is_gone() {
    let (module, path) = pty();
    let mut link = open(&path);
    let full = link.write(&vec![b'x'; 1 << 20], Mono::ZERO).unwrap();
    assert!(full > 0);
    let leaving = std::thread::spawn(move || drop(module));
    let gone = link.write(&vec![b'x'; 1 << 20], soon(&link)).unwrap_err();
    assert!(matches!(gone, LinkError::Gone { .. }), "{gone}");
    leaving.join().unwrap();
}

#[test]
fn a_wake_up_ends_one_read_and_comes_before_bytes() {
    let (mut module, path) = pty();
    let wake = Wake::by_hand().unwrap();
    let mut link = open_with(&path, wake.clone()).unwrap();
    let elsewhere = wake.clone();
    let asking = std::thread::spawn(move || elsewhere.request_stop());
    let mut buf = Vec::new();
    assert_eq!(link.read(&mut buf, Mono::FAR).unwrap(), Read::Woken);
    assert!(wake.stop_requested());
    asking.join().unwrap();
    assert_eq!(link.read(&mut buf, Mono::ZERO).unwrap(), Read::Deadline, "said once");

    module.write_all(b"RING\r\n").unwrap();
    wake.request_stop();
    assert_eq!(link.read(&mut buf, soon(&link)).unwrap(), Read::Woken);
    assert!(matches!(link.read(&mut buf, soon(&link)).unwrap(), Read::Bytes(_)));
}

fn refusal(result: Result<Serial, LinkError>) -> (String, String) {
    match result {
        Err(LinkError::Open { why, help, .. }) => (why, help.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_busy_port_names_its_holder() {
    let (_module, path) = pty();
    let _link = open(&path);
    let (why, help) = refusal(open_with(&path, Wake::never()));
    assert_eq!(why, "this program has it open already");
    assert!(!help.is_empty());
    // The words for another's process, from what the search finds.
    let found = holder::find(&path).unwrap();
    assert_eq!(found.pid, std::process::id());
    let other = Holder { pid: 1, command: "minicom".into() };
    assert_eq!(busy(&path, Some(other)).0, "process 1 (`minicom`) has it open");
}

#[test]
fn what_is_no_port_says_so() {
    let (why, help) = refusal(open_with("/dev/nonexistent", Wake::never()));
    assert_eq!(why, "there is no such port");
    assert!(help.contains("atflow ports"));
    for path in ["/dev/null", "/tmp", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let (why, _) = refusal(open_with(path, Wake::never()));
        assert!(why.starts_with("it cannot be used as a serial port"), "{path}: {why}");
    }
    let (why, _) = refusal(open_with("usb:ffff:ffff", Wake::never()));
    assert_eq!(why, "`usb:ffff:ffff` is not plugged in");
    let (why, _) = refusal(open_with("sim:x", Wake::never()));
    assert_eq!(why, "it is no serial port");
}

#[test]
fn a_pty_takes_any_baud_and_a_break_but_has_no_lines() {
    let (_module, path) = pty();
    let mut link = open(&path);
    let none = PortChange::default();
    link.change(PortChange { baud_bps: Some(9600), ..none }).unwrap();
    assert_eq!(link.baud_bps(), Some(9600));
    link.change(PortChange { break_for: Some(Duration::from_micros(10)), ..none }).unwrap();
    for (change, line) in [
        (PortChange { dtr: Some(true), ..none }, "DTR line"),
        (PortChange { rts: Some(false), ..none }, "RTS line"),
        (PortChange { baud_bps: Some(0), ..none }, "baud rate of 0"),
    ] {
        let error = link.change(change).unwrap_err();
        assert!(matches!(error, LinkError::Unsupported { what } if what == line), "{error}");
    }
    assert_eq!(link.write(b"AT", soon(&link)).unwrap(), 2, "still usable");
}

#[test]
fn lines_wanted_at_open_are_no_error_where_there_are_none() {
    let (_module, path) = pty();
    let settings = Settings { dtr: Some(true), rts: Some(true), ..Settings::default() };
    let address = Address::Path(path);
    Serial::open(&address, settings, Rc::new(WallClock::new()), Wake::never()).unwrap();
}

/// A name that stays, as udev makes one.
struct Name(PathBuf);

impl Name {
    fn point_at(&self, path: &str) {
        let _ = std::fs::remove_file(&self.0);
        std::os::unix::fs::symlink(path, &self.0).unwrap();
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_port_that_comes_back_under_its_name_is_opened_again() {
    let name = Name(std::env::temp_dir().join(format!("atflow-serial-{}", std::process::id())));
    let (module, path) = pty();
    name.point_at(&path);
    let wake = Wake::by_hand().unwrap();
    let mut link = open_with(name.0.to_str().unwrap(), wake.clone()).unwrap();
    link.change(PortChange { baud_bps: Some(9600), ..PortChange::default() }).unwrap();
    drop(module);
    assert!(link.read(&mut Vec::new(), soon(&link)).is_err());

    // Not back yet: bounded by the deadline, or by a signal.
    let until = after(&link, Duration::from_millis(30));
    assert!(matches!(link.reopen(until), Err(LinkError::Open { .. })));
    assert!(link.clock().now() >= until);
    assert!(matches!(link.read(&mut Vec::new(), Mono::FAR), Err(LinkError::Gone { .. })));
    wake.request_stop();
    assert!(matches!(link.reopen(Mono::FAR), Err(LinkError::Open { .. })));
    assert!(!link.pipe.pause(Mono::FAR).unwrap(), "the signal is still there for the next read");

    let (mut module, path) = pty();
    module.write_all(b"RDY\r\n").unwrap();
    name.point_at(&path);
    let until = soon(&link);
    link.reopen(until).unwrap();
    let mut buf = Vec::new();
    assert_eq!(link.read(&mut buf, soon(&link)).unwrap(), Read::Woken);
    while buf.len() < 5 {
        assert!(matches!(link.read(&mut buf, soon(&link)).unwrap(), Read::Bytes(_)));
    }
    assert_eq!(buf, b"RDY\r\n", "what it said before it was opened is not thrown away");
    assert_eq!(link.baud_bps(), Some(9600));
}
