//! The simulated modules as a host sees them: bytes in, bytes out, through [`SimLink`].

mod esp;
mod line;
mod luat;
mod world;

use std::time::Duration;

use super::*;

use crate::link::{Link, LinkError, Mono, PortChange, Read};

/// A host with a module behind its port.
struct Host {
    link: SimLink,
    watch: Watch,
}

impl Host {
    /// A module that has been on for long, without delays and without echo unless `yaml` says so.
    fn warm(name: &str, yaml: &str) -> Self {
        Self::new(name, &format!("sim: {{ start: warm, delays: 0, echo: false{yaml} }}"))
    }

    fn new(name: &str, scenario: &str) -> Self {
        Self::seeded(name, scenario, 1)
    }

    fn seeded(name: &str, scenario: &str, seed: u64) -> Self {
        let scenario = Some(Scenario::parse("scenario.yaml", scenario).unwrap());
        let (link, watch) = build(name, SimOptions { seed, scenario, ..SimOptions::default() }).unwrap();
        Self { link, watch }
    }

    fn now(&self) -> Mono {
        self.link.clock().now()
    }

    fn write(&mut self, bytes: &[u8]) {
        assert_eq!(self.link.write(bytes, Mono::FAR).unwrap(), bytes.len());
    }

    /// Everything that comes within `time`.
    fn hear(&mut self, time: Duration) -> Vec<u8> {
        let until = self.now() + time;
        let mut heard = Vec::new();
        while let Read::Bytes(_) = self.link.read(&mut heard, until).unwrap() {}
        heard
    }

    /// What comes within a second of a command line, as text.
    fn ask(&mut self, line: &str) -> String {
        self.ask_for(line, 1)
    }

    fn ask_for(&mut self, line: &str, seconds: u64) -> String {
        self.write(line.as_bytes());
        self.write(b"\r\n");
        let heard = self.hear(Duration::from_secs(seconds));
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Each command line and what must come of it, byte by byte.
    fn dialogue(&mut self, exchanges: &[(&str, &str)]) {
        for (line, answer) in exchanges {
            assert_eq!(self.ask(line), *answer, "{line}");
        }
    }

    /// Online at the stand-in.
    fn online() -> Self {
        let mut host = Self::warm("luat-air724", "");
        host.go_online();
        host
    }

    fn go_online(&mut self) {
        self.dialogue(&[
            ("AT+MCONFIG=thingscloud,token,key", OK),
            ("AT+MIPSTART=sh-1-mqtt.iot-api.com,1883", "\r\nOK\r\n\r\nCONNECT OK\r\n"),
            ("AT+MCONNECT=0,300", "\r\nOK\r\n\r\nCONNACK OK\r\n"),
        ]);
    }

    fn payloads(&self) -> Vec<Vec<u8>> {
        self.watch.received().into_iter().map(|receipt| receipt.post.payload).collect()
    }
}

const OK: &str = "\r\nOK\r\n";
const ERROR: &str = "\r\nERROR\r\n";
const FAILED: &str = "\r\n+CME ERROR: 767\r\n";
