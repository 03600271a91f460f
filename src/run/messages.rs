//! Messages: `receive`, and `publish` through the dialect's contract.

use crate::flow::model::{FlowId, Payload, Publish, Receive};
use crate::hooks::{self, Bytes, Value};
use crate::link::Mono;
use crate::session::Fault;

use super::actions::capture_value;
use super::failure::Failure;
use super::frame::Frame;
use super::render;
use super::{Halt, Run};

impl<'p> Run<'p> {
    pub(super) fn receive(
        &mut self,
        receive: &'p Receive,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        *begun = true;
        self.next_mark();
        let since = self.previous_mark;
        let (holes, message) = loop {
            let wanted = |message: &crate::at::sorter::Message| receive.topic.holes(&message.topic);
            match self.session.receive(receive.topic.source(), wanted, since, until) {
                Ok(found) => break found,
                Err(Fault::Notice) => self.fetch(until)?,
                Err(fault) => return Err(self.fault(fault).into()),
            }
        };
        self.totals.received += 1;
        let body = hooks::body(&message.payload);
        for (name, slot) in &receive.captures {
            let value = match &**name {
                "topic" => message.topic.clone().into(),
                "payload" => Bytes::value(message.payload.clone()),
                "body" => body.clone(),
                hole => holes
                    .iter()
                    .find(|(found, _)| &**found == hole)
                    .map_or(Value::UNIT, |(_, text)| text.clone().into()),
            };
            frame.set(*slot, value);
        }
        Ok(())
    }

    /// Messages wait inside the module: the contract's `fetch` brings them as `message` lines.
    pub(super) fn fetch(&mut self, until: Mono) -> Result<(), Halt> {
        let notices = self.session.take_notices();
        let Some(id) = self.program.contract.get("fetch").copied() else {
            return Err(Failure::refused(
                "a message waits inside the module, and the dialect has no flow `fetch`",
            )
            .into());
        };
        let last = notices.last();
        let args = self
            .program
            .flow(id)
            .params
            .iter()
            .map(|param| last.and_then(|captures| captures.get(&param.name)).map(capture_value));
        let args = args.collect();
        self.inside(|run| run.call(id, args, until, None)).map(|_| ())
    }

    pub(super) fn publish(
        &mut self,
        publish: &'p Publish,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let topic = self.text(&publish.topic, frame, false)?;
        let payload = match &publish.payload {
            Payload::Json(leaf) => json_bytes(&self.leaf(leaf, frame)?)?,
            Payload::Text(template) => self.text(template, frame, false)?.into_bytes(),
            Payload::Bytes(expr) => {
                let value = self.eval(expr, frame)?;
                render::data(expr.program.source(), &value)?
            }
        };
        let qos = self.leaf(&publish.qos, frame)?.as_int().unwrap_or(-1);
        let retain = self.leaf(&publish.retain, frame)?.as_bool().unwrap_or(false);
        self.fits(&topic, payload.len(), qos)?;
        *begun = true;
        let args = self.publish_args(publish.flow, &topic, payload, qos, retain)?;
        self.inside(|run| run.call(publish.flow, args, until, None))?;
        self.totals.published += 1;
        Ok(())
    }

    pub(super) fn fits(&self, topic: &str, payload_bytes: usize, qos: i64) -> Result<(), Failure> {
        let limits = &self.program.dialect.limits;
        if topic.is_empty() || topic.contains(['+', '#', '\0']) {
            return Err(Failure::refused(format!("`{topic}` is no topic to publish on"))
                .help("a topic is not empty and holds no `+`, `#` or NUL; those are for subscriptions"));
        }
        if topic.len() > limits.topic_bytes {
            return Err(Failure::refused(format!(
                "the topic has {} bytes, the module takes {}",
                topic.len(),
                limits.topic_bytes
            )));
        }
        if payload_bytes > limits.payload_bytes {
            return Err(Failure::refused(format!(
                "the payload has {payload_bytes} bytes, the module takes {}",
                limits.payload_bytes
            ))
            .help("send less, or in several messages"));
        }
        if !limits.qos.contains(&qos) {
            return Err(Failure::refused(format!(
                "qos {qos} is not among what the module takes: {:?}",
                limits.qos
            )));
        }
        Ok(())
    }

    pub(super) fn publish_args(
        &mut self,
        flow: FlowId,
        topic: &str,
        payload: Vec<u8>,
        qos: i64,
        retain: bool,
    ) -> Result<Vec<Option<Value>>, Failure> {
        let id = if qos == 0 { 0 } else { self.next_packet_id() };
        let mut given = [
            ("topic", Some(Value::from(topic.to_string()))),
            ("payload", Some(Bytes::value(payload))),
            ("qos", Some(qos.into())),
            ("retain", Some(retain.into())),
            ("id", Some(i64::from(id).into())),
        ];
        let params = &self.program.flow(flow).params;
        let args = params
            .iter()
            .map(|param| {
                given.iter_mut().find(|(name, _)| *name == &*param.name).and_then(|(_, value)| value.take())
            })
            .collect();
        let left = |name: &str| given.iter().any(|(given, value)| *given == name && value.is_some());
        if qos != 0 && left("qos") {
            return Err(Failure::refused("this module's `publish` has no `qos`")
                .help("publish with `qos: 0`, or with another module's dialect"));
        }
        if retain && left("retain") {
            return Err(Failure::refused("this module's `publish` has no `retain`")
                .help("publish without it, or with another module's dialect"));
        }
        Ok(args)
    }

    pub(super) fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1).max(1);
        self.packet_id
    }
}

/// A value as JSON text; entries that are `()` are left out.
fn json_bytes(value: &Value) -> Result<Vec<u8>, Failure> {
    match hooks::to_json(value) {
        Ok(json) => Ok(json.to_string().into_bytes()),
        Err(why) => Err(Failure::refused(format!("the payload is no JSON: {why}"))),
    }
}
