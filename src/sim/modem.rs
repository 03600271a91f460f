//! The part that every AT module shares: assembling command lines, echo, `ATE ATV ATQ ATZ AT&W +CMEE +IPR`,
//! joined commands, result codes, the data phase, delays, start and restart. What a family does beyond
//! that is a [`Firmware`].

use std::collections::VecDeque;
use std::rc::Rc;

use super::answer::{Answer, DataPhase, End};
use super::cloud::Arrival;
use super::command::{Command, Quoting, commands};
use super::dce::Power;
pub(crate) use super::dce::{Core, Dce, Tick};
use super::profile::{Busy, LineEnd, Profile};
use super::scenario::{BootNoise, Refusal, SimSettings};
use super::world::{Effect, Io, Module, Said, Trouble};
use crate::link::Mono;

const CR: u8 = b'\r';
const LF: u8 = b'\n';
const BACKSPACE: u8 = 0x08;
const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;

/// What one module family does beyond the common part.
pub(crate) trait Firmware {
    /// What it waits for by itself.
    type Timer;
    /// How its quoted arguments hide a quotation mark.
    const QUOTING: Quoting;

    /// It listens now; everything that is not saved is as delivered. `warm`: it has been on for long.
    fn start(&mut self, dce: &mut Dce<'_, '_, Self::Timer>, warm: bool);
    /// Carries out a command that is neither common nor answered by the data file.
    fn execute(&mut self, command: &Command, dce: &mut Dce<'_, '_, Self::Timer>) -> Answer;
    /// The data it asked for; `None` if the host left the data phase with 0x1B.
    fn data(&mut self, data: Option<Vec<u8>>, dce: &mut Dce<'_, '_, Self::Timer>) -> Answer;
    /// Something it waited for.
    fn timer(&mut self, timer: Self::Timer, dce: &mut Dce<'_, '_, Self::Timer>);
    /// Something came from the network.
    fn arrival(&mut self, arrival: Arrival, dce: &mut Dce<'_, '_, Self::Timer>);
    /// The network goes away, or comes back.
    fn network(&mut self, there: bool, dce: &mut Dce<'_, '_, Self::Timer>);
}

/// What the modem is doing.
#[derive(Debug)]
enum State {
    /// Without power, or not listening yet: input is lost.
    Deaf,
    Idle,
    /// A command runs; these come after it.
    Busy(VecDeque<Command>),
    Data(DataPhase, Vec<u8>),
}

/// A simulated module.
pub(crate) struct Modem<F: Firmware> {
    core: Core<F::Timer>,
    firmware: F,
    state: State,
    /// Input that waits until the command before it is done.
    pending: VecDeque<u8>,
    line: Vec<u8>,
    /// The line grew too long; it is `ERROR` when it ends.
    overlong: bool,
    /// The last byte was the CR that ended a line: an LF behind it belongs to it.
    after_cr: bool,
    /// Which wait for data is the current one.
    data_wait: u64,
    /// `AT`s still to come until the baud rate is found.
    untrained: u32,
    /// Command lines that are not carried out.
    refusals: Vec<Refusal>,
    /// Until then what comes is lost.
    deaf_until: Mono,
}

impl<F: Firmware> Modem<F> {
    /// A module without power.
    pub(crate) fn new(firmware: F, profile: Rc<Profile>, settings: SimSettings, seed: u64) -> Self {
        Self {
            core: Core::new(profile, settings, seed),
            firmware,
            state: State::Deaf,
            pending: VecDeque::new(),
            line: Vec::new(),
            overlong: false,
            after_cr: false,
            data_wait: 0,
            untrained: 0,
            refusals: Vec::new(),
            deaf_until: Mono::ZERO,
        }
    }

    /// Runs `act` on the firmware, then does what it asked of the modem.
    fn with(&mut self, io: &mut Io<'_>, act: impl FnOnce(&mut F, &mut Dce<'_, '_, F::Timer>)) {
        act(&mut self.firmware, &mut Dce { core: &mut self.core, io });
        self.settle(io);
    }

    /// Does what the firmware asked for through its [`Dce`].
    fn settle(&mut self, io: &mut Io<'_>) {
        if let Some(answer) = self.core.finished.take()
            && matches!(self.state, State::Busy(_))
        {
            self.conclude(answer, io);
        }
        match std::mem::take(&mut self.core.power) {
            Power::Stay => {}
            Power::Off => self.power_off(io),
            Power::Restart => self.restart(io),
        }
    }

    fn power_off(&mut self, io: &mut Io<'_>) {
        self.state = State::Deaf;
        self.data_wait += 1;
        self.pending.clear();
        self.line.clear();
        self.overlong = false;
        self.after_cr = false;
        self.core.agenda.clear();
        io.cloud.close(io.now);
    }

    fn restart(&mut self, io: &mut Io<'_>) {
        self.power_off(io);
        let pause = self.core.span(self.core.profile.restart);
        self.core.after(io, pause, Tick::PowerOn);
    }

    /// Power comes: noise first, then it listens.
    fn boot(&mut self, io: &mut Io<'_>) {
        self.load_saved(io);
        self.untrained = self.core.settings.autobaud;
        if self.untrained > 0 {
            // With automatic baud rate nothing is said before the rate is known (manual, AT+IPR).
            self.state = State::Idle;
            return;
        }
        let ready = self.core.span(self.core.profile.ready);
        self.noise(io);
        self.core.after(io, ready, Tick::Listen);
    }

    fn load_saved(&mut self, io: &mut Io<'_>) {
        self.core.line = self.core.saved;
        io.effects.push(Effect::Baud(self.core.line.baud_bps));
    }

    fn noise(&mut self, io: &mut Io<'_>) {
        let profile = Rc::clone(&self.core.profile);
        for line in profile.boot.get(self.core.settings.boot.key()).into_iter().flatten() {
            let mut bytes = super::command::unhex(line.hex.as_bytes()).unwrap_or_default();
            bytes.extend_from_slice(line.text.as_bytes());
            let at = self.core.span(line.at);
            self.core.after(io, at, Tick::Say(bytes));
        }
    }

    fn listen(&mut self, io: &mut Io<'_>, warm: bool) {
        self.state = State::Idle;
        self.with(io, |firmware, dce| firmware.start(dce, warm));
    }

    /// Takes in what waits, as far as the state allows.
    fn pump(&mut self, io: &mut Io<'_>) {
        let mut echo = Vec::new();
        let refuse = self.core.profile.line.busy == Busy::Refuse;
        loop {
            match self.state {
                State::Deaf => self.pending.clear(),
                State::Busy(_) if !refuse => break,
                _ => {}
            }
            let Some(byte) = self.pending.pop_front() else { break };
            if self.echoes() {
                echo.push(byte);
            }
            if std::mem::take(&mut self.after_cr) && byte == LF {
                continue;
            }
            if matches!(self.state, State::Data(..)) {
                self.data_byte(byte, &mut echo, io);
            } else if self.line_byte(byte) {
                let line = std::mem::take(&mut self.line);
                // The LF of a CR LF is echoed before the answer, not in the middle of it.
                if self.pending.front() == Some(&LF) && byte == CR {
                    self.pending.pop_front();
                    self.after_cr = false;
                    if self.core.line.echo {
                        echo.push(LF);
                    }
                }
                self.say_echo(&mut echo, io);
                self.command_line(&line, io);
            }
        }
        self.say_echo(&mut echo, io);
    }

    fn echoes(&self) -> bool {
        match &self.state {
            State::Data(phase, _) => phase.echo && (self.core.line.echo || self.core.settings.payload_echo),
            _ => self.core.line.echo,
        }
    }

    fn say_echo(&self, echo: &mut Vec<u8>, io: &mut Io<'_>) {
        if self.untrained > 0 {
            // At the wrong baud rate every byte comes back as another one.
            super::world::garble(echo);
        }
        if !echo.is_empty() {
            io.effects.push(Effect::Send(Said::Other, std::mem::take(echo)));
        }
    }

    /// Takes one byte of a command line; true when it ended the line.
    fn line_byte(&mut self, byte: u8) -> bool {
        match (self.core.profile.line.ends, byte) {
            (LineEnd::Cr, CR) => {
                self.after_cr = true;
                return true;
            }
            (LineEnd::Cr, LF) => return false,
            (LineEnd::Crlf, LF) if self.line.last() == Some(&CR) => {
                self.line.pop();
                return true;
            }
            (_, BACKSPACE) => {
                self.line.pop();
                return false;
            }
            _ => {}
        }
        // One more than allowed fits, so that a CR at the limit is still seen.
        if self.line.len() <= self.core.profile.line.max {
            self.line.push(byte);
        } else {
            self.overlong = true;
            if byte == CR {
                self.line.pop();
                self.line.push(CR);
            }
        }
        false
    }

    fn command_line(&mut self, line: &[u8], io: &mut Io<'_>) {
        let overlong = std::mem::take(&mut self.overlong) || line.len() > self.core.profile.line.max;
        if matches!(self.state, State::Busy(_)) {
            io.effects.push(Effect::Send(Said::Line, b"\r\nbusy p...\r\n".to_vec()));
            return;
        }
        // Line noise before the prefix is skipped; a line without the prefix is none (V.250, 5.2.1).
        let start = line.iter().position(u8::is_ascii_graphic).unwrap_or(line.len());
        let line = &line[start..];
        let Some(body) = line.strip_prefix(b"AT").or_else(|| line.strip_prefix(b"at")) else { return };
        if self.untrained > 0 {
            self.train(line, io);
            return;
        }
        if let Some(index) = self.refusals.iter().position(|refusal| refusal.line.is_match(line, &[])) {
            if let Some(result) = self.refusals.remove(index).with {
                self.conclude(Answer::own(result), io);
            }
            return;
        }
        match (overlong, commands(body, F::QUOTING)) {
            (false, Some(commands)) => {
                self.state = State::Busy(commands.into());
                self.run_next(io);
            }
            _ => self.conclude(Answer::error(), io),
        }
    }

    /// Counts the `AT`s that let the module find the baud rate; `at` does not help.
    fn train(&mut self, line: &[u8], io: &mut Io<'_>) {
        if line != b"AT" {
            return;
        }
        self.untrained -= 1;
        if self.untrained == 0 {
            self.noise(io);
            self.listen(io, false);
        }
    }

    /// Starts the first command of the line; it is carried out when its delay is over.
    fn run_next(&mut self, io: &mut Io<'_>) {
        if let State::Busy(commands) = &self.state
            && let Some(command) = commands.front()
        {
            let delay = self.core.profile.delay(command);
            let delay = self.core.about(delay);
            self.core.after(io, delay, Tick::Execute);
        }
    }

    fn execute(&mut self, io: &mut Io<'_>) {
        let State::Busy(commands) = &mut self.state else { return };
        let Some(command) = commands.pop_front() else { return };
        let common = self.core.common(&command);
        let answer = common.unwrap_or_else(|| {
            let mut dce = Dce { core: &mut self.core, io };
            self.firmware.execute(&command, &mut dce)
        });
        self.conclude(answer, io);
        self.settle(io);
    }

    /// Says what a command led to and goes on with the next one.
    fn conclude(&mut self, answer: Answer, io: &mut Io<'_>) {
        if answer.end == End::Later {
            self.core.say_lines(&answer, io);
            return;
        }
        let more = matches!(&self.state, State::Busy(rest) if !rest.is_empty());
        if answer.end == End::Ok && more {
            self.core.say_lines(&answer, io);
            self.run_next(io);
            return;
        }
        self.state = State::Idle;
        self.core.say_answer(&answer, io);
        if let End::Prompt(phase) = answer.end {
            self.state = State::Data(phase, Vec::new());
            self.wait_for_data(io);
        } else {
            self.deaf_until = io.now + self.core.settings.deaf;
        }
        if let Some(effect) = self.core.baud_after_result.take() {
            io.effects.push(effect);
        }
    }

    /// (Re)starts the silence after which data is over.
    fn wait_for_data(&mut self, io: &mut Io<'_>) {
        self.data_wait += 1;
        if let State::Data(DataPhase { gap: Some(gap), .. }, _) = self.state {
            let wait = self.data_wait;
            self.core.after(io, gap, Tick::DataGap(wait));
        }
    }

    fn data_byte(&mut self, byte: u8, echo: &mut Vec<u8>, io: &mut Io<'_>) {
        let State::Data(phase, data) = &mut self.state else { return };
        let ended = match (phase.length, byte) {
            (None, CTRL_Z) => true,
            (None, ESC) if phase.escape => {
                self.say_echo(echo, io);
                self.end_data(false, io);
                return;
            }
            (length, byte) => {
                if data.len() < phase.max {
                    data.push(byte);
                }
                length.is_some_and(|length| data.len() >= length)
            }
        };
        if ended {
            self.say_echo(echo, io);
            self.end_data(true, io);
        }
    }

    fn end_data(&mut self, keep: bool, io: &mut Io<'_>) {
        // The modem is busy until the data is dealt with, so that what follows waits its turn.
        let State::Data(_, data) = std::mem::replace(&mut self.state, State::Busy(VecDeque::new())) else {
            return;
        };
        self.data_wait += 1;
        self.core.after(io, self.core.data_delay(), Tick::DataDone(keep.then_some(data)));
    }
}

impl<F: Firmware> Module for Modem<F> {
    fn power_on(&mut self, io: &mut Io<'_>) {
        if self.core.settings.warm() {
            self.load_saved(io);
            self.listen(io, true);
        } else {
            self.boot(io);
        }
    }

    fn receive(&mut self, bytes: &[u8], io: &mut Io<'_>) {
        if io.now < self.deaf_until {
            return;
        }
        self.pending.extend(bytes);
        self.pump(io);
        if matches!(self.state, State::Data(..)) {
            self.wait_for_data(io);
        }
    }

    fn wants_data(&self) -> bool {
        matches!(self.state, State::Data(..))
    }

    fn refusals(&self) -> &[Refusal] {
        &self.refusals
    }

    fn alarm(&mut self, id: u64, io: &mut Io<'_>) {
        match self.core.agenda.remove(&id) {
            Some(Tick::Execute) => self.execute(io),
            Some(Tick::DataDone(data)) => {
                let mut dce = Dce { core: &mut self.core, io };
                let answer = self.firmware.data(data, &mut dce);
                self.conclude(answer, io);
                self.settle(io);
            }
            Some(Tick::DataGap(wait)) if wait == self.data_wait => self.end_data(true, io),
            // Void: from before a restart, or from an earlier wait.
            None | Some(Tick::DataGap(_)) => {}
            Some(Tick::Say(bytes)) => io.effects.push(Effect::Send(Said::Other, bytes)),
            Some(Tick::PowerOn) => self.boot(io),
            Some(Tick::Listen) => self.listen(io, false),
            Some(Tick::Own(timer)) => self.with(io, |firmware, dce| firmware.timer(timer, dce)),
        }
        self.pump(io);
    }

    fn arrival(&mut self, arrival: Arrival, io: &mut Io<'_>) {
        if !matches!(self.state, State::Deaf) {
            self.with(io, |firmware, dce| firmware.arrival(arrival, dce));
        }
    }

    fn trouble(&mut self, trouble: &Trouble, io: &mut Io<'_>) {
        let deaf = matches!(self.state, State::Deaf);
        match trouble {
            Trouble::Reset { silent } => {
                self.power_off(io);
                let usual = self.core.settings.boot;
                if *silent {
                    self.core.settings.boot = BootNoise::Silent;
                }
                self.boot(io);
                self.core.settings.boot = usual;
            }
            Trouble::Echo => self.core.line.echo = true,
            Trouble::Urc(_) if deaf => {}
            Trouble::Urc(text) => self.core.urc(text.as_bytes(), io),
            Trouble::Refuse(refusal) => self.refusals.push(refusal.clone()),
            Trouble::Network { there } => {
                self.core.network_there = *there;
                if !deaf {
                    self.with(io, |firmware, dce| firmware.network(*there, dce));
                }
            }
        }
    }
}
