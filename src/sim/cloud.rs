//! What the module reaches over the network, seen from the module: one TCP connection that carries MQTT.
//! Two things stand behind it, the in-memory stand-in ([`super::standin`]) and a real broker ([`super::broker`]).

use std::time::Duration;

use crate::link::Mono;

/// Something that reached the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The TCP connection stands.
    Opened,
    /// The TCP connection could not be made.
    OpenFailed,
    /// The login was accepted.
    ConnAck,
    /// The login was refused with this MQTT 3.1.1 return code (1 to 5).
    Refused(u8),
    /// The `QoS` 2 publish in flight reached the broker; [`Arrival::PubAck`] follows.
    PubRec,
    /// The publish in flight was acknowledged: the last word about it, with `QoS` 1 and 2.
    PubAck,
    /// A subscription was granted, or refused.
    SubAck {
        /// Whether the broker granted it.
        granted: bool,
    },
    /// A subscription ended.
    UnsubAck,
    /// A message on a topic the module subscribed to.
    Message {
        /// Where it was published.
        topic: String,
        /// Any bytes at all.
        payload: Vec<u8>,
    },
    /// The far side closed the TCP connection.
    Closed,
}

/// What a module says when it logs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Login {
    /// The MQTT client identifier.
    pub client_id: String,
    /// `None` where it gave none.
    pub username: Option<String>,
    /// `None` where it gave none.
    pub password: Option<String>,
    /// Whether the broker is to forget earlier subscriptions.
    pub clean: bool,
    /// How often the module promises to be heard. Zero: never.
    pub keepalive: Duration,
    /// What the broker is to publish when the module vanishes.
    pub will: Option<Post>,
}

/// A message on its way up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub topic: String,
    /// Any bytes at all.
    pub payload: Vec<u8>,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}

/// A message as the cloud received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// When it got there.
    pub at: Mono,
    /// What it was.
    pub post: Post,
    /// What the cloud made of it.
    pub understood: Understood,
}

/// What the cloud made of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Understood {
    /// It was on one of the cloud's topics, with a body for it.
    Yes,
    /// The topic is one of the cloud's; the body is none for it, and was refused.
    BadBody,
    /// No topic of the cloud: the broker took it, and nobody reads it.
    NoSuchTopic,
    /// No message can have this topic: the broker closed the connection.
    NoTopic,
    /// A real broker does not say, and of another broker than `ThingsCloud`'s nobody knows the topics.
    NotSaid,
}

impl Understood {
    /// What went wrong, in words; nothing if it was understood, as far as is known.
    pub fn complaint(self) -> Option<&'static str> {
        match self {
            Self::Yes | Self::NotSaid => None,
            Self::BadBody => Some("the cloud refused it: the body is no JSON object"),
            Self::NoSuchTopic => Some("nobody reads it: this is no topic of the cloud"),
            Self::NoTopic => Some("the broker closed the connection: no message can have this topic"),
        }
    }
}

/// What goes wrong between the module and the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disturbance {
    /// Nothing comes through any more, on this connection and on new ones.
    Silent(bool),
    /// What comes from the broker takes longer.
    Slow(bool),
    /// The broker closes each connection soon after the login.
    Kicks(bool),
}

/// The far end of the module's one TCP connection. Nothing is answered at once: what a call leads to
/// comes out of [`Cloud::poll`], at the earliest at the time [`Cloud::next`] gives.
pub(crate) trait Cloud {
    /// Starts a TCP connection. Ends in [`Arrival::Opened`] or [`Arrival::OpenFailed`].
    fn open(&mut self, now: Mono, host: &str, port: u16);
    /// Logs in over the open connection.
    fn connect(&mut self, now: Mono, login: &Login);
    /// Publishes. With `QoS` 1 an [`Arrival::PubAck`] follows, with `QoS` 2 an [`Arrival::PubRec`] before it.
    fn publish(&mut self, now: Mono, post: &Post);
    /// Subscribes to one topic filter.
    fn subscribe(&mut self, now: Mono, filter: &str, qos: u8);
    /// Ends one subscription.
    fn unsubscribe(&mut self, now: Mono, filter: &str);
    /// Logs out; the TCP connection stays until [`Cloud::close`].
    fn disconnect(&mut self, now: Mono);
    /// Closes the TCP connection from the module's side. Nothing arrives from it any more.
    fn close(&mut self, now: Mono);

    /// When something may have arrived; `None` while nothing is on its way.
    fn next(&self) -> Option<Mono>;
    /// Takes what has arrived by `now`.
    fn poll(&mut self, now: Mono) -> Vec<Arrival>;

    /// Publishes a message from the cloud's own side, to whoever subscribed.
    fn send(&mut self, now: Mono, topic: &str, payload: &[u8]);
    /// Whether the broker can be reached from now on. Going away closes the connection.
    fn set_reachable(&mut self, now: Mono, reachable: bool);
    /// Closes the connection once, from the far side.
    fn hang_up(&mut self, now: Mono);

    /// Which connection this is: another number, another connection.
    fn connection(&self) -> u32 {
        0
    }
    /// Something goes wrong between the module and the broker, or no longer. A real broker cannot be told.
    fn disturb(&mut self, _now: Mono, _how: Disturbance) {}

    /// Whether things arrive by the wall's time, from outside the simulation.
    fn live(&self) -> bool {
        false
    }
    /// The descriptor to wait on beside the timers, where there is one.
    #[cfg(unix)]
    fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
    /// What was received so far, oldest first.
    fn received(&self) -> &[Receipt];
    /// The same, and forgets it.
    fn take_received(&mut self) -> Vec<Receipt>;
}

/// Whether `topic` is one of those that the MQTT topic filter `filter` names (MQTT 3.1.1, 4.7).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        match (level, topic.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (level, Some(name)) if level == name => {}
            _ => return false,
        }
    }
    topic.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn topic_filters() {
        assert!(matches("command/send/+", "command/send/1000"));
        assert!(!matches("command/send/+", "command/send/1000/x"));
        assert!(!matches("command/send/+", "command/send"));
        assert!(matches("command/#", "command/send/1"));
        assert!(matches("command/#", "command"));
        assert!(matches("#", "anything"));
        assert!(!matches("attributes", "attributes/push"));
        assert!(!matches("attributes/push", "attributes"));
    }
}
