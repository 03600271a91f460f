//! What each action does.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::DataEnd;
use crate::at::pattern::{Capture, Captures, Pattern, Sequence};
use crate::flow::codes::Code;
use crate::flow::duration;
use crate::flow::model::{
    Action, Ask, Await, Call, Each, FlowId, Input, Payload, Piece, PortStep, Probe, Publish, Receive, Send,
    Slot, Step, Template,
};
use crate::hooks::{self, Bytes, Value};
use crate::link::{Mono, PortChange};
use crate::session::{Answer, AwaitLines, Fault, Owed, Request};

use super::event::Event;
use super::failure::Failure;
use super::frame::Frame;
use super::render::{self, LineRules};
use super::{Halt, Run};

/// Most elements of a list that was not known when the flow was checked.
const LOOP_LIMIT: usize = 1000;
/// How often the operator's answer is looked for.
const ANSWER_POLL: Duration = Duration::from_millis(50);

impl<'p> Run<'p> {
    /// Does the step's action. `begun` is set as soon as it has any effect to clean up after.
    pub(super) fn action(
        &mut self,
        step: &'p Step,
        frame: &mut Frame,
        outer: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let own = step.timeout.map_or(outer, |timeout| outer.min(self.session.now() + timeout));
        match &step.action {
            Action::None => {
                *begun = true;
                Ok(())
            }
            Action::Send(send) => {
                let answer = self.send(send, step.timeout, frame, outer, Some(begun))?;
                if self.tells_steps && send.captures.is_empty() {
                    self.answer_lines =
                        answer.information.iter().map(|line| self.masked.text(line)).collect();
                }
                Self::keep(&send.captures, &answer, frame);
                Ok(())
            }
            Action::Await(wait) => self.await_lines(wait, frame, own, begun),
            Action::Receive(receive) => self.receive(receive, frame, own, begun),
            Action::Publish(publish) => self.publish(publish, frame, own, begun),
            Action::Run(call) => self.run_flow(call, frame, own, begun),
            Action::Group(steps) => {
                *begun = true;
                self.inside(|run| run.list(steps, frame, own))
            }
            Action::Each(each) => self.each(each, frame, own, begun),
            Action::Sleep(time) => {
                *begun = true;
                self.next_mark();
                let until = outer.min(self.session.now() + *time);
                self.session.pause(until).map_err(|fault| self.fault(fault).into())
            }
            Action::Ask(ask) => self.ask(ask, frame, own, begun),
            Action::Port(port) => self.port(port, frame, begun),
            Action::Stop(reason) => {
                let reason = self.text(reason, frame, true)?;
                Err(Halt::Stop(self.masked.text(&reason)))
            }
        }
    }

    fn inside<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let result = what(self);
        self.depth -= 1;
        result
    }

    /// A step that talks begins: an `await` behind it may look back to here.
    fn next_mark(&mut self) {
        self.previous_mark = self.current_mark;
        self.current_mark = self.session.mark();
    }

    /// One command line, with all the rules that hold for it.
    pub(super) fn send(
        &mut self,
        send: &'p Send,
        own_timeout: Option<Duration>,
        frame: &Frame,
        outer: Mono,
        begun: Option<&mut bool>,
    ) -> Result<Answer, Halt> {
        let line = self.command_line(&send.line, frame)?;
        let rules = self.resolve(send, &line)?;
        let data = send.data.as_ref().map(|data| self.data(data, frame)).transpose()?;
        if let (Some(data), DataEnd::CtrlZ) = (&data, rules.ends) {
            refuse_control_bytes(data)?;
        }
        if rules.once {
            self.spend_once(&line)?;
        }
        let same = self.same(&send.same, frame);
        if let Some(begun) = begun {
            *begun = true;
            if self.tells_steps && send.line.literal().is_none() {
                self.sent_line = Some(self.masked.text(&line));
            }
        }
        self.next_mark();
        let timeout = own_timeout.or(rules.timeout).unwrap_or(self.program.dialect.line.timeout);
        let request = Request {
            line: &line,
            wanted: Arc::clone(&rules.wanted),
            same,
            data: data.as_deref(),
            ends: rules.ends,
            cancel: rules.cancel,
            restarts: rules.restarts,
            timeout,
            outer,
        };
        let start = self.session.now();
        let answer = self.session.send(&request).map_err(|fault| {
            let cut = matches!(fault, Fault::Timeout { .. }) && outer < start + timeout;
            let failure = self.fault(fault);
            if cut { cut_short(failure, timeout, outer.since(start)) } else { failure }
        })?;
        if rules.once {
            let port = self.port.clone();
            self.once.redeem(&port, &line).map_err(Failure::refused)?;
        }
        Ok(answer)
    }

    fn spend_once(&mut self, line: &str) -> Result<(), Failure> {
        let shown = self.masked.text(line);
        if self.once.is_spent(&self.port, line) {
            return Err(Failure::refused(format!("`{shown}` failed before and is never sent a second time"))
                .help("correct the value; a different line is sent")
                .help("after the SIM was unlocked or changed by other means: `atflow forget`"));
        }
        let port = self.port.clone();
        self.once.spend(&port, line).map_err(|why| {
            Failure::refused(format!(
                "`{shown}` may be sent only once, and that cannot be written down: {why}"
            ))
        })
    }

    /// `unless`: whether things are already so. Errors that mean "no" are a no; anything else fails.
    pub(super) fn probe(&mut self, probe: &'p Probe, frame: &mut Frame) -> Result<bool, Halt> {
        let point = frame.begin();
        let answer = self.send(&probe.send, probe.timeout, frame, Mono::FAR, None);
        let verdict = match answer {
            Ok(answer) => {
                Self::keep(&probe.send.captures, &answer, frame);
                self.checks(&probe.check, frame, &mut Vec::new()).map_err(Halt::from)
            }
            Err(halt) => Err(halt),
        };
        frame.end();
        frame.undo(point);
        match verdict {
            Ok(()) => Ok(true),
            Err(Halt::Failed(failure)) if is_a_no(&failure) => Ok(false),
            Err(halt) => Err(halt),
        }
    }

    fn await_lines(
        &mut self,
        wait: &'p Await,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        let same = self.same(&wait.same, frame);
        *begun = true;
        self.next_mark();
        let answer = self
            .session
            .await_lines(AwaitLines {
                lines: &wait.lines,
                fail: wait.fail.as_ref(),
                collect: wait.collect.as_ref(),
                same,
                since: self.step_before,
                deadline: until,
            })
            .map_err(|fault| self.fault(fault))?;
        Self::keep(&wait.captures, &answer, frame);
        Ok(())
    }

    fn receive(
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
    fn fetch(&mut self, until: Mono) -> Result<(), Halt> {
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

    fn publish(
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

    fn fits(&self, topic: &str, payload_bytes: usize, qos: i64) -> Result<(), Failure> {
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

    fn publish_args(
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

    fn next_packet_id(&mut self) -> u16 {
        self.packet_id = self.packet_id.checked_add(1).unwrap_or(1).max(1);
        self.packet_id
    }

    fn run_flow(
        &mut self,
        call: &'p Call,
        frame: &mut Frame,
        until: Mono,
        begun: &mut bool,
    ) -> Result<(), Halt> {
        for unsupported in &call.unsupported {
            let value = self.leaf(&unsupported.value, frame)?;
            if hooks::display(&value) != hooks::display(&unsupported.default) {
                let flow = &self.program.flow(call.flow).name;
                return Err(Failure::refused(format!(
                    "this module's `{flow}` has no `{}`",
                    unsupported.name
                ))
                .help(format!("only its default `{}` may be passed", hooks::display(&unsupported.default)))
                .into());
            }
        }
        let mut args = vec![None; self.program.flow(call.flow).params.len()];
        for (index, leaf) in &call.with {
            args[*index] = Some(self.leaf(leaf, frame)?);
        }
        *begun = true;
        let values = self.inside(|run| run.call(call.flow, args, until, None))?;
        for (index, slot) in &call.returns {
            frame.set(*slot, values[*index].clone());
        }
        Ok(())
    }

    fn each(&mut self, each: &'p Each, frame: &mut Frame, until: Mono, begun: &mut bool) -> Result<(), Halt> {
        let list = self.eval(&each.list, frame)?;
        let most = each.length.unwrap_or(LOOP_LIMIT);
        let items = hooks::elements(&list, most).map_err(|why| {
            Failure::refused(format!("`{}` cannot be gone through: {why}", each.list.program.source()))
        })?;
        *begun = true;
        let of = items.len();
        for (done, item) in items.into_iter().enumerate() {
            let depth = self.depth;
            self.tell(&Event::Progress { depth, done, of });
            for slot in &each.fresh {
                frame.set(*slot, Value::UNIT);
            }
            frame.put(each.slot, item);
            let outcome = self.inside(|run| run.list(&each.steps, frame, until));
            frame.put(each.slot, Value::UNIT);
            outcome?;
        }
        let depth = self.depth;
        self.tell(&Event::Progress { depth, done: of, of });
        Ok(())
    }

    fn ask(&mut self, ask: &'p Ask, frame: &mut Frame, until: Mono, begun: &mut bool) -> Result<(), Halt> {
        let question = self.text(&ask.question, frame, true)?;
        let question = self.masked.text(&question);
        *begun = true;
        self.next_mark();
        self.tell(&Event::Question(&question));
        let typed = loop {
            let answer = self.observer.borrow_mut().answer();
            if let Some(typed) = answer {
                break typed;
            }
            let now = self.session.now();
            if now >= until {
                return Err(self.fault(Fault::Timeout { owed: Owed::Operator }).into());
            }
            self.session.pause(until.min(now + ANSWER_POLL)).map_err(|fault| self.fault(fault))?;
        };
        let Some(expect) = &ask.expect else { return Ok(()) };
        let Some(captures) = expect.patterns().find_map(|pattern| pattern.match_line(typed.as_bytes(), &[]))
        else {
            return Err(Failure::new(
                Code::FAILED_UNEXPECTED,
                "unexpected",
                format!("`{}` was typed, which is not `{}`", self.masked.text(&typed), sources(expect)),
            )
            .into());
        };
        Self::keep(&ask.captures, &Answer { captures, ..Answer::default() }, frame);
        Ok(())
    }

    fn port(&mut self, port: &'p PortStep, frame: &mut Frame, begun: &mut bool) -> Result<(), Halt> {
        let mut change = PortChange::default();
        if let Some(baud) = &port.baud {
            let value = self.leaf(baud, frame)?;
            let parsed = hooks::display(&value).parse().ok().filter(|baud| *baud > 0);
            change.baud_bps =
                Some(parsed.ok_or_else(|| {
                    Failure::refused(format!("`{}` is no baud rate", hooks::display(&value)))
                })?);
        }
        for (leaf, line) in [(&port.dtr, &mut change.dtr), (&port.rts, &mut change.rts)] {
            if let Some(leaf) = leaf {
                *line = Some(on_or_off(&self.leaf(leaf, frame)?)?);
            }
        }
        if let Some(leaf) = &port.break_for {
            let text = hooks::display(&self.leaf(leaf, frame)?);
            change.break_for = Some(
                duration::parse(&text).map_err(|_| Failure::refused(format!("`{text}` is no duration")))?,
            );
        }
        *begun = true;
        self.next_mark();
        self.session.change_port(change).map_err(|fault| self.fault(fault).into())
    }

    /// A command line: every hole is one argument, and the line is no longer than the module takes.
    fn command_line(&mut self, template: &'p Template, frame: &Frame) -> Result<Cow<'p, str>, Failure> {
        let line = if let Some(text) = template.literal() {
            Cow::Borrowed(text)
        } else {
            let mut line = String::new();
            for piece in &template.pieces {
                match piece {
                    Piece::Text(text) => line.push_str(text),
                    Piece::Expr { expr, quoted } => {
                        let value = self.eval(expr, frame)?;
                        let rules = LineRules { escapes: &self.program.dialect.escapes };
                        let text = rules.argument(expr.program.source(), &value, *quoted);
                        line.push_str(&text.map_err(|mut failure| {
                            failure.span = Some(expr.span);
                            failure
                        })?);
                    }
                }
            }
            Cow::Owned(line)
        };
        let most = self.program.dialect.line.max_bytes;
        if line.len() > most {
            return Err(Failure::refused(format!(
                "the command line has {} bytes, the module takes {most}",
                line.len()
            ))
            .help("a long payload goes into `data`, behind a prompt"));
        }
        Ok(line)
    }

    fn data(&mut self, template: &'p Template, frame: &Frame) -> Result<Vec<u8>, Failure> {
        let mut out = Vec::new();
        for piece in &template.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Expr { expr, .. } => {
                    let value = self.eval(expr, frame)?;
                    out.extend(render::data(expr.program.source(), &value)?);
                }
            }
        }
        Ok(out)
    }

    fn same(&self, inputs: &[Input], frame: &Frame) -> Vec<(Arc<str>, String)> {
        inputs
            .iter()
            .map(|input| (Arc::clone(&input.name), hooks::display(&self.value_of(input, frame))))
            .collect()
    }

    fn keep(slots: &[(Arc<str>, Slot)], answer: &Answer, frame: &mut Frame) {
        for (name, slot) in slots {
            if let Some(capture) = answer.captures.get(name) {
                frame.set(*slot, capture_value(capture));
            } else if let Some((_, list)) = answer.collected.iter().find(|(list, _)| list == name) {
                let items: hooks::Array = list.iter().map(captures_map).collect();
                frame.set(*slot, items.into());
            }
        }
    }
}

/// The patterns of a sequence, as they are written.
fn sources(expect: &Sequence) -> String {
    expect.patterns().map(Pattern::source).collect::<Vec<_>>().join("` or `")
}

/// A value as JSON text; entries that are `()` are left out.
fn json_bytes(value: &Value) -> Result<Vec<u8>, Failure> {
    match hooks::to_json(value) {
        Ok(json) => Ok(json.to_string().into_bytes()),
        Err(why) => Err(Failure::refused(format!("the payload is no JSON: {why}"))),
    }
}

/// A command that would have had more time, had not what it stands in run out of it.
fn cut_short(mut failure: Failure, own: Duration, had: Duration) -> Failure {
    let [own, had] = [own, had].map(duration::display);
    failure.help.insert(0, format!("it may take {own}, but the `timeout` around it left only {had}"));
    failure
}

/// Whether a probe's failure says "not so yet", rather than that something is wrong.
fn is_a_no(failure: &Failure) -> bool {
    !failure.is_fatal()
        && !matches!(failure.family.as_str(), "timeout" | "refused" | "hook" | "closed" | "busy")
}

fn capture_value(capture: &Capture) -> Value {
    match capture {
        Capture::Missing => Value::UNIT,
        Capture::Text(text) => text.clone().into(),
        Capture::Int(int) => (*int).into(),
        Capture::Float(float) => (*float).into(),
        Capture::Bytes(bytes) => Bytes::value(bytes.clone()),
    }
}

fn captures_map(captures: &Captures) -> Value {
    let map: hooks::Map =
        captures.0.iter().map(|(name, capture)| ((&**name).into(), capture_value(capture))).collect();
    map.into()
}

fn on_or_off(value: &Value) -> Result<bool, Failure> {
    if let Ok(flag) = value.as_bool() {
        return Ok(flag);
    }
    match hooks::display(value).as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        other => Err(Failure::refused(format!("`{other}` is neither `on` nor `off`"))),
    }
}

/// Data that ends with Ctrl-Z cannot hold one, nor the Esc that throws it away.
fn refuse_control_bytes(data: &[u8]) -> Result<(), Failure> {
    match data.iter().find(|byte| matches!(byte, 0x1a | 0x1b)) {
        None => Ok(()),
        Some(byte) => {
            Err(Failure::refused(format!("the data holds the byte 0x{byte:02X}, which would end it early"))
                .help("data that ends with Ctrl-Z can hold neither Ctrl-Z nor Esc"))
        }
    }
}
