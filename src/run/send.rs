//! `send` and the probes of `unless`: one command line out of a template, with all the rules that hold for it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::at::dialect::DataEnd;
use crate::flow::duration;
use crate::flow::model::{Input, Piece, Probe, Send, Template};
use crate::hooks;
use crate::link::Mono;
use crate::session::{Answer, Fault, Request};

use super::failure::Failure;
use super::frame::Frame;
use super::once;
use super::render::{self, LineRules};
use super::resolve::Resolved;
use super::{Halt, Run};

/// What a line owes, and until when.
pub(super) struct Owing<'a> {
    pub rules: &'a Resolved,
    /// The texts for `{=x}` holes.
    pub same: Vec<(Arc<str>, String)>,
    pub data: Option<&'a [u8]>,
    /// The step's own timeout.
    pub own_timeout: Option<Duration>,
    /// The deadline of what is around it.
    pub outer: Mono,
}

impl Run {
    /// One command line, with all the rules that hold for it.
    pub(super) fn send(
        &mut self,
        send: &Send,
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
        let owed = Owing { rules: &rules, same, data: data.as_deref(), own_timeout, outer };
        Ok(self.say_line(&line, owed)?)
    }

    /// Sends a line and hears it out.
    pub(super) fn say_line(&mut self, line: &str, owing: Owing<'_>) -> Result<Answer, Failure> {
        let Owing { rules, same, data, own_timeout, outer } = owing;
        self.next_mark();
        let timeout = own_timeout.or(rules.timeout).unwrap_or(self.program.dialect.line.timeout);
        let request = Request {
            line,
            wanted: Arc::clone(&rules.wanted),
            same,
            data,
            ends: rules.ends,
            cancel: rules.cancel,
            restarts: rules.restarts,
            timeout,
            outer,
        };
        if let (Some(home), Some(_)) = (&self.home, data) {
            home.data_begins();
        }
        let start = self.session.now();
        let outcome = self.session.send(&request);
        if rules.once && outcome.is_err() && !self.session.line_left() {
            // It failed before its first byte left: nothing was risked.
            self.redeem_once(line)?;
        }
        let answer = outcome.map_err(|fault| {
            let cut = matches!(fault, Fault::Timeout { .. }) && outer < start + timeout;
            let failure = self.fault(fault);
            if cut { cut_short(failure, timeout, outer.since(start)) } else { failure }
        })?;
        if rules.once {
            self.redeem_once(line)?;
        }
        Ok(answer)
    }

    fn redeem_once(&mut self, line: &str) -> Result<(), Failure> {
        let port = self.port.clone();
        self.once.redeem(&port, &once::key(line)).map_err(Failure::refused)
    }

    pub(super) fn spend_once(&mut self, line: &str) -> Result<(), Failure> {
        let shown = self.masked.text(line);
        if self.once.is_spent(&once::key(line)) {
            return Err(Failure::refused(format!("`{shown}` failed before and is never sent a second time"))
                .help("correct the value; a different line is sent")
                .help("after the SIM was unlocked or changed by other means: `atflow forget`"));
        }
        let port = self.port.clone();
        self.once.spend(&port, &once::key(line)).map_err(|why| {
            Failure::refused(format!(
                "`{shown}` may be sent only once, and that cannot be written down: {why}"
            ))
        })
    }

    /// `unless`: whether things are already so. Errors that mean "no" are a no; anything else fails.
    pub(super) fn probe(&mut self, probe: &Probe, frame: &mut Frame) -> Result<bool, Halt> {
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

    /// A command line: every hole is one argument, and the line is no longer than the module takes.
    pub(super) fn command_line<'t>(
        &mut self,
        template: &'t Template,
        frame: &Frame,
    ) -> Result<Cow<'t, str>, Failure> {
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

    pub(super) fn data(&mut self, template: &Template, frame: &Frame) -> Result<Vec<u8>, Failure> {
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

    pub(super) fn same(&self, inputs: &[Input], frame: &Frame) -> Vec<(Arc<str>, String)> {
        inputs
            .iter()
            .map(|input| (Arc::clone(&input.name), hooks::display(&self.value_of(input, frame))))
            .collect()
    }
}

/// Whether a probe's failure says "not so yet", rather than that something is wrong.
fn is_a_no(failure: &Failure) -> bool {
    !failure.is_fatal()
        && !matches!(failure.family.as_str(), "timeout" | "refused" | "hook" | "closed" | "busy")
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

/// A command that would have had more time, had not what it stands in run out of it.
fn cut_short(mut failure: Failure, own: Duration, had: Duration) -> Failure {
    let [own, had] = [own, had].map(duration::display);
    failure.help.insert(0, format!("it may take {own}, but the `timeout` around it left only {had}"));
    failure
}
