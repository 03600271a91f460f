//! The serial ports of this machine. On Linux they are read from `/sys`, which needs no library and knows
//! the USB interface number; that number tells the AT port of a module from its other three or four.

use std::cmp::Ordering;

#[cfg(target_os = "linux")]
use std::path::{Path, PathBuf};

/// A serial port that has something behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInfo {
    /// What to open: `/dev/ttyUSB2`.
    pub path: String,
    /// The link that stays the same when it is plugged in elsewhere: `/dev/serial/by-id/usb-…-if02-port0`.
    pub by_id: Option<String>,
    /// The USB device it belongs to.
    pub usb: Option<Usb>,
    /// The kernel's driver: `option1`, `cdc_acm`, `ch341-uart`.
    pub driver: Option<String>,
}

/// The USB device behind a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usb {
    /// Vendor.
    pub vid: u16,
    /// Product.
    pub pid: u16,
    /// Serial number; many modules and converters have none.
    pub serial: Option<String>,
    /// Interface number: which of the device's ports this is.
    pub interface: Option<u8>,
    /// Which of several ports behind one interface, as some converters have them.
    pub number: Option<u8>,
    /// What the vendor calls itself.
    pub manufacturer: Option<String>,
    /// What the vendor calls the product.
    pub product: Option<String>,
    /// Where it is plugged in, hub by hub: `1-1.4`. Empty where the system does not say.
    pub location: String,
}

/// All ports, sorted as a person would: `ttyUSB2` before `ttyUSB10`. Ports without hardware are left out.
#[cfg(target_os = "linux")]
pub fn list() -> Vec<PortInfo> {
    list_under(Path::new("/"))
}

/// One port, whatever its path is a link to; `None` if there is no USB device behind it.
#[cfg(target_os = "linux")]
pub fn usb_port(path: &str) -> Option<PortInfo> {
    usb_port_under(path, Path::new("/"))
}

#[cfg(target_os = "linux")]
fn usb_port_under(path: &str, root: &Path) -> Option<PortInfo> {
    let device = Path::new(path).canonicalize().ok()?;
    let port = describe(&root.join("sys/class/tty").join(device.file_name()?), root)?;
    port.usb.is_some().then(|| PortInfo { path: device.to_string_lossy().into_owned(), ..port })
}

/// One port; `None` if there is no USB device behind it.
#[cfg(not(target_os = "linux"))]
pub fn usb_port(path: &str) -> Option<PortInfo> {
    list().into_iter().find(|port| port.path == path && port.usb.is_some())
}

/// All ports, sorted as a person would.
#[cfg(not(target_os = "linux"))]
pub fn list() -> Vec<PortInfo> {
    let found = serialport::available_ports().unwrap_or_default();
    let mut ports: Vec<_> = found.into_iter().map(from_serialport).collect();
    ports.sort_by(|a, b| natural(&a.path, &b.path));
    ports
}

#[cfg(not(target_os = "linux"))]
fn from_serialport(port: serialport::SerialPortInfo) -> PortInfo {
    let usb = match port.port_type {
        serialport::SerialPortType::UsbPort(usb) => Some(Usb {
            vid: usb.vid,
            pid: usb.pid,
            serial: usb.serial_number,
            manufacturer: usb.manufacturer,
            product: usb.product,
            ..Usb::default()
        }),
        _ => None,
    };
    PortInfo { path: port.port_name, usb, ..PortInfo::default() }
}

/// As [`list`], from the tree under `root`, which a test makes up.
#[cfg(target_os = "linux")]
fn list_under(root: &Path) -> Vec<PortInfo> {
    let links = by_id_links(root);
    let mut ports: Vec<_> = entries(&root.join("sys/class/tty"))
        .into_iter()
        .filter_map(|entry| {
            let name = entry.file_name()?.to_str()?.to_owned();
            let mut port = describe(&entry, root)?;
            port.by_id = links.iter().find(|(_, target)| *target == name).map(|(link, _)| link.clone());
            port.path = format!("/dev/{name}");
            Some(port)
        })
        .collect();
    ports.sort_by(|a, b| natural(&a.path, &b.path));
    ports
}

/// What `/sys` says about one tty; `None` if there is no hardware behind it.
#[cfg(target_os = "linux")]
fn describe(tty: &Path, root: &Path) -> Option<PortInfo> {
    // Consoles and ptys have no device. A UART of type 0 (PORT_UNKNOWN in linux/serial.h) was not found.
    let device = tty.join("device").canonicalize().ok()?;
    if text(tty, "type").is_some_and(|kind| kind == "0") {
        return None;
    }
    let driver = device.join("driver").canonicalize().ok();
    let driver = driver.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    Some(PortInfo { usb: usb_above(&device, root), driver, ..PortInfo::default() })
}

/// The USB interface and device among the directories above `device`.
#[cfg(target_os = "linux")]
fn usb_above(device: &Path, root: &Path) -> Option<Usb> {
    let root = root.canonicalize().ok()?;
    let above = || device.ancestors().take_while(|folder| *folder != root);
    let interface = above().find_map(|folder| hex(&text(folder, "bInterfaceNumber")?));
    let folder = above().find(|folder| folder.join("idVendor").exists())?;
    Some(Usb {
        vid: hex(&text(folder, "idVendor")?)?,
        pid: hex(&text(folder, "idProduct")?)?,
        serial: text(folder, "serial"),
        interface: interface.and_then(|number| u8::try_from(number).ok()),
        number: text(device, "port_number").and_then(|number| number.parse().ok()),
        manufacturer: text(folder, "manufacturer"),
        product: text(folder, "product"),
        location: folder.file_name()?.to_string_lossy().into_owned(),
    })
}

/// The stable names in `/dev/serial/by-id`, each with the name of the device it points at.
#[cfg(target_os = "linux")]
fn by_id_links(root: &Path) -> Vec<(String, String)> {
    entries(&root.join("dev/serial/by-id"))
        .into_iter()
        .filter_map(|link| {
            let target = link.read_link().ok()?.file_name()?.to_str()?.to_owned();
            Some((format!("/dev/serial/by-id/{}", link.file_name()?.to_str()?), target))
        })
        .collect()
}

/// What is in a folder, sorted; nothing if there is no such folder.
#[cfg(target_os = "linux")]
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// One attribute. A device may put anything into its texts, so control characters are taken out.
#[cfg(target_os = "linux")]
fn text(folder: &Path, attribute: &str) -> Option<String> {
    let bytes = std::fs::read(folder.join(attribute)).ok()?;
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(target_os = "linux")]
fn hex(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 16).ok()
}

/// Compares texts with the numbers in them taken as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let (a_text, a_number, a_rest) = split_number(left);
        let (b_text, b_number, b_rest) = split_number(right);
        // A longer number without leading zeros is a larger one.
        let order = a_text
            .cmp(b_text)
            .then_with(|| a_number.len().cmp(&b_number.len()))
            .then_with(|| a_number.cmp(b_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (a_rest, b_rest);
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Text before the first number, the number without leading zeros, the rest.
fn split_number(text: &str) -> (&str, &str, &str) {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let (before, from) = text.split_at(start);
    let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
    let (number, rest) = from.split_at(end);
    (before, number.trim_start_matches('0'), rest)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A made-up machine: a module with two ports, a UART that exists, one that does not, a console.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("atflow-ports-{}-{name}", std::process::id()));
            fs::create_dir_all(root.join("sys/class/tty")).unwrap();
            Self(root)
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn link(&self, path: &str, target: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(self.0.join(target), path).unwrap();
        }

        fn tty(&self, name: &str, device: &str) {
            let folder = format!("{device}/tty/{name}");
            self.file(&format!("{folder}/dev"), "188:0\n");
            self.link(&format!("{folder}/device"), device);
            self.link(&format!("sys/class/tty/{name}"), &folder);
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn module(tree: &Tree) {
        let usb = "sys/devices/pci0000:00/usb1/1-1.4";
        for (attribute, text) in [
            ("idVendor", "2c7c\n"),
            ("idProduct", "0125\n"),
            ("manufacturer", "Quectel\n"),
            ("product", "EC\u{1b}[31m25\n"),
        ] {
            tree.file(&format!("{usb}/{attribute}"), text);
        }
        for (name, interface) in [("ttyUSB10", "0a"), ("ttyUSB2", "02")] {
            tree.file(&format!("{usb}/1-1.4:1.{interface}/bInterfaceNumber"), interface);
            let device = format!("{usb}/1-1.4:1.{interface}/{name}");
            tree.tty(name, &device);
            tree.file(&format!("{device}/port_number"), "0\n");
            tree.file("sys/bus/usb-serial/drivers/option1/uevent", "");
            tree.link(&format!("{device}/driver"), "sys/bus/usb-serial/drivers/option1");
        }
        tree.link("dev/serial/by-id/usb-Quectel_EC25-if02-port0", "dev/ttyUSB2");
    }

    #[test]
    fn a_module_is_found_with_its_interfaces_in_natural_order() {
        let tree = Tree::new("module");
        module(&tree);
        let ports = list_under(&tree.0);
        let paths: Vec<_> = ports.iter().map(|port| port.path.as_str()).collect();
        assert_eq!(paths, ["/dev/ttyUSB2", "/dev/ttyUSB10"]);
        let usb = Usb {
            vid: 0x2c7c,
            pid: 0x0125,
            serial: None,
            interface: Some(2),
            number: Some(0),
            manufacturer: Some("Quectel".into()),
            product: Some("EC[31m25".into()),
            location: "1-1.4".into(),
        };
        assert_eq!(ports[0].usb, Some(usb));
        assert_eq!(ports[0].driver.as_deref(), Some("option1"));
        assert_eq!(ports[0].by_id.as_deref(), Some("/dev/serial/by-id/usb-Quectel_EC25-if02-port0"));
        assert_eq!(ports[1].usb.as_ref().unwrap().interface, Some(10));
        assert_eq!(ports[1].by_id, None);
    }

    #[test]
    fn one_port_is_known_under_any_name() {
        let tree = Tree::new("names");
        module(&tree);
        tree.file("dev/ttyUSB2", "");
        tree.link("dev/modem", "dev/ttyUSB2");
        let [named, linked] = ["dev/ttyUSB2", "dev/modem"]
            .map(|name| usb_port_under(tree.0.join(name).to_str().unwrap(), &tree.0).unwrap());
        assert_eq!(named, linked);
        assert!(named.path.ends_with("/dev/ttyUSB2"), "{}", named.path);
        assert_eq!(named.usb, list_under(&tree.0)[0].usb);
        tree.file("dev/ttyS0", "");
        assert_eq!(usb_port_under(tree.0.join("dev/ttyS0").to_str().unwrap(), &tree.0), None);
        assert_eq!(usb_port_under(tree.0.join("dev/gone").to_str().unwrap(), &tree.0), None);
    }

    #[test]
    fn ports_without_hardware_are_left_out() {
        let tree = Tree::new("empty");
        for (name, kind) in [("ttyS0", "4\n"), ("ttyS1", "0\n")] {
            tree.tty(name, &format!("sys/devices/pnp0/{name}"));
            tree.file(&format!("sys/devices/pnp0/{name}/tty/{name}/type"), kind);
        }
        tree.file("sys/class/tty/tty0/dev", "4:0\n");
        let ports = list_under(&tree.0);
        assert_eq!(ports, [PortInfo { path: "/dev/ttyS0".into(), ..PortInfo::default() }]);
        assert!(list_under(Path::new("/nonexistent")).is_empty());
    }

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = ["COM10", "COM9", "ttyUSB1", "ttyACM2", "COM09", "ttyUSB1x", "COM"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["COM", "COM09", "COM9", "COM10", "ttyACM2", "ttyUSB1", "ttyUSB1x"]);
    }
}
