//! The host's end of a simulated world: its port, its clock, and a look behind the port. Handles on the one
//! [`World`]; reading is what makes its time pass.

use std::cell::RefCell;
use std::rc::Rc;

use super::cloud::Receipt;
use super::fault::{Fault, Unit};
use super::pace::{Pace, Pacer, Waited};
use super::world::{DiskTrouble, Never, Truth, World};
use crate::link::{Clock, Link, LinkError, Mono, PortChange, Read};

/// A port with a simulated module behind it.
pub struct SimLink {
    world: Rc<RefCell<World>>,
    pacer: Option<Box<dyn Pacer>>,
    name: String,
}

/// What waiting for a moment led to.
enum Reached {
    /// Something that is due was carried out.
    Event,
    Deadline,
    Woken,
}

impl SimLink {
    pub(crate) fn new(world: Rc<RefCell<World>>, pace: Pace, name: String) -> Self {
        let pacer = match pace {
            Pace::Max => None,
            Pace::Paced(pacer) => Some(pacer),
        };
        Self { world, pacer, name }
    }

    /// Moves on to the next event, but not beyond `until`.
    fn next(&mut self, until: Mono) -> Reached {
        let (now, next, until, asleep) = {
            let world = self.world.borrow();
            (world.now(), world.next_event(), until.max(world.asleep_until), world.asleep())
        };
        let target = next.map_or(until, |next| next.min(until)).max(now);
        if let Some(pacer) = &mut self.pacer
            && let Waited::Woken(at) = pacer.wait(target)
        {
            self.world.borrow_mut().advance(at.min(target));
            return Reached::Woken;
        }
        let mut world = self.world.borrow_mut();
        world.advance(target);
        // At the end of a sleep what came meanwhile is looked at before any deadline.
        if (next.is_some_and(|next| next <= target) && world.step()) || asleep {
            Reached::Event
        } else {
            Reached::Deadline
        }
    }
}

impl Link for SimLink {
    fn read(&mut self, buf: &mut Vec<u8>, until: Mono) -> Result<Read, LinkError> {
        loop {
            {
                let mut world = self.world.borrow_mut();
                if world.gone && !world.asleep() {
                    return Err(LinkError::Gone { what: "the simulated port was unplugged".to_owned() });
                }
                let taken = if world.asleep() { 0 } else { world.take_inbox(buf) };
                if taken > 0 {
                    return Ok(Read::Bytes(taken));
                }
            }
            match self.next(until) {
                Reached::Event => {}
                Reached::Deadline => return Ok(Read::Deadline),
                Reached::Woken => return Ok(Read::Woken),
            }
        }
    }

    fn write(&mut self, bytes: &[u8], _until: Mono) -> Result<usize, LinkError> {
        let mut world = self.world.borrow_mut();
        if world.gone {
            return Err(LinkError::Gone { what: "the simulated port was unplugged".to_owned() });
        }
        world.send_to_module(bytes);
        Ok(bytes.len())
    }

    fn change(&mut self, change: PortChange) -> Result<(), LinkError> {
        let missing = |what| Err(LinkError::Unsupported { what });
        match change {
            PortChange { dtr: Some(_), .. } => missing("DTR line"),
            PortChange { rts: Some(_), .. } => missing("RTS line"),
            PortChange { break_for: Some(_), .. } => missing("break condition"),
            PortChange { baud_bps, .. } => {
                let mut world = self.world.borrow_mut();
                world.host_baud_bps = baud_bps.unwrap_or(world.host_baud_bps);
                Ok(())
            }
        }
    }

    fn reopen(&mut self, until: Mono) -> Result<(), LinkError> {
        loop {
            {
                let mut world = self.world.borrow_mut();
                if world.plugged && !world.asleep() {
                    world.gone = false;
                    return Ok(());
                }
            }
            match self.next(until) {
                Reached::Event => {}
                Reached::Deadline | Reached::Woken => {
                    return Err(LinkError::Open {
                        port: self.name.clone(),
                        why: "the simulated port is unplugged".to_owned(),
                        help: None,
                        absent: true,
                    });
                }
            }
        }
    }

    fn clock(&self) -> Rc<dyn Clock> {
        Rc::new(SimClock { world: Rc::clone(&self.world) })
    }

    fn baud_bps(&self) -> Option<u32> {
        Some(self.world.borrow().host_baud_bps)
    }

    fn simulated(&self) -> bool {
        true
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// The simulated world's clock. It moves only while somebody reads.
pub struct SimClock {
    world: Rc<RefCell<World>>,
}

impl Clock for SimClock {
    fn now(&self) -> Mono {
        self.world.borrow().now()
    }

    fn wall_ms(&self) -> i64 {
        let world = self.world.borrow();
        world.host_clock.wall_ms(world.wall_ms())
    }

    fn wall_quality(&self) -> u8 {
        self.world.borrow().host_clock.quality
    }

    fn boot_id(&self) -> String {
        "sim-1".to_owned()
    }
}

/// A look behind the port, for tests and reports.
#[derive(Clone)]
pub struct Watch {
    world: Rc<RefCell<World>>,
}

impl Watch {
    pub(crate) fn new(world: Rc<RefCell<World>>) -> Self {
        Self { world }
    }

    /// The same port once more, as the next process opens it: the module has noticed nothing.
    pub fn port(&self, name: &str) -> SimLink {
        SimLink { world: Rc::clone(&self.world), pacer: None, name: name.to_owned() }
    }

    /// What the cloud received so far, oldest first.
    pub fn received(&self) -> Vec<Receipt> {
        self.world.borrow().received().to_vec()
    }

    /// What went wrong so far, in order, and when: as a list of faults it makes the same go wrong again.
    pub fn faults(&self) -> Vec<(Mono, Fault)> {
        self.world.borrow().faults().to_vec()
    }

    /// Entries of the scenario, by number, that made no difference so far.
    pub fn never_happened(&self) -> Vec<(usize, Never)> {
        self.world.borrow().never_happened()
    }

    /// From now on what is true of the module is kept, for [`Watch::truth`].
    pub fn keep_truth(&self) {
        self.world.borrow_mut().keep_truth();
    }

    /// What was true of the module, whatever it said.
    pub fn truth(&self) -> Vec<Truth> {
        self.world.borrow().truth().to_vec()
    }

    /// What is wrong with the disk of the machine that atflow runs on.
    pub fn disk(&self) -> Option<DiskTrouble> {
        self.world.borrow_mut().disk()
    }

    /// How many of a unit there were so far, up to the time when nothing goes wrong any more.
    pub fn counted(&self, unit: Unit) -> u64 {
        self.world.borrow().counted(unit)
    }

    /// The port, opened by another process after the one before it ended. What that had not read is lost.
    pub fn open_again(&self, name: &str) -> SimLink {
        self.world.borrow_mut().port_closed();
        SimLink::new(Rc::clone(&self.world), Pace::Max, name.to_owned())
    }

    /// What the cloud received since this was last asked, oldest first; the cloud forgets it.
    pub fn take_received(&self) -> Vec<Receipt> {
        self.world.borrow_mut().take_received()
    }
}
