//! The radio: searching, registration and its URCs, signal, operator.

use std::time::Duration;

use super::super::answer::Answer;
use super::super::command::{Argument, Command, Form};
use super::{Air724, Dce, Timer, arguments, cme, small};
use crate::link::Mono;

/// 3GPP TS 27.007, 10.1.20: not registered, not searching; registered, home; searching.
const OFF: u8 = 0;
const HOME: u8 = 1;
const SEARCHING: u8 = 2;
/// `<AcT>`: E-UTRAN.
const E_UTRAN: u8 = 7;
/// The signal at first, as in `ThingsCloud`'s page for Luat modules, and the bounds of its walk.
const RSSI_AT_FIRST: u8 = 29;
const RSSI: (u8, u8) = (12, 31);
/// How long the signal stays as it is.
const RSSI_STEP: Duration = Duration::from_secs(10);
/// `AT+CFUN=1` after `AT+CFUN=0` searches anew without reading the SIM again.
const FULL: u8 = 1;

/// Commands that report registration, in the order their URCs come.
const DOMAINS: [&str; 3] = ["+CREG", "+CGREG", "+CEREG"];

/// The radio.
#[derive(Debug)]
pub(super) struct Network {
    stat: u8,
    attached: bool,
    function: u8,
    /// What `+CREG=n`, `+CGREG=n`, `+CEREG=n` set.
    modes: [u8; 3],
    rssi: u8,
    rssi_at: Mono,
    /// Searches under way; only the end of the last one counts.
    running: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            stat: OFF,
            attached: false,
            function: FULL,
            modes: [0; 3],
            rssi: RSSI_AT_FIRST,
            rssi_at: Mono::ZERO,
            running: 0,
        }
    }
}

impl Network {
    /// Whether data can flow.
    pub(super) fn attached(&self) -> bool {
        self.attached
    }

    pub(super) fn registered(&self) -> bool {
        self.stat == HOME
    }

    /// As after a successful search.
    pub(super) fn register(&mut self) {
        self.stat = HOME;
        self.attached = true;
    }
}

impl Air724 {
    /// Looks for a network, if there is reason to.
    pub(super) fn search(&mut self, dce: &mut Dce<'_, '_>) {
        if !self.card.ready() || self.network.function != FULL || self.network.registered() {
            return;
        }
        self.set_registration(SEARCHING, dce);
        if dce.core.network_there {
            self.network.running += 1;
            let delay = dce.core.settings.registration;
            match delay {
                // What the user asked for is kept to.
                Some(delay) => dce.after_exactly(delay, Timer::Registered),
                None => dce.after(dce.core.profile.registration.0, Timer::Registered),
            }
        }
    }

    pub(super) fn registered(&mut self, dce: &mut Dce<'_, '_>) {
        self.network.running = self.network.running.saturating_sub(1);
        let wanted = self.network.function == FULL && self.network.stat == SEARCHING;
        if self.network.running > 0 || !wanted || !dce.core.network_there {
            return;
        }
        self.network.attached = true;
        self.set_registration(HOME, dce);
        dce.urc("^MODE: 17,17");
        dce.urc("+E_UTRAN Service");
        let time = self.clock.network_time(dce);
        dce.urc(format!("+NITZ: {time},0"));
    }

    /// The network is gone and takes everything with it that used it.
    pub(super) fn lost(&mut self, dce: &mut Dce<'_, '_>) {
        let had = self.network.attached;
        self.network.attached = false;
        let stat = if self.network.function == FULL && self.card.ready() { SEARCHING } else { OFF };
        self.set_registration(stat, dce);
        if had {
            dce.urc("+NO Service");
            self.drop_bearer(dce);
        }
    }

    fn set_registration(&mut self, stat: u8, dce: &mut Dce<'_, '_>) {
        if self.network.stat == stat {
            return;
        }
        self.network.stat = stat;
        for (domain, mode) in DOMAINS.iter().zip(self.network.modes) {
            if mode > 0 {
                dce.urc(format!("{domain}: {}", self.registration(mode, dce)));
            }
        }
    }

    /// `<stat>`, with the place if `mode` is 2.
    fn registration(&self, mode: u8, dce: &Dce<'_, '_>) -> String {
        let identity = &dce.core.profile.identity;
        let stat = self.network.stat;
        if mode == 2 && stat == HOME {
            format!("{stat},\"{}\",\"{}\",{E_UTRAN}", identity.area, identity.cell)
        } else {
            stat.to_string()
        }
    }

    pub(super) fn network_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        if let Some(domain) = DOMAINS.iter().position(|name| *name == command.name) {
            return self.registration_command(domain, command, dce);
        }
        match (command.name.as_str(), command.form) {
            ("+CSQ", Form::Execute) => Answer::line(format!("+CSQ: {},99", self.signal(dce))),
            ("+CGATT", Form::Read) => Answer::line(format!("+CGATT: {}", u8::from(self.network.attached))),
            ("+CGATT", Form::Set) => self.attach(small(command, 1), dce),
            ("+COPS", Form::Read) if self.network.registered() => {
                let operator = &dce.core.profile.identity.operator;
                Answer::line(format!("+COPS: 0,2,\"{operator}\",{E_UTRAN}"))
            }
            ("+COPS", Form::Read) => Answer::line("+COPS: 0"),
            ("+COPS", Form::Set) => Answer::ok_if(small(command, 0).is_some()),
            ("+CFUN", Form::Read) => Answer::line(format!("+CFUN: {}", self.network.function)),
            ("+CFUN", Form::Set) => self.set_function(command, dce),
            _ => Answer::error(),
        }
    }

    fn registration_command(&mut self, domain: usize, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        match command.form {
            Form::Read => {
                let mode = self.network.modes[domain];
                Answer::line(format!("{}: {mode},{}", command.name, self.registration(mode, dce)))
            }
            Form::Set => small(command, 2).map_or_else(Answer::error, |mode| {
                self.network.modes[domain] = mode;
                Answer::ok()
            }),
            _ => Answer::error(),
        }
    }

    /// A walk by one step up or down every ten seconds that somebody looks; 99 without a network.
    fn signal(&mut self, dce: &mut Dce<'_, '_>) -> u8 {
        if !self.network.registered() {
            return 99;
        }
        let steps = dce.io.now.since(self.network.rssi_at).as_micros() / RSSI_STEP.as_micros();
        // After a long time the walk may be anywhere; more steps would only cost time.
        for _ in 0..steps.min(50) {
            let up = dce.core.entropy.below(2) == 1;
            let rssi = self.network.rssi;
            self.network.rssi = if up { rssi + 1 } else { rssi - 1 }.clamp(RSSI.0, RSSI.1);
        }
        if steps > 0 {
            self.network.rssi_at = dce.io.now;
        }
        self.network.rssi
    }

    fn attach(&mut self, wanted: Option<u8>, dce: &mut Dce<'_, '_>) -> Answer {
        match wanted {
            Some(1) if self.network.registered() => {
                self.network.attached = true;
                Answer::ok()
            }
            Some(1) => Answer::cme(cme::NOT_ALLOWED),
            Some(_) => {
                if self.network.attached {
                    self.network.attached = false;
                    self.drop_bearer(dce);
                }
                Answer::ok()
            }
            None => Answer::error(),
        }
    }

    /// `AT+CFUN=0|1|4[,1]`
    fn set_function(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let numbers: Option<Vec<u8>> =
            arguments(command).and_then(|arguments| arguments.iter().map(Argument::number::<u8>).collect());
        match numbers.as_deref() {
            Some([1, 1]) => {
                dce.restart();
                Answer::ok()
            }
            Some([function @ (0 | 1 | 4)] | [function @ (0 | 1 | 4), 0]) => {
                self.network.function = *function;
                if *function == FULL {
                    self.search(dce);
                } else {
                    self.lost(dce);
                }
                Answer::ok()
            }
            _ => Answer::error(),
        }
    }
}
