//! Which port to open: the one that was written at first, the same hardware after that, whatever number the
//! system has given it meanwhile.

use crate::link::address::{Address, UsbId};
use crate::link::ports::PortInfo;

/// Why there is nothing to open, and what to do about it.
type Lost = (String, Option<String>);

/// The path to open now. `seen` is the USB port that it was the last time: that comes first, so that a module
/// that is back as `ttyUSB3` is found and its old name, which may be another's now, is not taken. If it is
/// nowhere, what was written decides again where it names a device and not a number: a USB address, or a
/// link, which udev keeps pointing at what its rule means.
pub(super) fn locate(
    address: &Address,
    seen: Option<&PortInfo>,
    ports: impl Fn() -> Vec<PortInfo>,
    is_link: impl Fn(&str) -> bool,
) -> Result<String, Lost> {
    let find = |id: &UsbId| {
        let ports = ports();
        let found = id.resolve(&ports, seen).map(|port| port.path.clone());
        found.map_err(|error| (error.to_string(), Some(error.help)))
    };
    let again = seen.and_then(|port| port.usb.as_ref()).map(|usb| find(&UsbId::of(usb)));
    match (again, address) {
        (Some(Ok(path)), _) => Ok(path),
        (_, Address::Usb(id)) => find(id),
        (None, Address::Path(path)) => Ok(path.clone()),
        (Some(Err(_)), Address::Path(path)) if is_link(path) => Ok(path.clone()),
        (Some(Err(lost)), Address::Path(_)) => Err(lost),
        (_, Address::Tcp { .. } | Address::Sim(_) | Address::Replay { .. }) => {
            Err(("it is no serial port".into(), None))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::link::ports::Usb;

    use super::*;

    /// `ttyUSB0 2c7c:0125 SERIAL @PLACE #INTERFACE .NUMBER`, or a plain port without hardware's name.
    fn port(text: &str) -> PortInfo {
        let mut words = text.split(' ');
        let path = format!("/dev/{}", words.next().unwrap());
        let mut usb: Option<Usb> = None;
        for word in words {
            if let Some((vid, pid)) = word.split_once(':') {
                let [vid, pid] = [vid, pid].map(|hex| u16::from_str_radix(hex, 16).unwrap());
                usb = Some(Usb { vid, pid, ..Usb::default() });
                continue;
            }
            let usb = usb.as_mut().unwrap();
            match word.split_at(1) {
                ("@", place) => usb.location = place.into(),
                ("#", number) => usb.interface = Some(number.parse().unwrap()),
                (".", number) => usb.number = Some(number.parse().unwrap()),
                _ => usb.serial = Some(word.into()),
            }
        }
        PortInfo { path, usb, ..PortInfo::default() }
    }

    fn located(address: &str, seen: Option<&str>, there: &[&str], links: &[&str]) -> Result<String, String> {
        let seen = seen.map(port);
        let ports = || there.iter().map(|text| port(text)).collect();
        let address = Address::parse(address).unwrap();
        locate(&address, seen.as_ref(), ports, |path| links.contains(&path)).map_err(|(why, _)| why)
    }

    #[test]
    fn at_first_what_was_written_is_opened() {
        let there = ["ttyUSB0 2c7c:0125 @1-1 #2"];
        for path in ["/dev/ttyUSB7", "/dev/modem", "/tmp/pty"] {
            assert_eq!(located(path, None, &there, &[]).unwrap(), path);
        }
        assert_eq!(located("usb:2c7c:0125", None, &there, &[]).unwrap(), "/dev/ttyUSB0");
        assert_eq!(located("sim:x", None, &there, &[]).unwrap_err(), "it is no serial port");
    }

    #[test]
    fn later_the_same_hardware_is_opened_under_any_number() {
        for (seen, there) in [
            // One port of a module, back under other numbers.
            (
                "ttyUSB0 2c7c:0125 @1-1 #0",
                &["ttyUSB2 2c7c:0125 @1-1 #2", "ttyUSB3 2c7c:0125 @1-1 #0"] as &[&str],
            ),
            // Its old name is another's.
            ("ttyUSB0 1a86:7523 @1-1 #0", &["ttyUSB0 0403:6001 A1 @1-2 #0", "ttyUSB3 1a86:7523 @1-1 #0"]),
            // Two of a kind that tell their serial numbers, swapped.
            (
                "ttyUSB0 0403:6001 A1 @1-1 #0",
                &["ttyUSB0 0403:6001 B2 @1-1 #0", "ttyUSB3 0403:6001 A1 @1-2 #0"],
            ),
            // Two of a kind that do not: the place decides.
            ("ttyUSB0 1a86:7523 @1-1 #0", &["ttyUSB0 1a86:7523 @1-2 #0", "ttyUSB3 1a86:7523 @1-1 #0"]),
            // Moved to another socket.
            ("ttyUSB0 1a86:7523 @1-1 #0", &["ttyUSB1 0403:6001 A1 @1-1 #0", "ttyUSB3 1a86:7523 @1-4.2 #0"]),
            // A converter with several ports behind one interface.
            (
                "ttyUSB0 9710:7840 @1-1 #0 .1",
                &["ttyUSB2 9710:7840 @1-1 #0 .0", "ttyUSB3 9710:7840 @1-1 #0 .1"],
            ),
            // A system that says neither place nor interface.
            ("ttyUSB3 2c7c:0125", &["ttyUSB2 2c7c:0125", "ttyUSB3 2c7c:0125"]),
        ] {
            for address in ["/dev/ttyUSB0", "/dev/modem"] {
                assert_eq!(located(address, Some(seen), there, &[]).as_deref(), Ok("/dev/ttyUSB3"), "{seen}");
            }
        }
    }

    #[test]
    fn a_number_that_is_another_s_now_is_not_opened() {
        let seen = "ttyUSB0 1a86:7523 @1-1 #0";
        for there in [&[] as &[&str], &["ttyUSB0 0403:6001 A1 @1-1 #0"]] {
            let why = located("/dev/ttyUSB0", Some(seen), there, &[]).unwrap_err();
            assert_eq!(why, "`usb:1a86:7523#0` is not plugged in");
        }
        let twins = ["ttyUSB0 1a86:7523 @1-2 #0", "ttyUSB3 1a86:7523 @1-3 #0"];
        let why = located("/dev/ttyUSB0", Some(seen), &twins, &[]).unwrap_err();
        assert!(why.contains("fits several ports"), "{why}");
    }

    #[test]
    fn hardware_that_was_replaced_is_found_by_a_name_that_means_it() {
        let seen = "ttyUSB0 0403:6001 A1 @1-1 #0";
        let there = ["ttyUSB4 0403:6001 B2 @1-1 #0"];
        assert_eq!(located("usb:0403:6001", Some(seen), &there, &[]).unwrap(), "/dev/ttyUSB4");
        assert!(located("usb:0403:6001:A1", Some(seen), &there, &[]).is_err());
        assert_eq!(located("/dev/modem", Some(seen), &there, &["/dev/modem"]).unwrap(), "/dev/modem");
        assert!(located("/dev/modem", Some(seen), &there, &[]).is_err());
    }
}
