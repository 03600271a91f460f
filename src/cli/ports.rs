//! `atflow ports`: what is there.

use serde_json::json;

use crate::link::address::{Address, UsbId};
use crate::link::ports::{self, PortInfo};
use crate::report::text::{columns, one_line, pad_out};

use super::args::{Format, PortsArgs};
use super::{Exit, say};

pub(super) fn ports(args: &PortsArgs) -> Exit {
    let found = ports::list();
    let said = match args.format {
        Format::Json => found.iter().try_for_each(|port| say::line(&record(port).to_string())),
        Format::Pretty => table(&found),
    };
    said.map_or_else(|exit| exit, |()| Exit::Done)
}

fn usb_address(port: &PortInfo) -> Option<String> {
    port.usb.as_ref().map(|usb| Address::Usb(UsbId::of(usb)).to_string())
}

fn record(port: &PortInfo) -> serde_json::Value {
    json!({
        "path": port.path,
        "by_id": port.by_id,
        "usb": usb_address(port),
        "manufacturer": port.usb.as_ref().and_then(|usb| usb.manufacturer.clone()),
        "product": port.usb.as_ref().and_then(|usb| usb.product.clone()),
        "driver": port.driver,
    })
}

fn table(found: &[PortInfo]) -> Result<(), Exit> {
    if found.is_empty() {
        return say::line("no serial ports; is the module plugged in? `sim:luat-air724` needs none");
    }
    let rows: Vec<[String; 4]> = found
        .iter()
        .map(|port| {
            let usb = port.usb.as_ref();
            let what =
                [usb.and_then(|usb| usb.manufacturer.clone()), usb.and_then(|usb| usb.product.clone())];
            [
                port.path.clone(),
                usb_address(port).unwrap_or_default(),
                one_line(&what.into_iter().flatten().collect::<Vec<_>>().join(" ")),
                port.driver.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    rows.iter().try_for_each(|row| {
        let cell = |column: usize| pad_out(&row[column], widths[column]);
        say::line(&format!("{}  {}  {}  {}", cell(0), cell(1), cell(2), row[3]))
    })
}
