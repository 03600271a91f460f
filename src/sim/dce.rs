//! What a firmware may do to the modem around it: say something, wait for something, restart.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::answer::{Answer, End};
use super::duration::Span;
use super::entropy::Entropy;
use super::profile::{Profile, scaled};
use super::scenario::SimSettings;
use super::world::{Effect, Io, Said};

/// The baud rate it is delivered with (measured on an `Air780EPM`).
const FACTORY_BAUD_BPS: u32 = 115_200;
/// From the last byte of data until it is dealt with.
const DATA_DELAY: Duration = Duration::from_millis(20);

/// What the modem waits for.
pub(crate) enum Tick<T> {
    /// The delay of the command in front is over.
    Execute,
    /// The data was taken in.
    DataDone(Option<Vec<u8>>),
    /// Nothing came since this wait for data began.
    DataGap(u64),
    /// Bytes to be said at this time.
    Say(Vec<u8>),
    /// The pause of a restart is over.
    PowerOn,
    /// The start is over.
    Listen,
    /// The firmware's own.
    Own(T),
}

/// What `ATE`, `ATV`, `ATQ`, `+CMEE` and `+IPR` set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineSettings {
    pub(crate) echo: bool,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
    pub(crate) cmee: u8,
    /// `None`: it follows the host.
    pub(crate) baud_bps: Option<u32>,
}

impl LineSettings {
    /// As the module comes out of its box.
    pub(crate) fn delivered(profile: &Profile, settings: &SimSettings) -> Self {
        Self {
            echo: settings.echo,
            verbose: true,
            quiet: false,
            cmee: profile.line.cmee,
            baud_bps: (settings.autobaud == 0).then_some(FACTORY_BAUD_BPS),
        }
    }
}

/// What a firmware wants done with the power.
#[derive(Debug, Default)]
pub(crate) enum Power {
    #[default]
    Stay,
    Off,
    Restart,
}

/// The modem's own state, as far as a firmware needs it.
pub(crate) struct Core<T> {
    pub(crate) profile: Rc<Profile>,
    pub(crate) settings: SimSettings,
    pub(crate) line: LineSettings,
    /// What `AT&W` saved.
    pub(crate) saved: LineSettings,
    pub(crate) agenda: BTreeMap<u64, Tick<T>>,
    next_alarm: u64,
    pub(crate) entropy: Entropy,
    /// The late result of a command whose answer was [`End::Later`].
    pub(crate) finished: Option<Answer>,
    pub(crate) power: Power,
    /// A change of the baud rate that waits for its `OK`.
    pub(crate) baud_after_result: Option<Effect>,
    /// Whether there is a network to register with.
    pub(crate) network_there: bool,
}

impl<T> Core<T> {
    pub(crate) fn new(profile: Rc<Profile>, settings: SimSettings, seed: u64) -> Self {
        let line = LineSettings::delivered(&profile, &settings);
        Self {
            profile,
            settings,
            line,
            saved: line,
            agenda: BTreeMap::new(),
            next_alarm: 0,
            entropy: Entropy::stream(seed, "module"),
            finished: None,
            power: Power::Stay,
            baud_after_result: None,
            network_there: true,
        }
    }

    /// Rings after `delay`.
    pub(crate) fn after(&mut self, io: &mut Io<'_>, delay: Duration, tick: Tick<T>) {
        let id = self.next_alarm;
        self.next_alarm += 1;
        self.agenda.insert(id, tick);
        io.effects.push(Effect::Alarm(io.now + delay, id));
    }

    /// A duration of the data file, scaled as the settings want it.
    pub(crate) fn span(&self, span: Span) -> Duration {
        scaled(span.0, self.settings.delays)
    }

    /// The same, up to a tenth off.
    pub(crate) fn about(&mut self, delay: Duration) -> Duration {
        let delay = scaled(delay, self.settings.delays);
        self.entropy.about(delay)
    }

    pub(crate) fn data_delay(&self) -> Duration {
        scaled(DATA_DELAY, self.settings.delays)
    }

    /// Resolves `{imei}` and the other identities in a static answer.
    pub(crate) fn fill_in(&self, line: &str) -> String {
        let identity = &self.profile.identity;
        line.replace("{imei}", &identity.imei)
            .replace("{iccid}", &identity.iccid)
            .replace("{imsi}", &identity.imsi)
            .replace("{ip}", &identity.ip)
    }

    /// An unsolicited result code.
    pub(crate) fn urc(&self, text: &[u8], io: &mut Io<'_>) {
        let mut bytes = Vec::with_capacity(text.len() + 4);
        if self.profile.line.leading_crlf && self.line.verbose {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(text);
        bytes.extend_from_slice(b"\r\n");
        io.effects.push(Effect::Send(Said::Line, bytes));
    }

    /// The information responses: one CR LF before, one behind each.
    pub(crate) fn say_lines(&self, answer: &Answer, io: &mut Io<'_>) {
        let mut bytes = Vec::new();
        for line in &answer.lines {
            if bytes.is_empty() && self.profile.line.leading_crlf && self.line.verbose {
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(line);
            bytes.extend_from_slice(b"\r\n");
        }
        if !bytes.is_empty() {
            io.effects.push(Effect::Send(Said::Line, bytes));
        }
    }

    /// The information responses, the final result code (or the prompt) and what follows it.
    pub(crate) fn say_answer(&self, answer: &Answer, io: &mut Io<'_>) {
        self.say_lines(answer, io);
        if let End::Prompt(phase) = &answer.end {
            if phase.ok_first {
                self.say_result("OK", "0", false, io);
            }
            io.effects.push(Effect::Send(Said::Prompt, phase.prompt.to_vec()));
        } else {
            let (text, digit) = self.result(&answer.end);
            self.say_result(&text, digit, answer.tight, io);
        }
        for line in &answer.after {
            self.urc(line.as_bytes(), io);
        }
    }

    /// The final result code in words and as `ATV0` prints it (V.250, 6.3.1).
    fn result(&self, end: &End) -> (String, &'static str) {
        let extended = |family: &str, code: u16| match self.line.cmee {
            0 => "ERROR".to_owned(),
            2 if let Some(text) = self.profile.cme.get(&code) => format!("+{family} ERROR: {text}"),
            _ => format!("+{family} ERROR: {code}"),
        };
        match end {
            End::Error => ("ERROR".to_owned(), "4"),
            End::Cme(code) => (extended("CME", *code), ""),
            End::Cms(code) => (extended("CMS", *code), ""),
            End::Line(text) => (text.clone(), ""),
            End::Ok | End::Prompt(_) | End::Later => ("OK".to_owned(), "0"),
        }
    }

    fn say_result(&self, text: &str, digit: &str, tight: bool, io: &mut Io<'_>) {
        if self.line.quiet {
            return;
        }
        let said = match (self.line.verbose, digit) {
            (false, "") => format!("{text}\r\n"),
            (false, digit) => format!("{digit}\r"),
            (true, _) if tight => format!("{text}\r\n"),
            (true, _) => format!("\r\n{text}\r\n"),
        };
        io.effects.push(Effect::Send(Said::Result, said.into_bytes()));
    }
}

/// A firmware's hands: the modem's state and the world outside, for the time of one call.
pub(crate) struct Dce<'a, 'b, T> {
    pub(crate) core: &'a mut Core<T>,
    pub(crate) io: &'a mut Io<'b>,
}

impl<T> Dce<'_, '_, T> {
    /// Says an unsolicited result code.
    pub(crate) fn urc(&mut self, text: impl AsRef<[u8]>) {
        self.core.urc(text.as_ref(), self.io);
    }

    /// Says bytes as they are.
    pub(crate) fn raw(&mut self, bytes: Vec<u8>) {
        self.io.effects.push(Effect::Send(Said::Other, bytes));
    }

    /// Rings after about `delay` times the scale of delays.
    pub(crate) fn after(&mut self, delay: Duration, timer: T) {
        let delay = self.core.about(delay);
        self.core.after(self.io, delay, Tick::Own(timer));
    }

    /// Rings after `delay`, whatever the scale.
    pub(crate) fn after_exactly(&mut self, delay: Duration, timer: T) {
        self.core.after(self.io, delay, Tick::Own(timer));
    }

    /// Gives the result of a command whose answer was [`End::Later`].
    pub(crate) fn finish(&mut self, answer: Answer) {
        self.core.finished = Some(answer);
    }

    /// Restarts once the present call is done.
    pub(crate) fn restart(&mut self) {
        self.core.power = Power::Restart;
    }

    /// Switches off once the present call is done.
    pub(crate) fn power_off(&mut self) {
        self.core.power = Power::Off;
    }
}
