//! The simulated world: one queue of events, one clock. A module, the cloud and the scenario only push
//! events; reading the [`SimLink`](super::SimLink) is what makes time pass. Equal times keep the order of pushing, all chance
//! comes from the seed, so the same seed and the same input give the same bytes at the same times.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use super::cloud::{Arrival, Cloud, Receipt};
use super::fault::Injector;
use super::host::HostClock;
use super::scenario::{Refusal, Scenario, When};
use crate::link::Mono;

mod entries;
mod faulty;

pub use entries::Never;
use faulty::Undo;
pub use faulty::{DiskTrouble, Truth, TruthKind};

/// 2025-01-20T00:00:00Z, the calendar at [`Mono::ZERO`].
pub const WALL_AT_ZERO_MS: i64 = 1_737_331_200_000;
/// A UART hands its bytes over in pieces of its FIFO's size.
const FIFO_BYTES: usize = 64;
/// Start bit, eight data bits, stop bit.
const BITS_PER_BYTE: u64 = 10;
/// The port's rate before anybody changes it.
const HOST_BAUD_BPS: u32 = 115_200;
/// How often something that lives outside the simulation is looked at.
const LIVE_TICK: Duration = Duration::from_millis(5);

/// A module, as the world sees it. It reacts by pushing [`Effect`]s.
pub(crate) trait Module {
    /// Power comes.
    fn power_on(&mut self, io: &mut Io<'_>);
    /// Bytes from the host.
    fn receive(&mut self, bytes: &[u8], io: &mut Io<'_>);
    /// An alarm it asked for.
    fn alarm(&mut self, id: u64, io: &mut Io<'_>);
    /// Something came from the network.
    fn arrival(&mut self, arrival: Arrival, io: &mut Io<'_>);
    /// The scenario does something to it.
    fn trouble(&mut self, trouble: &Trouble, io: &mut Io<'_>);
    /// Whether it takes what comes as data.
    fn wants_data(&self) -> bool;
    /// What it would not carry out, and was not asked so far.
    fn refusals(&self) -> &[Refusal];
}

/// What a scenario does to a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Power is gone for a moment.
    Reset {
        /// It says nothing while it starts.
        silent: bool,
    },
    /// It echoes from now on.
    Echo,
    /// It says this unasked.
    Urc(String),
    /// It does not carry out a command line.
    Refuse(Refusal),
    /// The network goes away, or comes back.
    Network { there: bool },
}

/// What a module has at hand while it reacts.
pub(crate) struct Io<'a> {
    /// The simulated time.
    pub(crate) now: Mono,
    /// The calendar in milliseconds since 1970.
    pub(crate) wall_ms: i64,
    /// The far end of its TCP connection.
    pub(crate) cloud: &'a mut dyn Cloud,
    /// What it does, in order.
    pub(crate) effects: &'a mut Vec<Effect>,
}

/// What a module does.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Sends bytes to the host.
    Send(Said, Vec<u8>),
    /// Wants [`Module::alarm`] with this number at this time.
    Alarm(Mono, u64),
    /// Talks at another rate from here on; `None` follows the host.
    Baud(Option<u32>),
}

/// What a module says, as far as something can go wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Whole lines: an information response, or something unasked.
    Line,
    /// A final result code.
    Result,
    /// A prompt for data.
    Prompt,
    /// Echo, noise, data.
    Other,
}

#[derive(Debug)]
enum Event {
    ToModule {
        bytes: Vec<u8>,
        baud_bps: u32,
    },
    ToHost {
        bytes: Vec<u8>,
        baud_bps: Option<u32>,
    },
    Alarm(u64),
    /// An entry of the scenario, by number.
    Entry(usize),
    NetworkBack,
    BrokerBack,
    PortBack,
    /// A fault is over.
    Over(Undo),
    /// Something from the cloud that was held up, and its connection.
    Late(Arrival, u32),
    /// A fault may be due.
    Fault,
    /// Nothing goes wrong any more.
    Heal,
}

/// What bytes become when the two sides disagree about the baud rate.
pub(crate) fn garble(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = byte.rotate_left(3) | 0x80;
    }
}

/// Everything behind a simulated port.
#[expect(clippy::struct_excessive_bools, reason = "what is there and what is wrong, each on its own")]
pub(crate) struct World {
    now: Mono,
    queue: BinaryHeap<Reverse<(Mono, u64)>>,
    events: BTreeMap<u64, Event>,
    sequence: u64,
    module: Box<dyn Module>,
    cloud: Box<dyn Cloud>,
    scenario: Scenario,
    /// The `after:` entries, by number, and how often each may still happen.
    left: Vec<(usize, u32)>,
    /// How often each entry has happened.
    happened: Vec<usize>,
    /// Bytes that wait for the host to read.
    inbox: VecDeque<u8>,
    /// The line that the module is saying, for `after:`.
    saying: Vec<u8>,
    pub(super) plugged: bool,
    /// The link noticed that the port went; it stays gone for it until it reopens.
    pub(super) gone: bool,
    pub(super) host_baud_bps: u32,
    module_baud_bps: Option<u32>,
    /// Whether bytes take time on the line.
    paced: bool,
    host_line_free: Mono,
    module_line_free: Mono,
    next_live: Mono,
    pub(super) host_clock: HostClock,
    /// Until then the host hears nothing.
    pub(super) asleep_until: Mono,
    injector: Injector,
    /// What comes next from the module has lost its own line end in front.
    glued: bool,
    truth: Option<Vec<Truth>>,
    /// What is wrong with the host's disk, and until when.
    bad_disks: Vec<(Mono, DiskTrouble)>,
}

impl World {
    /// Switches everything on at [`Mono::ZERO`].
    pub(in crate::sim) fn new(
        module: Box<dyn Module>,
        cloud: Box<dyn Cloud>,
        scenario: Scenario,
        injector: Injector,
    ) -> Self {
        let left = (scenario.at.iter().enumerate())
            .filter(|(_, entry)| matches!(entry.when, When::After(_)))
            .map(|(number, entry)| (number, entry.count.unwrap_or(u32::MAX)))
            .collect();
        let host_clock = HostClock::new(scenario.settings.clock);
        let happened = vec![0; scenario.at.len()];
        let mut world = Self {
            now: Mono::ZERO,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            sequence: 0,
            module,
            cloud,
            scenario,
            left,
            happened,
            inbox: VecDeque::new(),
            saying: Vec::new(),
            plugged: true,
            gone: false,
            host_baud_bps: HOST_BAUD_BPS,
            module_baud_bps: None,
            paced: true,
            host_line_free: Mono::ZERO,
            module_line_free: Mono::ZERO,
            next_live: Mono::ZERO,
            host_clock,
            asleep_until: Mono::ZERO,
            injector,
            glued: false,
            truth: None,
            bad_disks: Vec::new(),
        };
        let timed: Vec<_> = (world.scenario.at.iter().enumerate())
            .filter_map(|(number, entry)| match entry.when {
                When::Time(time) => Some((number, time, entry.count.unwrap_or(1))),
                When::After(_) => None,
            })
            .collect();
        for (number, time, count) in timed {
            for _ in 0..count {
                world.push(Mono::ZERO + time, Event::Entry(number));
            }
        }
        if let Some(heal) = world.injector.heal_at() {
            world.push(heal, Event::Heal);
        }
        world.await_fault();
        world.module_does(|module, io| module.power_on(io));
        world
    }

    /// From now on bytes take no time on the line, as a pty has no rate, and somebody else watches the
    /// broker's socket and calls [`World::poll_cloud`].
    #[cfg(unix)]
    pub(crate) fn served(&mut self) {
        self.paced = false;
    }

    pub(crate) fn now(&self) -> Mono {
        self.now
    }

    /// The calendar that is right: the network's, the module's and the cloud's.
    pub(crate) fn wall_ms(&self) -> i64 {
        WALL_AT_ZERO_MS + i64::try_from(self.now.as_micros() / 1000).unwrap_or(i64::MAX / 2)
    }

    /// Whether the host sleeps.
    pub(super) fn asleep(&self) -> bool {
        self.now < self.asleep_until
    }

    pub(crate) fn received(&self) -> &[Receipt] {
        self.cloud.received()
    }

    pub(crate) fn take_received(&mut self) -> Vec<Receipt> {
        self.cloud.take_received()
    }

    /// The descriptor of a real broker's connection.
    #[cfg(unix)]
    pub(crate) fn socket(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.cloud.socket()
    }

    fn push(&mut self, at: Mono, event: Event) {
        self.sequence += 1;
        self.events.insert(self.sequence, event);
        self.queue.push(Reverse((at.max(self.now), self.sequence)));
    }

    fn module_does(&mut self, act: impl FnOnce(&mut dyn Module, &mut Io<'_>)) {
        let mut effects = Vec::new();
        let (now, wall_ms) = (self.now, self.wall_ms());
        let cloud = self.cloud.as_mut();
        act(self.module.as_mut(), &mut Io { now, wall_ms, cloud, effects: &mut effects });
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(said, bytes) => self.say(said, bytes),
                Effect::Alarm(at, id) => self.push(at, Event::Alarm(id)),
                Effect::Baud(rate) => self.module_baud_bps = rate,
            }
        }
    }

    fn send_to_host(&mut self, bytes: &[u8]) {
        let baud_bps = self.module_baud_bps;
        for piece in bytes.chunks(FIFO_BYTES) {
            let (late, pause) = self.piece_faults();
            self.hold_up(late);
            let (first, second) = piece.split_at(if pause.is_zero() { piece.len() } else { piece.len() / 2 });
            for (part, pause) in [(first, Duration::ZERO), (second, pause)] {
                if part.is_empty() {
                    continue;
                }
                self.hold_up(pause);
                let rate = baud_bps.unwrap_or(self.host_baud_bps);
                self.module_line_free =
                    self.module_line_free.max(self.now) + self.on_the_line(part.len(), rate);
                self.push(self.module_line_free, Event::ToHost { bytes: part.to_vec(), baud_bps });
            }
        }
    }

    fn on_the_line(&self, bytes: usize, baud_bps: u32) -> Duration {
        if !self.paced {
            return Duration::ZERO;
        }
        let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(BITS_PER_BYTE);
        Duration::from_micros(bits.saturating_mul(1_000_000).div_ceil(u64::from(baud_bps.max(1))))
    }

    /// Bytes leave the host now and arrive when the line has carried them.
    pub(crate) fn send_to_module(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let baud_bps = self.host_baud_bps;
        let bytes = self.as_it_arrives(bytes);
        self.host_line_free = self.host_line_free.max(self.now) + self.on_the_line(bytes.len(), baud_bps);
        self.push(self.host_line_free, Event::ToModule { bytes, baud_bps });
    }

    /// Takes what waits for the host.
    pub(crate) fn take_inbox(&mut self, into: &mut Vec<u8>) -> usize {
        let taken = self.inbox.len();
        into.extend(self.inbox.drain(..));
        taken
    }

    /// When something happens next.
    pub(crate) fn next_event(&self) -> Option<Mono> {
        let queued = self.queue.peek().map(|Reverse((at, _))| *at);
        let cloud = self.cloud.next();
        let live = (self.paced && self.cloud.live()).then_some(self.next_live);
        [queued, cloud, live].into_iter().flatten().min().map(|at| at.max(self.now))
    }

    /// Lets time pass to `at`; nothing may be due before.
    pub(crate) fn advance(&mut self, at: Mono) {
        self.now = self.now.max(at);
        self.injector.pass(self.now);
    }

    /// Carries out one thing that is due at `now`; false if there is none.
    pub(crate) fn step(&mut self) -> bool {
        let queued = self.queue.peek().is_some_and(|Reverse((at, _))| *at <= self.now);
        let cloud_due = self.cloud.next().is_some_and(|at| at <= self.now);
        let live_due = self.paced && self.cloud.live() && self.next_live <= self.now;
        if queued
            && let Some(Reverse((_, id))) = self.queue.pop()
            && let Some(event) = self.events.remove(&id)
        {
            self.happen(event);
            return true;
        }
        if cloud_due || live_due {
            self.next_live = self.now + LIVE_TICK;
            self.poll_cloud();
            return true;
        }
        false
    }

    /// Hands the module what has arrived.
    pub(crate) fn poll_cloud(&mut self) {
        for arrival in self.cloud.poll(self.now) {
            self.arrive(arrival);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToModule { mut bytes, baud_bps } => {
                if !self.plugged {
                    return;
                }
                if self.paced && self.module_baud_bps.is_some_and(|rate| rate != baud_bps) {
                    garble(&mut bytes);
                }
                self.note_received(&bytes);
                self.module_does(|module, io| module.receive(&bytes, io));
            }
            Event::ToHost { mut bytes, baud_bps } => {
                if self.paced && baud_bps.is_some_and(|rate| rate != self.host_baud_bps) {
                    garble(&mut bytes);
                }
                if self.plugged {
                    self.inbox.extend(&bytes);
                    self.listen_for_lines(&bytes);
                }
            }
            Event::Alarm(id) => self.module_does(|module, io| module.alarm(id, io)),
            Event::Entry(number) => self.scenario_entry(number),
            Event::NetworkBack => {
                self.module_does(|module, io| module.trouble(&Trouble::Network { there: true }, io));
            }
            Event::BrokerBack => self.cloud.set_reachable(self.now, true),
            Event::PortBack => self.plugged = true,
            Event::Over(undo) => self.undo(undo),
            Event::Late(arrival, connection) if connection == self.cloud.connection() => {
                self.module_does(|module, io| module.arrival(arrival, io));
            }
            Event::Late(..) => {}
            Event::Fault => self.timed_faults(),
            Event::Heal => self.heal(),
        }
    }
}
