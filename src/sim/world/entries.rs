//! What the scenario does to the world, and which of it never came about.

use super::super::scenario::{Broker, What, When};
use super::{Event, Trouble, World};

/// Longest line that a scenario's `after:` may wait for.
const LINE_BYTES: usize = 512;

/// Why an entry of a scenario made no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {
    /// All was over before its time.
    TooLate,
    /// The module did not say its line.
    NotSaid,
    /// No command line came that it refuses.
    NotSent,
}

impl World {
    /// Entries that made no difference so far, by number.
    pub(in crate::sim) fn never_happened(&self) -> Vec<(usize, Never)> {
        let entries = self.scenario.at.iter().enumerate();
        entries
            .filter_map(|(number, entry)| {
                let never = match (&entry.when, &entry.what) {
                    (When::Time(_), _) if self.happened[number] == 0 => Never::TooLate,
                    // Behind the last thing that is said all is over.
                    (When::After(_), _) if self.happened[number] == 0 && self.was_heard(number) => {
                        return None;
                    }
                    (When::After(_), _) if self.happened[number] == 0 => Never::NotSaid,
                    (_, What::Refuse(_)) if self.is_unused(&entry.what) => Never::NotSent,
                    _ => return None,
                };
                Some((number, never))
            })
            .collect()
    }

    /// Whether the line of an `after:` entry was said, whatever came of it.
    fn was_heard(&self, number: usize) -> bool {
        let most = self.scenario.at[number].count.unwrap_or(u32::MAX);
        self.left.iter().any(|(one, left)| *one == number && *left < most)
    }

    /// Whether nothing was refused by a refusal, nor by others that are the same.
    fn is_unused(&self, what: &What) -> bool {
        let same = self.scenario.at.iter().zip(&self.happened).filter(|(entry, _)| entry.what == *what);
        let given: usize = same.map(|(_, times)| times).sum();
        let open = self
            .module
            .refusals()
            .iter()
            .filter(|refusal| matches!(what, What::Refuse(one) if one == *refusal));
        open.count() == given
    }

    /// Sets off the `after:` entries whose line the module has just ended.
    pub(super) fn listen_for_lines(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte != b'\n' {
                if self.saying.len() < LINE_BYTES {
                    self.saying.push(byte);
                }
                continue;
            }
            let line = std::mem::take(&mut self.saying);
            let line = line.trim_ascii();
            for index in 0..self.left.len() {
                let (number, left) = self.left[index];
                let heard = matches!(&self.scenario.at[number].when,
                    When::After(wanted) if wanted.as_bytes() == line);
                if heard && left > 0 {
                    self.left[index].1 = left - 1;
                    self.push(self.now, Event::Entry(number));
                }
            }
        }
    }

    pub(super) fn scenario_entry(&mut self, number: usize) {
        self.happened[number] += 1;
        let what = self.scenario.at[number].what.clone();
        self.occur(what);
    }

    pub(super) fn occur(&mut self, what: What) {
        let now = self.now;
        match what {
            What::Message { topic, payload } => self.cloud.send(now, &topic, &payload),
            What::Urc(text) => self.module_does(|module, io| module.trouble(&Trouble::Urc(text), io)),
            What::Refuse(what) => self.module_does(|module, io| module.trouble(&Trouble::Refuse(what), io)),
            What::Broker(Broker::Away { lasts }) => {
                self.cloud.set_reachable(now, false);
                if let Some(lasts) = lasts {
                    self.push(now + lasts, Event::BrokerBack);
                }
            }
            What::Broker(Broker::Close) => self.cloud.hang_up(now),
            What::Broker(Broker::Back) => self.cloud.set_reachable(now, true),
            What::Unplug { lasts } => {
                self.plugged = false;
                self.gone = true;
                // What the host has not read yet is lost with the port.
                self.inbox.clear();
                if let Some(lasts) = lasts {
                    self.push(now + lasts, Event::PortBack);
                }
            }
            What::Reset => {
                self.module_does(|module, io| module.trouble(&Trouble::Reset { silent: false }, io));
            }
            What::RegistrationLost { lasts } => {
                self.module_does(|module, io| module.trouble(&Trouble::Network { there: false }, io));
                if let Some(lasts) = lasts {
                    self.push(now + lasts, Event::NetworkBack);
                }
            }
            What::Clock(change) => {
                self.host_clock.change(change);
                self.note_calendar();
            }
            What::Suspend { lasts } => {
                // When all is well the machine is awake.
                let wakes = self.injector.heal_at().map_or(now + lasts, |heal| heal.min(now + lasts));
                self.asleep_until = self.asleep_until.max(wakes);
                self.note_sleep();
            }
        }
    }
}
