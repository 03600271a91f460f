//! A real broker behind the simulated module, for `--cloud mqtt://user:password@host:port`: a small MQTT
//! 3.1.1 client over a non-blocking socket. A ready-made client brings its own event loop, thread and
//! clock; the simulator is single-threaded and hands the time in, so only the packet codec (`mqttrs`) is
//! taken from outside. TCP is opened in one blocking call of at most three seconds, as a module is busy
//! meanwhile anyway.
//!
//! A broker that is not there when the simulation begins is a mistake of whoever began it, and said at once; one
//! that goes away later is the module's `CONNECT FAIL`, because that is what a module sees.

use std::collections::VecDeque;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use mqttrs::{
    Connect, ConnectReturnCode, LastWill, Packet, Pid, Protocol, Publish, QoS, QosPid, Subscribe,
    SubscribeReturnCodes, SubscribeTopic, Unsubscribe, decode_slice, encode_slice,
};

use super::SimError;
use super::cloud::{Arrival, Cloud, Login, Post, Receipt, Understood};
use crate::link::Mono;

/// The port of MQTT without TLS.
const MQTT_PORT: u16 = 1883;
/// For all addresses of a name together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A packet longer than this is not believed: the module can take 4,100 bytes.
const MOST_BYTES: usize = 1 << 20;
/// Longest fixed header: one byte and four of length (MQTT 3.1.1, 2.2).
const HEADER_BYTES: usize = 5;

/// Where a real broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// A name or an address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// User name and password; without them the module's own are used.
    pub login: Option<(String, String)>,
}

/// Without the login: it is for messages.
impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "mqtt://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "mqtt://{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no broker's URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the URL of a broker: {why}")]
pub struct BrokerUrlError {
    /// As it was written, without the password.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl std::str::FromStr for BrokerUrl {
    type Err = BrokerUrlError;

    /// Reads `mqtt://[user[:password]@]host[:port]`; `%40` and the like stand for bytes.
    fn from_str(text: &str) -> Result<Self, BrokerUrlError> {
        // A password must not get into a message.
        let wrong = |why| BrokerUrlError { text: without_login(text), why };
        let rest = text.strip_prefix("mqtt://").ok_or_else(|| {
            let tls =
                ["mqtts://", "ssl://", "tls://", "wss://"].iter().any(|scheme| text.starts_with(scheme));
            wrong(if tls {
                "it stands for TLS, which atflow does not speak; it needs a port of the broker without TLS"
            } else {
                "it has to begin with `mqtt://`"
            })
        })?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let plain = |text| percent_decoded(text).ok_or(wrong("a `%` needs two hexadecimal digits"));
                (Some((plain(user)?, plain(password)?)), place)
            }
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            // An IPv6 address in brackets has colons of its own.
            Some((host, port)) if !port.ends_with(']') => {
                let port_error = |_| {
                    // It may be the password of a login without its `@HOST`.
                    let text = format!("{}…", without_login(text).trim_end_matches(port));
                    BrokerUrlError { text, why: "the port is a number from 1 to 65535" }
                };
                (host, port.parse().map_err(port_error)?)
            }
            _ => (place, MQTT_PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('/') || port == 0 {
            return Err(wrong("it needs a host, such as `mqtt://localhost:1883`"));
        }
        Ok(Self { host: host.to_owned(), port, login })
    }
}

/// `mqtt://…@host` for a URL with a login.
fn without_login(text: &str) -> String {
    let Some((login, place)) = text.rsplit_once('@') else { return text.to_owned() };
    // What is no scheme may be part of a password.
    let scheme = login.find("://").filter(|end| login[..*end].bytes().all(|byte| byte.is_ascii_lowercase()));
    format!("{}…@{place}", scheme.map_or("", |end| &login[..end + 3]))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%' {
            bytes.extend(super::command::unhex(rest.get(..2)?)?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The client. It lives by the wall's clock: the simulation has to be paced.
#[derive(Debug)]
pub(crate) struct BrokerCloud {
    url: BrokerUrl,
    stream: Option<TcpStream>,
    /// Bytes that do not make a packet yet.
    input: Vec<u8>,
    /// Bytes the socket has not taken yet.
    output: VecDeque<u8>,
    /// What the module has not heard of yet.
    arrived: Vec<Arrival>,
    next_pid: Pid,
    /// What this side sent last, and how often it has to.
    spoke_at: Mono,
    keepalive: Duration,
    reachable: bool,
    received: Vec<Receipt>,
}

impl BrokerCloud {
    /// A client of a broker that is there: one connection is tried, and closed again.
    pub(crate) fn reach(url: BrokerUrl) -> Result<Self, SimError> {
        let cloud = Self::new(url);
        match cloud.dial() {
            Ok(_) => Ok(cloud),
            Err(error) => Err(SimError::Broker { url: cloud.url, why: error.to_string() }),
        }
    }

    fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            stream: None,
            input: Vec::new(),
            output: VecDeque::new(),
            arrived: Vec::new(),
            next_pid: Pid::new(),
            spoke_at: Mono::ZERO,
            keepalive: Duration::ZERO,
            reachable: true,
            received: Vec::new(),
        }
    }

    fn dial(&self) -> std::io::Result<TcpStream> {
        let addresses: Vec<_> = (self.url.host.as_str(), self.url.port).to_socket_addrs()?.collect();
        let each = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
        let mut last = std::io::Error::from(ErrorKind::NotFound);
        for address in addresses {
            match TcpStream::connect_timeout(&address, each) {
                Ok(stream) => {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn drop_connection(&mut self) {
        self.stream = None;
        self.input.clear();
        self.output.clear();
        self.keepalive = Duration::ZERO;
    }

    fn lost(&mut self) {
        if self.stream.is_some() {
            self.drop_connection();
            self.arrived.push(Arrival::Closed);
        }
    }

    fn pid(&mut self) -> Pid {
        let pid = self.next_pid;
        self.next_pid = pid + 1;
        pid
    }

    /// Queues a packet. `content` is the length of what is not fixed in size.
    fn say(&mut self, now: Mono, packet: &Packet<'_>, content: usize) {
        let mut buffer = vec![0; content + 64];
        if let Ok(length) = encode_slice(packet, &mut buffer) {
            self.output.extend(&buffer[..length]);
            self.spoke_at = now;
        }
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(stream) = &mut self.stream
            && !self.output.is_empty()
        {
            let (front, _) = self.output.as_slices();
            match stream.write(front) {
                Ok(0) => return self.lost(),
                Ok(taken) => drop(self.output.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.lost(),
            }
        }
    }

    /// Reads what the socket has, then takes the packets out of it.
    fn listen(&mut self, now: Mono) {
        let mut piece = [0; 4096];
        let mut ended = false;
        while let Some(stream) = &mut self.stream {
            match stream.read(&mut piece) {
                Ok(0) => ended = true,
                Ok(got) => {
                    self.input.extend_from_slice(&piece[..got]);
                    if self.input.len() < MOST_BYTES {
                        continue;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => ended = true,
            }
            break;
        }
        while self.stream.is_some() {
            match packet_length(&self.input) {
                Ok(Some(length)) if length <= self.input.len() => {
                    let packet: Vec<u8> = self.input.drain(..length).collect();
                    self.take(now, &packet);
                }
                Ok(Some(length)) if length > MOST_BYTES => self.lost(),
                Ok(_) => break,
                Err(Malformed) => self.lost(),
            }
        }
        if ended {
            self.lost();
        }
    }

    /// Deals with one whole packet.
    fn take(&mut self, now: Mono, bytes: &[u8]) {
        if !well_formed(bytes) {
            return self.lost();
        }
        match decode_slice(bytes) {
            Ok(Some(Packet::Connack(answer))) => {
                let code = match answer.code {
                    ConnectReturnCode::Accepted => return self.arrived.push(Arrival::ConnAck),
                    ConnectReturnCode::RefusedProtocolVersion => 1,
                    ConnectReturnCode::RefusedIdentifierRejected => 2,
                    ConnectReturnCode::ServerUnavailable => 3,
                    ConnectReturnCode::BadUsernamePassword => 4,
                    ConnectReturnCode::NotAuthorized => 5,
                };
                self.arrived.push(Arrival::Refused(code));
            }
            Ok(Some(Packet::Publish(message))) => {
                let (topic, payload) = (message.topic_name.to_owned(), message.payload.to_vec());
                let acknowledge = match message.qospid {
                    QosPid::AtMostOnce => None,
                    QosPid::AtLeastOnce(pid) => Some(Packet::Puback(pid)),
                    QosPid::ExactlyOnce(pid) => Some(Packet::Pubrec(pid)),
                };
                self.arrived.push(Arrival::Message { topic, payload });
                if let Some(packet) = acknowledge {
                    self.say(now, &packet, 0);
                }
            }
            Ok(Some(Packet::Pubrel(pid))) => self.say(now, &Packet::Pubcomp(pid), 0),
            Ok(Some(Packet::Puback(_) | Packet::Pubcomp(_))) => self.arrived.push(Arrival::PubAck),
            Ok(Some(Packet::Pubrec(pid))) => {
                self.arrived.push(Arrival::PubRec);
                self.say(now, &Packet::Pubrel(pid), 0);
            }
            Ok(Some(Packet::Suback(answer))) => {
                let refused = answer.return_codes.contains(&SubscribeReturnCodes::Failure);
                self.arrived.push(Arrival::SubAck { granted: !refused });
            }
            Ok(Some(Packet::Unsuback(_))) => self.arrived.push(Arrival::UnsubAck),
            Ok(Some(Packet::Pingresp)) => {}
            // Nothing else may come from a broker.
            _ => self.lost(),
        }
    }

    fn ping_at(&self) -> Option<Mono> {
        let quiet = self.keepalive * 3 / 4;
        (self.stream.is_some() && !self.keepalive.is_zero()).then(|| self.spoke_at + quiet)
    }
}

impl Cloud for BrokerCloud {
    fn open(&mut self, _now: Mono, _host: &str, _port: u16) {
        self.drop_connection();
        self.arrived.clear();
        self.stream = if self.reachable { self.dial().ok() } else { None };
        let outcome = if self.stream.is_some() { Arrival::Opened } else { Arrival::OpenFailed };
        self.arrived.push(outcome);
    }

    fn connect(&mut self, now: Mono, login: &Login) {
        let own = self.url.login.clone();
        let (username, password) = match own {
            Some((user, password)) => (Some(user), Some(password)),
            None => (login.username.clone(), login.password.clone()),
        };
        // MQTT 3.1.1, 3.1.2.9: a password may not go without a user name.
        let password = password.filter(|_| username.is_some());
        let last_will = login.will.as_ref().map(|will| LastWill {
            topic: &will.topic,
            message: &will.payload,
            qos: quality(will.qos),
            retain: will.retain,
        });
        let seconds = u16::try_from(login.keepalive.as_secs()).unwrap_or(u16::MAX);
        let packet = Packet::Connect(Connect {
            protocol: Protocol::MQTT311,
            keep_alive: seconds,
            client_id: &login.client_id,
            clean_session: login.clean,
            last_will,
            username: username.as_deref(),
            password: password.as_deref().map(str::as_bytes),
        });
        let will = login.will.as_ref().map_or(0, |will| will.topic.len() + will.payload.len());
        let names = username.as_ref().map_or(0, String::len) + password.as_ref().map_or(0, String::len);
        self.say(now, &packet, login.client_id.len() + names + will);
        self.keepalive = Duration::from_secs(u64::from(seconds));
    }

    fn publish(&mut self, now: Mono, post: &Post) {
        let qospid = match post.qos {
            0 => QosPid::AtMostOnce,
            1 => QosPid::AtLeastOnce(self.pid()),
            _ => QosPid::ExactlyOnce(self.pid()),
        };
        let packet = Packet::Publish(Publish {
            dup: false,
            qospid,
            retain: post.retain,
            topic_name: &post.topic,
            payload: &post.payload,
        });
        self.say(now, &packet, post.topic.len() + post.payload.len());
        self.received.push(Receipt { at: now, post: post.clone(), understood: Understood::NotSaid });
    }

    fn subscribe(&mut self, now: Mono, filter: &str, qos: u8) {
        let topics = vec![SubscribeTopic { topic_path: filter.to_owned(), qos: quality(qos) }];
        let pid = self.pid();
        self.say(now, &Packet::Subscribe(Subscribe::new(pid, topics)), filter.len());
    }

    fn unsubscribe(&mut self, now: Mono, filter: &str) {
        let pid = self.pid();
        self.say(now, &Packet::Unsubscribe(Unsubscribe::new(pid, vec![filter.to_owned()])), filter.len());
    }

    fn disconnect(&mut self, now: Mono) {
        self.say(now, &Packet::Disconnect, 0);
        self.drop_connection();
    }

    fn close(&mut self, _now: Mono) {
        self.drop_connection();
        self.arrived.clear();
    }

    fn next(&self) -> Option<Mono> {
        if self.arrived.is_empty() { self.ping_at() } else { Some(Mono::ZERO) }
    }

    fn poll(&mut self, now: Mono) -> Vec<Arrival> {
        if self.ping_at().is_some_and(|at| at <= now) {
            self.say(now, &Packet::Pingreq, 0);
        }
        self.flush();
        self.listen(now);
        std::mem::take(&mut self.arrived)
    }

    /// A scenario's message goes to the module as if the broker had sent it.
    fn send(&mut self, _now: Mono, topic: &str, payload: &[u8]) {
        if self.stream.is_some() {
            let message = Arrival::Message { topic: topic.to_owned(), payload: payload.to_vec() };
            self.arrived.push(message);
        }
    }

    fn set_reachable(&mut self, _now: Mono, reachable: bool) {
        self.reachable = reachable;
        if !reachable {
            self.lost();
        }
    }

    fn hang_up(&mut self, _now: Mono) {
        self.lost();
    }

    fn live(&self) -> bool {
        true
    }

    #[cfg(unix)]
    fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.stream.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    fn received(&self) -> &[Receipt] {
        &self.received
    }

    fn take_received(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.received)
    }
}

fn quality(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// The broker does not speak MQTT.
#[derive(Debug, PartialEq, Eq)]
struct Malformed;

/// Where the fixed header ends, and the whole packet; `None` until enough of it is there.
fn frame(input: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    let mut length = 0;
    for (index, &byte) in input.iter().enumerate().take(HEADER_BYTES).skip(1) {
        length |= usize::from(byte & 0x7f) << (7 * (index - 1));
        if byte & 0x80 == 0 {
            return Ok(Some((index + 1, index + 1 + length)));
        }
    }
    if input.len() < HEADER_BYTES { Ok(None) } else { Err(Malformed) }
}

fn packet_length(input: &[u8]) -> Result<Option<usize>, Malformed> {
    Ok(frame(input)?.map(|(_, end)| end))
}

/// Whether the codec can read this whole packet: it indexes without looking at the length first, so a
/// packet cut short must not get to it. What a broker never sends is not well formed either.
fn well_formed(packet: &[u8]) -> bool {
    let Ok(Some((start, _))) = frame(packet) else { return false };
    let body = &packet[start..];
    match packet[0] >> 4 {
        // CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, UNSUBACK
        2 | 4..=7 | 11 => body.len() >= 2,
        3 => {
            let [high, low, ..] = body else { return false };
            let identifier = if packet[0] & 0b0110 == 0 { 0 } else { 2 };
            body.len() >= 2 + usize::from(u16::from_be_bytes([*high, *low])) + identifier
        }
        // SUBACK
        9 => body.len() >= 3,
        // PINGRESP
        13 => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url: BrokerUrl = "mqtt://user:p%40ss@broker.example:1884".parse().unwrap();
        assert_eq!(url.host, "broker.example");
        assert_eq!(url.port, 1884);
        assert_eq!(url.login, Some(("user".to_owned(), "p@ss".to_owned())));
        assert_eq!("mqtt://localhost".parse::<BrokerUrl>().unwrap().port, 1883);
        assert_eq!("mqtt://[::1]:99".parse::<BrokerUrl>().unwrap().host, "::1");
        for (url, shown) in [("mqtt://u:p@h", "mqtt://h:1883"), ("mqtt://[::1]:99", "mqtt://[::1]:99")] {
            assert_eq!(url.parse::<BrokerUrl>().unwrap().to_string(), shown);
        }
        for bad in ["mqtts://h", "h", "mqtt://", "mqtt://h:0", "mqtt://h:x", "mqtt://u:%4@h"] {
            assert!(bad.parse::<BrokerUrl>().is_err(), "{bad}");
        }
        let error = "http://user:secret@host".parse::<BrokerUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"));
        for (bad, message) in [
            (
                "mqtts://a:b@c",
                "`mqtts://…@c` is not the URL of a broker: it stands for TLS, which atflow does not speak; it needs a \
                 port of the broker without TLS",
            ),
            (
                "mqtt://user:secret",
                "`mqtt://user:…` is not the URL of a broker: the port is a number from 1 to 65535",
            ),
            ("a:B://b@c", "`…@c` is not the URL of a broker: it has to begin with `mqtt://`"),
            ("localhost:1883", "`localhost:1883` is not the URL of a broker: it has to begin with `mqtt://`"),
        ] {
            assert_eq!(bad.parse::<BrokerUrl>().unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn a_packet_is_framed_before_it_is_read() {
        assert_eq!(packet_length(&[]), Ok(None));
        assert_eq!(packet_length(&[0x30]), Ok(None));
        assert_eq!(packet_length(&[0x30, 0x05]), Ok(Some(7)));
        assert_eq!(packet_length(&[0x30, 0x80, 0x01]), Ok(Some(131)));
        assert_eq!(packet_length(&[0x30, 0x80, 0x80, 0x80, 0x80]), Err(Malformed));
    }

    /// Packets that are too short for their kind, and random ones, must not panic in the codec.
    #[test]
    fn hostile_packets_end_the_connection_and_nothing_else() {
        let mut chance = super::super::entropy::Entropy::stream(1, "packets");
        for _ in 0..20_000 {
            let length = usize::try_from(chance.below(12)).unwrap_or_default();
            let mut packet = vec![u8::try_from(chance.below(256)).unwrap_or_default()];
            packet.push(u8::try_from(length).unwrap_or_default());
            packet.extend((0..length).map(|_| u8::try_from(chance.below(256)).unwrap_or_default()));
            let mut cloud = BrokerCloud::new("mqtt://localhost".parse().unwrap());
            cloud.take(Mono::ZERO, &packet);
        }
    }
}
