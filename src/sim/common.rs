//! The commands that every module knows, whatever its family: `ATE ATV ATQ ATZ AT&F AT&W`, `AT+CMEE`,
//! `AT+IPR`, and those that the data file answers.

use super::answer::Answer;
use super::command::{Command, Form};
use super::dce::{Core, LineSettings};
use super::world::Effect;

impl<T> Core<T> {
    /// The commands every module knows, and those the data file answers.
    pub(super) fn common(&mut self, command: &Command) -> Option<Answer> {
        let digit = || match command.args.as_slice() {
            b"" | b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        };
        let switch = |value: Option<bool>, setting: &mut bool| {
            value.map_or_else(Answer::error, |value| {
                *setting = value;
                Answer::ok()
            })
        };
        match (command.name.as_str(), command.form) {
            ("", _) => Some(Answer::ok()),
            ("E", _) => Some(switch(digit(), &mut self.line.echo)),
            ("V", _) => Some(switch(digit(), &mut self.line.verbose)),
            ("Q", _) => Some(switch(digit(), &mut self.line.quiet)),
            ("Z", _) => {
                self.line = LineSettings { baud_bps: self.line.baud_bps, ..self.saved };
                Some(Answer::ok())
            }
            ("&F", _) => {
                let delivered = LineSettings::delivered(&self.profile, &self.settings);
                self.line = LineSettings { baud_bps: self.line.baud_bps, ..delivered };
                Some(Answer::ok())
            }
            ("&W", _) => {
                self.saved = self.line;
                Some(Answer::ok())
            }
            ("+CMEE", Form::Read) => Some(Answer::line(format!("+CMEE :{}", self.line.cmee))),
            ("+CMEE", Form::Set) => Some(match command.number() {
                Some(mode @ 0..=2) => {
                    self.line.cmee = u8::try_from(mode).unwrap_or_default();
                    Answer::ok()
                }
                _ => Answer::error(),
            }),
            ("+IPR", Form::Read) => {
                Some(Answer::line(format!("+IPR: {}", self.line.baud_bps.unwrap_or_default())))
            }
            ("+IPR", Form::Set) => Some(self.set_baud(command)),
            _ => self.profile.answer(command).map(|lines| {
                Answer::lines(lines.iter().map(|line| self.fill_in(line).into_bytes()).collect())
            }),
        }
    }

    /// The new rate holds from the end of the result on (measured on an `Air780EPM`).
    fn set_baud(&mut self, command: &Command) -> Answer {
        let rate = match command.number() {
            Some(0) => None,
            Some(rate @ (600..=921_600)) => Some(rate),
            _ => return Answer::error(),
        };
        self.line.baud_bps = rate;
        self.baud_after_result = Some(Effect::Baud(rate));
        Answer::ok()
    }
}
