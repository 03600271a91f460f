//! Messages: `receive`, and `publish` through the dialect's contract.

use std::rc::Rc;

use crate::flow::model::{FlowId, Payload, Publish, Receive};
use crate::hooks::{self, Bytes, Value};
use crate::link::Mono;
use crate::session::Fault;

use super::actions::capture_value;
use super::failure::Failure;
use super::frame::Frame;
use super::home::Post;
use super::render;
use super::{Halt, Run};

impl Run {
    pub(super) fn receive(
        &mut self,
        receive: &Receive,
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
        let program = Rc::clone(&self.program);
        let Some(id) = program.contract.get("fetch").copied() else {
            // Nobody will ever bring them, so there is nothing to come back for.
            self.session.take_notices();
            let message = "a message waits inside the module, and the dialect has no flow `fetch`";
            return Err(Failure::refused(message).into());
        };
        let params = &program.flow(id).params;
        let mut notices = self.session.take_notices();
        if params.is_empty() {
            // One call brings whatever waits.
            notices.truncate(1);
        }
        for notice in &notices {
            let args = params.iter().map(|param| notice.get(&param.name).map(capture_value)).collect();
            self.inside(|run| run.call(id, args, until, None))?;
        }
        Ok(())
    }

    pub(super) fn publish(
        &mut self,
        publish: &Publish,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let topic = self.text(&publish.topic, frame, false)?;
        let payload = match &publish.payload {
            Payload::Json(leaf) => {
                let json = json_text(&self.leaf(leaf, frame)?)?;
                if self.home.is_some() { hooks::plain_json(&json) } else { json }.into_bytes()
            }
            Payload::Text(template) => self.text(template, frame, false)?.into_bytes(),
            Payload::Bytes(expr) => {
                let value = self.eval(expr, frame)?;
                render::data(expr.program.source(), &value)?
            }
        };
        let qos = match (&publish.qos, &self.home) {
            (Some(qos), _) => self.leaf(qos, frame)?.as_int().unwrap_or(-1),
            (None, Some(home)) => home.default_qos().into(),
            (None, None) => 0,
        };
        let retain = self
            .leaf(&publish.retain, frame)?
            .as_bool()
            .map_err(|_| Failure::refused("`retain` is neither true nor false"))?;
        self.fits(&topic, payload.len(), qos)?;
        *begun = true;
        let post = Post { topic, payload, qos: u8::try_from(qos).unwrap_or(0), retain };
        if self.home.is_some() {
            // In a station it is published by the outbox, whenever the link allows.
            self.next_mark();
            self.staged.posts.push(post);
            return Ok(());
        }
        self.send_post(publish.flow, post, until)?;
        self.totals.published += 1;
        Ok(())
    }

    /// Publishes through the contract, now.
    pub(super) fn send_post(&mut self, flow: FlowId, post: Post, until: Mono) -> Result<(), Halt> {
        let args = self.publish_args(flow, post)?;
        self.inside(|run| run.call(flow, args, until, None)).map(drop)
    }

    /// Whether the module can publish it.
    pub fn fits(&self, topic: &str, payload_bytes: usize, qos: i64) -> Result<(), Failure> {
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

    fn publish_args(&mut self, flow: FlowId, post: Post) -> Result<Vec<Option<Value>>, Failure> {
        let Post { topic, payload, qos, retain } = post;
        let id = if qos == 0 { 0 } else { self.next_packet_id() };
        let mut given = [
            ("topic", Some(Value::from(topic))),
            ("payload", Some(Bytes::value(payload))),
            ("qos", Some(i64::from(qos).into())),
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
fn json_text(value: &Value) -> Result<String, Failure> {
    hooks::to_json(value)
        .map(|json| json.to_string())
        .map_err(|why| Failure::refused(format!("the payload is no JSON: {why}")))
}
