//! What goes wrong in a world by itself: where its faults take hold, how they end, and what a test may know of
//! the module beyond what it says.

use std::time::Duration;

use super::{Effect, Event, Io, Said, Trouble, World};
use crate::link::Mono;
use crate::link::time::quality;
use crate::sim::cloud::{Arrival, Disturbance};
use crate::sim::fault::{Detail, Fault, FaultKind, Saying, Unit, flood};
use crate::sim::scenario::{Broker, ClockChange, What};

/// Something that is true of the module, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truth {
    /// When it was.
    pub at: Mono,
    /// What.
    pub kind: TruthKind,
}

/// What is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TruthKind {
    /// It took these bytes in.
    Received {
        /// As data behind a prompt.
        data: bool,
        /// As they arrived.
        bytes: Vec<u8>,
    },
    /// A message from the cloud reached it.
    Message {
        /// Where it was published.
        topic: String,
    },
    /// A fault made it restart.
    Restarted,
    /// All faults are over.
    Healed,
    /// The calendar of atflow's machine was set, well or badly.
    Calendar {
        /// What it says now, in milliseconds since 1970.
        says_ms: i64,
        /// What it should say.
        right_ms: i64,
        /// Whether it claims to be right.
        synchronised: bool,
    },
    /// Atflow's machine sleeps.
    Asleep {
        /// It wakes up then.
        until: Mono,
    },
}

/// How a fault that lasts is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    Broker(Disturbance),
}

/// What is wrong with the disk of the machine that atflow runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskTrouble {
    /// No space is left.
    Full,
    /// Writing fails.
    Fails,
}

impl World {
    /// From now on what is true of the module is kept.
    pub(in crate::sim) fn keep_truth(&mut self) {
        if self.truth.is_none() {
            self.truth = Some(Vec::new());
            self.note_calendar();
        }
    }

    /// How the host's calendar stands.
    pub(super) fn note_calendar(&mut self) {
        let right_ms = self.wall_ms();
        let (says_ms, quality) = (self.host_clock.wall_ms(right_ms), self.host_clock.quality);
        self.note(TruthKind::Calendar { says_ms, right_ms, synchronised: quality == quality::SYNCHRONISED });
    }

    /// The host sleeps.
    pub(super) fn note_sleep(&mut self) {
        self.note(TruthKind::Asleep { until: self.asleep_until });
    }

    /// What was true so far, if it was kept.
    pub(in crate::sim) fn truth(&self) -> &[Truth] {
        self.truth.as_deref().unwrap_or_default()
    }

    /// The faults that happened so far.
    pub(in crate::sim) fn faults(&self) -> &[(Mono, Fault)] {
        self.injector.happened()
    }

    /// How many of a unit there were so far.
    pub(in crate::sim) fn counted(&self, unit: Unit) -> u64 {
        self.injector.counted(unit)
    }

    fn note(&mut self, kind: TruthKind) {
        let at = self.now;
        if let Some(truth) = &mut self.truth {
            truth.push(Truth { at, kind });
        }
    }

    pub(super) fn note_received(&mut self, bytes: &[u8]) {
        if self.truth.is_some() {
            let data = self.module.wants_data();
            self.note(TruthKind::Received { data, bytes: bytes.to_vec() });
        }
    }

    /// The host's process ends and another one opens the port: what nobody has read is lost.
    pub(in crate::sim) fn port_closed(&mut self) {
        self.inbox.clear();
    }

    /// The module says something, and it may go wrong.
    pub(super) fn say(&mut self, said: Said, mut bytes: Vec<u8>) {
        let late = match said {
            Said::Result => self.injector.answer(Unit::Final, &mut bytes),
            Said::Prompt => self.injector.answer(Unit::Prompt, &mut bytes),
            Said::Line | Said::Other => Duration::ZERO,
        };
        self.hold_up(late);
        if std::mem::take(&mut self.glued) && bytes.starts_with(b"\r\n") {
            bytes.drain(..2);
        }
        let mut behind = Saying::default();
        if matches!(said, Said::Line | Said::Result) && bytes.ends_with(b"\n") {
            self.injector.gap(&mut behind);
        }
        bytes.append(&mut behind.urc);
        self.glued = behind.glue;
        self.injector.bytes(Unit::ByteIn, &mut bytes);
        self.send_to_host(&bytes);
    }

    /// Everything from the module comes so much later.
    pub(super) fn hold_up(&mut self, by: Duration) {
        if !by.is_zero() {
            self.module_line_free = self.module_line_free.max(self.now) + by;
        }
    }

    /// A piece of the UART's is about to leave: how late it is, and the pause in its middle.
    pub(super) fn piece_faults(&mut self) -> (Duration, Duration) {
        let (mut late, mut pause) = (Duration::ZERO, Duration::ZERO);
        for fault in self.injector.one(Unit::Chunk) {
            let by = fault.lasts.unwrap_or_default();
            if fault.kind == FaultKind::SplitChunks {
                pause += by;
            } else {
                late += by;
            }
        }
        (late, pause)
    }

    /// What becomes of bytes on their way to the module.
    pub(super) fn as_it_arrives(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        self.injector.bytes(Unit::ByteOut, &mut bytes);
        bytes
    }

    /// Something comes from the cloud, if nothing comes between.
    pub(super) fn arrive(&mut self, arrival: Arrival) {
        if let Arrival::Message { topic, .. } = &arrival {
            self.note(TruthKind::Message { topic: topic.clone() });
        }
        let faults = match arrival {
            Arrival::PubAck => self.injector.one(Unit::Acknowledgement),
            Arrival::Closed => self.injector.one(Unit::Close),
            Arrival::Message { .. } => self.injector.one(Unit::Message),
            _ => Vec::new(),
        };
        let (mut mute, mut held) = (false, false);
        for fault in faults {
            let (at, connection) = (self.now + fault.lasts.unwrap_or_default(), self.cloud.connection());
            let copy = Event::Late(arrival.clone(), connection);
            match fault.kind {
                FaultKind::PubackLost | FaultKind::ClosedUnreported => mute = true,
                FaultKind::PubackLate => {
                    held = true;
                    self.push(at, copy);
                }
                FaultKind::PubackStray | FaultKind::DoubledDownlinks => self.push(at, copy),
                _ => {}
            }
        }
        match (held, mute) {
            (true, _) => {}
            (false, false) => self.module_does(|module, io| module.arrival(arrival, io)),
            (false, true) => self.arrive_unsaid(arrival),
        }
    }

    /// The module learns of it and does not say so.
    fn arrive_unsaid(&mut self, arrival: Arrival) {
        let mut effects = Vec::new();
        let (now, wall_ms) = (self.now, self.wall_ms());
        let cloud = self.cloud.as_mut();
        self.module.arrival(arrival, &mut Io { now, wall_ms, cloud, effects: &mut effects });
        effects.retain(|effect| !matches!(effect, Effect::Send(..)));
        self.carry_out(effects);
    }

    /// Comes back when the next fault is due that goes by time.
    pub(super) fn await_fault(&mut self) {
        if let Some(at) = self.injector.next_timed() {
            self.push(at, Event::Fault);
        }
    }

    pub(super) fn timed_faults(&mut self) {
        for fault in self.injector.timed(self.now) {
            self.strike(&fault);
        }
        self.await_fault();
    }

    fn strike(&mut self, fault: &Fault) {
        use FaultKind as K;
        let lasts = fault.lasts;
        match fault.kind {
            K::Reboot | K::SilentReboot => self.restart(fault.kind == K::SilentReboot),
            K::EchoBack => self.module_does(|module, io| module.trouble(&Trouble::Echo, io)),
            K::PortGone => self.occur(What::Unplug { lasts }),
            K::BrokerAway => self.occur(What::Broker(Broker::Away { lasts })),
            K::BrokerSilent => self.disturb(lasts, Disturbance::Silent),
            K::BrokerSlow => self.disturb(lasts, Disturbance::Slow),
            K::BrokerKicks => self.disturb(lasts, Disturbance::Kicks),
            K::RegistrationLost => self.occur(What::RegistrationLost { lasts }),
            K::ClockJump => {
                let by = lasts.unwrap_or_default();
                let back = fault.detail == Detail::Back;
                let change = if back { ClockChange::Back(by) } else { ClockChange::Forward(by) };
                self.occur(What::Clock(change));
            }
            K::Suspend if self.asleep() => {}
            K::Suspend => self.occur(What::Suspend { lasts: lasts.unwrap_or_default() }),
            K::DownlinkFlood => {
                let Detail::Count(count) = fault.detail else { return };
                for number in 0..count {
                    let (topic, payload) = flood(number);
                    self.cloud.send(self.now, &topic, &payload);
                }
            }
            K::DiskFull | K::DiskFails => {
                let what = if fault.kind == K::DiskFull { DiskTrouble::Full } else { DiskTrouble::Fails };
                self.bad_disks.push((self.now + lasts.unwrap_or_default(), what));
            }
            // These do not go by time.
            _ => {}
        }
    }

    fn restart(&mut self, silent: bool) {
        self.note(TruthKind::Restarted);
        self.glued = false;
        self.module_does(|module, io| module.trouble(&Trouble::Reset { silent }, io));
    }

    fn disturb(&mut self, lasts: Option<Duration>, how: fn(bool) -> Disturbance) {
        self.cloud.disturb(self.now, how(true));
        if let Some(lasts) = lasts {
            self.push(self.now + lasts, Event::Over(Undo::Broker(how(false))));
        }
    }

    /// What is wrong with the host's disk now.
    pub(in crate::sim) fn disk(&mut self) -> Option<DiskTrouble> {
        let now = self.now;
        self.bad_disks.retain(|(until, _)| *until > now);
        self.bad_disks.first().map(|(_, what)| *what)
    }

    pub(super) fn undo(&mut self, undo: Undo) {
        match undo {
            Undo::Broker(how) => self.cloud.disturb(self.now, how),
        }
    }

    /// Everything is put right, and the module is switched off and on.
    pub(super) fn heal(&mut self) {
        self.injector.heal();
        self.glued = false;
        for how in [Disturbance::Silent, Disturbance::Slow, Disturbance::Kicks] {
            self.cloud.disturb(self.now, how(false));
        }
        self.cloud.set_reachable(self.now, true);
        self.plugged = true;
        self.bad_disks.clear();
        self.module_does(|module, io| module.trouble(&Trouble::Network { there: true }, io));
        self.occur(What::Clock(ClockChange::Synchronised));
        self.restart(false);
        self.note(TruthKind::Healed);
    }
}
