//! placeholder
use super::cloud::*;
use crate::link::Mono;
/// x
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl;
/// x
#[derive(Debug)]
pub struct BrokerUrlError;
pub(crate) struct BrokerCloud;
impl BrokerCloud {
    pub(crate) fn new(_: BrokerUrl) -> Self {
        Self
    }
}
impl Cloud for BrokerCloud {
    fn open(&mut self, _: Mono, _: &str, _: u16) {}
    fn connect(&mut self, _: Mono, _: &Login) {}
    fn publish(&mut self, _: Mono, _: &Post) {}
    fn subscribe(&mut self, _: Mono, _: &str, _: u8) {}
    fn unsubscribe(&mut self, _: Mono, _: &str) {}
    fn disconnect(&mut self, _: Mono) {}
    fn close(&mut self, _: Mono) {}
    fn next(&self) -> Option<Mono> {
        None
    }
    fn poll(&mut self, _: Mono) -> Vec<Arrival> {
        vec![]
    }
    fn send(&mut self, _: Mono, _: &str, _: &[u8]) {}
    fn set_reachable(&mut self, _: Mono, _: bool) {}
    fn hang_up(&mut self, _: Mono) {}
    fn received(&self) -> &[Receipt] {
        &[]
    }
}
