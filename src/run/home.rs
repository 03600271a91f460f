//! What a station is for the runs in it. A flow that ends has no home: it sends what it publishes at once,
//! and there is no `state`.

use std::sync::Arc;

use crate::hooks::Value;

use super::failure::Failure;

/// A station, as its runs see it. They share it, so it changes behind `&self`.
pub trait Home {
    /// All values of `state`, a map.
    fn state(&self) -> Value;
    /// The name of a value of `state`, by its index in the station's file.
    fn state_name(&self, index: usize) -> Arc<str>;
    /// Whether a value may be stored under a name of `state`.
    fn check_state(&self, name: &str, value: &Value) -> Result<(), Failure>;
    /// The MQTT filters that the link subscribes to.
    fn subscriptions(&self) -> Value;
    /// Whether the next session with the broker begins without what the broker remembers.
    fn clean_session(&self) -> bool;
    /// Quality of service of a `publish` that says none.
    fn default_qos(&self) -> u8;
    /// A command line that asks for data is about to be sent: until it is answered the module takes everything
    /// for data.
    fn data_begins(&self);
    /// Makes everything of one step durable, together, before the step counts as passed.
    fn commit(&self, effects: Effects) -> Result<(), Failure>;
}

/// What one step leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// New values of `state`, in order; of two with the same name the later one stays.
    pub state: Vec<(Arc<str>, Value)>,
    /// Messages for the outbox.
    pub posts: Vec<Post>,
}

impl Effects {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.state.is_empty() && self.posts.is_empty()
    }
}

/// A message that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub topic: String,
    /// Any bytes at all.
    pub payload: Vec<u8>,
    /// Quality of service: 0 or 1.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
}
