//! What a user may write for a port, and which device that is.

use std::fmt;

use super::ports::{PortInfo, Usb};

/// Where a module is, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `/dev/ttyUSB0`, `COM3`, or any other path.
    Path(String),
    /// `tcp://host:port`; a host with colons (IPv6) is written in brackets and kept without them.
    Tcp {
        /// Name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// `sim:NAME`: a simulated module.
    Sim(String),
    /// `replay:FILE`, `replay:FILE?match`, `replay:FILE?strict`: a recorded conversation.
    Replay {
        /// A transcript.
        file: String,
        /// As the user wants it; `None`: as it was recorded.
        order: Option<ReplayOrder>,
    },
    /// `usb:VID:PID[:SERIAL][#INTERFACE]`: wherever that device is plugged in.
    Usb(UsbId),
}

/// How much of what was recorded must happen again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayOrder {
    /// `?strict`: the same bytes in the same order.
    Strict,
    /// `?match`: lines are answered in whatever order they come.
    Matching,
}

impl ReplayOrder {
    const ALL: [Self; 2] = [Self::Strict, Self::Matching];

    /// As it stands behind the file of `replay:`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Strict => "?strict",
            Self::Matching => "?match",
        }
    }
}

/// Which USB port: what is left out fits any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsbId {
    /// Vendor.
    pub vid: u16,
    /// Product.
    pub pid: u16,
    /// Serial number.
    pub serial: Option<String>,
    /// Interface number.
    pub interface: Option<u8>,
}

/// A text that is no address, or an address that fits no port or several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {problem}")]
pub struct AddressError {
    /// What was written.
    pub text: String,
    /// What is wrong with it, to be read after it.
    pub problem: String,
    /// What to write instead.
    pub help: String,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how to write it. A port that is not there is no error here.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let fail = |problem: &str, help: &str| {
            Err(AddressError { text: text.into(), problem: problem.into(), help: help.into() })
        };
        if text.trim() != text || text.contains(|c: char| c.is_control()) {
            return fail("has blanks or control characters around or in it", "write the port alone");
        }
        if let Some(rest) = text.strip_prefix("tcp://") {
            return parse_tcp(rest).map_or_else(
                || fail("is not `tcp://HOST:PORT`", "write such as `tcp://192.168.1.5:2000`"),
                Ok,
            );
        }
        if let Some(name) = text.strip_prefix("sim:") {
            if name.is_empty() {
                return fail("names no simulated module", "write such as `sim:luat-air724`");
            }
            return Ok(Self::Sim(name.into()));
        }
        if let Some(rest) = text.strip_prefix("replay:") {
            let ordered = ReplayOrder::ALL
                .iter()
                .find_map(|order| Some((rest.strip_suffix(order.suffix())?, Some(*order))));
            let (file, order) = ordered.unwrap_or((rest, None));
            if file.is_empty() {
                return fail("names no transcript", "write such as `replay:run.jsonl`");
            }
            return Ok(Self::Replay { file: file.into(), order });
        }
        if let Some(rest) = text.strip_prefix("usb:") {
            return parse_usb(rest).map_or_else(
                || {
                    fail(
                        "is not `usb:VID:PID[:SERIAL][#INTERFACE]`",
                        "VID and PID are hexadecimal, INTERFACE is decimal, such as `usb:2c7c:0125#2`; \
                         `atflow ports` shows them",
                    )
                },
                |id| Ok(Self::Usb(id)),
            );
        }
        if text.contains('/') && !text.contains("://") || text.contains('\\') || is_com(text) {
            return Ok(Self::Path(text.into()));
        }
        if text.contains("://") {
            return fail(
                "is of a kind that is not known",
                "write a path, `tcp://HOST:PORT`, `usb:…`, `sim:…` or `replay:…`",
            );
        }
        let help =
            format!("a port is a path: `/dev/{text}` or `./{text}`; a simulated module is `sim:{text}`");
        fail("is not a port", if text.is_empty() { "write such as `/dev/ttyUSB0`" } else { &help })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Sim(name) => write!(f, "sim:{name}"),
            Self::Replay { file, order } => {
                write!(f, "replay:{file}{}", order.map_or("", ReplayOrder::suffix))
            }
            Self::Usb(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "usb:{:04x}:{:04x}", self.vid, self.pid)?;
        if let Some(serial) = &self.serial {
            write!(f, ":{serial}")?;
        }
        self.interface.map_or(Ok(()), |number| write!(f, "#{number}"))
    }
}

impl UsbId {
    /// The identity of a port that is there now, by which it is found again elsewhere.
    pub fn of(usb: &Usb) -> Self {
        Self { vid: usb.vid, pid: usb.pid, serial: usb.serial.clone(), interface: usb.interface }
    }

    /// Whether this port is meant.
    pub fn fits(&self, usb: &Usb) -> bool {
        (self.vid, self.pid) == (usb.vid, usb.pid)
            && (self.serial.is_none() || self.serial == usb.serial)
            && (self.interface.is_none() || self.interface == usb.interface)
    }

    /// The port that is meant. Where several fit, as two devices without serial number do, it is the one
    /// that is most like what was there `before`: plugged in at the same place, the same of several ports of
    /// one converter, or, where the system says neither, under the same name.
    ///
    /// # Errors
    ///
    /// None fits, or several do.
    pub fn resolve<'a>(
        &self,
        ports: &'a [PortInfo],
        before: Option<&PortInfo>,
    ) -> Result<&'a PortInfo, AddressError> {
        let fits = |port: &&PortInfo| port.usb.as_ref().is_some_and(|usb| self.fits(usb));
        let fitting: Vec<&PortInfo> = ports.iter().filter(fits).collect();
        let mut likely = fitting.clone();
        for same in [same_place, same_number, same_path].iter().take_while(|_| before.is_some()) {
            if likely.len() > 1 {
                likely.retain(|port| before.is_some_and(|before| same(port, before)));
            }
        }
        match (likely.as_slice(), fitting.is_empty()) {
            ([port], _) => Ok(port),
            (_, true) => Err(AddressError {
                text: self.to_string(),
                problem: "is not plugged in".into(),
                help: "`atflow ports` shows what is there; does the module have power?".into(),
            }),
            _ => {
                let paths: Vec<_> = fitting.into_iter().map(describe).collect();
                Err(AddressError {
                    text: self.to_string(),
                    problem: format!("fits several ports: {}", paths.join(", ")),
                    help: "add `:SERIAL` or `#INTERFACE`, or write one of these paths".into(),
                })
            }
        }
    }
}

fn same_place(a: &PortInfo, b: &PortInfo) -> bool {
    a.usb.as_ref().map(|usb| &usb.location) == b.usb.as_ref().map(|usb| &usb.location)
}

fn same_number(a: &PortInfo, b: &PortInfo) -> bool {
    a.usb.as_ref().map(|usb| usb.number) == b.usb.as_ref().map(|usb| usb.number)
}

fn same_path(a: &PortInfo, b: &PortInfo) -> bool {
    a.path == b.path
}

fn describe(port: &PortInfo) -> String {
    let id = port.usb.as_ref().map(|usb| UsbId::of(usb).to_string()).unwrap_or_default();
    format!("{} ({id})", port.path)
}

fn parse_tcp(rest: &str) -> Option<Address> {
    let (host, port) = rest.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        // A bare IPv6 address would lose its last group to the port.
        None if host.contains(':') => return None,
        None => host,
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/[]@".contains(c)) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some(Address::Tcp { host: host.into(), port })
}

fn parse_usb(rest: &str) -> Option<UsbId> {
    let (rest, interface) = match rest.rsplit_once('#') {
        Some((rest, number)) => (rest, Some(number.parse().ok()?)),
        None => (rest, None),
    };
    let mut parts = rest.splitn(3, ':');
    let mut hex = || {
        let digits = parts.next()?;
        let plain = digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let (vid, pid) = (hex()?, hex()?);
    let serial = parts.next().map(str::to_owned);
    if serial.as_deref() == Some("") {
        return None;
    }
    Some(UsbId { vid, pid, serial, interface })
}

fn is_com(text: &str) -> bool {
    let number = text.get(..3).filter(|start| start.eq_ignore_ascii_case("com")).map(|_| &text[3..]);
    number.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_and_prints_as_written() {
        let usb = |serial: Option<&str>, interface| {
            Address::Usb(UsbId { vid: 0x2c7c, pid: 0x125, serial: serial.map(Into::into), interface })
        };
        let tcp = |host: &str, port| Address::Tcp { host: host.into(), port };
        for (text, address) in [
            ("/dev/ttyUSB0", Address::Path("/dev/ttyUSB0".into())),
            ("./fake", Address::Path("./fake".into())),
            ("COM3", Address::Path("COM3".into())),
            (r"\\.\COM10", Address::Path(r"\\.\COM10".into())),
            ("tcp://gateway.local:2000", tcp("gateway.local", 2000)),
            ("tcp://[fe80::1]:23", tcp("fe80::1", 23)),
            ("sim:luat-air724", Address::Sim("luat-air724".into())),
            ("replay:runs/x.jsonl", Address::Replay { file: "runs/x.jsonl".into(), order: None }),
            ("replay:x?y?match", Address::Replay { file: "x?y".into(), order: Some(ReplayOrder::Matching) }),
            ("replay:x?strict", Address::Replay { file: "x".into(), order: Some(ReplayOrder::Strict) }),
            ("usb:2c7c:0125", usb(None, None)),
            ("usb:2c7c:0125#2", usb(None, Some(2))),
            ("usb:2c7c:0125:A:7#2", usb(Some("A:7"), Some(2))),
        ] {
            assert_eq!(Address::parse(text).as_ref(), Ok(&address), "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_cure() {
        for text in [
            "",
            "ttyUSB0",
            "luat-air724",
            " /dev/ttyS0",
            "/dev/tty\n",
            "udp://h:1",
            "tcp://",
            "tcp://h",
            "tcp://h:0",
            "tcp://h:65536",
            "tcp://fe80::1:23",
            "tcp://[::1:23",
            "tcp://u@h:1",
            "sim:",
            "replay:",
            "replay:?match",
            "usb:",
            "usb:2c7c",
            "usb:12345:1",
            "usb:+1:2",
            "usb:2c7c:0125:",
            "usb:2c7c:0125#x",
            "usb:2c7c:0125#256",
            "COM",
            "COMx",
            "é",
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(!error.help.is_empty(), "{text}");
        }
        let error = Address::parse("ttyUSB0").unwrap_err();
        assert_eq!(error.to_string(), "`ttyUSB0` is not a port");
        assert!(error.help.contains("`/dev/ttyUSB0`"), "{}", error.help);
    }

    fn port(path: &str, location: &str, interface: u8) -> PortInfo {
        let usb = Usb {
            vid: 0x2c7c,
            pid: 0x125,
            interface: Some(interface),
            location: location.into(),
            ..Usb::default()
        };
        PortInfo { path: path.into(), usb: Some(usb), ..PortInfo::default() }
    }

    #[test]
    fn a_usb_address_finds_its_port_and_never_guesses() {
        let ports =
            [port("/dev/ttyUSB0", "1-1", 0), port("/dev/ttyUSB2", "1-1", 2), port("/dev/ttyUSB5", "1-2", 2)];
        let Ok(Address::Usb(id)) = Address::parse("usb:2c7c:0125#2") else { panic!() };
        let error = id.resolve(&ports, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`usb:2c7c:0125#2` fits several ports: /dev/ttyUSB2 (usb:2c7c:0125#2), /dev/ttyUSB5 (usb:2c7c:0125#2)"
        );
        let before = |location| Some(port("/dev/ttyUSB9", location, 2));
        assert_eq!(id.resolve(&ports, before("1-2").as_ref()).unwrap().path, "/dev/ttyUSB5");
        let moved = id.resolve(&ports[..2], before("9-9").as_ref()).unwrap();
        assert_eq!(moved.path, "/dev/ttyUSB2");
        assert!(id.resolve(&ports, before("9-9").as_ref()).is_err(), "either could be the one");
        assert_eq!(id.resolve(&[], None).unwrap_err().problem, "is not plugged in");
    }
}
