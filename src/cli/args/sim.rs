//! What `atflow sim` takes.

use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::simulation::SEED;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("where").required(true).args(["pty", "tcp"]))]
pub(in crate::cli) struct SimArgs {
    /// The module: luat-air724, esp-at
    #[arg(default_value = "luat-air724")]
    pub name: String,
    /// Serve on a pty; this path becomes a link to it
    #[arg(long, value_name = "PATH")]
    pub pty: Option<PathBuf>,
    /// Serve on a TCP port: 7000 (this machine only), localhost:7000, 0.0.0.0:7000
    #[arg(long, value_name = "ADDRESS", value_parser = tcp_address)]
    pub tcp: Option<SocketAddr>,
    /// What happens, and when: a YAML file of timed events
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// A real broker behind the module: mqtt://USER:PASSWORD@HOST:PORT
    #[arg(long, value_name = "URL")]
    pub cloud: Option<String>,
    /// All delays of the module and the network, times this: 0 is none, 0.1 a tenth [default: the scenario's, else 1]
    #[arg(long, value_name = "FACTOR", value_parser = delays, allow_negative_numbers = true)]
    pub delays: Option<f64>,
    /// Something that goes wrong now and then: `lost_bytes=1e-5`, `urc_anywhere=1%`, `reboot=2/d`
    #[arg(long = "fault", value_name = "NAME=RATE")]
    pub faults: Vec<String>,
    /// Where all chance comes from
    #[arg(long, default_value_t = SEED)]
    pub seed: u64,
}

/// Where to listen. A port alone is one of this machine; a name is looked up, and of its addresses the one that
/// everybody reaches is taken.
fn tcp_address(text: &str) -> Result<SocketAddr, String> {
    const WRITE: &str = "write a port such as `7000`, or `HOST:PORT` such as `localhost:7000`";
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address without a port are in brackets, or it would be read wrong.
        Some(_) if text.ends_with(']') => return Err(format!("the port is missing; {WRITE}")),
        Some((host, port)) => (host, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => ("", text),
        None => return Err(format!("the port is missing; {WRITE}")),
    };
    let port: u16 = port.parse().map_err(|_| format!("`{port}` is no port from 0 to 65535; {WRITE}"))?;
    let host = match host {
        "" => return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        host => host.trim_start_matches('[').trim_end_matches(']'),
    };
    let found =
        (host, port).to_socket_addrs().map_err(|error| format!("nobody knows `{host}`: {error}; {WRITE}"))?;
    let mut found: Vec<SocketAddr> = found.collect();
    found.sort_by_key(SocketAddr::is_ipv6);
    found.first().copied().ok_or_else(|| format!("`{host}` has no address; {WRITE}"))
}

/// Longer, and a cold start would take hours.
const DELAYS: RangeInclusive<f64> = 0.0..=1000.0;

fn delays(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| {
        "write a number: `1` is as measured on real modules, `0.1` a tenth of that, `0` no delay".to_string()
    })?;
    if DELAYS.contains(&factor) { Ok(factor) } else { Err("write a number from 0 to 1000".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_module_is_served() {
        let shown = |text| tcp_address(text).map(|address| address.to_string());
        for (text, address) in [
            ("7000", "127.0.0.1:7000"),
            (":7000", "127.0.0.1:7000"),
            ("localhost:7000", "127.0.0.1:7000"),
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(address), "{text}");
        }
        for (text, why) in [
            ("localhost", "the port is missing; "),
            ("[::1]", "the port is missing; "),
            ("localhost:http", "`http` is no port from 0 to 65535; "),
            ("70000", "`70000` is no port from 0 to 65535; "),
            ("no such host:1", "nobody knows `no such host`: "),
        ] {
            let error = shown(text).expect_err(text);
            assert!(error.starts_with(why) && error.contains("write a port such as `7000`"), "{error}");
        }
    }

    #[test]
    fn delays_are_a_factor() {
        assert_eq!((delays("0.5"), delays("0"), delays("1000")), (Ok(0.5), Ok(0.0), Ok(1000.0)));
        for (text, help) in [
            ("fast", "write a number: "),
            ("-1", "0 to 1000"),
            ("inf", "0 to 1000"),
            ("NaN", "0 to 1000"),
            ("2000", "0 to 1000"),
        ] {
            assert!(delays(text).expect_err(text).contains(help), "{text}");
        }
    }
}
