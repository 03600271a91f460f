//! The SIM: present or not, its PIN and PUK, its numbers.

use std::time::Duration;

use super::super::answer::Answer;
use super::super::command::{Argument, Command, Form};
use super::super::scenario::SimCard;
use super::{Air724, Dce, Timer, arguments, cme};

/// PINs that may be wrong before the PUK is wanted (3GPP TS 31.101).
const PIN_TRIES: u8 = 3;
/// PUKs that may be wrong before the SIM is dead.
const PUK_TRIES: u8 = 10;
/// From a right PIN until the SIM is ready: `+NITZ` followed 1.7 s later on an `Air780E`.
const UNLOCK: Duration = Duration::from_millis(800);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// It is being read.
    #[default]
    Starting,
    Absent,
    Busy,
    Pin,
    Puk,
    /// Too many wrong PUKs.
    Dead,
    Ready,
}

/// The SIM. It keeps its PIN and its counters through a restart.
#[derive(Debug, Default)]
pub(super) struct Card {
    state: State,
    /// What is on the card; `None` before the first power-on.
    lock: Option<Lock>,
}

#[derive(Debug)]
struct Lock {
    pin: String,
    puk: String,
    /// Whether the PIN is asked for at power-on.
    enabled: bool,
    pin_tries: u8,
    puk_tries: u8,
}

impl Card {
    pub(super) fn ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Why a command that needs the SIM cannot be done now.
    fn trouble(&self) -> Option<u16> {
        match self.state {
            State::Starting | State::Busy => Some(cme::SIM_BUSY),
            State::Absent | State::Dead => Some(cme::NO_SIM),
            State::Pin => Some(cme::SIM_PIN),
            State::Puk => Some(cme::SIM_PUK),
            State::Ready => None,
        }
    }
}

impl Air724 {
    pub(super) fn start_card(&mut self, dce: &mut Dce<'_, '_>, warm: bool) {
        let settings = &dce.core.settings;
        let card = settings.sim_card;
        self.card.lock.get_or_insert_with(|| Lock {
            pin: settings.pin.clone(),
            puk: settings.puk.clone(),
            enabled: matches!(card, SimCard::Pin | SimCard::Puk),
            pin_tries: if card == SimCard::Puk { 0 } else { PIN_TRIES },
            puk_tries: PUK_TRIES,
        });
        self.card.state = match card {
            SimCard::Absent => State::Absent,
            SimCard::Busy => State::Busy,
            _ => State::Starting,
        };
        if self.card.state != State::Starting {
            return;
        }
        if warm {
            self.settle_card();
            if self.card.ready() {
                self.network.register();
                self.clock.set_by_network();
            }
        } else {
            let delay = dce.core.profile.sim_ready.0;
            dce.after(delay, Timer::CardReady);
        }
    }

    fn settle_card(&mut self) {
        self.card.state = match &self.card.lock {
            Some(Lock { puk_tries: 0, .. }) => State::Dead,
            Some(Lock { pin_tries: 0, .. }) => State::Puk,
            Some(Lock { enabled: true, .. }) => State::Pin,
            _ => State::Ready,
        };
    }

    pub(super) fn card_ready(&mut self, dce: &mut Dce<'_, '_>) {
        self.settle_card();
        match self.card.state {
            State::Ready => {
                dce.urc("+CPIN: READY");
                dce.urc("SMS READY");
                self.search(dce);
            }
            State::Pin => dce.urc("+CPIN: SIM PIN"),
            State::Puk => dce.urc("+CPIN: SIM PUK"),
            _ => {}
        }
    }

    pub(super) fn unlocked(&mut self, dce: &mut Dce<'_, '_>) {
        self.card.state = State::Ready;
        dce.urc("SMS READY");
        self.search(dce);
    }

    pub(super) fn card_command(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let identity = dce.core.profile.identity.clone();
        match (command.name.as_str(), command.form) {
            ("+CPIN", Form::Read) => match self.card.state {
                State::Pin => Answer::line("+CPIN: SIM PIN"),
                State::Puk => Answer::line("+CPIN: SIM PUK"),
                State::Ready => Answer::line("+CPIN: READY"),
                _ => Answer::cme(self.card.trouble().unwrap_or(cme::NO_SIM)),
            },
            ("+CPIN", Form::Set) => self.enter_pin(command, dce),
            ("+CLCK", Form::Set) => self.lock_card(command),
            // The number on the card can be read before the PIN is known.
            ("+ICCID" | "+CCID", Form::Execute | Form::Read) => match self.card.trouble() {
                Some(code @ (cme::NO_SIM | cme::SIM_BUSY)) => Answer::cme(code),
                _ if command.name == "+ICCID" => Answer::line(format!("+ICCID: {}", identity.iccid)),
                _ => Answer::line(identity.iccid),
            },
            ("+CIMI", Form::Execute) => {
                self.card.trouble().map_or_else(|| Answer::line(identity.imsi), Answer::cme)
            }
            _ => Answer::error(),
        }
    }

    /// `AT+CPIN="pin"`, or `AT+CPIN="puk","new pin"`.
    fn enter_pin(&mut self, command: &Command, dce: &mut Dce<'_, '_>) -> Answer {
        let arguments = arguments(command).unwrap_or_default();
        let words: Vec<String> = arguments.iter().map(Argument::text).collect();
        let Some(lock) = &mut self.card.lock else { return Answer::cme(cme::NO_SIM) };
        let right = match (self.card.state, words.as_slice()) {
            (State::Pin, [pin]) => {
                let right = *pin == lock.pin;
                lock.pin_tries = if right { PIN_TRIES } else { lock.pin_tries.saturating_sub(1) };
                right
            }
            (State::Puk, [puk, pin]) => {
                let right = *puk == lock.puk;
                if right {
                    lock.pin.clone_from(pin);
                    (lock.pin_tries, lock.puk_tries) = (PIN_TRIES, PUK_TRIES);
                } else {
                    lock.puk_tries = lock.puk_tries.saturating_sub(1);
                }
                right
            }
            (State::Pin | State::Puk, _) => return Answer::error(),
            (State::Ready, _) => return Answer::cme(cme::NOT_ALLOWED),
            _ => return Answer::cme(self.card.trouble().unwrap_or(cme::NO_SIM)),
        };
        if right {
            self.card.state = State::Starting;
            dce.after(UNLOCK, Timer::Unlocked);
            return Answer::ok();
        }
        self.settle_card();
        Answer::cme(if self.card.state == State::Pin { cme::WRONG_PASSWORD } else { cme::SIM_PUK })
    }

    /// `AT+CLCK="SC",<mode>[,<pin>]`: mode 0 no PIN at power-on, 1 asks for it, 2 which of the two.
    fn lock_card(&mut self, command: &Command) -> Answer {
        if let Some(code) = self.card.trouble() {
            return Answer::cme(code);
        }
        let words: Vec<String> = arguments(command).unwrap_or_default().iter().map(Argument::text).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some(lock) = &mut self.card.lock else { return Answer::cme(cme::NO_SIM) };
        match words.as_slice() {
            ["SC", "2"] => Answer::line(format!("+CLCK: {}", u8::from(lock.enabled))),
            ["SC", mode @ ("0" | "1"), pin] if *pin == lock.pin => {
                lock.enabled = *mode == "1";
                Answer::ok()
            }
            ["SC", "0" | "1", _] => Answer::cme(cme::WRONG_PASSWORD),
            _ => Answer::error(),
        }
    }
}
