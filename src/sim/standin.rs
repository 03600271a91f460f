//! The stand-in cloud: as much of `ThingsCloud` as a module can tell from outside, in memory and on the
//! simulated clock. It wants a login, which one if it is told, hangs up on a socket that stays silent for
//! five seconds, answers on the topics of the vendor's own SDKs and keeps what it received. Unless a
//! scenario says what happens it sends the vendor's example command once, after the first report.

mod topics;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::cloud::{Arrival, Cloud, Disturbance, Login, Post, Receipt, Understood, matches};
use super::entropy::Entropy;
use super::profile::Latencies;
use crate::link::Mono;
use topics::Said;

/// How long `ThingsCloud` lets a socket stay silent before the MQTT CONNECT (its page for Luat modules).
const SILENCE: Duration = Duration::from_secs(5);
/// From the first report to the example command.
const EXAMPLE_DELAY: Duration = Duration::from_secs(3);
/// The command of `ThingsCloud`'s page for Luat modules, byte for byte.
pub(crate) const EXAMPLE: &[u8] = br#"{"method":"restart","params":{"timeout":10},"id":1000}"#;
/// Where that command is sent.
pub(crate) const EXAMPLE_TOPIC: &str = "command/send/1000";
/// Where the hosts of `ThingsCloud` are.
const ITS_HOSTS: &str = ".iot-api.com";
/// MQTT 3.1.1 return code: bad user name or password.
const BAD_LOGIN: u8 = 4;

/// A slow broker takes so much longer.
const SLOW: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// A module gives up a connection that nobody answers.
const NO_ANSWER: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(70));
/// From the login to the end of the connection, when the broker wants nobody.
const KICK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3));

/// The one login that the stand-in accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The device's `AccessToken`, sent as the MQTT user name.
    pub access_token: String,
    /// The project's `ProjectKey`, sent as the MQTT password.
    pub project_key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Closed,
    Opening,
    /// TCP stands, no CONNECT yet.
    Silent,
    Online,
    /// The broker has had enough: it hears nothing more, and the end of the connection is on its way.
    Ending,
}

/// What is on its way to the module, or due to happen in the cloud.
#[derive(Debug)]
enum Due {
    Arrive(Arrival),
    /// The five seconds are over.
    HangUp,
    /// The command of the vendor's page.
    Example,
}

/// `ThingsCloud` in memory.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what may be wrong with a connection, each on its own")]
pub(crate) struct StandIn {
    credentials: Option<Credentials>,
    latencies: Latencies,
    entropy: Entropy,
    line: Line,
    /// The host that was asked for is one of `ThingsCloud`'s. What topics another broker has nobody knows.
    is_itself: bool,
    reachable: bool,
    /// Connections so far; what is due on an earlier one is void.
    generation: u32,
    subscriptions: Vec<String>,
    attributes: Map<String, Value>,
    received: Vec<Receipt>,
    /// Whether the example command is still to be sent.
    example: bool,
    /// By time, then by order of asking.
    due: BTreeMap<(Mono, u64), (u32, Due)>,
    sequence: u64,
    /// When the last thing sent on this connection arrives.
    latest: Mono,
    /// Nothing comes through, on new connections either.
    silent: bool,
    /// Something was lost on this connection, so nothing comes through on it any more.
    dead: bool,
    slow: bool,
    kicks: bool,
    /// Chance of what goes wrong: it must not move the chance of what goes well.
    trouble: Entropy,
}

impl StandIn {
    /// A fresh cloud. `example` asks for the vendor's example command after the first report.
    pub(crate) fn new(
        credentials: Option<Credentials>,
        latencies: Latencies,
        seed: u64,
        example: bool,
    ) -> Self {
        Self {
            credentials,
            latencies,
            entropy: Entropy::stream(seed, "cloud"),
            line: Line::Closed,
            is_itself: false,
            reachable: true,
            generation: 0,
            subscriptions: Vec::new(),
            attributes: Map::new(),
            received: Vec::new(),
            example,
            due: BTreeMap::new(),
            sequence: 0,
            latest: Mono::ZERO,
            silent: false,
            dead: false,
            slow: false,
            kicks: false,
            trouble: Entropy::stream(seed, "cloud trouble"),
        }
    }

    fn at(&mut self, when: Mono, what: Due) {
        self.sequence += 1;
        self.due.insert((when, self.sequence), (self.generation, what));
    }

    /// One connection keeps its order: nothing arrives before what was sent earlier.
    fn arrive(&mut self, now: Mono, within: (Duration, Duration), what: Arrival) {
        let mut delay = self.entropy.between(within.0, within.1);
        if self.dead {
            return;
        }
        if self.slow {
            delay += self.trouble.between(SLOW.0, SLOW.1);
        }
        self.latest = self.latest.max(now + delay);
        self.at(self.latest, Due::Arrive(what));
    }

    /// Ends the connection and voids what was under way on it.
    fn cut(&mut self) {
        self.line = Line::Closed;
        self.latest = Mono::ZERO;
        self.dead = self.silent;
        self.generation += 1;
    }

    fn subscribed(&self, topic: &str) -> bool {
        self.subscriptions.iter().any(|filter| matches(filter, topic))
    }

    /// The example command follows the first report once somebody listens for it.
    fn maybe_example(&mut self, now: Mono) {
        let reported =
            self.received.iter().any(|it| it.post.topic == "attributes" && it.understood == Understood::Yes);
        if self.example && reported && self.subscribed(EXAMPLE_TOPIC) {
            self.example = false;
            self.at(now + EXAMPLE_DELAY, Due::Example);
        }
    }

    /// What `ThingsCloud` itself answers on its topics.
    fn answer(&mut self, now: Mono, said: Said<'_>) {
        let (topic, body) = match said {
            Said::Report(values) => {
                self.attributes.extend(values);
                ("attributes/response".to_owned(), accepted())
            }
            Said::Series => ("attributes/series/response".to_owned(), accepted()),
            Said::Asks { id, names } => {
                let attributes = self.asked_for(names.as_deref());
                let body = json!({ "result": 1, "attributes": attributes });
                (format!("attributes/get/response/{id}"), body)
            }
            Said::Event { id } => (format!("event/response/{id}"), accepted()),
            Said::Reply { id } => (format!("command/reply/response/{id}"), accepted()),
            Said::Nonsense { answer_to } => (answer_to, json!({ "result": 0 })),
            Said::Data | Said::Elsewhere => return,
            Said::NoTopic => return self.end(now),
        };
        self.send(now, &topic, body.to_string().as_bytes());
    }

    fn asked_for(&self, names: Option<&[String]>) -> Map<String, Value> {
        let wanted = |name: &String| names.is_none_or(|names| names.contains(name));
        self.attributes.iter().filter(|(name, _)| wanted(name)).map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    /// A client that breaks the protocol loses its connection (MQTT 3.1.1, 4.8).
    fn end(&mut self, now: Mono) {
        self.arrive(now, self.latencies.puback, Arrival::Closed);
        self.line = Line::Ending;
    }

    /// Whether the login is the right one; any is where nobody said which, but not half of one.
    fn accepts(&self, login: &Login) -> bool {
        let said = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        let (Some(access_token), Some(project_key)) = (said(&login.username), said(&login.password)) else {
            return false;
        };
        let said = Credentials { access_token, project_key };
        self.credentials.as_ref().is_none_or(|right| *right == said)
    }

    /// What `due` means for the module; it may be nothing any more.
    fn happen(&mut self, now: Mono, due: Due) -> Option<Arrival> {
        match due {
            Due::Arrive(Arrival::Opened) => {
                self.line = Line::Silent;
                self.at(now + SILENCE, Due::HangUp);
                Some(Arrival::Opened)
            }
            Due::Arrive(Arrival::OpenFailed) => {
                self.cut();
                Some(Arrival::OpenFailed)
            }
            Due::Arrive(refused @ Arrival::Refused(_)) => {
                // A broker that refuses a login closes the connection (MQTT 3.1.1, 3.2.2.3).
                self.at(now, Due::Arrive(Arrival::Closed));
                Some(refused)
            }
            Due::Arrive(Arrival::Closed) => {
                self.cut();
                Some(Arrival::Closed)
            }
            Due::Arrive(other) => Some(other),
            Due::HangUp if self.line == Line::Silent => {
                self.cut();
                Some(Arrival::Closed)
            }
            Due::HangUp => None,
            Due::Example => {
                self.send(now, EXAMPLE_TOPIC, EXAMPLE);
                None
            }
        }
    }
}

fn accepted() -> Value {
    json!({ "result": 1 })
}

impl Cloud for StandIn {
    fn open(&mut self, now: Mono, host: &str, _port: u16) {
        self.cut();
        self.is_itself = host.to_ascii_lowercase().ends_with(ITS_HOSTS);
        self.line = Line::Opening;
        let outcome = if self.reachable && !self.silent { Arrival::Opened } else { Arrival::OpenFailed };
        let delay = self.entropy.between(self.latencies.open.0, self.latencies.open.1);
        let (low, high) = if self.silent { NO_ANSWER } else { (Duration::ZERO, Duration::ZERO) };
        self.latest = now + delay + self.trouble.between(low, high);
        self.at(self.latest, Due::Arrive(outcome));
    }

    fn connect(&mut self, now: Mono, login: &Login) {
        if self.line != Line::Silent || self.dead {
            return;
        }
        let accepted = self.accepts(login);
        self.line = if accepted { Line::Online } else { Line::Ending };
        if self.kicks {
            let after = self.trouble.between(KICK.0, KICK.1);
            self.at(now + after, Due::Arrive(Arrival::Closed));
        }
        if login.clean {
            self.subscriptions.clear();
        }
        let outcome = if accepted { Arrival::ConnAck } else { Arrival::Refused(BAD_LOGIN) };
        self.arrive(now, self.latencies.connack, outcome);
    }

    fn publish(&mut self, now: Mono, post: &Post) {
        if self.line != Line::Online || self.dead {
            return;
        }
        let said = topics::read(post);
        let understood = match said.understood() {
            Understood::NoSuchTopic if !self.is_itself => Understood::NotSaid,
            understood => understood,
        };
        self.received.push(Receipt { at: now, post: post.clone(), understood });
        match post.qos {
            _ if understood == Understood::NoTopic => {}
            0 => {}
            1 => self.arrive(now, self.latencies.puback, Arrival::PubAck),
            _ => {
                self.arrive(now, self.latencies.puback, Arrival::PubRec);
                // The second half of the handshake begins when the first has arrived.
                self.arrive(self.latest, self.latencies.puback, Arrival::PubAck);
            }
        }
        self.answer(now, said);
        self.maybe_example(now);
    }

    fn subscribe(&mut self, now: Mono, filter: &str, _qos: u8) {
        if self.line != Line::Online || self.dead {
            return;
        }
        if !topics::is_filter(filter) {
            return self.end(now);
        }
        if !self.subscriptions.iter().any(|known| known == filter) {
            self.subscriptions.push(filter.to_owned());
        }
        self.arrive(now, self.latencies.suback, Arrival::SubAck { granted: true });
        self.maybe_example(now);
    }

    fn unsubscribe(&mut self, now: Mono, filter: &str) {
        if self.dead {
            return;
        }
        self.subscriptions.retain(|known| known != filter);
        self.arrive(now, self.latencies.suback, Arrival::UnsubAck);
    }

    fn disconnect(&mut self, _now: Mono) {
        self.cut();
    }

    fn close(&mut self, _now: Mono) {
        self.cut();
    }

    fn next(&self) -> Option<Mono> {
        self.due.keys().next().map(|(when, _)| *when)
    }

    fn poll(&mut self, now: Mono) -> Vec<Arrival> {
        let mut arrived = Vec::new();
        while let Some(first) = self.due.first_entry() {
            if first.key().0 > now {
                break;
            }
            let (generation, due) = first.remove();
            // The example command belongs to no connection.
            if generation == self.generation || matches!(due, Due::Example) {
                arrived.extend(self.happen(now, due));
            }
        }
        arrived
    }

    fn send(&mut self, now: Mono, topic: &str, payload: &[u8]) {
        if self.line == Line::Online && self.subscribed(topic) {
            let message = Arrival::Message { topic: topic.to_owned(), payload: payload.to_vec() };
            self.arrive(now, self.latencies.message, message);
        }
    }

    fn set_reachable(&mut self, now: Mono, reachable: bool) {
        self.reachable = reachable;
        if !reachable {
            self.hang_up(now);
        }
    }

    fn hang_up(&mut self, now: Mono) {
        if self.dead {
            // Not even that comes through.
            return;
        }
        match self.line {
            Line::Closed => {}
            Line::Opening => {
                self.cut();
                self.at(now, Due::Arrive(Arrival::OpenFailed));
            }
            Line::Silent | Line::Online | Line::Ending => {
                self.cut();
                self.at(now, Due::Arrive(Arrival::Closed));
            }
        }
    }

    fn received(&self) -> &[Receipt] {
        &self.received
    }

    fn connection(&self) -> u32 {
        self.generation
    }

    fn disturb(&mut self, _now: Mono, how: Disturbance) {
        match how {
            Disturbance::Silent(silent) => {
                self.silent = silent;
                if silent {
                    self.dead = true;
                    // What is on its way is lost, but for what the cloud has planned by itself.
                    self.due.retain(|_, (_, due)| matches!(due, Due::Example));
                }
            }
            Disturbance::Slow(slow) => self.slow = slow,
            Disturbance::Kicks(kicks) => self.kicks = kicks,
        }
    }

    fn take_received(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.received)
    }
}
